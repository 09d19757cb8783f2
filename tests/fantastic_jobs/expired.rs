//! The expired feeds: read in pieces, in bounded memory, and synced without a hole.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::kit::{at, client, client_with, hours, world};
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{StreamExt, TryStreamExt, stream};
use jobfeed::checkpoint::MemoryStore;
use jobfeed::fantastic_jobs::{Client, ExpiredFrame};
use jobfeed::jiff::SignedDuration;
use jobfeed::testing::{Fault, When, fantastic_jobs::FeedName};
use jobfeed::{Body, Checkpoint, Error, RateLimit, RetryPolicy, Transport, TransportError};

/// A transport that answers every request with pieces of its own.
struct Canned<F>(F);

impl<F: Fn() -> Body + Send + Sync + 'static> Transport for Canned<F> {
    fn send(&self, _: http::Request<Bytes>) -> BoxFuture<'static, Result<http::Response<Body>, TransportError>> {
        let body = (self.0)();
        Box::pin(async move { Ok(http::Response::new(body)) })
    }
}

fn offline(body: impl Fn() -> Body + Send + Sync + 'static) -> Client {
    let builder = Client::builder().api_key("k").rate_limit(RateLimit::unlimited()).transport(Canned(body));
    builder.timeout(Duration::from_millis(200)).max_body_bytes(10_000).build().unwrap()
}

fn text(parts: &'static [&'static str]) -> Client {
    offline(move || stream::iter(parts.iter().map(|part| Ok(Bytes::from_static(part.as_bytes())))).boxed())
}

#[tokio::test]
async fn ids_come_in_pieces_however_the_body_is_cut() {
    let api = text(&["[23612", "42150, \"47", "11\",\n", " 186] ", "\n"]);
    let feed = || api.expired_ats().time_frame(ExpiredFrame::SixMonths);
    let pieces: Vec<_> = feed().chunk_size(2).chunks().try_collect().await.unwrap();
    let sizes: Vec<_> = pieces.iter().map(|piece| piece.items.len()).collect();
    assert_eq!(sizes, [2, 1]);
    let ids: Vec<u64> = feed().ids().try_collect().await.unwrap();
    assert_eq!(ids, [2_361_242_150, 4711, 186]);
    let none: Vec<u64> =
        text(&["[", "]"]).expired_jb().time_frame(ExpiredFrame::Hour).ids().try_collect().await.unwrap();
    assert!(none.is_empty());
    assert!(matches!(api.expired_ats().ids().try_next().await, Err(Error::Invalid { .. })), "a window is needed");
}

