//! The storm: 12 worker processes on 200 partitions are killed (SIGKILL), stopped for longer than the time to live of their leases and
//! continued (SIGSTOP, SIGCONT), and other clients take leases and try to save, while the server changes its rows. Promises 1, 2 and 3.
//!
//! `STORM_SECONDS=120 cargo test --test storm -- --nocapture` takes two minutes, without it it takes 20 seconds;
//! `STORM_SEED=…` takes other workers, moments and changes. With `STORM_PARTITIONS=24` no partition waits behind others, so that the time to
//! take one over is that of the lease and of the engine's recovery alone.
#![allow(clippy::disallowed_methods)]

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::time::Duration;

use distributed_sync::monitor::Snapshot;
use distributed_sync::processes::Workers;
use distributed_sync::provider::JobBoard;
use distributed_sync::{demo, server, tables};
use fastrand::Rng;
use jobfeed::BoxError;
use jobfeed::tokio_postgres::Client;
use rustix::process::Signal;
use tokio::time::{Instant, sleep};

#[path = "storm/checks.rs"]
mod checks;
#[path = "storm/thieves.rs"]
mod thieves;

const WORKERS: usize = 12;
const AT_ONCE: usize = 2;
const TTL: Duration = Duration::from_millis(1_500);
/// How many workers may be stopped at a time.
const MOST_STOPPED: usize = 3;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().unwrap())
}

