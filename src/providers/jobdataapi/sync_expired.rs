//! The sync of expired jobs: the days since the last run and an overlap, walked by page number.
//!
//! The feed has no id window (unknown), so pages overlap each other, as in the sync of the latest window.

use jiff::civil::Date;
use jiff::{Span, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::endpoint::ListEndpoint;
use super::models::ExpiredJob;
use super::requests::ExpiredJobsRequest;
use super::server_clock::ServerClock;
use super::synced_list::SyncedList;
use crate::checkpoint::Mark;
use crate::client::setters;
use crate::error::{Error, Result};
use crate::listing::{Endpoint, Fingerprint};
use crate::sync::{
    OverlapPosition, OverlapWalk, PageView, RunStart, Step, Strategy, SyncOptions, SyncRequest, Verdict, WalkError,
    sync_request,
};

/// The default overlap between runs, in days: 10 to 20 percent of removals are seen some days late (vendor page).
const OVERLAP: u32 = 7;

sync_request! {
    /// The sync of expired jobs, from [`ExpiredJobsRequest::sync_expired`].
    SyncExpired = Expired;
}

#[derive(Debug)]
struct Expired {
    feed: ListEndpoint,
    since: Option<Date>,
    overlap: u32,
    key: &'static str,
}

impl ExpiredJobsRequest {
    /// Syncs expired jobs, to take them down: the first run reads the jobs that expired since [`SyncExpired::since`], each
    /// later run those that expired since the run before, with an overlap. [`ExpiredJob::job`] is the id of the job, and
    /// [`ExpiredJob::expired`] the time. Plan pro or better (vendor page).
    ///
    /// Jobs of the overlap arrive again. The provider sees 10 to 20 percent of the removals some days late (vendor page).
    /// Whether such a job has the day on which it was removed is unknown, so the overlap must be longer than that.
    ///
    /// Each run walks its days by page number with overlapping pages, and ends as
    /// [`Outcome::Drifted`](crate::Outcome::Drifted) when the list changed so much that a row may be missing.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use jobfeed::{checkpoint::MemoryStore, jiff::civil::date, jobdataapi::Client};
    ///
    /// # use jobfeed::testing::jobdataapi::{JobDataApi, Subscription};
    /// # let server = JobDataApi::builder().jobs(300).subscription(Subscription::Pro).start().await?;
    /// # let (key, url) = (server.api_key(), server.base_url());
    /// # let api = Client::builder().api_key(key).base_url(url).build()?;
    /// let sync = api.expired_jobs().sync_expired("jobs/expired", MemoryStore::new());
    /// let mut run = sync.since(date(2026, 1, 1)).await?;
    /// while let Some(batch) = run.next().await? {
    ///     for expired in batch.items() {
    ///         println!("take down {:?}, expired {:?}", expired.job(), expired.expired);
    ///     }
    ///     batch.commit().await?;
    /// }
    /// # Ok(()) }
    /// ```
    pub fn sync_expired<'s, C: 's>(self, key: impl Into<String>, store: C) -> SyncExpired<'s, ExpiredJob, C> {
        let options = |feed| Expired { feed, since: None, overlap: OVERLAP, key: "id" };
        SyncExpired { sync: SyncRequest::of(self.list, key, store, options) }
    }
}

setters! { [T, C] SyncExpired<'_, T, C> {
    /// The first day of the first run, which requires it. Later runs start at the watermark and ignore it. A job that is
    /// not removed earlier expires after 180 days (vendor page).
    since(day: Date) => sync.options.since = Some(day);
    /// The days before the watermark that each later run reads again. Default 7.
    overlap(days: u32) => sync.options.overlap = days;
    /// The field that tells two records apart. Default `id` (inferred; the fields of a record are not documented).
    record_key(field: &'static str) => sync.options.key = field;
} }

impl SyncOptions for Expired {
    const STRATEGY: &'static str = "expired";

    fn fingerprint(&self) -> Fingerprint {
        self.feed.fingerprint()
    }

