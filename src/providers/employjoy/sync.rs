//! The sync of both lists: what changed since the watermark, with an overlap, walked by the server's cursor.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::lists::{Kind, List};
use crate::checkpoint::{Mark, SyncState};
use crate::client::Client;
use crate::error::Error;
use crate::listing::Endpoint;
use crate::listing::Fingerprint;
use crate::listing::ListRequest;
use crate::sync::Refused;
use crate::sync::{Covered, CursorWalk, Feed};
use crate::sync::{Facts, Plan, Strategy, SyncRequest};

/// The overlap when none is set. It has to be longer than this machine's clock is off, and than rows take to show.
const OVERLAP: Duration = Duration::from_secs(600);

/// Options of `sync_by_update`.
#[derive(Debug)]
pub struct ByUpdate<K: Kind> {
    list: List<K>,
    since: Option<Timestamp>,
    overlap: Duration,
}

impl<K: Kind> ListRequest<List<K>> {
    /// Syncs by the time of the last change: the first run brings the whole list, or what changed after
    /// [`SyncRequest::since`], each later one what changed since the last run, with an overlap. Rows of the overlap come
    /// again: upsert them by id, the newest `updatedAt` wins.
    ///
    /// Each run reads its list to the end, because the order is not documented, and only then moves the watermark: for jobs
    /// to the greatest `updatedAt` seen, at most the start of the run; for applications, which do not tell when they
    /// changed, to the start of the run. A cursor that the server refuses, say after a long interruption, makes the run walk
    /// its list again, once.
    ///
    /// Closed jobs vanish from the list and are not in any run: see [`ListRequest::full_list_diff`].
    ///
    /// ```
    /// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
    /// use jobfeed::{RateLimit, checkpoint::MemoryStore, employjoy};
    ///
    /// # let server = jobfeed::testing::EmployJoy::builder().jobs(500).start().await?;
    /// # let (key, url) = (server.api_key(), server.base_url());
    /// # let api = employjoy::Client::builder().api_key(key).base_url(url)?.rate_limit(RateLimit::unlimited()).build()?;
    /// let mut run = api.jobs().sync_by_update("employjoy/jobs", MemoryStore::new()).await?;
    /// while let Some(batch) = run.next().await? {
    ///     // … upsert batch.items() by id …
    ///     batch.commit().await?;
    /// }
    /// assert_eq!(run.report().counts.rows, 500);
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(run()).unwrap();
    /// ```
    pub fn sync_by_update<'s, C: 's>(
        self,
        key: impl Into<String>,
        store: C,
    ) -> SyncRequest<'s, ByUpdate<K>, K::Item, C> {
        let options = ByUpdate { list: self.endpoint, since: None, overlap: OVERLAP };
        SyncRequest::new(self.client, options, key.into(), store)
    }
}

impl<K: Kind, T, C> SyncRequest<'_, ByUpdate<K>, T, C> {
    /// How far before the watermark each later run begins. Default 10 minutes. It must be longer than this machine's clock
    /// is ahead.
    pub fn overlap(mut self, overlap: Duration) -> Self {
        self.options.overlap = overlap;
        self
    }

    /// Where the first run begins. Default: with the whole list. Later runs go on from the watermark and do not look at it.
    pub fn since(mut self, instant: Timestamp) -> Self {
        self.options.since = Some(instant);
        self
    }
}

impl<K: Kind> Plan for ByUpdate<K> {
    const STRATEGY: &'static str = "by-update";

    fn fingerprint(&self) -> Fingerprint {
        self.list.fingerprint()
    }

    fn begin(self, client: &Client, state: &SyncState) -> Result<Box<dyn Strategy>, Refused> {
        if let Some(instant) = self.list.updated_since {
            let rule = "no such parameter: the sync sets it; give the beginning of the first run to `since`";
            return Err(Error::invalid("updated_since", instant.to_string(), rule).into());
        }
        let overlap = SignedDuration::try_from(self.overlap).map_err(|_| {
            Error::invalid("overlap", format!("{:?}", self.overlap), "a time below the age of the world")
        })?;
        let since = match state.watermark {
            Some(Mark::Time(covered)) => Some(covered.checked_sub(overlap).unwrap_or(Timestamp::MIN)),
            _ => self.since,
        };
        CursorWalk::begin(self.list, client, state, since.map(Mark::Time))
    }
}

impl<K: Kind> Feed for List<K> {
    fn list(&self, since: Option<Mark>) -> Arc<dyn Endpoint> {
        let mut list = self.clone();
        if let Some(Mark::Time(instant)) = since {
            list.updated_since = Some(instant);
        }
        Arc::new(list)
    }

    fn mark(&self, page: &dyn Facts) -> Option<Mark> {
        let texts = page.field(K::UPDATED?);
        let instants = texts.filter_map(|text| serde_json::from_str::<crate::value::DateTime>(text).ok()?.timestamp());
        instants.max().map(Mark::Time)
    }

    fn watermark(&self, covered: &Covered) -> Option<Mark> {
        let started = Mark::Time(covered.started);
        match K::UPDATED {
            // A row that changes after the start of the run may be behind the walk already.
            Some(_) => covered.forward().map(|mark| mark.min(started)),
            None => Some(started),
        }
    }

    fn caveats(&self) -> &'static [&'static str] {
        K::CAVEATS
    }
}
