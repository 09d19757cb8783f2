//! A table in SQLite.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use rusqlite::types::Value as SqlValue;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params_from_iter};

use super::cell::Cell;
use super::changes::Changes;
use super::schema::{ColumnType, Schema, check_table};
use super::sink::Sink;
use super::sql;
use crate::checkpoint::{AnyStore, Fence, SqliteStore, SyncState};
use crate::error::{CheckpointError, Error, Result, TableError};

/// A table in an SQLite database, with the states of its syncs in the same database. Cheap to clone.
///
/// The rows of a batch are inserted, or replace those with the same key, in one transaction with the state.
///
/// ```
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use jobfeed::tables::{Column, ColumnType, Schema, Sink, SqliteTable};
/// use serde_json::json;
///
/// # use jobfeed::{jobdataapi::Client, testing::JobDataApi};
/// # let server = JobDataApi::builder().jobs(300).start().await?;
/// # let api = Client::builder().api_key(server.api_key()).base_url(server.base_url()).build()?;
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("jobs.sqlite3");
/// let schema = Schema::new([
///     Column::new("id", ColumnType::Integer).key(),
///     Column::new("title", ColumnType::Text),
///     Column::new("published", ColumnType::Timestamp),
/// ])?;
/// let table = SqliteTable::open(&path, "postings", schema).await?;
///
/// let mut run = api.jobs().sync_by_id("jobs", table.checkpoint()).await?;
/// while let Some(batch) = run.next().await? {
///     let row = |job: &jobfeed::jobdataapi::Job| {
///         json!({ "id": job.id, "title": job.title, "published": job.published.as_ref().map(|at| at.as_str()) })
///     };
///     table.commit(batch, row).await?;
/// }
/// # let db = rusqlite::Connection::open(path)?;
/// # assert_eq!(db.query_row("SELECT count(*) FROM postings", [], |row| row.get::<_, i64>(0))?, 300);
/// # Ok(()) }
/// ```
///
/// For one worker at a time, pass a lease of [`SqliteTable::store`] to the sync.
#[derive(Clone)]
pub struct SqliteTable {
    name: Arc<str>,
    schema: Schema,
    store: SqliteStore,
    db: Arc<Mutex<Connection>>,
}

impl SqliteTable {
    /// Opens a table of a database file. Creates both if they do not exist, and adds columns that the table lacks. The schema is kept in the table
    /// `jobfeed_table`. Waits up to 30 s for other writers. With the path `:memory:` the table is there as long as this value and its clones.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a name that is not 1 to 63 characters a-z, 0-9 and `_`; [`Error::Table`] when the table has other columns, was not made by
    /// a `SqliteTable`, or SQLite fails.
    pub async fn open(path: impl Into<PathBuf>, name: &str, schema: Schema) -> Result<Self> {
        check_table(name)?;
        let (path, name): (PathBuf, Arc<str>) = (path.into(), name.into());
        let opened = tokio::task::spawn_blocking(move || {
            let refused = |error: rusqlite::Error| TableError::store(error).of(&name);
            let no_store = |error: CheckpointError| TableError::store(error).of(&name);
            let store = SqliteStore::open(&path).map_err(no_store)?;
            let db = Connection::open(&path).map_err(refused)?;
            db.busy_timeout(Duration::from_secs(30)).map_err(refused)?;
            // Each connection to a database in memory has a database of its own.
            let in_memory = db.path().is_none_or(str::is_empty);
            let db = if in_memory { store.connection() } else { Arc::new(Mutex::new(db)) };
            prepare(&mut db.lock().unwrap_or_else(PoisonError::into_inner), &name, &schema)?;
            Ok(Self { name, schema, store, db })
        });
        opened.await.unwrap_or_else(|error| Err(TableError::store(error).of("")))
    }

    /// The store of the states, such as for a lease.
    pub fn store(&self) -> &SqliteStore {
        &self.store
    }

    fn write(&self, changes: &Changes, key: &str, state: &SyncState, fence: Option<Fence>) -> Result<()> {
        changes.check(&self.schema)?;
        let mut db = self.db.lock().unwrap_or_else(PoisonError::into_inner);
        let written = self.transaction(&mut db, changes, key, state, fence);
        written.map_err(|error| TableError::store(error).of(&self.name))?.map_err(|source| {
            let key = key.to_owned();
            Error::Checkpoint { key, source }
        })
    }

