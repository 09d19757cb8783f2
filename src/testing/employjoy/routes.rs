//! The routes: authentication, limits, the two lists, one application.

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use super::data::{Listed, Order, PartnerData};
use crate::testing::page_faults::{NextFault, PageFaults};
use crate::testing::received::Received;
use crate::testing::reply::Reply;
use crate::testing::service::Service;
use crate::testing::throttle::Throttle;

/// The [`Service`] behind an [`EmployJoy`](super::EmployJoy).
#[derive(Debug)]
pub struct PartnerService {
    pub(super) data: PartnerData,
    pub(super) api_key: SecretString,
    pub(super) limits: Option<Limits>,
}

/// The documented limits.
#[derive(Debug)]
pub(super) struct Limits {
    pub(super) lists: Throttle,
    pub(super) single: Throttle,
    pub(super) submit: Throttle,
}

/// An error object as the service sends it.
pub(super) fn error(status: u16, code: &str, message: &str, details: &Value) -> Reply {
    let body = match details {
        Value::Null => json!({ "error": code, "message": message }),
        details => json!({ "error": code, "message": message, "details": details }),
    };
    Reply::json(status, body.to_string())
}

impl Service for PartnerService {
    type Data = PartnerData;

    const BASE_PATH: &'static str = "/api/v1/external/";

    fn data(&mut self) -> &mut PartnerData {
        &mut self.data
    }

    fn is_list(&self, request: &Received) -> bool {
        let path = request.path().strip_prefix(Self::BASE_PATH);
        request.method() == "GET" && matches!(path, Some("jobs" | "applications"))
    }

    fn reply(&mut self, request: &Received, faults: &PageFaults) -> Reply {
        if request.authorization() != Some(&format!("Bearer {}", self.api_key.expose_secret())) {
            return error(401, "UNAUTHORIZED", "API key is missing or not valid.", &Value::Null);
        }
        let path = request.path().strip_prefix(Self::BASE_PATH).unwrap_or_default().to_owned();
        let reply = match (request.method(), path.as_str(), path.strip_prefix("applications/")) {
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
        let reply = reply.header("date", &httpdate::fmt_http_date(self.data.now().into()));
        match &self.data.sunset {
            Some(sunset) => reply.header("sunset", sunset),
            None => reply,
        }
    }

    fn error_object(&self) -> String {
        r#"{"error":"INTERNAL_ERROR","message":"An unexpected error occurred."}"#.to_owned()
    }
}

/// The limit that a request counts for.
enum Limited {
    List(&'static str),
    Single,
    Submit(Option<String>),
}

impl PartnerService {
    fn limited(&mut self, limited: Limited, reply: impl FnOnce(&mut Self) -> Reply) -> Reply {
        let now = self.data.now().as_second();
        let Some(limits) = &mut self.limits else { return reply(self) };
        let (throttle, name, company) = match limited {
            Limited::List(name) => (&mut limits.lists, name.to_owned(), None),
            Limited::Single => (&mut limits.single, "single".to_owned(), None),
            Limited::Submit(company) => {
                (&mut limits.submit, format!("submit/{}", company.as_deref().unwrap_or_default()), company)
            }
        };
        let admitted = throttle.admit(&name);
        let (remaining, reset) = throttle.remaining(&name);
        let limit = throttle.limit();
        let reply = match admitted {
            Ok(()) => reply(self),
            Err(wait) => {
                let (error, message) = ("RATE_LIMITED", "Rate limit exceeded.");
                let body = match company {
                    Some(company) => json!({
                        "error": error, "message": message, "scope": "partner_company", "retryAfter": wait,
                        "companyId": company,
                    }),
                    None => json!({ "error": error, "message": message, "scope": "partner", "retryAfter": wait }),
                };
                Reply::json(429, body.to_string()).header("retry-after", &wait.to_string())
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

    fn jobs(&self, request: &Received, faults: &PageFaults) -> Reply {
        let company = request.param("company_id");
        let rows = self.data.visible_jobs().filter(|job| company.is_none_or(|id| job.company.id == id));
        self.list(request, faults, rows.collect())
    }

    fn applications(&self, request: &Received, faults: &PageFaults) -> Reply {
        let (company, status) = (request.param("company_id"), request.param("status"));
        let rows = self.data.applications.iter().filter(|row| {
            company.is_none_or(|id| row.company_id == id) && status.is_none_or(|status| row.status == status)
        });
        self.list(request, faults, rows.collect())
    }

    fn application(&self, id: &str) -> Reply {
        match self.data.applications.iter().find(|row| row.id == id) {
            Some(row) => Reply::json(200, row.json()),
            None => error(404, "APPLICATION_NOT_FOUND", "Application not found.", &json!({ "id": id })),
        }
    }

    fn list<R: Listed>(&self, request: &Received, faults: &PageFaults, mut rows: Vec<&R>) -> Reply {
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
        let Ok(since) = request.param("updated_since").map(str::parse::<Timestamp>).transpose() else {
            return invalid("updated_since");
        };
        let cursor = request.param("cursor").map(|cursor| self.place_of(cursor));
        if cursor == Some(None) {
            return error(400, "INVALID_CURSOR", "The cursor is not valid.", &Value::Null);
        }
        let cursor = cursor.flatten();
        // A change in the same second is left out.
        rows.retain(|row| since.is_none_or(|since| row.place().0 > since.as_second()));
        rows.sort_unstable_by_key(|row| row.place());
        rows.truncate(rows.len().saturating_sub(faults.behind));
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
                // The place where the page before this one starts; a first page has none.
                let places: Vec<(i64, u64)> = before.collect();
                let back = (places.len() + 1).checked_sub(faults.page_size(size));
                Some(back.and_then(|back| places.get(back.checked_sub(1)?)).copied().unwrap_or((i64::MIN, 0)))
            }
            NextFault::Good | NextFault::Foreign(_) => page.last().filter(|_| more).map(|row| row.place()),
        };
        self.page(&page, next, faults)
    }

    fn page<R: Listed>(&self, rows: &[&R], next: Option<(i64, u64)>, faults: &PageFaults) -> Reply {
        let mut texts: Vec<String> = rows.iter().map(|row| row.json()).collect();
        // Always a null: identities are texts here, so a text would not be a wrong type.
        faults.apply(&mut texts, |_| true);
        let next = next.map(|place| format!(r#","next_cursor":"{}""#, self.cursor(place))).unwrap_or_default();
        Reply::page(r#"{"data":"#, &texts, &format!("{next}}}"))
    }

    fn cursor(&self, (second, number): (i64, u64)) -> String {
        STANDARD.encode(format!("?>{}/{second}/{number}", self.data.generation))
    }

    fn place_of(&self, cursor: &str) -> Option<(i64, u64)> {
        let plain = String::from_utf8(STANDARD.decode(cursor).ok()?).ok()?;
        let mut parts = plain.strip_prefix("?>")?.split('/');
        if parts.next()?.parse() != Ok(self.data.generation) {
            return None;
        }
        Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    }
}
