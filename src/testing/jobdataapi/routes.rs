//! The routes, and which rows are sent.

use std::borrow::Cow;

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::value::RawValue;

use super::access::Subscription;
use super::catalog::Entry;
use super::data::JobData;
use super::lists::{cities, companies, expired, expired_text, rates, states, tags};
use super::page::{PageRules, apply, page};
use super::query::{Invalid, Params, description_of};
use super::record::{Job, plain};
use crate::testing::page_faults::PageFaults;
use crate::testing::received::Received;
use crate::testing::reply::Reply;
use crate::testing::service::Service;
use crate::testing::throttle::Throttle;

const NOT_FOUND: &str = "Not found.";
const NO_CREDENTIALS: &str = "Authentication credentials were not provided.";
/// Lists that need a key. Their records can be fetched one by one as well.
const WITH_KEY: [&str; 6] = ["jobs", "jobsexpired", "companies", "tags", "jobcities", "jobstates"];
/// Lists that need no key with any subscription.
const PUBLIC: [&str; 6] = ["jobcountries", "jobregions", "jobtypes", "industries", "companytypes", "currencyrates"];

/// The [`Service`] behind a [`JobDataApi`](super::JobDataApi).
#[derive(Debug)]
pub struct JobService {
    pub(super) data: JobData,
    pub(super) subscription: Subscription,
    pub(super) api_key: SecretString,
    pub(super) lite_ignores_slicing: bool,
    pub(super) default_page_size: usize,
    /// For calls with the key, if there is a limit.
    pub(super) throttle: Option<Throttle>,
    /// For calls without.
    pub(super) anonymous_throttle: Throttle,
}

/// `/api/<name>/` or `/api/<name>/<id>/`.
fn route(path: &str) -> Option<(&str, Option<&str>)> {
    let rest = path.strip_prefix(JobService::BASE_PATH)?.strip_suffix('/')?;
    let (name, id) = rest.split_once('/').map_or((rest, None), |(name, id)| (name, Some(id)));
    let known = match id {
        None => WITH_KEY.contains(&name) || PUBLIC.contains(&name),
        Some(id) => WITH_KEY.contains(&name) && !id.is_empty() && !id.contains('/'),
    };
    known.then_some((name, id))
}

impl Service for JobService {
    type Data = JobData;

    const BASE_PATH: &'static str = "/api/";

    fn data(&mut self) -> &mut JobData {
        &mut self.data
    }

    fn is_list(&self, request: &Received) -> bool {
        request.method() == "GET" && matches!(route(request.path()), Some((_, None)))
    }

    fn reply(&mut self, request: &Received, faults: &PageFaults) -> Reply {
        let date = httpdate::fmt_http_date(self.data.now().into());
        self.checked(request, faults).unwrap_or_else(|refusal| refusal).header("date", &date)
    }

    fn secret_parameters(&self) -> &'static [&'static str] {
        &["api_key"]
    }
}

impl From<Invalid> for Reply {
    fn from(invalid: Invalid) -> Self {
        Self::json(400, serde_json::json!({ (invalid.field): [invalid.message] }).to_string())
    }
}

impl JobService {
    fn checked(&mut self, request: &Received, faults: &PageFaults) -> Result<Reply, Reply> {
        let Some((resource, id)) = route(request.path()) else {
            return Err(no_route(request));
        };
        if request.method() != "GET" {
            let text = format!("Method \"{}\" not allowed.", request.method());
            return Err(Reply::detail(405, &text).header("allow", "GET"));
        }
        let with_key = self.authenticate(request, resource)?;
        self.subscription.check(Params(request), resource, id.is_some(), self.lite_ignores_slicing)?;
        let throttle = if with_key { self.throttle.as_mut() } else { Some(&mut self.anonymous_throttle) };
        if let Some(Err(seconds)) = throttle.map(|throttle| throttle.admit(if with_key { "key" } else { "" })) {
            let text = format!("Request was throttled. Expected available in {seconds} seconds.");
            return Err(Reply::detail(429, &text).header("retry-after", &seconds.to_string()));
        }
        match id {
            Some(id) => self.one(resource, id).ok_or_else(|| Reply::detail(404, NOT_FOUND)),
            None => self.list(request, resource, faults),
        }
    }

