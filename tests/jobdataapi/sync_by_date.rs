//! The syncs by date and of the latest window: windows that fit one page, days that do not, drift, overlap, frozen
//! dates.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use futures::StreamExt;
use jobfeed::checkpoint::MemoryStore;
use jobfeed::jiff::{Timestamp, civil::Date};
use jobfeed::testing::jobdataapi::{Order, Subscription};
use jobfeed::testing::{Fault, Insert, JobDataApi, When};
use jobfeed::{Clock, Completeness, Error, Mark, Outcome};

use crate::support::{builder_of, finish, set};

const STABLE_ORDERS: [Order; 4] = [Order::PublishedDesc, Order::IdAsc, Order::IdDesc, Order::Shuffled];

fn noon(day: &str) -> Timestamp {
    format!("{day}T12:00:00Z").parse().unwrap()
}

fn date(day: &str) -> Date {
    day.parse().unwrap()
}

async fn server(jobs: usize, days: u32, order: Order) -> JobDataApi {
    let builder = JobDataApi::builder().jobs(jobs).days(days).order(order).now(noon("2026-05-20"));
    builder.start().await.unwrap()
}

fn jobs_at(server: &JobDataApi, day: &str, page_size: u32) -> jobfeed::jobdataapi::JobsRequest {
    builder_of(server).clock(Clock::fixed(noon(day))).build().unwrap().jobs().page_size(page_size)
}

#[tokio::test]
async fn a_backfill_reads_its_window_and_a_daily_run_reads_the_overlap_again() {
    let day = Arc::new(Mutex::new(noon("2026-05-20")));
    let builder = JobDataApi::builder().jobs(3_000).days(60).order(Order::Shuffled);
    let server = builder.now_from({
        let day = day.clone();
        move || *day.lock().unwrap()
    });
    let server = server.start().await.unwrap();
    let store = MemoryStore::new();
    let since = date("2026-04-10");
    let mut run = jobs_at(&server, "2026-05-20", 100).sync_by_date("k", &store).since(since).await.unwrap();
    let got = finish(&mut run).await.unwrap();
    let window = server.ids_published_between(since, date("2026-05-20"));
    assert_eq!((got.len(), set(&got)), (window.len(), set(&window)));
    assert_eq!(run.state().watermark(), Some(Mark::Date(date("2026-05-20"))));

    // Four days later, with an overlap of two days: from the 18th on.
    *day.lock().unwrap() = noon("2026-05-24");
    let new = server.insert(30, Insert::On(date("2026-05-18")));
    let too_late = server.insert(5, Insert::On(date("2026-05-01")));
    let mut run = jobs_at(&server, "2026-05-24", 100).sync_by_date("k", &store).await.unwrap();
    let got = set(&finish(&mut run).await.unwrap());
    assert_eq!(got, set(&server.ids_published_between(date("2026-05-18"), date("2026-05-24"))));
    assert!(got.is_superset(&set(&new)) && got.is_disjoint(&set(&too_late)));
    assert!(run.report().caveats[0].contains("old publication date"), "the report lists this");
    assert_eq!(run.state().watermark(), Some(Mark::Date(date("2026-05-24"))));
}

#[tokio::test]
async fn a_day_with_more_rows_than_one_page_is_read_completely() {
    for order in STABLE_ORDERS {
        let server = server(3_000, 3, order).await;
        let since = date("2026-05-01");
        let mut run =
            jobs_at(&server, "2026-05-20", 100).sync_by_date("k", MemoryStore::new()).since(since).await.unwrap();
        let got = finish(&mut run).await.unwrap();
        assert_eq!(set(&got), set(&server.ids()), "{order:?}");
        assert_eq!(run.report().outcome, Outcome::Complete);
        assert!(got.len() < 3_300, "{order:?}: {} rows for 3,000", got.len());
    }
}

