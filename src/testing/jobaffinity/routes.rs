//! The routes: who may call what, and which rows are sent.

use base64::{Engine, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use super::data::{AffinityData, ORGANISATION, PROCESS, STEPS};
use super::page::{PageStart, invalid, page};
use super::records::{day, email, names, pool, reference};
use super::variants::Variants;
use crate::testing::page_faults::PageFaults;
use crate::testing::received::Received;
use crate::testing::reply::Reply;
use crate::testing::service::Service;
use crate::testing::throttle::Throttle;

const BASE: &str = "/restapi/v1";

/// The [`Service`] behind a [`JobAffinity`](super::JobAffinity).
#[derive(Debug)]
pub struct AffinityService {
    pub(super) data: AffinityData,
    pub(super) variants: Variants,
    pub(super) login: SecretString,
    pub(super) password: SecretString,
    pub(super) throttle: Option<Throttle>,
}

/// The lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Route {
    Jobs,
    JobApplications(u64),
    Candidates,
    CandidateApplications(u64),
    Steps,
    Notes,
    Tasks,
}

impl Route {
    fn at(path: &str) -> Option<Self> {
        let parts: Vec<&str> = path.strip_prefix(BASE)?.trim_matches('/').split('/').collect();
        Some(match parts.as_slice() {
            ["job"] => Self::Jobs,
            ["job", id, "application"] => Self::JobApplications(id.parse().ok()?),
            ["candidate"] => Self::Candidates,
            ["candidate", id, "application"] => Self::CandidateApplications(id.parse().ok()?),
            ["step"] => Self::Steps,
            ["note"] => Self::Notes,
            ["webhook", "task"] => Self::Tasks,
            _ => return None,
        })
    }
}

impl Service for AffinityService {
    type Data = AffinityData;

    const BASE_PATH: &'static str = "/restapi/v1/";

    fn data(&mut self) -> &mut AffinityData {
        &mut self.data
    }

    fn is_list(&self, request: &Received) -> bool {
        request.method() == "GET" && Route::at(request.path()).is_some()
    }

    fn error_object(&self) -> String {
        r#"{"_status":"INVALID","invalid":{"limit":["is not allowed"]},"_actions":[]}"#.to_owned()
    }

    fn reply(&mut self, request: &Received, faults: &PageFaults) -> Reply {
        if let Some(throttle) = &mut self.throttle
            && throttle.admit("anyone").is_err()
        {
            return Reply::html(429, "<h1>Too Many Requests</h1>");
        }
        if let Some(token) = request.path().strip_prefix("/restapi/v1/apply/api/") {
            return self.apply(request, token);
        }
        if request.path().starts_with("/files/") {
            return Reply::json(200, "%PDF-1.7 a simulated CV").header("content-type", "application/pdf");
        }
        let pair = format!("{}:{}", self.login.expose_secret(), self.password.expose_secret());
        let basic = format!("Basic {}", STANDARD.encode(pair));
        if request.authorization() != Some(&*basic) {
            return Reply::html(401, "<h1>Authentication required</h1>");
        }
        match (request.method(), Route::at(request.path())) {
            ("GET", Some(list)) => self.list(list, request, faults),
            ("GET", None) => self.single(request).unwrap_or_else(|| Reply::html(404, "<h1>Not Found</h1>")),
            ("POST", Some(Route::Steps)) => self.add_step(request),
            ("POST", Some(Route::Notes)) => self.add_note(request),
            _ => Reply::html(405, "<h1>Method Not Allowed</h1>"),
        }
    }
}

