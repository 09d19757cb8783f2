//! The routes: who may call what, which parameters there are, and which rows come back.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::Plan;
use super::data::{Feed, FeedData, Row};
use crate::testing::fault::{PageFaults, spoil_record};
use crate::testing::service::{Answer, Received, Service};

/// What all feeds and counts take.
const COMMON: [&str; 20] = [
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
    "date_created_gte",
    "date_created_lt",
    "domain",
    "exclude_domain",
];
/// What the feeds take beside it.
const ROWS: [&str; 24] = [
    "limit",
    "offset",
    "cursor",
    "id",
    "description_format",
    "include_beta",
    "has_no_location",
    "exclude_organization",
    "organization_advanced",
    "organization_slug",
    "exclude_organization_slug",
    "source",
    "exclude_source",
    "organization_size",
    "ai_experience_level",
    "ai_work_arrangement",
    "ai_language",
    "ai_education",
    "ai_taxonomies_a_primary",
    "exclude_ai_taxonomies_a",
    "ai_visa_sponsorship",
    "has_salary",
    "organization_funding_gte",
    "organization_funding_lt",
];

/// The simulated service.
pub(super) struct FantasticService {
    pub(super) ats: FeedData,
    pub(super) jb: FeedData,
    pub(super) now: Arc<Mutex<Timestamp>>,
    pub(super) long_day: bool,
    pub(super) plan: Plan,
    pub(super) api_key: String,
    pub(super) jobs_quota: u64,
    pub(super) requests_quota: u64,
    pub(super) jobs_billed: u64,
    pub(super) requests: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Route {
    Active(Feed),
    Count(Feed),
    Modified,
    Expired(Feed),
    Organizations,
    Advanced,
}

fn route(path: &str) -> Option<Route> {
    Some(match path.strip_prefix("/v1/")? {
        "active-ats" => Route::Active(Feed::Ats),
        "active-jb" => Route::Active(Feed::Jb),
        "active-ats-count" => Route::Count(Feed::Ats),
        "active-jb-count" => Route::Count(Feed::Jb),
        "modified-ats" => Route::Modified,
        "expired-ats" => Route::Expired(Feed::Ats),
        "expired-jb" => Route::Expired(Feed::Jb),
        "ats-organizations" => Route::Organizations,
        "ats-organizations-advanced" => Route::Advanced,
        _ => return None,
    })
}

impl Route {
    fn takes(self, name: &str) -> bool {
        let common = || COMMON.contains(&name);
        let rows = || ROWS.contains(&name);
        match self {
            Self::Active(Feed::Ats) => {
                common() || rows() || matches!(name, "time_frame" | "include_basic_organization_details")
            }
            Self::Active(Feed::Jb) => {
                let own = [
                    "time_frame",
                    "exclude_recruiter_fields",
                    "exclude_ats_duplicate",
                    "seniority",
                    "employment_type",
                    "direct_apply",
                ];
                !name.ends_with("domain") && (common() || rows() || own.contains(&name))
            }
            Self::Count(Feed::Ats) => common() || name == "time_frame",
            Self::Count(Feed::Jb) => {
                !name.ends_with("domain")
                    && (common() || matches!(name, "time_frame" | "seniority" | "exclude_ats_duplicate"))
            }
            Self::Modified => {
                common()
                    || rows()
                    || matches!(name, "include_basic_organization_details" | "date_modified_gte" | "date_modified_lt")
            }
            Self::Expired(_) => name == "time_frame",
            Self::Organizations => false,
            Self::Advanced => name == "page",
        }
    }

    fn frames(self) -> &'static [&'static str] {
        match self {
            Self::Active(_) => &["1h", "24h", "7d", "6m"],
            Self::Count(_) => &["1h", "24h", "1m", "6m"],
            Self::Expired(_) => &["1h", "1d", "1m", "6m"],
            _ => &[],
        }
    }
}

/// A refusal with status 400.
fn bad(text: &str) -> Answer {
    Answer::json(400, serde_json::json!({"title": "Bad Request", "status": 400, "detail": text}).to_string())
}

impl Service for FantasticService {
    fn is_list(&self, request: &Received) -> bool {
        request.method() == "GET" && matches!(route(request.path()), Some(route) if !matches!(route, Route::Count(_)))
    }

    fn answer(&mut self, request: &Received, faults: &PageFaults) -> Answer {
        let now = *self.now.lock().unwrap_or_else(PoisonError::into_inner);
        self.ats.make_until(now);
        self.jb.make_until(now);
        self.requests += 1;
        let before = self.jobs_billed;
        let answer = self.checked(request, faults, now).unwrap_or_else(|refusal| refusal);
        let left = |quota: u64, used: u64| quota.saturating_sub(used).to_string();
        let next_month = now.to_zoned(TimeZone::UTC).date().last_of_month().tomorrow();
        let billing = next_month.map(|day| day.to_string()).unwrap_or_default();
        let date = httpdate::fmt_http_date(std::time::SystemTime::from(now));
        answer
            .header("date", &date)
            .header("x-api-jobs-this-request", &(self.jobs_billed - before).to_string())
            .header("x-api-jobs-limit", &self.jobs_quota.to_string())
            .header("x-api-jobs-remaining", &left(self.jobs_quota, self.jobs_billed))
            .header("x-api-requests-limit", &self.requests_quota.to_string())
            .header("x-api-requests-remaining", &left(self.requests_quota, self.requests))
            .header("x-api-next-billing-date", &billing)
    }
}

