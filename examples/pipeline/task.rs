//! One endpoint in one run: its sync, what looks at its pages, and how its records change the table.

use std::error::Error;

use futures::future::BoxFuture;
use jobfeed::checkpoint::AnyStore;
use jobfeed::drift::DriftCheck;
use jobfeed::jiff::SignedDuration;
use jobfeed::posting::{Posting, PostingStatus};
use jobfeed::tables::Sink;
use jobfeed::{BoxError, SyncRun};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::config::Every;
use super::pipeline::Pipeline;
use super::report::EndpointReport;
use super::table::{self, Ids};

/// What a record does to the table.
pub(crate) enum Change {
    Write(Box<Posting>),
    /// Removes the posting with this id.
    Remove(String),
}

impl Change {
    /// A posting that the provider has taken down is removed; drafts and closed ones stay, with their status.
    pub(crate) fn of(posting: Posting) -> Self {
        if posting.status == Some(PostingStatus::Expired) {
            Self::Remove(posting.source.id)
        } else {
            Self::Write(Box::new(posting))
        }
    }

    /// Of records that are postings.
    pub(crate) fn all<'r, T>(records: &'r [T]) -> Vec<Self>
    where
        Posting: From<&'r T>,
    {
        records.iter().map(|record| Self::of(Posting::from(record))).collect()
    }
}

pub(crate) type Changes = Result<Vec<Change>, BoxError>;

/// An endpoint in one run.
pub(crate) struct Task<'p> {
    pub(crate) pipeline: &'p Pipeline,
    /// The checkpoint key.
    pub(crate) key: String,
    pub(crate) provider: &'p str,
    pub(crate) feed: &'p str,
    pub(crate) every: SignedDuration,
    /// The postings of the feed that the table has.
    pub(crate) ids: &'p mut Ids,
    /// The field of a removal that has the id.
    pub(crate) removal_key: Option<&'p str>,
    /// The newest id of the feed, where a removal may come before its posting, and ids grow.
    newest: Option<u64>,
}

/// The status of a row that only says that its posting was removed before it came.
pub(crate) const REMOVED_EARLY: &str = "removed early";

impl<'p> Task<'p> {
    pub(crate) fn new(
        pipeline: &'p Pipeline,
        provider: &'p str,
        endpoint: &str,
        feed: &'p str,
        every: Every,
        ids: &'p mut Ids,
    ) -> Self {
        let key = format!("{provider}/{endpoint}");
        Self { pipeline, key, provider, feed, every: every.0, ids, removal_key: None, newest: None }
    }

    /// A removal may come before its posting, and must not be forgotten until then.
    pub(crate) fn with_early_removals(mut self) -> Self {
        let postings = self.ids.keys().filter(|id| !self.is_removed_early(id));
        self.newest = Some(postings.filter_map(|id| id.parse().ok()).max().unwrap_or(u64::MAX));
        self
    }

    fn is_removed_early(&self, id: &str) -> bool {
        self.ids.get(id).is_some_and(|status| status.as_deref() == Some(REMOVED_EARLY))
    }

    /// Whether the posting with this id is still to come.
    fn is_to_come(&self, id: &str) -> bool {
        self.newest.is_some_and(|newest| id.parse().is_ok_and(|id: u64| id > newest))
    }

    /// The report of an endpoint that could not begin.
    pub(crate) fn failed(&self, error: &(dyn Error + 'static)) -> EndpointReport {
        let mut report = EndpointReport::failed(&self.key, with_sources(error));
        report.next_due = self.pipeline.clock.now().checked_add(self.every).ok();
        self.pipeline.screen.ended(&report);
        report
    }

    /// Reads the run to its end. `first` is written with the first batch; `read` says what the records of a batch change.
    pub(crate) async fn drive<T, F>(
        mut self,
        started: jobfeed::Result<SyncRun<T, AnyStore>>,
        first: Vec<Change>,
        read: F,
    ) -> EndpointReport
    where
        T: DeserializeOwned + Send + Sync + 'static,
        F: FnMut(&[T]) -> BoxFuture<'static, Changes> + Send,
    {
        let pipeline = self.pipeline;
        let mut run = match started {
            Ok(run) => run,
            Err(error) => return self.failed(&error),
        };
        let check = DriftCheck::new(pipeline.store.clone()).fail_on(pipeline.config.drift.rules());
        run = run.inspect_with(check).inspect_with(pipeline.quarantine.keep());
        if let Some(archive) = &pipeline.archive {
            run = run.inspect_with(archive.writer());
        }
        let mut removed = 0;
        let error = match self.batches(&mut run, first, read, &mut removed).await {
            Ok(()) => None,
            Err(error) => Some(with_sources(&*error)),
        };
        let report = EndpointReport::of(&run.report(), error, removed, self.every);
        pipeline.screen.ended(&report);
        report
    }

    async fn batches<T, F>(
        &mut self,
        run: &mut SyncRun<T, AnyStore>,
        first: Vec<Change>,
        mut read: F,
        removed: &mut u64,
    ) -> Result<(), BoxError>
    where
        T: DeserializeOwned + Send + Sync + 'static,
        F: FnMut(&[T]) -> BoxFuture<'static, Changes> + Send,
    {
        let sink = &self.pipeline.table.sink;
        let bar = self.pipeline.screen.bar(&self.key);
        let progress = run.progress();
        let mut first = Some(first);
        while let Some(mut batch) = run.next().await? {
            bar.set_position(progress.counts().rows);
            let mut edits = first.take().unwrap_or_default();
            if let Some(field) = self.removal_key {
                let ids = batch.removals().filter_map(|record| record.get(field).map(|id| text(&id)));
                edits.extend(ids.map(Change::Remove));
            }
            edits.extend(read(batch.items()).await?);
            let (mut changes, mut new, mut gone) = (sink.changes(), 0, 0);
            for edit in edits {
                match edit {
                    Change::Write(posting) if self.is_removed_early(&posting.source.id) => {
                        changes.remove(&table::key(self.provider, self.feed, &posting.source.id))?;
                        self.ids.remove(&posting.source.id);
                    }
                    Change::Remove(id) if self.is_to_come(&id) => {
                        let mut posting = Posting::new(self.provider, self.feed, id.as_str());
                        posting.status = Some(PostingStatus::Expired);
                        posting.status_raw = Some(REMOVED_EARLY.to_owned());
                        changes.upsert(&table::row(&posting)?)?;
                        self.ids.insert(id, posting.status_raw);
                    }
                    Change::Write(posting) => {
                        changes.upsert(&table::row(&posting)?)?;
                        let known = self.ids.insert(posting.source.id, posting.status_raw);
                        new += u64::from(known.is_none());
                    }
                    // A feed of removals also names postings that the table never had.
                    Change::Remove(id) => {
                        if self.ids.remove(&id).is_some() {
                            changes.remove(&table::key(self.provider, self.feed, &id))?;
                            gone += 1;
                        }
                    }
                }
            }
            batch.report_new(new);
            sink.commit_changes(batch, changes).await?;
            *removed += gone;
        }
        Ok(())
    }
}

/// An id as text.
pub(crate) fn text(id: &Value) -> String {
    id.as_str().map_or_else(|| id.to_string(), str::to_owned)
}

/// An error with its sources, in one line. Some errors repeat the text of their source.
pub(crate) fn with_sources(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        source = error.source();
    }
    text
}
