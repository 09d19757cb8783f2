//! The walk of one run: slices of index time, oldest first, read so that no row is missed between two pages.
//!
//! * `1h`, `24h` and `7d`: the count, which costs no job credits, gives the length of a slice that fits one page, so
//!   one page is the whole slice. If the rows do not match the count, an empty page after them confirms the end; a page that
//!   repeats the last row before it shows that rows were missing, and the slice is read again.
//! * `6m`: a cursor by id, in slices of one week. Rows that are removed meanwhile do not shift the others.
//!
//! Windows move during the walk, so a page is used only if the window still contains the slice when the page arrives.

use std::collections::HashSet;
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
use crate::listing::{Endpoint, Position, key_hash};
use crate::providers::fantastic_jobs::credits::Credits;
use crate::providers::fantastic_jobs::frames::{CountFrame, TimeFrame};
use crate::providers::fantastic_jobs::planner::{Interval, PlannedCall, plus};
use crate::sync::{PageView, Step, Strategy, Verdict, WalkError, check_clock};

/// The largest factor from the length of one slice to the next.
const MAX_GROWTH: i64 = 4;
/// The length of a slice by cursor, in seconds.
const WEEK: i64 = 7 * 86_400;
/// Consecutive empty pages after which a listing that is shorter than an exact count is an error.
const MAX_RETRIES: u32 = 3;
/// Consecutive empty pages that are accepted as the end where there is no such count.
const MAX_EMPTY_PAGES: u32 = 2;

/// The request to send at one instant.
#[derive(Debug, Clone, Copy)]
struct PlannedRequest {
    call: PlannedCall,
    sent_at: Timestamp,
    kind: RequestKind,
}

#[derive(Debug, Clone, Copy)]
enum RequestKind {
    Count,
    Page { limit: u32, expected: Option<u64>, before: Option<PartialSlice> },
}

/// The walk.
#[derive(Debug)]
pub(super) struct WindowWalk {
    options: WindowOptions,
    clock: Clock,
    position: WindowPosition,
    /// No run is due before this instant.
    due: Option<Timestamp>,
    /// The length of the next slice in seconds.
    width: i64,
    /// The end and the count of the slice that starts at `position.next`.
    counted: Option<(Timestamp, u64)>,
    /// Jobs billed in this run.
    jobs: u64,
    retries: u32,
    /// How often the present slice was asked for again, because its rows contradicted each other.
    repeats: u32,
}

impl WindowWalk {
    pub(super) fn new(
        options: WindowOptions,
        client: &Client,
        position: WindowPosition,
        due: Option<Timestamp>,
    ) -> Self {
        let width = position.slice_seconds.unwrap_or(i64::MAX);
        let clock = client.clock().clone();
        Self { options, clock, position, due, width, counted: None, jobs: 0, retries: 0, repeats: 0 }
    }

    /// Jobs that may still be bought.
    fn jobs_left(&self) -> u64 {
        self.options.max_jobs.map_or(u64::MAX, |most| most.saturating_sub(self.jobs))
    }

    /// Rows of the next page.
    fn limit(&self) -> u32 {
        self.options.feed.limit.min(u32::try_from(self.jobs_left()).unwrap_or(u32::MAX))
    }

    /// The pause, when no job remains that could be bought. Not part of [`WindowWalk::next_request`], because the quota
    /// changes with each answer.
    fn without_jobs(&self, now: Timestamp) -> Option<Error> {
        let free = self.counted.is_some_and(|(_, rows)| rows == 0);
        let until = self.options.feed.credits.no_jobs_until(now)?;
        (!self.options.allow_overage && !free).then(|| self.paused(now, until, PauseReason::Quota))
    }

    /// The next request, if it is sent at `now`.
    fn next_request(&self, now: Timestamp) -> Result<PlannedRequest, Error> {
        if let Some(due) = self.due {
            return Err(self.paused(now, due, PauseReason::NotDue));
        }
        if self.jobs_left() == 0 {
            return Err(self.paused(now, now, PauseReason::Quota));
        }
        let (planner, from) = (&self.options.planner, self.position.next);
        if let Some(partial) = self.position.at {
            let call = PlannedCall { time_frame: partial.frame, interval: Interval { from, until: partial.end } };
            if planner.holds(&call, now) {
                let kind = RequestKind::Page { limit: self.limit(), expected: partial.expected, before: Some(partial) };
                return Ok(PlannedRequest { call, sent_at: now, kind });
            }
        }
        if let Some((until, expected)) = self.counted
            && let Some(call) = planner.call(Interval { from, until }, now)
        {
            let kind = RequestKind::Page { limit: self.limit(), expected: Some(expected), before: None };
            return Ok(PlannedRequest { call, sent_at: now, kind });
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
            let kind = RequestKind::Page { limit: self.limit(), expected: None, before: None };
            return Ok(PlannedRequest { call, sent_at: now, kind });
        }
        Ok(PlannedRequest { call, sent_at: now, kind: RequestKind::Count })
    }

