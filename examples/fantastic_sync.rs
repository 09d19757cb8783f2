//! Keeps a copy of the ATS and job-board feeds of Fantastic.jobs in SQLite: new rows, edits, removals.
//!
//!     cargo run --example fantastic_sync
//!
//! Without `FANTASTIC_JOBS_API_KEY` it runs against the simulated provider, over half a day with an outage of 3 hours.
//! With it, it runs one round against the real API and buys at most `--max-jobs` jobs of each feed; run it once an
//! hour.
#![allow(clippy::print_stdout, clippy::future_not_send)]

use std::error::Error;

use clap::Parser;
use jobfeed::Report;
use jobfeed::checkpoint::SqliteStore;
use jobfeed::fantastic_jobs::{ActiveAtsJob, ActiveJbJob, Client, ExpiredRequest};
use jobfeed::jiff::{SignedDuration, Timestamp};
use jobfeed::testing::{FantasticJobs, fantastic_jobs::FeedName};
use jobfeed::value::DateTime;
use rusqlite::{Connection, Transaction, params};

mod shown;
mod simulated;

type Result<T = (), E = Box<dyn Error>> = std::result::Result<T, E>;

#[derive(Debug, Parser)]
struct Cli {
    /// The SQLite file.
    #[arg(long, default_value = "fantastic.sqlite3")]
    db: String,
    /// The maximum number of jobs of each feed that one round buys.
    #[arg(long, default_value_t = 200)]
    max_jobs: u64,
}

/// Rows of Wellfound and Y Combinator are never in the expired feed, so they are deleted at this age.
const MAX_AGE: SignedDuration = SignedDuration::from_hours(60 * 24);
/// How long the id of a row that expired before it arrived is kept.
const KEEP_EXPIRED: SignedDuration = SignedDuration::from_hours(7 * 24);

#[tokio::main]
async fn main() -> std::process::ExitCode {
    shown::exit(run().await)
}

async fn run() -> Result {
    let Cli { db, max_jobs } = Cli::parse();
    match std::env::var("FANTASTIC_JOBS_API_KEY") {
        Ok(key) if !key.is_empty() => {
            println!("one round against the real API, at most {max_jobs} jobs of each feed into {db}");
            round(&Client::new(key)?, &mut Copy::open(&db)?, &db, max_jobs).await
        }
        _ => simulation(&db).await,
    }
}

async fn simulation(db: &str) -> Result {
    let db = simulated::fresh(db)?;
    let db = db.as_str();
    println!("FANTASTIC_JOBS_API_KEY is not set: the simulated provider into {db}");
    let server = FantasticJobs::builder()
        .now("2026-03-10T08:20:00Z".parse()?)
        .rows_per_hour(200)
        .expires_within(SignedDuration::from_hours(48))
        .start()
        .await?;
    let client = Client::builder().api_key(server.api_key()).base_url(server.base_url()).clock(server.clock());
    let (client, mut copy) = (client.build()?, Copy::open(db)?);
    // Until 01:20 of the next day: then that day's feed of removals contains those of the outage too.
    for pause in [0, 1, 1, 4, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1] {
        server.advance(SignedDuration::from_hours(pause));
        if pause > 1 {
            println!("\n… {} hours of outage …", pause - 1);
        }
        println!("\n{}", server.now());
        let edit = server.now() - SignedDuration::from_mins(10);
        let day = SignedDuration::from_hours(24);
        let edited: Vec<u64> = server.indexed(FeedName::Ats, edit - day, edit - day + SignedDuration::from_hours(1));
        let recent = copy.ids("ats")?.into_iter().take(5);
        let edited: Vec<u64> = edited.into_iter().take(5).chain(recent).collect();
        server.with(FeedName::Ats, |data| data.retitle(&edited, &format!("Edited at {edit}"), edit));
        round(&client, &mut copy, db, u64::MAX).await?;
    }
    compare(&server, &copy)
}

