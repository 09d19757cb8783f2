//! One call: limit, authorise, send, classify, retry. The only loop over attempts, and the only wait between them.

use std::future::{Future, ready};
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::select_all;
use http::StatusCode;
use tokio::time::Instant;
use url::Url;

use super::api_request::{ApiRequest, UrlKind};
use super::clock::{monotonic, sleep_until};
use super::core::Client;
use super::exchange::Opened;
use super::in_flight::Place;
use super::observe::WaitReason;
use super::progress::Progress;
use super::quota::Wait;
use super::rate_headers::Told;
use super::rate_limit::{Limiter, Ticket};
use super::response::{AttemptError, Response};
use super::telemetry::{CallInfo, Telemetry};
use super::{rate_headers, redact};
use crate::error::{AnswerError, Call, Error, PauseReason, Result, ServerError, WaitScope};
use crate::json;

/// A request that may be sent now.
struct Admitted {
    /// The part of the wait for it that no server asked for.
    in_line: Duration,
    /// The index of the key to send.
    key: usize,
    ticket: Ticket,
    place: Place,
}

/// Whether the caller accepts an answer with this status.
pub(crate) type Accept<'a> = &'a (dyn Fn(StatusCode) -> bool + Sync);

impl Client {
    /// Makes one call and reads its answer.
    pub(crate) async fn call<O: Send>(
        &self,
        endpoint: &str,
        request: &ApiRequest,
        accept: Accept<'_>,
        read: impl Fn(&Response) -> Result<O, AnswerError> + Send + Sync,
    ) -> Result<O> {
        self.call_with(CallInfo::single(endpoint, &Progress::default()), request, accept, |response| {
            ready(read(&response))
        })
        .await
    }

    /// Makes one call: attempts and waits until `read` accepts a whole answer, or the call fails.
    pub(crate) async fn call_with<O: Send, F>(
        &self,
        info: CallInfo<'_>,
        request: &ApiRequest,
        accept: Accept<'_>,
        read: impl Fn(Arc<Response>) -> F + Send + Sync,
    ) -> Result<O>
    where
        F: Future<Output = Result<O, AnswerError>> + Send,
    {
        let telemetry = &self.telemetry(info, &request.method);
        let take = |opened| self.read_whole(request, telemetry, opened, &read);
        let result = telemetry.run(self.send(request, telemetry, accept, take)).await;
        telemetry.end(&result);
        result
    }

    /// Makes one call and returns the answer before its body is read. The reader applies the limits of size and time.
    pub(crate) async fn open(&self, info: CallInfo<'_>, request: &ApiRequest) -> Result<Opened> {
        let telemetry = &self.telemetry(info, &request.method);
        let accept: Accept<'_> = &|status| status.is_success();
        let result = telemetry.run(self.send(request, telemetry, accept, |opened| ready(Ok(opened)))).await;
        telemetry.end(&result);
        result
    }

