//! The syncs of the active feeds by index time.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::count::{Price, count_of, slice};
use super::options::{Depth, Target, WindowOptions};
use super::walk::WindowWalk;
use crate::checkpoint::Checkpoint;
use crate::error::Result;
use crate::listing::{Endpoint, Fingerprint, ListRequest};
use crate::providers::fantastic_jobs::frames::{CountFrame, TimeFrame};
use crate::providers::fantastic_jobs::models::{ActiveAtsJob, ActiveJbJob, Count};
use crate::providers::fantastic_jobs::planner::{Cadence, Interval, Planner, minus};
use crate::providers::fantastic_jobs::requests::{
    ACTIVE_ATS_COUNT, ACTIVE_JB_COUNT, ActiveAtsRequest, ActiveJbRequest,
};
use crate::sync::{RunStart, Strategy, SyncOptions, SyncRequest, sync_request};

/// The trailing 31 days of the count frame `1m`, less an hour for the unstated edge.
const MONTH: SignedDuration = SignedDuration::from_hours(31 * 24 - 1);

sync_request! {
    /// A sync of an active feed by index time, such as [`ActiveAtsRequest::sync_hourly`].
    SyncWindows = WindowOptions;
}

/// Gives an active feed its syncs.
macro_rules! windows {
    ($($request:ident($item:ty, $count:ident),)*) => {$(
        impl $request {
            /// Syncs by index time, once an hour: each run covers everything up to the last hour that the server shows, and nothing
            /// twice. After an outage it repairs the gap with wider windows by itself. A run that has nothing to do ends as
            /// [`crate::Outcome::Paused`] until the next hour.
            ///
            /// The first run begins with [`SyncWindows::since`], by default with the latest hour that the server shows. The counts of
            /// the rows are asked for first (they are free of job credits), so that each interval fits one page: then nothing can
            /// shift between pages, and what arrives is compared with the count.
            ///
            /// The report's `details` tell `jobs` (billed by the answers of this run), `bought_again` (rows that were paid for in an
            /// answer that could not be used, or come again), `lost` (intervals that were given up), `window`, and `credits` (what the
            /// last answer told).
            ///
            /// ```
            /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
            /// use jobfeed::{checkpoint::MemoryStore, fantastic_jobs};
            ///
            /// # let server = jobfeed::testing::FantasticJobs::builder().start().await?;
            /// # let api = fantastic_jobs::Client::builder().api_key(server.api_key());
            /// # let api = api.base_url(server.base_url()).clock(server.clock()).build()?;
            /// let store = MemoryStore::new();
            /// let sync = api.active_ats().sync_hourly("ats", &store);
            /// let mut run = sync.max_jobs(5_000).await?;
            /// while let Some(batch) = run.next().await? {
            ///     // … upsert batch.items() …
            ///     batch.commit().await?;
            /// }
            /// println!("{} jobs bought", run.report().details["jobs"]);
            /// # Ok(()) }
            /// ```
            pub fn sync_hourly<'s, C: 's>(self, key: impl Into<String>, store: C) -> SyncWindows<'s, $item, C> {
                self.windows(Target::Newest, Cadence::Hourly, key, store)
            }

            /// The same, once a day: a run is due when there are 24 more hours. The first one covers the latest 24 hours unless
            /// [`SyncWindows::since`] says otherwise.
            pub fn sync_daily<'s, C: 's>(self, key: impl Into<String>, store: C) -> SyncWindows<'s, $item, C> {
                self.windows(Target::Newest, Cadence::Daily, key, store)
            }

            /// Buys the stock of the last 7 days or 6 months, oldest first. Once it is complete, `sync_hourly` or `sync_daily` under the same
            /// key goes on from its end; a backfill under a key that is already covered does just that too.
            ///
            /// Rows older than 7 days are walked by cursor.
            pub fn backfill<'s, C: 's>(
                self,
                key: impl Into<String>,
                store: C,
                depth: Depth,
            ) -> SyncWindows<'s, $item, C> {
                self.windows(Target::Backfill(depth), Cadence::Hourly, key, store)
            }

            /// Fetches one interval again, for example one that was lost on your side. It has a key of its own and does not touch
            /// the other syncs. A second run under the key of a complete one does nothing.
            pub fn recover<'s, C: 's>(
                self,
                key: impl Into<String>,
                store: C,
                interval: Interval,
            ) -> SyncWindows<'s, $item, C> {
                self.windows(Target::Interval(interval), Cadence::Hourly, key, store)
            }

            fn windows<'s, C: 's>(
                self,
                target: Target,
                cadence: Cadence,
                key: impl Into<String>,
                store: C,
            ) -> SyncWindows<'s, $item, C> {
                let options = |feed| WindowOptions {
                    feed,
                    count: &$count,
                    target,
                    slices: None,
                    since: None,
                    planner: Planner::new(cadence),
                    accept_loss: false,
                    max_jobs: None,
                    allow_overage: false,
                    check_clock: true,
                    trust_listing: false,
                };
                SyncWindows { sync: SyncRequest::of(self.list, key, store, options) }
            }
        }
    )*};
}

