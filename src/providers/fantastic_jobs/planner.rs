//! The gap-free planner: from "covered until" and "now" it finds the calls that cover the gap exactly. Pure computation.
//!
//! The line is the time at which rows were indexed (`date_created`). What a sync wants is always a half-open interval of it,
//! and every call carries the interval as `date_created_gte` and `date_created_lt`. The server combines them with the window
//! (observed), so a window only has to contain the interval: then two calls for neighbouring intervals neither overlap nor
//! leave a hole, whatever the exact lengths of the windows are, and no row is bought twice.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::frames::TimeFrame;

const HOUR: SignedDuration = SignedDuration::from_hours(1);
const DAY: SignedDuration = SignedDuration::from_hours(24);
/// The length of `7d`.
const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);
/// The length of `6m` that is relied on; the vendor does not state it (inferred).
const SIX_MONTHS: SignedDuration = SignedDuration::from_hours(180 * 24);
/// How far the clocks may be apart, when nothing else is set.
const SKEW: SignedDuration = SignedDuration::from_secs(60);

/// A half-open interval of index time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interval {
    /// The first instant in it.
    pub from: Timestamp,
    /// The first instant behind it.
    pub until: Timestamp,
}

/// How often a sync is meant to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Cadence {
    /// Due as soon as one more hour can be had.
    Hourly,
    /// Due as soon as 24 more hours can be had.
    Daily,
}

/// One call: the smallest window that contains the interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PlannedCall {
    /// The window to ask for.
    pub time_frame: TimeFrame,
    /// The bounds to ask for, as `date_created_gte` and `date_created_lt`.
    pub interval: Interval,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plan {
    /// Nothing yet.
    NotYet {
        /// When there will be.
        due: Timestamp,
    },
    /// These calls, in this order.
    Calls(Vec<PlannedCall>),
    /// The beginning of the gap is older than the deepest window.
    Lost {
        /// What no call brings back.
        lost: Interval,
        /// The calls for what is left of the gap.
        rest: Vec<PlannedCall>,
    },
}

/// Finds the calls that cover a gap.
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
/// // Three hours of outage: the same question, a wider window.
/// let later = "2026-01-02T12:15:00Z";
/// let Plan::Calls(calls) = planner.plan(covered.parse()?, later.parse()?) else {
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
    /// For runs once an hour.
    pub const fn hourly() -> Self {
        Self::new(Cadence::Hourly)
    }

    /// For runs once a day, at any minute.
    pub const fn daily() -> Self {
        Self::new(Cadence::Daily)
    }

    /// For a cadence.
    pub const fn new(cadence: Cadence) -> Self {
        Self { cadence, skew: SKEW }
    }

    /// How far the local clock and the server's may be apart, in either direction. Default 60 s. Within this time around a
    /// full hour only what both hours allow is asked for.
    #[must_use]
    pub fn skew(mut self, skew: Duration) -> Self {
        self.skew = SignedDuration::try_from(skew).unwrap_or(SignedDuration::MAX);
        self
    }

    pub(super) const fn allowed_skew(&self) -> SignedDuration {
        self.skew
    }

    /// Up to where rows can be had now, in windows of whole hours: `H - 1h`.
    pub fn available(&self, now: Timestamp) -> Timestamp {
        minus(floor_hour(minus(now, self.skew)), HOUR)
    }

    /// The oldest instant that the deepest window holds for sure: 179 days ago. A day is kept as a margin, because the window
    /// rolls on while it is read and its length is not documented.
    pub fn deepest(&self, now: Timestamp) -> Timestamp {
        self.reach(TimeFrame::SixMonths, now)
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

    /// The calls for one interval, whose end must not be after [`Planner::available`].
    pub fn cover(&self, interval: Interval, now: Timestamp) -> Plan {
        let edge = self.deepest(now);
        if interval.from >= edge {
            return Plan::Calls(self.call(interval, now).into_iter().collect());
        }
        let from = edge.min(interval.until);
        let lost = Interval { from: interval.from, until: from };
        let rest = self.call(Interval { from, ..interval }, now).into_iter().collect();
        Plan::Lost { lost, rest }
    }

    /// The call with the smallest window that contains the interval; `None` when it is empty or none does.
    pub fn call(&self, interval: Interval, now: Timestamp) -> Option<PlannedCall> {
        let frames = [TimeFrame::Hour, TimeFrame::Day, TimeFrame::Week, TimeFrame::SixMonths];
        let fits = |frame: &TimeFrame| interval.from >= self.reach(*frame, now);
        let time_frame = frames.into_iter().find(fits)?;
        let some = interval.from < interval.until && interval.until <= self.available(now);
        some.then_some(PlannedCall { time_frame, interval })
    }

    /// Whether the window of a call contains its interval for sure at `now`. Windows move on, so this is asked again when the
    /// answer has come: a call that was sent before the full hour may have been answered after it.
    pub fn holds(&self, call: &PlannedCall, now: Timestamp) -> bool {
        let margin = match call.time_frame {
            TimeFrame::Hour | TimeFrame::Day => SignedDuration::ZERO,
            TimeFrame::Week => HOUR / 2,
            TimeFrame::SixMonths => DAY / 2,
        };
        plus(call.interval.from, margin) >= self.reach(call.time_frame, now)
            && call.interval.until <= self.available(now)
    }

    /// The oldest instant that a window holds for sure.
    pub(super) fn reach(&self, frame: TimeFrame, now: Timestamp) -> Timestamp {
        let latest = plus(now, self.skew);
        match frame {
            TimeFrame::Hour => minus(floor_hour(latest), HOUR * 2),
            TimeFrame::Day => minus(floor_hour(latest), HOUR * 25),
            // The edges are not stated; an hour, and a day, are kept as margins.
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
