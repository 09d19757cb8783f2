//! The date sync: covers publication days with windows that fit one page each.
//!
//! A window of days is asked for twice: first for the highest id in it, then for its rows up to that id. Servers count and
//! select in two steps, and a row that is inserted in between pushes another one out of the page; up to an id that exists,
//! nothing can be inserted. Uses dates and `max_id` together, which the server is taken to combine (inferred); each answer is
//! checked for it. A single day that does not fit one page is walked by page number with overlapping pages.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Resource;
use super::requests::Jobs;
use super::sync::{EPOCH, Listing, day, day_index, ids};
use crate::client::Client;
use crate::cursor::Fingerprint;
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::request::ListRequest;
use crate::sync::start::{Refused, resume};
use crate::sync::{
    Ask, Facts, Fault, Mark, Plan, RowPosition, RowWalk, Slicer, Step, Strategy, SyncRequest, SyncState, Verdict,
    Walked,
};

/// Days of overlap between runs when none are set: the vendor's guide reads the last 24 to 48 hours again.
const OVERLAP: u32 = 2;

/// Options of [`ListRequest::sync_by_date`].
#[derive(Debug)]
pub struct ByDate {
    jobs: Resource<Jobs>,
    since: Option<Date>,
    overlap: u32,
}

impl ListRequest<Resource<Jobs>> {
    /// Syncs by publication date: the first run brings everything published since [`SyncRequest::since`], each later one
    /// what was published since the last run, with an overlap. Needs plan access or better.
    ///
    /// Rows of the overlap come again: which ones are new is your store's to say (`INSERT OR IGNORE`, or an upsert).
    /// Postings that enter the data set later than the overlap, with an old date, are not seen; [`ListRequest::sync_by_id`]
    /// sees them.
    pub fn sync_by_date<'s, C: 's>(self, key: impl Into<String>, store: C) -> SyncRequest<'s, ByDate, super::Job, C> {
        let options = ByDate { jobs: self.endpoint, since: None, overlap: OVERLAP };
        SyncRequest::new(self.client, options, key.into(), store)
    }
}

impl<T, C> SyncRequest<'_, ByDate, T, C> {
    /// The first day of the first run; required then. Later runs go on from the watermark and do not look at it.
    pub fn since(mut self, day: Date) -> Self {
        self.options.since = Some(day);
        self
    }

    /// Days before the watermark that each later run reads again. Default 2.
    pub fn overlap_days(mut self, days: u32) -> Self {
        self.options.overlap = days;
        self
    }
}

impl Plan for ByDate {
    const STRATEGY: &'static str = "by-date";

    fn fingerprint(&self) -> Fingerprint {
        self.jobs.fingerprint()
    }

    fn begin(self, client: &Client, state: &SyncState) -> Result<Box<dyn Strategy>, Refused> {
        let listing = Listing::new(self.jobs)?;
        let plan = match (&state.run, state.watermark) {
            (Some(run), _) => resume(&run.plan)?,
            (None, Some(Mark::Date(covered))) => {
                let from = covered.saturating_sub(jiff::Span::new().days(self.overlap)).max(EPOCH);
                DatePlan { next: from, until: client.clock().today().max(from), rows: None }
            }
            (None, _) => {
                let Some(since) = self.since else {
                    let rule = "the first day of the first run, set with `since`";
                    return Err(Error::invalid("since", "(not set)", rule).into());
                };
                let until = client.clock().today();
                if since < EPOCH || since > until {
                    let rule = format!("a day from {EPOCH} to today, {until}");
                    return Err(Error::invalid("since", since.to_string(), rule).into());
                }
                DatePlan { next: since, until, rows: None }
            }
        };
        let slicer = Slicer::new(day_index(plan.next), day_index(plan.until), listing.capacity(), None, Some(0));
        let phase = match &plan.rows {
            Some(rows) => Phase::Day(RowWalk::new(rows.clone(), listing.capacity(), "id")),
            None => Phase::Slices,
        };
        Ok(Box::new(DateWalk { listing, plan, slicer, phase }))
    }
}

/// The frozen window and the position, as the state keeps them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DatePlan {
    /// Everything of this run before it is covered.
    next: Date,
    /// The last day of the run: the day on which it was started.
    until: Date,
    /// The position within `next`, while that day is walked by page number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rows: Option<RowPosition>,
}

#[derive(Debug)]
enum Phase {
    /// Windows of days.
    Slices,
    /// The window again, without the ids above the highest that was seen in it.
    Closed { highest: u64 },
    /// One day by page number.
    Day(RowWalk),
}

#[derive(Debug)]
struct DateWalk {
    listing: Listing,
    plan: DatePlan,
    slicer: Slicer,
    phase: Phase,
}

