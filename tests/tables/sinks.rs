//! One suite for the three tables: what is in the table afterwards, whatever it is kept in.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use jobfeed::checkpoint::{CheckpointError, LeaseStore};
use jobfeed::object_store::{ObjectStore, memory::InMemory};
use jobfeed::tables::{Column, ColumnType, ParquetTable, PostgresTable, Schema, Sink, SqliteTable, TableError};
use jobfeed::{BoxError, Checkpoint, Error, Result};
use serde_json::{Value, json};

use crate::feed::{Feed, PAGE, record, removal, schema};
use crate::files;
use crate::server::{self, Database};

pub(crate) type Rows = BTreeMap<i64, String>;

/// Where a table is.
pub(crate) enum Place {
    Sqlite(tempfile::TempDir),
    Postgres(Database),
    Parquet(Arc<dyn ObjectStore>),
}

impl Place {
    pub(crate) async fn open(&self, schema: Schema) -> Result<Box<dyn Sink>> {
        Ok(match self {
            Self::Sqlite(folder) => Box::new(SqliteTable::open(sqlite(folder.path()), "postings", schema).await?),
            Self::Postgres(database) => Box::new(postgres(database, schema).await?),
            Self::Parquet(store) => Box::new(ParquetTable::open(store.clone(), "postings", schema).await?),
        })
    }

    /// The ids with their titles.
    pub(crate) async fn rows(&self) -> Rows {
        match self {
            Self::Sqlite(folder) => {
                let db = rusqlite::Connection::open(sqlite(folder.path())).unwrap();
                let mut rows = db.prepare("SELECT id, title FROM postings").unwrap();
                rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(|row| row.unwrap()).collect()
            }
            Self::Postgres(database) => {
                let rows = database.open().await.query("SELECT id, title FROM postings", &[]).await.unwrap();
                rows.iter().map(|row| (row.get(0), row.get(1))).collect()
            }
            Self::Parquet(store) => {
                let stored = schemas(store).await;
                let table = ParquetTable::open(store.clone(), "postings", stored).await.unwrap();
                files::newest(store, &table).await
            }
        }
    }
}

fn sqlite(folder: &Path) -> std::path::PathBuf {
    folder.join("postings.sqlite3")
}

async fn postgres(database: &Database, schema: Schema) -> Result<PostgresTable> {
    let database = database.clone();
    let connect = move || {
        let database = database.clone();
        async move { Ok::<_, BoxError>(database.open().await) }
    };
    PostgresTable::open(connect, "postings", schema).await
}

/// The newest schema of a table in Parquet files.
async fn schemas(store: &Arc<dyn ObjectStore>) -> Schema {
    use futures::TryStreamExt;
    use jobfeed::object_store::ObjectStoreExt;

    let folder = jobfeed::object_store::path::Path::from("postings/schemas");
    let mut paths: Vec<_> = store.list(Some(&folder)).map_ok(|object| object.location).try_collect().await.unwrap();
    paths.sort();
    let text = store.get(paths.last().unwrap()).await.unwrap().bytes().await.unwrap();
    serde_json::from_value(serde_json::from_slice::<Value>(&text).unwrap()["columns"].clone()).unwrap()
}

/// Runs a test for each kind of table.
pub(crate) async fn each(name: &str, test: impl AsyncFn(&Place)) {
    test(&Place::Sqlite(tempfile::tempdir().unwrap())).await;
    test(&Place::Parquet(Arc::new(InMemory::new()))).await;
    if let Some(server) = server::shared() {
        test(&Place::Postgres(server.database(name).await)).await;
    }
}

fn titles(versions: impl IntoIterator<Item = (u64, u64)>) -> Rows {
    versions.into_iter().map(|(id, version)| (id as i64, format!("job {id} v{version}"))).collect()
}

