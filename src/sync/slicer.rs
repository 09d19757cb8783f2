//! Divides a range of numbers (ids or days) into slices that fit one page each.
//!
//! A listing may change while it is walked by page number: when earlier records are removed, later ones move to earlier
//! pages and are skipped. A slice that fits one page is one answer, so no record can move. The slicer adapts the width
//! of the slices to the density of the records; where it is not known, it requests the count first.

/// The next request about a slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SliceQuery {
    /// Fetch its records: they should fit one page.
    Fetch(u64, u64),
    /// Request the count of its records: they may be far too many, or none.
    Count(u64, u64),
}

/// How much of a page a slice should fill, in percent. The rest is a margin for uneven density.
const FILL: u128 = 75;
/// A slice may be at most this many times as wide as the one before, while the density is known.
const GROWTH: u64 = 4;
/// A slice after an empty one is this many times as wide. An empty slice costs one small request.
const EMPTY_GROWTH: u64 = 8;

/// A range from `next` to `end`, both included, that is requested in slices.
#[derive(Debug, Clone)]
pub(crate) struct Slicer {
    next: u64,
    end: u64,
    /// Whether the end is reached; `next` cannot show it when the range ends with `u64::MAX`.
    covered: bool,
    /// How many records fit one page.
    capacity: u64,
    /// How many records one number of the range can have, where that is known: one for ids, unknown for days.
    rows_per_point: Option<u64>,
    width: u64,
    /// Whether `width` comes from the density of the slice before.
    measured: bool,
    /// The end of a slice that had too many records. After an empty slice before it, the next one has half of the rest.
    dense_until: Option<u64>,
}

impl Slicer {
    /// `expected`: how many records the whole range has, where that is known.
    pub(crate) fn new(next: u64, end: u64, capacity: u64, rows_per_point: Option<u64>, expected: Option<u64>) -> Self {
        let span = end.saturating_sub(next).saturating_add(1);
        let width = match expected {
            Some(rows) if rows > 0 => scaled(span, capacity, rows),
            Some(_) => span,
            None => capacity,
        };
        let slicer = Self {
            next,
            end,
            covered: false,
            capacity: capacity.max(1),
            rows_per_point,
            width: 1,
            measured: false,
            dense_until: None,
        };
        Self { width: width.max(slicer.width_that_fits()).clamp(1, span), ..slicer }
    }

    /// A range that is known to fit one page.
    pub(crate) fn one(next: u64, end: u64, capacity: u64, rows_per_point: Option<u64>) -> Self {
        Self {
            width: end.saturating_sub(next).saturating_add(1),
            measured: true,
            ..Self::new(next, end, capacity, rows_per_point, None)
        }
    }

    /// The widest slice that fits one page with any density.
    fn width_that_fits(&self) -> u64 {
        self.rows_per_point.map_or(1, |rows| (self.capacity / rows.max(1)).max(1))
    }

    /// The next request; `None` when the range is covered.
    pub(crate) fn next_query(&self) -> Option<SliceQuery> {
        (!self.covered && self.next <= self.end).then(|| {
            let last = self.last();
            let points = (last - self.next).saturating_add(1);
            let fits = self.rows_per_point.is_some() && points <= self.width_that_fits();
            if self.measured || fits { SliceQuery::Fetch(self.next, last) } else { SliceQuery::Count(self.next, last) }
        })
    }

    /// The first number that is not covered.
    pub(crate) fn first_uncovered(&self) -> u64 {
        self.next
    }

    /// Takes the count of the current slice.
    pub(crate) fn counted(&mut self, rows: u64) {
        if rows == 0 {
            self.pass_empty();
        } else if rows <= self.capacity {
            self.measured = true;
        } else {
            self.narrow(rows);
        }
    }

    /// The current slice was fetched, with all its records.
    pub(crate) fn fits(&mut self, rows: u64) {
        let points = (self.last() - self.next).saturating_add(1);
        if rows == 0 {
            self.pass_empty();
        } else {
            self.step_to(self.last());
            let width = scaled(points, self.capacity, rows).min(points.saturating_mul(GROWTH));
            self.width = width.max(self.width_that_fits());
            self.measured = true;
        }
    }

    /// The current slice has more records than fit. Returns false when it cannot be made narrower.
    pub(crate) fn overflows(&mut self, rows: u64) -> bool {
        let can_narrow = self.next < self.last();
        self.narrow(rows);
        can_narrow
    }

