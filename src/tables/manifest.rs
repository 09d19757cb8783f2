//! The objects that say what a table in Parquet files is made of: commits, compactions and schemas.

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::schema::Schema;
use crate::checkpoint::Fence;
use crate::error::TableError;

/// The newest version of these objects that this version of the crate reads and writes.
const VERSION: u32 = 1;

/// The object of a commit, or of a compaction, which has no state.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Manifest {
    version: u32,
    /// The checkpoint key.
    pub(super) key: String,
    /// Of the state. A compaction: the last commit that it replaces.
    pub(super) revision: u64,
    /// Of this attempt to write it: whether an object that is there is our own.
    pub(super) id: Uuid,
    /// When it was written, in microseconds: under one key always later than the one before.
    pub(super) committed: Timestamp,
    /// The number of the schema of the files.
    pub(super) schema: u64,
    pub(super) files: Vec<File>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) fence: Option<Fence>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) state: Option<Box<RawValue>>,
}

/// A file of a manifest.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct File {
    /// Below the folder of the table.
    pub(super) path: String,
    /// Rows, and removals of rows.
    pub(super) rows: u64,
    pub(super) bytes: u64,
    /// In hex digits.
    pub(super) sha256: String,
}

impl Manifest {
    pub(super) fn new(key: &str, revision: u64, committed: Timestamp, schema: u64, files: Vec<File>) -> Self {
        let (key, id) = (key.to_owned(), Uuid::new_v4());
        Self { version: VERSION, key, revision, id, committed, schema, files, fence: None, state: None }
    }
}

/// A schema of the table. The next one has more columns.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StoredSchema {
    version: u32,
    pub(super) columns: Schema,
}

impl StoredSchema {
    pub(super) fn new(columns: Schema) -> Self {
        Self { version: VERSION, columns }
    }
}

/// Reads an object.
pub(super) fn read<T: DeserializeOwned>(path: &str, text: &[u8]) -> Result<T, TableError> {
    #[derive(Deserialize)]
    struct Versioned {
        version: u32,
    }
    let corrupt = |error: serde_json::Error| TableError::Corrupt { path: path.to_owned(), reason: error.to_string() };
    let Versioned { version } = serde_json::from_slice(text).map_err(corrupt)?;
    if version > VERSION {
        return Err(TableError::Newer { path: path.to_owned(), version, supported: VERSION });
    }
    serde_json::from_slice(text).map_err(corrupt)
}
