//! The client of EmployJoy.

use std::time::Duration;

use http::StatusCode;
use secrecy::SecretString;

use super::endpoint::{APPLICATIONS, JOBS, ListEndpoint};
use super::errors;
use super::models::Application;
use super::requests::{ApplicationsRequest, JobsRequest};
use super::submit::{NewApplication, Submission, SubmitRequest};
use crate::client::{ApiRequest, ClientBuilder, Credentials, GetRequest, Provider, RateLimit, Sunset};
use crate::error::{Error, Result, ServerError};
use crate::json::Fields;

/// The rate bucket of single applications.
const APPLICATION: &str = "application";

/// A client of EmployJoy for one partner key. Cheap to clone; clones share the rate limit.
///
/// The server has a rate limit for each endpoint, and for submissions one for each company (vendor page: rate limits).
/// So has this client: the limit of one company does not delay other requests.
#[derive(Debug, Clone)]
pub struct Client {
    core: crate::client::Client,
}

impl Provider for Client {
    const BASE_URL: &'static str = "https://api.employjoy.ai/api/v1/external/";
    /// 60 a minute for each list (vendor page: rate limits). Submissions, 10 a minute and company unless an operator
    /// raised it, are not sent once the server says that none remains.
    const RATE_LIMIT: RateLimit = RateLimit::every(Duration::from_secs(1));
    /// 120 a minute for single applications (vendor page: rate limits).
    const BUCKET_LIMITS: &'static [(&'static str, RateLimit)] =
        &[(APPLICATION, RateLimit::every(Duration::from_millis(500)))];

    fn server_error(body: &Fields) -> ServerError {
        errors::read(body)
    }

    fn advice(_: StatusCode, server: Option<&ServerError>) -> Option<&'static str> {
        errors::advice(server?.code.as_deref()?)
    }

    fn from_core(core: crate::client::Client) -> Self {
        Self { core }
    }
}

impl ClientBuilder<Client> {
    /// The partner key, `pek_live_…` or `pek_test_…`, sent as a bearer token (vendor page: authentication). Both kinds
    /// use the same host.
    pub fn api_key(self, key: impl Into<SecretString>) -> Self {
        self.try_credentials(Credentials::bearer(key))
    }

    /// Several API keys that share the requests, see [`key_pool`](ClientBuilder::key_pool).
    pub fn api_keys<K: Into<SecretString>>(self, keys: impl IntoIterator<Item = K>) -> Self {
        self.try_key_pool(keys.into_iter().map(|key| Credentials::bearer(key)))
    }
}

impl Client {
    /// A client with the provider's defaults.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the key is empty or is not a valid header value.
    pub fn new(key: impl Into<SecretString>) -> Result<Self> {
        Self::builder().api_key(key).build()
    }

    /// A builder, to change the defaults.
    pub fn builder() -> ClientBuilder<Self> {
        ClientBuilder::default()
    }

    /// Replaces the partner key while this client and its clones are in use. Every attempt that begins afterwards uses the new one.
    ///
    /// # Errors
    /// [`Error::Invalid`] as for [`Client::new`], and when a [`CredentialSource`](crate::CredentialSource) gives this client its
    /// credentials.
    pub fn replace_api_key(&self, key: impl Into<SecretString>) -> Result<()> {
        self.core.replace_credentials(Credentials::bearer(key)?)
    }

    /// Open jobs of companies with active access.
    pub fn jobs(&self) -> JobsRequest {
        JobsRequest::new(&self.core, ListEndpoint::new(&JOBS))
    }

    /// The applications of this key.
    pub fn applications(&self) -> ApplicationsRequest {
        ApplicationsRequest::new(&self.core, ListEndpoint::new(&APPLICATIONS))
    }

    /// One application, by EmployJoy's id.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the id cannot be a path segment: empty, `.` or `..`.
    pub fn application(&self, id: &str) -> Result<GetRequest<Application>> {
        if matches!(id.trim(), "" | "." | "..") {
            return Err(Error::invalid("application id", id, "an id from the API"));
        }
        // In a path a space is `%20`, not a plus sign.
        let id = url::form_urlencoded::byte_serialize(id.as_bytes()).collect::<String>().replace('+', "%20");
        let request = ApiRequest::get(format!("applications/{id}"));
        let request = ApiRequest { bucket: Some(APPLICATION.to_owned()), private: true, ..request };
        Ok(GetRequest::of(self.core.clone(), "employjoy/application", request))
    }

    /// Checks an application against every documented limit and makes its idempotency key and bytes, once. Does no I/O.
    ///
    /// # Errors
    /// [`Error::Invalid`] with the field and the rule, never the value, which is personal data.
    pub fn prepare(&self, application: NewApplication) -> Result<Submission> {
        application.submission(self.core.clock().now())
    }

    /// Submits an application. Safe to repeat with the same [`Submission`], in this process or a later one: within 24
    /// hours the server answers a repetition with the reply to the first one (vendor page: applications).
    pub fn submit(&self, submission: &Submission) -> SubmitRequest {
        SubmitRequest::new(self.core.clone(), submission.clone())
    }

    /// When this key stops working, if the server has announced it: a rotated key works for 7 more days (vendor page:
    /// authentication). From the latest response with this header.
    pub fn sunset(&self) -> Option<Sunset> {
        self.core.sunset()
    }
}
