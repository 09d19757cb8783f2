//! The walk of a list by ranges of ids, whatever the order in which the server returns them.
//!
//! New records get higher ids, so nothing can enter below an id that exists: a range that ends there is *closed*, it
//! can lose records but not gain any. [`RangeReader`] reads a closed range of at most [`MAX_PAGES`] pages. Longer lists are
//! cut: a count of the records from an id on shows how many are before it, and that an id after it exists.
//!
//! This needs two things of the server: records that stay keep their order, and the parameters for the ids are applied.
//! Both are checked: a range from which fewer records came than it has is read again, the second time in ranges of one
//! page each, in which the order has no effect.
//!
//! An open range, from an id to the end, is not trusted: a server counts and selects in two steps, and a record that is
//! inserted between the two pushes another one out of the page. Its first page shows an id that exists, and so closes the
//! range. The page itself need not be read again: of the closed range, one small page that begins inside the page in
//! hand and brings nothing new shows that nothing was pushed out.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::counts::CountSearch;
use super::range_ends::RangeEnds;
use super::range_reader::{RangePosition, RangeReader, RangeResult, contradicts};
use super::strategy::{PageView, Verdict, WalkError};
use crate::client::Activity;
use crate::error::Completeness;

/// No page with a higher number is requested: deep pages are slow on the server.
const MAX_PAGES: u64 = 20;
/// The fewest records of a page that is requested for its ids: enough to see their order and density.
const SMALLEST_SURVEY: u64 = 20;
/// After this many answers in a row that cannot be used, the run ends as incomplete.
const MAX_RETRIES: u32 = 6;
/// After a range was read again this many times, it is read in ranges of one page; after as many again, the run ends.
const MAX_RESTARTS: u32 = 8;

/// The position of such a walk, as checkpoints store it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RangesPosition {
    /// All ids below this one are covered.
    pub(crate) next: u64,
    /// The highest id that is known to exist.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) top: Option<u64>,
    /// The highest id that was delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) highest: Option<u64>,
    /// The closed range that is being read, from `next` on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    range: Option<RangePosition>,
}

impl RangesPosition {
    pub(crate) fn at(next: u64) -> Self {
        Self { next, ..Self::default() }
    }
}

/// The next request of the walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RangeQuery {
    /// The lowest id, and the highest one of a closed range.
    pub(crate) min: u64,
    pub(crate) max: Option<u64>,
    pub(crate) page: u64,
    pub(crate) size: u64,
    /// Whether its records may be delivered, or only ids and counts are needed.
    pub(crate) delivers: bool,
}

/// What the next request is for.
#[derive(Debug, Clone)]
enum Phase {
    /// Counts the records from the first id on: the most recent ones, this many, are wanted.
    Recent(u64),
    /// Counts the records from `next` on.
    Count,
    /// Searches, by counts, for the first id of the run or for the end of the next range.
    Search(CountSearch, Goal),
    /// The last page of the open range, with small pages: the highest id, when the list ascends by id.
    LastPage {
        page: u64,
        size: u64,
    },
    /// The first page of the open range.
    Open,
    /// The page of the open range is held: one small page of the range up to its highest id shows whether it is whole.
    Confirm(Confirm),
    /// The pages of a closed range.
    Range(RangeReader),
    Done,
}

#[derive(Debug, Clone, Copy)]
enum Goal {
    /// The start of the run: the most recent records, this many.
    Start(u64),
    Range,
}

/// A page in hand that a small page of its closed range confirms.
#[derive(Debug, Clone)]
struct Confirm {
    end: u64,
    page: u64,
    size: u64,
    ids: HashSet<u64>,
    /// Whether it had all records of the open range.
    whole: bool,
}

/// The walk.
#[derive(Debug, Clone)]
pub(crate) struct IdRanges {
    position: RangesPosition,
    phase: Phase,
    /// The page size that is requested, and the records that the server returns for it.
    requested: u64,
    size: u64,
    /// The number of records of the last page that had a next page and another size than requested.
    odd_page: Option<u64>,
    ends: RangeEnds,
    /// The pages of a range: 1 when the server's order is not stable.
    max_pages: u64,
    /// The run ends when this id is covered.
    last: Option<u64>,
    /// Whether the first ids of the open range ascended. Then the highest id that was seen is not near the end, until the last
    /// page has shown it.
    top_is_low: bool,
    /// Whether many records are expected, so that the first page of the open range is requested only for its ids.
    surveys: bool,
    /// The highest id that was seen in this run.
    seen: Option<u64>,
    /// The range up to this id was read again because its highest id was gone.
    reread: Option<u64>,
    retries: u32,
    restarts: u32,
}