#[tokio::test]
async fn promise_2_a_table_has_each_record_once_in_its_newest_version() {
    each("newest", async |place| {
        let feed = Feed::start((1..=35).map(|id| record(id, 1))).await;
        let table = place.open(schema()).await.unwrap();
        let report = feed.sync(&*table, "jobs").await.unwrap();
        assert!(report.counts.pages > 3, "{report}");
        assert_eq!(place.rows().await, titles((1..=35).map(|id| (id, 1))));

        feed.put(record(7, 2));
        feed.put(record(36, 2));
        feed.put(removal(8, 2));
        feed.put(removal(99, 2));
        // As another process.
        let table = place.open(schema()).await.unwrap();
        feed.sync(&*table, "jobs").await.unwrap();
        let expected = || (1..=36).filter(|id| *id != 8).map(|id| (id, if id == 7 || id == 36 { 2 } else { 1 }));
        assert_eq!(place.rows().await, titles(expected()));

        // It comes back, and another key has the same records.
        feed.put(record(8, 3));
        feed.sync(&*table, "jobs").await.unwrap();
        feed.sync(&*table, "all jobs").await.unwrap();
        assert_eq!(place.rows().await, titles(expected().chain([(8, 3)])));
    })
    .await;
}

#[tokio::test]
async fn a_value_that_does_not_fit_stops_its_page_before_anything_is_written() {
    each("misfits", async |place| {
        let feed = Feed::start((1..=25).map(|id| record(id, 1))).await;
        let table = place.open(schema()).await.unwrap();
        let fits = record(15, 1);
        for (column, path, value) in [
            ("title", "title", json!(5)),
            ("title", "title", json!(null)),
            ("updated_at", "updated_at", json!("2026-05-02T00:15:00.0000001Z")),
            ("day", "day", json!("2026-02-30")),
            ("salary", "salary", json!("0.001")),
            ("salary", "salary", json!(12345678901.5)),
            ("score", "score", json!(9007199254740993_u64)),
            ("remote", "remote", json!("true")),
            ("countries", "countries[1]", json!(["US", 7])),
            ("company", "company.id", json!({"name": "x"})),
            ("company", "company", json!([])),
        ] {
            let mut wrong = fits.clone();
            wrong[column] = value;
            feed.0.with(|lists| lists.rows("jobs")[14] = wrong.clone());
            let rows_before = place.rows().await;
            let state_before = table.checkpoint().load("jobs").await.unwrap();
            let error = feed.sync(&*table, "jobs").await.unwrap_err();
            let Error::Table { table: name, source: TableError::Value { column: found, key, reason } } = &error else {
                panic!("{error}");
            };
            assert_eq!((&**name, &**found, &**key), ("postings", path, "[15]"), "{reason}");
            // The first page was committed by the first of these runs.
            assert_eq!(place.rows().await, titles((1..=10).map(|id| (id, 1))), "{path}");
            if !rows_before.is_empty() {
                assert_eq!(table.checkpoint().load("jobs").await.unwrap(), state_before);
            }
        }
        feed.0.with(|lists| lists.rows("jobs")[14] = fits.clone());
        feed.sync(&*table, "jobs").await.unwrap();
        assert_eq!(place.rows().await, titles((1..=25).map(|id| (id, 1))));
    })
    .await;
}

#[tokio::test]
async fn keys_and_removals_that_do_not_fit_are_named() {
    each("keys", async |place| {
        let table = place.open(schema()).await.unwrap();
        let mut changes = table.changes();
        for (change, column, key) in
            [(json!({"title": "x"}), "id", ""), (json!({"id": "7"}), "id", ""), (json!(7), "", "")]
        {
            for error in [changes.upsert(&change).unwrap_err(), changes.remove(&change).unwrap_err()] {
                let Error::Table { source: TableError::Value { column: found, key: shown, .. }, .. } = &error else {
                    panic!("{error}");
                };
                assert_eq!((&**found, &**shown), (column, key), "{error}");
            }
        }
        assert!(changes.is_empty());
        // A removal without the key column.
        let feed = Feed::start([json!({"uid": 5, "updated_at": "2026-05-01T00:00:00Z", "deleted": true})]).await;
        let error = feed.sync(&*table, "jobs").await.unwrap_err();
        assert!(error.to_string().contains("\"id\"") && error.to_string().contains("Sink::changes"), "{error}");
    })
    .await;
}

