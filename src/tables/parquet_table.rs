//! A table in Parquet files.

use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use object_store::ObjectStore;

use super::arrays;
use super::changes::Changes;
use super::manifest::{File, Manifest, StoredSchema};
use super::objects::{Folder, Objects};
use super::schema::{Schema, check_table};
use super::sink::Sink;
use crate::checkpoint::{AnyStore, Checkpoint, Fence, SyncState};
use crate::client::Clock;
use crate::error::{CheckpointError, Error, Result, TableError};

/// A table in Parquet files, in a folder or in a bucket, with the states of its syncs: exactly-once without a database. Cheap to clone.
///
/// ```
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::sync::Arc;
/// use jobfeed::object_store::local::LocalFileSystem;
/// use jobfeed::tables::{Column, ColumnType, ParquetTable, Schema, Sink};
/// use serde_json::json;
///
/// # use jobfeed::{jobdataapi::Client, testing::JobDataApi};
/// # let server = JobDataApi::builder().jobs(300).start().await?;
/// # let api = Client::builder().api_key(server.api_key()).base_url(server.base_url()).build()?;
/// # let folder = tempfile::tempdir()?;
/// let schema = Schema::new([
///     Column::new("id", ColumnType::Integer).key(),
///     Column::new("title", ColumnType::Text),
///     Column::new("published", ColumnType::Timestamp),
/// ])?;
/// let store = LocalFileSystem::new_with_prefix(&folder)?.with_fsync(true);
/// let table = ParquetTable::open(Arc::new(store), "postings", schema).await?;
///
/// let mut run = api.jobs().sync_by_id("jobs", table.checkpoint()).await?;
/// while let Some(batch) = run.next().await? {
///     let row = |job: &jobfeed::jobdataapi::Job| {
///         json!({ "id": job.id, "title": job.title, "published": job.published.as_ref().map(|at| at.as_str()) })
///     };
///     table.commit(batch, row).await?;
/// }
///
/// // What a reader opens: the files of all commits, fewer after a compaction.
/// table.compact("jobs").await?;
/// let files = table.files().await?;
/// assert_eq!(files.iter().map(|file| file.rows).sum::<u64>(), 300);
/// # assert_eq!(files.len(), 1);
/// # Ok(()) }
/// ```
///
/// A bucket: `object_store::parse_url` makes a store and a path of a URL such as `s3://bucket/feeds`, when the program switches the
/// feature of the cloud on in its own dependency on `object_store`; put the path before the table with `object_store::prefix::PrefixStore`.
/// The store must support `PutMode::Create`, as S3, GCS, Azure and folders do. In a folder, `with_fsync(true)` makes a commit
/// outlive a power failure.
///
/// # Objects
///
/// | object | content |
/// |---|---|
/// | `postings/commits/<key>/<revision>.json` | a commit: its files (path below the table, rows, bytes, SHA-256), its instant, and the state of the sync. Written with `PutMode::Create`: this one step commits rows and state together, and of two writers of one revision the second gets [`CheckpointError::Conflict`] |
/// | `postings/data/<key>/<revision>-<random>.parquet` | the rows of a commit; zstd. A file that no manifest lists is not part of the table |
/// | `postings/compactions/<key>/<revision>.json` | files that replace those of all commits up to this revision |
/// | `postings/schemas/<number>.json` | the columns; each one has more columns than the one before |
///
/// In `<key>`, the checkpoint key, a-z, digits, `-` and `.` (not first) are kept, other bytes become `_` and two hex digits. Revisions have
/// twenty digits, so that names sort by them. A page of 5,000 records makes one file; a page without records makes none.
///
/// # Reading
///
/// The table is a log: each commit adds rows. Beside the columns of the schema each row has
///
/// * `_committed`, the instant of its commit (microseconds, UTC). Under one checkpoint key a later commit always has a later instant;
///   between keys the clocks of the writers decide;
/// * `_removed`, true when the row says that the record was removed: then it has only the key columns.
///
/// **The newest version of a record** is the row of its key with the greatest `_committed`; the record is gone when that row is a
/// removal. **The files** are, for each folder in `commits`, those of the newest compaction and of all commits after it. Do not read
/// `data/*` instead: it may have files of commits that did not happen.
/// [`ParquetTable::files`] lists them. In Python:
///
/// ```python
#[doc = include_str!("read_table.py")]
/// ```
///
/// In DuckDB, with the paths from `files()`:
///
/// ```sql
/// SELECT * FROM read_parquet([…], union_by_name = true)
/// QUALIFY row_number() OVER (PARTITION BY id ORDER BY _committed DESC) = 1 AND NOT _removed;
/// ```
///
/// # Memory
///
/// One page: its cells, its arrays and its compressed file.
#[derive(Clone)]
pub struct ParquetTable {
    name: Arc<str>,
    schema: Schema,
    /// The number of the schema in the table.
    pub(super) schema_number: u64,
    pub(super) objects: Objects,
    pub(super) clock: Clock,
}

