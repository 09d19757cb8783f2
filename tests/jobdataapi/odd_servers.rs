//! Older copies of the data, kills, and servers with page sizes of their own: no row is lost, and no sync stops for ever.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::Request;
use jobfeed::checkpoint::MemoryStore;
use jobfeed::jiff::Span;
use jobfeed::jiff::civil::Date;
use jobfeed::jobdataapi::Bootstrap;
use jobfeed::{Clock, Mark};

use crate::support::{Reply, Script, envelope, paused_runtime};

#[derive(Debug, Clone, Copy, PartialEq)]
enum Order {
    Asc,
    Desc,
    Mixed,
}

fn mix(id: u64, seed: u64) -> u64 {
    (id ^ seed).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(31).wrapping_mul(0xbf58_476d_1ce4_e5b9)
}

fn number(request: &Request<Bytes>, name: &str) -> Option<u64> {
    let query = request.uri().query().unwrap_or_default().as_bytes();
    url::form_urlencoded::parse(query).find(|pair| pair.0 == name)?.1.parse().ok()
}

/// Ten jobs are published each day, from 2026-01-01 on.
fn day(id: u64) -> Date {
    Date::constant(2026, 1, 1).saturating_add(Span::new().days((id / 10).min(120) as i64))
}

/// Runs of one sync by id, or by date, on one store; the run `n` is killed after `commits[n]` commits. Returns what was
/// delivered, and how the last run ended.
fn runs(
    script: &Script,
    sync: &str,
    size: u32,
    commits: &[usize],
    killed: impl Fn(usize),
) -> (BTreeSet<u64>, String, Option<Mark>) {
    paused_runtime().block_on(async {
        let api = script.client().clock(Clock::fixed("2026-05-20T12:00:00Z".parse().unwrap())).build().unwrap();
        let (store, mut got) = (MemoryStore::new(), BTreeSet::new());
        let mut last = (String::new(), None);
        for (n, most) in commits.iter().enumerate() {
            let jobs = api.jobs().page_size(size);
            let mut run = if sync == "id" {
                jobs.sync_by_id("k", &store).prefetch(false).await.unwrap()
            } else {
                jobs.sync_by_date("k", &store).since("2026-01-01".parse().unwrap()).prefetch(false).await.unwrap()
            };
            let mut done = 0;
            let ended = loop {
                if done == *most {
                    break "killed".to_owned();
                }
                match run.next().await {
                    Ok(Some(batch)) => {
                        got.extend(batch.items().iter().map(|job| job.id));
                        batch.commit().await.unwrap();
                        done += 1;
                    }
                    Ok(None) => break format!("{:?}", run.report().outcome),
                    Err(error) => break error.to_string(),
                }
            };
            last = (ended, run.state().watermark());
            killed(n);
        }
        (got, last.0, last.1)
    })
}

const ALL: usize = usize::MAX;

