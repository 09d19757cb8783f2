//! The objects of a table in an object store: their names, and how they are read and written.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::path::Path;
use object_store::{Error as StoreError, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode};
use serde::Serialize;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::manifest::{self, File, Manifest};
use crate::checkpoint::file_name;
use crate::error::TableError;

type Result<T> = std::result::Result<T, TableError>;

/// Manifests that are read at the same time.
const READ_AHEAD: usize = 16;

/// The objects of one table. Their names end in numbers with twenty digits, so that they sort by number.
#[derive(Clone)]
pub(super) struct Objects {
    store: Arc<dyn ObjectStore>,
    table: Arc<str>,
}

/// The folders of a table.
#[derive(Clone, Copy)]
pub(super) enum Folder<'k> {
    Schemas,
    /// The manifests of the commits under a key.
    Commits(&'k str),
    /// The manifests of the compactions under a key.
    Compactions(&'k str),
    /// The Parquet files of a key.
    Data(&'k str),
}

/// What is in a table under one key.
pub(super) struct Snapshot {
    /// The newest compaction.
    pub(super) compaction: Option<Manifest>,
    /// The commits after it, in their order.
    pub(super) commits: Vec<Manifest>,
}

impl Snapshot {
    /// The revision of the last commit.
    pub(super) fn revision(&self) -> u64 {
        self.manifests().last().map_or(0, |manifest| manifest.revision)
    }

    /// The manifests whose files are the table, oldest first.
    pub(super) fn manifests(&self) -> impl DoubleEndedIterator<Item = &Manifest> {
        self.compaction.iter().chain(&self.commits)
    }
}

impl Objects {
    pub(super) fn new(store: Arc<dyn ObjectStore>, table: &str) -> Self {
        Self { store, table: table.into() }
    }

    fn folder(&self, folder: Folder<'_>) -> Path {
        let table = &*self.table;
        match folder {
            Folder::Schemas => Path::from_iter([table, "schemas"]),
            Folder::Commits(key) => Path::from_iter([table, "commits", &file_name(key)]),
            Folder::Compactions(key) => Path::from_iter([table, "compactions", &file_name(key)]),
            Folder::Data(key) => Path::from_iter([table, "data", &file_name(key)]),
        }
    }

    fn numbered(&self, folder: Folder<'_>, number: u64) -> Path {
        self.folder(folder).join(format!("{number:020}.json"))
    }

    /// The path of a file in the object store.
    pub(super) fn full_path(&self, file: &File) -> String {
        format!("{}/{}", self.table, file.path)
    }

    /// Reads an object with a number; `None` when there is none.
    pub(super) async fn get<T: serde::de::DeserializeOwned>(
        &self,
        folder: Folder<'_>,
        number: u64,
    ) -> Result<Option<T>> {
        let path = self.numbered(folder, number);
        let text = match self.store.get(&path).await {
            Ok(found) => found.bytes().await.map_err(TableError::store)?,
            Err(StoreError::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(TableError::store(error)),
        };
        manifest::read(path.as_ref(), &text).map(Some)
    }

    /// Reads an object that must be there.
    pub(super) async fn expect<T: serde::de::DeserializeOwned>(&self, folder: Folder<'_>, number: u64) -> Result<T> {
        let reason = || "it is listed and does not exist".to_owned();
        let gone = || TableError::Corrupt { path: self.numbered(folder, number).into(), reason: reason() };
        self.get(folder, number).await?.ok_or_else(gone)
    }

    /// Reads the manifest of a key, and checks that it is the one of this place.
    pub(super) async fn manifest(&self, folder: Folder<'_>, revision: u64) -> Result<Manifest> {
        let manifest: Manifest = self.expect(folder, revision).await?;
        let (Folder::Commits(key) | Folder::Compactions(key) | Folder::Data(key)) = folder else { return Ok(manifest) };
        if manifest.key == key && manifest.revision == revision {
            return Ok(manifest);
        }
        let reason = "it is a copy of the manifest of another key or revision".to_owned();
        Err(TableError::Corrupt { path: self.numbered(folder, revision).into(), reason })
    }

    /// Writes an object with a number; `false` when there is one already.
    pub(super) async fn create(
        &self,
        folder: Folder<'_>,
        number: u64,
        object: &(impl Serialize + Sync),
    ) -> Result<bool> {
        let text = serde_json::to_vec(object).map_err(TableError::store)?;
        let path = self.numbered(folder, number);
        match self.store.put_opts(&path, text.into(), PutMode::Create.into()).await {
            Ok(_) => Ok(true),
            Err(StoreError::AlreadyExists { .. }) => Ok(false),
            Err(error) => Err(TableError::store(error)),
        }
    }

    /// Writes a manifest; `false` when another process has written one with this revision. When the answer of the store was lost, the
    /// manifest that is there tells.
    pub(super) async fn publish(&self, folder: Folder<'_>, manifest: &Manifest) -> Result<bool> {
        let created = self.create(folder, manifest.revision, manifest).await;
        if let Ok(true) = created {
            return Ok(true);
        }
        match (self.get::<Manifest>(folder, manifest.revision).await, created) {
            (Ok(Some(found)), _) => Ok(found.id == manifest.id),
            (Err(error), Ok(_)) | (_, Err(error)) => Err(error),
            (Ok(None), Ok(created)) => Ok(created),
        }
    }

    /// The objects of a folder with their numbers, only those from `from` on.
    async fn numbers(&self, folder: Folder<'_>, from: u64) -> Result<Vec<(u64, ObjectMeta)>> {
        let path = self.folder(folder);
        let objects = match from.checked_sub(1) {
            Some(before) => self.store.list_with_offset(Some(&path), &self.numbered(folder, before)),
            None => self.store.list(Some(&path)),
        };
        let number = |object: &ObjectMeta| object.location.filename()?.strip_suffix(".json")?.parse().ok();
        let numbers = objects.map_err(TableError::store);
        let numbers = numbers.try_filter_map(async |object| Ok(number(&object).map(|number| (number, object))));
        let mut numbers: Vec<(u64, ObjectMeta)> = numbers.try_collect().await?;
        numbers.sort_unstable_by_key(|(number, _)| *number);
        Ok(numbers)
    }

    /// The greatest number in a folder, where nothing before `from` matters.
    pub(super) async fn last(&self, folder: Folder<'_>, from: u64) -> Result<Option<u64>> {
        Ok(self.numbers(folder, from).await?.last().map(|(number, _)| *number))
    }

    /// The revision of the last commit under a key.
    pub(super) async fn revision(&self, key: &str) -> Result<Option<u64>> {
        let compacted = self.last(Folder::Compactions(key), 0).await?;
        // The commit up to which was compacted is never deleted.
        self.last(Folder::Commits(key), compacted.unwrap_or_default()).await
    }

    pub(super) async fn snapshot(&self, key: &str) -> Result<Snapshot> {
        let compaction = match self.last(Folder::Compactions(key), 0).await? {
            Some(last) => Some(self.manifest(Folder::Compactions(key), last).await?),
            None => None,
        };
        let from = compaction.as_ref().map_or(0, |compaction| compaction.revision + 1);
        let numbers = self.numbers(Folder::Commits(key), from).await?;
        let commits = numbers.into_iter().map(|(number, _)| self.manifest(Folder::Commits(key), number));
        let commits = stream::iter(commits).buffered(READ_AHEAD).try_collect().await?;
        Ok(Snapshot { compaction, commits })
    }

    /// The keys under which something was committed.
    pub(super) async fn keys(&self) -> Result<Vec<String>> {
        let commits = Path::from_iter([&*self.table, "commits"]);
        let folders = self.store.list_with_delimiter(Some(&commits)).await.map_err(TableError::store)?;
        let foreign = |folder: &Path| {
            let reason = "its name is not that of a checkpoint key".to_owned();
            TableError::Corrupt { path: folder.to_string(), reason }
        };
        let key = |folder: &Path| folder.filename().and_then(key_of).ok_or_else(|| foreign(folder));
        let mut keys: Vec<String> = folders.common_prefixes.iter().map(key).collect::<Result<_>>()?;
        keys.sort_unstable();
        Ok(keys)
    }

    async fn read(&self, path: &Path) -> Result<Bytes> {
        let found = self.store.get(path).await.map_err(TableError::store)?;
        found.bytes().await.map_err(TableError::store)
    }

    /// Writes a Parquet file.
    pub(super) async fn put_file(&self, key: &str, revision: u64, rows: u64, bytes: Vec<u8>) -> Result<File> {
        let path = self.folder(Folder::Data(key)).join(format!("{revision:020}-{}.parquet", Uuid::new_v4()));
        let (length, sha256) = (bytes.len() as u64, digest(&bytes));
        self.store.put(&path, bytes.into()).await.map_err(TableError::store)?;
        let below = path.as_ref().strip_prefix(&*self.table).unwrap_or_default();
        Ok(File { path: below.trim_start_matches('/').to_owned(), rows, bytes: length, sha256 })
    }

    /// Reads a Parquet file, and checks that it is what was written.
    pub(super) async fn get_file(&self, file: &File) -> Result<Bytes> {
        let path = self.full_path(file);
        let bytes = self.read(&Path::parse(&path).map_err(TableError::store)?).await?;
        if digest(&bytes) == file.sha256 {
            Ok(bytes)
        } else {
            let reason = "its content is not what was written".to_owned();
            Err(TableError::Corrupt { path, reason })
        }
    }

    /// The objects of a folder with their numbers, up to the first one that was not written before an instant, in milliseconds since 1970. Copied
    /// objects may have other times than their order.
    pub(super) async fn older(&self, folder: Folder<'_>, before: i64) -> Result<Vec<(u64, Path)>> {
        let old = |object: &ObjectMeta| object.last_modified.timestamp_millis() <= before;
        let numbers = self.numbers(folder, 0).await?.into_iter();
        Ok(numbers.take_while(|(_, object)| old(object)).map(|(number, object)| (number, object.location)).collect())
    }

    /// The Parquet files of a key that were written before an instant, in milliseconds since 1970.
    pub(super) async fn older_files(&self, key: &str, before: i64) -> Result<Vec<Path>> {
        let path = self.folder(Folder::Data(key));
        let objects: Vec<ObjectMeta> = self.store.list(Some(&path)).try_collect().await.map_err(TableError::store)?;
        let old = |object: &ObjectMeta| object.last_modified.timestamp_millis() <= before;
        Ok(objects.into_iter().filter(old).map(|object| object.location).collect())
    }

    /// The paths of all files that a reader may use, of whom none began before the compaction with this revision.
    pub(super) async fn used(&self, key: &str, compacted: u64) -> Result<HashSet<String>> {
        let compactions = self.numbers(Folder::Compactions(key), compacted).await?;
        let commits = self.numbers(Folder::Commits(key), compacted + u64::from(compacted > 0)).await?;
        let compactions = compactions.into_iter().map(|(number, _)| (Folder::Compactions(key), number));
        let manifests = compactions.chain(commits.into_iter().map(|(number, _)| (Folder::Commits(key), number)));
        let manifests = manifests.map(|(folder, number)| self.manifest(folder, number));
        let mut manifests = stream::iter(manifests).buffered(READ_AHEAD);
        let mut used = HashSet::new();
        while let Some(manifest) = manifests.try_next().await? {
            used.extend(manifest.files.iter().map(|file| self.full_path(file)));
        }
        Ok(used)
    }

    /// Deletes an object, also when it is gone already.
    pub(super) async fn delete(&self, path: &Path) -> Result<()> {
        match self.store.delete(path).await {
            Ok(()) | Err(StoreError::NotFound { .. }) => Ok(()),
            Err(error) => Err(TableError::store(error)),
        }
    }
}

/// The key whose folder has this name: the inverse of [`file_name`].
fn key_of(name: &str) -> Option<String> {
    let mut parts = name.split('_');
    let mut key = parts.next()?.as_bytes().to_vec();
    for part in parts {
        key.push(u8::from_str_radix(part.get(..2)?, 16).ok()?);
        key.extend_from_slice(part.get(2..)?.as_bytes());
    }
    String::from_utf8(key).ok()
}

fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn the_name_of_a_folder_tells_its_key(key: String) {
            proptest::prop_assert_eq!(key_of(&file_name(&key)), Some(key));
        }

        #[test]
        fn any_other_name_is_refused_without_a_panic(name: String) {
            let _ = key_of(&name);
        }
    }
}
