//! Careless callers, and objects that somebody has copied or touched.

use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt;
use jobfeed::object_store::memory::InMemory;
use jobfeed::object_store::path::Path;
use jobfeed::object_store::{ObjectStore, ObjectStoreExt};
use jobfeed::tables::{ParquetTable, Schema, Sink, SqliteTable};
use jobfeed::{Checkpoint, Error};
use serde_json::{Value, json};

use crate::feed::{Feed, record, schema};
use crate::files;
use crate::sinks::each;

async fn objects(store: &Arc<dyn ObjectStore>, folder: &str) -> Vec<String> {
    let folder = Path::from(format!("postings/{folder}"));
    let mut paths: Vec<String> =
        store.list(Some(&folder)).map_ok(|object| object.location.to_string()).try_collect().await.unwrap();
    paths.sort();
    paths
}

fn memory() -> Arc<dyn ObjectStore> {
    Arc::new(InMemory::new())
}

/// The columns of the tests, of which a text and a day have changed their places.
fn swapped() -> Schema {
    let mut columns = schema().columns().to_vec();
    columns.swap(1, 3);
    Schema::new(columns).unwrap()
}

#[tokio::test]
async fn changes_that_were_made_for_other_columns_are_refused() {
    each("other_columns", async |place| {
        let feed = Feed::start((1..=5).map(|id| record(id, 1))).await;
        let table = place.open(schema()).await.unwrap();
        let other = place.open(swapped()).await.unwrap();
        let mut run = feed.jobs().sync_since("jobs", table.checkpoint()).await.unwrap();
        let batch = run.next().await.unwrap().unwrap();
        let mut changes = other.changes();
        for item in batch.items() {
            changes.upsert(item).unwrap();
        }
        let error = table.commit_changes(batch, changes).await.unwrap_err();
        assert!(error.to_string().contains("columns"), "{error}");
        assert!(place.rows().await.is_empty());
        assert_eq!(table.checkpoint().load("jobs").await.unwrap(), None);
        // The other order is no harm to those who use it.
        feed.sync(&*other, "jobs").await.unwrap();
        feed.sync(&*table, "again").await.unwrap();
        assert_eq!(place.rows().await.len(), 5);
    })
    .await;
}

#[tokio::test]
async fn promise_3_a_table_in_memory_and_its_states_are_in_one_database() {
    let feed = Feed::start((1..=25).map(|id| record(id, 1))).await;
    for path in [":memory:", ""] {
        let table = SqliteTable::open(path, "postings", schema()).await.unwrap();
        assert_eq!(feed.sync(&table, "jobs").await.unwrap().counts.rows, 25);
        feed.put(record(1, 1));
        // The next run goes on where the first one has ended.
        assert!(feed.sync(&table, "jobs").await.unwrap().counts.rows < 25);
        assert!(table.store().load("jobs").await.unwrap().is_some());
    }
}

