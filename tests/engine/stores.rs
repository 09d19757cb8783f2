//! The checkpoint stores: one test suite for all of them, and tests with damaged files and databases. Promise 10.

use std::path::Path;
use std::sync::Arc;

use jobfeed::checkpoint::{AnyStore, CheckpointError, FileStore, MemoryStore, SqliteStore};
use jobfeed::testing::conformance::{self, Violation};
use jobfeed::{BoxError, Checkpoint, Error, Mark, SyncState};
use rusqlite::Connection;

use crate::support::{Script, finish};

/// The states of a sync, with growing revisions.
async fn states() -> Vec<SyncState> {
    let api = Script::jobs((1..=40).collect()).client().build().unwrap();
    let mut run = api.jobs().page_size(10).sync_by_id("k", MemoryStore::new()).await.unwrap();
    let mut states = Vec::new();
    while let Some(batch) = run.next().await.unwrap() {
        states.push(batch.next_state().clone());
        batch.commit().await.unwrap();
    }
    assert!(states.len() > 3);
    states
}

#[tokio::test]
async fn every_store_passes_the_suite() -> Result<(), Violation> {
    let folder = tempfile::tempdir().unwrap();
    let memory = MemoryStore::new();
    conformance::store(async || Ok::<_, BoxError>(memory.clone())).await?;
    conformance::store(async || FileStore::new(folder.path().join("states"))).await?;
    conformance::store(async || SqliteStore::open(folder.path().join("states.sqlite3"))).await?;
    let shared = Arc::new(FileStore::new(folder.path().join("shared")).unwrap());
    conformance::store(async || Ok::<_, BoxError>(Box::new(shared.clone()))).await
}

/// A store with a mistake.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Mistake {
    None,
    AnyRevision,
    OlderRevision,
    OwnError,
    KeysWithoutCase,
    ShortKeys,
    SmallNumbers,
    ShortStates,
    LateCheck,
    NoWatermark,
    OwnMemory,
    HalfSaves,
    LockLeft,
}

type Texts = Arc<std::sync::Mutex<std::collections::HashMap<String, String>>>;

/// The texts, and a lock that some mistakes need.
#[derive(Clone)]
struct Mistaken(Mistake, Texts, Arc<tokio::sync::Mutex<()>>);

impl Checkpoint for Mistaken {
    type Error = BoxError;

    async fn load(&self, key: &str) -> Result<Option<SyncState>, BoxError> {
        let text = self.1.lock().unwrap().get(&self.key(key)).cloned();
        Ok(text.map(|text| SyncState::from_json(&text)).transpose()?)
    }

    async fn save(&self, key: &str, state: &SyncState) -> Result<(), BoxError> {
        let locked = matches!(self.0, Mistake::HalfSaves | Mistake::LockLeft);
        let mut guard = if locked { Some(self.2.clone().lock_owned().await) } else { None };
        let left = guard.take_if(|_| self.0 == Mistake::LockLeft).map(std::mem::ManuallyDrop::new);
        let stored = self.load(key).await?;
        if matches!(self.0, Mistake::LateCheck | Mistake::LockLeft) {
            tokio::task::yield_now().await;
        }
        left.map(std::mem::ManuallyDrop::into_inner);
        let checked = CheckpointError::check_revision(stored.as_ref(), state);
        match self.0 {
            Mistake::AnyRevision => {}
            Mistake::OlderRevision if stored.as_ref().is_none_or(|stored| stored.revision() < state.revision()) => {}
            Mistake::OwnError => checked.map_err(|_| "the revision is another one")?,
            _ => checked?,
        }
        let mut json: serde_json::Value = serde_json::from_str(&state.to_json())?;
        match self.0 {
            Mistake::SmallNumbers => {
                json["run"]["rows"] = (json["run"]["rows"].as_f64().unwrap_or(0.0) as u64 / 3).into()
            }
            Mistake::NoWatermark => drop(json.as_object_mut().unwrap().remove("watermark")),
            _ => {}
        }
        let mut text = json.to_string();
        if self.0 == Mistake::ShortStates && text.len() > 65_535 {
            text = stored.map(|stored| stored.to_json()).unwrap_or_default();
        }
        if self.0 == Mistake::HalfSaves {
            self.1.lock().unwrap().insert(self.key(key), text[..text.len() / 2].to_owned());
            tokio::task::yield_now().await;
        }
        self.1.lock().unwrap().insert(self.key(key), text);
        Ok(())
    }
}

