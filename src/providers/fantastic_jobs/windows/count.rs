//! One interval of a feed, its count, and the price of a run.

use jiff::Timestamp;
use serde::Serialize;

use crate::providers::fantastic_jobs::endpoint::{EndpointSpec, ListEndpoint};
use crate::providers::fantastic_jobs::frames::{CountFrame, TimeFrame};
use crate::providers::fantastic_jobs::planner::Interval;
use crate::providers::fantastic_jobs::query::utc;

/// Parameters that do not change which rows match.
const NEUTRAL: [&str; 5] = [
    "description_format",
    "include_beta",
    "include_basic_organization_details",
    "exclude_recruiter_fields",
    "time_frame",
];
/// Filters that the count endpoints take (vendor page: count endpoints).
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
/// The price of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Price {
    /// When the next run is due, if no run is due now.
    pub due: Option<Timestamp>,
    /// The interval that the run would cover.
    pub interval: Option<Interval>,
    /// Jobs that would be billed.
    pub jobs: u64,
    /// Whether the count endpoint takes all of the filters. If not, `jobs` is an upper bound.
    pub exact: bool,
    /// An estimate of the requests: one count and one page for each page of rows.
    pub requests: u64,
}

/// The feed with one window and one interval, without a position.
pub(super) fn slice(feed: &ListEndpoint, frame: TimeFrame, interval: Option<Interval>) -> ListEndpoint {
    let mut feed = feed.clone();
    feed.query.set("time_frame", frame);
    if let Some(interval) = interval {
        feed.query.set("date_created_gte", utc(interval.from));
        feed.query.set("date_created_lt", utc(interval.until));
    }
    feed
}

/// The count request of an interval, and whether it has all filters of the feed.
pub(super) fn count_of(
    feed: &ListEndpoint,
    count: &'static EndpointSpec,
    frame: CountFrame,
    interval: Interval,
) -> (ListEndpoint, bool) {
    let mut count = feed.with_spec(count);
    let descriptions = frame != CountFrame::SixMonths;
    let counted = |name: &str| COUNTED.contains(&name) && (descriptions || !name.starts_with("description"));
    let names: Vec<String> = feed.query.pairs().iter().map(|(name, _)| name.clone()).collect();
    let mut exact = true;
    for name in names.iter().filter(|name| !counted(name)) {
        exact &= NEUTRAL.contains(&name.as_str());
        count.query.unset(name);
    }
    count.query.set("time_frame", frame);
    count.query.set("date_created_gte", utc(interval.from));
    count.query.set("date_created_lt", utc(interval.until));
    (count, exact)
}
