//! The report of a run.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use crate::checkpoint::Mark;
use crate::client::Counts;
use crate::error::{Completeness, Error};

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// It is in progress, or was dropped before its end.
    Running,
    /// Everything in its window was delivered, and the watermark moved.
    Complete,
    /// Fewer records arrived than the server's total, by this many. The watermark did not move.
    ShortBy(u64),
    /// The listing changed during the walk, so a record may be missing. The watermark did not move.
    Drifted {
        /// The total at the beginning, where the server gives one.
        first_total: Option<u64>,
        /// The total at the end.
        last_total: Option<u64>,
    },
    /// A wait was longer than the client may sleep. Not a failure: the next run continues from the checkpoint.
    Paused {
        /// When to run again.
        until: Timestamp,
    },
    /// A [`StopSignal`](crate::StopSignal) ended it. Not a failure: the next run continues from the checkpoint.
    Stopped,
    /// It ended with an error. The next run continues from the checkpoint.
    Failed,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Running => f.write_str("not at its end; the next run continues from the checkpoint"),
            Self::Complete => f.write_str("complete"),
            Self::ShortBy(rows) => Completeness::ShortBy(rows).fmt(f),
            Self::Drifted { first_total, last_total } => {
                Completeness::Drifted { first_total, last_total, repeated: 0 }.fmt(f)
            }
            Self::Paused { until } => write!(f, "paused until {until}"),
            Self::Stopped => f.write_str("stopped; the next run continues from the checkpoint"),
            Self::Failed => f.write_str("failed; the next run continues from the checkpoint"),
        }
    }
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

/// The error that ended a run, for a log or a label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RunError {
    /// The kind: [`Error::kind`]. In a [`PartitionsReport`](crate::PartitionsReport) also `panic`, and `other` for an error of the caller.
    pub kind: Cow<'static, str>,
    /// The message with those of its sources, without secrets.
    pub message: String,
}

impl From<&Error> for RunError {
    fn from(error: &Error) -> Self {
        Self { kind: error.kind().into(), message: format!("{error:?}") }
    }
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.message)
    }
}

/// A mark as in a state, but of a text only the length.
#[allow(clippy::ref_option, reason = "serde passes the field")]
fn without_text<S: Serializer>(mark: &Option<Mark>, serializer: S) -> Result<S::Ok, S::Error> {
    match mark {
        Some(Mark::Text(text)) => Mark::Text(format!("({} bytes)", text.len())).serialize(serializer),
        mark => mark.serialize(serializer),
    }
}

/// The report of a run, for a log or a metric. Serialisable.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// The checkpoint key.
    pub key: String,
    /// The kind of sync.
    pub strategy: String,
    /// How the run ended.
    pub outcome: Outcome,
    /// Pages, records received, rejected, bytes, requests, retries, waits.
    #[serde(flatten)]
    pub counts: Counts,
    /// Records that were new in the caller's store, when the caller reports them ([`crate::Batch::report_new`]).
    pub new: Option<u64>,
    /// When this run started. A run that was interrupted is continued by a run with a start of its own.
    pub started: Timestamp,
    /// When it ended: complete, paused, stopped or with an error. `None` before, and when it was dropped.
    pub ended: Option<Timestamp>,
    /// How long the run took so far, in seconds.
    pub seconds: f64,
    /// The error that ended it. `None` for a run that is complete, paused or stopped.
    pub error: Option<RunError>,
    /// The watermark when the run started; `None` when the sync had none. A text is serialised as its length: it may give access.
    #[serde(serialize_with = "without_text")]
    pub watermark_before: Option<Mark>,
    /// The watermark of the checkpoint now. It differs from the one before only after a run that is complete.
    #[serde(serialize_with = "without_text")]
    pub watermark: Option<Mark>,
    /// More facts of this kind of sync, such as credits: an object, or null. The sync describes its fields.
    pub details: Value,
    /// What each [`Inspect`](crate::inspect::Inspect) of the run has to say, by its name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub inspected: BTreeMap<&'static str, Value>,
    /// What this kind of sync cannot guarantee.
    pub caveats: &'static [&'static str],
}

impl Report {
    /// How long the run took so far.
    pub fn duration(&self) -> Duration {
        Duration::try_from_secs_f64(self.seconds).unwrap_or_default()
    }
}

/// One line, without the key and the error.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = &self.counts;
        write!(f, "{}. {} records received, ", self.outcome, counts.rows)?;
        if let Some(new) = self.new {
            write!(f, "{new} new, ")?;
        }
        write!(
            f,
            "{} rejected; {} pages, {} requests, {} retries, {} KB, {:.1} s",
            counts.rejected,
            counts.pages,
            counts.requests,
            counts.retries,
            counts.bytes / 1000,
            self.seconds
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_one_readable_line() {
        let counts = Counts { pages: 2, rows: 7, requests: 4, retries: 1, bytes: 12_345, ..Counts::default() };
        let mut report = Report {
            key: "k".to_owned(),
            strategy: "by-id".to_owned(),
            outcome: Outcome::ShortBy(3),
            counts,
            new: None,
            started: Timestamp::UNIX_EPOCH,
            ended: None,
            seconds: 1.25,
            error: None,
            watermark_before: Some(Mark::Text("a-delta-token".to_owned())),
            watermark: Some(Mark::Id(7)),
            details: Value::Null,
            inspected: BTreeMap::new(),
            caveats: &[],
        };
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["watermark_before"]["text"], "(13 bytes)", "it may give access");
        assert_eq!((&json["watermark"]["id"], &json["started"]), (&7.into(), &"1970-01-01T00:00:00Z".into()));
        let rest = "0 rejected; 2 pages, 4 requests, 1 retries, 12 KB, 1.2 s";
        assert_eq!(report.to_string(), format!("3 records fewer than the server's total. 7 records received, {rest}"));
        (report.outcome, report.new) = (Outcome::Paused { until: Timestamp::UNIX_EPOCH }, Some(5));
        assert_eq!(report.to_string(), format!("paused until 1970-01-01T00:00:00Z. 7 records received, 5 new, {rest}"));
        let drifted = Outcome::Drifted { first_total: Some(2), last_total: Some(1) };
        assert_eq!(drifted.to_string(), "the listing changed during the walk, from 2 to 1 records");
    }
}
