//! The loop of a run: asks the strategy, fetches, and hands out one batch at a time.

use std::future::Future;
use std::sync::Arc;

use jiff::Timestamp;
use serde::de::{DeserializeOwned, IgnoredAny};

use super::batch::Batch;
use super::report::{Outcome, Report};
use super::run::{Fetching, Inspecting, Stage, SyncRun};
use super::stop::StopSignal;
use super::strategy::{Step, Verdict};
use crate::checkpoint::Checkpoint;
use crate::client::Purpose;
use crate::error::{Error, Result};
use crate::listing::{ChunkedList, Cursor, Endpoint, Fetched, OnRejected, Page, PageFetch, Position};

/// A page to deliver, and the error to return after it.
type Delivered<T> = (Page<T>, Option<Error>);

impl<T: DeserializeOwned + Send + 'static, C: Checkpoint> SyncRun<T, C> {
    /// The next batch; `None` when the run has ended. Then [`SyncRun::report`] says whether it is complete, paused or stopped.
    ///
    /// Cancel safe: after the future is dropped, the next call continues without a loss.
    ///
    /// # Errors
    /// [`Error::Uncommitted`] when the batch before was dropped without a commit, [`Error::Incomplete`] when the walk
    /// ended with missing records, and those of [`crate::PageStream`]. After an error the run has ended; the next run
    /// continues from the checkpoint.
    pub async fn next(&mut self) -> Result<Option<Batch<'_, T, C>>> {
        match &self.stage {
            Stage::AwaitingCommit(_) | Stage::Dropped => {
                let error = Error::Uncommitted { key: self.key.clone() };
                self.dropped(&error);
                return Err(error);
            }
            Stage::Over(_) => {
                self.end_inspection().await?;
                return Ok(None);
            }
            Stage::Inspecting(_) => return self.inspect().await,
            Stage::Ready | Stage::Fetching(_) | Stage::Failing(_) => {}
        }
        match self.advance().await {
            Ok(Some((page, error))) => {
                let next = self.next_state(page.len() as u64);
                // Now, so that it runs while the inspectors work.
                let after = match error {
                    Some(error) => Stage::Failing(error),
                    None => self.prefetch().map_or(Stage::Ready, Stage::Fetching),
                };
                let inspection = self.inspectors.begin(&page);
                self.stage = Stage::Inspecting(Box::new(Inspecting { page, next, inspection, after }));
                self.inspect().await
            }
            Ok(None) if !self.strategy.finished() => {
                self.over(Outcome::Stopped);
                tracing::info!(key = %self.key, rows = self.progress.counts().rows, "the run was stopped");
                self.end_inspection().await.map(|()| None)
            }
            Ok(None) => {
                self.over(Outcome::Complete);
                tracing::info!(key = %self.key, rows = self.progress.counts().rows, "the run is complete");
                self.end_inspection().await.map(|()| None)
            }
            Err(error) => self.fail(error).await,
        }
    }

    /// Hands out the batch of the page that the inspectors look at, when all have accepted it. The page stays in `stage` while they work,
    /// so the run continues after the caller drops the future.
    async fn inspect(&mut self) -> Result<Option<Batch<'_, T, C>>> {
        let now = self.client.clock().now();
        if let Stage::Inspecting(inspecting) = &mut self.stage
            && let Inspecting { inspection: Some(inspection), next, .. } = &mut **inspecting
            && let Err(error) = self.inspectors.page(inspection, &self.key, (&self.state, next), now).await
        {
            return self.fail(error).await;
        }
        let Stage::Inspecting(inspecting) = std::mem::replace(&mut self.stage, Stage::Ready) else { return Ok(None) };
        let Inspecting { page, next, after, .. } = *inspecting;
        let asked = self.asked.as_ref().map(|(endpoint, purpose)| (endpoint.name(), *purpose));
        let (endpoint, purpose) = asked.unwrap_or(("", Purpose::Page));
        self.client.tell_page(endpoint, purpose, &self.progress, page.len(), page.rejected.len());
        self.stage = Stage::AwaitingCommit(Box::new(after));
        Ok(Some(Batch { run: self, page, next }))
    }

    /// Ends the run with an error, or paused. The inspectors are told first: until then the error stays in `stage`, so that it is not
    /// lost when the caller drops the future.
    async fn fail(&mut self, error: Error) -> Result<Option<Batch<'_, T, C>>> {
        self.stage = Stage::Failing(error);
        // The error of the run comes first; that of the inspector is in the log.
        let _ = self.end_inspection().await;
        match std::mem::replace(&mut self.stage, Stage::Ready) {
            Stage::Failing(error) => self.end(error).map(|()| None),
            _ => Ok(None),
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

    /// The next page to deliver; `None` at the end of the run, and when it was stopped.
    async fn advance(&mut self) -> Result<Option<Delivered<T>>> {
        if let Stage::Failing(_) = self.stage
            && let Stage::Failing(error) = std::mem::replace(&mut self.stage, Stage::Ready)
        {
            return Err(error);
        }
        loop {
            // Nothing more is requested, bought or delivered when the store is a lease that was lost.
            self.store.check().map_err(|source| Error::Checkpoint { key: self.key.clone(), source })?;
            if self.strategy.finished() {
                // The run ended without a page. A changed state is an empty batch, because only the caller saves.
                let next = self.next_state(0);
                let changed = next.run != self.state.run || next.watermark != self.state.watermark;
                return Ok(changed.then(|| (Page::empty(), None)));
            }
            if self.is_stopped() {
                return Ok(None);
            }
            let asked = match &self.stage {
                Stage::Fetching(fetching) => fetching.asked,
                _ => self.client.clock().now(),
            };
            if let Stage::Fetching(fetching) = &mut self.stage {
                // The fetch stays in `stage` while it is awaited, so it continues after the caller drops the future.
                // A page whose records are billed is not thrown away.
                let stop = self.stop.as_ref().filter(|_| fetching.endpoint.may_prefetch());
                let Some(fetched) = StopSignal::or_stopped(stop, &mut fetching.fetch).await else { return Ok(None) };
                let endpoint = fetching.endpoint.clone();
                self.asked = Some((endpoint.clone(), Purpose::Page));
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
            self.progress.set_activity(self.strategy.activity());
            match self.strategy.step(asked) {
                Step::Stop(error) => return Err(error),
                Step::Fetch(endpoint, at) => {
                    self.stage = Stage::Fetching(self.fetch(endpoint, &at, asked, false));
                }
                Step::Probe(endpoint, at) => {
                    let (client, progress) = (&self.client, &self.progress);
                    let probe =
                        client.fetch_page::<IgnoredAny>(&*endpoint, &at, progress, OnRejected::Keep, Purpose::Probe);
                    let Some(probe) = StopSignal::or_stopped(self.stop.as_ref(), Box::pin(probe)).await else {
                        return Ok(None);
                    };
                    let probe = match probe {
                        Err(error) if self.strategy.recover(&error) => continue,
                        probe => probe?,
                    };
                    let verdict = self.strategy.enter(&probe, asked).map_err(|error| error.at(&*endpoint))?;
                    match verdict {
                        Verdict::DeliverHeld => {
                            if let Some(page) = self.held.take() {
                                return Ok(Some((*page, None)));
                            }
                        }
                        // Without records: the caller commits what the search has found.
                        Verdict::Deliver => return Ok(Some((Page::empty(), None))),
                        Verdict::DeliverThenFail(_) | Verdict::Skip | Verdict::Hold => {}
                    }
                }
                Step::Chunk(endpoint, at, rows) => {
                    self.asked = Some((endpoint.clone(), Purpose::Parts));
                    let stop = self.stop.clone().filter(|_| endpoint.may_prefetch());
                    let chunk = StopSignal::or_stopped(stop.as_ref(), Box::pin(self.chunk(&*endpoint, &at, rows)));
                    let Some(fetched) = chunk.await else { return Ok(None) };
                    let fetched = fetched?;
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
        if let (OnRejected::Fail, Some(record)) = (self.on_rejected, fetched.page.rejected.first()) {
            return Err(record.error(endpoint.name()));
        }
        let verdict = self.strategy.enter(&fetched, asked).map_err(|error| error.at(endpoint))?;
        let Fetched { mut page, next } = fetched;
        if let (Some(walked), Some(at)) = (self.strategy.walked(), next) {
            page.next = Some(Cursor::new(
                self.client.origin(),
                endpoint.fingerprint().below(self.client.base_url().path()),
                at,
                walked.clone(),
            ));
        }
        page.completeness = self.strategy.completeness();
        Ok(match verdict {
            Verdict::Deliver => Some((page, None)),
            Verdict::DeliverThenFail(error) => Some((page, Some(error.at(endpoint)))),
            Verdict::DeliverHeld => self.held.take().map(|page| (*page, None)),
            Verdict::Skip => None,
            Verdict::Hold => {
                self.held = Some(Box::new(page));
                None
            }
        })
    }

    /// The next chunk of a long body. The body is requested when it is not open at this position.
    async fn chunk(&mut self, endpoint: &dyn Endpoint, at: &Position, rows: usize) -> Result<Fetched<T>> {
        let mut list = match self.chunked.take().filter(|list| list.position() == *at) {
            Some(list) => list,
            None => Box::new(ChunkedList::open(&self.client, endpoint, at, &self.progress).await?),
        };
        let fetched = list.next::<T>(rows, &self.client, &self.progress, self.on_rejected).await?;
        self.chunked = fetched.next.is_some().then_some(list);
        Ok(fetched)
    }

    /// Starts the fetch of the next page while the caller works on this one, when the next step is a fetch.
    fn prefetch(&self) -> Option<Fetching<T>> {
        if !self.prefetch || self.strategy.finished() || self.store.check().is_err() {
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
        let fetch = PageFetch::start(&self.client, &endpoint, at, &self.progress, self.on_rejected, prefetch);
        Fetching { endpoint, fetch, asked }
    }
}
