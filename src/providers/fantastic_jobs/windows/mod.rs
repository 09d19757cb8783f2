//! The syncs of the active feeds: what is asked for, and how a run is set up. The walk itself is in [`walk`].

mod walk;

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use self::walk::{WindowPlan, WindowWalk};
use super::planner::{Cadence, Interval, Plan as Due, Planner, minus, plus};
use super::query::utc;
use super::resource::{Kind, Resource};
use super::{ActiveAts, ActiveAtsCount, ActiveJb, ActiveJbCount, Count, CountFrame, TimeFrame};
use crate::checkpoint::Checkpoint;
use crate::checkpoint::{Mark, SyncState};
use crate::client::Client;
use crate::error::{Error, Result};
use crate::listing::Endpoint;
use crate::listing::Fingerprint;
use crate::listing::ListRequest;
use crate::sync::{Plan, Strategy, SyncRequest};
use crate::sync::{Refused, resume, state_of};

/// Filters that do not change which rows there are.
const NEUTRAL: [&str; 5] = [
    "description_format",
    "include_beta",
    "include_basic_organization_details",
    "exclude_recruiter_fields",
    "time_frame",
];
/// Filters that the counts take (vendor page: count endpoints).
const COUNTED: [&str; 20] = [
    "title",
    "title_advanced",
    "description",
    "description_advanced",
    "location",
    "location_advanced",
    "organization",
    "organization_industry",
    "exclude_organization_industry",
    "organization_headcount_gte",
    "organization_headcount_lt",
    "organization_agency",
    "ai_employment_type",
    "ai_taxonomies_a",
    "date_posted_gte",
    "date_posted_lt",
    "domain",
    "exclude_domain",
    "seniority",
    "exclude_ats_duplicate",
];
/// The trailing 31 days of the count frame `1m`, less an hour for the unstated edge.
const MONTH: SignedDuration = SignedDuration::from_hours(31 * 24 - 1);

/// A feed that syncs by index time, and its count.
pub trait Feed: Kind {
    /// The count endpoint of the feed.
    type Count: Kind<Item = Count>;
}

impl Feed for ActiveAts {
    type Count = ActiveAtsCount;
}

impl Feed for ActiveJb {
    type Count = ActiveJbCount;
}

/// How deep a backfill goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// 7 days, less an hour for the edge that is not stated.
    Week,
    /// 6 months: 180 days, less a day.
    SixMonths,
}

/// Options of the syncs of the active feeds.
#[allow(clippy::struct_excessive_bools, reason = "each is one option of its own")]
pub struct Windows<K> {
    feed: Resource<K>,
    target: Target,
    since: Option<Timestamp>,
    planner: Planner,
    accept_loss: bool,
    max_jobs: Option<u64>,
    overage: bool,
    check_clock: bool,
    trust_listing: bool,
}

#[derive(Debug, Clone, Copy)]
enum Target {
    Newest,
    Backfill(Depth, u32),
    Interval(Interval),
}