impl Mistaken {
    fn key(&self, key: &str) -> String {
        match self.0 {
            Mistake::KeysWithoutCase => key.to_lowercase(),
            Mistake::ShortKeys => key.chars().take(130).collect(),
            _ => key.to_owned(),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_suite_of_stores_finds_mistakes() {
    use Mistake::*;
    let found = async |mistake| {
        let store = Mistaken(mistake, Arc::default(), Arc::default());
        let open = async || {
            let new = Mistaken(mistake, Arc::default(), Arc::default());
            Ok::<_, BoxError>(if mistake == OwnMemory { new } else { store.clone() })
        };
        conformance::store(open).await.err().map(|violation| violation.to_string()).unwrap_or_default()
    };
    assert_eq!(found(None).await, "");
    let mistakes = [
        (AnyRevision, "a first save with revision 2"),
        (OlderRevision, "a first save with revision 2"),
        (OwnError, "a first save with revision 2"),
        (KeysWithoutCase, "key \"A\", which was not saved"),
        (ShortKeys, "which was not saved"),
        (SmallNumbers, "revision 1"),
        (ShortStates, "large state"),
        (LateCheck, "at the same time"),
        (NoWatermark, "revision 1"),
        (OwnMemory, "by another process"),
        (HalfSaves, "a save that was dropped after 1 polls"),
        (LockLeft, "a save that was dropped after 1 polls"),
    ];
    for (mistake, expected) in mistakes {
        let found = found(mistake).await;
        assert!(found.contains(expected), "{mistake:?}: {found}");
    }
}

#[tokio::test]
async fn a_store_can_be_chosen_at_run_time() {
    for name in ["memory", "file"] {
        let folder = tempfile::tempdir().unwrap();
        let store = match name {
            "memory" => AnyStore::new(MemoryStore::new()),
            _ => AnyStore::new(FileStore::new(folder.path()).unwrap()),
        };
        conformance::store(async || Ok::<_, BoxError>(store.clone())).await.unwrap();
        let api = Script::jobs((1..=40).collect()).client().build().unwrap();
        let mut run = api.jobs().page_size(10).sync_by_id("sync", store.clone()).await.unwrap();
        assert_eq!(finish(&mut run).await.unwrap().len(), 40);
        assert_eq!(store.load("sync").await.unwrap().unwrap().watermark(), Some(Mark::Id(40)));
    }
}

async fn start(store: impl Checkpoint) -> jobfeed::Result<()> {
    let api = Script::jobs((1..=40).collect()).client().build().unwrap();
    api.jobs().page_size(10).sync_by_id("k", store).await.map(drop)
}

fn checkpoint_error(result: jobfeed::Result<()>) -> CheckpointError {
    match result.unwrap_err() {
        Error::Checkpoint { key, source } if key == "k" => source,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn promise_10_a_state_that_does_not_parse_is_an_error_and_is_not_changed() {
    let good = states().await[0].to_json();
    let damaged = ["", "{", "null", "[]", "hello", &good[..good.len() - 1], &good.replace("\"revision\"", "\"rev\"")];
    let newer = good.replace("\"version\":1", "\"version\":99");
    for text in damaged.into_iter().chain([newer.as_str()]) {
        let folder = tempfile::tempdir().unwrap();
        let file = FileStore::new(folder.path()).unwrap();
        std::fs::write(file.path("k"), text).unwrap();
        let db_path = folder.path().join("db");
        SqliteStore::open(&db_path).unwrap();
        let db = Connection::open(&db_path).unwrap();
        db.execute("INSERT INTO jobfeed_checkpoint VALUES ('k', 1, ?1)", [text]).unwrap();
        for error in
            [checkpoint_error(start(&file).await), checkpoint_error(start(SqliteStore::open(&db_path).unwrap()).await)]
        {
            match error {
                CheckpointError::Newer { version: 99, supported: 1 } if text == newer => {}
                CheckpointError::Corrupt { .. } if text != newer => {}
                other => panic!("{text}: {other:?}"),
            }
        }
        assert_eq!(std::fs::read_to_string(file.path("k")).unwrap(), text);
        let kept: String = db.query_row("SELECT state FROM jobfeed_checkpoint", [], |row| row.get(0)).unwrap();
        assert_eq!(kept, text);
    }
    // A position that its strategy cannot read is refused too.
    let store = MemoryStore::new();
    let altered = good.replace("\"position\":{", "\"position\":{\"else\":1,");
    assert_ne!(altered, good);
    store.save("k", &SyncState::from_json(&altered).unwrap()).await.unwrap();
    assert!(matches!(checkpoint_error(start(&store).await), CheckpointError::Corrupt { .. }));
}

#[tokio::test]
async fn promise_10_a_state_of_another_query_is_an_error() {
    let script = Script::jobs((1..=40).collect());
    let api = script.client().build().unwrap();
    let store = MemoryStore::new();
    let jobs = || api.jobs().page_size(10).country_codes(["US", "CA"]).title(["rust"]);
    finish(&mut jobs().sync_by_id("k", &store).await.unwrap()).await.unwrap();
    let kept = store.load("k").await.unwrap().unwrap();
    let sent = script.requests();
    let others = [
        api.jobs().page_size(10),
        jobs().exclude_country_codes(["DE"]),
        jobs().title(["go lang"]),
        jobs().has_remote(),
        jobs().page_size(20),
        jobs().param("unnamed", 1),
    ];
    for other in others {
        let error = other.clone().sync_by_id("k", &store).await.map(drop);
        assert!(matches!(checkpoint_error(error), CheckpointError::OtherQuery), "{other:?}");
    }
    let error = checkpoint_error(jobs().sync_latest("k", &store).await.map(drop));
    assert!(
        matches!(&error, CheckpointError::OtherStrategy { stored, wanted } if stored == "by-id" && wanted == "latest")
    );
    assert_eq!(script.requests(), sent, "nothing was sent");
    assert_eq!(store.load("k").await.unwrap(), Some(kept));
    // The order of the filters does not matter.
    let same = api.jobs().title(["rust"]).country_codes(["US", "CA"]).page_size(10);
    drop(same.sync_by_id("k", &store).await.unwrap());
}

#[tokio::test]
async fn promise_10_a_cursor_of_another_query_or_server_is_an_error() {
    let script = Script::jobs((1..=40).collect());
    let api = script.client().build().unwrap();
    let cursor = api.jobs().page_size(10).send().await.unwrap().next_cursor().unwrap().clone();
    let elsewhere = script.client().base_url("http://other.test/api/").build().unwrap();
    let others = [api.jobs().page_size(20), api.jobs().page_size(10).has_remote(), elsewhere.jobs().page_size(10)];
    for other in others {
        let error = other.resume_from(cursor.clone()).send().await.unwrap_err();
        assert!(matches!(error, Error::Cursor { .. }), "{error}");
    }
    assert_eq!(script.requests(), 1, "refused before anything is sent");
    let page = api.jobs().page_size(10).resume_from(cursor).send().await.unwrap();
    assert_eq!(page.items.iter().map(|job| job.id).collect::<Vec<_>>(), (11..=20).collect::<Vec<_>>());
}

/// A store whose saves fail while the flag is set.
#[derive(Clone, Default)]
struct Failing(MemoryStore, Arc<std::sync::atomic::AtomicBool>);

impl Checkpoint for Failing {
    type Error = std::io::Error;

    async fn load(&self, key: &str) -> Result<Option<SyncState>, std::io::Error> {
        self.0.load(key).await.map_err(std::io::Error::other)
    }

    async fn save(&self, key: &str, state: &SyncState) -> Result<(), std::io::Error> {
        if self.1.load(std::sync::atomic::Ordering::Relaxed) {
            return Err(std::io::Error::other("disk full"));
        }
        self.0.save(key, state).await.map_err(std::io::Error::other)
    }
}

#[tokio::test]
async fn a_store_that_fails_ends_the_run_and_the_page_is_delivered_again() {
    let api = Script::jobs((1..=40).collect()).client().build().unwrap();
    let store = Failing::default();
    let jobs = || api.jobs().page_size(10);
    let mut run = jobs().sync_by_id("k", store.clone()).await.unwrap();
    let batch = run.next().await.unwrap().unwrap();
    let first: Vec<u64> = batch.items().iter().map(|job| job.id).collect();
    store.1.store(true, std::sync::atomic::Ordering::Relaxed);
    let error = batch.commit().await.unwrap_err();
    let source = std::error::Error::source(&error).and_then(std::error::Error::source).map(ToString::to_string);
    assert_eq!(source.as_deref(), Some("disk full"), "the store's own error is in the chain: {error}");
    assert!(matches!(run.next().await, Err(Error::Uncommitted { .. })));
    assert_eq!(store.0.load("k").await.unwrap(), None);
    store.1.store(false, std::sync::atomic::Ordering::Relaxed);
    let mut run = jobs().sync_by_id("k", store.clone()).await.unwrap();
    assert_eq!(run.next().await.unwrap().unwrap().items().iter().map(|job| job.id).collect::<Vec<_>>(), first);
}

#[tokio::test]
async fn a_file_store_on_a_broken_folder_is_a_typed_error() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::new(folder.path()).unwrap();
    std::fs::create_dir(store.path("k")).unwrap();
    assert!(
        matches!(checkpoint_error(start(&store).await), CheckpointError::File { path, .. } if path == store.path("k"))
    );
    let file = folder.path().join("a-file");
    std::fs::write(&file, "").unwrap();
    assert!(matches!(FileStore::new(file.join("below")), Err(CheckpointError::File { .. })));
}

#[tokio::test]
async fn a_crash_while_a_file_is_written_leaves_the_old_state() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::new(folder.path()).unwrap();
    let states = states().await;
    store.save("k", &states[0]).await.unwrap();
    // The file of a process that was killed before the rename.
    std::fs::write(store.path("k").with_extension("tmp"), &states[1].to_json()[..20]).unwrap();
    assert_eq!(store.load("k").await.unwrap().as_ref(), Some(&states[0]));
    store.save("k", &states[1]).await.unwrap();
    assert_eq!(store.load("k").await.unwrap().as_ref(), Some(&states[1]));
}

#[tokio::test]
async fn rows_and_state_commit_together_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jobs.sqlite3");
    let api = Script::jobs((1..=40).collect()).client().build().unwrap();
    let jobs = || api.jobs().page_size(10);
    let mut db = Connection::open(&path).unwrap();
    db.execute("CREATE TABLE jobs (id INTEGER PRIMARY KEY)", []).unwrap();
    let count = |path: &Path| -> i64 {
        Connection::open(path).unwrap().query_row("SELECT count(*) FROM jobs", [], |row| row.get(0)).unwrap()
    };
    let mut run = jobs().sync_by_id("k", SqliteStore::open(&path).unwrap()).await.unwrap();
    let mut rows = 0;
    let mut rolled_back = false;
    while let Some(batch) = run.next().await.unwrap() {
        let tx = db.transaction().unwrap();
        for job in batch.items() {
            tx.execute("INSERT INTO jobs VALUES (?1)", [job.id as i64]).unwrap();
        }
        SqliteStore::save_in(&tx, batch.key(), batch.next_state(), batch.fence()).unwrap();
        if rows > 15 && !rolled_back {
            rolled_back = true;
            drop(tx);
            drop(batch);
            let stored = SqliteStore::open(&path).unwrap().load("k").await.unwrap().unwrap();
            assert_eq!(stored.run().unwrap().rows, rows as u64);
            assert_eq!(count(&path), rows);
            run = jobs().sync_by_id("k", SqliteStore::open(&path).unwrap()).await.unwrap();
            continue;
        }
        tx.commit().unwrap();
        rows += batch.items().len() as i64;
        batch.committed();
        assert_eq!(count(&path), rows, "a plain INSERT: no record was delivered twice");
    }
    assert!(rolled_back);
    assert_eq!(rows, 40);
}

#[tokio::test]
async fn promise_10_a_state_at_the_greatest_revision_is_an_error_at_the_commit() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::new(folder.path()).unwrap();
    let states = states().await;
    let text = states[0].to_json().replace("\"revision\":1,", &format!("\"revision\":{},", u64::MAX));
    std::fs::write(store.path("k"), &text).unwrap();
    let api = Script::jobs((1..=40).collect()).client().build().unwrap();
    let mut run = api.jobs().page_size(10).sync_by_id("k", &store).await.unwrap();
    let batch = run.next().await.unwrap().unwrap();
    assert!(matches!(batch.commit().await, Err(Error::Checkpoint { source: CheckpointError::Conflict { .. }, .. })));
    assert_eq!(std::fs::read_to_string(store.path("k")).unwrap(), text);
}

#[tokio::test]
async fn a_lock_that_another_process_holds_is_waited_for_and_then_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::new(folder.path()).unwrap().lock_timeout(std::time::Duration::from_millis(100));
    let held = std::fs::File::create(store.path("k").with_extension("lock")).unwrap();
    held.lock().unwrap();
    let state = states().await.remove(0);
    let error = store.save("k", &state).await.unwrap_err();
    assert!(format!("{:?}", BoxError::from(error)).contains("held the lock"));
    assert_eq!(store.load("k").await.unwrap(), None);
    held.unlock().unwrap();
    store.save("k", &state).await.unwrap();
}

