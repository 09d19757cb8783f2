//! A worker: it takes the jobs of partitions from the engine, and syncs each partition under its lease.
//!
//! The engine decides *when* a partition is synced, and by which worker. It may still give one to two workers: when the first one was stopped, or so
//! slow that the engine counted it as dead. Only the lease decides which worker may write: the store refuses the save of a worker whose lease was
//! taken, and with the save the rows, which are in the same transaction.

use std::time::Duration;

use chrono::{DateTime, Utc};
use graphile_worker::tokio_postgres::TokioPostgresDatabase;
use graphile_worker::{
    Cron, IntoTaskHandlerResult, JobKeyMode, JobSpec, TaskHandler, WorkerContext, WorkerContextExt, WorkerOptions,
    WorkerRecoveryConfig, WorkerShutdownConfig,
};
use jobfeed::checkpoint::{CheckpointError, Lease, LeaseStore, PostgresStore};
use jobfeed::jiff::Timestamp;
use jobfeed::paginate::{ReadAt, Scheme};
use jobfeed::rest::{self, Removals, Watermark};
use jobfeed::serde_json::Value;
use jobfeed::tokio_postgres::Config;
use jobfeed::{BoxError, Checkpoint, Credentials, Outcome, RateLimit, RetryPolicy, StopSignal};
use serde::{Deserialize, Serialize};
use tokio::signal::unix::{SignalKind, signal};

use crate::tables;

/// What a worker must know.
#[derive(Clone, clap::Args)]
pub struct Options {
    /// The PostgreSQL database, such as "host=db user=jobs dbname=jobs".
    #[arg(long, env = "DATABASE_URL")]
    pub database: String,
    /// The base URL of the provider.
    #[arg(long)]
    pub provider: String,
    /// The key for the provider.
    #[arg(long, env = "API_KEY", hide_env_values = true, default_value = "demo-key")]
    pub api_key: String,
    /// Its name in leases. Default: the process id. With workers on several machines, put the name of the machine before it.
    #[arg(long)]
    pub name: Option<String>,
    /// How many partitions it syncs at the same time.
    #[arg(long, default_value_t = 4)]
    pub at_once: usize,
    /// After how many seconds the partitions of a dead worker are taken over.
    #[arg(long, default_value_t = 5.0)]
    pub ttl: f64,
    /// Ends when its standard input ends: so no worker outlives the process that started it.
    #[arg(long, hide = true)]
    pub until_input_ends: bool,
}

/// What the jobs of this process share.
#[derive(Debug, Clone)]
pub struct App {
    /// The name of this worker in leases.
    name: String,
    api: rest::Client,
    store: PostgresStore,
    database: TokioPostgresDatabase,
    ttl: Duration,
    stop: StopSignal,
}

/// Works until SIGTERM: then each run ends after its next commit.
pub async fn work(options: Options) -> Result<(), BoxError> {
    let ttl = Duration::try_from_secs_f64(options.ttl)?;
    let api = rest::Client::builder().base_url(&options.provider).credentials(Credentials::bearer(options.api_key)?);
    // A limit of the provider is one for all workers together: give each its part.
    let api = api.rate_limit(RateLimit::every(Duration::from_millis(5))).max_in_flight(options.at_once);
    // A longer wait is not slept through: the run is paused, and the worker is free for other partitions.
    let api = api.retry(RetryPolicy::default().max_wait(Duration::from_secs(1))).build()?;
    let address = options.database.clone();
    // A worker that is stopped in the middle of a transaction keeps the row of its lease locked. PostgreSQL ends such a transaction, so that
    // nobody waits for it for longer than for the lease itself.
    let mut database: Config = options.database.parse()?;
    database.options(format!("-c idle_in_transaction_session_timeout={}", ttl.as_millis()));
    let app = App {
        name: options.name.unwrap_or_else(|| std::process::id().to_string()),
        api,
        store: PostgresStore::new(move || tables::connect(address.clone())).await?,
        database: TokioPostgresDatabase::from_config(database, 2 * options.at_once + 2)?,
        ttl,
        stop: StopSignal::new(),
    };
    let (stop, mut terminated) = (app.stop.clone(), signal(SignalKind::terminate())?);
    let shutdown = async move {
        terminated.recv().await;
        stop.stop();
    };
    // Off by default. Its time is that of the leases: before both have ended, nobody takes a dead worker's partitions over.
    let recovery = WorkerRecoveryConfig::default().heartbeat_interval(ttl / 4).sweep_interval(ttl / 4);
    let recovery = recovery.sweep_threshold(ttl).recovery_delay(Duration::ZERO);
    let worker = WorkerOptions::default()
        .database(app.database.clone())
        .add_extension(app)
        .concurrency(options.at_once)
        .poll_interval(Duration::from_millis(200))
        .worker_recovery(recovery)
        .worker_shutdown(WorkerShutdownConfig::default().listen_os_shutdown_signals(false).shutdown_signal(shutdown))
        .define_job::<SyncPartition>()
        .define_job::<AddRound>()
        // On all workers; the engine adds one job a minute, however many there are.
        .with_cron(Cron::every_minute::<AddRound>().payload(AddRound::default())?)
        .init()
        .await?;
    Ok(worker.run().await?)
}

/// The job that makes all partitions due.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct AddRound {
    /// The engine's note of the minute for which its cron added the job.
    #[serde(rename = "_cron", default, skip_serializing)]
    cron: Option<Value>,
}

impl TaskHandler for AddRound {
    const IDENTIFIER: &'static str = "add_round";

    async fn run(self, ctx: WorkerContext) -> impl IntoTaskHandlerResult {
        self.add(&ctx).await.map_err(|error| error.to_string())
    }
}

