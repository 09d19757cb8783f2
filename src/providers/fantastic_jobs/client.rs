//! The client of Fantastic.jobs.

use std::time::Duration;

use http::HeaderMap;
use jiff::Timestamp;
use secrecy::SecretString;

use super::credits::{Credits, SharedCredits};
use super::endpoint::{EndpointSpec, ListEndpoint};
use super::expired::ExpiredRequest;
use super::requests::{
    self, ActiveAtsCountRequest, ActiveAtsRequest, ActiveJbCountRequest, ActiveJbRequest, AdvancedOrganizationsRequest,
    ModifiedAtsRequest, OrganizationsRequest,
};
use crate::client::{ClientBuilder, Clock, Credentials, Provider, Quota, RateLimit};
use crate::error::Result;

/// A client of Fantastic.jobs. Cheap to clone; clones share the rate limit and the last known quotas.
#[derive(Debug, Clone)]
pub struct Client {
    core: crate::client::Client,
    credits: SharedCredits,
}

impl Provider for Client {
    /// It ends in the version that all working public clients use (observed). The vendor's pages also show `/v0.9` and
    /// `/v1.0`; to use one of these, call [`ClientBuilder::base_url`].
    const BASE_URL: &'static str = "https://data.fantastic.jobs/v1/";
    /// 600 requests a minute (from a second source that cites the vendor's plans page).
    const RATE_LIMIT: RateLimit = RateLimit::new(600, Duration::from_secs(60));
    /// The server gives up after 60 s (vendor page). The client waits for its answer, because rows of a request that it
    /// gave up may be billed all the same (observed once).
    const TIMEOUT: Duration = Duration::from_secs(90);

    /// The Requests quota is a hard stop until the next billing period (vendor page).
    fn quota(headers: &HeaderMap, now: Timestamp) -> Option<Quota> {
        let credits = Credits::from_headers(headers);
        let resets_in = Duration::try_from(credits.renewed(now).duration_since(now)).ok()?;
        let quota = Quota::new(credits.requests_remaining?, resets_in);
        Some(match credits.requests_limit {
            Some(limit) => quota.limit(limit),
            None => quota,
        })
    }

    fn from_core(core: crate::client::Client) -> Self {
        Self { core, credits: SharedCredits::default() }
    }
}

/// A mirror of the API on RapidAPI: the same paths without a version, the same parameters and fields (observed).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RapidApi {
    /// `active-jobs-db.p.rapidapi.com`, with the ATS feed (observed).
    ActiveJobsDb,
    /// `linkedin-job-search-api.p.rapidapi.com`, with the job-board feed (observed).
    LinkedInJobSearch,
}

impl RapidApi {
    /// The host name.
    pub fn host(self) -> &'static str {
        match self {
            Self::ActiveJobsDb => "active-jobs-db.p.rapidapi.com",
            Self::LinkedInJobSearch => "linkedin-job-search-api.p.rapidapi.com",
        }
    }

    fn credentials(self, key: impl Into<SecretString>) -> Result<Credentials> {
        Credentials::header("x-rapidapi-key", "", key)?.and_header("x-rapidapi-host", "", self.host())
    }
}

impl ClientBuilder<Client> {
    /// The API key of the vendor's portal, sent as `Authorization: Bearer …` (vendor page).
    pub fn api_key(self, key: impl Into<SecretString>) -> Self {
        self.try_credentials(Credentials::bearer(key))
    }

    /// Several API keys that share the requests, see [`key_pool`](ClientBuilder::key_pool).
    pub fn api_keys<K: Into<SecretString>>(self, keys: impl IntoIterator<Item = K>) -> Self {
        self.try_key_pool(keys.into_iter().map(|key| Credentials::bearer(key)))
    }

    /// A RapidAPI key for one of the mirrors: sets the base URL, and sends `X-RapidAPI-Key` and `X-RapidAPI-Host`
    /// (observed). A base URL that is set later replaces the mirror's.
    pub fn rapid_api(self, mirror: RapidApi, key: impl Into<SecretString>) -> Self {
        self.try_credentials(mirror.credentials(key)).base_url(format!("https://{}/", mirror.host()))
    }
}

impl Client {
    /// A client with the provider's defaults.
    ///
    /// # Errors
    /// [`crate::Error::Invalid`] when the key is empty or is not valid in a header.
    pub fn new(key: impl Into<SecretString>) -> Result<Self> {
        Self::builder().api_key(key).build()
    }

    /// A builder, to change the defaults.
    pub fn builder() -> ClientBuilder<Self> {
        ClientBuilder::default()
    }

