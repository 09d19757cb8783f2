//! The sync of expired ids: it chooses the feeds that cover the time since the last run.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::expired::{ExpiredFeed, ExpiredRequest};
use super::frames::ExpiredFrame;
use super::models::ExpiredId;
use super::planner::{SKEW, minus, plus};
use crate::checkpoint::Mark;
use crate::client::{Clock, setters};
use crate::error::{Error, Result};
use crate::listing::{Endpoint, Fingerprint, Position};
use crate::sync::{
    PageView, RunStart, Step, Strategy, SyncOptions, SyncRequest, Verdict, WalkError, check_clock, sync_request,
};

const DAY: SignedDuration = SignedDuration::from_hours(24);
/// The length of `1h`, minus one minute for clocks that differ.
const HOUR: SignedDuration = SignedDuration::from_mins(59);
/// The time of day when `1d` has the previous day: 01:00 UTC (vendor page), plus 5 minutes.
const REFRESHED: SignedDuration = SignedDuration::from_mins(65);
/// The length of `1m`, minus a margin.
const MONTH: SignedDuration = SignedDuration::from_hours(27 * 24);
/// The length of `6m`, minus a margin.
const SIX_MONTHS: SignedDuration = SignedDuration::from_hours(179 * 24);

sync_request! {
    /// The sync of expired ids, from [`ExpiredRequest::sync_expired`].
    SyncExpired = ExpiredOptions;
}

#[derive(Debug)]
struct ExpiredOptions {
    feed: ExpiredFeed,
    chunk: usize,
    month: bool,
    accept_loss: bool,
}

impl ExpiredRequest {
    /// Syncs expired ids: each run delivers the ids that expired since the last run, in chunks, and some ids again.
    /// Costs one or two requests. Run it at least once an hour.
    ///
    /// While runs are less than an hour apart, `1h` is read. A gap of some hours is filled from `1d` on the next day
    /// after 01:05 UTC; until then the watermark stays before the gap. A longer gap is filled from `6m`: one body of up
    /// to tens of millions of ids. When that is interrupted, the next run skips the committed ids, after a check that
    /// they are the same.
    ///
    /// Which feed is read is decided when the request is sent, and checked when the answer comes: an answer that is late
    /// by retries no longer reaches back as far.
    ///
    /// The first run reads `1h` only. Buy your rows after it, or start both syncs on the same day.
    ///
    /// The report's `details` have `calls` and `covered_until`.
    pub fn sync_expired<'s, C: 's>(self, key: impl Into<String>, store: C) -> SyncExpired<'s, ExpiredId, C> {
        let options = ExpiredOptions { feed: self.feed, chunk: self.chunk, month: false, accept_loss: false };
        SyncExpired { sync: SyncRequest::new(self.client, options, key, store) }
    }
}

setters! { [T, C] SyncExpired<'_, T, C> {
    /// Fills gaps of up to 27 days from `1m`, which is shorter than `6m` but not documented (observed by two clients).
    use_month() => sync.options.month = true;
    /// Skips ids that expired more than 179 days ago, which no feed contains. By default that is [`Error::Gap`]. All
    /// rows of that age have expired (vendor page).
    accept_loss() => sync.options.accept_loss = true;
} }

/// The calls that cover the time since `covered`, and the instant until which they cover everything; `None` if no feed
/// is long enough. No I/O.
fn calls(covered: Timestamp, now: Timestamp, month: bool) -> Option<(Vec<ExpiredFrame>, Timestamp)> {
    let today = minus(now, SignedDuration::from_secs(now.as_second().rem_euclid(86_400)));
    let today = Timestamp::from_second(today.as_second()).unwrap_or(today);
    if now.duration_since(covered) <= HOUR {
        return Some((vec![ExpiredFrame::Hour], now.max(covered)));
    }
    if covered >= today || (covered >= minus(today, DAY) && now < plus(today, REFRESHED)) {
        // `1d` of the next day fills the gap.
        return Some((vec![ExpiredFrame::Hour], covered));
    }
    if covered >= minus(today, DAY) {
        return Some((vec![ExpiredFrame::Day, ExpiredFrame::Hour], today));
    }
    let gap = now.duration_since(covered);
    if month && gap <= MONTH {
        return Some((vec![ExpiredFrame::Month], now));
    }
    (gap <= SIX_MONTHS).then(|| (vec![ExpiredFrame::SixMonths], now))
}

/// The calls and the position, as the state keeps them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpiredPosition {
    /// The remaining calls, the current one first.
    calls: Vec<ExpiredFrame>,
    /// The position in the current call.
    at: Position,
    /// The instant until which everything is covered after these calls.
    covered_until: Timestamp,
}

impl SyncOptions for ExpiredOptions {
    const STRATEGY: &'static str = "expired";

    fn fingerprint(&self) -> Fingerprint {
        self.feed.fingerprint()
    }

    fn begin(self, start: &RunStart<'_>) -> Result<Box<dyn Strategy>> {
        if self.feed.frame.is_some() {
            return Err(Error::invalid("time_frame", "(set)", "nothing: the sync sets its own windows"));
        }
        let kept: Option<ExpiredPosition> = start.position()?;
        // The content of the short feeds changes between runs, so only the long ones are continued.
        let long = |position: &ExpiredPosition| {
            matches!(position.calls.first(), Some(ExpiredFrame::Month | ExpiredFrame::SixMonths))
        };
        let covered = match start.watermark() {
            Some(Mark::Time(covered)) => Some(covered),
            _ => None,
        };
        let (clock, position) = (start.client.clock().clone(), kept.filter(long));
        let walk = ExpiredWalk { options: self, clock, covered, requested: Vec::new(), position };
        walk.planned(start.now())?;
        Ok(Box::new(walk))
    }
}

