//! What a run of the pipeline did: as JSON, and how it ended.

use jobfeed::drift;
use jobfeed::jiff::{SignedDuration, Timestamp};
use jobfeed::{Outcome, Report};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How an endpoint, a run, or the program ended. The greatest of several counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Ending {
    Complete,
    /// A server asks to wait, or nothing is due yet. Not a failure.
    Paused,
    Failed,
    /// Nothing was run.
    WrongConfiguration,
}

impl Ending {
    /// The exit status of the program.
    pub(crate) fn status(self) -> u8 {
        match self {
            Self::Complete => 0,
            Self::Failed => 1,
            Self::WrongConfiguration => 2,
            Self::Paused => 3,
        }
    }

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Paused => "paused",
            Self::Failed => "failed",
            Self::WrongConfiguration => "wrong configuration",
        }
    }
}

/// One run of all endpoints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct RunReport {
    /// Whether the servers were simulated.
    pub(crate) simulated: bool,
    pub(crate) started: Timestamp,
    pub(crate) ending: Ending,
    pub(crate) endpoints: Vec<EndpointReport>,
    /// At the end of a simulation: the table and the servers, one line for each feed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) compared: Vec<String>,
}

/// One endpoint of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct EndpointReport {
    /// The checkpoint key.
    pub(crate) key: String,
    pub(crate) ending: Ending,
    /// The outcome in words, where it is more than the ending.
    pub(crate) outcome: String,
    pub(crate) error: Option<String>,
    pub(crate) seconds: f64,
    /// Records received.
    pub(crate) rows: u64,
    /// Postings that the table did not have.
    pub(crate) new: u64,
    /// Postings that were removed from the table.
    pub(crate) removed: u64,
    /// Records that did not fit, and how many wait in quarantine now.
    pub(crate) rejected: u64,
    pub(crate) waiting: u64,
    /// How the records differ from the baseline.
    pub(crate) drift: Vec<String>,
    /// The rows of the runs before (their median), and whether this one has a third of them or fewer.
    pub(crate) usual_rows: Option<u64>,
    pub(crate) low_volume: bool,
    pub(crate) requests: u64,
    pub(crate) retries: u64,
    pub(crate) bytes: u64,
    pub(crate) waited_seconds: f64,
    /// What the provider billed, where it bills.
    pub(crate) credits: Option<u64>,
    pub(crate) next_due: Option<Timestamp>,
    /// More of this kind of sync, such as its window.
    pub(crate) details: Value,
}

impl EndpointReport {
    /// The report of an endpoint whose run did not begin.
    pub(crate) fn failed(key: &str, error: String) -> Self {
        Self {
            key: key.to_owned(),
            ending: Ending::Failed,
            outcome: "did not begin".to_owned(),
            error: Some(error),
            seconds: 0.0,
            rows: 0,
            new: 0,
            removed: 0,
            rejected: 0,
            waiting: 0,
            drift: Vec::new(),
            usual_rows: None,
            low_volume: false,
            requests: 0,
            retries: 0,
            bytes: 0,
            waited_seconds: 0.0,
            credits: None,
            next_due: None,
            details: Value::Null,
        }
    }

    #[allow(clippy::cast_precision_loss, reason = "seconds to look at")]
    pub(crate) fn of(report: &Report, error: Option<String>, removed: u64, every: SignedDuration) -> Self {
        let drift = drift::Report::of(report);
        let due = |after: Timestamp| after.checked_add(every).ok();
        let (ending, next_due) = match (&error, report.outcome) {
            (None, Outcome::Complete) => (Ending::Complete, due(report.started)),
            (None, Outcome::Paused { until }) => (Ending::Paused, Some(until)),
            _ => (Ending::Failed, due(report.started)),
        };
        let volume = drift.as_ref().and_then(|drift| drift.volume);
        let counts = &report.counts;
        Self {
            key: report.key.clone(),
            ending,
            outcome: report.outcome.to_string(),
            error: error.or_else(|| report.error.as_ref().map(ToString::to_string)),
            seconds: report.seconds,
            rows: counts.rows,
            new: report.new.unwrap_or_default(),
            removed,
            rejected: counts.rejected,
            waiting: report.inspected.get("quarantine").and_then(|kept| kept["waiting"].as_u64()).unwrap_or_default(),
            drift: drift.iter().flat_map(|drift| &drift.changes).map(ToString::to_string).collect(),
            usual_rows: volume.map(|volume| volume.usual),
            low_volume: volume.is_some_and(|volume| volume.is_low()),
            requests: counts.requests,
            retries: counts.retries,
            bytes: counts.bytes,
            waited_seconds: counts.waited_ms as f64 / 1000.0,
            credits: report.details["jobs"].as_u64(),
            next_due,
            details: report.details.clone(),
        }
    }
}

impl RunReport {
    pub(crate) fn new(simulated: bool, started: Timestamp, endpoints: Vec<EndpointReport>) -> Self {
        let ending = endpoints.iter().map(|endpoint| endpoint.ending).max().unwrap_or(Ending::Complete);
        Self { simulated, started, ending, endpoints, compared: Vec::new() }
    }

    pub(crate) fn sum(&self, number: impl Fn(&EndpointReport) -> u64) -> u64 {
        self.endpoints.iter().map(number).sum()
    }

    /// `8 complete, 1 failed`.
    pub(crate) fn endings(&self) -> String {
        let count = |ending| self.endpoints.iter().filter(|endpoint| endpoint.ending == ending).count();
        let counts = [Ending::Complete, Ending::Paused, Ending::Failed].map(|ending| (count(ending), ending.word()));
        let counts = counts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}"));
        counts.collect::<Vec<_>>().join(", ")
    }
}
