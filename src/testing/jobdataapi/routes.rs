//! The routes: who may call what, and which rows come back.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::Plan;
use super::data::JobData;
use super::filter::JobFilter;
use super::lists::{cities, companies, expired, expired_text, rates, states, tags};
use super::page::{Paging, page, spoil};
use super::query::{Invalid, Params, SLICING, description_of};
use super::record::{Job, plain};
use crate::testing::fault::PageFaults;
use crate::testing::service::{Answer, Received, Service};
use crate::testing::throttle::Throttle;

const NOT_FOUND: &str = "Not found.";
const NO_CREDENTIALS: &str = "Authentication credentials were not provided.";
const FORBIDDEN: &str = "You do not have permission to perform this action.";
/// Filters of the job list that need the pro plan.
const PRO_FILTERS: [&str; 2] = ["description", "company_source_id"];

/// The simulated service.
pub(super) struct JobService {
    pub(super) data: JobData,
    pub(super) plan: Plan,
    pub(super) api_key: String,
    pub(super) lite_ignores_slicing: bool,
    pub(super) default_page_size: usize,
    /// For calls with the key, if there is a limit.
    pub(super) throttle: Option<Throttle>,
    /// For calls without.
    pub(super) anonymous_throttle: Throttle,
}

/// What a path leads to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Resource {
    Jobs,
    Expired,
    Companies,
    Tags,
    Cities,
    States,
    Countries,
    Regions,
    Types,
    Industries,
    CompanyTypes,
    Rates,
}

impl Resource {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "jobs" => Self::Jobs,
            "jobsexpired" => Self::Expired,
            "companies" => Self::Companies,
            "tags" => Self::Tags,
            "jobcities" => Self::Cities,
            "jobstates" => Self::States,
            "jobcountries" => Self::Countries,
            "jobregions" => Self::Regions,
            "jobtypes" => Self::Types,
            "industries" => Self::Industries,
            "companytypes" => Self::CompanyTypes,
            "currencyrates" => Self::Rates,
            _ => return None,
        })
    }

    /// Whether it can be read without a key on every plan.
    fn is_public(self) -> bool {
        matches!(
            self,
            Self::Countries | Self::Regions | Self::Types | Self::Industries | Self::CompanyTypes | Self::Rates
        )
    }

    fn needs_pro(self, single: bool) -> bool {
        matches!((self, single), (Self::Expired | Self::Tags, _) | (Self::Companies, false))
    }

    fn has_singles(self) -> bool {
        !self.is_public()
    }
}

/// `/api/<name>/` or `/api/<name>/<id>/`.
fn route(path: &str) -> Option<(Resource, Option<&str>)> {
    let rest = path.strip_prefix("/api/")?.strip_suffix('/')?;
    match rest.split_once('/') {
        None => Resource::named(rest).map(|resource| (resource, None)),
        Some((name, id)) if !id.is_empty() && !id.contains('/') => {
            Resource::named(name).filter(|resource| resource.has_singles()).map(|resource| (resource, Some(id)))
        }
        Some(_) => None,
    }
}

impl Service for JobService {
    fn is_list(&self, request: &Received) -> bool {
        request.method() == "GET" && matches!(route(request.path()), Some((_, None)))
    }

    fn answer(&mut self, request: &Received, faults: &PageFaults) -> Answer {
        self.checked(request, faults).unwrap_or_else(|refusal| refusal)
    }

    fn secret_parameters(&self) -> &'static [&'static str] {
        &["api_key"]
    }
}

impl From<Invalid> for Answer {
    fn from(invalid: Invalid) -> Self {
        Self::json(400, serde_json::json!({ (invalid.field): [invalid.message] }).to_string())
    }
}

impl JobService {
    fn checked(&mut self, request: &Received, faults: &PageFaults) -> Result<Answer, Answer> {
        let Some((resource, id)) = route(request.path()) else {
            return Err(lost(request));
        };
        if request.method() != "GET" {
            let text = format!("Method \"{}\" not allowed.", request.method());
            return Err(Answer::detail(405, &text).header("allow", "GET"));
        }
        let with_key = self.authenticate(request, resource)?;
        let params = Params(request);
        self.check_plan(params, resource, id.is_some())?;
        let throttle = if with_key { self.throttle.as_mut() } else { Some(&mut self.anonymous_throttle) };
        if let Some(Err(seconds)) = throttle.map(|throttle| throttle.admit(if with_key { "key" } else { "" })) {
            let text = format!("Request was throttled. Expected available in {seconds} seconds.");
            return Err(Answer::detail(429, &text).header("retry-after", &seconds.to_string()));
        }
        match id {
            Some(id) => self.one(resource, id),
            None => self.list(request, resource, faults),
        }
    }

    /// Whether the call has the key; calls without it get through where none is needed.
    fn authenticate(&self, request: &Received, resource: Resource) -> Result<bool, Answer> {
        let header = request.authorization().map(|value| value.strip_prefix("Api-Key ").unwrap_or_default());
        match header.or_else(|| request.param("api_key")) {
            _ if self.plan == Plan::Anonymous => Ok(false),
            Some(key) if key == self.api_key => Ok(true),
            None if resource.is_public() => Ok(false),
            _ => Err(Answer::detail(403, NO_CREDENTIALS)),
        }
    }

