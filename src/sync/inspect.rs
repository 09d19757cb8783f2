//! What looks at each page of a run before its batch is handed out, such as an archive or a check of the records' shape.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt, ready};
use http::HeaderMap;
use jiff::Timestamp;
use serde_json::Value;

use crate::checkpoint::SyncState;
use crate::error::{BoxError, Error, Result};
use crate::json::Record;
use crate::listing::{Page, PageContent, PageSource, Rejected};

/// Looks at each page of a run before its batch is handed out: nothing of the page is committed yet. Add it with
/// [`SyncRun::inspect_with`](crate::SyncRun::inspect_with).
///
/// ```
/// use futures::future::BoxFuture;
/// use jobfeed::inspect::{Inspect, InspectedPage};
/// use jobfeed::{BoxError, checkpoint::MemoryStore};
///
/// /// Refuses pages with a record without an id.
/// struct NeedsId;
///
/// impl Inspect for NeedsId {
///     fn name(&self) -> &'static str {
///         "needs_id"
///     }
///
///     fn page<'a>(&'a mut self, page: &'a InspectedPage<'_>) -> BoxFuture<'a, Result<(), BoxError>> {
///         let missing = page.records().any(|record| record.raw("id").is_none());
///         Box::pin(async move { if missing { Err("a record has no id".into()) } else { Ok(()) } })
///     }
/// }
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use jobfeed::{jobdataapi::Client, testing::JobDataApi};
/// # let server = JobDataApi::builder().jobs(300).start().await?;
/// # let (key, url) = (server.api_key(), server.base_url());
/// # let api = Client::builder().api_key(key).base_url(url).build()?;
/// let mut run = api.jobs().sync_by_id("jobs/all", MemoryStore::new()).await?.inspect_with(NeedsId);
/// while let Some(batch) = run.next().await? {
///     batch.commit().await?;
/// }
/// # Ok(()) }
/// ```
pub trait Inspect: Send + Sync {
    /// The name in errors and in [`Report::inspected`](crate::Report::inspected), such as `archive`.
    fn name(&self) -> &'static str;

    /// Looks at a page. An error ends the run as [`Error::Refused`]: nothing of the page is committed, and the next run
    /// gets it again.
    ///
    /// The same page may come twice: when the future of [`SyncRun::next`](crate::SyncRun::next) is dropped, the next call shows it again. A batch
    /// without a page is shown too, because it has a revision; it has no [`InspectedPage::source`].
    fn page<'a>(&'a mut self, page: &'a InspectedPage<'_>) -> BoxFuture<'a, Result<(), BoxError>>;

    /// The run has ended. Not called when the run is dropped before its end, or when a batch was not committed. An error is returned by
    /// [`SyncRun::next`](crate::SyncRun::next) as [`Error::Refused`], unless the run ended with an error of its own; what is committed stays so.
    fn end<'a>(&'a mut self, end: &'a InspectedEnd<'_>) -> BoxFuture<'a, Result<(), BoxError>> {
        let _ = end;
        ready(Ok(())).boxed()
    }

    /// What it has to say in [`Report::inspected`](crate::Report::inspected). Null: nothing.
    fn report(&self) -> Value {
        Value::Null
    }
}

/// A page before its batch is handed out.
#[derive(Clone, Copy)]
pub struct InspectedPage<'a> {
    pub(super) key: &'a str,
    pub(super) state: &'a SyncState,
    pub(super) next_state: &'a SyncState,
    pub(super) now: Timestamp,
    pub(super) content: &'a PageContent,
}

impl<'a> InspectedPage<'a> {
    /// The checkpoint key of the run.
    pub fn key(&self) -> &'a str {
        self.key
    }

    /// The stored state: what was committed up to now.
    pub fn state(&self) -> &'a SyncState {
        self.state
    }

    /// The state that the commit of this page saves.
    pub fn next_state(&self) -> &'a SyncState {
        self.next_state
    }

    /// The current time of the client's clock.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Which answer the page was read from. `None` for a batch without a page: it only saves the state.
    pub fn source(&self) -> Option<&'a PageSource> {
        self.content.source.as_deref()
    }

    /// The body as received, shared and not copied.
    pub fn raw(&self) -> &'a Bytes {
        &self.content.body
    }

    /// The headers of the answer.
    pub fn headers(&self) -> &'a HeaderMap {
        &self.content.headers
    }

    /// All records that are delivered, without removals: those that fit the record type and those that were rejected, in the order of the page.
    pub fn records(&self) -> impl ExactSizeIterator<Item = Record<'a>> + use<'a> {
        let body = &self.content.body;
        self.content.records.iter().map(|range| Record::new(body.get(range.clone()).unwrap_or_default()))
    }

    /// Where [`InspectedPage::records`] are in the body, in bytes.
    pub fn ranges(&self) -> &'a [Range<usize>] {
        &self.content.records
    }

    /// The records that did not fit the record type.
    pub fn rejected(&self) -> &'a [Rejected] {
        &self.content.rejected
    }

    /// How many records only tell of a removal.
    pub fn removals(&self) -> usize {
        self.content.removals.len()
    }

    /// The page without its record type.
    #[cfg(feature = "archive")]
    pub(crate) fn content(&self) -> &'a PageContent {
        self.content
    }
}

