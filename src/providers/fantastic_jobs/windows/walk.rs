//! The walk of one run: slices of index time, oldest first, each asked for so that nothing can slip between two answers.
//!
//! * Windows of days and hours, and `7d`: the free count says how long a slice may be to fit one page, and then one answer
//!   is the whole slice. What the count does not confirm, an empty page behind the rows does.
//! * `6m`: a cursor by id within slices of a week. Rows that go away meanwhile shift nothing.
//!
//! A window moves while it is read, so each answer is used only if the window still holds the slice when it has come.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::count::{count_of, slice};
use super::options::WindowOptions;
use super::position::{PartialSlice, WindowPosition};
use crate::checkpoint::Mark;
use crate::client::{Client, Clock};
use crate::error::{Call, Completeness, Error, PauseReason};
use crate::json::DateTime;
use crate::listing::{Endpoint, Position};
use crate::providers::fantastic_jobs::credits::Credits;
use crate::providers::fantastic_jobs::frames::{CountFrame, TimeFrame};
use crate::providers::fantastic_jobs::planner::{Interval, PlannedCall, minus, plus};
use crate::sync::{self, PageView, Step, Strategy, Verdict, WalkError};

/// The most that a slice grows from one to the next.
const GROWTH: i64 = 4;
/// The length of a slice by cursor, in seconds.
const WEEK: i64 = 7 * 86_400;
/// Empty pages in a row that contradict a count which must be right.
const MAX_RETRIES: u32 = 3;
/// Empty pages in a row that are believed where there is no such count.
const EMPTY: u32 = 2;
/// How long a used-up quota without a billing date is waited for.
const RETRY: SignedDuration = SignedDuration::from_hours(1);

/// What is asked at one moment.
#[derive(Debug, Clone, Copy)]
struct Question {
    call: PlannedCall,
    at: Timestamp,
    kind: QuestionKind,
}

#[derive(Debug, Clone, Copy)]
enum QuestionKind {
    Count,
    Page { limit: u32, expected: Option<u64>, before: Option<PartialSlice> },
}

/// The walk.
#[derive(Debug)]
pub(super) struct WindowWalk {
    options: WindowOptions,
    clock: Clock,
    position: WindowPosition,
    /// Nothing is due before.
    due: Option<Timestamp>,
    /// The length of the next slice in seconds.
    width: i64,
    /// The count of the slice from `plan.next` on, and its end.
    counted: Option<(Timestamp, u64)>,
    /// Jobs billed in this run.
    jobs: u64,
    credits: Credits,
    retries: u32,
}

