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

    /// An endpoint that takes a page size. Without a key the server ignores the parameter or refuses it (vendor page on states).
    fn paged(&self, spec: &'static EndpointSpec) -> ListEndpoint {
        ListEndpoint::new(spec, (!self.core.is_anonymous()).then_some(PAGE_SIZE))
    }

    /// Job postings. Without a window the server shows the last 90 days (vendor's ingestion guide).
    pub fn jobs(&self) -> JobsRequest {
        JobsRequest::new(&self.core, self.paged(&requests::JOBS))
    }

    /// One job posting.
    pub fn job(&self, id: u64) -> GetRequest<Job> {
        GetRequest::new(self.core.clone(), "jobdataapi/job", format!("jobs/{id}/"))
    }

    /// Postings that expired. Plan pro or better (vendor page).
    pub fn expired_jobs(&self) -> ExpiredJobsRequest {
        ExpiredJobsRequest::new(&self.core, self.paged(&requests::EXPIRED_JOBS))
    }

    /// When one posting expired, by job id. Plan pro or better (vendor page).
    pub fn expired_job(&self, id: u64) -> GetRequest<ExpiredJob> {
        GetRequest::new(self.core.clone(), "jobdataapi/expired-job", format!("jobsexpired/{id}/"))
    }

    /// Companies. Plan pro or better (vendor page).
    pub fn companies(&self) -> CompaniesRequest {
        CompaniesRequest::new(&self.core, self.paged(&requests::COMPANIES))
    }

    /// One company. Any key (vendor page).
    pub fn company(&self, id: u64) -> GetRequest<Company> {
        GetRequest::new(self.core.clone(), "jobdataapi/company", format!("companies/{id}/"))
    }

    /// Tags of the role taxonomy. Plan pro or better (vendor page).
    pub fn tags(&self) -> TagsRequest {
        TagsRequest::new(&self.core, self.paged(&requests::TAGS))
    }

    /// One tag. Plan pro or better (vendor page).
    pub fn tag(&self, id: u64) -> GetRequest<Tag> {
        GetRequest::new(self.core.clone(), "jobdataapi/tag", format!("tags/{id}/"))
    }

    /// Cities.
    pub fn cities(&self) -> CitiesRequest {
        CitiesRequest::new(&self.core, self.paged(&requests::CITIES))
    }

    /// One city, by its GeoNames id (inferred).
    pub fn city(&self, geonameid: u64) -> GetRequest<City> {
        GetRequest::new(self.core.clone(), "jobdataapi/city", format!("jobcities/{geonameid}/"))
    }

    /// States, provinces and other first divisions of countries.
    pub fn states(&self) -> StatesRequest {
        StatesRequest::new(&self.core, self.paged(&requests::STATES))
    }

    /// One state, by its GeoNames id (inferred).
    pub fn state(&self, geonameid: u64) -> GetRequest<State> {
        GetRequest::new(self.core.clone(), "jobdataapi/state", format!("jobstates/{geonameid}/"))
    }

    /// Countries. Like the other small reference lists, it has no parameters that are documented or were seen.
    pub fn countries(&self) -> CountriesRequest {
        CountriesRequest::new(&self.core, ListEndpoint::new(&requests::COUNTRIES, None))
    }

    /// Regions, which are about the continents.
    pub fn regions(&self) -> RegionsRequest {
        RegionsRequest::new(&self.core, ListEndpoint::new(&requests::REGIONS, None))
    }

    /// Employment types.
    pub fn job_types(&self) -> JobTypesRequest {
        JobTypesRequest::new(&self.core, ListEndpoint::new(&requests::JOB_TYPES, None))
    }

    /// Industries of companies.
    pub fn industries(&self) -> IndustriesRequest {
        IndustriesRequest::new(&self.core, ListEndpoint::new(&requests::INDUSTRIES, None))
    }

    /// Types of companies.
    pub fn company_types(&self) -> CompanyTypesRequest {
        CompanyTypesRequest::new(&self.core, ListEndpoint::new(&requests::COMPANY_TYPES, None))
    }

    /// Daily currency rates.
    pub fn currency_rates(&self) -> CurrencyRatesRequest {
        CurrencyRatesRequest::new(&self.core, self.paged(&requests::CURRENCY_RATES))
    }
}