/// Counts only: records can hold personal data.
impl fmt::Debug for InspectedPage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InspectedPage")
            .field("key", &self.key)
            .field("revision", &self.next_state.revision())
            .field("source", &self.content.source)
            .field("records", &self.content.records.len())
            .field("bytes", &self.content.body.len())
            .finish_non_exhaustive()
    }
}

/// The end of a run.
#[derive(Debug, Clone, Copy)]
pub struct InspectedEnd<'a> {
    pub(super) key: &'a str,
    pub(super) state: &'a SyncState,
    pub(super) rows: u64,
    pub(super) complete: bool,
    pub(super) incremental: bool,
    pub(super) now: Timestamp,
}

impl<'a> InspectedEnd<'a> {
    /// The checkpoint key of the run.
    pub fn key(&self) -> &'a str {
        self.key
    }

    /// The stored state: what was committed.
    pub fn state(&self) -> &'a SyncState {
        self.state
    }

    /// The records that the run has received, rejected ones and removals included.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Whether the run is complete: everything in its window was delivered and committed.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// Whether the sync had a watermark when the run began: it is not the first run.
    pub fn is_incremental(&self) -> bool {
        self.incremental
    }

    /// The current time of the client's clock.
    pub fn now(&self) -> Timestamp {
        self.now
    }
}

/// A page that the inspectors are looking at.
pub(super) struct Inspection {
    content: PageContent,
    /// The inspectors that have accepted it.
    accepted: usize,
}

/// The inspectors of a run, in the order in which they were added.
#[derive(Default)]
pub(super) struct Inspectors {
    all: Vec<Box<dyn Inspect>>,
    /// How many were told of the end.
    told: usize,
    /// The first error of them, until it is returned.
    failed: Option<Error>,
}

impl Inspectors {
    pub(super) fn add(&mut self, inspect: impl Inspect + 'static) {
        self.all.push(Box::new(inspect));
    }

    /// Begins with a page; `None` when there is no inspector.
    pub(super) fn begin<T>(&self, page: &Page<T>) -> Option<Inspection> {
        (!self.all.is_empty()).then(|| Inspection { content: PageContent::of(page), accepted: 0 })
    }

    /// Shows the page to those that have not accepted it. Cancel safe.
    pub(super) async fn page(
        &mut self,
        inspection: &mut Inspection,
        key: &str,
        (state, next_state): (&SyncState, &SyncState),
        now: Timestamp,
    ) -> Result<()> {
        while let Some(inspect) = self.all.get_mut(inspection.accepted) {
            let page = InspectedPage { key, state, next_state, now, content: &inspection.content };
            let accepted = inspect.page(&page).await;
            accepted.map_err(|source| Error::Refused { key: key.to_owned(), by: inspect.name(), source })?;
            inspection.accepted += 1;
        }
        Ok(())
    }

    /// Tells each of the end, once; the first error of them. Cancel safe.
    pub(super) async fn end(&mut self, end: InspectedEnd<'_>) -> Result<()> {
        while let Some(inspect) = self.all.get_mut(self.told) {
            let told = inspect.end(&end).await;
            self.told += 1;
            if let Err(source) = told {
                let error = Error::Refused { key: end.key.to_owned(), by: inspect.name(), source };
                tracing::warn!(key = end.key, %error, "an inspector failed at the end of the run");
                self.failed.get_or_insert(error);
            }
        }
        self.failed.take().map_or(Ok(()), Err)
    }

    pub(super) fn reports(&self) -> BTreeMap<&'static str, Value> {
        let reports = self.all.iter().map(|inspect| (inspect.name(), inspect.report()));
        reports.filter(|(_, report)| !report.is_null()).collect()
    }
}
