//! Credentials that change: when a source is asked, what a failure means, keys that are replaced.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::future::{BoxFuture, join_all};
use jobfeed::endpoint::ApiRequest;
use jobfeed::{
    BoxError, Client, ClientBuilder, CredentialSource, Credentials, Error, Issued, Page, RateLimit, RetryPolicy,
    Transport, TransportError, employjoy,
};
use serde_json::Value;

use crate::any_list::AnyList;
use crate::support::{Reply, Script};

/// A source that counts how often it was asked, and gives `token-1`, `token-2`, …
struct Numbered {
    asked: Arc<AtomicUsize>,
    takes: Duration,
    valid_for: Option<Duration>,
    /// Whether the n-th time fails, counted from 1.
    fails: fn(usize) -> bool,
}

impl Default for Numbered {
    fn default() -> Self {
        Self { asked: Arc::default(), takes: Duration::ZERO, valid_for: None, fails: |_| false }
    }
}

impl CredentialSource for Numbered {
    type Error = BoxError;

    async fn issue(&self, _: &Client) -> Result<Issued, BoxError> {
        let number = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        tokio::time::sleep(self.takes).await;
        if (self.fails)(number) {
            return Err("the vault is closed".into());
        }
        let credentials = Credentials::bearer(format!("token-{number}"))?;
        Ok(match self.valid_for {
            Some(lifetime) => Issued::new(credentials).valid_for(lifetime),
            None => Issued::new(credentials),
        })
    }
}

pub(crate) fn builder(script: &Script) -> ClientBuilder<Client> {
    let builder = Client::builder().base_url("https://api.test/").rate_limit(RateLimit::unlimited());
    builder.transport(script.clone())
}

pub(crate) async fn page(api: &Client) -> jobfeed::Result<Page<Value>> {
    api.list(AnyList::default()).send().await
}

pub(crate) fn items() -> Reply {
    Reply::page(r#"{"items":[{"id":1}]}"#)
}

pub(crate) fn authorization(request: &http::Request<Bytes>) -> String {
    request.headers().get("authorization").map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
}

/// The `Authorization` of each request to the API.
pub(crate) fn sent(script: &Script) -> Vec<String> {
    let log = script.log.lock().unwrap();
    let to_api = log.iter().filter(|(_, request)| request.uri().host() == Some("api.test"));
    to_api.map(|(_, request)| authorization(request)).collect()
}

#[tokio::test(start_paused = true)]
async fn concurrent_calls_ask_the_source_once_and_a_new_token_is_there_before_the_old_one_ends() {
    let script = Script::replies(vec![items()]);
    let source =
        Numbered { takes: Duration::from_millis(50), valid_for: Some(Duration::from_secs(100)), ..Numbered::default() };
    let asked = source.asked.clone();
    let api = builder(&script).credential_source(source).build().unwrap();
    join_all((0..20).map(|_| page(&api))).await.into_iter().for_each(|page| drop(page.unwrap()));
    assert_eq!(asked.load(Ordering::SeqCst), 1);

    // The lifetime began when the source was asked: 96 s are over at 95.95 s after the answer.
    tokio::time::sleep(Duration::from_millis(95_940)).await;
    page(&api).await.unwrap();
    assert_eq!(asked.load(Ordering::SeqCst), 1, "not before");
    tokio::time::sleep(Duration::from_millis(20)).await;
    let began = tokio::time::Instant::now();
    join_all((0..20).map(|_| page(&api))).await.into_iter().for_each(|page| drop(page.unwrap()));
    assert_eq!(began.elapsed(), Duration::ZERO, "requests go on with the old token");
    assert!(sent(&script).iter().all(|token| token == "Bearer token-1"));
    tokio::time::sleep(Duration::from_millis(60)).await;
    page(&api).await.unwrap();
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    assert_eq!(sent(&script).last().unwrap(), "Bearer token-2");
    tokio::time::sleep(Duration::from_secs(200)).await;
    page(&api).await.unwrap();
    assert_eq!(sent(&script).last().unwrap(), "Bearer token-3", "an expired token is not sent");
}

/// A script whose n-th answer arrives after n times 20 ms.
struct Slow(Script);

impl Transport for Slow {
    fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'static, Result<http::Response<jobfeed::Body>, TransportError>> {
        let wait = Duration::from_millis(20) * u32::try_from(self.0.requests()).unwrap();
        let answer = self.0.send(request);
        Box::pin(async move {
            tokio::time::sleep(wait).await;
            answer.await
        })
    }
}

