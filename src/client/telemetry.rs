//! The one place where calls are counted: counters, spans, metrics, log lines and the observer are all fed from here.

use std::fmt::Debug;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use http::{Method, StatusCode};
use tokio::time::Instant;
use tracing::field::{self, Empty};
use tracing::instrument::Instrumented;
use tracing::{Instrument, Span};
use url::Url;

use super::api_request::{ApiRequest, UrlKind};
use super::body_memory::BodyMemory;
use super::clock::monotonic;
use super::core::Client;
use super::observe::{Attempt, Event, EventKind, Observer, Purpose, WaitReason};
use super::progress::Progress;
use super::redact::Scrubber;
use crate::error::{Error, Result};

/// Shorter waits are not told: an attempt that does not wait needs some microseconds as well.
const SHORTEST_WAIT: Duration = Duration::from_millis(1);

/// What a call is, and whose counters it moves.
#[derive(Clone, Copy)]
pub(crate) struct CallInfo<'a> {
    pub(crate) endpoint: &'a str,
    pub(crate) purpose: Purpose,
    /// Where in a listing. Its `Debug` holds no token.
    pub(crate) position: Option<&'a (dyn Debug + Sync)>,
    pub(crate) progress: &'a Progress,
}

impl<'a> CallInfo<'a> {
    /// One resource, one change or one file.
    pub(crate) fn single(endpoint: &'a str, progress: &'a Progress) -> Self {
        Self { endpoint, purpose: Purpose::Single, position: None, progress }
    }
}

/// The telemetry of one call.
pub(crate) struct Telemetry<'a> {
    info: CallInfo<'a>,
    observer: &'a Observer,
    scrubber: &'a Scrubber,
    #[cfg(feature = "metrics")]
    base_url: &'a Url,
    span: Span,
    attempts: AtomicU32,
    /// The waits of the call so far.
    waited_ms: AtomicU64,
    /// The body of the attempt in progress.
    bytes: AtomicU64,
}

impl Client {
    /// Starts the telemetry of a call.
    pub(super) fn telemetry<'a>(&'a self, info: CallInfo<'a>, method: &Method) -> Telemetry<'a> {
        let base_url = self.base_url();
        let span = tracing::info_span!(
            target: "jobfeed",
            "call",
            "otel.kind" = "internal",
            "jobfeed.endpoint" = info.endpoint,
            "jobfeed.purpose" = info.purpose.as_str(),
            "jobfeed.position" = info.position.map(field::debug),
            "jobfeed.key" = info.progress.key(),
            "http.request.method" = method.as_str(),
            "server.address" = base_url.host_str(),
            "server.port" = base_url.port_or_known_default(),
            "http.response.status_code" = Empty,
            "jobfeed.attempts" = Empty,
            "jobfeed.waited_ms" = Empty,
            "error.type" = Empty,
            "otel.status_code" = Empty,
        );
        Telemetry { span, ..self.untraced(info) }
    }

    fn untraced<'a>(&'a self, info: CallInfo<'a>) -> Telemetry<'a> {
        Telemetry {
            info,
            observer: &self.inner.settings.observer,
            scrubber: &self.inner.scrubber,
            #[cfg(feature = "metrics")]
            base_url: self.base_url(),
            span: Span::none(),
            attempts: AtomicU32::new(0),
            waited_ms: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
        }
    }

    /// A page is delivered to the caller.
    pub(crate) fn tell_page(
        &self,
        endpoint: &str,
        purpose: Purpose,
        progress: &Progress,
        rows: usize,
        rejected: usize,
    ) {
        let info = CallInfo { endpoint, purpose, position: None, progress };
        self.untraced(info).tell(EventKind::Page { rows: rows as u64, rejected: rejected as u64 });
    }

    /// A part of a long body has arrived.
    pub(crate) fn tell_part(&self, endpoint: &str, progress: &Progress, bytes: usize) {
        let info = CallInfo { endpoint, purpose: Purpose::Parts, position: None, progress };
        self.untraced(info).tell(EventKind::BodyPart { bytes: bytes as u64 });
    }
}

