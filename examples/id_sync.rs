//! Syncs jobdataapi.com into SQLite by id.
//!
//!     JOBDATA_API_KEY=… cargo run --example id_sync -- --mode both --since 2026-05-01
//!
//! With `--remove-expired` it also takes down the jobs that expired (plan pro or better).
//!
//! You can kill it at any moment: when started again, it continues after the last page in the database.
//! `RUST_LOG=jobfeed=debug` shows each request.
#![allow(clippy::print_stdout)]

use std::error::Error;

use clap::{Parser, ValueEnum};
use jobfeed::Clock;
use jobfeed::checkpoint::SqliteStore;
use jobfeed::jiff::ToSpan;
use jobfeed::jobdataapi::Bootstrap;

mod cli;
mod jobs_table;
mod shown;
use cli::Options;
use jobs_table::JobsTable;

#[derive(Debug, Clone, Copy, PartialEq, ValueEnum)]
enum Mode {
    /// The first run: all jobs, or those published since `--since`.
    Bootstrap,
    /// A later run: the jobs with higher ids.
    Incremental,
    /// The first run if it is not complete yet, then an incremental one.
    Both,
}

#[derive(Debug, Parser)]
struct Cli {
    #[arg(long, value_enum, default_value_t = Mode::Both)]
    mode: Mode,
    /// The number of ids below the watermark that a later run reads again, for rows that became visible late.
    #[arg(long, default_value_t = 0)]
    lookback: u64,
    /// Also delete the jobs that expired: since `--since`, else of the last 180 days, after which all have expired. Needs
    /// plan pro or better.
    #[arg(long)]
    remove_expired: bool,
    #[command(flatten)]
    options: Options,
}

#[tokio::main]
async fn main() -> std::process::ExitCode {
    shown::exit(run().await)
}

async fn run() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    let Cli { mode, lookback, remove_expired, options } = Cli::parse();
    let mut table = JobsTable::open(&options.db)?;
    let store = SqliteStore::open(&options.db)?;
    let jobs = options.jobs()?;
    let bootstrap = options.since.map_or(Bootstrap::All, Bootstrap::Since);

    loop {
        let sync = jobs.clone().sync_by_id("jobs/by-id", store.clone());
        let mut run = sync.bootstrap(bootstrap).overlap(lookback).await?;
        let first = run.state().watermark().is_none();
        match (mode, first) {
            (Mode::Bootstrap, false) => {
                println!("bootstrap: already complete; run --mode incremental");
                return Ok(());
            }
            (Mode::Incremental, true) => return Err("no complete bootstrap in this file: run --mode bootstrap".into()),
            _ => {}
        }
        let report = table.fill(&mut run, options.limit, |_| ()).await?;
        println!("{}: {report}", if first { "bootstrap" } else { "incremental" });
        println!("{} jobs in {}", table.len()?, options.db);
        if remove_expired {
            let since = options.since.unwrap_or_else(|| Clock::system().today().saturating_sub(180.days()));
            let expired = options.expired_jobs()?.sync_expired("jobs/expired", store.clone());
            let (jobs, report) = table.take_down(&mut expired.since(since).await?).await?;
            println!("expired: {jobs} jobs taken down; {report}");
        }
        if mode != Mode::Both || !first || run.state().watermark().is_none() {
            return Ok(());
        }
    }
}
