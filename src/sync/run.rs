//! The run: executes a strategy and delivers its pages, one open batch at a time.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use jiff::Timestamp;
use serde::de::{DeserializeOwned, IgnoredAny};
use tokio::time::Instant;

use super::batch::Batch;
use super::report::{Outcome, Report};
use super::strategy::{Step, Strategy, Verdict};
use crate::checkpoint::{Checkpoint, CheckpointError, RunInProgress, SyncState};
use crate::client::{Client, Progress, monotonic};
use crate::error::{Error, Result};
use crate::listing::{ChunkedList, Cursor, Endpoint, Fetched, Page, PageFetch, Position};

/// One run of a sync, from `sync_by_id` and the other sync methods.
///
/// ```
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use jobfeed::checkpoint::MemoryStore;
///
/// # use jobfeed::{jobdataapi::Client, testing::JobDataApi};
/// # let server = JobDataApi::builder().jobs(300).start().await?;
/// # let (key, url) = (server.api_key(), server.base_url());
/// # let api = Client::builder().api_key(key).base_url(url).build()?;
/// let store = MemoryStore::new();
/// let mut run = api.jobs().sync_by_id("jobs/all", &store).await?;
/// while let Some(batch) = run.next().await? {
///     // … upsert batch.items(): after a crash a batch may come again …
///     batch.commit().await?;
/// }
/// assert_eq!(run.report().counts.rows, 300);
/// # Ok(()) }
/// ```
#[must_use = "a run does nothing until `next` is called"]
pub struct SyncRun<T, C> {
    client: Client,
    key: String,
    store: C,
    /// The stored state; revision 0 when nothing is stored yet.
    state: SyncState,
    strategy: Box<dyn Strategy>,
    stage: Stage<T>,
    /// A page that is kept until a later page shows whether it is the last one.
    held: Option<Page<T>>,
    /// A body that is read in chunks.
    chunked: Option<ChunkedList>,
    started_at: Timestamp,
    started: Instant,
    progress: Progress,
    new: Option<u64>,
    strict: bool,
    prefetch: bool,
}

/// The state of a run between two calls of `next`.
enum Stage<T> {
    /// `next` asks the strategy for a step.
    Ready,
    /// The page of the next step is being fetched.
    Fetching(Fetching<T>),
    /// The next result is this error.
    Failing(Error),
    /// A batch was delivered and is not committed yet. After the commit the run continues with the inner stage.
    Open(Box<Stage<T>>),
    /// A batch was dropped without a commit. Every further call of `next` is an error.
    Dropped,
    /// The run has ended.
    Over(Outcome),
}

/// A step whose page is being fetched.
struct Fetching<T> {
    endpoint: Arc<dyn Endpoint>,
    fetch: PageFetch<T>,
    /// When the strategy was asked for the step.
    asked: Timestamp,
}

impl<T, C> SyncRun<T, C> {
    pub(super) fn new(
        client: Client,
        key: String,
        store: C,
        state: SyncState,
        strategy: Box<dyn Strategy>,
        strict: bool,
        prefetch: bool,
    ) -> Self {
        let now = client.clock().now();
        let started_at = state.run.as_ref().map_or(now, |run| run.started);
        Self {
            client,
            key,
            store,
            state,
            strategy,
            stage: Stage::Ready,
            held: None,
            chunked: None,
            started_at,
            started: monotonic(),
            progress: Progress::default(),
            new: None,
            strict,
            prefetch,
        }
    }

    /// The checkpoint key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The stored state.
    pub fn state(&self) -> &SyncState {
        &self.state
    }

    /// The counters, which another task or thread may read.
    pub fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// The report of the run so far.
    pub fn report(&self) -> Report {
        Report {
            key: self.key.clone(),
            strategy: self.state.strategy.clone(),
            outcome: self.outcome(),
            counts: self.progress.counts(),
            new: self.new,
            seconds: monotonic().duration_since(self.started).as_secs_f64(),
            details: self.strategy.details(),
            caveats: self.strategy.caveats(),
        }
    }

    fn outcome(&self) -> Outcome {
        match &self.stage {
            Stage::Over(outcome) => *outcome,
            Stage::Dropped => Outcome::Failed,
            Stage::Ready | Stage::Fetching(_) | Stage::Failing(_) | Stage::Open(_) => Outcome::Running,
        }
    }

    pub(super) fn add_new(&mut self, rows: u64) {
        self.new = Some(self.new.unwrap_or_default() + rows);
    }

    /// Saves the state of a batch. The run takes it over in [`SyncRun::settle`].
    pub(super) fn save(&self, state: &SyncState) -> impl Future<Output = Result<()>> + Send
    where
        C: Checkpoint,
    {
        let (store, key) = (&self.store, self.key.as_str());
        async move {
            let saved = store.save(key, state).await;
            saved.map_err(|error| Error::Checkpoint { key: key.to_owned(), source: CheckpointError::from_store(error) })
        }
    }

    /// Takes over the state of a batch that was committed.
    pub(super) fn settle(&mut self, state: SyncState) {
        self.state = state;
        self.stage = match std::mem::replace(&mut self.stage, Stage::Ready) {
            Stage::Open(next) => *next,
            other => other,
        };
    }

