//! The sync by id: reads ranges of ids that fit one page each, whatever the order in which the server returns rows.
//!
//! A run first requests the ids from its first id on. If they fit one page, the run ends at the highest of them. If
//! not, a few small requests find an id with rows before and after it. The run reads the *closed part*, all ids below
//! it, in ranges, and then repeats this from that id on.
//!
//! Rows are read from closed ranges only. New rows get higher ids, so a range that ends at an existing id can lose rows
//! but not gain one. An open range can miss a row: a server counts and selects in two steps, a row inserted between
//! them pushes another one out of the page, and a third that is deleted makes the count right again. The position is
//! one integer.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::endpoint::ListEndpoint;
use super::models::Job;
use super::requests::JobsRequest;
use super::sliced_jobs::{SlicedJobs, ids, published_from};
use crate::checkpoint::Mark;
use crate::client::setters;
use crate::error::{Error, Result};
use crate::listing::{Endpoint, Fingerprint};
use crate::sync::{
    PageView, RunStart, SliceQuery, Slicer, Step, Strategy, SyncOptions, SyncRequest, Verdict, WalkError, sync_request,
};

/// Where the first run of an id sync begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Bootstrap {
    /// At the first job of the data set.
    #[default]
    All,
    /// At this id.
    FromId(u64),
    /// The first run reads the jobs published on this day or later. Later runs read by id, so a job that is added late
    /// with an old date arrives too. The server is assumed to combine id and date parameters (inferred); the ids and
    /// dates of each answer are checked.
    Since(Date),
    /// At an id from which on there are about `n` jobs: not fewer, if that many exist, and at most half a page more.
    MostRecent(u64),
}

sync_request! {
    /// The sync by id, from [`JobsRequest::sync_by_id`].
    SyncById = ById;
}

#[derive(Debug)]
struct ById {
    jobs: ListEndpoint,
    bootstrap: Bootstrap,
    overlap: u64,
}

impl JobsRequest {
    /// Syncs by id: the first run starts as [`Bootstrap`] says (default: all jobs), each later run reads the
    /// jobs with an id above the watermark. Needs plan access or better.
    ///
    /// A first run of more than one page starts with some small requests, to find the first id and the density of ids.
    ///
    /// Later edits of a job are not read: the API has no parameter to select them.
    pub fn sync_by_id<'s, C: 's>(self, key: impl Into<String>, store: C) -> SyncById<'s, Job, C> {
        let options = |jobs| ById { jobs, bootstrap: Bootstrap::default(), overlap: 0 };
        SyncById { sync: SyncRequest::of(self.list, key, store, options) }
    }
}

setters! { [T, C] SyncById<'_, T, C> {
    /// Where the first run begins. Later runs start at the watermark and ignore it.
    bootstrap(bootstrap: Bootstrap) => sync.options.bootstrap = bootstrap;
    /// Reads the last `ids` ids below the watermark again, for rows that became visible after rows with higher ids.
    /// Default 0.
    overlap(ids: u64) => sync.options.overlap = ids;
} }

impl SyncOptions for ById {
    const STRATEGY: &'static str = "by-id";

    fn fingerprint(&self) -> Fingerprint {
        self.jobs.fingerprint()
    }

    fn begin(self, start: &RunStart<'_>) -> Result<Box<dyn Strategy>> {
        let jobs = SlicedJobs::new(self.jobs)?;
        let before = match start.watermark() {
            Some(Mark::Id(id)) => Some(id),
            _ => None,
        };
        let capacity = jobs.capacity();
        let walk = |position, phase| Box::new(IdWalk { jobs, before, position, phase, rows_after: 0, ends: false });
        if let Some(position) = start.position::<IdPosition>()? {
            let phase = position.slices(capacity, None);
            return Ok(walk(position, phase));
        }
        if let Some(watermark) = before {
            let next = watermark.saturating_add(1).saturating_sub(self.overlap).max(1);
            return Ok(walk(IdPosition { next, ..IdPosition::default() }, Phase::Open));
        }
        let position = IdPosition { next: 1, ..IdPosition::default() };
        Ok(match self.bootstrap {
            Bootstrap::All => walk(position, Phase::Size),
            Bootstrap::FromId(0) => return Err(Error::invalid("bootstrap id", "0", "1 or more")),
            Bootstrap::FromId(next) => walk(IdPosition { next, ..position }, Phase::Size),
            Bootstrap::Since(day) => walk(IdPosition { since: Some(day), ..position }, Phase::Size),
            Bootstrap::MostRecent(0) => return Err(Error::invalid("bootstrap count", "0", "1 or more jobs")),
            Bootstrap::MostRecent(rows) => walk(position, Phase::Recent(rows)),
        })
    }
}

