//! Promise 8: a credential goes to one origin only, and never into a log, a `Debug`, an error, a cursor or a state.

use std::fmt::Debug;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::StreamExt;
use jobfeed::checkpoint::MemoryStore;
use jobfeed::secrecy::SecretString;
use jobfeed::testing::{Fault, JobDataApi, When};
use jobfeed::{Checkpoint, CredentialSource, Credentials, Issued, RetryPolicy};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::FmtSpan;

use crate::support::{Reply, Script, envelope, impatient};

/// A secret with characters that change when they are encoded.
const SECRET: &str = "S3NT+INEL/key=";
const ENCODED: &str = "S3NT%2BINEL%2Fkey%3D";
const PERSON: &str = "jane.doe@example.org";

#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<u8>>>);

impl Seen {
    fn debug(&self, what: &impl Debug) {
        self.text(&format!("{what:?}\n{what:#?}"));
    }

    fn text(&self, text: &str) {
        self.0.lock().unwrap().extend_from_slice(text.as_bytes());
    }

    fn error(&self, error: &jobfeed::Error) {
        self.debug(error);
        let mut next: Option<&dyn std::error::Error> = Some(error);
        while let Some(error) = next {
            self.text(&format!("{error} {error:?}"));
            next = error.source();
        }
    }

    fn assert_clean(&self, what: &str) {
        let text = String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned();
        assert!(!text.is_empty());
        for secret in [SECRET, ENCODED, "S3NT", PERSON, "U1+J"] {
            assert!(!text.contains(secret), "{what}: {secret} is shown in: {text}");
        }
    }
}

