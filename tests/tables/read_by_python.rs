//! What pyarrow reads.

use std::sync::Arc;

use jobfeed::object_store::local::LocalFileSystem;
use jobfeed::tables::ParquetTable;
use serde_json::json;

use crate::feed::{Feed, record, removal, schema};
use crate::python;

/// The newest rows as JSON, and the types of the columns.
const NEWEST: &str = "
table = sys.argv[1] + '/postings'
rows = read(table, 'id').sort_by('id')
print(json.dumps({'rows': rows.to_pylist(), 'types': [str(field.type) for field in rows.schema]}, default=str))
";

#[tokio::test]
async fn promise_2_pyarrow_reads_the_rows_of_the_server_with_their_types_also_after_a_compaction() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(LocalFileSystem::new_with_prefix(folder.path()).unwrap());
    let table = ParquetTable::open(store, "postings", schema()).await.unwrap();
    let feed = Feed::start((1..=35).map(|id| record(id, 1))).await;
    feed.sync(&table, "jobs/A ä").await.unwrap();
    feed.put(record(7, 2));
    feed.put(removal(8, 2));
    feed.sync(&table, "jobs/A ä").await.unwrap();
    let expected: Vec<_> = (1..=35)
        .filter(|id| *id != 8)
        .map(|id| {
            let mut row = record(id, if id == 7 { 2 } else { 1 });
            let instant = row["updated_at"].as_str().unwrap().replace('T', " ").replace(".25Z", ".250000+00:00");
            row["updated_at"] = instant.into();
            row["raw"] = row["raw"].to_string().into();
            row
        })
        .collect();
    let types = json!([
        "int64",
        "string",
        "timestamp[us, tz=UTC]",
        "date32[day]",
        "decimal128(12, 2)",
        "double",
        "bool",
        "string",
        "list<element: string>",
        "struct<id: int64 not null, name: string>"
    ]);
    let Some(read) = python::run(NEWEST, folder.path()) else { return };
    assert_eq!(read["types"], types);
    assert_eq!(read["rows"], json!(expected));

    // With the record at the watermark, which came again, and the removal.
    let compacted = table.compact("jobs/A ä").await.unwrap().unwrap();
    assert_eq!((compacted.files_after, compacted.rows_before, compacted.rows_after), (1, 38, 35));
    assert_eq!(python::run(NEWEST, folder.path()).unwrap(), read);
    feed.put(record(8, 3));
    feed.sync(&table, "jobs/A ä").await.unwrap();
    let ids = python::run("print(json.dumps(read(sys.argv[1] + '/postings', 'id')['id'].to_pylist()))", folder.path());
    let mut ids: Vec<u64> = serde_json::from_value(ids.unwrap()).unwrap();
    ids.sort_unstable();
    assert_eq!(ids, (1..=35).collect::<Vec<u64>>());
}
