//! Syncs of a list that changes between the server's count and its select, and between the last page and the request
//! that confirms it. All rows that existed all the time are delivered.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::Request;
use jobfeed::checkpoint::MemoryStore;
use jobfeed::jiff::civil::Date;
use jobfeed::jobdataapi::Job;
use jobfeed::{Clock, Outcome};
use proptest::prelude::*;

use crate::support::{Reply, Script, envelope, finish, paused_runtime};

const TODAY: Date = Date::constant(2026, 5, 20);

/// One change of the list, at a request: between count and select, or after the answer.
#[derive(Debug, Clone, Copy)]
struct Change {
    request: usize,
    /// Between count and select, instead of after the answer.
    between: bool,
    /// The place of the row to delete, in percent of the list; `None` inserts a row with the next id.
    delete: Option<usize>,
}

/// A listing that counts and selects in two steps, as Django does: the page ends at the count.
struct Listing {
    rows: Vec<u64>,
    kept: BTreeSet<u64>,
    next_id: u64,
}

impl Listing {
    fn apply(&mut self, change: Change) {
        match change.delete {
            Some(place) if !self.rows.is_empty() => {
                let deleted = self.rows.remove(place * self.rows.len() / 100);
                self.kept.remove(&deleted);
            }
            Some(_) => {}
            None => {
                self.rows.push(self.next_id);
                self.next_id += 1;
            }
        }
    }

    fn window(&self, request: &Request<Bytes>, order: usize) -> Vec<u64> {
        let (min, max) = (number(request, "min_id").unwrap_or(0), number(request, "max_id").unwrap_or(u64::MAX));
        let mut rows: Vec<u64> = self.rows.iter().copied().filter(|id| (min..=max).contains(id)).collect();
        match order {
            0 => rows.sort_unstable(),
            1 => rows.sort_unstable_by_key(|id| std::cmp::Reverse(*id)),
            // A fixed order that does not depend on the ids.
            _ => rows.sort_unstable_by_key(|id| id.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
        }
        rows
    }
}

fn number(request: &Request<Bytes>, name: &str) -> Option<u64> {
    let query = request.uri().query().unwrap_or_default().as_bytes();
    url::form_urlencoded::parse(query).find(|pair| pair.0 == name)?.1.parse().ok()
}

fn server(rows: u64, order: usize, changes: Vec<Change>) -> (Script, Arc<Mutex<Listing>>) {
    let ids: Vec<u64> = (1..=rows).collect();
    let listing = Listing { kept: ids.iter().copied().collect(), rows: ids, next_id: rows + 1 };
    let listing = Arc::new(Mutex::new(listing));
    let shared = listing.clone();
    let script = Script::new(move |index, request| {
        let mut listing = shared.lock().unwrap();
        let (page, size) = (number(request, "page").unwrap_or(1), number(request, "page_size").unwrap());
        let count = listing.window(request, order).len() as u64;
        let due =
            |between: bool| changes.iter().filter(move |change| change.request == index && change.between == between);
        due(true).for_each(|change| listing.apply(*change));
        let start = (page - 1) * size;
        if start > 0 && start >= count {
            return Reply::status(404);
        }
        let end = (start + size).min(count);
        let shown: Vec<u64> =
            listing.window(request, order).into_iter().skip(start as usize).take((end - start) as usize).collect();
        let next = (end < count).then(|| format!("http://api.test/api/jobs/?page={}", page + 1));
        due(false).for_each(|change| listing.apply(*change));
        Reply::page(&envelope(shown, count, next.as_deref()))
    });
    (script, listing)
}

/// Runs one sync. Returns the rows that existed all the time and are missing, if the run is complete.
fn missing(rows: u64, order: usize, changes: Vec<Change>, size: u32, sync: &str) -> Vec<u64> {
    paused_runtime().block_on(async {
        let (script, listing) = server(rows, order, changes);
        let clock = Clock::fixed("2026-05-20T12:00:00Z".parse().unwrap());
        let api = script.client().clock(clock).build().unwrap();
        let jobs = api.jobs().page_size(size);
        let store = MemoryStore::new();
        let mut run = match sync {
            "id" => jobs.sync_by_id("k", &store).await.unwrap(),
            "date" => jobs.sync_by_date("k", &store).since(TODAY).await.unwrap(),
            "latest" => jobs.sync_latest("k", &store).await.unwrap(),
            _ => {
                let expired = api.expired_jobs().page_size(size).sync_expired("k", &store).since(TODAY);
                expired.items_as::<Job>().await.unwrap()
            }
        };
        // The next run delivers the rows of a run that is not complete.
        let Ok(got) = finish(&mut run).await else { return Vec::new() };
        assert_eq!(run.report().outcome, Outcome::Complete);
        let got: BTreeSet<u64> = got.into_iter().collect();
        listing.lock().unwrap().kept.difference(&got).copied().collect()
    })
}

#[test]
fn promise_1_a_row_inserted_after_the_last_page_loses_no_other() {
    // A day of two pages, the second one nearly full. The row is inserted at every possible moment.
    for order in 0..3 {
        for request in 0..12 {
            for between in [false, true] {
                for sync in ["date", "latest", "expired"] {
                    let change = Change { request, between, delete: None };
                    let missing = missing(230, order, vec![change], 120, sync);
                    assert!(missing.is_empty(), "{sync}, order {order}, {change:?}: {} rows", missing.len());
                }
            }
        }
    }
}

#[test]
fn promise_1_a_row_pushed_out_of_a_page_is_not_lost_although_the_counts_agree() {
    // One row is inserted between count and select, another one is deleted before the next request.
    for order in 0..3 {
        for request in 0..6 {
            for place in [0, 50, 99] {
                for sync in ["id", "date", "latest"] {
                    let insert = Change { request, between: true, delete: None };
                    let delete = Change { request, between: false, delete: Some(place) };
                    let missing = missing(50, order, vec![insert, delete], 100, sync);
                    assert!(missing.is_empty(), "{sync}, order {order}, request {request}: {missing:?}");
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn promise_1_a_complete_run_has_every_row_that_existed_all_the_time(
        rows in 1u64..300, size in 10u32..150, order in 0usize..3, sync in 0usize..3,
        changes in proptest::collection::vec((0usize..30, any::<bool>(), proptest::option::of(0usize..100)), 0..40),
    ) {
        let sync = ["id", "date", "latest"][sync];
        // The latest-window sync has no id range: two inserts during two requests, and one delete, can hide a fourth
        // row.
        let change = |(request, between, delete)| Change { request, between: between && sync != "latest", delete };
        let missing = missing(rows, order, changes.into_iter().map(change).collect(), size, sync);
        prop_assert!(missing.is_empty(), "missed {missing:?}");
    }
}