/// What was done to the workers.
#[derive(Default)]
struct Done {
    kills: usize,
    stops: usize,
    /// Leases of workers that were killed: partition, worker, and when, in seconds since 1970.
    left_behind: Vec<(String, String, f64)>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn promise_2_a_storm_of_kills_stops_and_thieves_leaves_each_row_exactly_once() -> Result<(), BoxError> {
    let Some(postgres) = server::start() else { return Ok(()) };
    let (seconds, partitions) = (number("STORM_SECONDS", 20), number("STORM_PARTITIONS", 200));
    let address = postgres.database("storm").await.address();
    let db = tables::connect(address.clone()).await?;
    let provider = JobBoard::new(partitions as usize, 70, 500).start(30).await?;
    tables::create(&db, &provider.with(|board| board.partitions())).await?;
    let engine = demo::engine(&address).await?;

    let folder = tempfile::tempdir()?;
    let messages = folder.path().join("messages.txt");
    let arguments = [
        ("--database", address.clone()),
        ("--provider", provider.base_url().to_string()),
        ("--at-once", AT_ONCE.to_string()),
        ("--ttl", TTL.as_secs_f64().to_string()),
    ];
    let arguments = arguments.into_iter().flat_map(|(name, value)| [name.to_owned(), value]).collect();
    let mut workers =
        Workers::new(env!("CARGO_BIN_EXE_distributed_sync").into(), arguments, Some(File::create(&messages)?));
    for _ in 0..WORKERS {
        workers.start()?;
    }

    let mut random = Rng::with_seed(number("STORM_SEED", 1));
    let thieves = tokio::spawn(thieves::steal(address.clone(), random.fork()));
    let mut done = Done::default();
    // (when, which worker) is continued.
    let mut stopped: Vec<(Instant, u32)> = Vec::new();
    let end = Instant::now() + Duration::from_secs(seconds);
    let (mut next_round, mut next_act) = (Instant::now(), Instant::now() + Duration::from_secs(3));
    while Instant::now() < end {
        provider.with(|board| (0..2).for_each(|_| board.change(&mut random)));
        if Instant::now() >= next_round {
            // Not before most of the last round is done: else a partition of a worker that was killed would wait behind all others.
            if Snapshot::read(&db).await?.due < partitions as i64 / 10 {
                demo::add_round(&engine).await?;
            }
            next_round = Instant::now() + Duration::from_secs(1);
        }
        if Instant::now() >= next_act {
            act(&db, &mut workers, &mut random, &mut done, &mut stopped).await?;
            next_act = Instant::now() + Duration::from_millis(random.u64(100..500));
        }
        continue_stopped(&mut workers, &mut stopped, Instant::now());
        no_worker_has_ended(&mut workers, &messages);
        sleep(Duration::from_millis(50)).await;
    }
    continue_stopped(&mut workers, &mut stopped, Instant::now() + Duration::from_secs(3600));
    let thefts = thieves::end(thieves).await?;

    // Now nothing changes any more: the workers must bring everything into the table by themselves.
    let drained = Instant::now();
    let server = provider.with(|board| board.rows());
    loop {
        demo::add_round(&engine).await?;
        sleep(Duration::from_secs(2)).await;
        no_worker_has_ended(&mut workers, &messages);
        let difference = tables::compare(&server, &tables::rows(&db).await?);
        if difference == (0, 0, 0) {
            break;
        }
        let (missing, differ, unknown) = difference;
        assert!(
            drained.elapsed() < Duration::from_secs(90),
            "{missing} rows are missing, {differ} differ, {unknown} are not the server's\n{}",
            last_messages(&messages)
        );
    }
    let drained = drained.elapsed();
    for (pid, _) in workers.pids() {
        workers.signal(pid, Signal::TERM);
    }
    for _ in 0..200 {
        for (pid, status) in workers.ended() {
            assert!(status.success(), "worker {pid}, after SIGTERM: {status}\n{}", last_messages(&messages));
        }
        if workers.pids().is_empty() {
            break;
        }
        sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(workers.pids(), [], "workers do not end");

    // In the state of rest: table and log.
    assert_eq!(tables::compare(&server, &tables::rows(&db).await?), (0, 0, 0));
    let asked = provider.with(|board| std::mem::take(&mut board.asked));
    let log = checks::commits(&db).await?;
    checks::one_writer_in_each_revision(&db).await?;
    let minutes = checks::one_round_each_minute(&db).await?;
    assert!(seconds < 70 || minutes > 0, "the cron has added no round");
    let late = checks::no_committed_page_is_fetched_again(&log, &asked);
    assert!(late <= done.stops * AT_ONCE, "{late} late requests");
    assert_eq!(thefts.accepted, 0, "saves with an old or made-up fence were accepted");
    let mut takeovers = checks::takeovers(&log, &done.left_behind);
    takeovers.sort_by(f64::total_cmp);
    let refused = std::fs::read_to_string(&messages)?.matches("so nothing was saved").count();
    eprintln!(
        "{seconds} s: {} kills, {} stops; {} leases stolen, {} false saves refused; {refused} runs ended with a lost lease; \
         {} commits of {} pages served, {} rows, {late} late requests, {minutes} rounds by cron; drained in {:.1} s\n\
         takeover of {} leases of killed workers: median {:.2} s, longest {:.2} s (time to live {:.1} s)",
        done.kills,
        done.stops,
        thefts.leases,
        thefts.refused,
        log.values().map(Vec::len).sum::<usize>(),
        asked.len(),
        server.len(),
        drained.as_secs_f64(),
        takeovers.len(),
        takeovers.get(takeovers.len() / 2).unwrap_or(&f64::NAN),
        takeovers.last().unwrap_or(&f64::NAN),
        TTL.as_secs_f64(),
    );
    assert!(done.kills > 0 && done.stops > 0 && thefts.refused > 0 && !takeovers.is_empty());
    Ok(())
}

/// Kills a worker and starts another one, or stops one for longer than the time to live.
async fn act(
    db: &Client,
    workers: &mut Workers,
    random: &mut Rng,
    done: &mut Done,
    stopped: &mut Vec<(Instant, u32)>,
) -> Result<(), BoxError> {
    let leases = "SELECT DISTINCT holder FROM jobfeed_checkpoint WHERE lease_until > clock_timestamp()";
    let holders: Vec<String> = db.query(leases, &[]).await?.iter().map(|row| row.get(0)).collect();
    let awake: Vec<u32> = workers.pids().into_iter().filter(|(_, stopped)| !stopped).map(|(pid, _)| pid).collect();
    // Mostly one that is in the middle of a sync.
    let busy: Vec<u32> = awake.iter().copied().filter(|pid| holders.contains(&pid.to_string())).collect();
    let among = if busy.is_empty() || random.u8(..10) < 3 { &awake } else { &busy };
    let Some(worker) = random.choice(among).copied() else { return Ok(()) };
    if stopped.len() < MOST_STOPPED && random.bool() {
        workers.signal(worker, Signal::STOP);
        done.stops += 1;
        stopped.push((Instant::now() + TTL.mul_f64(1.2 + 1.5 * random.f64()), worker));
    } else {
        workers.signal(worker, Signal::KILL);
        done.kills += 1;
        workers.start()?;
        let held = "SELECT substr(key, 6), extract(epoch FROM clock_timestamp())::float8
            FROM jobfeed_checkpoint WHERE holder = $1 AND lease_until > clock_timestamp()";
        let worker = worker.to_string();
        let held = db.query(held, &[&worker]).await?;
        done.left_behind.extend(held.iter().map(|row| (row.get(0), worker.clone(), row.get(1))));
    }
    Ok(())
}

/// Continues the workers whose time has come.
fn continue_stopped(workers: &mut Workers, stopped: &mut Vec<(Instant, u32)>, now: Instant) {
    stopped.retain(|(until, pid)| {
        if *until <= now {
            workers.signal(*pid, Signal::CONT);
        }
        *until > now
    });
}

fn no_worker_has_ended(workers: &mut Workers, messages: &Path) {
    let ended = workers.ended();
    assert!(ended.is_empty(), "ended by themselves: {ended:?}\n{}", last_messages(messages));
}

fn last_messages(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(30)..].join("\n")
}

/// The commits of each partition, in the order of their revisions.
type Log = BTreeMap<String, Vec<checks::Commit>>;