impl AddRound {
    async fn add(&self, ctx: &WorkerContext) -> Result<(), BoxError> {
        let app = ctx.get_ext::<App>().ok_or("the worker has no App")?;
        let db = app.database.pool().get().await?;
        let minute = self.cron.as_ref().and_then(|cron| cron["ts"].as_str());
        db.execute(tables::ADD_ROUND, &[ctx.job().id(), &minute]).await?;
        db.execute(tables::FREE_QUEUES, &[]).await?;
        let partitions = db.query("SELECT name FROM partitions ORDER BY random()", &[]).await?;
        let jobs = partitions.iter().map(|row| SyncPartition { partition: row.get(0) });
        // A partition that waits for its instant (paused, or leased) goes on waiting.
        let jobs = jobs.map(|job| (job.spec(JobKeyMode::PreserveRunAt, Utc::now()), job)).collect::<Vec<_>>();
        ctx.add_jobs(&jobs.iter().map(|(spec, job)| (job.clone(), spec)).collect::<Vec<_>>()).await?;
        Ok(())
    }
}

/// The job that syncs one partition.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SyncPartition {
    partition: String,
}

impl TaskHandler for SyncPartition {
    const IDENTIFIER: &'static str = "sync_partition";

    async fn run(self, ctx: WorkerContext) -> impl IntoTaskHandlerResult {
        // An error is tried again by the engine, later each time. The partition goes on where it stood.
        self.sync(&ctx).await.inspect_err(|error| eprintln!("{}: {error}", self.partition)).map_err(|e| e.to_string())
    }
}

impl SyncPartition {
    async fn sync(&self, ctx: &WorkerContext) -> Result<(), BoxError> {
        let app = ctx.get_ext::<App>().ok_or("the worker has no App")?;
        let key = format!("jobs/{}", self.partition);
        let lease = match app.store.lease_as(&key, &app.name, app.ttl).await {
            Ok(lease) => lease,
            // Nothing was sent. It is free when its holder is ready, or dead.
            Err(CheckpointError::Leased { ends_in, .. }) => {
                return self.put_back(ctx, Timestamp::now() + ends_in).await;
            }
            Err(error) => return Err(error.into()),
        };
        match app.run(&self.partition, &key, &lease).await? {
            Outcome::Paused { until } => self.put_back(ctx, until).await?,
            Outcome::Stopped => self.put_back(ctx, Timestamp::now()).await?,
            _ => {}
        }
        // A worker that was stopped until now must not complete a job that another one has: the engine does not check whose it is.
        if lease.is_lost() {
            return Err(CheckpointError::LeaseLost.into());
        }
        Ok(lease.release().await?)
    }

    /// Puts the partition back for an instant. That is no failure: no attempt is counted.
    async fn put_back(&self, ctx: &WorkerContext, at: Timestamp) -> Result<(), BoxError> {
        let at = DateTime::from_timestamp_millis(at.as_millisecond()).ok_or("an instant out of range")?;
        ctx.add_job(self.clone(), self.spec(JobKeyMode::Replace, at)).await?;
        Ok(())
    }

    /// At most one waiting job for each partition (the key), and one that runs (the queue).
    fn spec(&self, mode: JobKeyMode, at: DateTime<Utc>) -> JobSpec {
        let spec = JobSpec::builder().job_key(&self.partition).job_key_mode(mode);
        spec.queue_name(&self.partition).run_at(at).build()
    }
}

#[derive(Deserialize)]
struct Job {
    id: i64,
}

impl App {
    /// One run of the sync of a partition, each page in one transaction with the state after it.
    async fn run(&self, partition: &str, key: &str, lease: &Lease<PostgresStore>) -> Result<Outcome, BoxError> {
        let fence = lease.fence().map_or(0, |fence| fence.get());
        // For the provider's log: who asks, under which lease.
        let api = self.api.clone().header("x-request-of", &format!("{}/{fence}", self.name))?;
        let jobs = api
            .list::<Job>(format!("companies/{partition}/jobs"))
            .paginate(Scheme::token_at(ReadAt::pointer("/next"), "cursor").page_size("limit", 25))
            .records_at("/items")
            .watermark(Watermark::id("/version", "since"))
            .removals(Removals::equals("/deleted", true))
            .strict();
        let mut run = jobs.sync_since(key, lease).await?.stop_when(&self.stop);
        while let Some(batch) = run.next().await? {
            let mut db = self.database.pool().get().await?;
            let tx = db.transaction().await?;
            // First the state: whoever has lost the lease ends here, and keeps no row locked while it waits for its successor.
            PostgresStore::save_in(&*tx, batch.key(), batch.next_state(), batch.fence()).await?;
            let (ids, texts): (Vec<i64>, Vec<&str>) = batch.page().rows().map(|(job, json)| (job.id, json)).unzip();
            tx.execute(tables::UPSERT, &[&partition, &ids, &texts]).await?;
            let removed: Vec<i64> = batch.removals().filter_map(|record| record.get("id")).collect();
            tx.execute(tables::REMOVE, &[&partition, &removed]).await?;
            let state = batch.next_state();
            let request =
                batch.page().headers().get("x-request-id").and_then(|id| id.to_str().ok()?.parse::<i64>().ok());
            let (revision, fence, complete) = (state.revision() as i64, fence as i64, state.run().is_none());
            tx.execute(tables::LOG, &[&partition, &revision, &fence, &self.name, &request, &complete]).await?;
            // When the answer is lost, nobody needs to know whether it happened: the next run begins with the state that is stored.
            tx.commit().await?;
            batch.committed();
        }
        Ok(run.report().outcome)
    }
}
