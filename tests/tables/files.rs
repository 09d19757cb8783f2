//! An object store that fails, and the rows of Parquet files.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures::stream::BoxStream;
use jobfeed::object_store::path::Path;
use jobfeed::object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use jobfeed::tables::ParquetTable;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Row, RowAccessor};

/// What goes wrong, once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Fault {
    /// The object is not written.
    NotWritten,
    /// The object is written, and the answer is lost.
    AnswerLost,
    /// The object is written and the answer is lost; the client of the store writes it again, and finds that it is there.
    WrittenTwice,
}

/// A store in memory, of which one write fails.
#[derive(Debug, Default)]
pub(crate) struct Faulty {
    store: jobfeed::object_store::memory::InMemory,
    /// The fault, in the name of which objects, and after how many writes of such objects.
    fault: Mutex<Option<(Fault, &'static str, usize)>>,
}

impl Faulty {
    /// The write number `nth` (from 0) of an object whose path contains `part` fails.
    pub(crate) fn fail(&self, fault: Fault, part: &'static str, nth: usize) {
        *self.fault.lock().unwrap() = Some((fault, part, nth));
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.fault.lock().unwrap().is_none()
    }
}

impl fmt::Display for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Faulty")
    }
}

#[async_trait]
impl ObjectStore for Faulty {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let fault = {
            let mut planned = self.fault.lock().unwrap();
            match &mut *planned {
                Some((_, part, nth)) if location.as_ref().contains(*part) && *nth > 0 => {
                    *nth -= 1;
                    None
                }
                Some((_, part, _)) if location.as_ref().contains(*part) => planned.take().map(|(fault, ..)| fault),
                _ => None,
            }
        };
        if fault == Some(Fault::NotWritten) {
            return Err(Error::Generic { store: "Faulty", source: "not written".into() });
        }
        let written = self.store.put_opts(location, payload, options).await;
        let (path, source) = (location.to_string(), "answer lost".into());
        match fault {
            Some(Fault::AnswerLost) => Err(Error::Generic { store: "Faulty", source }),
            Some(_) => Err(Error::AlreadyExists { path, source }),
            None => written,
        }
    }

    async fn put_multipart_opts(&self, at: &Path, options: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.store.put_multipart_opts(at, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.store.get_opts(location, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.store.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.store.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.store.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.store.copy_opts(from, to, options).await
    }
}

/// The rows of all files of a table.
pub(crate) async fn log(store: &Arc<dyn ObjectStore>, table: &ParquetTable) -> Vec<Row> {
    let mut rows = Vec::new();
    for file in table.files().await.unwrap() {
        let bytes = store.get(&Path::parse(&file.path).unwrap()).await.unwrap().bytes().await.unwrap();
        assert_eq!(bytes.len() as u64, file.bytes);
        let before = rows.len();
        rows.extend(SerializedFileReader::new(bytes).unwrap().get_row_iter(None).unwrap().map(|row| row.unwrap()));
        assert_eq!((rows.len() - before) as u64, file.rows);
    }
    rows
}

/// The newest version of each record, by the rule in the documentation: the ids with their titles.
pub(crate) async fn newest(store: &Arc<dyn ObjectStore>, table: &ParquetTable) -> BTreeMap<i64, String> {
    let mut newest = BTreeMap::new();
    for row in log(store, table).await {
        let columns: BTreeMap<&str, usize> =
            row.get_column_iter().enumerate().map(|(index, (name, _))| (name.as_str(), index)).collect();
        let committed = row.get_timestamp_micros(columns["_committed"]).unwrap();
        let title = row.get_string(columns["title"]).ok().cloned();
        let removed = row.get_bool(columns["_removed"]).unwrap();
        assert_eq!(removed, title.is_none());
        let entry = newest.entry(row.get_long(columns["id"]).unwrap()).or_insert((i64::MIN, None));
        if committed > entry.0 {
            *entry = (committed, title);
        }
    }
    newest.into_iter().filter_map(|(id, (_, title))| Some((id, title?))).collect()
}
