//! Servers that contradict themselves, ask for extreme waits or repeat secrets, and lists that shrink during a walk: each walk
//! ends with a typed result after a bounded number of requests, and no secret is shown.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use http::StatusCode;
use jobfeed::checkpoint::{CheckpointError, MemoryStore};
use jobfeed::jiff::{Timestamp, civil::Date};
use jobfeed::{
    Body, Checkpoint, Clock, Completeness, Error, Mark, Outcome, RateLimit, RetryPolicy, Transport, TransportError,
    employjoy, jobdataapi,
};
use serde_json::Value;

use crate::support::{Reply, Script, drain, envelope, finish, paused_runtime, set};

fn now() -> Timestamp {
    "2026-05-20T12:00:00Z".parse().unwrap()
}

const TODAY: Date = Date::constant(2026, 5, 20);

/// A page of a listing of these ids: window, page number and page size are applied. `count` and `next` may be wrong.
fn listing(request: &http::Request<Bytes>, ids: &[u64], count: Option<u64>, always_next: bool) -> Reply {
    let query = request.uri().query().unwrap_or_default().as_bytes();
    let number = |name: &str| url::form_urlencoded::parse(query).find(|pair| pair.0 == name)?.1.parse::<u64>().ok();
    let window = number("min_id").unwrap_or(0)..=number("max_id").unwrap_or(u64::MAX);
    let rows: Vec<u64> = ids.iter().copied().filter(|id| window.contains(id)).collect();
    let (page, size) = (number("page").unwrap_or(1), number("page_size").unwrap());
    let start = ((page - 1) * size) as usize;
    if start > 0 && start >= rows.len() && !always_next {
        return Reply::status(404);
    }
    let more = always_next || start + (size as usize) < rows.len();
    let next = more.then(|| format!("http://api.test/api/jobs/?page={}", page + 1));
    let shown = rows.iter().copied().skip(start).take(size as usize);
    Reply::page(&envelope(shown, count.unwrap_or(rows.len() as u64), next.as_deref()))
}

