//! Exports the jobs with their applications as JSON lines: one line for each job.
//!
//!     cargo run --example jobaffinity_export
//!     cargo run --example jobaffinity_export -- --out export.jsonl --at-once 4
//!
//! Without `JOBAFFINITY_LOGIN` and `JOBAFFINITY_PASSWORD` it runs against the simulated provider. With them it runs
//! against the real one, at its 45 requests a minute: about one job every 1.34 s. Applications are personal data:
//! protect the file.
//!
//! The positions are stored in a folder next to the file. An interrupted run continues at its position. A later run
//! adds one line for each job with new applications.
#![allow(clippy::print_stdout)]

use std::collections::HashMap;
use std::error::Error;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::sync::Mutex;

use clap::Parser;
use futures::{StreamExt, TryStreamExt};
use jobfeed::checkpoint::FileStore;
use jobfeed::jobaffinity::{Application, Client};
use jobfeed::testing::JobAffinity;
use jobfeed::{BoxError, Mark, Outcome, partitions};
use serde_json::value::RawValue;

mod shown;
mod simulated;

#[derive(Debug, Parser)]
struct Cli {
    /// The file to which lines are appended.
    #[arg(long, default_value = "jobaffinity.jsonl")]
    out: String,
    /// The number of jobs that are read at the same time; they share one rate limit.
    #[arg(long, default_value_t = 4)]
    at_once: usize,
    /// Also fetch the full record of each job: one more request for each job.
    #[arg(long)]
    details: bool,
    /// The maximum number of jobs.
    #[arg(long)]
    jobs: Option<usize>,
}

/// One line of the export. The records are byte for byte what the server sent.
#[derive(serde::Serialize)]
struct Line<'a> {
    job: &'a RawValue,
    applications: &'a [Box<RawValue>],
}

#[tokio::main]
async fn main() -> std::process::ExitCode {
    shown::exit(run().await)
}

async fn run() -> Result<(), Box<dyn Error>> {
    let mut cli = Cli::parse();
    let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    if let (Some(login), Some(password)) = (variable("JOBAFFINITY_LOGIN"), variable("JOBAFFINITY_PASSWORD")) {
        println!("JOBAFFINITY_LOGIN is set: jobs with their applications from jobaffinity.fr into {}", cli.out);
        let api = Client::builder().login(login, password).max_in_flight(cli.at_once.max(1)).build()?;
        return export(&api, &cli).await;
    }
    if variable("JOBAFFINITY_LOGIN").is_some() {
        return Err("JOBAFFINITY_PASSWORD is not set".into());
    }
    cli.out = simulated::fresh(&cli.out)?;
    println!("JOBAFFINITY_LOGIN is not set: 30 jobs from the simulated provider into {}", cli.out);
    File::create(&cli.out)?;
    let server = JobAffinity::builder().jobs(30).applications(7).start().await?;
    let api = server.client().max_in_flight(cli.at_once.max(1)).build()?;
    export(&api, &cli).await?;

    println!("on the server a candidate applies for two jobs");
    server.with(|data| {
        let candidate = data.add_candidate();
        for job in data.jobs().into_iter().take(2) {
            data.add_application(job, candidate);
        }
    });
    export(&api, &cli).await
}

async fn export(api: &Client, cli: &Cli) -> Result<(), Box<dyn Error>> {
    let store = FileStore::new(format!("{}.positions", cli.out))?;
    let file = Mutex::new(OpenOptions::new().create(true).append(true).open(&cli.out)?);
    let mut jobs: Vec<(u64, Box<RawValue>)> = Vec::new();
    let mut pages = api.jobs().pages();
    while let Some(page) = pages.try_next().await? {
        for (job, raw) in page.rows() {
            if let Some(id) = job.id {
                jobs.push((id, RawValue::from_string(raw.to_owned())?));
            }
        }
    }
    jobs.truncate(cli.jobs.unwrap_or(usize::MAX));
    let total = jobs.len();
    let mut results = partitions(jobs, cli.at_once, async |(id, job)| {
        let job = if cli.details { api.job(id).send_as().await? } else { job };
        one_job(api, &store, &file, id, &job).await
    });

    let (mut applications, mut failed) = (0, HashMap::<String, u64>::new());
    while let Some(done) = results.next().await {
        match done.result {
            Ok(rows) => applications += rows,
            Err(error) => *failed.entry(error.to_string()).or_default() += 1,
        }
    }
    println!("{total} jobs read, {applications} new applications written");
    for (error, jobs) in &failed {
        println!("{jobs} jobs are not complete, the next run continues them: {error}");
    }
    if failed.is_empty() { Ok(()) } else { Err("the export is not complete".into()) }
}

/// Writes the applications of a job that are new since the last run, and returns their number. The position moves only
/// when they are in the file. After a crash a line may be written twice: readers use the last line of an application.
async fn one_job(
    api: &Client,
    store: &FileStore,
    file: &Mutex<File>,
    id: u64,
    job: &RawValue,
) -> Result<usize, BoxError> {
    let key = format!("job-{id}-applications");
    let mut run = api.job_applications(id).sync_since(key, store).await?;
    // Each run reads the application at the watermark again: it is already in the file.
    let known = match run.state().watermark() {
        Some(Mark::Id(id)) => Some(id),
        _ => None,
    };
    // A job without applications gets one line too.
    let mut is_new_job = run.state().revision() == 0;
    let mut written = 0;
    while let Some(batch) = run.next().await? {
        let is_new = |application: &Application| application.id.is_none() || application.id != known;
        let rows = batch.page().rows().filter(|(application, _)| is_new(application));
        let rows: Vec<Box<RawValue>> =
            rows.map(|(_, raw)| RawValue::from_string(raw.to_owned())).collect::<Result<_, _>>()?;
        for rejected in &batch.page().rejected {
            println!("an application of job {id} was rejected: {}", rejected.reason);
        }
        if std::mem::take(&mut is_new_job) || !rows.is_empty() {
            let mut line = serde_json::to_vec(&Line { job, applications: &rows })?;
            line.push(b'\n');
            let mut file = file.lock().map_err(|_| "writing another job failed")?;
            file.write_all(&line)?;
            file.sync_data()?;
        }
        written += rows.len();
        batch.commit().await?;
    }
    if let Outcome::Paused { until } = run.report().outcome {
        return Err(format!("the server asks to wait until {until}").into());
    }
    Ok(written)
}
