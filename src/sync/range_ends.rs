//! Where the ranges of a list end: the counts that are known, and how dense the ids are. A wrong guess costs requests, never
//! records.

use super::counts::{CountSearch, Counts, Hint};
use super::density::{HighestIds, cut_of_sample, median_gap, multiplied};

/// What is known of the places of the records.
#[derive(Debug, Clone)]
pub(super) struct RangeEnds {
    counts: Counts,
    /// The ids that one page of records takes up, as far as known.
    stride: u64,
    /// Whether the first ids of the open range ascended.
    ascends: bool,
    /// In a list that descends.
    highest_ids: Option<HighestIds>,
    /// For the next search.
    hint: Hint,
}

/// The records of a range when there is a choice: fewer than the most, so that an uneven density does not lead over it.
fn wanted(longest: u64) -> u64 {
    multiplied(longest, 4, 5)
}

impl RangeEnds {
    pub(super) fn new(size: u64) -> Self {
        Self { counts: Counts::default(), stride: size, ascends: true, highest_ids: None, hint: Hint::Nothing }
    }

    /// The known counts of records from an id on.
    pub(super) fn counts(&mut self) -> &mut Counts {
        &mut self.counts
    }

    /// The id to count from next in this search; `None` when no id can be found by counting.
    pub(super) fn probe(&self, search: &CountSearch) -> Option<u64> {
        search.probe(&self.counts)
    }

    /// The id that this search has found.
    pub(super) fn found(&self, search: &CountSearch) -> Option<u64> {
        search.found(&self.counts)
    }

    /// Takes the first ids of the open range from `next` on, which has `total` records, more than these.
    pub(super) fn first_page(&mut self, next: u64, ids: &[u64], total: u64, size: u64, longest: u64) {
        let (Some(&lowest), Some(&highest)) = (ids.iter().min(), ids.iter().max()) else { return };
        let others = (ids.len() as u64).saturating_sub(1);
        let wanted = wanted(longest).min(total);
        (self.ascends, self.highest_ids) = (ids.is_sorted(), None);
        if self.ascends {
            let gap = median_gap(ids);
            self.stride = gap.saturating_mul(size);
            let after = wanted.saturating_sub(others + 1).max(1);
            self.hint = Hint::Cut(highest.saturating_add(gap.saturating_mul(after)));
            return;
        }
        // By publication date, the first records have the highest ids as well, if not in order.
        let at_the_top = lowest.saturating_sub(next) > highest - lowest;
        if !at_the_top && !ids.iter().rev().is_sorted() {
            self.hint = cut_of_sample(ids, wanted, total).map_or(Hint::Nothing, Hint::Cut);
            return;
        }
        let ids = HighestIds { top: highest, stride: multiplied(1, highest - lowest, others) };
        // The records are spread evenly from the first id of the run on, or all are as dense as the highest ones.
        let even = next.saturating_add(multiplied(highest.saturating_sub(next), wanted, total));
        let dense = ids.id_before(total - wanted);
        let begins_late = dense.saturating_sub(next) > (highest - next) / 5 * 2;
        self.hint = Hint::Cut(if begins_late { dense } else { even });
        self.highest_ids = Some(ids);
    }

    /// The search for the end of the range from `next` on, from which on there are `rows` records, more than `longest`. The
    /// first range may be short, so that the first records arrive soon.
    pub(super) fn search(&mut self, next: u64, rows: u64, size: u64, longest: u64, is_first: bool) -> CountSearch {
        // Some of the newest records stay outside: an older copy of the data lacks them.
        let least = (rows - longest).max(size / 4).max(1);
        let most = (rows - multiplied(longest, 3, 5)).max(least);
        let stride = multiplied(self.stride, wanted(longest), size);
        let (probes, passed) = if is_first { (1, 1) } else { (2, size / 2) };
        let search = CountSearch::new(next, least, most, stride).lenient_after(probes, passed);
        search.hint(std::mem::take(&mut self.hint)).ends_at(self.highest_ids.map(|ids| ids.top))
    }

    /// Takes the answer to a request of a search: from `from` on there are `total` records, of which these are some ids.
    pub(super) fn counted(&mut self, search: &mut CountSearch, from: u64, total: u64, ids: &[u64], longest: u64) {
        let (low, above) = search.low(&self.counts);
        let nothing_before = from > low && total == above;
        self.counts.insert(from, total);
        let (wanted, first) = (wanted(longest).min(total), ids.first().filter(|_| self.ascends));
        search.counted(match (first, self.highest_ids) {
            _ if search.samples() => cut_of_sample(ids, wanted, total).map_or(Hint::Nothing, Hint::Cut),
            _ if !nothing_before => Hint::Nothing,
            // In a list that ascends, the first record is the lowest one.
            (Some(first), _) => Hint::Begins(*first),
            // The list is probably as dense as at its end, where that is known.
            (None, Some(ids)) => Hint::Cut(ids.id_before(total - wanted)),
            (None, None) => Hint::Sample(from),
        });
        self.hint = first.map_or(Hint::Nothing, |first| Hint::Begins(*first));
    }

    /// A range is read: all ids up to `end`, from `next` on, with `total` records of which `lowest` is the first.
    pub(super) fn range_read(&mut self, next: u64, end: u64, total: u64, lowest: Option<u64>, size: u64) {
        // A long gap before the records says nothing of their density, unless there are few of them.
        let from = lowest.filter(|_| total >= size).unwrap_or(next);
        if total > 0 {
            self.stride = multiplied(end - from, size, total).max(size);
        }
    }
}
