//! The state of a sync, between runs and during a run.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::mark::Mark;
use crate::error::CheckpointError;
use crate::listing::Fingerprint;

/// The newest version of the state that this version of the crate reads and writes.
const VERSION: u32 = 1;

/// The state of one sync: small, versioned, serialisable. It contains no records and no credentials.
///
/// # JSON form
///
/// ```json
/// {
///   "version": 1,
///   "revision": 8,
///   "query": "5d3ff3b5e04c1ce9a1a5c2b5e1d6a6f2",
///   "strategy": "by-id",
///   "watermark": { "id": 5120 },
///   "run": { "started": "2026-05-01T12:00:00Z", "pages": 3, "rows": 2900,
///            "position": { "next": 9001, "upper": 20000 } }
/// }
/// ```
///
/// * `version`: of this form. A newer one is refused.
/// * `revision`: grows by one with every save; a store refuses any other, so two processes cannot overwrite each other's state.
/// * `query`: the fingerprint of server, endpoint, filters and page size.
/// * `strategy`: the kind of sync; a state of another kind is refused.
/// * `watermark`: `{"id": n}`, `{"date": "YYYY-MM-DD"}`, `{"time": "…Z"}` or `{"text": "…"}`; absent before the first run is complete.
/// * `run`: the run in progress, absent between runs. `position`: the frozen window and the position in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SyncState {
    version: u32,
    pub(crate) revision: u64,
    pub(crate) query: Fingerprint,
    pub(crate) strategy: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) watermark: Option<Mark>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) run: Option<RunInProgress>,
}

/// The part of a [`SyncState`] that exists while a run is in progress.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RunInProgress {
    /// When the run was first started.
    pub started: Timestamp,
    /// Pages committed so far.
    pub pages: u64,
    /// Records committed so far.
    pub rows: u64,
    /// The frozen window and the position in it, in a form that depends on the strategy.
    pub position: Value,
}

impl SyncState {
    /// The state of a sync that has never run, with revision 0. A run makes its own: this is for the tests of a store.
    pub fn new(query: Fingerprint, strategy: &str) -> Self {
        Self { version: VERSION, revision: 0, query, strategy: strategy.to_owned(), watermark: None, run: None }
    }

    /// The number of the save: 1 for the first, and one more for each later save.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The watermark: everything up to it was delivered. `None` before the first run is complete.
    pub fn watermark(&self) -> Option<Mark> {
        self.watermark.clone()
    }

    /// The run in progress, `None` between runs.
    pub fn run(&self) -> Option<&RunInProgress> {
        self.run.as_ref()
    }

    /// The JSON text that stores keep.
    ///
    /// # Panics
    /// Never: all keys are strings, and there is no non-finite number.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads a text of [`SyncState::to_json`].
    ///
    /// # Errors
    /// [`CheckpointError::Newer`] for a state of a later version of this crate, [`CheckpointError::Corrupt`] for any
    /// other text that is not a state. It never starts a new state instead.
    pub fn from_json(text: &str) -> Result<Self, CheckpointError> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let corrupt = |error: serde_json::Error| CheckpointError::Corrupt { reason: error.to_string() };
        let Versioned { version } = serde_json::from_str(text).map_err(corrupt)?;
        if version > VERSION {
            return Err(CheckpointError::Newer { version, supported: VERSION });
        }
        serde_json::from_str(text).map_err(corrupt)
    }
}

impl CheckpointError {
    /// Refuses a save that does not follow the stored state.
    ///
    /// # Errors
    /// [`CheckpointError::Conflict`] unless the new revision is the stored one plus one.
    pub fn check_revision(stored: Option<&SyncState>, new: &SyncState) -> Result<(), Self> {
        let found = stored.map_or(0, SyncState::revision);
        let expected = new.revision().saturating_sub(1);
        if found == expected { Ok(()) } else { Err(Self::Conflict { expected, found }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_form_is_read_and_written() {
        let text = r#"{"version":1,"revision":8,"query":"5d3ff3b5e04c1ce9a1a5c2b5e1d6a6f2","strategy":"by-id","watermark":{"id":5120},"run":{"started":"2026-05-01T12:00:00Z","pages":3,"rows":2900,"position":{"next":9001,"upper":20000}}}"#;
        assert_eq!(SyncState::from_json(text).unwrap().to_json(), text);
    }

    #[test]
    fn a_text_that_is_not_a_state_of_this_version_is_an_error() {
        let state = SyncState::new(Fingerprint::of(["q"]), "by-id").to_json();
        for cut in 0..state.len() {
            assert!(
                matches!(SyncState::from_json(&state[..cut]), Err(CheckpointError::Corrupt { .. })),
                "cut at {cut}"
            );
        }
        let newer = state.replace("\"version\":1", "\"version\":2");
        assert!(matches!(SyncState::from_json(&newer), Err(CheckpointError::Newer { version: 2, supported: 1 })));
        let unknown = state.replace("\"version\":1", "\"version\":1,\"cursor\":5");
        assert!(matches!(SyncState::from_json(&unknown), Err(CheckpointError::Corrupt { .. })));
    }
}
