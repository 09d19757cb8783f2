//! Credentials that change: sources, OAuth 2.0, keys that are replaced, keys in the query.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use futures::{FutureExt, StreamExt, TryStreamExt};
use jobfeed::endpoint::ApiRequest;
use jobfeed::paginate::{self, ValueAt};
use jobfeed::secrecy::{ExposeSecret, SecretString};
use jobfeed::{
    BoxError, Client, ClientBuilder, CredentialSource, Credentials, Error, Issued, OAuth2, Page, Position, RateLimit,
    RetryPolicy, employjoy,
};
use serde_json::Value;

use crate::any_list::AnyList;
use crate::support::{Reply, Script, kill_after, paused_runtime};

const TOKEN_URL: &str = "https://id.test/token";

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

fn builder(script: &Script) -> ClientBuilder<Client> {
    let builder = Client::builder().base_url("https://api.test/").rate_limit(RateLimit::unlimited());
    builder.transport(script.clone())
}

async fn page(api: &Client) -> jobfeed::Result<Page<Value>> {
    api.list(AnyList::default()).send().await
}

fn items() -> Reply {
    Reply::page(r#"{"items":[{"id":1}]}"#)
}

fn authorization(request: &http::Request<Bytes>) -> String {
    request.headers().get("authorization").map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
}

/// The `Authorization` of each request to the API.
fn sent(script: &Script) -> Vec<String> {
    let log = script.log.lock().unwrap();
    let to_api = log.iter().filter(|(_, request)| request.uri().host() == Some("api.test"));
    to_api.map(|(_, request)| authorization(request)).collect()
}

/// The token requests, as `name=value` pairs of the form.
fn token_requests(script: &Script) -> Vec<Vec<(String, String)>> {
    let log = script.log.lock().unwrap();
    let to_server = log.iter().filter(|(_, request)| request.uri().host() == Some("id.test"));
    to_server.map(|(_, request)| url::form_urlencoded::parse(request.body()).into_owned().collect()).collect()
}

fn value<'f>(form: &'f [(String, String)], name: &str) -> Option<&'f str> {
    form.iter().find(|pair| pair.0 == name).map(|pair| pair.1.as_str())
}

