//! Who may call what, and which rows are sent.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret as _, SecretString};

use super::data::{FeedData, FeedName, Feeds, JobRow};
use super::page::{Filter, bad, check_descriptions, instant, json_array, number, organizations, page, shown};
use super::routes::{Route, route};
use crate::testing::page_faults::PageFaults;
use crate::testing::received::Received;
use crate::testing::reply::Reply;
use crate::testing::service::Service;

/// The subscription of the API key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Subscription {
    /// Neither edits nor advanced organizations: status 403.
    Starter,
    /// No advanced organizations.
    #[default]
    Pro,
    /// Everything.
    Pro100k,
}

/// The [`Service`] behind a [`FantasticJobs`](super::FantasticJobs).
#[derive(Debug)]
pub struct FantasticService {
    pub(super) feeds: Feeds,
    pub(super) long_day: bool,
    pub(super) subscription: Subscription,
    pub(super) api_key: SecretString,
    pub(super) jobs_quota: u64,
    pub(super) requests_quota: u64,
    pub(super) requests: u64,
}

fn requested(request: &Received) -> Option<Route> {
    route(request.path().strip_prefix(FantasticService::BASE_PATH)?)
}

impl Service for FantasticService {
    type Data = Feeds;

    const BASE_PATH: &'static str = "/v1/";

    fn data(&mut self) -> &mut Feeds {
        &mut self.feeds
    }

    fn is_list(&self, request: &Received) -> bool {
        request.method() == "GET" && requested(request).is_some_and(|route| !matches!(route, Route::Count(_)))
    }

    fn reply(&mut self, request: &Received, faults: &PageFaults) -> Reply {
        let now = self.feeds.time.now();
        self.feeds.ats.make_until(now);
        self.feeds.jb.make_until(now);
        self.requests += 1;
        let before = self.feeds.jobs_billed;
        let reply = self.checked(request, faults, now).unwrap_or_else(|refusal| refusal);
        let left = |quota: u64, used: u64| quota.saturating_sub(used).to_string();
        let next_month = now.to_zoned(TimeZone::UTC).date().last_of_month().tomorrow();
        let billing = next_month.map(|day| day.to_string()).unwrap_or_default();
        let date = httpdate::fmt_http_date(std::time::SystemTime::from(now));
        reply
            .header("date", &date)
            .header("x-api-jobs-this-request", &(self.feeds.jobs_billed - before).to_string())
            .header("x-api-jobs-limit", &self.jobs_quota.to_string())
            .header("x-api-jobs-remaining", &left(self.jobs_quota, self.feeds.jobs_billed))
            .header("x-api-requests-limit", &self.requests_quota.to_string())
            .header("x-api-requests-remaining", &left(self.requests_quota, self.requests))
            .header("x-api-next-billing-date", &billing)
    }
}

impl FantasticService {
    fn feed(&self, feed: FeedName) -> &FeedData {
        match feed {
            FeedName::Ats => &self.feeds.ats,
            FeedName::Jb => &self.feeds.jb,
        }
    }