impl FantasticService {
    pub(super) fn feed_at(&mut self, feed: Feed, now: Timestamp) -> &mut FeedData {
        let data = match feed {
            Feed::Ats => &mut self.ats,
            Feed::Jb => &mut self.jb,
        };
        data.make_until(now);
        data
    }

    fn data(&self, feed: Feed) -> &FeedData {
        match feed {
            Feed::Ats => &self.ats,
            Feed::Jb => &self.jb,
        }
    }

    fn checked(&mut self, request: &Received, faults: &PageFaults, now: Timestamp) -> Result<Answer, Answer> {
        match request.authorization() {
            None => return Err(Answer::detail(401, "No Authorization Header")),
            Some(header) if header.strip_prefix("Bearer ") == Some(self.api_key.as_str()) => {}
            Some(_) => return Err(Answer::detail(401, "Authorization Failed")),
        }
        let route = route(request.path()).ok_or_else(|| Answer::detail(404, "Not Found"))?;
        let needs = match route {
            Route::Modified => Plan::Pro,
            Route::Advanced => Plan::Pro100k,
            _ => Plan::Starter,
        };
        if self.plan < needs {
            return Err(Answer::detail(403, "Your plan does not include this endpoint."));
        }
        if self.requests > self.requests_quota {
            return Err(Answer::detail(429, "The requests of this billing period are used up."));
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
                deep_descriptions(request, frame)?;
                let count = self.matching(feed, frame, request, now)?.len();
                Ok(Answer::json(200, format!(r#"{{"count":{count}}}"#)))
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

    /// The rows of a window, by index time.
    fn matching(&self, feed: Feed, frame: &str, request: &Received, now: Timestamp) -> Result<Vec<&Row>, Answer> {
        let hours = SignedDuration::from_hours;
        let back = |span| now.checked_sub(span).unwrap_or(Timestamp::MIN);
        let hour = Timestamp::from_second(now.as_second() - now.as_second().rem_euclid(3_600)).unwrap_or(now);
        let full = |span| hour.checked_sub(span).unwrap_or(Timestamp::MIN);
        let seen = back(SignedDuration::from_mins(45));
        let (from, until, live) = match frame {
            "1h" => (full(hours(2)), full(hours(1)), false),
            "24h" => (full(hours(if self.long_day { 26 } else { 25 })), full(hours(1)), false),
            "7d" => (back(hours(7 * 24)), seen, true),
            "1m" => (back(hours(31 * 24)), seen, true),
            _ => (back(hours(180 * 24)), seen, true),
        };
        let from = instant(request, "date_created_gte")?.map_or(from, |bound| bound.max(from));
        let until = instant(request, "date_created_lt")?.map_or(until, |bound| bound.min(until));
        let filter = Filter::new(feed, request)?;
        let rows = self.data(feed).between(from, until).iter();
        Ok(rows.filter(|row| (!live || row.is_live(now)) && filter.passes(row)).collect())
    }

    fn active(
        &mut self,
        feed: Feed,
        frame: &str,
        request: &Received,
        faults: &PageFaults,
        now: Timestamp,
    ) -> Result<Answer, Answer> {
        if feed == Feed::Jb {
            deep_descriptions(request, frame)?;
        }
        let rows = self.matching(feed, frame, request, now)?;
        let page = page(rows, request, faults, |row| std::cmp::Reverse(row.posted))?;
        let texts = page.iter().map(|row| row.json(feed, request.param("description_format"), frame == "6m"));
        let (answer, billed) = rendered(texts.collect(), faults);
        self.jobs_billed += billed;
        Ok(answer)
    }

    fn modified(&self, request: &Received, faults: &PageFaults, now: Timestamp) -> Result<Answer, Answer> {
        let day = now.checked_sub(SignedDuration::from_hours(24)).unwrap_or(now);
        let from = instant(request, "date_modified_gte")?.map_or(day, |bound| bound.max(day));
        let until = instant(request, "date_modified_lt")?.map_or(now, |bound| bound.min(now));
        let filter = Filter::new(Feed::Ats, request)?;
        let edited = |row: &Row| row.modified.is_some_and(|at| at >= from && at < until);
        let rows = self.ats.all().iter().filter(|row| edited(row) && row.is_live(now) && filter.passes(row)).collect();
        let page = page(rows, request, faults, |row| std::cmp::Reverse(row.modified.unwrap_or_default()))?;
        let texts = page.iter().map(|row| row.json(Feed::Ats, request.param("description_format"), true));
        Ok(rendered(texts.collect(), faults).0)
    }

    fn expired(&self, feed: Feed, frame: &str, faults: &PageFaults, now: Timestamp) -> Answer {
        let today = now.as_second() - now.as_second().rem_euclid(86_400);
        let now = now.as_second();
        let (from, until) = match frame {
            "1h" => (now - 3_600, now),
            // Refreshed at 01:00.
            "1d" if now >= today + 3_600 => (today - 86_400, today),
            "1d" => (today - 2 * 86_400, today - 86_400),
            "1m" => (now - 31 * 86_400, now),
            _ => (now - 180 * 86_400, now),
        };
        let reported = |row: &&Row| {
            let in_window = row.expired.is_some_and(|at| (from..until).contains(&at.as_second()));
            in_window && (feed == Feed::Ats || row.source(feed) == "linkedin")
        };
        let ids = self.data(feed).all().iter().filter(reported).map(|row| row.id.to_string());
        rendered(ids.collect(), faults).0
    }
}

/// The filters that the simulator knows. All others are accepted and match everything.
struct Filter<'r> {
    feed: Feed,
    id: Option<u64>,
    title: Option<String>,
    location: Option<&'r str>,
    source: Option<Vec<&'r str>>,
}

impl<'r> Filter<'r> {
    fn new(feed: Feed, request: &'r Received) -> Result<Self, Answer> {
        if request.param("title").is_some() && request.param("title_advanced").is_some() {
            return Err(bad("title and title_advanced exclude each other"));
        }
        if request.param("title_advanced").is_some_and(|text| text.contains(" OR ")) {
            return Err(bad("syntax error in title_advanced"));
        }
        Ok(Self {
            feed,
            id: number(request, "id")?,
            title: request.param("title").map(str::to_lowercase),
            location: request.param("location"),
            source: request.param("source").map(|list| list.split(',').collect()),
        })
    }

    fn passes(&self, row: &Row) -> bool {
        self.id.is_none_or(|id| id == row.id)
            && self.title.as_ref().is_none_or(|title| row.title.to_lowercase().contains(title.trim_matches('"')))
            && self.location.is_none_or(|place| place.trim_matches('"') == row.country)
            && self.source.as_ref().is_none_or(|list| list.contains(&row.source(self.feed)))
    }
}

fn deep_descriptions(request: &Received, frame: &str) -> Result<(), Answer> {
    let searched = request.param("description").or_else(|| request.param("description_advanced"));
    if frame == "6m" && searched.is_some() {
        return Err(bad("description cannot be searched over 6m"));
    }
    Ok(())
}

/// One page: by cursor in the order of ids, else by offset in the order of the endpoint.
fn page<'r, K: Ord>(
    mut rows: Vec<&'r Row>,
    request: &Received,
    faults: &PageFaults,
    order: impl Fn(&Row) -> K,
) -> Result<Vec<&'r Row>, Answer> {
    let limit: usize = number(request, "limit")?.unwrap_or(100);
    if !(1..=1_000).contains(&limit) {
        return Err(bad("limit must be from 1 to 1000"));
    }
    let limit = faults.page_size(limit);
    let rows: Vec<&Row> = if let Some(cursor) = number::<u64>(request, "cursor")? {
        rows.into_iter().filter(|row| row.id > cursor || cursor <= 1).take(limit).collect()
    } else {
        let offset: usize = number(request, "offset")?.unwrap_or(0);
        rows.sort_by_key(|row| order(row));
        rows.into_iter().skip(offset).take(limit).collect()
    };
    let kept = faults.rows(rows.len());
    Ok(rows.into_iter().take(kept).collect())
}

/// The body, and the rows in it.
fn rendered(mut texts: Vec<String>, faults: &PageFaults) -> (Answer, u64) {
    let rows = texts.len();
    for (index, text) in texts.iter_mut().enumerate() {
        if faults.bad_records.hits(index, rows) {
            *text = if text.starts_with('{') { spoil_record(text, index % 2 == 1) } else { "\"x\"".to_owned() };
        }
    }
    (Answer::json(200, format!("[{}]", texts.join(","))).rows(rows), rows as u64)
}

fn organizations(range: std::ops::Range<usize>, faults: &PageFaults) -> Answer {
    let texts: Vec<String> = range
        .map(|n| {
            format!(
                r#"{{"name":"Employer {n}","domain":"employer-{n}.example","slug":"employer-{n}","followers":{n}}}"#
            )
        })
        .collect();
    let kept = faults.rows(texts.len());
    rendered(texts.into_iter().take(kept).collect(), &PageFaults::default()).0
}

fn number<N: std::str::FromStr>(request: &Received, name: &str) -> Result<Option<N>, Answer> {
    let Some(text) = request.param(name) else { return Ok(None) };
    text.parse().map(Some).map_err(|_| bad(&format!("{name} must be a whole number")))
}

/// An instant without a zone, or with one; or a day.
fn instant(request: &Received, name: &str) -> Result<Option<Timestamp>, Answer> {
    let Some(text) = request.param(name) else { return Ok(None) };
    let zoneless = || text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok();
    let parsed = text.parse::<Timestamp>().ok().or_else(|| Some(zoneless()?.timestamp()));
    parsed.map(Some).ok_or_else(|| bad(&format!("{name} must be an ISO 8601 date or time")))
}
