//! OAuth 2.0: tokens by client credentials and by refresh tokens that the server replaces.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use futures::future::join_all;
use jobfeed::secrecy::{ExposeSecret, SecretString};
use jobfeed::{BoxError, Client, Credentials, Error, OAuth2, RetryPolicy};

use crate::credentials::{authorization, builder, items, page, sent};
use crate::support::{Reply, Script, kill_after, paused_runtime};

const TOKEN_URL: &str = "https://id.test/token";

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
        _ = OAuth2::client_credentials(url, "app", "secret").unwrap();
    }
    assert!(OAuth2::client_credentials(TOKEN_URL, "", "secret").is_err());
    assert!(OAuth2::client_credentials(TOKEN_URL, "app", "").is_err());
    assert!(OAuth2::refresh_token(TOKEN_URL, "app", "").is_err());
    assert!(OAuth2::client_credentials(TOKEN_URL, "app", "s").unwrap().param("scope", "a").is_err());
    for credentials in [Credentials::query("", "k"), Credentials::query("key", ""), Credentials::query("key", "a\n")] {
        assert!(matches!(credentials.unwrap_err(), Error::Invalid { .. }));
    }
    assert!(Credentials::query("key", "k").unwrap().and_query("key", "l").is_err());
    let api = Client::builder()
        .base_url("https://api.test/")
        .credential_source(OAuth2::client_credentials(TOKEN_URL, "app", "s").unwrap())
        .build()
        .unwrap();
    assert!(matches!(api.replace_credentials(Credentials::none()), Err(Error::Invalid { .. })));
    assert!(!api.is_anonymous());
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

#[tokio::test(start_paused = true)]
async fn a_new_refresh_token_is_saved_although_the_rest_of_the_answer_cannot_be_used() {
    let script = Script::new(|index, request| match request.uri().host() {
        Some("id.test") if index == 0 => Reply::page(
            r#"{"access_token":"token-1","token_type":"bearer","expires_in":-1,"refresh_token":"refresh-1"}"#,
        ),
        Some("id.test") => Reply::page(r#"{"access_token":"token-2","token_type":"bearer","expires_in":60}"#),
        _ => items(),
    });
    let saved: Arc<Mutex<Vec<String>>> = Arc::default();
    let log = saved.clone();
    let tokens = OAuth2::refresh_token(TOKEN_URL, "app", "refresh-0").unwrap().save(move |token| {
        log.lock().unwrap().push(token.expose_secret().to_owned());
        async { Ok::<_, BoxError>(()) }
    });
    let api = builder(&script).credential_source(tokens).build().unwrap();
    let first = page(&api).await;
    assert_eq!(*saved.lock().unwrap(), ["refresh-1"], "{first:?}");
    tokio::time::sleep(Duration::from_secs(60)).await;
    page(&api).await.unwrap();
}
