//! The sync by publication date: reads windows of days that fit one page each.
//!
//! Each window is requested twice: first to find its highest id, then for its rows up to that id. A server counts and
//! selects in two steps; a row inserted between the two pushes another row out of the page. Below an id that exists
//! nothing can be inserted. The server is assumed to combine dates with `max_id` (inferred); each answer is checked for
//! this. A *crowded day* has more rows than fit one page: it is walked by page number with overlapping pages, up to an
//! id that was seen in it, and then in the same way from the next id on.

use jiff::civil::Date;
use jiff::{Span, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::endpoint::ListEndpoint;
use super::models::Job;
use super::requests::JobsRequest;
use super::server_clock::ServerClock;
use super::sliced_jobs::{EPOCH, SlicedJobs, day, day_index, ids, published};
use crate::checkpoint::Mark;
use crate::client::setters;
use crate::error::{Error, Result};
use crate::listing::{Endpoint, Fingerprint};
use crate::sync::{
    OverlapPosition, OverlapWalk, PageResult, PageView, RunStart, SliceQuery, Slicer, Step, Strategy, SyncOptions,
    SyncRequest, Verdict, WalkError, sync_request,
};

/// The default overlap between runs, in days: the vendor's guide reads the last 24 to 48 hours again.
const OVERLAP: u32 = 2;

sync_request! {
    /// The sync by publication date, from [`JobsRequest::sync_by_date`].
    SyncByDate = ByDate;
}

#[derive(Debug)]
struct ByDate {
    jobs: ListEndpoint,
    since: Option<Date>,
    overlap: u32,
}

impl JobsRequest {
    /// Syncs by publication date: the first run reads everything published since [`SyncByDate::since`], each later run
    /// what was published since the run before, with an overlap. Needs plan access or better.
    ///
    /// Rows of the overlap arrive again: write them with an upsert, or with `INSERT OR IGNORE`. A job that is added to
    /// the data set after the overlap, with an old date, is missed; [`JobsRequest::sync_by_id`] finds it.
    pub fn sync_by_date<'s, C: 's>(self, key: impl Into<String>, store: C) -> SyncByDate<'s, Job, C> {
        let options = |jobs| ByDate { jobs, since: None, overlap: OVERLAP };
        SyncByDate { sync: SyncRequest::of(self.list, key, store, options) }
    }
}

setters! { [T, C] SyncByDate<'_, T, C> {
    /// The first day of the first run, which requires it. Later runs start at the watermark and ignore it.
    since(day: Date) => sync.options.since = Some(day);
    /// The days before the watermark that each later run reads again. Default 2.
    overlap(days: u32) => sync.options.overlap = days;
} }

impl SyncOptions for ByDate {
    const STRATEGY: &'static str = "by-date";

    fn fingerprint(&self) -> Fingerprint {
        self.jobs.fingerprint()
    }

    fn begin(self, start: &RunStart<'_>) -> Result<Box<dyn Strategy>> {
        let jobs = SlicedJobs::new(self.jobs)?;
        let today = start.client.clock().today();
        let position = match (start.position()?, start.watermark()) {
            (Some(position), _) => position,
            (None, Some(Mark::Date(covered))) => {
                let from = covered.saturating_sub(Span::new().days(self.overlap)).max(EPOCH);
                DatePosition { next: from, until: today.max(covered), day: None, server_day: None }
            }
            (None, _) => {
                let Some(since) = self.since else {
                    let rule = "the first day of the first run, set with `since`";
                    return Err(Error::invalid("since", "(not set)", rule));
                };
                if since < EPOCH || since > today {
                    let rule = format!("a day from {EPOCH} to today, {today}");
                    return Err(Error::invalid("since", since.to_string(), rule));
                }
                DatePosition { next: since, until: today, day: None, server_day: None }
            }
        };
        let slicer = Slicer::new(day_index(position.next), day_index(position.until), jobs.capacity(), None, Some(0));
        let phase = match &position.day {
            Some(DayPosition { walk: Some(walk), .. }) => {
                Phase::Day(OverlapWalk::new(walk.rows.clone(), jobs.capacity(), "id"))
            }
            Some(_) => Phase::Crowded,
            None => Phase::Slices,
        };
        let server_clock = ServerClock::new(start.client.clock());
        let before = match start.watermark() {
            Some(Mark::Date(before)) => Some(before),
            _ => None,
        };
        Ok(Box::new(DateWalk { jobs, before, position, slicer, phase, stale: false, server_clock }))
    }
}

/// The frozen window and the position, as the state keeps them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DatePosition {
    /// All days of this run before this one are covered.
    next: Date,
    /// The last day of the run: the day on which the run started.
    until: Date,
    /// The position within `next`, when that is a crowded day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    day: Option<DayPosition>,
    /// The server's day, when that is before `until`: the local clock is ahead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    server_day: Option<Date>,
}