impl IdRanges {
    pub(crate) fn new(position: RangesPosition, page_size: u64) -> Self {
        let size = page_size.max(1);
        let phase = match position.range {
            Some(at) => Phase::Range(RangeReader::new(at, false)),
            None if position.top.is_some_and(|top| position.next <= top) => Phase::Count,
            None => Phase::Open,
        };
        Self {
            position,
            phase,
            requested: size,
            size,
            odd_page: None,
            ends: RangeEnds::new(size),
            max_pages: MAX_PAGES,
            last: None,
            top_is_low: false,
            surveys: false,
            seen: None,
            reread: None,
            retries: 0,
            restarts: 0,
        }
    }

    /// Starts at an id from which on there are at least `rows` records, and at most half a page more.
    pub(crate) fn most_recent(mut self, rows: u64) -> Self {
        self.phase = Phase::Recent(rows);
        self
    }

    /// Many records are expected: a small page of the open range is requested first.
    pub(crate) fn with_survey(mut self) -> Self {
        self.surveys = true;
        self
    }

    pub(crate) fn position(&self) -> &RangesPosition {
        &self.position
    }

    pub(crate) fn finished(&self) -> bool {
        matches!(self.phase, Phase::Done)
    }

    /// What the next request is for.
    pub(crate) fn activity(&self) -> Activity {
        match &self.phase {
            Phase::Recent(_) | Phase::Count | Phase::Search(..) | Phase::LastPage { .. } => Activity::Searching,
            Phase::Confirm(_) => Activity::Confirming,
            Phase::Open | Phase::Range(_) | Phase::Done => Activity::Reading,
        }
    }

    /// The next request. Not called when finished.
    pub(crate) fn next_query(&self) -> RangeQuery {
        let next = self.position.next;
        let count = |min, max| RangeQuery { min, max, page: 1, size: 1, delivers: false };
        let survey = self.requested.div_ceil(MAX_PAGES).max(SMALLEST_SURVEY);
        let size = if self.surveys { survey } else { self.requested };
        let open = RangeQuery { min: next, max: None, page: 1, size, delivers: true };
        match &self.phase {
            Phase::Recent(_) | Phase::Count => count(next, None),
            Phase::Search(search, _) => {
                let size = if search.samples() { SMALLEST_SURVEY } else { 1 };
                RangeQuery { size, ..count(self.ends.probe(search).unwrap_or(next), None) }
            }
            Phase::LastPage { page, size } => RangeQuery { page: *page, size: *size, delivers: false, ..open },
            Phase::Open | Phase::Done => open,
            Phase::Confirm(Confirm { end, page, size, .. }) => {
                RangeQuery { max: Some(*end), page: *page, size: *size, delivers: false, ..open }
            }
            Phase::Range(range) if range.counts() => count(next, Some(range.at().end)),
            Phase::Range(range) => {
                let RangePosition { end, size, page, .. } = range.at();
                let size = if size == self.size { self.requested } else { size };
                RangeQuery { max: Some(end), page, size, ..open }
            }
        }
    }

    /// Takes the answer. `ids` are the ids of its records, all of them in the range that was requested.
    pub(crate) fn enter(&mut self, page: &dyn PageView, ids: &[u64]) -> Result<Verdict, WalkError> {
        let confirms = matches!(self.phase, Phase::Confirm(_));
        // One record without an id that is a number must not block the sync; of several, none can be placed.
        if !confirms && ((ids.is_empty() && page.rows() > 1) || (page.rows() > 0 && page.total() == Some(0))) {
            return self.retry(page);
        }
        let numbered = matches!(self.phase, Phase::LastPage { .. } | Phase::Confirm(_) | Phase::Range(_));
        if !numbered && page.contradicts_itself() {
            return self.retry(page);
        }
        self.seen = self.seen.max(ids.iter().copied().max());
        // A record that is counted has an id in the requested range, whether the id can be read or not.
        let counted = Some(self.next_query().min).filter(|_| page.rows() > 0);
        self.position.top = self.position.top.max(ids.iter().copied().max()).max(counted);
        match &self.phase {
            Phase::Recent(rows) => self.on_recent(*rows, page),
            Phase::Count => {
                self.ends.counts().insert(self.position.next, page.count());
                self.next_range();
            }
            Phase::Search(..) => return self.on_search(page, ids),
            Phase::LastPage { .. } if ids.is_empty() => {
                // There are fewer records now.
                self.phase = Phase::Open;
                return self.retry(page);
            }
            Phase::LastPage { .. } => {
                self.top_is_low = false;
                self.ends.counts().insert(self.position.next, page.count());
                self.next_range();
            }
            Phase::Open => return self.on_open(page, ids),
            Phase::Confirm(_) => return Ok(self.on_confirm(page, ids)),
            Phase::Range(_) => return self.on_range(page, ids),
            Phase::Done => {}
        }
        Ok(Verdict::Skip)
    }