/// One round: buys new rows first, then applies edits and removals, so that the rows to remove exist already.
async fn round(api: &Client, copy: &mut Copy, db: &str, max_jobs: u64) -> Result {
    let store = SqliteStore::open(db)?;
    let sync = api.active_ats().sync_hourly("ats", &store).max_jobs(max_jobs);
    println!("  ats: {} jobs are due", sync.plan().await?.jobs);
    let mut run = sync.await?;
    while let Some(batch) = run.next().await? {
        copy.write(batch.key(), batch.next_state(), |tx| {
            batch.page().rows().try_for_each(|(job, raw)| Row::from(job).insert(tx, "ats", raw))
        })?;
        batch.committed();
    }
    print("ats", &run.report());

    let mut run = api.active_jb().exclude_recruiter_fields().sync_hourly("jb", &store).max_jobs(max_jobs).await?;
    while let Some(batch) = run.next().await? {
        copy.write(batch.key(), batch.next_state(), |tx| {
            batch.page().rows().try_for_each(|(job, raw)| Row::from(job).insert(tx, "jb", raw))
        })?;
        batch.committed();
    }
    print("jb", &run.report());

    match api.modified_ats().sync_modified("ats/edits", &store).await {
        Ok(mut run) => {
            while let Some(batch) = run.next().await? {
                copy.write(batch.key(), batch.next_state(), |tx| {
                    batch.page().rows().try_for_each(|(job, raw)| {
                        let changed = serde_json::to_string(&job.changed(raw))?;
                        let sql = "UPDATE jobs SET title = coalesce(json_extract(?2, '$.title'), title),
                                   raw_json = json_patch(raw_json, ?2) WHERE feed = 'ats' AND id = ?1";
                        tx.execute(sql, params![id(job.id)?, changed])?;
                        Ok(())
                    })
                })?;
                batch.committed();
            }
            print("ats edits", &run.report());
        }
        // The feed no longer has edits older than a day; those rows must be bought again.
        Err(error @ jobfeed::Error::Gap { .. }) => println!("  ats edits: {error}"),
        Err(error) => return Err(error.into()),
    }

    remove(api.expired_ats(), "ats", copy, &store).await?;
    remove(api.expired_jb(), "jb", copy, &store).await?;
    copy.delete_old(api)
}

async fn remove(expired: ExpiredRequest, feed: &'static str, copy: &mut Copy, store: &SqliteStore) -> Result {
    let key = format!("{feed}/expired");
    let mut run = expired.sync_expired(key.as_str(), store).await?;
    while let Some(batch) = run.next().await? {
        copy.write(batch.key(), batch.next_state(), |tx| {
            let mut delete = tx.prepare_cached("DELETE FROM jobs WHERE feed = ?1 AND id = ?2")?;
            let mut keep = tx.prepare_cached("INSERT OR IGNORE INTO gone VALUES (?1, ?2, unixepoch())")?;
            for expired in batch.items() {
                // A row can expire before it arrives; then it must not be inserted later.
                if delete.execute(params![feed, id(expired.0)?])? == 0 {
                    keep.execute(params![feed, id(expired.0)?])?;
                }
            }
            Ok(())
        })?;
        batch.committed();
    }
    print(&key, &run.report());
    Ok(())
}

/// The copy: the rows of both feeds, which may use the same ids.
struct Copy {
    db: Connection,
}

