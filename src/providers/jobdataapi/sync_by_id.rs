//! The id sync: covers the id line with ranges that fit one page each, whatever order the server returns rows in.
//!
//! A run asks which ids there are from its first one on. When they fit one page, the run ends with the highest of them. When
//! not, a few small requests find an id that has rows before and behind it; up to there the line is cut first, and then the
//! run looks further from there.
//!
//! Rows are taken from closed ranges only. Ids grow with insertion, so a range below an id that exists can lose rows, but never
//! gain one. That matters because servers count and select in two steps: in an open range, a row that is inserted in between
//! pushes another one out of the page, and once a third one is deleted, no count can tell. The whole position is one integer.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::endpoint::ListEndpoint;
use super::models::Job;
use super::requests::JobsRequest;
use super::sliced_jobs::{SlicedJobs, ids};
use crate::checkpoint::Mark;
use crate::error::{Error, Result};
use crate::listing::{Endpoint, Fingerprint};
use crate::sync::{
    PageView, RunStart, SliceQuery, Slicer, Step, Strategy, SyncOptions, SyncRequest, Verdict, WalkError, sync_request,
};

/// Where the first run of an id sync begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Bootstrap {
    /// With all postings of the data set.
    #[default]
    All,
    /// With this id.
    FromId(u64),
    /// With the postings published on this day or later. From then on the sync goes by id, so that postings which enter
    /// late with an old date arrive as well. Uses id and date parameters together, which the server is taken to combine
    /// (inferred); each answer is checked for it.
    Since(Date),
    /// With about the most recent `n` postings: never fewer, unless there are fewer; at most half a page more.
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
    /// Syncs by id: the first run brings what [`Bootstrap`] says (everything by default), each later one the postings with
    /// an id above the watermark. Needs plan access or better.
    ///
    /// A first run that does not fit one page sends some small requests before its first batch, to find where ids begin and how
    /// they are spread.
    ///
    /// Postings that are edited later are not seen again: the API has no way to ask for them.
    pub fn sync_by_id<'s, C: 's>(self, key: impl Into<String>, store: C) -> SyncById<'s, Job, C> {
        let options = |jobs| ById { jobs, bootstrap: Bootstrap::default(), overlap: 0 };
        SyncById { sync: SyncRequest::of(self.list, key, store, options) }
    }
}

impl<T, C> SyncById<'_, T, C> {
    /// Where the first run begins. Later runs go on from the watermark and ignore it.
    pub fn bootstrap(mut self, bootstrap: Bootstrap) -> Self {
        self.sync.options.bootstrap = bootstrap;
        self
    }

    /// Reads the last `ids` ids below the watermark again, for rows that became visible after rows with higher ids.
    /// Default 0.
    pub fn overlap(mut self, ids: u64) -> Self {
        self.sync.options.overlap = ids;
        self
    }
}

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
        let walk = |position, phase| Box::new(IdWalk { jobs, before, position, phase, beyond: 0, ends: false });
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
            Bootstrap::MostRecent(0) => return Err(Error::invalid("bootstrap count", "0", "1 or more postings")),
            Bootstrap::MostRecent(rows) => walk(position, Phase::Recent(rows)),
        })
    }
}

/// The frozen window and the position, as the state keeps them.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct IdPosition {
    /// Everything of this run below it is covered.
    next: u64,
    /// The end of the closed part, once it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    upper: Option<u64>,
    /// The highest id seen in this run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    highest: Option<u64>,
    /// The publication date of a bootstrap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    since: Option<Date>,
}

impl IdPosition {
    /// The closed part, when there is one, else the open end.
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
    /// How many postings are there from `next` on?
    Size,
    /// How many are there at all, when so many of the most recent are wanted?
    Recent(u64),
    /// Which id has so many postings from it on?
    Search(Search),
    /// Closed ranges.
    Slices(Slicer),
    /// Everything from `next` on.
    Open,
    Done,
}

/// The walk of one run.
#[derive(Debug)]
struct IdWalk {
    jobs: SlicedJobs,
    /// The watermark of the run before.
    before: Option<u64>,
    position: IdPosition,
    phase: Phase,
    /// Rows behind the closed part, when they were counted.
    beyond: u64,
    /// Whether the closed part reaches as far as this run goes.
    ends: bool,
}

impl IdWalk {
    fn window(&self, min: u64, max: Option<u64>) -> Vec<(&'static str, String)> {
        let mut window = vec![("min_id", min.to_string())];
        window.extend(max.map(|max| ("max_id", max.to_string())));
        window.extend(self.position.since.map(|day| ("published_since", day.to_string())));
        window
    }

