//! The sync by publication date: reads the rows of a window of days by ranges of ids, like the sync by id.
//!
//! The server is assumed to combine dates with `min_id` and `max_id` (inferred). Each answer is checked for this; a server
//! that does not is walked by page number with overlapping pages.

use http::StatusCode;
use jiff::civil::Date;
use jiff::{Span, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::endpoint::ListEndpoint;
use super::models::Job;
use super::requests::JobsRequest;
use super::server_clock::ServerClock;
use super::synced_list::{SyncedList, ids, published};
use crate::checkpoint::Mark;
use crate::client::{Activity, setters};
use crate::error::{Completeness, Error, Result};
use crate::listing::{Endpoint, Fingerprint};
use crate::sync::{
    IdRanges, OverlapPosition, OverlapWalk, PageView, RangesPosition, RunStart, Step, Strategy, SyncOptions,
    SyncRequest, Verdict, WalkError, sync_request,
};

/// No job is older: the first day that the sync accepts.
const EPOCH: Date = Date::constant(1970, 1, 1);

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
    /// Rows arrive in no particular order. Those of the overlap arrive again, and some come twice when rows are deleted
    /// meanwhile: write them with an upsert, or with `INSERT OR IGNORE`. A job that is added to
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
        let jobs = SyncedList::new(self.jobs)?;
        let (today, size) = (start.client.clock().today(), jobs.capacity());
        let before = match start.watermark() {
            Some(Mark::Date(covered)) => Some(covered),
            _ => None,
        };
        let ranges = || IdRanges::new(RangesPosition::default(), size);
        let (since, until, server_day, walk) = match (start.position::<DatePosition>()?, before) {
            (Some(DatePosition { since, until, server_day, at }), _) => {
                let walk = match at {
                    WalkPosition::Ranges(at) => Walk::Ranges(Box::new(IdRanges::new(at, size))),
                    WalkPosition::Rows(at) => Walk::Rows(Box::new(OverlapWalk::new(at, size, "id"))),
                };
                (since, until, server_day, walk)
            }
            (None, Some(covered)) => {
                let since = covered.saturating_sub(Span::new().days(self.overlap)).max(EPOCH);
                (since, today.max(covered), None, Walk::Ranges(Box::new(ranges())))
            }
            (None, None) => {
                let Some(since) = self.since else {
                    let rule = "the first day of the first run, set with `since`";
                    return Err(Error::invalid("since", "(not set)", rule));
                };
                if since < EPOCH || since > today {
                    let rule = format!("a day from {EPOCH} to today, {today}");
                    return Err(Error::invalid("since", since.to_string(), rule));
                }
                (since, today, None, Walk::Ranges(Box::new(ranges().with_survey())))
            }
        };
        let server_clock = ServerClock::new(start.client.clock());
        Ok(Box::new(DateWalk { jobs, before, since, until, server_day, walk, server_clock }))
    }
}

/// The frozen window and the position, as the state keeps them.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DatePosition {
    /// The first and the last day of the run.
    since: Date,
    until: Date,
    /// The server's day, when that is before `until`: the local clock is ahead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    server_day: Option<Date>,
    at: WalkPosition,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum WalkPosition {
    Ranges(RangesPosition),
    /// By page number, when the server does not combine dates with ids.
    Rows(OverlapPosition),
}

#[derive(Debug)]
enum Walk {
    Ranges(Box<IdRanges>),
    /// By page number.
    Rows(Box<OverlapWalk>),
}

#[derive(Debug)]
struct DateWalk {
    jobs: SyncedList,
    /// The watermark before this run.
    before: Option<Date>,
    since: Date,
    until: Date,
    server_day: Option<Date>,
    walk: Walk,
    server_clock: ServerClock,
}

impl DateWalk {
    /// Checks three records: did the server apply the window? One day of tolerance: its time zone is not documented.
    fn check(&self, page: &dyn PageView) -> Result<(), WalkError> {
        let (since, until) = (self.since, self.until);
        let inside = since.yesterday().unwrap_or(since)..=until.tomorrow().unwrap_or(until);
        if published(page).take(3).all(|day| inside.contains(&day)) {
            return Ok(());
        }
        let hint = "the server did not apply published_since and published_until; on plan lite use sync_latest instead";
        Err(WalkError::Ignored(hint.to_owned()))
    }