impl AffinityService {
    fn list(&mut self, list: Route, request: &Received, faults: &PageFaults) -> Reply {
        let start = match self.data.cursors.start(request) {
            Ok(start) => start,
            Err(refusal) => return refusal,
        };
        let Ok(since) = first(&start, "since").map(str::parse::<u64>).transpose() else {
            return invalid("since", "must be an integer");
        };
        let data = &self.data;
        let ids = match list {
            Route::Jobs => data.jobs(),
            Route::JobApplications(job) if data.jobs().contains(&job) => data.applications(Some(job)),
            Route::CandidateApplications(candidate) if data.has_candidate(candidate) => {
                let of = |id: &u64| data.candidate_of(*id) == Some(candidate);
                data.applications(None).into_iter().filter(of).collect()
            }
            Route::Candidates => data.candidates(),
            Route::Steps | Route::Tasks => data.changes(),
            Route::Notes => data.note_ids(),
            Route::JobApplications(_) | Route::CandidateApplications(_) => {
                return Reply::html(404, "<h1>Not Found</h1>");
            }
        };
        let after = |id: &u64| match since {
            None => true,
            Some(since) if self.variants.since_excludes => *id > since,
            Some(since) => *id >= since,
        };
        let wanted = ids.into_iter().filter(|id| after(id) && passes(data, list, &start, *id));
        let rows = wanted.filter_map(|id| Some((id, row(data, list, id)?))).collect();
        page(&mut self.data.cursors, &self.variants, request, &start, faults, rows)
    }

