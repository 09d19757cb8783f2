//! Independent partitions with one client: each has its own checkpoint key, and an error or a panic ends only that partition.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::stream::BoxStream;
use futures::{FutureExt, Stream, StreamExt, stream};

use super::partition_progress::PartitionsProgress;
use super::partition_report::PartitionsReport;
use super::report::RunError;

/// Runs one sync for each partition, `at_once` of them at a time (0 counts as 1), and returns each result as soon as it is there:
/// a slow partition does not hold up the others.
///
/// A partition that fails, pauses or panics does not stop the others. All share the client's rate limit, and the number of requests that it
/// may have in flight: one by default, see [`max_in_flight`](crate::ClientBuilder::max_in_flight). Those that run take turns, request by
/// request. A partition that begins while the server has asked for a long wait ends as paused without a request. The partitions run only while the
/// stream is polled, so do not work long on a result between two polls. Dropping the stream ends all of them as a crash would; a
/// [`StopSignal`](crate::StopSignal) ends each after its next commit.
///
/// [`Partitions::progress`] has the counters of all of them together while they run, and [`Partitions::report`] tells what became of them:
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
/// let progress = results.progress(); // for another task
/// while let Some(done) = results.next().await {
///     match done.result {
///         Ok(report) => println!("{}: {report}", done.partition.0),
///         Err(error) => println!("{}: {error}", done.partition.0),
///     }
///     println!("{}, {} rows so far", progress.partitions(), progress.counts().rows);
/// }
/// let report = results.report();
/// println!("{report}"); // partitions: 2 complete …
/// # assert_eq!((report.partitions.complete, report.counts.rows > 0), (2, true));
/// # Ok(()) }
/// ```
///
/// # One process, partitions, or many workers
///
/// | what you have | what fits |
/// |---|---|
/// | one list, or a few | one process: a [`SyncRun`](crate::SyncRun) for each |
/// | up to thousands of lists of one API: countries, tenants, the children of each record | one process with `partitions` |
/// | the work must go on when a machine fails, or storing takes longer than fetching | many workers, each with some of the partitions |
///
/// * **One process** is enough for most syncs: after a crash the next run continues from the checkpoint, so a timer that starts it again is all it
///   needs. Take a [lease](crate::checkpoint::LeaseStore::lease) where it might be started twice.
/// * **`partitions`** share one client, which keeps to the limits of the host for all of them. The state of a partition is loaded when it
///   begins, and of one that is complete only the counters are kept, so memory does not grow with the number of partitions. Also where an
///   API allows one request at a time, choose an `at_once` of 2 or more: then one partition stores its rows while another one fetches.
/// * **Many workers** do not fetch faster where one limit of the API holds for all of them. Clients in several processes do not know of each other:
///   give each worker its part of the rate. A queue hands out the partitions; a lease of each checkpoint key lets one worker at a time
///   sync it; states and rows are in one database that all of them reach. The example `distributed_sync` does it with
///   PostgreSQL: `cargo run --manifest-path examples/distributed_sync/Cargo.toml`.
pub fn partitions<'a, I, F, Fut, R, E>(partitions: I, at_once: usize, mut run: F) -> Partitions<'a, I::Item, R, E>
where
    I: IntoIterator<Item: Clone + Send + 'a, IntoIter: Send + 'a>,
    F: FnMut(I::Item) -> Fut + Send + 'a,
    Fut: Future<Output = Result<R, E>> + Send + 'a,
    R: Send + 'a,
    E: fmt::Display + Send + 'a,
{
    let progress = PartitionsProgress::new();
    let (all, mut partitions) = (progress.clone(), partitions.into_iter());
    all.set_waiting(partitions.size_hint());
    let mut indices = 0..;
    let begun = std::iter::from_fn(move || {
        let partition = partitions.next();
        // Some iterators do not tell that nothing is left.
        all.set_waiting(if partition.is_some() { partitions.size_hint() } else { (0, Some(0)) });
        partition.zip(indices.next()).map(|(partition, index)| (all.begin(index), partition))
    });
    let runs = stream::iter(begun).map(move |(begun, partition)| {
        // The partition is over after a panic, and nothing of it is used again.
        let run = catch_unwind(AssertUnwindSafe(|| begun.make(|| run(partition.clone()))));
        async move {
            let ended = match run {
                Ok(run) => AssertUnwindSafe(begun.during(run)).catch_unwind().await,
                Err(panic) => Err(panic),
            };
            let result = match ended {
                Ok(result) => result.map_err(PartitionError::Failed),
                Err(panic) => Err(PartitionError::Panicked { message: message(&*panic) }),
            };
            begun.end(result.as_ref().err().map(PartitionError::told));
            PartitionResult { partition, result }
        }
    });
    // Boxed: the compiler cannot prove for borrowed partitions that the unboxed stream is `Send`.
    Partitions { results: runs.buffer_unordered(at_once.max(1)).boxed(), progress }
}

/// The results of [`partitions`], as a stream: each comes as soon as its partition has ended.
#[must_use = "the partitions run while the stream is polled"]
pub struct Partitions<'a, P, R, E> {
    results: BoxStream<'a, PartitionResult<P, R, E>>,
    progress: PartitionsProgress,
}

impl<P, R, E> Partitions<'_, P, R, E> {
    /// The counters of all partitions together, which another task or thread may read.
    pub fn progress(&self) -> PartitionsProgress {
        self.progress.clone()
    }

    /// The report of all partitions so far.
    pub fn report(&self) -> PartitionsReport {
        self.progress.report()
    }

    /// Keeps an entry in the report for each partition, the complete ones included, without a limit. Call it before the stream is polled.
    pub fn all_entries(self) -> Self {
        self.progress.keep_all_entries();
        self
    }
}

impl<P, R, E> Stream for Partitions<'_, P, R, E> {
    type Item = PartitionResult<P, R, E>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.results.poll_next_unpin(cx)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.results.size_hint()
    }
}

impl<P, R, E> fmt::Debug for Partitions<'_, P, R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Partitions").field("progress", &self.progress).finish_non_exhaustive()
    }
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

    /// For the report. The text of a panic may show records, so it is left out.
    fn told(&self) -> RunError
    where
        E: fmt::Display,
    {
        match self {
            Self::Failed(error) => RunError { kind: "other".into(), message: error.to_string() },
            Self::Panicked { .. } => RunError { kind: "panic".into(), message: "it panicked".to_owned() },
        }
    }
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or_default().to_owned()
}
