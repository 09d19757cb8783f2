//! The sync of expired ids: which feeds cover the time since the last run.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::planner::{minus, plus};
use super::{Expired, ExpiredFrame, ExpiredId, ExpiredRequest};
use crate::checkpoint::{Mark, SyncState};
use crate::client::Client;
use crate::error::Error;
use crate::listing::Endpoint;
use crate::listing::{Fingerprint, Position};
use crate::sync::{Facts, Fault, Plan, Step, Strategy, SyncRequest, Verdict};
use crate::sync::{Refused, resume};

const DAY: SignedDuration = SignedDuration::from_hours(24);
/// What `1h` reaches back, less a minute for clocks that differ.
const HOUR: SignedDuration = SignedDuration::from_mins(59);
/// When `1d` has the day before: 01:00 UTC (vendor page), and 5 minutes.
const REFRESHED: SignedDuration = SignedDuration::from_mins(65);
/// What `1m` reaches back, with a margin.
const MONTH: SignedDuration = SignedDuration::from_hours(27 * 24);
/// What `6m` reaches back, with a margin.
const SIX_MONTHS: SignedDuration = SignedDuration::from_hours(179 * 24);

/// Options of [`ExpiredRequest::sync_expired`].
#[derive(Debug)]
pub struct Removals {
    feed: Expired,
    piece: usize,
    month: bool,
    accept_loss: bool,
}

impl ExpiredRequest {
    /// Syncs removals: each run brings ids that expired since the last one, in pieces, and some again. Costs one or two
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
    pub fn sync_expired<'s, C: 's>(self, key: impl Into<String>, store: C) -> SyncRequest<'s, Removals, ExpiredId, C> {
        let options = Removals { feed: self.feed, piece: self.piece, month: false, accept_loss: false };
        SyncRequest::new(self.client, options, key.into(), store)
    }
}

impl<T, C> SyncRequest<'_, Removals, T, C> {
    /// Closes holes of up to 27 days with `1m`, which is shorter than `6m` but not documented (observed by two clients).
    pub fn use_month(mut self) -> Self {
        self.options.month = true;
        self
    }

    /// Goes on after removals that no feed shows any more, those of more than 179 days ago. Without it that is [`Error::Gap`].
    /// Every row of that age has expired anyway (vendor page).
    pub fn accept_loss(mut self) -> Self {
        self.options.accept_loss = true;
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
struct RemovalPlan {
    /// The calls that are left, the present one first.
    calls: Vec<ExpiredFrame>,
    /// Where the present one goes on.
    at: Position,
    /// Up to when everything is covered after them.
    covered_until: Timestamp,
}

impl Plan for Removals {
    const STRATEGY: &'static str = "expired";

    fn fingerprint(&self) -> Fingerprint {
        self.feed.fingerprint()
    }

    fn begin(self, client: &Client, state: &SyncState) -> Result<Box<dyn Strategy>, Refused> {
        if self.feed.frame.is_some() {
            return Err(Error::invalid("time_frame", "(set)", "nothing: the sync sets its own windows").into());
        }
        let now = client.clock().now();
        let kept: Option<RemovalPlan> = state.run.as_ref().map(|run| resume(&run.plan)).transpose()?;
        // The short feeds move on; only the deep ones are worth going on with.
        let deep =
            |plan: &RemovalPlan| matches!(plan.calls.first(), Some(ExpiredFrame::Month | ExpiredFrame::SixMonths));
        let plan = match (kept.filter(deep), state.watermark) {
            (Some(plan), _) => plan,
            (None, Some(Mark::Time(covered))) => match calls(covered, now, self.month) {
                Some((calls, covered_until)) => RemovalPlan { calls, at: Position::Start, covered_until },
                None if self.accept_loss => {
                    RemovalPlan { calls: vec![ExpiredFrame::SixMonths], at: Position::Start, covered_until: now }
                }
                None => {
                    let (endpoint, until) = (self.feed.name().into(), minus(now, SIX_MONTHS));
                    return Err(Error::Gap { endpoint, from: covered, until }.into());
                }
            },
            (None, _) => RemovalPlan { calls: vec![ExpiredFrame::Hour], at: Position::Start, covered_until: now },
        };
        Ok(Box::new(RemovalWalk { feed: self.feed, piece: self.piece, asked: plan.calls.clone(), plan }))
    }
}

#[derive(Debug)]
struct RemovalWalk {
    feed: Expired,
    piece: usize,
    asked: Vec<ExpiredFrame>,
    plan: RemovalPlan,
}

impl Strategy for RemovalWalk {
    fn step(&self) -> Step {
        let feed = Expired { frame: self.plan.calls.first().copied(), ..self.feed.clone() };
        Step::Piece(Arc::new(feed), self.plan.at.clone(), self.piece)
    }

    fn absorb(&mut self, page: &dyn Facts) -> Result<Verdict, Fault> {
        if let Some(next) = page.next() {
            self.plan.at = next.clone();
        } else {
            self.plan.calls.drain(..1.min(self.plan.calls.len()));
            self.plan.at = Position::Start;
        }
        Ok(Verdict::Deliver)
    }

    fn finished(&self) -> bool {
        self.plan.calls.is_empty()
    }

    fn watermark(&self) -> Option<Mark> {
        Some(Mark::Time(self.plan.covered_until))
    }

    fn plan(&self) -> Value {
        serde_json::to_value(&self.plan).unwrap_or_default()
    }

    fn details(&self) -> Value {
        json!({ "calls": self.asked, "covered_until": self.plan.covered_until })
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
