//! The sync of expired ids: which feeds cover the time since the last run.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::expired::{ExpiredFeed, ExpiredRequest};
use super::frames::ExpiredFrame;
use super::models::ExpiredId;
use super::planner::{minus, plus};
use crate::checkpoint::Mark;
use crate::error::{Error, Result};
use crate::listing::{Endpoint, Fingerprint, Position};
use crate::sync::{PageView, RunStart, Step, Strategy, SyncOptions, SyncRequest, Verdict, WalkError, sync_request};

const DAY: SignedDuration = SignedDuration::from_hours(24);
/// What `1h` reaches back, less a minute for clocks that differ.
const HOUR: SignedDuration = SignedDuration::from_mins(59);
/// When `1d` has the day before: 01:00 UTC (vendor page), and 5 minutes.
const REFRESHED: SignedDuration = SignedDuration::from_mins(65);
/// What `1m` reaches back, with a margin.
const MONTH: SignedDuration = SignedDuration::from_hours(27 * 24);
/// What `6m` reaches back, with a margin.
const SIX_MONTHS: SignedDuration = SignedDuration::from_hours(179 * 24);

sync_request! {
    /// The sync of removals, from [`ExpiredRequest::sync_expired`].
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
    /// Syncs removals: each run brings ids that expired since the last one, in chunks, and some again. Costs one or two
    /// requests. Run it at least once an hour.
    ///
    /// The feed `1h` is always read, and while runs are less than an hour apart it is all. A hole of some hours is closed by
    /// `1d` on the next day after 01:05 UTC; until then the watermark stays before the hole. A longer one is closed by `6m` in
    /// one body of up to tens of millions of ids, which goes on where it was when it is interrupted: the ids that were
    /// committed are skipped, after a check that they are still the same.
    ///
    /// A first run reads `1h` only: buy your rows after it, or sync removals from the same day on.
    ///
    /// The report's `details` tell `calls` and `covered_until`.
    pub fn sync_expired<'s, C: 's>(self, key: impl Into<String>, store: C) -> SyncExpired<'s, ExpiredId, C> {
        let options = ExpiredOptions { feed: self.feed, chunk: self.chunk, month: false, accept_loss: false };
        SyncExpired { sync: SyncRequest::new(self.client, options, key, store) }
    }
}

impl<T, C> SyncExpired<'_, T, C> {
    /// Closes holes of up to 27 days with `1m`, which is shorter than `6m` but not documented (observed by two clients).
    pub fn use_month(mut self) -> Self {
        self.sync.options.month = true;
        self
    }

    /// Goes on after removals that no feed shows any more, those of more than 179 days ago. Without it that is [`Error::Gap`].
    /// Every row of that age has expired anyway (vendor page).
    pub fn accept_loss(mut self) -> Self {
        self.sync.options.accept_loss = true;
        self
    }
}

/// The calls that cover the time since `covered`, and up to when everything is covered after them; `None` when no feed
/// reaches back so far. Pure computation.
fn calls(covered: Timestamp, now: Timestamp, month: bool) -> Option<(Vec<ExpiredFrame>, Timestamp)> {
    let today = minus(now, SignedDuration::from_secs(now.as_second().rem_euclid(86_400)));
    let today = Timestamp::from_second(today.as_second()).unwrap_or(today);
    if now.duration_since(covered) <= HOUR {
        return Some((vec![ExpiredFrame::Hour], now.max(covered)));
    }
    if covered >= today || (covered >= minus(today, DAY) && now < plus(today, REFRESHED)) {
        // Tomorrow's `1d` closes the hole.
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
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpiredPosition {
    /// The calls that are left, the present one first.
    calls: Vec<ExpiredFrame>,
    /// Where the present one goes on.
    at: Position,
    /// Up to when everything is covered after them.
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
        let now = start.now();
        let kept: Option<ExpiredPosition> = start.position()?;
        // The short feeds move on; only the deep ones are worth going on with.
        let deep = |position: &ExpiredPosition| {
            matches!(position.calls.first(), Some(ExpiredFrame::Month | ExpiredFrame::SixMonths))
        };
        let position = match (kept.filter(deep), start.watermark()) {
            (Some(position), _) => position,
            (None, Some(Mark::Time(covered))) => match calls(covered, now, self.month) {
                Some((calls, covered_until)) => ExpiredPosition { calls, at: Position::Start, covered_until },
                None if self.accept_loss => {
                    ExpiredPosition { calls: vec![ExpiredFrame::SixMonths], at: Position::Start, covered_until: now }
                }
                None => {
                    let (endpoint, until) = (self.feed.name().into(), minus(now, SIX_MONTHS));
                    return Err(Error::Gap { endpoint, from: covered, until });
                }
            },
            (None, _) => ExpiredPosition { calls: vec![ExpiredFrame::Hour], at: Position::Start, covered_until: now },
        };
        let (feed, chunk, asked) = (self.feed, self.chunk, position.calls.clone());
        Ok(Box::new(ExpiredWalk { feed, chunk, asked, position }))
    }
}

#[derive(Debug)]
struct ExpiredWalk {
    feed: ExpiredFeed,
    chunk: usize,
    asked: Vec<ExpiredFrame>,
    position: ExpiredPosition,
}

impl Strategy for ExpiredWalk {
    fn step(&self, _: Timestamp) -> Step {
        let feed = ExpiredFeed { frame: self.position.calls.first().copied(), ..self.feed.clone() };
        Step::Chunk(Arc::new(feed), self.position.at.clone(), self.chunk)
    }

    fn enter(&mut self, page: &dyn PageView, _: Timestamp) -> Result<Verdict, WalkError> {
        if let Some(next) = page.next() {
            self.position.at = next.clone();
        } else {
            self.position.calls.drain(..1.min(self.position.calls.len()));
            self.position.at = Position::Start;
        }
        Ok(Verdict::Deliver)
    }

    fn finished(&self) -> bool {
        self.position.calls.is_empty()
    }

    fn watermark(&self) -> Option<Mark> {
        Some(Mark::Time(self.position.covered_until))
    }

    fn position(&self) -> Value {
        serde_json::to_value(&self.position).unwrap_or_default()
    }

    fn details(&self) -> Value {
        json!({ "calls": self.asked, "covered_until": self.position.covered_until })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What a feed shows at `now`.
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
        fn the_watermark_never_passes_a_hole(month: bool, steps in proptest::collection::vec((0u8..20, 1i64..7_200), 1..200)) {
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
                // Everything from the start up to the watermark was in some feed.
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
