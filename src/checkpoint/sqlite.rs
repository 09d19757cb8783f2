//! A store in SQLite, with its own transactions or inside the caller's transaction.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, params};

use super::state::SyncState;
use super::store::Checkpoint;
use crate::error::CheckpointError;

const TABLE: &str = "CREATE TABLE IF NOT EXISTS jobfeed_checkpoint (
    key TEXT PRIMARY KEY NOT NULL, revision INTEGER NOT NULL, state TEXT NOT NULL) WITHOUT ROWID";

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
///     SqliteStore::save_in(&tx, batch.key(), batch.next_state())?;
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
    /// [`CheckpointError::Store`] when SQLite fails.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, CheckpointError> {
        let db = Connection::open(path).map_err(CheckpointError::store)?;
        db.busy_timeout(Duration::from_secs(30)).map_err(CheckpointError::store)?;
        Self::new(db)
    }

    /// A store with an open connection.
    ///
    /// # Errors
    /// [`CheckpointError::Store`] when the table cannot be created.
    pub fn new(db: Connection) -> Result<Self, CheckpointError> {
        db.execute(TABLE, []).map_err(CheckpointError::store)?;
        Ok(Self { db: Arc::new(Mutex::new(db)) })
    }

    /// Saves a state inside the caller's transaction: it becomes durable together with the rows, or not at all. On a
    /// connection without a transaction it saves the state alone.
    ///
    /// # Errors
    /// [`CheckpointError::Conflict`] when another process has saved under the key, [`CheckpointError::Store`] when
    /// SQLite fails. Then roll the transaction back.
    pub fn save_in(db: &Connection, key: &str, state: &SyncState) -> Result<(), CheckpointError> {
        db.execute(TABLE, []).map_err(CheckpointError::store)?;
        let before = state.revision().saturating_sub(1);
        let revision = i64::try_from(before).map_err(CheckpointError::store)?;
        let sql = if before == 0 {
            "INSERT OR IGNORE INTO jobfeed_checkpoint (key, revision, state) VALUES (?1, ?2 + 1, ?3)"
        } else {
            "UPDATE jobfeed_checkpoint SET revision = ?2 + 1, state = ?3 WHERE key = ?1 AND revision = ?2"
        };
        let changed = db.execute(sql, params![key, revision, state.to_json()]).map_err(CheckpointError::store)?;
        if changed == 1 {
            return Ok(());
        }
        let stored = Self::load_in(db, key)?;
        Err(CheckpointError::Conflict { expected: before, found: stored.map_or(0, |state| state.revision()) })
    }

    /// Loads a state through the caller's connection or transaction.
    ///
    /// # Errors
    /// Those of [`SyncState::from_json`], and [`CheckpointError::Store`] when SQLite fails.
    pub fn load_in(db: &Connection, key: &str) -> Result<Option<SyncState>, CheckpointError> {
        let text: Option<String> = db
            .query_row("SELECT state FROM jobfeed_checkpoint WHERE key = ?1", [key], |row| row.get(0))
            .optional()
            .map_err(CheckpointError::store)?;
        text.map(|text| SyncState::from_json(&text)).transpose()
    }

    async fn blocking<R: Send + 'static>(
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
        let (key, state) = (key.to_owned(), state.clone());
        self.blocking(move |db| Self::save_in(db, &key, &state)).await
    }
}