#[tokio::test]
async fn the_last_change_of_a_record_counts_and_a_record_outweighs_the_removal_on_its_page() {
    each("last", async |place| {
        let feed = Feed::start([record(1, 1), record(2, 1), removal(2, 1)]).await;
        let table = place.open(schema()).await.unwrap();
        // A key that is there once: a record that comes twice would be an error of the sync.
        let mut run = feed.jobs().key("title").sync_since("jobs", table.checkpoint()).await.unwrap();
        while let Some(batch) = run.next().await.unwrap() {
            assert_eq!(batch.removals().len(), 1);
            table.commit(batch, Value::clone).await.unwrap();
        }
        assert_eq!(place.rows().await, titles([(1, 1), (2, 1)]));

        feed.put(record(3, 2));
        let mut run = feed.jobs().key("title").sync_since("jobs", table.checkpoint()).await.unwrap();
        let batch = run.next().await.unwrap().unwrap();
        let mut changes = table.changes();
        changes.upsert(&record(1, 5)).unwrap();
        changes.upsert(&record(1, 6)).unwrap();
        changes.upsert(&record(2, 6)).unwrap();
        changes.remove(&json!({"id": 2, "other": "field"})).unwrap();
        changes.remove(&json!({"id": 3})).unwrap();
        changes.upsert(&record(3, 6)).unwrap();
        assert_eq!((changes.len(), changes.rows().count(), changes.removals().count()), (3, 2, 1));
        table.commit_changes(batch, changes).await.unwrap();
        assert_eq!(place.rows().await, titles([(1, 6), (3, 6)]));
    })
    .await;
}

