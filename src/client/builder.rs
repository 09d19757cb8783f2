//! Configuration of a client. Every setting has a default; invalid ones are typed errors at `build()`.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use url::Url;

use super::clock::Clock;
use super::core::{Check, Client, Settings};
use super::credential_cache::Given;
use super::credential_source::{Attached, CredentialSource, SharedSource};
use super::credentials::Credentials;
use super::http_transport::{CONNECT_TIMEOUT, HttpTransport, USER_AGENT};
use super::observe::{Event, Observer};
use super::quota::Quota;
use super::rate_limit::{LimitScope, RateLimit};
use super::redact::Scrubber;
use super::retry::RetryPolicy;
use super::setters::setters;
use super::transport::{SharedTransport, Transport};
use crate::error::{Error, Result, ServerError};
use crate::json::Fields;

/// The default time limit of one page.
pub(crate) const PAGE_TIMEOUT: Duration = Duration::from_secs(300);

/// A client type that [`ClientBuilder`] can build: the defaults of a provider, and how to make its client.
pub trait Provider: Sized {
    /// The default base URL.
    const BASE_URL: &'static str;
    /// The default rate limit: the documented rate, or a low one.
    const RATE_LIMIT: RateLimit;
    /// Which clients share the rate limit. Default: those with the same credentials and origin.
    const LIMIT_SCOPE: LimitScope = LimitScope::Client;
    /// The documented rates of rate buckets that differ from [`Provider::RATE_LIMIT`], by the name of the bucket
    /// ([`ApiRequest::bucket`](crate::endpoint::ApiRequest::bucket)). Default: none.
    const BUCKET_LIMITS: &'static [(&'static str, RateLimit)] = &[];
    /// The default time limit of one attempt. Default 60 s.
    const TIMEOUT: Duration = Duration::from_secs(60);
    /// How long to wait after a 429 without `Retry-After`, where it is known. Default: the back-off of the [`RetryPolicy`].
    const THROTTLED_WAIT: Option<Duration> = None;
    /// How many requests a client has in flight by default. Default 1.
    const MAX_IN_FLIGHT: usize = 1;
    /// Checks each JSON object with a success status, for services that report errors in it. Default: no check.
    const CHECK: Option<Check> = None;

    /// Reads the body of an error answer. Default: [`ServerError::read`], for the forms that most services use.
    fn server_error(body: &Fields) -> ServerError {
        ServerError::read(body)
    }

    /// What remains of a quota, read from headers that only this provider sends, on an answer of any status. Default: none.
    /// `Retry-After`, `X-RateLimit-*` and `RateLimit` are read for every provider.
    fn quota(headers: &HeaderMap, now: Timestamp) -> Option<Quota> {
        let _ = (headers, now);
        None
    }

    /// What to do after an error status, where the general advice of [`Error::Status`] does not fit this provider.
    /// Default: `None`, the general advice.
    fn advice(status: StatusCode, server: Option<&ServerError>) -> Option<&'static str> {
        let _ = (status, server);
        None
    }

    /// Makes the provider's client from the configured core.
    fn from_core(core: Client) -> Self;
}

/// Builds a client of any provider.
///
/// ```
/// use std::time::Duration;
/// use jobfeed::{RateLimit, RetryPolicy, jobdataapi};
///
/// let api = jobdataapi::Client::builder()
///     .api_key("my-key")
///     .base_url("http://127.0.0.1:8901/api/")
///     .rate_limit(RateLimit::new(30, Duration::from_secs(60)))
///     .retry(RetryPolicy::default().max_attempts(3))
///     .timeout(Duration::from_secs(90))
///     .build()?;
/// # Ok::<(), jobfeed::Error>(())
/// ```
#[derive(Debug)]
#[must_use]
pub struct ClientBuilder<P> {
    base_url: Option<Result<Url>>,
    /// The keys; several are a pool.
    credentials: Result<Vec<Credentials>>,
    source: Option<SharedSource>,
    connect_timeout: Duration,
    timeout: Duration,
    page_timeout: Duration,
    retry: RetryPolicy,
    rate_limit: RateLimit,
    bucket_limits: &'static [(&'static str, RateLimit)],
    adaptive_rate: bool,
    max_in_flight: usize,
    user_agent: String,
    max_body_bytes: usize,
    transport: Option<SharedTransport>,
    clock: Clock,
    observer: Observer,
    provider: PhantomData<fn() -> P>,
}