    fn checked(&mut self, request: &Received, faults: &PageFaults, now: Timestamp) -> Result<Reply, Reply> {
        match request.authorization() {
            None => return Err(Reply::detail(401, "No Authorization Header")),
            Some(header) if header.strip_prefix("Bearer ") == Some(self.api_key.expose_secret()) => {}
            Some(_) => return Err(Reply::detail(401, "Authorization Failed")),
        }
        let route = requested(request).ok_or_else(|| Reply::detail(404, "Not Found"))?;
        let needs = match route {
            Route::Modified => Subscription::Pro,
            Route::Advanced => Subscription::Pro100k,
            _ => Subscription::Starter,
        };
        if self.subscription < needs {
            return Err(Reply::detail(403, "Your subscription does not include this endpoint."));
        }
        if self.requests > self.requests_quota {
            return Err(Reply::detail(429, "The requests of this billing period are used up."));
        }
        for (name, value) in request.query() {
            if !route.takes(name) {
                return Err(bad(&format!("Unknown parameter: {name}")));
            }
            if value.is_empty() {
                return Err(bad(&format!("Empty parameter: {name}")));
            }
        }
        let frame = request.param("time_frame");
        if let Some(frame) = frame.filter(|frame| !route.frames().contains(frame)) {
            return Err(bad(&format!("time_frame is {frame}, allowed are {}", route.frames().join(", "))));
        }
        match route {
            Route::Active(feed) => {
                let frame = frame.ok_or_else(|| bad("time_frame is required"))?;
                self.active(feed, frame, request, faults, now)
            }
            Route::Count(feed) => {
                let frame = frame.unwrap_or("1m");
                check_descriptions(request, frame)?;
                let count = faults.total(self.matching(feed, frame, request, now)?.len());
                Ok(Reply::json(200, format!(r#"{{"count":{count}}}"#)))
            }
            Route::Modified => self.modified(request, faults, now),
            Route::Expired(feed) => Ok(self.expired(feed, frame.unwrap_or("1h"), faults, now)),
            Route::Organizations => Ok(organizations(0..250, faults)),
            Route::Advanced => {
                let page: usize = number(request, "page")?.unwrap_or(1);
                let start = page.saturating_sub(1).saturating_mul(100).min(250);
                Ok(organizations(start..(start + 100).min(250), faults))
            }
        }
    }

    /// The rows that were indexed in the window of a time frame and pass the filters.
    fn matching(&self, feed: FeedName, frame: &str, request: &Received, now: Timestamp) -> Result<Vec<&JobRow>, Reply> {
        let hours = SignedDuration::from_hours;
        let back = |span| now.checked_sub(span).unwrap_or(Timestamp::MIN);
        let hour = Timestamp::from_second(now.as_second() - now.as_second().rem_euclid(3_600)).unwrap_or(now);
        let full = |span| hour.checked_sub(span).unwrap_or(Timestamp::MIN);
        let seen = back(SignedDuration::from_mins(45));
        let (from, until, unexpired_only) = match frame {
            "1h" => (full(hours(2)), full(hours(1)), false),
            "24h" => (full(hours(if self.long_day { 26 } else { 25 })), full(hours(1)), false),
            "7d" => (back(hours(7 * 24)), seen, true),
            "1m" => (back(hours(31 * 24)), seen, true),
            _ => (back(hours(180 * 24)), seen, true),
        };
        let from = instant(request, "date_created_gte")?.map_or(from, |bound| bound.max(from));
        let until = instant(request, "date_created_lt")?.map_or(until, |bound| bound.min(until));
        let filter = Filter::new(feed, request)?;
        let rows = self.feed(feed).between(from, until).iter();
        Ok(rows.filter(|row| (!unexpired_only || row.is_unexpired(now)) && filter.passes(row)).collect())
    }

    fn active(
        &mut self,
        feed: FeedName,
        frame: &str,
        request: &Received,
        faults: &PageFaults,
        now: Timestamp,
    ) -> Result<Reply, Reply> {
        if feed == FeedName::Jb {
            check_descriptions(request, frame)?;
        }
        let mut rows = self.matching(feed, frame, request, now)?;
        rows.truncate(rows.len().saturating_sub(faults.behind));
        let page = page(rows, request, faults, |row| std::cmp::Reverse(row.posted))?;
        let shown = shown(request, frame == "6m")?;
        let texts = page.iter().map(|row| row.json(feed, shown));
        let reply = json_array(texts.collect(), faults);
        self.feeds.jobs_billed += reply.rows;
        Ok(reply)
    }

    fn modified(&self, request: &Received, faults: &PageFaults, now: Timestamp) -> Result<Reply, Reply> {
        let day = now.checked_sub(SignedDuration::from_hours(24)).unwrap_or(now);
        let from = instant(request, "date_modified_gte")?.map_or(day, |bound| bound.max(day));
        let until = instant(request, "date_modified_lt")?.map_or(now, |bound| bound.min(now));
        let filter = Filter::new(FeedName::Ats, request)?;
        let edited = |row: &&JobRow| row.modified.is_some_and(|at| at >= from && at < until);
        let rows = self.feeds.ats.all().iter().filter(edited);
        let rows = rows.filter(|row| row.is_unexpired(now) && filter.passes(row)).collect();
        let page = page(rows, request, faults, |row| std::cmp::Reverse(row.modified.unwrap_or_default()))?;
        let shown = shown(request, true)?;
        let texts = page.iter().map(|row| row.json(FeedName::Ats, shown));
        Ok(json_array(texts.collect(), faults))
    }

    fn expired(&self, feed: FeedName, frame: &str, faults: &PageFaults, now: Timestamp) -> Reply {
        let today = now.as_second() - now.as_second().rem_euclid(86_400);
        let now = now.as_second();
        let (from, until) = match frame {
            "1h" => (now - 3_600, now),
            // The list of a day is ready at 01:00 of the next day.
            "1d" if now >= today + 3_600 => (today - 86_400, today),
            "1d" => (today - 2 * 86_400, today - 86_400),
            "1m" => (now - 31 * 86_400, now),
            _ => (now - 180 * 86_400, now),
        };
        let reported = |row: &&JobRow| {
            let in_window = row.expired.is_some_and(|at| (from..until).contains(&at.as_second()));
            in_window && (feed == FeedName::Ats || row.source(feed) == "linkedin")
        };
        let ids = self.feed(feed).all().iter().filter(reported).map(|row| row.id.to_string());
        json_array(ids.collect(), faults)
    }
}
