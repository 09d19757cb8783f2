//! The run: its state, and what a batch does with it.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::time::Instant;

use super::inspect::{Inspect, InspectedEnd, Inspection, Inspectors};
use super::partition_runs::PartitionRuns;
use super::report::{Outcome, Report, RunError};
use super::stop::StopSignal;
use super::strategy::Strategy;
use crate::checkpoint::{Checkpoint, CheckpointError, Mark, RunInProgress, SyncState};
use crate::client::{Client, Progress, Purpose, monotonic};
use crate::error::{Error, Result};
use crate::listing::{ChunkedList, Endpoint, OnRejected, Page, PageFetch};

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
    pub(super) client: Client,
    pub(super) key: String,
    pub(super) store: C,
    /// The stored state; revision 0 when nothing is stored yet.
    pub(super) state: SyncState,
    pub(super) strategy: Box<dyn Strategy>,
    pub(super) stage: Stage<T>,
    /// A page that is kept until a later page shows whether it is the last one.
    pub(super) held: Option<Box<Page<T>>>,
    /// A body that is read in chunks.
    pub(super) chunked: Option<Box<ChunkedList>>,
    /// When the run was first started, maybe by an earlier process.
    pub(super) started_at: Timestamp,
    /// When this run was started, and when it ended.
    pub(super) began_at: Timestamp,
    pub(super) ended_at: Option<Timestamp>,
    pub(super) started: Instant,
    pub(super) watermark_before: Option<Mark>,
    pub(super) error: Option<RunError>,
    pub(super) stop: Option<StopSignal>,
    /// The endpoint of the last step, and what it was for.
    pub(super) asked: Option<(Arc<dyn Endpoint>, Purpose)>,
    pub(super) progress: Progress,
    /// Those of the partition that began this run.
    pub(super) partition: Option<PartitionRuns>,
    pub(super) new: Option<u64>,
    pub(super) on_rejected: OnRejected,
    pub(super) prefetch: bool,
    pub(super) inspectors: Inspectors,
}

/// The state of a run between two calls of `next`.
pub(super) enum Stage<T> {
    /// `next` asks the strategy for a step.
    Ready,
    /// The page of the next step is being fetched.
    Fetching(Fetching<T>),
    /// The inspectors look at a page before its batch is handed out.
    Inspecting(Box<Inspecting<T>>),
    /// The next result is this error.
    Failing(Error),
    /// A batch was delivered and is not committed yet. After the commit the run continues with the inner stage.
    AwaitingCommit(Box<Stage<T>>),
    /// A batch was dropped without a commit, or its commit failed. Every further call of `next` is an error.
    Dropped,
    /// The run has ended.
    Over(Outcome),
}

/// A page that the inspectors have not accepted yet.
pub(super) struct Inspecting<T> {
    pub(super) page: Page<T>,
    pub(super) next: SyncState,
    pub(super) inspection: Option<Inspection>,
    /// After the commit.
    pub(super) after: Stage<T>,
}

/// A step whose page is being fetched.
pub(super) struct Fetching<T> {
    pub(super) endpoint: Arc<dyn Endpoint>,
    pub(super) fetch: PageFetch<T>,
    /// When the strategy was asked for the step.
    pub(super) asked: Timestamp,
}

impl<T, C> SyncRun<T, C> {
    pub(super) fn new(
        client: Client,
        key: String,
        store: C,
        state: SyncState,
        strategy: Box<dyn Strategy>,
        on_rejected: OnRejected,
        prefetch: bool,
    ) -> Self {
        let now = client.clock().now();
        let partition = PartitionRuns::current();
        if let Some(partition) = &partition {
            partition.tell(&key, Outcome::Running, None);
        }
        let started_at = state.run.as_ref().map_or(now, |run| run.started);
        Self {
            client,
            progress: Progress::of_run(&key),
            partition,
            watermark_before: state.watermark(),
            key,
            store,
            state,
            strategy,
            stage: Stage::Ready,
            held: None,
            chunked: None,
            started_at,
            began_at: now,
            ended_at: None,
            started: monotonic(),
            error: None,
            stop: None,
            asked: None,
            new: None,
            on_rejected,
            prefetch,
            inspectors: Inspectors::default(),
        }
    }

