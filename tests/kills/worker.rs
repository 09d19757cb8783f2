//! The process that is killed: one run of a sync, which writes its rows.

use std::fs::OpenOptions;
use std::future::{Future, poll_fn};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use jobfeed::checkpoint::{CheckpointError, FileStore, LeaseStore, PostgresStore, SqliteStore};
use jobfeed::object_store::local::LocalFileSystem;
use jobfeed::tables::{Column, ColumnType, ParquetTable, Schema, Sink};
use jobfeed::tokio_postgres::NoTls;
use jobfeed::{BoxError, Error, RateLimit, RetryPolicy, jobdataapi};
use rustix::process::{Signal, getpid, kill_process};
use serde_json::json;

pub(crate) const PAGE: u32 = 50;
/// A row that is written twice is an error.
pub(crate) const TABLE: &str = "CREATE TABLE rows (sync bigint NOT NULL, id bigint NOT NULL, PRIMARY KEY (sync, id))";
/// A killed worker's lease ends after this time.
const TTL: Duration = Duration::from_millis(300);

pub(crate) fn sqlite(path: &Path) -> rusqlite::Connection {
    let db = rusqlite::Connection::open(path).unwrap();
    db.busy_timeout(Duration::from_secs(30)).unwrap();
    db.execute_batch(&TABLE.replace("TABLE", "TABLE IF NOT EXISTS")).unwrap();
    db
}

pub(crate) fn rows_file(folder: &Path, sync: u64) -> PathBuf {
    folder.join(format!("rows-{sync}.txt"))
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap()
}

/// Not a test by itself: the tests of this program start it as a process.
#[test]
fn worker() {
    let Ok(store) = std::env::var("WORKER_STORE") else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let work = async {
        loop {
            let done = match store.as_str() {
                "sqlite" => with_sqlite().await,
                "postgres" => with_postgres().await,
                "parquet" => with_parquet().await,
                _ => with_files().await,
            };
            match done {
                // The machine was so busy that the lease was not renewed in time.
                Err(error) if is_lease_lost(&*error) => {}
                done => return done,
            }
        }
    };
    runtime.block_on(work).unwrap();
}

