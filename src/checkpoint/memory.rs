//! A store in memory, for tests and for syncs whose state is not needed after the process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::state::SyncState;
use super::store::Checkpoint;
use crate::error::CheckpointError;

/// Keeps states in memory. Clones share the states.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore(Arc<Mutex<HashMap<String, SyncState>>>);

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn states(&self) -> MutexGuard<'_, HashMap<String, SyncState>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Checkpoint for MemoryStore {
    type Error = CheckpointError;

    async fn load(&self, key: &str) -> Result<Option<SyncState>, CheckpointError> {
        Ok(self.states().get(key).cloned())
    }

    async fn save(&self, key: &str, state: &SyncState) -> Result<(), CheckpointError> {
        let mut states = self.states();
        CheckpointError::check_revision(states.get(key), state)?;
        states.insert(key.to_owned(), state.clone());
        Ok(())
    }
}