impl DateWalk {
    fn window(from: u64, to: u64) -> [(&'static str, String); 2] {
        [("published_since", day(from).to_string()), ("published_until", day(to).to_string())]
    }

    fn slice(&self) -> (u64, u64) {
        match self.slicer.ask() {
            Some(Ask::Fetch(from, to) | Ask::Count(from, to)) => (from, to),
            None => (self.slicer.next(), self.slicer.next()),
        }
    }

    /// A few records tell whether the server applied the window. A day of tolerance, because its time zone is not documented.
    fn check(&self, page: &dyn Facts) -> Result<(), Fault> {
        let (from, to) = match self.phase {
            Phase::Slices | Phase::Closed { .. } => self.slice(),
            Phase::Day(_) => (self.slicer.next(), self.slicer.next()),
        };
        let dates = page.field("published").filter_map(|text| text.trim_matches('"').get(..10)?.parse::<Date>().ok());
        let inside = |date: Date| (from.saturating_sub(1)..=to + 1).contains(&day_index(date));
        if dates.take(3).all(inside) {
            return Ok(());
        }
        let hint = "the server did not apply published_since and published_until; on plan lite use sync_latest instead";
        Err(Fault::Ignored(hint.to_owned()))
    }

    fn on_slice(&mut self, page: &dyn Facts) -> Result<Verdict, Fault> {
        match self.slicer.ask() {
            Some(Ask::Count(..)) if page.count() > self.listing.capacity() && !self.slicer.overflows(page.count()) => {
                self.walk_day();
            }
            Some(Ask::Count(..)) => self.slicer.counted(page.count()),
            Some(Ask::Fetch(..)) if page.is_whole() => match ids(page, 0, None)?.into_iter().max() {
                Some(highest) => self.phase = Phase::Closed { highest },
                None if page.rows() > 0 => return Err(Fault::Ignored("the records have no numeric `id`".to_owned())),
                None => self.slicer.fits(0),
            },
            Some(Ask::Fetch(..)) if page.more() && page.rows() > 0 => {
                self.slicer.clamp(page.rows());
                if !self.slicer.overflows(page.count()) {
                    self.walk_day();
                }
            }
            _ => self.listing.again(page)?,
        }
        self.plan.next = day(self.slicer.next());
        Ok(Verdict::Skip)
    }

    fn walk_day(&mut self) {
        self.phase = Phase::Day(RowWalk::new(RowPosition::default(), self.listing.capacity(), "id"));
    }

    /// The window is covered.
    fn pass(&mut self, rows: Option<u64>) {
        match rows {
            Some(rows) => self.slicer.fits(rows),
            None => self.slicer.pass_point(),
        }
        self.listing.well();
        self.plan = DatePlan { next: day(self.slicer.next()), rows: None, ..self.plan };
        self.phase = Phase::Slices;
    }
}

impl Strategy for DateWalk {
    fn step(&self) -> Step {
        let (from, to) = self.slice();
        let today = Self::window(self.slicer.next(), self.slicer.next());
        match &self.phase {
            Phase::Slices if matches!(self.slicer.ask(), Some(Ask::Count(..))) => {
                self.listing.probe(&Self::window(from, to))
            }
            Phase::Slices => self.listing.survey(&Self::window(from, to)),
            Phase::Closed { highest } => {
                let [since, until] = Self::window(from, to);
                self.listing.fetch(&[since, until, ("max_id", highest.to_string())])
            }
            Phase::Day(walk) => self.listing.numbered(walk, &today),
        }
    }

    fn absorb(&mut self, page: &dyn Facts) -> Result<Verdict, Fault> {
        self.check(page)?;
        if !matches!(self.phase, Phase::Day(_)) && page.contradicts_itself() {
            self.listing.again(page)?;
            return Ok(Verdict::Skip);
        }
        match &mut self.phase {
            Phase::Slices => self.on_slice(page),
            Phase::Closed { highest } => {
                ids(page, 0, Some(*highest))?;
                if !page.is_whole() {
                    self.listing.again(page)?;
                    return Ok(Verdict::Skip);
                }
                let rows = page.rows();
                self.pass(Some(rows));
                Ok(if rows == 0 { Verdict::Skip } else { Verdict::Deliver })
            }
            Phase::Day(walk) => {
                let walked = walk.absorb(page)?;
                match walked {
                    Walked::On | Walked::Refuted => self.plan.rows = Some(walk.position().clone()),
                    Walked::Confirmed => self.pass(None),
                    Walked::End | Walked::Again => {}
                }
                Ok(walked.verdict())
            }
        }
    }

    fn finished(&self) -> bool {
        matches!(self.phase, Phase::Slices) && self.slicer.ask().is_none()
    }

    fn watermark(&self) -> Option<Mark> {
        Some(Mark::Date(self.plan.until))
    }

    fn total(&self, _: &dyn Facts) -> Option<u64> {
        None
    }

    fn plan(&self) -> Value {
        serde_json::to_value(&self.plan).unwrap_or_default()
    }

    fn caveats(&self) -> &'static [&'static str] {
        &["postings that enter the data set later than the overlap, with an old publication date, are not seen"]
    }
}
