//! The shortest listing: prints one id per line. It exits with success only when the listing was complete.
//!
//!     JOBDATA_API_KEY=… cargo run --example pages -- --since 2026-05-01
#![allow(clippy::print_stdout)]

use std::io::Write;

use clap::Parser;
use futures::TryStreamExt;
use jobfeed::{jiff::civil::Date, jobdataapi};

mod shown;

#[derive(Parser)]
struct Cli {
    /// The base URL of the API, or of a compatible server.
    #[arg(long, default_value = "https://jobdataapi.com/api/")]
    base_url: String,
    /// Records on a page, 1 to 5000.
    #[arg(long, default_value_t = 1000)]
    page_size: u32,
    /// The first publication day, YYYY-MM-DD; all jobs when it is not given.
    #[arg(long)]
    since: Option<Date>,
    /// The API key.
    #[arg(env = "JOBDATA_API_KEY", long, hide_env_values = true, value_name = "KEY, OR SET JOBDATA_API_KEY")]
    api_key: String,
}

async fn run(cli: Cli) -> Result<(), Box<dyn std::error::Error>> {
    let mut out = std::io::stdout();
    let api = jobdataapi::Client::builder().api_key(cli.api_key).base_url(cli.base_url).build()?;
    let jobs = api.jobs().page_size(cli.page_size);
    let jobs = match cli.since {
        Some(day) => jobs.published_since(day),
        None => jobs.all_ages(),
    };
    let mut pages = jobs.pages();
    while let Some(page) = pages.try_next().await? {
        for job in &page.items {
            writeln!(out, "{}", job.id)?;
        }
    }
    Ok(())
}

#[tokio::main]
async fn main() -> std::process::ExitCode {
    shown::exit(run(Cli::parse()).await)
}
