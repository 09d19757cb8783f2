//! A store in SQLite, with its own transactions or inside the caller's transaction.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OptionalExtension, Row, params};

use super::fence::Fence;
use super::lease::LeaseStore;
use super::state::SyncState;
use super::store::Checkpoint;
use crate::error::CheckpointError;

const TABLES: &str = "CREATE TABLE IF NOT EXISTS jobfeed_checkpoint (
    key TEXT PRIMARY KEY NOT NULL, revision INTEGER NOT NULL, state TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS jobfeed_lease (
    key TEXT PRIMARY KEY NOT NULL, fence INTEGER NOT NULL, holder TEXT, ends_ms INTEGER) WITHOUT ROWID;";

/// Milliseconds since 1970 by SQLite's clock, in all versions of SQLite.
macro_rules! now_ms {
    () => {
        "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)"
    };
}

/// Whether the holder of the token `?4`, or a caller without one, may save.
macro_rules! may_save {
    () => {
        concat!(
            "CASE WHEN ?4 IS NULL THEN NOT EXISTS (SELECT 1 FROM jobfeed_lease WHERE key = ?1 AND ends_ms > ",
            now_ms!(),
            ") ELSE EXISTS (SELECT 1 FROM jobfeed_lease WHERE key = ?1 AND fence = ?4) END"
        )
    };
}

const FIRST_SAVE: &str = concat!(
    "INSERT OR IGNORE INTO jobfeed_checkpoint (key, revision, state) SELECT ?1, ?2 + 1, ?3 WHERE ",
    may_save!()
);
const SAVE: &str = concat!(
    "UPDATE jobfeed_checkpoint SET revision = ?2 + 1, state = ?3 WHERE key = ?1 AND revision = ?2 AND ",
    may_save!()
);
const ACQUIRE: &str = concat!(
    "INSERT INTO jobfeed_lease (key, fence, holder, ends_ms) VALUES (?1, 1, ?2, ",
    now_ms!(),
    " + ?3)
    ON CONFLICT (key) DO UPDATE SET fence = fence + 1, holder = excluded.holder, ends_ms = excluded.ends_ms
    WHERE ends_ms IS NULL OR ends_ms <= ",
    now_ms!(),
    " RETURNING fence"
);
const HOLDER: &str = concat!(
    "SELECT holder, ends_ms - ",
    now_ms!(),
    " AS ends_in FROM jobfeed_lease WHERE key = ?1 AND ends_ms > ",
    now_ms!()
);
const RENEW: &str = concat!("UPDATE jobfeed_lease SET ends_ms = ", now_ms!(), " + ?3 WHERE key = ?1 AND fence = ?2");
const RELEASE: &str = "UPDATE jobfeed_lease SET ends_ms = NULL, holder = NULL WHERE key = ?1 AND fence = ?2";

/// Keeps states in the table `jobfeed_checkpoint` of an SQLite database.
///
/// For exactly-once, write rows and state in one transaction, and use the store only to load:
///
/// ```
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use jobfeed::checkpoint::SqliteStore;
/// use rusqlite::Connection;
///
/// # use jobfeed::{jobdataapi::Client, testing::JobDataApi};
/// # let server = JobDataApi::builder().jobs(300).start().await?;
/// # let (key, url) = (server.api_key(), server.base_url());
/// # let api = Client::builder().api_key(key).base_url(url).build()?;
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("jobs.sqlite3");
/// let store = SqliteStore::open(&path)?;
/// let mut db = Connection::open(&path)?;
/// db.execute("CREATE TABLE jobs (id INTEGER PRIMARY KEY, json TEXT)", [])?;
///
/// let mut run = api.jobs().sync_by_id("jobs", store).await?;
/// while let Some(batch) = run.next().await? {
///     let tx = db.transaction()?;
///     for (job, raw) in batch.page().rows() {
///         let sql = "INSERT OR REPLACE INTO jobs VALUES (?1, ?2)";
///         tx.execute(sql, (job.id as i64, raw))?;
///     }
///     SqliteStore::save_in(&tx, batch.key(), batch.next_state(), batch.fence())?;
///     tx.commit()?;
///     batch.committed();
/// }
/// # let sql = "SELECT count(*) FROM jobs";
/// # assert_eq!(db.query_row(sql, [], |row| row.get::<_, i64>(0))?, 300);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct SqliteStore {
    db: Arc<Mutex<Connection>>,
}

