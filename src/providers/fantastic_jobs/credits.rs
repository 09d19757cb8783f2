//! What an answer cost and what is left: the `x-api-*` headers.

use http::HeaderMap;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// The quota headers of one answer. Any of them may be absent.
///
/// Read them off a page: `Credits::from_headers(page.headers())`.
///
/// ```
/// use jobfeed::fantastic_jobs::Credits;
///
/// let mut headers = http::HeaderMap::new();
/// headers.insert("x-api-jobs-this-request", http::HeaderValue::from_static("120"));
/// assert_eq!(Credits::from_headers(&headers).jobs_this_request, Some(120));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Credits {
    /// Jobs billed by this answer, exact (observed).
    pub jobs_this_request: Option<u64>,
    /// Jobs left in the billing period. It is cached and may lag some seconds behind (observed).
    pub jobs_remaining: Option<u64>,
    /// Jobs in the plan for each billing period (observed).
    pub jobs_limit: Option<u64>,
    /// Requests left in the billing period (observed).
    pub requests_remaining: Option<u64>,
    /// Requests in the plan for each billing period (observed).
    pub requests_limit: Option<u64>,
    /// When the period rolls, as the server wrote it; the form `2026-09-17` is from one client's test (unconfirmed). See
    /// [`Credits::billing_date`].
    pub next_billing_date: Option<String>,
}

impl Credits {
    /// Reads them, whatever the case of the names. The names of the RapidAPI mirrors are read as well (observed once).
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

    /// The day on which the period rolls, when the text begins with a date.
    pub fn billing_date(&self) -> Option<Date> {
        self.next_billing_date.as_deref()?.get(..10)?.parse().ok()
    }

    /// Takes what a later answer told; what it did not tell stays. `jobs_this_request` is the later answer's own.
    pub(super) fn update(&mut self, later: Self) {
        self.jobs_this_request = later.jobs_this_request;
        self.jobs_remaining = later.jobs_remaining.or(self.jobs_remaining);
        self.jobs_limit = later.jobs_limit.or(self.jobs_limit);
        self.requests_remaining = later.requests_remaining.or(self.requests_remaining);
        self.requests_limit = later.requests_limit.or(self.requests_limit);
        self.next_billing_date = later.next_billing_date.or(self.next_billing_date.take());
    }
}
