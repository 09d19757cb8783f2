//! The typed requests of Fantastic.jobs: each takes the parameters of its endpoint, and only those. A parameter that an
//! endpoint does not take is a 400 (observed).

use jiff::Timestamp;

use super::endpoint::{EndpointSpec, ListEndpoint, PageBy};
use super::frames::{CountFrame, DescriptionFormat, Only, TimeFrame};
use super::models::{ActiveAtsJob, ActiveJbJob, Count, ModifiedAtsJob, Organization};
use super::query::{self, MAX_LIMIT, utc};
use super::search::{Expression, Search};
use crate::error::Result;
use crate::listing::list_request;

/// Declares an endpoint, its request, and the parameters that all endpoints take.
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

        /// What all endpoints of Fantastic.jobs take.
        impl $request {
            /// Another path below the base URL, for endpoints whose name is not certain.
            pub fn path(self, path: &str) -> Self {
                self.with(|endpoint| path.clone_into(&mut endpoint.path))
            }

            /// A parameter that has no method, sent as it is. The server answers 400 to one that the endpoint does not take.
            #[allow(clippy::needless_pass_by_value)]
            pub fn param(self, name: &str, value: impl ToString) -> Self {
                self.with(|endpoint| {
                    if matches!(name, "limit" | "offset" | "cursor" | "time_frame" | "apiKey") {
                        let rule = "the method of that parameter; a key is given to the client";
                        endpoint.query.refuse("parameter", name, rule);
                    }
                    endpoint.query.set(name, value.to_string());
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

/// Declares parameter methods for each of some endpoints.
macro_rules! params {
    ($($request:ident)+ => $methods:tt) => {
        $(params!(@one $request $methods);)+
    };
    (@one $request:ident { $($(#[$doc:meta])* $form:ident $method:ident $name:literal;)* }) => {
        impl $request {
            $(params!(@method [$(#[$doc])*] $form $method $name);)*
        }
    };
    (@method [$($doc:tt)*] list $method:ident $name:literal) => {
        $($doc)*
        pub fn $method<S: AsRef<str>>(self, values: impl IntoIterator<Item = S>) -> Self {
            self.with(|endpoint| query::list(&mut endpoint.query, $name, values))
        }
    };
    (@method [$($doc:tt)*] text $method:ident $name:literal) => {
        $($doc)*
        pub fn $method(self, value: &str) -> Self {
            self.with(|endpoint| endpoint.query.text($name, value))
        }
    };
    (@method [$($doc:tt)*] search $method:ident $name:literal) => {
        $($doc)*
        pub fn $method(self, search: impl Into<Search>) -> Self {
            self.with(|endpoint| query::search(&mut endpoint.query, $name, &search.into()))
        }
    };
    (@method [$($doc:tt)*] time $method:ident $name:literal) => {
        $($doc)*
        pub fn $method(self, at: Timestamp) -> Self {
            self.with(|endpoint| endpoint.query.set($name, utc(at)))
        }
    };
    (@method [$($doc:tt)*] number $method:ident $name:literal) => {
        $($doc)*
        pub fn $method(self, number: u64) -> Self {
            self.with(|endpoint| endpoint.query.set($name, number))
        }
    };
    (@method [$($doc:tt)*] only $method:ident $name:literal) => {
        $($doc)*
        pub fn $method(self, only: Only) -> Self {
            self.with(|endpoint| endpoint.query.set($name, only))
        }
    };
    (@method [$($doc:tt)*] flag $method:ident $name:literal) => {
        $($doc)*
        pub fn $method(self) -> Self {
            self.with(|endpoint| endpoint.query.set($name, true))
        }
    };
}

// The feeds, and their counts.
params! { ActiveAtsRequest ActiveJbRequest ModifiedAtsRequest ActiveAtsCountRequest ActiveJbCountRequest => {
    /// Searches titles.
    search title "title";
    /// Searches titles and descriptions. Not over `6m`, except on the ATS feeds, where it is slow (vendor page).
    search description "description";
    /// Searches places, which are written "City, Region, Country" in full English names: `United States`, not `US`
    /// (observed).
    search location "location";
    /// Employers by their exact name, as the source spells it, capitals included (observed). Excludes
    /// `organization_advanced`.
    list organization "organization";
    /// Industries by LinkedIn's names, capitals included. Rows without one do not match (observed).
    list organization_industry "organization_industry";
    /// Industries to leave out. Rows without one go as well (observed).
    list exclude_organization_industry "exclude_organization_industry";
    /// Employees, at least. Rows without a number do not match: all of Wellfound and Y Combinator (observed).
    number organization_headcount_gte "organization_headcount_gte";
    /// Employees, fewer than.
    number organization_headcount_lt "organization_headcount_lt";
    /// Recruitment agencies.
    only organization_agency "organization_agency";
    /// Kinds of employment, such as `FULL_TIME`; a row with any of them matches (vendor page of the older API).
    list ai_employment_type "ai_employment_type";
    /// Categories, such as `Data & Analytics`; a row with any of them matches.
    list ai_taxonomies_a "ai_taxonomies_a";
    /// Posted at or after. The date of the ad, which may lie before or after its indexing.
    time date_posted_gte "date_posted_gte";
    /// Posted before.
    time date_posted_lt "date_posted_lt";
    /// Indexed at or after. Combined with the time frame by AND; neighbouring half-open intervals sum up exactly (observed).
    time date_created_gte "date_created_gte";
    /// Indexed before.
    time date_created_lt "date_created_lt";
}}

// The feeds.
params! { ActiveAtsRequest ActiveJbRequest ModifiedAtsRequest => {
    /// One row by its id (observed).
    number id "id";
    /// Adds the beta fields `classification_*` (observed; the effect is inferred).
    flag include_beta "include_beta";
    /// Only rows without a place; the exact meaning is unknown (observed once).
    flag has_no_location "has_no_location";
    /// Employers to leave out, by exact name.
    list exclude_organization "exclude_organization";
    /// Employers by LinkedIn slug, exact.
    list organization_slug "organization_slug";
    /// Employers to leave out, by LinkedIn slug.
    list exclude_organization_slug "exclude_organization_slug";
    /// Sources, such as `greenhouse` or `lever.co`.
    list source "source";
    /// Sources to leave out.
    list exclude_source "exclude_source";
    /// Sizes of employers in LinkedIn's bands, such as `2-10` or `501-1,000`.
    list organization_size "organization_size";
    /// Years of experience: `0-2`, `2-5`, `5-10`, `10+`.
    list ai_experience_level "ai_experience_level";
    /// `On-site`, `Hybrid`, `Remote OK`, `Remote Solely`. A model's guess, wrong on about one row in five (observed).
    list ai_work_arrangement "ai_work_arrangement";
    /// The language of the ad by name, such as `English` (observed).
    text ai_language "ai_language";
    /// Education; the values are unknown.
    list ai_education "ai_education";
    /// Categories, of which only a row's first one counts (vendor page of the older API).
    list ai_taxonomies_a_primary "ai_taxonomies_a_primary";
    /// Categories to leave out.
    list exclude_ai_taxonomies_a "exclude_ai_taxonomies_a";
    /// Whether a visa is sponsored (observed once).
    only ai_visa_sponsorship "ai_visa_sponsorship";
    /// Only rows with a salary, of the ad or of the model.
    flag has_salary "has_salary";
}}

params! { ActiveAtsRequest ModifiedAtsRequest => {
    /// Adds the employer's details from LinkedIn and Crunchbase, at no extra credit (vendor page). One client reports that
    /// the modified feed refuses it.
    flag include_basic_organization_details "include_basic_organization_details";
    /// Total funding of the employer in USD, at least (observed once).
    number organization_funding_gte "organization_funding_gte";
    /// Total funding of the employer in USD, less than.
    number organization_funding_lt "organization_funding_lt";
}}

params! { ActiveAtsRequest ModifiedAtsRequest ActiveAtsCountRequest => {
    /// Employers by internet domain (observed; one vendor page calls the parameter `organization_domain`).
    list domain "domain";
    /// Domains to leave out.
    list exclude_domain "exclude_domain";
}}

params! { ActiveJbRequest ActiveJbCountRequest => {
    /// Levels in LinkedIn's names: `Internship`, `Entry level`, `Mid-Senior level`, `Director` (observed).
    list seniority "seniority";
    /// Leaves out rows that are marked as being in the ATS feed too; approximate (vendor page).
    flag exclude_ats_duplicate "exclude_ats_duplicate";
}}

params! { ActiveJbRequest => {
    /// The kind of employment in the source's words (existence observed only).
    text employment_type "employment_type";
    /// Whether one applies inside the job board (observed once).
    only direct_apply "direct_apply";
    /// Leaves the recruiter's personal data out (observed).
    flag exclude_recruiter_fields "exclude_recruiter_fields";
}}

params! { ModifiedAtsRequest => {
    /// Edited at or after.
    time date_modified_gte "date_modified_gte";
    /// Edited before.
    time date_modified_lt "date_modified_lt";
}}

/// Declares what the listings by row take beside their filters.
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

            /// Pages by offset, from this many rows on. The default for `1h`, `24h` and `7d`; over `6m` it is inefficient
            /// on the server (vendor page). A kept position by offset is refused once the window has moved on: in the next
            /// clock hour for `1h` and `24h`, in another request for the rest.
            pub fn offset(self, rows: u64) -> Self {
                self.with(|endpoint| endpoint.set_offset(rows))
            }

            /// Pages by cursor, behind this id; 1 is the beginning. The order is then by id. The default for `6m` and for
            /// the modified feed; elsewhere it is not documented.
            pub fn cursor(self, id: u64) -> Self {
                self.with(|endpoint| endpoint.set_cursor(id))
            }

            /// Goes on until an empty page. By default a page with fewer rows than asked for is the last one (vendor page),
            /// which would end the walk too early on a server that gives smaller pages than asked for. Costs one more request and no
            /// job.
            pub fn until_empty(self) -> Self {
                self.with(|endpoint| endpoint.until_empty = true)
            }

            /// Adds the description to each row. Without it there is none.
            pub fn description_format(self, format: DescriptionFormat) -> Self {
                self.with(|endpoint| endpoint.query.set("description_format", format))
            }

            /// Employers by a boolean expression. Excludes `organization`.
            pub fn organization_advanced(self, expression: Expression) -> Self {
                self.with(|endpoint| {
                    let search = Search::from(expression);
                    if let Some(rule) = search.problem() {
                        endpoint.query.refuse("organization_advanced", search.text(), rule);
                    }
                    endpoint.query.set("organization_advanced", search.text());
                })
            }
        }
    )+};
}
rows!(ActiveAtsRequest ActiveJbRequest ModifiedAtsRequest);

macro_rules! active {
    ($($request:ident)+) => {$(
        impl $request {
            /// The window. Required, except by the syncs.
            pub fn time_frame(self, frame: TimeFrame) -> Self {
                self.with(|endpoint| endpoint.query.set("time_frame", frame))
            }
        }
    )+};
}
active!(ActiveAtsRequest ActiveJbRequest);

macro_rules! counts {
    ($($request:ident)+) => {$(
        impl $request {
            /// The window. The server's default is [`CountFrame::Month`].
            pub fn time_frame(self, frame: CountFrame) -> Self {
                self.with(|endpoint| endpoint.query.set("time_frame", frame))
            }

            /// Asks for the count.
            ///
            /// # Errors
            /// As `send`.
            pub async fn count(self) -> Result<u64> {
                let page = self.send().await?;
                Ok(page.items.first().map_or(0, |count| count.count))
            }
        }
    )+};
}
counts!(ActiveAtsCountRequest ActiveJbCountRequest);
