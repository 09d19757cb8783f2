//! What the syncs cost on the wire: requests, bytes, and requests before the first rows, beside plain page numbers.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::Request;
use jobfeed::checkpoint::MemoryStore;
use jobfeed::jiff::Span;
use jobfeed::jiff::civil::Date;
use jobfeed::{Activity, Clock, Outcome};

use crate::support::{Reply, Script, envelope_of};

const TODAY: Date = Date::constant(2026, 5, 20);

#[derive(Debug, Clone, Copy, PartialEq)]
enum Order {
    Published,
    IdAscending,
    IdDescending,
}

/// A job: its id and the number of days since its publication.
type Row = (u64, u32);

fn parameter(request: &Request<Bytes>, name: &str) -> Option<String> {
    let query = request.uri().query().unwrap_or_default().as_bytes();
    Some(url::form_urlencoded::parse(query).find(|pair| pair.0 == name)?.1.into_owned())
}

fn number(request: &Request<Bytes>, name: &str) -> Option<u64> {
    parameter(request, name)?.parse().ok()
}

fn published(row: Row) -> Date {
    TODAY.saturating_sub(Span::new().days(row.1))
}

/// The page of a service that applies ids, dates, page number and page size.
fn page(rows: &[Row], request: &Request<Bytes>, order: Order) -> Reply {
    let ids = number(request, "min_id").unwrap_or(0)..=number(request, "max_id").unwrap_or(u64::MAX);
    let day = |name, default| parameter(request, name).map_or(default, |day| day.parse().unwrap());
    let days = day("published_since", Date::MIN)..=day("published_until", Date::MAX);
    let all = days == (Date::MIN..=Date::MAX);
    let inside = |row: &Row| ids.contains(&row.0) && (all || days.contains(&published(*row)));
    let mut rows: Vec<Row> = rows.iter().copied().filter(inside).collect();
    match order {
        Order::Published => rows.sort_unstable_by_key(|row| (row.1, std::cmp::Reverse(row.0))),
        Order::IdAscending => rows.sort_unstable(),
        Order::IdDescending => rows.sort_unstable_by_key(|row| std::cmp::Reverse(row.0)),
    }
    let (page, size) = (number(request, "page").unwrap_or(1), number(request, "page_size").unwrap());
    assert!(page <= 20, "deep pages are slow on the server");
    let start = ((page - 1) * size) as usize;
    if start > 0 && start >= rows.len() {
        return Reply::status(404);
    }
    let next = (start + (size as usize) < rows.len()).then(|| format!("http://api.test/api/jobs/?page={}", page + 1));
    let shown = rows.iter().skip(start).take(size as usize);
    let shown = shown.map(|row| format!(r#"{{"id":{},"published":"{}T08:00:00Z"}}"#, row.0, published(*row)));
    Reply::page(&envelope_of(shown, rows.len() as u64, next.as_deref()))
}

/// What one run cost.
#[derive(Debug, Default)]
struct Cost {
    requests: u64,
    rows_sent: u64,
    /// Requests up to the first batch, that of the batch included.
    first: u64,
}

/// Runs a sync over the rows. `change` changes them after each request.
async fn cost(
    rows: Vec<Row>,
    size: u32,
    order: Order,
    by_date: bool,
    change: impl Fn(u64, &mut Vec<Row>) + Send + Sync + 'static,
) -> Cost {
    let (list, stays) = (Arc::new(Mutex::new(rows.clone())), rows.iter().copied().collect::<BTreeSet<Row>>());
    let (served, sent) = (list.clone(), Arc::new(AtomicU64::new(0)));
    let counted = sent.clone();
    let script = Script::new(move |index, request| {
        let mut rows = served.lock().unwrap();
        let reply = page(&rows, request, order);
        if let Reply::Json(_, _, body) = &reply {
            counted.fetch_add(body.matches("\"id\"").count() as u64, Ordering::Relaxed);
        }
        change(index as u64, &mut rows);
        reply
    });
    let clock = Clock::fixed("2026-05-20T12:00:00Z".parse().unwrap());
    let jobs = script.client().clock(clock).build().unwrap().jobs().page_size(size);
    let since = Date::constant(2010, 1, 1);
    let mut run = if by_date {
        jobs.sync_by_date("k", MemoryStore::new()).since(since).prefetch(false).await.unwrap()
    } else {
        jobs.sync_by_id("k", MemoryStore::new()).prefetch(false).await.unwrap()
    };
    let (mut got, mut cost, mut doing) = (BTreeSet::new(), Cost::default(), Vec::new());
    let progress = run.progress();
    while let Some(batch) = run.next().await.unwrap() {
        if cost.first == 0 {
            cost.first = script.requests() as u64;
        }
        got.extend(batch.items().iter().map(|job| job.id));
        batch.commit().await.unwrap();
        doing.push(progress.activity());
    }
    assert_eq!(run.report().outcome, Outcome::Complete);
    let stays = stays.intersection(&list.lock().unwrap().iter().copied().collect()).copied().collect::<BTreeSet<Row>>();
    let missing: Vec<&Row> = stays.iter().filter(|row| !got.contains(&row.0)).collect();
    assert!(missing.is_empty(), "{size}, {order:?}, by date {by_date}: {} of {} missing", missing.len(), stays.len());
    assert!(doing.iter().all(|doing| matches!(doing, Activity::Reading | Activity::Confirming)));
    (cost.requests, cost.rows_sent) = (script.requests() as u64, sent.load(Ordering::Relaxed));
    cost
}

const ORDERS: [Order; 3] = [Order::Published, Order::IdAscending, Order::IdDescending];

/// Ids in stretches of different density, 2 to 100 percent.
fn clumps(rng: &mut fastrand::Rng, end: u64) -> Vec<u64> {
    let (mut ids, mut id) = (Vec::new(), 1);
    while id < end {
        let (stretch, kept) = (rng.u64(20..2_500), [2, 10, 30, 60, 100][rng.usize(..5)]);
        ids.extend((id..id + stretch).filter(|_| rng.u32(..100) < kept));
        id += stretch;
    }
    ids
}

#[tokio::test(start_paused = true)]
async fn promise_11_a_list_that_stands_still_costs_what_page_numbers_cost() {
    let mut rng = fastrand::Rng::with_seed(11);
    let mut scattered = |ids: Vec<u64>| -> Vec<Row> { ids.into_iter().map(|id| (id, rng.u32(..89))).collect() };
    let mut other = fastrand::Rng::with_seed(12);
    let gaps = (0..3_000).scan(0, |id, _| {
        *id += other.u64(1..4_000_000);
        Some(*id)
    });
    let lists: Vec<(&str, Vec<Row>)> = vec![
        ("contiguous", scattered((1..=4_000).collect())),
        ("clumps", scattered(clumps(&mut fastrand::Rng::with_seed(13), 10_000))),
        ("gaps of millions", scattered(gaps.collect())),
        ("one day", (1..=4_000).map(|id| (id, 3)).collect()),
        ("one row a day", (0..3_650).map(|n| (u64::from(10 + 7 * n), 3_650 - n)).collect()),
    ];
    for (name, rows) in &lists {
        for size in [1, 20, 100, 1_000, 5_000] {
            // A page size of 1 makes as many requests as rows.
            let rows: Vec<Row> = rows.iter().copied().take(if size == 1 { 300 } else { usize::MAX }).collect();
            for order in ORDERS {
                for by_date in [false, true] {
                    let cost = cost(rows.clone(), size, order, by_date, |_, _| {}).await;
                    let least = (rows.len() as u64).div_ceil(u64::from(size));
                    let context =
                        format!("{name}, {size} a page, {order:?}, by date {by_date}: {least} pages, {cost:?}");
                    assert!(cost.requests * 100 <= least * 115 + 800, "{context}");
                    assert!(cost.rows_sent * 100 <= rows.len() as u64 * 115 + 1_000, "{context}");
                    assert!(cost.first <= 4, "{context}");
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn promise_11_one_change_for_each_page_costs_less_than_a_third_more() {
    for order in ORDERS {
        for by_date in [false, true] {
            let mut rng = fastrand::Rng::with_seed(17);
            let rows: Vec<Row> = (1..=6_000).map(|id| (id, rng.u32(..89))).collect();
            let rng = Mutex::new(rng);
            let change = move |request: u64, rows: &mut Vec<Row>| {
                let mut rng = rng.lock().unwrap();
                if request.is_multiple_of(2) {
                    let place = rng.usize(..rows.len());
                    rows.remove(place);
                } else {
                    rows.push((6_001 + request, 0));
                }
            };
            let cost = cost(rows, 100, order, by_date, change).await;
            assert!(cost.requests * 10 <= 60 * 13 + 80, "{order:?}, by date {by_date}: {cost:?}");
        }
    }
}
