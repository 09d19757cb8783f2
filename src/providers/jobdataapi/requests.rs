//! The typed requests of jobdataapi.com: each takes the documented parameters of its endpoint, and only those.

use jiff::civil::Date;

use super::endpoint::{EndpointSpec, ListEndpoint};
use super::models::{
    City, Company, CompanyType, Country, CurrencyRate, ExperienceLevel, ExpiredJob, Industry, Job, JobType, Region,
    State, Tag,
};
use super::query::{self, CODE, COUNTRY, MAX_PAGE_SIZE};
use crate::listing::list_request;

/// Keywords of `title` and `location` below this length are ignored by the server without an error (changelog, API 1.21).
const SHORTEST_KEYWORD: usize = 3;

/// Parameters that have a method of their own, or that must not be sent.
const NOT_FREE: [&str; 9] =
    ["page", "page_size", "api_key", "published_since", "published_until", "min_id", "max_id", "min_age", "max_age"];

/// Declares an endpoint, its request, and the parameters that all listings take.
macro_rules! requests {
    ($($(#[$doc:meta])* $request:ident = $spec:ident($item:ty) at $path:literal named $name:literal key $key:literal, bare $bare:literal;)*) => {$(
        pub(super) const $spec: EndpointSpec =
            EndpointSpec { name: concat!("jobdataapi/", $name), path: $path, key: $key, bare: $bare };

        list_request! {
            $(#[$doc])*
            $request = ListEndpoint => $item;
        }

        /// What all listings of jobdataapi.com take.
        impl $request {
            /// Records on a page, 1 to 5000 (vendor page). Default 1000 with a key; without a key the server decides, and this
            /// is an error. When a server gives fewer, the walk advances by the rows that it gives.
            pub fn page_size(self, size: u32) -> Self {
                let anonymous = self.list.client.is_anonymous();
                self.with(|endpoint| endpoint.set_page_size(size, anonymous))
            }

            /// The page to start at, from 1. The rows before it count as read.
            pub fn page(self, number: u64) -> Self {
                self.with(|endpoint| endpoint.set_first_page(number))
            }

            /// A parameter whose name is not documented, such as the filters that the vendor's changelog announces. It is
            /// sent as it is.
            #[allow(clippy::needless_pass_by_value)]
            pub fn param(self, name: &str, value: impl ToString) -> Self {
                self.with(|endpoint| {
                    if NOT_FREE.contains(&name) {
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
    /// `GET /api/jobs/`.
    JobsRequest = JOBS(Job) at "jobs/" named "jobs" key "id", bare false;
    /// `GET /api/jobsexpired/`.
    ExpiredJobsRequest = EXPIRED_JOBS(ExpiredJob) at "jobsexpired/" named "expired-jobs" key "id", bare false;
    /// `GET /api/companies/`.
    CompaniesRequest = COMPANIES(Company) at "companies/" named "companies" key "id", bare false;
    /// `GET /api/tags/`.
    TagsRequest = TAGS(Tag) at "tags/" named "tags" key "id", bare false;
    /// `GET /api/jobcities/`.
    CitiesRequest = CITIES(City) at "jobcities/" named "cities" key "geonameid", bare false;
    /// `GET /api/jobstates/`.
    StatesRequest = STATES(State) at "jobstates/" named "states" key "geonameid", bare false;
    /// `GET /api/jobcountries/`.
    CountriesRequest = COUNTRIES(Country) at "jobcountries/" named "countries" key "id", bare true;
    /// `GET /api/jobregions/`.
    RegionsRequest = REGIONS(Region) at "jobregions/" named "regions" key "id", bare true;
    /// `GET /api/jobtypes/`.
    JobTypesRequest = JOB_TYPES(JobType) at "jobtypes/" named "job-types" key "id", bare true;
    /// `GET /api/industries/`.
    IndustriesRequest = INDUSTRIES(Industry) at "industries/" named "industries" key "id", bare true;
    /// `GET /api/companytypes/`.
    CompanyTypesRequest = COMPANY_TYPES(CompanyType) at "companytypes/" named "company-types" key "id", bare true;
    /// `GET /api/currencyrates/`.
    CurrencyRatesRequest = CURRENCY_RATES(CurrencyRate) at "currencyrates/" named "currency-rates" key "date", bare false;
}

/// The forms of parameters.
impl ListEndpoint {
    fn set_page_size(&mut self, size: u32, anonymous: bool) {
        if !(1..=MAX_PAGE_SIZE).contains(&size) {
            self.query.refuse("page_size", &size.to_string(), "1 to 5000");
        } else if anonymous {
            let rule = "a client with an API key; anonymous pages are fixed";
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

/// Parameters of the jobs listing.
///
/// Values given to one method are alternatives; the `exclude_` method of a parameter disqualifies a row that has any of
/// its values. At most 50 ids or codes go into one parameter (vendor page "Multi-value parameters").
impl JobsRequest {
    /// Words in the title, of 3 or more characters each; any of them matches.
    pub fn title<S: AsRef<str>>(self, keywords: impl IntoIterator<Item = S>) -> Self {
        self.with(|endpoint| query::keywords(&mut endpoint.query, "title", true, SHORTEST_KEYWORD, keywords))
    }

    /// Words that must not be in the title.
    pub fn exclude_title<S: AsRef<str>>(self, keywords: impl IntoIterator<Item = S>) -> Self {
        self.with(|endpoint| query::keywords(&mut endpoint.query, "title", false, SHORTEST_KEYWORD, keywords))
    }

    /// Words in the location text, of 3 or more characters each; any of them matches.
    pub fn location<S: AsRef<str>>(self, keywords: impl IntoIterator<Item = S>) -> Self {
        self.with(|endpoint| query::keywords(&mut endpoint.query, "location", true, SHORTEST_KEYWORD, keywords))
    }

    /// Words that must not be in the location text.
    pub fn exclude_location<S: AsRef<str>>(self, keywords: impl IntoIterator<Item = S>) -> Self {
        self.with(|endpoint| query::keywords(&mut endpoint.query, "location", false, SHORTEST_KEYWORD, keywords))
    }

    /// Full-text search in the description: words are all required, `"a phrase"`, `or`, `-not`. Plan pro or better.
    pub fn description(self, search: &str) -> Self {
        self.with(|endpoint| endpoint.query.text("description", search))
    }

    /// Countries, ISO 3166-1 codes of two letters.
    pub fn country_codes<S: AsRef<str>>(self, codes: impl IntoIterator<Item = S>) -> Self {
        self.with(|endpoint| query::codes(&mut endpoint.query, "country_code", true, codes, COUNTRY))
    }

    /// Countries to leave out.
    pub fn exclude_country_codes<S: AsRef<str>>(self, codes: impl IntoIterator<Item = S>) -> Self {
        self.with(|endpoint| query::codes(&mut endpoint.query, "country_code", false, codes, COUNTRY))
    }

    /// States by code. Codes are not unique over countries, so a country is required beside them.
    pub fn state_codes<S: AsRef<str>>(self, codes: impl IntoIterator<Item = S>) -> Self {
        self.with(|endpoint| query::codes(&mut endpoint.query, "state_code", true, codes, CODE))
    }

    /// States to leave out.
    pub fn exclude_state_codes<S: AsRef<str>>(self, codes: impl IntoIterator<Item = S>) -> Self {
        self.with(|endpoint| query::codes(&mut endpoint.query, "state_code", false, codes, CODE))
    }

    /// States by GeoNames id (inferred).
    pub fn state_ids(self, ids: impl IntoIterator<Item = u64>) -> Self {
        self.with(|endpoint| query::ids(&mut endpoint.query, "state_id", true, ids))
    }

    /// The name of a city.
    pub fn city_name(self, name: &str) -> Self {
        self.with(|endpoint| endpoint.query.text("city_name", name))
    }

    /// Regions by id. The vendor's guide prefers buckets of countries.
    pub fn region_ids(self, ids: impl IntoIterator<Item = u64>) -> Self {
        self.with(|endpoint| query::ids(&mut endpoint.query, "region_id", true, ids))
    }

    /// Employment types by id.
    pub fn type_ids(self, ids: impl IntoIterator<Item = u64>) -> Self {
        self.with(|endpoint| query::ids(&mut endpoint.query, "type_id", true, ids))
    }

    /// Employment types to leave out.
    pub fn exclude_type_ids(self, ids: impl IntoIterator<Item = u64>) -> Self {
        self.with(|endpoint| query::ids(&mut endpoint.query, "type_id", false, ids))
    }

    /// Companies by id.
    pub fn company_ids(self, ids: impl IntoIterator<Item = u64>) -> Self {
        self.with(|endpoint| query::ids(&mut endpoint.query, "company_id", true, ids))
    }

    /// Companies to leave out.
    pub fn exclude_company_ids(self, ids: impl IntoIterator<Item = u64>) -> Self {
        self.with(|endpoint| query::ids(&mut endpoint.query, "company_id", false, ids))
    }

    /// Words in the company's name.
    pub fn company_name<S: AsRef<str>>(self, keywords: impl IntoIterator<Item = S>) -> Self {
        self.with(|endpoint| query::keywords(&mut endpoint.query, "company_name", true, 1, keywords))
    }

    /// Words that must not be in the company's name.
    pub fn exclude_company_name<S: AsRef<str>>(self, keywords: impl IntoIterator<Item = S>) -> Self {
        self.with(|endpoint| query::keywords(&mut endpoint.query, "company_name", false, 1, keywords))
    }

    /// Words in the company's specialties.
    pub fn company_specialty<S: AsRef<str>>(self, keywords: impl IntoIterator<Item = S>) -> Self {
        self.with(|endpoint| query::keywords(&mut endpoint.query, "company_specialty", true, 1, keywords))
    }

    /// Applicant tracking systems and other sources by id, since API 1.17.1. Plan pro or better.
    pub fn company_source_ids(self, ids: impl IntoIterator<Item = u64>) -> Self {
        self.with(|endpoint| query::ids(&mut endpoint.query, "company_source_id", true, ids))
    }

    /// Sources to leave out.
    pub fn exclude_company_source_ids(self, ids: impl IntoIterator<Item = u64>) -> Self {
        self.with(|endpoint| query::ids(&mut endpoint.query, "company_source_id", false, ids))
    }

    /// Whether postings of recruiting and staffing firms are in the list. The server's default leaves them out (inferred).
    pub fn include_agencies(self, include: bool) -> Self {
        self.with(|endpoint| endpoint.query.set("include_agencies", include))
    }

    /// The application link. One value since API 1.21.
    pub fn application_url(self, url: &str) -> Self {
        self.with(|endpoint| endpoint.query.text("application_url", url))
    }

    /// The posting's id at its source (announced in the changelog).
    pub fn ext_id(self, id: &str) -> Self {
        self.with(|endpoint| endpoint.query.text("ext_id", id))
    }

    /// Only remote postings (observed).
    pub fn has_remote(self) -> Self {
        self.with(|endpoint| endpoint.query.set("has_remote", true))
    }

    /// The level of experience (observed).
    pub fn experience_level(self, level: &ExperienceLevel) -> Self {
        self.with(|endpoint| endpoint.query.text("experience_level", level.as_str()))
    }

    /// The language of the posting, ISO 639-1, such as `en` (observed).
    pub fn language(self, code: &str) -> Self {
        self.with(|endpoint| endpoint.query.text("language", code))
    }

    /// Leaves expired postings out; the default list may hold some (observed).
    pub fn exclude_expired(self) -> Self {
        self.with(|endpoint| endpoint.query.set("exclude_expired", true))
    }

    /// The lowest salary (observed; its unit is not documented).
    pub fn min_salary(self, amount: u64) -> Self {
        self.with(|endpoint| endpoint.query.set("min_salary", amount))
    }

    /// Adds the description as plain text, in [`Job::description_string`] (observed).
    pub fn description_str(self) -> Self {
        self.with(|endpoint| endpoint.query.set("description_str", true))
    }

    /// Postings published on this day or later. Needs plan access or better, like all window parameters.
    pub fn published_since(self, day: Date) -> Self {
        self.with(|endpoint| endpoint.query.set("published_since", day))
    }

    /// Postings published on this day or earlier.
    pub fn published_until(self, day: Date) -> Self {
        self.with(|endpoint| endpoint.query.set("published_until", day))
    }

    /// Postings with this id or a higher one.
    pub fn min_id(self, id: u64) -> Self {
        self.with(|endpoint| endpoint.query.set("min_id", id))
    }

    /// Postings with this id or a lower one.
    pub fn max_id(self, id: u64) -> Self {
        self.with(|endpoint| endpoint.query.set("max_id", id))
    }

    /// Postings at least this many days old.
    pub fn min_age(self, days: u32) -> Self {
        self.with(|endpoint| endpoint.query.set("min_age", days))
    }

    /// Postings at most this many days old, 1 or more. For no limit there is [`JobsRequest::all_ages`].
    pub fn max_age(self, days: u32) -> Self {
        self.with(|endpoint| {
            if days == 0 {
                // The server reads 0 as "no limit".
                endpoint.query.refuse("max_age", "0", "1 or more days, or `all_ages()`");
            }
            endpoint.query.set("max_age", &days);
        })
    }

    /// Postings of all ages: switches the server's window of 90 days off (`max_age=off`, vendor page).
    pub fn all_ages(self) -> Self {
        self.with(|endpoint| endpoint.query.set("max_age", "off"))
    }

    /// Semantic search. **The text leaves the vendor**: it is passed to an embedding service (vendor page), so it must not
    /// hold personal data.
    pub fn vec_text(self, text: &str) -> Self {
        self.with(|endpoint| endpoint.query.text("vec_text", text))
    }

    /// Adds the stored embedding to each posting (vendor page); its field is not documented, so it is in [`Job::extra`].
    pub fn embed_3sh(self) -> Self {
        self.with(|endpoint| endpoint.query.set("embed_3sh", true))
    }
}

/// Parameters of the expired jobs listing (vendor page and changelog).
impl ExpiredJobsRequest {
    /// Countries, ISO 3166-1 codes of two letters.
    pub fn country_codes<S: AsRef<str>>(self, codes: impl IntoIterator<Item = S>) -> Self {
        self.with(|endpoint| query::codes(&mut endpoint.query, "country_code", true, codes, COUNTRY))
    }

    /// Expired on this day or later.
    pub fn expired_since(self, day: Date) -> Self {
        self.with(|endpoint| endpoint.query.set("expired_since", day))
    }

    /// Expired on this day or earlier.
    pub fn expired_until(self, day: Date) -> Self {
        self.with(|endpoint| endpoint.query.set("expired_until", day))
    }

    /// The application link, one value.
    pub fn application_url(self, url: &str) -> Self {
        self.with(|endpoint| endpoint.query.text("application_url", url))
    }

    /// Companies by id, since API 1.17.1.
    pub fn company_ids(self, ids: impl IntoIterator<Item = u64>) -> Self {
        self.with(|endpoint| query::ids(&mut endpoint.query, "company_id", true, ids))
    }

    /// Applicant tracking systems and other sources by id, since API 1.17.1.
    pub fn company_source_ids(self, ids: impl IntoIterator<Item = u64>) -> Self {
        self.with(|endpoint| query::ids(&mut endpoint.query, "company_source_id", true, ids))
    }
}

/// Parameters of the companies listing.
impl CompaniesRequest {
    /// The industry by id.
    pub fn industry_id(self, id: u64) -> Self {
        self.with(|endpoint| endpoint.query.set("industry_id", id))
    }

    /// Employees, at least.
    pub fn min_size(self, employees: u64) -> Self {
        self.with(|endpoint| endpoint.query.set("min_size", employees))
    }

    /// Employees, at most.
    pub fn max_size(self, employees: u64) -> Self {
        self.with(|endpoint| endpoint.query.set("max_size", employees))
    }

    /// Words in the specialties.
    pub fn company_specialty<S: AsRef<str>>(self, keywords: impl IntoIterator<Item = S>) -> Self {
        self.with(|endpoint| query::keywords(&mut endpoint.query, "company_specialty", true, 1, keywords))
    }

    /// Words in the name (the parameter's name is inferred).
    pub fn company_name<S: AsRef<str>>(self, keywords: impl IntoIterator<Item = S>) -> Self {
        self.with(|endpoint| query::keywords(&mut endpoint.query, "company_name", true, 1, keywords))
    }

    /// Applicant tracking systems and other sources by id, since API 1.17.1.
    pub fn source_ids(self, ids: impl IntoIterator<Item = u64>) -> Self {
        self.with(|endpoint| query::ids(&mut endpoint.query, "source_id", true, ids))
    }
}

/// Parameters of the tags listing (vendor page).
impl TagsRequest {
    /// Levels of the taxonomy, 1 (broad) to 3 (detailed).
    pub fn levels(self, levels: impl IntoIterator<Item = u64>) -> Self {
        let levels: Vec<u64> = levels.into_iter().collect();
        self.with(|endpoint| {
            if let Some(level) = levels.iter().find(|level| !(1..=3).contains(*level)) {
                endpoint.query.refuse("tag_type", &level.to_string(), "levels 1 to 3");
            }
            query::ids(&mut endpoint.query, "tag_type", true, levels);
        })
    }

    /// Words in the name, whatever their case.
    pub fn name<S: AsRef<str>>(self, keywords: impl IntoIterator<Item = S>) -> Self {
        self.with(|endpoint| query::keywords(&mut endpoint.query, "name", true, 1, keywords))
    }

    /// Direct parents by id.
    pub fn parent_ids(self, ids: impl IntoIterator<Item = u64>) -> Self {
        self.with(|endpoint| query::ids(&mut endpoint.query, "parent_id", true, ids))
    }

    /// Jobs under the tag, at least.
    pub fn min_jobs(self, jobs: u64) -> Self {
        self.with(|endpoint| endpoint.query.set("min_jobs", jobs))
    }

    /// Jobs under the tag, at most.
    pub fn max_jobs(self, jobs: u64) -> Self {
        self.with(|endpoint| endpoint.query.set("max_jobs", jobs))
    }

    /// Children of the tag, at least.
    pub fn min_children(self, children: u64) -> Self {
        self.with(|endpoint| endpoint.query.set("min_children", children))
    }

    /// Children of the tag, at most.
    pub fn max_children(self, children: u64) -> Self {
        self.with(|endpoint| endpoint.query.set("max_children", children))
    }
}

/// Parameters of the cities listing (vendor page).
impl CitiesRequest {
    /// The country by id.
    pub fn country_id(self, id: u64) -> Self {
        self.with(|endpoint| endpoint.query.set("country_id", id))
    }

    /// The country by ISO 3166-1 code.
    pub fn country_code(self, code: &str) -> Self {
        self.with(|endpoint| query::codes(&mut endpoint.query, "country_code", true, [code], COUNTRY))
    }

    /// The state by id.
    pub fn state_id(self, id: u64) -> Self {
        self.with(|endpoint| endpoint.query.set("state_id", id))
    }

    /// The state by code; needs a country.
    pub fn state_code(self, code: &str) -> Self {
        self.with(|endpoint| query::codes(&mut endpoint.query, "state_code", true, [code], CODE))
    }
}

/// Parameters of the states listing (vendor page).
impl StatesRequest {
    /// The country by id.
    pub fn country_id(self, id: u64) -> Self {
        self.with(|endpoint| endpoint.query.set("country_id", id))
    }

    /// The country by ISO 3166-1 code.
    pub fn country_code(self, code: &str) -> Self {
        self.with(|endpoint| query::codes(&mut endpoint.query, "country_code", true, [code], COUNTRY))
    }

    /// The code; needs a country.
    pub fn code(self, code: &str) -> Self {
        self.with(|endpoint| query::codes(&mut endpoint.query, "code", true, [code], CODE))
    }

    /// The name in ASCII.
    pub fn asciiname(self, name: &str) -> Self {
        self.with(|endpoint| endpoint.query.text("asciiname", name))
    }

    /// The name.
    pub fn name(self, name: &str) -> Self {
        self.with(|endpoint| endpoint.query.text("name", name))
    }
}

/// Parameters of the currency rates listing (vendor page).
impl CurrencyRatesRequest {
    /// The rates of one day.
    pub fn date(self, day: Date) -> Self {
        self.with(|endpoint| endpoint.query.set("date", day))
    }

    /// From this day on.
    pub fn date_from(self, day: Date) -> Self {
        self.with(|endpoint| endpoint.query.set("date_from", day))
    }

    /// Up to and with this day.
    pub fn date_to(self, day: Date) -> Self {
        self.with(|endpoint| endpoint.query.set("date_to", day))
    }
}
