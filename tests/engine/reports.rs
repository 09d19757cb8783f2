//! What a report says of a run that ended: the error, the instants, the watermarks.

use std::time::Duration;

use futures::FutureExt;
use jobfeed::checkpoint::MemoryStore;
use jobfeed::jiff::Timestamp;
use jobfeed::{Checkpoint, Clock, Error, Mark, Outcome, RetryPolicy, SyncState};

use crate::support::{Reply, Script, finish};

/// A clock that starts at noon and goes with tokio's.
fn clock() -> Clock {
    let (noon, start) = (at("2026-05-01T12:00:00Z"), tokio::time::Instant::now());
    Clock::from_fn(move || noon + start.elapsed())
}

fn at(instant: &str) -> Timestamp {
    instant.parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_report_of_a_failed_run_has_its_error_and_the_watermark_that_stayed() {
    let script = Script::jobs((1..=25).collect());
    let broken = script.clone();
    let failing = Script::new(move |index, request| match index {
        40.. => Reply::status(403),
        index => broken.reply(index, request),
    });
    let api = failing.client().clock(clock()).build().unwrap();
    let store = MemoryStore::new();
    let mut run = api.jobs().page_size(10).sync_by_id("k", &store).await.unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!((run.report().ended, run.report().error), (None, None), "it is in progress");
    finish(&mut run).await.unwrap();
    let report = run.report();
    assert_eq!((report.started, report.ended), (at("2026-05-01T12:00:00Z"), Some(at("2026-05-01T12:01:00Z"))));
    assert_eq!((report.watermark_before, report.watermark, report.error), (None, Some(Mark::Id(25)), None));

    while failing.requests() < 40 {
        api.jobs().send().await.unwrap();
    }
    let mut run = api.jobs().page_size(10).sync_by_id("k", &store).await.unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    let error = run.next().await.err().unwrap();
    let report = run.report();
    assert_eq!((report.outcome, report.ended), (Outcome::Failed, Some(report.started + Duration::from_secs(5))));
    assert_eq!((report.watermark_before, report.watermark), (Some(Mark::Id(25)), Some(Mark::Id(25))));
    let told = report.error.unwrap();
    assert_eq!((&*told.kind, told.message), ("status", format!("{error:?}")));
    let json = jobfeed::serde_json::to_value(run.report()).unwrap();
    assert_eq!(json["error"]["kind"], "status");
    assert_eq!((&json["ended"], &json["watermark"]["id"]), (&"2026-05-01T12:01:05Z".into(), &25.into()));
}

#[tokio::test(start_paused = true)]
async fn a_pause_is_no_error() {
    let script = Script::replies(vec![Reply::status(429).header("retry-after", 3600)]);
    let api = script.client().clock(clock()).build().unwrap();
    let mut run = api.jobs().sync_by_id("k", MemoryStore::new()).await.unwrap();
    assert!(run.next().await.unwrap().is_none());
    let report = run.report();
    assert!(matches!(report.outcome, Outcome::Paused { .. }) && report.error.is_none());
    assert!(report.ended.is_some());
}

/// A store that does not save.
struct ReadOnly;

impl Checkpoint for ReadOnly {
    type Error = std::io::Error;
    async fn load(&self, _: &str) -> Result<Option<SyncState>, std::io::Error> {
        Ok(None)
    }
    async fn save(&self, _: &str, _: &SyncState) -> Result<(), std::io::Error> {
        Err(std::io::Error::other("the disk is full"))
    }
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_fails_and_a_batch_that_is_dropped_fail_the_run() {
    let api = Script::jobs((1..=25).collect()).client().retry(RetryPolicy::none()).build().unwrap();
    let mut run = api.jobs().page_size(10).sync_by_id("k", ReadOnly).await.unwrap();
    let batch = run.next().await.unwrap().unwrap();
    batch.commit().await.unwrap_err();
    let report = run.report();
    assert!(report.ended.is_some() && report.outcome == Outcome::Failed, "{report:?}");
    let error = report.error.unwrap();
    assert!(error.kind == "checkpoint" && error.message.contains("the disk is full"), "{error}");
    // The run does not go on after it, and the first error is what is reported.
    assert!(matches!(run.next().now_or_never(), Some(Err(Error::Uncommitted { .. }))));
    assert_eq!(run.report().error.unwrap().kind, "checkpoint");

    let mut run = api.jobs().page_size(10).sync_by_id("k", MemoryStore::new()).await.unwrap();
    drop(run.next().await.unwrap().unwrap());
    run.next().await.err().unwrap();
    let report = run.report();
    assert_eq!((report.outcome, &*report.error.unwrap().kind), (Outcome::Failed, "uncommitted"));
}
