//! The routes: who may call what, and which rows come back.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::Style;
use super::data::{Data, ORGANISATION, PROCESS, STEPS};
use super::page::{Cursors, Place, invalid, page};
use crate::testing::fault::PageFaults;
use crate::testing::service::{Answer, Received, Service};
use crate::testing::throttle::Throttle;

const BASE: &str = "/restapi/v1";

/// The simulated service.
pub(super) struct AffinityService {
    pub(super) data: Data,
    pub(super) style: Style,
    pub(super) login: String,
    pub(super) password: String,
    pub(super) throttle: Option<Throttle>,
    pub(super) cursors: Cursors,
}

/// The lists, as far as their rows differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum List {
    Jobs,
    JobApplications(u64),
    Candidates,
    CandidateApplications(u64),
    Steps,
    Notes,
    Tasks,
}

impl List {
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
    fn is_list(&self, request: &Received) -> bool {
        request.method() == "GET" && List::at(request.path()).is_some()
    }

    fn error_object(&self) -> String {
        r#"{"_status":"INVALID","invalid":{"limit":["is not wanted"]},"_actions":[]}"#.to_owned()
    }

    fn answer(&mut self, request: &Received, faults: &PageFaults) -> Answer {
        if let Some(throttle) = &mut self.throttle
            && throttle.admit("the address").is_err()
        {
            return Answer::html(429, "<h1>Too Many Requests</h1>");
        }
        if let Some(token) = request.path().strip_prefix("/restapi/v1/apply/api/") {
            return self.apply(request, token);
        }
        if request.path().starts_with("/files/") {
            return Answer::json(200, "%PDF-1.7 a simulated CV").header("content-type", "application/pdf");
        }
        let basic = format!("Basic {}", STANDARD.encode(format!("{}:{}", self.login, self.password)));
        if request.authorization() != Some(&*basic) {
            return Answer::html(401, "<h1>Authentication required</h1>");
        }
        match (request.method(), List::at(request.path())) {
            ("GET", Some(list)) => self.list(list, request, faults),
            ("GET", None) => self.single(request).unwrap_or_else(|| Answer::html(404, "<h1>Not Found</h1>")),
            ("POST", Some(List::Steps)) => self.add_step(request),
            ("POST", Some(List::Notes)) => self.add_note(request),
            _ => Answer::html(405, "<h1>Method Not Allowed</h1>"),
        }
    }
}

impl AffinityService {
    fn list(&mut self, list: List, request: &Received, faults: &PageFaults) -> Answer {
        let place = match self.cursors.place(request) {
            Ok(place) => place,
            Err(refusal) => return refusal,
        };
        let since = match first(&place, "since").map(str::parse::<u64>) {
            None => None,
            Some(Ok(id)) => Some(id),
            Some(Err(_)) => return invalid("since", "must be an integer"),
        };
        let data = &self.data;
        let ids = match list {
            List::Jobs => data.jobs(),
            List::JobApplications(job) if data.jobs().contains(&job) => data.applications(Some(job)),
            List::CandidateApplications(candidate) if data.has_candidate(candidate) => {
                let of = |id: &u64| data.candidate_of(*id) == Some(candidate);
                data.applications(None).into_iter().filter(of).collect()
            }
            List::Candidates => data.candidates(),
            List::Steps | List::Tasks => data.changes(),
            List::Notes => data.note_ids(),
            List::JobApplications(_) | List::CandidateApplications(_) => {
                return Answer::html(404, "<h1>Not Found</h1>");
            }
        };
        let after = |id: &u64| match since {
            None => true,
            Some(since) if self.style.since_excludes => *id > since,
            Some(since) => *id >= since,
        };
        let wanted = ids.into_iter().filter(|id| after(id) && passes(data, list, &place, *id));
        let rows = wanted.filter_map(|id| Some((id, row(data, list, id)?)));
        let style = &self.style;
        page((&mut self.cursors, style), request, &place, faults, rows)
    }

