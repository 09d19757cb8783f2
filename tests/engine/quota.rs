//! Promise 7 for quotas: a client slows down before the server refuses a request, and still uses the whole quota.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::StreamExt;
use jobfeed::jobdataapi::Client;
use jobfeed::testing::JobDataApi;
use jobfeed::{ClientBuilder, Error, Quota, RateLimit, RetryPolicy};
use proptest::prelude::*;

use crate::support::{Reply, Script, envelope, paused_runtime};

fn one() -> Reply {
    Reply::page(&envelope([1], 1, None))
}

fn millis(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// How a server tells its quota.
#[derive(Debug, Clone, Copy)]
enum Form {
    Seconds,
    UnixTime,
    FirstDraft,
    LaterDraft,
    Separate,
}

const FORMS: [Form; 5] = [Form::Seconds, Form::UnixTime, Form::FirstDraft, Form::LaterDraft, Form::Separate];
const START: i64 = 1_777_636_800;

/// A server with a quota of its own in each window. All windows have the same length, and then come again.
#[derive(Clone)]
struct Meter {
    start: tokio::time::Instant,
    quotas: Vec<u64>,
    window: Duration,
    latency: Duration,
    form: Form,
    /// How many requests were accepted in each window, and how many were refused.
    counts: Arc<Mutex<(Vec<u64>, u64)>>,
}

impl Meter {
    fn new(quotas: Vec<u64>, seconds: u64, form: Form) -> Self {
        let (window, latency) = (millis(1000 * seconds), millis(30));
        Self { start: now(), quotas, window, latency, form, counts: Arc::default() }
    }

    fn script(&self) -> Script {
        let meter = self.clone();
        Script::new(move |_, _| Reply::Slow(meter.latency, Box::new(meter.reply())))
    }

    fn client(&self) -> ClientBuilder<Client> {
        let start = self.start;
        let clock = move || jobfeed::jiff::Timestamp::from_second(START).unwrap() + (now() - start);
        let spacing = RateLimit::every(millis(100));
        self.script().client().rate_limit(spacing).clock(jobfeed::Clock::from_fn(clock))
    }

    /// The number of the present window, and the time to its end in whole seconds.
    fn window(&self) -> (usize, u64) {
        let passed = now() - self.start;
        let number = passed.as_nanos() / self.window.as_nanos();
        let left = self.window * (number as u32 + 1) - passed;
        (number as usize, left.as_millis().div_ceil(1000) as u64)
    }

    fn reply(&self) -> Reply {
        let (number, reset) = self.window();
        let quota = self.quotas[number % self.quotas.len()];
        let mut counts = self.counts.lock().unwrap();
        counts.0.resize(number + 1, 0);
        if counts.0[number] == quota {
            counts.1 += 1;
            return Reply::status(429).header("retry-after", reset);
        }
        counts.0[number] += 1;
        let left = quota - counts.0[number];
        match self.form {
            Form::Seconds | Form::UnixTime => {
                let end = (now() - self.start).as_secs() + reset + u64::from((now() - self.start).subsec_nanos() > 0);
                let unix = START + end as i64;
                let unix = if matches!(self.form, Form::UnixTime) { unix } else { reset as i64 };
                let reply = one().header("x-ratelimit-limit", quota).header("x-ratelimit-remaining", left);
                reply.header("x-ratelimit-reset", unix)
            }
            Form::FirstDraft => one().header("ratelimit", format!("limit={quota}, remaining={left}, reset={reset}")),
            Form::LaterDraft => one()
                .header("ratelimit-policy", format!("\"burst\";q=999;w=1, \"all, in all\";q={quota};w=60"))
                .header("ratelimit", format!("\"burst\";r=998;t=1, \"all, in all\";r={left};t={reset}")),
            Form::Separate => {
                let reply = one().header("ratelimit-limit", quota).header("ratelimit-remaining", left);
                reply.header("ratelimit-reset", reset)
            }
        }
    }

    fn counts(&self) -> (Vec<u64>, u64) {
        self.counts.lock().unwrap().clone()
    }
}

#[allow(clippy::disallowed_methods)]
fn now() -> tokio::time::Instant {
    tokio::time::Instant::now()
}

#[tokio::test(start_paused = true)]
async fn promise_7_a_quota_of_60_a_minute_is_used_up_without_a_429_or_a_long_stop() {
    for form in FORMS {
        let meter = Meter::new(vec![60], 60, form);
        let script = meter.script();
        let api = meter.client().transport(script.clone()).build().unwrap();
        for _ in 0..181 {
            api.jobs().send().await.unwrap();
        }
        assert_eq!(meter.counts(), (vec![60, 60, 60, 1], 0), "{form:?}");
        let times = script.times();
        let longest = times.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
        assert!(longest <= 4_000, "{form:?}: a stop of {longest} ms");
        assert_eq!(times[29] - times[0], 29 * 100, "{form:?}: the first half is used at the full rate");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_with_plenty_left_keeps_its_rate() {
    let meter = Meter::new(vec![10_000], 3_600, Form::Seconds);
    let script = meter.script();
    let api = meter.client().transport(script.clone()).build().unwrap();
    for _ in 0..400 {
        api.jobs().send().await.unwrap();
    }
    assert_eq!(script.times().last(), Some(&(399 * 100)));
}

#[tokio::test(start_paused = true)]
async fn without_the_adaptive_rate_a_quota_is_used_at_once_and_then_waited_for() {
    let meter = Meter::new(vec![60], 60, Form::Seconds);
    let script = meter.script();
    let api = meter.client().transport(script.clone()).adaptive_rate(false).build().unwrap();
    for _ in 0..61 {
        api.jobs().send().await.unwrap();
    }
    assert_eq!(meter.counts(), (vec![60, 1], 0));
    assert_eq!(script.times()[59], 59 * 100);
}

#[tokio::test(start_paused = true)]
async fn promise_7_a_stop_over_the_cap_is_not_spread_but_ends_the_call_as_paused() {
    let meter = Meter::new(vec![40], 3_600, Form::Seconds);
    let api = meter.client().build().unwrap();
    let start = now();
    for _ in 0..40 {
        api.jobs().send().await.unwrap();
    }
    assert!(now() - start < millis(6_000));
    let error = api.jobs().send().await.unwrap_err();
    assert!(matches!(&error, Error::Paused { wait, .. } if wait.as_secs() > 3_500), "{error}");
    // A caller who may wait for an hour has no stop at its end.
    let meter = Meter::new(vec![40], 3_600, Form::Seconds);
    let retry = RetryPolicy::default().max_wait(millis(3_600_000));
    let script = meter.script();
    let api = meter.client().transport(script.clone()).retry(retry).build().unwrap();
    for _ in 0..40 {
        api.jobs().send().await.unwrap();
    }
    let times = script.times();
    let longest = times.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
    assert!(longest < 180_000 && *times.last().unwrap() > 3_300_000, "{longest} {times:?}");
    assert_eq!(meter.counts(), (vec![40], 0));
}

#[tokio::test(start_paused = true)]
async fn promise_7_many_requests_in_flight_use_the_last_of_a_quota_without_a_429() {
    let mut meter = Meter::new(vec![60, 7, 1, 30], 60, Form::Seconds);
    meter.latency = millis(900);
    let api = meter.client().rate_limit(RateLimit::unlimited()).max_in_flight(8).build().unwrap();
    api.jobs().send().await.unwrap();
    let calls = futures::stream::iter(0..97).map(|_| api.jobs().send()).buffer_unordered(20);
    calls.for_each(|page| async { drop(page.unwrap()) }).await;
    assert_eq!(meter.counts(), (vec![60, 7, 1, 30], 0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn promise_7_no_429_and_no_unused_request_whatever_the_quotas(
        quotas in proptest::collection::vec(1u64..60, 1..6),
        seconds in 8u64..90,
        latency in 0u64..300,
        in_flight in 1usize..6,
        form in proptest::sample::select(FORMS.to_vec()),
    ) {
        let (windows, counts) = paused_runtime().block_on(async {
            let mut meter = Meter::new(quotas.clone(), seconds, form);
            meter.latency = millis(latency);
            let api = meter.client().max_in_flight(in_flight).build().unwrap();
            api.jobs().send().await.unwrap();
            let end = meter.start + meter.window * (quotas.len() as u32);
            let workers = (0..in_flight).map(|_| {
                let api = api.clone();
                async move {
                    while now() < end {
                        api.jobs().send().await.unwrap();
                    }
                }
            });
            futures::future::join_all(workers).await;
            (quotas.len(), meter.counts())
        });
        prop_assert_eq!(counts.1, 0, "refused");
        for window in 0..windows {
            // What the rate of the client allows, if the quota is larger.
            let possible = quotas[window].min(seconds * 1_000 / (100 + latency) - 8);
            prop_assert!(counts.0[window] >= possible, "window {}: {:?} of {:?}", window, counts.0, quotas);
        }
    }
}

#[tokio::test]
async fn promise_7_clients_with_one_key_share_what_is_known_of_its_quota() {
    let server = JobDataApi::builder().jobs(5).start().await.unwrap();
    let header = |name: &str, value: &str| jobfeed::testing::Fault::Header(name.to_owned(), value.to_owned());
    server.fault(header("x-ratelimit-remaining", "0"), jobfeed::testing::When::Next(1));
    server.fault(header("x-ratelimit-reset", "900"), jobfeed::testing::When::Next(1));
    let builder = || Client::builder().api_key(server.api_key()).base_url(server.base_url());
    let first = builder().build().unwrap();
    let second = builder().build().unwrap();
    first.jobs().send().await.unwrap();
    let error = second.jobs().send().await.unwrap_err();
    assert!(matches!(&error, Error::Paused { .. }), "{error}");
    assert_eq!(server.served().requests, 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_known_of_the_quota_of_a_replaced_key_does_not_hold_for_the_new_one() {
    let used_up = one().header("x-ratelimit-remaining", 0).header("x-ratelimit-reset", 900);
    let script = Script::replies(vec![used_up, one()]);
    let api = script.client().build().unwrap();
    api.jobs().send().await.unwrap();
    assert!(matches!(api.jobs().send().await.unwrap_err(), Error::Paused { .. }));
    api.replace_api_key("another-key").unwrap();
    api.jobs().send().await.unwrap();
    assert_eq!(script.times(), [0, 0]);
    let pool = script.client().api_keys(["a", "b"]).build().unwrap();
    assert!(matches!(pool.replace_api_key("c").unwrap_err(), Error::Invalid { .. }));
}

#[test]
fn a_provider_tells_a_quota_of_its_own() {
    use jobfeed::{Provider, fantastic_jobs};
    let pairs =
        [("x-api-requests-remaining", "7"), ("x-api-requests-limit", "100"), ("x-api-next-billing-date", "2026-05-02")];
    let mut headers = jobfeed::http::HeaderMap::new();
    for (name, value) in pairs {
        headers.insert(name, value.parse().unwrap());
    }
    let quota = <fantastic_jobs::Client as Provider>::quota(&headers, "2026-05-01T23:59:00Z".parse().unwrap());
    assert_eq!(quota, Some(Quota::new(7, millis(60_000)).limit(100)));
}