#[tokio::test]
async fn promise_1_while_rows_are_inserted_and_deleted_no_row_is_lost_or_the_run_has_drifted() {
    let mut complete = 0;
    for order in STABLE_ORDERS {
        for (days, seed) in [(60, 1), (3, 2), (3, 3), (1, 4), (1, 5)] {
            let server = server(2_000, days, order).await;
            let kept: Arc<Mutex<BTreeSet<u64>>> = Arc::new(Mutex::new(set(&server.ids())));
            let remaining = kept.clone();
            let mut rng = fastrand::Rng::with_seed(seed);
            server.on_request(move |_, data| {
                let ids = data.ids();
                let deleted: Vec<u64> = (0..rng.usize(0..4)).map(|_| ids[rng.usize(..ids.len())]).collect();
                data.delete(&deleted);
                remaining.lock().unwrap().retain(|id| !deleted.contains(id));
                data.insert(rng.usize(0..3), Insert::Recent);
            });
            let since = date("2026-03-01");
            let store = MemoryStore::new();
            let mut run = jobs_at(&server, "2026-05-20", 200).sync_by_date("k", store).since(since).await.unwrap();
            match finish(&mut run).await {
                Ok(got) => {
                    complete += 1;
                    let missing: Vec<u64> = kept.lock().unwrap().difference(&set(&got)).copied().collect();
                    assert!(missing.is_empty(), "{order:?} over {days} days: {missing:?}");
                }
                Err(Error::Incomplete { completeness: Completeness::Drifted { .. }, .. }) => {
                    assert!(matches!(run.report().outcome, Outcome::Drifted { .. }));
                    assert_eq!(run.state().watermark(), None, "the watermark does not move");
                }
                Err(error) => panic!("{order:?}: {error}"),
            }
        }
    }
    assert!(complete > 10, "most runs are complete: {complete} of 20");
}

#[tokio::test]
async fn promise_1_a_list_whose_order_changes_from_request_to_request_is_read_in_ranges_of_one_page() {
    for seed in 0..5 {
        let builder = JobDataApi::builder().jobs(1_500).days(1).seed(seed).order(Order::Unstable);
        let server = builder.now(noon("2026-05-20")).start().await.unwrap();
        let store = MemoryStore::new();
        let sync = jobs_at(&server, "2026-05-20", 100).sync_by_date("k", store).since(date("2026-05-01"));
        let mut run = sync.await.unwrap();
        assert_eq!(set(&finish(&mut run).await.unwrap()), set(&server.ids()));
        // With the whole day on one page, the order has no effect.
        let sync = jobs_at(&server, "2026-05-20", 5000).sync_by_date("k", MemoryStore::new()).since(date("2026-05-01"));
        assert_eq!(set(&finish(&mut sync.await.unwrap()).await.unwrap()), set(&server.ids()));
    }
}

#[tokio::test]
async fn the_window_is_frozen_when_the_run_starts_also_past_midnight() {
    let server = server(2_000, 40, Order::PublishedDesc).await;
    let store = MemoryStore::new();
    let sync = jobs_at(&server, "2026-05-20", 100).sync_by_date("k", &store).since(date("2026-04-15"));
    let mut run = sync.await.unwrap();
    for _ in 0..3 {
        run.next().await.unwrap().unwrap().commit().await.unwrap();
    }
    drop(run);
    // Two days later, with another `since`: the run continues in its own window.
    server.reset_served();
    let sync = jobs_at(&server, "2026-05-22", 100).sync_by_date("k", &store).since(date("2026-01-01"));
    let mut run = sync.await.unwrap();
    finish(&mut run).await.unwrap();
    assert_eq!(run.state().watermark(), Some(Mark::Date(date("2026-05-20"))));
    for request in served_windows(&server) {
        assert!(request.0 == date("2026-04-15") && request.1 == date("2026-05-20"), "{request:?}");
    }
}

fn served_windows(server: &JobDataApi) -> Vec<(Date, Date)> {
    let served = server.served();
    let day = |request: &jobfeed::testing::ServedRequest, name| request.param(name).map(date);
    served
        .log
        .iter()
        .map(|request| (day(request, "published_since").unwrap(), day(request, "published_until").unwrap()))
        .collect()
}

#[tokio::test]
async fn a_first_run_requires_since() {
    let server = server(10, 5, Order::IdAsc).await;
    let jobs = || jobs_at(&server, "2026-05-20", 100);
    let error = jobs().sync_by_date("k", MemoryStore::new()).await.unwrap_err();
    assert!(matches!(&error, Error::Invalid { what, .. } if what == "since"), "{error}");
    for day in ["1969-12-31", "2026-05-21"] {
        let error = jobs().sync_by_date("k", MemoryStore::new()).since(date(day)).await.unwrap_err();
        assert!(matches!(&error, Error::Invalid { value, .. } if value == day), "{error}");
    }
    let error = jobs().published_since(date("2026-05-01")).sync_by_date("k", MemoryStore::new()).await.unwrap_err();
    assert!(matches!(&error, Error::Invalid { what, .. } if what == "published_since"), "{error}");
    assert_eq!(server.served().requests, 0, "nothing was sent");
}

