//! The run: drives a strategy over a checkpoint, one open batch at a time.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::task::Poll;

use futures::FutureExt;

use http::StatusCode;
use jiff::Timestamp;
use serde::de::{DeserializeOwned, IgnoredAny};
use tokio::time::Instant;

use super::batch::Batch;
use super::report::{Outcome, Report};
use super::strategy::{Facts, Fault, Step, Strategy, Verdict};
use crate::checkpoint::Checkpoint;
use crate::checkpoint::{RunInProgress, SyncState};
use crate::client::Client;
use crate::client::Progress;
use crate::client::monotonic;
use crate::error::CheckpointError;
use crate::error::{Call, Error, Result};
use crate::json::BodyProblem;
use crate::listing::Ahead;
use crate::listing::Endpoint;
use crate::listing::Fetched;
use crate::listing::LongList;
use crate::listing::Manner;
use crate::listing::Page;
use crate::listing::Position;

/// One run of a sync, from `sync_by_id` and its kin.
///
/// ```
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// use jobfeed::{checkpoint::MemoryStore, jobdataapi};
///
/// # let server = jobfeed::testing::JobDataApi::builder().jobs(300).start().await?;
/// # let api = jobdataapi::Client::builder().api_key(server.api_key()).base_url(server.base_url())?.build()?;
/// let store = MemoryStore::new();
/// let mut run = api.jobs().sync_by_id("jobs/all", &store).await?;
/// while let Some(batch) = run.next().await? {
///     // … make batch.items() durable; upsert, because a batch may come again after a crash …
///     batch.commit().await?;
/// }
/// assert_eq!(run.report().counts.rows, 300);
/// # Ok(())
/// # }
/// # tokio::runtime::Runtime::new().unwrap().block_on(run()).unwrap();
/// ```
#[must_use = "a run does nothing until `next` is called"]
pub struct SyncRun<T, C> {
    client: Client,
    key: String,
    store: C,
    /// As it is stored; revision 0 when nothing is stored yet.
    state: SyncState,
    strategy: Box<dyn Strategy>,
    /// The page that the strategy's step asks for, when its call is under way.
    pending: Option<Ahead<Result<Fetched<T>>>>,
    /// What was found behind the page that was delivered last.
    astray: Option<Fault>,
    /// A page that waits for its confirmation.
    held: Option<Fetched<T>>,
    /// A body that is read piece by piece.
    long: Option<LongList>,
    /// Whether a batch was handed out that nobody has settled yet.
    open: bool,
    outcome: Outcome,
    started_at: Timestamp,
    started: Instant,
    progress: Progress,
    new: Option<u64>,
    manner: Manner,
}

impl<T, C> SyncRun<T, C> {
    pub(super) fn new(
        client: Client,
        key: String,
        store: C,
        state: SyncState,
        strategy: Box<dyn Strategy>,
        manner: Manner,
    ) -> Self {
        let now = client.clock().now();
        let started_at = state.run.as_ref().map_or(now, |run| run.started);
        Self {
            client,
            key,
            store,
            state,
            strategy,
            pending: None,
            astray: None,
            held: None,
            long: None,
            open: false,
            outcome: Outcome::Running,
            started_at,
            started: monotonic(),
            progress: Progress::default(),
            new: None,
            manner,
        }
    }

    /// The key under which the state is kept.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The state as it is stored.
    pub fn state(&self) -> &SyncState {
        &self.state
    }

    /// A handle on the counters, to be watched from elsewhere.
    pub fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// What the run did so far.
    pub fn report(&self) -> Report {
        Report {
            key: self.key.clone(),
            strategy: self.state.strategy.clone(),
            outcome: self.outcome,
            counts: self.progress.counts(),
            new: self.new,
            seconds: monotonic().duration_since(self.started).as_secs_f64(),
            details: self.strategy.details(),
            caveats: self.strategy.caveats(),
        }
    }

    pub(super) fn add_new(&mut self, rows: u64) {
        self.new = Some(self.new.unwrap_or_default() + rows);
    }

    /// Saves a state that is not yet the run's own.
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

    /// The batch is durable, and so is its state.
    pub(super) fn settle(&mut self, state: SyncState) {
        self.state = state;
        self.open = false;
    }

