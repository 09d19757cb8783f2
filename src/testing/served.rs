//! What a simulator has served, to compare with what a client received.

use std::collections::BTreeMap;
use std::time::Duration;

use super::received::last_value;

/// Everything that a simulator has served so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Served {
    /// Requests received, those without a reply included.
    pub requests: u64,
    /// Rows in pages that were sent whole: not those of a cut, truncated or garbled page.
    pub rows: u64,
    /// Bytes of the bodies that were sent, heads not counted.
    pub bytes: u64,
    /// Replies by status. Requests without a reply are not in it.
    pub by_status: BTreeMap<u16, u64>,
    /// The most requests that were in flight at one moment. Replies are quick, so a test of parallel requests should slow
    /// them down with [`Fault::SlowBody`](super::Fault::SlowBody).
    pub peak_in_flight: u64,
    /// Every request, in the order of arrival.
    pub log: Vec<ServedRequest>,
}

impl Served {
    /// The number of replies with this status.
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
    /// The query's names and values, decoded, in the order of the URL. The value of a secret parameter is `***`.
    pub query: Vec<(String, String)>,
    /// Whether it had an `Authorization` header. Its value is never kept.
    pub authorized: bool,
    /// The status of the reply, `None` when there was no reply.
    pub status: Option<u16>,
    /// Rows in the reply.
    pub rows: u64,
    /// Bytes in the body of the reply.
    pub bytes: u64,
    /// The names of the faults that hit it.
    pub faults: Vec<&'static str>,
    /// When it came, since the start of the simulator.
    pub at: Duration,
}

impl ServedRequest {
    /// The value of a query parameter: the last one when it came several times.
    pub fn param(&self, name: &str) -> Option<&str> {
        last_value(&self.query, name)
    }
}
