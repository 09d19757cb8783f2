//! Servers with several copies of the data, of which some are behind, and clocks that differ.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use jobfeed::checkpoint::MemoryStore;
use jobfeed::jiff::{SignedDuration, Timestamp};
use jobfeed::jobdataapi::Bootstrap;
use jobfeed::testing::JobDataApi;
use jobfeed::{BodyProblem, Clock, Error, Mark};

use crate::support::{Script, builder_of, finish, set};

fn noon(day: &str) -> Timestamp {
    format!("{day}T12:00:00Z").parse().unwrap()
}

/// One answer in ten comes from a copy of the data that lacks the 5 newest rows, while 3 rows are added per request.
#[tokio::test]
async fn promise_1_an_answer_from_an_older_copy_of_the_data_loses_no_row() {
    for seed in 0..20 {
        let newest = |request: usize| 1_000 + 3 * request as u64;
        let script = Script::changing(
            move |request| {
                let stale = fastrand::Rng::with_seed(seed * 100_000 + request as u64).u32(..10) == 0;
                (1..=newest(request) - if stale { 5 } else { 0 }).collect()
            },
            |id| format!(r#"{{"id":{id}}}"#),
        );
        let (store, mut got) = (MemoryStore::new(), BTreeSet::new());
        for _ in 0..30 {
            let api = script.client().build().unwrap();
            let mut run = api.jobs().page_size(100).sync_by_id("k", &store).await.unwrap();
            got.extend(finish(&mut run).await.unwrap());
            let Some(Mark::Id(watermark)) = run.state().watermark() else { panic!("no watermark") };
            let missing = (1..=watermark).filter(|id| !got.contains(id)).count();
            assert_eq!(missing, 0, "seed {seed}: {missing} rows up to {watermark}");
        }
        assert!(got.len() as u64 + 50 > newest(script.requests()), "seed {seed}: the sync keeps up");
    }
}

/// The first run, over several pages: three answers in ten lack the newest 5 rows. The second run sees everything.
#[tokio::test]
async fn promise_1_a_backfill_that_older_copies_answer_is_completed_by_the_next_run() {
    for seed in 0..300 {
        let total = 100 + seed;
        let first_run = Arc::new(AtomicBool::new(true));
        let stale = first_run.clone();
        let script = Script::changing(
            move |request| {
                let behind = fastrand::Rng::with_seed(seed * 100_000 + request as u64).u32(..10) < 3;
                (1..=total - if behind && stale.load(Ordering::SeqCst) { 5 } else { 0 }).collect()
            },
            |id| format!(r#"{{"id":{id}}}"#),
        );
        let (store, mut got) = (MemoryStore::new(), BTreeSet::new());
        for _ in 0..2 {
            let api = script.client().build().unwrap();
            let mut run = api.jobs().page_size(20).sync_by_id("k", &store).await.unwrap();
            got.extend(finish(&mut run).await.unwrap());
            first_run.store(false, Ordering::SeqCst);
        }
        assert_eq!(got.len() as u64, total, "seed {seed}");
    }
}

/// The rows of one day: the copy that answers one of the requests lacks the newest 5.
#[tokio::test]
async fn promise_1_a_day_that_an_older_copy_answers_is_asked_for_again() {
    let row = |id: u64| format!(r#"{{"id":{id},"published":"2026-05-01T08:00:00Z"}}"#);
    for stale in 0..4 {
        let script = Script::changing(move |request| (1..=if request == stale { 45 } else { 50 }).collect(), row);
        let clock = Clock::fixed(noon("2026-05-01"));
        let api = script.client().clock(clock).build().unwrap();
        let sync = api.jobs().page_size(100).sync_by_date("k", MemoryStore::new());
        let mut run = sync.since("2026-05-01".parse().unwrap()).await.unwrap();
        assert_eq!(set(&finish(&mut run).await.unwrap()), (1..=50).collect(), "request {stale}");
        assert!(script.requests() <= 6, "request {stale}: {} requests", script.requests());
    }
}

#[tokio::test]
async fn promise_1_a_clock_that_is_a_month_ahead_does_not_move_the_watermark_into_the_future() {
    let now = noon("2026-05-01");
    let server = JobDataApi::builder().jobs(300).days(20).now(now).start().await.unwrap();
    let store = MemoryStore::new();
    for (ahead, difference) in [(30, Some(30 * 86_400)), (0, None), (-30, Some(-30 * 86_400))] {
        let clock = Clock::fixed(now + SignedDuration::from_hours(24 * ahead));
        let api = builder_of(&server).clock(clock).build().unwrap();
        let sync = api.jobs().sync_by_date("k", &store).since("2026-04-01".parse().unwrap());
        let mut run = sync.await.unwrap();
        finish(&mut run).await.unwrap();
        assert_eq!(run.state().watermark(), Some(Mark::Date("2026-05-01".parse().unwrap())), "{ahead}");
        let reported = run.report().details["clock_ahead_seconds"].as_i64();
        assert_eq!(reported, difference, "{ahead}");
    }
}

/// A `Date` that is far in the past does not move the watermark back.
#[tokio::test]
async fn a_server_whose_clock_is_years_behind_does_not_move_the_watermark_back() {
    let now = Arc::new(Mutex::new(noon("2026-05-01")));
    let server_now = now.clone();
    let builder = JobDataApi::builder().jobs(100).days(20).now_from(move || *server_now.lock().unwrap());
    let (server, store) = (builder.start().await.unwrap(), MemoryStore::new());
    for year in ["2026", "1999"] {
        *now.lock().unwrap() = noon(&format!("{year}-05-01"));
        let api = builder_of(&server).clock(Clock::fixed(noon("2026-05-01"))).build().unwrap();
        let sync = api.jobs().sync_by_date("k", &store).since("2026-04-01".parse().unwrap());
        let mut run = sync.await.unwrap();
        finish(&mut run).await.unwrap();
        assert_eq!(run.state().watermark(), Some(Mark::Date("2026-05-01".parse().unwrap())), "{year}");
    }
}

#[tokio::test]
async fn promise_6_a_bootstrap_by_date_on_a_server_that_ignores_the_date_is_an_error() {
    let row = |id: u64| format!(r#"{{"id":{id},"published":"2026-01-{:02}T08:00:00Z"}}"#, 1 + id);
    let api = Script::listing((1..=20).collect(), row).client().build().unwrap();
    let sync = api.jobs().sync_by_id("k", MemoryStore::new());
    let mut run = sync.bootstrap(Bootstrap::Since("2026-01-15".parse().unwrap())).await.unwrap();
    let error = finish(&mut run).await.unwrap_err();
    assert!(matches!(&error, Error::Body { problem: BodyProblem::Ignored(_), .. }), "{error}");
    assert!(error.to_string().contains("published_since"), "{error}");
}
