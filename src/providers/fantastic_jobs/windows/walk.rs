//! The walk of one run: slices of index time, oldest first, each asked for so that nothing can slip between two answers.
//!
//! * Windows of days and hours, and `7d`: the free count says how long a slice may be to fit one page, and then one answer
//!   is the whole slice. What the count does not confirm, an empty page behind the rows does.
//! * `6m`: a cursor by id within slices of a week. Rows that go away meanwhile shift nothing.
//!
//! A window moves while it is read, so each answer is used only if the window still holds the slice when it has come.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Feed, Windows, count_of, slice};
use crate::checkpoint::Mark;
use crate::client::Clock;
use crate::error::Completeness;
use crate::error::{Call as Named, Error, PauseReason};
use crate::json::DateTime;
use crate::listing::Endpoint;
use crate::listing::Position;
use crate::providers::fantastic_jobs::CountFrame;
use crate::providers::fantastic_jobs::Credits;
use crate::providers::fantastic_jobs::TimeFrame;
use crate::providers::fantastic_jobs::planner::Call;
use crate::providers::fantastic_jobs::planner::Interval;
use crate::providers::fantastic_jobs::planner::minus;
use crate::providers::fantastic_jobs::planner::plus;
use crate::sync::{Facts, Fault, Step, Strategy, Verdict};

/// How much of a page a slice should fill, in percent: room for uneven density.
const FILL: i128 = 75;
/// The most that a slice grows from one to the next.
const GROWTH: i64 = 4;
/// The length of a slice by cursor, in seconds.
const WEEK: i64 = 7 * 86_400;
/// Empty pages in a row that contradict a count which must be right.
const PATIENCE: u32 = 3;
/// Empty pages in a row that are believed where there is no such count.
const EMPTY: u32 = 2;
/// How long a used-up quota without a billing date is waited for.
const RETRY: SignedDuration = SignedDuration::from_hours(1);

/// The frozen window and the position, as the state keeps them.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WindowPlan {
    /// The beginning of the run's window.
    from: Timestamp,
    /// Everything of this run before it is covered.
    pub(super) next: Timestamp,
    /// The end of the run's window.
    pub(super) until: Timestamp,
    /// The length of slices, where it is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) slice_seconds: Option<i64>,
    /// The slice from `next` on, when it is partly delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at: Option<Partly>,
    /// Intervals that were given up.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    lost: Vec<Interval>,
    /// Rows that were paid for and come again, or could not be used.
    #[serde(default)]
    bought_again: u64,
}

/// A slice of which some rows are delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Partly {
    end: Timestamp,
    frame: TimeFrame,
    /// Rows delivered.
    rows: u64,
    /// Rows that the count told.
    expected: Option<u64>,
    /// The id to go on behind; otherwise `rows` is the offset.
    cursor: Option<u64>,
}

impl WindowPlan {
    pub(super) fn new(window: Interval) -> Self {
        Self { from: window.from, next: window.from, until: window.until, ..Self::default() }
    }

    /// Leaves out the beginning of what is not covered yet.
    pub(super) fn give_up(&mut self, lost: Interval) {
        self.next = lost.until;
        self.at = None;
        self.lost.push(lost);
    }
}

/// A question, kept until its answer comes.
#[derive(Debug, Clone, Copy)]
struct Asked {
    call: Call,
    at: Timestamp,
    what: What,
}

#[derive(Debug, Clone, Copy)]
enum What {
    Count,
    Page { limit: u32, expected: Option<u64>, before: Option<Partly> },
}

/// The walk.
#[derive(Debug)]
pub(super) struct WindowWalk<K> {
    options: Windows<K>,
    clock: Clock,
    plan: WindowPlan,
    /// Nothing is due before.
    due: Option<Timestamp>,
    /// The length of the next slice in seconds.
    width: i64,
    /// The count of the slice from `plan.next` on, and its end.
    counted: Option<(Timestamp, u64)>,
    asked: Mutex<Option<Asked>>,
    /// Jobs billed in this run.
    jobs: u64,
    credits: Credits,
    trouble: u32,
}