fn is_lease_lost(error: &(dyn std::error::Error + 'static)) -> bool {
    let lost = |source: &CheckpointError| matches!(source, CheckpointError::LeaseLost);
    match error.downcast_ref() {
        Some(Error::Checkpoint { source, .. }) => lost(source),
        _ => error.downcast_ref().is_some_and(lost),
    }
}

/// Kills this process at one poll of the future, where the test says so.
async fn killed<O>(work: impl Future<Output = O>) -> O {
    let polls = std::env::var("WORKER_POLLS").ok().map(|polls| polls.parse::<u64>().unwrap());
    let (mut work, mut polled) = (pin!(work), 0);
    poll_fn(|cx| {
        polled += 1;
        if Some(polled) == polls {
            let wait = Duration::from_micros(variable("WORKER_MICROSECONDS").parse().unwrap());
            let kill = move || {
                let from = Instant::now();
                while from.elapsed() < wait {}
                kill_process(getpid(), Signal::KILL).unwrap();
            };
            if wait.is_zero() { kill() } else { drop(std::thread::spawn(kill)) }
        }
        match work.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(output),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

fn jobs() -> jobfeed::jobdataapi::JobsRequest {
    let api = jobdataapi::Client::builder().api_key(variable("WORKER_KEY")).base_url(variable("WORKER_URL"));
    let api = api.rate_limit(RateLimit::unlimited()).retry(RetryPolicy::default().max_attempts(1)).build().unwrap();
    api.jobs().page_size(PAGE)
}

fn sync() -> i64 {
    variable("WORKER_SYNC").parse().unwrap()
}

/// Waits for the end of the lease of a worker that was killed.
async fn leased<S: LeaseStore + Clone + 'static>(store: &S, key: &str) -> jobfeed::checkpoint::Lease<S> {
    loop {
        if let Ok(lease) = store.lease(key, TTL).await {
            return lease;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn with_sqlite() -> Result<(), BoxError> {
    let path = variable("WORKER_PLACE");
    let mut db = sqlite(path.as_ref());
    let store = SqliteStore::open(&path)?;
    let key = format!("jobs/{}", sync());
    let lease = leased(&store, &key).await;
    killed(async {
        let mut run = jobs().sync_by_id(key, lease).await?;
        #[cfg(feature = "archive")]
        if let Ok(folder) = std::env::var("WORKER_ARCHIVE") {
            run = run.inspect_with(jobfeed::archive::Archive::open_folder(folder).await?.writer());
        }
        while let Some(batch) = run.next().await? {
            let tx = db.transaction()?;
            for job in batch.items() {
                tx.execute("INSERT INTO rows VALUES (?1, ?2)", (sync(), job.id as i64))?;
            }
            SqliteStore::save_in(&tx, batch.key(), batch.next_state(), batch.fence())?;
            tx.commit()?;
            batch.committed();
        }
        Ok(())
    })
    .await
}

async fn with_postgres() -> Result<(), BoxError> {
    async fn open() -> Result<jobfeed::tokio_postgres::Client, jobfeed::tokio_postgres::Error> {
        let (client, connection) = jobfeed::tokio_postgres::connect(&variable("WORKER_PLACE"), NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }
    let (store, mut db) = (PostgresStore::new(open).await?, open().await?);
    let key = format!("jobs/{}", sync());
    let lease = leased(&store, &key).await;
    killed(async {
        let mut run = jobs().sync_by_id(key, lease).await?;
        while let Some(batch) = run.next().await? {
            let tx = db.transaction().await?;
            let ids: Vec<i64> = batch.items().iter().map(|job| job.id as i64).collect();
            tx.execute("INSERT INTO rows SELECT $1, unnest($2::bigint[])", &[&sync(), &ids]).await?;
            PostgresStore::save_in(&tx, batch.key(), batch.next_state(), batch.fence()).await?;
            tx.commit().await?;
            batch.committed();
        }
        Ok(())
    })
    .await
}

/// A table for each sync. Every other one is compacted while it is written.
async fn with_parquet() -> Result<(), BoxError> {
    let store = LocalFileSystem::new_with_prefix(variable("WORKER_PLACE"))?;
    let columns = [
        Column::new("id", ColumnType::Integer).key(),
        Column::new("title", ColumnType::Text),
        Column::new("published", ColumnType::Timestamp),
        Column::new("salary_min", ColumnType::decimal(20, 4)),
        Column::new("countries", ColumnType::list(ColumnType::Text)),
    ];
    let row = |job: &jobdataapi::Job| {
        let published = job.published.as_ref().and_then(|published| published.timestamp());
        let salary = job.salary_min.as_ref().map(ToString::to_string);
        let countries: Vec<_> = job.countries.iter().map(|country| country.code.clone()).collect();
        json!({"id": job.id, "title": job.title, "published": published, "salary_min": salary, "countries": countries})
    };
    killed(async {
        let table = ParquetTable::open(Arc::new(store), &format!("rows_{}", sync()), Schema::new(columns)?).await?;
        let mut run = jobs().sync_by_id("jobs", table.checkpoint()).await?;
        while let Some(batch) = run.next().await? {
            if sync() % 2 == 1 {
                let (committed, compacted) = futures::join!(table.commit(batch, row), table.compact("jobs"));
                committed?;
                compacted?;
            } else {
                table.commit(batch, row).await?;
            }
        }
        Ok(())
    })
    .await
}

async fn with_files() -> Result<(), BoxError> {
    let folder = PathBuf::from(variable("WORKER_PLACE"));
    let key = format!("jobs/{}", sync());
    let lease = leased(&FileStore::new(folder.join("states"))?, &key).await;
    let mut rows = OpenOptions::new().append(true).create(true).open(rows_file(&folder, sync() as u64))?;
    killed(async {
        let mut run = jobs().sync_by_id(key, lease).await?;
        while let Some(batch) = run.next().await? {
            // The first line ends a line that was cut.
            let lines: String = batch.items().iter().map(|job| format!("\nid {}.", job.id)).collect();
            rows.write_all(lines.as_bytes())?;
            batch.commit().await?;
        }
        Ok(())
    })
    .await
}
