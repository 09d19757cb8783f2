//! Independent partitions with one client: each has its own checkpoint key, and an error ends only that partition.

use std::future::Future;

use futures::{StreamExt, stream};

/// Runs one sync for each partition, `at_once` of them at a time, and returns their results in the given order.
///
/// A partition that fails does not stop the others. All share the client's rate limit.
///
/// ```
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use jobfeed::{checkpoint::MemoryStore, partitions};
///
/// # use jobfeed::{jobdataapi::Client, testing::JobDataApi};
/// # let server = JobDataApi::builder().jobs(300).start().await?;
/// # let (key, url) = (server.api_key(), server.base_url());
/// # let api = Client::builder().api_key(key).base_url(url).build()?;
/// let store = MemoryStore::new();
/// let buckets = [("na", vec!["US", "CA"]), ("dach", vec!["DE", "AT", "CH"])];
/// let results = partitions(buckets, 2, async |(name, countries)| {
///     let key = format!("jobs/{name}");
///     let jobs = api.jobs().country_codes(countries);
///     let mut run = jobs.sync_by_id(key, &store).await?;
///     run.for_each(|page| async move {
///         println!("{name}: {} jobs", page.items.len());
///         Ok(())
///     })
///     .await
/// })
/// .await;
/// assert!(results.iter().all(Result::is_ok));
/// # let _: Vec<jobfeed::Result<jobfeed::Report>> = results;
/// # Ok(()) }
/// ```
pub async fn partitions<P, F, Fut, R, E>(
    partitions: impl IntoIterator<Item = P>,
    at_once: usize,
    run: F,
) -> Vec<Result<R, E>>
where
    F: FnMut(P) -> Fut,
    Fut: Future<Output = Result<R, E>>,
{
    stream::iter(partitions).map(run).buffered(at_once.max(1)).collect().await
}