impl<K: Feed> ListRequest<Resource<K>> {
    /// Syncs by index time, once an hour: each run covers everything up to the last hour that the server shows, and nothing
    /// twice. After an outage it repairs the gap with wider windows by itself. A run that has nothing to do ends as
    /// [`crate::Outcome::Paused`] until the next hour.
    ///
    /// The first run begins with [`SyncRequest::since`], by default with the latest hour that the server shows. The counts of
    /// the rows are asked for first (they are free of job credits), so that each interval fits one page: then nothing can
    /// shift between pages, and what arrives is compared with the count.
    ///
    /// The report's `details` tell `jobs` (billed by the answers of this run), `bought_again` (rows that were paid for in an
    /// answer that could not be used, or come again), `lost` (intervals that were given up), `window`, and `credits` (what the
    /// last answer told).
    ///
    /// ```
    /// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
    /// use jobfeed::{checkpoint::MemoryStore, fantastic_jobs};
    ///
    /// # let server = jobfeed::testing::FantasticJobs::builder().start().await?;
    /// # let api = fantastic_jobs::Client::builder().api_key(server.api_key()).base_url(server.base_url())?.clock(server.clock()).build()?;
    /// let store = MemoryStore::new();
    /// let mut run = api.active_ats().sync_hourly("ats", &store).max_jobs(5_000).await?;
    /// while let Some(batch) = run.next().await? {
    ///     // … upsert batch.items() …
    ///     batch.commit().await?;
    /// }
    /// println!("{} jobs bought", run.report().details["jobs"]);
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(run()).unwrap();
    /// ```
    pub fn sync_hourly<'s, C: 's>(self, key: impl Into<String>, store: C) -> SyncRequest<'s, Windows<K>, K::Item, C> {
        self.windows(Target::Newest, Cadence::Hourly, key.into(), store)
    }

    /// The same, once a day: a run is due when there are 24 more hours. The first one covers the latest 24 hours unless
    /// [`SyncRequest::since`] says otherwise.
    pub fn sync_daily<'s, C: 's>(self, key: impl Into<String>, store: C) -> SyncRequest<'s, Windows<K>, K::Item, C> {
        self.windows(Target::Newest, Cadence::Daily, key.into(), store)
    }

    /// Buys the stock of the last 7 days or 6 months, oldest first, in this many slices of equal length (1 or more). Once it
    /// is complete, [`ListRequest::sync_hourly`] or `sync_daily` under the same key goes on from its end; a backfill under a
    /// key that is already covered does just that too.
    ///
    /// Rows older than 7 days are walked by cursor. More slices cost a request each and make a pause cheaper; one is fine.
    pub fn backfill<'s, C: 's>(
        self,
        depth: Depth,
        slices: u32,
        key: impl Into<String>,
        store: C,
    ) -> SyncRequest<'s, Windows<K>, K::Item, C> {
        self.windows(Target::Backfill(depth, slices), Cadence::Hourly, key.into(), store)
    }

    /// Fetches one interval again, for example one that was lost on your side. It has a key of its own and does not touch
    /// the other syncs. A second run under the key of a complete one does nothing.
    pub fn recover<'s, C: 's>(
        self,
        interval: Interval,
        key: impl Into<String>,
        store: C,
    ) -> SyncRequest<'s, Windows<K>, K::Item, C> {
        self.windows(Target::Interval(interval), Cadence::Hourly, key.into(), store)
    }

    fn windows<'s, C: 's>(
        self,
        target: Target,
        cadence: Cadence,
        key: String,
        store: C,
    ) -> SyncRequest<'s, Windows<K>, K::Item, C> {
        let options = Windows {
            feed: self.endpoint,
            target,
            since: None,
            planner: Planner::new(cadence),
            accept_loss: false,
            max_jobs: None,
            overage: false,
            check_clock: true,
            trust_listing: false,
        };
        SyncRequest::new(self.client, options, key, store)
    }
}

impl<K: Feed, T, C> SyncRequest<'_, Windows<K>, T, C> {
    /// Where the first run begins. Later runs go on from the watermark and do not look at it.
    pub fn since(mut self, instant: Timestamp) -> Self {
        self.options.since = Some(instant);
        self
    }

    /// Goes on after an interval that the server does not show any more. Without it that is [`Error::Gap`].
    pub fn accept_loss(mut self) -> Self {
        self.options.accept_loss = true;
        self
    }

    /// The most jobs that this run may buy. It ends as paused before it would buy more, and the next run goes on.
    pub fn max_jobs(mut self, jobs: u64) -> Self {
        self.options.max_jobs = Some(jobs);
        self
    }

    /// Goes on when the server says that no jobs remain in the billing period; some plans then charge for each job (vendor
    /// page). By default the run is paused until the billing date.
    pub fn allow_overage(mut self) -> Self {
        self.options.overage = true;
        self
    }

    /// How far the local clock and the server's may be apart. Default 60 s. See [`Planner::skew`].
    pub fn clock_skew(mut self, skew: SignedDuration) -> Self {
        self.options.planner = self.options.planner.skew(skew);
        self
    }

    /// Does not compare the local clock with the server's `Date`. By default a difference over [`SyncRequest::clock_skew`]
    /// is an error, because a wrong clock asks for a wrong window and finds it empty.
    pub fn trust_own_clock(mut self) -> Self {
        self.options.check_clock = false;
        self
    }

    /// Believes the listing where a count says that there is more. By default that is [`Error::Incomplete`] for windows that
    /// stand still (`1h`, `24h`).
    pub fn trust_listing(mut self) -> Self {
        self.options.trust_listing = true;
        self
    }
}