/// A file of a [`ParquetTable`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TableFile {
    /// Its path in the object store.
    pub path: String,
    /// Its rows, those included that say that a record was removed.
    pub rows: u64,
    /// Its length.
    pub bytes: u64,
    /// The checkpoint key.
    pub key: String,
    /// The revision of its commit; after a compaction, of the last one of which it has rows.
    pub revision: u64,
}

impl ParquetTable {
    /// Opens a table in an object store. Creates it if it does not exist, and adds columns that it lacks: they are null in older files.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a name that is not 1 to 63 characters a-z, 0-9 and `_`; [`Error::Table`] when the table has other columns or the
    /// object store fails.
    pub async fn open(store: Arc<dyn ObjectStore>, name: &str, schema: Schema) -> Result<Self> {
        check_table(name)?;
        let objects = Objects::new(store, name);
        let schema_number = schema_number(&objects, &schema).await.map_err(|error| error.of(name))?;
        Ok(Self { name: name.into(), schema, schema_number, objects, clock: Clock::system() })
    }

    /// The clock for `_committed` and for the age of files. Default: that of the system.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// The checkpoint keys under which something was committed, sorted.
    ///
    /// # Errors
    /// [`Error::Table`] when the object store fails, or a manifest cannot be read.
    pub async fn keys(&self) -> Result<Vec<String>> {
        self.objects.keys().await.map_err(|error| self.failed(error))
    }

    /// The files of the table now, by key, oldest first. It reads one manifest for each commit since the last compaction.
    ///
    /// # Errors
    /// Those of [`ParquetTable::keys`].
    pub async fn files(&self) -> Result<Vec<TableFile>> {
        let mut files = Vec::new();
        for key in self.keys().await? {
            let snapshot = self.objects.snapshot(&key).await.map_err(|error| self.failed(error))?;
            for manifest in snapshot.manifests() {
                files.extend(manifest.files.iter().map(|file| TableFile {
                    path: self.objects.full_path(file),
                    rows: file.rows,
                    bytes: file.bytes,
                    key: key.clone(),
                    revision: manifest.revision,
                }));
            }
        }
        Ok(files)
    }

    pub(super) fn failed(&self, error: TableError) -> Error {
        error.of(&self.name)
    }

    /// The clock's time in whole microseconds, later than `after`.
    pub(super) fn instant(&self, after: Option<Timestamp>) -> Timestamp {
        let microseconds = |instant: Timestamp| Timestamp::from_microsecond(instant.as_microsecond());
        let now = microseconds(self.clock.now()).unwrap_or(Timestamp::MIN);
        let next = after.and_then(|after| after.checked_add(SignedDuration::from_micros(1)).ok());
        next.map_or(now, |next| now.max(next))
    }

    async fn write(&self, changes: Option<Changes>, key: &str, state: &SyncState, fence: Option<Fence>) -> Result<()> {
        let failed = |error| self.failed(error);
        let revision = state.revision();
        let last = self.check(key, state, fence).await?;
        let committed = self.instant(last.map(|last| last.committed));
        let files = match changes.filter(|changes| !changes.is_empty()) {
            Some(changes) => vec![self.write_file(changes, key, revision, committed).await.map_err(failed)?],
            None => Vec::new(),
        };
        let mut manifest = Manifest::new(key, revision, committed, self.schema_number, files);
        manifest.fence = fence;
        let state = serde_json::value::RawValue::from_string(state.to_json());
        manifest.state = Some(state.map_err(|error| failed(TableError::store(error)))?);
        if self.objects.publish(Folder::Commits(key), &manifest).await.map_err(failed)? {
            return Ok(());
        }
        let found = self.objects.revision(key).await.map_err(failed)?.unwrap_or_default();
        Err(conflict(key, revision, found))
    }

