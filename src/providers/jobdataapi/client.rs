//! The client of jobdataapi.com.

use std::time::Duration;

use secrecy::SecretString;

use super::requests::{
    CitiesRequest, CompaniesRequest, CompanyTypesRequest, CountriesRequest, CurrencyRatesRequest, ExpiredJobsRequest,
    IndustriesRequest, JobTypesRequest, JobsRequest, RegionsRequest, StatesRequest, TagsRequest,
};
use super::resource::{Kind, Resource};
use super::{Company, ExpiredJob, Job, Tag};
use crate::client::Credentials;
use crate::client::GetRequest;
use crate::client::RateLimit;
use crate::client::{ClientBuilder, Provider};
use crate::error::Result;
use crate::listing::ListRequest;

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

    fn list<K: Kind>(&self) -> ListRequest<Resource<K>> {
        // Without a key the server ignores the parameter or refuses it (vendor page on states).
        self.core.list(Resource::new((!self.core.is_anonymous()).then_some(PAGE_SIZE)))
    }

    /// Job postings. Without a window the server shows the last 90 days (vendor's ingestion guide).
    pub fn jobs(&self) -> JobsRequest {
        self.list()
    }

    /// One job posting.
    pub fn job(&self, id: u64) -> GetRequest<Job> {
        GetRequest::new(self.core.clone(), "jobdataapi/job", format!("jobs/{id}/"))
    }

    /// Postings that expired. Plan pro or better (vendor page).
    pub fn expired_jobs(&self) -> ExpiredJobsRequest {
        self.list()
    }

    /// When one posting expired, by job id. Plan pro or better (vendor page).
    pub fn expired_job(&self, id: u64) -> GetRequest<ExpiredJob> {
        GetRequest::new(self.core.clone(), "jobdataapi/expired-job", format!("jobsexpired/{id}/"))
    }

    /// Companies. Plan pro or better (vendor page).
    pub fn companies(&self) -> CompaniesRequest {
        self.list()
    }

    /// One company. Any key (vendor page).
    pub fn company(&self, id: u64) -> GetRequest<Company> {
        GetRequest::new(self.core.clone(), "jobdataapi/company", format!("companies/{id}/"))
    }

    /// Tags of the role taxonomy. Plan pro or better (vendor page).
    pub fn tags(&self) -> TagsRequest {
        self.list()
    }

    /// One tag. Plan pro or better (vendor page).
    pub fn tag(&self, id: u64) -> GetRequest<Tag> {
        GetRequest::new(self.core.clone(), "jobdataapi/tag", format!("tags/{id}/"))
    }

    /// Cities.
    pub fn cities(&self) -> CitiesRequest {
        self.list()
    }

    /// One city, by its GeoNames id (inferred).
    pub fn city(&self, geonameid: u64) -> GetRequest<super::City> {
        GetRequest::new(self.core.clone(), "jobdataapi/city", format!("jobcities/{geonameid}/"))
    }

    /// States, provinces and other first divisions of countries.
    pub fn states(&self) -> StatesRequest {
        self.list()
    }

    /// One state, by its GeoNames id (inferred).
    pub fn state(&self, geonameid: u64) -> GetRequest<super::State> {
        GetRequest::new(self.core.clone(), "jobdataapi/state", format!("jobstates/{geonameid}/"))
    }

    /// Countries.
    pub fn countries(&self) -> CountriesRequest {
        self.bare()
    }

    /// Regions, which are about the continents.
    pub fn regions(&self) -> RegionsRequest {
        self.bare()
    }

    /// Employment types.
    pub fn job_types(&self) -> JobTypesRequest {
        self.bare()
    }

    /// Industries of companies.
    pub fn industries(&self) -> IndustriesRequest {
        self.bare()
    }

    /// Types of companies.
    pub fn company_types(&self) -> CompanyTypesRequest {
        self.bare()
    }

    /// Daily currency rates.
    pub fn currency_rates(&self) -> CurrencyRatesRequest {
        self.list()
    }

    /// The small reference lists take no parameters, as far as anybody has seen.
    fn bare<K: Kind>(&self) -> ListRequest<Resource<K>> {
        self.core.list(Resource::new(None))
    }
}