    fn transaction(
        &self,
        db: &mut Connection,
        changes: &Changes,
        key: &str,
        state: &SyncState,
        fence: Option<Fence>,
    ) -> rusqlite::Result<Result<(), CheckpointError>> {
        let (name, schema) = (&self.name, &self.schema);
        let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // First, so that a worker that may not save does no work.
        if let Err(refused) = SqliteStore::save_in(&tx, key, state, fence) {
            return Ok(Err(refused));
        }
        {
            let conditions: Vec<String> = schema.keys().map(|column| format!("\"{}\" = ?", column.name())).collect();
            let delete = format!("DELETE FROM \"{name}\" WHERE {}", conditions.join(" AND "));
            let mut delete = tx.prepare_cached(&delete)?;
            for cells in changes.removals() {
                let values = schema.keys().zip(cells).map(|(column, cell)| value(cell, column.kind()));
                delete.execute(params_from_iter(values))?;
            }
            let places = vec!["?"; schema.columns().len()].join(", ");
            let (columns, conflict) = (sql::names(schema.columns()), sql::on_conflict(schema));
            let insert = format!("INSERT INTO \"{name}\" ({columns}) VALUES ({places}) {conflict}");
            let mut insert = tx.prepare_cached(&insert)?;
            for cells in changes.rows() {
                let values = schema.columns().iter().zip(cells).map(|(column, cell)| value(cell, column.kind()));
                insert.execute(params_from_iter(values))?;
            }
        }
        tx.commit().map(Ok)
    }
}

/// Creates the table or brings it to the schema.
fn prepare(db: &mut Connection, name: &str, schema: &Schema) -> Result<()> {
    let refused = |error: rusqlite::Error| TableError::store(error).of(name);
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(refused)?;
    tx.execute_batch(sql::REGISTER).map_err(refused)?;
    let select = "SELECT columns FROM jobfeed_table WHERE name = ?1";
    let stored: Option<String> = tx.query_row(select, [name], |row| row.get(0)).optional().map_err(refused)?;
    let statements = sql::changes(name, schema, stored.as_deref(), type_name)?;
    if !statements.is_empty() {
        tx.execute_batch(&statements.join(";\n")).map_err(refused)?;
        let replace = "INSERT OR REPLACE INTO jobfeed_table (name, columns) VALUES (?1, ?2)";
        tx.execute(replace, [name, &sql::text(schema)]).map_err(refused)?;
    }
    tx.commit().map_err(refused)
}

fn type_name(kind: &ColumnType) -> String {
    match kind {
        ColumnType::Integer | ColumnType::Boolean => "INTEGER",
        ColumnType::Float => "REAL",
        _ => "TEXT",
    }
    .to_owned()
}

fn value(cell: &Cell, kind: &ColumnType) -> SqlValue {
    match cell {
        Cell::Null => SqlValue::Null,
        Cell::Text(text) => SqlValue::Text(text.clone()),
        Cell::Integer(number) => SqlValue::Integer(*number),
        Cell::Float(number) => SqlValue::Real(*number),
        Cell::Boolean(value) => SqlValue::Integer((*value).into()),
        Cell::Json(value) => SqlValue::Text(value.to_string()),
        Cell::List(_) | Cell::Struct(_) => SqlValue::Text(cell.to_json(kind).to_string()),
        Cell::Decimal { .. } | Cell::Timestamp(_) | Cell::Date(_) => match cell.to_json(kind) {
            serde_json::Value::String(text) => SqlValue::Text(text),
            other => SqlValue::Text(other.to_string()),
        },
    }
}

impl Sink for SqliteTable {
    fn name(&self) -> &str {
        &self.name
    }

    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn checkpoint(&self) -> AnyStore {
        AnyStore::new(self.store.clone())
    }

    fn save<'a>(
        &'a self,
        changes: Changes,
        key: &'a str,
        state: &'a SyncState,
        fence: Option<Fence>,
    ) -> BoxFuture<'a, Result<()>> {
        let (table, key, state) = (self.clone(), key.to_owned(), state.clone());
        let written = tokio::task::spawn_blocking(move || table.write(&changes, &key, &state, fence));
        written.map(|done| done.unwrap_or_else(|error| Err(TableError::store(error).of(&self.name)))).boxed()
    }
}

impl fmt::Debug for SqliteTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteTable").field("name", &self.name).field("schema", &self.schema).finish_non_exhaustive()
    }
}
