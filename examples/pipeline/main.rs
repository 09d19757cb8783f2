//! The whole pipeline by a file: syncs of several providers, an archive of their answers, a check for drift, a quarantine, and one table
//! of postings; with a report as JSON and as a page.
//!
//!     cargo run --example pipeline
//!     JOBDATA_API_KEY=… cargo run --example pipeline -- --config my.toml
//!
//! Without `--config` the file is `examples/pipeline/pipeline.toml`; when none of the variables that it names is set, the program runs on
//! simulated servers: a year in about a minute, with new, changed and removed jobs, a record that does not fit, a field that is
//! renamed, and a server that refuses. At the end it compares the table with the servers.
//!
//! It does one run and ends: let cron or a job engine start it. Exit status: 0 everything is complete, 1 something failed, 2 the
//! configuration is wrong and nothing was run, 3 nothing failed, but an endpoint is paused. Of a simulation the last run counts, and a
//! table that differs from the servers is a failure. A run that was killed is continued by the next one.
#![allow(clippy::print_stdout, clippy::future_not_send, clippy::indexing_slicing)]

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use jobfeed::{BoxError, Clock};

mod board;
mod config;
mod page;
mod pipeline;
mod providers;
mod report;
mod screen;
mod simulated;
mod table;
mod task;
use config::{Config, Every};
use pipeline::Pipeline;
use report::{Ending, RunReport};
use simulated::World;

#[derive(Debug, Parser)]
pub(crate) struct Cli {
    /// The configuration. Default: that of the example.
    #[arg(long)]
    config: Option<PathBuf>,
    /// Writes everything below this folder instead of the one in the configuration.
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Takes over what has changed in the last run of this endpoint, such as `board/jobs`, before the run. May be given several times.
    #[arg(long, value_name = "ENDPOINT")]
    accept: Vec<String>,
    /// Runs on simulated servers, whatever variables are set, into a folder `simulated-…` that is deleted first.
    #[arg(long)]
    simulate: bool,
    /// The runs of a simulation: 12 are one for each month, 52 one for each week.
    #[arg(long, default_value_t = 52, value_parser = clap::value_parser!(u32).range(1..=364))]
    runs: u32,
    /// The time between two simulated runs, such as `50m`. Default: a year divided by the runs, at most 30 days.
    #[arg(long, value_parser = |text: &str| Every::try_from(text.to_owned()))]
    step: Option<Every>,
}

#[tokio::main]
async fn main() -> ExitCode {
    ExitCode::from(run(Cli::parse()).await.status())
}

pub(crate) async fn run(cli: Cli) -> Ending {
    let config = match configuration(&cli) {
        Ok(config) => config,
        Err(error) => {
            let file = cli.config.unwrap_or_else(|| "pipeline.toml".into());
            eprintln!("{}: {}", file.display(), error.to_string().trim_end());
            return Ending::WrongConfiguration;
        }
    };
    let is_set = |name: &str| config::variable(name).is_some();
    let simulate = cli.simulate || (cli.config.is_none() && !config.variables().into_iter().any(is_set));
    let ended = if simulate { simulation(config, cli.runs, cli.step).await } else { real(config, &cli.accept).await };
    ended.unwrap_or_else(|error| {
        eprintln!("{}", task::with_sources(&*error));
        Ending::Failed
    })
}

fn configuration(cli: &Cli) -> Result<Config, Box<dyn std::error::Error>> {
    let text = match &cli.config {
        Some(file) => std::fs::read_to_string(file)?,
        None => config::DEFAULT.to_owned(),
    };
    let mut config = Config::read(&text)?;
    if let Some(folder) = &cli.folder {
        config.set_folder(folder.clone());
    }
    Ok(config)
}

/// One run against the real servers.
async fn real(config: Config, accept: &[String]) -> Result<Ending, BoxError> {
    let pipeline = Pipeline::open(config, Clock::system(), None).await?;
    for key in accept {
        pipeline.accept(key).await?;
    }
    let report = pipeline.run().await?;
    let page = pipeline.publish(&report)?;
    pipeline.screen.line(&format!("{}; report: {}", report.endings(), page.display()));
    Ok(report.ending)
}

/// All runs of a simulated year.
async fn simulation(mut config: Config, runs: u32, step: Option<Every>) -> Result<Ending, BoxError> {
    simulated::fresh_folder(&mut config)?;
    let mut world = World::start(runs, step.map(|step| step.0)).await?;
    let secrets = world.lead(&mut config)?;
    let pipeline = Pipeline::open(config, world.clock(), Some(secrets)).await?;
    println!("{runs} runs on simulated servers, into {}", pipeline.config.folder().display());
    let mut last: Option<RunReport> = None;
    for number in 0..runs {
        if let Some(report) = last.take() {
            pipeline.publish(&report)?;
            // Here a person would look at the report, and start the next run with `--accept`.
            for endpoint in report.endpoints.iter().filter(|endpoint| !endpoint.drift.is_empty()) {
                if endpoint.ending == Ending::Failed {
                    pipeline.accept(&endpoint.key).await?;
                }
            }
            world.pass(number);
        }
        let report = pipeline.run().await?;
        pipeline.screen.run(&report);
        world.note(&report);
        last = Some(report);
    }
    let Some(mut report) = last else { return Ok(Ending::Complete) };
    let (lines, equal) = world.compare(&pipeline).await?;
    println!("The table at the end:");
    for line in &lines {
        println!("{line}");
    }
    report.compared = lines;
    if !equal {
        report.ending = Ending::Failed;
    }
    let page = pipeline.publish(&report)?;
    println!("report: {}", page.display());
    Ok(report.ending)
}
