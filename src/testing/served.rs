//! What a server has served, to compare with what a client says it received.

use std::collections::BTreeMap;
use std::time::Duration;

/// A snapshot of everything that a server has served so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Served {
    /// Requests received, those without an answer included.
    pub requests: u64,
    /// Rows in list answers that went out whole: not those of a cut, truncated or garbled page.
    pub rows: u64,
    /// Bytes of bodies handed to the connections, heads not counted.
    pub bytes: u64,
    /// Answers by status. Requests that were dropped or stalled are not in it.
    pub by_status: BTreeMap<u16, u64>,
    /// The most requests that were being answered at one moment. Answers are quick, so a test for parallel requests should
    /// stretch them with [`Fault::SlowBody`](super::Fault::SlowBody).
    pub peak_in_flight: u64,
    /// Every request, in the order of arrival.
    pub log: Vec<ServedRequest>,
}

impl Served {
    /// The number of answers with this status.
    pub fn with_status(&self, status: u16) -> u64 {
        self.by_status.get(&status).copied().unwrap_or(0)
    }

    /// The requests of the log whose path starts with `path`.
    pub fn under<'a>(&'a self, path: &'a str) -> impl Iterator<Item = &'a ServedRequest> {
        self.log.iter().filter(move |request| request.path.starts_with(path))
    }

    pub(crate) fn record(&mut self, request: ServedRequest) {
        self.requests += 1;
        self.rows += request.rows;
        self.bytes += request.bytes;
        if let Some(status) = request.status {
            *self.by_status.entry(status).or_default() += 1;
        }
        self.log.push(request);
    }
}

/// One request of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServedRequest {
    /// Its number among the list requests, from 1; `None` when it asked for no list.
    pub list_number: Option<u64>,
    /// The method, in upper case.
    pub method: String,
    /// The path, as sent.
    pub path: String,
    /// The query's names and values, decoded, in the order of the URL. Values of secret parameters are blanked.
    pub query: Vec<(String, String)>,
    /// Whether an `Authorization` header came with it. Its value is never kept.
    pub authorized: bool,
    /// The status of the answer, `None` when there was none.
    pub status: Option<u16>,
    /// Rows in the answer.
    pub rows: u64,
    /// Bytes in the body of the answer.
    pub bytes: u64,
    /// The names of the faults that were switched on for it.
    pub faults: Vec<&'static str>,
    /// When it came, counted from the start of the server.
    pub at: Duration,
}

impl ServedRequest {
    /// The value of a query parameter: the last one when it came several times.
    pub fn param(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().rev().find(|(key, _)| key == name)?;
        Some(&found.1)
    }
}
