//! The sync by id: promises 1 to 4 for every server order and every kind of bootstrap, while the data changes.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use jobfeed::checkpoint::MemoryStore;
use jobfeed::jobdataapi::Bootstrap;
use jobfeed::testing::jobdataapi::{Order, Subscription};
use jobfeed::testing::{Fault, Insert, JobDataApi, When};
use jobfeed::{BodyProblem, Completeness, Error, Mark, Outcome};

use crate::support::{finish, jobs_of, set};

const ORDERS: [Order; 5] = [Order::PublishedDesc, Order::IdAsc, Order::IdDesc, Order::Shuffled, Order::Unstable];

async fn server(jobs: usize, order: Order) -> JobDataApi {
    JobDataApi::builder().jobs(jobs).days(60).order(order).start().await.unwrap()
}

#[tokio::test]
async fn a_bootstrap_and_incremental_runs_deliver_every_row_once_in_any_order() {
    for order in ORDERS {
        let server = server(3_000, order).await;
        let store = MemoryStore::new();
        let mut run = jobs_of(&server, 100).sync_by_id("k", &store).await.unwrap();
        let mut got = finish(&mut run).await.unwrap();
        assert_eq!(run.report().outcome, Outcome::Complete);
        assert_eq!(set(&got), set(&server.ids()), "{order:?}");
        assert!(got.len() == 3_000 || order == Order::Unstable, "{order:?}: each row once");
        assert_eq!(run.state().watermark(), server.ids().last().map(|id| Mark::Id(*id)));
        assert!(run.state().run().is_none());
        assert_eq!(run.report().counts.total, None, "each page has its own window");

        for (n, kind) in [(0, Insert::Recent), (7, Insert::Old { days: 300 }), (450, Insert::Recent)] {
            let new = server.insert(n, kind);
            server.reset_served();
            let mut run = jobs_of(&server, 100).sync_by_id("k", &store).await.unwrap();
            let more = finish(&mut run).await.unwrap();
            assert_eq!(set(&more), set(&new), "{order:?}: only new rows");
            assert!(more.len() == n || order == Order::Unstable, "{order:?}: each row once");
            if n < 100 {
                assert!(server.served().requests <= 2, "one request for the ids, and the page");
            }
            got.extend(more);
        }
        assert_eq!(set(&got), set(&server.ids()));
    }
}

#[tokio::test]
async fn promise_1_no_row_is_lost_while_rows_are_inserted_and_deleted() {
    for order in ORDERS {
        for deletions_only in [false, true] {
            let server = server(2_000, order).await;
            let kept: Arc<Mutex<BTreeSet<u64>>> = Arc::new(Mutex::new(set(&server.ids())));
            let remaining = kept.clone();
            let mut rng = fastrand::Rng::with_seed(7);
            server.on_request(move |_, data| {
                let ids = data.ids();
                let deleted: Vec<u64> = (0..12).map(|_| ids[rng.usize(..ids.len())]).collect();
                data.delete(&deleted);
                remaining.lock().unwrap().retain(|id| !deleted.contains(id));
                if !deletions_only {
                    data.insert(6, Insert::Recent);
                    data.insert(6, Insert::Old { days: 100 });
                }
            });
            let store = MemoryStore::new();
            let mut run = jobs_of(&server, 100).sync_by_id("k", &store).await.unwrap();
            let got = set(&finish(&mut run).await.unwrap());
            let missing: Vec<u64> = kept.lock().unwrap().difference(&got).copied().collect();
            assert!(missing.is_empty(), "{order:?}, deletions only: {deletions_only}: {missing:?}");
            assert_eq!(run.report().outcome, Outcome::Complete);
        }
    }
}

/// When a server counts and then selects, a row inserted between the two makes a page lose a row although its count is
/// right.
#[tokio::test]
async fn a_row_pushed_out_between_count_and_select_is_not_lost() {
    use crate::support::{Reply, Script, envelope};
    // Rows 1 to 9 exist all the time. Row 10 is inserted before them during the second answer, and row 1 is cut off.
    let script = Script::new(|index, request| {
        let query = request.uri().query().unwrap();
        match index {
            0 => Reply::page(&envelope([9], 9, Some("http://api.test/api/jobs/?page=2"))),
            1 => Reply::page(&envelope(2..=10, 9, None)),
            _ => {
                let max = query.split('&').find_map(|pair| pair.strip_prefix("max_id=")?.parse().ok()).unwrap_or(10);
                let min = query.split('&').find_map(|pair| pair.strip_prefix("min_id=")?.parse().ok()).unwrap_or(1);
                let rows: Vec<u64> = (min..=max.min(10)).collect();
                let total = rows.len() as u64;
                if query.contains("page_size=1&") || query.ends_with("page_size=1") {
                    let next = (total > 1).then_some("http://api.test/api/jobs/?page=2");
                    return Reply::page(&envelope(rows.into_iter().take(1), total, next));
                }
                Reply::page(&envelope(rows, total, None))
            }
        }
    });
    let api = script.client().build().unwrap();
    let mut run = api.jobs().page_size(20).sync_by_id("k", MemoryStore::new()).await.unwrap();
    assert_eq!(set(&finish(&mut run).await.unwrap()), (1..=10).collect());
}

