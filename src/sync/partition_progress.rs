//! What is known of all partitions together: counters, states, and the entries of the report.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::time::Instant;

use super::partition_report::{PartitionCounts, PartitionEntry, PartitionsReport};
use super::partition_runs::PartitionRuns;
use super::report::{Outcome, RunError};
use crate::client::{Counts, Sum, monotonic};

/// The most entries of a report.
const MAX_ENTRIES: usize = 1_000;
/// The most characters of an error in an entry.
const MAX_MESSAGE: usize = 300;

/// The counters of all partitions, from [`Partitions::progress`](crate::Partitions::progress). Cheap to clone, and to read from another task
/// or thread while the partitions run.
#[derive(Clone)]
pub struct PartitionsProgress(Arc<Whole>);

struct Whole {
    sum: Arc<Sum>,
    started: Instant,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    partitions: PartitionCounts,
    missing_rows: u64,
    paused_until: Option<Timestamp>,
    last_ended: Option<Instant>,
    /// Whether complete partitions have an entry too, and there is no limit.
    all_entries: bool,
    /// Entries of partitions that failed or lack records, and of the others: when there are too many, these are left out.
    failed: Vec<PartitionEntry>,
    others: Vec<PartitionEntry>,
}

impl PartitionsProgress {
    pub(super) fn new() -> Self {
        let sum = Sum::part_of(Sum::current());
        Self(Arc::new(Whole { sum, started: monotonic(), known: Mutex::default() }))
    }

    /// The counters of all streams, runs and calls that the partitions have begun so far, added up; not of those that a partition began on
    /// a task that it has spawned. The total is that of the partitions which have one so far.
    pub fn counts(&self) -> Counts {
        self.0.sum.counts()
    }

    /// How many partitions are in each state.
    pub fn partitions(&self) -> PartitionCounts {
        self.known().partitions
    }

    /// The report so far.
    pub fn report(&self) -> PartitionsReport {
        let counts = self.counts();
        let known = self.known();
        let limit = if known.all_entries { usize::MAX } else { MAX_ENTRIES };
        let mut entries: Vec<_> = known.failed.iter().chain(&known.others).take(limit).cloned().collect();
        entries.sort_unstable_by_key(|entry| entry.index);
        let partitions = known.partitions;
        let more_entries = (partitions.ended() - partitions.complete).saturating_sub(entries.len() as u64);
        let now = known.last_ended.filter(|_| partitions.is_over()).unwrap_or_else(monotonic);
        let (missing_rows, paused_until) = (known.missing_rows, known.paused_until);
        let seconds = now.duration_since(self.0.started).as_secs_f64();
        // Digits that JSON keeps.
        let seconds = (seconds * 1_000.0).round() / 1_000.0;
        PartitionsReport { partitions, counts, missing_rows, paused_until, seconds, entries, more_entries }
    }

    pub(super) fn keep_all_entries(&self) {
        self.known().all_entries = true;
    }

    /// How many partitions are not begun, by the size hint of their iterator.
    pub(super) fn set_waiting(&self, (least, most): (usize, Option<usize>)) {
        self.known().partitions.waiting = most.filter(|most| *most == least).map(|waiting| waiting as u64);
    }

    pub(super) fn begin(&self, index: u64) -> Begun {
        self.known().partitions.running += 1;
        let sum = Sum::part_of(Some(self.0.sum.clone()));
        Begun { all: self.clone(), index, sum, runs: PartitionRuns::default(), over: false }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // A panic while the lock was held cannot make the numbers invalid.
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for PartitionsProgress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (partitions, counts) = (self.partitions(), self.counts());
        f.debug_struct("PartitionsProgress").field("partitions", &partitions).field("counts", &counts).finish()
    }
}

/// One partition that was begun. When it is dropped before its end, it counts as stopped.
pub(super) struct Begun {
    all: PartitionsProgress,
    index: u64,
    sum: Arc<Sum>,
    runs: PartitionRuns,
    over: bool,
}

impl Begun {
    /// Makes the future of the partition.
    pub(super) fn make<R>(&self, make: impl FnOnce() -> R) -> R {
        self.sum.during_call(make)
    }

    /// Polls the future of the partition: what it begins is counted here.
    pub(super) fn during<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<F> {
        self.sum.during(self.runs.during(future))
    }

    /// The function of the partition returned, with this error, or panicked.
    pub(super) fn end(mut self, error: Option<RunError>) {
        let (key, outcome, error) = match (self.runs.worst(), error) {
            (None, None) => (None, Outcome::Complete, None),
            (Some((key, run)), None) => (Some(key), run.outcome, run.error),
            (Some((key, run)), Some(error)) => match run.outcome {
                _ if error.kind == "panic" => (Some(key), Outcome::Failed, Some(error)),
                Outcome::Failed | Outcome::ShortBy(_) | Outcome::Drifted { .. } => (Some(key), run.outcome, run.error),
                // The function made an error of the pause.
                Outcome::Paused { .. } => (Some(key), run.outcome, run.error.or(Some(error))),
                // An inspector refused a run at its end, or what the function did besides failed.
                Outcome::Complete | Outcome::Running | Outcome::Stopped => {
                    (Some(key), Outcome::Failed, run.error.or(Some(error)))
                }
            },
            (None, Some(error)) => (None, Outcome::Failed, Some(error)),
        };
        self.enter(key, outcome, error);
    }

    fn enter(&mut self, key: Option<String>, outcome: Outcome, error: Option<RunError>) {
        self.over = true;
        let mut known = self.all.known();
        known.partitions.running -= 1;
        *known.partitions.of(outcome) += 1;
        known.last_ended = Some(monotonic());
        let mut is_failed = false;
        match outcome {
            Outcome::Paused { until } => {
                known.paused_until = Some(known.paused_until.map_or(until, |earliest| earliest.min(until)));
            }
            Outcome::ShortBy(rows) => {
                known.missing_rows = known.missing_rows.saturating_add(rows);
                is_failed = true;
            }
            Outcome::Drifted { .. } | Outcome::Failed => is_failed = true,
            Outcome::Complete if !known.all_entries => return,
            Outcome::Complete | Outcome::Running | Outcome::Stopped => {}
        }
        let limit = if known.all_entries { usize::MAX } else { MAX_ENTRIES };
        let entries = if is_failed { &mut known.failed } else { &mut known.others };
        if entries.len() < limit {
            let error = error.map(|error| RunError { message: shortened(error.message), ..error });
            entries.push(PartitionEntry { index: self.index, key, outcome, counts: self.sum.counts(), error });
        }
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        if !self.over {
            let key = self.runs.worst().map(|(key, _)| key);
            self.enter(key, Outcome::Running, None);
        }
    }
}

fn shortened(mut message: String) -> String {
    let mut last = message.char_indices().map(|(at, _)| at).skip(MAX_MESSAGE - 1);
    if let (Some(end), Some(_)) = (last.next(), last.next()) {
        message.truncate(end);
        message.push('…');
    }
    message
}