    /// The state after the page that the strategy has entered last.
    fn next_state(&self, rows: u64) -> SyncState {
        let mut next = self.state.clone();
        next.revision = next.revision.saturating_add(1);
        if self.strategy.finished() {
            next.run = None;
            next.watermark = self.strategy.watermark();
        } else {
            let (pages, before) = self.state.run.as_ref().map_or((0, 0), |run| (run.pages, run.rows));
            let position = self.strategy.position();
            let rows = before + rows;
            next.run = Some(RunInProgress { started: self.started_at, pages: pages + 1, rows, position });
        }
        next
    }

    /// Ends the run after an error: `Ok` when the error is a pause, else the error.
    fn end(&mut self, error: Error) -> Result<()> {
        let paused_until = match &error {
            Error::Paused { until, .. } => Some(*until),
            // All attempts got a 429, and the server did not say how long to wait.
            error if error.is_rate_limited() => Some(self.client.after_throttling()),
            _ => None,
        };
        if let Some(until) = paused_until {
            tracing::info!(key = %self.key, %until, %error, "the run is paused");
            self.stage = Stage::Over(Outcome::Paused { until });
            return Ok(());
        }
        self.stage = Stage::Over(match &error {
            Error::Incomplete { completeness, .. } => (*completeness).into(),
            _ => Outcome::Failed,
        });
        Err(error)
    }
}

/// A page to deliver, and the error to return after it.
type Delivered<T> = (Page<T>, Option<Error>);