#[tokio::test]
async fn promise_3_of_two_workers_with_one_revision_the_second_writes_nothing() {
    each("conflict", async |place| {
        let feed = Feed::start((1..=25).map(|id| record(id, 1))).await;
        let (one, two) = (place.open(schema()).await.unwrap(), place.open(schema()).await.unwrap());
        let mut first = feed.jobs().sync_since("jobs", one.checkpoint()).await.unwrap();
        let mut second = feed.jobs().sync_since("jobs", two.checkpoint()).await.unwrap();
        for revision in 0..2 {
            let stale = |record: &Value| {
                let mut record = record.clone();
                record["title"] = "stale".into();
                record
            };
            one.commit(first.next().await.unwrap().unwrap(), Value::clone).await.unwrap();
            let refused = two.commit(second.next().await.unwrap().unwrap(), stale).await.unwrap_err();
            let Error::Checkpoint { key, source: CheckpointError::Conflict { expected, found } } = &refused else {
                panic!("{refused}");
            };
            assert_eq!((&**key, *expected, *found), ("jobs", revision, revision + 1));
            assert_eq!(place.rows().await, titles((1..=10 * (revision + 1)).map(|id| (id, 1))));
            assert!(matches!(second.next().await, Err(Error::Uncommitted { .. })));
            second = feed.jobs().sync_since("jobs", two.checkpoint()).await.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn promise_1_a_worker_that_lost_its_lease_writes_no_rows() {
    let ttl = Duration::from_secs(600);
    let feed = Feed::start((1..=25).map(|id| record(id, 1))).await;
    each("leases", async |place| {
        // The table in Parquet files gives no leases; its fence is that of another store.
        let table = place.open(schema()).await.unwrap();
        let (old, new) = match place {
            Place::Sqlite(folder) => {
                let table = SqliteTable::open(sqlite(folder.path()), "postings", schema()).await.unwrap();
                let old = table.store().acquire("jobs", "old", Duration::from_millis(1)).await.unwrap();
                (old, acquire(table.store(), ttl).await)
            }
            Place::Postgres(database) => {
                let table = postgres(database, schema()).await.unwrap();
                let old = table.store().acquire("jobs", "old", Duration::from_millis(1)).await.unwrap();
                (old, acquire(table.store(), ttl).await)
            }
            Place::Parquet(_) => (jobfeed::checkpoint::Fence::new(1), jobfeed::checkpoint::Fence::new(2)),
        };
        let mut run = feed.jobs().sync_since("jobs", table.checkpoint()).await.unwrap();
        let batch = run.next().await.unwrap().unwrap();
        let mut changes = table.changes();
        batch.items().iter().for_each(|item| changes.upsert(item).unwrap());
        let first = batch.next_state().clone();
        table.save(changes.clone(), "jobs", &first, Some(new)).await.unwrap();
        batch.committed();
        let batch = run.next().await.unwrap().unwrap();
        let mut changes = table.changes();
        batch.items().iter().for_each(|item| changes.upsert(item).unwrap());
        let refused = table.save(changes.clone(), "jobs", batch.next_state(), Some(old)).await.unwrap_err();
        assert!(matches!(refused, Error::Checkpoint { source: CheckpointError::LeaseLost, .. }), "{refused}");
        assert_eq!(place.rows().await.len(), PAGE);
        assert_eq!(table.checkpoint().load("jobs").await.unwrap(), Some(first));
        table.save(changes, "jobs", batch.next_state(), Some(new)).await.unwrap();
        batch.committed();
        assert_eq!(place.rows().await.len(), 2 * PAGE);
    })
    .await;
}

async fn acquire(store: &impl LeaseStore, ttl: Duration) -> jobfeed::checkpoint::Fence {
    loop {
        match store.acquire("jobs", "new", ttl).await {
            Err(CheckpointError::Leased { .. }) => tokio::task::yield_now().await,
            fence => return fence.unwrap(),
        }
    }
}

#[tokio::test]
async fn a_column_that_may_be_null_can_be_added_and_every_other_change_is_refused() {
    each("columns", async |place| {
        let feed = Feed::start((1..=5).map(|id| record(id, 1))).await;
        let columns = || schema().columns().to_vec();
        let table = place.open(schema()).await.unwrap();
        feed.sync(&*table, "jobs").await.unwrap();

        let changed = |name: &str, column: Column| {
            let columns = columns();
            let change = |old: Column| if old.name() == name { column.clone() } else { old };
            Schema::new(columns.into_iter().map(change).collect::<Vec<_>>()).unwrap()
        };
        let without = |name: &str| Schema::new(columns().into_iter().filter(|column| column.name() != name)).unwrap();
        let with = |column: Column| Schema::new(columns().into_iter().chain([column])).unwrap();
        for (refused, column, reason) in [
            (changed("title", Column::new("title", ColumnType::Json).required()), "title", "type"),
            (changed("day", Column::new("day", ColumnType::Timestamp)), "day", "type"),
            (changed("salary", Column::new("salary", ColumnType::decimal(13, 2))), "salary", "type"),
            (changed("title", Column::new("title", ColumnType::Text)), "title", "null"),
            (changed("title", Column::new("title", ColumnType::Text).key()), "title", "key"),
            (without("day"), "day", "not in the schema"),
            (with(Column::new("more", ColumnType::Text).required()), "more", "never null"),
            (with(Column::new("more", ColumnType::Text).key()), "more", "never null"),
        ] {
            let error = place.open(refused).await.err().unwrap();
            let Error::Table { source: TableError::Schema { column: found, reason: why }, .. } = &error else {
                panic!("{error}");
            };
            assert_eq!(found, column);
            assert!(why.contains(reason), "{error}");
        }
        let more = with(Column::new("more", ColumnType::list(ColumnType::Integer)));
        let table = place.open(more.clone()).await.unwrap();
        let mut added = record(6, 2);
        added["more"] = json!([1, 2]);
        feed.put(added);
        feed.sync(&*table, "jobs").await.unwrap();
        assert_eq!(place.rows().await, titles((1..=5).map(|id| (id, 1)).chain([(6, 2)])));
        // The old columns are no longer enough, and in another order they are the same.
        assert!(matches!(place.open(schema()).await, Err(Error::Table { .. })));
        let order = Schema::new(more.columns().iter().rev().cloned()).unwrap();
        let table = place.open(order).await.unwrap();
        feed.put(record(1, 3));
        feed.sync(&*table, "jobs").await.unwrap();
        assert_eq!(place.rows().await, titles([(1, 3), (6, 2)].into_iter().chain((2..=5).map(|id| (id, 1)))));
    })
    .await;
}

#[tokio::test]
async fn names_and_schemas_that_no_table_can_have_are_refused_before_anything_is_opened() {
    let text = |name: &str| Column::new(name, ColumnType::Text);
    let id = || text("id").key();
    let mut deep = ColumnType::Text;
    for _ in 0..9 {
        deep = ColumnType::list(deep);
    }
    let refused: Vec<Vec<Column>> = vec![
        vec![],
        vec![text("id")],
        vec![id(), text("ID")],
        vec![id(), text("a b")],
        vec![id(), text("é")],
        vec![id(), text("")],
        vec![id(), text("1a")],
        vec![id(), text("a\"b")],
        vec![id(), text(&"a".repeat(64))],
        vec![id(), text("_committed")],
        vec![id(), text("_Removed")],
        vec![id(), Column::new("a", ColumnType::decimal(39, 0))],
        vec![id(), Column::new("a", ColumnType::decimal(0, 0))],
        vec![id(), Column::new("a", ColumnType::decimal(5, 6))],
        vec![id(), Column::new("a", ColumnType::structure([]))],
        vec![id(), Column::new("a", ColumnType::structure([text("b").key()]))],
        vec![id(), Column::new("a", ColumnType::structure([text("b"), text("b")]))],
        vec![id(), Column::new("a", deep)],
        vec![Column::new("id", ColumnType::Float).key()],
        vec![Column::new("id", ColumnType::Json).key()],
        (0..=1000).map(|number| text(&format!("c{number}")).key()).collect(),
    ];
    for columns in refused {
        let json = serde_json::to_string(&columns).unwrap();
        let error = Schema::new(columns).unwrap_err();
        assert!(matches!(error, Error::Invalid { .. }), "{error}");
        assert!(serde_json::from_str::<Schema>(&json).is_err(), "{json}");
    }
    let folder = tempfile::tempdir().unwrap();
    for name in ["", "Jobs", "a b", "a\"", "jobfeed_x", "../x", "a/b"] {
        let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let errors = [
            ParquetTable::open(store, name, schema()).await.err(),
            SqliteTable::open(sqlite(folder.path()), name, schema()).await.err(),
        ];
        for error in errors {
            assert!(matches!(error, Some(Error::Invalid { .. })), "{error:?}");
        }
    }
    assert!(!sqlite(folder.path()).exists());
}

#[tokio::test]
async fn the_values_in_sqlite_are_as_documented() {
    let folder = tempfile::tempdir().unwrap();
    let table = SqliteTable::open(sqlite(folder.path()), "postings", schema()).await.unwrap();
    Feed::start([record(1, 1)]).await.sync(&table, "jobs").await.unwrap();
    let db = rusqlite::Connection::open(sqlite(folder.path())).unwrap();
    let row: String = db
        .query_row(
            "SELECT json_array(id, title, updated_at, day, salary, score, remote, raw, countries, company) FROM postings",
            [],
            |row| row.get(0),
        )
        .unwrap();
    let expected = json!([
        1,
        "job 1 v1",
        "2026-05-02T00:01:00.250000Z",
        "2026-02-28",
        "-1234.50",
        0.25,
        0,
        "{\"a\":[1,null,\"é\"]}",
        "[\"US\",null,\"CA\"]",
        "{\"id\":10,\"name\":null}"
    ]);
    assert_eq!(serde_json::from_str::<Value>(&row).unwrap(), expected);
    // A table that this library did not make is left alone.
    db.execute("CREATE TABLE other (id INTEGER)", []).unwrap();
    let error = SqliteTable::open(sqlite(folder.path()), "other", schema()).await.unwrap_err();
    assert!(matches!(error, Error::Table { source: TableError::Store(_), .. }), "{error}");
}

#[tokio::test]
async fn the_values_in_postgresql_are_as_documented() {
    let Some(server) = server::shared() else { return };
    let database = server.database("types").await;
    let table = postgres(&database, schema()).await.unwrap();
    Feed::start([record(1, 1)]).await.sync(&table, "jobs").await.unwrap();
    let db = database.open().await;
    let sql = "SELECT concat_ws('|', id, title, updated_at AT TIME ZONE 'UTC', day, salary, score, remote, raw, countries, company),
        concat_ws(' ', pg_typeof(updated_at), pg_typeof(day), pg_typeof(salary), pg_typeof(remote), pg_typeof(company)) FROM postings";
    let row = db.query_one(sql, &[]).await.unwrap();
    let values = "1|job 1 v1|2026-05-02 00:01:00.25|2026-02-28|-1234.50|0.25|f|{\"a\": [1, null, \"é\"]}|[\"US\", null, \"CA\"]|{\"id\": 10, \"name\": null}";
    assert_eq!(row.get::<_, &str>(0), values);
    assert_eq!(row.get::<_, &str>(1), "timestamp with time zone date numeric boolean jsonb");

    let mut nul = record(2, 1);
    nul["countries"] = json!(["a\0b"]);
    let error = Feed::start([record(1, 2), nul]).await.sync(&table, "other").await.unwrap_err();
    let Error::Table { source: TableError::Value { column, key, .. }, .. } = &error else { panic!("{error}") };
    assert_eq!((&**column, &**key), ("countries", "[2]"));
}

#[tokio::test]
async fn promise_2_a_commit_in_postgresql_without_an_answer_is_looked_up_or_done_again() {
    let Some(server) = server::shared() else { return };
    let database = server.database("lost_answers").await;
    let feed = Feed::start((1..=75).map(|id| record(id, 1))).await;
    let (cut, connections) = (Arc::<AtomicBool>::default(), AtomicUsize::new(0));
    let (to, flag) = (database.clone(), cut.clone());
    let connect = move || {
        let (database, flag) = (to.clone(), flag.clone());
        let passes_on = connections.fetch_add(1, Ordering::SeqCst) % 2 == 0;
        async move { Ok::<_, BoxError>(database.through_a_proxy(flag, passes_on).await) }
    };
    let table = PostgresTable::open(connect, "postings", schema()).await.unwrap();
    let mut run = feed.jobs().sync_since("jobs", table.checkpoint()).await.unwrap();
    let mut batches = 0;
    while let Some(batch) = run.next().await.unwrap() {
        cut.store(true, Ordering::SeqCst);
        table.commit(batch, Value::clone).await.unwrap();
        batches += 1;
        assert_eq!(table.checkpoint().load("jobs").await.unwrap().unwrap().revision(), batches);
    }
    assert!(batches > 7);
    assert_eq!(Place::Postgres(database).rows().await, titles((1..=75).map(|id| (id, 1))));
}

#[tokio::test]
async fn a_table_in_postgresql_goes_on_after_a_crash_of_the_server() {
    let Some(server) = server::start() else { return };
    let database = server.database("crash").await;
    let feed = Feed::start((1..=35).map(|id| record(id, 1))).await;
    let table = postgres(&database, schema()).await.unwrap();
    let mut run = feed.jobs().sync_since("jobs", table.checkpoint()).await.unwrap();
    while let Some(batch) = run.next().await.unwrap() {
        server.crash().await;
        server.database("wait").await;
        table.commit(batch, Value::clone).await.unwrap();
    }
    assert_eq!(Place::Postgres(database).rows().await, titles((1..=35).map(|id| (id, 1))));
}