    /// Cuts off the closed part of the line, ending before `id`, from which on there are `beyond` rows.
    fn close(&mut self, id: u64, expected: Option<u64>, beyond: u64) {
        self.position.upper = Some(id - 1);
        self.beyond = beyond;
        self.phase = self.position.slices(self.jobs.capacity(), expected);
    }

    /// The closed part is covered.
    fn open_end(&mut self) {
        self.phase = if self.ends { Phase::Done } else { Phase::Open };
        if self.beyond > self.jobs.capacity() {
            self.search_upper(self.position.next, self.beyond);
        }
    }

    /// There are more rows than one page from `next` on, and `known` of them were seen at `id`.
    fn search_upper(&mut self, id: u64, total: u64) {
        let most = (self.jobs.capacity() / 2).max(1);
        self.phase = Phase::Search(Search::new(id, total, 1, most, Goal::Upper { total }));
    }

    fn on_slice(&mut self, page: &dyn PageView) -> Result<Verdict, WalkError> {
        let Phase::Slices(slicer) = &mut self.phase else { return Ok(Verdict::Skip) };
        let mut verdict = Verdict::Skip;
        match slicer.ask() {
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
        self.position.next = slicer.next();
        if slicer.ask().is_none() {
            self.open_end();
        }
        Ok(verdict)
    }

    fn on_open(&mut self, page: &dyn PageView) -> Result<Verdict, WalkError> {
        let ids = ids(page, self.position.next, None)?;
        let highest = ids.iter().copied().max();
        match highest {
            // All postings of the last range went away meanwhile, or there is nothing new.
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
        ids(page, search.ask(), None)?;
        search.asked += 1;
        if search.asked > MOST_PROBES {
            let hint = "the server's `count` does not follow min_id, so the end of the id line cannot be found";
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
            Phase::Size | Phase::Recent(_) => self.jobs.probe(&self.window(next, None)),
            Phase::Search(search) => self.jobs.probe(&self.window(search.ask(), None)),
            Phase::Slices(slicer) => match slicer.ask() {
                Some(SliceQuery::Count(min, max)) => self.jobs.probe(&self.window(min, Some(max))),
                Some(SliceQuery::Fetch(min, max)) => self.jobs.fetch(&self.window(min, Some(max))),
                None => self.jobs.fetch(&self.window(next, None)),
            },
            Phase::Open | Phase::Done => self.jobs.survey(&self.window(next, None)),
        }
    }

    fn enter(&mut self, page: &dyn PageView, _: Timestamp) -> Result<Verdict, WalkError> {
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
        // A range whose rows are gone is covered all the same. A bootstrap by date that found nothing says nothing about
        // ids, and is made again.
        let covered =
            (self.position.since.is_none() || self.position.highest.is_some()).then(|| self.position.next - 1);
        [self.before, self.position.highest, covered].into_iter().flatten().max().map(Mark::Id)
    }

    fn total(&self, _: &dyn PageView) -> Option<u64> {
        None
    }

    fn position(&self) -> Value {
        serde_json::to_value(&self.position).unwrap_or_default()
    }
}

/// Counts that a search may ask for; a bisection of all ids takes 64.
const MOST_PROBES: u32 = 200;

/// What a search is for.
#[derive(Debug, Clone, Copy)]
enum Goal {
    /// The end of the closed part, for a line with so many rows.
    Upper { total: u64 },
    /// The first id of the run.
    Start,
}

/// Finds an id from which on there are between `least` and `most` postings, by asking for counts.
#[derive(Debug)]
struct Search {
    /// There are more than `most` from here on.
    low: u64,
    /// There are fewer than `least` from here on.
    high: Option<u64>,
    rows_from_low: u64,
    stride: u64,
    least: u64,
    most: u64,
    /// Interpolation and bisection take turns: the one is fast on even lines, the other on all.
    bisect: bool,
    asked: u32,
    goal: Goal,
}

impl Search {
    fn new(low: u64, rows_from_low: u64, least: u64, most: u64, goal: Goal) -> Self {
        let stride = rows_from_low.max(1);
        Self { low, high: None, rows_from_low, stride, least, most, bisect: false, asked: 0, goal }
    }

    /// The id to ask for the count from.
    fn ask(&self) -> u64 {
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
        let asked = self.ask();
        // Any id between rows will do for the end of the closed part: the run then has something to deliver, and looks further
        // when it has come there. An id before all rows would not: it would leave the same search behind it.
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
        // Ids are unique, so a count between the two exists unless rows went away meanwhile; then the lower end serves.
        self.high.is_some_and(|high| high - self.low <= 1).then_some(self.low)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_search_finds_its_band_in_few_requests(
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
                let rows = from(search.ask());
                if let Some(id) = search.enter(rows) {
                    break id;
                }
            };
            prop_assert!((least..=most).contains(&from(found)), "{} of {least} to {most}", from(found));
        }
    }
}
