//! The sync of expired jobs: days with an overlap, in any order of the server, and what it refuses.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use jobfeed::checkpoint::MemoryStore;
use jobfeed::jiff::{SignedDuration, Timestamp, civil::date};
use jobfeed::jobdataapi::{Client, ExpiredJob, SyncExpired};
use jobfeed::testing::jobdataapi::Subscription;
use jobfeed::testing::{Fault, JobDataApi, When};
use jobfeed::{BodyProblem, Clock, Error, Mark, Outcome, SyncRun};

use crate::support::{Reply, Script, builder_of, envelope};

fn noon(day: &str) -> Timestamp {
    format!("{day}T12:00:00Z").parse().unwrap()
}

/// A simulated service whose time the test moves.
async fn server() -> (JobDataApi, Arc<Mutex<Timestamp>>) {
    let now = Arc::new(Mutex::new(noon("2026-05-20")));
    let clock = now.clone();
    let builder = JobDataApi::builder().jobs(2_000).days(60).subscription(Subscription::Pro);
    (builder.now_from(move || *clock.lock().unwrap()).start().await.unwrap(), now)
}

fn api_at(server: &JobDataApi, now: Timestamp) -> Client {
    builder_of(server).clock(Clock::fixed(now)).build().unwrap()
}

fn sync<'s>(api: &Client, store: &'s MemoryStore) -> SyncExpired<'s, ExpiredJob, &'s MemoryStore> {
    api.expired_jobs().page_size(20).sync_expired("expired", store)
}

/// The ids of the jobs, each with a time.
async fn finish(run: &mut SyncRun<ExpiredJob, &MemoryStore>) -> jobfeed::Result<BTreeSet<u64>> {
    let mut ids = BTreeSet::new();
    while let Some(batch) = run.next().await? {
        assert!(batch.items().iter().all(|job| job.expired.as_ref().is_some_and(|at| at.timestamp().is_some())));
        ids.extend(batch.items().iter().filter_map(ExpiredJob::job));
        batch.commit().await?;
    }
    Ok(ids)
}

#[tokio::test]
async fn each_run_reads_the_days_since_the_last_one_and_an_overlap() {
    let (server, now) = server().await;
    let (store, ids) = (MemoryStore::new(), server.ids());
    assert_eq!(server.expire(&ids[100..170]), 70);
    let mut first = sync(&api_at(&server, noon("2026-05-20")), &store).since(date(2026, 5, 20)).await.unwrap();
    let got = finish(&mut first).await.unwrap();
    assert!(ids[100..170].iter().all(|id| got.contains(id)));
    assert_eq!(
        (first.report().outcome, first.state().watermark()),
        (Outcome::Complete, Some(Mark::Date(date(2026, 5, 20))))
    );
    drop(first);

    // Nine days later. What expired two days after the first run is read; what expired then is before the overlap.
    *now.lock().unwrap() = noon("2026-05-22");
    server.expire(&ids[200..205]);
    *now.lock().unwrap() = noon("2026-05-29");
    server.expire(&ids[300..303]);
    server.reset_served();
    let api = api_at(&server, noon("2026-05-29"));
    let mut second = sync(&api, &store).overlap(0).await.unwrap();
    let got = finish(&mut second).await.unwrap();
    assert!(ids[200..205].iter().chain(&ids[300..303]).all(|id| got.contains(id)));
    let log = server.served().log;
    assert_eq!(
        (log[0].param("expired_since"), log[0].param("expired_until")),
        (Some("2026-05-20"), Some("2026-05-29"))
    );
    assert_eq!(second.state().watermark(), Some(Mark::Date(date(2026, 5, 29))));
    drop(second);

    // A removal that is listed late, under a day within the overlap, arrives.
    *now.lock().unwrap() = noon("2026-05-25");
    server.expire(&ids[400..401]);
    *now.lock().unwrap() = noon("2026-05-29");
    let mut third = sync(&api, &store).await.unwrap();
    let got = finish(&mut third).await.unwrap();
    assert!(got.contains(&ids[400]) && got.contains(&ids[200]) && !got.contains(&ids[100]));
    assert!(third.report().caveats[0].contains("before the overlap"));
}

