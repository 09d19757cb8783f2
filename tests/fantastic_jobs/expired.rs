//! The expired feeds: read in chunks with bounded memory, and synced without missing ids.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::kit::{at, client, client_with, hours, simulator};
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{StreamExt, TryStreamExt, stream};
use jobfeed::checkpoint::MemoryStore;
use jobfeed::fantastic_jobs::{Client, ExpiredFrame};
use jobfeed::jiff::{SignedDuration, Timestamp};
use jobfeed::testing::{FantasticJobs, Fault, When, fantastic_jobs::FeedName};
use jobfeed::{Body, Checkpoint, Error, RateLimit, RetryPolicy, Transport, TransportError};
use serde_json::Value;

/// A transport that answers every request with a fixed body.
struct FixedBody<F>(F);

impl<F: Fn() -> Body + Send + Sync + 'static> Transport for FixedBody<F> {
    fn send(&self, _: http::Request<Bytes>) -> BoxFuture<'static, Result<http::Response<Body>, TransportError>> {
        let body = (self.0)();
        Box::pin(async move { Ok(http::Response::new(body)) })
    }
}

fn client_with_body(body: impl Fn() -> Body + Send + Sync + 'static) -> Client {
    let builder = Client::builder().api_key("k").rate_limit(RateLimit::unlimited()).transport(FixedBody(body));
    builder.timeout(Duration::from_millis(200)).max_body_bytes(10_000).build().unwrap()
}

fn client_with_parts(parts: &'static [&'static str]) -> Client {
    client_with_body(move || stream::iter(parts.iter().map(|part| Ok(Bytes::from_static(part.as_bytes())))).boxed())
}

#[tokio::test]
async fn ids_come_in_chunks_independent_of_the_parts_of_the_body() {
    let api = client_with_parts(&["[23612", "42150, \"47", "11\",\n", " 186] ", "\n"]);
    let feed = || api.expired_ats().time_frame(ExpiredFrame::SixMonths);
    let chunks: Vec<_> = feed().chunk_size(2).chunks().try_collect().await.unwrap();
    let sizes: Vec<_> = chunks.iter().map(|chunk| chunk.items.len()).collect();
    assert_eq!(sizes, [2, 1]);
    let ids: Vec<u64> = feed().ids().try_collect().await.unwrap();
    assert_eq!(ids, [2_361_242_150, 4711, 186]);
    let none: Vec<u64> =
        client_with_parts(&["[", "]"]).expired_jb().time_frame(ExpiredFrame::Hour).ids().try_collect().await.unwrap();
    assert!(none.is_empty());
    assert!(matches!(api.expired_ats().ids().try_next().await, Err(Error::Invalid { .. })), "the window is required");
}

