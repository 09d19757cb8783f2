//! Errors of checkpoints.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::boxed::BoxError;

/// What is wrong with a checkpoint.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The stored text is not a state. It is not changed.
    #[error("the stored state cannot be read ({reason}); restore it, or delete it to start a new sync")]
    Corrupt {
        /// What does not parse.
        reason: String,
    },
    /// The state was written by a newer version of this crate.
    #[error("the stored state has version {version}, this program reads versions up to {supported}; update it")]
    Newer {
        /// The stored version.
        version: u32,
        /// The newest version that can be read.
        supported: u32,
    },
    /// The state belongs to another query: the server, endpoint, filters or page size differ.
    #[error("the stored state belongs to another query (server, endpoint, filters, page size); use another key")]
    OtherQuery,
    /// The state belongs to another kind of sync.
    #[error("the stored state belongs to the sync {stored:?}, not {wanted:?}; use another key")]
    OtherStrategy {
        /// The stored strategy.
        stored: String,
        /// The strategy of this sync.
        wanted: String,
    },
    /// Another process has saved under this key.
    #[error("revision {found} is stored, not {expected}: another process saved under this key; run one at a time")]
    Conflict {
        /// The revision that had to be stored before this save.
        expected: u64,
        /// The stored revision.
        found: u64,
    },
    /// Another worker has the lease of the key.
    #[error("{holder:?} has the lease of this key, and it ends in {ends_in:?} if it is not renewed; run later")]
    Leased {
        /// Its name, as it took the lease.
        holder: String,
        /// How long until the lease ends, if it is not renewed.
        ends_in: Duration,
    },
    /// The lease of this worker has ended, and another worker may have taken it. Nothing was saved.
    #[error("the lease of this worker has ended, so nothing was saved; take a new lease, and run again")]
    LeaseLost,
    /// The lease is for another key.
    #[error("the lease is for the key {leased:?}; use it only for this key")]
    OtherKey {
        /// The key of the lease.
        leased: String,
    },
    /// The system refuses to read or write a file of the store, such as on a full disk or in a folder that cannot be written.
    #[error(
        "{}: {source}; check the free space and who may write there, then run again",
        .path.display(), source = .source.to_string()
    )]
    File {
        /// The file, or the folder.
        path: PathBuf,
        /// The reason: a [`std::io::Error`], or the error of SQLite.
        source: BoxError,
    },
    /// The store failed.
    #[error("the store failed; check the store, then run again")]
    Store(#[source] BoxError),
}

impl CheckpointError {
    /// Wraps an error of the store.
    pub fn store(source: impl Into<BoxError>) -> Self {
        Self::Store(source.into())
    }

    /// An error of the system about a file.
    pub(crate) fn file(path: &Path, source: impl Into<BoxError>) -> Self {
        Self::File { path: path.to_owned(), source: source.into() }
    }

    /// Returns a `CheckpointError` as it is, and wraps any other error of a store.
    pub(crate) fn from_store(error: impl Into<BoxError>) -> Self {
        match error.into().downcast::<Self>() {
            Ok(own) => *own,
            Err(other) => Self::Store(other),
        }
    }
}