    /// The loop: attempts and waits until `take` accepts an answer with an accepted status.
    async fn send<O, F>(
        &self,
        request: &ApiRequest,
        telemetry: &Telemetry<'_>,
        accept: Accept<'_>,
        take: impl Fn(Opened) -> F + Send + Sync,
    ) -> Result<O>
    where
        F: Future<Output = Result<O, AttemptError>> + Send,
    {
        let settings = &self.inner.settings;
        let started = monotonic();
        let mut deadline = started.checked_add(settings.page_timeout).unwrap_or(started + Duration::from_secs(1 << 30));
        let mut url = self.url(request)?;
        let shown = match request.url {
            UrlKind::Plain => redact::shown(&url),
            _ => format!("{}/…", redact::origin(&url)),
        };
        let target = format!("{} {shown}", request.method);
        let endpoint = telemetry.endpoint();
        let mut call = Call { endpoint: endpoint.into(), target, attempts: 0, key: None, uncertain: false };
        let (mut redirects, mut refused, mut other_keys) = (0, false, 0);
        loop {
            let ready = self.ready(request, &url, deadline, &call).await;
            let Admitted { in_line, key, ticket, place } =
                self.wait_in_line(request, deadline, &call, telemetry).await?;
            // Waiting in line for the client's own limits is not part of the page's time.
            deadline += in_line;
            call.key = self.inner.keys.is_pool().then_some(key);
            call.attempts += 1;
            let mut attempt = telemetry.start(call.attempts, request, &url);
            let taken = match attempt.run(place.during(self.exchange(request, &url, deadline, &call, ready))).await {
                Ok(opened) => {
                    attempt.answered(opened.status);
                    let told = self.told(&opened);
                    // What another origin tells of its limits is not about this client's.
                    let own = self.is_own(&url);
                    if own {
                        ticket.answered(&told.quotas);
                        self.keep_sunset(endpoint, &opened.headers);
                    } else {
                        ticket.not_sent();
                    }
                    // Not an attempt: the server did nothing, whatever the method, and the credentials are other ones now.
                    if opened.status == StatusCode::UNAUTHORIZED
                        && !std::mem::replace(&mut refused, true)
                        && !accept(opened.status)
                        && opened
                            .credentials
                            .is_some_and(|revision| self.inner.keys.key(call.key).credentials.refused(revision))
                    {
                        attempt.end(None);
                        call.attempts -= 1;
                        continue;
                    }
                    // Only a request that changes nothing on the server may be sent to another URL.
                    let redirects_to = opened.status.is_redirection() && opened.status != StatusCode::NOT_MODIFIED;
                    if redirects_to && request.method.is_safe() && !accept(opened.status) {
                        attempt.end(None);
                        self.pause_for(request, (&url, call.key), WaitScope::default(), told.wait);
                        redirects += 1;
                        url = self.redirected(request, &opened, redirects)?;
                        call.attempts -= 1;
                        continue;
                    }
                    if let Some(requests) = told.left.filter(|_| own) {
                        telemetry.quota_left(requests);
                    }
                    let taken = self.take_answer(request, opened, told.wait, accept, telemetry, &take);
                    attempt.run(place.during(taken)).await
                }
                Err(attempt_error) => {
                    if !attempt_error.error.is_ambiguous() {
                        ticket.not_sent();
                    }
                    Err(attempt_error)
                }
            };
            drop(place);
            attempt.end(taken.as_ref().err().map(|failed| &failed.error));
            let attempt_error = match taken {
                Ok(value) => {
                    self.inner.budget.deposit();
                    return Ok(value);
                }
                Err(attempt_error) => attempt_error,
            };
            let uncertain = attempt_error.error.is_ambiguous();
            let wait = self.wait_before_retry(request, attempt_error, (&call, &mut other_keys), deadline, telemetry)?;
            call.uncertain |= uncertain;
            sleep_until(monotonic() + wait).await;
        }
    }

    /// What the headers of an answer tell about further requests.
    fn told(&self, opened: &Opened) -> Told {
        let (settings, now) = (&self.inner.settings, self.clock().now());
        rate_headers::told(&opened.headers, (settings.quota)(&opened.headers, now), now)
    }

