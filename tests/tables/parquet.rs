//! What is special about tables in Parquet files: writers that meet, lost answers, compaction, deletion.

use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt;
use jobfeed::checkpoint::CheckpointError;
use jobfeed::jiff::Timestamp;
use jobfeed::object_store::local::LocalFileSystem;
use jobfeed::object_store::memory::InMemory;
use jobfeed::object_store::path::Path;
use jobfeed::object_store::{ObjectStore, ObjectStoreExt};
use jobfeed::tables::{Column, ColumnType, ParquetTable, Schema, Sink, TableError};
use jobfeed::testing::conformance::{self, Violation};
use jobfeed::{Checkpoint, Clock, Error};
use parquet::record::RowAccessor;
use serde_json::Value;

use crate::feed::{Feed, record, removal, schema};
use crate::files::{self, Fault, Faulty};

async fn open(store: &Arc<dyn ObjectStore>) -> ParquetTable {
    ParquetTable::open(store.clone(), "postings", schema()).await.unwrap()
}

fn memory() -> Arc<dyn ObjectStore> {
    Arc::new(InMemory::new())
}

/// The paths of all objects in a folder of the table.
async fn objects(store: &Arc<dyn ObjectStore>, folder: &str) -> Vec<String> {
    let folder = Path::from(format!("postings/{folder}"));
    let paths = store.list(Some(&folder)).map_ok(|object| object.location.to_string());
    let mut paths: Vec<String> = paths.try_collect().await.unwrap();
    paths.sort();
    paths
}

#[tokio::test]
async fn promise_10_the_states_pass_the_suite_of_all_stores() -> Result<(), Violation> {
    let folder = tempfile::tempdir().unwrap();
    let store: Arc<dyn ObjectStore> = Arc::new(LocalFileSystem::new_with_prefix(folder.path()).unwrap());
    conformance::store(async || ParquetTable::open(store.clone(), "postings", schema()).await).await?;
    let store = memory();
    conformance::store(async || ParquetTable::open(store.clone(), "postings", schema()).await).await
}

#[tokio::test]
async fn promise_2_a_lost_answer_neither_loses_a_row_nor_writes_it_twice() {
    for part in ["/commits/", "/data/"] {
        for fault in [Fault::NotWritten, Fault::AnswerLost, Fault::WrittenTwice] {
            for nth in 0..4 {
                let what = format!("{fault:?} of the write {nth} to {part}");
                let faulty = Arc::new(Faulty::default());
                let store: Arc<dyn ObjectStore> = faulty.clone();
                let table = open(&store).await;
                let feed = Feed::start((1..=35).map(|id| record(id, 1))).await;
                faulty.fail(fault, part, nth);
                let ran = feed.sync(&table, "jobs").await;
                assert!(faulty.has_failed(), "{what}");
                // A manifest that was written is found. A data file without a known answer is written again by the next run.
                let found = part == "/commits/" && fault != Fault::NotWritten;
                assert_eq!(ran.is_ok(), found, "{what}: {ran:?}");
                feed.sync(&table, "jobs").await.unwrap();
                let mut ids: Vec<i64> =
                    files::log(&store, &table).await.iter().map(|row| row.get_long(0).unwrap()).collect();
                ids.sort_unstable();
                ids.dedup();
                // The second run begins at the watermark, whose record comes again as a newer version.
                assert_eq!(files::newest(&store, &table).await.len(), 35, "{what}");
                assert_eq!(ids, (1..=35).collect::<Vec<_>>(), "{what}");
                let rows: u64 = table.files().await.unwrap().iter().map(|file| file.rows).sum();
                assert!(rows <= 36, "{what}: {rows} rows");
                let unused = objects(&store, "data").await.len() - table.files().await.unwrap().len();
                assert_eq!(unused > 0, ran.is_err() && (part == "/commits/" || fault != Fault::NotWritten), "{what}");
                assert_eq!(table.clean(Duration::ZERO).await.unwrap(), unused as u64, "{what}");
                assert_eq!(files::newest(&store, &table).await.len(), 35, "{what}");
            }
        }
    }
}

