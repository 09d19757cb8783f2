//! Syncs jobdataapi.com into SQLite by id.
//!
//!     JOBDATA_API_KEY=… cargo run --example id_sync -- --mode both --since 2026-05-01
//!
//! Kill it at any moment and start it again: it goes on after the last page that is in the database.
//! `RUST_LOG=jobfeed=debug` shows each request.
#![allow(clippy::print_stdout)]

use std::error::Error;

use clap::{Parser, ValueEnum};
use jobfeed::checkpoint::SqliteStore;
use jobfeed::jobdataapi::Bootstrap;

mod cli;
mod jobs_table;
mod shown;
use cli::Options;
use jobs_table::JobsTable;

#[derive(Debug, Clone, Copy, PartialEq, ValueEnum)]
enum Mode {
    /// The first run: everything, or what was published since a day.
    Bootstrap,
    /// What came after it.
    Incremental,
    /// The first run where it is not done yet, then an incremental one.
    Both,
}

#[derive(Debug, Parser)]
struct Cli {
    #[arg(long, value_enum, default_value_t = Mode::Both)]
    mode: Mode,
    /// Ids below the watermark that an incremental run reads again, for rows that became visible late.
    #[arg(long, default_value_t = 0)]
    lookback: u64,
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
    let Cli { mode, lookback, options } = Cli::parse();
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
                println!("bootstrap: done before; run --mode incremental");
                return Ok(());
            }
            (Mode::Incremental, true) => return Err("no finished bootstrap in this file: run --mode bootstrap".into()),
            _ => {}
        }
        let report = table.fill(&mut run, options.limit, |_| ()).await?;
        println!("{}: {report}", if first { "bootstrap" } else { "incremental" });
        println!("{} jobs in {}", table.len()?, options.db);
        if mode != Mode::Both || !first || run.state().watermark().is_none() {
            return Ok(());
        }
    }
}