    /// Ends the run after the signal: the batch in hand can still be committed, then [`SyncRun::next`] returns `None`.
    pub fn stop_when(mut self, signal: &StopSignal) -> Self {
        self.stop = Some(signal.clone());
        self
    }

    /// Shows each page to `inspect` before its batch is handed out, after those that were added before. Add it before the first call of
    /// [`SyncRun::next`].
    pub fn inspect_with(mut self, inspect: impl Inspect + 'static) -> Self {
        self.inspectors.add(inspect);
        self
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
        self.progress.shared()
    }

    /// The report of the run so far.
    pub fn report(&self) -> Report {
        Report {
            key: self.key.clone(),
            strategy: self.state.strategy.clone(),
            outcome: self.outcome(),
            counts: self.progress.counts(),
            new: self.new,
            started: self.began_at,
            ended: self.ended_at,
            seconds: monotonic().duration_since(self.started).as_secs_f64(),
            error: self.error.clone(),
            watermark_before: self.watermark_before.clone(),
            watermark: self.state.watermark(),
            details: self.strategy.details(),
            inspected: self.inspectors.reports(),
            caveats: self.strategy.caveats(),
        }
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stop.as_ref().is_some_and(StopSignal::is_stopped)
    }

    /// Ends the run.
    pub(super) fn over(&mut self, outcome: Outcome) {
        self.stage = Stage::Over(outcome);
        self.ended_at.get_or_insert_with(|| self.client.clock().now());
        self.tell_partition();
    }

    /// Ends the run because a batch was not committed. Every further call of `next` is an error.
    pub(super) fn dropped(&mut self, error: &Error) {
        self.stage = Stage::Dropped;
        self.ended_at.get_or_insert_with(|| self.client.clock().now());
        self.error.get_or_insert_with(|| error.into());
        self.tell_partition();
    }

    fn tell_partition(&self) {
        if let Some(partition) = &self.partition {
            partition.tell(&self.key, self.outcome(), self.error.clone());
        }
    }

    fn outcome(&self) -> Outcome {
        match &self.stage {
            Stage::Over(outcome) => *outcome,
            Stage::Dropped => Outcome::Failed,
            Stage::Ready | Stage::Fetching(_) | Stage::Inspecting(_) | Stage::Failing(_) | Stage::AwaitingCommit(_) => {
                Outcome::Running
            }
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
            Stage::AwaitingCommit(next) => *next,
            other => other,
        };
    }

    /// The state after the page that the strategy has entered last.
    pub(super) fn next_state(&self, rows: u64) -> SyncState {
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

    /// Tells the inspectors of the end, once.
    pub(super) async fn end_inspection(&mut self) -> Result<()> {
        let end = InspectedEnd {
            key: &self.key,
            state: &self.state,
            rows: self.progress.counts().rows,
            complete: matches!(self.stage, Stage::Over(Outcome::Complete)),
            incremental: self.watermark_before.is_some(),
            now: self.client.clock().now(),
        };
        let told = self.inspectors.end(end).await;
        if let (Err(error), Stage::Over(_)) = (&told, &self.stage) {
            self.error.get_or_insert_with(|| error.into());
            self.tell_partition();
        }
        told
    }

    /// Ends the run after an error: `Ok` when the error is a pause, else the error.
    pub(super) fn end(&mut self, mut error: Error) -> Result<()> {
        let paused_until = match &error {
            Error::Paused { until, .. } => Some(*until),
            // All attempts got a 429, and the server did not say how long to wait.
            error if error.is_rate_limited() => Some(self.client.after_throttling()),
            _ => None,
        };
        if let Some(until) = paused_until {
            tracing::info!(key = %self.key, %until, %error, "the run is paused");
            self.over(Outcome::Paused { until });
            return Ok(());
        }
        let outcome = match &mut error {
            Error::Incomplete { completeness, watermark_kept, .. } => {
                *watermark_kept = self.state.watermark.is_some();
                (*completeness).into()
            }
            _ => Outcome::Failed,
        };
        self.error = Some((&error).into());
        self.over(outcome);
        Err(error)
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