    fn check_plan(&self, params: Params<'_>, resource: Resource, single: bool) -> Result<(), Answer> {
        let pro = matches!(self.plan, Plan::Pro | Plan::Ultra);
        if !pro && resource.needs_pro(single) {
            return Err(Answer::detail(403, FORBIDDEN));
        }
        if resource != Resource::Jobs || single {
            return Ok(());
        }
        let mut refused = (!pro).then(|| params.has_any(&PRO_FILTERS)).flatten();
        if self.plan == Plan::Lite && !self.lite_ignores_slicing {
            refused = refused.or_else(|| params.has_any(&SLICING));
        }
        match refused {
            Some(name) => Err(Answer::detail(403, &format!("{FORBIDDEN} Your plan does not include `{name}`."))),
            None => Ok(()),
        }
    }

    fn list(&mut self, request: &Received, resource: Resource, faults: &PageFaults) -> Result<Answer, Answer> {
        let params = Params(request);
        let anonymous = self.plan == Plan::Anonymous;
        let paging = Paging { default_size: if anonymous { 20 } else { self.default_page_size }, honoured: !anonymous };
        self.data.sort();
        let catalog = &self.data.catalog;
        let send = |rows: &[&RawValue]| page(request, paging, faults, rows, |row| Cow::Borrowed(row.get()));
        Ok(match resource {
            Resource::Jobs => {
                let slicing = self.plan != Plan::Lite;
                let filter = JobFilter::new(params, self.data.now(), slicing)?;
                let plain_text = params.flag("description_str")?;
                let rows = self.data.matching(&filter);
                page(request, paging, faults, &rows, |job| job_text(job, plain_text))
            }
            Resource::Expired => {
                let rows = expired(&self.data, params)?;
                page(request, paging, faults, &rows, |job| Cow::Owned(expired_text(catalog, job)))
            }
            Resource::Companies => send(&companies(catalog, params)?),
            Resource::Tags => send(&tags(catalog, params)?),
            Resource::Cities => send(&cities(catalog, params)?),
            Resource::States => send(&states(catalog, params)?),
            Resource::Rates => send(&rates(catalog, params)?),
            Resource::Countries => bare(catalog.countries.iter().map(|country| &*country.json), faults),
            Resource::Regions => bare(catalog.regions.iter().map(|region| &*region.json), faults),
            Resource::Types => bare(catalog.types.iter().map(|kind| &*kind.json), faults),
            Resource::Industries => bare(catalog.industries.iter().map(|industry| &*industry.json), faults),
            Resource::CompanyTypes => bare(catalog.company_types.iter().map(|kind| &*kind.json), faults),
        })
    }

    fn one(&self, resource: Resource, id: &str) -> Result<Answer, Answer> {
        let catalog = &self.data.catalog;
        let number: u64 = id.parse().map_err(|_| Answer::detail(404, NOT_FOUND))?;
        let small = u32::try_from(number).ok();
        let text = match resource {
            Resource::Jobs => self.data.job(number).map(|job| job.json.to_string()),
            Resource::Expired => {
                let job = self.data.job(number).filter(|job| job.expired.is_some());
                job.map(|job| expired_text(catalog, job))
            }
            Resource::Companies => {
                let found = catalog.companies.iter().find(|company| Some(company.id) == small);
                found.map(|company| company.full_json.get().to_owned())
            }
            Resource::Tags => {
                catalog.tags.iter().find(|tag| Some(tag.id) == small).map(|tag| tag.json.get().to_owned())
            }
            Resource::Cities => {
                let found = catalog.cities.iter().find(|city| Some(city.geonameid) == small);
                found.map(|city| city.json.get().to_owned())
            }
            Resource::States => {
                let found = catalog.states.iter().find(|state| Some(state.geonameid) == small);
                found.map(|state| state.json.get().to_owned())
            }
            _ => None,
        };
        text.map(|text| Answer::json(200, text)).ok_or_else(|| Answer::detail(404, NOT_FOUND))
    }
}

/// A path that leads nowhere, or that lacks its slash.
fn lost(request: &Received) -> Answer {
    let with_slash = format!("{}/", request.path());
    if route(&with_slash).is_none() {
        return Answer::html(404, "<h1>Not Found</h1>");
    }
    let query = request.raw_query().map(|query| format!("?{query}")).unwrap_or_default();
    Answer::html(301, "").header("location", &format!("{with_slash}{query}"))
}

/// A reference list: an array without envelope. Only the faults that concern rows apply.
fn bare<'a>(rows: impl Iterator<Item = &'a RawValue>, faults: &PageFaults) -> Answer {
    let mut texts: Vec<Cow<'_, str>> = rows.map(|row| Cow::Borrowed(row.get())).collect();
    texts.truncate(faults.rows(texts.len()));
    spoil(&mut texts, faults);
    Answer::json(200, format!("[{}]", texts.join(","))).rows(texts.len())
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