impl WindowWalk {
    pub(super) fn new(
        options: WindowOptions,
        client: &Client,
        position: WindowPosition,
        due: Option<Timestamp>,
    ) -> Self {
        let width = position.slice_seconds.unwrap_or(i64::MAX);
        let (clock, credits) = (client.clock().clone(), Credits::default());
        Self { options, clock, position, due, width, counted: None, jobs: 0, credits, retries: 0 }
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
    fn ask(&self, now: Timestamp) -> Result<Question, Error> {
        if let Some(due) = self.due {
            return Err(self.paused(now, due, PauseReason::NotDue));
        }
        if self.left() == 0 {
            return Err(self.paused(now, now, PauseReason::Quota));
        }
        if !self.options.allow_overage && self.credits.jobs_remaining == Some(0) {
            let billing = self.credits.billing_date().and_then(|day| day.to_zoned(jiff::tz::TimeZone::UTC).ok());
            let until = billing.map(|day| day.timestamp()).filter(|day| *day > now).unwrap_or_else(|| plus(now, RETRY));
            return Err(self.paused(now, until, PauseReason::Quota));
        }
        let (planner, from) = (&self.options.planner, self.position.next);
        if let Some(partial) = self.position.at {
            let call = PlannedCall { time_frame: partial.frame, interval: Interval { from, until: partial.end } };
            if planner.holds(&call, now) {
                let kind =
                    QuestionKind::Page { limit: self.limit(), expected: partial.expected, before: Some(partial) };
                return Ok(Question { call, at: now, kind });
            }
        }
        if let Some((until, expected)) = self.counted
            && let Some(call) = planner.call(Interval { from, until }, now)
        {
            let kind = QuestionKind::Page { limit: self.limit(), expected: Some(expected), before: None };
            return Ok(Question { call, at: now, kind });
        }
        let width = |most: i64| {
            SignedDuration::from_secs(self.width.min(self.position.slice_seconds.unwrap_or(most)).min(most))
        };
        let end = |most| plus(from, width(most)).min(self.position.until);
        let Some(call) = planner.call(Interval { from, until: end(i64::MAX / 4) }, now) else {
            let until = planner.deepest(now).min(self.position.until);
            return Err(Error::Gap { endpoint: self.options.feed.name().into(), from, until });
        };
        if call.time_frame == TimeFrame::SixMonths {
            let most = self.position.slice_seconds.unwrap_or(WEEK);
            let until = plus(from, SignedDuration::from_secs(most)).min(self.position.until);
            let call = PlannedCall { interval: Interval { from, until }, ..call };
            let kind = QuestionKind::Page { limit: self.limit(), expected: None, before: None };
            return Ok(Question { call, at: now, kind });
        }
        Ok(Question { call, at: now, kind: QuestionKind::Count })
    }

    fn paused(&self, now: Timestamp, until: Timestamp, reason: PauseReason) -> Error {
        let call = Call {
            endpoint: self.options.feed.name().into(),
            target: format!("GET {}", self.options.feed.path),
            attempts: 0,
        };
        let wait = until.duration_since(now).unsigned_abs();
        Error::Paused { call: Box::new(call), until, wait, reason }
    }

    fn endpoint(&self, asked: &Question) -> (Arc<dyn Endpoint>, Position) {
        let PlannedCall { time_frame, interval, .. } = asked.call;
        let (limit, before) = match asked.kind {
            QuestionKind::Count => {
                let frame = match time_frame {
                    TimeFrame::Hour => CountFrame::Hour,
                    TimeFrame::Day => CountFrame::Day,
                    TimeFrame::Week | TimeFrame::SixMonths => CountFrame::Month,
                };
                return (
                    Arc::new(count_of(&self.options.feed, self.options.count, frame, interval).0),
                    Position::Start,
                );
            }
            QuestionKind::Page { limit, before, .. } => (limit, before),
        };
        let mut feed = slice(&self.options.feed, time_frame, Some(interval));
        feed.limit = limit;
        let position = match before {
            _ if time_frame == TimeFrame::SixMonths => {
                Position::Token(before.and_then(|partial| partial.cursor).unwrap_or(1).to_string())
            }
            Some(partial) => Position::Offset(partial.rows),
            None => Position::Offset(0),
        };
        (Arc::new(feed), position)
    }

    /// A wrong clock asks for a wrong window, and an empty answer would look like the end.
    fn check_clock(&self, asked: &Question, now: Timestamp, page: &dyn PageView) -> Result<(), WalkError> {
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
        Err(WalkError::Ignored(format!(
            "its clock says {date}, the local one {now}: set the clock, or use trust_own_clock"
        )))
    }

    /// A server that ignored the bounds would bill what nobody asked for, and hide what was.
    fn check_bounds(asked: &Question, page: &dyn PageView) -> Result<(), WalkError> {
        let Interval { from, until } = asked.call.interval;
        let dates = page.values("date_created").filter_map(|text| DateTime::from(text.trim_matches('"')).timestamp());
        let mut outside = dates.filter(|date| *date < from || *date >= until);
        match outside.next() {
            None => Ok(()),
            Some(_) => {
                Err(WalkError::Ignored("the server did not apply date_created_gte and date_created_lt".to_owned()))
            }
        }
    }

    fn on_count(&mut self, asked: &Question, page: &dyn PageView) -> Result<Verdict, WalkError> {
        let Some(rows) = page.total() else {
            return Err(WalkError::Ignored("the count endpoint told no count".to_owned()));
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

    fn on_page(&mut self, asked: &Question, page: &dyn PageView) -> Result<Verdict, WalkError> {
        let QuestionKind::Page { limit, expected, before } = asked.kind else { return Ok(Verdict::Skip) };
        let Interval { from, until } = asked.call.interval;
        let rows = page.rows();
        self.pay(rows, page);
        if self.position.at.is_some() && before.is_none() {
            // The window of the partial delivered slice has moved on, so the slice was asked for from its beginning.
            self.start_again(0);
        }
        if !self.options.planner.holds(&asked.call, self.clock.now()) {
            self.start_again(rows);
            return Ok(Verdict::Skip);
        }
        Self::check_bounds(asked, page)?;
        let delivered = before.map_or(0, |partial| partial.rows) + rows;
        let verdict = if rows > 0 { Verdict::Deliver } else { Verdict::Skip };
        let frame = asked.call.time_frame;
        let confirmed = expected == Some(delivered);
        if rows > 0 {
            self.retries = 0;
        } else if !confirmed && (frame == TimeFrame::SixMonths || expected.is_some_and(|expected| delivered < expected))
        {
            // An empty page says that this is all, and the count says no, or nothing.
            self.retries += 1;
            let strict = self.is_strict(asked);
            if self.retries < if strict { MAX_RETRIES } else { EMPTY } {
                return Ok(Verdict::Skip);
            }
            if strict {
                let missing = expected.unwrap_or_default().saturating_sub(delivered);
                return Err(WalkError::Incomplete(Completeness::ShortBy(missing)));
            }
        }
        let mut partial = PartialSlice { end: until, frame, rows: delivered, expected, cursor: None };
        if frame == TimeFrame::SixMonths {
            match page.next() {
                Some(Position::Token(id)) if rows > 0 => {
                    partial.cursor = id.parse().ok();
                    self.position.at = Some(partial);
                }
                _ => self.pass(until, SignedDuration::ZERO, 0),
            }
        } else if confirmed || rows == 0 {
            self.pass(until, until.duration_since(from), delivered);
        } else if frame == TimeFrame::Week && (before.is_some() || rows == u64::from(limit)) {
            // More than one page, and rows may go away between two of them: by cursor nothing shifts.
            self.position.bought_again += delivered;
            self.position.at =
                Some(PartialSlice { frame: TimeFrame::SixMonths, cursor: Some(1), expected: None, rows: 0, ..partial });
        } else {
            self.position.at = Some(partial);
        }
        Ok(verdict)
    }

    /// Whether a count that is larger than the listing is an error.
    fn is_strict(&self, asked: &Question) -> bool {
        let stands_still = matches!(asked.call.time_frame, TimeFrame::Hour | TimeFrame::Day);
        let exact = || count_of(&self.options.feed, self.options.count, CountFrame::Day, asked.call.interval).1;
        !self.options.trust_listing && stands_still && exact()
    }

    fn pay(&mut self, rows: u64, page: &dyn PageView) {
        let credits = Credits::from_lookup(|name| page.header(name));
        self.jobs += credits.jobs_this_request.unwrap_or(rows).max(rows);
        self.credits.update(credits);
    }

    fn start_again(&mut self, unused: u64) {
        let delivered = self.position.at.take().map_or(0, |partial| partial.rows);
        self.position.bought_again += delivered + unused;
        self.counted = None;
    }

    /// The slice is covered.
    fn pass(&mut self, end: Timestamp, length: SignedDuration, rows: u64) {
        self.retries = 0;
        self.position.next = end;
        self.position.at = None;
        self.counted = None;
        let seconds = length.as_secs().max(1);
        let most = seconds.saturating_mul(GROWTH);
        let capacity = u64::from(self.options.feed.limit);
        self.width = if rows == 0 { i64::MAX } else { scaled(seconds, capacity, rows).clamp(1, most) };
    }
}

/// The seconds that should fill a page well, when `seconds` hold `rows`.
fn scaled(seconds: i64, capacity: u64, rows: u64) -> i64 {
    i64::try_from(sync::scaled(seconds.unsigned_abs(), capacity, rows)).unwrap_or(i64::MAX)
}

impl Strategy for WindowWalk {
    fn step(&self, now: Timestamp) -> Step {
        match self.ask(now) {
            Err(error) => Step::Stop(error),
            Ok(asked) => {
                let (endpoint, position) = self.endpoint(&asked);
                match asked.kind {
                    QuestionKind::Count => Step::Probe(endpoint, position),
                    QuestionKind::Page { .. } => Step::Fetch(endpoint, position),
                }
            }
        }
    }

    fn enter(&mut self, page: &dyn PageView, asked: Timestamp) -> Result<Verdict, WalkError> {
        // Nothing has changed since then, so this is the same question.
        let asked = self.ask(asked).map_err(|error| WalkError::Other(Box::new(error)))?;
        self.check_clock(&asked, self.clock.now(), page)?;
        match asked.kind {
            QuestionKind::Count => self.on_count(&asked, page),
            QuestionKind::Page { .. } => self.on_page(&asked, page),
        }
    }

    fn finished(&self) -> bool {
        self.due.is_none() && self.position.next >= self.position.until
    }

    fn watermark(&self) -> Option<Mark> {
        Some(Mark::Time(self.position.until))
    }

    fn position(&self) -> Value {
        serde_json::to_value(&self.position).unwrap_or_default()
    }

    fn details(&self) -> Value {
        json!({
            "window": { "from": self.position.from, "until": self.position.until },
            "jobs": self.jobs,
            "bought_again": self.position.bought_again,
            "lost": self.position.lost,
            "credits": self.credits,
        })
    }

    fn caveats(&self) -> &'static [&'static str] {
        &["a row that expires during an outage, before a wider window is read, is not seen"]
    }
}
