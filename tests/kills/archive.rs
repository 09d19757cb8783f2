//! Processes that are killed while they write to an archive: a replay has each committed row once, in the order of the commits.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;

use futures::TryStreamExt;
use jobfeed::Page;
use jobfeed::archive::{Archive, Retention};
use jobfeed::checkpoint::SqliteStore;
use jobfeed::testing::JobDataApi;
use serde_json::Value;

use crate::{KILLS, number, worker};

const JOBS: usize = 600;

/// About as many polls as a sync takes.
const POLLS: u64 = 120;

fn committed(path: &Path, sync: u64) -> Vec<i64> {
    let db = rusqlite::Connection::open(path).unwrap();
    let mut rows = db.prepare("SELECT id FROM rows WHERE sync = ?1 ORDER BY rowid").unwrap();
    rows.query_map([sync as i64], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

async fn replayed(archive: &Archive, key: &str) -> Vec<i64> {
    let pages: Vec<Page<Value>> = archive.replay().key(key).pages().try_collect().await.unwrap();
    pages.iter().flat_map(|page| page.items.iter().map(|item| item["id"].as_i64().unwrap())).collect()
}

#[tokio::test]
async fn promise_1_the_archive_of_killed_processes_has_each_committed_row_once() {
    let folder = tempfile::tempdir().unwrap();
    let (path, raw) = (folder.path().join("rows.sqlite3"), folder.path().join("raw"));
    worker::sqlite(&path);
    let provider = JobDataApi::builder().jobs(JOBS).start().await.unwrap();
    let archive = Archive::open_folder(&raw).await.unwrap();
    let store = SqliteStore::open(&path).unwrap();
    let mut random = fastrand::Rng::with_seed(number("KILLS_SEED", 1));
    let (mut kills, mut syncs, mut last_kills, mut unlisted) = (0, 0, 0, 0);
    let all = number("KILLS", KILLS);
    while kills < all || last_kills < kills {
        let mut process = Command::new(std::env::current_exe().unwrap());
        process.args(["--exact", "worker::worker", "--nocapture"]);
        process.env("WORKER_STORE", "sqlite").env("WORKER_PLACE", &path).env("WORKER_SYNC", syncs.to_string());
        process.env("WORKER_KEY", provider.api_key()).env("WORKER_URL", provider.base_url().as_str());
        process.env("WORKER_ARCHIVE", &raw);
        if kills < all {
            process.env("WORKER_POLLS", random.u64(1..POLLS).to_string());
            process.env("WORKER_MICROSECONDS", if random.bool() { 0 } else { random.u64(0..5_000) }.to_string());
        }
        let ended = tokio::task::spawn_blocking(move || process.output().unwrap()).await.unwrap();
        let key = format!("jobs/{syncs}");
        let killed = ended.status.signal() == Some(9);
        if killed {
            kills += 1;
            // Otherwise the next process finds what this one has left.
            if random.bool() {
                continue;
            }
            archive.settle(&key, &store).await.unwrap();
        }
        let text = format!("{}{}", String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
        assert!(killed || ended.status.success(), "after {kills} kills: {text}");
        assert_eq!(replayed(&archive, &key).await, committed(&path, syncs), "sync {syncs}, {kills} kills");
        if !killed {
            assert_eq!(committed(&path, syncs).len(), provider.with(|data| data.ids()).len());
            // Nothing is pending, and what no entry lists is gone.
            unlisted += archive.retain(Retention::default()).await.unwrap().unlisted;
            let entries = archive.replay::<Value>().entries().try_collect::<Vec<_>>().await.unwrap();
            let bodies = entries.iter().filter(|entry| raw.join(entry.body.as_ref().unwrap()).exists()).count();
            assert_eq!(bodies, entries.len());
            (syncs, last_kills) = (syncs + 1, kills);
        }
    }
    eprintln!("archive: {kills} kills, {syncs} syncs of {JOBS} rows, {unlisted} bodies that nothing listed");
    assert_eq!(unlisted, 0, "a body is never without an entry");
}
