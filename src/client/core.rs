//! The client that the clients of all providers use, and its checked settings.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use secrecy::SecretString;
use url::Url;

use super::clock::Clock;
use super::credential_cache::{CredentialCache, Given};
use super::credentials::Credentials;
use super::observe::Observer;
use super::rate_buckets::RateBuckets;
use super::rate_limit::{LimitScope, Limiter, RateLimit};
use super::redact::{self, Scrubber};
use super::retry::{RetryBudget, RetryPolicy};
use super::sunset::Sunset;
use super::transport::SharedTransport;
use crate::error::{AnswerError, Result, ServerError};
use crate::json::Fields;

/// Checks the JSON object of an answer with a success status, before anything else reads it.
///
/// For services that report errors with a success status: [`BodyProblem::ErrorObject`](crate::BodyProblem::ErrorObject)
/// makes the body an error, with the content that [`Provider::server_error`](crate::Provider::server_error) reads.
pub type Check = fn(&Fields) -> Result<(), AnswerError>;

/// What to do after an error status, where the general advice does not fit.
pub(crate) type Advice = fn(StatusCode, Option<&ServerError>) -> Option<&'static str>;

/// Checked settings.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) base_url: Url,
    pub(crate) credentials: Given,
    pub(crate) scrubber: Scrubber,
    pub(crate) timeout: Duration,
    pub(crate) page_timeout: Duration,
    pub(crate) retry: RetryPolicy,
    pub(crate) rate_limit: RateLimit,
    pub(crate) bucket_limits: &'static [(&'static str, RateLimit)],
    pub(crate) limit_scope: LimitScope,
    pub(crate) check: Option<Check>,
    pub(crate) server_error: fn(&Fields) -> ServerError,
    pub(crate) quota_wait: fn(&HeaderMap, Timestamp) -> Option<Duration>,
    pub(crate) advice: Advice,
    pub(crate) max_body_bytes: usize,
    pub(crate) transport: SharedTransport,
    pub(crate) clock: Clock,
    pub(crate) observer: Observer,
}

/// A client for one base URL and one set of credentials. Clones are cheap; they share rate limit, retry budget, connections.
///
/// The clients of the providers use it. Use it directly for any other paginated JSON API: describe the listing as an
/// [`Endpoint`](crate::Endpoint) and pass it to [`Client::list`].
#[derive(Clone)]
pub struct Client {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) settings: Settings,
    pub(super) limiter: RateBuckets,
    pub(super) budget: RetryBudget,
    pub(super) credentials: Arc<CredentialCache>,
    pub(super) scrubber: Scrubber,
    sunset: Mutex<Option<Sunset>>,
}

impl Client {
    pub(crate) fn new(settings: Settings) -> Self {
        let limiter = match settings.limit_scope {
            LimitScope::Client => Limiter::new(settings.rate_limit),
            LimitScope::Host => {
                let (base, port) = (&settings.base_url, settings.base_url.port_or_known_default().unwrap_or_default());
                Limiter::for_host(settings.rate_limit, &format!("{}:{port}", base.host_str().unwrap_or_default()))
            }
        };
        let limiter = RateBuckets::new(limiter, settings.rate_limit, settings.bucket_limits);
        let budget = RetryBudget::new(settings.retry.budget);
        let (given, scrubber) = (settings.credentials.clone(), settings.scrubber.clone());
        let credentials = CredentialCache::new(given, scrubber.clone(), settings.retry, settings.page_timeout);
        let (credentials, sunset) = (Arc::new(credentials), Mutex::default());
        Self { inner: Arc::new(Inner { settings, limiter, budget, credentials, scrubber, sunset }) }
    }

    /// A client for what a credential source asks: with the transport, the clock, the time limits and the scrubber of these
    /// settings, without credentials, a rate limit and what is particular to a provider. It makes one attempt for each call: the
    /// client that needs the credentials repeats it.
    pub(super) fn for_credentials(settings: &Settings) -> Self {
        Self::new(Settings {
            credentials: Given::Fixed(Credentials::none()),
            retry: RetryPolicy { throttled_wait: None, ..settings.retry.max_attempts(1) },
            rate_limit: RateLimit::unlimited(),
            bucket_limits: &[],
            limit_scope: LimitScope::Client,
            check: None,
            server_error: ServerError::read,
            quota_wait: |_, _| None,
            advice: |_, _| None,
            ..settings.clone()
        })
    }

    /// This client at another URL, with a limit for bodies and its own advice after an error status.
    pub(super) fn at(&self, base_url: Url, max_body_bytes: usize, advice: Advice) -> Self {
        Self::new(Settings { base_url, advice, max_body_bytes, ..self.inner.settings.clone() })
    }

    /// Replaces the credentials while this client and its clones are in use, such as an API key that was rotated. Every attempt
    /// that begins afterwards uses the new ones; a request that was sent with the old ones and is refused with status 401 is sent
    /// once more. The old ones stay hidden in errors and logs.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::Error::Invalid) when a [`CredentialSource`](crate::CredentialSource) gives this client its credentials.
    pub fn replace_credentials(&self, credentials: Credentials) -> Result<()> {
        self.inner.credentials.replace(credentials)
    }

    /// The base URL.
    pub fn base_url(&self) -> &Url {
        &self.inner.settings.base_url
    }

    /// Whether the client has no credentials.
    pub fn is_anonymous(&self) -> bool {
        self.inner.credentials.is_none()
    }

    /// The clock for "now" and "today".
    pub fn clock(&self) -> &Clock {
        &self.inner.settings.clock
    }

    /// The `Sunset` header of the latest answer that had one, over all clones: the time after which this key, or the
    /// endpoint that was called, no longer works.
    pub fn sunset(&self) -> Option<Sunset> {
        self.last_sunset().clone()
    }

    fn last_sunset(&self) -> MutexGuard<'_, Option<Sunset>> {
        self.inner.sunset.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps the `Sunset` header of an answer, if it has one.
    pub(super) fn keep_sunset(&self, endpoint: &str, headers: &HeaderMap) {
        let Some(sunset) = Sunset::of(headers) else { return };
        let mut last = self.last_sunset();
        if last.as_ref() != Some(&sunset) {
            tracing::warn!(endpoint, at = ?sunset.at(), "the server announces when this key or endpoint stops working");
            *last = Some(sunset);
        }
    }

    /// Whether a text holds a credential of this client.
    pub(crate) fn finds_secret_in(&self, text: &str) -> bool {
        self.inner.scrubber.finds_secret_in(text)
    }

    /// A link of the server without the query parameters that the credentials in use add; `None` when it has none of them.
    pub(crate) fn link_without_keys(&self, link: &str) -> Option<String> {
        self.inner.credentials.removed_from(link)
    }

    /// Hides a secret in all texts of servers from now on.
    pub(super) fn hide(&self, secret: &SecretString) {
        self.inner.scrubber.add_secrets([secret]);
    }

    /// Scheme, host and port of the base URL.
    pub(crate) fn origin(&self) -> String {
        redact::origin(self.base_url())
    }

    /// A text of the server for an error: shortened, and without secrets.
    pub(crate) fn snippet(&self, text: &str) -> String {
        self.inner.scrubber.snippet(text)
    }

    /// When to continue after a 429 without a wait: after the longest wait that the retry policy allows.
    pub(crate) fn after_throttling(&self) -> Timestamp {
        self.clock().after(self.inner.settings.retry.max_wait)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("base_url", &redact::shown(self.base_url()))
            .field("credentials", &self.inner.credentials)
            .finish_non_exhaustive()
    }
}