impl<'a> Telemetry<'a> {
    pub(super) fn endpoint(&self) -> &'a str {
        self.info.endpoint
    }

    /// The block for the bodies of the stream or run.
    pub(super) fn memory(&self) -> &'a BodyMemory {
        self.info.progress.memory()
    }

    /// The call inside its span.
    pub(super) fn run<F>(&self, call: F) -> Instrumented<F> {
        call.instrument(self.span.clone())
    }

    /// The call has ended.
    pub(super) fn end<O>(&self, result: &Result<O>) {
        self.span.record("jobfeed.attempts", self.attempts.load(Relaxed));
        self.span.record("jobfeed.waited_ms", self.waited_ms.load(Relaxed));
        if let Err(error) = result {
            record_error(&self.span, error);
        }
    }

    /// An attempt is sent now.
    pub(super) fn start<'t>(&'t self, number: u32, request: &'t ApiRequest, url: &'t Url) -> AttemptInProgress<'t> {
        let (host, port) = (url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or_default());
        let attempt =
            Attempt { number, method: &request.method, host, port, status: None, bytes: 0, duration: Duration::ZERO };
        let span = tracing::info_span!(
            target: "jobfeed",
            "attempt",
            "otel.name" = request.method.as_str(),
            "otel.kind" = "client",
            "jobfeed.endpoint" = self.info.endpoint,
            "http.request.method" = request.method.as_str(),
            "http.request.resend_count" = (number > 1).then(|| number - 1),
            "server.address" = host,
            "server.port" = port,
            // The path of such a URL may give access, and a server may repeat a secret in a redirect.
            "url.path" = (request.url == UrlKind::Plain && !self.scrubber.finds_secret_in(url.path())).then(|| url.path()),
            "http.response.status_code" = Empty,
            "jobfeed.bytes" = Empty,
            "jobfeed.latency_ms" = Empty,
            "error.type" = Empty,
            "otel.status_code" = Empty,
        );
        self.attempts.fetch_add(1, Relaxed);
        self.bytes.store(0, Relaxed);
        self.tell(EventKind::AttemptSent(attempt));
        AttemptInProgress { telemetry: self, attempt, span, started: monotonic() }
    }

    /// The body of the attempt in progress was read.
    pub(super) fn received(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Relaxed);
    }

    /// Another attempt follows after this wait, which begins now.
    pub(super) fn retrying(&self, attempt: u32, wait: Duration, error: &Error) {
        self.add_wait(wait);
        self.tell(EventKind::Retrying { attempt, wait, error });
    }

    /// A wait before an attempt begins now.
    pub(super) fn waiting(&self, wait: Duration, reason: WaitReason) {
        self.tell(EventKind::Waiting { wait, reason });
    }

    /// A wait before an attempt has ended.
    pub(super) fn waited(&self, wait: Duration, reason: WaitReason) {
        if wait >= SHORTEST_WAIT {
            self.add_wait(wait);
            self.tell(EventKind::Waited { wait, reason });
        }
    }

    /// The headers of an answer say how many requests are left.
    pub(super) fn quota_left(&self, requests: u64) {
        self.tell(EventKind::QuotaLeft { requests });
    }

    fn add_wait(&self, wait: Duration) {
        self.waited_ms.fetch_add(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX), Relaxed);
    }

    /// Tells everyone.
    fn tell(&self, kind: EventKind<'_>) {
        let CallInfo { endpoint, purpose, progress, .. } = self.info;
        progress.count(&kind);
        log(endpoint, &kind);
        let event = Event { endpoint, purpose, key: progress.key(), kind };
        #[cfg(feature = "metrics")]
        super::metrics::record(&event, self.base_url.host_str().unwrap_or_default());
        self.observer.tell(&event);
    }
}

/// An attempt that was sent and has not ended.
pub(super) struct AttemptInProgress<'t> {
    telemetry: &'t Telemetry<'t>,
    attempt: Attempt<'t>,
    span: Span,
    started: Instant,
}

impl AttemptInProgress<'_> {
    /// A part of the attempt inside its span.
    pub(super) fn run<F>(&self, part: F) -> Instrumented<F> {
        part.instrument(self.span.clone())
    }

    /// The head of the answer is there.
    pub(super) fn answered(&mut self, status: StatusCode) {
        self.attempt.status = Some(status);
    }

    /// The attempt has ended.
    pub(super) fn end(self, error: Option<&Error>) {
        let Self { telemetry, mut attempt, span, started } = self;
        attempt.duration = monotonic().duration_since(started);
        attempt.bytes = telemetry.bytes.load(Relaxed);
        if let Some(status) = attempt.status {
            span.record("http.response.status_code", status.as_u16());
            telemetry.span.record("http.response.status_code", status.as_u16());
        }
        span.record("jobfeed.bytes", attempt.bytes);
        span.record("jobfeed.latency_ms", u64::try_from(attempt.duration.as_millis()).unwrap_or(u64::MAX));
        if let Some(error) = error {
            record_error(&span, error);
        }
        let _inside = span.enter();
        telemetry.tell(match error {
            None => EventKind::AttemptAnswered(attempt),
            Some(error) => EventKind::AttemptFailed { attempt, error },
        });
    }
}

fn record_error(span: &Span, error: &Error) {
    span.record("otel.status_code", "ERROR");
    span.record("error.type", &*error.label());
}

/// The log lines of a call.
fn log(endpoint: &str, kind: &EventKind<'_>) {
    match kind {
        EventKind::AttemptAnswered(attempt) => {
            let status = attempt.status.map(|status| status.as_u16());
            tracing::debug!(target: "jobfeed", endpoint, attempt = attempt.number, status, "answered");
        }
        EventKind::AttemptFailed { attempt, error } => {
            tracing::debug!(target: "jobfeed", endpoint, attempt = attempt.number, %error, "failed");
        }
        EventKind::Retrying { attempt, wait, error } => {
            tracing::warn!(target: "jobfeed", endpoint, attempt, %error, ?wait, "retrying");
        }
        EventKind::Waiting { wait, reason: WaitReason::Server } => {
            tracing::info!(target: "jobfeed", endpoint, ?wait, "waiting, as the server asked");
        }
        _ => {}
    }
}