impl<P: Provider> Default for ClientBuilder<P> {
    fn default() -> Self {
        Self {
            base_url: None,
            credentials: Ok(vec![Credentials::none()]),
            source: None,
            connect_timeout: CONNECT_TIMEOUT,
            timeout: P::TIMEOUT,
            page_timeout: PAGE_TIMEOUT,
            retry: RetryPolicy { throttled_wait: P::THROTTLED_WAIT, ..RetryPolicy::default() },
            rate_limit: P::RATE_LIMIT,
            bucket_limits: P::BUCKET_LIMITS,
            adaptive_rate: true,
            max_in_flight: P::MAX_IN_FLIGHT,
            user_agent: USER_AGENT.to_owned(),
            max_body_bytes: 256 << 20,
            transport: None,
            clock: Clock::system(),
            observer: Observer::default(),
            provider: PhantomData,
        }
    }
}

setters! { [P: Provider] ClientBuilder<P> {
    /// Sets another host, port or path prefix: an absolute `http` or `https` URL without credentials, query and
    /// fragment. A missing slash at the end is added.
    base_url(url: impl AsRef<str>) => base_url = Some(parse_base_url(url.as_ref()));
    /// The time limit for making a connection. Default 10 s. Not applied to your own transport.
    connect_timeout(limit: Duration) => connect_timeout = limit;
    /// The time limit of one attempt: send, and read the whole body. Default 60 s, or what the
    /// provider needs ([`Provider::TIMEOUT`]).
    timeout(limit: Duration) => timeout = limit;
    /// The time limit of one page: all attempts, and all waits between them. Default 5 minutes.
    page_timeout(limit: Duration) => page_timeout = limit;
    /// The `User-Agent`. Not applied to your own transport.
    user_agent(name: impl Into<String>) => user_agent = name.into();
    /// The largest body that is accepted, in bytes after decompression. Default 256 MiB.
    max_body_bytes(bytes: usize) => max_body_bytes = bytes;
    /// How many requests all clones may have in flight together: 1 or more. The others wait, first come, first served; this wait
    /// is not part of the time of their page. Default 1, unless the provider allows more ([`Provider::MAX_IN_FLIGHT`]).
    ///
    /// A request is in flight until its answer has been read. A body that is read in chunks as the caller asks for them, such as
    /// the ids of [`ExpiredRequest`](crate::fantastic_jobs::ExpiredRequest), does not count after its head, so that its reader
    /// can make other calls meanwhile. Neither does a request whose future is kept and not polled for 0.3 s.
    max_in_flight(requests: usize) => max_in_flight = requests;
    /// Whether the client slows down before a quota of the server is used up, by `X-RateLimit-*`, `RateLimit` or the provider's own
    /// headers. Default true.
    ///
    /// More than half of a quota is used at the rate of [`ClientBuilder::rate_limit`]. The rest is spread over the time to the reset,
    /// if otherwise the client had to stop at its end for a time that it may wait ([`RetryPolicy::max_wait`]). Before a longer stop it
    /// keeps its rate, and then the call is [`Error::Paused`]. A quota that is used up is waited for in any case.
    adaptive_rate(yes: bool) => adaptive_rate = yes;
    /// Uses your own transport.
    transport(transport: impl Transport) => transport = Some(SharedTransport(Arc::new(transport)));
    /// The clock for "now" and "today". Default: the system clock.
    clock(clock: Clock) => clock = clock;
    /// Tells this function of every attempt, wait and page of the client and its clones. A later call replaces it.
    ///
    /// It is called by the task that makes the call, so it should be quick and must not block. A panic in it is caught and
    /// logged, and the call goes on: no page is lost. It never gets a secret. See [`telemetry`](crate::telemetry), also
    /// for spans and metrics, which need no observer.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicU64, Ordering};
    /// use jobfeed::jobdataapi::Client;
    /// use jobfeed::telemetry::EventKind;
    ///
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let server = jobfeed::testing::JobDataApi::builder().jobs(300).start().await?;
    /// # let (key, url) = (server.api_key(), server.base_url());
    /// let slow = Arc::new(AtomicU64::new(0));
    /// let count = slow.clone();
    /// let api = Client::builder().api_key(key).base_url(url).observe(move |event| match event.kind {
    ///     EventKind::AttemptAnswered(attempt) if attempt.duration.as_secs() >= 10 => {
    ///         count.fetch_add(1, Ordering::Relaxed);
    ///     }
    ///     EventKind::AttemptFailed { error, .. } => eprintln!("{}: {error}", event.endpoint),
    ///     _ => {}
    /// });
    /// api.build()?.jobs().send().await?;
    /// assert_eq!(slow.load(Ordering::Relaxed), 0);
    /// # Ok(()) }
    /// ```
    observe(observe: impl Fn(&Event<'_>) + Send + Sync + 'static) => observer = Observer::new(observe);
} }

impl<P: Provider> ClientBuilder<P> {
    /// The provider's usual credentials; [`ClientBuilder::build`] returns their error.
    pub(crate) fn try_credentials(mut self, credentials: Result<Credentials>) -> Self {
        self.credentials = credentials.map(|credentials| vec![credentials]);
        self.source = None;
        self
    }

    /// Sets credentials of another kind than the provider's usual one.
    pub fn credentials(self, credentials: Credentials) -> Self {
        self.try_credentials(Ok(credentials))
    }

    /// Takes credentials that change from a source, such as [`OAuth2`](crate::OAuth2), in place of those set before.
    pub fn credential_source(mut self, source: impl CredentialSource) -> Self {
        self.credentials = Ok(vec![Credentials::none()]);
        self.source = Some(SharedSource::new(source));
        self
    }

    /// Uses several keys: each attempt is made with the one that has the most of its quota left, as the server tells by
    /// `X-RateLimit-*`, `RateLimit` or the provider's own headers. A key whose quota is not known is tried first, and where no quota is
    /// told, all are used in turn. It replaces the credentials that were set before.
    ///
    /// A key that a server asked to wait, or whose quota is used up, rests until its reset, and the others are used; an attempt with
    /// another key is no retry. When all rest, the call waits for the first of them, or is [`Error::Paused`] until then. Each key has the whole
    /// [`rate_limit`](ClientBuilder::rate_limit), unless the service counts by IP address ([`LimitScope::Host`]). A key that is refused
    /// with status 401 or 403 is an error that has its index in [`Call::key`](crate::Call::key). All keys must see the same data,
    /// because the pages of one walk are read with any of them.
    ///
    /// ```
    /// use jobfeed::{Client, Credentials};
    ///
    /// let keys = [Credentials::bearer("first-key")?, Credentials::bearer("second-key")?];
    /// let api = Client::builder().base_url("https://api.example.com/").key_pool(keys).build()?;
    /// # Ok::<(), jobfeed::Error>(())
    /// ```
    pub fn key_pool(self, keys: impl IntoIterator<Item = Credentials>) -> Self {
        self.try_key_pool(keys.into_iter().map(Ok))
    }

    /// As [`ClientBuilder::key_pool`]; [`ClientBuilder::build`] returns the first error.
    pub(crate) fn try_key_pool(mut self, keys: impl IntoIterator<Item = Result<Credentials>>) -> Self {
        self.credentials = keys.into_iter().collect();
        self.source = None;
        self
    }

    /// How many requests may be sent in a period, by all clients with the same credentials, or by all clients of the host
    /// ([`LimitScope`]). Default: the provider's documented rate, or rates. Where a service counts by
    /// endpoint or by customer, each rate bucket has this rate.
    pub fn rate_limit(mut self, limit: RateLimit) -> Self {
        self.rate_limit = limit;
        self.bucket_limits = &[];
        self
    }

    /// When and how failed attempts are repeated.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        let throttled_wait = policy.throttled_wait.or(P::THROTTLED_WAIT);
        self.retry = RetryPolicy { throttled_wait, ..policy };
        self
    }

    /// Checks the settings and builds the client. Does no I/O.
    ///
    /// # Errors
    /// [`Error::Invalid`] for an invalid setting.
    pub fn build(self) -> Result<P> {
        let limits =
            [("connect timeout", self.connect_timeout), ("timeout", self.timeout), ("page timeout", self.page_timeout)];
        for (name, limit) in limits {
            if limit.is_zero() {
                return Err(Error::invalid(name, "0", "a time longer than zero"));
            }
        }
        if self.timeout > self.page_timeout {
            return Err(Error::invalid("timeout", format!("{:?}", self.timeout), "at most the page timeout"));
        }
        if self.max_body_bytes == 0 {
            return Err(Error::invalid("max_body_bytes", "0", "1 or more"));
        }
        if self.max_in_flight == 0 {
            return Err(Error::invalid("max_in_flight", "0", "1 or more"));
        }
        let rate_limit = self.rate_limit.validate()?;
        if rate_limit.interval() >= self.page_timeout {
            let interval = format!("one request in {:?}", rate_limit.interval());
            return Err(Error::invalid("rate limit", interval, "an interval shorter than the page timeout"));
        }
        let base_url = match self.base_url {
            Some(url) => url?,
            None => Url::parse(P::BASE_URL)
                .map_err(|_| Error::invalid("base URL", P::BASE_URL, "a base URL; this provider has no default"))?,
        };
        let mut keys = self.credentials?.into_iter();
        let Some(credentials) = keys.next() else {
            return Err(Error::invalid("key pool", "0 keys", "1 or more"));
        };
        let more_keys: Vec<Credentials> = keys.collect();
        if !more_keys.is_empty() && (credentials.is_none() || more_keys.iter().any(Credentials::is_none)) {
            return Err(Error::invalid("key pool", "a key without credentials", "credentials in each"));
        }
        let all = || std::iter::once(&credentials).chain(&more_keys);
        // Each would have the whole rate limit.
        if all().enumerate().any(|(index, key)| all().skip(index + 1).any(|other| key.are_same(other))) {
            return Err(Error::invalid("key pool", "a key twice", "each key once"));
        }

        let own_transport = self.transport.is_some();
        let transport = if let Some(transport) = self.transport {
            transport
        } else {
            let http = HttpTransport::builder().connect_timeout(self.connect_timeout).user_agent(self.user_agent);
            SharedTransport(Arc::new(http.build()?))
        };
        let mut settings = Settings {
            base_url,
            credentials: Given::Fixed(credentials),
            more_keys,
            scrubber: Scrubber::default(),
            timeout: self.timeout,
            page_timeout: self.page_timeout,
            retry: self.retry.validate()?,
            rate_limit,
            bucket_limits: self.bucket_limits,
            limit_scope: P::LIMIT_SCOPE,
            adaptive_rate: self.adaptive_rate,
            max_in_flight: self.max_in_flight,
            check: P::CHECK,
            server_error: P::server_error,
            quota: P::quota,
            advice: P::advice,
            max_body_bytes: self.max_body_bytes,
            transport,
            own_transport,
            clock: self.clock,
            observer: self.observer,
        };
        if let Some(source) = self.source {
            let client = Client::for_credentials(&settings);
            settings.credentials = Given::Source(Arc::new(Attached::new(source, client)));
        }
        Ok(P::from_core(Client::new(settings)))
    }
}