#[tokio::test]
async fn promise_3_a_compaction_at_any_moment_of_a_sync_is_in_nobodys_way() {
    let store = memory();
    let (table, other) = (open(&store).await, open(&store).await);
    let feed = Feed::start((1..=95).map(|id| record(id, 1))).await;
    for version in 1..=3 {
        let mut run = feed.jobs().sync_since("jobs", table.checkpoint()).await.unwrap();
        while let Some(batch) = run.next().await.unwrap() {
            let (committed, one, two) =
                futures::join!(table.commit(batch, Value::clone), other.compact("jobs"), table.compact("jobs"));
            committed.unwrap();
            one.unwrap();
            two.unwrap();
        }
        let removed = |id: &u64| version > 1 && id % 5 == 0;
        let expected: Vec<i64> = (1..=95).filter(|id| !removed(id)).map(|id| id as i64).collect();
        let newest = files::newest(&store, &table).await;
        assert_eq!(newest.keys().copied().collect::<Vec<_>>(), expected);
        assert!(newest.iter().all(|(id, title)| *title == format!("job {id} v{version}")), "{newest:?}");
        (1..=95).for_each(|id| feed.put(record(id, version + 1)));
        (1..=95).filter(|id| id % 5 == 0).for_each(|id| feed.put(removal(id, version + 1)));
    }
    table.compact("jobs").await.unwrap();
    let rows = files::log(&store, &table).await;
    assert_eq!((rows.len(), table.files().await.unwrap().len()), (95, 1));
    assert_eq!(table.compact("jobs").await.unwrap(), None);
    assert_eq!(table.compact("no such key").await.unwrap(), None);
    // What was replaced can go, and the sync goes on.
    assert!(table.clean(Duration::ZERO).await.unwrap() > 50);
    assert_eq!((objects(&store, "data").await.len(), objects(&store, "compactions").await.len()), (1, 1));
    assert_eq!(objects(&store, "commits").await.len(), 1);
    assert_eq!(files::log(&store, &table).await.len(), 95);
    feed.sync(&open(&store).await, "jobs").await.unwrap();
    assert_eq!(files::newest(&store, &table).await.len(), 76);
}

/// Makes all files below a folder two hours older.
fn age(folder: &std::path::Path) {
    for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            age(&entry);
        } else {
            let file = std::fs::File::options().write(true).open(&entry).unwrap();
            let changed = file.metadata().unwrap().modified().unwrap();
            file.set_modified(changed - Duration::from_secs(7200)).unwrap();
        }
    }
}

#[tokio::test]
async fn clean_spares_what_a_writer_or_a_reader_may_still_need() {
    let folder = tempfile::tempdir().unwrap();
    let store: Arc<dyn ObjectStore> = Arc::new(LocalFileSystem::new_with_prefix(folder.path()).unwrap());
    let hour = Duration::from_secs(3600);
    let table = open(&store).await;
    let feed = Feed::start((1..=35).map(|id| record(id, 1))).await;
    feed.sync(&table, "jobs").await.unwrap();
    let unlisted = |name: &str| Path::from(format!("postings/data/jobs/{name}.parquet"));
    store.put(&unlisted("old"), "half".into()).await.unwrap();
    age(folder.path());
    store.put(&unlisted("new"), "half".into()).await.unwrap();
    let files = table.files().await.unwrap().len();
    table.compact("jobs").await.unwrap().unwrap();
    // A reader may have begun just before the compaction, and a writer may still write its manifest.
    assert_eq!(table.clean(hour).await.unwrap(), 1);
    assert_eq!(objects(&store, "data").await.len(), files + 2);
    age(folder.path());
    let commits = objects(&store, "commits").await.len();
    assert_eq!(table.clean(hour).await.unwrap(), (files + 1 + commits - 1) as u64);
    assert_eq!((objects(&store, "data").await.len(), objects(&store, "commits").await.len()), (1, 1));
    assert_eq!(files::newest(&store, &table).await.len(), 35);
}

#[tokio::test]
async fn a_writer_that_slept_through_a_compaction_and_a_deletion_gets_a_conflict() {
    let store = memory();
    let (slow, table) = (open(&store).await, open(&store).await);
    let feed = Feed::start((1..=35).map(|id| record(id, 1))).await;
    let mut run = feed.jobs().sync_since("jobs", slow.checkpoint()).await.unwrap();
    slow.commit(run.next().await.unwrap().unwrap(), Value::clone).await.unwrap();
    let batch = run.next().await.unwrap().unwrap();
    feed.sync(&table, "jobs").await.unwrap();
    table.compact("jobs").await.unwrap().unwrap();
    table.clean(Duration::ZERO).await.unwrap();
    let last = table.load("jobs").await.unwrap().unwrap();
    let refused = slow.commit(batch, Value::clone).await.unwrap_err();
    let Error::Checkpoint { source: CheckpointError::Conflict { expected: 1, found }, .. } = refused else {
        panic!("{refused}");
    };
    assert_eq!(found, last.revision());
    assert_eq!(table.load("jobs").await.unwrap(), Some(last));
}