/// The frozen window and the position, as the state keeps them.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct IdPosition {
    /// All ids of this run below this one are covered.
    next: u64,
    /// The last id of the closed part, once it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    upper: Option<u64>,
    /// The highest id seen in this run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    highest: Option<u64>,
    /// The first publication day, from [`Bootstrap::Since`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    since: Option<Date>,
}

impl IdPosition {
    /// The phase for this position: the closed part if some of it is not covered, else the open part.
    fn slices(&self, capacity: u64, expected: Option<u64>) -> Phase {
        match self.upper {
            Some(upper) if self.next <= upper => {
                Phase::Slices(Slicer::new(self.next, upper, capacity, Some(1), expected))
            }
            _ => Phase::Open,
        }
    }
}

#[derive(Debug)]
enum Phase {
    /// Counts the jobs from `next` on.
    Size,
    /// Counts all jobs; this many of the most recent ones are wanted.
    Recent(u64),
    /// Searches for an id by the number of jobs from it on.
    Search(Search),
    /// Reads the closed part in ranges that fit one page.
    Slices(Slicer),
    /// Requests the ids of the open part: everything from `next` on.
    Open,
    Done,
}

/// The walk of one run.
#[derive(Debug)]
struct IdWalk {
    jobs: SlicedJobs,
    /// The watermark before this run.
    before: Option<u64>,
    position: IdPosition,
    phase: Phase,
    /// The number of rows after the closed part, if it was counted.
    rows_after: u64,
    /// Whether the run ends with the closed part.
    ends: bool,
}

impl IdWalk {
    fn window(&self, min: u64, max: Option<u64>) -> Vec<(&'static str, String)> {
        let mut window = vec![("min_id", min.to_string())];
        window.extend(max.map(|max| ("max_id", max.to_string())));
        window.extend(self.position.since.map(|day| ("published_since", day.to_string())));
        window
    }

    /// Ends the closed part before `id`. It has `expected` rows; from `id` on there are `rows_after`.
    fn close(&mut self, id: u64, expected: Option<u64>, rows_after: u64) {
        self.position.upper = Some(id - 1);
        self.rows_after = rows_after;
        self.phase = self.position.slices(self.jobs.capacity(), expected);
    }

    /// The closed part is covered: selects the next phase.
    fn enter_open_part(&mut self) {
        self.phase = if self.ends { Phase::Done } else { Phase::Open };
        if self.rows_after > self.jobs.capacity() {
            self.search_upper(self.position.next, self.rows_after);
        }
    }

    /// Searches for the end of the closed part from `id` on; `total` jobs, more than one page, are not covered.
    fn search_upper(&mut self, id: u64, total: u64) {
        // A quarter of a page stays outside: an answer from an older copy of the data lacks the newest rows, and the
        // closed part must not lack any.
        let (least, most) = ((self.jobs.capacity() / 4).max(1), (self.jobs.capacity() / 2).max(1));
        self.phase = Phase::Search(Search::new(id, total, least, most, Goal::Upper { total }));
    }

    fn on_slice(&mut self, page: &dyn PageView) -> Result<Verdict, WalkError> {
        let Phase::Slices(slicer) = &mut self.phase else { return Ok(Verdict::Skip) };
        let mut verdict = Verdict::Skip;
        match slicer.next_query() {
            Some(SliceQuery::Count(min, max)) => {
                ids(page, min, Some(max))?;
                slicer.counted(page.count());
            }
            Some(SliceQuery::Fetch(min, max)) => {
                let ids = ids(page, min, Some(max))?;
                if page.is_whole() {
                    self.jobs.reset_retries();
                    slicer.fits(page.rows());
                    self.position.highest = ids.into_iter().max().max(self.position.highest);
                    verdict = if page.rows() == 0 { Verdict::Skip } else { Verdict::Deliver };
                } else if page.has_next() && page.rows() > 0 {
                    slicer.clamp(page.rows());
                    if !slicer.overflows(page.count()) {
                        self.jobs.retry(page)?;
                    }
                } else {
                    self.jobs.retry(page)?;
                }
            }
            None => {}
        }
        self.position.next = slicer.first_uncovered();
        if slicer.next_query().is_none() {
            self.enter_open_part();
        }
        Ok(verdict)
    }