#[tokio::test]
async fn a_body_that_is_not_a_list_of_ids_is_an_error() {
    let cases: [(&'static [&'static str], &str); 6] = [
        (&["[1,2", ",3"], "incomplete JSON"),
        (&["<html>no</html>"], "HTML"),
        (&[r#"{"detail": "Authorization Failed"}"#], "Authorization Failed"),
        (&["[1,2] extra"], "not JSON"),
        (&["[\"x\",\"y\"]"], "none of the 2 records"),
        (&[""], "incomplete JSON"),
    ];
    for (parts, what) in cases {
        let feed = client_with_parts(parts).expired_ats().time_frame(ExpiredFrame::Hour);
        let error = feed.ids().try_collect::<Vec<u64>>().await.unwrap_err().to_string();
        assert!(error.contains(what), "{parts:?}: {error}");
    }
    let api = client_with_parts(&["[1,\"x\",3]"]);
    let chunks: Vec<_> = api.expired_ats().time_frame(ExpiredFrame::Hour).chunks().try_collect().await.unwrap();
    assert_eq!((chunks[0].items.len(), chunks[0].rejected[0].raw()), (2, "\"x\""), "only the bad id is rejected");
}

#[tokio::test]
async fn the_timeout_applies_between_two_parts_of_the_body() {
    let slow = |pause: u64, parts: u64| {
        client_with_body(move || {
            let part = move |n: u64| async move {
                tokio::time::sleep(Duration::from_millis(pause)).await;
                let close = if n + 1 == parts { "]" } else { "," };
                Ok(Bytes::from(format!("{}{n}{close}", if n == 0 { "[" } else { "" })))
            };
            stream::iter(0..parts).then(part).boxed()
        })
    };
    let feed = slow(60, 8).expired_ats().time_frame(ExpiredFrame::Hour);
    let ids: Vec<u64> = feed.ids().try_collect().await.unwrap();
    assert_eq!(ids.len(), 8, "the whole body takes longer than the timeout");
    let error = slow(900, 3).expired_ats().time_frame(ExpiredFrame::Hour).ids().try_next().await.unwrap_err();
    assert!(matches!(error, Error::Timeout { .. }), "{error}");
}

/// The ids of one run; stops after `most` batches, the last one uncommitted.
async fn run(api: &Client, store: &MemoryStore, chunk: usize, most: usize, got: &mut BTreeSet<u64>) -> Option<Value> {
    let mut run = api.expired_ats().chunk_size(chunk).sync_expired("expired", store).await.unwrap();
    for nth in 1.. {
        let Some(batch) = run.next().await.unwrap() else { break };
        if nth == most {
            return None;
        }
        got.extend(batch.items().iter().map(|id| id.0));
        batch.commit().await.unwrap();
    }
    Some(run.report().details)
}

/// All ids that expired from `start` to the watermark have been delivered.
fn assert_none_is_missing(server: &FantasticJobs, start: Timestamp, details: &Value, got: &BTreeSet<u64>) {
    let covered = at(details["covered_until"].as_str().unwrap());
    let missing: Vec<u64> = server.with(FeedName::Ats, |data| {
        let ids = data.indexed(start - hours(24 * 12), start + hours(24 * 30));
        let expired = |id: &u64| data.expired_at(*id).is_some_and(|at| at >= start && at < covered);
        ids.into_iter().filter(|id| expired(id) && !got.contains(id)).collect()
    });
    assert!(missing.is_empty(), "{} ids that expired before {covered} are missing", missing.len());
}

/// 58 minutes after the last run, `1h` still reaches back to it when the request is sent, but not when it is answered.
#[tokio::test]
async fn promise_1_an_answer_that_is_late_does_not_move_the_watermark_over_what_it_lacks() {
    for wait_before_first_next in [true, false] {
        let server = simulator().expires_within(hours(24 * 5)).start().await.unwrap();
        let (api, store, mut got) = (client(&server), MemoryStore::new(), BTreeSet::new());
        let start = server.now();
        run(&api, &store, 50, usize::MAX, &mut got).await.unwrap();
        for late in 1..6 {
            server.advance(SignedDuration::from_mins(58));
            let mut run = api.expired_ats().sync_expired("expired", &store).await.unwrap();
            if wait_before_first_next {
                server.advance(SignedDuration::from_mins(20));
            } else {
                server.advance_at_request(server.served().requests + 1, SignedDuration::from_mins(20));
            }
            while let Some(batch) = run.next().await.unwrap() {
                got.extend(batch.items().iter().map(|id| id.0));
                batch.commit().await.unwrap();
            }
            assert_none_is_missing(&server, start, &run.report().details, &got);
            assert!(server.served().requests > late, "something was requested");
        }
        // The next day fills the gap.
        server.advance(hours(25));
        let details = run(&api, &store, 50, usize::MAX, &mut got).await.unwrap();
        assert_none_is_missing(&server, start, &details, &got);
        assert!(at(details["covered_until"].as_str().unwrap()) > start + hours(14), "{details}");
    }
}

#[tokio::test]
async fn no_expired_id_is_missing_after_outages_of_any_length() {
    let server = simulator().expires_within(hours(24 * 5)).start().await.unwrap();
    let (api, store, mut got) = (client(&server), MemoryStore::new(), BTreeSet::new());
    let start = server.now();
    let mut calls = BTreeSet::new();
    for minutes in [0, 40, 59, 61, 5 * 60, 17 * 60, 50, 30 * 60, 24 * 60, 80 * 60, 40, 26 * 60, 26 * 60] {
        server.advance(SignedDuration::from_mins(minutes));
        let details = run(&api, &store, 50, usize::MAX, &mut got).await.unwrap();
        calls.extend(details["calls"].as_array().unwrap().iter().map(|call| call.as_str().unwrap().to_owned()));
        assert_none_is_missing(&server, start, &details, &got);
    }
    let all: Vec<&str> = calls.iter().map(String::as_str).collect();
    assert_eq!(all, ["1d", "1h", "6m"]);
}

#[tokio::test]
async fn an_interrupted_body_continues_after_the_committed_chunks() {
    let server = simulator().expires_within(hours(24 * 9)).start().await.unwrap();
    let (api, store, mut got) = (client(&server), MemoryStore::new(), BTreeSet::new());
    run(&api, &store, 50, usize::MAX, &mut got).await.unwrap();
    server.advance(hours(24 * 4));
    got.clear();
    assert!(run(&api, &store, 50, 4, &mut got).await.is_none(), "stopped at the fourth chunk");
    assert_eq!(got.len(), 150);
    let before = got.clone();
    got.clear();
    run(&api, &store, 50, usize::MAX, &mut got).await.unwrap();
    assert!(got.is_disjoint(&before), "committed ids are skipped");

    // Now the list changes before the saved position, so it is read from its start.
    server.advance(hours(24 * 4));
    assert!(run(&api, &store, 50, 4, &mut got).await.is_none());
    let now = server.now();
    let rows = server.indexed(FeedName::Ats, now - hours(24 * 20), now);
    let active = |id: &u64| server.with(FeedName::Ats, |data| data.expired_at(*id).is_none());
    let first = rows.into_iter().find(active).unwrap();
    server.with(FeedName::Ats, |data| data.expire(&[first], now - hours(1)));
    got.clear();
    run(&api, &store, 50, usize::MAX, &mut got).await.unwrap();
    assert!(got.contains(&first) && got.len() > 150);
    assert_eq!(store.load("expired").await.unwrap().unwrap().run(), None);
}

#[tokio::test]
async fn a_body_that_breaks_is_an_error_and_nothing_is_lost() {
    let server = simulator().expires_within(hours(24 * 9)).start().await.unwrap();
    let (api, store) = (client_with(&server, RetryPolicy::none()), MemoryStore::new());
    let mut got = BTreeSet::new();
    run(&api, &store, 50, usize::MAX, &mut got).await.unwrap();
    server.advance(hours(24 * 4));
    for fault in [Fault::CutBody, Fault::TruncatedJson, Fault::Status { code: 503, retry_after: None }] {
        server.fault(fault, When::Next(1));
        let mut broken = api.expired_ats().chunk_size(50).sync_expired("expired", &store).await.unwrap();
        let error = loop {
            match broken.next().await {
                Ok(Some(batch)) => {
                    got.extend(batch.items().iter().map(|id| id.0));
                    batch.commit().await.unwrap();
                }
                Ok(None) => panic!("the fault caused no error"),
                Err(error) => break error,
            }
        };
        assert!(error.is_retryable(), "{error}");
    }
    run(&api, &store, 50, usize::MAX, &mut got).await.unwrap();
    let whole: Vec<u64> = api.expired_ats().time_frame(ExpiredFrame::SixMonths).ids().try_collect().await.unwrap();
    assert!(whole.iter().all(|id| got.contains(id)) && whole.len() > 500);
}

#[tokio::test]
async fn a_gap_longer_than_the_longest_feed_is_an_error_unless_the_loss_is_accepted() {
    let server = simulator().rows_per_hour(1).start().await.unwrap();
    let (api, store, mut got) = (client(&server), MemoryStore::new(), BTreeSet::new());
    run(&api, &store, 50, usize::MAX, &mut got).await.unwrap();
    server.advance(hours(24 * 181));
    let error = api.expired_ats().sync_expired("expired", &store).await.unwrap_err();
    assert!(matches!(error, Error::Gap { .. }), "{error}");
    let mut run = api.expired_ats().sync_expired("expired", &store).accept_loss().await.unwrap();
    while let Some(batch) = run.next().await.unwrap() {
        batch.commit().await.unwrap();
    }
    let sent = server.served().log.last().unwrap().param("time_frame").map(str::to_owned);
    assert_eq!(sent.as_deref(), Some("6m"));
}

/// The job-board feed reports LinkedIn's rows only.
#[tokio::test]
async fn the_job_board_feed_reports_linkedin_only() {
    let server = simulator().expires_within(hours(48)).start().await.unwrap();
    let api = client(&server);
    let ids: Vec<u64> = api.expired_jb().time_frame(ExpiredFrame::Month).ids().try_collect().await.unwrap();
    let seen = Arc::new(Mutex::new(BTreeSet::new()));
    let jobs = api.active_jb().time_frame(jobfeed::fantastic_jobs::TimeFrame::Day).pages();
    jobs.try_for_each(|page| {
        let seen = Arc::clone(&seen);
        async move {
            let linkedin = page.items.iter().filter(|job| job.source.as_deref() == Some("linkedin"));
            seen.lock().unwrap().extend(linkedin.map(|job| job.id));
            Ok(())
        }
    })
    .await
    .unwrap();
    let expired = server.indexed(FeedName::Jb, at("2026-03-09T08:00:00Z"), at("2026-03-10T08:00:00Z"));
    let mut expired = expired.into_iter().filter(|id| server.is_expired(FeedName::Jb, *id));
    assert!(expired.all(|id| ids.contains(&id) == seen.lock().unwrap().contains(&id)) && !ids.is_empty());
}
