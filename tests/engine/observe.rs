//! What a client tells of its calls: events, spans and the counters, all from one place.

use std::collections::BTreeMap;
use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use jobfeed::checkpoint::MemoryStore;
use jobfeed::jobdataapi::Client;
use jobfeed::telemetry::{Event, EventKind, Purpose};
use jobfeed::{Error, RateLimit, RetryPolicy};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::DefaultGuard;
use tracing::{Dispatch, Instrument, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

use crate::support::{Reply, Script, envelope};

/// The events of a client, as short texts.
#[derive(Clone, Default)]
struct Events(Arc<Mutex<Vec<String>>>);

impl Events {
    fn observer(&self) -> impl Fn(&Event<'_>) + Send + Sync + 'static {
        let events = self.0.clone();
        move |event| events.lock().unwrap().push(shown(event))
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

fn shown(event: &Event<'_>) -> String {
    match event.kind {
        EventKind::AttemptSent(attempt) => {
            format!("sent {} {} {}:{}", attempt.number, attempt.method, attempt.host, attempt.port)
        }
        EventKind::AttemptAnswered(attempt) => {
            let status = attempt.status.unwrap().as_u16();
            format!("answered {} {status} {} bytes, {:?}", attempt.number, attempt.bytes, attempt.duration)
        }
        EventKind::AttemptFailed { attempt, error, .. } => {
            format!("failed {} {:?} {}", attempt.number, attempt.status.map(|status| status.as_u16()), error.kind())
        }
        EventKind::Retrying { attempt, wait, .. } => format!("retrying after {attempt} in {wait:?}"),
        EventKind::Waiting { wait, reason, .. } => format!("waiting {wait:?} {reason}"),
        EventKind::Waited { wait, reason, .. } => format!("waited {wait:?} {reason}"),
        EventKind::QuotaLeft { requests, .. } => format!("{requests} left"),
        EventKind::Page { rows, rejected, .. } => format!("page of {rows}, {rejected} rejected"),
        other => format!("{other:?}"),
    }
}

fn one_page() -> String {
    envelope([1, 2, 3], 3, None)
}

#[tokio::test(start_paused = true)]
async fn each_attempt_and_each_wait_is_an_event() {
    let page = one_page();
    let late = Reply::Late(Duration::from_millis(250), page.clone());
    let replies =
        vec![Reply::status(429).header("retry-after", 2).header("x-ratelimit-remaining", 0), Reply::Refused, late];
    let (script, events) = (Script::replies(replies), Events::default());
    let api = script.client().rate_limit(RateLimit::every(Duration::from_secs(1))).observe(events.observer());
    let backoff = RetryPolicy::default().backoff(Duration::from_millis(1), Duration::from_millis(1));
    let api = api.retry(backoff).build().unwrap();
    let mut pages = api.jobs().pages();
    assert_eq!(pages.try_next().await.unwrap().unwrap().items.len(), 3);
    let waited = pages.progress().counts().waited_ms;

    let mut seen = events.take();
    // The back-off is random, up to a millisecond, so the wait for the rate limit after it is what remains of a second.
    let between: Vec<String> = seen.drain(6..9).collect();
    let begin = ["retrying after 2 in", "waiting 99", "waited 99"];
    let exact = ["retrying after 2 in", "waiting 1s", "waited 1s"];
    for ((event, begin), exact) in between.iter().zip(begin).zip(exact) {
        assert!(event.starts_with(begin) || event.starts_with(exact), "{between:?}");
    }
    assert_eq!(
        seen,
        [
            "sent 1 GET api.test:80",
            "0 left",
            "failed 1 Some(429) status",
            "retrying after 1 in 2s",
            "sent 2 GET api.test:80",
            "failed 2 None connection",
            "sent 3 GET api.test:80",
            &format!("answered 3 200 {} bytes, 250ms", page.len()),
            "page of 3, 0 rejected",
        ]
    );
    // 2 s as the server asked; the spacing of a second after attempt 2 is waited as back-off and as rate limit.
    assert!((2_999..=3_001).contains(&waited), "{waited}");

    // The next call waits for the rate limit: this is told before and after.
    api.job(1).send().await.unwrap_err();
    let seen = events.take();
    assert_eq!(seen[..2], ["waiting 750ms rate_limit", "waited 750ms rate_limit"]);
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_the_server_asked_for_is_told_to_later_calls() {
    let script = Script::replies(vec![Reply::page(&one_page()).header("retry-after", 3), Reply::page(&one_page())]);
    let (events, spans) = (Events::default(), Spans::default());
    let _guard = spans.install();
    let api = script.client().observe(events.observer()).build().unwrap();
    api.jobs().send().await.unwrap();
    api.jobs().send().await.unwrap();
    let seen = events.take();
    let told: Vec<&String> = seen.iter().filter(|event| event.starts_with("wait")).collect();
    assert_eq!(told, ["waiting 3s server", "waited 3s server"]);
    assert_eq!(spans.named("call").pop().unwrap().fields["jobfeed.waited_ms"], "3000");
}

/// The request that is sent again after a 401 is not a second attempt, and the first one has an end.
#[tokio::test(start_paused = true)]
async fn a_request_that_is_sent_again_with_new_credentials_is_told_twice() {
    let (api, events) = (Arc::new(OnceLock::<Client>::new()), Events::default());
    let own = api.clone();
    let script = Script::new(move |index, _| {
        if index == 0 {
            own.get().unwrap().replace_api_key("another-key").unwrap();
            return Reply::status(401);
        }
        Reply::page("{}")
    });
    let client = script.client().observe(events.observer());
    api.get_or_init(|| client.build().unwrap()).job(1).send_as::<serde_json::Value>().await.unwrap();
    assert_eq!(
        events.take(),
        [
            "sent 1 GET api.test:80",
            "answered 1 401 0 bytes, 0ns",
            "sent 1 GET api.test:80",
            "answered 1 200 2 bytes, 0ns"
        ]
    );
}

/// What the events of a run add up to.
#[derive(Default, Debug, PartialEq)]
struct Sums {
    requests: u64,
    retries: u64,
    bytes: u64,
    pages: u64,
    rows: u64,
    rejected: u64,
    waited_ms: u64,
}

#[tokio::test(start_paused = true)]
async fn the_events_of_a_sync_have_its_key_and_add_up_to_its_report() {
    let sums = Arc::new(Mutex::new((Sums::default(), BTreeMap::<&str, u64>::new())));
    let seen = sums.clone();
    let script = Script::jobs((1..=95).collect());
    // Each fifth request fails once.
    let inner = script.clone();
    let failing = Script::new(move |index, request| match index % 5 {
        3 => Reply::status(503),
        _ => inner.reply(index, request),
    });
    let api = failing.client().observe(move |event| {
        assert_eq!((event.key, event.endpoint), (Some("jobs/na"), "jobdataapi/jobs"));
        let (sums, purposes) = &mut *seen.lock().unwrap();
        match event.kind {
            EventKind::AttemptSent(attempt) => {
                sums.requests += 1;
                sums.retries += u64::from(attempt.number > 1);
                *purposes.entry(event.purpose.as_str()).or_default() += 1;
            }
            EventKind::AttemptAnswered(attempt) | EventKind::AttemptFailed { attempt, .. } => {
                sums.bytes += attempt.bytes;
            }
            EventKind::Retrying { wait, .. } | EventKind::Waited { wait, .. } => {
                sums.waited_ms += wait.as_millis() as u64
            }
            EventKind::Page { rows, rejected, .. } => {
                assert_eq!(event.purpose, Purpose::Page);
                sums.pages += 1;
                sums.rows += rows;
                sums.rejected += rejected;
            }
            _ => {}
        }
    });
    let mut run = api.build().unwrap().jobs().page_size(10).sync_by_id("jobs/na", MemoryStore::new()).await.unwrap();
    let report = run.for_each(|_| async { Ok::<_, Error>(()) }).await.unwrap();
    let counts = report.counts;
    let (sums, purposes) = &*sums.lock().unwrap();
    let told = Sums {
        requests: counts.requests,
        retries: counts.retries,
        bytes: counts.bytes,
        pages: counts.pages,
        rows: counts.rows,
        rejected: counts.rejected,
        waited_ms: counts.waited_ms,
    };
    assert_eq!(*sums, told);
    assert!(sums.rows == 95 && sums.retries > 1 && purposes["page"] >= 10 && purposes["probe"] > 0, "{sums:?}");
}

/// The rows of a run are all there, and the stream does not end early.
#[tokio::test(start_paused = true)]
async fn promise_1_an_observer_that_panics_costs_no_row() {
    let script = Script::jobs((1..=95).collect());
    let api = script.client().observe(|event| panic!("{event:?}")).build().unwrap();
    let ids: Vec<u64> = api.jobs().page_size(10).items().map_ok(|job| job.id).try_collect().await.unwrap();
    assert_eq!(ids.len(), 95);
    let mut run = api.jobs().page_size(10).sync_by_id("k", MemoryStore::new()).await.unwrap();
    assert_eq!(crate::support::finish(&mut run).await.unwrap().len(), 95);
}

/// A span that was closed: its name, the names of the spans around it, and its fields.
#[derive(Clone, Debug, Default)]
struct Span {
    name: &'static str,
    inside: Vec<&'static str>,
    fields: BTreeMap<&'static str, String>,
}

impl Visit for Span {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.fields.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.fields.insert(field.name(), value.to_owned());
    }
}

#[derive(Clone, Default)]
struct Spans(Arc<Mutex<Vec<Span>>>);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Spans {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let span = context.span(id).unwrap();
        let inside = span.scope().skip(1).map(|outer| outer.name()).collect();
        let mut seen = Span { name: span.name(), inside, ..Span::default() };
        attributes.record(&mut seen);
        span.extensions_mut().insert(seen);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let span = context.span(id).unwrap();
        values.record(span.extensions_mut().get_mut::<Span>().unwrap());
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let span = context.span(&id).unwrap();
        let seen = span.extensions().get::<Span>().unwrap().clone();
        self.0.lock().unwrap().push(seen);
    }
}

impl Spans {
    /// Collects the spans of this thread. The second dispatcher makes `tracing` ask all of them whether they want a span: while
    /// there is only one, the first use of a span on a thread of another test, which has none, would switch it off for all.
    fn install(&self) -> (Dispatch, DefaultGuard) {
        let second = Dispatch::new(tracing_subscriber::registry());
        (second, tracing::subscriber::set_default(tracing_subscriber::registry().with(self.clone())))
    }

    fn named(&self, name: &str) -> Vec<Span> {
        self.0.lock().unwrap().iter().filter(|span| span.name == name).cloned().collect()
    }
}

/// `name=value` of all fields, in the order of their names.
fn fields(span: &Span) -> String {
    span.fields.iter().fold(String::new(), |mut text, (name, value)| {
        write!(text, "{name}={value} ").unwrap();
        text
    })
}

#[tokio::test(start_paused = true)]
async fn a_call_is_a_span_and_each_attempt_is_one_inside() {
    let spans = Spans::default();
    let _guard = spans.install();
    let page = one_page();
    let replies =
        vec![Reply::status(429).header("retry-after", 2), Reply::Late(Duration::from_millis(40), page.clone())];
    let script = Script::replies(replies);
    let api = script.client().build().unwrap();
    api.jobs().send().await.unwrap();

    let calls = spans.named("call");
    assert_eq!(calls.len(), 1);
    assert_eq!(
        fields(&calls[0]),
        "http.request.method=GET http.response.status_code=200 jobfeed.attempts=2 jobfeed.endpoint=jobdataapi/jobs \
         jobfeed.position=Page(1) jobfeed.purpose=page jobfeed.waited_ms=2000 otel.kind=internal server.address=api.test \
         server.port=80 "
    );
    let attempts = spans.named("attempt");
    assert!(attempts.iter().all(|span| span.inside == ["call"]), "{attempts:?}");
    let common = "otel.kind=client otel.name=GET";
    let to = "server.address=api.test server.port=80 url.path=/api/jobs/ ";
    assert_eq!(
        attempts.iter().map(fields).collect::<Vec<_>>(),
        [
            format!(
                "error.type=429 http.request.method=GET http.response.status_code=429 jobfeed.bytes=17 \
                 jobfeed.endpoint=jobdataapi/jobs jobfeed.latency_ms=0 otel.kind=client otel.name=GET \
                 otel.status_code=ERROR {to}"
            ),
            format!(
                "http.request.method=GET http.request.resend_count=1 http.response.status_code=200 \
                 jobfeed.bytes={} jobfeed.endpoint=jobdataapi/jobs jobfeed.latency_ms=40 {common} {to}",
                page.len()
            ),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_failed_call_says_why_and_a_fetch_in_advance_stays_inside_the_callers_span() {
    let spans = Spans::default();
    let _guard = spans.install();
    let api = Script::jobs((1..=35).collect()).client().build().unwrap();
    let mut run = api.jobs().page_size(10).sync_by_id("jobs/na", MemoryStore::new()).await.unwrap();
    run.for_each(|_| async { Ok::<_, Error>(()) }).instrument(tracing::info_span!("import")).await.unwrap();
    let calls = spans.named("call");
    assert!(calls.len() >= 4 && calls.iter().all(|span| span.inside == ["import"]), "{calls:?}");
    assert!(calls.iter().all(|span| span.fields["jobfeed.key"] == "jobs/na"));
    let purposes: Vec<&str> = calls.iter().map(|span| span.fields["jobfeed.purpose"].as_str()).collect();
    assert!(purposes.contains(&"probe") && purposes.contains(&"page"), "{purposes:?}");

    let api = Script::replies(vec![Reply::status(404)]).client().build().unwrap();
    api.job(1).send().await.unwrap_err();
    let call = spans.named("call").pop().unwrap();
    let of = |name| call.fields.get(name).map(String::as_str);
    assert_eq!((of("error.type"), of("otel.status_code")), (Some("404"), Some("ERROR")));
    assert_eq!((of("jobfeed.purpose"), of("jobfeed.position")), (Some("single"), None));
    let api = Script::replies(vec![Reply::Cut(one_page())]).client().retry(RetryPolicy::none());
    api.build().unwrap().jobs().pages().next().await.unwrap().unwrap_err();
    assert_eq!(spans.named("call").pop().unwrap().fields["error.type"], "connection");
}