    fn on_recent(&mut self, rows: u64, page: &dyn PageView) {
        let (next, total) = (self.position.next, page.count());
        let most = rows.saturating_add(self.size / 2);
        self.ends.counts().insert(next, total);
        self.phase = if total > most {
            Phase::Search(CountSearch::new(next, rows, most, total - rows), Goal::Start(rows))
        } else {
            Phase::Open
        };
    }

    fn on_search(&mut self, page: &dyn PageView, ids: &[u64]) -> Result<Verdict, WalkError> {
        let (from, longest) = (self.next_query().min, self.longest());
        let Phase::Search(search, goal) = &mut self.phase else { return Ok(Verdict::Skip) };
        self.ends.counted(search, from, page.count(), ids, longest);
        match (self.ends.found(search), *goal) {
            (Some(id), Goal::Start(_)) => {
                // The search may have taken many requests, so its result is saved: a batch without records.
                self.position.next = id;
                self.phase = Phase::Open;
                return Ok(Verdict::Deliver);
            }
            (Some(id), Goal::Range) => self.close_before(id),
            (None, _) if self.ends.probe(search).is_some() => {}
            (None, goal) => {
                // The list changed during the search, or the counts do not follow the ids.
                self.ends.counts().clear();
                self.phase = match goal {
                    Goal::Start(rows) => Phase::Recent(rows),
                    Goal::Range => Phase::Count,
                };
                return self.retry(page);
            }
        }
        Ok(Verdict::Skip)
    }

    fn on_open(&mut self, page: &dyn PageView, ids: &[u64]) -> Result<Verdict, WalkError> {
        let (rows, total, whole) = (page.rows(), page.count(), page.is_whole());
        let survey = std::mem::take(&mut self.surveys);
        if !survey && !whole && rows != self.size && self.is_odd(rows, self.requested) {
            return self.retry(page);
        }
        let different: HashSet<u64> = ids.iter().copied().collect();
        if different.len() < ids.len() {
            return self.retry(page);
        }
        self.ends.counts().clear();
        self.ends.counts().insert(self.position.next, total);
        // Two more answers must agree when a higher id was seen: an older copy of the data lacks the newest records.
        if whole && self.lacks_seen_id(ids) && self.retries < 2 {
            return self.retry(page);
        }
        let Some(&end) = ids.iter().max() else {
            if !whole {
                return self.retry(page);
            }
            self.phase = Phase::Done;
            // A record without an id is delivered; it comes again with the next run.
            return Ok(if rows > 0 { Verdict::Deliver } else { Verdict::Skip });
        };
        self.top_is_low = ids.is_sorted();
        if !whole {
            self.ends.first_page(self.position.next, ids, total, self.size, self.longest());
        }
        let in_order = self.size == self.requested && self.max_pages > 1;
        if in_order && (whole || (!survey && ids.is_sorted())) {
            // A twentieth of the page, so that its number is at most 20.
            let size = rows.div_ceil(MAX_PAGES);
            self.phase = Phase::Confirm(Confirm { end, page: rows.div_ceil(size), size, ids: different, whole });
            return Ok(Verdict::Hold);
        }
        if whole {
            self.last = Some(end);
            self.start_range(end, rows);
        } else {
            self.next_range();
        }
        Ok(Verdict::Skip)
    }