/// An API that accepts each token for its lifetime, and a server that gives them: the n-th is `token-n`. Refresh tokens are
/// replaced with each use, `refresh-n`, and valid once.
fn oauth(lifetime: Duration) -> Script {
    let issued: Arc<Mutex<Vec<tokio::time::Instant>>> = Arc::default();
    Script::new(move |_, request| {
        let mut issued = issued.lock().unwrap();
        if request.uri().host() == Some("id.test") {
            let form: Vec<(String, String)> = url::form_urlencoded::parse(request.body()).into_owned().collect();
            if value(&form, "refresh_token").is_some_and(|token| token != format!("refresh-{}", issued.len())) {
                return Reply::Json(400, Vec::new(), r#"{"error":"invalid_grant"}"#.to_owned());
            }
            issued.push(tokio::time::Instant::now());
            let (number, seconds) = (issued.len(), lifetime.as_secs());
            return Reply::page(&format!(
                r#"{{"access_token":"token-{number}","token_type":"bearer","expires_in":{seconds},"refresh_token":"refresh-{number}"}}"#
            ));
        }
        let number: Option<usize> =
            authorization(request).strip_prefix("Bearer token-").and_then(|text| text.parse().ok());
        let at = number.and_then(|number| issued.get(number - 1));
        if at.is_some_and(|at| at.elapsed() < lifetime) { items() } else { Reply::status(401) }
    })
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
}

#[tokio::test(start_paused = true)]
async fn tokens_of_three_seconds_work_without_a_failed_request() {
    let script = oauth(Duration::from_secs(3));
    let tokens = OAuth2::client_credentials(TOKEN_URL, "app", "a-client-secret").unwrap();
    let api = builder(&script).credential_source(tokens).build().unwrap();
    let began = tokio::time::Instant::now();
    let callers = (0..8).map(|number| {
        let api = api.clone();
        async move {
            while began.elapsed() < Duration::from_secs(20) {
                page(&api).await.unwrap();
                tokio::time::sleep(Duration::from_millis(37 + number)).await;
            }
        }
    });
    join_all(callers).await;
    assert!(token_requests(&script).len() <= 20 / 3 + 1, "{} tokens", token_requests(&script).len());
    assert!(sent(&script).len() > 3_000);
}

#[tokio::test(start_paused = true)]
async fn many_refused_requests_cause_one_refresh_and_each_is_sent_once_more() {
    let script = Script::new(|_, request| match authorization(request).as_str() {
        "Bearer token-2" => items(),
        _ => Reply::status(401),
    });
    let source = Numbered { takes: Duration::from_millis(50), ..Numbered::default() };
    let asked = source.asked.clone();
    let api = builder(&script).credential_source(source).build().unwrap();
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

#[test]
fn promise_8_a_caller_that_is_dropped_in_a_refresh_loses_no_rotated_token() {
    let (mut polls, mut ended) = (1, false);
    while !ended {
        let runtime = paused_runtime();
        let script = oauth(Duration::from_secs(3));
        let saved: Arc<Mutex<Vec<String>>> = Arc::default();
        let into = saved.clone();
        let tokens = OAuth2::refresh_token(TOKEN_URL, "app", "refresh-0").unwrap().save(move |token: SecretString| {
            let into = into.clone();
            async move {
                // Points where the caller can be dropped.
                for _ in 0..5 {
                    tokio::task::yield_now().await;
                }
                into.lock().unwrap().push(token.expose_secret().to_owned());
                Ok::<(), BoxError>(())
            }
        });
        let api = builder(&script).credential_source(tokens).build().unwrap();
        ended = kill_after(&runtime, polls, page(&api).map(|page| page.map(drop)));
        runtime.block_on(async {
            // An old refresh token would be refused: it is valid once.
            page(&api).await.unwrap();
            let asked = token_requests(&script).len();
            assert_eq!(asked, 1, "killed after {polls} polls: the task that was started went on");
            assert_eq!(*saved.lock().unwrap(), ["refresh-1"]);
            tokio::time::sleep(Duration::from_secs(4)).await;
            page(&api).await.unwrap();
            assert_eq!(*saved.lock().unwrap(), ["refresh-1", "refresh-2"], "saved before the token is used");
        });
        polls += 1;
    }
    assert!(polls > 4, "{polls}");
}

#[tokio::test(start_paused = true)]
async fn a_refresh_token_that_could_not_be_saved_is_kept_and_saved_before_the_next_use() {
    let script = oauth(Duration::from_secs(3));
    let saved: Arc<Mutex<Vec<String>>> = Arc::default();
    let into = saved.clone();
    let tokens = OAuth2::refresh_token(TOKEN_URL, "app", "refresh-0").unwrap().save(move |token: SecretString| {
        let mut tried = into.lock().unwrap();
        tried.push(token.expose_secret().to_owned());
        let result = if tried.len() < 3 { Err(format!("disk full at {}", token.expose_secret())) } else { Ok(()) };
        async move { result }
    });
    let api = builder(&script).credential_source(tokens).retry(RetryPolicy::none()).build().unwrap();
    for _ in 0..2 {
        let error = page(&api).await.unwrap_err();
        let shown = format!("{error:?} {error}");
        assert!(error.is_auth() && shown.contains("could not be saved (disk full at [redacted])"), "{shown}");
        assert!(!shown.contains("refresh-1"), "{shown}");
        tokio::time::sleep(Duration::from_secs(20)).await;
    }
    assert_eq!(sent(&script).len(), 0, "the token is not used before it is saved");
    page(&api).await.unwrap();
    assert_eq!(*saved.lock().unwrap(), ["refresh-1", "refresh-1", "refresh-1", "refresh-2"]);
    let used: Vec<_> =
        token_requests(&script).iter().map(|form| value(form, "refresh_token").unwrap().to_owned()).collect();
    assert_eq!(used, ["refresh-0", "refresh-1"]);
}

#[tokio::test(start_paused = true)]
async fn the_token_request_is_as_rfc_6749_says() {
    let script = oauth(Duration::from_secs(3600));
    let tokens = OAuth2::client_credentials(TOKEN_URL, "my app", "s:e%c/ret").unwrap();
    let tokens = tokens.scope("a b").audience("https://api.test").param("resource", "r&d").unwrap();
    page(&builder(&script).credential_source(tokens).build().unwrap()).await.unwrap();
    let request = script.log.lock().unwrap()[0].1.clone();
    assert_eq!((request.method(), request.uri().to_string()), (&http::Method::POST, TOKEN_URL.to_owned()));
    assert_eq!(request.headers()["content-type"], "application/x-www-form-urlencoded");
    // `my+app:s%3Ae%25c%2Fret`
    assert_eq!(authorization(&request), "Basic bXkrYXBwOnMlM0FlJTI1YyUyRnJldA==");
    let form = "grant_type=client_credentials&scope=a+b&audience=https%3A%2F%2Fapi.test&resource=r%26d";
    assert_eq!(request.body(), form);

    let script = oauth(Duration::from_secs(3600));
    let tokens = OAuth2::refresh_token(TOKEN_URL, "app", "refresh-0").unwrap().client_secret("s&t").secret_in_body();
    page(&builder(&script).credential_source(tokens).build().unwrap()).await.unwrap();
    let request = script.log.lock().unwrap()[0].1.clone();
    assert_eq!(authorization(&request), "");
    assert_eq!(request.body(), "grant_type=refresh_token&refresh_token=refresh-0&client_id=app&client_secret=s%26t");
}

/// The error of a page when the token endpoint gives this answer, and the number of token requests.
async fn refused(reply: Reply) -> (Error, usize) {
    let script = Script::new(move |_, _| reply.clone());
    let tokens = OAuth2::client_credentials(TOKEN_URL, "app", "a-client-secret").unwrap();
    let retry = RetryPolicy::default().max_attempts(3);
    let api = builder(&script).credential_source(tokens).retry(retry).build().unwrap();
    let error = page(&api).await.unwrap_err();
    assert_eq!(sent(&script).len(), 0);
    (error, token_requests(&script).len())
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_the_token_endpoint_is_a_typed_error_and_is_not_repeated() {
    let body = r#"{"error":"invalid_client","error_description":"no client app with a-client-secret"}"#;
    for status in [400, 401] {
        let (error, requests) = refused(Reply::Json(status, Vec::new(), body.to_owned())).await;
        assert_eq!(error.server().unwrap().code.as_deref(), Some("invalid_client"));
        let shown = format!("{error:?}");
        let said = "invalid_client: no client app with [redacted]; check the client id and the client secret";
        assert!(shown.contains("oauth2/token (POST https://id.test/token)") && shown.contains(said), "{shown}");
        assert!(error.is_auth() && !error.is_retryable() && requests == 1, "{requests}");
    }
    for (reply, said) in [
        (Reply::status(302).header("location", "https://other.test/"), "check the token URL"),
        (Reply::page(r#"{"access_token":"abc-secret","token_type":"mac"}"#), "its `token_type` is not `bearer`"),
        (Reply::page(r#"{"token_type":"Bearer"}"#), "it has no `access_token`"),
        (Reply::page(r#"{"access_token":"abc-secret","expires_in":"soon"}"#), "its `expires_in` is not a number"),
        (Reply::page("access_token=abc-secret&token_type=bearer"), "not JSON"),
        (Reply::page(r#"{"error":"bad_code","error_description":"expired"}"#), "bad_code: expired"),
    ] {
        let (error, requests) = refused(reply).await;
        let shown = format!("{error:?}");
        assert!(shown.contains(said) && !shown.contains("abc-secret"), "{said}: {shown}");
        assert!(!error.is_retryable() && requests == 1, "{shown}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_endpoint_that_fails_is_asked_again_and_its_wait_is_obeyed() {
    for reply in [Reply::status(503), Reply::status(429), Reply::Refused] {
        let (error, requests) = refused(reply).await;
        assert!(error.is_retryable() && requests == 3, "{requests} {error:?}");
    }
    let (error, requests) = refused(Reply::status(429).header("retry-after", 3600)).await;
    assert!(
        matches!(error, Error::Paused { wait, .. } if wait > Duration::from_secs(3500)) && requests == 1,
        "{error:?}"
    );

    let script = Script::new(|index, request| match index {
        0 => Reply::status(503).header("retry-after", 30),
        _ if request.uri().host() == Some("id.test") => {
            Reply::page(r#"{"access_token":"token","token_type":"BEARER","expires_in":"60"}"#)
        }
        _ => items(),
    });
    let tokens = OAuth2::client_credentials(TOKEN_URL, "app", "a-client-secret").unwrap();
    let api = builder(&script).credential_source(tokens).build().unwrap();
    join_all((0..9).map(|_| page(&api))).await.into_iter().for_each(|page| drop(page.unwrap()));
    assert_eq!(token_requests(&script).len(), 2, "one for all callers after the wait");
    assert!(script.times()[1] >= 30_000);
}

#[test]
fn settings_that_cannot_work_are_refused_before_anything_is_sent() {
    for url in ["http://id.test/token", "https://u:p@id.test/token", "https://id.test/#a", "ftp://id.test/", "token"] {
        let error = OAuth2::client_credentials(url, "app", "secret").unwrap_err();
        assert!(matches!(&error, Error::Invalid { what, .. } if what == "token URL"), "{error}");
        assert!(!error.to_string().contains("u:p"));
    }
    for url in ["http://127.0.0.1:9/token", "http://localhost/token", "http://[::1]/token", "https://id.test/t?a=b"] {
        OAuth2::client_credentials(url, "app", "secret").unwrap();
    }
    assert!(OAuth2::client_credentials(TOKEN_URL, "", "secret").is_err());
    assert!(OAuth2::client_credentials(TOKEN_URL, "app", "").is_err());
    assert!(OAuth2::refresh_token(TOKEN_URL, "app", "").is_err());
    assert!(OAuth2::client_credentials(TOKEN_URL, "app", "s").unwrap().param("scope", "a").is_err());
    for credentials in [Credentials::query("", "k"), Credentials::query("key", ""), Credentials::query("key", "a\n")] {
        assert!(matches!(credentials.unwrap_err(), Error::Invalid { .. }));
    }
    assert!(Credentials::query("key", "k").unwrap().and_query("key", "l").is_err());
    let api = Client::builder().base_url("https://api.test/").credential_source(Numbered::default()).build().unwrap();
    assert!(matches!(api.replace_credentials(Credentials::none()), Err(Error::Invalid { .. })));
    assert!(!api.is_anonymous());
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

/// Pages linked by URLs that repeat the key parameter.
fn linked() -> AnyList {
    AnyList {
        request: |at| match at.token() {
            Some(url) => ApiRequest::get(url),
            None => ApiRequest::get("items").query("size", 1),
        },
        next: |_, answer| paginate::next_url(answer, ValueAt::Pointer("/next")),
        ..AnyList::default()
    }
}

#[tokio::test(start_paused = true)]
async fn promise_8_a_key_in_the_query_is_sent_and_never_kept() {
    let script = Script::new(|index, request| {
        // As the server has it, and masked as some servers do.
        let key = if index == 0 { "S3NT%2BINEL%2Fkey%3D" } else { "***" };
        let base = "https://api.test/items?size=1";
        let query = request.uri().query().unwrap_or_default().to_owned();
        match index {
            0 => Reply::page(&format!(r#"{{"items":[{{"id":1}}],"next":"{base}&api_key={key}&page=2"}}"#)),
            1 => Reply::page(&format!(r#"{{"items":[{{"id":2}}],"next":"/items?api_key={key}&{query}&page=3"}}"#)),
            _ => Reply::page(r#"{"items":[{"id":3}]}"#),
        }
    });
    let credentials = Credentials::query("api_key", "S3NT+INEL/key=").unwrap();
    let api = builder(&script).credentials(credentials).build().unwrap();
    let mut pages = api.list(linked()).pages();
    let first = pages.next().await.unwrap().unwrap();
    let cursor = first.next_cursor().unwrap().clone();
    let keeps = format!("{cursor:?} {first:?} {api:?} {:?}", pages.cursor());
    assert!(!keeps.contains("S3NT") && cursor == cursor.to_string().parse().unwrap(), "{keeps}");
    let rest: Vec<_> = pages.try_collect().await.unwrap();
    assert_eq!(rest.len(), 2);
    let queries: Vec<String> =
        script.log.lock().unwrap().iter().map(|(_, request)| request.uri().query().unwrap().to_owned()).collect();
    assert_eq!(queries[0], "size=1&api_key=S3NT%2BINEL%2Fkey%3D");
    assert_eq!(queries[1], "size=1&page=2&api_key=S3NT%2BINEL%2Fkey%3D");
    for query in &queries {
        assert_eq!(query.matches("api_key").count(), 1, "{query}");
    }
    // The cursor is used by a client with another key.
    let other = Credentials::query("api_key", "another-key").unwrap();
    let api = builder(&script).credentials(other).build().unwrap();
    api.list(linked()).resume_from(cursor).send().await.unwrap();
    let last = script.log.lock().unwrap().last().unwrap().1.uri().query().unwrap().to_owned();
    assert_eq!(last, "size=1&page=2&api_key=another-key");
}

#[tokio::test(start_paused = true)]
async fn a_parameter_with_the_name_of_the_key_is_refused_before_anything_is_sent() {
    let script = Script::replies(vec![items()]);
    let key = Credentials::query("api_key", "a-long-key").unwrap();
    let api = builder(&script).credentials(key).build().unwrap();
    let as_parameter = |_: &Position| ApiRequest::get("items").query("api_key", "x");
    let in_path = |_: &Position| ApiRequest::get("items?api%5Fkey=x");
    for request in [as_parameter as fn(&Position) -> ApiRequest, in_path] {
        let error = api.list(AnyList { request, ..AnyList::default() }).send().await.unwrap_err();
        assert!(
            matches!(&error, Error::Invalid { what, value, .. } if what == "query parameter" && value == "api_key"),
            "{error}"
        );
    }
    assert_eq!(script.requests(), 0);
}

#[tokio::test(start_paused = true)]
async fn promise_8_a_key_in_the_query_goes_to_the_own_origin_only() {
    let script = Script::new(|_, request| match request.uri().path() {
        _ if request.uri().host() == Some("other.test") => items(),
        "/items" => Reply::status(302).header("location", "/moved?api_key=a-long-key&x=1"),
        _ => Reply::status(302).header("location", "https://other.test/items?api_key=a-long-key&x=2"),
    });
    let key = Credentials::query("api_key", "a-long-key").unwrap();
    let api = builder(&script).credentials(key).build().unwrap();
    let any = AnyList {
        request: |_| {
            let mut request = ApiRequest::get("items");
            request.origins = jobfeed::endpoint::Origins::Any;
            request
        },
        ..AnyList::default()
    };
    api.list(any).send().await.unwrap();
    let log = script.log.lock().unwrap();
    let urls: Vec<String> = log.iter().map(|(_, request)| request.uri().to_string()).collect();
    assert_eq!(
        urls,
        [
            "https://api.test/items?api_key=a-long-key",
            "https://api.test/moved?x=1&api_key=a-long-key",
            "https://other.test/items?x=2"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn promise_8_every_secret_that_was_in_use_stays_hidden() {
    let body =
        r#"{"detail":"token-1 token-2 refresh-0 refresh-1 refresh-2 a-client-secret YXBwOmEtY2xpZW50LXNlY3JldA=="}"#;
    let answer = oauth(Duration::from_secs(3));
    let fails = Arc::new(AtomicUsize::new(0));
    let switch = fails.clone();
    let script = Script::new(move |index, request| {
        if switch.load(Ordering::SeqCst) == 1 && request.uri().host() == Some("api.test") {
            return Reply::Json(403, Vec::new(), body.to_owned());
        }
        answer.reply(index, request)
    });
    let tokens = OAuth2::refresh_token(TOKEN_URL, "app", "refresh-0").unwrap().client_secret("a-client-secret");
    let api = builder(&script).credential_source(tokens).build().unwrap();
    page(&api).await.unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    page(&api).await.unwrap();
    fails.store(1, Ordering::SeqCst);
    let error = page(&api).await.unwrap_err();
    let shown = format!("{error:?} {:?}", error.server().unwrap().message);
    assert_eq!(shown.matches("[redacted]").count(), 14, "{shown}");
    for secret in ["token-", "refresh-", "a-client-secret", "YXBw"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}