    /// The server does not combine dates with ids: walks the window from its start, by page number.
    fn walk_by_rows(&mut self) {
        tracing::warn!("the server does not combine dates with ids, so the window is walked by page number");
        self.walk = Walk::Rows(Box::new(OverlapWalk::new(OverlapPosition::default(), self.jobs.capacity(), "id")));
    }
}

impl Strategy for DateWalk {
    fn step(&self, _: Timestamp) -> Step {
        let window = [("published_since", self.since.to_string()), ("published_until", self.until.to_string())];
        match &self.walk {
            Walk::Ranges(ranges) => self.jobs.range(&ranges.next_query(), &window),
            Walk::Rows(walk) => self.jobs.numbered(walk, &window),
        }
    }

    fn enter(&mut self, page: &dyn PageView, sent_at: Timestamp) -> Result<Verdict, WalkError> {
        self.check(page)?;
        if let Some(day) = self.server_clock.compare(page, sent_at).filter(|day| *day < self.until) {
            self.server_day = Some(day);
        }
        match &mut self.walk {
            Walk::Ranges(ranges) => {
                let Some(ids) = ids(page, &ranges.next_query()) else {
                    self.walk_by_rows();
                    return Ok(Verdict::Skip);
                };
                let verdict = ranges.enter(page, &ids)?;
                if ranges.finished() && ranges.lacks_seen_id(&[]) {
                    // The watermark is a day, so it would pass the rows that were seen and not delivered.
                    let (first_total, last_total) = (page.total(), page.total());
                    return Err(WalkError::Incomplete(Completeness::Drifted { first_total, last_total, repeated: 0 }));
                }
                Ok(verdict)
            }
            Walk::Rows(walk) => walk.enter(page),
        }
    }

    fn activity(&self) -> Activity {
        match &self.walk {
            Walk::Ranges(ranges) => ranges.activity(),
            Walk::Rows(_) => Activity::Reading,
        }
    }

    /// A request that has dates and ids may be refused altogether.
    fn recover(&mut self, error: &Error) -> bool {
        let with_ids = match &self.walk {
            Walk::Ranges(ranges) => ranges.next_query().min > 0 || ranges.next_query().max.is_some(),
            Walk::Rows(_) => false,
        };
        let refused = with_ids && error.status() == Some(StatusCode::BAD_REQUEST);
        if refused {
            self.walk_by_rows();
        }
        refused
    }

    fn finished(&self) -> bool {
        match &self.walk {
            Walk::Ranges(ranges) => ranges.finished(),
            Walk::Rows(walk) => walk.finished(),
        }
    }

    fn watermark(&self) -> Option<Mark> {
        let until = self.server_day.map_or(self.until, |day| day.min(self.until));
        self.before.max(Some(until)).map(Mark::Date)
    }

    fn total(&self, _: &dyn PageView) -> Option<u64> {
        None
    }

    fn position(&self) -> Value {
        let at = match &self.walk {
            Walk::Ranges(ranges) => WalkPosition::Ranges(ranges.position().clone()),
            Walk::Rows(walk) => WalkPosition::Rows(walk.position().clone()),
        };
        let (since, until, server_day) = (self.since, self.until, self.server_day);
        serde_json::to_value(DatePosition { since, until, server_day, at }).unwrap_or_default()
    }

    fn details(&self) -> Value {
        self.server_clock.details()
    }

    fn caveats(&self) -> &'static [&'static str] {
        const LATE: &str =
            "jobs that are added to the data set after the overlap, with an old publication date, are missed";
        match &self.walk {
            Walk::Ranges(_) => &[LATE],
            Walk::Rows(_) => &[
                LATE,
                "the server does not combine dates with ids, so the window was walked by page number: when jobs are added \
                 during two requests and one is deleted, one more can be missed until the overlap reads it again",
            ],
        }
    }
}
