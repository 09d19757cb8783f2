//! Pending entries: pages that were handed out, until it is known whether they were committed.
//!
//! The commit of a page saves one state under one revision, and a revision is saved once. So the stored state tells which pending entry
//! was committed, and that the others of this revision were not.

use std::cmp::Reverse;

use futures::TryStreamExt;
use object_store::path::Path;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::entry::{Entry, VERSION, read_json};
use super::objects::{Archive, is_of_list, manifest_object, manifest_of, pending_of};
use crate::checkpoint::{SyncState, file_name};
use crate::error::ArchiveError;

/// A page that was handed out, and the state that its commit saves.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pending {
    version: u32,
    state: SyncState,
    /// Grows each time a page of the same revision is handed out: in the end the last one counts.
    pub(super) attempt: u64,
    entry: Entry,
    /// Whether this process has written the body.
    #[serde(skip)]
    written: bool,
}

impl Pending {
    pub(super) fn new(state: &SyncState, attempt: u64, entry: Entry) -> Self {
        Self { version: VERSION, state: state.clone(), attempt, entry, written: false }
    }

    pub(super) fn body(&self) -> Option<Path> {
        self.entry.body()
    }

    pub(super) fn history(&self) -> &str {
        &self.entry.history
    }

    fn object(&self) -> Path {
        let Entry { key, history, revision, digest, .. } = &self.entry;
        let mut hash = Sha256::new_with_prefix(self.state.to_json());
        hash.update(digest.as_deref().unwrap_or_default());
        let hash = hex::encode(hash.finalize());
        let (attempt, hash) = (self.attempt, hash.get(..16).unwrap_or_default());
        Path::from(format!("{}/{history}.{revision:020}.{attempt}-{hash}.json", pending_of(key)))
    }

    fn manifest(&self) -> Path {
        self.entry.object()
    }

    /// Whether the body is there. Without it the page was not handed out.
    async fn was_handed_out(&self, archive: &Archive) -> Result<bool, ArchiveError> {
        match self.body() {
            Some(body) if !self.written => archive.exists(&body).await,
            _ => Ok(true),
        }
    }

    /// Writes the entry, then the body: a body is never without an entry.
    pub(super) async fn write(
        mut self,
        archive: &Archive,
        body: Option<(Path, Vec<u8>)>,
    ) -> Result<Self, ArchiveError> {
        archive.put(&self.object(), serde_json::to_string(&self).unwrap_or_default()).await?;
        if let Some((object, compressed)) = body {
            archive.put(&object, compressed).await?;
        }
        self.written = true;
        Ok(self)
    }
}

/// The pending entries of a key.
pub(super) async fn load(archive: &Archive, key: &str) -> Result<Vec<Pending>, ArchiveError> {
    load_from(archive, &pending_of(key)).await
}

/// The pending entries below a prefix.
pub(super) async fn load_from(archive: &Archive, prefix: &Path) -> Result<Vec<Pending>, ArchiveError> {
    let mut all = Vec::new();
    let mut objects = archive.list(prefix, None);
    while let Some(object) = objects.try_next().await? {
        let path = object.location;
        // Another process may have settled it meanwhile.
        let Some(text) = archive.get(&path).await? else { continue };
        all.push(read_json(&path, &text)?);
    }
    Ok(all)
}

/// Whether nothing was committed in the history of this entry, and its revision in another one: two processes began the first run of the
/// key at the same time, and this page is of the one that came second.
async fn other_history_has(archive: &Archive, entry: &Entry) -> Result<bool, ArchiveError> {
    let histories = archive.folders(&manifest_of(&entry.key)).await?;
    if histories.contains(&entry.history) {
        return Ok(false);
    }
    for other in histories.iter().filter(|history| !is_of_list(history)) {
        if archive.exists(&manifest_object(&file_name(&entry.key), other, entry.revision)).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Moves the entries that were committed to the manifest, and removes those that were not. Those of the next revision stay: a run may be
/// about to commit one of them. Every step can be repeated, so it can be stopped anywhere.
pub(super) async fn settle(
    archive: &Archive,
    pending: &mut Vec<Pending>,
    state: &SyncState,
) -> Result<(), ArchiveError> {
    let next = state.revision().saturating_add(1);
    pending.sort_by_key(|pending| (pending.entry.history.clone(), pending.entry.revision, Reverse(pending.attempt)));
    for one_page in pending.chunk_by(|a, b| a.manifest() == b.manifest()) {
        let Some(revision) = one_page.first().map(|first| first.entry.revision) else { continue };
        if revision == next {
            continue;
        }
        let mut committed = None;
        for candidate in one_page {
            // Of a revision that is not the stored one it is not known: the checkpoint went on without the archive, or was set back.
            if (revision != state.revision() || candidate.state == *state) && candidate.was_handed_out(archive).await? {
                committed = Some(candidate);
                break;
            }
        }
        let mut listed = None;
        if one_page.len() > 1 || revision != state.revision() || committed.is_none() {
            let manifest = one_page.first().map(Pending::manifest).unwrap_or_default();
            let line = archive.get(&manifest).await?;
            listed = line.map(|line| Entry::read(&manifest, &line)).transpose()?;
        }
        if let (None, Some(found)) = (&listed, committed)
            && revision < state.revision()
            && other_history_has(archive, &found.entry).await?
        {
            committed = None;
        }
        let entry = match (&listed, committed) {
            (None, Some(committed)) => {
                archive.put(&committed.manifest(), committed.entry.line()).await?;
                Some(&committed.entry)
            }
            (listed, _) => listed.as_ref(),
        };
        let needed = entry.and_then(Entry::body);
        for settled in one_page {
            if let Some(body) = settled.body().filter(|body| needed.as_ref() != Some(body)) {
                archive.remove(&body).await?;
            }
            archive.remove(&settled.object()).await?;
        }
    }
    pending.retain(|pending| pending.entry.revision == next);
    Ok(())
}
