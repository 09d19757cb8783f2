//! Real processes that are killed (SIGKILL) at moments that a seed reproduces, for each store that outlives a process: no row is lost,
//! and none is written twice where rows and state are written in one transaction. Promises 1, 2 and 3.
//!
//! `KILLS=200 cargo test --test kills` kills more often; `KILLS_SEED=…` takes other moments.
#![cfg(all(unix, feature = "parquet", feature = "postgres", feature = "sqlite", feature = "testing"))]
#![allow(clippy::pedantic, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods, clippy::print_stderr)]

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use jobfeed::testing::JobDataApi;

#[cfg(feature = "archive")]
mod archive;
#[path = "../tables/python.rs"]
mod python;
#[path = "../postgres/server.rs"]
#[allow(dead_code, unreachable_pub)]
mod server;
mod worker;

const JOBS: usize = 2_000;
const KILLS: u64 = 25;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().unwrap())
}

/// Runs workers that are killed, until so many were killed; each sync that comes to its end is followed by another one. Returns the
/// number of kills, and of rows that were written twice. `polls`: about as many polls as half a sync takes.
async fn storm(store: &str, place: &str, polls: u64, rows: impl AsyncFn(u64) -> BTreeMap<u64, u32>) -> (u64, u64) {
    let provider = JobDataApi::builder().jobs(JOBS).start().await.unwrap();
    let mut random = fastrand::Rng::with_seed(number("KILLS_SEED", 1));
    let (mut kills, mut syncs, mut last_kills, mut twice) = (0, 0, 0, 0);
    let all = number("KILLS", KILLS);
    while kills < all || last_kills < kills {
        let mut worker = Command::new(std::env::current_exe().unwrap());
        worker.args(["--exact", "worker::worker", "--nocapture"]);
        worker.env("WORKER_STORE", store).env("WORKER_PLACE", place).env("WORKER_SYNC", syncs.to_string());
        worker.env("WORKER_KEY", provider.api_key()).env("WORKER_URL", provider.base_url().as_str());
        if kills < all {
            // At one poll of the run, or a moment after it: then other threads and processes may be at work.
            worker.env("WORKER_POLLS", random.u64(1..polls).to_string());
            worker.env("WORKER_MICROSECONDS", if random.bool() { 0 } else { random.u64(0..3_000) }.to_string());
        }
        let ended = tokio::task::spawn_blocking(move || worker.output().unwrap()).await.unwrap();
        if ended.status.signal() == Some(9) {
            kills += 1;
            continue;
        }
        let text = format!("{}{}", String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
        assert!(ended.status.success(), "after {kills} kills: {text}");
        let rows = rows(syncs).await;
        let expected: Vec<u64> = provider.with(|data| data.ids());
        let missing: Vec<_> = expected.iter().filter(|id| !rows.contains_key(id)).collect();
        assert!(missing.is_empty(), "sync {syncs}, {kills} kills: {missing:?} are lost");
        assert_eq!(rows.len(), expected.len(), "rows that the server does not have");
        twice += rows.values().map(|times| u64::from(times - 1)).sum::<u64>();
        (syncs, last_kills) = (syncs + 1, kills);
    }
    let pages = provider.served().requests / syncs;
    eprintln!("{store}: {kills} kills, {syncs} syncs of {JOBS} rows, {twice} rows came twice, {pages} requests a sync");
    (kills, twice)
}

#[tokio::test]
async fn promise_2_kills_with_sqlite_lose_no_row_and_write_none_twice() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.sqlite3");
    worker::sqlite(&path);
    let (_, twice) = storm("sqlite", path.to_str().unwrap(), 20, async |sync| {
        let db = rusqlite::Connection::open(&path).unwrap();
        let mut rows = db.prepare("SELECT id FROM rows WHERE sync = ?1").unwrap();
        rows.query_map([sync as i64], |row| row.get::<_, i64>(0)).unwrap().map(|id| (id.unwrap() as u64, 1)).collect()
    })
    .await;
    assert_eq!(twice, 0);
}

#[tokio::test]
async fn promise_2_kills_with_postgresql_lose_no_row_and_write_none_twice() {
    let Some(server) = server::shared() else { return };
    let database = server.database("kills").await;
    let db = database.open().await;
    db.batch_execute(worker::TABLE).await.unwrap();
    let (_, twice) = storm("postgres", &database.address(), 100, async |sync| {
        let rows = db.query("SELECT id FROM rows WHERE sync = $1", &[&(sync as i64)]).await.unwrap();
        rows.iter().map(|row| (row.get::<_, i64>(0) as u64, 1)).collect()
    })
    .await;
    assert_eq!(twice, 0);
}

#[tokio::test]
async fn promise_1_kills_with_files_lose_no_row() {
    let folder = tempfile::tempdir().unwrap();
    let (kills, twice) = storm("file", folder.path().to_str().unwrap(), 40, async |sync| {
        let text = std::fs::read_to_string(worker::rows_file(folder.path(), sync)).unwrap();
        let mut rows = BTreeMap::new();
        // The last line of a process that was killed may be cut.
        let ids = text.lines().filter_map(|line| line.strip_prefix("id ")?.strip_suffix('.')?.parse().ok());
        ids.for_each(|id: u64| *rows.entry(id).or_default() += 1);
        rows
    })
    .await;
    assert!(twice <= kills * u64::from(worker::PAGE), "{twice} rows came twice after {kills} kills");
}

/// The ids in the files of the table in the order of the commits, and those of the newest rows, with what their columns are made of.
const ROWS: &str = "
log = [id for file in files(sys.argv[1]) for id in pq.read_table(file)['id'].to_pylist()]
rows = read(sys.argv[1], 'id')
types = [str(field.type) for field in rows.schema]
values = all(row['title'] and row['published'].utcoffset().total_seconds() == 0 for row in rows.to_pylist())
print(json.dumps({'log': log, 'ids': rows['id'].to_pylist(), 'types': types, 'values': values}))
";

/// Promises 1 and 2 of a table in Parquet files, as pyarrow sees it.
#[tokio::test]
async fn promise_2_kills_with_parquet_files_lose_no_row_and_write_none_twice() {
    let folder = tempfile::tempdir().unwrap();
    let types = ["int64", "string", "timestamp[us, tz=UTC]", "decimal128(20, 4)", "list<element: string>"];
    if python::run("print(1)", folder.path()).is_none() {
        return;
    }
    let (_, twice) = storm("parquet", folder.path().to_str().unwrap(), 120, async |sync| {
        let read = python::run(ROWS, &folder.path().join(format!("rows_{sync}"))).unwrap();
        let ids = |name: &str| serde_json::from_value::<Vec<u64>>(read[name].clone()).unwrap();
        assert_eq!((read["types"].clone(), read["values"].clone()), (types.as_slice().into(), true.into()));
        let (mut log, mut newest) = (ids("log"), ids("ids"));
        log.sort_unstable();
        newest.sort_unstable();
        assert_eq!(log, newest, "a row is in the files twice");
        let mut rows = BTreeMap::new();
        log.into_iter().for_each(|id| *rows.entry(id).or_default() += 1);
        rows
    })
    .await;
    assert_eq!(twice, 0);
}
