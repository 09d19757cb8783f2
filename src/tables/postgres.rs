//! A table in PostgreSQL.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use futures::future::BoxFuture;
use tokio::sync::Mutex;
use tokio_postgres::Client;
use tokio_postgres::types::{ToSql, Type};

use super::cell::{Cell, object};
use super::changes::Changes;
use super::schema::{Column, ColumnType, Schema, check_table};
use super::sink::Sink;
use super::sql;
use crate::checkpoint::{AnyStore, Fence, PostgresStore, SyncState};
use crate::error::{BoxError, CheckpointError, Error, Result, TableError};

/// Rows that are sent in one statement.
const ROWS: usize = 1000;
/// Only one process at a time creates or changes tables.
const LOCK: &str = "SELECT pg_advisory_xact_lock(7741310936505)";

/// A table in a PostgreSQL database, with the states of its syncs in the same database. Cheap to clone.
///
/// The rows of a batch are inserted, or replace those with the same key, in one transaction with the state. The caller opens the connections,
/// as for [`PostgresStore`]; the table opens one more for its transactions, and another one when that is lost.
///
/// ```
/// # async fn example(api: jobfeed::jobdataapi::Client) -> Result<(), jobfeed::BoxError> {
/// use jobfeed::checkpoint::LeaseStore;
/// use jobfeed::tables::{Column, ColumnType, PostgresTable, Schema, Sink};
/// use jobfeed::tokio_postgres::{Client, Error, NoTls};
/// use serde_json::json;
///
/// async fn connect() -> Result<Client, Error> {
///     let (client, connection) = jobfeed::tokio_postgres::connect("host=localhost user=jobs dbname=jobs", NoTls).await?;
///     tokio::spawn(connection);
///     Ok(client)
/// }
///
/// let schema = Schema::new([
///     Column::new("id", ColumnType::Integer).key(),
///     Column::new("title", ColumnType::Text),
/// ])?;
/// let table = PostgresTable::open(connect, "postings", schema).await?;
/// // One worker at a time: a worker that has lost the lease writes no rows.
/// let lease = table.store().lease("jobs", std::time::Duration::from_secs(30)).await?;
///
/// let mut run = api.jobs().sync_by_id("jobs", lease).await?;
/// while let Some(batch) = run.next().await? {
///     table.commit(batch, |job| json!({ "id": job.id, "title": job.title })).await?;
/// }
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct PostgresTable {
    name: Arc<str>,
    schema: Schema,
    store: PostgresStore,
    db: Arc<Mutex<Option<Client>>>,
    upsert: Arc<str>,
    delete: Arc<str>,
}

impl PostgresTable {
    /// Opens a table. Creates it if it does not exist, and adds columns that it lacks. The schema is kept in the table `jobfeed_table`, and both are
    /// found by the `search_path` of the connections.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a name that is not 1 to 63 characters a-z, 0-9 and `_`; [`Error::Table`] when the table has other columns, was not made by
    /// a `PostgresTable`, or PostgreSQL fails.
    pub async fn open<F, Fut, E>(connect: F, name: &str, schema: Schema) -> Result<Self>
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Client, E>> + Send + 'static,
        E: Into<BoxError>,
    {
        check_table(name)?;
        let no_store = |error: CheckpointError| TableError::store(error).of(name);
        let store = PostgresStore::new(connect).await.map_err(no_store)?;
        let mut db = store.own_connection().await.map_err(no_store)?;
        prepare(&mut db, name, &schema).await?;
        let (all, columns) = (record(schema.columns()), sql::names(schema.columns()));
        let conflict = sql::on_conflict(&schema);
        let upsert = format!(
            "INSERT INTO \"{name}\" ({columns}) SELECT {columns} FROM json_to_recordset($1::json) AS new ({all}) {conflict}"
        );
        let equal: Vec<String> =
            schema.keys().map(|column| format!("old.\"{0}\" = gone.\"{0}\"", column.name())).collect();
        let delete = format!(
            "DELETE FROM \"{name}\" AS old USING json_to_recordset($1::json) AS gone ({}) WHERE {}",
            record(schema.keys()),
            equal.join(" AND ")
        );
        let db = Arc::new(Mutex::new(Some(db)));
        Ok(Self { name: name.into(), schema, store, db, upsert: upsert.into(), delete: delete.into() })
    }

    /// The store of the states, such as for a lease.
    pub fn store(&self) -> &PostgresStore {
        &self.store
    }

    async fn write(&self, changes: &Changes, key: &str, state: &SyncState, fence: Option<Fence>) -> Result<()> {
        let refused = |source| Error::Checkpoint { key: key.to_owned(), source };
        changes.check(&self.schema)?;
        changes.refuse("a text has the character U+0000, which PostgreSQL cannot store", has_nul)?;
        let mut current = self.db.lock().await;
        let mut lost = false;
        loop {
            // Put back at the end: a connection whose transaction was dropped halfway is not used again.
            let mut db = match current.take().filter(|db| !db.is_closed()) {
                Some(db) => db,
                None => self.store.own_connection().await.map_err(refused)?,
            };
            let written = self.transaction(&mut db, changes, key, state, fence).await;
            let is_lost = db.is_closed();
            if !is_lost {
                *current = Some(db);
            }
            if written.is_ok() || !(is_lost || lost) {
                return written;
            }
            // The answer to a commit may be lost, and not the commit. The second transaction waits until the first one has ended.
            if self.store.is_saved(key, state).await.map_err(refused)? {
                return Ok(());
            }
            if lost {
                return written;
            }
            lost = true;
        }
    }

