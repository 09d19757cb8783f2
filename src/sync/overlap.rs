//! Walks a listing by page number so that a change of the listing is noticed: neighbouring pages overlap.
//!
//! A numbered page covers rows `(page - 1) * size` to `page * size`. With a slightly smaller size from page to page, each
//! one begins inside the one before. When both share a row, no row between them can have been skipped, because the order of
//! rows that stay is the same in both answers. When they share none, rows went away in between; the walk then steps back
//! until it overlaps again. This holds for any order that the server keeps to, and costs no additional request. An order
//! that the server does not keep to shows as shared rows that stand elsewhere than before, and ends the walk as drifted.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::strategy::{PageView, Verdict, WalkError};
use crate::error::Completeness;
use crate::listing::key_hash;

/// Rows of the last page that are remembered, to find them again on the next.
const TAIL: usize = 32;
/// Steps back, and pages asked for again, before the walk is given up as drifted.
const MAX_RETRIES: u32 = 12;

/// A position in such a walk, small enough for a checkpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OverlapPosition {
    /// The rows before it, in the order of the last page.
    row: u64,
    /// Hashes of the keys of the last rows read.
    tail: Vec<u64>,
}

/// The walk.
#[derive(Debug, Clone)]
pub(crate) struct OverlapWalk {
    at: OverlapPosition,
    /// Where the next window may begin; before `at.row` after a step back.
    from: u64,
    size: u64,
    key: &'static str,
    /// A number of rows that the server gave where more were asked for, seen once.
    suspect: Option<u64>,
    /// How many times the wanted rows have to be asked for, from a server that gives a part of what it is asked for.
    scale: u64,
    clamped: bool,
    first_total: Option<u64>,
    last_total: Option<u64>,
    retries: u32,
    /// The last page, while it is read again.
    last: Option<Last>,
}

/// A page that said it is the last one.
#[derive(Debug, Clone)]
struct Last {
    window: (u64, u64),
    rows: u64,
    /// Its keys. Not those of the page before: two rows that are inserted one after the other would bring them in.
    keys: HashSet<u64>,
}

/// What a page means for the walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PageResult {
    /// Its rows go to the caller; the walk goes on.
    Continue,
    /// It says it is the last one. It is kept, and read once more.
    Last,
    /// It is not used; ask again.
    AskAgain,
    /// The page that was kept is the last one, and goes to the caller.
    LastConfirmed,
    /// The page that was kept goes to the caller, and the walk goes on: there may be rows behind it.
    LastRefuted,
}

impl PageResult {
    /// What becomes of the page.
    pub(crate) fn verdict(self) -> Verdict {
        match self {
            Self::Continue => Verdict::Deliver,
            Self::Last => Verdict::Hold,
            Self::AskAgain => Verdict::Skip,
            Self::LastConfirmed | Self::LastRefuted => Verdict::DeliverHeld,
        }
    }
}

impl OverlapWalk {
    pub(crate) fn new(at: OverlapPosition, size: u64, key: &'static str) -> Self {
        let from = at.row;
        Self {
            at,
            from,
            size: size.max(1),
            key,
            suspect: None,
            scale: 1,
            clamped: false,
            first_total: None,
            last_total: None,
            retries: 0,
            last: None,
        }
    }

    /// Whether the page to ask for is only to be compared with the one that was kept.
    pub(crate) fn confirms(&self) -> bool {
        self.last.is_some()
    }

    pub(crate) fn position(&self) -> &OverlapPosition {
        &self.at
    }

    /// The page number and page size to ask for.
    pub(crate) fn ask(&self) -> (u64, u64) {
        let (page, size) = self.window();
        (page, size * self.scale)
    }

    /// The page number and the page size that the server is expected to use.
    fn window(&self) -> (u64, u64) {
        if let Some(last) = &self.last {
            return last.window;
        }
        let Some(inside) = self.from.checked_sub(1) else { return (1, self.size) };
        // The more overlap, the more deletions it survives; a fiftieth of a page costs next to nothing.
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
        // Every window over the last row ends with it, which takes pages of fewer than ten rows and thousands of rows. A page
        // without overlap proves nothing, and the walk will end as drifted.
        (inside / self.size + 2, self.size)
    }

