//! One attempt: sends the HTTP request, reads status and headers, then the body within limits of time and size.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use http::header::{ACCEPT, CONTENT_LENGTH, LOCATION};
use http::{HeaderMap, HeaderValue, StatusCode};
use sync_wrapper::SyncWrapper;
use tokio::time::{Instant, timeout_at};
use url::Url;

use super::api_request::{ApiRequest, Origins, UrlKind};
use super::clock::monotonic;
use super::core::Client;
use super::credential_cache::Held;
use super::redact;
use super::response::{AttemptError, Response};
use super::telemetry::Telemetry;
use super::transport::Body;
use crate::error::{Call, CredentialsError, Error, Result, TimeoutScope, TransportError, advice};

/// How many redirects one call follows.
const MAX_REDIRECTS: u32 = 3;

/// How many bytes of an error body are read at most.
pub(super) const MAX_ERROR_BODY: usize = 64 << 10;

/// How long credentials that a call has waited for are sent although they may have expired meanwhile.
const STILL_READY: Duration = Duration::from_millis(10);

/// The credentials that a call has waited for before its place in line, and when they were there. `None`: it need not wait.
pub(super) type Ready = Result<Option<(Arc<Held>, Instant)>, AttemptError>;

/// How long an error's body may take. Its head says already what matters.
const ERROR_BODY_TIME: Duration = Duration::from_secs(5);

/// An answer whose head is there and whose body is still to be read.
pub(crate) struct Opened {
    pub(crate) call: Call,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: SyncWrapper<Body>,
    /// The time limit of one attempt, and between two parts of a body that is read in parts.
    pub(crate) timeout: Duration,
    /// The limit of one page, which is also that of one chunk of a body that is read in chunks.
    pub(crate) page_timeout: Duration,
    pub(crate) url: Url,
    /// The revision of the credentials that were sent, if any.
    pub(super) credentials: Option<u64>,
    /// When the attempt must end, and the limit that a timeout error names.
    deadline: Instant,
    limit: (Duration, TimeoutScope),
}

impl Client {
    /// Sends the request and waits for the status and headers of the answer.
    pub(super) async fn exchange(
        &self,
        request: &ApiRequest,
        url: &Url,
        page_deadline: Instant,
        call: &Call,
        ready: Ready,
    ) -> Result<Opened, AttemptError> {
        let settings = &self.inner.settings;
        let credentials = match ready? {
            Some((held, at)) if monotonic().duration_since(at) < STILL_READY => Some(held),
            _ if self.is_authorised(request, url) => Some(self.credentials(page_deadline, call).await?),
            _ => None,
        };
        let now = monotonic();
        let deadline = now.checked_add(settings.timeout).unwrap_or(page_deadline).min(page_deadline);
        // A timeout error names the configured limit, not the remaining time.
        let limit = if deadline.duration_since(now) < settings.timeout {
            (settings.page_timeout, TimeoutScope::Page)
        } else {
            (settings.timeout, TimeoutScope::Attempt)
        };
        let http = http_request(request, url, credentials.as_deref()).map_err(AttemptError::fatal)?;
        let sent = timeout_at(deadline, settings.transport.0.send(http)).await;
        let answer = sent.map_err(|_| timed_out(call, limit))?.map_err(|source| broken(call, source))?;
        let (head, body) = answer.into_parts();
        Ok(Opened {
            call: call.clone(),
            status: head.status,
            headers: head.headers,
            body: SyncWrapper::new(body),
            timeout: settings.timeout,
            page_timeout: settings.page_timeout,
            url: url.clone(),
            credentials: credentials.map(|held| held.revision),
            deadline,
            limit,
        })
    }

