//! What can be wrong with a checkpoint.

use super::kinds::BoxError;

/// What is wrong with a checkpoint.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// What is stored is not a state. It is left as it is.
    #[error("the stored state cannot be read ({reason}); restore it, or delete it to start afresh")]
    Corrupt {
        /// What does not parse.
        reason: String,
    },
    /// The state was written by a newer version of this crate.
    #[error("the stored state has version {version}, this program reads up to {supported}; update the program")]
    Newer {
        /// The stored version.
        version: u32,
        /// The newest that can be read.
        supported: u32,
    },
    /// The state belongs to a query of another server or endpoint, with other filters or another page size.
    #[error(
        "the stored state belongs to another query (server, endpoint, filters or page size differ); use another checkpoint key"
    )]
    OtherQuery,
    /// The state belongs to another way of walking.
    #[error("the stored state belongs to a sync {stored}, not {wanted}; use another checkpoint key")]
    OtherStrategy {
        /// The stored strategy.
        stored: String,
        /// The one that was asked for.
        wanted: String,
    },
    /// Another process has saved under this key.
    #[error(
        "revision {found} is stored where {expected} was expected: another process works on this key; run one at a time"
    )]
    Conflict {
        /// The revision that the save builds on.
        expected: u64,
        /// The stored revision.
        found: u64,
    },
    /// The store failed.
    #[error("the store failed")]
    Store(#[source] BoxError),
}

impl CheckpointError {
    /// A failure of the store's own.
    pub fn store(source: impl Into<BoxError>) -> Self {
        Self::Store(source.into())
    }

    /// Keeps a typed error typed, whatever the store's error type is.
    pub(crate) fn from_store(error: impl Into<BoxError>) -> Self {
        match error.into().downcast::<Self>() {
            Ok(own) => *own,
            Err(other) => Self::Store(other),
        }
    }
}
