//! A backfill and an incremental sync into SQLite.
//!
//!     cargo run --example quickstart
//!
//! Without `JOBDATA_API_KEY` it runs against the simulated provider; with it, against the real API, with a limit of
//! records.
#![allow(clippy::print_stdout)]

use std::error::Error;

use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use jobfeed::checkpoint::SqliteStore;
use jobfeed::jobdataapi::{self, Bootstrap};
use jobfeed::testing::{Insert, JobDataApi};

mod jobs_table;
mod shown;
mod simulated;
use jobs_table::JobsTable;

#[derive(Debug, Parser)]
struct Cli {
    /// The SQLite file.
    #[arg(long, default_value = "quickstart.sqlite3")]
    db: String,
}

/// The number of records to read from the real API.
const LIMIT: u64 = 1_000;

#[tokio::main]
async fn main() -> std::process::ExitCode {
    shown::exit(run().await)
}

async fn run() -> Result<(), Box<dyn Error>> {
    let Cli { db } = Cli::parse();
    match std::env::var("JOBDATA_API_KEY") {
        Ok(key) if !key.is_empty() => {
            println!("JOBDATA_API_KEY is set: up to {LIMIT} of the most recent jobs from jobdataapi.com into {db}");
            let api = jobdataapi::Client::new(key)?;
            sync(&api, &db, 500, Bootstrap::MostRecent(LIMIT), Some(LIMIT)).await
        }
        _ => {
            let db = simulated::fresh(&db)?;
            println!("JOBDATA_API_KEY is not set: 20,000 jobs from the simulated provider into {db}");
            let server = JobDataApi::builder().jobs(20_000).start().await?;
            let api = jobdataapi::Client::builder().api_key(server.api_key()).base_url(server.base_url()).build()?;
            sync(&api, &db, 1_000, Bootstrap::All, None).await?;

            println!("500 jobs are added on the server, 100 of them published long ago");
            server.insert(400, Insert::Recent);
            server.insert(100, Insert::Old { days: 200 });
            sync(&api, &db, 1_000, Bootstrap::All, None).await
        }
    }
}

async fn sync(
    api: &jobdataapi::Client,
    db: &str,
    page_size: u32,
    bootstrap: Bootstrap,
    limit: Option<u64>,
) -> Result<(), Box<dyn Error>> {
    let mut table = JobsTable::open(db)?;
    let sync = api.jobs().page_size(page_size).sync_by_id("jobs/quickstart", SqliteStore::open(db)?);
    let mut run = sync.bootstrap(bootstrap).await?;
    let title = if run.state().watermark().is_some() { "incremental sync" } else { "backfill" };

    // The bar is drawn only on a terminal.
    let bar = ProgressBar::new_spinner();
    bar.set_style(ProgressStyle::with_template("{spinner} {msg} {human_pos} jobs, {elapsed}")?);
    bar.set_message(title);
    let report = table.fill(&mut run, limit, |counts| bar.set_position(counts.rows)).await?;
    bar.finish_and_clear();
    println!("{title}: {report}");
    println!("{} jobs in {db}", table.len()?);
    Ok(())
}
