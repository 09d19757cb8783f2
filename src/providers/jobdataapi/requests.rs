//! The typed requests of jobdataapi.com: each takes the documented parameters of its endpoint, and only those.

use jiff::civil::Date;

use super::endpoint::{EndpointSpec, ListEndpoint};
use super::models::{
    City, Company, CompanyType, Country, CurrencyRate, ExperienceLevel, ExpiredJob, Industry, Job, JobType, Region,
    State, Tag,
};
use super::query::{self, CODE, COUNTRY, MAX_PAGE_SIZE, WINDOW};
use crate::listing::{list_request, params};

/// The server ignores keywords of `title` and `location` below this length, without an error (changelog, API 1.21).
const SHORTEST_KEYWORD: usize = 3;

/// Parameters that `param` refuses: each has its own method, or must not be sent.
const RESERVED: [&str; 3] = ["page", "page_size", "api_key"];

/// Declares an endpoint, its request, and the parameters that all listings take.
macro_rules! requests {
    ($($(#[$doc:meta])* $request:ident = $spec:ident($item:ty) at $path:literal named $name:literal key $key:literal, array $array:literal;)*) => {$(
        pub(super) const $spec: EndpointSpec =
            EndpointSpec { name: concat!("jobdataapi/", $name), path: $path, key: $key, may_be_array: $array };

        list_request! {
            $(#[$doc])*
            $request = ListEndpoint => $item;
        }

        /// Parameters of all listings of jobdataapi.com.
        impl $request {
            /// Records on a page, 1 to 5000 (vendor page). Default 1000 with a key; without a key, and in lists for which
            /// it is not documented, the server decides. Setting it without a key is an error. If the server returns fewer, the walk advances by the rows returned.
            pub fn page_size(self, size: u32) -> Self {
                let anonymous = self.list.client.is_anonymous();
                self.with(|endpoint| endpoint.set_page_size(size, anonymous))
            }

            /// The page to start at; the first is 1. The rows before it count as read.
            pub fn page(self, number: u64) -> Self {
                self.with(|endpoint| endpoint.set_first_page(number))
            }

            /// A parameter whose name is not documented, such as the filters that the vendor's changelog announces. It
            /// is sent unchanged.
            #[allow(clippy::needless_pass_by_value)]
            pub fn param(self, name: &str, value: impl ToString) -> Self {
                self.with(|endpoint| {
                    if RESERVED.contains(&name) || (endpoint.spec.name == JOBS.name && WINDOW.contains(&name)) {
                        let rule = "a parameter without a method of its own; the API key is set on the client";
                        endpoint.query.refuse("parameter", name, rule);
                    }
                    endpoint.query.set(name, value.to_string());
                })
            }
        }
    )*};
}

requests! {
    /// `GET /api/jobs/`.
    JobsRequest = JOBS(Job) at "jobs/" named "jobs" key "id", array false;
    /// `GET /api/jobsexpired/`.
    ExpiredJobsRequest = EXPIRED_JOBS(ExpiredJob) at "jobsexpired/" named "expired-jobs" key "id", array false;
    /// `GET /api/companies/`.
    CompaniesRequest = COMPANIES(Company) at "companies/" named "companies" key "id", array false;
    /// `GET /api/tags/`.
    TagsRequest = TAGS(Tag) at "tags/" named "tags" key "id", array false;
    /// `GET /api/jobcities/`.
    CitiesRequest = CITIES(City) at "jobcities/" named "cities" key "geonameid", array false;
    /// `GET /api/jobstates/`.
    StatesRequest = STATES(State) at "jobstates/" named "states" key "geonameid", array false;
    /// `GET /api/jobcountries/`.
    CountriesRequest = COUNTRIES(Country) at "jobcountries/" named "countries" key "id", array true;
    /// `GET /api/jobregions/`.
    RegionsRequest = REGIONS(Region) at "jobregions/" named "regions" key "id", array true;
    /// `GET /api/jobtypes/`.
    JobTypesRequest = JOB_TYPES(JobType) at "jobtypes/" named "job-types" key "id", array true;
    /// `GET /api/industries/`.
    IndustriesRequest = INDUSTRIES(Industry) at "industries/" named "industries" key "id", array true;
    /// `GET /api/companytypes/`.
    CompanyTypesRequest = COMPANY_TYPES(CompanyType) at "companytypes/" named "company-types" key "id", array true;
    /// `GET /api/currencyrates/`.
    CurrencyRatesRequest = CURRENCY_RATES(CurrencyRate) at "currencyrates/" named "currency-rates" key "date", array false;
}

/// Parameters of all listings.
impl ListEndpoint {
    fn set_page_size(&mut self, size: u32, anonymous: bool) {
        if !(1..=MAX_PAGE_SIZE).contains(&size) {
            self.query.refuse("page_size", &size.to_string(), "1 to 5000");
        } else if anonymous {
            let rule = "a client with an API key: the page size of anonymous calls is fixed";
            self.query.refuse("page_size", &size.to_string(), rule);
        }
        self.page_size = Some(size);
    }

    fn set_first_page(&mut self, number: u64) {
        if number == 0 {
            self.query.refuse("page", "0", "1 or more");
        }
        self.first_page = number.max(1);
    }
}

params! {
    /// Parameters of the jobs listing.
    ///
    /// A row matches when it has any of the values of a method, and is excluded when it has any of the values of an
    /// `exclude_` method. At most 50 ids or codes in one parameter (vendor page "Multi-value parameters").
    JobsRequest => {
    /// Keywords in the title, of 3 or more characters each; any of them matches.
    keywords title "title" (keywords: impl IntoIterator<Item = impl AsRef<str>>, true, SHORTEST_KEYWORD);
    /// Keywords that must not be in the title.
    keywords exclude_title "title" (keywords: impl IntoIterator<Item = impl AsRef<str>>, false, SHORTEST_KEYWORD);
    /// Keywords in the location text, of 3 or more characters each; any of them matches.
    keywords location "location" (keywords: impl IntoIterator<Item = impl AsRef<str>>, true, SHORTEST_KEYWORD);
    /// Keywords that must not be in the location text.
    keywords exclude_location "location" (keywords: impl IntoIterator<Item = impl AsRef<str>>, false, SHORTEST_KEYWORD);
    /// Full-text search in the description: all words, `"a phrase"`, `or`, `-not`. Plan pro or better.
    text description "description";
    /// Countries, ISO 3166-1 codes of two letters.
    codes country_codes "country_code" (codes: impl IntoIterator<Item = impl AsRef<str>>, true, COUNTRY);
    /// Countries to exclude.
    codes exclude_country_codes "country_code" (codes: impl IntoIterator<Item = impl AsRef<str>>, false, COUNTRY);
    /// States by code. A code is not unique across countries, so a country is required too.
    codes state_codes "state_code" (codes: impl IntoIterator<Item = impl AsRef<str>>, true, CODE);
    /// States to exclude.
    codes exclude_state_codes "state_code" (codes: impl IntoIterator<Item = impl AsRef<str>>, false, CODE);
    /// States by GeoNames id (inferred).
    ids state_ids "state_id" (ids: impl IntoIterator<Item = u64>, true);
    /// States to exclude, by GeoNames id (inferred).
    ids exclude_state_ids "state_id" (ids: impl IntoIterator<Item = u64>, false);
    /// The name of a city.
    text city_name "city_name";
    /// Regions by id. The vendor's guide recommends groups of countries instead.
    ids region_ids "region_id" (ids: impl IntoIterator<Item = u64>, true);
    /// Regions to exclude (inferred: that the parameter takes several values and exclusions is not documented).
    ids exclude_region_ids "region_id" (ids: impl IntoIterator<Item = u64>, false);
    /// Employment types by id.
    ids type_ids "type_id" (ids: impl IntoIterator<Item = u64>, true);
    /// Employment types to exclude.
    ids exclude_type_ids "type_id" (ids: impl IntoIterator<Item = u64>, false);
    /// Companies by id.
    ids company_ids "company_id" (ids: impl IntoIterator<Item = u64>, true);
    /// Companies to exclude.
    ids exclude_company_ids "company_id" (ids: impl IntoIterator<Item = u64>, false);
    /// Keywords in the company's name.
    keywords company_name "company_name" (keywords: impl IntoIterator<Item = impl AsRef<str>>, true, 1);
    /// Keywords that must not be in the company's name.
    keywords exclude_company_name "company_name" (keywords: impl IntoIterator<Item = impl AsRef<str>>, false, 1);
    /// Keywords in the company's specialties.
    keywords company_specialty "company_specialty" (keywords: impl IntoIterator<Item = impl AsRef<str>>, true, 1);
    /// Keywords that must not be in the company's specialties.
    keywords exclude_company_specialty "company_specialty" (keywords: impl IntoIterator<Item = impl AsRef<str>>, false, 1);
    /// Applicant tracking systems and other sources by id, since API 1.17.1. Plan pro or better.
    ids company_source_ids "company_source_id" (ids: impl IntoIterator<Item = u64>, true);
    /// Sources to exclude.
    ids exclude_company_source_ids "company_source_id" (ids: impl IntoIterator<Item = u64>, false);
    /// Whether jobs of recruiting and staffing firms are included. The server's default excludes them (inferred).
    value include_agencies "include_agencies" (include: bool);
    /// The application link. One value since API 1.21.
    text application_url "application_url";
    /// The job's id at its source (announced in the changelog).
    text ext_id "ext_id";
    /// Only remote jobs (observed).
    flag has_remote "has_remote";
    /// The language of the job, ISO 639-1, such as `en` (observed).
    text language "language";
    /// Excludes expired jobs; without it the list may contain some (observed).
    flag exclude_expired "exclude_expired";
    /// The lowest salary (observed; its unit is not documented).
    value min_salary "min_salary" (amount: u64);
    /// Adds the description as plain text, in [`Job::description_string`] (observed).
    flag description_str "description_str";
    /// Jobs published on this day or later. Needs plan access or better, like all window parameters.
    value published_since "published_since" (day: Date);
    /// Jobs published on this day or earlier.
    value published_until "published_until" (day: Date);
    /// Jobs with this id or a higher one.
    value min_id "min_id" (id: u64);
    /// Jobs with this id or a lower one.
    value max_id "max_id" (id: u64);
    /// Jobs at least this many days old.
    value min_age "min_age" (days: u32);
    /// Semantic search. **The vendor sends this text to an embedding service** (vendor page), so it must not contain
    /// personal data.
    text vec_text "vec_text";
    /// Adds the stored embedding to each job (vendor page). Its field is not documented: see [`Job::extra`].
    flag embed_3sh "embed_3sh";
}}

impl JobsRequest {
    /// The level of experience (observed).
    pub fn experience_level(self, level: &ExperienceLevel) -> Self {
        self.with(|endpoint| endpoint.query.text("experience_level", level.as_str()))
    }

    /// Jobs at most this many days old, 1 or more. For no limit use [`JobsRequest::all_ages`].
    pub fn max_age(self, days: u32) -> Self {
        self.with(|endpoint| {
            if days == 0 {
                // The server reads 0 as "no limit".
                endpoint.query.refuse("max_age", "0", "1 or more days, or `all_ages()`");
            }
            endpoint.query.set("max_age", days);
        })
    }

    /// Jobs of all ages: switches off the server's window of 90 days (`max_age=off`, vendor page).
    pub fn all_ages(self) -> Self {
        self.with(|endpoint| endpoint.query.set("max_age", "off"))
    }
}

params! {
    /// Parameters of the expired jobs listing (vendor page and changelog).
    ExpiredJobsRequest => {
    /// Countries, ISO 3166-1 codes of two letters.
    codes country_codes "country_code" (codes: impl IntoIterator<Item = impl AsRef<str>>, true, COUNTRY);
    /// Countries to exclude.
    codes exclude_country_codes "country_code" (codes: impl IntoIterator<Item = impl AsRef<str>>, false, COUNTRY);
    /// Expired on this day or later.
    value expired_since "expired_since" (day: Date);
    /// Expired on this day or earlier.
    value expired_until "expired_until" (day: Date);
    /// The application link, one value.
    text application_url "application_url";
    /// Companies by id, since API 1.17.1.
    ids company_ids "company_id" (ids: impl IntoIterator<Item = u64>, true);
    /// Companies to exclude.
    ids exclude_company_ids "company_id" (ids: impl IntoIterator<Item = u64>, false);
    /// Applicant tracking systems and other sources by id, since API 1.17.1.
    ids company_source_ids "company_source_id" (ids: impl IntoIterator<Item = u64>, true);
    /// Sources to exclude.
    ids exclude_company_source_ids "company_source_id" (ids: impl IntoIterator<Item = u64>, false);
}}

params! {
    /// Parameters of the companies listing.
    CompaniesRequest => {
    /// The industry by id.
    value industry_id "industry_id" (id: u64);
    /// Minimum number of employees.
    value min_size "min_size" (employees: u64);
    /// Maximum number of employees.
    value max_size "max_size" (employees: u64);
    /// Keywords in the specialties.
    keywords company_specialty "company_specialty" (keywords: impl IntoIterator<Item = impl AsRef<str>>, true, 1);
    /// Keywords that must not be in the specialties.
    keywords exclude_company_specialty "company_specialty" (keywords: impl IntoIterator<Item = impl AsRef<str>>, false, 1);
    /// Keywords in the name (the parameter's name is inferred).
    keywords company_name "company_name" (keywords: impl IntoIterator<Item = impl AsRef<str>>, true, 1);
    /// Keywords that must not be in the name (the parameter's name is inferred).
    keywords exclude_company_name "company_name" (keywords: impl IntoIterator<Item = impl AsRef<str>>, false, 1);
    /// Applicant tracking systems and other sources by id, since API 1.17.1.
    ids source_ids "source_id" (ids: impl IntoIterator<Item = u64>, true);
    /// Sources to exclude.
    ids exclude_source_ids "source_id" (ids: impl IntoIterator<Item = u64>, false);
}}

params! {
    /// Parameters of the tags listing (vendor page).
    TagsRequest => {
    /// Keywords in the name; upper and lower case are equal.
    keywords name "name" (keywords: impl IntoIterator<Item = impl AsRef<str>>, true, 1);
    /// Keywords that must not be in the name.
    keywords exclude_name "name" (keywords: impl IntoIterator<Item = impl AsRef<str>>, false, 1);
    /// Direct parents by id.
    ids parent_ids "parent_id" (ids: impl IntoIterator<Item = u64>, true);
    /// Direct parents to exclude.
    ids exclude_parent_ids "parent_id" (ids: impl IntoIterator<Item = u64>, false);
    /// Minimum number of jobs with the tag.
    value min_jobs "min_jobs" (jobs: u64);
    /// Maximum number of jobs with the tag.
    value max_jobs "max_jobs" (jobs: u64);
    /// Minimum number of child tags.
    value min_children "min_children" (children: u64);
    /// Maximum number of child tags.
    value max_children "max_children" (children: u64);
}}

impl TagsRequest {
    /// Levels of the taxonomy, 1 (broad) to 3 (detailed).
    pub fn levels(self, levels: impl IntoIterator<Item = u64>) -> Self {
        self.with_levels(levels, true)
    }

    /// Levels of the taxonomy to exclude.
    pub fn exclude_levels(self, levels: impl IntoIterator<Item = u64>) -> Self {
        self.with_levels(levels, false)
    }

    fn with_levels(self, levels: impl IntoIterator<Item = u64>, include: bool) -> Self {
        let levels: Vec<u64> = levels.into_iter().collect();
        self.with(|endpoint| {
            if let Some(level) = levels.iter().find(|level| !(1..=3).contains(*level)) {
                endpoint.query.refuse("tag_type", &level.to_string(), "levels 1 to 3");
            }
            query::ids(&mut endpoint.query, "tag_type", levels, include);
        })
    }
}

params! {
    /// Parameters of the cities listing (vendor page).
    CitiesRequest => {
    /// The country by id.
    value country_id "country_id" (id: u64);
    /// The country by ISO 3166-1 code.
    code country_code "country_code" (code: &str, COUNTRY);
    /// The state by id.
    value state_id "state_id" (id: u64);
    /// The state by code; needs a country.
    code state_code "state_code" (code: &str, CODE);
}}

params! {
    /// Parameters of the states listing (vendor page).
    StatesRequest => {
    /// The country by id.
    value country_id "country_id" (id: u64);
    /// The country by ISO 3166-1 code.
    code country_code "country_code" (code: &str, COUNTRY);
    /// The state code; needs a country.
    code code "code" (code: &str, CODE);
    /// The name in ASCII.
    text asciiname "asciiname";
    /// The name.
    text name "name";
}}

params! {
    /// Parameters of the currency rates listing (vendor page).
    CurrencyRatesRequest => {
    /// The rates of one day.
    value date "date" (day: Date);
    /// Rates of this day or later.
    value date_from "date_from" (day: Date);
    /// Rates of this day or earlier.
    value date_to "date_to" (day: Date);
}}
