//! The client of jobdataapi.com.

use std::time::Duration;

use secrecy::SecretString;
use serde_json::Value;

use super::endpoint::{EndpointSpec, ListEndpoint};
use super::models::{City, Company, ExpiredJob, Job, State, Tag};
use super::requests::{
    self, CitiesRequest, CompaniesRequest, CompanyTypesRequest, CountriesRequest, CurrencyRatesRequest,
    ExpiredJobsRequest, IndustriesRequest, JobTypesRequest, JobsRequest, RegionsRequest, StatesRequest, TagsRequest,
};
use crate::client::{ClientBuilder, Credentials, GetRequest, Provider, RateLimit};
use crate::error::{FieldError, Result, ServerError, is_code};
use crate::json::Fields;

/// The default page size, for clients with a key.
const PAGE_SIZE: u32 = 1000;

/// A client of jobdataapi.com. Cheap to clone; clones share the rate limit.
#[derive(Debug, Clone)]
pub struct Client {
    core: crate::client::Client,
}

impl Provider for Client {
    const BASE_URL: &'static str = "https://jobdataapi.com/api/";
    /// The rate of the vendor's ingestion guide: 0.12 s between pages, sequential calls.
    const RATE_LIMIT: RateLimit = RateLimit::every(Duration::from_millis(120));

    /// A refused parameter is a field with a list of messages, as in Django REST framework (inferred).
    fn server_error(body: &Fields) -> ServerError {
        let mut error = ServerError::read(body);
        let refused = error.details.iter().filter_map(|(field, messages)| {
            let texts: Option<Vec<&str>> = messages.as_array()?.iter().map(Value::as_str).collect();
            let message =
                Some(texts?.join(" ")).filter(|_| is_code(field) && !matches!(field.as_str(), "detail" | "errors"));
            message.map(|text| FieldError { field: field.clone(), message: Some(text), ..FieldError::default() })
        });
        let refused: Vec<FieldError> = refused.collect();
        error.fields.extend(refused);
        error
    }

    fn from_core(core: crate::client::Client) -> Self {
        Self { core }
    }
}

fn api_key(key: impl Into<SecretString>) -> Result<Credentials> {
    Credentials::header("authorization", "Api-Key ", key)
}

impl ClientBuilder<Client> {
    /// The API key, sent as `Authorization: Api-Key …` (vendor page). Without one, calls are anonymous: about 10
    /// requests an hour and 20 jobs per answer.
    pub fn api_key(self, key: impl Into<SecretString>) -> Self {
        self.try_credentials(api_key(key))
    }

    /// Several API keys that share the requests, see [`key_pool`](ClientBuilder::key_pool).
    pub fn api_keys<K: Into<SecretString>>(self, keys: impl IntoIterator<Item = K>) -> Self {
        self.try_key_pool(keys.into_iter().map(api_key))
    }
}

impl Client {
    /// A client with the provider's defaults.
    ///
    /// # Errors
    /// [`crate::Error::Invalid`] when the key is empty or is not a valid header value.
    pub fn new(key: impl Into<SecretString>) -> Result<Self> {
        Self::builder().api_key(key).build()
    }

    /// A client without a key: about 10 requests an hour and 20 jobs per answer.
    ///
    /// # Errors
    /// As [`ClientBuilder::build`].
    pub fn anonymous() -> Result<Self> {
        Self::builder().build()
    }

    /// A builder, to change the defaults.
    pub fn builder() -> ClientBuilder<Self> {
        ClientBuilder::default()
    }

    /// Replaces the API key while this client and its clones are in use. Every attempt that begins afterwards uses the new one.
    ///
    /// # Errors
    /// [`crate::Error::Invalid`] as for [`Client::new`], and when a [`CredentialSource`](crate::CredentialSource) gives this client its
    /// credentials.
    pub fn replace_api_key(&self, key: impl Into<SecretString>) -> Result<()> {
        self.core.replace_credentials(api_key(key)?)
    }

    /// An endpoint without a page size: it is not documented for the currency rates, and no parameter of the small
    /// reference lists is documented or was observed.
    #[allow(clippy::unused_self, reason = "`lists!` calls it as it calls `paged`")]
    fn unpaged(&self, spec: &'static EndpointSpec) -> ListEndpoint {
        ListEndpoint::new(spec, None)
    }

    /// An endpoint with a page size. Without a key the server ignores or refuses the parameter (vendor page on states).
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
    /// Jobs. Without a window the server returns those of the last 90 days (vendor's ingestion guide).
    jobs -> JobsRequest at JOBS, paged;
    /// Expired jobs. Plan pro or better (vendor page).
    expired_jobs -> ExpiredJobsRequest at EXPIRED_JOBS, paged;
    /// Companies. Plan pro or better (vendor page).
    companies -> CompaniesRequest at COMPANIES, paged;
    /// Tags of the role taxonomy. Plan pro or better (vendor page).
    tags -> TagsRequest at TAGS, paged;
    /// Cities.
    cities -> CitiesRequest at CITIES, paged;
    /// States, provinces and other first-level divisions of countries.
    states -> StatesRequest at STATES, paged;
    /// Countries.
    countries -> CountriesRequest at COUNTRIES, unpaged;
    /// Regions of the world, roughly the continents.
    regions -> RegionsRequest at REGIONS, unpaged;
    /// Employment types.
    job_types -> JobTypesRequest at JOB_TYPES, unpaged;
    /// Industries of companies.
    industries -> IndustriesRequest at INDUSTRIES, unpaged;
    /// Types of companies.
    company_types -> CompanyTypesRequest at COMPANY_TYPES, unpaged;
    /// Daily currency rates. That the listing takes a page size is inferred, so none is sent by default.
    currency_rates -> CurrencyRatesRequest at CURRENCY_RATES, unpaged;
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
    /// One job.
    job(id) -> Job at "jobs", "jobdataapi/job";
    /// The time at which one job expired, by job id. Plan pro or better (vendor page).
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
