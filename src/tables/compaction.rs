//! Fewer and larger files for a table in Parquet files, and the deletion of files that are no longer part of it.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef, BooleanArray, RecordBatch, new_null_array};
use arrow_schema::{ArrowError, DataType, SchemaRef};
use arrow_select::filter::filter_record_batch;
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::errors::ParquetError;
use sha2::{Digest, Sha256};

use super::arrays;
use super::manifest::{File, Manifest};
use super::objects::{Folder, Snapshot};
use super::parquet_table::ParquetTable;
use super::sink::Sink;
use crate::error::{Result, TableError};

/// The size at which a file is ended and the next one begun.
const FILE_BYTES: usize = 64 << 20;
/// Rows that are read at a time.
const BATCH_ROWS: usize = 1024;

/// What [`ParquetTable::compact`] has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Compaction {
    /// The files that were merged.
    pub files_before: usize,
    /// The files that replace them.
    pub files_after: usize,
    /// The rows in the merged files.
    pub rows_before: u64,
    /// The rows that were kept: the newest one of each record.
    pub rows_after: u64,
}

impl ParquetTable {
    /// Merges the files of a checkpoint key into files of about 64 MB, which have the newest row of each record. `None` when there is
    /// at most one file, nothing was committed since the last compaction, or another process has compacted as far at the same time.
    ///
    /// It works beside a running sync and is never in conflict with it: its manifest has a place of its own, and says up to which revision it
    /// replaces the commits. Until that manifest is written nothing has changed for readers, so it may be killed at any moment.
    /// Rows that say that a record was removed are kept: the record may have rows under other checkpoint keys. [`ParquetTable::clean`] deletes
    /// the files that were replaced.
    ///
    /// Each call reads and writes all rows of the key. In memory are one file, and 16 bytes (with their table, about 40) for each record.
    ///
    /// # Errors
    /// [`Error::Table`](crate::Error::Table) when the object store fails, a file is not what was written, or the table has columns
    /// that this program does not know.
    pub async fn compact(&self, key: &str) -> Result<Option<Compaction>> {
        self.merge(key).await.map_err(|error| self.failed(error))
    }

    async fn merge(&self, key: &str) -> Result<Option<Compaction>, TableError> {
        let snapshot = self.objects.snapshot(key).await?;
        let files: Vec<&File> = snapshot.manifests().flat_map(|manifest| &manifest.files).collect();
        if files.len() < 2 || snapshot.commits.is_empty() {
            return Ok(None);
        }
        if snapshot.manifests().any(|manifest| manifest.schema > self.schema_number) {
            let (column, reason) =
                ("(new)".to_owned(), "was added to the table; open it with the new schema".to_owned());
            return Err(TableError::Schema { column, reason });
        }
        let mut merge = Merge::new(self);
        let mut merged = Vec::new();
        // The newest row of a record comes first.
        for file in files.iter().rev() {
            let bytes = self.objects.get_file(file).await?;
            let added = tokio::task::spawn_blocking(move || merge.add(bytes).map(|full| (merge, full)));
            let full;
            (merge, full) = added.await.map_err(TableError::store)?.map_err(TableError::store)?;
            for (rows, bytes) in full {
                merged.push(self.objects.put_file(key, snapshot.revision(), rows, bytes).await?);
            }
        }
        if let Some((rows, bytes)) = merge.finish().map_err(TableError::store)? {
            merged.push(self.objects.put_file(key, snapshot.revision(), rows, bytes).await?);
        }
        let rows = |files: &mut dyn Iterator<Item = &File>| files.map(|file| file.rows).sum();
        let done = Compaction {
            files_before: files.len(),
            files_after: merged.len(),
            rows_before: rows(&mut files.iter().copied()),
            rows_after: rows(&mut merged.iter()),
        };
        let published = self.publish(key, &snapshot, merged).await?;
        Ok(published.then_some(done))
    }

    async fn publish(&self, key: &str, snapshot: &Snapshot, files: Vec<File>) -> Result<bool, TableError> {
        let manifest = Manifest::new(key, snapshot.revision(), self.instant(None), self.schema_number, files);
        self.objects.publish(Folder::Compactions(key), &manifest).await
    }

    /// Deletes what is no longer part of the table and is older than `age`, by the clock of the object store: files of commits that did not happen, and
    /// files and manifests that a compaction has replaced, when that compaction is older than `age` too. Returns the number of deleted objects.
    ///
    /// `age` must be longer than a commit, a compaction, and the reading of the table take: a day is usual. Zero is for a table that
    /// nobody uses meanwhile. In a folder, a process that is killed while it writes may leave a file whose name ends in `#` and a
    /// number; no reader takes it, and it is not deleted here.
    ///
    /// # Errors
    /// [`Error::Table`](crate::Error::Table) when the object store fails, or a manifest cannot be read.
    pub async fn clean(&self, age: Duration) -> Result<u64> {
        let age = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
        let before = self.clock.now().as_millisecond().saturating_sub(age);
        let mut deleted = 0;
        for key in self.keys().await? {
            deleted += self.clean_key(&key, before).await.map_err(|error| self.failed(error))?;
        }
        Ok(deleted)
    }