impl SqliteStore {
    /// Opens a database file. Creates the file and the table if they do not exist. Waits up to 30 s for other writers.
    ///
    /// # Errors
    /// [`CheckpointError::File`] when the file cannot be opened or created, [`CheckpointError::Store`] when SQLite fails otherwise.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, CheckpointError> {
        let path = path.as_ref();
        let db = Connection::open(path).map_err(|error| failed_at(Some(path), error))?;
        db.busy_timeout(Duration::from_secs(30)).map_err(CheckpointError::store)?;
        Self::new(db)
    }

    /// A store with an open connection.
    ///
    /// # Errors
    /// [`CheckpointError::File`] and [`CheckpointError::Store`] when the table cannot be created.
    pub fn new(db: Connection) -> Result<Self, CheckpointError> {
        db.execute_batch(TABLES).map_err(|error| failed(&db, error))?;
        Ok(Self { db: Arc::new(Mutex::new(db)) })
    }

    /// The connection, for a table in the same database.
    pub(crate) fn connection(&self) -> Arc<Mutex<Connection>> {
        self.db.clone()
    }

    /// Saves a state inside the caller's transaction: it becomes durable together with the rows, or not at all. On a
    /// connection without a transaction it saves the state alone. `fence` is [`Batch::fence`](crate::Batch::fence).
    ///
    /// # Errors
    /// [`CheckpointError::Conflict`] when another process has saved under the key, [`CheckpointError::LeaseLost`] when the
    /// lease of the fence has ended and another was taken, [`CheckpointError::Leased`] when there is no fence and
    /// a worker has the lease, [`CheckpointError::File`] when the disk is full or the file cannot be written,
    /// [`CheckpointError::Store`] when SQLite fails otherwise. Then roll the transaction back.
    pub fn save_in(db: &Connection, key: &str, state: &SyncState, fence: Option<Fence>) -> Result<(), CheckpointError> {
        let before = state.revision().saturating_sub(1);
        let fence = fence.map(|fence| number(fence.get())).transpose()?;
        let sql = if before == 0 { FIRST_SAVE } else { SAVE };
        let (revision, state) = (number(before)?, state.to_json());
        let save = || db.execute(sql, params![key, revision, state, fence]);
        // The write comes first: SQLite does not wait for another writer in a transaction that has only read.
        let changed = match save() {
            Err(error) if error.to_string().contains("no such table") => db.execute_batch(TABLES).and_then(|()| save()),
            changed => changed,
        };
        if changed.map_err(|error| failed(db, error))? == 1 {
            return Ok(());
        }
        match fence {
            None => check_free(db, key)?,
            Some(fence) => {
                let sql = "SELECT fence FROM jobfeed_lease WHERE key = ?1";
                let last = db.query_row(sql, [key], |row| row.get::<_, i64>(0)).optional();
                if last.map_err(|error| failed(db, error))? != Some(fence) {
                    return Err(CheckpointError::LeaseLost);
                }
            }
        }
        let stored = Self::load_in(db, key)?;
        Err(CheckpointError::Conflict { expected: before, found: stored.map_or(0, |state| state.revision()) })
    }

    /// Loads a state through the caller's connection or transaction.
    ///
    /// # Errors
    /// Those of [`SyncState::from_json`], and [`CheckpointError::File`] or [`CheckpointError::Store`] when SQLite fails.
    pub fn load_in(db: &Connection, key: &str) -> Result<Option<SyncState>, CheckpointError> {
        let text: Option<String> = db
            .query_row("SELECT state FROM jobfeed_checkpoint WHERE key = ?1", [key], |row| row.get(0))
            .optional()
            .map_err(|error| failed(db, error))?;
        text.map(|text| SyncState::from_json(&text)).transpose()
    }

    async fn save(&self, key: &str, state: &SyncState, fence: Option<Fence>) -> Result<(), CheckpointError> {
        let (key, state) = (key.to_owned(), state.clone());
        self.blocking(move |db| Self::save_in(db, &key, &state, fence)).await
    }

    /// Runs `work` with the connection, on a blocking thread.
    pub(crate) async fn blocking<R: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<R, CheckpointError> + Send + 'static,
    ) -> Result<R, CheckpointError> {
        let db = self.db.clone();
        let task = move || work(&db.lock().unwrap_or_else(PoisonError::into_inner));
        tokio::task::spawn_blocking(task).await.map_err(CheckpointError::store)?
    }
}

