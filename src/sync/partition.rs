//! Independent partitions with one client: each has its own checkpoint key, and an error or a panic ends only that partition.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};

use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt, stream};

/// Runs one sync for each partition, `at_once` of them at a time (0 counts as 1), and returns each result as soon as it is there:
/// a slow partition does not hold up the others.
///
/// A partition that fails or panics does not stop the others. All share the client's rate limit, and the requests that it
/// may have in flight: one by default, see [`max_in_flight`](crate::ClientBuilder::max_in_flight). The partitions run while the
/// stream is polled, so keep what is done with a result short; dropping the stream ends all of them as a crash would, and a
/// [`StopSignal`](crate::StopSignal) ends each after its next commit.
///
/// ```
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use futures::StreamExt;
/// use jobfeed::{Error, StopSignal, checkpoint::MemoryStore, partitions};
///
/// # use jobfeed::{jobdataapi::Client, testing::JobDataApi};
/// # let server = JobDataApi::builder().jobs(300).start().await?;
/// # let (key, url) = (server.api_key(), server.base_url());
/// # let api = Client::builder().api_key(key).base_url(url).build()?;
/// let (store, stop) = (MemoryStore::new(), StopSignal::new());
/// let markets = [("na", vec!["US", "CA"]), ("dach", vec!["DE", "AT", "CH"])];
/// // None is begun after the signal.
/// let markets = markets.into_iter().take_while(|_| !stop.is_stopped());
/// let mut results = partitions(markets, 2, async |(name, countries)| {
///     let sync = api.jobs().country_codes(countries).sync_by_id(format!("jobs/{name}"), &store);
///     let mut run = sync.await?.stop_when(&stop);
///     while let Some(batch) = run.next().await? {
///         // … upsert batch.items() …
///         batch.commit().await?;
///     }
///     Ok::<_, Error>(run.report())
/// });
/// while let Some(done) = results.next().await {
///     match done.result {
///         Ok(report) => println!("{}: {report}", done.partition.0),
///         Err(error) => println!("{}: {error}", done.partition.0),
///     }
/// }
/// # Ok(()) }
/// ```
pub fn partitions<'a, I, F, Fut, R, E>(
    partitions: I,
    at_once: usize,
    mut run: F,
) -> BoxStream<'a, PartitionResult<I::Item, R, E>>
where
    I: IntoIterator<Item: Clone + Send + 'a, IntoIter: Send + 'a>,
    F: FnMut(I::Item) -> Fut + Send + 'a,
    Fut: Future<Output = Result<R, E>> + Send + 'a,
    R: Send + 'a,
    E: Send + 'a,
{
    let runs = stream::iter(partitions).map(move |partition| {
        // The partition is over after a panic, and nothing of it is used again.
        let run = catch_unwind(AssertUnwindSafe(|| run(partition.clone())));
        async move {
            let ended = match run {
                Ok(run) => AssertUnwindSafe(run).catch_unwind().await,
                Err(panic) => Err(panic),
            };
            let result = match ended {
                Ok(result) => result.map_err(PartitionError::Failed),
                Err(panic) => Err(PartitionError::Panicked { message: message(&*panic) }),
            };
            PartitionResult { partition, result }
        }
    });
    // Boxed: the compiler cannot prove for borrowed partitions that the unboxed stream is `Send`.
    runs.buffer_unordered(at_once.max(1)).boxed()
}

/// How one partition ended.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PartitionResult<P, R, E> {
    /// The partition.
    pub partition: P,
    /// What its function returned.
    pub result: Result<R, PartitionError<E>>,
}

/// Why one partition has no result. The others are not affected.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum PartitionError<E> {
    /// Its function returned this error.
    #[error("{0}")]
    Failed(E),
    /// Its function panicked. What it had not committed comes again in its next run.
    #[error("the partition panicked: {message}")]
    Panicked {
        /// The text of the panic; empty when it is not a text.
        message: String,
    },
}

impl<E> PartitionError<E> {
    /// The error that the function returned; `None` after a panic.
    pub fn failed(&self) -> Option<&E> {
        match self {
            Self::Failed(error) => Some(error),
            Self::Panicked { .. } => None,
        }
    }
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or_default().to_owned()
}
