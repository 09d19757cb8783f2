//! Removes what is too old, what is too much, and what nothing lists.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::TryStreamExt;
use jiff::Timestamp;
use object_store::ObjectMeta;
use object_store::path::Path;
use serde::Serialize;

use super::entry::Entry;
use super::manifest::entries;
use super::objects::{Archive, bodies_root, is_of_list, manifest_object, manifest_root, place_of};
use super::pending::{Pending, load_from};
use crate::client::setters;
use crate::error::{ArchiveError, Result};

/// A listing writes a body, then its entry: an unlisted body of a listing that is younger than this may be about to get its entry.
const ABOUT_TO_BE_LISTED: i64 = 24 * 60 * 60;

/// How much of an archive to keep, for [`Archive::retain`]. Default: all of it.
#[derive(Debug, Clone, Copy, Default)]
#[must_use = "pass it to `Archive::retain`"]
pub struct Retention {
    max_age: Option<Duration>,
    max_bytes: Option<u64>,
}

setters! { [] Retention {
    /// Removes pages that were received longer ago than this.
    max_age(age: Duration) => max_age = Some(age);
    /// Removes the oldest pages until all compressed bodies together have at most this many bytes.
    max_bytes(bytes: u64) => max_bytes = Some(bytes);
} }

/// What [`Archive::retain`] has removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Removed {
    /// Entries of the manifest, with their bodies.
    pub entries: u64,
    /// Bodies that nothing listed, which a crash has left.
    pub unlisted: u64,
    /// The bytes of all these bodies.
    pub bytes: u64,
}

impl Archive {
    /// Removes the oldest pages as far as `retention` says, and bodies that nothing lists. Runs may write at the same time: pages whose commit
    /// is not known yet stay.
    ///
    /// It reads the entries that it removes, and lists all objects. In memory are the names of the bodies of one key.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use std::time::Duration;
    /// use jobfeed::archive::{Archive, Retention};
    ///
    /// # let folder = tempfile::tempdir()?;
    /// let archive = Archive::open_folder(folder.path()).await?;
    /// let day = Duration::from_secs(24 * 60 * 60);
    /// let removed = archive.retain(Retention::default().max_age(90 * day).max_bytes(50_000_000_000)).await?;
    /// println!("{} pages removed", removed.entries);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Error::Archive`](crate::Error::Archive) when the archive fails. What was removed before stays so; call it again.
    pub async fn retain(&self, retention: Retention) -> Result<Removed> {
        let mut removed = Removed::default();
        for key in self.folders(&bodies_root()).await? {
            self.remove_unlisted(&key, &mut removed).await?;
        }
        let oldest = retention.max_age.map(|age| self.now().checked_sub(age).unwrap_or(Timestamp::MIN));
        let mut bytes = self.bytes_of_bodies().await?;
        let mut entries = entries(self.clone(), None);
        while let Some((object, entry)) = entries.try_next().await? {
            let too_old = oldest.is_some_and(|oldest| entry.date < oldest);
            let too_many = retention.max_bytes.is_some_and(|most| bytes > most);
            if !too_old && !too_many {
                break;
            }
            // The entry first: an entry without its body would be an error of a replay.
            self.remove(&object).await?;
            if let Some(body) = entry.body() {
                self.remove(&body).await?;
            }
            bytes = bytes.saturating_sub(entry.compressed);
            removed.entries += 1;
            removed.bytes += entry.compressed;
        }
        Ok(removed)
    }

    async fn bytes_of_bodies(&self) -> Result<u64, ArchiveError> {
        self.list(&bodies_root(), None).try_fold(0, async |sum, body| Ok(sum + body.size)).await
    }

    /// Removes the bodies of a key that neither the manifest nor a pending entry lists. The bodies are listed first, and the manifest
    /// last: an entry moves from the pending ones to the manifest, so one that is needed is seen in one of them.
    async fn remove_unlisted(&self, key: &str, removed: &mut Removed) -> Result<(), ArchiveError> {
        let mut bodies: BTreeMap<(String, u64), Vec<ObjectMeta>> = BTreeMap::new();
        let mut objects = self.list(&bodies_root().join(key), None);
        while let Some(body) = objects.try_next().await? {
            if let Some(place) = place_of(&body.location) {
                bodies.entry(place).or_default().push(body);
            }
        }
        let pending = load_from(self, &Path::from(format!("pending/{key}"))).await?;
        let pending: BTreeSet<Path> = pending.iter().filter_map(Pending::body).collect();
        let mut objects = self.list(&manifest_root().join(key), None);
        while let Some(entry) = objects.try_next().await? {
            if let Some(place) = place_of(&entry.location)
                && bodies.get(&place).is_some_and(|bodies| bodies.len() == 1)
            {
                bodies.remove(&place);
            }
        }
        for ((history, number), bodies) in bodies {
            let manifest = manifest_object(key, &history, number);
            let line = self.get(&manifest).await?;
            let listed = line.map(|line| Entry::read(&manifest, &line)).transpose()?.and_then(|entry| entry.body());
            for body in bodies {
                let age = self.now().as_second() - body.last_modified.timestamp();
                let about_to_be_listed = is_of_list(&history) && age < ABOUT_TO_BE_LISTED;
                if about_to_be_listed || pending.contains(&body.location) || listed.as_ref() == Some(&body.location) {
                    continue;
                }
                self.remove(&body.location).await?;
                removed.unlisted += 1;
                removed.bytes += body.size;
            }
        }
        Ok(())
    }
}