#[tokio::test]
async fn promise_1_killed_after_any_page_the_next_run_completes_the_same_days() {
    for killed_after in 0..5 {
        let (server, now) = server().await;
        let (store, ids) = (MemoryStore::new(), server.ids());
        server.expire(&ids[100..190]);
        let mut got = BTreeSet::new();
        let mut first = sync(&api_at(&server, noon("2026-05-20")), &store).since(date(2026, 5, 20)).await.unwrap();
        for _ in 0..killed_after {
            let Some(batch) = first.next().await.unwrap() else { break };
            got.extend(batch.items().iter().filter_map(ExpiredJob::job));
            batch.commit().await.unwrap();
        }
        drop(first);
        // The next day more jobs expire, and the run in progress keeps its days.
        *now.lock().unwrap() = noon("2026-05-21");
        server.expire(&ids[500..520]);
        server.reset_served();
        let mut second = sync(&api_at(&server, noon("2026-05-21")), &store).since(date(2026, 5, 20)).await.unwrap();
        got.extend(finish(&mut second).await.unwrap());
        let frozen = if killed_after == 0 { "2026-05-21" } else { "2026-05-20" };
        if killed_after < 5 {
            let until = |request: &jobfeed::testing::Served| request.log[0].param("expired_until").map(str::to_owned);
            assert_eq!(until(&server.served()).as_deref(), Some(frozen), "killed after {killed_after}");
        }
        let mut third = sync(&api_at(&server, noon("2026-05-21")), &store).await.unwrap();
        got.extend(finish(&mut third).await.unwrap());
        let missing: Vec<_> = ids[100..190].iter().chain(&ids[500..520]).filter(|id| !got.contains(id)).collect();
        assert!(missing.is_empty(), "killed after {killed_after}: {missing:?}");
    }
}

#[tokio::test]
async fn promise_1_the_watermark_does_not_pass_the_day_of_the_server() {
    let (server, now) = server().await;
    let (store, ids) = (MemoryStore::new(), server.ids());
    // The local clock is 30 days ahead of the server's.
    let ahead = noon("2026-05-20") + SignedDuration::from_hours(30 * 24);
    let mut first = sync(&api_at(&server, ahead), &store).since(date(2026, 5, 20)).await.unwrap();
    finish(&mut first).await.unwrap();
    assert_eq!(first.state().watermark(), Some(Mark::Date(date(2026, 5, 20))));
    assert_eq!(first.report().details["clock_ahead_seconds"], 30 * 24 * 3_600);
    drop(first);
    *now.lock().unwrap() = noon("2026-05-21");
    server.expire(&ids[10..12]);
    let mut second = sync(&api_at(&server, noon("2026-05-21")), &store).overlap(0).await.unwrap();
    assert_eq!(finish(&mut second).await.unwrap().intersection(&ids[10..12].iter().copied().collect()).count(), 2);
}

#[tokio::test]
async fn what_the_sync_cannot_use_is_a_typed_error() {
    let (server, _) = server().await;
    let (store, api) = (MemoryStore::new(), api_at(&server, noon("2026-05-20")));
    let first_day = date(2026, 5, 1);
    for sync in [
        sync(&api, &store),
        sync(&api, &store).since(date(2026, 5, 21)),
        api.expired_jobs().expired_since(first_day).sync_expired("k", &store).since(first_day),
        api.expired_jobs().expired_until(first_day).sync_expired("k", &store).since(first_day),
        api.expired_jobs().page(2).sync_expired("k", &store).since(first_day),
    ] {
        let error = sync.await.unwrap_err();
        assert!(matches!(error, Error::Invalid { .. }), "{error:?}");
    }
    assert_eq!(server.served().requests, 0);
    server.fault(Fault::ShortPage(1), When::Always);
    let ids = server.ids();
    server.expire(&ids[..50]);
    let error = finish(&mut sync(&api, &store).since(first_day).await.unwrap()).await.unwrap_err();
    assert!(matches!(error, Error::Incomplete { .. }), "{error:?}");

    // A server that ignores the days, and records that have another key.
    let old = r#"{"count":1,"next":null,"results":[{"id":5,"expired":"2025-01-01T00:00:00Z"}]}"#;
    let other = r#"{"count":1,"next":null,"results":[{"job_id":5,"expired":"2026-05-02T00:00:00Z"}]}"#;
    for (body, wanted) in [(old, "did not apply expired_since"), (other, "name the field that tells them apart")] {
        let script = Script::replies(vec![Reply::page(body)]);
        let api = script.client().clock(Clock::fixed(noon("2026-05-20"))).build().unwrap();
        let error = finish(&mut sync(&api, &MemoryStore::new()).since(first_day).await.unwrap()).await.unwrap_err();
        assert!(matches!(error, Error::Body { problem: BodyProblem::Ignored(_), .. }), "{error:?}");
        assert!(error.to_string().contains(wanted), "{error}");
    }
    let script = Script::replies(vec![Reply::page(other)]);
    let api = script.client().clock(Clock::fixed(noon("2026-05-20"))).build().unwrap();
    let store = MemoryStore::new();
    let mut run = sync(&api, &store).since(first_day).record_key("job_id").await.unwrap();
    assert_eq!(finish(&mut run).await.unwrap(), BTreeSet::from([5]));
    let empty = Script::replies(vec![Reply::page(&envelope([], 0, None))]);
    let api = empty.client().clock(Clock::fixed(noon("2026-05-20"))).build().unwrap();
    let mut run = sync(&api, &store).await.unwrap();
    assert_eq!((finish(&mut run).await.unwrap().len(), run.report().outcome), (0, Outcome::Complete));
}
