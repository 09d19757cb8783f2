//! The report of all partitions.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::report::{Outcome, RunError};
use crate::client::Counts;

/// So many entries of partitions that failed are shown to a person.
const SHOWN: usize = 5;

/// How many partitions are in each state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PartitionCounts {
    /// Not begun. `None` while the iterator of the partitions does not know its length, such as after `take_while`.
    pub waiting: Option<u64>,
    /// Begun, without a result.
    pub running: u64,
    /// Everything was delivered: the function returned `Ok`, and each of its runs is complete.
    pub complete: u64,
    /// Ended, but records are missing: [`Outcome::ShortBy`] and [`Outcome::Drifted`].
    pub incomplete: u64,
    /// Paused, because the server asked for a long wait.
    pub paused: u64,
    /// Ended before their end without an error: by a [`StopSignal`](crate::StopSignal), because the function returned in the middle of its run, or
    /// because the stream of results was dropped.
    pub stopped: u64,
    /// Ended with an error or a panic.
    pub failed: u64,
}

impl PartitionCounts {
    /// The partitions that have ended.
    pub fn ended(&self) -> u64 {
        self.complete + self.incomplete + self.paused + self.stopped + self.failed
    }

    /// Whether all partitions have ended and none is left.
    pub fn is_over(&self) -> bool {
        self.running == 0 && self.waiting == Some(0)
    }

    /// The number of partitions with this outcome, to be changed.
    pub(super) fn of(&mut self, outcome: Outcome) -> &mut u64 {
        match outcome {
            Outcome::Complete => &mut self.complete,
            Outcome::ShortBy(_) | Outcome::Drifted { .. } => &mut self.incomplete,
            Outcome::Paused { .. } => &mut self.paused,
            Outcome::Stopped | Outcome::Running => &mut self.stopped,
            Outcome::Failed => &mut self.failed,
        }
    }
}

/// The states that have partitions, such as `7 complete, 1 failed`.
impl fmt::Display for PartitionCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let states = [
            (self.waiting.unwrap_or_default(), "waiting"),
            (self.running, "running"),
            (self.complete, "complete"),
            (self.incomplete, "with records missing"),
            (self.paused, "paused"),
            (self.stopped, "stopped"),
            (self.failed, "failed"),
        ];
        let states = states.into_iter().filter(|(partitions, _)| *partitions > 0);
        let states: Vec<String> = states.map(|(partitions, state)| format!("{partitions} {state}")).collect();
        f.write_str(if states.is_empty() { "none" } else { "" })?;
        f.write_str(&states.join(", "))
    }
}

/// The report of all partitions of one call of [`partitions`](crate::partitions), for a log or a metric.
///
/// It stays small with any number of partitions: it has totals, and entries only for the partitions that are not complete, at most
/// 1,000 of them, those with errors and missing records first. [`Partitions::all_entries`](crate::Partitions::all_entries) keeps all.
/// Its `Display` has a few lines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PartitionsReport {
    /// How many partitions are in each state.
    pub partitions: PartitionCounts,
    /// Pages, records received, rejected, bytes, requests, retries, waits, of all partitions together.
    #[serde(flatten)]
    pub counts: Counts,
    /// How many records fewer arrived than the servers' totals, of all partitions that are [`Outcome::ShortBy`].
    pub missing_rows: u64,
    /// The earliest instant at which a paused partition can run again.
    pub paused_until: Option<Timestamp>,
    /// How long all took so far, in seconds, to the millisecond.
    pub seconds: f64,
    /// Partitions that ended, by their place in the iterator.
    pub entries: Vec<PartitionEntry>,
    /// How many partitions that are not complete have no entry, because there are too many.
    pub more_entries: u64,
}

/// How one partition ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PartitionEntry {
    /// Its place in the iterator of the partitions, from 0.
    pub index: u64,
    /// The checkpoint key of its run; of several runs, that of the one which decided the outcome. `None` when it began no sync.
    pub key: Option<String>,
    /// How it ended. [`Outcome::Running`]: the function returned in the middle of its run, or the stream of results was dropped.
    pub outcome: Outcome,
    /// Pages, records received, rejected, bytes, requests, retries, waits.
    #[serde(flatten)]
    pub counts: Counts,
    /// Why it failed: the error of its run, else the text of the error that the function returned. At most 300 characters. Of a panic the text is
    /// only in the [`PartitionError`](crate::PartitionError), because it may show records.
    pub error: Option<RunError>,
}

impl fmt::Display for PartitionsReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = &self.counts;
        write!(f, "partitions: {}", self.partitions)?;
        if let Some(until) = self.paused_until {
            write!(f, "; the earliest continues at {until}")?;
        }
        if self.missing_rows > 0 {
            write!(f, "; {} records fewer than the servers' totals", self.missing_rows)?;
        }
        write!(
            f,
            "\n{} records received, {} rejected; {} pages, {} requests, {} retries, {} KB, {:.1} s",
            counts.rows,
            counts.rejected,
            counts.pages,
            counts.requests,
            counts.retries,
            counts.bytes / 1000,
            self.seconds
        )?;
        let with_error = || self.entries.iter().filter_map(|entry| Some((entry, entry.error.as_ref()?)));
        for (entry, error) in with_error().take(SHOWN) {
            write!(f, "\npartition {}", entry.index)?;
            if let Some(key) = &entry.key {
                write!(f, " ({key})")?;
            }
            write!(f, ": {error}")?;
        }
        let more = with_error().skip(SHOWN).count() as u64 + self.more_entries;
        if more > 0 {
            write!(f, "\n… and {more} more that are not complete")?;
        }
        Ok(())
    }
}
