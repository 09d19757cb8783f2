//! The demonstration: starts everything on this machine, shows it, and compares at the end.

use std::io::{IsTerminal, Write, stdout};
use std::time::Duration;

use fastrand::Rng;
use graphile_worker::tokio_postgres::TokioPostgresDatabase;
use graphile_worker::{JobSpec, WorkerUtils};
use jobfeed::BoxError;
use jobfeed::serde_json::json;
use jobfeed::testing::Simulator;
use jobfeed::tokio_postgres::Client;
use rustix::process::Signal;
use tokio::io::{AsyncBufReadExt, BufReader, stdin};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};

use crate::monitor::Snapshot;
use crate::processes::Workers;
use crate::provider::JobBoard;
use crate::{server, tables};

/// What the user chooses.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Worker processes at the start.
    #[arg(long, default_value_t = 3)]
    workers: usize,
    /// Companies, each with a list of its own.
    #[arg(long, default_value_t = 60)]
    partitions: usize,
    /// For how many seconds the provider's data change.
    #[arg(long, default_value_t = 15)]
    seconds: u64,
    /// After how many seconds the partitions of a dead worker are taken over.
    #[arg(long, default_value_t = 5.0)]
    ttl: f64,
    /// The data change until `quit`.
    #[arg(long)]
    keep_running: bool,
}

/// The engine's jobs, from outside of a worker.
pub async fn engine(address: &str) -> Result<WorkerUtils, BoxError> {
    let engine = WorkerUtils::new(TokioPostgresDatabase::from_url(address, 2)?, "graphile_worker");
    engine.migrate().await?;
    Ok(engine)
}

/// Makes all partitions due now. The cron does the same each minute: too seldom to watch.
pub async fn add_round(engine: &WorkerUtils) -> Result<(), BoxError> {
    engine.add_raw_job("add_round", json!({}), JobSpec::builder().job_key("add_round").build()).await?;
    Ok(())
}

/// Runs it. Whether table and server are the same in the end.
pub async fn run(options: Options) -> Result<bool, BoxError> {
    let postgres = server::start().ok_or("PostgreSQL is needed")?;
    let address = postgres.database("distributed_sync").await.address();
    let db = tables::connect(address.clone()).await?;
    let provider = JobBoard::new(options.partitions, 120, 400).start(60).await?;
    tables::create(&db, &provider.with(|board| board.partitions())).await?;
    let engine = engine(&address).await?;

    let arguments = ["--database", &address, "--provider", provider.base_url().as_str(), "--ttl"].map(str::to_owned);
    let arguments = arguments.into_iter().chain([options.ttl.to_string()]).collect();
    let mut workers = Workers::new(std::env::current_exe()?, arguments, None);
    for _ in 0..options.workers {
        workers.start()?;
    }
    println!("PostgreSQL: {address}\nprovider:   {}", provider.base_url());

    watch(&options, &db, &provider, &engine, &mut workers).await?;
    finish(&mut workers).await;
    let (server, table) = (provider.with(|board| board.rows()), tables::rows(&db).await?);
    let (missing, differ, unknown) = tables::compare(&server, &table);
    println!(
        "\nserver: {} rows; table: {} rows: {missing} missing, {differ} differ, {unknown} unknown",
        server.len(),
        table.len()
    );
    Ok(missing + differ + unknown == 0)
}

/// Shows what happens and does what the user types. Ends when nothing changes any more and all partitions are in sync, or that takes too long.
async fn watch(
    options: &Options,
    db: &Client,
    provider: &Simulator<JobBoard>,
    engine: &WorkerUtils,
    workers: &mut Workers,
) -> Result<(), BoxError> {
    let mut commands = commands();
    let (mut random, started) = (Rng::new(), Instant::now());
    let (mut next_round, mut next_line) = (started, started);
    let mut changes_end = (!options.keep_running).then(|| started + Duration::from_secs(options.seconds));
    loop {
        let now = Instant::now();
        let quiet = changes_end.and_then(|end| now.checked_duration_since(end));
        if quiet.is_none() {
            provider.with(|board| (0..5).for_each(|_| board.change(&mut random)));
        }
        if now >= next_round {
            add_round(engine).await?;
            next_round = now + Duration::from_secs(3);
        }
        let snapshot = Snapshot::read(db).await?;
        let server = provider.with(|board| board.rows());
        workers.ended();
        if stdout().is_terminal() {
            draw(&snapshot.page(&workers.pids(), server.len()));
        } else if now >= next_line {
            println!("{:>5.1} s: {snapshot}", (now - started).as_secs_f64());
            next_line = now + Duration::from_secs(2);
        }
        if let Some(quiet) = quiet {
            let is_same = tables::compare(&server, &tables::rows(db).await?) == (0, 0, 0);
            if is_same || quiet > Duration::from_secs(120) {
                return Ok(());
            }
        }
        let command = timeout(Duration::from_millis(400), commands.recv()).await;
        if let Ok(Some(line)) = command
            && !obey(&line, workers)?
        {
            changes_end = Some(now);
        }
    }
}

/// The lines that the user types.
fn commands() -> mpsc::UnboundedReceiver<String> {
    let (sender, commands) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut lines = BufReader::new(stdin()).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            let _ = sender.send(line);
        }
        // Without an input there are no commands; a closed channel would be polled without end.
        std::future::pending::<()>().await;
    });
    commands
}

/// `false` for `quit`.
fn obey(line: &str, workers: &mut Workers) -> std::io::Result<bool> {
    let mut words = line.split_whitespace();
    let (command, pid) = (words.next().unwrap_or_default(), words.next().and_then(|pid| pid.parse::<u32>().ok()));
    let signal = match command {
        "quit" | "q" => return Ok(false),
        "+" => return workers.start().map(|_| true),
        "kill" => Signal::KILL,
        "stop" => Signal::STOP,
        "continue" => Signal::CONT,
        _ => return Ok(true),
    };
    if let Some(pid) = pid {
        workers.signal(pid, signal);
    }
    Ok(true)
}

/// Draws from the top of the terminal, and leaves the cursor below, where the user types.
fn draw(lines: &[String]) {
    let text: String = lines.iter().map(|line| format!("{line}\x1b[K\r\n")).collect();
    print!("\x1b[H{text}\x1b[J> ");
    let _ = stdout().flush();
}

/// Ends all workers in order; those that do not end in time are killed when they are dropped.
async fn finish(workers: &mut Workers) {
    for (pid, _) in workers.pids() {
        workers.signal(pid, Signal::CONT);
        workers.signal(pid, Signal::TERM);
    }
    for _ in 0..100 {
        workers.ended();
        if workers.pids().is_empty() {
            return;
        }
        sleep(Duration::from_millis(100)).await;
    }
}
