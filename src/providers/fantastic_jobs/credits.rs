//! The cost of a response and the remaining quota: the `x-api-*` headers.

use http::HeaderMap;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

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
