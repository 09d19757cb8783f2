//! Promise 7 for many callers at once, and for servers whose answers do not end.

use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use jobfeed::checkpoint::MemoryStore;
use jobfeed::fantastic_jobs::{self, ExpiredFrame};
use jobfeed::{Clock, Error, RateLimit, TimeoutScope, partitions};

use crate::support::{Reply, Script, a_hundred_callers, envelope};

fn one() -> Reply {
    Reply::page(&envelope([1], 1, None))
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[tokio::test(start_paused = true)]
async fn promise_7_a_hundred_callers_get_their_turn_in_the_order_in_which_they_came() {
    let script = Script::replies(vec![one()]);
    let api = script.client().rate_limit(RateLimit::every(secs(10))).build().unwrap();
    let done = a_hundred_callers(&api).await;
    // 990 s in line, more than the 300 s of one page.
    assert_eq!(done, (0..100).collect::<Vec<_>>());
    let times = script.times();
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] == 10_000), "{times:?}");
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_leaves_the_line_does_not_hold_up_the_others() {
    let script = Script::replies(vec![one()]);
    let api = script.client().rate_limit(RateLimit::every(secs(10))).build().unwrap();
    api.jobs().send().await.unwrap();
    let first = tokio::spawn(api.jobs().send());
    tokio::task::yield_now().await;
    let second = tokio::spawn(api.jobs().send());
    tokio::task::yield_now().await;
    first.abort();
    second.await.unwrap().unwrap();
    assert_eq!(script.times(), [0, 10_000]);
}

#[tokio::test(start_paused = true)]
async fn promise_7_many_partitions_wait_for_their_turn_and_none_fails() {
    let script = Script::jobs((1..=3).collect());
    let api = script.client().rate_limit(RateLimit::every(secs(1))).build().unwrap();
    let store = MemoryStore::new();
    let results = partitions(0..400, 400, async |index| {
        let mut run = api.jobs().page_size(10).sync_by_id(format!("k{index}"), &store).await?;
        while let Some(batch) = run.next().await? {
            batch.commit().await?;
        }
        Ok::<_, Error>(run.report().counts.rows)
    });
    let results: Vec<_> = results.collect().await;
    assert_eq!(results.len(), 400);
    for done in results {
        assert_eq!(done.result.unwrap_or_else(|error| panic!("{}: {error}", done.partition)), 3);
    }
}

#[tokio::test(start_paused = true)]
async fn promise_7_the_head_of_an_error_holds_although_its_body_hangs() {
    let headers = vec![("retry-after", "600".to_owned())];
    let script = Script::replies(vec![Reply::Hanging(429, headers), one()]);
    let error = script.client().build().unwrap().jobs().send().await.unwrap_err();
    assert!(matches!(&error, Error::Paused { wait, .. } if wait.as_secs() == 600), "{error}");
    assert_eq!(script.requests(), 1);

    let script = Script::replies(vec![Reply::Hanging(401, Vec::new()), one()]);
    let error = script.client().build().unwrap().jobs().send().await.unwrap_err();
    assert_eq!(error.status().map(|status| status.as_u16()), Some(401), "{error}");
    assert_eq!(script.requests(), 1, "a refused credential is not sent again");
}

#[tokio::test(start_paused = true)]
async fn promise_7_absurd_waits_and_several_policies_close_the_client_for_all_clones() {
    let now = "2026-05-01T12:00:00Z".parse().unwrap();
    for (name, value) in [
        ("ratelimit", "\"second\";r=0;t=1, \"day\";r=0;t=3600"),
        ("ratelimit", "limit=9, remaining=0, reset=1e19"),
        ("x-ratelimit-reset", "1e19"),
        ("retry-after", "Fri, 31 Dec 9999 23:59:59 GMT"),
    ] {
        let reply = Reply::status(429).header(name, value).header("x-ratelimit-remaining", 0);
        let script = Script::replies(vec![reply, one()]);
        let api = script.client().clock(Clock::fixed(now)).build().unwrap();
        for clone in [api.clone(), api] {
            let error = clone.jobs().send().await.unwrap_err();
            let Error::Paused { until, .. } = error else { panic!("{name}: {value}: {error:?}") };
            assert!(
                until.duration_since(now) >= jobfeed::jiff::SignedDuration::from_hours(1),
                "{name}: {value}: {until}"
            );
        }
        assert_eq!(script.requests(), 1, "{name}: {value}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_in_chunks_that_never_ends_is_an_error() {
    let script = Script::replies(vec![Reply::Trickling("[1, 2, ".to_owned())]);
    let builder = fantastic_jobs::Client::builder().api_key("k").base_url("http://api.test/v1/");
    let api = builder.transport(script).page_timeout(secs(100)).build().unwrap();
    let ids = api.expired_ats().time_frame(ExpiredFrame::Hour).ids();
    let error = ids.try_collect::<Vec<u64>>().await.unwrap_err();
    assert!(matches!(&error, Error::Timeout { scope: TimeoutScope::Page, .. }), "{error}");

    // A silent body ends earlier, with the limit of the silence.
    let script = Script::replies(vec![Reply::Hanging(200, Vec::new())]);
    let builder = fantastic_jobs::Client::builder().api_key("k").base_url("http://api.test/v1/");
    let api = builder.transport(script).build().unwrap();
    let mut ids = api.expired_ats().time_frame(ExpiredFrame::Hour).ids();
    let error = ids.next().await.unwrap().unwrap_err();
    assert!(matches!(&error, Error::Timeout { scope: TimeoutScope::Idle, .. }), "{error}");
}
