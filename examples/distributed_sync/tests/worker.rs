//! What a worker does with a partition that it may not sync now, and the demonstration as a whole.
#![allow(clippy::disallowed_methods)]

use std::process::Command;
use std::time::Duration;

use distributed_sync::processes::Workers;
use distributed_sync::provider::JobBoard;
use distributed_sync::{demo, server, tables};
use jobfeed::BoxError;
use jobfeed::checkpoint::LeaseStore;
use tokio::time::sleep;

const PROGRAM: &str = env!("CARGO_BIN_EXE_distributed_sync");

#[tokio::test]
async fn a_paused_or_leased_partition_is_put_back_for_its_instant_and_not_retried() -> Result<(), BoxError> {
    let Some(postgres) = server::start() else { return Ok(()) };
    let database = postgres.database("put_back").await;
    let (address, store) = (database.address(), database.store().await);
    let db = tables::connect(address.clone()).await?;
    let mut board = JobBoard::new(2, 10, 1);
    board.retry_after = 600;
    let provider = board.start(0).await?;
    tables::create(&db, &provider.with(|board| board.partitions())).await?;
    let engine = demo::engine(&address).await?;
    store.acquire("jobs/company-001", "another worker", Duration::from_secs(1200)).await?;

    let arguments = ["--database", &address, "--provider", provider.base_url().as_str()].map(str::to_owned).into();
    let mut workers = Workers::new(PROGRAM.into(), arguments, None);
    workers.start()?;
    demo::add_round(&engine).await?;
    let jobs = "SELECT key, extract(epoch FROM run_at - now())::float8, attempts, last_error
        FROM graphile_worker._private_jobs WHERE run_at > now() ORDER BY key";
    let jobs = loop {
        let jobs = db.query(jobs, &[]).await?;
        if jobs.len() == 2 {
            break jobs;
        }
        sleep(Duration::from_millis(50)).await;
    };
    for (job, (company, seconds)) in jobs.iter().zip([("company-000", 300.0..601.0), ("company-001", 900.0..1201.0)]) {
        let (key, in_seconds, attempts, error): (String, f64, i16, Option<String>) =
            (job.get(0), job.get(1), job.get(2), job.get(3));
        assert!(seconds.contains(&in_seconds), "{key}: in {in_seconds} s");
        assert_eq!((key.as_str(), attempts, error), (company, 0, None));
    }
    // The next round leaves them where they are, and nothing was sent for the one that is leased.
    demo::add_round(&engine).await?;
    let rounds = "SELECT count(*) FROM rounds";
    while db.query_one(rounds, &[]).await?.get::<_, i64>(0) < 2 {
        sleep(Duration::from_millis(50)).await;
    }
    let waiting = "SELECT count(*) FROM graphile_worker._private_jobs WHERE run_at > now() + interval '5 minutes'";
    assert_eq!(db.query_one(waiting, &[]).await?.get::<_, i64>(0), 2);
    let served = provider.served();
    assert_eq!((served.requests, served.with_status(429)), (1, 1));
    assert!(served.log[0].path.contains("company-000"), "{:?}", served.log[0]);
    Ok(())
}

#[test]
fn the_demonstration_ends_by_itself_when_all_partitions_are_in_sync() {
    if server::start().is_none() {
        return;
    }
    let demonstration =
        Command::new(PROGRAM).args(["--workers", "2", "--partitions", "10", "--seconds", "2"]).output().unwrap();
    let text = String::from_utf8_lossy(&demonstration.stdout);
    assert!(demonstration.status.success(), "{text}{}", String::from_utf8_lossy(&demonstration.stderr));
    assert!(text.contains(" 0 missing, 0 differ, 0 unknown"), "{text}");
}
