//! Keeps the open jobs of EmployJoy in SQLite: reads what changed, and deletes the closed ones.
//!
//!     EMPLOYJOY_API_KEY=… cargo run --example employjoy_sync
//!
//! Without a key it runs against the simulated service and changes data there. You can kill it at any moment: when
//! started again, it continues after the last page in the database.
#![allow(clippy::print_stdout)]

use std::error::Error;

use clap::Parser;
use jobfeed::RateLimit;
use jobfeed::checkpoint::SqliteStore;
use jobfeed::employjoy::Client;
use jobfeed::testing::EmployJoy;
use rusqlite::{Connection, params};

mod shown;
mod simulated;

#[derive(Debug, Parser)]
struct Cli {
    /// The SQLite file.
    #[arg(long, default_value = "employjoy.sqlite3")]
    db: String,
}

#[tokio::main]
async fn main() -> std::process::ExitCode {
    shown::exit(run().await)
}

async fn run() -> Result<(), Box<dyn Error>> {
    let Cli { db } = Cli::parse();
    if let Ok(key) = std::env::var("EMPLOYJOY_API_KEY")
        && !key.is_empty()
    {
        let api = Client::new(key)?;
        sync(&api, &db).await?;
        return delete_vanished(&api, &db).await;
    }
    let db = simulated::fresh(&db)?;
    println!("EMPLOYJOY_API_KEY is not set: 2,000 jobs of the simulated service into {db}");
    let server = EmployJoy::builder().jobs(2_000).start().await?;
    let builder = Client::builder().api_key(server.api_key()).base_url(server.base_url());
    let api = builder.rate_limit(RateLimit::unlimited()).build()?;
    sync(&api, &db).await?;

    println!("30 jobs change on the server, 20 are new, 40 close, and the key is rotated");
    server.with(|data| {
        let ids = data.job_ids();
        let (changing, others) = ids.split_at(30);
        let (closing, _) = others.split_at(40);
        data.update_jobs(changing);
        data.close_jobs(closing);
        data.insert_jobs(20);
        data.rotate_key("Sat, 31 May 2036 14:00:00 GMT");
    });
    sync(&api, &db).await?;
    delete_vanished(&api, &db).await
}

/// Reads what changed since the last run. Rows and state are written in one transaction.
async fn sync(api: &Client, path: &str) -> Result<(), Box<dyn Error>> {
    let mut db = open(path)?;
    let mut run = api.jobs().sync_by_update("employjoy/jobs", SqliteStore::open(path)?).await?;
    let title = if run.state().watermark().is_some() { "what changed" } else { "all open jobs" };
    while let Some(batch) = run.next().await? {
        let tx = db.transaction()?;
        for (job, raw) in batch.page().rows() {
            let company = job.company.as_ref().and_then(|company| company.name.as_deref());
            let updated = job
                .updated_at
                .as_ref()
                .and_then(jobfeed::value::DateTime::timestamp)
                .map(jobfeed::jiff::Timestamp::as_microsecond);
            // A job may arrive twice in a run, in any order: the newer version is kept.
            tx.prepare_cached(
                "INSERT INTO jobs VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (id) DO UPDATE SET title = excluded.title,
                 company = excluded.company, updated = excluded.updated, raw_json = excluded.raw_json
                 WHERE excluded.updated >= updated OR updated IS NULL",
            )?
            .execute(params![job.id, job.title, company, updated, raw])?;
        }
        for record in &batch.page().rejected {
            eprintln!("record {} of the page was rejected: {}", record.index, record.reason);
        }
        SqliteStore::save_in(&tx, batch.key(), batch.next_state(), batch.fence())?;
        tx.commit()?;
        batch.committed();
    }
    println!("{title}: {}", run.report());
    if let Some(sunset) = api.sunset() {
        println!("the key stops working at {sunset}: ask for a new one");
    }
    println!("{} jobs in {path}", db.query_row("SELECT count(*) FROM jobs", [], |row| row.get::<_, i64>(0))?);
    Ok(())
}

/// Closed jobs are removed from the list without a notice: only the whole list shows this.
async fn delete_vanished(api: &Client, path: &str) -> Result<(), Box<dyn Error>> {
    let db = open(path)?;
    let known: Vec<String> =
        db.prepare("SELECT id FROM jobs")?.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let diff = api.jobs().full_list_diff(known).await?;
    for id in &diff.vanished {
        db.execute("DELETE FROM jobs WHERE id = ?1", [id])?;
    }
    println!("the whole list: {} jobs vanished, {} remain", diff.vanished.len(), diff.remained);
    Ok(())
}

fn open(path: &str) -> rusqlite::Result<Connection> {
    let db = Connection::open(path)?;
    db.busy_timeout(std::time::Duration::from_secs(30))?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.execute_batch(
        "CREATE TABLE IF NOT EXISTS jobs (id TEXT PRIMARY KEY, title TEXT, company TEXT, updated INTEGER, raw_json TEXT)",
    )?;
    Ok(db)
}
