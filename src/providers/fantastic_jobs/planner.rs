//! The planner: from "covered until" and "now" it finds the calls that cover the time between them exactly. No I/O.
//!
//! The time is the index time of rows (`date_created`). A sync always needs a half-open interval of it, and each call
//! sends the interval as `date_created_gte` and `date_created_lt`. The server combines them with the window (observed),
//! so it is enough that the window contains the interval. Then the calls for two adjacent intervals return each row
//! once, whatever the exact lengths of the windows are, and no row is bought twice.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::frames::TimeFrame;

const HOUR: SignedDuration = SignedDuration::from_hours(1);
const DAY: SignedDuration = SignedDuration::from_hours(24);
/// The length of `7d`.
const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);
/// The assumed length of `6m`; the vendor does not state it (inferred).
const SIX_MONTHS: SignedDuration = SignedDuration::from_hours(180 * 24);
/// The default difference allowed between the local clock and the server's.
pub(super) const SKEW: SignedDuration = SignedDuration::from_secs(60);

/// A half-open interval of index time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interval {
    /// The first instant in it.
    pub from: Timestamp,
    /// The first instant after it.
    pub until: Timestamp,
}

/// How often a sync runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Cadence {
    /// Due as soon as the server shows one more hour.
    Hourly,
    /// Due as soon as the server shows 24 more hours.
    Daily,
}

/// One call: the smallest window that contains the interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PlannedCall {
    /// The window to request.
    pub time_frame: TimeFrame,
    /// The bounds to request, as `date_created_gte` and `date_created_lt`.
    pub interval: Interval,
}

/// The result of planning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plan {
    /// No call is due yet.
    NotYet {
        /// When a call is due.
        due: Timestamp,
    },
    /// These calls, in this order.
    Calls(Vec<PlannedCall>),
    /// The interval begins before the oldest instant of the longest window.
    Lost {
        /// The part that no call can return.
        lost: Interval,
        /// The calls for the rest of the interval.
        rest: Vec<PlannedCall>,
    },
}

/// Finds the calls that cover an interval.
///
/// ```
/// use jobfeed::fantastic_jobs::{Plan, Planner, TimeFrame};
///
/// let planner = Planner::hourly();
/// let (covered, now) = ("2026-01-02T07:00:00Z", "2026-01-02T09:15:00Z");
/// let Plan::Calls(calls) = planner.plan(covered.parse()?, now.parse()?) else {
///     panic!("an hour is due");
/// };
/// assert_eq!(calls[0].time_frame, TimeFrame::Hour);
/// let end = calls[0].interval.until;
/// assert_eq!(end, "2026-01-02T08:00:00Z".parse()?);
///
/// // After an outage of three hours the planner chooses a longer window.
/// let now = "2026-01-02T12:15:00Z";
/// let Plan::Calls(calls) = planner.plan(covered.parse()?, now.parse()?) else {
///     panic!("four hours are due");
/// };
/// assert_eq!(calls[0].time_frame, TimeFrame::Day);
/// # Ok::<(), jobfeed::jiff::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Planner {
    cadence: Cadence,
    skew: SignedDuration,
}

impl Planner {
    /// A planner for hourly runs.
    pub const fn hourly() -> Self {
        Self::new(Cadence::Hourly)
    }

    /// A planner for daily runs, at any minute of the day.
    pub const fn daily() -> Self {
        Self::new(Cadence::Daily)
    }

    /// A planner for a cadence.
    pub const fn new(cadence: Cadence) -> Self {
        Self { cadence, skew: SKEW }
    }

    /// The largest allowed difference between the local clock and the server's, in either direction. Default 60 s.
    /// Within this time around a full hour, calls are planned that are valid in both hours.
    #[must_use]
    pub fn skew(mut self, skew: Duration) -> Self {
        self.skew = SignedDuration::try_from(skew).unwrap_or(SignedDuration::MAX);
        self
    }

    pub(super) const fn allowed_skew(&self) -> SignedDuration {
        self.skew
    }

    /// The end of the index time that windows of whole hours show at `now`: `H - 1h`.
    pub fn available(&self, now: Timestamp) -> Timestamp {
        minus(floor_hour(minus(now, self.skew)), HOUR)
    }