#[tokio::test]
async fn every_bootstrap_delivers_its_rows() {
    let server = server(2_000, Order::Shuffled).await;
    let ids = server.ids();
    let run = async |bootstrap, page_size| {
        let store = MemoryStore::new();
        let mut run = jobs_of(&server, page_size).sync_by_id("k", store).bootstrap(bootstrap).await.unwrap();
        let got = finish(&mut run).await.unwrap();
        assert_eq!(run.state().watermark(), Some(Mark::Id(*ids.last().unwrap())), "{bootstrap:?}");
        got
    };
    for page_size in [50, 1000, 5000] {
        assert_eq!(set(&run(Bootstrap::All, page_size).await), set(&ids));
        assert_eq!(set(&run(Bootstrap::FromId(ids[700]), page_size).await), set(&ids[700..]));
        for wanted in [1, 60, 700] {
            let got = run(Bootstrap::MostRecent(wanted), page_size).await;
            let n = got.len() as u64;
            assert!(n >= wanted && n <= wanted + u64::from(page_size) / 2, "{wanted} wanted, {n} by {page_size}");
            assert_eq!(set(&got), set(&ids[ids.len() - got.len()..]), "and no row between them is missing");
        }
        assert_eq!(run(Bootstrap::MostRecent(1_000_000), page_size).await.len(), 2_000);
        let day = jobfeed::Clock::system().today().saturating_sub(jobfeed::jiff::Span::new().days(10));
        let got = run(Bootstrap::Since(day), page_size).await;
        assert_eq!(set(&got), set(&server.ids_published_between(day, jobfeed::jiff::civil::Date::MAX)));
    }
}

#[tokio::test]
async fn an_overlap_reads_rows_that_became_visible_late() {
    let server = server(200, Order::IdAsc).await;
    let late = server.with(|data| data.reserve(3));
    server.insert(20, Insert::Recent);
    let store = MemoryStore::new();
    finish(&mut jobs_of(&server, 100).sync_by_id("k", &store).await.unwrap()).await.unwrap();
    server.with(|data| data.insert_reserved(&late, Insert::Recent));
    let got = finish(&mut jobs_of(&server, 100).sync_by_id("k", &store).await.unwrap()).await.unwrap();
    assert!(got.is_empty(), "without an overlap they are below the watermark");
    let mut run = jobs_of(&server, 100).sync_by_id("k", &store).overlap(500).await.unwrap();
    assert!(set(&finish(&mut run).await.unwrap()).is_superset(&set(&late)));
}

#[tokio::test]
async fn deleted_rows_at_the_end_do_not_move_the_watermark_back() {
    let server = server(300, Order::IdAsc).await;
    let store = MemoryStore::new();
    finish(&mut jobs_of(&server, 100).sync_by_id("k", &store).await.unwrap()).await.unwrap();
    let last = server.ids().split_off(200);
    server.delete(&last);
    let mut run = jobs_of(&server, 100).sync_by_id("k", &store).overlap(10_000).await.unwrap();
    finish(&mut run).await.unwrap();
    assert_eq!(run.state().watermark(), last.last().map(|id| Mark::Id(*id)));
}

#[tokio::test]
async fn promise_4_missing_records_end_the_run_and_the_watermark_does_not_move() {
    for fault in [Fault::ShortPage(5), Fault::LostNext] {
        let server = server(900, Order::PublishedDesc).await;
        let store = MemoryStore::new();
        finish(&mut jobs_of(&server, 100).sync_by_id("k", &store).await.unwrap()).await.unwrap();
        let new = server.insert(250, Insert::Recent);
        server.fault(fault.clone(), When::Always);
        let mut run = jobs_of(&server, 100).sync_by_id("k", &store).await.unwrap();
        let before = run.state().watermark();
        let error = finish(&mut run).await.unwrap_err();
        assert!(
            matches!(error, Error::Incomplete { completeness: Completeness::ShortBy(_), .. }),
            "{fault:?}: {error}"
        );
        assert!(matches!(run.report().outcome, Outcome::ShortBy(_)));
        assert_eq!(run.state().watermark(), before);
        server.clear_faults();
        let mut run = jobs_of(&server, 100).sync_by_id("k", &store).await.unwrap();
        assert_eq!(set(&finish(&mut run).await.unwrap()), set(&new), "{fault:?}: nothing was lost");
    }
}

