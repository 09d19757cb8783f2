//! The cost of a response and the remaining quota: the `x-api-*` headers.

use std::sync::{Arc, Mutex, PoisonError};

use http::HeaderMap;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::planner::plus;

/// The pause when a quota is used up and the billing date is unknown.
const PAUSE: SignedDuration = SignedDuration::from_hours(1);

/// The quota headers of one response. Any of them may be absent.
///
/// Read them from a page: `Credits::from_headers(page.headers())`.
///
/// ```
/// use jobfeed::fantastic_jobs::Credits;
///
/// let mut headers = http::HeaderMap::new();
/// let jobs = http::HeaderValue::from_static("120");
/// headers.insert("x-api-jobs-this-request", jobs);
/// assert_eq!(Credits::from_headers(&headers).jobs_this_request, Some(120));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Credits {
    /// Jobs billed for this response, exact (observed).
    pub jobs_this_request: Option<u64>,
    /// Jobs that remain in the billing period. Cached by the server, so it may be some seconds old (observed).
    pub jobs_remaining: Option<u64>,
    /// Jobs that the plan includes in a billing period (observed).
    pub jobs_limit: Option<u64>,
    /// Requests that remain in the billing period (observed).
    pub requests_remaining: Option<u64>,
    /// Requests that the plan includes in a billing period (observed).
    pub requests_limit: Option<u64>,
    /// When the next billing period begins, as the server wrote it; the format `2026-09-17` is from one client's test
    /// (unconfirmed). See [`Credits::billing_date`].
    pub next_billing_date: Option<String>,
}

impl Credits {
    /// Reads the headers, including the names that the RapidAPI mirrors use (observed once).
    pub fn from_headers(headers: &HeaderMap) -> Self {
        Self::from_lookup(|name| headers.get(name)?.to_str().ok())
    }

    pub(super) fn from_lookup<'h>(header: impl Fn(&'static str) -> Option<&'h str>) -> Self {
        let number = |names: [&'static str; 2]| names.into_iter().find_map(|name| header(name)?.trim().parse().ok());
        Self {
            jobs_this_request: header("x-api-jobs-this-request").and_then(|value| value.trim().parse().ok()),
            jobs_remaining: number(["x-api-jobs-remaining", "x-ratelimit-jobs-remaining"]),
            jobs_limit: number(["x-api-jobs-limit", "x-ratelimit-jobs-limit"]),
            requests_remaining: number(["x-api-requests-remaining", "x-ratelimit-requests-remaining"]),
            requests_limit: number(["x-api-requests-limit", "x-ratelimit-requests-limit"]),
            next_billing_date: header("x-api-next-billing-date").map(|value| value.trim().to_owned()),
        }
    }

    /// The first day of the next billing period, if the text begins with a date.
    pub fn billing_date(&self) -> Option<Date> {
        self.next_billing_date.as_deref()?.get(..10)?.parse().ok()
    }

    /// When a quota that is used up at `now` is available again: the next billing date, or an hour later when the
    /// server does not tell it.
    pub(super) fn renewed(&self, now: Timestamp) -> Timestamp {
        let billing = self.billing_date().and_then(|day| day.to_zoned(TimeZone::UTC).ok());
        billing.map(|day| day.timestamp()).filter(|day| *day > now).unwrap_or_else(|| plus(now, PAUSE))
    }

    /// Takes the values of a later response. Values that it lacks stay, except `jobs_this_request`.
    pub(super) fn update(&mut self, later: Self) {
        self.jobs_this_request = later.jobs_this_request;
        self.jobs_remaining = later.jobs_remaining.or(self.jobs_remaining);
        self.jobs_limit = later.jobs_limit.or(self.jobs_limit);
        self.requests_remaining = later.requests_remaining.or(self.requests_remaining);
        self.requests_limit = later.requests_limit.or(self.requests_limit);
        self.next_billing_date = later.next_billing_date.or(self.next_billing_date.take());
    }
}

/// The last known quotas of a client, from every answer to one of its requests. Clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct SharedCredits(Arc<Mutex<(Credits, Timestamp)>>);

impl SharedCredits {
    /// Takes the quota headers of an answer of this time.
    pub(super) fn update(&self, later: Credits, at: Timestamp) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.0.update(later);
        known.1 = at;
    }

    /// The last known quotas.
    pub(super) fn last(&self) -> Credits {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0.clone()
    }

    /// When jobs can be bought again, if none remain at `now`.
    pub(super) fn no_jobs_until(&self, now: Timestamp) -> Option<Timestamp> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (credits, at) = &*known;
        let used_up = credits.jobs_remaining == Some(0);
        used_up.then(|| credits.renewed(*at)).filter(|until| *until > now)
    }
}
