//! The trait of the stores.

use std::future::Future;

use super::entry::Entry;
use crate::error::CheckpointError;

/// Where records in quarantine are kept. Implement it to keep them beside your rows; write plain `async fn`.
pub trait QuarantineStore: Send + Sync {
    /// Makes the store ready, such as its table. Called by [`Quarantine::open`](super::Quarantine::open). Default: nothing to do.
    fn prepare(&self) -> impl Future<Output = Result<(), CheckpointError>> + Send {
        async { Ok(()) }
    }

    /// Adds entries, durably. One whose [`Entry::id`] is there already is not added again. Returns how many are new.
    fn add(&self, entries: &[Entry]) -> impl Future<Output = Result<u64, CheckpointError>> + Send;

    /// Up to `limit` entries of a checkpoint key with an id after this one, in the order of their ids. `""` is before all ids.
    fn list(
        &self,
        key: &str,
        after: &str,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Entry>, CheckpointError>> + Send;

    /// Removes the entries with these ids. Returns how many there were.
    fn remove(&self, ids: &[String]) -> impl Future<Output = Result<u64, CheckpointError>> + Send;

    /// How many entries of a checkpoint key there are.
    fn waiting(&self, key: &str) -> impl Future<Output = Result<u64, CheckpointError>> + Send;
}