/// The position within a crowded day.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DayPosition {
    /// All rows of the day with a lower id are covered.
    from: u64,
    /// The walk by page number over the next rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    walk: Option<ClosedWalk>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ClosedWalk {
    /// The highest id of the walk. A row has this id, so nothing can be inserted below it.
    upper: u64,
    rows: OverlapPosition,
}

#[derive(Debug)]
enum Phase {
    /// Windows of days.
    Slices,
    /// The same window again, up to the highest id that was seen in it.
    Closed { highest: u64 },
    /// The rows of a crowded day that are not covered, to find their highest id.
    Crowded,
    /// The rows of a crowded day up to an id, by page number.
    Day(OverlapWalk),
}

#[derive(Debug)]
struct DateWalk {
    jobs: SlicedJobs,
    /// The watermark before this run.
    before: Option<Date>,
    position: DatePosition,
    slicer: Slicer,
    phase: Phase,
    /// Whether the last answer lacked the highest id that an answer before it had.
    stale: bool,
    server_clock: ServerClock,
}

impl DateWalk {
    /// The parameters of the current window or crowded day, up to the id `max` if one is given.
    fn window(&self, max: Option<u64>) -> Vec<(&'static str, String)> {
        let (since, until) = self.slice();
        let mut window = vec![("published_since", day(since).to_string()), ("published_until", day(until).to_string())];
        window.extend((self.from() > 0).then(|| ("min_id", self.from().to_string())));
        window.extend(max.map(|max| ("max_id", max.to_string())));
        window
    }

    /// The ids of a page. All of them must be in the requested range.
    fn ids(&self, page: &dyn PageView, max: Option<u64>) -> Result<Vec<u64>, WalkError> {
        let ids = ids(page, self.from(), max)?;
        if ids.is_empty() && page.rows() > 0 {
            return Err(WalkError::Ignored("the records have no numeric `id`".to_owned()));
        }
        Ok(ids)
    }

    /// The first id of the crowded day that is not covered; 0 in windows of days.
    fn from(&self) -> u64 {
        self.position.day.as_ref().map_or(0, |day| day.from)
    }

    fn slice(&self) -> (u64, u64) {
        if self.position.day.is_some() {
            return (self.slicer.first_uncovered(), self.slicer.first_uncovered());
        }
        match self.slicer.next_query() {
            Some(SliceQuery::Fetch(from, to) | SliceQuery::Count(from, to)) => (from, to),
            None => (self.slicer.first_uncovered(), self.slicer.first_uncovered()),
        }
    }

    /// The watermark does not pass the server's day: with a local clock that is ahead, later runs would bring nothing.
    fn compare_clocks(&mut self, page: &dyn PageView, sent_at: Timestamp) {
        let day = self.server_clock.compare(page, sent_at);
        if let Some(day) = day.filter(|day| *day < self.position.until) {
            self.position.server_day = Some(day);
        }
    }

    /// Checks three records: did the server apply the window? One day of tolerance: its time zone is not documented.
    fn check(&self, page: &dyn PageView) -> Result<(), WalkError> {
        let (from, to) = self.slice();
        let inside = |date: Date| (from.saturating_sub(1)..=to + 1).contains(&day_index(date));
        if published(page).take(3).all(inside) {
            return Ok(());
        }
        let hint = "the server did not apply published_since and published_until; on plan lite use sync_latest instead";
        Err(WalkError::Ignored(hint.to_owned()))
    }

    fn on_slice(&mut self, page: &dyn PageView) -> Result<Verdict, WalkError> {
        match self.slicer.next_query() {
            Some(SliceQuery::Count(..))
                if page.count() > self.jobs.capacity() && !self.slicer.overflows(page.count()) =>
            {
                self.enter_day();
            }
            Some(SliceQuery::Count(..)) => self.slicer.counted(page.count()),
            Some(SliceQuery::Fetch(..)) if page.is_whole() => match self.ids(page, None)?.into_iter().max() {
                Some(highest) => self.phase = Phase::Closed { highest },
                None => self.slicer.fits(0),
            },
            Some(SliceQuery::Fetch(..)) if page.has_next() && page.rows() > 0 => {
                self.slicer.clamp(page.rows());
                if !self.slicer.overflows(page.count()) {
                    self.enter_day();
                }
            }
            _ => self.jobs.retry(page)?,
        }
        self.position.next = day(self.slicer.first_uncovered());
        Ok(Verdict::Skip)
    }

    fn enter_day(&mut self) {
        self.position.day = Some(DayPosition::default());
        self.phase = Phase::Crowded;
    }