    /// The server returns smaller pages than requested.
    pub(crate) fn clamp(&mut self, capacity: u64) {
        self.capacity = self.capacity.min(capacity.max(1));
    }

    /// The first number of the current slice is covered in another way.
    pub(crate) fn pass_point(&mut self) {
        self.step_to(self.next);
    }

    /// Everything up to `last` is covered.
    fn step_to(&mut self, last: u64) {
        self.covered = last >= self.end;
        self.next = last.saturating_add(1);
    }

    /// The current slice is empty and covered.
    fn pass_empty(&mut self) {
        self.step_to(self.last());
        self.measured = false;
        self.dense_until = self.dense_until.filter(|end| *end > self.next);
        self.width = match self.dense_until {
            Some(end) => ((end - self.next) / 2).max(1),
            None => self.width.saturating_mul(EMPTY_GROWTH),
        };
    }

    fn narrow(&mut self, rows: u64) {
        let points = (self.last() - self.next).saturating_add(1);
        self.dense_until = Some(self.last());
        let width = scaled(points, self.capacity, rows).min(points / 2);
        self.width = width.max(self.width_that_fits().min(points / 2)).max(1);
    }

    fn last(&self) -> u64 {
        self.next.saturating_add(self.width - 1).min(self.end)
    }
}

/// The width that should have `FILL` percent of `capacity` records, when `points` numbers have `rows` records.
pub(crate) fn scaled(points: u64, capacity: u64, rows: u64) -> u64 {
    let room = u128::from(points).saturating_mul(u128::from(capacity)).saturating_mul(FILL);
    let width = room / (u128::from(rows.max(1)) * 100);
    u64::try_from(width).unwrap_or(u64::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// Walks a set of ids. Returns the ids that were fetched, the requests, and the pages that could not be used.
    fn walk(mut slicer: Slicer, ids: &BTreeSet<u64>, page: u64) -> (Vec<u64>, u64, u64) {
        let (mut got, mut requests, mut wasted) = (Vec::new(), 0, 0);
        while let Some(ask) = slicer.next_query() {
            requests += 1;
            assert!(requests < 100_000, "no progress at {slicer:?}");
            let (SliceQuery::Fetch(from, to) | SliceQuery::Count(from, to)) = ask;
            let rows: Vec<u64> = ids.range(from..=to).copied().collect();
            match ask {
                SliceQuery::Count(..) => slicer.counted(rows.len() as u64),
                SliceQuery::Fetch(..) if rows.len() as u64 <= page => {
                    slicer.fits(rows.len() as u64);
                    got.extend(rows);
                }
                SliceQuery::Fetch(..) => {
                    wasted += 1;
                    slicer.clamp(page);
                    assert!(slicer.overflows(rows.len() as u64), "a slice of one id always fits");
                }
            }
        }
        (got, requests, wasted)
    }

    proptest! {
        #[test]
        fn every_record_is_covered_exactly_once(
            clusters in proptest::collection::vec((0u64..1 << 40, 1u64..400, 1u64..50), 0..8),
            page in 1u64..300, believed in 1u64..300, expected: Option<u32>,
        ) {
            let ids: BTreeSet<u64> =
                clusters.iter().flat_map(|&(start, n, gap)| (0..n).map(move |i| start + i * gap)).collect();
            let end = 1 << 41;
            let slicer = Slicer::new(1, end, believed.max(page), Some(1), expected.map(u64::from));
            let (got, ..) = walk(slicer, &ids, page);
            let wanted: Vec<u64> = ids.range(1..=end).copied().collect();
            prop_assert_eq!(got, wanted);
        }
    }

    #[test]
    fn an_even_range_costs_little_more_than_its_pages() {
        let ids: BTreeSet<u64> = (0..100_000).map(|i| 5_000_000 + i * 3).collect();
        let slicer = Slicer::new(1, 5_300_000, 1000, Some(1), Some(100_000));
        let (got, requests, wasted) = walk(slicer, &ids, 1000);
        assert_eq!(got.len(), 100_000);
        // 133 pages that are three quarters full, and the search for the first id.
        assert!(requests < 180 && wasted <= 1, "{requests} requests, {wasted} pages that could not be used");
    }
}
