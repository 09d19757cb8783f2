//! Errors of tables.

use super::boxed::BoxError;

/// Why rows could not be written to a table. Nothing of their page was written, and the checkpoint did not move.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// A value of a record does not fit its column.
    #[error(
        "{}column {column:?}: {reason}; change the row or the column, nothing of the page was written",
        record(key)
    )]
    Value {
        /// The column; of a nested value its path, such as `company.name`.
        column: String,
        /// The key columns of the record as JSON, cut after 64 characters; empty when they are what does not fit.
        key: String,
        /// What was expected and what was found, without the value.
        reason: String,
    },
    /// The table exists with other columns.
    #[error(
        "column {column:?} {reason}; only columns that may be null can be added: use the old columns or another table"
    )]
    Schema {
        /// The column.
        column: String,
        /// How it differs.
        reason: String,
    },
    /// An object of the table cannot be read.
    #[error("{path} cannot be read ({reason}); restore it")]
    Corrupt {
        /// Its path in the object store.
        path: String,
        /// What is wrong.
        reason: String,
    },
    /// An object of the table was written by a newer version of this crate.
    #[error("{path} has version {version}, this program reads versions up to {supported}; update it")]
    Newer {
        /// Its path in the object store.
        path: String,
        /// Its version.
        version: u32,
        /// The newest version that can be read.
        supported: u32,
    },
    /// The database or the object store failed.
    #[error("the storage of the table failed; check it, then run again")]
    Store(#[source] BoxError),
}

fn record(key: &str) -> String {
    if key.is_empty() { String::new() } else { format!("record {key}: ") }
}

impl TableError {
    /// Wraps an error of the database or the object store.
    pub fn store(source: impl Into<BoxError>) -> Self {
        Self::Store(source.into())
    }
}