impl<K: Feed> WindowWalk<K> {
    pub(super) fn new(options: Windows<K>, client: &crate::Client, plan: WindowPlan, due: Option<Timestamp>) -> Self {
        let width = plan.slice_seconds.unwrap_or(i64::MAX);
        let (clock, credits) = (client.clock().clone(), Credits::default());
        Self { options, clock, plan, due, width, counted: None, asked: Mutex::new(None), jobs: 0, credits, trouble: 0 }
    }

    /// What is left to cover.
    pub(super) fn interval(&self) -> Option<Interval> {
        let some = self.due.is_none() && self.plan.next < self.plan.until;
        some.then_some(Interval { from: self.plan.next, until: self.plan.until })
    }

    pub(super) fn due(&self) -> Option<Timestamp> {
        self.due
    }

    /// Jobs that may still be bought.
    fn left(&self) -> u64 {
        self.options.max_jobs.map_or(u64::MAX, |most| most.saturating_sub(self.jobs))
    }

    /// Rows of the next page.
    fn limit(&self) -> u32 {
        self.options.feed.limit.min(u32::try_from(self.left()).unwrap_or(u32::MAX))
    }

    /// The question at this moment.
    fn ask(&self, now: Timestamp) -> Result<Asked, Error> {
        if let Some(due) = self.due {
            return Err(Self::paused(now, due, PauseReason::NotDue));
        }
        if self.left() == 0 {
            return Err(Self::paused(now, now, PauseReason::Quota));
        }
        if !self.options.overage && self.credits.jobs_remaining == Some(0) {
            let billing = self.credits.billing_date().and_then(|day| day.to_zoned(jiff::tz::TimeZone::UTC).ok());
            let until = billing.map(|day| day.timestamp()).filter(|day| *day > now).unwrap_or_else(|| plus(now, RETRY));
            return Err(Self::paused(now, until, PauseReason::Quota));
        }
        let (planner, from) = (&self.options.planner, self.plan.next);
        if let Some(partly) = self.plan.at {
            let call = Call { time_frame: partly.frame, interval: Interval { from, until: partly.end } };
            if planner.holds(&call, now) {
                let what = What::Page { limit: self.limit(), expected: partly.expected, before: Some(partly) };
                return Ok(Asked { call, at: now, what });
            }
        }
        if let Some((until, expected)) = self.counted
            && let Some(call) = planner.call(Interval { from, until }, now)
        {
            let what = What::Page { limit: self.limit(), expected: Some(expected), before: None };
            return Ok(Asked { call, at: now, what });
        }
        let width =
            |most: i64| SignedDuration::from_secs(self.width.min(self.plan.slice_seconds.unwrap_or(most)).min(most));
        let end = |most| plus(from, width(most)).min(self.plan.until);
        let Some(call) = planner.call(Interval { from, until: end(i64::MAX / 4) }, now) else {
            let until = planner.deepest(now).min(self.plan.until);
            return Err(Error::Gap { endpoint: K::NAME.into(), from, until });
        };
        if call.time_frame == TimeFrame::SixMonths {
            let most = self.plan.slice_seconds.unwrap_or(WEEK);
            let until = plus(from, SignedDuration::from_secs(most)).min(self.plan.until);
            let call = Call { interval: Interval { from, until }, ..call };
            let what = What::Page { limit: self.limit(), expected: None, before: None };
            return Ok(Asked { call, at: now, what });
        }
        Ok(Asked { call, at: now, what: What::Count })
    }

    fn paused(now: Timestamp, until: Timestamp, reason: PauseReason) -> Error {
        let call = Named { endpoint: K::NAME.into(), target: format!("GET {}", K::PATH), attempts: 0 };
        let wait = until.duration_since(now).unsigned_abs();
        Error::Paused { call: Box::new(call), until, wait, reason }
    }

    fn endpoint(&self, asked: &Asked) -> (Arc<dyn Endpoint>, Position) {
        let Call { time_frame, interval, .. } = asked.call;
        let (limit, before) = match asked.what {
            What::Count => {
                let frame = match time_frame {
                    TimeFrame::Hour => CountFrame::Hour,
                    TimeFrame::Day => CountFrame::Day,
                    TimeFrame::Week | TimeFrame::SixMonths => CountFrame::Month,
                };
                return (Arc::new(count_of(&self.options.feed, frame, interval).0), Position::Start);
            }
            What::Page { limit, before, .. } => (limit, before),
        };
        let mut feed = slice(&self.options.feed, time_frame, Some(interval));
        feed.limit = limit;
        let position = match before {
            _ if time_frame == TimeFrame::SixMonths => {
                Position::Token(before.and_then(|partly| partly.cursor).unwrap_or(1).to_string())
            }
            Some(partly) => Position::Offset(partly.rows),
            None => Position::Offset(0),
        };
        (Arc::new(feed), position)
    }