#[tokio::test(start_paused = true)]
async fn many_refused_requests_cause_one_refresh_and_each_is_sent_once_more() {
    let script = Script::new(|_, request| match authorization(request).as_str() {
        "Bearer token-2" => items(),
        _ => Reply::status(401),
    });
    // Some of the refusals come during the refresh, some when it is over.
    let source = Numbered { takes: Duration::from_millis(50), ..Numbered::default() };
    let asked = source.asked.clone();
    let api =
        builder(&script).transport(Slow(script.clone())).credential_source(source).max_in_flight(20).build().unwrap();
    join_all((0..20).map(|_| page(&api))).await.into_iter().for_each(|page| drop(page.unwrap()));
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    assert_eq!(sent(&script).len(), 40);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_new_credentials_do_not_help_ends_with_its_401() {
    let script = Script::replies(vec![Reply::status(401)]);
    let source = Numbered::default();
    let asked = source.asked.clone();
    let api = builder(&script).credential_source(source).build().unwrap();
    let error = page(&api).await.unwrap_err();
    assert_eq!(error.status().unwrap(), 401);
    assert!(error.is_auth() && !error.is_retryable());
    assert_eq!(
        (sent(&script), asked.load(Ordering::SeqCst)),
        (vec!["Bearer token-1".into(), "Bearer token-2".into()], 2)
    );
    // Fixed credentials are not sent again.
    let script = Script::replies(vec![Reply::status(401)]);
    let api = builder(&script).credentials(Credentials::bearer("a-key").unwrap()).build().unwrap();
    page(&api).await.unwrap_err();
    assert_eq!(script.requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_not_idempotent_is_sent_again_after_a_401() {
    let script = Script::new(|index, _| match index {
        0 => Reply::status(401),
        _ => Reply::page(r#"{"items":[{"id":1}]}"#),
    });
    let list = AnyList { request: |_| ApiRequest::post("items", "{}"), ..AnyList::default() };
    let api = builder(&script).credential_source(Numbered::default()).build().unwrap();
    api.list(list).send().await.unwrap();
    assert_eq!(sent(&script), ["Bearer token-1", "Bearer token-2"]);
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_shared_by_all_who_wait_and_backed_off() {
    let script = Script::replies(vec![items()]);
    let source = Numbered { takes: Duration::from_millis(10), fails: |_| true, ..Numbered::default() };
    let asked = source.asked.clone();
    let retry = RetryPolicy::none().backoff(Duration::from_secs(10), Duration::from_secs(10));
    let api = builder(&script).credential_source(source).retry(retry).build().unwrap();
    for error in join_all((0..20).map(|_| page(&api))).await.into_iter().map(Result::unwrap_err) {
        assert!(matches!(error, Error::Credentials { .. }) && error.is_auth() && error.is_retryable(), "{error:?}");
        let shown = error.to_string();
        assert_eq!(shown, "any/items (GET https://api.test/items): no credentials: the vault is closed");
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    for _ in 0..40 {
        page(&api).await.unwrap_err();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1, "not asked again for half of the base, 5 s");
    tokio::time::sleep(Duration::from_secs(10)).await;
    page(&api).await.unwrap_err();
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    assert_eq!(script.requests(), 0, "nothing is sent without credentials");
}

#[tokio::test(start_paused = true)]
async fn calls_are_repeated_when_the_source_recovers() {
    let script = Script::replies(vec![items()]);
    let source = Numbered { fails: |number| number < 3, ..Numbered::default() };
    let asked = source.asked.clone();
    let api = builder(&script).credential_source(source).build().unwrap();
    join_all((0..20).map(|_| page(&api))).await.into_iter().for_each(|page| drop(page.unwrap()));
    assert_eq!(asked.load(Ordering::SeqCst), 3, "20 calls, one request at each time");
}

#[tokio::test(start_paused = true)]
async fn a_source_that_does_not_answer_or_panics_is_a_failure_and_is_asked_again() {
    let script = Script::replies(vec![items()]);
    let silent = Numbered { takes: Duration::from_secs(1 << 20), ..Numbered::default() };
    let builder = || builder(&script).timeout(Duration::from_secs(5)).page_timeout(Duration::from_secs(9));
    let api = builder().credential_source(silent).retry(RetryPolicy::none()).build().unwrap();
    let error = page(&api).await.unwrap_err();
    assert!(matches!(error, Error::Timeout { .. } | Error::Credentials { .. }), "{error:?}");
    let panics = Numbered {
        fails: |number| if number == 1 { panic!("a fault of the source") } else { false },
        ..Numbered::default()
    };
    let api = builder().credential_source(panics).build().unwrap();
    page(&api).await.unwrap();
    assert_eq!(sent(&script), ["Bearer token-2"]);
}

#[tokio::test(start_paused = true)]
async fn a_replaced_key_is_used_by_all_clones_and_the_old_one_stays_hidden() {
    let script = Script::new(|index, request| match (index, authorization(request).as_str()) {
        (0, _) => items(),
        (_, "Bearer the-new-key") => Reply::Json(403, Vec::new(), r#"{"detail":"the-old-key or the-new-key?"}"#.into()),
        _ => Reply::status(401),
    });
    let api = builder(&script).credentials(Credentials::bearer("the-old-key").unwrap()).build().unwrap();
    let clone = api.clone();
    page(&clone).await.unwrap();
    api.replace_credentials(Credentials::bearer("the-new-key").unwrap()).unwrap();
    let error = page(&clone).await.unwrap_err();
    assert!(error.to_string().contains("[redacted] or [redacted]?"), "{error}");
    assert_eq!(sent(&script), ["Bearer the-old-key", "Bearer the-new-key"]);

    // A request that was on its way with the old key.
    let cell: Arc<Mutex<Option<Client>>> = Arc::default();
    let of_script = cell.clone();
    let script = Script::new(move |_, request| {
        if authorization(request) == "Bearer the-new-key" {
            return items();
        }
        let api = of_script.lock().unwrap();
        api.as_ref().unwrap().replace_credentials(Credentials::bearer("the-new-key").unwrap()).unwrap();
        Reply::status(401)
    });
    let api = builder(&script).credentials(Credentials::bearer("the-old-key").unwrap()).build().unwrap();
    *cell.lock().unwrap() = Some(api.clone());
    page(&api).await.unwrap();
    assert_eq!(sent(&script), ["Bearer the-old-key", "Bearer the-new-key"]);
}

#[tokio::test(start_paused = true)]
async fn the_key_of_a_provider_is_replaced_in_its_clients_and_requests() {
    let script = Script::replies(vec![Reply::page(r#"{"data":[],"nextCursor":null}"#)]);
    let builder = employjoy::Client::builder().api_key("pek_1").base_url("https://api.test/");
    let api = builder.transport(script.clone()).build().unwrap();
    let request = api.jobs();
    api.replace_api_key("pek_2").unwrap();
    let _ = request.send().await;
    assert_eq!(sent(&script), ["Bearer pek_2"]);
    assert!(matches!(api.replace_api_key(""), Err(Error::Invalid { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_refresh_that_fails_ahead_of_time_disturbs_no_request() {
    let script = Script::replies(vec![items()]);
    let lifetime = Some(Duration::from_secs(100));
    let source = Numbered { valid_for: lifetime, fails: |number| number == 2, ..Numbered::default() };
    let asked = source.asked.clone();
    let api = builder(&script).credential_source(source).retry(RetryPolicy::none()).build().unwrap();
    for _ in 0..110 {
        page(&api).await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(asked.load(Ordering::SeqCst), 3);
    assert!(!sent(&script).contains(&"Bearer token-2".to_owned()));
    assert_eq!(sent(&script).last().unwrap(), "Bearer token-3");
}

/// A request whose slot of the rate limit has passed while it waits for a token must not be sent together with the next one.
#[tokio::test(start_paused = true)]
async fn promise_7_requests_that_wait_for_a_slow_source_keep_the_rate() {
    for in_flight in [1, 4] {
        let script = Script::replies(vec![items()]);
        let source = Numbered { takes: Duration::from_secs(3), ..Numbered::default() };
        let api = builder(&script).rate_limit(RateLimit::every(Duration::from_secs(1))).credential_source(source);
        let api = api.max_in_flight(in_flight).build().unwrap();
        join_all((0..4).map(|_| page(&api))).await;
        assert_eq!(script.times(), [0, 1_000, 2_000, 3_000], "{in_flight} in flight");
    }
}

/// As a task does that reads the key from a vault every minute.
#[tokio::test(start_paused = true)]
async fn promise_7_a_key_that_is_replaced_by_itself_keeps_the_wait_of_the_server() {
    let script = Script::replies(vec![Reply::status(429).header("retry-after", 60), items()]);
    let key = || Credentials::bearer("the-only-key").unwrap();
    let api = builder(&script).credentials(key()).retry(RetryPolicy::none()).build().unwrap();
    page(&api).await.unwrap_err();
    api.replace_credentials(key()).unwrap();
    page(&api).await.unwrap();
    assert_eq!(script.times(), [0, 60_000]);
}

#[tokio::test(start_paused = true)]
async fn credentials_with_one_header_twice_are_refused() {
    let twice = Credentials::bearer("token-one").unwrap().and_header("Authorization", "Bearer ", "token-two");
    assert!(twice.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_request_with_the_header_of_the_credentials_is_refused_before_anything_is_sent() {
    let script = Script::replies(vec![items()]);
    let api = builder(&script).credentials(Credentials::bearer("token-one").unwrap()).build().unwrap();
    let list = AnyList {
        request: |_| ApiRequest::get("items").header("authorization", "Bearer token-of-the-caller"),
        ..AnyList::default()
    };
    let error = api.list(list).send().await.unwrap_err();
    assert!(matches!(&error, Error::Invalid { what, .. } if what == "header"), "{error}");
    assert_eq!(script.requests(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_write_that_waited_in_vain_for_credentials_was_not_sent() {
    let script = Script::replies(vec![items()]);
    let source = Numbered { takes: Duration::from_secs(100_000), ..Numbered::default() };
    let api = jobfeed::rest::Client::builder().base_url("https://api.test/").transport(script.clone());
    let api = api.credential_source(source).build().unwrap();
    let error = api.post::<serde_json::Value>("items", &serde_json::json!({})).send().await.unwrap_err();
    assert_eq!(script.requests(), 0);
    assert!(matches!(error, Error::Credentials { .. }), "not `OutcomeUnknown`: {error}");
}
