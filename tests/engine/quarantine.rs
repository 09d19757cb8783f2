//! Records that did not fit: they wait, and come back.

use std::fs;
use std::io::Write;

use futures::TryStreamExt;
use jobfeed::checkpoint::{CheckpointError, MemoryStore, SqliteStore};
#[cfg(feature = "drift")]
use jobfeed::drift::{DriftCheck, FailOn};
use jobfeed::quarantine::{Entry, JsonLines, Quarantine, QuarantineStore};
use jobfeed::{Checkpoint, Error};
#[cfg(feature = "drift")]
use serde_json::Value;

use crate::support::Script;
#[path = "../support/quarantine.rs"]
mod suite;
use suite::{records_wait_and_come_back, row, run};

#[tokio::test]
async fn promise_6_records_wait_in_a_file_and_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rejected.jsonl");
    records_wait_and_come_back(async || JsonLines::new(&path)).await;
}

#[tokio::test]
async fn promise_6_records_wait_in_sqlite_and_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jobs.sqlite3");
    records_wait_and_come_back(async || SqliteStore::open(&path).unwrap()).await;
}

#[tokio::test]
async fn a_line_that_was_cut_by_a_crash_is_written_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rejected.jsonl");
    let (quarantine, store) = (Quarantine::open(JsonLines::new(&path)).await.unwrap(), MemoryStore::new());
    run(&quarantine, &store, "jobs", 20, false).await;
    let whole = fs::read(&path).unwrap();
    for cut in (1..whole.len()).step_by(5) {
        fs::write(&path, &whole[..cut]).unwrap();
        run(&quarantine, &MemoryStore::new(), "jobs", 20, false).await;
        assert_eq!(quarantine.waiting("jobs").await.unwrap(), 2, "cut at {cut}");
    }
    // A whole line that is no entry is an error, and stays.
    fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{}\n").unwrap();
    let error = quarantine.waiting("jobs").await.unwrap_err();
    assert!(format!("{error:?}").contains("line 3"), "{error:?}");
}

/// A store that is full.
#[derive(Clone)]
struct Full;

impl QuarantineStore for Full {
    async fn add(&self, _: &[Entry]) -> Result<u64, CheckpointError> {
        Err(CheckpointError::store("the disk is full"))
    }
    async fn list(&self, _: &str, _: &str, _: usize) -> Result<Vec<Entry>, CheckpointError> {
        Ok(Vec::new())
    }
    async fn remove(&self, _: &[String]) -> Result<u64, CheckpointError> {
        Ok(0)
    }
    async fn waiting(&self, _: &str) -> Result<u64, CheckpointError> {
        Ok(0)
    }
}

#[tokio::test]
async fn promise_6_a_page_whose_rejected_records_cannot_be_stored_is_not_handed_out() {
    let api = Script::listing((1..=10).collect(), row).client().build().unwrap();
    let (quarantine, store) = (Quarantine::open(Full).await.unwrap(), MemoryStore::new());
    let sync = api.jobs().page_size(10).sync_by_id("k", &store).items_as::<suite::Old>().await.unwrap();
    let error = sync.inspect_with(quarantine.keep()).next().await.err().unwrap();
    assert!(matches!(&error, Error::Refused { by: "quarantine", .. }), "{error:?}");
    assert_eq!(store.load("k").await.unwrap(), None);
}

#[cfg(feature = "drift")]
#[tokio::test]
async fn the_records_of_a_page_that_drift_refuses_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let quarantine = Quarantine::open(JsonLines::new(folder.path().join("kept.jsonl"))).await.unwrap();
    let store = MemoryStore::new();
    for (last, kept) in [(100, 0), (110, 10)] {
        let row = |id| format!(r#"{{"id":{id},"{}":"x"}}"#, if id > 100 { "headline" } else { "title" });
        let api = Script::listing((1..=last).collect(), row).client().build().unwrap();
        let check = DriftCheck::new(store.clone()).fail_on([FailOn::Missing]);
        let sync = api.jobs().page_size(50).sync_by_id("k", &store).items_as::<Value>().await.unwrap();
        let mut run = sync.inspect_with(quarantine.keep_refused(check));
        let ended = async {
            while let Some(batch) = run.next().await? {
                batch.commit().await?;
            }
            Ok::<_, Error>(())
        };
        match ended.await {
            Ok(()) => assert_eq!(last, 100),
            Err(error) => assert!(matches!(error, Error::Refused { by: "drift", .. }), "{error:?}"),
        }
        assert_eq!(quarantine.waiting("k").await.unwrap(), kept);
        assert!(run.report().inspected["drift"]["records"].as_u64() > Some(0), "its report is the check's");
    }
}

#[tokio::test]
async fn an_entry_whose_end_of_line_an_editor_took_away_waits_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rejected.jsonl");
    let quarantine = Quarantine::open(JsonLines::new(&path)).await.unwrap();
    run(&quarantine, &MemoryStore::new(), "jobs", 20, false).await;
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.trim_end()).unwrap();
    assert_eq!(quarantine.waiting("jobs").await.unwrap(), 2);
    run(&quarantine, &MemoryStore::new(), "other", 20, false).await;
    assert_eq!((quarantine.waiting("jobs").await.unwrap(), quarantine.waiting("other").await.unwrap()), (2, 2));
}

#[cfg(unix)]
#[tokio::test]
async fn a_release_keeps_who_may_read_the_file_and_a_link_to_it() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let (real, path) = (folder.path().join("real.jsonl"), folder.path().join("link.jsonl"));
    std::fs::write(&real, "").unwrap();
    std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::os::unix::fs::symlink(&real, &path).unwrap();
    let quarantine = Quarantine::open(JsonLines::new(&path)).await.unwrap();
    run(&quarantine, &MemoryStore::new(), "jobs", 20, false).await;
    let first = quarantine.retry::<suite::New>("jobs").try_next().await.unwrap().unwrap();
    assert_eq!(quarantine.release([first.entry.id, "unknown".to_owned()]).await.unwrap(), 1);
    let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    let left = std::fs::read_to_string(&real).unwrap().lines().count();
    assert_eq!((mode, left), (0o600, 1));
}