    /// A wrong clock asks for a wrong window, and an empty answer would look like the end.
    fn check_clock(&self, asked: &Asked, now: Timestamp, page: &dyn Facts) -> Result<(), Fault> {
        let date = page.header("date").and_then(|date| httpdate::parse_http_date(date).ok());
        let Some(date) = date.and_then(|date| Timestamp::try_from(date).ok()).filter(|_| self.options.check_clock)
        else {
            return Ok(());
        };
        // The header has whole seconds.
        let allowed = self.options.planner.allowed_skew() + SignedDuration::from_secs(1);
        if date >= minus(asked.at, allowed) && date <= plus(now, allowed) {
            return Ok(());
        }
        Err(Fault::Ignored(format!(
            "its clock says {date}, the local one {now}: set the clock, or use trust_own_clock"
        )))
    }

    /// A server that ignored the bounds would bill what nobody asked for, and hide what was.
    fn check_bounds(asked: &Asked, page: &dyn Facts) -> Result<(), Fault> {
        let Interval { from, until } = asked.call.interval;
        let dates = page.field("date_created").filter_map(|text| DateTime::from(text.trim_matches('"')).timestamp());
        let mut outside = dates.filter(|date| *date < from || *date >= until);
        match outside.next() {
            None => Ok(()),
            Some(_) => Err(Fault::Ignored("the server did not apply date_created_gte and date_created_lt".to_owned())),
        }
    }

    fn on_count(&mut self, asked: &Asked, page: &dyn Facts) -> Result<Verdict, Fault> {
        let Some(rows) = page.total() else {
            return Err(Fault::Ignored("the count endpoint told no count".to_owned()));
        };
        let Interval { from, until } = asked.call.interval;
        let seconds = until.duration_since(from).as_secs();
        let capacity = u64::from(self.limit());
        if rows > capacity && seconds > 1 {
            self.width = scaled(seconds, capacity, rows).clamp(1, seconds / 2);
        } else if self.options.planner.holds(&asked.call, self.clock.now()) {
            self.counted = Some((until, rows));
        }
        Ok(Verdict::Skip)
    }

    fn on_page(&mut self, asked: &Asked, page: &dyn Facts) -> Result<Verdict, Fault> {
        let What::Page { limit, expected, before } = asked.what else { return Ok(Verdict::Skip) };
        let Interval { from, until } = asked.call.interval;
        let rows = page.rows();
        self.pay(rows, page);
        if self.plan.at.is_some() && before.is_none() {
            // The window of the partly delivered slice has moved on, so the slice was asked for from its beginning.
            self.start_again(0);
        }
        if !self.options.planner.holds(&asked.call, self.clock.now()) {
            self.start_again(rows);
            return Ok(Verdict::Skip);
        }
        Self::check_bounds(asked, page)?;
        let delivered = before.map_or(0, |partly| partly.rows) + rows;
        let verdict = if rows > 0 { Verdict::Deliver } else { Verdict::Skip };
        let frame = asked.call.time_frame;
        let confirmed = expected == Some(delivered);
        if rows > 0 {
            self.trouble = 0;
        } else if !confirmed && (frame == TimeFrame::SixMonths || expected.is_some_and(|expected| delivered < expected))
        {
            // An empty page says that this is all, and the count says no, or nothing.
            self.trouble += 1;
            let strict = self.is_strict(asked);
            if self.trouble < if strict { PATIENCE } else { EMPTY } {
                return Ok(Verdict::Skip);
            }
            if strict {
                let missing = expected.unwrap_or_default().saturating_sub(delivered);
                return Err(Fault::Incomplete(Completeness::ShortBy(missing)));
            }
        }
        let mut partly = Partly { end: until, frame, rows: delivered, expected, cursor: None };
        if frame == TimeFrame::SixMonths {
            match page.next() {
                Some(Position::Token(id)) if rows > 0 => {
                    partly.cursor = id.parse().ok();
                    self.plan.at = Some(partly);
                }
                _ => self.pass(until, SignedDuration::ZERO, 0),
            }
        } else if confirmed || rows == 0 {
            self.pass(until, until.duration_since(from), delivered);
        } else if frame == TimeFrame::Week && (before.is_some() || rows == u64::from(limit)) {
            // More than one page, and rows may go away between two of them: by cursor nothing shifts.
            self.plan.bought_again += delivered;
            self.plan.at =
                Some(Partly { frame: TimeFrame::SixMonths, cursor: Some(1), expected: None, rows: 0, ..partly });
        } else {
            self.plan.at = Some(partly);
        }
        Ok(verdict)
    }

