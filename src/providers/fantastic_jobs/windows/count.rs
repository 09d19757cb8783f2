//! One interval of a feed, its count, and what a run would cost.

use jiff::Timestamp;
use serde::Serialize;

use crate::providers::fantastic_jobs::endpoint::{EndpointSpec, ListEndpoint};
use crate::providers::fantastic_jobs::frames::{CountFrame, TimeFrame};
use crate::providers::fantastic_jobs::planner::Interval;
use crate::providers::fantastic_jobs::query::utc;

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

/// The feed with one interval and one window, without a position.
pub(super) fn slice(feed: &ListEndpoint, frame: TimeFrame, interval: Option<Interval>) -> ListEndpoint {
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
pub(super) fn count_of(
    feed: &ListEndpoint,
    count: &'static EndpointSpec,
    frame: CountFrame,
    interval: Interval,
) -> (ListEndpoint, bool) {
    let mut count = feed.with_spec(count);
    let descriptions = frame != CountFrame::SixMonths;
    let known = |name: &str| COUNTED.contains(&name) && (descriptions || !name.starts_with("description"));
    let names: Vec<String> = feed.query.pairs().iter().map(|(name, _)| name.clone()).collect();
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