impl<K: Feed, T, C: Checkpoint> SyncRequest<'_, Windows<K>, T, C> {
    /// Prices the run before anything is bought: one count, which costs one request and no job (vendor page). Saves nothing.
    ///
    /// # Errors
    /// Those of the start of the run and of one call.
    pub async fn plan(&self) -> Result<Price> {
        let state = state_of(self).await?;
        let walk = self.options.copy().walk(&self.client, &state).map_err(|refused| self.refusal(refused))?;
        let interval = walk.interval();
        let Some(interval) = interval else {
            return Ok(Price { due: walk.due(), interval: None, jobs: 0, exact: true, requests: 0 });
        };
        let now = self.client.clock().now();
        let frame = match self.options.planner.call(interval, now).map(|call| call.time_frame) {
            Some(TimeFrame::Hour) => CountFrame::Hour,
            Some(TimeFrame::Day) => CountFrame::Day,
            _ if minus(now, MONTH) <= interval.from => CountFrame::Month,
            _ => CountFrame::SixMonths,
        };
        let (count, exact) = count_of(&self.options.feed, frame, interval);
        let jobs =
            ListRequest::new(self.client.clone(), count).send().await?.items.first().map_or(0, |count| count.count);
        let pages = jobs.div_ceil(u64::from(self.options.feed.limit)).max(1);
        Ok(Price { due: None, interval: Some(interval), jobs, exact, requests: pages * 2 })
    }
}

/// What a run would cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Price {
    /// When something will be due, if nothing is yet.
    pub due: Option<Timestamp>,
    /// What the run would cover.
    pub interval: Option<Interval>,
    /// Jobs that would be billed.
    pub jobs: u64,
    /// Whether the count knows all of the filters. If not, `jobs` is an upper bound.
    pub exact: bool,
    /// Requests, roughly: one count and one page for each thousand rows.
    pub requests: u64,
}

impl<K: Feed> Windows<K> {
    fn copy(&self) -> Self {
        Self { feed: self.feed.clone(), ..*self }
    }

    fn walk(self, client: &Client, state: &SyncState) -> Result<WindowWalk<K>, Refused> {
        let refuse = |what: &str, rule: &str| Error::invalid(what, "(set)", rule);
        for name in ["time_frame", "date_created_gte", "date_created_lt"] {
            if self.feed.query.get(name).is_some() {
                return Err(refuse(name, "nothing: the sync sets its own windows").into());
            }
        }
        if self.feed.is_placed() {
            return Err(refuse("offset or cursor", "nothing: the sync walks everything").into());
        }
        slice(&self.feed, TimeFrame::Hour, None).validate()?;
        let now = client.clock().now();
        let (mut plan, mut due) = (WindowPlan::default(), None);
        match (&state.run, state.watermark) {
            (Some(run), _) => plan = resume(&run.plan)?,
            (None, Some(Mark::Time(covered))) => match self.target {
                // What is covered already is not bought again, and a complete run stays complete.
                Target::Interval(Interval { from, until }) => {
                    let from = covered.max(from);
                    plan = WindowPlan::new(Interval { from, until: until.max(from) });
                }
                _ => due = self.newest(covered, now, &mut plan),
            },
            (None, _) => due = self.first(now, &mut plan)?,
        }
        if due.is_none() && plan.next < plan.until {
            self.give_up(&mut plan, now)?;
        }
        Ok(WindowWalk::new(self, client, plan, due))
    }

