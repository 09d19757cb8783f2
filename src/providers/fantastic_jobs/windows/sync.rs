//! The syncs of the active feeds by index time.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::count::{Price, count_of, slice};
use super::options::{Depth, Target, WindowOptions};
use super::walk::WindowWalk;
use crate::checkpoint::Checkpoint;
use crate::client::setters;
use crate::error::Result;
use crate::listing::{Endpoint, Fingerprint, ListRequest};
use crate::providers::fantastic_jobs::frames::{CountFrame, TimeFrame};
use crate::providers::fantastic_jobs::models::{ActiveAtsJob, ActiveJbJob, Count};
use crate::providers::fantastic_jobs::planner::{Cadence, Interval, Planner, minus};
use crate::providers::fantastic_jobs::requests::{
    ACTIVE_ATS_COUNT, ACTIVE_JB_COUNT, ActiveAtsRequest, ActiveJbRequest,
};
use crate::sync::{RunStart, Strategy, SyncOptions, SyncRequest, sync_request};

/// The length of the count frame `1m`: 31 days, minus one hour because the vendor does not state the exact bound.
const MONTH: SignedDuration = SignedDuration::from_hours(31 * 24 - 1);

sync_request! {
    /// A sync of an active feed by index time, such as [`ActiveAtsRequest::sync_hourly`].
    SyncWindows = WindowOptions;
}

/// Declares the syncs of an active feed.
macro_rules! windows {
    ($($request:ident($item:ty, $count:ident),)*) => {$(
        impl $request {
            /// Syncs by index time, once an hour: each run covers everything from the last run to the latest hour that
            /// the server shows. After an outage it reads the gap through longer windows. A run that is not due yet
            /// ends as [`crate::Outcome::Paused`] until the next hour.
            ///
            /// The first run begins at [`SyncWindows::since`], by default with the latest hour that the server shows.
            /// Each run first requests counts, which cost no job credits, and chooses intervals that fit one page. So
            /// rows cannot shift between pages, and the rows received are compared with the count.
            ///
            /// The report's `details` have `jobs` (billed in this run), `bought_again` (rows billed again, or billed
            /// but not used), `lost` (intervals that were skipped), `window`, and `credits` (the last values received).
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

            /// Syncs like [`Self::sync_hourly`], once a day: a run is due when the server shows 24 more hours. The
            /// first run covers the latest 24 hours, or begins at [`SyncWindows::since`].
            pub fn sync_daily<'s, C: 's>(self, key: impl Into<String>, store: C) -> SyncWindows<'s, $item, C> {
                self.windows(Target::Newest, Cadence::Daily, key, store)
            }

            /// Fetches the rows of the last 7 days or 6 months, oldest first. When it is complete, `sync_hourly`,
            /// `sync_daily` or another backfill with the same key continues from its end.
            ///
            /// Rows older than 7 days are read by cursor.
            pub fn backfill<'s, C: 's>(
                self,
                key: impl Into<String>,
                store: C,
                depth: Depth,
            ) -> SyncWindows<'s, $item, C> {
                self.windows(Target::Backfill(depth), Cadence::Hourly, key, store)
            }

            /// Fetches one interval again, for example after you lost its rows. Use a separate key, so that the other
            /// syncs are not affected. A run with the key of a complete run does nothing.
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

setters! { [T, C] SyncWindows<'_, T, C> {
    /// The number of slices of equal length of a backfill, 1 or more. Each slice costs a request; with more slices,
    /// fewer rows are billed again after an interruption. Default 1. An error for other syncs.
    slices(slices: u32) => sync.options.slices = Some(slices);
    /// The start of the first run. Later runs continue from the watermark and ignore it.
    since(instant: Timestamp) => sync.options.since = Some(instant);
    /// Skips an interval that the server no longer shows. By default that is [`Error::Gap`](crate::Error::Gap).
    accept_loss() => sync.options.accept_loss = true;
    /// The most jobs that this run may buy. It ends as paused before it would buy more, and the next run continues.
    max_jobs(jobs: u64) => sync.options.max_jobs = Some(jobs);
    /// Continues when no jobs remain in the billing period; some plans then charge for each job (vendor page). By
    /// default the run is paused until the billing date.
    allow_overage() => sync.options.allow_overage = true;
    /// Does not compare the local clock with the server's `Date`. By default a difference over
    /// [`SyncWindows::clock_skew`] is an error, because with a wrong clock the sync requests a wrong window.
    trust_own_clock() => sync.options.check_clock = false;
    /// Accepts a listing with fewer rows than its count. By default that is
    /// [`Error::Incomplete`](crate::Error::Incomplete) for fixed windows (`1h`, `24h`).
    trust_listing() => sync.options.trust_listing = true;
} }

impl<T, C> SyncWindows<'_, T, C> {
    /// The largest allowed difference between the local clock and the server's. Default 60 s. See [`Planner::skew`].
    pub fn clock_skew(mut self, skew: Duration) -> Self {
        self.sync.options.planner = self.sync.options.planner.skew(skew);
        self
    }
}

impl<T, C: Checkpoint> SyncWindows<'_, T, C> {
    /// The price of the run. Costs one count request and no job credit (vendor page), and saves nothing.
    ///
    /// # Errors
    /// Those of the start of a run and of one request.
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
        // The window is set for each call, so the fingerprint has a fixed one. Bounds set by the caller are refused.
        slice(&self.feed, TimeFrame::SixMonths, None).fingerprint()
    }

    fn begin(self, start: &RunStart<'_>) -> Result<Box<dyn Strategy>> {
        let (position, due) = self.window(start)?;
        Ok(Box::new(WindowWalk::new(self, start.client, position, due)))
    }
}
