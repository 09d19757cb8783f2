//! The sync of both lists: walks by cursor what changed since the watermark, with an overlap.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::endpoint::ListEndpoint;
use super::models::{Application, Job};
use super::requests::{ApplicationsRequest, JobsRequest};
use crate::checkpoint::Mark;
use crate::client::setters;
use crate::error::{Error, Result};
use crate::json::DateTime;
use crate::listing::{Endpoint, Fingerprint};
use crate::sync::{
    Incremental, IncrementalWalk, PageView, RunStart, Strategy, SyncOptions, SyncRequest, WalkedList, sync_request,
};

/// The default overlap. It must be longer than this machine's clock is ahead, and than a row takes to become visible.
const OVERLAP: Duration = Duration::from_secs(600);

sync_request! {
    /// The sync by time of change, from [`JobsRequest::sync_by_update`] and [`ApplicationsRequest::sync_by_update`].
    SyncByUpdate = ByUpdate;
}

#[derive(Debug)]
struct ByUpdate {
    list: ListEndpoint,
    since: Option<Timestamp>,
    overlap: Duration,
}

impl ByUpdate {
    fn new(list: ListEndpoint) -> Self {
        Self { list, since: None, overlap: OVERLAP }
    }
}

impl JobsRequest {
    /// Syncs by the time of the last change: the first run reads the whole list, or what changed after
    /// [`SyncByUpdate::since`], each later run what changed since the run before, with an overlap. Rows of the overlap
    /// arrive again: upsert them by id, and keep the one with the latest `updatedAt`.
    ///
    /// Each run reads its list to the end, because the order is not documented, and only then moves the watermark to
    /// the latest `updatedAt` seen, at most the start of the run. When the server refuses a cursor, for example after a
    /// long interruption, the run walks its list once more from the beginning.
    ///
    /// Closed jobs are removed from the list and are in no run: see [`JobsRequest::full_list_diff`].
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use jobfeed::{checkpoint::MemoryStore, employjoy::Client};
    ///
    /// # let sim = jobfeed::testing::EmployJoy::builder().jobs(50).start().await?;
    /// # let (key, url) = (sim.api_key(), sim.base_url());
    /// # let api = Client::builder().api_key(key).base_url(url).build()?;
    /// let store = MemoryStore::new();
    /// let mut run = api.jobs().sync_by_update("employjoy/jobs", store).await?;
    /// while let Some(batch) = run.next().await? {
    ///     // … upsert batch.items() by id …
    ///     batch.commit().await?;
    /// }
    /// assert_eq!(run.report().counts.rows, 50);
    /// # Ok(()) }
    /// ```
    pub fn sync_by_update<'s, C: 's>(self, key: impl Into<String>, store: C) -> SyncByUpdate<'s, Job, C> {
        SyncByUpdate { sync: SyncRequest::of(self.list, key, store, ByUpdate::new) }
    }
}

impl ApplicationsRequest {
    /// Syncs by the time of the last change, as [`JobsRequest::sync_by_update`]. Applications have no time of change,
    /// so the watermark moves to the start of the run.
    pub fn sync_by_update<'s, C: 's>(self, key: impl Into<String>, store: C) -> SyncByUpdate<'s, Application, C> {
        SyncByUpdate { sync: SyncRequest::of(self.list, key, store, ByUpdate::new) }
    }
}

setters! { [T, C] SyncByUpdate<'_, T, C> {
    /// How far before the watermark each later run begins. Default 10 minutes. It must be longer than the clock of this
    /// machine is ahead.
    overlap(overlap: Duration) => sync.options.overlap = overlap;
    /// Where the first run begins. Default: the whole list. Later runs start at the watermark and ignore it.
    since(instant: Timestamp) => sync.options.since = Some(instant);
} }

impl SyncOptions for ByUpdate {
    const STRATEGY: &'static str = "by-update";

    fn fingerprint(&self) -> Fingerprint {
        self.list.fingerprint()
    }

    fn begin(self, start: &RunStart<'_>) -> Result<Box<dyn Strategy>> {
        if let Some(instant) = self.list.updated_since {
            let rule = "no value: the sync sets it; set the beginning of the first run with `since`";
            return Err(Error::invalid("updated_since", instant.to_string(), rule));
        }
        let overlap = SignedDuration::try_from(self.overlap)
            .map_err(|_| Error::invalid("overlap", format!("{:?}", self.overlap), "at most 292 billion years"))?;
        let since = match start.watermark() {
            Some(Mark::Time(covered)) => Some(covered.checked_sub(overlap).unwrap_or(Timestamp::MIN)),
            _ => self.since,
        };
        IncrementalWalk::begin(self.list, start, since.map(Mark::Time))
    }
}

impl Incremental for ListEndpoint {
    fn list(&self, since: Option<Mark>) -> Arc<dyn Endpoint> {
        let mut list = self.clone();
        if let Some(Mark::Time(instant)) = since {
            list.updated_since = Some(instant);
        }
        Arc::new(list)
    }

    fn highest(&self, page: &dyn PageView) -> Option<Mark> {
        let texts = page.values(self.spec.updated?);
        let instants = texts.filter_map(|text| serde_json::from_str::<DateTime>(text).ok()?.timestamp());
        instants.max().map(Mark::Time)
    }

    fn watermark(&self, walked: &WalkedList) -> Option<Mark> {
        let started = Mark::Time(walked.started);
        match self.spec.updated {
            // A row that changes after the start of the run may be on a page that was read already.
            Some(_) => walked.forward().map(|mark| mark.min(started)),
            None => Some(started),
        }
    }

    fn caveats(&self) -> &'static [&'static str] {
        self.spec.caveats
    }
}
