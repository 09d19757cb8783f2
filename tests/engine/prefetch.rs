//! Prefetch: the next page is fetched while the caller works, one request at a time, and it is not committed before its turn.

use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use jobfeed::RateLimit;
use jobfeed::checkpoint::MemoryStore;
use jobfeed::fantastic_jobs::{self, TimeFrame};
use jobfeed::testing::jobdataapi::{Order, Subscription};
use jobfeed::testing::{FantasticJobs, Fault, JobDataApi, When};

use crate::support::{finish, jobs_of, set};

/// Waits long enough for a local server to answer all requests.
async fn work() {
    tokio::time::sleep(Duration::from_millis(300)).await;
}

#[tokio::test]
async fn exactly_one_page_is_prefetched_with_one_request_in_flight() {
    let server = JobDataApi::builder().days(60).jobs(1_000).start().await.unwrap();
    server.fault(Fault::SlowBody(Duration::from_millis(5)), When::Always);
    let mut pages = jobs_of(&server, 100).pages();
    assert!(pages.next().await.unwrap().is_ok());
    work().await;
    assert_eq!(server.served().requests, 2, "one page is prefetched, not two");
    for page in 2..=10 {
        assert!(pages.next().await.unwrap().is_ok());
        let expected = (page + 1).min(10);
        for _ in 0..100 {
            if server.served().requests >= expected {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(server.served().requests, expected, "after page {page}");
    }
    work().await;
    assert_eq!(server.served().requests, 10);
    assert!(pages.next().await.is_none());
    assert_eq!(server.served().peak_in_flight, 1);
}

#[tokio::test]
async fn prefetch_can_be_switched_off_and_is_off_for_anonymous_clients_and_billed_records() {
    let server = JobDataApi::builder().days(60).jobs(1_000).start().await.unwrap();
    let mut pages = jobs_of(&server, 100).pages().prefetch(false);
    pages.try_next().await.unwrap();
    jobs_of(&server, 100).send().await.unwrap();
    work().await;
    assert_eq!(server.served().requests, 2);

    let server =
        JobDataApi::builder().days(60).jobs(1_000).subscription(Subscription::Anonymous).start().await.unwrap();
    let anonymous = jobfeed::jobdataapi::Client::builder().base_url(server.base_url()).build().unwrap();
    anonymous.jobs().pages().try_next().await.unwrap();
    work().await;
    assert_eq!(server.served().requests, 1, "anonymous clients have few calls");

    let server = FantasticJobs::builder().start().await.unwrap();
    let billed = fantastic_jobs::Client::builder().api_key(server.api_key()).base_url(server.base_url());
    let billed = billed.clock(server.clock()).rate_limit(RateLimit::unlimited()).build().unwrap();
    let mut pages = billed.active_ats().time_frame(TimeFrame::SixMonths).page_size(1).pages();
    pages.try_next().await.unwrap();
    work().await;
    assert_eq!(server.served().requests, 1, "records are billed");
}

#[tokio::test]
async fn a_stream_that_is_dropped_cancels_its_request() {
    let server = JobDataApi::builder().days(60).jobs(1_000).start().await.unwrap();
    server.fault(Fault::Stall, When::Request(2));
    let mut pages = jobs_of(&server, 100).pages();
    pages.try_next().await.unwrap();
    work().await;
    drop(pages);
    work().await;
    assert_eq!(server.served().log.iter().filter(|request| request.status == Some(200)).count(), 1);
    assert_eq!(server.served().requests, 2, "and it is not retried");
}

#[tokio::test]
async fn a_prefetched_page_is_not_committed_before_its_turn() {
    let server = JobDataApi::builder().days(60).jobs(1_000).order(Order::IdAsc).start().await.unwrap();
    let store = MemoryStore::new();
    let mut run = jobs_of(&server, 100).sync_by_id("k", &store).await.unwrap();
    let batch = run.next().await.unwrap().unwrap();
    let first: Vec<u64> = batch.items().iter().map(|job| job.id).collect();
    work().await;
    batch.commit().await.unwrap();
    drop(run);
    let mut run = jobs_of(&server, 100).sync_by_id("k", &store).await.unwrap();
    let rest = finish(&mut run).await.unwrap();
    assert_eq!(first.len() + rest.len(), 1_000, "each record once");
    assert_eq!(set(&first).union(&set(&rest)).count(), 1_000);
}

#[tokio::test]
async fn an_error_of_a_prefetch_is_returned_in_its_turn_and_the_cursor_is_that_of_its_page() {
    let server = JobDataApi::builder().days(60).jobs(500).start().await.unwrap();
    server.fault(Fault::Status { code: 403, retry_after: None }, When::Request(3));
    let mut pages = jobs_of(&server, 100).pages();
    assert!(pages.next().await.unwrap().is_ok());
    work().await;
    assert!(pages.next().await.unwrap().is_ok());
    work().await;
    assert!(pages.next().await.unwrap().is_err());
    let cursor = pages.cursor().unwrap();
    let (rest, error) = crate::support::drain(jobs_of(&server, 100).resume_from(cursor).pages()).await;
    assert!(error.is_none() && rest.len() == 300, "{error:?}");
}

/// A loop that holds a batch over an `.await` can run on its own task.
#[tokio::test]
async fn a_sync_loop_can_be_spawned() {
    let server = JobDataApi::builder().days(60).jobs(300).start().await.unwrap();
    let jobs = jobs_of(&server, 100);
    let task = tokio::spawn(async move {
        let mut run = jobs.sync_by_id("k", MemoryStore::new()).await?;
        let mut rows = 0;
        while let Some(batch) = run.next().await? {
            tokio::task::yield_now().await;
            rows += batch.items().len();
            batch.commit().await?;
        }
        Ok::<usize, jobfeed::Error>(rows)
    });
    assert_eq!(task.await.unwrap().unwrap(), 300);
}