    fn on_open(&mut self, page: &dyn PageView) -> Result<Verdict, WalkError> {
        let ids = ids(page, self.position.next, None)?;
        let highest = ids.iter().copied().max();
        match highest {
            // All jobs of the last range were deleted meanwhile, or there are no new ones.
            None if page.is_whole() && page.rows() == 0 => self.phase = Phase::Done,
            Some(highest) if page.is_whole() => {
                (self.position.upper, self.ends) = (Some(highest), true);
                let (next, capacity) = (self.position.next, self.jobs.capacity());
                self.phase = Phase::Slices(Slicer::one(next, highest, capacity, Some(1)));
            }
            Some(highest) if page.has_next() && page.count() > page.rows() => self.search_upper(highest, page.count()),
            _ => self.jobs.retry(page)?,
        }
        Ok(Verdict::Skip)
    }

    fn on_search(&mut self, page: &dyn PageView) -> Result<Verdict, WalkError> {
        let Phase::Search(search) = &mut self.phase else { return Ok(Verdict::Skip) };
        ids(page, search.probe_id(), None)?;
        search.requests += 1;
        if search.requests > MAX_PROBES {
            let hint = "the server's `count` does not follow min_id, so the highest id cannot be found";
            return Err(WalkError::Ignored(hint.to_owned()));
        }
        if let Some(id) = search.enter(page.count()) {
            match search.goal {
                Goal::Upper { .. } if id <= self.position.next => self.jobs.retry(page)?,
                Goal::Upper { total } => self.close(id, Some(total.saturating_sub(page.count())), page.count()),
                Goal::Start => {
                    self.position.next = id;
                    self.phase = Phase::Size;
                }
            }
        }
        Ok(Verdict::Skip)
    }
}

impl Strategy for IdWalk {
    fn step(&self, _: Timestamp) -> Step {
        let next = self.position.next;
        match &self.phase {
            Phase::Size | Phase::Recent(_) => self.jobs.probe_count(&self.window(next, None)),
            Phase::Search(search) => self.jobs.probe_count(&self.window(search.probe_id(), None)),
            Phase::Slices(slicer) => match slicer.next_query() {
                Some(SliceQuery::Count(min, max)) => self.jobs.probe_count(&self.window(min, Some(max))),
                Some(SliceQuery::Fetch(min, max)) => self.jobs.fetch(&self.window(min, Some(max))),
                None => self.jobs.fetch(&self.window(next, None)),
            },
            Phase::Open | Phase::Done => self.jobs.probe_page(&self.window(next, None)),
        }
    }

    fn enter(&mut self, page: &dyn PageView, _: Timestamp) -> Result<Verdict, WalkError> {
        if let Some(since) = self.position.since {
            published_from(page, since)?;
        }
        if page.contradicts_itself() {
            self.jobs.retry(page)?;
            return Ok(Verdict::Skip);
        }
        match self.phase {
            Phase::Size => {
                let id = ids(page, self.position.next, None)?.first().copied();
                match (page.count(), id) {
                    (total, Some(id)) if total > self.jobs.capacity() => self.search_upper(id, total),
                    _ => self.phase = Phase::Open,
                }
                Ok(Verdict::Skip)
            }
            Phase::Recent(wanted) => {
                let most = wanted.saturating_add(self.jobs.capacity() / 2);
                self.phase = if page.count() > most {
                    Phase::Search(Search::new(self.position.next, page.count(), wanted, most, Goal::Start))
                } else {
                    Phase::Size
                };
                Ok(Verdict::Skip)
            }
            Phase::Search(_) => self.on_search(page),
            Phase::Slices(_) => self.on_slice(page),
            Phase::Open => self.on_open(page),
            Phase::Done => Ok(Verdict::Skip),
        }
    }

