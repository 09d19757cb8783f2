//! A simulated year of hourly syncs with outages: all rows are delivered, none is bought twice, and every gap is
//! reported.

use crate::kit::{RowCounts, client, hours, run, simulator};
use fastrand::Rng;
use jobfeed::Outcome;
use jobfeed::checkpoint::MemoryStore;
use jobfeed::jiff::SignedDuration;
use jobfeed::testing::{Fault, When, fantastic_jobs::FeedName};

async fn year(seed: u64, long_day: bool, faults: bool) {
    let mut rng = Rng::with_seed(seed);
    let server = simulator()
        .rows_per_hour(5)
        .seed(seed)
        .long_day(long_day)
        .expires_within(hours(24 * 20))
        .start()
        .await
        .unwrap();
    let (api, store, mut got) = (client(&server), MemoryStore::new(), RowCounts::new());
    if faults {
        server.fault(Fault::Status { code: 503, retry_after: None }, When::Every(37));
        server.fault(Fault::CutBody, When::Every(53));
        server.fault(Fault::HalveLimit, When::Every(11));
    }
    let (start, mut end) = (server.now(), server.now());
    let first = start - hours(2) - SignedDuration::from_mins(15);
    let (mut runs, mut outages, mut jobs, mut again) = (0u64, 0, 0, 0);
    let mut missed = Vec::new();
    while server.now() < start + hours(365 * 24) {
        let before = server.now();
        let report = run(api.active_ats().page_size(50).sync_hourly("ats", &store), &mut got).await.unwrap();
        assert!(matches!(report.outcome, Outcome::Complete | Outcome::Paused { .. }), "{report:?}");
        if report.outcome == Outcome::Complete {
            let details = &report.details;
            jobs += details["jobs"].as_u64().unwrap();
            again += details["bought_again"].as_u64().unwrap();
            assert_eq!(details["lost"].as_array().unwrap().len(), 0, "no outage is longer than the deepest window");
            let until = details["window"]["until"].as_str().unwrap().parse().unwrap();
            // A row that expired before this run is missing from its window if the run used `7d` or `6m`.
            let from = details["window"]["from"].as_str().unwrap().parse().unwrap();
            for id in server.indexed(FeedName::Ats, from, until) {
                if !got.contains_key(&id) {
                    assert!(server.is_expired(FeedName::Ats, id), "row {id} of {from} to {until} is missing");
                    assert!(before.duration_since(from) > hours(25), "{id} was still in a fixed window");
                    missed.push(id);
                }
            }
            end = until;
        }
        runs += 1;
        // About once an hour, with jitter; sometimes an outage of up to 200 hours.
        let outage = rng.u32(..150) == 0;
        outages += u32::from(outage);
        let pause = if outage { rng.i64(3_600..200 * 3_600) } else { rng.i64(3_000..4_200) };
        server.advance(SignedDuration::from_secs(pause));
    }
    let mut wanted = server.indexed(FeedName::Ats, first, end);
    let all = wanted.len();
    wanted.retain(|id| !missed.contains(id));
    crate::kit::assert_same(&got, &wanted, "exactly the rows that were available");
    let twice: u64 = got.values().map(|times| u64::from(*times) - 1).sum();
    assert!(twice <= again, "{twice} rows came twice, {again} were reported");
    assert!(server.jobs_billed() >= jobs);
    if !faults {
        assert_eq!((twice, again), (0, 0), "nothing was bought twice");
        assert_eq!(server.jobs_billed(), got.len() as u64);
    }
    println!(
        "seed {seed}: {runs} runs, {outages} outages, {} of {all} rows ({} expired during outages), {} requests, {} billed, {twice} twice",
        got.len(),
        missed.len(),
        server.served().requests,
        server.jobs_billed(),
    );
    assert!(outages > 10 && runs > 2_000);
}

#[tokio::test]
async fn a_year_with_a_24h_window_of_24_hours() {
    year(1, false, false).await;
}

#[tokio::test]
async fn a_year_with_a_24h_window_of_25_hours() {
    year(2, true, false).await;
}

#[tokio::test]
async fn a_year_with_faults() {
    year(3, false, true).await;
}
