//! The tables of the example beside those of the library (`jobfeed_checkpoint`) and of the engine (schema `graphile_worker`).

use std::collections::BTreeMap;

use jobfeed::BoxError;
use jobfeed::checkpoint::PostgresStore;
use jobfeed::tokio_postgres::{Client, Error, NoTls};

/// `commits` is a log: one row for each page, in the transaction of its rows. It has no unique key, so that two writers in one revision would be
/// seen in it. `rounds` has one row for each job that made the partitions due.
const CREATE: &str = "
CREATE TABLE partitions (name text PRIMARY KEY);
CREATE TABLE jobs (partition text, id bigint, json text NOT NULL, PRIMARY KEY (partition, id));
CREATE TABLE commits (
    partition text NOT NULL,
    revision bigint NOT NULL,
    fence bigint NOT NULL,
    worker text NOT NULL,
    request bigint,
    complete boolean NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX ON commits (partition, revision);
CREATE TABLE rounds (job bigint PRIMARY KEY, minute text)";

/// Writes the rows of a page.
pub const UPSERT: &str = "INSERT INTO jobs SELECT $1, * FROM unnest($2::bigint[], $3::text[])
    ON CONFLICT (partition, id) DO UPDATE SET json = excluded.json";
/// Deletes the rows that a page tells to be gone.
pub const REMOVE: &str = "DELETE FROM jobs WHERE partition = $1 AND id = ANY($2)";
/// Logs a commit.
pub const LOG: &str = "INSERT INTO commits (partition, revision, fence, worker, request, complete)
    VALUES ($1, $2, $3, $4, $5, $6)";
/// Notes a round; a job that is done twice is one round.
pub const ADD_ROUND: &str = "INSERT INTO rounds VALUES ($1, $2) ON CONFLICT DO NOTHING";
/// The engine completes a job without a check of who has it. When a worker that was stopped completes the job of its successor, the
/// successor no longer finds the job, and does not free its queue. This frees the queues in which no job runs. It may free one too
/// early, which is harmless: the lease decides.
pub const FREE_QUEUES: &str = "UPDATE graphile_worker._private_job_queues AS queues
    SET locked_by = NULL, locked_at = NULL
    WHERE locked_at IS NOT NULL AND NOT EXISTS (
        SELECT FROM graphile_worker._private_jobs AS jobs
        WHERE jobs.job_queue_id = queues.id AND jobs.locked_by = queues.locked_by)";

/// The rows of all partitions by partition and id, as JSON texts.
pub type Rows = BTreeMap<(String, i64), String>;

/// A connection.
pub async fn connect(address: String) -> Result<Client, Error> {
    let (client, connection) = jobfeed::tokio_postgres::connect(&address, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// Makes the tables in an empty database, and those of the library.
pub async fn create(db: &Client, partitions: &[String]) -> Result<(), BoxError> {
    PostgresStore::migrate(db).await?;
    db.batch_execute(CREATE).await?;
    db.execute("INSERT INTO partitions SELECT unnest($1::text[])", &[&partitions]).await?;
    Ok(())
}

/// All rows.
pub async fn rows(db: &Client) -> Result<Rows, Error> {
    let rows = db.query("SELECT partition, id, json FROM jobs", &[]).await?;
    Ok(rows.iter().map(|row| ((row.get(0), row.get(1)), row.get(2))).collect())
}

/// How many rows the server has and the table has not, how many differ, and how many only the table has.
pub fn compare(server: &Rows, table: &Rows) -> (usize, usize, usize) {
    let missing = server.keys().filter(|key| !table.contains_key(key)).count();
    let differ = server.iter().filter(|(key, json)| table.get(key).is_some_and(|found| found != *json)).count();
    let unknown = table.keys().filter(|key| !server.contains_key(key)).count();
    (missing, differ, unknown)
}