impl Checkpoint for SqliteStore {
    type Error = CheckpointError;

    async fn load(&self, key: &str) -> Result<Option<SyncState>, CheckpointError> {
        let key = key.to_owned();
        self.blocking(move |db| Self::load_in(db, &key)).await
    }

    async fn save(&self, key: &str, state: &SyncState) -> Result<(), CheckpointError> {
        self.save(key, state, None).await
    }
}

impl LeaseStore for SqliteStore {
    async fn acquire(&self, key: &str, holder: &str, ttl: Duration) -> Result<Fence, CheckpointError> {
        let (key, holder, ttl) = (key.to_owned(), holder.to_owned(), milliseconds(ttl));
        self.blocking(move |db| {
            loop {
                let fence = db.query_row(ACQUIRE, params![key, holder, ttl], |row| row.get::<_, i64>(0));
                if let Some(fence) = fence.optional().map_err(|error| failed(db, error))? {
                    return Ok(Fence::new(fence.unsigned_abs()));
                }
                // It is free when it was released in between.
                check_free(db, &key)?;
            }
        })
        .await
    }

    async fn renew(&self, key: &str, fence: Fence, ttl: Duration) -> Result<bool, CheckpointError> {
        let (key, fence, ttl) = (key.to_owned(), number(fence.get())?, milliseconds(ttl));
        self.blocking(move |db| {
            db.execute(RENEW, params![key, fence, ttl]).map(|rows| rows == 1).map_err(|error| failed(db, error))
        })
        .await
    }

    async fn release(&self, key: &str, fence: Fence) -> Result<(), CheckpointError> {
        let (key, fence) = (key.to_owned(), number(fence.get())?);
        self.blocking(move |db| db.execute(RELEASE, params![key, fence]).map(drop).map_err(|error| failed(db, error)))
            .await
    }

    async fn save_leased(&self, key: &str, state: &SyncState, fence: Fence) -> Result<(), CheckpointError> {
        self.save(key, state, Some(fence)).await
    }
}

/// An error while another worker has the lease.
fn check_free(db: &Connection, key: &str) -> Result<(), CheckpointError> {
    let leased = |row: &Row<'_>| {
        let (holder, ends_in) = (row.get(0)?, row.get::<_, i64>(1)?);
        Ok(CheckpointError::Leased { holder, ends_in: Duration::from_millis(ends_in.unsigned_abs()) })
    };
    let leased = db.query_row(HOLDER, [key], leased).optional().map_err(|error| failed(db, error))?;
    leased.map_or(Ok(()), Err)
}

fn failed(db: &Connection, error: rusqlite::Error) -> CheckpointError {
    // A database in memory has an empty path.
    failed_at(db.path().filter(|path| !path.is_empty()).map(Path::new), error)
}

/// An error that names the file, where the system refuses to read or write it.
fn failed_at(path: Option<&Path>, error: rusqlite::Error) -> CheckpointError {
    use ErrorCode::{CannotOpen, DiskFull, PermissionDenied, ReadOnly, SystemIoFailure};

    let code = error.sqlite_error_code();
    let refused = matches!(code, Some(CannotOpen | DiskFull | PermissionDenied | ReadOnly | SystemIoFailure));
    match path {
        Some(path) if refused => CheckpointError::file(path, error),
        _ => CheckpointError::store(error),
    }
}

/// A number as SQLite has it.
fn number(number: u64) -> Result<i64, CheckpointError> {
    i64::try_from(number).map_err(CheckpointError::store)
}

/// At most a hundred years.
fn milliseconds(ttl: Duration) -> i64 {
    i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX).min(3_153_600_000_000)
}
