//! The client of jobdataapi.com.

use std::time::Duration;

use secrecy::SecretString;

use super::endpoint::{EndpointSpec, ListEndpoint};
use super::models::{City, Company, ExpiredJob, Job, State, Tag};
use super::requests::{
    self, CitiesRequest, CompaniesRequest, CompanyTypesRequest, CountriesRequest, CurrencyRatesRequest,
    ExpiredJobsRequest, IndustriesRequest, JobTypesRequest, JobsRequest, RegionsRequest, StatesRequest, TagsRequest,
};
use crate::client::{ClientBuilder, Credentials, GetRequest, Provider, RateLimit};
use crate::error::Result;

/// The page size when none is set, for clients with a key.
const PAGE_SIZE: u32 = 1000;

/// A client of jobdataapi.com. Cheap to clone; clones share the rate limit.
#[derive(Debug, Clone)]
pub struct Client {
    core: crate::Client,
}

impl Provider for Client {
    const BASE_URL: &'static str = "https://jobdataapi.com/api/";
    /// The pace of the vendor's ingestion guide: 0.12 s between pages, sequential calls.
    const RATE_LIMIT: RateLimit = RateLimit::every(Duration::from_millis(120));

    fn from_core(core: crate::Client) -> Self {
        Self { core }
    }
}

impl ClientBuilder<Client> {
    /// The API key, sent as `Authorization: Api-Key …` (vendor page). Without one, calls are anonymous: about 10 requests
    /// an hour, 20 jobs an answer.
    pub fn api_key(self, key: impl Into<SecretString>) -> Self {
        self.try_credentials(Credentials::header("authorization", "Api-Key ", key))
    }
}

impl Client {
    /// A client with the provider's defaults.
    ///
    /// # Errors
    /// [`crate::Error::Invalid`] when the key is empty or cannot stand in a header.
    pub fn new(key: impl Into<SecretString>) -> Result<Self> {
        Self::builder().api_key(key).build()
    }

    /// A client without a key: about 10 requests an hour and 20 jobs an answer.
    ///
    /// # Errors
    /// As [`ClientBuilder::build`].
    pub fn anonymous() -> Result<Self> {
        Self::builder().build()
    }

    /// Settings.
    pub fn builder() -> ClientBuilder<Self> {
        ClientBuilder::default()
    }

    /// An endpoint without a page size: the small reference lists have no parameters that are documented or were seen.
    #[allow(clippy::unused_self, reason = "as `paged`")]
    fn whole(&self, spec: &'static EndpointSpec) -> ListEndpoint {
        ListEndpoint::new(spec, None)
    }

    /// An endpoint that takes a page size. Without a key the server ignores the parameter or refuses it (vendor page on states).
    fn paged(&self, spec: &'static EndpointSpec) -> ListEndpoint {
        ListEndpoint::new(spec, (!self.core.is_anonymous()).then_some(PAGE_SIZE))
    }
}

/// Declares the listings of the client.
macro_rules! lists {
    ($($(#[$doc:meta])* $method:ident -> $request:ident at $spec:ident, $form:ident;)*) => {
        /// Listings.
        impl Client {
            $($(#[$doc])*
            pub fn $method(&self) -> $request {
                $request::new(&self.core, self.$form(&requests::$spec))
            })*
        }
    };
}

lists! {
    /// Job postings. Without a window the server shows the last 90 days (vendor's ingestion guide).
    jobs -> JobsRequest at JOBS, paged;
    /// Postings that expired. Plan pro or better (vendor page).
    expired_jobs -> ExpiredJobsRequest at EXPIRED_JOBS, paged;
    /// Companies. Plan pro or better (vendor page).
    companies -> CompaniesRequest at COMPANIES, paged;
    /// Tags of the role taxonomy. Plan pro or better (vendor page).
    tags -> TagsRequest at TAGS, paged;
    /// Cities.
    cities -> CitiesRequest at CITIES, paged;
    /// States, provinces and other first divisions of countries.
    states -> StatesRequest at STATES, paged;
    /// Countries.
    countries -> CountriesRequest at COUNTRIES, whole;
    /// Regions, which are about the continents.
    regions -> RegionsRequest at REGIONS, whole;
    /// Employment types.
    job_types -> JobTypesRequest at JOB_TYPES, whole;
    /// Industries of companies.
    industries -> IndustriesRequest at INDUSTRIES, whole;
    /// Types of companies.
    company_types -> CompanyTypesRequest at COMPANY_TYPES, whole;
    /// Daily currency rates.
    currency_rates -> CurrencyRatesRequest at CURRENCY_RATES, paged;
}

/// Declares the single resources of the client, each with its path and its name.
macro_rules! resources {
    ($($(#[$doc:meta])* $method:ident($id:ident) -> $item:ident at $path:literal, $name:literal;)*) => {
        /// Single resources.
        impl Client {
            $($(#[$doc])*
            pub fn $method(&self, $id: u64) -> GetRequest<$item> {
                GetRequest::new(self.core.clone(), $name, format!(concat!($path, "/{}/"), $id))
            })*
        }
    };
}

resources! {
    /// One job posting.
    job(id) -> Job at "jobs", "jobdataapi/job";
    /// When one posting expired, by job id. Plan pro or better (vendor page).
    expired_job(id) -> ExpiredJob at "jobsexpired", "jobdataapi/expired-job";
    /// One company. Any key (vendor page).
    company(id) -> Company at "companies", "jobdataapi/company";
    /// One tag. Plan pro or better (vendor page).
    tag(id) -> Tag at "tags", "jobdataapi/tag";
    /// One city, by its GeoNames id (inferred).
    city(geonameid) -> City at "jobcities", "jobdataapi/city";
    /// One state, by its GeoNames id (inferred).
    state(geonameid) -> State at "jobstates", "jobdataapi/state";
}
