//! The typed requests of Fantastic.jobs: each has methods for the parameters of its endpoint only. The server answers
//! 400 to any other parameter (observed).

use jiff::Timestamp;

use super::endpoint::{EndpointSpec, ListEndpoint, PageBy};
use super::frames::{CountFrame, DescriptionFormat, Only, TimeFrame};
use super::models::{ActiveAtsJob, ActiveJbJob, Count, ModifiedAtsJob, Organization};
use super::query::{self, MAX_LIMIT};
use super::search::{Expression, Search};
use crate::error::Result;
use crate::json::ListAt;
use crate::listing::{list_request, params};

/// Declares an endpoint, its request type, and the methods that all requests have.
macro_rules! requests {
    ($($(#[$doc:meta])* $request:ident = $spec:ident($item:ty) at $path:literal, $page_by:ident, frame $frame:literal, deep $deep:literal;)*) => {$(
        pub(super) const $spec: EndpointSpec = EndpointSpec {
            name: concat!("fantastic-jobs/", $path),
            path: $path,
            page_by: PageBy::$page_by,
            needs_time_frame: $frame,
            deep_descriptions: $deep,
        };

        list_request! {
            $(#[$doc])*
            $request = ListEndpoint => $item;
        }

        /// Methods of all requests of Fantastic.jobs.
        impl $request {
            /// Replaces the path below the base URL, for endpoints whose path is uncertain.
            pub fn path(self, path: &str) -> Self {
                self.with(|endpoint| path.clone_into(&mut endpoint.path))
            }

            /// A parameter that has no method, sent unchanged. The server answers 400 if the endpoint does not have it.
            #[allow(clippy::needless_pass_by_value)]
            pub fn param(self, name: &str, value: impl ToString) -> Self {
                self.with(|endpoint| {
                    let with_method: &[&str] = match endpoint.spec.page_by {
                        PageBy::Rows => &["limit", "offset", "cursor", "time_frame"],
                        PageBy::Object => &["time_frame"],
                        // Nothing is documented for the organizations.
                        PageBy::Whole | PageBy::Numbers => &[],
                    };
                    query::raw(&mut endpoint.query, name, &value.to_string(), with_method);
                })
            }
        }
    )*};
}

requests! {
    /// `GET /active-ats`.
    ActiveAtsRequest = ACTIVE_ATS(ActiveAtsJob) at "active-ats", Rows, frame true, deep true;
    /// `GET /active-jb`.
    ActiveJbRequest = ACTIVE_JB(ActiveJbJob) at "active-jb", Rows, frame true, deep false;
    /// `GET /active-ats-count`.
    ActiveAtsCountRequest = ACTIVE_ATS_COUNT(Count) at "active-ats-count", Object, frame false, deep false;
    /// `GET /active-jb-count`.
    ActiveJbCountRequest = ACTIVE_JB_COUNT(Count) at "active-jb-count", Object, frame false, deep false;
    /// `GET /modified-ats`.
    ModifiedAtsRequest = MODIFIED_ATS(ModifiedAtsJob) at "modified-ats", Rows, frame false, deep true;
    /// `GET /ats-organizations`.
    OrganizationsRequest = ORGANIZATIONS(Organization) at "ats-organizations", Whole, frame false, deep false;
    /// `GET /ats-organizations-advanced`.
    AdvancedOrganizationsRequest = ADVANCED_ORGANIZATIONS(Organization) at "ats-organizations-advanced", Numbers, frame false, deep false;
}

impl AdvancedOrganizationsRequest {
    /// The name of the page parameter and the number of the first page. Default `page` from 1, which is a guess.
    pub fn page_parameter(self, name: &str, first: u64) -> Self {
        self.with(|endpoint| endpoint.page = (name.to_owned(), first))
    }
}

/// Declares the envelope of the organizations.
macro_rules! envelopes {
    ($($request:ident)+) => {$(
        impl $request {
            /// The field of the body that has the list. By default the body is the list; the vendor does not document it.
            pub fn list_field(self, name: &'static str) -> Self {
                self.with(|endpoint| endpoint.list = ListAt::Field(name))
            }
        }
    )+};
}
envelopes!(OrganizationsRequest AdvancedOrganizationsRequest);

// The feeds and their counts.
params! { ActiveAtsRequest ActiveJbRequest ModifiedAtsRequest ActiveAtsCountRequest ActiveJbCountRequest => {
    /// Searches titles.
    search title "title" (search: impl Into<Search>);
    /// Searches titles and descriptions. With `6m` on the ATS feeds only, where it is slow (vendor page).
    search description "description" (search: impl Into<Search>);
    /// Searches places of the form "City, Region, Country" with full English names: `United States`, not `US`
    /// (observed).
    search location "location" (search: impl Into<Search>);
    /// Employers by exact name, as the source writes it, case-sensitive (observed). Cannot be combined with
    /// `organization_advanced`.
    list organization "organization" (values: impl IntoIterator<Item = impl AsRef<str>>);
    /// Industries by LinkedIn's names, case-sensitive. Rows without an industry do not match (observed).
    list organization_industry "organization_industry" (values: impl IntoIterator<Item = impl AsRef<str>>);
    /// Industries to exclude. Rows without an industry are excluded too (observed).
    list exclude_organization_industry "exclude_organization_industry" (values: impl IntoIterator<Item = impl AsRef<str>>);
    /// At least this many employees. Excludes rows without a number: all of Wellfound and Y Combinator (observed).
    value organization_headcount_gte "organization_headcount_gte" (number: u64);
    /// Fewer employees than this.
    value organization_headcount_lt "organization_headcount_lt" (number: u64);
    /// Rows of recruitment agencies.
    value organization_agency "organization_agency" (only: Only);
    /// Kinds of employment, such as `FULL_TIME`; a row with any of them matches (vendor page of the older API).
    list ai_employment_type "ai_employment_type" (values: impl IntoIterator<Item = impl AsRef<str>>);
    /// Categories, such as `Data & Analytics`; a row with any of them matches.
    list ai_taxonomies_a "ai_taxonomies_a" (values: impl IntoIterator<Item = impl AsRef<str>>);
    /// Posted at or after this instant: the date of the ad, which may be before or after `date_created`.
    time date_posted_gte "date_posted_gte" (at: Timestamp);
    /// Posted before this instant.
    time date_posted_lt "date_posted_lt" (at: Timestamp);
    /// Indexed at or after this instant, within the time frame. Adjacent intervals match each row once (observed).
    time date_created_gte "date_created_gte" (at: Timestamp);
    /// Indexed before this instant.
    time date_created_lt "date_created_lt" (at: Timestamp);
}}

// The feeds.
params! { ActiveAtsRequest ActiveJbRequest ModifiedAtsRequest => {
    /// One row by its id (observed).
    value id "id" (number: u64);
    /// Adds the beta fields `classification_*` (observed; the effect is inferred).
    flag include_beta "include_beta";
    /// Only rows without a place; the exact meaning is unknown (observed once).
    flag has_no_location "has_no_location";
    /// Employers to exclude, by exact name.
    list exclude_organization "exclude_organization" (values: impl IntoIterator<Item = impl AsRef<str>>);
    /// Employers by exact LinkedIn slug.
    list organization_slug "organization_slug" (values: impl IntoIterator<Item = impl AsRef<str>>);
    /// Employers to exclude, by LinkedIn slug.
    list exclude_organization_slug "exclude_organization_slug" (values: impl IntoIterator<Item = impl AsRef<str>>);
    /// Sources, such as `greenhouse` or `lever.co`.
    list source "source" (values: impl IntoIterator<Item = impl AsRef<str>>);
    /// Sources to exclude.
    list exclude_source "exclude_source" (values: impl IntoIterator<Item = impl AsRef<str>>);
    /// Employer sizes as LinkedIn's ranges, such as `2-10` or `501-1,000`.
    list organization_size "organization_size" (values: impl IntoIterator<Item = impl AsRef<str>>);
    /// Years of experience: `0-2`, `2-5`, `5-10`, `10+`.
    list ai_experience_level "ai_experience_level" (values: impl IntoIterator<Item = impl AsRef<str>>);
    /// `On-site`, `Hybrid`, `Remote OK`, `Remote Solely`. By a model, and wrong for about one row in five (observed).
    list ai_work_arrangement "ai_work_arrangement" (values: impl IntoIterator<Item = impl AsRef<str>>);
    /// The language of the ad by name, such as `English` (observed).
    text ai_language "ai_language";
    /// Education; the values are unknown.
    list ai_education "ai_education" (values: impl IntoIterator<Item = impl AsRef<str>>);
    /// Categories, compared with the first category of a row only (vendor page of the older API).
    list ai_taxonomies_a_primary "ai_taxonomies_a_primary" (values: impl IntoIterator<Item = impl AsRef<str>>);
    /// Categories to exclude.
    list exclude_ai_taxonomies_a "exclude_ai_taxonomies_a" (values: impl IntoIterator<Item = impl AsRef<str>>);
    /// Rows with visa sponsorship (observed once).
    value ai_visa_sponsorship "ai_visa_sponsorship" (only: Only);
    /// Only rows with a salary, from the ad or from the model.
    flag has_salary "has_salary";
    /// Adds the description to each row. Without it rows have no description.
    value description_format "description_format" (format: DescriptionFormat);
    /// Employers by a boolean expression. Cannot be combined with `organization`.
    expression organization_advanced "organization_advanced" (expression: Expression);
}}

params! { ActiveAtsRequest ModifiedAtsRequest => {
    /// Adds the employer's details from LinkedIn and Crunchbase, at no extra credits (vendor page). One client reports
    /// that the modified feed refuses it.
    flag include_basic_organization_details "include_basic_organization_details";
    /// At least this total funding of the employer, in USD (observed once).
    value organization_funding_gte "organization_funding_gte" (number: u64);
    /// Less than this total funding of the employer, in USD.
    value organization_funding_lt "organization_funding_lt" (number: u64);
}}

params! { ActiveAtsRequest ModifiedAtsRequest ActiveAtsCountRequest => {
    /// Employers by internet domain (observed; one vendor page calls the parameter `organization_domain`).
    list domain "domain" (values: impl IntoIterator<Item = impl AsRef<str>>);
    /// Domains to exclude.
    list exclude_domain "exclude_domain" (values: impl IntoIterator<Item = impl AsRef<str>>);
}}

params! { ActiveJbRequest ActiveJbCountRequest => {
    /// Seniority levels by LinkedIn's names: `Internship`, `Entry level`, `Mid-Senior level`, `Director` (observed).
    list seniority "seniority" (values: impl IntoIterator<Item = impl AsRef<str>>);
    /// Excludes rows that are marked as also in the ATS feed; approximate (vendor page).
    flag exclude_ats_duplicate "exclude_ats_duplicate";
}}

params! { ActiveJbRequest => {
    /// The kind of employment as the source writes it (only its existence is observed).
    text employment_type "employment_type";
    /// Rows with an application form on the job board itself (observed once).
    value direct_apply "direct_apply" (only: Only);
    /// Omits the recruiter's personal data (observed).
    flag exclude_recruiter_fields "exclude_recruiter_fields";
}}

params! { ModifiedAtsRequest => {
    /// Edited at or after this instant.
    time date_modified_gte "date_modified_gte" (at: Timestamp);
    /// Edited before this instant.
    time date_modified_lt "date_modified_lt" (at: Timestamp);
}}

/// Declares the methods of the feeds other than filters.
macro_rules! rows {
    ($($request:ident)+) => {$(
        impl $request {
            /// Rows on a page, 1 to 1000. Default 1000.
            pub fn page_size(self, rows: u32) -> Self {
                self.with(|endpoint| {
                    if !(1..=MAX_LIMIT).contains(&rows) {
                        endpoint.query.refuse("page_size", &rows.to_string(), "1 to 1000");
                    }
                    endpoint.limit = rows.clamp(1, MAX_LIMIT);
                })
            }

            /// Pages by offset and skips this many rows. The default for `1h`, `24h` and `7d`; with `6m` it is
            /// inefficient on the server (vendor page). A saved cursor by offset is refused when the window has moved:
            /// from the next clock hour on for `1h` and `24h`, in any other request for the rest.
            pub fn offset(self, rows: u64) -> Self {
                self.with(|endpoint| endpoint.set_offset(rows))
            }

            /// Pages by cursor, from the rows after this id on; 1 is the first page. The order is then by id. The
            /// default for `6m` and for the modified feed; not documented for other windows.
            pub fn cursor(self, id: u64) -> Self {
                self.with(|endpoint| endpoint.set_cursor(id))
            }

            /// A page with fewer rows than requested is the last one, as in the vendor's guide. It saves one request, and
            /// is too early if the server sends smaller pages than requested. The default is to read until an empty
            /// page, which costs no job credit.
            pub fn until_short_page(self) -> Self {
                self.with(|endpoint| endpoint.until_empty = false)
            }
        }
    )+};
}
rows!(ActiveAtsRequest ActiveJbRequest ModifiedAtsRequest);

params! { ActiveAtsRequest ActiveJbRequest => {
    /// The window. Required, except by the syncs.
    value time_frame "time_frame" (frame: TimeFrame);
}}

params! { ActiveAtsCountRequest ActiveJbCountRequest => {
    /// The window. The server's default is [`CountFrame::Month`].
    value time_frame "time_frame" (frame: CountFrame);
}}

macro_rules! counts {
    ($($request:ident)+) => {$(
        impl $request {
            /// Requests the count.
            ///
            /// # Errors
            /// Those of `send`.
            pub async fn count(self) -> Result<u64> {
                let page = self.send().await?;
                Ok(page.items.first().map_or(0, |count| count.count))
            }
        }
    )+};
}
counts!(ActiveAtsCountRequest ActiveJbCountRequest);