    /// Reads the whole body of an accepted answer, up to the configured size.
    pub(super) async fn read_body(&self, opened: Opened, telemetry: &Telemetry<'_>) -> Result<Response, AttemptError> {
        let max = self.inner.settings.max_body_bytes;
        let too_large = || AttemptError::fatal(Error::TooLarge { call: Box::new(opened.call.clone()), limit: max });
        let announced = opened.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
        if announced.is_some_and(|length| length > max) {
            return Err(too_large());
        }
        let mut whole = telemetry.memory().take(announced);
        let mut body = opened.body.into_inner();
        while let Some(piece) =
            timeout_at(opened.deadline, body.next()).await.map_err(|_| timed_out(&opened.call, opened.limit))?
        {
            let piece = piece.map_err(|source| broken(&opened.call, source))?;
            if whole.len() + piece.len() > max {
                return Err(too_large());
            }
            whole.extend_from_slice(&piece);
        }
        telemetry.received(whole.len());
        let body = telemetry.memory().keep(whole);
        Ok(Response { status: opened.status, headers: opened.headers, body, url: opened.url })
    }

    /// Reads the beginning of an error's body. What its head says holds even when the body is lost or does not end.
    pub(super) async fn read_error(&self, opened: Opened, telemetry: &Telemetry<'_>) -> Response {
        let mut start = BytesMut::new();
        let mut body = opened.body.into_inner();
        let deadline = opened.deadline.min(monotonic() + ERROR_BODY_TIME);
        while let Ok(Some(Ok(piece))) = timeout_at(deadline, body.next()).await {
            if start.len() + piece.len() > MAX_ERROR_BODY {
                break;
            }
            start.extend_from_slice(&piece);
        }
        telemetry.received(start.len());
        Response { status: opened.status, headers: opened.headers, body: start.freeze(), url: opened.url }
    }

    /// The target of a redirect, when the request may be sent there.
    pub(super) fn redirected(&self, request: &ApiRequest, opened: &Opened, redirects: u32) -> Result<Url> {
        let call = || Box::new(opened.call.clone());
        let status = opened.status;
        let target = opened.headers.get(LOCATION).and_then(|value| opened.url.join(value.to_str().ok()?).ok());
        match target {
            Some(target) if !self.may_go_to(&target, request) => Err(Error::ForeignOrigin {
                call: call(),
                link: "redirect",
                found: self.snippet(&redact::origin(&target)),
            }),
            Some(target) if redirects <= MAX_REDIRECTS => Ok(self.without_own_keys(request, target)),
            _ => {
                let message = "the redirect has no valid `Location`, or there are too many redirects".to_owned();
                let advice = advice(status);
                Err(Error::Status { call: call(), status, message, retry_after: None, server: None, advice })
            }
        }
    }

