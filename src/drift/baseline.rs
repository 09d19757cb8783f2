//! The baseline, kept in a checkpoint store beside the state of the sync.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::change::{Change, ChangeKind};
use super::compare::changes;
use super::shape::Shape;
use crate::checkpoint::{Checkpoint, CheckpointError, RunInProgress, SyncState};
use crate::error::{Error, Result};
use crate::listing::Fingerprint;

/// The kind of state, where a sync has its strategy.
const STRATEGY: &str = "drift";
/// So many runs are remembered.
const RUNS: usize = 10;

/// What is kept between runs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Baseline {
    /// What records are compared with. `None` before the first complete run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) accepted: Option<Shape>,
    /// The records of the last run, when they differ from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) differs: Option<Shape>,
    /// The rows of the last complete incremental runs, oldest first.
    #[serde(default)]
    pub(super) rows: Vec<u64>,
}

impl Baseline {
    pub(super) fn add_rows(&mut self, rows: u64) {
        self.rows.push(rows);
        self.rows.drain(..self.rows.len().saturating_sub(RUNS));
    }
}

/// A baseline and its place in the store.
#[derive(Debug)]
pub(super) struct Kept {
    key: String,
    state: SyncState,
    pub(super) baseline: Baseline,
}

impl Kept {
    pub(super) async fn load<C: Checkpoint>(store: &C, sync_key: &str) -> Result<Self, CheckpointError> {
        let key = format!("{sync_key}#drift");
        let state = store.load(&key).await.map_err(CheckpointError::from_store)?;
        let state = state.unwrap_or_else(|| SyncState::new(Fingerprint::of([STRATEGY]), STRATEGY));
        if state.strategy != STRATEGY {
            let (stored, wanted) = (state.strategy, STRATEGY.to_owned());
            return Err(CheckpointError::OtherStrategy { stored, wanted });
        }
        let baseline = state.run().map(|run| Baseline::deserialize(&run.position)).transpose();
        let baseline = baseline.map_err(|error| CheckpointError::Corrupt { reason: error.to_string() })?;
        Ok(Self { key, state, baseline: baseline.unwrap_or_default() })
    }

    /// Saves the baseline, when it is not the stored one.
    pub(super) async fn save<C: Checkpoint>(
        &mut self,
        store: &C,
        baseline: Baseline,
        now: Timestamp,
    ) -> Result<(), CheckpointError> {
        if baseline == self.baseline {
            return Ok(());
        }
        let mut state = self.state.clone();
        state.revision = state.revision.saturating_add(1);
        let corrupt = |error: serde_json::Error| CheckpointError::Corrupt { reason: error.to_string() };
        let position: Value = serde_json::to_value(&baseline).map_err(corrupt)?;
        state.run = Some(RunInProgress { started: now, pages: 0, rows: 0, position });
        let saved = store.save(&self.key, &state).await.map_err(CheckpointError::from_store);
        if let Err(error) = saved {
            // A save before this one may have been done although its future was dropped.
            let stored = store.load(&self.key).await.ok().flatten();
            let is_saved = |stored: &SyncState| stored.revision == state.revision && content(stored) == content(&state);
            if !stored.as_ref().is_some_and(is_saved) {
                return Err(error);
            }
        }
        (self.state, self.baseline) = (state, baseline);
        Ok(())
    }
}

fn content(state: &SyncState) -> Option<&Value> {
    state.run().map(|run| &run.position)
}

/// Takes over into the baseline what was different in the last run of the sync under `key`, and returns it: nothing when the last run
/// had no change. The next run is compared with the new baseline.
///
/// A person decides that a change is right, so a program calls it when it is told to, not after each failed run.
///
/// # Errors
/// [`Error::Checkpoint`] when the store fails, or holds something else under the key of the baseline.
pub async fn accept<C: Checkpoint>(store: &C, key: &str) -> Result<Vec<Change>> {
    let failed = |source| Error::Checkpoint { key: key.to_owned(), source };
    let mut kept = Kept::load(store, key).await.map_err(failed)?;
    let mut baseline = kept.baseline.clone();
    let (Some(accepted), Some(latest)) = (&mut baseline.accepted, baseline.differs.take()) else {
        return Ok(Vec::new());
    };
    let changes = changes(accepted, &latest);
    for change in &changes {
        take_over(accepted, &latest, change);
    }
    let now = kept.state.run().map_or(Timestamp::UNIX_EPOCH, |run| run.started);
    kept.save(store, baseline, now).await.map_err(failed)?;
    Ok(changes)
}

/// Replaces the field of a change by that of the last run.
fn take_over(accepted: &mut Shape, latest: &Shape, change: &Change) {
    let names = change.path.split('/').skip(1).map(|name| name.replace("~1", "/").replace("~0", "~"));
    let names: Vec<String> = names.collect();
    let Some((last, parents)) = names.split_last() else {
        // The records themselves.
        accepted.clone_from(latest);
        return;
    };
    let (mut old, mut new) = (accepted, latest);
    for name in parents {
        let (Some(inner_old), Some(inner_new)) = (old.child_mut(name), new.child(name)) else { return };
        (old, new) = (inner_old, inner_new);
    }
    let (seen, of) = (old.seen, new.seen);
    match (new.child(last).filter(|_| change.kind != ChangeKind::Missing), old.child_mut(last)) {
        // The counts of a field are a share of those around it.
        (Some(field), Some(old)) => *old = field.scaled(seen, of),
        (Some(field), None) => {
            old.fields.insert(last.clone(), field.scaled(seen, of));
        }
        (None, _) => {
            old.fields.remove(last);
        }
    }
}