    fn begin(self, start: &RunStart<'_>) -> Result<Box<dyn Strategy>> {
        for name in ["expired_since", "expired_until"] {
            if self.feed.query.has(name) {
                return Err(Error::invalid(name, "(set)", "nothing: the sync sets its own days"));
            }
        }
        let feed = SyncedList::new(self.feed)?;
        let today = start.client.clock().today();
        let before = match start.watermark() {
            Some(Mark::Date(covered)) => Some(covered),
            _ => None,
        };
        let position = match (start.position()?, before, self.since) {
            (Some(position), ..) => position,
            (None, Some(covered), _) => {
                ExpiredPosition::new(covered.saturating_sub(Span::new().days(self.overlap)), today.max(covered))
            }
            (None, None, Some(since)) if since <= today => ExpiredPosition::new(since, today),
            (None, None, since) => {
                let given = since.map_or_else(|| "(not set)".to_owned(), |since| since.to_string());
                return Err(Error::invalid("since", given, format!("a day up to today, {today}, set with `since`")));
            }
        };
        let walk = OverlapWalk::new(position.rows.clone(), feed.capacity(), self.key);
        let clock = ServerClock::new(start.client.clock());
        Ok(Box::new(ExpiredWalk { feed, key: self.key, before, position, walk, clock }))
    }
}

/// The frozen days and the position, as the state keeps them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpiredPosition {
    since: Date,
    until: Date,
    rows: OverlapPosition,
    /// The server's day, when that is before `until`: the local clock is ahead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    server_day: Option<Date>,
}

impl ExpiredPosition {
    fn new(since: Date, until: Date) -> Self {
        Self { since, until, rows: OverlapPosition::default(), server_day: None }
    }
}

#[derive(Debug)]
struct ExpiredWalk {
    feed: SyncedList,
    key: &'static str,
    /// The watermark before this run.
    before: Option<Date>,
    position: ExpiredPosition,
    walk: OverlapWalk,
    clock: ServerClock,
}

impl ExpiredWalk {
    /// Can the records be told apart, and did the server apply the days? One day of tolerance: its time zone is not
    /// documented.
    fn check(&self, page: &dyn PageView) -> Result<(), WalkError> {
        if page.rows() > 0 && page.values(self.key).next().is_none() {
            let hint =
                format!("the records have no `{}`: name the field that tells them apart with `record_key`", self.key);
            return Err(WalkError::Ignored(hint));
        }
        let first = self.position.since.yesterday().unwrap_or(self.position.since);
        let last = self.position.until.tomorrow().unwrap_or(self.position.until);
        let days = page.values("expired").filter_map(|text| text.trim_matches('"').get(..10)?.parse().ok());
        if days.take(3).all(|day: Date| (first..=last).contains(&day)) {
            return Ok(());
        }
        Err(WalkError::Ignored("the server did not apply expired_since and expired_until".to_owned()))
    }
}

impl Strategy for ExpiredWalk {
    fn step(&self, _: Timestamp) -> Step {
        let (since, until) = (self.position.since.to_string(), self.position.until.to_string());
        self.feed.numbered(&self.walk, &[("expired_since", since), ("expired_until", until)])
    }

    fn enter(&mut self, page: &dyn PageView, sent_at: Timestamp) -> Result<Verdict, WalkError> {
        self.check(page)?;
        if let Some(day) = self.clock.compare(page, sent_at).filter(|day| *day < self.position.until) {
            self.position.server_day = Some(day);
        }
        let verdict = self.walk.enter(page)?;
        self.position.rows = self.walk.position().clone();
        Ok(verdict)
    }

    fn finished(&self) -> bool {
        self.walk.finished()
    }

    fn watermark(&self) -> Option<Mark> {
        let until = self.position.server_day.map_or(self.position.until, |day| day.min(self.position.until));
        self.before.max(Some(until)).map(Mark::Date)
    }

    fn position(&self) -> Value {
        serde_json::to_value(&self.position).unwrap_or_default()
    }

    fn details(&self) -> Value {
        self.clock.details()
    }

    fn caveats(&self) -> &'static [&'static str] {
        &[
            "a removal that the provider lists under a day before the overlap is missed; all jobs expire after 180 days",
            "when jobs are added during two requests and one is deleted, one more can be missed until the overlap reads it again",
        ]
    }
}
