//! Promise 7: retries, waits, the rate limit and the retry budget, through the public client on a paused clock.

use std::time::Duration;

use futures::TryStreamExt;
use jobfeed::endpoint::{ApiRequest, Origins};
use jobfeed::{Clock, Error, Outcome, RateLimit, RetryPolicy, TimeoutScope, checkpoint::MemoryStore};

use crate::any_list::AnyList;
use crate::credentials::{builder, items, page};
use crate::support::{Reply, Script, envelope};

fn one() -> Reply {
    Reply::page(&envelope([1], 1, None))
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[tokio::test(start_paused = true)]
async fn promise_7_retry_after_is_obeyed_exactly_in_seconds_and_as_a_date() {
    let now = "2026-05-01T12:00:00Z".parse().unwrap();
    for value in ["7", "Fri, 01 May 2026 12:00:07 GMT"] {
        for status in [429, 503] {
            let script = Script::replies(vec![Reply::status(status).header("retry-after", value), one()]);
            let api = script.client().clock(Clock::fixed(now)).build().unwrap();
            api.jobs().send().await.unwrap();
            assert_eq!(script.times(), [0, 7000], "{status} {value}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_requested_wait_the_back_off_is_random_and_grows_to_its_cap() {
    let mut longest = [0; 4];
    for _ in 0..200 {
        let script = Script::replies(vec![Reply::status(500)]);
        let error = script.client().build().unwrap().jobs().send().await.unwrap_err();
        assert!(matches!(&error, Error::Status { call, .. } if call.attempts == 5), "{error:?}");
        let times = script.times();
        assert_eq!(times.len(), 5);
        for (wait, longest) in times.windows(2).map(|pair| pair[1] - pair[0]).zip(&mut longest) {
            *longest = wait.max(*longest);
        }
    }
    for (index, longest) in longest.into_iter().enumerate() {
        let span = 1000 << index;
        assert!(longest <= span + 1 && longest > span / 2, "wait {index}: at most {longest} of {span} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn temporary_failures_are_retried_and_no_others() {
    let body = envelope([1], 1, None);
    let temporary = [
        Reply::Refused,
        Reply::Cut(body.clone()),
        Reply::page(&body[..body.len() - 3]),
        Reply::status(408),
        Reply::status(429),
        Reply::status(500),
        Reply::status(504),
        Reply::Late(secs(61), body.clone()),
    ];
    for (index, reply) in temporary.into_iter().enumerate() {
        let script = Script::replies(vec![reply, one()]);
        script.client().build().unwrap().jobs().send().await.unwrap_or_else(|error| panic!("{index}: {error}"));
        assert_eq!(script.requests(), 2, "{index}");
    }
    for status in [400, 401, 402, 403, 404, 405, 409, 410, 422, 451] {
        let script = Script::replies(vec![Reply::status(status), one()]);
        let error = script.client().build().unwrap().jobs().send().await.unwrap_err();
        assert_eq!(error.status().unwrap().as_u16(), status);
        assert!(error.to_string().contains("said"), "the message of the server is shown: {error}");
        assert_eq!(script.requests(), 1, "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn attempts_and_waits_end_at_the_limit_of_the_page() {
    let script = Script::replies(vec![Reply::Silent]);
    let api = script.client().timeout(secs(20)).page_timeout(secs(50)).retry(RetryPolicy::default().max_attempts(100));
    let before = tokio_now();
    let error = api.build().unwrap().jobs().send().await.unwrap_err();
    assert!(tokio_now() - before <= secs(50));
    assert!(matches!(error, Error::Timeout { .. }), "{error:?}");
    let script = Script::replies(vec![Reply::Silent]);
    let api = script.client().timeout(secs(20)).retry(RetryPolicy::none());
    let error = api.build().unwrap().jobs().send().await.unwrap_err();
    let limit = secs(20);
    assert!(
        matches!(&error, Error::Timeout { limit: l, scope: TimeoutScope::Attempt, .. } if *l == limit),
        "{error:?}"
    );
}

#[allow(clippy::disallowed_methods)]
fn tokio_now() -> tokio::time::Instant {
    tokio::time::Instant::now()
}

#[tokio::test(start_paused = true)]
async fn promise_7_a_wait_over_the_cap_is_not_slept_and_the_error_has_the_instant() {
    let now: jobfeed::jiff::Timestamp = "2026-05-01T12:00:00Z".parse().unwrap();
    let waits = [
        ("retry-after", "2710"),
        ("ratelimit", "limit=10, remaining=0, reset=2710"),
        ("ratelimit", "\"hour\";r=0;t=2710"),
    ];
    for (name, value) in waits {
        let script = Script::replies(vec![Reply::status(429).header(name, value)]);
        let api = script.client().clock(Clock::fixed(now)).build().unwrap();
        let error = api.jobs().send().await.unwrap_err();
        let Error::Paused { until, .. } = error else { panic!("{error:?}") };
        assert_eq!(until.to_string(), "2026-05-01T12:45:10Z");
        // The wait applies to every clone: the next call is not sent.
        assert!(matches!(api.clone().company(1).send().await, Err(Error::Paused { .. })));
        assert_eq!((script.requests(), script.times()), (1, vec![0]), "{name}: {value}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_paused_run_is_not_a_failure_and_the_next_run_continues() {
    let paused = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
    let flag = paused.clone();
    let script = Script::new(move |_, request| {
        let query = request.uri().query().unwrap_or_default();
        let id = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.parse::<u64>().ok());
        let (min, max) = (id("min_id=").unwrap_or(1), id("max_id=").unwrap_or(300));
        if min > 150 && flag.load(std::sync::atomic::Ordering::Relaxed) {
            return Reply::status(429).header("retry-after", 3600);
        }
        let size = id("page_size=").unwrap() as usize;
        let (all, page): (Vec<u64>, u64) = ((min..=max.min(300)).collect(), id("page=").unwrap_or(1));
        let start = (page as usize - 1) * size;
        let next = (all.len() > start + size).then(|| format!("http://api.test/api/jobs/?page={}", page + 1));
        Reply::page(&envelope(all.iter().copied().skip(start).take(size), all.len() as u64, next.as_deref()))
    });
    let store = MemoryStore::new();
    let api = script.client().build().unwrap();
    let mut run = api.jobs().page_size(40).sync_by_id("k", &store).await.unwrap();
    let mut ids = Vec::new();
    while let Some(batch) = run.next().await.unwrap() {
        ids.extend(batch.items().iter().map(|job| job.id));
        batch.commit().await.unwrap();
    }
    // The limit is reached while the sync searches the highest id, before any record is delivered.
    assert!(matches!(run.report().outcome, Outcome::Paused { .. }), "{:?}", run.report());
    paused.store(false, std::sync::atomic::Ordering::Relaxed);
    tokio::time::advance(secs(3601)).await;
    let mut run = api.jobs().page_size(40).sync_by_id("k", &store).await.unwrap();
    ids.extend(crate::support::finish(&mut run).await.unwrap());
    assert_eq!(run.report().outcome, Outcome::Complete);
    assert_eq!(crate::support::set(&ids), (1..=300).collect());
}

#[tokio::test(start_paused = true)]
async fn when_no_requests_remain_all_clones_wait() {
    let used_up = one().header("x-ratelimit-remaining", 0).header("x-ratelimit-reset", 30);
    let script = Script::replies(vec![used_up, one()]);
    let api = script.client().build().unwrap();
    api.jobs().send().await.unwrap();
    let clone = api.clone();
    clone.jobs().send().await.unwrap();
    assert_eq!(script.times(), [0, 30_000]);
}

#[tokio::test(start_paused = true)]
async fn promise_7_the_rate_limit_is_shared_by_clones_and_has_no_burst_by_default() {
    let script = Script::replies(vec![one()]);
    let api = script.client().rate_limit(RateLimit::new(30, secs(60))).build().unwrap();
    let calls = (0..5).map(|_| {
        let api = api.clone();
        async move { api.jobs().send().await.map(drop) }
    });
    futures::future::try_join_all(calls).await.unwrap();
    assert_eq!(script.times(), [0, 2000, 4000, 6000, 8000]);
    assert_eq!(script.requests(), 5);
}

#[tokio::test(start_paused = true)]
async fn the_documented_rate_of_the_provider_is_the_default() {
    let next = |page: usize| format!("http://api.test/api/jobs/?page={page}");
    let script = Script::new(move |index, _| {
        let next = (index < 3).then(|| next(index + 2));
        Reply::page(&envelope([index as u64], 4, next.as_deref()))
    });
    let api = jobfeed::jobdataapi::Client::builder().api_key("k").base_url("http://api.test/api/");
    let api = api.transport(script.clone()).build().unwrap();
    let pages: Vec<_> = api.jobs().pages().try_collect().await.unwrap();
    assert_eq!(pages.len(), 4);
    assert_eq!(script.times(), [0, 120, 240, 360], "0.12 s between pages");
}

#[tokio::test(start_paused = true)]
async fn the_retry_budget_is_shared_and_is_refilled_by_time_and_success() {
    let broken = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
    let flag = broken.clone();
    let script = Script::new(
        move |_, _| {
            if flag.load(std::sync::atomic::Ordering::Relaxed) { Reply::status(500) } else { one() }
        },
    );
    let policy = RetryPolicy::default().budget(10).backoff(Duration::from_millis(1), Duration::from_millis(1));
    let api = script.client().retry(policy).build().unwrap();
    for _ in 0..10 {
        api.clone().jobs().send().await.unwrap_err();
    }
    assert_eq!(script.requests(), 10 + 10, "ten calls, and ten retries for all of them together");
    // The budget gets one retry back every 20 seconds.
    tokio::time::advance(secs(41)).await;
    let before = script.requests();
    api.jobs().send().await.unwrap_err();
    assert_eq!(script.requests() - before, 1 + 2);
    // The budget gets one retry back after ten successes.
    broken.store(false, std::sync::atomic::Ordering::Relaxed);
    for _ in 0..10 {
        api.jobs().send().await.unwrap();
    }
    broken.store(true, std::sync::atomic::Ordering::Relaxed);
    let before = script.requests();
    api.jobs().send().await.unwrap_err();
    assert_eq!(script.requests() - before, 1 + 1);
}

#[tokio::test(start_paused = true)]
async fn progress_counts_requests_retries_and_waits() {
    let script = Script::replies(vec![Reply::status(503).header("retry-after", 5), one()]);
    let api = script.client().build().unwrap();
    let mut pages = api.jobs().pages();
    let progress = pages.progress();
    while pages.try_next().await.unwrap().is_some() {}
    let counts = progress.counts();
    assert_eq!((counts.pages, counts.rows, counts.requests, counts.retries), (1, 1, 2, 1));
    assert_eq!((counts.total, counts.waited_ms), (Some(1), 5000));
}

#[tokio::test(start_paused = true)]
async fn the_longest_waits_are_no_panic() {
    let policy = RetryPolicy::default().throttled_wait(Duration::MAX).backoff(Duration::MAX, Duration::MAX);
    let script = Script::replies(vec![Reply::status(429)]);
    let api = builder(&script).retry(policy).page_timeout(Duration::MAX).timeout(Duration::MAX).build().unwrap();
    let error = page(&api).await.unwrap_err();
    assert!(matches!(error, Error::Paused { .. }), "{error}");
}

#[tokio::test(start_paused = true)]
async fn the_longest_interval_is_no_panic() {
    let script = Script::replies(vec![items()]);
    let limit = RateLimit::every(secs(u64::MAX / 2));
    let api = builder(&script).rate_limit(limit).page_timeout(Duration::MAX).build().unwrap();
    page(&api).await.unwrap();
}

/// Such as that of a store of files to which a download is redirected.
#[tokio::test(start_paused = true)]
async fn a_quota_of_another_origin_does_not_delay_the_client() {
    let script = Script::new(|index, request| match (index, request.uri().host()) {
        (0, _) => Reply::status(302).header("location", "https://cdn.test/items"),
        (_, Some("cdn.test")) => {
            items().header("x-ratelimit-remaining", 0).header("x-ratelimit-reset", 3_600).header("retry-after", 3_600)
        }
        _ => items(),
    });
    let api = builder(&script).build().unwrap();
    let list =
        AnyList { request: |_| ApiRequest { origins: Origins::Any, ..ApiRequest::get("items") }, ..AnyList::default() };
    api.list(list).send().await.unwrap();
    page(&api).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn promise_7_the_wait_of_a_redirect_is_obeyed() {
    let redirect = Reply::status(307).header("location", "/items2").header("retry-after", 30);
    let script = Script::replies(vec![redirect, items()]);
    let api = builder(&script).build().unwrap();
    page(&api).await.unwrap();
    assert_eq!(script.times(), [0, 30_000]);
}
