//! The client that the clients of all providers use, and its checked settings.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use url::Url;

use super::clock::Clock;
use super::credentials::Credentials;
use super::observe::Observer;
use super::rate_buckets::RateBuckets;
use super::rate_limit::{LimitScope, Limiter, RateLimit};
use super::redact::{self, Scrubber};
use super::retry::{RetryBudget, RetryPolicy};
use super::sunset::Sunset;
use super::transport::SharedTransport;
use crate::error::{AnswerError, ServerError};
use crate::json::Fields;

/// Checks the JSON object of an answer with a success status, before anything else reads it.
///
/// For services that report errors with a success status: [`BodyProblem::ErrorObject`](crate::BodyProblem::ErrorObject)
/// makes the body an error, with the content that [`Provider::server_error`](crate::Provider::server_error) reads.
pub type Check = fn(&Fields) -> Result<(), AnswerError>;

/// Checked settings.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) base_url: Url,
    pub(crate) credentials: Credentials,
    pub(crate) timeout: Duration,
    pub(crate) page_timeout: Duration,
    pub(crate) retry: RetryPolicy,
    pub(crate) rate_limit: RateLimit,
    pub(crate) bucket_limits: &'static [(&'static str, RateLimit)],
    pub(crate) limit_scope: LimitScope,
    pub(crate) check: Option<Check>,
    pub(crate) server_error: fn(&Fields) -> ServerError,
    pub(crate) quota_wait: fn(&HeaderMap, Timestamp) -> Option<Duration>,
    pub(crate) advice: fn(StatusCode, Option<&ServerError>) -> Option<&'static str>,
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
        let scrubber = Scrubber::new(&settings.credentials);
        Self { inner: Arc::new(Inner { settings, limiter, budget, scrubber, sunset: Mutex::default() }) }
    }

    /// The base URL.
    pub fn base_url(&self) -> &Url {
        &self.inner.settings.base_url
    }

    /// Whether the client has no credentials.
    pub fn is_anonymous(&self) -> bool {
        self.inner.settings.credentials.is_none()
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
            .field("credentials", &self.inner.settings.credentials)
            .finish_non_exhaustive()
    }
}