    async fn write_file(
        &self,
        changes: Changes,
        key: &str,
        revision: u64,
        committed: Timestamp,
    ) -> Result<File, TableError> {
        let rows = changes.len() as u64;
        let file = tokio::task::spawn_blocking(move || arrays::file(&changes, committed));
        let file = file.await.map_err(TableError::store)?.map_err(TableError::store)?;
        self.objects.put_file(key, revision, rows, file).await
    }

    /// The commit before this state; an error when it is not the last one, or was made by the holder of a later lease.
    async fn check(&self, key: &str, state: &SyncState, fence: Option<Fence>) -> Result<Option<Manifest>> {
        let failed = |error| self.failed(error);
        let before = state.revision().saturating_sub(1);
        let last: Option<Manifest> = match before {
            0 => None,
            before => self.objects.get(Folder::Commits(key), before).await.map_err(failed)?,
        };
        if last.is_none() {
            let found = self.objects.revision(key).await.map_err(failed)?.unwrap_or_default();
            if before != 0 || found != 0 {
                return Err(conflict(key, state.revision(), found));
            }
        }
        match last.as_ref().and_then(|last| last.fence).zip(fence) {
            Some((last, fence)) if last > fence => {
                Err(Error::Checkpoint { key: key.to_owned(), source: CheckpointError::LeaseLost })
            }
            _ => Ok(last),
        }
    }

    async fn load_state(&self, key: &str) -> Result<Option<SyncState>, CheckpointError> {
        let failed = |error| CheckpointError::store(self.failed(error));
        let Some(revision) = self.objects.revision(key).await.map_err(failed)? else { return Ok(None) };
        let manifest: Manifest = self.objects.manifest(Folder::Commits(key), revision).await.map_err(failed)?;
        match manifest.state {
            Some(state) => SyncState::from_json(state.get()).map(Some),
            None => Err(CheckpointError::Corrupt { reason: "the manifest of the commit has no state".to_owned() }),
        }
    }
}

fn conflict(key: &str, revision: u64, found: u64) -> Error {
    let expected = revision.saturating_sub(1);
    Error::Checkpoint { key: key.to_owned(), source: CheckpointError::Conflict { expected, found } }
}

/// The number of the schema in the table; it is added when the newest one has fewer columns.
async fn schema_number(objects: &Objects, schema: &Schema) -> Result<u64, TableError> {
    loop {
        let next = match objects.last(Folder::Schemas, 0).await? {
            None => 1,
            Some(last) => {
                let stored: StoredSchema = objects.expect(Folder::Schemas, last).await?;
                if schema.added(&stored.columns)?.is_empty() {
                    return Ok(last);
                }
                last + 1
            }
        };
        // When another process was first, its schema is compared with ours.
        if objects.create(Folder::Schemas, next, &StoredSchema::new(schema.clone())).await? {
            return Ok(next);
        }
    }
}

impl Sink for ParquetTable {
    fn name(&self) -> &str {
        &self.name
    }

    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn checkpoint(&self) -> AnyStore {
        AnyStore::new(self.clone())
    }

    fn save<'a>(
        &'a self,
        changes: Changes,
        key: &'a str,
        state: &'a SyncState,
        fence: Option<Fence>,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            changes.check(&self.schema)?;
            self.write(Some(changes), key, state, fence).await
        })
    }
}

/// The states are in the manifests of the commits. A state that is saved alone makes a commit without rows.
impl Checkpoint for ParquetTable {
    type Error = CheckpointError;

    async fn load(&self, key: &str) -> Result<Option<SyncState>, CheckpointError> {
        self.load_state(key).await
    }

    async fn save(&self, key: &str, state: &SyncState) -> Result<(), CheckpointError> {
        self.write(None, key, state, None).await.map_err(|error| match error {
            Error::Checkpoint { source, .. } => source,
            other => CheckpointError::store(other),
        })
    }
}

impl fmt::Debug for ParquetTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParquetTable").field("name", &self.name).field("schema", &self.schema).finish_non_exhaustive()
    }
}