#[cfg(unix)]
#[tokio::test]
async fn a_state_file_that_is_a_link_stays_a_link() {
    let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = FileStore::new(folder.path()).unwrap();
    let states = states().await;
    let target = elsewhere.path().join("state.json");
    std::fs::write(&target, states[0].to_json()).unwrap();
    std::os::unix::fs::symlink(&target, store.path("k")).unwrap();
    store.save("k", &states[1]).await.unwrap();
    assert!(store.path("k").is_symlink());
    assert_eq!(std::fs::read_to_string(&target).unwrap(), states[1].to_json());
    assert_eq!(store.load("k").await.unwrap().as_ref(), Some(&states[1]));
}

/// A batch may have no rows, so that the state is the first that a transaction writes.
#[tokio::test]
async fn a_save_in_a_transaction_waits_for_another_writer_of_the_database() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jobs.sqlite3");
    let store = SqliteStore::open(&path).unwrap();
    let state = states().await.remove(0);
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE; CREATE TABLE other (id INTEGER); INSERT INTO other VALUES (1)").unwrap();
    let writer = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(200));
        other.execute_batch("COMMIT").unwrap();
    });
    let mut db = Connection::open(&path).unwrap();
    let tx = db.transaction().unwrap();
    SqliteStore::save_in(&tx, "k", &state, None).unwrap();
    tx.commit().unwrap();
    writer.join().unwrap();
    assert_eq!(store.load("k").await.unwrap(), Some(state));
}
