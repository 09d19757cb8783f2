//! The runs of one partition: each tells how it ended, so that the partition is reported without a line of the caller.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::task_local;

use super::report::{Outcome, RunError};

task_local! {
    /// The runs of the partition that is polled now.
    static RUNS: PartitionRuns;
}

/// The last run under each checkpoint key.
#[derive(Debug, Clone, Default)]
pub(super) struct PartitionRuns(Arc<Mutex<BTreeMap<String, RunEnd>>>);

/// How a run ended so far.
#[derive(Debug, Clone)]
pub(super) struct RunEnd {
    pub(super) outcome: Outcome,
    pub(super) error: Option<RunError>,
}

impl PartitionRuns {
    /// Those of the partition that is polled now.
    pub(super) fn current() -> Option<Self> {
        RUNS.try_with(Self::clone).ok()
    }

    /// The runs that the future begins are these.
    pub(super) fn during<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<F> {
        RUNS.scope(self.clone(), future)
    }

    /// Keeps how the run under a key ended.
    pub(super) fn tell(&self, key: &str, outcome: Outcome, error: Option<RunError>) {
        let mut runs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        runs.insert(key.to_owned(), RunEnd { outcome, error });
    }

    /// The run that ended worst, with its key.
    pub(super) fn worst(&self) -> Option<(String, RunEnd)> {
        let runs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let worst = runs.iter().max_by_key(|(_, run)| match run.outcome {
            Outcome::Complete => 0,
            Outcome::Running | Outcome::Stopped => 1,
            Outcome::Paused { .. } => 2,
            Outcome::ShortBy(_) | Outcome::Drifted { .. } => 3,
            Outcome::Failed => 4,
        });
        worst.map(|(key, run)| (key.clone(), run.clone()))
    }
}
