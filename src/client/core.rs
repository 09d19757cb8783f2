//! The client core: authorise, limit, send, classify, retry. The only loop that sends, and the only one that sleeps.

use super::builder::Check;
use super::credentials::Credentials;
use super::rate_limit::RateLimit;
use super::retry::RetryPolicy;
use super::transport::SharedTransport;
use crate::json::Fields;
use std::fmt;
use std::future::{Future, ready};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use http::header::{ACCEPT, CONTENT_LENGTH, LOCATION};
use http::{HeaderMap, HeaderValue, StatusCode};
use jiff::Timestamp;
use sync_wrapper::SyncWrapper;
use tokio::time::Instant;
use url::Url;

use super::buckets::Buckets;
use super::clock::{Clock, monotonic, sleep_until};
use crate::json;

use super::api_request::{ApiRequest, Origins, UrlKind};
use super::progress::Progress;
use super::rate_headers;
use super::rate_limit::{LimitScope, Limiter, Wait};
use super::redact;
use super::redact::Scrubber;
use super::retry::RetryBudget;
use super::sunset::Sunset;
use super::transport::Body;
use crate::error::Refusal;
use crate::error::ServerError;
use crate::error::{Call, Error, PauseReason, Result, TimeoutScope, retryable_status};
use crate::json::BodyProblem;

/// Redirects within the origin that one attempt follows.
const MAX_REDIRECTS: u32 = 3;

/// The largest body of an error, in bytes, that is read for what it says.
const MAX_ERROR_BODY: usize = 64 << 10;

/// Checked settings.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) base_url: Url,
    pub(crate) credentials: Credentials,
    pub(crate) timeout: Duration,
    pub(crate) page_timeout: Duration,
    pub(crate) retry: RetryPolicy,
    pub(crate) rate_limit: RateLimit,
    pub(crate) limit_scope: LimitScope,
    pub(crate) check: Option<Check>,
    pub(crate) server_error: fn(&Fields) -> ServerError,
    pub(crate) max_body_bytes: usize,
    pub(crate) transport: SharedTransport,
    pub(crate) clock: Clock,
}

/// A client for one base URL with one set of credentials. Cheap to clone; clones share the rate limit, the retry budget
/// and the connections.
///
/// The providers' clients are built on it. Use it directly for any other paginated JSON API: describe the listing as an
/// [`Endpoint`] and give it to [`Client::list`].
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    settings: Settings,
    limiter: Buckets,
    budget: RetryBudget,
    scrubber: Scrubber,
    sunset: Mutex<Option<Sunset>>,
}

/// A whole answer with its body.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) url: Url,
    rest: Rest,
}

/// The body of an answer that was asked for in pieces.
#[derive(Default)]
struct Rest(Mutex<Option<Body>>);

impl fmt::Debug for Rest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rest")
    }
}

/// An answer whose body is read in pieces, as they come.
pub(crate) struct Opened {
    pub(crate) call: Call,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: SyncWrapper<Body>,
    /// The longest silence between two pieces.
    pub(crate) patience: Duration,
}

/// An attempt that did not bring the answer.
struct Failure {
    error: Error,
    /// Whether another attempt may help.
    retry: bool,
    /// The wait that the server named.
    wait: Option<Duration>,
}

impl Failure {
    fn fatal(error: Error) -> Self {
        Self { error, retry: false, wait: None }
    }

