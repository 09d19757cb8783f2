//! The table and the function of the store in PostgreSQL, and what its refusals mean.

use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Error};

use crate::error::CheckpointError;

/// Saves a state, or fails: so nobody can overlook that it was refused.
pub(super) const SAVE: &str = "SELECT jobfeed_save($1, $2, $3, $4)";

/// Each entry brings the schema to the next version. None is ever changed.
const MIGRATIONS: &[&str] = &[r"
CREATE TABLE jobfeed_checkpoint (
    key text PRIMARY KEY,
    revision bigint NOT NULL DEFAULT 0,
    state text,
    fence bigint NOT NULL DEFAULT 0,
    holder text,
    lease_until timestamptz
) WITH (fillfactor = 50); -- room for the next version of a row on its page: the index is then not written

CREATE FUNCTION jobfeed_save(of_key text, revision_before bigint, new_state text, of_fence bigint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    stored jobfeed_checkpoint;
BEGIN
    IF of_fence IS NULL THEN
        INSERT INTO jobfeed_checkpoint (key) VALUES (of_key) ON CONFLICT DO NOTHING;
    END IF;
    -- Whoever wants the lease waits until the transaction of this save has ended.
    SELECT * INTO stored FROM jobfeed_checkpoint WHERE key = of_key FOR UPDATE;
    IF of_fence IS NOT NULL AND of_fence IS DISTINCT FROM stored.fence THEN
        RAISE EXCEPTION 'the lease of this worker has ended, and another worker has taken it'
            USING ERRCODE = 'JF002';
    END IF;
    IF of_fence IS NULL AND stored.lease_until > clock_timestamp() THEN
        RAISE EXCEPTION 'another worker has the lease of this key'
            USING ERRCODE = 'JF003', DETAIL = stored.holder,
            HINT = ceil(1000 * extract(epoch FROM stored.lease_until - clock_timestamp()))::bigint::text;
    END IF;
    IF stored.revision <> revision_before THEN
        RAISE EXCEPTION 'another process has saved under this key'
            USING ERRCODE = 'JF001', DETAIL = stored.revision::text;
    END IF;
    UPDATE jobfeed_checkpoint SET revision = revision_before + 1, state = new_state WHERE key = of_key;
END
$$"];

/// The version is in the comment of the table, so that a store that finds the newest one needs no right to create. The table is looked up in
/// the catalog: `to_regclass` may still not know a table that another process has made since this transaction began.
const VERSION: &str = "SELECT coalesce((
    SELECT substring(obj_description(oid, 'pg_class') FROM 'version ([0-9]+)')::int
    FROM pg_class WHERE relname = 'jobfeed_checkpoint' AND pg_table_is_visible(oid)), 0)";

/// Only one process at a time migrates.
const LOCK: &str = "SELECT pg_advisory_xact_lock(7741310936504)";

pub(super) async fn migrate(client: &Client) -> Result<(), CheckpointError> {
    if version(client).await? == MIGRATIONS.len() {
        return Ok(());
    }
    let begun = client.batch_execute(&format!("BEGIN; {LOCK}")).await;
    let migrated = match begun {
        Ok(()) => apply(client).await,
        Err(error) => Err(CheckpointError::store(error)),
    };
    let end = if migrated.is_ok() { "COMMIT" } else { "ROLLBACK" };
    let ended = client.batch_execute(end).await.map_err(CheckpointError::store);
    migrated.and(ended)
}

async fn apply(client: &Client) -> Result<(), CheckpointError> {
    let version = version(client).await?;
    for migration in MIGRATIONS.iter().skip(version) {
        client.batch_execute(migration).await.map_err(CheckpointError::store)?;
    }
    let comment = format!("COMMENT ON TABLE jobfeed_checkpoint IS 'States of jobfeed, version {}'", MIGRATIONS.len());
    client.batch_execute(&comment).await.map_err(CheckpointError::store)
}

async fn version(client: &Client) -> Result<usize, CheckpointError> {
    let row = client.query_one(VERSION, &[]).await.map_err(CheckpointError::store)?;
    let version: i32 = row.try_get(0).map_err(CheckpointError::store)?;
    let version = version.unsigned_abs();
    let supported = MIGRATIONS.len();
    match usize::try_from(version) {
        Ok(version) if version <= supported => Ok(version),
        _ => Err(CheckpointError::Newer { version, supported: u32::try_from(supported).unwrap_or(u32::MAX) }),
    }
}

/// The error of [`SAVE`] as a typed one.
pub(super) fn refused(error: Error, before: i64) -> CheckpointError {
    let Some(answer) = error.as_db_error() else { return CheckpointError::store(error) };
    let number = |text: Option<&str>| text.and_then(|text| text.parse().ok()).unwrap_or_default();
    match answer.code() {
        code if *code == SqlState::from_code("JF001") => {
            CheckpointError::Conflict { expected: before.unsigned_abs(), found: number(answer.detail()) }
        }
        code if *code == SqlState::from_code("JF002") => CheckpointError::LeaseLost,
        code if *code == SqlState::from_code("JF003") => CheckpointError::Leased {
            holder: answer.detail().unwrap_or_default().to_owned(),
            ends_in: std::time::Duration::from_millis(number(answer.hint())),
        },
        _ => CheckpointError::store(error),
    }
}

/// Whether the error means that the connection is lost: it has no answer of the server, or the server is shut down (class 57P).
pub(super) fn is_lost(error: &CheckpointError) -> bool {
    let CheckpointError::Store(source) = error else { return false };
    let Some(error) = source.downcast_ref::<Error>() else { return false };
    error.as_db_error().is_none_or(|answer| answer.code().code().starts_with("57P"))
}