    /// The state after the page that the strategy has just absorbed.
    fn next_state(&self, rows: u64) -> SyncState {
        let mut next = self.state.clone();
        next.revision += 1;
        if self.strategy.finished() {
            next.run = None;
            next.watermark = self.strategy.watermark();
        } else {
            let (pages, before) = self.state.run.as_ref().map_or((0, 0), |run| (run.pages, run.rows));
            let plan = self.strategy.plan();
            let rows = before + rows;
            next.run = Some(RunInProgress { started: self.started_at, pages: pages + 1, rows, plan });
        }
        next
    }
}

impl<T: DeserializeOwned + Send + 'static, C: Checkpoint> SyncRun<T, C> {
    /// The next batch; `None` when the run is over. Then [`SyncRun::report`] tells whether it is complete or paused.
    ///
    /// Cancel safe: dropping the future loses nothing, and the next call asks again.
    ///
    /// # Errors
    /// [`Error::Uncommitted`] when the batch before was dropped unsettled, [`Error::Incomplete`] when the walk ended with a
    /// hole, and what [`crate::PageStream`] has. After an error the run is over; the next one goes on from the checkpoint.
    pub async fn next(&mut self) -> Result<Option<Batch<'_, T, C>>> {
        if self.open {
            self.outcome = Outcome::Failed;
            return Err(Error::Uncommitted { key: self.key.clone() });
        }
        if self.outcome != Outcome::Running {
            return Ok(None);
        }
        match self.advance().await {
            Ok(Some(page)) => {
                let rows = page.len();
                self.progress.page(rows, page.rejected.len());
                let next = self.next_state(rows as u64);
                self.open = true;
                self.astray = self.strategy.astray();
                if self.manner.look_ahead && self.astray.is_none() && !self.strategy.finished() {
                    self.fetch_ahead();
                }
                Ok(Some(Batch { run: self, page, next }))
            }
            Ok(None) => {
                self.outcome = Outcome::Complete;
                tracing::info!(key = %self.key, rows = self.progress.counts().rows, "the run is complete");
                Ok(None)
            }
            Err(Error::Paused { until, reason, .. }) => {
                tracing::info!(key = %self.key, %until, %reason, "the run is paused");
                self.outcome = Outcome::Paused { until };
                Ok(None)
            }
            // Throttled to the end, without a word on how long.
            Err(error) if error.is_rate_limited() => {
                let until = self.client.after_throttling();
                tracing::info!(key = %self.key, %until, %error, "the run is paused");
                self.outcome = Outcome::Paused { until };
                Ok(None)
            }
            Err(error) => {
                self.outcome = match &error {
                    Error::Incomplete { completeness, .. } => (*completeness).into(),
                    _ => Outcome::Failed,
                };
                Err(error)
            }
        }
    }

    /// Runs to the end: gives each page to `store`, and commits when it has returned `Ok`. A run that is paused ends well
    /// too: look at [`Report::outcome`].
    ///
    /// The future that the closure returns owns what it needs, such as a clone of a pool or of a channel's sender. Where it
    /// would have to borrow something mutably, write the loop with [`SyncRun::next`].
    ///
    /// ```
    /// # async fn run() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    /// # use jobfeed::{checkpoint::MemoryStore, jobdataapi};
    /// use std::sync::{Arc, Mutex};
    ///
    /// # let server = jobfeed::testing::JobDataApi::builder().jobs(300).start().await?;
    /// # let api = jobdataapi::Client::builder().api_key(server.api_key()).base_url(server.base_url())?.build()?;
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
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(run()).unwrap();
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

    /// The next page to deliver; `None` when there is nothing left to say.
    async fn advance(&mut self) -> Result<Option<Page<T>>> {
        loop {
            if let Some(fault) = self.astray.take() {
                return Err(match self.strategy.step() {
                    Step::Stop(error) => error,
                    Step::Fetch(endpoint, _) | Step::Probe(endpoint, _) | Step::Piece(endpoint, ..) => {
                        raised(&*endpoint, fault)
                    }
                });
            }
            if self.strategy.finished() {
                // The end was found without rows. It is delivered as an empty batch when it changes the state: nothing is
                // saved behind the caller's back.
                let next = self.next_state(0);
                let changed = next.run != self.state.run || next.watermark != self.state.watermark;
                return Ok(changed.then(Page::empty));
            }
            let verdict = match self.strategy.step() {
                Step::Stop(error) => return Err(error),
                Step::Piece(endpoint, at, rows) => {
                    let mut list = match self.long.take().filter(|list| list.position() == at) {
                        Some(list) => list,
                        None => LongList::open(&self.client, &*endpoint, &at, &self.progress).await?,
                    };
                    let fetched = list.next::<T>(rows, &self.client, &self.progress).await?;
                    self.long = fetched.next.is_some().then_some(list);
                    self.absorb(&*endpoint, &fetched)?;
                    return Ok(Some(fetched.page));
                }
                Step::Probe(endpoint, at) => {
                    let probe = self.client.page::<IgnoredAny>(&*endpoint, &at, &self.progress).await?;
                    self.absorb(&*endpoint, &probe)?
                }
                Step::Fetch(endpoint, at) => {
                    let fetched = match self.fetched(&endpoint, at).await {
                        Ok(fetched) => fetched,
                        Err(error) if self.strategy.recover(&error) => continue,
                        Err(error) => return Err(error),
                    };
                    if let (true, Some(record)) = (self.manner.strict, fetched.page.rejected.first()) {
                        let (index, reason) = (record.index, record.reason.clone());
                        return Err(Error::Record { endpoint: endpoint.name().into(), index, reason });
                    }
                    self.progress.total(self.strategy.total(&fetched));
                    match self.absorb(&*endpoint, &fetched)? {
                        Verdict::Deliver => return Ok(Some(fetched.page)),
                        Verdict::Hold => {
                            self.held = Some(fetched);
                            Verdict::Hold
                        }
                        other => other,
                    }
                }
            };
            match verdict {
                Verdict::DeliverHeld => {
                    if let Some(fetched) = self.held.take() {
                        return Ok(Some(fetched.page));
                    }
                }
                Verdict::Skip | Verdict::Hold | Verdict::Deliver => {}
            }
        }
    }

    /// Starts the next page while the caller works on this one, when the strategy knows already which it is.
    fn fetch_ahead(&mut self) {
        if let Step::Fetch(endpoint, at) = self.strategy.step()
            && self.client.may_look_ahead(&*endpoint)
        {
            self.pending = Some(self.call(true, &endpoint, at));
        }
    }

    fn call(&self, ahead: bool, endpoint: &Arc<dyn Endpoint>, at: Position) -> Ahead<Result<Fetched<T>>> {
        let (client, endpoint, progress) = (self.client.clone(), endpoint.clone(), self.progress.clone());
        Ahead::start(ahead, async move { client.page(&*endpoint, &at, &progress).await })
    }

    /// The page that the strategy's step asks for. The call survives a caller that gives up waiting.
    async fn fetched(&mut self, endpoint: &Arc<dyn Endpoint>, at: Position) -> Result<Fetched<T>> {
        loop {
            if self.pending.is_none() {
                self.pending = Some(self.call(false, endpoint, at.clone()));
            }
            let fetched = std::future::poll_fn(|cx| match &mut self.pending {
                Some(call) => call.poll_unpin(cx),
                None => Poll::Ready(None),
            });
            let fetched = fetched.await;
            self.pending = None;
            if let Some(fetched) = fetched {
                return fetched;
            }
        }
    }

    fn absorb(&mut self, endpoint: &dyn Endpoint, page: &dyn Facts) -> Result<Verdict> {
        self.strategy.absorb(page).map_err(|fault| raised(endpoint, fault))
    }
}

/// The error that a strategy's fault is to the caller.
fn raised(endpoint: &dyn Endpoint, fault: Fault) -> Error {
    match fault {
        Fault::Incomplete(completeness) => Error::Incomplete { endpoint: endpoint.name().into(), completeness },
        Fault::Ignored(what) => {
            let target = format!("GET {}", endpoint.request(&endpoint.start()).path);
            let call = Box::new(Call { endpoint: endpoint.name().into(), target, attempts: 1 });
            let problem = BodyProblem::Ignored(what);
            Error::Body { call, status: StatusCode::OK, problem, snippet: String::new(), server: None }
        }
        Fault::Error(error) => *error,
    }
}

impl<T, C> fmt::Debug for SyncRun<T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SyncRun")
            .field("key", &self.key)
            .field("state", &self.state)
            .field("outcome", &self.outcome)
            .finish_non_exhaustive()
    }
}