    fn on_crowded(&mut self, page: &dyn PageView) -> Result<Verdict, WalkError> {
        match self.ids(page, None)?.into_iter().max() {
            None if page.is_whole() => self.finish_window(None),
            Some(highest) if page.is_whole() => self.phase = Phase::Closed { highest },
            Some(upper) if page.has_next() => {
                let rows = OverlapPosition::default();
                self.phase = Phase::Day(OverlapWalk::new(rows.clone(), self.jobs.capacity(), "id"));
                self.position.day = Some(DayPosition { from: self.from(), walk: Some(ClosedWalk { upper, rows }) });
            }
            _ => self.jobs.retry(page)?,
        }
        Ok(Verdict::Skip)
    }

    fn on_day(&mut self, page: &dyn PageView) -> Result<Verdict, WalkError> {
        self.ids(page, self.upper())?;
        let (Phase::Day(walk), Some(DayPosition { walk: Some(closed), .. })) =
            (&mut self.phase, &mut self.position.day)
        else {
            return Ok(Verdict::Skip);
        };
        let result = walk.enter(page)?;
        match result {
            PageResult::Continue | PageResult::LastRefuted => closed.rows = walk.position().clone(),
            PageResult::LastConfirmed => {
                self.position.day = Some(DayPosition { from: closed.upper.saturating_add(1), walk: None });
                self.phase = Phase::Crowded;
                self.jobs.reset_retries();
            }
            PageResult::Last | PageResult::AskAgain => {}
        }
        Ok(result.verdict())
    }

    /// The highest id of the walk over a crowded day.
    fn upper(&self) -> Option<u64> {
        Some(self.position.day.as_ref()?.walk.as_ref()?.upper)
    }

    /// The window is covered. `rows` is `None` for a crowded day.
    fn finish_window(&mut self, rows: Option<u64>) {
        match rows {
            Some(rows) => self.slicer.fits(rows),
            None => self.slicer.pass_point(),
        }
        self.jobs.reset_retries();
        self.position = DatePosition { next: day(self.slicer.first_uncovered()), day: None, ..self.position };
        self.phase = Phase::Slices;
    }
}

impl Strategy for DateWalk {
    fn step(&self, _: Timestamp) -> Step {
        match &self.phase {
            Phase::Slices if matches!(self.slicer.next_query(), Some(SliceQuery::Count(..))) => {
                self.jobs.probe_count(&self.window(None))
            }
            Phase::Slices | Phase::Crowded => self.jobs.probe_page(&self.window(None)),
            Phase::Closed { highest } => self.jobs.fetch(&self.window(Some(*highest))),
            Phase::Day(walk) => self.jobs.numbered(walk, &self.window(self.upper())),
        }
    }

    fn enter(&mut self, page: &dyn PageView, sent_at: Timestamp) -> Result<Verdict, WalkError> {
        self.check(page)?;
        self.compare_clocks(page, sent_at);
        if !matches!(self.phase, Phase::Day(_)) && page.contradicts_itself() {
            self.jobs.retry(page)?;
            return Ok(Verdict::Skip);
        }
        match self.phase {
            Phase::Slices => self.on_slice(page),
            Phase::Crowded => self.on_crowded(page),
            Phase::Closed { highest } => {
                let found = self.ids(page, Some(highest))?.into_iter().max();
                if !page.is_whole() {
                    self.jobs.retry(page)?;
                    return Ok(Verdict::Skip);
                }
                // The row with this id was deleted, or an older copy of the data answered. The second answer counts.
                self.stale = found != Some(highest) && !self.stale;
                if self.stale {
                    return Ok(Verdict::Skip);
                }
                let rows = page.rows();
                self.finish_window(self.position.day.is_none().then_some(rows));
                Ok(if rows == 0 { Verdict::Skip } else { Verdict::Deliver })
            }
            Phase::Day(_) => self.on_day(page),
        }
    }

    fn finished(&self) -> bool {
        matches!(self.phase, Phase::Slices) && self.slicer.next_query().is_none()
    }

    fn watermark(&self) -> Option<Mark> {
        let until = self.position.server_day.map_or(self.position.until, |day| day.min(self.position.until));
        self.before.max(Some(until)).map(Mark::Date)
    }

    fn total(&self, _: &dyn PageView) -> Option<u64> {
        None
    }

    fn position(&self) -> Value {
        serde_json::to_value(&self.position).unwrap_or_default()
    }

    fn details(&self) -> Value {
        self.server_clock.details()
    }

    fn caveats(&self) -> &'static [&'static str] {
        &["jobs that are added to the data set after the overlap, with an old publication date, are missed"]
    }
}