    /// Whether the call has the key; calls without it are allowed where none is needed.
    fn authenticate(&self, request: &Received, resource: &str) -> Result<bool, Reply> {
        let header = request.authorization().map(|value| value.strip_prefix("Api-Key ").unwrap_or_default());
        match header.or_else(|| request.param("api_key")) {
            _ if self.subscription == Subscription::Anonymous => Ok(false),
            Some(key) if key == self.api_key.expose_secret() => Ok(true),
            None if PUBLIC.contains(&resource) => Ok(false),
            _ => Err(Reply::detail(403, NO_CREDENTIALS)),
        }
    }

    fn list(&mut self, request: &Received, resource: &str, faults: &PageFaults) -> Result<Reply, Reply> {
        let params = Params(request);
        let anonymous = self.subscription == Subscription::Anonymous;
        let default_size = if anonymous { 20 } else { self.default_page_size };
        let rules = PageRules { default_size, reads_parameters: !anonymous };
        self.data.sort();
        let catalog = &self.data.catalog;
        let send = |rows: &[&RawValue]| page(request, rules, faults, rows, |row| Cow::Borrowed(row.get()));
        Ok(match resource {
            "jobs" => {
                let slicing = self.subscription != Subscription::Lite;
                let mut rows = self.data.matching(params, slicing)?;
                if faults.behind > 0 {
                    let newest = self.data.newest(faults.behind);
                    rows.retain(|job| job.key.id < newest);
                }
                let plain_text = params.flag("description_str")?;
                page(request, rules, faults, &rows, |job| job_text(job, plain_text))
            }
            "jobsexpired" => {
                let rows = expired(&self.data, params)?;
                page(request, rules, faults, &rows, |job| Cow::Owned(expired_text(catalog, job)))
            }
            "companies" => send(&companies(catalog, params)?),
            "tags" => send(&tags(catalog, params)?),
            "jobcities" => send(&cities(catalog, params)?),
            "jobstates" => send(&states(catalog, params)?),
            "currencyrates" => send(&rates(catalog, params)?),
            "jobcountries" => array(&catalog.countries, faults),
            "jobregions" => array(&catalog.regions, faults),
            "jobtypes" => array(&catalog.types, faults),
            "industries" => array(&catalog.industries, faults),
            _ => array(&catalog.company_types, faults),
        })
    }

    fn one(&self, resource: &str, id: &str) -> Option<Reply> {
        let catalog = &self.data.catalog;
        let job = || self.data.job(id.parse().ok()?);
        let number: u32 = id.parse().unwrap_or_default();
        let text = match resource {
            "jobs" => job()?.json.to_string(),
            "jobsexpired" => expired_text(catalog, job().filter(|job| job.expired.is_some())?),
            "companies" => catalog.companies.iter().find(|company| company.id == number)?.full_json.get().to_owned(),
            "tags" => catalog.tags.iter().find(|tag| tag.id == number)?.json.get().to_owned(),
            "jobcities" => catalog.cities.iter().find(|city| city.geonameid == number)?.json.get().to_owned(),
            _ => catalog.states.iter().find(|state| state.geonameid == number)?.json.get().to_owned(),
        };
        Some(Reply::json(200, text))
    }
}

/// The reply to a path without a route: a redirect when only the slash at the end is missing.
fn no_route(request: &Received) -> Reply {
    let with_slash = format!("{}/", request.path());
    if route(&with_slash).is_none() {
        return Reply::html(404, "<h1>Not Found</h1>");
    }
    let query = request.raw_query().map(|query| format!("?{query}")).unwrap_or_default();
    Reply::html(301, "").header("location", &format!("{with_slash}{query}"))
}

/// A reference list: an array without an envelope. Only the faults that concern rows apply.
fn array<T>(entries: &[Entry<T>], faults: &PageFaults) -> Reply {
    let mut rows = entries.iter().map(|entry| Cow::Borrowed(entry.json.get())).collect();
    apply(faults, &mut rows);
    Reply::page("", &rows, "")
}

fn job_text(job: &Job, plain_text: bool) -> Cow<'_, str> {
    match job.json.strip_suffix('}') {
        Some(start) if plain_text => {
            let text = serde_json::Value::from(plain(&description_of(&job.json)));
            Cow::Owned(format!(r#"{start},"description_string":{text}}}"#))
        }
        _ => Cow::Borrowed(&job.json),
    }
}