    fn finished(&self) -> bool {
        matches!(self.phase, Phase::Done)
    }

    fn watermark(&self) -> Option<Mark> {
        // Never above the highest id that was delivered: an answer from an older copy of the data lacks the newest
        // rows, and the next run brings them.
        self.before.max(self.position.highest).map(Mark::Id)
    }

    fn total(&self, _: &dyn PageView) -> Option<u64> {
        None
    }

    fn position(&self) -> Value {
        serde_json::to_value(&self.position).unwrap_or_default()
    }
}

/// The maximum number of requests of a search; a bisection of all ids takes 64.
const MAX_PROBES: u32 = 200;

/// What a search looks for.
#[derive(Debug, Clone, Copy)]
enum Goal {
    /// The end of the closed part; `total` rows have an id of `next` or higher.
    Upper { total: u64 },
    /// The first id of the run.
    Start,
}

/// Finds, by requests for counts, an id such that `least` to `most` jobs have this id or a higher one.
#[derive(Debug)]
struct Search {
    /// More than `most` jobs have this id or a higher one.
    low: u64,
    /// Fewer than `least` jobs have this id or a higher one.
    high: Option<u64>,
    rows_from_low: u64,
    stride: u64,
    least: u64,
    most: u64,
    /// Interpolation and bisection alternate: interpolation is fast for evenly spread ids, bisection for all others.
    bisect: bool,
    requests: u32,
    goal: Goal,
}

impl Search {
    fn new(low: u64, rows_from_low: u64, least: u64, most: u64, goal: Goal) -> Self {
        let stride = rows_from_low.max(1);
        Self { low, high: None, rows_from_low, stride, least, most, bisect: false, requests: 0, goal }
    }

    /// The id to count from in the next request.
    fn probe_id(&self) -> u64 {
        let Some(high) = self.high else { return self.low.saturating_add(self.stride) };
        let span = high - self.low;
        let step = if self.bisect {
            span / 2
        } else {
            let wanted = u128::from(self.least.midpoint(self.most));
            let rows = u128::from(self.rows_from_low).max(wanted + 1);
            span - u64::try_from(u128::from(span) * wanted / rows).unwrap_or(span)
        };
        self.low + step.clamp(1, (span - 1).max(1))
    }

    /// Takes the count; returns the id when it is found.
    fn enter(&mut self, rows: u64) -> Option<u64> {
        let asked = self.probe_id();
        // Any id with rows before and after it can end the closed part: the run delivers those before it, and searches
        // again from there. An id before all rows cannot: the same search would follow.
        let upper = matches!(self.goal, Goal::Upper { .. });
        if upper && (self.least..self.rows_from_low).contains(&rows) {
            return Some(asked);
        }
        if rows > self.most || (upper && rows >= self.least) {
            (self.low, self.rows_from_low) = (asked, rows);
            self.stride = self.stride.saturating_mul(4);
        } else if rows >= self.least {
            return Some(asked);
        } else {
            self.high = Some(asked);
        }
        self.bisect = !self.bisect;
        // Ids are unique, so an id with the wanted count exists unless rows were deleted meanwhile; then take `low`.
        self.high.is_some_and(|high| high - self.low <= 1).then_some(self.low)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_search_finds_an_id_with_the_wanted_count_in_few_requests(
            gaps in proptest::collection::vec(1u64..2000, 50..800), offset in 1u64..1 << 45, least in 1u64..20, width in 0u64..20,
        ) {
            let ids: Vec<u64> = gaps.iter().scan(offset, |id, gap| { *id += gap; Some(*id) }).collect();
            let from = |id: u64| ids.iter().filter(|known| **known >= id).count() as u64;
            let most = least + width;
            let mut search = Search::new(1, ids.len() as u64, least, most, Goal::Start);
            let mut requests = 0;
            let found = loop {
                requests += 1;
                prop_assert!(requests < 200);
                let rows = from(search.probe_id());
                if let Some(id) = search.enter(rows) {
                    break id;
                }
            };
            prop_assert!((least..=most).contains(&from(found)), "{} of {least} to {most}", from(found));
        }
    }
}
