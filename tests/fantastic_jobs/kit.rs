//! Helpers of the tests of Fantastic.jobs.

use std::collections::BTreeMap;
use std::time::Duration;

use jobfeed::checkpoint::MemoryStore;
use jobfeed::fantastic_jobs::{ActiveAtsJob, Client, SyncWindows};
use jobfeed::jiff::{SignedDuration, Timestamp};
use jobfeed::testing::FantasticJobs;
use jobfeed::testing::fantastic_jobs::Builder;
use jobfeed::{RateLimit, Report, Result, RetryPolicy};

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn hours(hours: i64) -> SignedDuration {
    SignedDuration::from_hours(hours)
}

pub(crate) fn simulator() -> Builder {
    FantasticJobs::builder().now(at("2026-03-10T09:15:00Z")).seed(5)
}

pub(crate) fn client(server: &FantasticJobs) -> Client {
    client_with(
        server,
        RetryPolicy::default().backoff(Duration::from_millis(1), Duration::from_millis(2)).budget(1_000_000),
    )
}

pub(crate) fn client_with(server: &FantasticJobs, retry: RetryPolicy) -> Client {
    let builder = Client::builder().api_key(server.api_key()).base_url(server.base_url());
    builder.clock(server.clock()).rate_limit(RateLimit::unlimited()).retry(retry).build().unwrap()
}

/// How often each row was delivered, by id.
pub(crate) type RowCounts = BTreeMap<u64, u32>;

pub(crate) type AtsSync<'s> = SyncWindows<'s, ActiveAtsJob, &'s MemoryStore>;

/// Runs a sync to its end and counts its rows.
pub(crate) async fn run(sync: AtsSync<'_>, got: &mut RowCounts) -> Result<Report> {
    let mut run = sync.await?;
    while let Some(batch) = run.next().await? {
        for job in batch.items() {
            *got.entry(job.id).or_default() += 1;
        }
        batch.commit().await?;
    }
    Ok(run.report())
}

pub(crate) fn ids(got: &RowCounts) -> Vec<u64> {
    got.keys().copied().collect()
}

/// Compares the ids without printing thousands of them.
pub(crate) fn assert_same(got: &RowCounts, wanted: &[u64], context: &str) {
    let missing: Vec<_> = wanted.iter().filter(|id| !got.contains_key(id)).collect();
    let unwanted = got.len() + missing.len() - wanted.len();
    let first = missing.first();
    assert!(
        missing.is_empty() && unwanted == 0,
        "{context}: {} missing from {first:?} on, {unwanted} too many",
        missing.len()
    );
}
