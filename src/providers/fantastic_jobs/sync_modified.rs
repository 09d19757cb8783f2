//! The sync of edited ATS rows.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::endpoint::{ListEndpoint, cursor_of};
use super::models::ModifiedAtsJob;
use super::planner::{Interval, SKEW, minus};
use super::query::utc;
use super::requests::ModifiedAtsRequest;
use crate::checkpoint::Mark;
use crate::client::{Clock, setters};
use crate::error::{Error, Result};
use crate::listing::{Endpoint, Fingerprint, Position};
use crate::sync::{
    PageView, RunStart, Step, Strategy, SyncOptions, SyncRequest, Verdict, WalkError, check_clock, sync_request,
};

/// The length of the feed (vendor page).
const LOOKBACK: SignedDuration = SignedDuration::from_hours(24);
/// The time that each run reads again, for edits that become visible late.
const OVERLAP: SignedDuration = SignedDuration::from_hours(1);
/// The default of [`SyncModified::tolerance`].
const TOLERANCE: SignedDuration = SignedDuration::from_mins(15);

sync_request! {
    /// The sync of edits, from [`ModifiedAtsRequest::sync_modified`].
    SyncModified = ModifiedOptions;
}

#[derive(Debug)]
struct ModifiedOptions {
    feed: ListEndpoint,
    accept_loss: bool,
    tolerance: SignedDuration,
}

impl ModifiedAtsRequest {
    /// Syncs edits: each run delivers the rows that were edited since the last run, by cursor. Costs requests only,
    /// about 100 to 150 for all edits of a day (inferred). Each run reads one hour of the previous run again, because
    /// it is unknown how late an edit becomes visible; apply edits so that a repeated edit changes nothing.
    ///
    /// The feed contains 24 hours (vendor page), so run the sync at least once a day. After a longer gap this feed does
    /// not have the older edits: [`Error::Gap`] has the interval. To get the edited rows, read the active feed with
    /// `6m`, which is billed (inferred).
    ///
    /// The report's `details` have `window` and `lost`.
    pub fn sync_modified<'s, C: 's>(self, key: impl Into<String>, store: C) -> SyncModified<'s, ModifiedAtsJob, C> {
        let options = |feed| ModifiedOptions { feed, accept_loss: false, tolerance: TOLERANCE };
        SyncModified { sync: SyncRequest::of(self.list, key, store, options) }
    }
}

setters! { [T, C] SyncModified<'_, T, C> {
    /// Skips edits that the feed no longer contains. By default that is [`Error::Gap`].
    accept_loss() => sync.options.accept_loss = true;
    /// The allowed delay of a run beyond 24 hours after the last run, without [`Error::Gap`], for daily jobs that do
    /// not start exactly on time. Default 15 minutes; edits of that time may be missed, and the report's `lost` names it.
    /// Zero allows no delay.
    tolerance(tolerance: Duration) => sync.options.tolerance = SignedDuration::try_from(tolerance).unwrap_or(SignedDuration::MAX);
} }

/// The frozen window and the position, as the state keeps them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ModifiedPosition {
    from: Timestamp,
    until: Timestamp,
    /// The id after which the walk continues; 1 is the first page.
    cursor: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    lost: Vec<Interval>,
}

impl SyncOptions for ModifiedOptions {
    const STRATEGY: &'static str = "modified";

    fn fingerprint(&self) -> Fingerprint {
        self.feed.fingerprint()
    }

    fn begin(self, start: &RunStart<'_>) -> Result<Box<dyn Strategy>> {
        self.feed.validate()?;
        let bounds = ["date_modified_gte", "date_modified_lt"];
        if let Some(name) = bounds.into_iter().find(|name| self.feed.query.get(name).is_some()) {
            return Err(Error::invalid(name, "(set)", "nothing: the sync sets its own window"));
        }
        if self.feed.has_position() {
            return Err(Error::invalid("offset or cursor", "(set)", "nothing: the sync walks everything"));
        }
        let now = start.now();
        let mut position = match (start.position::<ModifiedPosition>()?, start.watermark()) {
            (Some(position), _) => position,
            (None, Some(Mark::Time(covered))) => {
                ModifiedPosition { from: covered, until: now.max(covered), cursor: 1, lost: Vec::new() }
            }
            (None, _) => ModifiedPosition { from: minus(now, LOOKBACK), until: now, cursor: 1, lost: Vec::new() },
        };
        self.check_gap(&position, now)?;
        position.skip_lost(now);
        let clock = start.client.clock().clone();
        Ok(Box::new(ModifiedWalk { options: self, clock, position, empty: false, done: false }))
    }
}

impl ModifiedOptions {
    /// [`Error::Gap`] when the feed at `now` begins more than the tolerance after the window does.
    fn check_gap(&self, position: &ModifiedPosition, now: Timestamp) -> Result<()> {
        let (from, until) = (position.from, minus(now, LOOKBACK));
        if self.accept_loss || from >= minus(until, self.tolerance) {
            return Ok(());
        }
        Err(Error::Gap { endpoint: self.feed.name().into(), from, until })
    }
}

impl ModifiedPosition {
    /// Skips what the feed at `now` does not have any more.
    fn skip_lost(&mut self, now: Timestamp) {
        let until = minus(now, LOOKBACK).min(self.until);
        if self.from < until {
            self.lost.push(Interval { from: self.from, until });
            self.from = until;
        }
    }
}

#[derive(Debug)]
struct ModifiedWalk {
    options: ModifiedOptions,
    clock: Clock,
    position: ModifiedPosition,
    empty: bool,
    done: bool,
}

impl Strategy for ModifiedWalk {
    fn step(&self, _: Timestamp) -> Step {
        let mut feed = self.options.feed.clone();
        feed.query.set("date_modified_gte", utc(minus(self.position.from, OVERLAP)));
        feed.query.set("date_modified_lt", utc(self.position.until));
        Step::Fetch(Arc::new(feed), Position::Token(self.position.cursor.to_string()))
    }

    fn enter(&mut self, page: &dyn PageView, sent_at: Timestamp) -> Result<Verdict, WalkError> {
        let now = self.clock.now();
        check_clock(page, sent_at, now, SKEW)?;
        if self.position.cursor == 1 {
            // The first answer may come late, after waits and retries.
            self.options.check_gap(&self.position, now).map_err(|error| WalkError::Other(Box::new(error)))?;
            self.position.skip_lost(now);
        }
        let next = page.next().and_then(cursor_of);
        if let Some(id) = next {
            (self.position.cursor, self.empty) = (id, false);
        } else {
            // One empty page may be a temporary fault, so a second request confirms the end.
            (self.empty, self.done) = (true, self.empty);
        }
        Ok(if page.rows() > 0 { Verdict::Deliver } else { Verdict::Skip })
    }

    fn finished(&self) -> bool {
        self.done
    }

    fn watermark(&self) -> Option<Mark> {
        Some(Mark::Time(self.position.until))
    }

    fn position(&self) -> Value {
        serde_json::to_value(&self.position).unwrap_or_default()
    }

    fn details(&self) -> Value {
        json!({ "window": { "from": self.position.from, "until": self.position.until }, "lost": self.position.lost })
    }

    fn caveats(&self) -> &'static [&'static str] {
        &["an edit that becomes older than the feed's 24 hours during the walk is missed"]
    }
}
