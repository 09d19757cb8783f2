//! The routes: authentication, limits, the two lists, one application.

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::data::{Order, PartnerData, Row};
use crate::testing::fault::{NextFault, PageFaults, spoil_record};
use crate::testing::service::{Answer, Received, Service};
use crate::testing::throttle::Throttle;

pub(super) const ROOT: &str = "/api/v1/external/";

/// The simulated service.
pub(super) struct PartnerService {
    pub(super) data: PartnerData,
    pub(super) api_key: String,
    pub(super) limits: Option<Limits>,
}

/// The documented limits.
pub(super) struct Limits {
    pub(super) lists: Throttle,
    pub(super) single: Throttle,
    pub(super) submit: Throttle,
}

/// An error in the service's envelope.
pub(super) fn error(status: u16, code: &str, message: &str, details: &Value) -> Answer {
    let mut body = json!({ "error": code, "message": message });
    if let (Some(body), false) = (body.as_object_mut(), details.is_null()) {
        body.insert("details".to_owned(), details.clone());
    }
    Answer::json(status, body.to_string())
}

impl Service for PartnerService {
    fn is_list(&self, request: &Received) -> bool {
        let path = request.path().strip_prefix(ROOT);
        request.method() == "GET" && matches!(path, Some("jobs" | "applications"))
    }

    fn answer(&mut self, request: &Received, faults: &PageFaults) -> Answer {
        if request.authorization() != Some(&format!("Bearer {}", self.api_key)) {
            return error(401, "UNAUTHORIZED", "API key is missing or not valid.", &Value::Null);
        }
        let path = request.path().strip_prefix(ROOT).unwrap_or_default().to_owned();
        let answer = match (request.method(), path.as_str(), path.strip_prefix("applications/")) {
            ("POST", "applications", _) => {
                let company = self.company_of_body(request);
                self.limited(Limited::Submit(company), |service| service.submit(request))
            }
            ("GET", "jobs", _) => self.limited(Limited::List("jobs"), |service| service.jobs(request, faults)),
            ("GET", "applications", _) => {
                self.limited(Limited::List("applications"), |service| service.applications(request, faults))
            }
            ("GET", _, Some(id)) => self.limited(Limited::Single, |service| service.application(id)),
            _ => error(404, "NOT_FOUND", "No such route.", &Value::Null),
        };
        match &self.data.sunset {
            Some(sunset) => answer.header("sunset", sunset),
            None => answer,
        }
    }

    fn error_object(&self) -> String {
        r#"{"error":"INTERNAL_ERROR","message":"An unexpected error occurred."}"#.to_owned()
    }
}

/// The bucket of a request.
enum Limited {
    List(&'static str),
    Single,
    Submit(Option<String>),
}

impl PartnerService {
    fn limited(&mut self, bucket: Limited, answer: impl FnOnce(&mut Self) -> Answer) -> Answer {
        let now = self.data.now().as_second();
        let Some(limits) = &mut self.limits else { return answer(self) };
        let (throttle, name, company) = match bucket {
            Limited::List(name) => (&mut limits.lists, name.to_owned(), None),
            Limited::Single => (&mut limits.single, "single".to_owned(), None),
            Limited::Submit(company) => {
                (&mut limits.submit, format!("submit/{}", company.as_deref().unwrap_or_default()), company)
            }
        };
        let admitted = throttle.admit(&name);
        let (remaining, reset) = throttle.room(&name);
        let limit = throttle.limit();
        let reply = match admitted {
            Ok(()) => answer(self),
            Err(wait) => {
                let scope = if company.is_some() { "partner_company" } else { "partner" };
                let mut body = json!({
                    "error": "RATE_LIMITED", "message": "Rate limit exceeded.", "scope": scope, "retryAfter": wait,
                });
                if let (Some(body), Some(company)) = (body.as_object_mut(), company) {
                    body.insert("companyId".to_owned(), company.into());
                }
                Answer::json(429, body.to_string()).header("retry-after", &wait.to_string())
            }
        };
        reply
            .header("x-ratelimit-limit", &limit.to_string())
            .header("x-ratelimit-remaining", &remaining.to_string())
            .header("x-ratelimit-reset", &(now + i64::try_from(reset).unwrap_or_default()).to_string())
    }

    fn company_of_body(&self, request: &Received) -> Option<String> {
        let body: Value = serde_json::from_slice(request.body()).ok()?;
        self.data.company_of(body.get("jobId")?.as_str()?)
    }