impl<T: DeserializeOwned + Send + 'static, C: Checkpoint> SyncRun<T, C> {
    /// The next batch; `None` when the run has ended. Then [`SyncRun::report`] says whether it is complete or paused.
    ///
    /// Cancel safe: after the future is dropped, the next call continues without a loss.
    ///
    /// # Errors
    /// [`Error::Uncommitted`] when the batch before was dropped without a commit, [`Error::Incomplete`] when the walk
    /// ended with missing records, and those of [`crate::PageStream`]. After an error the run has ended; the next run
    /// continues from the checkpoint.
    pub async fn next(&mut self) -> Result<Option<Batch<'_, T, C>>> {
        match &self.stage {
            Stage::Open(_) | Stage::Dropped => {
                self.stage = Stage::Dropped;
                return Err(Error::Uncommitted { key: self.key.clone() });
            }
            Stage::Over(_) => return Ok(None),
            Stage::Ready | Stage::Fetching(_) | Stage::Failing(_) => {}
        }
        match self.advance().await {
            Ok(Some((page, error))) => {
                let rows = page.len();
                self.progress.page(rows, page.rejected.len());
                let next = self.next_state(rows as u64);
                let after = match error {
                    Some(error) => Stage::Failing(error),
                    None => self.prefetch().map_or(Stage::Ready, Stage::Fetching),
                };
                self.stage = Stage::Open(Box::new(after));
                Ok(Some(Batch { run: self, page, next }))
            }
            Ok(None) => {
                self.stage = Stage::Over(Outcome::Complete);
                tracing::info!(key = %self.key, rows = self.progress.counts().rows, "the run is complete");
                Ok(None)
            }
            Err(error) => self.end(error).map(|()| None),
        }
    }

    /// Runs to the end: passes each page to `store`, then commits it. A paused run is `Ok`: check [`Report::outcome`].
    ///
    /// The future that the closure returns must own its data, such as a clone of a pool or of a channel's sender. If it
    /// has to borrow something mutably, write the loop with [`SyncRun::next`] instead.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> Result<(), jobfeed::BoxError> {
    /// # use jobfeed::{jobdataapi::Client, testing::JobDataApi};
    /// use jobfeed::checkpoint::MemoryStore;
    /// use std::sync::{Arc, Mutex};
    ///
    /// # let server = JobDataApi::builder().jobs(300).start().await?;
    /// # let (key, url) = (server.api_key(), server.base_url());
    /// # let api = Client::builder().api_key(key).base_url(url).build()?;
    /// let kept = Arc::new(Mutex::new(Vec::new()));
    /// let mut run = api.jobs().sync_by_id("jobs/all", MemoryStore::new()).await?;
    /// let report = run
    ///     .for_each(|page| {
    ///         let kept = kept.clone();
    ///         async move {
    ///             kept.lock().unwrap().extend(page.items);
    ///             Ok::<_, jobfeed::Error>(()) // now the page is committed
    ///         }
    ///     })
    ///     .await?;
    /// assert_eq!((report.counts.rows, kept.lock().unwrap().len()), (300, 300));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// The first error of the run or of `store`.
    pub async fn for_each<F, Fut, E>(&mut self, mut store: F) -> Result<Report, E>
    where
        F: FnMut(Page<T>) -> Fut + Send,
        Fut: Future<Output = Result<(), E>> + Send,
        E: From<Error> + Send,
        T: Sync,
    {
        while let Some(mut batch) = self.next().await? {
            let page = std::mem::replace(&mut batch.page, Page::empty());
            store(page).await?;
            batch.commit().await?;
        }
        Ok(self.report())
    }

    /// The next page to deliver; `None` at the end of the run.
    async fn advance(&mut self) -> Result<Option<Delivered<T>>> {
        if let Stage::Failing(_) = self.stage
            && let Stage::Failing(error) = std::mem::replace(&mut self.stage, Stage::Ready)
        {
            return Err(error);
        }
        loop {
            if self.strategy.finished() {
                // The run ended without a page. A changed state is an empty batch, because only the caller saves.
                let next = self.next_state(0);
                let changed = next.run != self.state.run || next.watermark != self.state.watermark;
                return Ok(changed.then(|| (Page::empty(), None)));
            }
            let asked = match &self.stage {
                Stage::Fetching(fetching) => fetching.asked,
                _ => self.client.clock().now(),
            };
            if let Stage::Fetching(fetching) = &mut self.stage {
                // The fetch stays in `stage` while it is awaited, so it continues after the caller drops the future.
                let fetched = (&mut fetching.fetch).await;
                let endpoint = fetching.endpoint.clone();
                self.stage = Stage::Ready;
                match fetched {
                    Ok(fetched) => {
                        self.progress.total(self.strategy.total(&fetched));
                        if let Some(delivered) = self.enter(&*endpoint, fetched, asked)? {
                            return Ok(Some(delivered));
                        }
                    }
                    Err(error) if self.strategy.recover(&error) => {}
                    Err(error) => return Err(error),
                }
                continue;
            }
            match self.strategy.step(asked) {
                Step::Stop(error) => return Err(error),
                Step::Fetch(endpoint, at) => self.stage = Stage::Fetching(self.fetch(endpoint, &at, asked, false)),
                Step::Probe(endpoint, at) => {
                    let probe = self.client.fetch_page::<IgnoredAny>(&*endpoint, &at, &self.progress).await?;
                    let verdict = self.strategy.enter(&probe, asked).map_err(|error| error.at(&*endpoint))?;
                    if let Verdict::DeliverHeld = verdict
                        && let Some(page) = self.held.take()
                    {
                        return Ok(Some((page, None)));
                    }
                }
                Step::Chunk(endpoint, at, rows) => {
                    let fetched = self.chunk(&*endpoint, &at, rows).await?;
                    if let Some(delivered) = self.enter(&*endpoint, fetched, asked)? {
                        return Ok(Some(delivered));
                    }
                }
            }
        }
    }

    /// Passes a page to the strategy. Returns the page to deliver, when there is one.
    fn enter(
        &mut self,
        endpoint: &dyn Endpoint,
        fetched: Fetched<T>,
        asked: Timestamp,
    ) -> Result<Option<Delivered<T>>> {
        if let (true, Some(record)) = (self.strict, fetched.page.rejected.first()) {
            return Err(record.error(endpoint.name()));
        }
        let verdict = self.strategy.enter(&fetched, asked).map_err(|error| error.at(endpoint))?;
        let Fetched { mut page, next } = fetched;
        if let (Some((rows, total)), Some(at)) = (self.strategy.account(), next) {
            page.next = Some(Cursor::new(self.client.origin(), endpoint.fingerprint(), at, rows, total));
        }
        Ok(match verdict {
            Verdict::Deliver => Some((page, None)),
            Verdict::DeliverThenFail(error) => Some((page, Some(error.at(endpoint)))),
            Verdict::DeliverHeld => self.held.take().map(|page| (page, None)),
            Verdict::Skip => None,
            Verdict::Hold => {
                self.held = Some(page);
                None
            }
        })
    }

    /// The next chunk of a long body. The body is requested when it is not open at this position.
    async fn chunk(&mut self, endpoint: &dyn Endpoint, at: &Position, rows: usize) -> Result<Fetched<T>> {
        let mut list = match self.chunked.take().filter(|list| list.position() == *at) {
            Some(list) => list,
            None => ChunkedList::open(&self.client, endpoint, at, &self.progress).await?,
        };
        let fetched = list.next::<T>(rows, &self.client, &self.progress).await?;
        self.chunked = fetched.next.is_some().then_some(list);
        Ok(fetched)
    }

    /// Starts the fetch of the next page while the caller works on this one, when the next step is a fetch.
    fn prefetch(&self) -> Option<Fetching<T>> {
        if !self.prefetch || self.strategy.finished() {
            return None;
        }
        let asked = self.client.clock().now();
        match self.strategy.step(asked) {
            Step::Fetch(endpoint, at) if self.client.may_prefetch(&*endpoint) => {
                Some(self.fetch(endpoint, &at, asked, true))
            }
            _ => None,
        }
    }

    fn fetch(&self, endpoint: Arc<dyn Endpoint>, at: &Position, asked: Timestamp, prefetch: bool) -> Fetching<T> {
        let fetch = PageFetch::start(&self.client, &endpoint, at, &self.progress, prefetch);
        Fetching { endpoint, fetch, asked }
    }
}

impl<T, C> fmt::Debug for SyncRun<T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SyncRun")
            .field("key", &self.key)
            .field("state", &self.state)
            .field("outcome", &self.outcome())
            .finish_non_exhaustive()
    }
}