    /// Whether a count that is larger than the listing is an error.
    fn is_strict(&self, asked: &Asked) -> bool {
        let stands_still = matches!(asked.call.time_frame, TimeFrame::Hour | TimeFrame::Day);
        let exact = || count_of(&self.options.feed, CountFrame::Day, asked.call.interval).1;
        !self.options.trust_listing && stands_still && exact()
    }

    fn pay(&mut self, rows: u64, page: &dyn Facts) {
        let credits = Credits::from_lookup(|name| page.header(name));
        self.jobs += credits.jobs_this_request.unwrap_or(rows).max(rows);
        self.credits.update(credits);
    }

    fn start_again(&mut self, unused: u64) {
        let delivered = self.plan.at.take().map_or(0, |partly| partly.rows);
        self.plan.bought_again += delivered + unused;
        self.counted = None;
    }

    /// The slice is covered.
    fn pass(&mut self, end: Timestamp, length: SignedDuration, rows: u64) {
        self.trouble = 0;
        self.plan.next = end;
        self.plan.at = None;
        self.counted = None;
        let seconds = length.as_secs().max(1);
        let most = seconds.saturating_mul(GROWTH);
        let capacity = u64::from(self.options.feed.limit);
        self.width = if rows == 0 { i64::MAX } else { scaled(seconds, capacity, rows).clamp(1, most) };
    }
}

/// The seconds that should hold `FILL` percent of `capacity` rows, when `seconds` hold `rows`.
fn scaled(seconds: i64, capacity: u64, rows: u64) -> i64 {
    let width = i128::from(seconds) * i128::from(capacity) * FILL / (i128::from(rows.max(1)) * 100);
    i64::try_from(width).unwrap_or(i64::MAX).max(1)
}

impl<K: Feed> Strategy for WindowWalk<K> {
    fn step(&self) -> Step {
        match self.ask(self.clock.now()) {
            Err(error) => Step::Stop(error),
            Ok(asked) => {
                let (endpoint, position) = self.endpoint(&asked);
                *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = Some(asked);
                match asked.what {
                    What::Count => Step::Probe(endpoint, position),
                    What::Page { .. } => Step::Fetch(endpoint, position),
                }
            }
        }
    }

    fn absorb(&mut self, page: &dyn Facts) -> Result<Verdict, Fault> {
        let asked = *self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(asked) = asked else { return Ok(Verdict::Skip) };
        self.check_clock(&asked, self.clock.now(), page)?;
        match asked.what {
            What::Count => self.on_count(&asked, page),
            What::Page { .. } => self.on_page(&asked, page),
        }
    }

    fn finished(&self) -> bool {
        self.due.is_none() && self.plan.next >= self.plan.until
    }

    fn watermark(&self) -> Option<Mark> {
        Some(Mark::Time(self.plan.until))
    }

    fn plan(&self) -> Value {
        serde_json::to_value(&self.plan).unwrap_or_default()
    }

    fn details(&self) -> Value {
        json!({
            "window": { "from": self.plan.from, "until": self.plan.until },
            "jobs": self.jobs,
            "bought_again": self.plan.bought_again,
            "lost": self.plan.lost,
            "credits": self.credits,
        })
    }

    fn caveats(&self) -> &'static [&'static str] {
        &["a row that expires during an outage, before a wider window is read, is not seen"]
    }
}
