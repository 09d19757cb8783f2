//! Wrong counts: no sync is complete because of them or sends requests without end. A real gap in the ids costs few
//! requests.

use http::Request;
use jobfeed::checkpoint::MemoryStore;
use jobfeed::jiff::civil::Date;
use jobfeed::{Clock, Error, Mark, Outcome};

use crate::support::{Reply, Script, drain, envelope, finish, set};

const TODAY: Date = Date::constant(2026, 5, 20);

fn number(request: &Request<bytes::Bytes>, name: &str) -> Option<u64> {
    let query = request.uri().query().unwrap_or_default().as_bytes();
    url::form_urlencoded::parse(query).find(|pair| pair.0 == name)?.1.parse().ok()
}

/// A correct page of these ids, except that `count` changes its count.
fn page(ids: &[u64], request: &Request<bytes::Bytes>, count: impl Fn(u64) -> u64) -> Reply {
    let (min, max) = (number(request, "min_id").unwrap_or(0), number(request, "max_id").unwrap_or(u64::MAX));
    let (page, size) = (number(request, "page").unwrap_or(1), number(request, "page_size").unwrap());
    let rows: Vec<u64> = ids.iter().copied().filter(|id| (min..=max).contains(id)).collect();
    let next = (page * size < rows.len() as u64).then(|| format!("http://api.test/api/jobs/?page={}", page + 1));
    let shown = rows.iter().copied().skip(((page - 1) * size) as usize).take(size as usize);
    Reply::page(&envelope(shown, count(rows.len() as u64), next.as_deref()))
}

fn jobs(script: &Script, size: u32) -> jobfeed::jobdataapi::JobsRequest {
    let clock = Clock::fixed("2026-05-20T12:00:00Z".parse().unwrap());
    script.client().clock(clock).build().unwrap().jobs().page_size(size)
}

#[tokio::test(start_paused = true)]
async fn promise_4_a_count_of_zero_with_rows_is_not_an_empty_range() {
    let ids: Vec<u64> = (1..=20).chain(5_000..=5_030).collect();
    // The count is 0 for every closed range, or for every request.
    for always in [false, true] {
        let rows = ids.clone();
        let script = Script::new(move |_, request| {
            let wrong = always || (number(request, "max_id").is_some() && number(request, "page_size") == Some(1));
            page(&rows, request, |count| if wrong { 0 } else { count })
        });
        let mut run = jobs(&script, 10).sync_by_id("k", MemoryStore::new()).await.unwrap();
        let ended = finish(&mut run).await;
        match &ended {
            Err(Error::Incomplete { .. }) if always => {
                assert_eq!(run.state().watermark(), None, "not past missing records")
            }
            Ok(got) if !always => assert_eq!(set(got), set(&ids), "counts of closed ranges are not relied on"),
            _ => panic!("always {always}: {ended:?}"),
        }
        let mut run = jobs(&script, 10).sync_by_date("d", MemoryStore::new()).since(TODAY).await.unwrap();
        let ended = finish(&mut run).await;
        assert_eq!(matches!(ended, Err(Error::Incomplete { .. })), always, "by date: {ended:?}");
        assert!(script.requests() < 200, "{} requests", script.requests());
    }
}

#[tokio::test(start_paused = true)]
async fn promise_4_a_wrong_count_of_an_open_range_does_not_cause_endless_requests() {
    let script = Script::new(|index, request| {
        assert!(index < 1_000, "endless");
        let open = number(request, "max_id").is_none();
        page(&(1..=15).collect::<Vec<_>>(), request, |count| if open { 100 } else { count })
    });
    let mut run = jobs(&script, 10).sync_by_id("k", MemoryStore::new()).await.unwrap();
    let ended = finish(&mut run).await;
    assert!(matches!(ended, Err(Error::Incomplete { .. })), "{ended:?}");
    assert!(matches!(run.report().outcome, Outcome::ShortBy(_) | Outcome::Drifted { .. }));
}

#[tokio::test(start_paused = true)]
async fn a_gap_in_the_ids_costs_few_small_requests_at_any_width() {
    for size in [10, 1_000] {
        for gap in [0, 10_000, 1_000_000, 1 << 50] {
            let rows = u64::from(size) * 3;
            let ids: Vec<u64> = (1..=20).chain((1..=rows).map(|id| 20 + gap + id)).collect();
            let script = Script::jobs(ids.clone());
            let mut run = jobs(&script, size).sync_by_id("k", MemoryStore::new()).await.unwrap();
            let mut got = finish(&mut run).await.unwrap();
            got.sort_unstable();
            assert_eq!(got, ids, "size {size}, gap {gap}");
            assert_eq!(run.state().watermark(), ids.last().map(|id| Mark::Id(*id)));
            assert!(script.requests() < 160, "size {size}, gap {gap}: {} requests", script.requests());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn promise_4_a_server_that_repeats_a_row_or_exceeds_its_total_is_not_walked_for_ever() {
    // The same row on every page, or new rows on every page, without end.
    for repeats in [true, false] {
        let script = Script::new(move |index, request| {
            assert!(index < 2_000, "endless");
            let (page, size) = (number(request, "page").unwrap_or(1), number(request, "page_size").unwrap());
            let first = (page - 1) * size;
            let rows = if repeats { 7..8 } else { first + 1..first + size + 1 };
            let next = format!("http://api.test/api/jobs/?page={}", page + 1);
            Reply::page(&envelope(rows, if repeats { 1 } else { 25 }, Some(&next)))
        });
        let (_, error) = drain(jobs(&script, 10).pages()).await;
        assert!(matches!(error, Some(Error::Endless { .. })), "repeats {repeats}: {error:?}");
        script.log.lock().unwrap().clear();
        let mut run = jobs(&script, 10).sync_by_date("d", MemoryStore::new()).since(TODAY).await.unwrap();
        let ended = finish(&mut run).await;
        assert!(matches!(ended, Err(Error::Incomplete { .. } | Error::Body { .. })), "repeats {repeats}: {ended:?}");
        assert!(script.requests() < 100, "{} requests", script.requests());
    }
}

#[tokio::test(start_paused = true)]
async fn promise_7_a_run_that_is_throttled_without_a_retry_after_is_paused() {
    let script = Script::replies(vec![Reply::status(429)]);
    let store = MemoryStore::new();
    let mut run = jobs(&script, 10).sync_by_id("k", &store).await.unwrap();
    assert!(run.next().await.unwrap().is_none());
    let until = "2026-05-20T12:02:00Z".parse().unwrap();
    assert_eq!(run.report().outcome, Outcome::Paused { until });
}
