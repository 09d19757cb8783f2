//! The typed requests of jobdataapi.com: each takes the documented parameters of its endpoint, and only those.

use jiff::civil::Date;

use super::query::{CODE, COUNTRY, MAX_PAGE_SIZE};
use super::resource::{Kind, Resource};
use super::{
    City, Company, CompanyType, Country, CurrencyRate, ExperienceLevel, ExpiredJob, Industry, Job, JobType, Region,
    State, Tag,
};
use crate::listing::ListRequest;

macro_rules! kinds {
    ($($(#[$doc:meta])* $request:ident = $kind:ident($item:ty) at $path:literal named $name:literal key $key:expr $(, bare $bare:literal)?;)*) => {$(
        $(#[$doc])*
        pub type $request = ListRequest<Resource<$kind>>;

        #[doc = concat!("The kind of listing behind [`", stringify!($request), "`].")]
        #[derive(Debug)]
        #[non_exhaustive]
        pub struct $kind;

        impl Kind for $kind {
            type Item = $item;
            const NAME: &'static str = concat!("jobdataapi/", $name);
            const PATH: &'static str = $path;
            const KEY: Option<&'static str> = $key;
            $(const BARE: bool = $bare;)?
        }
    )*};
}

kinds! {
    /// `GET /api/jobs/`.
    JobsRequest = Jobs(Job) at "jobs/" named "jobs" key Some("id");
    /// `GET /api/jobsexpired/`.
    ExpiredJobsRequest = ExpiredJobs(ExpiredJob) at "jobsexpired/" named "expired-jobs" key Some("id");
    /// `GET /api/companies/`.
    CompaniesRequest = Companies(Company) at "companies/" named "companies" key Some("id");
    /// `GET /api/tags/`.
    TagsRequest = Tags(Tag) at "tags/" named "tags" key Some("id");
    /// `GET /api/jobcities/`.
    CitiesRequest = Cities(City) at "jobcities/" named "cities" key Some("geonameid");
    /// `GET /api/jobstates/`.
    StatesRequest = States(State) at "jobstates/" named "states" key Some("geonameid");
    /// `GET /api/jobcountries/`.
    CountriesRequest = Countries(Country) at "jobcountries/" named "countries" key Some("id"), bare true;
    /// `GET /api/jobregions/`.
    RegionsRequest = Regions(Region) at "jobregions/" named "regions" key Some("id"), bare true;
    /// `GET /api/jobtypes/`.
    JobTypesRequest = JobTypes(JobType) at "jobtypes/" named "job-types" key Some("id"), bare true;
    /// `GET /api/industries/`.
    IndustriesRequest = Industries(Industry) at "industries/" named "industries" key Some("id"), bare true;
    /// `GET /api/companytypes/`.
    CompanyTypesRequest = CompanyTypes(CompanyType) at "companytypes/" named "company-types" key Some("id"), bare true;
    /// `GET /api/currencyrates/`.
    CurrencyRatesRequest = CurrencyRates(CurrencyRate) at "currencyrates/" named "currency-rates" key Some("date");
}

/// Keywords of `title` and `location` below this length are dropped by the server without a word (changelog, API 1.21).
const SHORTEST_KEYWORD: usize = 3;

/// Parameters that have a method of their own, or that must not be sent.
const NOT_FREE: [&str; 9] =
    ["page", "page_size", "api_key", "published_since", "published_until", "min_id", "max_id", "min_age", "max_age"];

/// What all listings take.
impl<K: Kind> ListRequest<Resource<K>> {
    /// Records on a page, 1 to 5000 (vendor page). Default 1000 with a key; without a key the server decides, and this is
    /// an error. A server that gives fewer is followed by what it gives.
    pub fn page_size(self, size: u32) -> Self {
        let anonymous = self.client.is_anonymous();
        self.with(|resource| {
            if !(1..=MAX_PAGE_SIZE).contains(&size) {
                resource.query.refuse("page_size", &size.to_string(), "1 to 5000");
            } else if anonymous {
                resource.query.refuse(
                    "page_size",
                    &size.to_string(),
                    "a client with an API key; anonymous pages are fixed",
                );
            }
            resource.page_size = Some(size);
        })
    }

    /// The page to start at, from 1. The rows before it count as read.
    pub fn page(self, number: u64) -> Self {
        self.with(|resource| {
            if number == 0 {
                resource.query.refuse("page", "0", "1 or more");
            }
            resource.first_page = number.max(1);
        })
    }

    /// A parameter whose name is not documented, such as the filters that the vendor's changelog announces. It is sent as
    /// it is.
    #[allow(clippy::needless_pass_by_value)]
    pub fn param(self, name: &str, value: impl ToString) -> Self {
        self.with(|resource| {
            if NOT_FREE.contains(&name) {
                resource.query.refuse("parameter", name, "the method of that parameter; a key is given to the client");
            }
            resource.query.set(name, &value);
        })
    }

    #[allow(clippy::needless_pass_by_value)]
    fn set(self, name: &'static str, value: impl ToString) -> Self {
        self.with(|resource| resource.query.set(name, &value))
    }

    fn text(self, name: &'static str, value: &str) -> Self {
        self.with(|resource| resource.query.text(name, value))
    }

    fn ids(self, name: &'static str, include: bool, ids: impl IntoIterator<Item = u64>) -> Self {
        self.with(|resource| resource.query.ids(name, include, ids))
    }

    fn countries<S: AsRef<str>>(self, include: bool, codes: impl IntoIterator<Item = S>) -> Self {
        self.with(|resource| resource.query.codes("country_code", include, codes, COUNTRY))
    }

    fn keywords<S: AsRef<str>>(
        self,
        name: &'static str,
        include: bool,
        shortest: usize,
        keywords: impl IntoIterator<Item = S>,
    ) -> Self {
        self.with(|resource| resource.query.keywords(name, include, shortest, keywords))
    }
}

/// Parameters of the jobs listing.
///
/// Values given to one method are alternatives; the `exclude_` method of a parameter disqualifies a row that has any of
/// its values. At most 50 ids or codes go into one parameter (vendor page "Multi-value parameters").
impl ListRequest<Resource<Jobs>> {
    /// Words in the title, of 3 or more characters each; any of them matches.
    pub fn title<S: AsRef<str>>(self, keywords: impl IntoIterator<Item = S>) -> Self {
        self.keywords("title", true, SHORTEST_KEYWORD, keywords)
    }

    /// Words that must not be in the title.
    pub fn exclude_title<S: AsRef<str>>(self, keywords: impl IntoIterator<Item = S>) -> Self {
        self.keywords("title", false, SHORTEST_KEYWORD, keywords)
    }

    /// Words in the location text, of 3 or more characters each; any of them matches.
    pub fn location<S: AsRef<str>>(self, keywords: impl IntoIterator<Item = S>) -> Self {
        self.keywords("location", true, SHORTEST_KEYWORD, keywords)
    }

    /// Words that must not be in the location text.
    pub fn exclude_location<S: AsRef<str>>(self, keywords: impl IntoIterator<Item = S>) -> Self {
        self.keywords("location", false, SHORTEST_KEYWORD, keywords)
    }

    /// Full-text search in the description: words are all required, `"a phrase"`, `or`, `-not`. Plan pro or better.
    pub fn description(self, search: &str) -> Self {
        self.text("description", search)
    }

    /// Countries, ISO 3166-1 codes of two letters.
    pub fn country_codes<S: AsRef<str>>(self, codes: impl IntoIterator<Item = S>) -> Self {
        self.countries(true, codes)
    }

    /// Countries to leave out.
    pub fn exclude_country_codes<S: AsRef<str>>(self, codes: impl IntoIterator<Item = S>) -> Self {
        self.countries(false, codes)
    }

    /// States by code. Codes are not unique over countries, so a country is required beside them.
    pub fn state_codes<S: AsRef<str>>(self, codes: impl IntoIterator<Item = S>) -> Self {
        self.with(|resource| resource.query.codes("state_code", true, codes, CODE))
    }

    /// States to leave out.
    pub fn exclude_state_codes<S: AsRef<str>>(self, codes: impl IntoIterator<Item = S>) -> Self {
        self.with(|resource| resource.query.codes("state_code", false, codes, CODE))
    }

    /// States by GeoNames id (inferred).
    pub fn state_ids(self, ids: impl IntoIterator<Item = u64>) -> Self {
        self.ids("state_id", true, ids)
    }

    /// The name of a city.
    pub fn city_name(self, name: &str) -> Self {
        self.text("city_name", name)
    }

    /// Regions by id. The vendor's guide prefers buckets of countries.
    pub fn region_ids(self, ids: impl IntoIterator<Item = u64>) -> Self {
        self.ids("region_id", true, ids)
    }

    /// Employment types by id.
    pub fn type_ids(self, ids: impl IntoIterator<Item = u64>) -> Self {
        self.ids("type_id", true, ids)
    }

    /// Employment types to leave out.
    pub fn exclude_type_ids(self, ids: impl IntoIterator<Item = u64>) -> Self {
        self.ids("type_id", false, ids)
    }

    /// Companies by id.
    pub fn company_ids(self, ids: impl IntoIterator<Item = u64>) -> Self {
        self.ids("company_id", true, ids)
    }

    /// Companies to leave out.
    pub fn exclude_company_ids(self, ids: impl IntoIterator<Item = u64>) -> Self {
        self.ids("company_id", false, ids)
    }

    /// Words in the company's name.
    pub fn company_name<S: AsRef<str>>(self, keywords: impl IntoIterator<Item = S>) -> Self {
        self.keywords("company_name", true, 1, keywords)
    }

    /// Words that must not be in the company's name.
    pub fn exclude_company_name<S: AsRef<str>>(self, keywords: impl IntoIterator<Item = S>) -> Self {
        self.keywords("company_name", false, 1, keywords)
    }

    /// Words in the company's specialties.
    pub fn company_specialty<S: AsRef<str>>(self, keywords: impl IntoIterator<Item = S>) -> Self {
        self.keywords("company_specialty", true, 1, keywords)
    }

    /// Applicant tracking systems and other sources by id, since API 1.17.1. Plan pro or better.
    pub fn company_source_ids(self, ids: impl IntoIterator<Item = u64>) -> Self {
        self.ids("company_source_id", true, ids)
    }

    /// Sources to leave out.
    pub fn exclude_company_source_ids(self, ids: impl IntoIterator<Item = u64>) -> Self {
        self.ids("company_source_id", false, ids)
    }

    /// Whether postings of recruiting and staffing firms are in the list. The server's default leaves them out (inferred).
    pub fn include_agencies(self, include: bool) -> Self {
        self.set("include_agencies", include)
    }

    /// The application link. One value since API 1.21.
    pub fn application_url(self, url: &str) -> Self {
        self.text("application_url", url)
    }

    /// The posting's id at its source (announced in the changelog).
    pub fn ext_id(self, id: &str) -> Self {
        self.text("ext_id", id)
    }

    /// Only remote postings (observed).
    pub fn has_remote(self) -> Self {
        self.set("has_remote", true)
    }

    /// The level of experience (observed).
    pub fn experience_level(self, level: &ExperienceLevel) -> Self {
        self.text("experience_level", level.as_str())
    }

    /// The language of the posting, ISO 639-1, such as `en` (observed).
    pub fn language(self, code: &str) -> Self {
        self.text("language", code)
    }

    /// Leaves expired postings out; the default list may hold some (observed).
    pub fn exclude_expired(self) -> Self {
        self.set("exclude_expired", true)
    }

    /// The lowest salary (observed; its unit is not documented).
    pub fn min_salary(self, amount: u64) -> Self {
        self.set("min_salary", amount)
    }

    /// Adds the description as plain text, in [`Job::description_string`] (observed).
    pub fn description_str(self) -> Self {
        self.set("description_str", true)
    }

    /// Postings published on this day or later. Needs plan access or better, like all window parameters.
    pub fn published_since(self, day: Date) -> Self {
        self.set("published_since", day)
    }

    /// Postings published on this day or earlier.
    pub fn published_until(self, day: Date) -> Self {
        self.set("published_until", day)
    }

    /// Postings with this id or a higher one.
    pub fn min_id(self, id: u64) -> Self {
        self.set("min_id", id)
    }

    /// Postings with this id or a lower one.
    pub fn max_id(self, id: u64) -> Self {
        self.set("max_id", id)
    }

    /// Postings at least this many days old.
    pub fn min_age(self, days: u32) -> Self {
        self.set("min_age", days)
    }

    /// Postings at most this many days old, 1 or more. For no limit there is [`ListRequest::all_ages`].
    pub fn max_age(self, days: u32) -> Self {
        self.with(|resource| {
            if days == 0 {
                // The server reads 0 as "no limit".
                resource.query.refuse("max_age", "0", "1 or more days, or `all_ages()`");
            }
            resource.query.set("max_age", &days);
        })
    }

    /// Postings of all ages: switches the server's window of 90 days off (`max_age=off`, vendor page).
    pub fn all_ages(self) -> Self {
        self.set("max_age", "off")
    }

    /// Semantic search. **The text leaves the vendor**: it is passed to an embedding service (vendor page), so it must not
    /// hold personal data.
    pub fn vec_text(self, text: &str) -> Self {
        self.text("vec_text", text)
    }

    /// Adds the stored embedding to each posting (vendor page); its field is not documented, so it is in [`Job::extra`].
    pub fn embed_3sh(self) -> Self {
        self.set("embed_3sh", true)
    }
}

/// Parameters of the expired jobs listing (vendor page and changelog).
impl ListRequest<Resource<ExpiredJobs>> {
    /// Countries, ISO 3166-1 codes of two letters.
    pub fn country_codes<S: AsRef<str>>(self, codes: impl IntoIterator<Item = S>) -> Self {
        self.countries(true, codes)
    }

    /// Expired on this day or later.
    pub fn expired_since(self, day: Date) -> Self {
        self.set("expired_since", day)
    }

    /// Expired on this day or earlier.
    pub fn expired_until(self, day: Date) -> Self {
        self.set("expired_until", day)
    }

    /// The application link, one value.
    pub fn application_url(self, url: &str) -> Self {
        self.text("application_url", url)
    }

    /// Companies by id, since API 1.17.1.
    pub fn company_ids(self, ids: impl IntoIterator<Item = u64>) -> Self {
        self.ids("company_id", true, ids)
    }

    /// Applicant tracking systems and other sources by id, since API 1.17.1.
    pub fn company_source_ids(self, ids: impl IntoIterator<Item = u64>) -> Self {
        self.ids("company_source_id", true, ids)
    }
}

/// Parameters of the companies listing.
impl ListRequest<Resource<Companies>> {
    /// The industry by id.
    pub fn industry_id(self, id: u64) -> Self {
        self.set("industry_id", id)
    }

    /// Employees, at least.
    pub fn min_size(self, employees: u64) -> Self {
        self.set("min_size", employees)
    }

    /// Employees, at most.
    pub fn max_size(self, employees: u64) -> Self {
        self.set("max_size", employees)
    }

    /// Words in the specialties.
    pub fn company_specialty<S: AsRef<str>>(self, keywords: impl IntoIterator<Item = S>) -> Self {
        self.keywords("company_specialty", true, 1, keywords)
    }

    /// Words in the name (the parameter's name is inferred).
    pub fn company_name<S: AsRef<str>>(self, keywords: impl IntoIterator<Item = S>) -> Self {
        self.keywords("company_name", true, 1, keywords)
    }

    /// Applicant tracking systems and other sources by id, since API 1.17.1.
    pub fn source_ids(self, ids: impl IntoIterator<Item = u64>) -> Self {
        self.ids("source_id", true, ids)
    }
}

/// Parameters of the tags listing (vendor page).
impl ListRequest<Resource<Tags>> {
    /// Levels of the taxonomy, 1 (broad) to 3 (detailed).
    pub fn levels(self, levels: impl IntoIterator<Item = u64>) -> Self {
        let levels: Vec<u64> = levels.into_iter().collect();
        self.with(|resource| {
            if let Some(level) = levels.iter().find(|level| !(1..=3).contains(*level)) {
                resource.query.refuse("tag_type", &level.to_string(), "levels 1 to 3");
            }
            resource.query.ids("tag_type", true, levels);
        })
    }

    /// Words in the name, whatever their case.
    pub fn name<S: AsRef<str>>(self, keywords: impl IntoIterator<Item = S>) -> Self {
        self.keywords("name", true, 1, keywords)
    }

    /// Direct parents by id.
    pub fn parent_ids(self, ids: impl IntoIterator<Item = u64>) -> Self {
        self.ids("parent_id", true, ids)
    }

    /// Jobs under the tag, at least.
    pub fn min_jobs(self, jobs: u64) -> Self {
        self.set("min_jobs", jobs)
    }

    /// Jobs under the tag, at most.
    pub fn max_jobs(self, jobs: u64) -> Self {
        self.set("max_jobs", jobs)
    }

    /// Children of the tag, at least.
    pub fn min_children(self, children: u64) -> Self {
        self.set("min_children", children)
    }

    /// Children of the tag, at most.
    pub fn max_children(self, children: u64) -> Self {
        self.set("max_children", children)
    }
}

/// Parameters of the cities listing (vendor page).
impl ListRequest<Resource<Cities>> {
    /// The country by id.
    pub fn country_id(self, id: u64) -> Self {
        self.set("country_id", id)
    }

    /// The country by ISO 3166-1 code.
    pub fn country_code(self, code: &str) -> Self {
        self.countries(true, [code])
    }

    /// The state by id.
    pub fn state_id(self, id: u64) -> Self {
        self.set("state_id", id)
    }

    /// The state by code; needs a country.
    pub fn state_code(self, code: &str) -> Self {
        self.with(|resource| resource.query.codes("state_code", true, [code], CODE))
    }
}

/// Parameters of the states listing (vendor page).
impl ListRequest<Resource<States>> {
    /// The country by id.
    pub fn country_id(self, id: u64) -> Self {
        self.set("country_id", id)
    }

    /// The country by ISO 3166-1 code.
    pub fn country_code(self, code: &str) -> Self {
        self.countries(true, [code])
    }

    /// The code; needs a country.
    pub fn code(self, code: &str) -> Self {
        self.with(|resource| resource.query.codes("code", true, [code], CODE))
    }

    /// The name in ASCII.
    pub fn asciiname(self, name: &str) -> Self {
        self.text("asciiname", name)
    }

    /// The name.
    pub fn name(self, name: &str) -> Self {
        self.text("name", name)
    }
}

/// Parameters of the currency rates listing (vendor page).
impl ListRequest<Resource<CurrencyRates>> {
    /// The rates of one day.
    pub fn date(self, day: Date) -> Self {
        self.set("date", day)
    }

    /// From this day on.
    pub fn date_from(self, day: Date) -> Self {
        self.set("date_from", day)
    }

    /// Up to and with this day.
    pub fn date_to(self, day: Date) -> Self {
        self.set("date_to", day)
    }
}