impl Copy {
    fn open(path: &str) -> Result<Self> {
        let db = Connection::open(path)?;
        db.busy_timeout(std::time::Duration::from_secs(30))?;
        db.execute_batch(
            "CREATE TABLE IF NOT EXISTS jobs(feed TEXT, id INTEGER, created TEXT, source TEXT, title TEXT, raw_json TEXT,
                PRIMARY KEY(feed, id)) WITHOUT ROWID;
             CREATE TABLE IF NOT EXISTS gone(feed TEXT, id INTEGER, seen INTEGER, PRIMARY KEY(feed, id)) WITHOUT ROWID;",
        )?;
        Ok(Self { db })
    }

    /// Writes rows and state in one transaction.
    fn write(
        &mut self,
        key: &str,
        state: &jobfeed::SyncState,
        rows: impl FnOnce(&Transaction<'_>) -> Result,
    ) -> Result {
        let tx = self.db.transaction()?;
        rows(&tx)?;
        SqliteStore::save_in(&tx, key, state, None)?;
        tx.commit()?;
        Ok(())
    }

    fn delete_old(&mut self, api: &Client) -> Result {
        let oldest = (api.clock().now() - MAX_AGE).to_string();
        let sql = "DELETE FROM jobs WHERE feed = 'jb' AND source IN ('wellfound', 'ycombinator') AND created < ?1";
        let rows = self.db.execute(sql, [oldest])?;
        self.db.execute("DELETE FROM gone WHERE seen < unixepoch() - ?1", [KEEP_EXPIRED.as_secs()])?;
        println!("  {rows} old rows of wellfound and ycombinator deleted");
        Ok(())
    }

    fn ids(&self, feed: &str) -> Result<Vec<u64>> {
        let mut select = self.db.prepare("SELECT id FROM jobs WHERE feed = ?1 ORDER BY id")?;
        let ids = select.query_map([feed], |row| row.get::<_, i64>(0))?;
        ids.map(|id| Ok(u64::try_from(id?)?)).collect()
    }
}

/// The columns of a row.
struct Row<'j> {
    id: u64,
    created: Option<Timestamp>,
    source: Option<&'j str>,
    title: Option<&'j str>,
}

impl<'j> From<&'j ActiveAtsJob> for Row<'j> {
    fn from(job: &'j ActiveAtsJob) -> Self {
        let created = job.date_created.as_ref().and_then(DateTime::timestamp);
        Self { id: job.id, created, source: job.source.as_deref(), title: job.title.as_deref() }
    }
}

impl<'j> From<&'j ActiveJbJob> for Row<'j> {
    fn from(job: &'j ActiveJbJob) -> Self {
        let created = job.date_created.as_ref().and_then(DateTime::timestamp);
        Self { id: job.id, created, source: job.source.as_deref(), title: job.title.as_deref() }
    }
}

impl Row<'_> {
    fn insert(&self, tx: &Transaction<'_>, feed: &str, raw: &str) -> Result {
        let sql = "INSERT OR REPLACE INTO jobs SELECT ?1, ?2, ?3, ?4, ?5, ?6
                   WHERE NOT EXISTS (SELECT 1 FROM gone WHERE feed = ?1 AND id = ?2)";
        let created = self.created.map(|at| at.to_string());
        tx.prepare_cached(sql)?.execute(params![feed, id(self.id)?, created, self.source, self.title, raw])?;
        Ok(())
    }
}

/// SQLite's integers are signed.
fn id(id: u64) -> Result<i64> {
    Ok(i64::try_from(id)?)
}

/// Compares the copy with the simulator's rows.
fn compare(server: &FantasticJobs, copy: &Copy) -> Result {
    let (from, until) = ("2026-03-10T06:00:00Z".parse()?, "2026-03-11T00:00:00Z".parse()?);
    let mut wanted = server.indexed(FeedName::Ats, from, until);
    wanted.retain(|id| !server.is_expired(FeedName::Ats, *id));
    let got = copy.ids("ats")?;
    println!("\nthe simulator has {} live rows in the ATS feed, the copy {}", wanted.len(), got.len());
    println!("{} jobs were billed for both feeds", server.jobs_billed());
    if wanted != got {
        return Err("the copy differs".into());
    }
    let edited = "SELECT count(*) FROM jobs WHERE title LIKE 'Edited at %' AND raw_json ->> 'title' = title";
    let edited: i64 = copy.db.query_row(edited, [], |row| row.get(0))?;
    println!("they are equal, {edited} of them edited");
    Ok(())
}

fn print(what: &str, report: &Report) {
    let jobs = report.details.get("jobs").map(|jobs| format!(", {jobs} jobs billed")).unwrap_or_default();
    println!("  {what}: {}, {} rows in {} requests{jobs}", report.outcome, report.counts.rows, report.counts.requests);
}
