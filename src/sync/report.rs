//! What a run did.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::ledger::Completeness;
use crate::progress::Counts;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// It is still on its way, or was left before its end.
    Running,
    /// Everything in its window was delivered, and the watermark moved.
    Complete,
    /// Rows are missing that the server says are there. The watermark stays.
    ShortBy(u64),
    /// The listing changed so much while it was walked that a row may be missing. The watermark stays.
    Drifted {
        /// The total at the beginning, where the server tells one.
        first_total: Option<u64>,
        /// The total at the end.
        last_total: Option<u64>,
    },
    /// A wait was longer than the client may sleep. Not a failure: the next run goes on where this one stood.
    Paused {
        /// When to run again.
        until: Timestamp,
    },
    /// It ended with an error. The next run goes on where this one stood.
    Failed,
}

impl From<Completeness> for Outcome {
    fn from(completeness: Completeness) -> Self {
        match completeness {
            Completeness::Complete => Self::Complete,
            Completeness::ShortBy(rows) => Self::ShortBy(rows),
            Completeness::Drifted { first_total, last_total, .. } => Self::Drifted { first_total, last_total },
        }
    }
}

/// What a run did, for a log or a metric. Serialisable.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// The checkpoint key.
    pub key: String,
    /// How the sync walks.
    pub strategy: String,
    /// How the run ended.
    pub outcome: Outcome,
    /// Pages, rows received, rejected, bytes, requests, retries, waits.
    #[serde(flatten)]
    pub counts: Counts,
    /// Rows that were new to the caller's store, when the caller told ([`crate::Batch::report_new`]).
    pub new: Option<u64>,
    /// How long the run took so far, in seconds.
    pub seconds: f64,
    /// What only this way of walking can tell, such as credits: an object, or null. Its fields are described at the sync.
    pub details: Value,
    /// What this way of walking cannot guarantee.
    pub caveats: &'static [&'static str],
}

impl Report {
    /// How long the run took so far.
    pub fn duration(&self) -> Duration {
        Duration::try_from_secs_f64(self.seconds).unwrap_or_default()
    }
}