    fn paused(&self, now: Timestamp, until: Timestamp, reason: PauseReason) -> Error {
        let call = Call {
            endpoint: self.options.feed.name().into(),
            target: format!("GET {}", self.options.feed.path),
            attempts: 0,
            key: None,
            uncertain: false,
        };
        let wait = until.duration_since(now).unsigned_abs();
        Error::Paused { call: Box::new(call), until, wait, reason, server: None }
    }

    fn endpoint(&self, request: &PlannedRequest) -> (Arc<dyn Endpoint>, Position) {
        let PlannedCall { time_frame, interval, .. } = request.call;
        let (limit, before) = match request.kind {
            RequestKind::Count => {
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
            RequestKind::Page { limit, before, .. } => (limit, before),
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

    /// Refuses a page with rows outside the interval: the server ignored the bounds.
    fn check_bounds(request: &PlannedRequest, page: &dyn PageView) -> Result<(), WalkError> {
        let Interval { from, until } = request.call.interval;
        let dates = page.values("date_created").filter_map(|text| DateTime::from(text.trim_matches('"')).timestamp());
        let mut outside = dates.filter(|date| *date < from || *date >= until);
        match outside.next() {
            None => Ok(()),
            Some(_) => {
                Err(WalkError::Ignored("the server did not apply date_created_gte and date_created_lt".to_owned()))
            }
        }
    }

    fn on_count(&mut self, request: &PlannedRequest, page: &dyn PageView) -> Result<Verdict, WalkError> {
        let Some(rows) = page.total() else {
            return Err(WalkError::Ignored("the response of the count endpoint has no count".to_owned()));
        };
        let Interval { from, until } = request.call.interval;
        let seconds = until.duration_since(from).as_secs();
        let capacity = u64::from(self.limit());
        if rows > capacity && seconds > 1 {
            self.width = scaled(seconds, capacity, rows).clamp(1, seconds / 2);
        } else if self.options.planner.holds(&request.call, self.clock.now()) {
            self.counted = Some((until, rows));
        }
        Ok(Verdict::Skip)
    }

    fn on_page(&mut self, request: &PlannedRequest, page: &dyn PageView) -> Result<Verdict, WalkError> {
        let RequestKind::Page { limit, expected, before } = request.kind else { return Ok(Verdict::Skip) };
        let Interval { from, until } = request.call.interval;
        let rows = page.rows();
        let credits = Credits::from_lookup(|name| page.header(name));
        self.jobs += credits.jobs_this_request.unwrap_or(rows).max(rows);
        if self.position.at.is_some() && before.is_none() {
            // The window moved past the partly delivered slice, so the slice was requested from its start.
            self.restart_slice(0);
        }
        if !self.options.planner.holds(&request.call, self.clock.now()) {
            self.restart_slice(rows);
            return Ok(Verdict::Skip);
        }
        Self::check_bounds(request, page)?;
        let keys: Vec<u64> = page.values("id").map(key_hash).collect();
        let last = before.and_then(|partial| partial.last);
        let repeated = keys.len() - keys.iter().collect::<HashSet<_>>().len()
            + usize::from(last.is_some_and(|last| keys.contains(&last)));
        if repeated > 0 {
            return self.ask_again(request, rows, expected, repeated as u64);
        }
        let delivered = before.map_or(0, |partial| partial.rows) + rows;
        let verdict = if rows > 0 { Verdict::Deliver } else { Verdict::Skip };
        let frame = request.call.time_frame;
        let confirmed = expected == Some(delivered);
        if rows > 0 {
            self.retries = 0;
        } else if !confirmed && (frame == TimeFrame::SixMonths || expected.is_some_and(|expected| delivered < expected))
        {
            // The page is empty, but the count is larger or absent.
            self.retries += 1;
            let strict = self.is_strict(request);
            if self.retries < if strict { MAX_RETRIES } else { MAX_EMPTY_PAGES } {
                return Ok(Verdict::Skip);
            }
            if strict {
                let missing = expected.unwrap_or_default().saturating_sub(delivered);
                return Err(WalkError::Incomplete(Completeness::ShortBy(missing)));
            }
        }
        let mut partial = PartialSlice {
            end: until,
            frame,
            rows: delivered,
            expected,
            cursor: None,
            last: keys.last().copied().or(last),
        };
        if frame == TimeFrame::SixMonths {
            match page.next() {
                Some(Position::Token(id)) if rows > 0 => {
                    (partial.cursor, partial.last) = (id.parse().ok(), None);
                    self.position.at = Some(partial);
                }
                _ => self.complete_slice(until, SignedDuration::ZERO, 0),
            }
        } else if confirmed || rows == 0 {
            self.complete_slice(until, until.duration_since(from), delivered);
        } else if frame == TimeFrame::Week && (before.is_some() || rows == u64::from(limit)) {
            // More than one page, and rows may expire between two pages. By cursor that shifts no rows.
            self.position.bought_again += delivered;
            self.position.at = Some(PartialSlice {
                frame: TimeFrame::SixMonths,
                cursor: Some(1),
                expected: None,
                rows: 0,
                last: None,
                ..partial
            });
        } else {
            self.position.at = Some(partial);
        }
        Ok(verdict)
    }

    /// Whether a count that is larger than the listing is an error.
    fn is_strict(&self, request: &PlannedRequest) -> bool {
        let fixed = matches!(request.call.time_frame, TimeFrame::Hour | TimeFrame::Day);
        let exact = || count_of(&self.options.feed, self.options.count, CountFrame::Day, request.call.interval).1;
        !self.options.trust_listing && fixed && exact()
    }

    /// A row came twice, so it took the place of another one: an older copy of the data has answered this page or the one before.
    /// The slice is asked for again, a few times.
    fn ask_again(
        &mut self,
        request: &PlannedRequest,
        rows: u64,
        expected: Option<u64>,
        repeated: u64,
    ) -> Result<Verdict, WalkError> {
        self.repeats += 1;
        if self.repeats >= MAX_RETRIES {
            let completeness = Completeness::Drifted { first_total: expected, last_total: expected, repeated };
            return Err(WalkError::Incomplete(completeness));
        }
        if request.call.time_frame == TimeFrame::SixMonths {
            // By cursor, the rows before this page stay where they are.
            self.position.bought_again += rows;
        } else {
            self.restart_slice(rows);
        }
        Ok(Verdict::Skip)
    }

    fn restart_slice(&mut self, unused: u64) {
        let delivered = self.position.at.take().map_or(0, |partial| partial.rows);
        self.position.bought_again += delivered + unused;
        self.counted = None;
    }

    /// Marks the slice as covered and chooses the length of the next one.
    fn complete_slice(&mut self, end: Timestamp, length: SignedDuration, rows: u64) {
        (self.retries, self.repeats) = (0, 0);
        self.position.next = end;
        self.position.at = None;
        self.counted = None;
        let seconds = length.as_secs().max(1);
        let most = seconds.saturating_mul(MAX_GROWTH);
        let capacity = u64::from(self.options.feed.limit);
        self.width = if rows == 0 { i64::MAX } else { scaled(seconds, capacity, rows).clamp(1, most) };
    }
}

/// The seconds that should fill three quarters of a page, if `seconds` contain `rows`. The rest is a margin for uneven
/// density.
fn scaled(seconds: i64, capacity: u64, rows: u64) -> i64 {
    let width = i128::from(seconds) * i128::from(capacity) * 3 / (i128::from(rows.max(1)) * 4);
    i64::try_from(width).unwrap_or(i64::MAX).max(1)
}

impl Strategy for WindowWalk {
    fn step(&self, now: Timestamp) -> Step {
        match self.next_request(now).and_then(|request| self.without_jobs(now).map_or(Ok(request), Err)) {
            Err(error) => Step::Stop(error),
            Ok(request) => {
                let (endpoint, position) = self.endpoint(&request);
                match request.kind {
                    RequestKind::Count => Step::Probe(endpoint, position),
                    RequestKind::Page { .. } => Step::Fetch(endpoint, position),
                }
            }
        }
    }

    fn enter(&mut self, page: &dyn PageView, sent_at: Timestamp) -> Result<Verdict, WalkError> {
        // Nothing has changed since it was sent, so this is the same request.
        let request = self.next_request(sent_at).map_err(|error| WalkError::Other(Box::new(error)))?;
        if self.options.check_clock {
            check_clock(page, request.sent_at, self.clock.now(), self.options.planner.allowed_skew())?;
        }
        match request.kind {
            RequestKind::Count => self.on_count(&request, page),
            RequestKind::Page { .. } => self.on_page(&request, page),
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
            "credits": self.options.feed.credits.last(),
        })
    }

    fn caveats(&self) -> &'static [&'static str] {
        &["a row that expires during an outage, before a wider window is read, is not seen"]
    }
}
