//! A store in memory, for tests and for syncs whose state is not needed after the process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::fence::Fence;
use super::lease::{LeaseStore, MAX_TTL};
use super::state::SyncState;
use super::store::Checkpoint;
use crate::client::monotonic;
use crate::error::CheckpointError;

/// Keeps states in memory. Clones share the states.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore(Arc<Mutex<HashMap<String, Entry>>>);

#[derive(Debug, Default)]
struct Entry {
    state: Option<SyncState>,
    /// The number of the last lease.
    fence: u64,
    /// Its holder, and when it ends. `None` when it was freed.
    lease: Option<(String, Instant)>,
}

impl Entry {
    fn save(&mut self, state: &SyncState) -> Result<(), CheckpointError> {
        CheckpointError::check_revision(self.state.as_ref(), state)?;
        self.state = Some(state.clone());
        Ok(())
    }

    /// An error while another worker has the lease.
    fn check_free(&self) -> Result<(), CheckpointError> {
        let now = monotonic();
        match &self.lease {
            Some((holder, end)) if *end > now => {
                Err(CheckpointError::Leased { holder: holder.clone(), ends_in: end.duration_since(now) })
            }
            _ => Ok(()),
        }
    }
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Checkpoint for MemoryStore {
    type Error = CheckpointError;

    async fn load(&self, key: &str) -> Result<Option<SyncState>, CheckpointError> {
        Ok(self.entries().get(key).and_then(|entry| entry.state.clone()))
    }

    async fn save(&self, key: &str, state: &SyncState) -> Result<(), CheckpointError> {
        let mut entries = self.entries();
        let entry = entries.entry(key.to_owned()).or_default();
        entry.check_free()?;
        entry.save(state)
    }
}

impl LeaseStore for MemoryStore {
    async fn acquire(&self, key: &str, holder: &str, ttl: Duration) -> Result<Fence, CheckpointError> {
        let mut entries = self.entries();
        let entry = entries.entry(key.to_owned()).or_default();
        entry.check_free()?;
        entry.fence += 1;
        entry.lease = Some((holder.to_owned(), monotonic() + ttl.min(MAX_TTL)));
        Ok(Fence::new(entry.fence))
    }

    async fn renew(&self, key: &str, fence: Fence, ttl: Duration) -> Result<bool, CheckpointError> {
        let mut entries = self.entries();
        let entry = entries.entry(key.to_owned()).or_default();
        let held = entry.fence == fence.get();
        if let (true, Some((_, end))) = (held, &mut entry.lease) {
            *end = monotonic() + ttl.min(MAX_TTL);
        }
        Ok(held)
    }

    async fn release(&self, key: &str, fence: Fence) -> Result<(), CheckpointError> {
        let mut entries = self.entries();
        let entry = entries.entry(key.to_owned()).or_default();
        if entry.fence == fence.get() {
            entry.lease = None;
        }
        Ok(())
    }

    async fn save_leased(&self, key: &str, state: &SyncState, fence: Fence) -> Result<(), CheckpointError> {
        let mut entries = self.entries();
        let entry = entries.entry(key.to_owned()).or_default();
        if entry.fence != fence.get() {
            return Err(CheckpointError::LeaseLost);
        }
        entry.save(state)
    }
}
