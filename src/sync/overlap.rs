//! Walks a listing by page number and detects changes of the listing, because each page overlaps the page before.
//!
//! A numbered page has the records `(page - 1) * size` to `page * size`. With a slightly smaller size for the next
//! page, it begins inside the page before. When both pages share a record, no record between them was skipped, because
//! records that stay in the list have the same order in both answers. When they share none, records were removed; the
//! walk then steps back until pages overlap again. This works for any fixed order, and needs no additional request.
//! When the server changes the order, shared records are at other places than before, and the walk ends as drifted.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::strategy::{PageView, Verdict, WalkError};
use crate::error::Completeness;
use crate::listing::key_hash;

/// How many records of the last page are stored, to find them again on the next page.
const TAIL: usize = 32;
/// After this many repeated requests the walk ends as drifted.
const MAX_RETRIES: u32 = 12;

/// A position in such a walk, as checkpoints store it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OverlapPosition {
    /// The number of records before it.
    row: u64,
    /// Hashes of the keys of the last records that were read.
    tail: Vec<u64>,
}

/// The walk.
#[derive(Debug, Clone)]
pub(crate) struct OverlapWalk {
    at: OverlapPosition,
    /// The next page begins here or before. Less than `at.row` after a step back.
    from: u64,
    size: u64,
    key: &'static str,
    /// The number of records of the last page, when it was shorter than requested.
    short_page: Option<u64>,
    /// The requested page size is multiplied by this, for a server that returns only a fraction of it.
    scale: u64,
    clamped: bool,
    first_total: Option<u64>,
    last_total: Option<u64>,
    retries: u32,
    /// The last page, while it is read again.
    last: Option<Last>,
    /// The position after the records that were delivered, without those of a held page.
    delivered: OverlapPosition,
    finished: bool,
}

/// A page without a next page.
#[derive(Debug, Clone)]
struct Last {
    window: (u64, u64),
    rows: u64,
    /// Its keys. Not those of the page before: two insertions would move them into the page that is read again.
    keys: HashSet<u64>,
}

/// What the walk does with a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PageResult {
    /// Its records are delivered; the walk continues.
    Continue,
    /// It has no next page. It is held, and read once more.
    Last,
    /// It is not used; another request follows.
    AskAgain,
    /// The held page is the last one, and is delivered.
    LastConfirmed,
    /// The held page is delivered, and the walk continues: there may be records after it.
    LastRefuted,
}

impl OverlapWalk {
    pub(crate) fn new(at: OverlapPosition, size: u64, key: &'static str) -> Self {
        Self {
            from: at.row,
            delivered: at.clone(),
            finished: false,
            at,
            size: size.max(1),
            key,
            short_page: None,
            scale: 1,
            clamped: false,
            first_total: None,
            last_total: None,
            retries: 0,
            last: None,
        }
    }

    /// Whether the next page is only compared with the held one.
    pub(crate) fn rereads_last_page(&self) -> bool {
        self.last.is_some()
    }

    /// The position for the state.
    pub(crate) fn position(&self) -> &OverlapPosition {
        &self.delivered
    }

    /// Whether all records were delivered.
    pub(crate) fn finished(&self) -> bool {
        self.finished
    }

    /// The page number and page size to request.
    pub(crate) fn next_page(&self) -> (u64, u64) {
        let (page, size) = self.window();
        (page, size * self.scale)
    }

    /// The page number and the page size that the server is expected to use.
    fn window(&self) -> (u64, u64) {
        if let Some(last) = &self.last {
            return last.window;
        }
        let Some(inside) = self.from.checked_sub(1) else { return (1, self.size) };
        // A larger overlap allows more deletions between two pages; a fiftieth of a page costs little.
        let wanted = (self.size / 50).clamp(1, TAIL as u64);
        let window = |size: u64, overlap: u64| {
            let page = self.from.saturating_sub(overlap) / size + 1;
            (page * size, page, size)
        };
        let smallest = (self.size / 2).max(1);
        let best = |overlap: u64| (smallest..=self.size).rev().map(|size| window(size, overlap)).max_by_key(|w| w.0);
        let any = || (2..=self.size).rev().map(|size| window(size, 1)).max_by_key(|w| w.0);
        let (end, page, size) = best(wanted).filter(|w| w.0 > self.from).or_else(any).unwrap_or((0, 1, self.size));
        if end > self.from {
            return (page, size);
        }
        // Every page with the last record ends with it. That happens only with pages of fewer than ten records and
        // thousands of records. A page without overlap proves nothing, so the walk will end as drifted.
        (inside / self.size + 2, self.size)
    }

