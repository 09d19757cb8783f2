//! What is set on a request holds for its stream and its sync, or is an error before anything is sent.

use futures::{FutureExt, StreamExt, TryStreamExt};
use jobfeed::checkpoint::MemoryStore;
use jobfeed::testing::{EmployJoy, JobDataApi};
use jobfeed::{Error, ItemStream, RateLimit, employjoy, fantastic_jobs};
use serde::Deserialize;

use crate::support::{Reply, Script, client_of, finish, jobs_of};

fn one_bad() -> Reply {
    Reply::page(r#"{"count":2,"next":null,"results":[{"id":1},{"id":"x"}]}"#)
}

#[tokio::test(start_paused = true)]
async fn promise_6_strict_on_a_listing_holds_for_its_sync() {
    let script = Script::replies(vec![one_bad()]);
    let jobs = script.client().build().unwrap().jobs().page_size(10).strict();
    let error = jobs.sync_latest("k", MemoryStore::new()).await.unwrap().next().await.unwrap_err();
    assert!(matches!(error, Error::Record { index: 1, .. }), "{error}");
}

#[tokio::test]
async fn promise_6_strict_holds_for_a_body_that_is_read_in_chunks() {
    let script = Script::replies(vec![Reply::page(r#"[1, "x", 3]"#)]);
    let builder = fantastic_jobs::Client::builder().api_key("k").base_url("http://api.test/v1/");
    let api = builder.transport(script).build().unwrap();
    let run = api.expired_ats().sync_expired("k", MemoryStore::new()).strict().await;
    let error = run.unwrap().next().await.unwrap_err();
    assert!(matches!(error, Error::Record { index: 1, .. }), "{error}");
}

#[tokio::test]
async fn a_cursor_before_a_sync_is_an_error_before_anything_is_sent() {
    let server = JobDataApi::builder().jobs(50).days(30).start().await.unwrap();
    let jobs = jobs_of(&server, 20);
    let mut pages = jobs.clone().pages();
    let cursor = pages.try_next().await.unwrap().unwrap().next_cursor().unwrap().clone();
    drop(pages);
    server.reset_served();
    let jobs = || jobs.clone().resume_from(cursor.clone());
    let errors = [
        jobs().sync_by_id("k", MemoryStore::new()).await.unwrap_err(),
        jobs().sync_latest("k", MemoryStore::new()).await.unwrap_err(),
        jobs().sync_by_date("k", MemoryStore::new()).await.unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(&error, Error::Invalid { what, .. } if what == "cursor"), "{error}");
    }
    assert_eq!(server.served().requests, 0);
}

#[tokio::test]
async fn a_batch_of_a_walk_by_cursor_knows_where_the_next_page_is() {
    let server = EmployJoy::builder().jobs(50).start().await.unwrap();
    let builder = employjoy::Client::builder().api_key(server.api_key()).base_url(server.base_url());
    let api = builder.rate_limit(RateLimit::unlimited()).build().unwrap();
    let jobs = api.jobs().page_size(20);
    let mut run = jobs.clone().sync_by_update("k", MemoryStore::new()).await.unwrap();
    let batch = run.next().await.unwrap().unwrap();
    let cursor = batch.page().next_cursor().expect("there are two more pages").clone();
    let seen: Vec<_> = batch.items().iter().map(|job| job.id.clone()).collect();
    batch.commit().await.unwrap();
    let rest: Vec<_> = jobs.resume_from(cursor).items().try_collect().await.unwrap();
    assert_eq!((seen.len(), rest.len()), (20, 30));
    assert!(rest.iter().all(|job| !seen.contains(&job.id)));
}

#[tokio::test]
async fn items_are_a_stream_that_can_be_named() {
    let server = JobDataApi::builder().jobs(50).days(30).start().await.unwrap();
    let items: ItemStream<jobfeed::jobdataapi::Job> = jobs_of(&server, 20).items();
    assert_eq!(items.count().await, 50);
    fn is_send_and_sync<T: Send + Sync + Unpin + 'static>(_: &T) {}
    is_send_and_sync(&jobs_of(&server, 20).items());
}

#[tokio::test]
async fn one_page_is_one_request_and_an_empty_listing_is_an_empty_page() {
    let server = JobDataApi::builder().jobs(0).start().await.unwrap();
    let page = client_of(&server).jobs().send().await.unwrap();
    assert!(page.is_empty() && page.next_cursor().is_none());
    assert_eq!(server.served().requests, 1);
}

#[tokio::test(start_paused = true)]
async fn ids_near_the_end_of_the_integers_are_no_overflow() {
    let ids: Vec<u64> = (0..60).map(|n| (1 << 62) + n * ((1 << 62) / 60)).chain([u64::MAX - 1, u64::MAX]).collect();
    let script = Script::jobs(ids.clone());
    let api = script.client().build().unwrap();
    let store = MemoryStore::new();
    let mut got = Vec::new();
    for _ in 0..ids.len() {
        // Each run is left after one batch.
        let mut run = api.jobs().page_size(5).sync_by_id("k", &store).await.unwrap();
        let Some(batch) = run.next().await.unwrap() else { break };
        got.extend(batch.items().iter().map(|job| job.id));
        batch.commit().await.unwrap();
    }
    let mut run = api.jobs().page_size(5).sync_by_id("k", &store).await.unwrap();
    got.extend(finish(&mut run).await.unwrap());
    got.sort_unstable();
    got.dedup();
    assert_eq!(got, ids);

    let script = Script::replies(vec![Reply::page(r#"[{"id":1},{"id":2}]"#)]);
    let builder = fantastic_jobs::Client::builder().api_key("k").base_url("http://api.test/v1/");
    let api = builder.transport(script).build().unwrap();
    let frame = fantastic_jobs::TimeFrame::Hour;
    let page = api.active_ats().time_frame(frame).page_size(2).offset(u64::MAX).send().await.unwrap();
    assert_eq!(page.items.len(), 2);
}

#[derive(Debug)]
struct Panics;

impl<'de> Deserialize<'de> for Panics {
    fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        panic!("the caller's own bug")
    }
}

#[tokio::test]
async fn a_panic_in_a_record_type_comes_out_once_and_the_stream_can_be_polled_again() {
    let server = JobDataApi::builder().jobs(50).days(30).start().await.unwrap();
    let mut pages = jobs_of(&server, 20).pages_as::<Panics>();
    for _ in 0..2 {
        let polled = std::panic::AssertUnwindSafe(pages.next()).catch_unwind().await;
        let panic = polled.expect_err("the panic reaches the caller");
        assert_eq!(panic.downcast_ref::<&str>(), Some(&"the caller's own bug"));
    }
}