impl io::Write for Seen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Seen {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// The answers of a hostile or faulty server, with the secret in every place where it can be.
fn replies() -> Vec<Reply> {
    let echo = format!("your key {SECRET} ({ENCODED}) is not valid, ask {PERSON}");
    let detail = format!(r#"{{"detail":"{echo}"}}"#);
    let next = |host: &str| format!("http://{host}/api/jobs/?api_key={ENCODED}&page=2");
    let json = |status, body: &str| Reply::Json(status, vec![("x-echo", SECRET.to_owned())], body.to_owned());
    let long = format!("{}{SECRET}", "x".repeat(195));
    vec![
        json(400, &detail),
        json(401, &detail),
        json(403, &echo),
        json(403, &long),
        json(404, &format!("<html>{echo}</html>")),
        json(429, &detail).header("retry-after", 3600),
        json(500, &detail),
        json(200, &format!("<html>{echo}</html>")),
        json(200, &detail),
        json(200, &echo),
        json(200, &format!(r#"{{"results": "{SECRET}"}}"#)),
        json(200, &format!(r#"{{"count":1,"next":null,"results":[{{"id":"{SECRET} {PERSON}"}}]}}"#)),
        json(200, &format!(r#"{{"count":2,"next":null,"results":[{{"id":1}},{{"id":"{SECRET}"}}]}}"#)),
        json(200, &envelope([1], 9, Some(&next("api.test")))),
        json(200, &envelope([1], 9, Some(&next("evil.test")))),
        json(301, "").header("location", next("evil.test")),
        Reply::Cut(detail.clone()),
        Reply::Refused,
    ]
}

type Builder = jobfeed::ClientBuilder<jobfeed::jobdataapi::Client>;

#[tokio::test(start_paused = true)]
async fn promise_8_the_secret_is_never_shown() {
    sweep(|builder| builder.api_key(SECRET), false).await;
}

#[tokio::test(start_paused = true)]
async fn promise_8_a_key_in_the_query_is_never_shown() {
    sweep(|builder| builder.credentials(Credentials::query("api_key", SECRET).unwrap()), true).await;
}

/// The secret is the second that the source gives, or belongs to the source.
struct Secrets(AtomicUsize);

impl CredentialSource for Secrets {
    type Error = jobfeed::BoxError;

    async fn issue(&self, _: &jobfeed::Client) -> Result<Issued, jobfeed::BoxError> {
        match self.0.fetch_add(1, Ordering::SeqCst) {
            0 => Ok(Issued::new(Credentials::bearer("the-first")?)),
            1 => Err(format!("refused, the secret is {SECRET}").into()),
            _ => Err(Box::new(io::Error::other(ENCODED))),
        }
    }

    fn secrets(&self) -> Vec<SecretString> {
        vec![SECRET.into()]
    }
}

#[tokio::test(start_paused = true)]
async fn promise_8_the_secret_of_a_source_is_never_shown() {
    sweep(|builder| builder.credential_source(Secrets(AtomicUsize::new(0))), false).await;
    sweep(|builder| builder.credential_source(Secrets(AtomicUsize::new(1))), false).await;
}

#[tokio::test(start_paused = true)]
async fn promise_8_a_replaced_secret_is_never_shown() {
    sweep(|builder| builder.credential_source(Replaced(AtomicUsize::new(0))), false).await;
}

/// The secret is replaced before the first answer is shown.
struct Replaced(AtomicUsize);

impl CredentialSource for Replaced {
    type Error = jobfeed::Error;

    async fn issue(&self, _: &jobfeed::Client) -> jobfeed::Result<Issued> {
        let number = self.0.fetch_add(1, Ordering::SeqCst);
        let token = if number == 0 { SECRET.to_owned() } else { format!("another-{number}") };
        Ok(Issued::new(Credentials::header("x-key", "", token)?).valid_for(Duration::ZERO))
    }
}

/// All of it with the secret as this credential. `sent`: whether the secret is sent in the query.
#[allow(clippy::future_not_send, reason = "the recorder of metrics is that of a thread")]
async fn sweep(secret_in: fn(Builder) -> Builder, sent: bool) {
    for (index, reply) in replies().into_iter().enumerate() {
        let seen = Seen::default();
        let subscriber = tracing_subscriber::fmt().with_writer(seen.clone()).with_max_level(tracing::Level::TRACE);
        let subscriber = subscriber.with_span_events(FmtSpan::FULL);
        let guard = tracing::subscriber::set_default(subscriber.finish());
        #[cfg(feature = "metrics")]
        let recorded = crate::metrics::Recorded::default();
        #[cfg(feature = "metrics")]
        let recorder = metrics::set_default_local_recorder(&recorded);
        let script = Script::replies(vec![reply, Reply::status(404)]);
        let events = seen.clone();
        let builder = secret_in(script.client()).retry(RetryPolicy::default().max_attempts(2));
        let builder = builder.observe(move |event| events.debug(event));
        seen.debug(&builder);
        let api = builder.build().unwrap();
        seen.debug(&api);
        let jobs = api.jobs().title(["rust"]);
        seen.debug(&jobs);
        let mut pages = jobs.clone().pages();
        while let Some(page) = pages.next().await {
            seen.debug(&pages);
            match page {
                Ok(page) => {
                    seen.debug(&page);
                    seen.debug(&page.rejected);
                    seen.text(&format!("{:?}", page.next_cursor().map(ToString::to_string)));
                }
                Err(error) => seen.error(&error),
            }
        }
        seen.debug(&pages.cursor());
        seen.debug(&pages.progress());
        if let Err(error) = api.job(1).send().await {
            seen.error(&error);
        }
        let store = MemoryStore::new();
        let mut run = jobs.sync_by_id("k", &store).await.unwrap();
        loop {
            match run.next().await {
                Ok(Some(batch)) => {
                    seen.debug(&batch);
                    batch.commit().await.unwrap();
                }
                Ok(None) => break,
                Err(error) => {
                    seen.error(&error);
                    break;
                }
            }
        }
        seen.debug(&run);
        seen.text(&format!("{:?} {}", run.report(), serde_json::to_string(&run.report()).unwrap()));
        seen.text(&store.load("k").await.unwrap().map(|state| state.to_json()).unwrap_or_default());
        drop(guard);
        #[cfg(feature = "metrics")]
        {
            drop(recorder);
            seen.text(&recorded.text());
        }
        seen.assert_clean(&format!("reply {index}"));
        let log = script.log.lock().unwrap();
        assert!(log.iter().all(|(_, request)| request.uri().host() == Some("api.test")), "one origin only");
        assert!(log.iter().all(|(_, request)| sent == request.uri().query().unwrap_or_default().contains("S3NT")));
    }
}

#[test]
fn credentials_and_settings_do_not_show_secrets() {
    let seen = Seen::default();
    seen.debug(&Credentials::bearer(SECRET).unwrap());
    seen.debug(&Credentials::basic("user", SECRET).unwrap());
    seen.debug(&Credentials::header("x-key", "", SECRET).unwrap());
    seen.debug(&Credentials::query("x-key", SECRET).unwrap());
    seen.debug(&Issued::new(Credentials::query("x-key", SECRET).unwrap()));
    seen.debug(&jobfeed::OAuth2::client_credentials("https://id.test/?k=S3NT", "app", SECRET).unwrap().scope(SECRET));
    seen.error(&jobfeed::OAuth2::client_credentials(format!("http://id.test/?k={ENCODED}"), "app", "x").unwrap_err());
    seen.error(&Credentials::query("x-key", format!("{SECRET}\n")).unwrap_err());
    seen.error(&Credentials::header("x-key", "", format!("{SECRET}\n")).unwrap_err());
    let builder = jobfeed::jobdataapi::Client::builder();
    seen.error(&builder.base_url(format!("http://user:{ENCODED}@host/")).build().unwrap_err());
    let builder = jobfeed::jobdataapi::Client::builder();
    seen.error(&builder.base_url(format!("http://host/?api_key={ENCODED}")).build().unwrap_err());
    let builder = jobfeed::jobdataapi::Client::builder().api_key(format!("{SECRET}\u{7f}"));
    seen.error(&builder.build().unwrap_err());
    seen.assert_clean("settings");
}

/// The same over real sockets: the other host exists, and gets no request.
#[tokio::test]
async fn nothing_is_sent_to_another_origin() {
    let other = JobDataApi::builder().jobs(10).start().await.unwrap();
    let server = JobDataApi::builder().jobs(1_000).start().await.unwrap();
    let foreign = other.base_url().join("jobs/?page=2").unwrap().to_string();
    for fault in [Fault::ForeignNext(foreign.clone()), Fault::Redirect(foreign)] {
        server.clear_faults();
        server.fault(fault, When::Next(1));
        let api = crate::support::builder_of(&server).retry(impatient()).build().unwrap();
        let (_, error) = crate::support::drain(api.jobs().page_size(100).pages()).await;
        assert!(matches!(error, Some(jobfeed::Error::ForeignOrigin { .. })), "{error:?}");
    }
    assert_eq!(other.served().requests, 0);
}

/// The host of a link, and the path of a redirect, which is in a span.
#[tokio::test(start_paused = true)]
async fn promise_8_a_secret_in_the_host_or_the_path_of_a_link_is_not_shown() {
    const KEY: &str = "s3nt1nel-0123456789";
    let (host, path) = (format!("https://{KEY}.evil.test/api/jobs/?page=2"), format!("/api/{KEY}/jobs/"));
    let redirect = |to: &str| Reply::status(302).header("location", to);
    for reply in [redirect(&host), redirect(&path), Reply::page(&envelope([1], 9, Some(&host)))] {
        let seen = Seen::default();
        let _second = tracing::Dispatch::new(tracing_subscriber::registry());
        let subscriber = tracing_subscriber::fmt().with_writer(seen.clone()).with_max_level(tracing::Level::TRACE);
        let _guard = tracing::subscriber::set_default(subscriber.with_span_events(FmtSpan::FULL).finish());
        let script = Script::replies(vec![reply, Reply::status(404)]);
        let api = script.client().api_key(KEY).retry(RetryPolicy::none()).build().unwrap();
        let mut pages = api.jobs().pages();
        while let Some(page) = pages.next().await {
            page.map_or_else(|error| seen.error(&error), |page| seen.debug(&page));
        }
        let text = String::from_utf8_lossy(&seen.0.lock().unwrap()).into_owned();
        assert!(!text.contains(KEY), "{text}");
    }
}
