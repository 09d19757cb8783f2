//! Tests of the wrapping crate with the simulated provider.

use futures::TryStreamExt;
use jobfeed::jobdataapi::Client;
use jobfeed::testing::{Fault, Insert, JobDataApi, When};
use jobfeed_downstream::{Feed, FeedError, Warehouse};

fn api(server: &JobDataApi) -> Client {
    Client::builder().api_key(server.api_key()).base_url(server.base_url()).build().unwrap()
}

#[tokio::test]
async fn a_feed_is_imported_and_kept_up_to_date() {
    let server = JobDataApi::builder().jobs(2_000).start().await.unwrap();
    let feed = Feed::new(api(&server), "US");
    let warehouse = Warehouse::default();
    assert!(feed.spawn_import(warehouse.clone()).await.unwrap().unwrap());
    let mut listed: Vec<u64> = feed.postings().map_ok(|posting| posting.id).try_collect().await.unwrap();
    listed.sort_unstable();
    assert!(!listed.is_empty());
    assert_eq!(warehouse.ids(), listed);

    server.insert(100, Insert::Recent);
    let report = feed.import(&warehouse).await.unwrap();
    assert_eq!(report.new, Some(report.counts.rows));
    assert_eq!(warehouse.ids().len() as u64, listed.len() as u64 + report.counts.rows);
}

#[tokio::test]
async fn errors_are_converted_to_those_of_the_crate() {
    let server = JobDataApi::builder().jobs(100).start().await.unwrap();
    let feed = Feed::new(api(&server), "US");
    server.fault(Fault::Status { code: 403, retry_after: None }, When::Next(1));
    assert!(matches!(feed.import(&Warehouse::default()).await, Err(FeedError::Forbidden)));
    server.fault(Fault::Status { code: 429, retry_after: Some(3600) }, When::Next(1));
    let error = feed.postings().try_next().await.unwrap_err();
    assert!(matches!(error, FeedError::Later(wait) if wait.as_secs() == 3600), "{error}");
}
