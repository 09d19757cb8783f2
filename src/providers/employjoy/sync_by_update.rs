//! The sync of both lists: walks by cursor what changed since the watermark, with an overlap.

use std::time::Duration;

use jiff::Timestamp;

use super::endpoint::ListEndpoint;
use super::models::{Application, Job};
use super::requests::{ApplicationsRequest, JobsRequest};
use crate::client::setters;
use crate::error::{Error, Result};
use crate::json::{DateTime, Record};
use crate::sync::{Coverage, Incremental, SinceOptions, SyncRequest, sync_request};

/// The default overlap. It must be longer than this machine's clock is ahead, and than a row takes to become visible.
const OVERLAP: Duration = Duration::from_secs(600);

sync_request! {
    /// The sync by time of change, from [`JobsRequest::sync_by_update`] and [`ApplicationsRequest::sync_by_update`].
    SyncByUpdate = SinceOptions<ListEndpoint>;
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
        SyncByUpdate { sync: SyncRequest::of(self.list, key, store, sync_options) }
    }
}

impl ApplicationsRequest {
    /// Syncs by the time of the last change, as [`JobsRequest::sync_by_update`]. Applications have no time of change,
    /// so the watermark moves to the start of the run.
    pub fn sync_by_update<'s, C: 's>(self, key: impl Into<String>, store: C) -> SyncByUpdate<'s, Application, C> {
        SyncByUpdate { sync: SyncRequest::of(self.list, key, store, sync_options) }
    }
}

setters! { [T, C] SyncByUpdate<'_, T, C> {
    /// How far before the watermark each later run begins. Default 10 minutes. It must be longer than the clock of this
    /// machine is ahead.
    overlap(overlap: Duration) => sync.options.overlap = Some(overlap);
    /// Where the first run begins. Default: the whole list. Later runs start at the watermark and ignore it.
    since(instant: Timestamp) => sync.options.since = Some(instant);
} }

fn sync_options(list: ListEndpoint) -> SinceOptions<ListEndpoint> {
    SinceOptions { overlap: Some(OVERLAP), ..SinceOptions::new(list) }
}

impl Incremental for ListEndpoint {
    type Mark = Timestamp;
    const STRATEGY: &'static str = "by-update";

    fn since(&self, instant: &Timestamp) -> Self {
        Self { updated_since: Some(*instant), ..self.clone() }
    }

    fn mark(&self, record: &Record<'_>) -> Option<Timestamp> {
        record.get::<DateTime>(self.spec.updated?)?.timestamp()
    }

    fn covers(&self) -> Coverage {
        if self.spec.updated.is_some() { Coverage::HighestSeen } else { Coverage::StartOfRun }
    }

    fn validate_sync(&self) -> Result<()> {
        let Some(instant) = self.updated_since else { return Ok(()) };
        let rule = "no value: the sync sets it; set the beginning of the first run with `since`";
        Err(Error::invalid("updated_since", instant.to_string(), rule))
    }

    fn caveats(&self) -> &'static [&'static str] {
        self.spec.caveats
    }
}