    fn passing(error: Error) -> Self {
        Self { error, retry: true, wait: None }
    }
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
        let limiter = Buckets::new(limiter, settings.rate_limit);
        let budget = RetryBudget::new(settings.retry.budget);
        let scrubber = Scrubber::new(settings.credentials.secrets());
        Self { inner: Arc::new(Inner { settings, limiter, budget, scrubber, sunset: Mutex::default() }) }
    }

    /// The base URL.
    pub fn base_url(&self) -> &Url {
        &self.inner.settings.base_url
    }

    /// Whether calls are anonymous.
    pub fn is_anonymous(&self) -> bool {
        self.inner.settings.credentials.is_none()
    }

    /// The clock that says what "now" and "today" are.
    pub fn clock(&self) -> &Clock {
        &self.inner.settings.clock
    }

    /// The `Sunset` header of the latest answer that had one, over all clones: the service says from when on this key, or
    /// what it was used for, will no longer work.
    pub fn sunset(&self) -> Option<Sunset> {
        self.last_sunset().clone()
    }

    fn last_sunset(&self) -> MutexGuard<'_, Option<Sunset>> {
        self.inner.sunset.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note_sunset(&self, endpoint: &str, headers: &HeaderMap) {
        let Some(sunset) = Sunset::of(headers) else { return };
        let mut last = self.last_sunset();
        if last.as_ref() != Some(&sunset) {
            tracing::warn!(endpoint, at = ?sunset.at(), "the server announces the end of this key or endpoint");
            *last = Some(sunset);
        }
    }

    /// Whether a text holds a credential of this client.
    pub(crate) fn finds_secret_in(&self, text: &str) -> bool {
        self.inner.scrubber.finds_secret_in(text)
    }

    pub(crate) fn origin(&self) -> String {
        redact::origin(self.base_url())
    }

    /// Makes one call as [`Client::call`] does, and leaves the body of a good answer to be read in pieces: the limits of
    /// size and time are then the reader's.
    pub(crate) async fn open(&self, endpoint: &str, mut request: ApiRequest, progress: &Progress) -> Result<Opened> {
        request.streamed = true;
        let target = self.url(&request).map(|url| format!("{} {}", request.method, redact::shown(&url)))?;
        let (status, headers, body) = self
            .call(endpoint, &request, progress, &|status| status.is_success(), |response| {
                let body = response.rest.0.lock().unwrap_or_else(PoisonError::into_inner).take();
                let body = body.ok_or_else(|| Refusal::shape("there is no body"))?;
                Ok((response.status, response.headers.clone(), body))
            })
            .await?;
        let call = Call { endpoint: endpoint.into(), target, attempts: 1 };
        let body = SyncWrapper::new(body);
        Ok(Opened { call, status, headers, body, patience: self.inner.settings.timeout })
    }

    /// What a server says in an error body, shortened and scrubbed.
    pub(crate) fn snippet(&self, text: &str) -> String {
        self.inner.scrubber.snippet(text)
    }

    /// Makes one call: attempts and waits until there is an answer that `read` accepts, or a reason to give up.
    pub(crate) async fn call<O: Send>(
        &self,
        endpoint: &str,
        request: &ApiRequest,
        progress: &Progress,
        accept: &(dyn Fn(StatusCode) -> bool + Sync),
        mut read: impl FnMut(&Response) -> Result<O, Refusal> + Send,
    ) -> Result<O> {
        self.call_with(endpoint, request, progress, accept, |response| ready(read(&response))).await
    }

    /// [`Client::call`] with a `read` that takes its time.
    pub(crate) async fn call_with<O, F>(
        &self,
        endpoint: &str,
        request: &ApiRequest,
        progress: &Progress,
        accept: &(dyn Fn(StatusCode) -> bool + Sync),
        mut read: impl FnMut(Arc<Response>) -> F + Send,
    ) -> Result<O>
    where
        F: Future<Output = Result<O, Refusal>> + Send,
    {
        let settings = &self.inner.settings;
        let started = monotonic();
        let deadline = started.checked_add(settings.page_timeout).unwrap_or(started + Duration::from_secs(1 << 30));
        let mut url = self.url(request)?;
        let shown = match request.url {
            UrlKind::Plain => redact::shown(&url),
            _ => format!("{}/…", redact::origin(&url)),
        };
        let target = format!("{} {shown}", request.method);
        let mut call = Call { endpoint: endpoint.into(), target, attempts: 0 };
        let mut redirects = 0;
        loop {
            self.slot(request.bucket.as_deref(), deadline, &call, progress).await?;
            call.attempts += 1;
            progress.request(call.attempts);
            let failure = match self.attempt(request, &url, deadline, &call).await {
                Ok(response) => {
                    progress.received(response.body.len());
                    tracing::debug!(
                        endpoint,
                        attempt = call.attempts,
                        status = response.status.as_u16(),
                        bytes = response.body.len(),
                        "answered"
                    );
                    self.note_sunset(endpoint, &response.headers);
                    let server = if accept(response.status) { None } else { self.server_error(&response) };
                    let said = server.as_ref().and_then(|server| server.retry_after);
                    let throttled = response.status == StatusCode::TOO_MANY_REQUESTS;
                    let wait = rate_headers::requested_wait(&response.headers, settings.clock.now())
                        .or(said)
                        .or_else(|| settings.retry.unnamed_wait().filter(|_| throttled));
                    if let Some(wait) = wait {
                        let reach = server.as_ref().map(|server| server.reach).unwrap_or_default();
                        self.inner.limiter.close_for(request.bucket.as_deref(), reach, wait);
                    }
                    // Only what changes nothing may be sent to another place than was asked for.
                    let follow = response.status.is_redirection() && request.method.is_safe();
                    if follow && !accept(response.status) {
                        redirects += 1;
                        url = self.redirected(request, &response, &call, redirects)?;
                        call.attempts -= 1;
                        continue;
                    }
                    match self.judge(request, Arc::new(response), server, &call, accept, &mut read).await {
                        Ok(value) => {
                            self.inner.budget.deposit();
                            return Ok(value);
                        }
                        Err(failure) => Failure { wait: wait.filter(|_| failure.retry), ..failure },
                    }
                }
                Err(failure) => failure,
            };
            let attempts_left = call.attempts < settings.retry.max_attempts;
            // A wait that is over before it began says nothing.
            let named = failure.wait.filter(|wait| !wait.is_zero());
            if let Some(wait) = named.filter(|wait| *wait > settings.retry.max_wait) {
                return Err(self.paused(call, wait));
            }
            let wait = named.unwrap_or_else(|| settings.retry.jittered(call.attempts));
            // What must not be sent twice is sent again only when the server cannot have acted on it.
            let unknown = !request.idempotent && failure.error.is_ambiguous();
            let give_up = !failure.retry
                || unknown
                || !attempts_left
                || monotonic().checked_add(wait).is_none_or(|at| at >= deadline)
                || !self.inner.budget.withdraw();
            if unknown {
                return Err(Error::OutcomeUnknown { source: Box::new(failure.error) });
            }
            if let (true, Some(wait)) = (give_up && failure.retry, named) {
                // What the server named is a pause, whichever limit of ours it meets.
                return Err(self.paused(call, wait));
            }
            if give_up {
                return Err(failure.error);
            }
            tracing::warn!(endpoint, attempt = call.attempts, error = %failure.error, wait = ?wait, "trying again");
            progress.waited(wait);
            sleep_until(monotonic() + wait).await;
        }
    }

    /// Waits for the rate limit.
    async fn slot(&self, bucket: Option<&str>, deadline: Instant, call: &Call, progress: &Progress) -> Result<()> {
        let settings = &self.inner.settings;
        loop {
            let Err(Wait { until, closed }) = self.inner.limiter.take(bucket) else { return Ok(()) };
            let wait = until.duration_since(monotonic());
            if closed && (wait > settings.retry.max_wait || until >= deadline) {
                return Err(self.paused(call.clone(), wait));
            }
            if until >= deadline {
                let (limit, scope) = (settings.page_timeout, TimeoutScope::Page);
                return Err(Error::Timeout { call: Box::new(call.clone()), limit, scope });
            }
            if closed {
                tracing::info!(endpoint = %call.endpoint, ?wait, "waiting, as the server asked");
            }
            progress.waited(wait);
            sleep_until(until).await;
        }
    }

    /// When to go on after a 429 that names no time: the longest wait of the retry policy from now.
    pub(crate) fn after_throttling(&self) -> Timestamp {
        self.inner.settings.clock.after(self.inner.settings.retry.max_wait)
    }

    fn paused(&self, call: Call, wait: Duration) -> Error {
        let until = self.inner.settings.clock.after(wait);
        Error::Paused { call: Box::new(call), until, wait, reason: PauseReason::RateLimit }
    }

    /// One attempt: send, and read the whole body, under one limit.
    async fn attempt(
        &self,
        request: &ApiRequest,
        url: &Url,
        deadline: Instant,
        call: &Call,
    ) -> Result<Response, Failure> {
        let settings = &self.inner.settings;
        let left = deadline.duration_since(monotonic());
        let limit = settings.timeout.min(left);
        let exchange = async {
            let http = self.http_request(request, url).map_err(Failure::fatal)?;
            let broken = |source| Failure::passing(Error::Connection { call: Box::new(call.clone()), source });
            let (head, mut body) = settings.transport.0.send(http).await.map_err(broken)?.into_parts();
            let (status, url) = (head.status, url.clone());
            if request.streamed && status.is_success() {
                let rest = Rest(Mutex::new(Some(body)));
                return Ok(Response { status, headers: head.headers, body: Bytes::new(), url, rest });
            }
            // Of an error only the beginning is read, and what it says in its head holds even when its body is lost.
            let error = !status.is_success();
            let max = if error { MAX_ERROR_BODY } else { settings.max_body_bytes };
            let too_large = || Failure::fatal(Error::TooLarge { call: Box::new(call.clone()), limit: max });
            let announced =
                head.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
            if announced.is_some_and(|length| length > max) && !error {
                return Err(too_large());
            }
            let mut whole = BytesMut::with_capacity(announced.unwrap_or_default().min(max));
            while let Some(piece) = body.next().await {
                let piece = match piece {
                    Err(_) if error => break,
                    piece => piece.map_err(broken)?,
                };
                if whole.len() + piece.len() > max {
                    if error {
                        break;
                    }
                    return Err(too_large());
                }
                whole.extend_from_slice(&piece);
            }
            Ok(Response { status, headers: head.headers, body: whole.freeze(), url, rest: Rest::default() })
        };
        tokio::time::timeout(limit, exchange).await.unwrap_or_else(|_| {
            let call = Box::new(call.clone());
            // The limit that is reported is the one that somebody set.
            let (limit, scope) = if limit < settings.timeout {
                (settings.page_timeout, TimeoutScope::Page)
            } else {
                (settings.timeout, TimeoutScope::Attempt)
            };
            Err(Failure::passing(Error::Timeout { call, limit, scope }))
        })
    }

    /// Accepts an answer, or says what is wrong with it.
    async fn judge<O, F>(
        &self,
        request: &ApiRequest,
        response: Arc<Response>,
        server: Option<Box<ServerError>>,
        call: &Call,
        accept: &(dyn Fn(StatusCode) -> bool + Sync),
        read: &mut (impl FnMut(Arc<Response>) -> F + Send),
    ) -> Result<O, Failure>
    where
        F: Future<Output = Result<O, Refusal>> + Send,
    {
        let status = response.status;
        if !accept(status) {
            return Err(self.bad_status(request, &response, server, call));
        }
        let checked = match self.inner.settings.check {
            Some(check) if status.is_success() => check(&json::fields(&response.body)),
            _ => Ok(()),
        };
        let read = match checked {
            Ok(()) => read(response.clone()).await,
            Err(refusal) => Err(refusal),
        };
        read.map_err(|refusal| self.refused(request, &response, refusal, call))
    }

    /// The failure that a bad status is.
    fn bad_status(
        &self,
        request: &ApiRequest,
        response: &Response,
        server: Option<Box<ServerError>>,
        call: &Call,
    ) -> Failure {
        let (call, status) = (Box::new(call.clone()), response.status);
        let text = String::from_utf8_lossy(&response.body);
        let codes = server.as_ref().map(|server| server.codes()).unwrap_or_default();
        let message = match json::fields(&response.body).message() {
            _ if request.private => codes,
            Some(message) if codes.is_empty() || message == codes => self.inner.scrubber.snippet(&message),
            Some(message) => format!("{codes}: {}", self.inner.scrubber.snippet(&message)),
            // A page of HTML says less than the status.
            None if text.trim_start().starts_with('<') => String::new(),
            None => self.inner.scrubber.snippet(&text),
        };
        let retry_after = rate_headers::retry_after(&response.headers, self.inner.settings.clock.now());
        let retry_after = retry_after.or(server.as_ref().and_then(|server| server.retry_after));
        let error = Error::Status { call, status, message, retry_after, server };
        if retryable_status(status) { Failure::passing(error) } else { Failure::fatal(error) }
    }

    /// The failure that a good status with a bad answer is.
    fn refused(&self, request: &ApiRequest, response: &Response, refusal: Refusal, call: &Call) -> Failure {
        let (call, status) = (Box::new(call.clone()), response.status);
        match refusal {
            Refusal::Body(problem) => {
                let retry = problem == BodyProblem::Truncated;
                let stands_for_error = problem == BodyProblem::ErrorObject;
                let server = if stands_for_error { self.server_error(response) } else { None };
                let message = json::fields(&response.body).message().filter(|_| !request.private);
                let text = String::from_utf8_lossy(&response.body);
                let snippet = match problem {
                    BodyProblem::Truncated | BodyProblem::Ignored(_) => String::new(),
                    _ if message.is_some() => self.inner.scrubber.snippet(&message.unwrap_or_default()),
                    // The beginning of an ill-shaped JSON body is data of records, which may be personal.
                    _ if request.private || text.trim_start().starts_with(['{', '[']) => {
                        server.as_ref().map(|server| server.codes()).unwrap_or_default()
                    }
                    _ => self.inner.scrubber.snippet(&text),
                };
                Failure { error: Error::Body { call, status, problem, snippet, server }, retry, wait: None }
            }
            Refusal::AllRejected { rows, reason } => Failure::fatal(Error::AllRejected { call, rows, reason }),
            Refusal::Foreign { link, found } => Failure::fatal(Error::ForeignOrigin { call, link, found }),
        }
    }

    /// What an error's body says, when it is a JSON object of a sensible size.
    fn server_error(&self, response: &Response) -> Option<Box<ServerError>> {
        if response.body.len() > MAX_ERROR_BODY {
            return None;
        }
        let text = self.inner.scrubber.without_secrets(&String::from_utf8_lossy(&response.body));
        let fields = json::fields(text.as_bytes());
        (!fields.is_empty()).then(|| Box::new((self.inner.settings.server_error)(&fields)))
    }

    /// Where a redirect leads, when the request may go there.
    fn redirected(&self, request: &ApiRequest, response: &Response, call: &Call, redirects: u32) -> Result<Url> {
        let call = || Box::new(call.clone());
        let status = response.status;
        let target = response.headers.get(LOCATION).and_then(|value| response.url.join(value.to_str().ok()?).ok());
        match target {
            Some(target) if !self.may_go_to(&target, request) => {
                Err(Error::ForeignOrigin { call: call(), link: "redirect", found: redact::origin(&target) })
            }
            Some(target) if redirects <= MAX_REDIRECTS => Ok(target),
            _ => {
                let message = "a redirect that leads nowhere".to_owned();
                Err(Error::Status { call: call(), status, message, retry_after: None, server: None })
            }
        }
    }

    fn url(&self, request: &ApiRequest) -> Result<Url> {
        let invalid = |shown: String| Error::invalid("path", shown, "a path or URL of the base URL's origin");
        let mut url = self.base_url().join(&request.path).map_err(|_| invalid("(no URL)".to_owned()))?;
        // A path such as `//host/` or `https://host/` would carry the credential away.
        if !self.may_go_to(&url, request) {
            return Err(invalid(redact::origin(&url)));
        }
        if !request.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&request.query);
        }
        Ok(url)
    }

    /// Whether a request may go to this URL at all. Whether it takes the credentials along is another question.
    fn may_go_to(&self, url: &Url, request: &ApiRequest) -> bool {
        let base = self.base_url();
        let elsewhere =
            request.origins == Origins::Any && matches!((base.scheme(), url.scheme()), (_, "https") | ("http", "http"));
        !redact::has_user(url) && (url.origin() == base.origin() || elsewhere)
    }

    fn http_request(&self, request: &ApiRequest, url: &Url) -> Result<http::Request<Bytes>> {
        let mut http = http::Request::new(request.body.clone());
        *http.method_mut() = request.method.clone();
        *http.uri_mut() =
            url.as_str().parse().map_err(|_| Error::invalid("URL", redact::shown(url), "a URL of at most 64 KB"))?;
        let headers = http.headers_mut();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.extend(request.headers.clone());
        if request.url != UrlKind::Bearer && url.origin() == self.base_url().origin() {
            for (name, value) in self.inner.settings.credentials.headers() {
                headers.insert(name, value.clone());
            }
        }
        Ok(http)
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
