//! Counters that a caller can watch while a stream or a run goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use serde::Serialize;

/// A live view on a stream or a run. Cheap to clone and to read from another task or thread.
#[derive(Debug, Clone, Default)]
pub struct Progress(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    pages: AtomicU64,
    rows: AtomicU64,
    rejected: AtomicU64,
    /// The total plus one; 0 is "not told".
    total: AtomicU64,
    bytes: AtomicU64,
    requests: AtomicU64,
    retries: AtomicU64,
    waited_ms: AtomicU64,
}

/// The counters at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Counts {
    /// Pages delivered.
    pub pages: u64,
    /// Records delivered, the rejected ones included.
    pub rows: u64,
    /// Records that did not fit the model.
    pub rejected: u64,
    /// The server's latest total for the whole listing, where it tells one. Not in syncs by id and by date of jobdataapi.com,
    /// whose pages have a window each.
    pub total: Option<u64>,
    /// Bytes of bodies, after decompression.
    pub bytes: u64,
    /// Requests sent, retries and probes included.
    pub requests: u64,
    /// Attempts after the first.
    pub retries: u64,
    /// Time spent waiting for the rate limit, the server's wishes and back-off, in milliseconds.
    pub waited_ms: u64,
}

impl Progress {
    /// The counters now.
    pub fn counts(&self) -> Counts {
        let c = &self.0;
        Counts {
            pages: c.pages.load(Relaxed),
            rows: c.rows.load(Relaxed),
            rejected: c.rejected.load(Relaxed),
            total: c.total.load(Relaxed).checked_sub(1),
            bytes: c.bytes.load(Relaxed),
            requests: c.requests.load(Relaxed),
            retries: c.retries.load(Relaxed),
            waited_ms: c.waited_ms.load(Relaxed),
        }
    }

    pub(crate) fn page(&self, rows: usize, rejected: usize) {
        self.0.pages.fetch_add(1, Relaxed);
        self.0.rows.fetch_add(rows as u64, Relaxed);
        self.0.rejected.fetch_add(rejected as u64, Relaxed);
    }

    pub(crate) fn total(&self, total: Option<u64>) {
        if let Some(total) = total {
            self.0.total.store(total.saturating_add(1), Relaxed);
        }
    }

    pub(crate) fn received(&self, bytes: usize) {
        self.0.bytes.fetch_add(bytes as u64, Relaxed);
    }

    pub(crate) fn request(&self, attempt: u32) {
        self.0.requests.fetch_add(1, Relaxed);
        if attempt > 1 {
            self.0.retries.fetch_add(1, Relaxed);
        }
    }

    pub(crate) fn waited(&self, wait: Duration) {
        self.0.waited_ms.fetch_add(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX), Relaxed);
    }
}