    /// Takes the page that [`OverlapWalk::next_page`] requested.
    pub(crate) fn enter(&mut self, page: &dyn PageView) -> Result<Verdict, WalkError> {
        let result = self.result(page)?;
        if let PageResult::Continue | PageResult::LastRefuted = result {
            self.delivered = self.at.clone();
        }
        self.finished = result == PageResult::LastConfirmed;
        Ok(match result {
            PageResult::Continue => Verdict::Deliver,
            PageResult::Last => Verdict::Hold,
            PageResult::AskAgain => Verdict::Skip,
            PageResult::LastConfirmed | PageResult::LastRefuted => Verdict::DeliverHeld,
        })
    }

    fn result(&mut self, page: &dyn PageView) -> Result<PageResult, WalkError> {
        if let Some(last) = self.last.take() {
            return self.confirm(&last, page);
        }
        let (number, size) = self.window();
        let start = (number - 1) * size;
        let rows = page.rows();
        let change = page.total().zip(self.last_total).map(|(now, before)| now.abs_diff(before));
        self.first_total = self.first_total.or(page.total());
        self.last_total = page.total().or(self.last_total);
        if page.has_next() && rows < size {
            return self.short(rows, size);
        }
        if page.total().is_some_and(|total| page.has_next() != (total > start + rows)) {
            return self.again();
        }
        let keys: Vec<u64> = page.values(self.key).map(key_hash).collect();
        if page.has_next() && keys.iter().all(|key| self.at.tail.contains(key)) {
            // No new record: after a step back, or because the server always returns the same page.
            self.again()?;
        }
        let overlaps = self.overlaps(start, &keys, change.unwrap_or(0));
        if start > 0 && !overlaps {
            // Twice as far each time: the list may have changed completely since the run was interrupted.
            self.from = start.saturating_sub((self.size / 2).max(1) << self.retries.min(40));
            return self.again();
        }
        if !page.has_next() {
            self.last = Some(Last { window: (number, size), rows, keys: keys.iter().copied().collect() });
        }
        let tail = keys.len().saturating_sub(TAIL);
        self.at = OverlapPosition { row: start + rows, tail: keys.get(tail..).unwrap_or_default().to_vec() };
        self.from = self.at.row;
        self.short_page = None;
        Ok(if page.has_next() { PageResult::Continue } else { PageResult::Last })
    }

    /// Whether the page shares records with the page before, in the same order, and moved by no more than the change of
    /// the total plus a margin for changes that cancel each other.
    fn overlaps(&self, start: u64, keys: &[u64], change: u64) -> bool {
        let margin = change + (self.size / 20).max(1);
        let first = self.at.row.saturating_sub(self.at.tail.len() as u64);
        let mut last = None;
        for (index, key) in (start..).zip(keys) {
            let Some(place) = self.at.tail.iter().position(|known| known == key) else { continue };
            if last.is_some_and(|last| place <= last) || index.abs_diff(first + place as u64) > margin {
                return false;
            }
            last = Some(place);
        }
        last.is_some()
    }

    /// Compares the held page with the same page, read again. When a server counts and selects in two steps, an insertion between
    /// them can move the last record out of the page; the second answer then has that record, or another new one. So no record
    /// is missing when the second answer is a last page, begins with a record of the first, and has no new one.
    fn confirm(&mut self, last: &Last, page: &dyn PageView) -> Result<PageResult, WalkError> {
        let mut keys = page.values(self.key).map(key_hash);
        let shared = keys.next().map_or(last.rows == 0, |key| last.keys.contains(&key));
        if shared && !page.has_next() && keys.all(|key| last.keys.contains(&key)) {
            return Ok(PageResult::LastConfirmed);
        }
        self.from = self.from.saturating_sub(self.size / 2);
        self.again()?;
        Ok(PageResult::LastRefuted)
    }

    /// A page with a next page is shorter than requested: a temporary fault, or a server that changes the page size.
    /// With the same number of records twice, the server limits the size, or returns a fraction of any size.
    fn short(&mut self, rows: u64, size: u64) -> Result<PageResult, WalkError> {
        if rows > 0 && self.short_page == Some(rows) {
            if self.clamped && self.scale == 1 {
                self.scale = size / rows;
            } else {
                self.size = rows;
                self.clamped = true;
            }
            self.short_page = None;
            return self.again();
        }
        self.short_page = Some(rows);
        self.again()
    }

    fn again(&mut self) -> Result<PageResult, WalkError> {
        self.retries += 1;
        if self.retries > MAX_RETRIES {
            let (first_total, last_total) = (self.first_total, self.last_total);
            return Err(WalkError::Incomplete(Completeness::Drifted { first_total, last_total, repeated: 0 }));
        }
        Ok(PageResult::AskAgain)
    }
}