#[tokio::test]
async fn a_smaller_page_size_of_the_server_loses_no_row() {
    let server = server(1_500, Order::Shuffled).await;
    server.fault(Fault::HalveLimit, When::Always);
    let mut run = jobs_of(&server, 200).sync_by_id("k", MemoryStore::new()).await.unwrap();
    assert_eq!(set(&finish(&mut run).await.unwrap()), set(&server.ids()));
}

#[tokio::test]
async fn promise_6_one_invalid_record_does_not_stop_the_sync() {
    let server = server(300, Order::IdAsc).await;
    server.fault(Fault::BadRecord, When::matching("page_size", "100"));
    let mut run = jobs_of(&server, 100).sync_by_id("k", MemoryStore::new()).await.unwrap();
    let (mut ids, mut rejected) = (0, 0);
    while let Some(batch) = run.next().await.unwrap() {
        ids += batch.items().len();
        for record in &batch.page().rejected {
            rejected += 1;
            assert!(record.raw().starts_with('{') && !record.reason.is_empty());
            assert!(record.decode::<serde_json::Value>().is_ok(), "the raw record is available");
        }
        batch.commit().await.unwrap();
    }
    assert!(rejected > 0);
    assert_eq!(ids + rejected, 300);
    assert_eq!(run.report().counts.rejected, rejected as u64);
    let strict = jobs_of(&server, 100).sync_by_id("k", MemoryStore::new()).strict();
    let error = finish(&mut strict.await.unwrap()).await.unwrap_err();
    assert!(matches!(error, Error::Record { .. }), "{error}");

    server.fault(Fault::AllBadRecords, When::Always);
    let error = jobs_of(&server, 100).send().await.unwrap_err();
    assert!(matches!(error, Error::AllRejected { rows: 100, .. }), "all records invalid: {error}");
}

#[tokio::test]
async fn plan_errors_are_reported_with_their_cause() {
    let server = JobDataApi::builder().jobs(300).subscription(Subscription::Lite).start().await.unwrap();
    let error =
        finish(&mut jobs_of(&server, 100).sync_by_id("k", MemoryStore::new()).await.unwrap()).await.unwrap_err();
    assert_eq!(error.status().map(|status| status.as_u16()), Some(403));
    assert!(error.to_string().contains("plan"), "{error}");
    let error = crate::support::client_of(&server).expired_jobs().send().await.unwrap_err();
    assert_eq!(error.status().map(|status| status.as_u16()), Some(403));

    // A server that ignores the parameters without an error: the ids of the rows show it.
    let server = JobDataApi::builder()
        .jobs(3_000)
        .subscription(Subscription::Lite)
        .lite_ignores_slicing(true)
        .start()
        .await
        .unwrap();
    let mut run = jobs_of(&server, 100).sync_by_id("k", MemoryStore::new()).await.unwrap();
    let error = finish(&mut run).await.unwrap_err();
    let Error::Body { problem: BodyProblem::Ignored(hint), .. } = &error else { panic!("{error:?}") };
    assert!(hint.contains("sync_latest"), "{error}");
}

#[tokio::test]
async fn a_caller_can_use_its_own_record_type() {
    #[derive(serde::Deserialize)]
    struct Slim {
        id: u64,
    }
    let server = server(250, Order::IdAsc).await;
    let sync = jobs_of(&server, 100).sync_by_id("k", MemoryStore::new()).items_as::<Slim>();
    let mut run = sync.await.unwrap();
    let mut ids = Vec::new();
    while let Some(batch) = run.next().await.unwrap() {
        ids.extend(batch.items().iter().map(|slim| slim.id));
        batch.commit().await.unwrap();
    }
    assert_eq!(set(&ids), set(&server.ids()));
}

/// The quota is used up in every run: each run makes progress, and together they deliver all rows.
#[tokio::test]
async fn every_run_makes_progress_under_a_small_quota() {
    let server = JobDataApi::builder().jobs(2_500).days(60).order(Order::IdAsc).start().await.unwrap();
    let store = MemoryStore::new();
    let quota = Fault::Status { code: 429, retry_after: Some(3600) };
    let (mut got, mut runs) = (Vec::new(), 0);
    loop {
        runs += 1;
        assert!(runs < 100, "{} rows after {runs} runs", got.len());
        server.clear_faults();
        let from = server.served().requests;
        server.fault(quota.clone(), When::Requests(from + 16..=u64::MAX));
        let before = got.len();
        let mut run = jobs_of(&server, 100).sync_by_id("k", &store).await.unwrap();
        got.extend(finish(&mut run).await.unwrap());
        if run.report().outcome == Outcome::Complete {
            break;
        }
        assert!(matches!(run.report().outcome, Outcome::Paused { .. }), "{:?}", run.report().outcome);
        assert!(got.len() > before, "run {runs} delivered nothing");
    }
    assert_eq!((got.len(), set(&got)), (2_500, set(&server.ids())));
}
