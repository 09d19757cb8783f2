//! Promise 7 for several keys: each is used to its last request, one that must rest does, and none is shown.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jobfeed::jobdataapi::Client;
use jobfeed::testing::{PageFaults, Received, Service, Simulator, Throttle};
use jobfeed::{Clock, Credentials, Error, RateLimit};

use crate::support::{Reply, Script, envelope};

fn one() -> Reply {
    Reply::page(&envelope([1], 1, None))
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The key of a request to jobdataapi.com.
fn key_of(request: &http::Request<bytes::Bytes>) -> String {
    request.headers()["authorization"].to_str().unwrap().trim_start_matches("Api-Key ").to_owned()
}

/// Answers by key, and the keys in the order in which they were used.
fn by_key(answer: impl Fn(&str) -> Reply + Send + Sync + 'static) -> (Script, Arc<Mutex<Vec<String>>>) {
    let used: Arc<Mutex<Vec<String>>> = Arc::default();
    let log = used.clone();
    let script = Script::new(move |_, request| {
        let key = key_of(request);
        log.lock().unwrap().push(key.clone());
        answer(&key)
    });
    (script, used)
}

fn count(used: &Mutex<Vec<String>>) -> BTreeMap<String, usize> {
    used.lock().unwrap().iter().fold(BTreeMap::new(), |mut counts, key| {
        *counts.entry(key.clone()).or_default() += 1;
        counts
    })
}

#[tokio::test(start_paused = true)]
async fn promise_7_a_pool_uses_every_key_to_its_last_request_and_is_paused_until_the_first_reset() {
    let left = Mutex::new(BTreeMap::from([("key-a", (10, 3_600)), ("key-b", (25, 1_800)), ("key-c", (5, 7_200))]));
    let (script, used) = by_key(move |key| {
        let mut left = left.lock().unwrap();
        let (left, reset) = left.get_mut(key).unwrap();
        if *left == 0 {
            return Reply::status(429).header("retry-after", *reset);
        }
        *left -= 1;
        one().header("x-ratelimit-remaining", *left).header("x-ratelimit-reset", *reset)
    });
    let now: jobfeed::jiff::Timestamp = "2026-05-01T12:00:00Z".parse().unwrap();
    let builder = script.client().api_keys(["key-a", "key-b", "key-c"]);
    let api = builder.clock(Clock::fixed(now)).build().unwrap();
    for _ in 0..40 {
        api.jobs().send().await.unwrap();
    }
    let counts = count(&used);
    assert_eq!((counts["key-a"], counts["key-b"], counts["key-c"]), (10, 25, 5));
    // The one with the most left is used: `b` until it has no more than `a` has.
    assert!(used.lock().unwrap()[3..18].iter().all(|key| key == "key-b"), "{used:?}");
    let error = api.jobs().send().await.unwrap_err();
    let Error::Paused { until, .. } = error else { panic!("{error:?}") };
    assert_eq!(until.to_string(), "2026-05-01T12:30:00Z");
    assert_eq!(script.requests(), 40);
}

/// A service that counts the requests of each key, and tells what remains.
struct Metered(BTreeMap<&'static str, Throttle>);

impl Service for Metered {
    type Data = BTreeMap<&'static str, Throttle>;

    fn data(&mut self) -> &mut Self::Data {
        &mut self.0
    }

    fn is_list(&self, _: &Received) -> bool {
        true
    }

    fn reply(&mut self, request: &Received, _: &PageFaults) -> jobfeed::testing::Reply {
        use jobfeed::testing::Reply;
        let key = request.authorization().and_then(|text| text.strip_prefix("Api-Key ")).unwrap_or_default().to_owned();
        let Some(throttle) = self.0.get_mut(key.as_str()) else {
            return Reply::json(401, "{}".to_owned());
        };
        let admitted = throttle.admit("");
        let (remaining, reset) = throttle.remaining("");
        let reply = match admitted {
            Ok(()) => Reply::json(200, envelope([1], 1, None)),
            Err(wait) => Reply::json(429, "{}".to_owned()).header("retry-after", &wait.to_string()),
        };
        let policy = format!("\"hour\";r={remaining};t={reset}");
        reply.header("ratelimit", &policy)
    }
}

#[tokio::test]
async fn promise_7_a_pool_of_3_keys_with_different_quotas_gets_no_429_from_a_server_that_counts() {
    let quotas = [("key-a", 12), ("key-b", 7), ("key-c", 30)];
    let throttles = quotas.map(|(key, quota)| (key, Throttle::new(quota, secs(3_600))));
    let server = Simulator::start(Metered(BTreeMap::from(throttles))).await.unwrap();
    let builder = Client::builder().base_url(server.base_url()).rate_limit(RateLimit::unlimited());
    let api = builder.api_keys(quotas.map(|(key, _)| key)).max_in_flight(4).build().unwrap();
    // The first requests of many at once would not know that a key has only one left.
    let mut sent = 0;
    while sent < 49 {
        let calls = (0..(49 - sent).min(4)).map(|_| api.jobs().send());
        sent += futures::future::try_join_all(calls).await.unwrap().len();
    }
    let error = api.jobs().send().await.unwrap_err();
    assert!(matches!(&error, Error::Paused { .. }), "{error}");
    let served = server.served();
    assert_eq!((served.requests, served.with_status(200)), (49, 49));
    assert!(quotas.iter().all(|(key, _)| server.with(|keys| keys.get_mut(key).unwrap().remaining("").0) == 0));
}

#[tokio::test(start_paused = true)]
async fn promise_7_a_throttled_key_rests_and_the_others_go_on_at_once() {
    let (script, used) =
        by_key(|key| if key == "key-a" { Reply::status(429).header("retry-after", 600) } else { one() });
    let api = script.client().api_keys(["key-a", "key-b"]).build().unwrap();
    for _ in 0..5 {
        api.jobs().send().await.unwrap();
    }
    assert_eq!(*used.lock().unwrap(), ["key-a", "key-b", "key-b", "key-b", "key-b", "key-b"]);
    assert_eq!(script.times(), [0; 6]);
}

#[tokio::test(start_paused = true)]
async fn when_all_keys_rest_the_call_waits_for_the_first_or_is_paused_until_then() {
    let refused = Mutex::new(BTreeMap::from([("key-a", 7), ("key-b", 5)]));
    let (script, used) = by_key(move |key| match refused.lock().unwrap().remove(key) {
        Some(wait) => Reply::status(429).header("retry-after", wait),
        None => one(),
    });
    let api = script.client().api_keys(["key-a", "key-b"]).build().unwrap();
    api.jobs().send().await.unwrap();
    assert_eq!(*used.lock().unwrap(), ["key-a", "key-b", "key-b"]);
    assert_eq!(script.times(), [0, 0, 5_000]);

    let (script, used) = by_key(|key| {
        let wait = if key == "key-c" { 900 } else { 1_800 };
        Reply::status(429).header("retry-after", wait)
    });
    let api = script.client().api_keys(["key-a", "key-b", "key-c", "key-d"]).build().unwrap();
    let error = api.jobs().send().await.unwrap_err();
    assert!(matches!(&error, Error::Paused { wait, .. } if wait.as_secs() == 900), "{error:?}");
    assert_eq!(count(&used).len(), 4, "each was tried once: {used:?}");
    assert_eq!(script.requests(), 4);
}

#[tokio::test(start_paused = true)]
async fn keys_without_a_quota_are_used_in_turn_and_each_has_the_rate_limit() {
    let (script, used) = by_key(|_| one());
    let builder = script.client().api_keys(["key-a", "key-b", "key-c"]);
    let api = builder.rate_limit(RateLimit::every(secs(1))).build().unwrap();
    for _ in 0..6 {
        api.jobs().send().await.unwrap();
    }
    assert_eq!(*used.lock().unwrap(), ["key-a", "key-b", "key-c", "key-a", "key-b", "key-c"]);
    assert_eq!(script.times(), [0, 0, 0, 1_000, 1_000, 1_000]);
}

#[tokio::test(start_paused = true)]
async fn promise_8_a_refused_key_is_an_error_with_its_index_and_no_key_is_shown() {
    for status in [401, 403] {
        let (script, used) = by_key(move |key| match key {
            "key-number-two" => {
                Reply::Json(status, Vec::new(), r#"{"detail":"no key-number-two, no key-number-one"}"#.to_owned())
            }
            _ => one(),
        });
        let api = script.client().api_keys(["key-number-one", "key-number-two"]).build().unwrap();
        api.jobs().send().await.unwrap();
        let error = api.jobs().send().await.unwrap_err();
        assert_eq!(error.status().unwrap().as_u16(), status);
        assert!(matches!(&error, Error::Status { call, .. } if call.key == Some(1)), "{error}");
        let shown = format!("{error} {error:?} {api:?}");
        assert!(shown.contains("key 1 of the pool") && !shown.contains("key-number"), "{shown}");
        assert_eq!(used.lock().unwrap().len(), 2, "a refused key is not sent again");
    }
}

#[tokio::test]
async fn a_pool_without_keys_or_with_an_empty_one_is_refused() {
    let empty: [&str; 0] = [];
    let anonymous = Client::builder().key_pool([Credentials::bearer("k").unwrap(), Credentials::none()]);
    for builder in [Client::builder().api_keys(empty), Client::builder().api_keys(["k", ""]), anonymous] {
        let error = builder.build().unwrap_err();
        assert!(matches!(error, Error::Invalid { .. }), "{error}");
    }
    Client::builder().api_keys(["k"]).build().unwrap();
}

/// Five keys rest; the failure of the sixth is the first one that is repeated.
#[tokio::test(start_paused = true)]
async fn a_change_of_keys_is_no_retry() {
    let script = Script::new(|index, _| match index {
        0..5 => Reply::status(429).header("retry-after", 100),
        5 => Reply::Refused,
        _ => one(),
    });
    let keys = (0..6).map(|number| Credentials::bearer(format!("pool-key-{number}")).unwrap());
    let api = script.client().key_pool(keys).build().unwrap();
    api.jobs().send().await.unwrap();
}

#[tokio::test]
async fn a_pool_with_one_key_twice_is_refused() {
    let error = Client::builder().api_keys(["a-key", "another", "a-key"]).build().unwrap_err();
    assert!(matches!(&error, Error::Invalid { what, .. } if what == "key pool"), "{error}");
}