    fn single(&self, request: &Received) -> Option<Answer> {
        let parts: Vec<&str> = request.path().trim_matches('/').split('/').collect();
        let json = |text: String| Some(Answer::json(200, text));
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
                let target = format!("{}/files/cv-{id}.pdf", self.style.cv_origin);
                Some(Answer::html(307, "").header("location", &target))
            }
            _ => None,
        }
    }

    fn add_step(&mut self, request: &Received) -> Answer {
        let Ok(body) = serde_json::from_slice::<Value>(request.body()) else { return invalid("body", "is not JSON") };
        let id = |name: &str| body.get(name).and_then(Value::as_u64).unwrap_or_default();
        match self.data.move_application(id("application_id"), id("process_step_id")) {
            Some(_) => written(),
            None => invalid("application_id", "or the step is not known"),
        }
    }

    fn add_note(&mut self, request: &Received) -> Answer {
        let Ok(body) = serde_json::from_slice::<Value>(request.body()) else { return invalid("body", "is not JSON") };
        if body.get("organisation_id").and_then(Value::as_u64) != Some(ORGANISATION) {
            return invalid("organisation_id", "is not known");
        }
        let candidate = body.get("candidate_id").and_then(Value::as_u64).unwrap_or_default();
        let text = body.get("text").and_then(Value::as_str).unwrap_or_default();
        match self.data.add_note(candidate, text) {
            Some(_) => written(),
            None => invalid("candidate_id", "is not known"),
        }
    }

    /// Needs no credentials, and takes it amiss when some come along.
    fn apply(&mut self, request: &Received, token: &str) -> Answer {
        if request.authorization().is_some() {
            return Answer::html(400, "<h1>No credentials belong here</h1>");
        }
        let open = token.strip_prefix("job-").and_then(|id| id.parse::<u64>().ok());
        if open.and_then(|id| self.data.job_row(id)).is_none() {
            return Answer::html(404, "<h1>Not Found</h1>");
        }
        match request.method() {
            "HEAD" => Answer::json(200, ""),
            "POST" => match serde_json::from_slice(request.body()) {
                Ok(body) => {
                    self.data.submissions.push(body);
                    Answer::json(200, r#"{"_status":"OK"}"#)
                }
                Err(_) => invalid("body", "is not JSON"),
            },
            _ => Answer::html(405, "<h1>Method Not Allowed</h1>"),
        }
    }
}

fn first<'p>(place: &'p Place, name: &str) -> Option<&'p str> {
    place.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

/// Whether a row passes the filters of its list.
fn passes(data: &Data, list: List, place: &Place, id: u64) -> bool {
    let is = |name: &str, value: &str| first(place, name).is_none_or(|wanted| wanted == value);
    match list {
        List::Candidates => {
            let (first_name, last_name) = Data::names(id);
            let mut pools = place.query.iter().filter(|(name, _)| name == "pool_name");
            is("first_name", first_name)
                && is("last_name", last_name)
                && is("email", &Data::email(id))
                && pools.all(|(_, pool)| pool == Data::pool(id))
        }
        List::Steps => {
            let application = data.application_of(id);
            let candidate = application.and_then(|id| data.candidate_of(id)).unwrap_or_default();
            let job = application.and_then(|id| data.job_of(id)).unwrap_or_default();
            let (_, name, status) = data.step_of(id).unwrap_or_default();
            is("candidate_email", &Data::email(candidate))
                && is("job_reference", &Data::reference(job))
                && is("step_name", name)
                && is("step_status", status)
        }
        List::JobApplications(_) | List::CandidateApplications(_) => {
            let day = Data::day(id);
            let limit = |name: &str| first(place, name).unwrap_or(&day);
            limit("last_step_since") <= &*day && limit("last_step_until") >= &*day
        }
        _ => true,
    }
}

fn row(data: &Data, list: List, id: u64) -> Option<String> {
    match list {
        List::Jobs => data.job_row(id),
        List::JobApplications(_) | List::CandidateApplications(_) => data.application(id),
        List::Candidates => data.candidate(id),
        List::Steps => data.change(id),
        List::Notes => data.note(id),
        List::Tasks => data.task(id),
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

fn written() -> Answer {
    Answer::json(200, r#"{"_status":"OK","_actions":[{}]}"#)
}
