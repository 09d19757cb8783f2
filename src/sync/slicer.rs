//! Cuts a line (ids, or days) into slices that fit one page each.
//!
//! A listing that is walked by page number changes under the walker: when earlier rows go away, later ones move up and are
//! skipped. A slice that fits one page is one answer, and nothing can move. The slicer adapts the width to the density it
//! sees; where it cannot know, it asks for the count first.

/// What to ask about a slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SliceQuery {
    /// Fetch it: it should fit.
    Fetch(u64, u64),
    /// SliceQuery how many rows it has: it may be far too large, or empty.
    Count(u64, u64),
}

/// How much of a page a slice should fill, in percent: room for uneven density.
const FILL: u128 = 75;
/// The most that a slice grows from one to the next while the density is known.
const GROWTH: u64 = 4;
/// The growth over empty stretches, which cost one small request each.
const STRIDE: u64 = 8;

/// A line from `next` to `end`, both inclusive, that is asked for slice by slice.
#[derive(Debug, Clone)]
pub(crate) struct Slicer {
    next: u64,
    end: u64,
    /// Whether the end is reached; `next` cannot tell when the line ends with the greatest number there is.
    covered: bool,
    /// Rows that fit one page.
    capacity: u64,
    /// Rows at most at one point of the line, where that is known: one for ids, unknown for days.
    rows_per_point: Option<u64>,
    width: u64,
    /// Whether `width` comes from a density that was just seen.
    sure: bool,
    /// The end of a stretch that has more rows than fit: an empty stretch before it is halved, not leapt over.
    crowded: Option<u64>,
}

impl Slicer {
    /// `expected`: how many rows the whole line has, where that is known.
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
            sure: false,
            crowded: None,
        };
        Self { width: width.max(slicer.surely_fits()).clamp(1, span), ..slicer }
    }

    /// A line that was just seen to fit one page.
    pub(crate) fn one(next: u64, end: u64, capacity: u64, rows_per_point: Option<u64>) -> Self {
        Self {
            width: end.saturating_sub(next).saturating_add(1),
            sure: true,
            ..Self::new(next, end, capacity, rows_per_point, None)
        }
    }

    /// The widest slice that fits whatever the density.
    fn surely_fits(&self) -> u64 {
        self.rows_per_point.map_or(1, |rows| (self.capacity / rows.max(1)).max(1))
    }

    /// The next slice; `None` when the line is covered.
    pub(crate) fn ask(&self) -> Option<SliceQuery> {
        (!self.covered && self.next <= self.end).then(|| {
            let last = self.last();
            let points = (last - self.next).saturating_add(1);
            let fits = self.rows_per_point.is_some() && points <= self.surely_fits();
            if self.sure || fits { SliceQuery::Fetch(self.next, last) } else { SliceQuery::Count(self.next, last) }
        })
    }

    /// The first point that is not covered.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// Takes the count of the current slice.
    pub(crate) fn counted(&mut self, rows: u64) {
        if rows == 0 {
            self.pass_empty();
        } else if rows <= self.capacity {
            self.sure = true;
        } else {
            self.narrow(rows);
        }
    }

    /// The current slice was fetched and is whole.
    pub(crate) fn fits(&mut self, rows: u64) {
        let points = (self.last() - self.next).saturating_add(1);
        if rows == 0 {
            self.pass_empty();
        } else {
            self.step_to(self.last());
            let width = scaled(points, self.capacity, rows).min(points.saturating_mul(GROWTH));
            self.width = width.max(self.surely_fits());
            self.sure = true;
        }
    }

    /// The current slice has more rows than fit. Returns false when it cannot be narrowed.
    pub(crate) fn overflows(&mut self, rows: u64) -> bool {
        let narrow = self.next < self.last();
        self.narrow(rows);
        narrow
    }

    /// The server gives smaller pages than it was asked for.
    pub(crate) fn clamp(&mut self, capacity: u64) {
        self.capacity = self.capacity.min(capacity.max(1));
    }

    /// The current point is covered by other means.
    pub(crate) fn pass_point(&mut self) {
        self.step_to(self.next);
    }

    /// Everything up to `last` is covered.
    fn step_to(&mut self, last: u64) {
        self.covered = last >= self.end;
        self.next = last.saturating_add(1);
    }

    /// Steps over an empty stretch.
    fn pass_empty(&mut self) {
        self.step_to(self.last());
        self.sure = false;
        self.crowded = self.crowded.filter(|end| *end > self.next);
        self.width = match self.crowded {
            Some(end) => ((end - self.next) / 2).max(1),
            None => self.width.saturating_mul(STRIDE),
        };
    }

    fn narrow(&mut self, rows: u64) {
        let points = (self.last() - self.next).saturating_add(1);
        self.crowded = Some(self.last());
        let width = scaled(points, self.capacity, rows).min(points / 2);
        self.width = width.max(self.surely_fits().min(points / 2)).max(1);
    }

    fn last(&self) -> u64 {
        self.next.saturating_add(self.width - 1).min(self.end)
    }
}

/// The width that should hold `FILL` percent of `capacity` rows, when `points` hold `rows`.
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

    /// Walks a population and returns what was covered, the requests, and the pages that were fetched for nothing.
    fn walk(mut slicer: Slicer, ids: &BTreeSet<u64>, page: u64) -> (Vec<u64>, u64, u64) {
        let (mut got, mut requests, mut wasted) = (Vec::new(), 0, 0);
        while let Some(ask) = slicer.ask() {
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
                    assert!(slicer.overflows(rows.len() as u64), "one id always fits");
                }
            }
        }
        (got, requests, wasted)
    }

    proptest! {
        #[test]
        fn every_row_is_covered_exactly_once(
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
    fn an_even_line_costs_little_more_than_its_pages() {
        let ids: BTreeSet<u64> = (0..100_000).map(|i| 5_000_000 + i * 3).collect();
        let slicer = Slicer::new(1, 5_300_000, 1000, Some(1), Some(100_000));
        let (got, requests, wasted) = walk(slicer, &ids, 1000);
        assert_eq!(got.len(), 100_000);
        // 133 pages at three quarters full, and the search for the beginning of the line.
        assert!(requests < 180 && wasted <= 1, "{requests} requests, {wasted} pages for nothing");
    }
}