    async fn transaction(
        &self,
        db: &mut Client,
        changes: &Changes,
        key: &str,
        state: &SyncState,
        fence: Option<Fence>,
    ) -> Result<()> {
        let failed = |error: tokio_postgres::Error| TableError::store(error).of(&self.name);
        let removals = arrays(self.schema.keys(), changes.removals());
        let rows = arrays(self.schema.columns(), changes.rows());
        let tx = db.transaction().await.map_err(failed)?;
        // First, so that a worker that may not save does no work.
        let saved = PostgresStore::save_in(&tx, key, state, fence).await;
        saved.map_err(|source| Error::Checkpoint { key: key.to_owned(), source })?;
        for (sql, rows) in [(&self.delete, removals), (&self.upsert, rows)] {
            for rows in rows {
                let parameter: (&(dyn ToSql + Sync), Type) = (&rows, Type::TEXT);
                tx.query_typed(sql, &[parameter]).await.map_err(failed)?;
            }
        }
        tx.commit().await.map_err(failed)
    }
}

/// Rows as JSON arrays, one for each statement.
fn arrays<'c>(
    columns: impl IntoIterator<Item = &'c Column>,
    rows: impl IntoIterator<Item = &'c [Cell]>,
) -> Vec<String> {
    let columns: Vec<&Column> = columns.into_iter().collect();
    let rows: Vec<&[Cell]> = rows.into_iter().collect();
    let array = |rows: &[&[Cell]]| -> serde_json::Value {
        rows.iter().map(|cells| object(columns.iter().copied(), cells)).collect()
    };
    rows.chunks(ROWS).map(|rows| array(rows).to_string()).collect()
}

/// Creates the table or brings it to the schema.
async fn prepare(db: &mut Client, name: &str, schema: &Schema) -> Result<()> {
    let failed = |error: tokio_postgres::Error| TableError::store(error).of(name);
    let tx = db.transaction().await.map_err(failed)?;
    tx.batch_execute(LOCK).await.map_err(failed)?;
    // It needs the right to create only where there is none.
    let found = tx.query_one("SELECT to_regclass('jobfeed_table') IS NOT NULL", &[]).await.map_err(failed)?;
    if !found.try_get::<_, bool>(0).map_err(failed)? {
        tx.batch_execute(sql::REGISTER).await.map_err(failed)?;
    }
    let select = "SELECT columns FROM jobfeed_table WHERE name = $1";
    let stored = tx.query_typed(select, &[(&name, Type::TEXT)]).await.map_err(failed)?;
    let stored: Option<&str> = stored.first().map(|row| row.try_get(0)).transpose().map_err(failed)?;
    let statements = sql::changes(name, schema, stored, type_name)?;
    if !statements.is_empty() {
        tx.batch_execute(&statements.join(";\n")).await.map_err(failed)?;
        let replace = "INSERT INTO jobfeed_table (name, columns) VALUES ($1, $2)
            ON CONFLICT (name) DO UPDATE SET columns = excluded.columns";
        let text = sql::text(schema);
        tx.query_typed(replace, &[(&name, Type::TEXT), (&text, Type::TEXT)]).await.map_err(failed)?;
    }
    tx.commit().await.map_err(failed)
}

fn record<'c>(columns: impl IntoIterator<Item = &'c Column>) -> String {
    let column = |column: &Column| format!("\"{}\" {}", column.name(), type_name(column.kind()));
    columns.into_iter().map(column).collect::<Vec<_>>().join(", ")
}

fn type_name(kind: &ColumnType) -> String {
    match kind {
        ColumnType::Text => "text".to_owned(),
        ColumnType::Integer => "bigint".to_owned(),
        ColumnType::Float => "double precision".to_owned(),
        ColumnType::Boolean => "boolean".to_owned(),
        ColumnType::Decimal { precision, scale } => format!("numeric({precision}, {scale})"),
        ColumnType::Timestamp => "timestamptz".to_owned(),
        ColumnType::Date => "date".to_owned(),
        ColumnType::Json | ColumnType::List(_) | ColumnType::Struct(_) => "jsonb".to_owned(),
    }
}

fn has_nul(cell: &Cell) -> bool {
    fn in_json(value: &serde_json::Value) -> bool {
        match value {
            serde_json::Value::String(text) => text.contains('\0'),
            serde_json::Value::Array(values) => values.iter().any(in_json),
            serde_json::Value::Object(fields) => {
                fields.iter().any(|(name, value)| name.contains('\0') || in_json(value))
            }
            _ => false,
        }
    }
    match cell {
        Cell::Text(text) => text.contains('\0'),
        Cell::Json(value) => in_json(value),
        Cell::List(cells) | Cell::Struct(cells) => cells.iter().any(has_nul),
        _ => false,
    }
}

impl Sink for PostgresTable {
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
        Box::pin(async move { self.write(&changes, key, state, fence).await })
    }
}

impl fmt::Debug for PostgresTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresTable").field("name", &self.name).field("schema", &self.schema).finish_non_exhaustive()
    }
}
