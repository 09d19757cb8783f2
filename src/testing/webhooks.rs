//! Sends signed webhook deliveries to a receiver under test.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use fastrand::Rng;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{HeaderName, StatusCode};
use url::Url;

use super::time;
use crate::client::setters;
use crate::client::webhook::Verifier;
use crate::error::{Error, Result};

/// How long the receiver has for an answer, as EmployJoy documents it.
const TIMEOUT: Duration = Duration::from_secs(30);
/// After so many failures in a row nothing more is sent, as EmployJoy documents it.
const MOST_FAILURES: u32 = 50;

/// Delivers webhook events to a receiver, as a service does: signed afresh for each attempt, again until the receiver answers
/// with a status from 200 to 299, and on request in another order and more than once.
///
/// Attempts follow EmployJoy's documentation: an event has 10 of them, and nothing more is sent after an answer 410 or after 50
/// failures in a row. While an event waits for its next attempt, later events are delivered. Redirects are failures. The time of a
/// signature that has one is in the header `X-EmployJoy-Timestamp` too.
///
/// ```
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let app = axum::Router::new().route("/webhook", axum::routing::post(|| async { "stored" }));
/// # let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
/// # let url = format!("http://{}/webhook", listener.local_addr()?);
/// # tokio::spawn(async move { axum::serve(listener, app).await });
/// use jobfeed::employjoy;
/// use jobfeed::testing::{EmployJoy, WebhookSender};
///
/// let server = EmployJoy::builder().jobs(20).start().await?;
/// let events = server.with(|data| {
///     data.close_jobs(&["job_3".to_owned()]);
///     data.insert_jobs(2);
///     data.take_events()
/// });
/// // `url` is where your receiver listens; it verifies with the same secret.
/// let sender = WebhookSender::new(&url, employjoy::verifier("whsec_test")?)?;
/// let deliveries = sender.repeat(1).out_of_order(7).deliver(events).await?;
/// assert_eq!(deliveries.len(), 6);
/// assert!(deliveries.iter().all(|delivery| delivery.is_accepted()));
/// // A sender with another secret is one that a receiver must refuse.
/// let forger = WebhookSender::new(&url, employjoy::verifier("guessed")?)?;
/// # let _ = forger;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing is sent before `deliver`"]
pub struct WebhookSender {
    url: Url,
    signer: Verifier,
    client: reqwest::Client,
    attempts: u32,
    wait: Duration,
    repeats: usize,
    shuffle: Option<u64>,
}

/// One attempt to deliver an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Delivery {
    /// The index of the event in the list that was given to [`WebhookSender::deliver`].
    pub event: usize,
    /// The number of the attempt, from 1.
    pub attempt: u32,
    /// The status of the receiver's answer; `None` when there was no answer within 30 seconds.
    pub status: Option<u16>,
}

impl Delivery {
    /// Whether the receiver has accepted the event: a status from 200 to 299.
    pub fn is_accepted(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }
}

impl WebhookSender {
    /// A sender to a URL. `signer` makes the signatures with its first secret and its clock; it can be the verifier of the
    /// receiver.
    ///
    /// # Errors
    /// [`Error::Invalid`] when `url` is not an absolute URL.
    pub fn new(url: &str, signer: Verifier) -> Result<Self> {
        let url = Url::parse(url).map_err(|_| Error::invalid("webhook URL", "(hidden)", "an absolute URL"))?;
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).timeout(TIMEOUT);
        let client = client
            .build()
            .map_err(|error| Error::invalid("HTTP client", "default settings", error.without_url().to_string()))?;
        Ok(Self { url, signer, client, attempts: 10, wait: Duration::from_millis(20), repeats: 0, shuffle: None })
    }

    /// Delivers events, given as their bodies, and returns the attempts in their order. It returns when every event was
    /// accepted or has had all its attempts.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the signer's secret cannot be used, which does not happen with an accepted secret.
    pub async fn deliver<B: Into<Bytes>>(&self, events: impl IntoIterator<Item = B>) -> Result<Vec<Delivery>> {
        let events: Vec<Bytes> = events.into_iter().map(Into::into).collect();
        let mut order: Vec<usize> = (0..=self.repeats).flat_map(|_| 0..events.len()).collect();
        if let Some(seed) = self.shuffle {
            Rng::with_seed(seed).shuffle(&mut order);
        }
        let mut queue: VecDeque<(usize, u32)> = order.into_iter().map(|event| (event, 1)).collect();
        let (mut deliveries, mut failures) = (Vec::new(), 0);
        while let Some((event, attempt)) = queue.pop_front() {
            let Some(body) = events.get(event) else { continue };
            if attempt > 1 {
                time::pause(self.wait).await;
            }
            let delivery = Delivery { event, attempt, status: self.post(body).await? };
            deliveries.push(delivery);
            if delivery.is_accepted() {
                failures = 0;
                continue;
            }
            failures += 1;
            if delivery.status == Some(StatusCode::GONE.as_u16()) || failures >= MOST_FAILURES {
                break;
            }
            if attempt < self.attempts {
                queue.push_back((event, attempt + 1));
            }
        }
        Ok(deliveries)
    }

    /// Sends one delivery, and returns the status of the answer.
    async fn post(&self, body: &Bytes) -> Result<Option<u16>> {
        let signature = self.signer.sign(body)?;
        let request = self.client.post(self.url.clone()).header(CONTENT_TYPE, "application/json");
        let request = match timestamp(&signature) {
            Some(seconds) => request.header(TIMESTAMP, seconds),
            None => request,
        };
        let answer = request.header(self.signer.header(), signature).body(body.clone()).send().await;
        Ok(answer.ok().map(|answer| answer.status().as_u16()))
    }
}

/// The header in which EmployJoy repeats the time of the signature.
const TIMESTAMP: HeaderName = HeaderName::from_static("x-employjoy-timestamp");

/// The time in a signature of the form `t=<unix seconds>,v1=<hex>`.
fn timestamp(signature: &HeaderValue) -> Option<&str> {
    Some(signature.to_str().ok()?.strip_prefix("t=")?.split_once(',')?.0)
}

setters! { WebhookSender {
    /// How often an event is sent at most, 1 or more. Default 10.
    attempts(attempts: u32) => attempts = attempts.max(1);
    /// The wait before a further attempt. Default 20 milliseconds; the real service waits from a minute to a day.
    wait(wait: Duration) => wait = wait;
    /// Delivers every event this many more times, also when it was accepted. Default 0.
    repeat(times: usize) => repeats = times;
    /// Delivers the events in a random order that depends on this seed only. Default: in the order given.
    out_of_order(seed: u64) => shuffle = Some(seed);
} }