fn records(rows: &[&str]) -> Reply {
    Reply::page(&format!(r#"{{"count":{},"next":null,"results":[{}]}}"#, rows.len(), rows.join(",")))
}

fn api(script: &Script) -> jobdataapi::Client {
    script.client().clock(Clock::fixed(now())).build().unwrap()
}

/// All texts of an error and its sources, as `Display` and `Debug`.
fn shown(error: &Error) -> String {
    let mut text = format!("{error:#?}");
    let mut next: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = next {
        text += &format!("\n{error}\n{error:?}");
        next = error.source();
    }
    text
}

#[tokio::test(start_paused = true)]
async fn promise_1_a_run_over_a_day_that_shrank_after_an_interruption_is_completed() {
    type Stays = fn(u64) -> bool;
    let lists: [Stays; 5] = [|_| false, |id| id <= 7, |id| id <= 300, |id| id > 2_970, |id| id % 60 == 0];
    for (index, stays) in lists.into_iter().enumerate() {
        let rows = Arc::new(Mutex::new((1..=3_000).collect::<Vec<u64>>()));
        let list = rows.clone();
        let script = Script::new(move |_, request| listing(request, &list.lock().unwrap(), None, false));
        let (api, store) = (api(&script), MemoryStore::new());
        let sync = || api.jobs().page_size(20).sync_by_date("k", &store).since(TODAY);
        let mut run = sync().await.unwrap();
        let mut got = Vec::new();
        for _ in 0..100 {
            let batch = run.next().await.unwrap().unwrap();
            got.extend(batch.items().iter().map(|job| job.id));
            batch.commit().await.unwrap();
        }
        drop(run);
        rows.lock().unwrap().retain(|id| stays(*id));
        let (before, mut outcomes) = (script.requests(), Vec::new());
        for _ in 0..3 {
            let mut run = sync().await.unwrap();
            got.extend(finish(&mut run).await.unwrap_or_default());
            outcomes.push(run.report().outcome);
            if run.state().run().is_none() {
                break;
            }
        }
        assert_eq!(outcomes.last(), Some(&Outcome::Complete), "list {index} is not complete: {outcomes:?}");
        assert_eq!(store.load("k").await.unwrap().unwrap().watermark(), Some(Mark::Date(TODAY)));
        assert!(script.requests() - before < 200, "list {index}: {} requests", script.requests() - before);
        let rows = rows.lock().unwrap();
        assert!(rows.iter().all(|id| got.contains(id)), "list {index}: {got:?} of {rows:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn promise_4_a_listing_that_contradicts_itself_is_neither_endless_nor_complete() {
    // Number of records, count, whether there is always a next page.
    for (rows, count, always_next) in [(0, 50, true), (0, 5, true), (15, 100, false)] {
        let name = format!("{rows} records of {count}");
        let script = || {
            Script::new(move |index, request| {
                assert!(index < 1_100, "endless");
                listing(request, &(1..=rows).collect::<Vec<_>>(), Some(count), always_next)
            })
        };
        let (ids, error) = drain(api(&script()).jobs().page_size(10).pages()).await;
        assert_eq!(ids.len() as u64, rows, "{name}: all records were delivered");
        match error {
            Some(Error::Endless { pages: 1_000, .. }) if always_next => {}
            Some(Error::Incomplete { completeness: Completeness::ShortBy(85), .. }) if !always_next => {}
            other => panic!("{name}: {other:?}"),
        }
        let store = MemoryStore::new();
        for sync in ["by id", "by id again", "by date", "by date again"] {
            let script = script();
            let jobs = api(&script).jobs().page_size(10);
            let (ended, outcome, watermark) = if sync.starts_with("by id") {
                let mut run = jobs.sync_by_id("id", &store).await.unwrap();
                (finish(&mut run).await, run.report().outcome, run.state().watermark())
            } else {
                let mut run = jobs.sync_by_date("date", &store).since(TODAY).await.unwrap();
                (finish(&mut run).await, run.report().outcome, run.state().watermark())
            };
            assert!(matches!(ended, Err(Error::Incomplete { .. })), "{name} {sync}: {ended:?}");
            assert!(matches!(outcome, Outcome::ShortBy(_) | Outcome::Drifted { .. }), "{name} {sync}: {outcome:?}");
            assert_eq!(watermark, None, "{name} {sync}: records are missing");
            assert!(script.requests() < 40, "{name} {sync}: {} requests", script.requests());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn promise_4_a_cycle_of_tokens_is_an_error_that_names_the_page_first_seen() {
    // The token of each page, and the page where the repeated token was first seen.
    for (tokens, first_seen) in [("AA", 2), ("ABA", 2), ("ABCB", 3), ("ABCDD", 5), ("ABCDEFGHE", 6)] {
        let script = Script::new(move |index, _| {
            let token = &tokens[index..=index];
            Reply::page(&format!(r#"{{"data":[{{"n":{index}}}],"next_cursor":"{token}"}}"#))
        });
        let client = employjoy::Client::builder().api_key("key").rate_limit(RateLimit::unlimited());
        let mut pages = client.transport(script.clone()).build().unwrap().jobs().pages_as::<Value>();
        for page in 0..tokens.len() {
            let rows = pages.next().await.unwrap().unwrap().items;
            assert_eq!(rows[0]["n"], page, "{tokens}: the page itself is delivered");
        }
        let Some(Err(Error::CursorLoop { page, first_seen: first, .. })) = pages.next().await else {
            panic!("{tokens}")
        };
        assert_eq!((page, first), (tokens.len() as u64, first_seen), "{tokens}");
        assert!(pages.next().await.is_none());
        assert_eq!(script.requests(), tokens.len(), "{tokens}: not followed");
    }
}

#[tokio::test(start_paused = true)]
async fn promise_7_a_run_that_is_throttled_too_long_or_too_often_is_paused_and_continues_from_its_checkpoint() {
    for (retry_after, attempts) in [("200", 1), ("5", 5)] {
        let wait = Duration::from_secs(retry_after.parse().unwrap());
        let open = Arc::new(AtomicBool::new(false));
        let flag = open.clone();
        let script = Script::new(move |index, request| {
            if index < 6 || flag.load(Relaxed) {
                return listing(request, &(1..=95).collect::<Vec<_>>(), None, false);
            }
            Reply::status(429).header("retry-after", retry_after)
        });
        let (api, store) = (api(&script), MemoryStore::new());
        let mut run = api.jobs().page_size(10).sync_by_id("k", &store).await.unwrap();
        let first = finish(&mut run).await.expect("a pause is not a failure");
        assert_eq!(run.report().outcome, Outcome::Paused { until: now() + wait }, "{retry_after}");
        assert_eq!(script.requests(), 6 + attempts, "{retry_after}");
        assert!(!first.is_empty() && first.len() < 95);
        let kept = store.load("k").await.unwrap().unwrap();
        assert_eq!((kept.watermark(), kept.run().unwrap().rows), (None, first.len() as u64));
        open.store(true, Relaxed);
        tokio::time::advance(wait).await;
        let mut run = api.jobs().page_size(10).sync_by_id("k", &store).await.unwrap();
        let rest = finish(&mut run).await.unwrap();
        assert_eq!(run.report().outcome, Outcome::Complete);
        let mut all = [first, rest].concat();
        all.sort_unstable();
        assert_eq!(all, (1..=95).collect::<Vec<_>>(), "{retry_after}: each record once");
    }
}

#[tokio::test(start_paused = true)]
async fn promise_6_a_page_of_one_bad_record_is_rejected_and_a_page_of_several_is_an_error() {
    const BAD: &str = r#"{"id":7,"has_remote":"maybe"}"#;
    let api = |rows: &[&str]| api(&Script::replies(vec![records(rows)]));
    let pages: Vec<_> = api(&[BAD]).jobs().pages().try_collect().await.unwrap();
    assert_eq!((pages.len(), pages[0].items.len(), pages[0].rejected.len()), (1, 0, 1));
    assert_eq!((pages[0].rejected[0].index, pages[0].rejected[0].raw()), (0, BAD));
    let mut run = api(&[BAD]).jobs().page_size(10).sync_by_id("k", MemoryStore::new()).await.unwrap();
    let batch = run.next().await.unwrap().unwrap();
    assert_eq!(batch.page().rejected[0].raw(), BAD);
    batch.commit().await.unwrap();
    assert!(run.next().await.unwrap().is_none());
    assert_eq!((run.report().outcome, run.report().counts.rejected), (Outcome::Complete, 1));
    assert_eq!(run.state().watermark(), Some(Mark::Id(7)), "it does not block the sync");
    for rows in [2, 5] {
        let (api, store) = (api(&vec![BAD; rows]), MemoryStore::new());
        let error = api.jobs().send().await.unwrap_err();
        assert!(matches!(error, Error::AllRejected { rows: n, .. } if n == rows), "{error:?}");
        let mut run = api.jobs().page_size(10).sync_by_id("k", &store).await.unwrap();
        assert!(matches!(run.next().await, Err(Error::AllRejected { .. })));
        assert_eq!((run.report().outcome, store.load("k").await.unwrap()), (Outcome::Failed, None));
    }
}

#[tokio::test(start_paused = true)]
async fn an_id_sync_over_ids_that_are_texts_ends_with_a_typed_error() {
    let lists: [&[&str]; 2] = [&[r#"{"id":"a"}"#, r#"{"id":"b"}"#], &[r#"{"id":"1"}"#, r#"{"id":"2"}"#]];
    // One record alone must not block a sync: it is delivered, and comes again.
    let (one, store) = (Script::replies(vec![records(&[r#"{"id":"a"}"#])]), MemoryStore::new());
    for _ in 0..2 {
        let mut run = api(&one).jobs().sync_by_id("k", &store).items_as::<Value>().await.unwrap();
        let batch = run.next().await.unwrap().unwrap();
        assert_eq!(batch.items().len(), 1);
        batch.commit().await.unwrap();
        assert!(run.next().await.unwrap().is_none());
        assert_eq!((run.report().outcome, run.state().watermark()), (Outcome::Complete, None));
    }
    for rows in lists {
        let script = Script::replies(vec![records(rows)]);
        let (api, store) = (api(&script), MemoryStore::new());
        let mut run = api.jobs().page_size(10).sync_by_id("k", &store).await.unwrap();
        let error = finish(&mut run).await.unwrap_err();
        assert!(matches!(error, Error::Incomplete { .. } | Error::AllRejected { .. }), "{error:?}");
        // The records fit a type that accepts any id, but the sync cannot use ids that are not numbers.
        let mut run = api.jobs().page_size(10).sync_by_id("k", &store).items_as::<Value>().await.unwrap();
        let error = run.next().await.map(drop).unwrap_err();
        assert!(matches!(error, Error::Incomplete { .. }), "{error:?}");
        assert!(!matches!(run.report().outcome, Outcome::Complete | Outcome::Running));
        assert_eq!((store.load("k").await.unwrap(), script.requests() < 30), (None, true));
    }
}

#[tokio::test(start_paused = true)]
async fn the_greatest_possible_ids_do_not_overflow() {
    let last = |rows: u64| (u64::MAX - rows + 1..=u64::MAX).collect::<Vec<_>>();
    for ids in [last(1), last(2), last(40), (1..=40).chain([u64::MAX]).collect()] {
        let script = Script::jobs(ids.clone());
        let jobs = || api(&script).jobs().page_size(10);
        let (got, error) = drain(jobs().pages()).await;
        assert!(got == ids && error.is_none(), "{error:?}");
        let store = MemoryStore::new();
        let mut run = jobs().sync_by_id("k", &store).await.unwrap();
        let mut got = finish(&mut run).await.unwrap();
        got.sort_unstable();
        assert_eq!((got, run.state().watermark()), (ids.clone(), Some(Mark::Id(u64::MAX))));
        // There are no greater ids. The last record may be delivered again.
        let mut run = jobs().sync_by_id("k", &store).overlap(1).await.unwrap();
        assert!(set(&finish(&mut run).await.unwrap()).is_subset(&set(&ids[ids.len().saturating_sub(2)..])));
        assert_eq!((run.report().outcome, run.state().watermark()), (Outcome::Complete, Some(Mark::Id(u64::MAX))));
        assert!(script.requests() < 200, "{} requests", script.requests());
    }
}

#[tokio::test(start_paused = true)]
async fn promise_8_the_message_of_a_decoder_does_not_repeat_a_text_of_the_record() {
    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    enum Kind {
        Open { at: u64 },
    }
    const PERSON: &str = "sentinel-pii@example.com";
    let assert_clean =
        |text: &str| assert!(!text.is_empty() && !text.contains("sentinel") && !text.contains("pii"), "{text}");
    for text in [PERSON.to_owned(), format!(r#"a \"{PERSON}\" b"#), format!(r"\\\\ {PERSON} \\"), format!("`{PERSON}`")]
    {
        for field in ["id", "has_remote", "company", "types", "cities"] {
            let row = format!(r#"{{"id":1,"{field}":"{text}"}}"#);
            let jobs = api(&Script::replies(vec![records(&[&row])])).jobs();
            let page = jobs.clone().send().await.unwrap();
            assert_eq!(page.rejected[0].raw(), row, "the raw record contains it");
            assert_clean(&page.rejected[0].reason);
            assert_clean(&format!("{page:?} {:?}", page.rejected));
            assert_clean(&shown(&jobs.clone().strict().send().await.unwrap_err()));
            assert_clean(&shown(&jobs.items().next().await.unwrap().unwrap_err()));
            let error = api(&Script::replies(vec![records(&[&row, &row])])).jobs().send().await.unwrap_err();
            assert!(matches!(error, Error::AllRejected { .. }));
            assert_clean(&shown(&error));
        }
    }
    for number in ["491712345678", "-491712345678", "4917.12345678"] {
        let row = format!(r#"{{"id":1,"has_remote":{number}}}"#);
        let page = api(&Script::replies(vec![records(&[&row])])).jobs().send().await.unwrap();
        assert!(!page.rejected[0].reason.contains("4917"), "{}", page.rejected[0].reason);
    }
    for row in [
        format!(r#"{{"x`{PERSON}":{{}}}}"#),
        format!(r#"{{"{PERSON}":{{}}}}"#),
        format!(r#"{{"Open":{{"{PERSON}":2}}}}"#),
    ] {
        let mut pages = api(&Script::replies(vec![records(&[&row])])).jobs().pages_as::<Kind>();
        let reason = pages.next().await.unwrap().unwrap().rejected[0].reason.clone();
        assert_clean(&reason);
        assert!(reason.contains("expected `"), "the expected names may be shown: {reason}");
    }
}

#[tokio::test(start_paused = true)]
async fn promise_7_extreme_waits_are_not_slept_and_do_not_panic() {
    // The result of the first answer: a pause (`u64::MAX`), a wait in milliseconds, or the back-off (`None`).
    let pauses = ["999999999999999999999", "1e300", "121"].map(|value| (value, Some(u64::MAX)));
    let waits = [("1.5", Some(1_500))];
    let past = ["0", "-0", "Tue, 19 May 2026 12:00:00 GMT", "Thu, 01 Jan 1970 00:00:00 GMT"].map(|value| (value, None));
    let garbage = ["NaN", "-5", "-999999999999999999999", "5 seconds", "Tue, 99 May 2026 12:00:00 GMT", ""];
    let back_off = garbage.map(|value| (value, None));
    for (value, then) in [&pauses[..], &past, &waits, &back_off].concat() {
        for status in [429, 503] {
            let refusal = Reply::status(status).header("retry-after", value);
            let script = Script::replies(vec![refusal.clone(), Reply::page(&envelope([1], 1, None))]);
            let sent = api(&script).jobs().send().await;
            match (sent, &script.times()[1..]) {
                (Err(Error::Paused { until, .. }), []) => {
                    assert!(then == Some(u64::MAX) && until > now(), "{status} {value}")
                }
                (Ok(_), [wait]) if then.is_none() => assert!(*wait <= 1_001, "{status} {value}: {wait} ms"),
                (Ok(_), [wait]) => assert_eq!(Some(*wait), then, "{status} {value}"),
                other => panic!("{status} {value}: {other:?}"),
            }
            // When every answer is the same: no more attempts than allowed, and no waits longer than those of the policy.
            let script = Script::replies(vec![refusal]);
            let error = api(&script).jobs().send().await.unwrap_err();
            assert!(error.is_retryable() && matches!(error, Error::Paused { .. } | Error::Status { .. }), "{error:?}");
            assert!(script.requests() <= 5 && script.times().into_iter().max() <= Some(15_004), "{status} {value}");
        }
    }
}

/// Runs one step on its own runtime, lets spawned tasks run for `turns` turns, and drops the runtime.
fn on_own_runtime<O>(turns: usize, step: impl Future<Output = O>) -> O {
    paused_runtime().block_on(async {
        let output = tokio::time::timeout(Duration::from_secs(600), step).await.expect("the step does not end");
        for _ in 0..turns {
            tokio::task::yield_now().await;
        }
        output
    })
}

#[test]
fn promise_1_a_walk_continues_after_the_runtime_of_its_prefetch_was_dropped() {
    let mut cancelled = 0;
    for turns in 0..6 {
        let jobs = |script: &Script| api(script).jobs().page_size(10);
        let script = Script::jobs((1..=95).collect());
        let (mut pages, mut ids) = (jobs(&script).pages(), Vec::new());
        while let Some(page) = on_own_runtime(turns, pages.next()) {
            ids.extend(page.unwrap().items.iter().map(|job| job.id));
        }
        assert_eq!(ids, (1..=95).collect::<Vec<_>>(), "{turns} turns");
        assert!(script.requests() <= 20, "{turns} turns: each page at most twice: {}", script.requests());
        cancelled += script.requests() - 10;
        let script = Script::jobs((1..=95).collect());
        let mut run = on_own_runtime(0, jobs(&script).sync_by_id("k", MemoryStore::new()).into_future()).unwrap();
        let mut ids = Vec::new();
        while run.report().outcome == Outcome::Running {
            on_own_runtime(turns, async {
                if let Some(batch) = run.next().await.unwrap() {
                    ids.extend(batch.items().iter().map(|job| job.id));
                    batch.commit().await.unwrap();
                }
            });
        }
        ids.sort_unstable();
        assert_eq!(ids, (1..=95).collect::<Vec<_>>(), "{turns} turns");
        assert_eq!((run.report().outcome, run.state().watermark()), (Outcome::Complete, Some(Mark::Id(95))));
    }
    assert!(cancelled > 0, "no request was in progress when its runtime was dropped");
}

#[tokio::test(start_paused = true)]
async fn promise_10_a_checkpoint_of_another_origin_is_an_error_before_anything_is_sent() {
    let script = Script::jobs((1..=95).collect());
    const OWN: &str = "http://api.test/api/";
    let client = || script.client().clock(Clock::fixed(now()));
    let at = |url: &str| client().base_url(url).build().unwrap().jobs().page_size(10);
    let (by_id, by_date) = (MemoryStore::new(), MemoryStore::new());
    // One between runs, one in the middle of a run.
    finish(&mut at(OWN).sync_by_date("k", &by_date).since(TODAY).await.unwrap()).await.unwrap();
    let mut run = at(OWN).sync_by_id("k", &by_id).await.unwrap();
    run.next().await.unwrap().unwrap().commit().await.unwrap();
    drop(run);
    let kept = (by_id.load("k").await.unwrap(), by_date.load("k").await.unwrap());
    assert!(kept.0.as_ref().unwrap().run().is_some() && kept.1.as_ref().unwrap().run().is_none());
    let sent = script.requests();
    for other in ["http://staging.test/api/", "https://api.test/api/", "http://api.test:8080/api/"] {
        let by_id = at(other).sync_by_id("k", &by_id).await.map(drop);
        let by_date = at(other).sync_by_date("k", &by_date).since(TODAY).await.map(drop);
        for error in [by_id.unwrap_err(), by_date.unwrap_err()] {
            assert!(matches!(&error, Error::Checkpoint { key, source: CheckpointError::OtherQuery } if key == "k"));
        }
    }
    assert_eq!(script.requests(), sent, "nothing was sent");
    assert_eq!(
        (by_id.load("k").await.unwrap(), by_date.load("k").await.unwrap()),
        kept,
        "and the states were not changed"
    );
}

/// Answers with this status, these headers and these parts of a body; `None` is a failed connection.
#[derive(Clone)]
struct Broken(u16, Vec<(&'static str, &'static str)>, Vec<Option<&'static [u8]>>, Arc<AtomicU32>);

impl Transport for Broken {
    fn send(&self, _: http::Request<Bytes>) -> BoxFuture<'static, Result<http::Response<Body>, TransportError>> {
        let Self(status, headers, body, sent) = self.clone();
        sent.fetch_add(1, Relaxed);
        let head = http::Response::builder().status(status);
        let head = headers.into_iter().fold(head, |head, (name, value)| head.header(name, value));
        let pieces = body.into_iter().map(|piece| piece.map(Bytes::from).ok_or(TransportError::exchange("reset")));
        let body: Body = stream::iter(pieces).boxed();
        async move { Ok(head.body(body).unwrap()) }.boxed()
    }
}

#[tokio::test(start_paused = true)]
async fn promise_5_an_error_status_holds_although_its_body_is_too_large_or_cut() {
    static LARGE: [u8; 300_000] = [b' '; 300_000];
    let bodies: [(&str, Vec<Option<&[u8]>>); 5] = [
        ("large", vec![Some(&LARGE[..2_000])]),
        ("very large", vec![Some(&LARGE)]),
        ("large in pieces", vec![Some(&LARGE[..40_000]); 10]),
        ("cut at once", vec![None]),
        ("cut in the middle", vec![Some(br#"{"detail":"sa"#), None]),
    ];
    for (name, body) in bodies {
        for status in [403, 429, 503] {
            for retry_after in [None, Some("7")] {
                let length = (name == "very large").then_some(("content-length", "300000"));
                let headers = retry_after.map(|value| ("retry-after", value)).into_iter().chain(length).collect();
                let server = Broken(status, headers, body.clone(), Arc::default());
                let client = Script::jobs(Vec::new()).client().transport(server.clone()).max_body_bytes(1_000);
                let api = client.retry(RetryPolicy::default().max_attempts(2)).build().unwrap();
                let error = api.jobs().send().await.unwrap_err();
                let what = format!("{status} with {retry_after:?}, {name}: {error:?}");
                assert_eq!(error.retry_after(), retry_after.map(|_| Duration::from_secs(7)), "{what}");
                // A requested wait that no attempt can use any more is a pause; otherwise the error has the status.
                let pauses = retry_after.is_some() && status != 403;
                assert_eq!(matches!(error, Error::Paused { .. }), pauses, "{what}");
                assert_eq!(error.status(), (!pauses).then(|| StatusCode::from_u16(status).unwrap()), "{what}");
                assert_eq!(server.3.load(Relaxed), if status == 403 { 1 } else { 2 }, "{what}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn promise_8_a_key_that_the_server_repeats_encoded_or_escaped_is_not_shown() {
    const KEY: &str = "S3NT+INEL/key=";
    for form in [KEY, "S3NT%2BINEL%2Fkey%3D", "S3NT%2bINEL%2fkey%3d", r"S3NT+INEL\/key="] {
        let bodies = [
            format!(r#"{{"detail":"no such key: {form} here"}}"#),
            format!(r#"{{"detail":"{} {form}"}}"#, "x".repeat(190)),
            format!(r#"{{"code":"NO_KEY","message":"{form}","details":{{"key":"{form}"}}}}"#),
            format!(r#"{{"errors":[{{"field":"key","code":"{form}","message":"{form}"}}]}}"#),
            format!(r#"{{"detail":"cut {form}"#),
            format!("no such key: {form}"),
        ];
        for body in bodies {
            for status in [200, 400, 403, 429, 500] {
                let script = Script::replies(vec![Reply::Json(status, Vec::new(), body.clone())]);
                let client = script.client().api_key(KEY).retry(RetryPolicy::none());
                let error = client.build().unwrap().jobs().send().await.unwrap_err();
                let server = error.server().map(|server| format!("{:?} {:?}", server.message, server.details));
                let text = format!("{}\n{server:?}", shown(&error));
                assert!(!text.contains("S3NT") && !text.contains("INEL"), "{status} {body}: it is shown in: {text}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn promise_4_a_record_that_comes_twice_within_a_page_is_not_complete() {
    let page = r#"{"count":3,"next":null,"results":[{"id":1},{"id":2},{"id":2}]}"#;
    let mut pages = api(&Script::replies(vec![Reply::page(page)])).jobs().pages();
    assert_eq!(pages.next().await.unwrap().unwrap().items.len(), 3, "the page is delivered");
    let error = pages.next().await.unwrap().unwrap_err();
    assert!(
        matches!(error, Error::Incomplete { completeness: Completeness::Drifted { repeated: 1, .. }, .. }),
        "{error:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn promise_4_a_resumed_walk_notices_a_record_of_the_page_before() {
    let entered = |request| if request == 0 { (2..=31).collect() } else { (1..=31).collect() };
    let script = Script::changing(entered, |id| format!(r#"{{"id":{id}}}"#));
    let api = api(&script);
    let mut pages = api.jobs().page_size(10).pages().prefetch(false);
    let first = pages.next().await.unwrap().unwrap();
    let cursor = first.next_cursor().unwrap().to_string();
    assert!(cursor.len() < 400, "the keys make the cursor only a little longer: {}", cursor.len());
    // Record 1 entered before the first page, so record 11 moved to the second one.
    let (ids, error) = drain(api.jobs().page_size(10).resume_from(cursor.parse().unwrap()).pages()).await;
    assert_eq!(ids.first(), Some(&11));
    assert!(
        matches!(error, Some(Error::Incomplete { completeness: Completeness::Drifted { repeated: 1, .. }, .. })),
        "{error:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn promise_6_a_sync_continues_over_a_page_of_bad_records_when_the_caller_accepts_them() {
    let bad: Vec<String> = (1..=5).map(|id| format!(r#"{{"id":{id},"has_remote":"maybe"}}"#)).collect();
    let rows: Vec<&str> = bad.iter().map(String::as_str).collect();
    let (api, store) = (api(&Script::replies(vec![records(&rows)])), MemoryStore::new());
    let page = api.jobs().accept_all_rejected().send().await.unwrap();
    assert_eq!((page.items.len(), page.rejected.len()), (0, 5));
    // The sync takes the choice from the listing, and has the same method.
    let mut run = api.jobs().page_size(10).sync_by_id("k", &store).accept_all_rejected().await.unwrap();
    let batch = run.next().await.unwrap().unwrap();
    assert_eq!(batch.page().rejected.iter().map(|record| record.raw()).collect::<Vec<_>>(), rows);
    batch.commit().await.unwrap();
    assert!(run.next().await.unwrap().is_none());
    assert_eq!((run.report().outcome, run.state().watermark()), (Outcome::Complete, Some(Mark::Id(5))));
}
