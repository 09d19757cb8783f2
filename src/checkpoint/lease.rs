//! Leases: the right to sync under a key, held by one worker at a time, for workers in many processes or on many machines.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::fence::Fence;
use super::state::SyncState;
use super::store::Checkpoint;
use crate::client::{monotonic, sleep_until};
use crate::error::CheckpointError;

/// The shortest time to live.
const MIN_TTL: Duration = Duration::from_millis(100);

/// The longest time to live: a hundred years.
pub(super) const MAX_TTL: Duration = Duration::from_secs(3_153_600_000);

/// A store that can give leases. Implement it beside [`Checkpoint`], with plain `async fn`.
///
/// Only the clock of the store decides when a lease ends, so the clocks of the workers do not matter.
///
/// ```
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
/// use jobfeed::checkpoint::{CheckpointError, LeaseStore, MemoryStore};
///
/// # use jobfeed::{jobdataapi::Client, testing::JobDataApi};
/// # let server = JobDataApi::builder().jobs(300).start().await?;
/// # let (key, url) = (server.api_key(), server.base_url());
/// # let api = Client::builder().api_key(key).base_url(url).build()?;
/// let store = MemoryStore::new();
/// // The lease is the store of the run: it renews itself.
/// let lease = store.lease("jobs/na", Duration::from_secs(30)).await?;
/// let mut run = api.jobs().sync_by_id("jobs/na", &lease).await?;
///
/// let other = store.lease("jobs/na", Duration::from_secs(30)).await;
/// assert!(matches!(other, Err(CheckpointError::Leased { .. })), "before anything is sent");
/// while let Some(batch) = run.next().await? {
///     batch.commit().await?;
/// }
/// // Now the next worker need not wait until it ends.
/// lease.release().await?;
/// # Ok(()) }
/// ```
pub trait LeaseStore: Checkpoint {
    /// Takes the lease of a key for `ttl`, when no worker has it, or the last one did not renew it in time. [`LeaseStore::lease`] calls it and renews.
    ///
    /// # Errors
    /// [`CheckpointError::Leased`] when a worker has it.
    fn acquire(
        &self,
        key: &str,
        holder: &str,
        ttl: Duration,
    ) -> impl Future<Output = Result<Fence, CheckpointError>> + Send;

    /// Extends a lease to `ttl` from now. `false` when another lease was taken after it.
    fn renew(
        &self,
        key: &str,
        fence: Fence,
        ttl: Duration,
    ) -> impl Future<Output = Result<bool, CheckpointError>> + Send;

    /// Frees a lease. Does nothing when another one was taken after it.
    fn release(&self, key: &str, fence: Fence) -> impl Future<Output = Result<(), CheckpointError>> + Send;

    /// [`Checkpoint::save`] by the holder of a lease.
    ///
    /// # Errors
    /// [`CheckpointError::LeaseLost`] when another lease was taken after it; nothing is saved then.
    fn save_leased(
        &self,
        key: &str,
        state: &SyncState,
        fence: Fence,
    ) -> impl Future<Output = Result<(), CheckpointError>> + Send;

    /// Takes the lease of a key, and renews it until the guard is dropped. Its holder is called `process <id>` in the errors of others.
    /// Call it within a tokio runtime.
    ///
    /// A dead worker's lease ends after `ttl`; then another worker can take it. `ttl` is at least 0.1 s and at
    /// most a hundred years; 30 s is usual.
    ///
    /// # Errors
    /// [`CheckpointError::Leased`] when another worker has it, [`CheckpointError::Store`] when the store fails.
    fn lease(&self, key: &str, ttl: Duration) -> impl Future<Output = Result<Lease<Self>, CheckpointError>> + Send
    where
        Self: Clone + 'static,
    {
        let holder = format!("process {}", std::process::id());
        async move { self.lease_as(key, &holder, ttl).await }
    }

    /// [`LeaseStore::lease`] with a name for the holder, such as host and process, which the errors of others show.
    ///
    /// # Errors
    /// Those of [`LeaseStore::lease`].
    fn lease_as(
        &self,
        key: &str,
        holder: &str,
        ttl: Duration,
    ) -> impl Future<Output = Result<Lease<Self>, CheckpointError>> + Send
    where
        Self: Clone + 'static,
    {
        async move {
            let ttl = ttl.clamp(MIN_TTL, MAX_TTL);
            let asked = monotonic();
            let fence = self.acquire(key, holder, ttl).await?;
            Ok(Lease::start(self.clone(), key.to_owned(), fence, ttl, asked))
        }
    }
}

/// A lease that a worker holds, from [`LeaseStore::lease`]. It is a [`Checkpoint`] for its key, so pass it, or a reference to it, to a sync.
///
/// A task of the runtime renews it at each third of its time to live. It is lost when that was not possible for the whole time to live, because
/// the process was stopped or the store could not be reached. Then the run begins no more requests (one in progress may still be retried) and ends
/// with [`CheckpointError::LeaseLost`], and when another worker has taken the lease, the store refuses the run's saves.
///
/// It is freed when it is dropped, by a task of the runtime. A program that exits right after that may not free it; it then ends after its time to live.
/// [`Lease::release`] waits until it is free.
pub struct Lease<S: LeaseStore + Clone + 'static> {
    store: S,
    key: String,
    fence: Fence,
    holding: Arc<Mutex<Holding>>,
    renewal: Option<AbortHandle>,
}