windows! {
    ActiveAtsRequest(ActiveAtsJob, ACTIVE_ATS_COUNT),
    ActiveJbRequest(ActiveJbJob, ACTIVE_JB_COUNT),
}

impl<T, C> SyncWindows<'_, T, C> {
    /// Slices of equal length in which a backfill is bought, 1 or more. More slices cost a request each and lose less when the
    /// run is interrupted. Default 1. An error for other syncs.
    pub fn slices(mut self, slices: u32) -> Self {
        self.sync.options.slices = Some(slices);
        self
    }

    /// Where the first run begins. Later runs go on from the watermark and do not look at it.
    pub fn since(mut self, instant: Timestamp) -> Self {
        self.sync.options.since = Some(instant);
        self
    }

    /// Goes on after an interval that the server does not show any more. Without it that is [`Error::Gap`](crate::Error::Gap).
    pub fn accept_loss(mut self) -> Self {
        self.sync.options.accept_loss = true;
        self
    }

    /// The most jobs that this run may buy. It ends as paused before it would buy more, and the next run goes on.
    pub fn max_jobs(mut self, jobs: u64) -> Self {
        self.sync.options.max_jobs = Some(jobs);
        self
    }

    /// Goes on when the server says that no jobs remain in the billing period; some plans then charge for each job (vendor
    /// page). By default the run is paused until the billing date.
    pub fn allow_overage(mut self) -> Self {
        self.sync.options.allow_overage = true;
        self
    }

    /// How far the local clock and the server's may be apart. Default 60 s. See [`Planner::skew`].
    pub fn clock_skew(mut self, skew: Duration) -> Self {
        self.sync.options.planner = self.sync.options.planner.skew(skew);
        self
    }

    /// Does not compare the local clock with the server's `Date`. By default a difference over [`SyncWindows::clock_skew`]
    /// is an error, because a wrong clock asks for a wrong window and finds it empty.
    pub fn trust_own_clock(mut self) -> Self {
        self.sync.options.check_clock = false;
        self
    }

    /// Believes the listing where a count says that there is more. By default that is [`Error::Incomplete`](crate::Error::Incomplete) for windows that
    /// stand still (`1h`, `24h`).
    pub fn trust_listing(mut self) -> Self {
        self.sync.options.trust_listing = true;
        self
    }
}

impl<T, C: Checkpoint> SyncWindows<'_, T, C> {
    /// What the run would cost, before anything is bought: one count, which costs one request and no job (vendor page). Saves
    /// nothing.
    ///
    /// # Errors
    /// Those of the start of the run and of one call.
    pub async fn plan(&self) -> Result<Price> {
        let sync = &self.sync;
        let state = sync.load().await?;
        let (position, due) = sync.options.window(&sync.start(&state))?;
        let interval = Interval { from: position.next, until: position.until };
        if due.is_some() || interval.from >= interval.until {
            return Ok(Price { due, interval: None, jobs: 0, exact: true, requests: 0 });
        }
        let now = sync.client.clock().now();
        let frame = match sync.options.planner.call(interval, now).map(|call| call.time_frame) {
            Some(TimeFrame::Hour) => CountFrame::Hour,
            Some(TimeFrame::Day) => CountFrame::Day,
            _ if minus(now, MONTH) <= interval.from => CountFrame::Month,
            _ => CountFrame::SixMonths,
        };
        let (count, exact) = count_of(&sync.options.feed, sync.options.count, frame, interval);
        let page = ListRequest::new(sync.client.clone(), count).send_as::<Count>().await?;
        let jobs = page.items.first().map_or(0, |count| count.count);
        let pages = jobs.div_ceil(u64::from(sync.options.feed.limit)).max(1);
        Ok(Price { due: None, interval: Some(interval), jobs, exact, requests: pages * 2 })
    }
}

impl SyncOptions for WindowOptions {
    const STRATEGY: &'static str = "windows";

    fn fingerprint(&self) -> Fingerprint {
        // Any window does: it is set for each call. Bounds that were set by hand are refused.
        slice(&self.feed, TimeFrame::SixMonths, None).fingerprint()
    }

    fn begin(self, start: &RunStart<'_>) -> Result<Box<dyn Strategy>> {
        let (position, due) = self.window(start)?;
        Ok(Box::new(WindowWalk::new(self, start.client, position, due)))
    }
}