    /// Gives an answer with an accepted status to `take`; any other is an error. Obeys the wait that it asks for.
    async fn take_answer<O, F>(
        &self,
        request: &ApiRequest,
        opened: Opened,
        requested: Option<Duration>,
        accept: Accept<'_>,
        telemetry: &Telemetry<'_>,
        take: &(impl Fn(Opened) -> F + Send + Sync),
    ) -> Result<O, AttemptError>
    where
        F: Future<Output = Result<O, AttemptError>> + Send,
    {
        let settings = &self.inner.settings;
        if accept(opened.status) {
            self.pause_for(request, (&opened.url, opened.call.key), WaitScope::default(), requested);
            let taken = take(opened).await;
            return taken.map_err(|error| AttemptError { wait: requested.filter(|_| error.retry), ..error });
        }
        let call = opened.call.clone();
        let key = call.key;
        let response = self.read_error(opened, telemetry).await;
        let server = self.server_error(&response);
        let in_body = server.as_ref().and_then(|server| server.retry_after);
        let throttled = response.status == StatusCode::TOO_MANY_REQUESTS;
        let default_wait = || {
            let retry = &settings.retry;
            // A key of a pool rests after each refusal, so that another one is used.
            retry.default_throttled_wait().or_else(|| key.map(|_| retry.base.max(retry.jittered(call.attempts))))
        };
        let wait = requested.or(in_body).or_else(|| default_wait().filter(|_| throttled));
        let scope = server.as_ref().map(|server| server.wait_scope).unwrap_or_default();
        self.pause_for(request, (&response.url, key), scope, wait);
        let other_bucket = server.as_ref().and_then(|server| server.wait_bucket.as_deref());
        if let (Some(wait), Some(bucket), true) = (wait, other_bucket, self.is_own(&response.url)) {
            self.inner.keys.key(key).limits.pause_for(Some(bucket), scope, wait);
        }
        let error = self.status_error(request, &response, server, call);
        Err(AttemptError { wait: wait.filter(|_| error.retry), ..error })
    }

    /// Whether a URL has the client's own origin.
    fn is_own(&self, url: &Url) -> bool {
        url.origin() == self.base_url().origin()
    }

    /// Delays the requests that a server's wait applies to: none when another origin asks for it.
    fn pause_for(
        &self,
        request: &ApiRequest,
        (url, key): (&Url, Option<usize>),
        scope: WaitScope,
        wait: Option<Duration>,
    ) {
        if let Some(wait) = wait.filter(|_| self.is_own(url)) {
            self.inner.keys.key(key).limits.pause_for(request.bucket.as_deref(), scope, wait);
        }
    }

    /// How long to wait before the next attempt, or the error of the call when there is no further attempt. `other_keys` counts the attempts
    /// that were followed by one with another key, which is no retry.
    fn wait_before_retry(
        &self,
        request: &ApiRequest,
        failed: AttemptError,
        (call, other_keys): (&Call, &mut u32),
        deadline: Instant,
        telemetry: &Telemetry<'_>,
    ) -> Result<Duration> {
        let retry = &self.inner.settings.retry;
        // A zero Retry-After is ignored: the back-off is used.
        let mut requested = failed.wait.filter(|wait| !wait.is_zero());
        if requested.is_some() && call.key.is_some() && (request.idempotent || !failed.error.is_ambiguous()) {
            match self.inner.keys.best(request.bucket.as_deref()) {
                Err(Wait { until, paused: true }) => requested = Some(until.duration_since(monotonic())),
                // The key rests, and another one is used.
                _ if (call.attempts as usize) < self.inner.keys.len() * retry.max_attempts as usize => {
                    *other_keys += 1;
                    telemetry.retrying(call.attempts, Duration::ZERO, &failed.error);
                    return Ok(Duration::ZERO);
                }
                _ => {}
            }
        }
        if let Some(wait) = requested.filter(|wait| *wait > retry.max_wait) {
            return Err(self.paused(call.clone(), wait, failed.error.into_server()));
        }
        // A request that is not idempotent is sent again only when the server cannot have acted on it.
        if !request.idempotent && failed.error.is_ambiguous() {
            return Err(Error::OutcomeUnknown { source: Box::new(failed.error) });
        }
        let attempts = call.attempts.saturating_sub(*other_keys).max(1);
        let wait = requested.unwrap_or_else(|| retry.jittered(attempts));
        let again = failed.retry
            && attempts < retry.max_attempts
            && monotonic().checked_add(wait).is_some_and(|at| at < deadline)
            && self.inner.budget.withdraw();
        match requested {
            _ if again => {
                telemetry.retrying(call.attempts, wait, &failed.error);
                Ok(wait)
            }
            // When the server asked for a wait, the call ends as paused, whatever limit of the client ends it.
            Some(wait) if failed.retry => Err(self.paused(call.clone(), wait, failed.error.into_server())),
            _ => Err(failed.error),
        }
    }