    /// Takes the page that was asked for with [`OverlapWalk::ask`].
    pub(crate) fn enter(&mut self, page: &dyn PageView) -> Result<PageResult, WalkError> {
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
            // Nothing new, as behind a step back; or as from a server that stands still for ever.
            self.again()?;
        }
        let meets = self.meets(start, &keys, change.unwrap_or(0));
        if start > 0 && !meets {
            // Twice as far each time: an interrupted walk may be resumed over a list that is quite another one.
            self.from = start.saturating_sub((self.size / 2).max(1) << self.retries.min(40));
            return self.again();
        }
        if !page.has_next() {
            self.last = Some(Last { window: (number, size), rows, keys: keys.iter().copied().collect() });
        }
        let tail = keys.len().saturating_sub(TAIL);
        self.at = OverlapPosition { row: start + rows, tail: keys.get(tail..).unwrap_or_default().to_vec() };
        self.from = self.at.row;
        self.suspect = None;
        Ok(if page.has_next() { PageResult::Continue } else { PageResult::Last })
    }

    /// Whether the page shares rows with the one before, and they stand where they should: in the same order, and shifted by
    /// no more than the total changed, with room for changes that cancel out.
    fn meets(&self, start: u64, keys: &[u64], change: u64) -> bool {
        let room = change + (self.size / 20).max(1);
        let first = self.at.row.saturating_sub(self.at.tail.len() as u64);
        let mut last = None;
        for (index, key) in (start..).zip(keys) {
            let Some(place) = self.at.tail.iter().position(|known| known == key) else { continue };
            if last.is_some_and(|last| place <= last) || index.abs_diff(first + place as u64) > room {
                return false;
            }
            last = Some(place);
        }
        last.is_some()
    }

    /// Compares the last page with itself, read again. A server that counts and selects in two steps lets a row that is inserted
    /// in between push the last one out of the page; the second time it would be there, or yet another new row. So when the
    /// second page reaches the end, meets the first, and has nothing that is new, nothing is missing behind the first.
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

    /// A page in the middle is shorter than asked for: a passing fault, or a server that changes the page size. Twice the same is no passing fault; the window was another one than asked for: a server that clamps to a size, or gives a part of any size.
    fn short(&mut self, rows: u64, size: u64) -> Result<PageResult, WalkError> {
        if rows > 0 && self.suspect == Some(rows) {
            if self.clamped && self.scale == 1 {
                self.scale = size / rows;
            } else {
                self.size = rows;
                self.clamped = true;
            }
            self.suspect = None;
            return self.again();
        }
        self.suspect = Some(rows);
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

    /// One page of a list, as a server shows it.
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
            // Leaked text is fine in a test; the trait lends from the page.
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
        /// Whatever is inserted and deleted between any two requests: a walk that ends well has seen every row that was
        /// there all the time.
        #[test]
        fn no_row_that_stays_is_missed(
            rows in 1usize..400, size in 2u64..60, clamp in 1u64..80,
            changes in proptest::collection::vec((0usize..6, any::<u64>(), any::<u64>()), 0..60),
        ) {
            let mut list: Vec<u64> = (0..rows as u64).map(|row| row * 10).collect();
            let mut stays: BTreeSet<u64> = list.iter().copied().collect();
            let mut walk = OverlapWalk::new(OverlapPosition::default(), size, "id");
            let (mut seen, mut fresh, mut kept) = (BTreeSet::new(), 1_000_000, Vec::new());
            for step in 0..2_000 {
                let (page, asked) = walk.ask();
                prop_assert!(asked <= size && page >= 1);
                let shown = show(&list, page, asked, clamp);
                match walk.enter(&shown) {
                    Err(_) => return Ok(()), // drifted: said, not hidden
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
    fn a_list_that_stands_still_costs_no_more_requests_than_plain_pages() {
        for (rows, size) in [(1000, 100), (20_000, 500), (999, 50), (100_000, 5000)] {
            let list: Vec<u64> = (0..rows).collect();
            let mut walk = OverlapWalk::new(OverlapPosition::default(), size, "id");
            let mut requests = 0;
            loop {
                let (page, asked) = walk.ask();
                requests += 1;
                match walk.enter(&show(&list, page, asked, u64::MAX)).unwrap() {
                    PageResult::LastConfirmed => break,
                    PageResult::Continue | PageResult::Last => {}
                    PageResult::AskAgain | PageResult::LastRefuted => panic!("nothing moved"),
                }
            }
            // And one to confirm the last.
            let plain = rows.div_ceil(size) + 1;
            assert!(
                requests <= plain + plain / 5 + 1,
                "{rows} rows by {size}: {requests} requests, {plain} plain pages"
            );
        }
    }

    #[test]
    fn an_order_that_the_server_does_not_keep_is_noticed() {
        for seed in 0..200 {
            let mut rng = fastrand::Rng::with_seed(seed);
            let mut list: Vec<u64> = (0..1000).collect();
            let mut walk = OverlapWalk::new(OverlapPosition::default(), 100, "id");
            let fault = loop {
                rng.shuffle(&mut list);
                let (page, asked) = walk.ask();
                match walk.enter(&show(&list, page, asked, u64::MAX)) {
                    Ok(PageResult::LastConfirmed) => panic!("seed {seed}: taken for complete"),
                    Ok(_) => {}
                    Err(fault) => break fault,
                }
            };
            assert!(matches!(fault, WalkError::Incomplete(Completeness::Drifted { .. })));
        }
    }
}