#[cfg(test)]
#[allow(clippy::cast_possible_truncation)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::listing::Position;

    /// One page of a list, as a server returns it.
    struct Shown {
        rows: Vec<u64>,
        total: usize,
        next: Option<Position>,
    }

    impl PageView for Shown {
        fn rows(&self) -> u64 {
            self.rows.len() as u64
        }

        fn total(&self) -> Option<u64> {
            Some(self.total as u64)
        }

        fn next(&self) -> Option<&Position> {
            self.next.as_ref()
        }

        fn values<'p>(&'p self, _: &'p str) -> Box<dyn Iterator<Item = &'p str> + 'p> {
            // The trait returns borrowed texts, so the test leaks them.
            Box::new(self.rows.iter().map(|row| &*row.to_string().leak()))
        }
    }

    fn show(list: &[u64], page: u64, size: u64, clamp: u64) -> Shown {
        let size = size.min(clamp);
        let start = ((page - 1) * size) as usize;
        let rows: Vec<u64> = list.iter().skip(start).take(size as usize).copied().collect();
        let next = (start + rows.len() < list.len()).then_some(Position::Page(page + 1));
        Shown { rows, total: list.len(), next }
    }

    proptest! {
        /// With any changes between two requests, a complete walk has every record that was in the list all the time.
        #[test]
        fn no_record_that_stays_is_missed(
            rows in 1usize..400, size in 2u64..60, clamp in 1u64..80,
            changes in proptest::collection::vec((0usize..6, any::<u64>(), any::<u64>()), 0..60),
        ) {
            let mut list: Vec<u64> = (0..rows as u64).map(|row| row * 10).collect();
            let mut stays: BTreeSet<u64> = list.iter().copied().collect();
            let mut walk = OverlapWalk::new(OverlapPosition::default(), size, "id");
            let (mut seen, mut fresh, mut kept) = (BTreeSet::new(), 1_000_000, Vec::new());
            for step in 0..2_000 {
                let (page, asked) = walk.next_page();
                prop_assert!(asked <= size && page >= 1);
                let shown = show(&list, page, asked, clamp);
                match walk.result(&shown) {
                    Err(_) => return Ok(()), // the walk reports that it drifted
                    Ok(PageResult::AskAgain) => {}
                    Ok(PageResult::Continue) => seen.extend(shown.rows.iter().copied()),
                    Ok(PageResult::Last) => kept = shown.rows,
                    Ok(walked) => {
                        seen.extend(kept.drain(..));
                        if walked == PageResult::LastConfirmed {
                            let missed: Vec<_> = stays.difference(&seen).collect();
                            prop_assert!(missed.is_empty(), "missed {missed:?}");
                            return Ok(());
                        }
                    }
                }
                prop_assert!(step < 1_999, "no end: {walk:?}");
                if let Some((kind, a, b)) = changes.get(step) {
                    for n in 0..*kind as u64 {
                        let at = (a.wrapping_add(n * 7919) % (list.len() as u64 + 1)) as usize;
                        if b.wrapping_shr(n as u32) & 1 == 0 && at < list.len() {
                            stays.remove(&list.remove(at));
                        } else {
                            list.insert(at, fresh);
                            fresh += 1;
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn an_unchanged_list_needs_few_more_requests_than_plain_pages() {
        for (rows, size) in [(1000, 100), (20_000, 500), (999, 50), (100_000, 5000)] {
            let list: Vec<u64> = (0..rows).collect();
            let mut walk = OverlapWalk::new(OverlapPosition::default(), size, "id");
            let mut requests = 0;
            loop {
                let (page, asked) = walk.next_page();
                requests += 1;
                match walk.result(&show(&list, page, asked, u64::MAX)).unwrap() {
                    PageResult::LastConfirmed => break,
                    PageResult::Continue | PageResult::Last => {}
                    PageResult::AskAgain | PageResult::LastRefuted => panic!("the list did not change"),
                }
            }
            // And one to read the last page again.
            let plain = rows.div_ceil(size) + 1;
            assert!(
                requests <= plain + plain / 5 + 1,
                "{rows} records by {size}: {requests} requests, {plain} plain pages"
            );
        }
    }

    #[test]
    fn a_changing_order_ends_the_walk_as_drifted() {
        for seed in 0..200 {
            let mut rng = fastrand::Rng::with_seed(seed);
            let mut list: Vec<u64> = (0..1000).collect();
            let mut walk = OverlapWalk::new(OverlapPosition::default(), 100, "id");
            let fault = loop {
                rng.shuffle(&mut list);
                let (page, asked) = walk.next_page();
                match walk.result(&show(&list, page, asked, u64::MAX)) {
                    Ok(PageResult::LastConfirmed) => panic!("seed {seed}: reported as complete"),
                    Ok(_) => {}
                    Err(fault) => break fault,
                }
            };
            assert!(matches!(fault, WalkError::Incomplete(Completeness::Drifted { .. })));
        }
    }
}