/// Until when the lease holds, if it is not renewed.
#[derive(Debug)]
enum Holding {
    Until(Instant),
    Lost,
}

impl<S: LeaseStore + Clone + 'static> Lease<S> {
    fn start(store: S, key: String, fence: Fence, ttl: Duration, asked: Instant) -> Self {
        let holding = Arc::new(Mutex::new(Holding::Until(asked + ttl)));
        let renewal = renew(store.clone(), key.clone(), fence, ttl, holding.clone());
        let renewal = Handle::try_current().ok().map(|runtime| runtime.spawn(renewal).abort_handle());
        Self { store, key, fence, holding, renewal }
    }

    /// The key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Whether it is lost. It never comes back: take a new one.
    pub fn is_lost(&self) -> bool {
        is_lost(&self.holding)
    }

    /// Frees the lease and waits until the store has done it. Dropping it frees it too, in the background.
    ///
    /// # Errors
    /// [`CheckpointError::Store`] when the store fails: the lease ends after its time to live.
    pub async fn release(mut self) -> Result<(), CheckpointError> {
        self.stop_renewal();
        let released = self.store.release(&self.key, self.fence).await;
        // Nothing is left for `drop`.
        *lock(&self.holding) = Holding::Lost;
        released
    }

    fn stop_renewal(&mut self) {
        if let Some(renewal) = self.renewal.take() {
            renewal.abort();
        }
    }

    fn check_key(&self, key: &str) -> Result<(), CheckpointError> {
        if key == self.key { Ok(()) } else { Err(CheckpointError::OtherKey { leased: self.key.clone() }) }
    }
}

/// Renews until the lease is lost. An error of the store is no loss: it is tried again until the time to live is over.
async fn renew<S: LeaseStore>(store: S, key: String, fence: Fence, ttl: Duration, holding: Arc<Mutex<Holding>>) {
    let pause = ttl / 3;
    let mut next = monotonic() + pause;
    loop {
        sleep_until(next).await;
        let asked = monotonic();
        next = asked + pause;
        if is_lost(&holding) {
            return;
        }
        // A store that does not answer must not delay the next try.
        match tokio::time::timeout_at(next, store.renew(&key, fence, ttl)).await {
            Ok(Ok(true)) => *lock(&holding) = Holding::Until(asked + ttl),
            Ok(Ok(false)) => {
                tracing::warn!(%key, %fence, "another worker has taken the lease");
                *lock(&holding) = Holding::Lost;
                return;
            }
            Ok(Err(error)) => {
                tracing::warn!(%key, %fence, %error, "the lease was not renewed");
                next = asked + pause / 4;
            }
            Err(_) => tracing::warn!(%key, %fence, "the lease was not renewed: the store does not answer"),
        }
    }
}

fn is_lost(holding: &Mutex<Holding>) -> bool {
    match *lock(holding) {
        Holding::Until(end) => monotonic() >= end,
        Holding::Lost => true,
    }
}

/// A panic while the lock was held cannot make the value invalid.
fn lock(holding: &Mutex<Holding>) -> MutexGuard<'_, Holding> {
    holding.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<S: LeaseStore + Clone + 'static> Checkpoint for Lease<S> {
    type Error = CheckpointError;

    async fn load(&self, key: &str) -> Result<Option<SyncState>, CheckpointError> {
        self.check_key(key)?;
        self.check()?;
        self.store.load(key).await.map_err(CheckpointError::from_store)
    }

    async fn save(&self, key: &str, state: &SyncState) -> Result<(), CheckpointError> {
        self.check_key(key)?;
        self.store.save_leased(key, state, self.fence).await
    }

    fn fence(&self) -> Option<Fence> {
        Some(self.fence)
    }

    fn check(&self) -> Result<(), CheckpointError> {
        if self.is_lost() { Err(CheckpointError::LeaseLost) } else { Ok(()) }
    }
}

impl<S: LeaseStore + Clone + 'static> Drop for Lease<S> {
    fn drop(&mut self) {
        self.stop_renewal();
        if let (false, Ok(runtime)) = (self.is_lost(), Handle::try_current()) {
            let (store, key, fence) = (self.store.clone(), std::mem::take(&mut self.key), self.fence);
            runtime.spawn(async move {
                if let Err(error) = store.release(&key, fence).await {
                    tracing::warn!(%key, %fence, %error, "the lease was not freed; it ends by itself");
                }
            });
        }
    }
}

impl<S: LeaseStore + Clone + 'static> fmt::Debug for Lease<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease").field("key", &self.key).field("fence", &self.fence).finish_non_exhaustive()
    }
}