    /// The page in hand is the first part of the open range, in the server's order. A page of the closed range that begins
    /// inside it, reaches the end and has no other record shows that no record of the closed range is missing.
    fn on_confirm(&mut self, page: &dyn PageView, ids: &[u64]) -> Verdict {
        let Phase::Confirm(confirm) = std::mem::replace(&mut self.phase, Phase::Count) else { return Verdict::Skip };
        let rows = confirm.ids.len() as u64;
        let known = !ids.is_empty() && ids.iter().all(|id| confirm.ids.contains(id));
        let not_more = page.total().is_some_and(|total| total <= rows);
        if known && not_more && !page.has_next() && !contradicts(page, confirm.page, confirm.size) {
            let left = self.ends.counts().from(self.position.next).unwrap_or_default().saturating_sub(rows);
            self.position.highest = self.position.highest.max(Some(confirm.end));
            self.retries = 0;
            self.cover(confirm.end);
            if confirm.whole {
                self.phase = Phase::Done;
            } else {
                self.ends.counts().insert(self.position.next, left);
                self.next_range();
            }
            return Verdict::DeliverHeld;
        }
        // The closed range has more records than the page, or others: it is read like any range.
        self.last = confirm.whole.then_some(confirm.end);
        self.start_range(confirm.end, page.total().filter(|total| *total > 0).unwrap_or(rows));
        Verdict::Skip
    }

    /// Selects the next range, or the request that is needed for it.
    fn next_range(&mut self) {
        let next = self.position.next;
        let top = self.position.top.filter(|top| *top >= next && !self.top_is_low);
        let Some(rows) = self.ends.counts().from(next) else {
            self.phase = if top.is_some() { Phase::Count } else { Phase::Open };
            return;
        };
        let longest = self.longest();
        match top {
            _ if rows == 0 => self.phase = Phase::Open,
            _ if rows > longest => {
                let is_first = self.position.highest.is_none();
                let search = self.ends.search(next, rows, self.size, longest, is_first);
                match self.ends.found(&search) {
                    Some(id) => self.close_before(id),
                    None => self.phase = Phase::Search(search, Goal::Range),
                }
            }
            Some(top) => self.start_range(top, rows),
            None if self.size == self.requested => {
                let size = rows.div_ceil(MAX_PAGES);
                self.phase = Phase::LastPage { page: rows.div_ceil(size), size };
            }
            // The server gives pages of its own size.
            None => self.phase = Phase::LastPage { page: rows.div_ceil(self.size), size: self.requested },
        }
    }

    /// The next range ends before `id`, from which on the records are counted.
    fn close_before(&mut self, id: u64) {
        let mut count = |id| self.ends.counts().from(id).unwrap_or_default();
        let rows = count(self.position.next).saturating_sub(count(id));
        self.start_range(id - 1, rows);
    }

    /// Reads the closed range from `next` to `end`, which has about `rows` records, from its last page on.
    fn start_range(&mut self, end: u64, rows: u64) {
        let page = rows.div_ceil(self.size).max(1);
        if page > self.max_pages {
            let counts = self.ends.counts();
            let after = counts.from(end.saturating_add(1)).unwrap_or_default();
            counts.insert(self.position.next, rows.saturating_add(after));
            counts.insert(end.saturating_add(1), after);
            self.position.range = None;
            return self.next_range();
        }
        let at = RangePosition { end, size: self.size, page, count: None };
        self.position.range = Some(at);
        self.phase = Phase::Range(RangeReader::new(at, true));
    }

    fn on_range(&mut self, page: &dyn PageView, ids: &[u64]) -> Result<Verdict, WalkError> {
        let Phase::Range(range) = &mut self.phase else { return Ok(Verdict::Skip) };
        let result = range.enter(page, ids);
        let (at, total) = (range.at(), page.count());
        let new = match result {
            RangeResult::Read { new } => new,
            RangeResult::ReadAll { new, too_few } => {
                self.retries = 0;
                self.delivered(ids);
                self.range_read(too_few)?;
                return Ok(if new { Verdict::Deliver } else { Verdict::Skip });
            }
            RangeResult::Contradiction => {
                if self.retries == 2 && self.restarts <= MAX_RESTARTS {
                    // The server may give pages of another size than requested: the first page of the open range shows it.
                    self.restarts += 1;
                    (self.position.range, self.phase) = (None, Phase::Open);
                }
                return self.retry(page);
            }
            RangeResult::OtherSize => {
                let requested = self.next_query().size;
                if self.is_odd(page.rows(), requested) {
                    return self.retry(page);
                }
                self.start_range(at.end, total);
                return Ok(Verdict::Skip);
            }
            RangeResult::Again { page } => {
                range.read_from(page, total);
                self.position.range = Some(range.at());
                self.restart(total)?;
                if page > self.max_pages {
                    self.start_range(at.end, total);
                }
                return Ok(Verdict::Skip);
            }
            RangeResult::Skip => {
                if at.page > self.max_pages {
                    self.start_range(at.end, total);
                }
                return Ok(Verdict::Skip);
            }
        };
        self.position.range = Some(at);
        self.retries = 0;
        self.delivered(ids);
        Ok(if new { Verdict::Deliver } else { Verdict::Skip })
    }