    fn single(&self, request: &Received) -> Option<Reply> {
        let parts: Vec<&str> = request.path().trim_matches('/').split('/').collect();
        let json = |text: String| Some(Reply::json(200, text));
        match parts.as_slice() {
            ["restapi", "v1"] => json(root()),
            ["restapi", "changelog"] => json(r#"{"_status":"OK","changes":[]}"#.to_owned()),
            ["restapi", "schemav1", name] => json(json!({ "title": name, "type": "object" }).to_string()),
            ["restapi", "v1", "job", id] => json(self.data.job(id.parse().ok()?)?),
            ["restapi", "v1", "job", id, "team"] => {
                self.data.job_row(id.parse().ok()?)?;
                json(r#"{"_status":"OK","items":[{"id":5,"first_name":"Rita","last_name":"Recruteuse"}]}"#.to_owned())
            }
            ["restapi", "v1", "candidate", id] => json(self.data.candidate(id.parse().ok()?)?),
            ["restapi", "v1", "application", id] => json(self.data.application(id.parse().ok()?)?),
            ["restapi", "v1", "application", id, "profile"] => json(self.data.profile(id.parse().ok()?)?),
            ["restapi", "v1", "process"] => json(format!(r#"{{"_status":"OK","items":[{}]}}"#, process())),
            ["restapi", "v1", "process", id] if *id == PROCESS.to_string() => json(process()),
            ["restapi", "v1", "cv", id] => {
                let id: u64 = id.parse().ok()?;
                self.data.candidate_of(id)?;
                let target = format!("{}/files/cv-{id}.pdf", self.variants.cv_origin);
                Some(Reply::html(307, "").header("location", &target))
            }
            _ => None,
        }
    }

    fn add_step(&mut self, request: &Received) -> Reply {
        let Ok(body) = serde_json::from_slice::<Value>(request.body()) else { return invalid("body", "is not JSON") };
        let id = |name: &str| body.get(name).and_then(Value::as_u64).unwrap_or_default();
        match self.data.move_application(id("application_id"), id("process_step_id")) {
            Some(_) => accepted(),
            None => invalid("application_id", "is not known, or the step is not"),
        }
    }

    fn add_note(&mut self, request: &Received) -> Reply {
        let Ok(body) = serde_json::from_slice::<Value>(request.body()) else { return invalid("body", "is not JSON") };
        if body.get("organisation_id").and_then(Value::as_u64) != Some(ORGANISATION) {
            return invalid("organisation_id", "is not known");
        }
        let candidate = body.get("candidate_id").and_then(Value::as_u64).unwrap_or_default();
        let text = body.get("text").and_then(Value::as_str).unwrap_or_default();
        match self.data.add_note(candidate, text) {
            Some(_) => accepted(),
            None => invalid("candidate_id", "is not known"),
        }
    }

    /// Needs no credentials, and refuses a request that has some.
    fn apply(&mut self, request: &Received, token: &str) -> Reply {
        if request.authorization().is_some() {
            return Reply::html(400, "<h1>Credentials are not allowed</h1>");
        }
        let job = token.strip_prefix("job-").and_then(|id| id.parse::<u64>().ok());
        if job.and_then(|id| self.data.job_row(id)).is_none() {
            return Reply::html(404, "<h1>Not Found</h1>");
        }
        match request.method() {
            "HEAD" => Reply::json(200, ""),
            "POST" => match serde_json::from_slice(request.body()) {
                Ok(body) => {
                    self.data.submissions.push(body);
                    Reply::json(200, r#"{"_status":"OK"}"#)
                }
                Err(_) => invalid("body", "is not JSON"),
            },
            _ => Reply::html(405, "<h1>Method Not Allowed</h1>"),
        }
    }
}

/// The first value of a parameter.
fn first<'p>(start: &'p PageStart, name: &str) -> Option<&'p str> {
    start.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

/// Whether a row passes the filters of its list.
fn passes(data: &AffinityData, list: Route, start: &PageStart, id: u64) -> bool {
    let is = |name: &str, value: &str| first(start, name).is_none_or(|wanted| wanted == value);
    match list {
        Route::Candidates => {
            let (first_name, last_name) = names(id);
            let mut pools = start.query.iter().filter(|(name, _)| name == "pool_name");
            is("first_name", first_name)
                && is("last_name", last_name)
                && is("email", &email(id))
                && pools.all(|(_, wanted)| wanted == pool(id))
        }
        Route::Steps => {
            let application = data.application_of(id);
            let candidate = application.and_then(|id| data.candidate_of(id)).unwrap_or_default();
            let job = application.and_then(|id| data.job_of(id)).unwrap_or_default();
            let (_, name, status) = data.step_of(id).unwrap_or_default();
            is("candidate_email", &email(candidate))
                && is("job_reference", &reference(job))
                && is("step_name", name)
                && is("step_status", status)
        }
        Route::JobApplications(_) | Route::CandidateApplications(_) => {
            let day = day(id);
            let limit = |name: &str| first(start, name).unwrap_or(&day);
            limit("last_step_since") <= &*day && limit("last_step_until") >= &*day
        }
        _ => true,
    }
}

fn row(data: &AffinityData, list: Route, id: u64) -> Option<String> {
    match list {
        Route::Jobs => data.job_row(id),
        Route::JobApplications(_) | Route::CandidateApplications(_) => data.application(id),
        Route::Candidates => data.candidate(id),
        Route::Steps => data.change(id),
        Route::Notes => data.note(id),
        Route::Tasks => data.task(id),
    }
}

fn root() -> String {
    json!({
        "_status": "OK",
        "_self": BASE,
        "_version": "1.10",
        "_last_version_url": BASE,
        "_expiration": null,
        "_changelog": { "_self": "/restapi/changelog" },
        "candidates": { "_self": "/restapi/v1/candidate", "description": "Candidates" },
        "jobs": { "_self": "/restapi/v1/job", "description": "Jobs" },
        "steps": { "_self": "/restapi/v1/step", "description": "Changes of step" },
    })
    .to_string()
}

fn process() -> String {
    let steps = STEPS.map(|(id, name, status)| json!({ "id": id, "name": name, "status": status }));
    json!({
        "_status": "OK",
        "_self": format!("{BASE}/process/{PROCESS}"),
        "id": PROCESS,
        "name": "Hiring",
        "organisations": { "items": [{ "id": ORGANISATION, "name": "Maison Simulée" }] },
        "steps": { "items": steps },
    })
    .to_string()
}

fn accepted() -> Reply {
    Reply::json(200, r#"{"_status":"OK","_actions":[{}]}"#)
}
