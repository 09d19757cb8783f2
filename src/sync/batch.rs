//! One page of a run, open until the caller commits it.

use std::fmt;

use super::run::SyncRun;
use crate::checkpoint::{Checkpoint, Fence, SyncState};
use crate::error::Result;
use crate::json::Record;
use crate::listing::Page;

/// A page of a run and the state after it.
///
/// Store its records, then commit: [`Batch::commit`] saves the state in the checkpoint store; or write
/// [`Batch::next_state`] in your own transaction together with the rows, and call [`Batch::committed`]. A batch that is
/// dropped without either ends the run with an error, and the next run delivers its page again.
#[must_use = "a batch that is dropped without a commit ends the run"]
pub struct Batch<'r, T, C> {
    pub(super) run: &'r mut SyncRun<T, C>,
    pub(super) page: Page<T>,
    pub(super) next: SyncState,
}

impl<T, C> Batch<'_, T, C> {
    /// The records, without those that only tell of a removal.
    pub fn items(&self) -> &[T] {
        &self.page.items
    }

    /// The records, by value. The batch must still be committed. [`Batch::page`] then has only their raw texts.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use jobfeed::{jobdataapi::Client, testing::JobDataApi};
    /// use jobfeed::checkpoint::MemoryStore;
    /// # let server = JobDataApi::builder().jobs(300).start().await?;
    /// # let (key, url) = (server.api_key(), server.base_url());
    /// # let api = Client::builder().api_key(key).base_url(url).build()?;
    /// let mut run = api.jobs().sync_by_id("jobs/all", MemoryStore::new()).await?;
    /// let mut kept = Vec::new();
    /// while let Some(mut batch) = run.next().await? {
    ///     kept.extend(batch.take_items());
    ///     batch.commit().await?;
    /// }
    /// assert_eq!(kept.len(), 300);
    /// # Ok(()) }
    /// ```
    pub fn take_items(&mut self) -> Vec<T> {
        std::mem::take(&mut self.page.items)
    }

    /// The records that only tell that a record was removed from the service, where the listing has such records
    /// ([`Endpoint::is_removal`](crate::Endpoint::is_removal)): delete theirs from your store before the commit. [`Batch::items`] has
    /// all others. A page does not say which came first, where a record is in both.
    pub fn removals(&self) -> impl ExactSizeIterator<Item = Record<'_>> {
        self.page.removals()
    }

    /// The page, with raw texts, rejected records and headers.
    pub fn page(&self) -> &Page<T> {
        &self.page
    }

    /// The state to save when the records are durable. Saved in the same transaction, it gives exactly-once.
    pub fn next_state(&self) -> &SyncState {
        &self.next
    }

    /// The checkpoint key.
    pub fn key(&self) -> &str {
        self.run.key()
    }

    /// Adds to [`crate::Report::new`] how many of the records were new in the caller's store.
    pub fn report_new(&mut self, rows: u64) {
        self.run.add_new(rows);
    }

    /// Call this when you have saved [`Batch::next_state`] yourself.
    pub fn committed(self) {
        self.run.settle(self.next);
    }
}

impl<T, C: Checkpoint> Batch<'_, T, C> {
    /// The fencing token, when the store of the run is a [`Lease`](crate::checkpoint::Lease): for a save in the caller's transaction.
    pub fn fence(&self) -> Option<Fence> {
        self.run.store.fence()
    }

    /// Saves the state. Call it when the records are durable, not before.
    ///
    /// # Errors
    /// [`crate::Error::Checkpoint`] when the store fails or another process has saved under the key. The stored state
    /// is not changed, the run ends, and the next run delivers the page again.
    pub async fn commit(self) -> Result<()> {
        match self.run.save(&self.next).await {
            Ok(()) => self.run.settle(self.next),
            Err(error) => {
                self.run.dropped(&error);
                return Err(error);
            }
        }
        Ok(())
    }
}

impl<T, C> fmt::Debug for Batch<'_, T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch").field("page", &self.page).field("next_state", &self.next).finish_non_exhaustive()
    }
}