    /// Replaces the API key of the vendor's portal while this client and its clones are in use. Every attempt that begins afterwards uses the new one.
    ///
    /// # Errors
    /// [`crate::Error::Invalid`] as for [`Client::new`], and when a [`CredentialSource`](crate::CredentialSource) gives this client its
    /// credentials.
    pub fn replace_api_key(&self, key: impl Into<SecretString>) -> Result<()> {
        self.core.replace_credentials(Credentials::bearer(key)?)
    }

    /// Replaces the key of a RapidAPI mirror. The base URL stays. Otherwise as [`Client::replace_api_key`].
    ///
    /// # Errors
    /// As [`Client::replace_api_key`].
    pub fn replace_rapid_api_key(&self, mirror: RapidApi, key: impl Into<SecretString>) -> Result<()> {
        self.core.replace_credentials(mirror.credentials(key)?)
    }

    /// The clock that gives the current time.
    pub fn clock(&self) -> &Clock {
        self.core.clock()
    }

    fn endpoint(&self, spec: &'static EndpointSpec) -> ListEndpoint {
        ListEndpoint::new(spec, self.core.clock().now(), self.credits.clone())
    }

    /// Rows from applicant tracking systems. Each returned row costs one job credit (vendor page).
    ///
    /// Needs [`ActiveAtsRequest::time_frame`] before it is sent; the syncs set it themselves.
    pub fn active_ats(&self) -> ActiveAtsRequest {
        ActiveAtsRequest::new(&self.core, self.endpoint(&requests::ACTIVE_ATS))
    }

    /// Rows from job boards: LinkedIn, Wellfound, Y Combinator. Each returned row costs one job credit (vendor page).
    ///
    /// Needs [`ActiveJbRequest::time_frame`] before it is sent; the syncs set it themselves.
    pub fn active_jb(&self) -> ActiveJbRequest {
        ActiveJbRequest::new(&self.core, self.endpoint(&requests::ACTIVE_JB))
    }

    /// How many rows [`Client::active_ats`] has. Costs one request and no job (vendor page).
    pub fn active_ats_count(&self) -> ActiveAtsCountRequest {
        ActiveAtsCountRequest::new(&self.core, self.endpoint(&requests::ACTIVE_ATS_COUNT))
    }

    /// How many rows [`Client::active_jb`] has. Costs one request and no job (vendor page).
    pub fn active_jb_count(&self) -> ActiveJbCountRequest {
        ActiveJbCountRequest::new(&self.core, self.endpoint(&requests::ACTIVE_JB_COUNT))
    }

    /// ATS rows that were edited in the last 24 hours, with the names of the edited fields. Any Pro plan; no job
    /// credits (vendor page). There is no such feed for job boards.
    pub fn modified_ats(&self) -> ModifiedAtsRequest {
        ModifiedAtsRequest::new(&self.core, self.endpoint(&requests::MODIFIED_ATS))
    }

    /// Ids of expired ATS rows. No job credits (vendor page).
    pub fn expired_ats(&self) -> ExpiredRequest {
        ExpiredRequest::new(self.core.clone(), "fantastic-jobs/expired-ats", "expired-ats")
    }

    /// Ids of expired job-board rows, from LinkedIn only. Rows of Wellfound and Y Combinator never appear here; remove
    /// them by their age (vendor page).
    pub fn expired_jb(&self) -> ExpiredRequest {
        ExpiredRequest::new(self.core.clone(), "fantastic-jobs/expired-jb", "expired-jb")
    }

    /// All organizations of the ATS feed in one body, updated daily at 02:00 UTC (vendor page). The path
    /// `ats-organizations` is observed; the vendor's text says `organizations`, see [`OrganizationsRequest::path`].
    pub fn organizations(&self) -> OrganizationsRequest {
        OrganizationsRequest::new(&self.core, self.endpoint(&requests::ORGANIZATIONS))
    }

    /// Organizations with all their fields, 100 on a page, updated monthly (vendor page). Plan Pro-100k or above.
    ///
    /// **Unverified**: the name of the page parameter, the number of the first page, the signal of the end and the
    /// envelope are unknown. `page` from 1 until an empty page, in a body that is the list, is a guess; change it with
    /// [`AdvancedOrganizationsRequest::page_parameter`] and [`AdvancedOrganizationsRequest::list_field`], and the path
    /// with [`AdvancedOrganizationsRequest::path`]. A page with the same records as the page before is an error.
    pub fn organizations_advanced(&self) -> AdvancedOrganizationsRequest {
        AdvancedOrganizationsRequest::new(&self.core, self.endpoint(&requests::ADVANCED_ORGANIZATIONS))
    }
}