    async fn clean_key(&self, key: &str, before: i64) -> Result<u64, TableError> {
        let objects = &self.objects;
        // The files first: one that is listed now and belongs to a manifest is then found there.
        let files = objects.older_files(key, before).await?;
        let compactions = objects.older(Folder::Compactions(key), before).await?;
        // Readers may still use what was replaced by a compaction that is younger than `age`.
        let replaced = compactions.last().map_or(0, |(revision, _)| *revision);
        let used = objects.used(key, replaced).await?;
        let unused = files.into_iter().filter(|path| !used.contains(path.as_ref()));
        let old = |manifests: Vec<(u64, _)>| {
            // In their order, so that a commit that exists always has the one before it, down to the oldest.
            manifests.into_iter().filter(move |(revision, _)| *revision < replaced).map(|(_, path)| path)
        };
        let commits = old(objects.older(Folder::Commits(key), before).await?);
        let mut deleted = 0;
        for path in unused.chain(commits).chain(old(compactions)) {
            objects.delete(&path).await?;
            deleted += 1;
        }
        Ok(deleted)
    }
}

/// A file that is written, and its rows.
type Full = (u64, Vec<u8>);

/// Takes files, newest first, and writes the first row of each record.
struct Merge {
    schema: SchemaRef,
    keys: Vec<String>,
    /// Hashes of the keys of the records that were written.
    seen: HashSet<[u8; 16]>,
    writer: Option<ArrowWriter<Vec<u8>>>,
    rows: u64,
}

impl Merge {
    fn new(table: &ParquetTable) -> Self {
        let keys = table.schema().keys().map(|column| column.name().to_owned()).collect();
        Self { schema: arrays::file_schema(table.schema()), keys, seen: HashSet::new(), writer: None, rows: 0 }
    }

    /// Adds a file; returns the files that are complete.
    fn add(&mut self, file: Bytes) -> Result<Vec<Full>, ParquetError> {
        let mut full = Vec::new();
        for batch in ParquetRecordBatchReaderBuilder::try_new(file)?.with_batch_size(BATCH_ROWS).build()? {
            let batch = self.new_rows(&batch?)?;
            self.rows += batch.num_rows() as u64;
            let writer = match &mut self.writer {
                Some(writer) => writer,
                none => none.insert(arrays::writer(self.schema.clone())?),
            };
            writer.write(&batch)?;
            if writer.bytes_written() + writer.in_progress_size() >= FILE_BYTES {
                full.extend(self.finish()?);
            }
        }
        Ok(full)
    }

    fn finish(&mut self) -> Result<Option<Full>, ParquetError> {
        let rows = std::mem::take(&mut self.rows);
        let writer = self.writer.take().filter(|_| rows > 0);
        writer.map(|writer| Ok((rows, writer.into_inner()?))).transpose()
    }

    /// The rows of records that were not yet seen, with all columns of the schema.
    fn new_rows(&mut self, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let keys: Vec<ArrayRef> = self.keys.iter().filter_map(|key| batch.column_by_name(key).cloned()).collect();
        if keys.len() != self.keys.len() {
            return Err(ArrowError::SchemaError("a file has no key column".to_owned()));
        }
        let mut is_new = Vec::with_capacity(batch.num_rows());
        for row in 0..batch.num_rows() {
            is_new.push(self.seen.insert(key_hash(&keys, row)?));
        }
        let column = |field: &Arc<arrow_schema::Field>| {
            let found = batch.column_by_name(field.name()).cloned();
            found.unwrap_or_else(|| new_null_array(field.data_type(), batch.num_rows()))
        };
        let columns = self.schema.fields().iter().map(column).collect();
        let batch = RecordBatch::try_new(self.schema.clone(), columns)?;
        filter_record_batch(&batch, &BooleanArray::from(is_new))
    }
}

/// A hash of a key, so long that two records never share one.
fn key_hash(keys: &[ArrayRef], row: usize) -> Result<[u8; 16], ArrowError> {
    let mut hash = Sha256::new();
    for key in keys {
        match key.data_type() {
            DataType::Utf8 => {
                let text = key.as_string::<i32>().value(row);
                hash.update((text.len() as u64).to_le_bytes());
                hash.update(text);
            }
            DataType::Int64 => hash.update(key.as_primitive::<Int64Type>().value(row).to_le_bytes()),
            DataType::Timestamp(..) => {
                hash.update(key.as_primitive::<TimestampMicrosecondType>().value(row).to_le_bytes());
            }
            DataType::Date32 => hash.update(key.as_primitive::<Date32Type>().value(row).to_le_bytes()),
            other => return Err(ArrowError::SchemaError(format!("a key column has the type {other}"))),
        }
    }
    let mut short = [0; 16];
    short.iter_mut().zip(hash.finalize()).for_each(|(short, byte)| *short = byte);
    Ok(short)
}