#[tokio::test]
async fn the_latest_window_is_walked_on_plan_lite() {
    let builder = JobDataApi::builder().jobs(1_200).days(60).subscription(Subscription::Lite).now(noon("2026-05-20"));
    let server = builder.start().await.unwrap();
    let store = MemoryStore::new();
    for (day, added) in [("2026-05-20", 0), ("2026-05-21", 40)] {
        server.insert(added, Insert::Recent);
        let mut run = jobs_at(&server, day, 100).sync_latest("k", &store).await.unwrap();
        let got = finish(&mut run).await.unwrap();
        assert_eq!(set(&got), set(&server.ids()));
        assert_eq!(run.report().outcome, Outcome::Complete);
        assert_eq!(run.report().caveats.len(), 3, "the report lists what is not guaranteed");
        assert_eq!(run.state().watermark(), Some(Mark::Time(noon(day))));
    }
    assert!(server.served().log.iter().all(|request| request.param("published_since").is_none()));

    // Rows are deleted during the walk: the run is still complete.
    let kept: Arc<Mutex<BTreeSet<u64>>> = Arc::new(Mutex::new(set(&server.ids())));
    let remaining = kept.clone();
    server.on_request(move |n, data| {
        let deleted = [data.ids()[(n as usize * 37) % 900]];
        data.delete(&deleted);
        remaining.lock().unwrap().retain(|id| !deleted.contains(id));
    });
    let mut run = jobs_at(&server, "2026-05-22", 100).sync_latest("k", &store).await.unwrap();
    let got = set(&finish(&mut run).await.unwrap());
    assert!(kept.lock().unwrap().is_subset(&got));
}

#[tokio::test]
async fn a_short_or_clamped_page_loses_no_records() {
    let server = server(1_000, 20, Order::Shuffled).await;
    server.fault(Fault::ShortPage(3), When::Request(4));
    server.fault(Fault::HalveLimit, When::Requests(6..=1000));
    let sync = jobs_at(&server, "2026-05-20", 100).sync_by_date("k", MemoryStore::new()).since(date("2026-04-01"));
    assert_eq!(set(&finish(&mut sync.await.unwrap()).await.unwrap()), set(&server.ids()));

    server.clear_faults();
    server.fault(Fault::ShortPage(3), When::Always);
    let sync = jobs_at(&server, "2026-05-20", 100).sync_by_date("k", MemoryStore::new()).since(date("2026-04-01"));
    let mut run = sync.await.unwrap();
    let error = finish(&mut run).await.unwrap_err();
    assert!(matches!(error, Error::Incomplete { .. }), "{error}");
    assert_eq!(run.state().watermark(), None);
}

#[tokio::test]
async fn one_failed_partition_does_not_stop_the_others() {
    let server = server(900, 20, Order::IdAsc).await;
    let store = MemoryStore::new();
    server.fault(Fault::Status { code: 403, retry_after: None }, When::matching("country_code", "DE|AT"));
    let api = crate::support::client_of(&server);
    let buckets = [("na", ["US", "CA"]), ("de", ["DE", "AT"]), ("uk", ["GB", "IE"])];
    let results = jobfeed::partitions(buckets, 3, async |(name, countries)| {
        let jobs = api.jobs().page_size(50).country_codes(countries);
        let mut run = jobs.sync_by_id(format!("jobs/{name}"), &store).await?;
        finish(&mut run).await.map(|ids| ids.len() as u64)
    });
    let results: BTreeMap<&str, _> = results.map(|done| (done.partition.0, done.result)).collect().await;
    assert!(results["na"].is_ok() && results["uk"].is_ok(), "{results:?}");
    let error = results["de"].as_ref().unwrap_err();
    assert_eq!(error.failed().unwrap().status().map(|status| status.as_u16()), Some(403));
    server.clear_faults();
    let mut run = api.jobs().page_size(50).country_codes(["DE", "AT"]).sync_by_id("jobs/de", &store).await.unwrap();
    finish(&mut run).await.unwrap();
}
