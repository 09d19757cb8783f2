//! Reads one closed range of ids, from its last page to its first.
//!
//! When records are deleted, the others move towards the first page. Read from the last page to the first, a list that only
//! shrinks shows every record that stays: before a page is read, a record is on this page or on one before it, and it never
//! moves to a page that was already read. So a page is requested once, whatever is deleted meanwhile, and a run that was
//! stopped continues with the next page without any comparison.
//!
//! What the answers must fulfil is checked: the count never rises, because nothing can enter; and a range that was read from
//! its end has shown as many records as it has in the end, unless the server's order is not stable.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::strategy::PageView;

/// The position in a range, as checkpoints store it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RangePosition {
    /// The last id of the range.
    pub(super) end: u64,
    /// The page size, and the page to read next, from 1. The pages after it are read.
    pub(super) size: u64,
    pub(super) page: u64,
    /// The count of the last answer, so that a later one that is higher is noticed after a kill as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) count: Option<u64>,
}

/// The range that is being read.
#[derive(Debug, Clone)]
pub(super) struct RangeReader {
    at: RangePosition,
    counting: Counting,
    /// Whether all pages were read in this run, so that `ids` are all of them.
    from_its_end: bool,
    /// The page at which the count last fell, and the count before. When a later count is higher again, the pages from this
    /// one on came from an older copy of the data.
    fell: Option<(u64, u64)>,
    /// Whether all pages are read, and the records are counted because the count had fallen.
    ends: bool,
    /// The ids that were read, and how many records had none that is a number.
    ids: HashSet<u64>,
    without_id: u64,
}

/// Whether the records are counted before a page is read. That is needed when the page at which the range should end does not
/// exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counting {
    NotNeeded,
    Now,
    Done,
}

/// What an answer means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RangeResult {
    /// The page is read; it is delivered when it has a record that was not read before.
    Read { new: bool },
    /// The same, and the range is read. Whether fewer records were read than the range has in the end.
    ReadAll { new: bool, too_few: bool },
    /// The answer cannot be used: the page has another number of records than its count says.
    Contradiction,
    /// The page has another size than requested, and a next page.
    OtherSize,
    /// Earlier answers came from an older copy of the data, or there are more records than expected: `RangeReader::read_from`
    /// this page on.
    Again { page: u64 },
    /// Another request follows.
    Skip,
}

impl RangeReader {
    /// A range that begins with its last page, or one that a run before has begun.
    pub(super) fn new(at: RangePosition, from_its_end: bool) -> Self {
        Self {
            at,
            counting: Counting::NotNeeded,
            from_its_end,
            fell: None,
            ends: false,
            ids: HashSet::new(),
            without_id: 0,
        }
    }

    pub(super) fn at(&self) -> RangePosition {
        self.at
    }

    /// Whether the next request is for a count, not for the page.
    pub(super) fn counts(&self) -> bool {
        self.counting == Counting::Now
    }

    /// The count of the last answer.
    pub(super) fn last_count(&self) -> u64 {
        self.at.count.unwrap_or_default()
    }

    /// Whether the last id of the range was read, as far as known: of a range that a run before has begun, it is not.
    pub(super) fn may_have_read_its_end(&self) -> bool {
        !self.from_its_end || self.ids.contains(&self.at.end)
    }

    /// The lowest id that was read.
    pub(super) fn lowest(&self) -> Option<u64> {
        self.ids.iter().copied().min()
    }

    /// Continues with this page and this count.
    pub(super) fn read_from(&mut self, page: u64, total: u64) {
        (self.at.count, self.fell, self.ends) = (Some(total), None, false);
        self.at.page = page.max(1);
    }

    /// Takes the answer. `ids` are the ids of its records.
    pub(super) fn enter(&mut self, page: &dyn PageView, ids: &[u64]) -> RangeResult {
        if self.counts() {
            let last = page.count().div_ceil(self.at.size).max(1);
            self.counting = Counting::Done;
            if self.at.count.is_some_and(|before| page.count() > before) {
                return RangeResult::Again { page: self.stale_from(page.count(), last) };
            }
            if self.ends {
                return self.all_read(false);
            }
            // When the page exists, the answer that it does not came from an older copy of the data: it is asked for again.
            self.at.page = if self.at.count.is_none() { last } else { self.at.page.min(last) };
            return RangeResult::Skip;
        }
        let (rows, first) = (page.rows(), self.at.count.is_none());
        let Some(total) = page.total() else {
            if rows > 0 || page.has_next() {
                return RangeResult::Contradiction;
            }
            // The page is past the end: records were deleted, there were fewer, or an older copy of the data has fewer.
            if self.counting == Counting::NotNeeded {
                self.counting = Counting::Now;
                return RangeResult::Skip;
            }
            if self.at.page > 1 {
                return RangeResult::Contradiction;
            }
            return self.page_before(false);
        };
        if page.has_next() && rows > 0 && rows != self.at.size {
            return RangeResult::OtherSize;
        }
        if contradicts(page, self.at.page, self.at.size) {
            return RangeResult::Contradiction;
        }
        let last = total.div_ceil(self.at.size).max(1);
        if first && page.has_next() && self.from_its_end {
            return RangeResult::Again { page: last };
        }
        let before = self.at.count.replace(total).unwrap_or(total);
        if total > before {
            return RangeResult::Again { page: self.stale_from(total, last) };
        }
        if total < before {
            self.fell = Some((self.at.page, before));
        }
        self.counting = Counting::NotNeeded;
        let known = self.ids.len();
        self.ids.extend(ids);
        let without_id = rows.saturating_sub(ids.len() as u64);
        self.without_id += without_id;
        let new = self.ids.len() > known || without_id > 0;
        self.page_before(new)
    }

    /// The page from which on the answers came from an older copy of the data, when the count is `total` now.
    fn stale_from(&self, total: u64, last: u64) -> u64 {
        self.fell.filter(|(_, count)| total <= *count).map_or(last, |(page, _)| page).max(self.at.page)
    }

    /// The page is read: the one before it is next.
    fn page_before(&mut self, new: bool) -> RangeResult {
        if self.at.page > 1 {
            self.at.page -= 1;
            return RangeResult::Read { new };
        }
        // The last answers of a range may come from an older copy of the data: another answer must agree.
        if self.fell.is_some() && !self.ends {
            (self.ends, self.counting) = (true, Counting::Now);
            return RangeResult::Read { new };
        }
        self.all_read(new)
    }

    fn all_read(&self, new: bool) -> RangeResult {
        let read = self.ids.len() as u64 + self.without_id;
        RangeResult::ReadAll { new, too_few: self.from_its_end && read < self.last_count() }
    }
}

/// Whether the number of records of a page, or its next page, does not fit the count that the server gives with it.
pub(super) fn contradicts(page: &dyn PageView, number: u64, size: u64) -> bool {
    let Some(total) = page.total() else { return false };
    let start = (number - 1).saturating_mul(size);
    let expected = total.saturating_sub(start).min(size);
    page.rows() != expected || page.has_next() != (total > start.saturating_add(expected))
}
