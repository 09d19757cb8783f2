//! A signal that ends runs between two batches.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;

use futures::future::{Either, select};
use tokio::sync::watch;

/// Ends runs early and in order: after [`StopSignal::stop`], the batch in hand can still be committed, and then
/// [`SyncRun::next`](crate::SyncRun::next) returns `None`. Clones are the same signal; give one to each run by
/// [`SyncRun::stop_when`](crate::SyncRun::stop_when).
///
/// The report says [`Outcome::Stopped`](crate::Outcome::Stopped), and the next run continues from the checkpoint. A request in
/// progress, or a wait before one, is ended at once, except where records are billed: such a page is still delivered.
///
/// ```
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use jobfeed::checkpoint::MemoryStore;
/// use jobfeed::{Outcome, StopSignal};
///
/// # use jobfeed::{jobdataapi::Client, testing::JobDataApi};
/// # let server = JobDataApi::builder().jobs(300).start().await?;
/// # let (key, url) = (server.api_key(), server.base_url());
/// # let api = Client::builder().api_key(key).base_url(url).build()?;
/// let stop = StopSignal::new();
/// let mut run = api.jobs().page_size(100).sync_by_id("jobs", MemoryStore::new()).await?.stop_when(&stop);
/// while let Some(batch) = run.next().await? {
///     stop.stop(); // such as on SIGTERM, in another task
///     batch.commit().await?;
/// }
/// assert_eq!(run.report().outcome, Outcome::Stopped);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct StopSignal(Arc<watch::Sender<bool>>);

impl StopSignal {
    /// A signal that was not given yet.
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }

    /// Gives the signal, for good.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }

    /// Whether it was given.
    pub fn is_stopped(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until it is given.
    pub async fn stopped(&self) {
        // The sender is alive as long as `self`, so this cannot fail.
        _ = self.0.subscribe().wait_for(|stopped| *stopped).await;
    }

    /// Runs a future to its end; `None` when the signal is given before.
    pub(super) async fn or_stopped<F: Future + Unpin>(signal: Option<&Self>, future: F) -> Option<F::Output> {
        let Some(signal) = signal else { return Some(future.await) };
        match select(pin!(signal.stopped()), future).await {
            Either::Left(_) => None,
            Either::Right((output, _)) => Some(output),
        }
    }
}

impl Default for StopSignal {
    fn default() -> Self {
        Self::new()
    }
}
