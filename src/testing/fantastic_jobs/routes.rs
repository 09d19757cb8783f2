//! The endpoints, and which parameters each of them takes.

use super::data::FeedName;

/// What all feeds and counts take.
const FILTERS: &str = "title title_advanced description description_advanced location location_advanced organization
    organization_industry exclude_organization_industry organization_headcount_gte organization_headcount_lt
    organization_agency ai_employment_type ai_taxonomies_a date_posted_gte date_posted_lt date_created_gte date_created_lt
    domain exclude_domain";
/// What only the feeds take.
const ROWS: &str = "limit offset cursor id description_format include_beta has_no_location exclude_organization
    organization_advanced organization_slug exclude_organization_slug source exclude_source organization_size
    ai_experience_level ai_work_arrangement ai_language ai_education ai_taxonomies_a_primary exclude_ai_taxonomies_a
    ai_visa_sponsorship has_salary organization_funding_gte organization_funding_lt";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route {
    Active(FeedName),
    Count(FeedName),
    Modified,
    Expired(FeedName),
    Organizations,
    Advanced,
}

/// The route of a path below the base URL.
pub(super) fn route(path: &str) -> Option<Route> {
    Some(match path {
        "active-ats" => Route::Active(FeedName::Ats),
        "active-jb" => Route::Active(FeedName::Jb),
        "active-ats-count" => Route::Count(FeedName::Ats),
        "active-jb-count" => Route::Count(FeedName::Jb),
        "modified-ats" => Route::Modified,
        "expired-ats" => Route::Expired(FeedName::Ats),
        "expired-jb" => Route::Expired(FeedName::Jb),
        "ats-organizations" => Route::Organizations,
        "ats-organizations-advanced" => Route::Advanced,
        _ => return None,
    })
}

impl Route {
    /// Whether there is a parameter of this name.
    pub(super) fn takes(self, name: &str) -> bool {
        let (job_board, own) = match self {
            Self::Active(FeedName::Ats) => (false, "time_frame include_basic_organization_details"),
            Self::Active(FeedName::Jb) => (
                true,
                "time_frame exclude_recruiter_fields exclude_ats_duplicate seniority employment_type direct_apply",
            ),
            Self::Count(FeedName::Ats) => (false, "time_frame"),
            Self::Count(FeedName::Jb) => (true, "time_frame seniority exclude_ats_duplicate"),
            Self::Modified => (false, "include_basic_organization_details date_modified_gte date_modified_lt"),
            Self::Expired(_) => return name == "time_frame",
            Self::Organizations => return false,
            Self::Advanced => return name == "page",
        };
        let contains = |names: &str| names.split_ascii_whitespace().any(|known| known == name);
        let has_rows = !matches!(self, Self::Count(_));
        !(job_board && name.ends_with("domain")) && (contains(FILTERS) || contains(own) || has_rows && contains(ROWS))
    }

    /// The values of `time_frame`.
    pub(super) fn frames(self) -> &'static [&'static str] {
        match self {
            Self::Active(_) => &["1h", "24h", "7d", "6m"],
            Self::Count(_) => &["1h", "24h", "1m", "6m"],
            Self::Expired(_) => &["1h", "1d", "1m", "6m"],
            _ => &[],
        }
    }
}
