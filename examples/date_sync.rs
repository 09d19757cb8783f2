//! Syncs jobdataapi.com into SQLite by publication date.
//!
//!     JOBDATA_API_KEY=… cargo run --example date_sync -- --mode both --since 2026-05-01
//!
//! `--since` is the first day of the backfill. Later runs continue from the last run and ignore it.
//!
//! You can kill it at any moment: when started again, it continues after the last page in the database.
//! `RUST_LOG=jobfeed=debug` shows each request.
#![allow(clippy::print_stdout)]

use std::error::Error;

use clap::{Parser, ValueEnum};
use jobfeed::checkpoint::SqliteStore;

mod cli;
mod jobs_table;
mod shown;
use cli::Options;
use jobs_table::JobsTable;

#[derive(Debug, Clone, Copy, PartialEq, ValueEnum)]
enum Mode {
    /// The first run, a backfill from `--since` on.
    Initial,
    /// A later run: what was published since the last run, with an overlap.
    Daily,
    /// The backfill if it is not complete yet, then a daily run.
    Both,
}

#[derive(Debug, Parser)]
struct Cli {
    #[arg(long, value_enum, default_value_t = Mode::Both)]
    mode: Mode,
    /// The days before the last run that a daily run reads again.
    #[arg(long, default_value_t = 2)]
    overlap_days: u32,
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
    let Cli { mode, overlap_days, options } = Cli::parse();
    let mut table = JobsTable::open(&options.db)?;
    let store = SqliteStore::open(&options.db)?;
    let jobs = options.jobs()?;

    loop {
        let mut sync = jobs.clone().sync_by_date("jobs/by-date", store.clone()).overlap(overlap_days);
        if let Some(day) = options.since {
            sync = sync.since(day);
        }
        let mut run = sync.await?;
        let first = run.state().watermark().is_none();
        match (mode, first) {
            (Mode::Initial, false) => {
                println!("initial: already complete; run --mode daily");
                return Ok(());
            }
            (Mode::Daily, true) => {
                return Err("no complete backfill in this file: run --mode initial --since DAY".into());
            }
            _ => {}
        }
        let report = table.fill(&mut run, options.limit, |_| ()).await?;
        println!("{}: {report}", if first { "initial" } else { "daily" });
        println!("{} jobs in {}", table.len()?, options.db);
        if mode != Mode::Both || !first || run.state().watermark().is_none() {
            return Ok(());
        }
    }
}