/// # Errors
/// [`Error::Invalid`] for anything else than an absolute `http` or `https` URL without credentials, query and fragment.
pub(crate) fn parse_base_url(url: &str) -> Result<Url> {
    let rule = "an absolute http or https URL without credentials, query and fragment";
    // The error does not show a text that may hold a password or a key.
    let invalid = || Error::invalid("base URL", if url.contains(['@', '?']) { "(hidden)" } else { url }, rule);
    let mut parsed = Url::parse(url).map_err(|_| invalid())?;
    let plain = parsed.username().is_empty() && parsed.password().is_none() && parsed.query().is_none();
    if !matches!(parsed.scheme(), "http" | "https") || !plain || parsed.fragment().is_some() {
        return Err(invalid());
    }
    if !parsed.path().ends_with('/') {
        parsed.set_path(&format!("{}/", parsed.path()));
    }
    Ok(parsed)
}

impl Provider for Client {
    const BASE_URL: &'static str = "";
    const RATE_LIMIT: RateLimit = RateLimit::every(Duration::from_millis(100));

    fn from_core(core: Client) -> Self {
        core
    }
}

impl Client {
    /// Settings for a client of any API. A base URL is required. Default rate: at most 10 requests a second.
    pub fn builder() -> ClientBuilder<Self> {
        ClientBuilder::default()
    }
}
