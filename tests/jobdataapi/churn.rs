//! A list that changes at the worst moments: between the server's counting and its selecting, and between the last page and
//! what confirms it. Rows that were there all the time arrive.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::Request;
use jobfeed::checkpoint::MemoryStore;
use jobfeed::jiff::civil::Date;
use jobfeed::{Clock, Outcome};
use proptest::prelude::*;

use crate::support::{Reply, Script, envelope, finish, paused_runtime};

const TODAY: Date = Date::constant(2026, 5, 20);

/// What happens to the list: after so many requests, in the middle of the request or after it.
#[derive(Debug, Clone, Copy)]
struct Change {
    request: usize,
    /// Between counting and selecting, instead of behind the answer.
    between: bool,
    /// Which row goes away, out of a hundred; none: one is inserted, with the next id.
    goes: Option<usize>,
}

/// A listing that counts and selects in two steps, as Django does: the page is cut at the count.
struct Listing {
    rows: Vec<u64>,
    stays: BTreeSet<u64>,
    next_id: u64,
}

impl Listing {
    fn apply(&mut self, change: Change) {
        match change.goes {
            Some(place) if !self.rows.is_empty() => {
                let gone = self.rows.remove(place * self.rows.len() / 100);
                self.stays.remove(&gone);
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
            // Any fixed order that has nothing to do with the ids.
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
    let listing = Listing { stays: ids.iter().copied().collect(), rows: ids, next_id: rows + 1 };
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

/// Syncs, and says which of the rows that were there all the time are missing from a run that calls itself complete.
fn missing(rows: u64, order: usize, changes: Vec<Change>, size: u32, how: &str) -> Vec<u64> {
    paused_runtime().block_on(async {
        let (script, listing) = server(rows, order, changes);
        let clock = Clock::fixed("2026-05-20T12:00:00Z".parse().unwrap());
        let jobs = script.client().clock(clock).build().unwrap().jobs().page_size(size);
        let store = MemoryStore::new();
        let mut run = match how {
            "id" => jobs.sync_by_id("k", &store).await.unwrap(),
            "date" => jobs.sync_by_date("k", &store).since(TODAY).await.unwrap(),
            _ => jobs.sync_latest("k", &store).await.unwrap(),
        };
        // Rows of a run that ends otherwise come with the next one.
        let Ok(got) = finish(&mut run).await else { return Vec::new() };
        assert_eq!(run.report().outcome, Outcome::Complete);
        let got: BTreeSet<u64> = got.into_iter().collect();
        listing.lock().unwrap().stays.difference(&got).copied().collect()
    })
}

#[test]
fn promise_1_one_row_that_enters_behind_the_last_page_loses_no_other() {
    // A day of two pages, the second one nearly full; the row enters at any moment.
    for order in 0..3 {
        for request in 0..12 {
            for between in [false, true] {
                for how in ["date", "latest"] {
                    let change = Change { request, between, goes: None };
                    let missing = missing(230, order, vec![change], 120, how);
                    assert!(missing.is_empty(), "{how}, order {order}, {change:?}: {} rows", missing.len());
                }
            }
        }
    }
}

#[test]
fn promise_1_a_row_that_is_pushed_out_of_a_page_is_noticed_although_the_counts_agree() {
    // One row is inserted between counting and selecting, another one goes away before anything is asked again.
    for order in 0..3 {
        for request in 0..6 {
            for goes in [0, 50, 99] {
                for how in ["id", "date", "latest"] {
                    let insert = Change { request, between: true, goes: None };
                    let delete = Change { request, between: false, goes: Some(goes) };
                    let missing = missing(50, order, vec![insert, delete], 100, how);
                    assert!(missing.is_empty(), "{how}, order {order}, request {request}: {missing:?}");
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn promise_1_whatever_comes_and_goes_a_complete_run_has_every_row_that_stayed(
        rows in 1u64..300, size in 10u32..150, order in 0usize..3, how in 0usize..3,
        changes in proptest::collection::vec((0usize..30, any::<bool>(), proptest::option::of(0usize..100)), 0..40),
    ) {
        let how = ["id", "date", "latest"][how];
        // Without ids to go by, two rows that enter in the middle of two requests, and a third that leaves, can hide a fourth.
        let change = |(request, between, goes)| Change { request, between: between && how != "latest", goes };
        let missing = missing(rows, order, changes.into_iter().map(change).collect(), size, how);
        prop_assert!(missing.is_empty(), "missed {missing:?}");
    }
}