#[tokio::test]
async fn a_later_commit_has_a_later_instant_although_the_clock_goes_back() {
    let store = memory();
    let mut at: Timestamp = "2026-05-01T00:00:00.123456789Z".parse().unwrap();
    let feed = Feed::start([record(1, 1)]).await;
    for version in 1..=3 {
        feed.put(record(1, version));
        feed.sync(&open(&store).await.clock(Clock::fixed(at)), "jobs").await.unwrap();
        at -= Duration::from_secs(60);
    }
    let table = open(&store).await;
    let instants: Vec<i64> =
        files::log(&store, &table).await.iter().map(|row| row.get_timestamp_micros(10).unwrap()).collect();
    let first = Timestamp::from_second(at.as_second() + 180).unwrap().as_microsecond() + 123_456;
    assert_eq!(instants, [first, first + 1, first + 2]);
    assert_eq!(files::newest(&store, &table).await[&1], "job 1 v3");
}

#[tokio::test]
async fn damaged_and_newer_objects_are_errors_that_name_them() {
    let store = memory();
    let table = open(&store).await;
    let feed = Feed::start((1..=35).map(|id| record(id, 1))).await;
    feed.sync(&table, "jobs").await.unwrap();

    let file = Path::parse(&table.files().await.unwrap()[0].path).unwrap();
    let bytes = store.get(&file).await.unwrap().bytes().await.unwrap();
    let mut damaged = bytes.to_vec();
    damaged[100] ^= 1;
    store.put(&file, damaged.into()).await.unwrap();
    let error = table.compact("jobs").await.unwrap_err();
    let Error::Table { source: TableError::Corrupt { path, .. }, .. } = &error else { panic!("{error}") };
    assert_eq!(path, file.as_ref());
    store.put(&file, bytes.into()).await.unwrap();

    let manifest = Path::from(objects(&store, "commits").await.pop().unwrap());
    let text = store.get(&manifest).await.unwrap().bytes().await.unwrap();
    let newer = String::from_utf8(text.to_vec()).unwrap().replacen("\"version\":1", "\"version\":2", 1);
    for (text, reason) in [(newer.clone(), "version 2"), (newer[..newer.len() / 2].to_owned(), "cannot be read")] {
        store.put(&manifest, text.into()).await.unwrap();
        let load = table.load("jobs").await.unwrap_err();
        for error in [format!("{load:?}"), table.files().await.unwrap_err().to_string()] {
            assert!(error.contains(reason) && error.contains(manifest.as_ref()), "{error}");
        }
        assert!(feed.sync(&table, "jobs").await.is_err(), "it does not begin anew");
    }
    store.put(&manifest, text.into()).await.unwrap();
    feed.sync(&table, "jobs").await.unwrap();
}

#[tokio::test]
async fn a_column_that_was_added_is_null_in_older_rows_after_a_compaction_and_never_lost() {
    let store = memory();
    let old = open(&store).await;
    let feed = Feed::start((1..=5).map(|id| record(id, 1))).await;
    feed.sync(&old, "jobs").await.unwrap();
    let columns = schema().columns().to_vec().into_iter().chain([Column::new("more", ColumnType::Text)]);
    let new = ParquetTable::open(store.clone(), "postings", Schema::new(columns).unwrap()).await.unwrap();
    let mut added = record(6, 2);
    added["more"] = "more".into();
    feed.put(added);
    feed.sync(&new, "jobs").await.unwrap();
    // A program that does not know the column would lose it.
    let error = old.compact("jobs").await.unwrap_err();
    assert!(matches!(error, Error::Table { source: TableError::Schema { .. }, .. }), "{error}");
    new.compact("jobs").await.unwrap().unwrap();
    let rows = files::log(&store, &new).await;
    let more: Vec<Option<&String>> = rows.iter().map(|row| row.get_string(10).ok()).collect();
    assert_eq!(more.iter().flatten().collect::<Vec<_>>(), [&"more"]);
    assert_eq!((rows.len(), files::newest(&store, &new).await.len()), (6, 6));
}
