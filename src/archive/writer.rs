//! The writer: an [`Inspect`] that keeps the answers of one run.

use std::fmt;

use futures::TryStreamExt;
use futures::future::{BoxFuture, FutureExt};

use super::bodies::pack;
use super::entry::Entry;
use super::objects::{Archive, history, is_of_list, manifest_object, manifest_of};
use super::pending::{self, Pending};
use crate::checkpoint::{Checkpoint, CheckpointError, SyncState, file_name};
use crate::error::{ArchiveError, BoxError, Error, Result};
use crate::sync::{Inspect, InspectedEnd, InspectedPage};

/// Keeps the answers of one run. From [`Archive::writer`].
pub struct ArchiveWriter {
    archive: Archive,
    run: Option<Run>,
}

/// What the writer knows of its run, from the first page on.
struct Run {
    history: String,
    /// The number of this attempt at the revision after the stored one.
    attempt: u64,
    pending: Vec<Pending>,
}

impl Archive {
    /// A writer for one run: pass it to [`SyncRun::inspect_with`](crate::SyncRun::inspect_with).
    pub fn writer(&self) -> ArchiveWriter {
        ArchiveWriter { archive: self.clone(), run: None }
    }

    /// Lists the pages of a key that were committed, as the stored state says, and removes those that were not. The next run of the key
    /// does the same. Call it before a replay when the last run was killed or left before [`SyncRun::next`](crate::SyncRun::next) returned
    /// `None`, and while no run of the key is in progress.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] when the state cannot be loaded, [`Error::Archive`] when the archive fails.
    pub async fn settle(&self, key: &str, store: impl Checkpoint) -> Result<()> {
        let loaded = store.load(key).await.map_err(CheckpointError::from_store);
        let loaded = loaded.map_err(|source| Error::Checkpoint { key: key.to_owned(), source })?;
        let Some(state) = loaded else { return Ok(()) };
        let mut all = pending::load(self, key).await?;
        Ok(pending::settle(self, &mut all, &state).await?)
    }
}

impl ArchiveWriter {
    async fn settle(&mut self, key: &str, state: &SyncState) -> Result<&mut Run, ArchiveError> {
        let archive = &self.archive;
        // Taken out: when this future is dropped, the next call loads the pending entries again.
        let mut run = if let Some(run) = self.run.take() {
            run
        } else {
            Run { history: String::new(), attempt: 0, pending: pending::load(archive, key).await? }
        };
        pending::settle(archive, &mut run.pending, state).await?;
        if run.history.is_empty() {
            // What is still pending is an earlier attempt at the next revision.
            let last = run.pending.iter().max_by_key(|pending| pending.attempt);
            run.attempt = last.map_or(1, |last| last.attempt + 1);
            run.history = match last {
                Some(last) => last.history().to_owned(),
                None => match current_history(archive, key, state).await? {
                    Some(history) => history,
                    None => history(archive.now(), false),
                },
            };
        }
        Ok(self.run.insert(run))
    }

    async fn keep(&mut self, page: &InspectedPage<'_>) -> Result<(), ArchiveError> {
        let archive = self.archive.clone();
        let run = self.settle(page.key(), page.state()).await?;
        let Some(source) = page.source() else { return Ok(()) };
        let revision = page.next_state().revision();
        let (mut entry, body) = Entry::of(source, page.content(), page.key(), &run.history, revision);
        let body = pack(&mut entry, body).await?;
        let pending = Pending::new(page.next_state(), run.attempt, entry);
        run.pending.push(pending.write(&archive, body).await?);
        Ok(())
    }
}

/// The history that the next revision continues. `None` when there is none yet, and when it has later revisions: then the checkpoint
/// was set back.
async fn current_history(archive: &Archive, key: &str, state: &SyncState) -> Result<Option<String>, ArchiveError> {
    if state.revision() == 0 {
        return Ok(None);
    }
    let histories = archive.folders(&manifest_of(key)).await?;
    let Some(history) = histories.into_iter().rfind(|history| !is_of_list(history)) else { return Ok(None) };
    let last = manifest_object(&file_name(key), &history, state.revision());
    let folder = manifest_of(key).join(history.as_str());
    let later = archive.list(&folder, Some(&last)).try_next().await?;
    Ok(later.is_none().then_some(history))
}

impl Inspect for ArchiveWriter {
    fn name(&self) -> &'static str {
        "archive"
    }

    fn page<'a>(&'a mut self, page: &'a InspectedPage<'_>) -> BoxFuture<'a, Result<(), BoxError>> {
        async move { Ok(self.keep(page).await?) }.boxed()
    }

    fn end<'a>(&'a mut self, end: &'a InspectedEnd<'_>) -> BoxFuture<'a, Result<(), BoxError>> {
        async move { Ok(self.settle(end.key(), end.state()).await.map(drop)?) }.boxed()
    }
}

impl fmt::Debug for ArchiveWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArchiveWriter").finish_non_exhaustive()
    }
}