    /// The plan of a first run.
    fn first(&self, now: Timestamp, plan: &mut WindowPlan) -> Result<Option<Timestamp>> {
        let available = self.planner.available(now);
        match self.target {
            Target::Newest => {
                let hours = if self.planner == Planner::daily() { 24 } else { 1 };
                let latest = minus(available, SignedDuration::from_hours(hours));
                let since = self.since.unwrap_or(latest);
                if since > now {
                    return Err(Error::invalid("since", since.to_string(), "an instant that is not in the future"));
                }
                Ok(self.newest(since, now, plan))
            }
            Target::Backfill(_, 0) => Err(Error::invalid("slices", "0", "1 or more")),
            Target::Backfill(depth, slices) => {
                let frame = match depth {
                    Depth::Week => TimeFrame::Week,
                    Depth::SixMonths => TimeFrame::SixMonths,
                };
                // A minute for the run to begin.
                let from = plus(self.planner.reach(frame, now), SignedDuration::from_mins(1));
                let from = self.since.map_or(from, |since| since.max(from));
                *plan = WindowPlan::new(Interval { from, until: available });
                let seconds = available.duration_since(from).as_secs();
                plan.slice_seconds = Some((seconds / i64::from(slices)).max(1) + 1);
                Ok(None)
            }
            Target::Interval(interval) => {
                if interval.from >= interval.until || interval.until > available {
                    let value = format!("{} to {}", utc(interval.from), utc(interval.until));
                    let rule = format!("a beginning before the end, and an end not after {}", utc(available));
                    return Err(Error::invalid("interval", value, rule));
                }
                *plan = WindowPlan::new(interval);
                Ok(None)
            }
        }
    }

    /// The plan from `covered` on; the instant when there is one, if there is none yet.
    fn newest(&self, covered: Timestamp, now: Timestamp, plan: &mut WindowPlan) -> Option<Timestamp> {
        let until = self.planner.available(now);
        if let Due::NotYet { due } = self.planner.plan(covered, now) {
            *plan = WindowPlan::new(Interval { from: covered, until: covered });
            return Some(due);
        }
        *plan = WindowPlan::new(Interval { from: covered, until });
        None
    }

    /// Gives up what no window shows any more, if that was agreed to.
    fn give_up(&self, plan: &mut WindowPlan, now: Timestamp) -> Result<()> {
        let Due::Lost { lost, .. } = self.planner.cover(Interval { from: plan.next, until: plan.until }, now) else {
            return Ok(());
        };
        if !self.accept_loss {
            return Err(Error::Gap { endpoint: K::NAME.into(), from: lost.from, until: lost.until });
        }
        // The edge moves on while the run begins.
        let until = plus(lost.until, SignedDuration::from_mins(1)).min(plan.until);
        tracing::warn!(from = %lost.from, %until, "an interval is given up as lost");
        plan.give_up(Interval { until, ..lost });
        Ok(())
    }
}

/// The feed with one interval and one window, without a position.
fn slice<K: Feed>(feed: &Resource<K>, frame: TimeFrame, interval: Option<Interval>) -> Resource<K> {
    let mut feed = feed.clone();
    feed.query.set("time_frame", frame);
    feed.until_empty = true;
    if let Some(interval) = interval {
        feed.query.set("date_created_gte", utc(interval.from));
        feed.query.set("date_created_lt", utc(interval.until));
    }
    feed
}

/// The count of an interval, and whether it knows all filters of the feed.
fn count_of<K: Feed>(feed: &Resource<K>, frame: CountFrame, interval: Interval) -> (Resource<K::Count>, bool) {
    let mut count: Resource<K::Count> = feed.convert();
    let descriptions = frame != CountFrame::SixMonths;
    let known = |name: &str| COUNTED.contains(&name) && (descriptions || !name.starts_with("description"));
    let names: Vec<String> = feed.query.pairs().map(|(name, _)| name.to_owned()).collect();
    let mut exact = true;
    for name in names.iter().filter(|name| !known(name)) {
        exact &= NEUTRAL.contains(&name.as_str());
        count.query.unset(name);
    }
    count.query.set("time_frame", frame);
    count.query.set("date_created_gte", utc(interval.from));
    count.query.set("date_created_lt", utc(interval.until));
    (count, exact)
}

impl<K> fmt::Debug for Windows<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Windows").field("target", &self.target).field("planner", &self.planner).finish_non_exhaustive()
    }
}

impl<K: Feed> Plan for Windows<K> {
    const STRATEGY: &'static str = "windows";

    fn fingerprint(&self) -> Fingerprint {
        // Any window does: it is set for each call. Bounds that were set by hand are refused.
        slice(&self.feed, TimeFrame::SixMonths, None).fingerprint()
    }

    fn begin(self, client: &Client, state: &SyncState) -> Result<Box<dyn Strategy>, Refused> {
        Ok(Box::new(self.walk(client, state)?))
    }
}
