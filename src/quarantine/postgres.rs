//! A quarantine in the PostgreSQL database of the checkpoints.

use jiff::Timestamp;
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};

use super::entry::Entry;
use super::store::QuarantineStore;
use crate::checkpoint::PostgresStore;
use crate::error::CheckpointError;

/// Looked up first, so that a store that finds the table needs no right to create.
const FIND: &str = "SELECT 1 FROM pg_class WHERE relname = 'jobfeed_quarantine' AND pg_table_is_visible(oid)";
/// In a function of its own, because one statement is prepared at a time; only one process at a time creates the table.
const CREATE: &str = "DO $$ BEGIN
    PERFORM pg_advisory_xact_lock(7741310936505);
    CREATE TABLE IF NOT EXISTS jobfeed_quarantine (
        id text PRIMARY KEY,
        sync_key text NOT NULL,
        endpoint text NOT NULL,
        record_key text,
        reason text NOT NULL,
        added text NOT NULL,
        raw text NOT NULL
    );
    CREATE INDEX IF NOT EXISTS jobfeed_quarantine_of_sync ON jobfeed_quarantine (sync_key, id);
END $$";
/// All entries at once: those of a page are added together or not at all.
const ADD: &str = "INSERT INTO jobfeed_quarantine (id, sync_key, endpoint, record_key, reason, added, raw)
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
    ON CONFLICT DO NOTHING RETURNING id";
// The order of bytes, so that it is the same in each database.
const LIST: &str = "SELECT id, sync_key, endpoint, record_key, reason, added, raw FROM jobfeed_quarantine
    WHERE sync_key = $1 AND id COLLATE \"C\" > $2 ORDER BY id COLLATE \"C\" LIMIT $3";
const REMOVE: &str = "DELETE FROM jobfeed_quarantine WHERE id = ANY($1) RETURNING id";
const WAITING: &str = "SELECT count(*) FROM jobfeed_quarantine WHERE sync_key = $1";

impl QuarantineStore for PostgresStore {
    async fn prepare(&self) -> Result<(), CheckpointError> {
        if self.query(FIND, &[]).await?.is_empty() {
            self.query(CREATE, &[]).await?;
        }
        Ok(())
    }

    async fn add(&self, entries: &[Entry]) -> Result<u64, CheckpointError> {
        // A text in PostgreSQL cannot have the character 0; a JSON text has it only as an escape.
        let texts = |field: fn(&Entry) -> &str| entries.iter().map(field).collect::<Vec<&str>>();
        let ids = texts(|entry| &entry.id);
        let (keys, endpoints) = (texts(|entry| &entry.sync_key), texts(|entry| &entry.endpoint));
        let record_keys: Vec<Option<&str>> = entries.iter().map(|entry| entry.record_key.as_deref()).collect();
        let (reasons, raws) = (texts(|entry| &entry.reason), texts(|entry| &entry.raw));
        let added: Vec<String> = entries.iter().map(|entry| entry.added.to_string()).collect();
        let lists: [&(dyn ToSql + Sync); 7] = [&ids, &keys, &endpoints, &record_keys, &reasons, &added, &raws];
        let parameters: Vec<_> = lists.into_iter().map(|list| (list, Type::TEXT_ARRAY)).collect();
        Ok(self.query(ADD, &parameters).await?.len() as u64)
    }

    async fn list(&self, key: &str, after: &str, limit: usize) -> Result<Vec<Entry>, CheckpointError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = self.query(LIST, &[(&key, Type::TEXT), (&after, Type::TEXT), (&limit, Type::INT8)]).await?;
        rows.iter().map(entry).collect()
    }

    async fn remove(&self, ids: &[String]) -> Result<u64, CheckpointError> {
        Ok(self.query(REMOVE, &[(&ids, Type::TEXT_ARRAY)]).await?.len() as u64)
    }

    async fn waiting(&self, key: &str) -> Result<u64, CheckpointError> {
        let rows = self.query(WAITING, &[(&key, Type::TEXT)]).await?;
        let count: Option<i64> = rows.first().map(|row| row.try_get(0)).transpose().map_err(CheckpointError::store)?;
        Ok(count.unwrap_or_default().unsigned_abs())
    }
}

fn entry(row: &Row) -> Result<Entry, CheckpointError> {
    let text = |column: usize| row.try_get::<_, String>(column).map_err(CheckpointError::store);
    let added: Timestamp = text(5)?.parse().map_err(CheckpointError::store)?;
    Ok(Entry {
        id: text(0)?,
        sync_key: text(1)?,
        endpoint: text(2)?,
        record_key: row.try_get(3).map_err(CheckpointError::store)?,
        reason: text(4)?,
        added,
        raw: text(6)?,
    })
}