    /// Waits until the limits let this request out, first come, first served.
    async fn wait_in_line(
        &self,
        request: &ApiRequest,
        deadline: Instant,
        call: &Call,
        telemetry: &Telemetry<'_>,
    ) -> Result<Admitted> {
        let (settings, bucket) = (&self.inner.settings, request.bucket.as_deref());
        let started = monotonic();
        let (mut asked_for, mut told) = (Duration::ZERO, None);
        let limiters = self.inner.keys.limiters(bucket);
        let line = self.inner.lines.enter(bucket);
        loop {
            line.turn().await;
            // Before the check, so that no change after it is missed.
            let changes = limiters.iter().map(Limiter::changed).chain([self.inner.in_flight.freed()]);
            let woken = select_all(changes.map(Box::pin)).map(drop);
            let now = monotonic();
            let in_line = now.duration_since(started).saturating_sub(asked_for);
            let wait = match self.admit(bucket) {
                Ok(Some((place, key, ticket))) => {
                    telemetry.waited(in_line, WaitReason::RateLimit);
                    telemetry.waited(asked_for, WaitReason::Server);
                    return Ok(Admitted { in_line, key, ticket, place });
                }
                Ok(None) => None,
                Err(wait) => Some(wait),
            };
            if let Some(Wait { until, paused }) = wait {
                let wait = until.duration_since(now);
                if paused && (wait > settings.retry.max_wait || until >= deadline + in_line) {
                    return Err(self.paused(call.clone(), wait, None));
                }
                if told.replace(until) != Some(until) {
                    telemetry.waiting(wait, if paused { WaitReason::Server } else { WaitReason::RateLimit });
                }
            }
            line.pause(wait.map(|wait| wait.until), woken).await;
            if wait.is_some_and(|wait| wait.paused) {
                asked_for += monotonic().duration_since(now);
            }
        }
    }

    /// A place, the index of a key, and a slot of its rate limit. `None` while there is no place.
    fn admit(&self, bucket: Option<&str>) -> Result<Option<(Place, usize, Ticket)>, Wait> {
        let keys = &self.inner.keys;
        // The place comes first, so that no slot of the rate limit is used while there is none.
        keys.best(bucket)?;
        let Some(place) = self.inner.in_flight.place() else { return Ok(None) };
        let (key, ticket) = keys.take(bucket)?;
        Ok(Some((place, key, ticket)))
    }

    fn paused(&self, call: Call, wait: Duration, server: Option<Box<ServerError>>) -> Error {
        let until = self.clock().after(wait);
        Error::Paused { call: Box::new(call), until, wait, reason: PauseReason::RateLimit, server }
    }

    /// Reads the whole body of an accepted answer and gives it to `read`.
    async fn read_whole<O, F>(
        &self,
        request: &ApiRequest,
        telemetry: &Telemetry<'_>,
        opened: Opened,
        read: &(impl Fn(Arc<Response>) -> F + Send + Sync),
    ) -> Result<O, AttemptError>
    where
        F: Future<Output = Result<O, AnswerError>> + Send,
    {
        let call = opened.call.clone();
        let response = Arc::new(self.read_body(opened, telemetry).await?);
        let checked = match self.inner.settings.check {
            Some(check) if response.status.is_success() => check(&json::fields(&response.body)),
            _ => Ok(()),
        };
        let read = match checked {
            Ok(()) => read(response.clone()).await,
            Err(error) => Err(error),
        };
        read.map_err(|error| self.answer_error(request, &response, error, call))
    }
}
