//! The syncs of JobAffinity: a list from an id on, read to its end whatever its order.

use std::fmt;
use std::sync::Arc;

use super::Resource;
use super::requests::Since;
use crate::checkpoint::{Mark, SyncState};
use crate::client::Client;
use crate::error::{Error, Result};
use crate::json::BodyProblem;
use crate::listing::Endpoint;
use crate::listing::Fingerprint;
use crate::listing::ListRequest;
use crate::sync::Refused;
use crate::sync::{Covered, CursorWalk, Feed};
use crate::sync::{Facts, Plan, Strategy, SyncRequest};

/// Options of `sync_since`.
pub struct BySince<K> {
    list: Resource<K>,
    lookback: u64,
    resumes: bool,
}

impl<K: Since> fmt::Debug for BySince<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BySince").field(&self.list).finish()
    }
}

impl<K: Since> ListRequest<Resource<K>> {
    /// Syncs by id: the first run brings the whole list, each later one asks for the records since the greatest id of the run
    /// before. Made for the step-change feed, the candidates, and the applications of one job or candidate.
    ///
    /// Neither the order of the list nor whether `since` includes its id is documented. So each run reads the list to its end
    /// before the watermark moves to the greatest id, and the record of that id comes again in the next run. When the pages
    /// turn out not to be sorted by id, a record may have entered behind the walk; then the watermark stops at the greatest
    /// id of the first page, and a few more records come again.
    ///
    /// ```
    /// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
    /// use futures::TryStreamExt;
    /// use jobfeed::{checkpoint::MemoryStore, partitions};
    ///
    /// # let server = jobfeed::testing::JobAffinity::builder().jobs(4).start().await?;
    /// # let api = server.client().build()?;
    /// let store = MemoryStore::new();
    /// // What happened to applications, over all jobs.
    /// let mut steps = api.steps().sync_since("steps", &store).await?;
    /// while let Some(batch) = steps.next().await? {
    ///     // … make batch.items() durable; upsert by change_id …
    ///     batch.commit().await?;
    /// }
    /// // The applications of each job: a checkpoint for each, two at a time, under one rate limit.
    /// let jobs: Vec<u64> = api.jobs().items().try_filter_map(|job| async move { Ok(job.id) }).try_collect().await?;
    /// let results = partitions(jobs, 2, async |job| {
    ///     let applications = api.job_applications(job).sync_since(format!("jobs/{job}/applications"), &store);
    ///     applications.await?.for_each(|page| async move { println!("{job}: {}", page.items.len()); Ok(()) }).await
    /// })
    /// .await;
    /// # let results: Vec<jobfeed::Result<jobfeed::Report>> = results;
    /// assert!(results.len() == 4 && results.iter().all(Result::is_ok));
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(run()).unwrap();
    /// ```
    pub fn sync_since<'s, C: 's>(self, key: impl Into<String>, store: C) -> SyncRequest<'s, BySince<K>, K::Item, C> {
        let resumes = self.resumes();
        let options = BySince { list: self.endpoint, lookback: 0, resumes };
        SyncRequest::new(self.client, options, key.into(), store)
    }
}

impl<K: Since, T, C> SyncRequest<'_, BySince<K>, T, C> {
    /// Reads the last `ids` ids below the watermark again, for records that became visible after ones with greater ids.
    /// Default 0: only the one at the watermark comes again.
    pub fn lookback(mut self, ids: u64) -> Self {
        self.options.lookback = ids;
        self
    }
}

impl<K: Since> Plan for BySince<K> {
    const STRATEGY: &'static str = "by-since";

    fn fingerprint(&self) -> Fingerprint {
        self.list.fingerprint()
    }

    fn begin(self, client: &Client, state: &SyncState) -> Result<Box<dyn Strategy>, Refused> {
        if let Some(id) = self.list.query.value("since") {
            return Err(Error::invalid("since", id, "no since: the sync sets its own").into());
        }
        if self.resumes {
            return Err(Error::invalid("cursor", "(set)", "no cursor: the sync keeps its own position").into());
        }
        let since = match state.watermark {
            Some(Mark::Id(id)) => Some(Mark::Id(id.saturating_sub(self.lookback))),
            _ => None,
        };
        CursorWalk::begin(SinceFeed { list: self.list }, client, state, since)
    }
}

struct SinceFeed<K> {
    list: Resource<K>,
}

impl<K: Since> Feed for SinceFeed<K> {
    fn list(&self, since: Option<Mark>) -> Arc<dyn Endpoint> {
        let mut list = self.list.clone();
        if let Some(Mark::Id(id)) = since {
            list.query.set("since", id);
        }
        Arc::new(list)
    }

    fn mark(&self, page: &dyn Facts) -> Option<Mark> {
        ids::<K>(page).max().map(Mark::Id)
    }

    fn lowest(&self, page: &dyn Facts) -> Option<Mark> {
        ids::<K>(page).min().map(Mark::Id)
    }

    fn watermark(&self, covered: &Covered) -> Option<Mark> {
        covered.settled()
    }

    /// A refused cursor may as well be an `INVALID` under status 200 (inferred).
    fn refused(&self, error: &Error) -> bool {
        match error {
            Error::Status { status, .. } => {
                status.is_client_error() && !matches!(status.as_u16(), 401 | 403 | 408 | 429)
            }
            Error::Body { problem, .. } => *problem == BodyProblem::ErrorObject,
            _ => false,
        }
    }

    fn caveats(&self) -> &'static [&'static str] {
        &[
            "a record that is edited or deleted later is not announced, unless the server counts an edit as a change since an id",
            "whether the server's page cursor survives insertions and deletions is not documented",
        ]
    }
}

/// The ids of a page. As in the models, one may come as text.
fn ids<K: Since>(page: &dyn Facts) -> impl Iterator<Item = u64> + '_ {
    let texts = K::KEY.into_iter().flat_map(|key| page.field(key));
    texts.filter_map(|id| id.trim_matches('"').trim().parse().ok())
}
