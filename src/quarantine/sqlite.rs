//! A quarantine in the SQLite database of the checkpoints.

use rusqlite::{Row, params};

use super::entry::Entry;
use super::store::QuarantineStore;
use crate::checkpoint::SqliteStore;
use crate::error::CheckpointError;

const TABLE: &str = "
CREATE TABLE IF NOT EXISTS jobfeed_quarantine (
    id TEXT PRIMARY KEY,
    sync_key TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    record_key TEXT,
    reason TEXT NOT NULL,
    added TEXT NOT NULL,
    raw TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS jobfeed_quarantine_of_sync ON jobfeed_quarantine (sync_key, id);";
const ADD: &str = "INSERT INTO jobfeed_quarantine (id, sync_key, endpoint, record_key, reason, added, raw)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING";
const LIST: &str = "SELECT id, sync_key, endpoint, record_key, reason, added, raw FROM jobfeed_quarantine
    WHERE sync_key = ?1 AND id > ?2 ORDER BY id LIMIT ?3";

impl QuarantineStore for SqliteStore {
    async fn prepare(&self) -> Result<(), CheckpointError> {
        self.blocking(|db| db.execute_batch(TABLE).map_err(CheckpointError::store)).await
    }

    async fn add(&self, entries: &[Entry]) -> Result<u64, CheckpointError> {
        let entries = entries.to_vec();
        self.blocking(move |db| {
            let added = || {
                let tx = db.unchecked_transaction()?;
                let mut added = 0;
                for entry in &entries {
                    let Entry { id, sync_key, endpoint, record_key, reason, added: at, raw } = entry;
                    added +=
                        tx.execute(ADD, params![id, sync_key, endpoint, record_key, reason, at.to_string(), raw])?;
                }
                tx.commit().map(|()| added as u64)
            };
            added().map_err(CheckpointError::store)
        })
        .await
    }

    async fn list(&self, key: &str, after: &str, limit: usize) -> Result<Vec<Entry>, CheckpointError> {
        let (key, after, limit) = (key.to_owned(), after.to_owned(), i64::try_from(limit).unwrap_or(i64::MAX));
        self.blocking(move |db| {
            let mut list = db.prepare_cached(LIST).map_err(CheckpointError::store)?;
            let rows = list.query_map(params![key, after, limit], entry).map_err(CheckpointError::store)?;
            rows.collect::<Result<_, _>>().map_err(CheckpointError::store)
        })
        .await
    }

    async fn remove(&self, ids: &[String]) -> Result<u64, CheckpointError> {
        let ids = ids.to_vec();
        self.blocking(move |db| {
            let removed = || {
                let tx = db.unchecked_transaction()?;
                let mut removed = 0;
                for id in &ids {
                    removed += tx.execute("DELETE FROM jobfeed_quarantine WHERE id = ?1", [id])?;
                }
                tx.commit().map(|()| removed as u64)
            };
            removed().map_err(CheckpointError::store)
        })
        .await
    }

    async fn waiting(&self, key: &str) -> Result<u64, CheckpointError> {
        let (key, sql) = (key.to_owned(), "SELECT count(*) FROM jobfeed_quarantine WHERE sync_key = ?1");
        self.blocking(move |db| {
            db.query_row(sql, [key], |row| row.get::<_, i64>(0)).map(i64::unsigned_abs).map_err(CheckpointError::store)
        })
        .await
    }
}

fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    let added: String = row.get(5)?;
    let added = added.parse().map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(
            5,
            rusqlite::types::Type::Text,
            Box::<dyn std::error::Error + Send + Sync>::from(error),
        )
    })?;
    Ok(Entry {
        id: row.get(0)?,
        sync_key: row.get(1)?,
        endpoint: row.get(2)?,
        record_key: row.get(3)?,
        reason: row.get(4)?,
        added,
        raw: row.get(6)?,
    })
}