#[derive(Debug)]
struct ExpiredWalk {
    options: ExpiredOptions,
    clock: Clock,
    /// The watermark before this run.
    covered: Option<Timestamp>,
    requested: Vec<ExpiredFrame>,
    /// `None` before the first answer: the calls are chosen when the request is sent.
    position: Option<ExpiredPosition>,
}

impl ExpiredWalk {
    /// The position; before the first answer, the calls for a request that is sent at `now`.
    fn planned(&self, now: Timestamp) -> Result<ExpiredPosition> {
        if let Some(position) = &self.position {
            return Ok(position.clone());
        }
        let (calls, covered_until) = match self.covered {
            None => (vec![ExpiredFrame::Hour], now),
            Some(covered) => match calls(covered, now, self.options.month) {
                Some(calls) => calls,
                None if self.options.accept_loss => (vec![ExpiredFrame::SixMonths], now),
                None => {
                    let (endpoint, until) = (self.options.feed.name().into(), minus(now, SIX_MONTHS));
                    return Err(Error::Gap { endpoint, from: covered, until });
                }
            },
        };
        Ok(ExpiredPosition { calls, at: Position::Start, covered_until })
    }

    /// Whether an answer that came now still covers what the request was sent for. After retries it may come so late
    /// that the feed no longer reaches back to the watermark.
    fn holds(&self, sent: &ExpiredPosition) -> bool {
        let late = self.planned(self.clock.now());
        late.is_ok_and(|late| late.calls == sent.calls && (late.covered_until > sent.covered_until || late == *sent))
    }
}

impl Strategy for ExpiredWalk {
    fn step(&self, now: Timestamp) -> Step {
        match self.planned(now) {
            Ok(ExpiredPosition { calls, at, .. }) => {
                let feed = ExpiredFeed { frame: calls.first().copied(), ..self.options.feed.clone() };
                Step::Chunk(Arc::new(feed), at, self.options.chunk)
            }
            Err(error) => Step::Stop(error),
        }
    }

    fn enter(&mut self, page: &dyn PageView, sent_at: Timestamp) -> Result<Verdict, WalkError> {
        let mut position = self.planned(sent_at).map_err(|error| WalkError::Other(Box::new(error)))?;
        if position.at == Position::Start {
            check_clock(page, sent_at, self.clock.now(), SKEW)?;
            if !self.holds(&position) {
                return Ok(Verdict::Skip);
            }
        }
        if self.requested.is_empty() {
            self.requested.clone_from(&position.calls);
        }
        if let Some(next) = page.next() {
            position.at = next.clone();
        } else {
            position.calls.drain(..1.min(position.calls.len()));
            position.at = Position::Start;
        }
        self.position = Some(position);
        Ok(Verdict::Deliver)
    }

    fn finished(&self) -> bool {
        self.position.as_ref().is_some_and(|position| position.calls.is_empty())
    }

    fn watermark(&self) -> Option<Mark> {
        self.position.as_ref().map(|position| position.covered_until).or(self.covered).map(Mark::Time)
    }

    fn position(&self) -> Value {
        serde_json::to_value(&self.position).unwrap_or_default()
    }

    fn details(&self) -> Value {
        json!({ "calls": self.requested, "covered_until": self.position.as_ref().map(|position| position.covered_until) })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The interval that a feed contains at `now`.
    fn shown(frame: ExpiredFrame, now: i64) -> std::ops::Range<i64> {
        let today = now - now.rem_euclid(86_400);
        match frame {
            ExpiredFrame::Hour => now - 3_600..now,
            ExpiredFrame::Day if now >= today + 3_600 => today - 86_400..today,
            ExpiredFrame::Day => today - 2 * 86_400..today - 86_400,
            ExpiredFrame::Month => now - 28 * 86_400..now,
            ExpiredFrame::SixMonths => now - 180 * 86_400..now,
        }
    }

    proptest! {
        #[test]
        fn the_watermark_stops_at_gaps(month: bool, steps in proptest::collection::vec((0u8..20, 1i64..7_200), 1..200)) {
            let start = 1_780_000_000;
            let (mut now, mut covered) = (start, start);
            let mut seen: Vec<std::ops::Range<i64>> = Vec::new();
            for (kind, seconds) in steps {
                now += match kind { 0 => seconds * 700, 1 => seconds * 20, _ => seconds };
                let at = |second| Timestamp::from_second(second).unwrap();
                let Some((calls, until)) = calls(at(covered), at(now), month) else { continue };
                seen.extend(calls.into_iter().map(|frame| shown(frame, now)));
                prop_assert!(until.as_second() >= covered && until.as_second() <= now);
                covered = until.as_second();
                // Everything from the start to the watermark was in a feed.
                let mut reached = start;
                let mut sorted = seen.clone();
                sorted.sort_by_key(|range| range.start);
                for range in &sorted {
                    if range.start <= reached {
                        reached = reached.max(range.end);
                    }
                }
                prop_assert!(reached >= covered, "covered to {covered}, reached {reached}");
            }
        }
    }
}
