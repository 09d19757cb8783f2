//! What the monitor shows, read from the database.

use std::collections::BTreeMap;
use std::fmt;

use jobfeed::tokio_postgres::{Client, Error};

const COUNTS: &str = "SELECT
    (SELECT count(*) FROM partitions), (SELECT count(*) FROM jobs), (SELECT count(*) FROM commits),
    (SELECT count(*) FROM rounds)";
/// Partitions whose job should have begun, and for how many seconds the first of them waits; those that run; those put back.
const JOBS: &str = "SELECT
    count(*) FILTER (WHERE run_at <= now() AND locked_at IS NULL),
    coalesce(extract(epoch FROM max(now() - run_at) FILTER (WHERE run_at <= now())), 0)::float8,
    count(*) FILTER (WHERE locked_at IS NOT NULL),
    count(*) FILTER (WHERE run_at > now() AND locked_at IS NULL)
    FROM graphile_worker._private_jobs WHERE job_queue_id IS NOT NULL AND attempts < max_attempts";
const HEARTBEATS: &str = "SELECT metadata->>'pid', extract(epoch FROM now() - last_heartbeat_at)::float8
    FROM graphile_worker._private_workers WHERE metadata IS NOT NULL";
const LEASES: &str = "SELECT holder, count(*) FROM jobfeed_checkpoint WHERE lease_until > clock_timestamp() GROUP BY 1";
const COMMITS: &str = "SELECT worker, count(*) FROM commits GROUP BY 1";

/// The state of all partitions and workers at one moment.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// Partitions.
    pub partitions: i64,
    /// Rows in the table.
    pub rows: i64,
    /// Pages committed.
    pub commits: i64,
    /// Rounds added.
    pub rounds: i64,
    /// Partitions that should have begun.
    pub due: i64,
    /// For how many seconds the first of them waits, or runs.
    pub lag: f64,
    /// Partitions whose job runs.
    pub running: i64,
    /// Partitions put back: paused, leased by another worker, or to be tried again.
    pub put_back: i64,
    /// By name.
    pub workers: BTreeMap<String, Worker>,
}

/// One worker.
#[derive(Debug, Default)]
pub struct Worker {
    /// Seconds since its last sign of life. `None` when the others took it for dead.
    pub heartbeat: Option<f64>,
    /// Leases that it holds.
    pub leases: i64,
    /// Pages that it committed.
    pub commits: i64,
}

impl Snapshot {
    /// Reads it.
    pub async fn read(db: &Client) -> Result<Self, Error> {
        let (counts, jobs) = (db.query_one(COUNTS, &[]).await?, db.query_one(JOBS, &[]).await?);
        let mut snapshot = Self {
            partitions: counts.get(0),
            rows: counts.get(1),
            commits: counts.get(2),
            rounds: counts.get(3),
            due: jobs.get(0),
            lag: jobs.get(1),
            running: jobs.get(2),
            put_back: jobs.get(3),
            workers: BTreeMap::new(),
        };
        for row in db.query(HEARTBEATS, &[]).await? {
            snapshot.worker(row.get(0)).heartbeat = row.get(1);
        }
        for row in db.query(LEASES, &[]).await? {
            snapshot.worker(row.get(0)).leases = row.get(1);
        }
        for row in db.query(COMMITS, &[]).await? {
            snapshot.worker(row.get(0)).commits = row.get(1);
        }
        Ok(snapshot)
    }

    fn worker(&mut self, name: String) -> &mut Worker {
        self.workers.entry(name).or_default()
    }
}

/// One line.
impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { partitions, rows, commits, rounds, due, lag, running, put_back, workers } = self;
        let (leases, alive) = (workers.values().map(|worker| worker.leases).sum::<i64>(), alive(workers));
        write!(f, "{partitions} partitions: {due} due (lag {lag:.1} s), {running} run, {put_back} put back; ")?;
        write!(f, "{rows} rows, {commits} commits, round {rounds}; {leases} leases, {alive} workers alive")
    }
}

fn alive(workers: &BTreeMap<String, Worker>) -> usize {
    workers.values().filter(|worker| worker.heartbeat.is_some()).count()
}

impl Snapshot {
    /// The same as a page of a terminal. `processes`: the ids of the processes that were not killed, and whether each is stopped.
    pub fn page(&self, processes: &[(u32, bool)], server_rows: usize) -> Vec<String> {
        let mut lines = vec![
            format!("{:>7} partitions   {:>7} due, the first for {:.1} s (lag)", self.partitions, self.due, self.lag),
            format!("{:>7} rows         {:>7} run", self.rows, self.running),
            format!("{server_rows:>7} at the server{:>7} put back (paused, leased, failed)", self.put_back),
            format!("{:>7} commits      {:>7} rounds", self.commits, self.rounds),
            String::new(),
            format!("{:>10} {:>12} {:>8} {:>9}", "worker", "heartbeat", "leases", "commits"),
        ];
        for (name, Worker { heartbeat, leases, commits }) in &self.workers {
            let process = processes.iter().find(|(pid, _)| pid.to_string() == *name);
            let heartbeat = heartbeat.map_or("none".to_owned(), |seconds| format!("{seconds:.1} s ago"));
            let state = match process {
                None => "dead",
                Some((_, true)) => "stopped",
                Some((_, false)) => "",
            };
            lines.push(format!("{name:>10} {heartbeat:>12} {leases:>8} {commits:>9}  {state}"));
        }
        lines.push(String::new());
        lines.push("commands: + | kill PID | stop PID | continue PID | quit".to_owned());
        lines
    }
}
