//! The sync of edited ATS rows.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::planner::{Interval, minus};
use super::query::utc;
use super::resource::{Kind, Resource};
use super::{ModifiedAts, ModifiedAtsJob};
use crate::checkpoint::{Mark, SyncState};
use crate::client::Client;
use crate::error::Error;
use crate::listing::Endpoint;
use crate::listing::ListRequest;
use crate::listing::{Fingerprint, Position};
use crate::sync::{Facts, Fault, Plan, Step, Strategy, SyncRequest, Verdict};
use crate::sync::{Refused, resume};

/// How far back the feed reaches (vendor page).
const REACH: SignedDuration = SignedDuration::from_hours(24);
/// What is read again, for edits that become visible late.
const OVERLAP: SignedDuration = SignedDuration::from_hours(1);
/// How much later than after 24 hours a run may come.
const TOLERANCE: SignedDuration = SignedDuration::from_mins(15);

/// Options of [`ListRequest::sync_modified`].
#[derive(Debug)]
pub struct ModifiedSync {
    feed: Resource<ModifiedAts>,
    accept_loss: bool,
    tolerance: SignedDuration,
}

impl ListRequest<Resource<ModifiedAts>> {
    /// Syncs edits: each run brings the rows that were edited since the last one, by cursor. Costs requests only, about 100 to
    /// 150 for all edits of a day (inferred). An hour is read twice from run to run, because nobody knows how late an edit
    /// becomes visible; apply edits so that twice does no harm.
    ///
    /// The feed reaches back 24 hours (vendor page), so run it once a day or more often. After a longer gap the edits in
    /// between are lost to this feed: [`Error::Gap`] names the interval. The way to repair them is the active feed over `6m`,
    /// which is billed (inferred).
    ///
    /// The report's `details` tell `window` and `lost`.
    pub fn sync_modified<'s, C: 's>(
        self,
        key: impl Into<String>,
        store: C,
    ) -> SyncRequest<'s, ModifiedSync, ModifiedAtsJob, C> {
        let options = ModifiedSync { feed: self.endpoint, accept_loss: false, tolerance: TOLERANCE };
        SyncRequest::new(self.client, options, key.into(), store)
    }
}

impl<T, C> SyncRequest<'_, ModifiedSync, T, C> {
    /// Goes on after edits that the feed does not show any more. Without it that is [`Error::Gap`].
    pub fn accept_loss(mut self) -> Self {
        self.options.accept_loss = true;
        self
    }

    /// How much later than 24 hours after the last run this one may come without [`Error::Gap`], for a daily job that does not
    /// start on the second. Default 15 minutes; edits of that time may be missed. Zero is strict.
    pub fn tolerance(mut self, tolerance: SignedDuration) -> Self {
        self.options.tolerance = tolerance.abs();
        self
    }
}

/// The frozen window and the position, as the state keeps them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ModifiedPlan {
    from: Timestamp,
    until: Timestamp,
    /// The id to go on behind; 1 is the beginning.
    cursor: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    lost: Vec<Interval>,
}

impl Plan for ModifiedSync {
    const STRATEGY: &'static str = "modified";

    fn fingerprint(&self) -> Fingerprint {
        self.feed.fingerprint()
    }

    fn begin(self, client: &Client, state: &SyncState) -> Result<Box<dyn Strategy>, Refused> {
        self.feed.validate()?;
        let bounds = ["date_modified_gte", "date_modified_lt"];
        if let Some(name) = bounds.into_iter().find(|name| self.feed.query.get(name).is_some()) {
            return Err(Error::invalid(name, "(set)", "nothing: the sync sets its own window").into());
        }
        if self.feed.is_placed() {
            return Err(Error::invalid("offset or cursor", "(set)", "nothing: the sync walks everything").into());
        }
        let now = client.clock().now();
        let edge = minus(now, REACH);
        let mut plan: ModifiedPlan = match (&state.run, state.watermark) {
            (Some(run), _) => resume(&run.plan)?,
            (None, Some(Mark::Time(covered))) => {
                ModifiedPlan { from: covered, until: now.max(covered), cursor: 1, lost: Vec::new() }
            }
            (None, _) => ModifiedPlan { from: edge, until: now, cursor: 1, lost: Vec::new() },
        };
        if plan.from < minus(edge, self.tolerance) {
            if !self.accept_loss {
                let (from, until) = (plan.from, edge);
                return Err(Error::Gap { endpoint: ModifiedAts::NAME.into(), from, until }.into());
            }
            let until = edge.min(plan.until);
            plan.lost.push(Interval { from: plan.from, until });
            plan.from = until;
        }
        Ok(Box::new(ModifiedWalk { feed: self.feed, plan, empty: false, done: false }))
    }
}

#[derive(Debug)]
struct ModifiedWalk {
    feed: Resource<ModifiedAts>,
    plan: ModifiedPlan,
    empty: bool,
    done: bool,
}

impl Strategy for ModifiedWalk {
    fn step(&self) -> Step {
        let mut feed = self.feed.clone();
        feed.until_empty = true;
        feed.query.set("date_modified_gte", utc(minus(self.plan.from, OVERLAP)));
        feed.query.set("date_modified_lt", utc(self.plan.until));
        Step::Fetch(Arc::new(feed), Position::Token(self.plan.cursor.to_string()))
    }

    fn absorb(&mut self, page: &dyn Facts) -> Result<Verdict, Fault> {
        let next = page.next().and_then(super::resource::cursor_of);
        if let Some(id) = next {
            (self.plan.cursor, self.empty) = (id, false);
        } else {
            // One empty page may be a slip; it costs a request to be sure.
            (self.empty, self.done) = (true, self.empty);
        }
        Ok(if page.rows() > 0 { Verdict::Deliver } else { Verdict::Skip })
    }

    fn finished(&self) -> bool {
        self.done
    }

    fn watermark(&self) -> Option<Mark> {
        Some(Mark::Time(self.plan.until))
    }

    fn plan(&self) -> Value {
        serde_json::to_value(&self.plan).unwrap_or_default()
    }

    fn details(&self) -> Value {
        json!({ "window": { "from": self.plan.from, "until": self.plan.until }, "lost": self.plan.lost })
    }

    fn caveats(&self) -> &'static [&'static str] {
        &["an edit that leaves the feed's 24 hours while it is walked is not seen"]
    }
}