#[tokio::test]
async fn a_new_database_is_opened_by_many_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new.sqlite3");
    let opens = (0..8).map(|_| tokio::spawn(SqliteTable::open(path.clone(), "postings", schema())));
    for open in futures::future::join_all(opens).await {
        open.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_compaction_without_a_new_commit_writes_nothing() {
    let store = memory();
    let table = ParquetTable::open(store.clone(), "postings", schema()).await.unwrap();
    let feed = Feed::start((1..=35).map(|id| record(id, 1))).await;
    feed.sync(&table, "jobs").await.unwrap();
    // A compaction of which two files are left, as of a table of more than 64 MB.
    let commits = objects(&store, "commits").await;
    let mut manifest = Value::Null;
    let mut files = Vec::new();
    for commit in &commits {
        let text = store.get(&Path::from(commit.as_str())).await.unwrap().bytes().await.unwrap();
        manifest = serde_json::from_slice(&text).unwrap();
        files.extend(manifest["files"].as_array().unwrap().clone());
    }
    manifest["files"] = files.into();
    manifest.as_object_mut().unwrap().remove("state");
    let compaction = commits.last().unwrap().replace("/commits/", "/compactions/");
    store.put(&Path::from(compaction), manifest.to_string().into()).await.unwrap();
    let before = objects(&store, "data").await;
    assert!(table.files().await.unwrap().len() > 1);
    assert_eq!(table.compact("jobs").await.unwrap(), None);
    assert_eq!(objects(&store, "data").await, before);
    feed.put(record(36, 2));
    feed.sync(&table, "jobs").await.unwrap();
    assert_eq!(table.compact("jobs").await.unwrap().unwrap().files_after, 1);
    assert_eq!(files::newest(&store, &table).await.len(), 36);
}

#[tokio::test]
async fn a_manifest_that_was_copied_to_another_place_is_an_error_that_names_it() {
    let store = memory();
    let table = ParquetTable::open(store.clone(), "postings", schema()).await.unwrap();
    let feed = Feed::start((1..=35).map(|id| record(id, 1))).await;
    feed.sync(&table, "jobs").await.unwrap();
    let commits = objects(&store, "commits").await;
    let last = Path::from(commits.last().unwrap().as_str());
    for to in [last.as_ref().replace("/jobs/", "/copy/"), last.as_ref().replace(".json", "9.json").replace("/0", "/")] {
        let to = Path::from(to);
        store.copy(&last, &to).await.unwrap();
        let key = to.parts().nth(2).unwrap().as_ref().to_owned();
        let load = format!("{:?}", table.load(&key).await);
        let listed = format!("{:?}", table.files().await.map(|files| files.len()));
        let sync = format!("{:?}", feed.sync(&table, &key).await);
        for error in [load, listed, sync] {
            assert!(error.contains("a copy of the manifest") && error.contains(to.as_ref()), "{error}");
        }
        store.delete(&to).await.unwrap();
    }
    feed.sync(&table, "jobs").await.unwrap();
}

#[tokio::test]
async fn promise_2_a_commit_that_was_dropped_halfway_is_done_or_not_done() {
    each("dropped", async |place| {
        for polls in [1, 2, 3, 5, 8] {
            let feed = Feed::start((1..=25).map(|id| record(id, 1))).await;
            let table = place.open(schema()).await.unwrap();
            let key = format!("jobs{polls}");
            let mut run = feed.jobs().sync_since(&*key, table.checkpoint()).await.unwrap();
            let batch = run.next().await.unwrap().unwrap();
            let mut commit = Box::pin(table.commit(batch, Value::clone));
            for _ in 0..polls {
                if futures::poll!(&mut commit).is_ready() {
                    break;
                }
                tokio::task::yield_now().await;
            }
            drop(commit);
            assert!(matches!(run.next().await, Err(Error::Uncommitted { .. }) | Ok(_)));
            // The first one may still be written, so that the second one comes too late.
            let mut refused = 0;
            while let Err(error) = feed.sync(&*table, &key).await {
                refused += 1;
                assert!(refused < 3 && matches!(error, Error::Checkpoint { .. }), "{error}");
            }
            assert_eq!(place.rows().await, (1..=25).map(|id| (id, format!("job {id} v1"))).collect());
        }
    })
    .await;
}

#[tokio::test]
async fn numbers_and_instants_at_the_ends_of_their_columns() {
    each("ends", async |place| {
        let table = place.open(schema()).await.unwrap();
        let with = |column: &str, value: Value| {
            let mut row = record(1, 1);
            row[column] = value;
            table.changes().upsert(&row).map_err(|error| error.to_string())
        };
        for (column, value) in [
            ("id", json!(i64::MIN)),
            ("id", json!(i64::MAX)),
            ("updated_at", json!("9999-12-30T22:00:00.999999Z")),
            ("updated_at", json!("0001-01-01T00:00:00Z")),
            ("score", json!(5e-324)),
            ("score", json!(f64::MAX)),
        ] {
            with(column, value).unwrap();
        }
        for (column, value, message) in [
            ("id", json!(1_u64 << 63), "\"postings\": column \"id\": expected a whole number of 64 bits with sign, found a whole number above 9"),
            ("id", json!(1e3), "a number with a fraction or an exponent"),
            ("updated_at", json!("9999-12-31T23:59:59Z"), "record [1]: column \"updated_at\": it is not an instant"),
            ("updated_at", json!("9999-12-31T23:59:59Z"), "to 9999-12-30T22:00:00Z"),
        ] {
            let error = with(column, value).unwrap_err();
            assert!(error.contains(message), "{error}");
        }
    })
    .await;
}

#[tokio::test]
async fn odd_checkpoint_keys_are_kept_apart() {
    let folder = tempfile::tempdir().unwrap();
    let local = jobfeed::object_store::local::LocalFileSystem::new_with_prefix(folder.path()).unwrap();
    let store: Arc<dyn ObjectStore> = Arc::new(local);
    let table = ParquetTable::open(store.clone(), "postings", schema()).await.unwrap();
    let feed = Feed::start((1..=25).map(|id| record(id, 1))).await;
    let keys = ["\n", " ", ".", "..", "A", "_41", "a", "a/../b", "Ä ö/?#%"];
    for key in keys {
        assert_eq!(feed.sync(&table, key).await.unwrap().counts.rows, 25);
    }
    assert_eq!(table.keys().await.unwrap(), keys);
    for key in keys {
        table.compact(key).await.unwrap().unwrap();
    }
    table.clean(Duration::ZERO).await.unwrap();
    assert_eq!(files::log(&store, &table).await.len(), 25 * keys.len());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is beside the table");
}

#[tokio::test]
async fn promise_3_a_deletion_leaves_no_gap_in_the_commits_of_a_copied_table() {
    let folder = tempfile::tempdir().unwrap();
    let local = jobfeed::object_store::local::LocalFileSystem::new_with_prefix(folder.path()).unwrap();
    let store: Arc<dyn ObjectStore> = Arc::new(local);
    let table = ParquetTable::open(store.clone(), "postings", schema()).await.unwrap();
    let feed = Feed::start((1..=45).map(|id| record(id, 1))).await;
    feed.sync(&table, "jobs").await.unwrap();
    table.compact("jobs").await.unwrap().unwrap();
    let commits = objects(&store, "commits").await;
    // A tool that copies many objects at a time may write the second one last.
    for path in objects(&store, "").await.iter().filter(|path| **path != commits[1]) {
        let file = std::fs::File::options().write(true).open(folder.path().join(path)).unwrap();
        file.set_modified(file.metadata().unwrap().modified().unwrap() - Duration::from_secs(7200)).unwrap();
    }
    table.clean(Duration::from_secs(3600)).await.unwrap();
    assert_eq!(objects(&store, "commits").await, commits[1..]);
    table.clean(Duration::ZERO).await.unwrap();
    assert_eq!(objects(&store, "commits").await, commits[commits.len() - 1..]);
    assert_eq!(files::newest(&store, &table).await.len(), 45);
}
