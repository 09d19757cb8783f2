//! The syncs of JobAffinity: a list from an id on, read to its end in any order.

use super::endpoint::ListEndpoint;
use super::models::{Application, Candidate, Job, Note, StepChange, WebhookTask};
use super::requests::{
    CandidateApplicationsRequest, CandidatesRequest, JobApplicationsRequest, JobsRequest, NotesRequest, StepsRequest,
    WebhookTasksRequest,
};
use crate::client::setters;
use crate::error::{Error, Result};
use crate::json::{BodyProblem, Record};
use crate::sync::{Coverage, Incremental, SinceOptions, SyncRequest, sync_request};

sync_request! {
    /// The sync by id, from `sync_since` of a listing, such as [`StepsRequest::sync_since`].
    SyncSince = SinceOptions<ListEndpoint>;
}

/// Declares the lower bound of a listing and its sync.
macro_rules! since {
    ($($request:ident($item:ty),)*) => {$(
        impl $request {
            /// Records created or modified since the record with this id (vendor page: reference of candidates,
            /// applications of a candidate and step changes; inferred for the other lists). Whether that record is
            /// included and the order are not documented. Step changes use [`StepChange::change_id`] (inferred).
            pub fn since(self, id: u64) -> Self {
                self.with(|endpoint| endpoint.query.set("since", id))
            }

            /// Syncs by id: the first run reads the whole list, each later run the records since the greatest id of the
            /// previous run. Intended for step changes, candidates, and the applications of one job or candidate.
            ///
            /// Neither the order of the list nor whether `since` includes its id is documented. So each run reads the
            /// list to its end before the watermark moves to the greatest id, and the next run may deliver that record
            /// again. If the pages are not sorted by id, a record may have been inserted into a page that was already
            /// read. Then the watermark moves only to the greatest id of the first page, and more records are repeated.
            ///
            /// ```
            /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
            /// use futures::{StreamExt, TryStreamExt};
            /// use jobfeed::{checkpoint::MemoryStore, partitions};
            ///
            /// # let server = jobfeed::testing::JobAffinity::builder().jobs(4).start().await?;
            /// # let api = server.client().build()?;
            /// let store = MemoryStore::new();
            /// // The step changes of applications, over all jobs.
            /// let mut steps = api.steps().sync_since("steps", &store).await?;
            /// while let Some(batch) = steps.next().await? {
            ///     // … make batch.items() durable; upsert by change_id …
            ///     batch.commit().await?;
            /// }
            /// // The applications of each job, two jobs at a time.
            /// let jobs: Vec<_> = api.jobs().items().try_collect().await?;
            /// let ids = jobs.into_iter().filter_map(|job| job.id);
            /// let mut results = partitions(ids, 2, async |job| {
            ///     let key = format!("jobs/{job}/applications");
            ///     let mut run = api.job_applications(job).sync_since(key, &store).await?;
            ///     run.for_each(|page| async move {
            ///         println!("{job}: {}", page.items.len());
            ///         Ok::<_, jobfeed::Error>(())
            ///     })
            ///     .await
            /// });
            /// while let Some(done) = results.next().await {
            ///     println!("job {}: {}", done.partition, done.result?);
            /// }
            /// # Ok(()) }
            /// ```
            pub fn sync_since<'s, C: 's>(self, key: impl Into<String>, store: C) -> SyncSince<'s, $item, C> {
                SyncSince { sync: SyncRequest::of(self.list, key, store, SinceOptions::new) }
            }
        }
    )*};
}

since! {
    JobsRequest(Job),
    JobApplicationsRequest(Application),
    CandidatesRequest(Candidate),
    CandidateApplicationsRequest(Application),
    StepsRequest(StepChange),
    NotesRequest(Note),
}

impl WebhookTasksRequest {
    /// Records since this id (inferred from other lists; the tasks show no id).
    pub fn since(self, id: u64) -> Self {
        self.with(|endpoint| endpoint.query.set("since", id))
    }

    /// Reads the whole history in each run: a task has no id (vendor page: webhooks), so there is no watermark from which a
    /// later run could begin. Tasks arrive again, and only their content tells which: use event, time and application
    /// together as the key. An interrupted run continues at its page.
    pub fn sync_since<'s, C: 's>(self, key: impl Into<String>, store: C) -> SyncSince<'s, WebhookTask, C> {
        SyncSince { sync: SyncRequest::of(self.list, key, store, SinceOptions::new) }
    }
}

setters! { [T, C] SyncSince<'_, T, C> {
    /// Reads the last `ids` ids below the watermark again, for records that become visible after records with greater
    /// ids. Default 0: only the record at the watermark may be delivered again.
    overlap(ids: u64) => sync.options.overlap = Some(ids);
} }

impl Incremental for ListEndpoint {
    type Mark = u64;
    const STRATEGY: &'static str = "by-since";

    fn since(&self, id: &u64) -> Self {
        let mut list = self.clone();
        list.query.set("since", id);
        list
    }

    /// The id: a number or a string, as in the models.
    fn mark(&self, record: &Record<'_>) -> Option<u64> {
        record.raw(self.spec.key?)?.trim_matches('"').trim().parse().ok()
    }

    fn covers(&self) -> Coverage {
        Coverage::Settled
    }

    fn validate_sync(&self) -> Result<()> {
        match self.query.get("since") {
            Some(id) => Err(Error::invalid("since", id, "nothing: the sync sets its own")),
            None => Ok(()),
        }
    }

    /// A refused cursor may also be `INVALID` with status 200 (inferred).
    fn refuses_cursor(&self, error: &Error) -> bool {
        match error {
            Error::Status { status, .. } => {
                status.is_client_error() && !matches!(status.as_u16(), 401 | 403 | 408 | 429)
            }
            Error::Body { problem, .. } => *problem == BodyProblem::ErrorObject,
            _ => false,
        }
    }

    fn caveats(&self) -> &'static [&'static str] {
        if self.spec.key.is_none() {
            return &[
                "the records have no id, so each run delivers the whole list again: recognise them by their content",
            ];
        }
        &[
            "a deleted record is never reported: full_list_diff of jobs, candidates and applications finds it",
            "later edits of a record are missed, unless `since` includes edited records",
            "whether the server's page cursor stays correct after insertions and deletions is not documented",
        ]
    }
}
