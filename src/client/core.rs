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
use super::in_flight::InFlight;
use super::key_pool::{Key, KeyPool};
use super::line::Lines;
use super::observe::Observer;
use super::quota::Quota;
use super::rate_buckets::{RateBuckets, SharedBuckets};
use super::rate_limit::{LimitScope, RateLimit};
use super::redact::{self, Scrubber};
use super::retry::{RetryBudget, RetryPolicy};
use super::sunset::Sunset;
use super::transport::SharedTransport;
use crate::error::{AnswerError, Error, Result, ServerError};
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
    /// The keys of a pool after the first.
    pub(crate) more_keys: Vec<Credentials>,
    pub(crate) scrubber: Scrubber,
    pub(crate) timeout: Duration,
    pub(crate) page_timeout: Duration,
    pub(crate) retry: RetryPolicy,
    pub(crate) rate_limit: RateLimit,
    pub(crate) bucket_limits: &'static [(&'static str, RateLimit)],
    pub(crate) limit_scope: LimitScope,
    /// Whether requests are spread before a quota is used up.
    pub(crate) adaptive_rate: bool,
    pub(crate) max_in_flight: usize,
    pub(crate) check: Option<Check>,
    pub(crate) server_error: fn(&Fields) -> ServerError,
    pub(crate) quota: fn(&HeaderMap, Timestamp) -> Option<Quota>,
    pub(crate) advice: Advice,
    pub(crate) max_body_bytes: usize,
    pub(crate) transport: SharedTransport,
    /// Whether the transport is the caller's.
    pub(crate) own_transport: bool,
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
    pub(super) keys: KeyPool,
    pub(super) lines: Lines,
    pub(super) in_flight: Arc<InFlight>,
    pub(super) budget: RetryBudget,
    pub(super) scrubber: Scrubber,
    sunset: Mutex<Option<Sunset>>,
}

impl Client {
    pub(crate) fn new(settings: Settings) -> Self {
        let key = |given: Given| {
            let shared = match &given {
                Given::Fixed(credentials) => shared_buckets(&settings, Some(credentials)),
                Given::Source(_) => shared_buckets(&settings, None),
            };
            let longest_stop = settings.adaptive_rate.then_some(settings.retry.max_wait);
            let limits = RateBuckets::new(settings.rate_limit, settings.bucket_limits, longest_stop, shared);
            Key::new(
                CredentialCache::new(given, settings.scrubber.clone(), settings.retry, settings.page_timeout),
                limits,
            )
        };
        let more_keys = settings.more_keys.iter().cloned().map(Given::Fixed).map(key).collect();
        let keys = KeyPool::new(key(settings.credentials.clone()), more_keys);
        let in_flight = InFlight::new(settings.max_in_flight);
        let budget = RetryBudget::new(settings.retry.budget);
        let scrubber = settings.scrubber.clone();
        let (lines, sunset) = (Lines::default(), Mutex::default());
        Self { inner: Arc::new(Inner { settings, keys, lines, in_flight, budget, scrubber, sunset }) }
    }

    /// A client for what a credential source asks: with the transport, the clock, the time limits and the scrubber of these
    /// settings, without credentials, a rate limit and what is particular to a provider. It makes one attempt for each call: the
    /// client that needs the credentials repeats it.
    pub(super) fn for_credentials(settings: &Settings) -> Self {
        Self::new(Settings {
            credentials: Given::Fixed(Credentials::none()),
            more_keys: Vec::new(),
            retry: RetryPolicy { throttled_wait: None, ..settings.retry.max_attempts(1) },
            rate_limit: RateLimit::unlimited(),
            bucket_limits: &[],
            limit_scope: LimitScope::Client,
            check: None,
            server_error: ServerError::read,
            quota: |_, _| None,
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
    /// once more. The old ones stay hidden in errors and logs. Credentials that are the same change nothing.
    ///
    /// # Errors
    /// [`Error::Invalid`] when a [`CredentialSource`](crate::CredentialSource) gives this client its credentials, or it has a key pool.
    pub fn replace_credentials(&self, credentials: Credentials) -> Result<()> {
        let keys = &self.inner.keys;
        if keys.is_pool() {
            return Err(Error::invalid("credentials", "(hidden)", "a client without a key pool"));
        }
        let shared = shared_buckets(&self.inner.settings, Some(&credentials));
        if keys.key(None).credentials.replace(credentials)? {
            // What was known of the quota of the old ones does not hold for the new ones.
            keys.key(None).limits.share(shared);
        }
        Ok(())
    }

    /// The base URL.
    pub fn base_url(&self) -> &Url {
        &self.inner.settings.base_url
    }

    /// Whether the client has no credentials.
    pub fn is_anonymous(&self) -> bool {
        self.inner.keys.key(None).credentials.is_none()
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
        self.inner.keys.removed_from(link)
    }

    /// A URL that was requested, without credentials.
    pub(crate) fn url_without_secrets(&self, url: &Url) -> String {
        let link = self.link_without_keys(url.as_str());
        self.inner.scrubber.without_secrets(link.as_deref().unwrap_or(url.as_str()))
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

/// The state of the rate buckets of a key, which other clients may share. A source gives no key that others could have too.
fn shared_buckets(settings: &Settings, credentials: Option<&Credentials>) -> Arc<SharedBuckets> {
    let base = &settings.base_url;
    match (settings.limit_scope, credentials) {
        (LimitScope::Host, _) => {
            let port = base.port_or_known_default().unwrap_or_default();
            SharedBuckets::of_host(&format!("{}:{port}", base.host_str().unwrap_or_default()))
        }
        // An own transport may lead to another server than the origin says.
        (LimitScope::Client, Some(credentials)) if !settings.own_transport && !credentials.is_none() => {
            SharedBuckets::of_key(redact::origin(base), credentials)
        }
        (LimitScope::Client, _) => Arc::default(),
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("base_url", &redact::shown(self.base_url()))
            .field("credentials", &self.inner.keys)
            .finish_non_exhaustive()
    }
}