    /// The oldest instant that the longest window certainly contains: 179 days ago. One day is a margin, because the
    /// window moves while it is read and its length is not documented.
    pub fn deepest(&self, now: Timestamp) -> Timestamp {
        self.oldest(TimeFrame::SixMonths, now)
    }

    /// The calls for everything from `covered_until` on.
    pub fn plan(&self, covered_until: Timestamp, now: Timestamp) -> Plan {
        let until = self.available(now);
        let least = match self.cadence {
            Cadence::Hourly => SignedDuration::ZERO,
            Cadence::Daily => DAY,
        };
        if covered_until >= until || plus(covered_until, least) > until {
            let wanted = match self.cadence {
                Cadence::Hourly => plus(floor_hour(covered_until), HOUR),
                Cadence::Daily => ceil_hour(plus(covered_until, DAY)),
            };
            return Plan::NotYet { due: plus(plus(wanted, HOUR), self.skew) };
        }
        self.cover(Interval { from: covered_until, until }, now)
    }

    /// The calls for one interval. Its end must not be after [`Planner::available`].
    pub fn cover(&self, interval: Interval, now: Timestamp) -> Plan {
        let oldest = self.deepest(now);
        if interval.from >= oldest {
            return Plan::Calls(self.call(interval, now).into_iter().collect());
        }
        let from = oldest.min(interval.until);
        let lost = Interval { from: interval.from, until: from };
        let rest = self.call(Interval { from, ..interval }, now).into_iter().collect();
        Plan::Lost { lost, rest }
    }

    /// The call with the smallest window that contains the interval; `None` if the interval is empty or no window does.
    pub fn call(&self, interval: Interval, now: Timestamp) -> Option<PlannedCall> {
        let frames = [TimeFrame::Hour, TimeFrame::Day, TimeFrame::Week, TimeFrame::SixMonths];
        let fits = |frame: &TimeFrame| interval.from >= self.oldest(*frame, now);
        let time_frame = frames.into_iter().find(fits)?;
        let available = interval.from < interval.until && interval.until <= self.available(now);
        available.then_some(PlannedCall { time_frame, interval })
    }

    /// Whether the window of a call certainly contains its interval at `now`. Windows move, so check this again when
    /// the response has arrived: the server may have answered in the next hour.
    pub fn holds(&self, call: &PlannedCall, now: Timestamp) -> bool {
        let margin = match call.time_frame {
            TimeFrame::Hour | TimeFrame::Day => SignedDuration::ZERO,
            TimeFrame::Week => HOUR / 2,
            TimeFrame::SixMonths => DAY / 2,
        };
        plus(call.interval.from, margin) >= self.oldest(call.time_frame, now)
            && call.interval.until <= self.available(now)
    }

    /// The oldest instant that a window certainly contains.
    pub(super) fn oldest(&self, frame: TimeFrame, now: Timestamp) -> Timestamp {
        let latest = plus(now, self.skew);
        match frame {
            TimeFrame::Hour => minus(floor_hour(latest), HOUR * 2),
            TimeFrame::Day => minus(floor_hour(latest), HOUR * 25),
            // The vendor does not state the exact bounds, so an hour and a day are margins.
            TimeFrame::Week => plus(minus(latest, WEEK), HOUR),
            TimeFrame::SixMonths => plus(minus(latest, SIX_MONTHS), DAY),
        }
    }
}

/// The full hour at or before an instant.
pub(super) fn floor_hour(at: Timestamp) -> Timestamp {
    let seconds = at.as_second() - i64::from(at.subsec_nanosecond() < 0);
    Timestamp::from_second(seconds - seconds.rem_euclid(3600)).unwrap_or(Timestamp::MIN)
}

/// The full hour at or after an instant.
fn ceil_hour(at: Timestamp) -> Timestamp {
    let floor = floor_hour(at);
    if floor == at { at } else { plus(floor, HOUR) }
}

pub(super) fn plus(at: Timestamp, span: SignedDuration) -> Timestamp {
    at.checked_add(span).unwrap_or(Timestamp::MAX)
}

pub(super) fn minus(at: Timestamp, span: SignedDuration) -> Timestamp {
    at.checked_sub(span).unwrap_or(Timestamp::MIN)
}