#[tokio::test]
async fn what_is_no_list_of_ids_is_an_error() {
    let cases: [(&'static [&'static str], &str); 6] = [
        (&["[1,2", ",3"], "ends in the middle"),
        (&["<html>no</html>"], "HTML"),
        (&[r#"{"detail": "Authorization Failed"}"#], "Authorization Failed"),
        (&["[1,2] extra"], "not JSON"),
        (&["[\"x\",\"y\"]"], "none of the 2 records"),
        (&[""], "ends in the middle"),
    ];
    for (parts, what) in cases {
        let feed = text(parts).expired_ats().time_frame(ExpiredFrame::Hour);
        let error = feed.ids().try_collect::<Vec<u64>>().await.unwrap_err().to_string();
        assert!(error.contains(what), "{parts:?}: {error}");
    }
    let api = text(&["[1,\"x\",3]"]);
    let pieces: Vec<_> = api.expired_ats().time_frame(ExpiredFrame::Hour).chunks().try_collect().await.unwrap();
    assert_eq!((pieces[0].items.len(), pieces[0].rejected[0].raw()), (2, "\"x\""), "a bad id costs only itself");
}

#[tokio::test]
async fn a_long_body_may_take_its_time_but_not_fall_silent() {
    let slow = |pause: u64, parts: u64| {
        offline(move || {
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
    assert_eq!(ids.len(), 8, "longer than the limit of an attempt");
    let error = slow(900, 3).expired_ats().time_frame(ExpiredFrame::Hour).ids().try_next().await.unwrap_err();
    assert!(matches!(error, Error::Timeout { .. }), "{error}");
}

/// The ids of one run; stops after `most` batches, the last one uncommitted.
async fn run(
    api: &Client,
    store: &MemoryStore,
    piece: usize,
    most: usize,
    got: &mut BTreeSet<u64>,
) -> Option<serde_json::Value> {
    let mut run = api.expired_ats().chunk_size(piece).sync_expired("gone", store).await.unwrap();
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

#[tokio::test]
async fn removals_are_complete_over_outages_of_any_length() {
    let server = world().expires_within(hours(24 * 5)).start().await.unwrap();
    let (api, store, mut got) = (client(&server), MemoryStore::new(), BTreeSet::new());
    let start = server.now();
    let mut calls = BTreeSet::new();
    for minutes in [0, 40, 59, 61, 5 * 60, 17 * 60, 50, 30 * 60, 24 * 60, 80 * 60, 40, 26 * 60, 26 * 60] {
        server.advance(SignedDuration::from_mins(minutes));
        let details = run(&api, &store, 50, usize::MAX, &mut got).await.unwrap();
        calls.extend(details["calls"].as_array().unwrap().iter().map(|call| call.as_str().unwrap().to_owned()));
        // All that expired before the watermark is known.
        let covered = at(details["covered_until"].as_str().unwrap());
        let expired: Vec<u64> = server.with(FeedName::Ats, |data| {
            let ids = data.indexed(start - hours(24 * 12), start + hours(24 * 30));
            ids.into_iter().filter(|id| data.expired_at(*id).is_some_and(|at| at >= start && at < covered)).collect()
        });
        assert!(expired.iter().all(|id| got.contains(id)), "a removal before {covered} is missing");
    }
    let all: Vec<&str> = calls.iter().map(String::as_str).collect();
    assert_eq!(all, ["1d", "1h", "6m"]);
}

#[tokio::test]
async fn an_interrupted_body_goes_on_behind_what_was_committed() {
    let server = world().expires_within(hours(24 * 9)).start().await.unwrap();
    let (api, store, mut got) = (client(&server), MemoryStore::new(), BTreeSet::new());
    run(&api, &store, 50, usize::MAX, &mut got).await.unwrap();
    server.advance(hours(24 * 4));
    got.clear();
    assert!(run(&api, &store, 50, 4, &mut got).await.is_none(), "it dies with the fourth piece");
    assert_eq!(got.len(), 150);
    let before = got.clone();
    got.clear();
    run(&api, &store, 50, usize::MAX, &mut got).await.unwrap();
    assert!(got.is_disjoint(&before), "what was committed is skipped");

    // Now the list changes before the kept position: it is read from its beginning.
    server.advance(hours(24 * 4));
    assert!(run(&api, &store, 50, 4, &mut got).await.is_none());
    let now = server.now();
    let rows = server.indexed(FeedName::Ats, now - hours(24 * 20), now);
    let stays = |id: &u64| server.with(FeedName::Ats, |data| data.expired_at(*id).is_none());
    let first = rows.into_iter().find(stays).unwrap();
    server.with(FeedName::Ats, |data| data.expire(&[first], now - hours(1)));
    got.clear();
    run(&api, &store, 50, usize::MAX, &mut got).await.unwrap();
    assert!(got.contains(&first) && got.len() > 150);
    assert_eq!(store.load("gone").await.unwrap().unwrap().run(), None);
}

#[tokio::test]
async fn a_body_that_breaks_is_an_error_and_nothing_is_lost() {
    let server = world().expires_within(hours(24 * 9)).start().await.unwrap();
    let (api, store) = (client_with(&server, RetryPolicy::none()), MemoryStore::new());
    let mut got = BTreeSet::new();
    run(&api, &store, 50, usize::MAX, &mut got).await.unwrap();
    server.advance(hours(24 * 4));
    for fault in [Fault::CutBody, Fault::TruncatedJson, Fault::Status { code: 503, retry_after: None }] {
        server.fault(fault, When::Next(1));
        let mut broken = api.expired_ats().chunk_size(50).sync_expired("gone", &store).await.unwrap();
        let error = loop {
            match broken.next().await {
                Ok(Some(batch)) => {
                    got.extend(batch.items().iter().map(|id| id.0));
                    batch.commit().await.unwrap();
                }
                Ok(None) => panic!("the fault went unseen"),
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
async fn removals_older_than_every_feed_are_an_error_until_accepted() {
    let server = world().rows_per_hour(1).start().await.unwrap();
    let (api, store, mut got) = (client(&server), MemoryStore::new(), BTreeSet::new());
    run(&api, &store, 50, usize::MAX, &mut got).await.unwrap();
    server.advance(hours(24 * 181));
    let error = api.expired_ats().sync_expired("gone", &store).await.unwrap_err();
    assert!(matches!(error, Error::Gap { .. }), "{error}");
    let mut run = api.expired_ats().sync_expired("gone", &store).accept_loss().await.unwrap();
    while let Some(batch) = run.next().await.unwrap() {
        batch.commit().await.unwrap();
    }
    let sent = server.served().log.last().unwrap().param("time_frame").map(str::to_owned);
    assert_eq!(sent.as_deref(), Some("6m"));
}

/// The job-board feed reports LinkedIn's rows only.
#[tokio::test]
async fn job_boards_report_a_part_of_their_rows() {
    let server = world().expires_within(hours(48)).start().await.unwrap();
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
