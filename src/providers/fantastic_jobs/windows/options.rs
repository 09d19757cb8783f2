//! The options of the syncs of the active feeds, and the window of a new run.

use jiff::{SignedDuration, Timestamp};

use super::count::slice;
use super::position::WindowPosition;
use crate::checkpoint::Mark;
use crate::error::{Error, Result};
use crate::listing::Endpoint;
use crate::providers::fantastic_jobs::endpoint::{EndpointSpec, ListEndpoint};
use crate::providers::fantastic_jobs::frames::TimeFrame;
use crate::providers::fantastic_jobs::planner::{Interval, Plan, Planner, minus, plus};
use crate::providers::fantastic_jobs::query::utc;
use crate::sync::RunStart;

/// The length of a backfill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// 7 days, minus one hour because the vendor does not state the exact bound.
    Week,
    /// 6 months: 180 days, minus one day for the same reason.
    SixMonths,
}

/// The time that a sync covers.
#[derive(Debug, Clone, Copy)]
pub(super) enum Target {
    /// Everything since the last run.
    Newest,
    Backfill(Depth),
    Interval(Interval),
}

/// The options of a sync.
#[derive(Debug, Clone)]
#[allow(clippy::struct_excessive_bools, reason = "each is a separate option")]
pub(super) struct WindowOptions {
    pub(super) feed: ListEndpoint,
    /// The count endpoint of the feed.
    pub(super) count: &'static EndpointSpec,
    pub(super) target: Target,
    /// The number of slices of a backfill.
    pub(super) slices: Option<u32>,
    pub(super) since: Option<Timestamp>,
    pub(super) planner: Planner,
    pub(super) accept_loss: bool,
    pub(super) max_jobs: Option<u64>,
    pub(super) allow_overage: bool,
    pub(super) check_clock: bool,
    pub(super) trust_listing: bool,
}

impl WindowOptions {
    /// Checks the options. Returns the window of the run, and the due time if no run is due now.
    pub(super) fn window(&self, start: &RunStart<'_>) -> Result<(WindowPosition, Option<Timestamp>)> {
        for name in ["time_frame", "date_created_gte", "date_created_lt"] {
            if self.feed.query.has(name) {
                return Err(Error::invalid(name, "(set)", "nothing: the sync sets its own windows"));
            }
        }
        if self.feed.has_position() {
            return Err(Error::invalid("offset or cursor", "(set)", "nothing: the sync walks everything"));
        }
        match (self.slices, self.target) {
            (Some(0), _) => return Err(Error::invalid("slices", "0", "1 or more")),
            (Some(slices), Target::Newest | Target::Interval(_)) => {
                return Err(Error::invalid("slices", slices.to_string(), "no slices: only a backfill has them"));
            }
            _ => {}
        }
        slice(&self.feed, TimeFrame::Hour, None).validate()?;
        let now = start.now();
        let (mut position, mut due) = (WindowPosition::default(), None);
        match (start.position()?, start.watermark()) {
            (Some(kept), _) => position = kept,
            (None, Some(Mark::Time(covered))) => match self.target {
                // Covered time is not bought again, and a complete run stays complete.
                Target::Interval(Interval { from, until }) => {
                    let from = covered.max(from);
                    position = WindowPosition::new(Interval { from, until: until.max(from) });
                }
                _ => due = self.newest(covered, now, &mut position),
            },
            (None, _) => due = self.first(now, &mut position)?,
        }
        if due.is_none() && position.next < position.until {
            self.skip_lost(&mut position, now)?;
        }
        Ok((position, due))
    }

    /// The window of a first run.
    fn first(&self, now: Timestamp, position: &mut WindowPosition) -> Result<Option<Timestamp>> {
        let available = self.planner.available(now);
        match self.target {
            Target::Newest => {
                let hours = if self.planner == Planner::daily() { 24 } else { 1 };
                let latest = minus(available, SignedDuration::from_hours(hours));
                let since = self.since.unwrap_or(latest);
                if since > now {
                    return Err(Error::invalid("since", since.to_string(), "an instant that is not in the future"));
                }
                Ok(self.newest(since, now, position))
            }
            Target::Backfill(depth) => {
                let frame = match depth {
                    Depth::Week => TimeFrame::Week,
                    Depth::SixMonths => TimeFrame::SixMonths,
                };
                // The window moves until the first request is sent, so one minute is a margin.
                let from = plus(self.planner.oldest(frame, now), SignedDuration::from_mins(1));
                let from = self.since.map_or(from, |since| since.max(from));
                *position = WindowPosition::new(Interval { from, until: available });
                let seconds = available.duration_since(from).as_secs();
                position.slice_seconds = Some((seconds / i64::from(self.slices.unwrap_or(1))).max(1) + 1);
                Ok(None)
            }
            Target::Interval(interval) => {
                if interval.from >= interval.until || interval.until > available {
                    let value = format!("{} to {}", utc(interval.from), utc(interval.until));
                    let rule = format!("a start before the end, and an end not after {}", utc(available));
                    return Err(Error::invalid("interval", value, rule));
                }
                *position = WindowPosition::new(interval);
                Ok(None)
            }
        }
    }

    /// The window from `covered` on. Returns the due time if no run is due now.
    fn newest(&self, covered: Timestamp, now: Timestamp, position: &mut WindowPosition) -> Option<Timestamp> {
        let until = self.planner.available(now);
        if let Plan::NotYet { due } = self.planner.plan(covered, now) {
            *position = WindowPosition::new(Interval { from: covered, until: covered });
            return Some(due);
        }
        *position = WindowPosition::new(Interval { from: covered, until });
        None
    }

    /// Skips the interval that no window contains, if `accept_loss` is set; otherwise that is an error.
    fn skip_lost(&self, position: &mut WindowPosition, now: Timestamp) -> Result<()> {
        let Plan::Lost { lost, .. } = self.planner.cover(Interval { from: position.next, until: position.until }, now)
        else {
            return Ok(());
        };
        if !self.accept_loss {
            return Err(Error::Gap { endpoint: self.feed.name().into(), from: lost.from, until: lost.until });
        }
        // The window moves until the first request is sent.
        let until = plus(lost.until, SignedDuration::from_mins(1)).min(position.until);
        tracing::warn!(from = %lost.from, %until, "an interval is skipped: the server no longer has its rows");
        position.skip(Interval { until, ..lost });
        Ok(())
    }
}