fn row(id: u64) -> String {
    format!(r#"{{"id":{id},"published":"{}T08:00:00Z"}}"#, day(id))
}

fn desc(ids: impl DoubleEndedIterator<Item = u64>) -> Vec<u64> {
    ids.rev().collect()
}

fn lost(ids: impl Iterator<Item = u64>, got: &BTreeSet<u64>) -> Vec<u64> {
    ids.filter(|id| !got.contains(id)).collect()
}

/// The list at each request, in the order of the service, in pages of the size that the service makes of the requested one; a
/// page past the end is a 404, as in Django REST framework.
fn listing(list: impl Fn(usize) -> Vec<u64> + Send + Sync + 'static, page_size: fn(u64) -> u64) -> Script {
    Script::new(move |index, request| {
        let (min, max) = (number(request, "min_id").unwrap_or(0), number(request, "max_id").unwrap_or(u64::MAX));
        let rows: Vec<u64> = list(index).into_iter().filter(|id| (min..=max).contains(id)).collect();
        let (size, page) = (page_size(number(request, "page_size").unwrap()), number(request, "page").unwrap_or(1));
        let (start, total) = ((page - 1) * size, rows.len() as u64);
        if start > 0 && start >= total {
            return Reply::status(404);
        }
        let next = (start + size < total).then(|| format!("http://api.test/api/jobs/?page={}", page + 1));
        Reply::page(&envelope(rows.into_iter().skip(start as usize).take(size as usize), total, next.as_deref()))
    })
}

/// One answer comes from a copy that lacks the newest 5 rows; its page is committed, and the process is killed.
#[test]
fn promise_1_a_page_of_an_older_copy_before_a_kill_loses_no_row() {
    let script = Script::changing(|request| desc(1..=if request == 1 { 95 } else { 100 }), row);
    let (got, ended, mark) = runs(&script, "id", 20, &[1, ALL, ALL], |_| {});
    assert!(lost(1..=100, &got).is_empty(), "{ended} {mark:?}: lost {:?}", lost(1..=100, &got));
}

/// Ascending, nothing is inserted or deleted, no kill: three answers in a row come from a copy that is 50 rows behind.
#[test]
fn promise_1_older_answers_in_a_row_lose_no_row() {
    // 0 and 1 are surveys, 2 and 3 are pages 5 and 4; then page 3 (404), 2 and 1 of the older copy.
    let script = listing(|request| (1..=if (4..7).contains(&request) { 40 } else { 90 }).collect(), |size| size);
    let (got, ended, mark) = runs(&script, "id", 20, &[ALL, ALL], |_| {});
    assert!(lost(1..=90, &got).is_empty(), "{ended} {mark:?}: lost {:?}", lost(1..=90, &got));
}

/// By date: 50 rows of 5 days. The first answer shows id 50; the next ones are from a copy that lacks the newest 40
/// rows. The run has seen that row 50 exists: without it, it is not complete.
#[test]
fn promise_4_a_date_sync_without_a_row_that_it_has_seen_is_not_complete() {
    let script = Script::changing(|request| (1..=if (1..20).contains(&request) { 10 } else { 50 }).collect(), row);
    let (got, ended, mark) = runs(&script, "date", 100, &[ALL], |_| {});
    let requests = script.requests();
    assert!(
        ended != "Complete" || got.len() == 50,
        "{ended} {mark:?} after {requests} requests: {} of 50 rows",
        got.len()
    );
}

/// A server that halves each page size, ascending by id.
#[test]
fn promise_4_a_server_that_halves_the_page_size_is_read_completely() {
    let script = listing(|_| (1..=486).collect(), |size| (size / 2).max(1));
    let (got, ended, mark) = runs(&script, "id", 50, &[ALL, ALL, ALL], |_| {});
    assert!(got.len() == 486, "{ended} {mark:?}: {} of 486 rows", got.len());
}

/// A server that ignores `page_size`, ascending by id.
#[test]
fn promise_4_a_server_that_ignores_the_page_size_is_read_completely() {
    let script = listing(|_| (1..=70).collect(), |_| 20);
    let (got, ended, mark) = runs(&script, "id", 100, &[ALL, ALL, ALL], |_| {});
    assert!(got.len() == 70, "{ended} {mark:?}: {} of 70 rows", got.len());
}

/// Blocks of ids with gaps: the list stands still.
#[test]
fn promise_11_blocks_of_ids_with_gaps_cost_a_bounded_number_of_requests() {
    let mut over = Vec::new();
    for (name, order) in [("asc", Order::Asc), ("desc", Order::Desc), ("mixed", Order::Mixed)] {
        for (size, block, gap) in
            [(50, 6, 1_000_000), (50, 2, 1_000), (50, 40, 100_000), (500, 100, 1_000_000), (1000, 900, 1 << 30)]
        {
            let mut ids: Vec<u64> = (0..3000 / block).flat_map(|b| (1..=block).map(move |n| b * gap + n)).collect();
            match order {
                Order::Asc => {}
                Order::Desc => ids.reverse(),
                _ => ids.sort_by_key(|id| mix(*id, 77)),
            }
            let rows = ids.len();
            let script = Script::listing(ids, row);
            let (got, ended, _) = runs(&script, "id", size, &[ALL], |_| {});
            assert_eq!((got.len(), ended.as_str()), (rows, "Complete"));
            let allowed = 1.15 * rows.div_ceil(size as usize) as f64 + 8.0;
            if script.requests() as f64 > allowed {
                over.push(format!(
                    "{name}, {block} ids and a gap of {gap}, pages of {size}: {} requests, {allowed:.0} allowed",
                    script.requests()
                ));
            }
        }
    }
    assert!(over.is_empty(), "{over:#?}");
}

/// Ids above 2^62 in a list that descends: the search for the first range does not overflow.
#[test]
fn promise_4_ids_near_the_maximum_are_read_in_descending_order() {
    let ids = desc(i64::MAX as u64 - 499..=i64::MAX as u64);
    let script = Script::listing(ids, |id| format!(r#"{{"id":{id}}}"#));
    let (got, ended, mark) = runs(&script, "id", 20, &[ALL, ALL], |_| {});
    assert!(got.len() == 500, "{ended} {mark:?}: {} of 500 rows", got.len());
}

/// The last record has no id (null): all others are delivered, and the run is complete.
#[test]
fn promise_6_one_record_without_an_id_does_not_hold_the_sync() {
    let ids: Vec<u64> = (1..=300).collect();
    let row = |id: u64| if id == 300 { r#"{"id":null}"#.to_owned() } else { row(id) };
    let script = Script::listing(ids, row);
    let (got, ended, mark) = runs(&script, "id", 50, &[ALL, ALL, ALL], |_| {});
    assert!(ended == "Complete", "{ended} {mark:?}: {} of 299 rows", got.len());
}

/// `MostRecent(20)`: while the starting id is searched, rows are deleted.
#[test]
fn most_recent_does_not_read_everything_when_rows_are_deleted_during_the_search() {
    for seed in 0..200 {
        let world = Arc::new(Mutex::new(((1..=20_000u64).collect::<Vec<_>>(), fastrand::Rng::with_seed(seed))));
        let script = Script::changing(
            move |_| {
                let mut world = world.lock().unwrap();
                let (list, rng) = &mut *world;
                for _ in 0..3 {
                    let at = rng.usize(list.len() - 60..list.len());
                    list.remove(at);
                }
                list.clone()
            },
            |id| format!(r#"{{"id":{id}}}"#),
        );
        let rows = paused_runtime().block_on(async {
            let api = script.client().build().unwrap();
            let sync = api.jobs().page_size(5).sync_by_id("k", MemoryStore::new()).bootstrap(Bootstrap::MostRecent(20));
            let mut run = sync.await.unwrap();
            let mut rows = 0;
            while let Ok(Some(batch)) = run.next().await {
                rows += batch.items().len();
                batch.commit().await.unwrap();
                if rows > 500 {
                    break;
                }
            }
            rows
        });
        assert!(rows <= 200, "seed {seed}: {rows} rows and more, 20 wanted");
    }
}

/// A run in progress is resumed at page 2, and that one answer comes from a copy that lacks so many rows that the page
/// does not exist (404).
#[test]
fn promise_1_an_older_answer_after_a_kill_skips_no_page() {
    // 0 is the survey, 1 is page 3 of 3, and 2 is the first request after the kill.
    let script = listing(|request| desc(1..=if request == 2 { 20 } else { 60 }), |size| size);
    let (got, ended, mark) = runs(&script, "id", 20, &[1, ALL, ALL], |_| {});
    assert!(lost(1..=60, &got).is_empty(), "{ended} {mark:?}: lost {:?}", lost(1..=60, &got));
}