    pub(super) fn url(&self, request: &ApiRequest) -> Result<Url> {
        if let Some(part) = &request.invalid {
            return Err(Error::invalid(part.as_str(), "(hidden)", "a value that can be sent"));
        }
        let invalid = |shown: String| Error::invalid("path", shown, "a path or URL of the base URL's origin");
        let mut url = self.base_url().join(&request.path).map_err(|_| invalid("(not a URL)".to_owned()))?;
        // A path such as `//host/` or `https://host/` would send the credential to another host.
        if !self.may_go_to(&url, request) {
            return Err(invalid(redact::origin(&url)));
        }
        if !request.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&request.query);
        }
        // A link of the server may repeat the parameter; one of the caller is refused when the request is made.
        Ok(if request.url == UrlKind::Plain { url } else { self.without_own_keys(request, url) })
    }

    /// A link of the server without the query parameters of the client's own credentials. They are added again where credentials are
    /// sent. Elsewhere a parameter of the same name is not the client's, unless its value is.
    fn without_own_keys(&self, request: &ApiRequest, url: Url) -> Url {
        let own = || self.is_authorised(request, &url) || self.finds_secret_in(url.as_str());
        let removed = self.inner.keys.removed_from(url.as_str()).filter(|_| own());
        removed.and_then(|link| Url::parse(&link).ok()).unwrap_or(url)
    }

    /// Waits for the credentials of a source, before the call waits for its slot of the rate limit: requests whose slots have passed while
    /// they wait for a token would all be sent at once.
    pub(super) async fn ready(&self, request: &ApiRequest, url: &Url, page_deadline: Instant, call: &Call) -> Ready {
        if !self.inner.keys.key(None).credentials.has_source() || !self.is_authorised(request, url) {
            return Ok(None);
        }
        // As the attempt that comes next.
        let call = Call { attempts: call.attempts.saturating_add(1), ..call.clone() };
        Ok(Some((self.credentials(page_deadline, &call).await?, monotonic())))
    }

    /// The credentials to send now.
    async fn credentials(&self, page_deadline: Instant, call: &Call) -> Result<Arc<Held>, AttemptError> {
        let current = self.inner.keys.key(call.key).credentials.current(call.attempts > 1);
        let limit = self.inner.settings.page_timeout;
        // Not a timeout of the request, which was not sent.
        let current = timeout_at(page_deadline, current).await.map_err(|_| {
            let source = CredentialsError::new(format!("it gave no answer within {limit:?}"));
            AttemptError::transient(Error::Credentials { call: Box::new(call.clone()), source })
        })?;
        current.map_err(|failed| {
            let wait = failed.requested.then(|| failed.until.saturating_duration_since(monotonic()));
            let error = Error::Credentials { call: Box::new(call.clone()), source: failed.source };
            let retry = error.is_retryable();
            AttemptError { error, retry, wait: wait.filter(|_| retry) }
        })
    }

    /// Whether a request may be sent to this URL. `is_authorised` decides whether the credentials are sent too.
    fn may_go_to(&self, url: &Url, request: &ApiRequest) -> bool {
        let base = self.base_url();
        let other_allowed =
            request.origins == Origins::Any && matches!((base.scheme(), url.scheme()), (_, "https") | ("http", "http"));
        !redact::has_user(url) && (url.origin() == base.origin() || other_allowed)
    }

    /// Whether the client's credentials are sent to this URL.
    fn is_authorised(&self, request: &ApiRequest, url: &Url) -> bool {
        let base = self.base_url();
        url.origin() == base.origin()
            && match request.url {
                UrlKind::Plain | UrlKind::Private => true,
                UrlKind::Download => url.path().starts_with(base.path()),
                UrlKind::Bearer => false,
            }
    }
}

fn http_request(request: &ApiRequest, url: &Url, held: Option<&Held>) -> Result<http::Request<Bytes>> {
    let mut http = http::Request::new(request.body.clone());
    *http.method_mut() = request.method.clone();
    let mut with_keys = url.clone();
    if let Some(held) = held {
        if let Some(name) = held.credentials.key_in(url) {
            let rule = "no parameter of this name: the client's credentials are sent in it";
            return Err(Error::invalid("query parameter", name, rule));
        }
        if let Some((name, _)) = held.credentials.headers().iter().find(|(name, _)| request.headers.contains_key(name))
        {
            let rule = "no header of this name: the client's credentials are sent in it";
            return Err(Error::invalid("header", name.as_str(), rule));
        }
        held.credentials.add_keys_to(&mut with_keys);
    }
    *http.uri_mut() =
        with_keys.as_str().parse().map_err(|_| Error::invalid("URL", redact::shown(url), "a URL of at most 64 KB"))?;
    let headers = http.headers_mut();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.extend(request.headers.clone());
    for (name, value) in held.iter().flat_map(|held| held.credentials.headers()) {
        headers.insert(name, value.clone());
    }
    Ok(http)
}

fn timed_out(call: &Call, (limit, scope): (Duration, TimeoutScope)) -> AttemptError {
    AttemptError::transient(Error::Timeout { call: Box::new(call.clone()), limit, scope })
}

fn broken(call: &Call, source: TransportError) -> AttemptError {
    AttemptError::transient(Error::Connection { call: Box::new(call.clone()), source })
}
