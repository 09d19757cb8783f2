//! Promise 7 for requests in flight: their cap, who goes first, and futures that are kept without being polled.

use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use jobfeed::fantastic_jobs::{self, ExpiredFrame};
use jobfeed::{Error, RateLimit, partitions};

use crate::support::{Reply, Script, a_hundred_callers, builder_of, envelope};

fn one() -> Reply {
    Reply::page(&envelope([1], 1, None))
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Each answer takes a second.
fn slow() -> Script {
    Script::replies(vec![Reply::Slow(secs(1), Box::new(one()))])
}

#[tokio::test(start_paused = true)]
async fn promise_7_a_client_has_one_request_in_flight_or_as_many_as_it_may() {
    for (most, times) in [(None, [0, 1, 2, 3, 4]), (Some(2), [0, 0, 1, 1, 2]), (Some(9), [0; 5])] {
        let script = slow();
        let builder = script.client();
        let api = if let Some(most) = most { builder.max_in_flight(most) } else { builder }.build().unwrap();
        let calls = (0..5).map(|_| api.clone().jobs().send());
        futures::future::try_join_all(calls).await.unwrap();
        assert_eq!(script.times(), times.map(|second| second * 1_000), "{most:?}");
    }
    let error = slow().client().max_in_flight(0).build().unwrap_err();
    assert!(matches!(error, Error::Invalid { .. }), "{error}");
}

#[tokio::test]
async fn promise_7_partitions_share_the_cap_of_their_client() {
    let server = jobfeed::testing::JobDataApi::builder().jobs(200).start().await.unwrap();
    let api = builder_of(&server).build().unwrap();
    let results = partitions(0..8, 8, async |_| {
        let pages = api.jobs().page_size(25).pages();
        pages.try_collect::<Vec<_>>().await.map(|pages| pages.len())
    });
    let pages: Vec<usize> = results.map(|done| done.result.unwrap()).collect().await;
    assert!(pages[0] > 1 && pages.iter().all(|count| *count == pages[0]), "{pages:?}");
    assert_eq!(server.served().peak_in_flight, 1);
}

#[tokio::test(start_paused = true)]
async fn promise_7_a_hundred_callers_in_line_for_one_place_go_first_come_first_served_and_none_times_out() {
    let script = Script::replies(vec![Reply::Slow(secs(5), Box::new(one()))]);
    let api = script.client().build().unwrap();
    let done = a_hundred_callers(&api).await;
    // 495 s in line, more than the 300 s of one page.
    assert_eq!(done, (0..100).collect::<Vec<_>>());
    assert_eq!(script.times().last(), Some(&495_000));
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_leaves_frees_its_place() {
    let script = slow();
    let api = script.client().build().unwrap();
    let first = tokio::spawn(api.jobs().send());
    let second = tokio::spawn(api.jobs().send());
    tokio::time::sleep(Duration::from_millis(250)).await;
    assert_eq!(script.requests(), 1);
    first.abort();
    second.await.unwrap().unwrap();
    assert_eq!(script.times(), [0, 250]);
}

#[tokio::test(start_paused = true)]
async fn a_call_between_two_results_of_buffer_unordered_does_not_wait_for_ever() {
    for limit in [RateLimit::unlimited(), RateLimit::every(Duration::from_millis(120))] {
        for answer in [1, 50, 1_000] {
            let script = Script::replies(vec![Reply::Slow(Duration::from_millis(answer), Box::new(one()))]);
            let api = script.client().rate_limit(limit).build().unwrap();
            let mut results = futures::stream::iter(0..6).map(|_| api.jobs().send()).buffer_unordered(4);
            while let Some(page) = results.next().await {
                page.unwrap();
                // The futures in the buffer are not polled meanwhile.
                api.jobs().send().await.unwrap();
            }
            assert_eq!(script.requests(), 12);
            let took = *script.times().last().unwrap();
            assert!(took <= 12 * (answer + 120) + 6 * 600, "{limit:?}: {took} ms for answers after {answer} ms");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_whose_future_is_kept_and_not_polled_does_not_hold_the_place_for_long() {
    let script = slow();
    let api = script.client().build().unwrap();
    let mut kept = Box::pin(api.jobs().send());
    tokio::time::timeout(Duration::from_millis(200), &mut kept).await.unwrap_err();
    tokio::time::timeout(secs(10), api.jobs().send()).await.unwrap().unwrap();
    kept.await.unwrap();
    assert!(script.times()[1] <= 800, "{:?}", script.times());
}

#[tokio::test(start_paused = true)]
async fn a_body_that_the_caller_reads_in_pieces_does_not_hold_the_place() {
    let script = Script::new(|index, _| if index == 0 { Reply::Trickling("[1, 2, ".to_owned()) } else { one() });
    let builder = fantastic_jobs::Client::builder().api_key("k").base_url("http://api.test/v1/");
    let api = builder.transport(script.clone()).rate_limit(RateLimit::unlimited()).build().unwrap();
    let mut ids = api.expired_ats().time_frame(ExpiredFrame::Hour).ids();
    tokio::time::timeout(secs(2), ids.next()).await.unwrap_err();
    drop(api.expired_jb().time_frame(ExpiredFrame::Hour).ids().next().await);
    assert_eq!(script.times(), [0, 2_000]);
    drop(ids);
}

#[tokio::test(start_paused = true)]
async fn who_waits_in_one_bucket_does_not_hold_up_another_one() {
    use jobfeed::endpoint::{Answer, AnswerError, ApiRequest, Endpoint, Listing, Paging};
    #[derive(Debug, Clone)]
    struct Numbers(Option<&'static str>);
    impl Endpoint for Numbers {
        fn name(&self) -> &'static str {
            "test/numbers"
        }
        fn request(&self, _: &jobfeed::Position) -> ApiRequest {
            let mut request = ApiRequest::get("numbers");
            request.bucket = self.0.map(str::to_owned);
            request
        }
        fn list(&self) -> jobfeed::ListAt {
            jobfeed::ListAt::Root
        }
        fn next(&self, _: &jobfeed::Position, _: &Answer<'_>) -> Result<Paging, AnswerError> {
            Ok(Paging { next: None, total: None })
        }
    }
    impl Listing for Numbers {
        type Item = u64;
    }
    let script = Script::new(|index, _| {
        let reply = Reply::page("[1]");
        if index == 0 { reply.header("retry-after", 60) } else { reply }
    });
    let api = jobfeed::Client::builder().base_url("http://api.test/").transport(script.clone());
    let api = api.rate_limit(RateLimit::unlimited()).build().unwrap();
    let list = |bucket| api.list(Numbers(bucket)).send();
    list(Some("a")).await.unwrap();
    let (a, b) = tokio::join!(list(Some("a")), list(Some("b")));
    a.unwrap();
    b.unwrap();
    assert_eq!(script.times(), [0, 0, 60_000]);
}