    /// All pages of the range are read: goes to the next range, or reads this one again.
    fn range_read(&mut self, too_few: bool) -> Result<(), WalkError> {
        let Phase::Range(range) = &self.phase else { return Ok(()) };
        let (end, total, lowest) = (range.at().end, range.last_count(), range.lowest());
        if too_few {
            self.restart(total)?;
            if self.restarts > 1 {
                self.max_pages = 1;
            }
            self.start_range(end, total);
            return Ok(());
        }
        let read_end = range.may_have_read_its_end();
        let gone = self.position.top == Some(end) && (self.position.highest < Some(end) || !read_end);
        if gone && self.position.highest >= Some(end) && self.reread != Some(end) {
            // It was delivered before, and the range is read again since then: two answers must agree that it is gone.
            self.restart(total)?;
            self.reread = Some(end);
            self.start_range(end, total.max(1));
            return Ok(());
        }
        if gone && self.position.highest < Some(end) {
            // The record with the highest id is gone, or an older copy of the data answered, which lacks the newest records:
            // what is after the last delivered record is asked for again.
            self.restart(total)?;
            let after = self.position.highest.map_or(0, |highest| highest.saturating_add(1));
            self.position.next = self.position.next.max(after);
            (self.position.top, self.position.range) = (None, None);
            self.phase = Phase::Open;
            return Ok(());
        }
        self.restarts = 0;
        self.ends.range_read(self.position.next, end, total, lowest, self.size);
        self.cover(end);
        if self.last.is_some_and(|last| last <= end) || end == u64::MAX {
            self.phase = Phase::Done;
        } else {
            self.next_range();
        }
        Ok(())
    }

    /// Whether a higher id was seen in this run than any that was delivered or is among these: its record was deleted, or an
    /// older copy of the data answered.
    pub(crate) fn lacks_seen_id(&self, ids: &[u64]) -> bool {
        self.seen > self.position.highest.max(ids.iter().copied().max())
    }

    /// All ids up to `end` are covered.
    fn cover(&mut self, end: u64) {
        self.position.next = end.saturating_add(1);
        self.position.range = None;
        self.ends.counts().forget_below(self.position.next);
    }

    fn delivered(&mut self, ids: &[u64]) {
        self.position.highest = self.position.highest.max(ids.iter().copied().max());
    }

    /// The most records of a range.
    fn longest(&self) -> u64 {
        self.max_pages.saturating_mul(self.size)
    }

    /// A page with a next page has another size than requested: a temporary fault, unless it happens twice in a row. Then
    /// it is the size that the server gives for this request.
    fn is_odd(&mut self, rows: u64, requested: u64) -> bool {
        if self.odd_page.replace(rows) != Some(rows) || rows == 0 {
            return true;
        }
        (self.odd_page, self.requested, self.size) = (None, requested, rows);
        false
    }

    /// The range is read again. Too often: in ranges of one page, and after that the run ends.
    fn restart(&mut self, total: u64) -> Result<(), WalkError> {
        self.restarts += 1;
        if self.restarts > 2 * MAX_RESTARTS {
            let (first_total, last_total) = (Some(total), Some(total));
            return Err(WalkError::Incomplete(Completeness::Drifted { first_total, last_total, repeated: 0 }));
        }
        if self.restarts > MAX_RESTARTS {
            self.max_pages = 1;
        }
        Ok(())
    }

    /// The answer is not used, and the same is asked again; after [`MAX_RETRIES`] times records are missing.
    fn retry(&mut self, page: &dyn PageView) -> Result<Verdict, WalkError> {
        self.retries += 1;
        if self.retries < MAX_RETRIES {
            return Ok(Verdict::Skip);
        }
        let (rows, total) = (page.rows(), page.total());
        Err(WalkError::Incomplete(match total {
            Some(total) if total > rows => Completeness::ShortBy(total - rows),
            _ => Completeness::Drifted { first_total: total, last_total: Some(rows), repeated: 0 },
        }))
    }
}

#[cfg(test)]
mod tests;