    fn jobs(&self, request: &Received, faults: &PageFaults) -> Answer {
        let company = request.param("company_id");
        let rows = self.data.visible_jobs().filter(|job| company.is_none_or(|id| job.company.id == id));
        self.list(request, faults, rows.collect())
    }

    fn applications(&self, request: &Received, faults: &PageFaults) -> Answer {
        let (company, status) = (request.param("company_id"), request.param("status"));
        let rows = self.data.applications.iter().filter(|row| {
            company.is_none_or(|id| row.company_id == id) && status.is_none_or(|status| row.status == status)
        });
        self.list(request, faults, rows.collect())
    }

    fn application(&self, id: &str) -> Answer {
        match self.data.applications.iter().find(|row| row.id == id) {
            Some(row) => Answer::json(200, row.json()),
            None => error(404, "APPLICATION_NOT_FOUND", "Application not found.", &json!({ "id": id })),
        }
    }

    fn list<R: Row>(&self, request: &Received, faults: &PageFaults, mut rows: Vec<&R>) -> Answer {
        let invalid = |field: &str| {
            let errors =
                json!({ "errors": [{ "field": field, "code": "INVALID", "message": "The value is not valid." }] });
            error(422, "VALIDATION_ERROR", "One or more fields failed validation.", &errors)
        };
        let size = match request.param("limit").map(str::parse::<usize>) {
            None => 50,
            Some(Ok(size)) if size > 0 => size.min(200),
            Some(_) => return invalid("limit"),
        };
        let since = match request.param("updated_since").map(str::parse::<Timestamp>) {
            None => None,
            Some(Ok(instant)) => Some(instant),
            Some(Err(_)) => return invalid("updated_since"),
        };
        let cursor = match request.param("cursor") {
            None => None,
            Some(text) => match self.open(text) {
                Some(place) => Some(place),
                None => return error(400, "INVALID_CURSOR", "The cursor is not valid.", &Value::Null),
            },
        };
        // Strictly after, to the whole second.
        rows.retain(|row| since.is_none_or(|since| row.place().0 > since.as_second()));
        rows.sort_unstable_by_key(|row| row.place());
        if self.data.order == Order::UpdatedDesc {
            rows.reverse();
        }
        let after = |row: &&R| match (cursor, self.data.order) {
            (None | Some((i64::MIN, _)), _) => true,
            (Some(place), Order::UpdatedAsc) => row.place() > place,
            (Some(place), Order::UpdatedDesc) => row.place() < place,
        };
        let mut rest = rows.iter().copied().filter(after);
        let page: Vec<&R> = rest.by_ref().take(faults.page_size(size)).collect();
        let more = rest.next().is_some();
        let here = cursor.unwrap_or((i64::MIN, 0));
        let before = rows.iter().map(|row| row.place()).take_while(|place| *place != here);
        let next = match &faults.next {
            NextFault::Lost => None,
            NextFault::Repeat => Some(here),
            NextFault::Cycle => {
                // The place in front of the page before this one; the first page has none.
                let places: Vec<(i64, u64)> = before.collect();
                let back = (places.len() + 1).checked_sub(faults.page_size(size));
                Some(back.and_then(|back| places.get(back.checked_sub(1)?)).copied().unwrap_or((i64::MIN, 0)))
            }
            NextFault::Good | NextFault::Foreign(_) => page.last().filter(|_| more).map(|row| row.place()),
        };
        self.page(&page, next, faults)
    }

    fn page<R: Row>(&self, rows: &[&R], next: Option<(i64, u64)>, faults: &PageFaults) -> Answer {
        let mut texts: Vec<String> = rows.iter().map(|row| row.json()).collect();
        texts.truncate(faults.rows(rows.len()));
        let total = texts.len();
        for (index, text) in texts.iter_mut().enumerate() {
            if faults.bad_records.hits(index, total) {
                *text = spoil_record(text, true);
            }
        }
        let next = next.map(|place| format!(r#","next_cursor":"{}""#, self.cursor(place))).unwrap_or_default();
        Answer::json(200, format!(r#"{{"data":[{}]{next}}}"#, texts.join(","))).rows(total)
    }

    fn cursor(&self, (second, number): (i64, u64)) -> String {
        STANDARD.encode(format!("?>{}/{second}/{number}", self.data.generation))
    }

    fn open(&self, text: &str) -> Option<(i64, u64)> {
        let plain = String::from_utf8(STANDARD.decode(text).ok()?).ok()?;
        let mut parts = plain.strip_prefix("?>")?.split('/');
        if parts.next()?.parse() != Ok(self.data.generation) {
            return None;
        }
        Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    }
}
