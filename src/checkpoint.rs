//! Where the state of a sync is kept: the [`Checkpoint`] trait, and stores for memory, files and SQLite.

use std::future::Future;
use std::sync::Arc;

use futures::future::BoxFuture;

use crate::error::BoxError;
use crate::sync::SyncState;

mod file;
mod memory;
#[cfg(feature = "sqlite")]
mod sqlite;

pub use file::FileStore;
pub use memory::MemoryStore;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteStore;

/// Keeps the state of syncs, one for each key. Implement it to put the state where your rows are.
///
/// A store must refuse a save whose [`SyncState::revision`] is not the stored one plus one (1 when nothing is stored), best
/// with [`CheckpointError::Conflict`], and must leave the old state as it was when a save fails. Implementors write plain
/// `async fn`:
///
/// ```
/// use std::collections::HashMap;
/// use jobfeed::{Checkpoint, SyncState, checkpoint::CheckpointError};
/// use tokio::sync::Mutex;
///
/// #[derive(Default)]
/// struct MyStore(Mutex<HashMap<String, String>>);
///
/// impl Checkpoint for MyStore {
///     type Error = CheckpointError;
///
///     async fn load(&self, key: &str) -> Result<Option<SyncState>, CheckpointError> {
///         self.0.lock().await.get(key).map(|json| SyncState::from_json(json)).transpose()
///     }
///
///     async fn save(&self, key: &str, state: &SyncState) -> Result<(), CheckpointError> {
///         let mut states = self.0.lock().await;
///         let stored = states.get(key).map(|json| SyncState::from_json(json)).transpose()?;
///         CheckpointError::check_revision(stored.as_ref(), state)?;
///         states.insert(key.to_owned(), state.to_json());
///         Ok(())
///     }
/// }
/// ```
pub trait Checkpoint: Send + Sync {
    /// Why the store failed. Use [`CheckpointError`] where it fits: its variants reach the caller as they are.
    type Error: Into<BoxError>;

    /// The state under a key, `None` when there is none.
    fn load(&self, key: &str) -> impl Future<Output = Result<Option<SyncState>, Self::Error>> + Send;

    /// Replaces the state under a key, durably.
    fn save(&self, key: &str, state: &SyncState) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

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

    /// Refuses a save that does not build on what is stored.
    ///
    /// # Errors
    /// [`CheckpointError::Conflict`] unless the new revision is the stored one plus one.
    pub fn check_revision(stored: Option<&SyncState>, new: &SyncState) -> Result<(), Self> {
        let found = stored.map_or(0, SyncState::revision);
        let expected = new.revision().saturating_sub(1);
        if found == expected { Ok(()) } else { Err(Self::Conflict { expected, found }) }
    }

    /// Keeps a typed error typed, whatever the store's error type is.
    pub(crate) fn from_store(error: impl Into<BoxError>) -> Self {
        match error.into().downcast::<Self>() {
            Ok(own) => *own,
            Err(other) => Self::Store(other),
        }
    }
}

/// Any store behind one type, so that it can be chosen at run time. Cheap to clone.
#[derive(Clone)]
pub struct AnyStore(Arc<dyn Erased>);

/// [`Checkpoint`] in an object-safe form.
trait Erased: Send + Sync {
    fn load<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<SyncState>, CheckpointError>>;
    fn save<'a>(&'a self, key: &'a str, state: &'a SyncState) -> BoxFuture<'a, Result<(), CheckpointError>>;
}

impl<C: Checkpoint> Erased for C {
    fn load<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<SyncState>, CheckpointError>> {
        Box::pin(async move { Checkpoint::load(self, key).await.map_err(CheckpointError::from_store) })
    }

    fn save<'a>(&'a self, key: &'a str, state: &'a SyncState) -> BoxFuture<'a, Result<(), CheckpointError>> {
        Box::pin(async move { Checkpoint::save(self, key, state).await.map_err(CheckpointError::from_store) })
    }
}

impl AnyStore {
    /// Wraps a store.
    pub fn new(store: impl Checkpoint + 'static) -> Self {
        Self(Arc::new(store))
    }
}

impl std::fmt::Debug for AnyStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AnyStore")
    }
}

impl Checkpoint for AnyStore {
    type Error = CheckpointError;

    async fn load(&self, key: &str) -> Result<Option<SyncState>, CheckpointError> {
        Erased::load(&*self.0, key).await
    }

    async fn save(&self, key: &str, state: &SyncState) -> Result<(), CheckpointError> {
        Erased::save(&*self.0, key, state).await
    }
}

macro_rules! by_pointer {
    ($($pointer:ty),*) => {$(
        impl<C: Checkpoint + ?Sized> Checkpoint for $pointer {
            type Error = C::Error;

            fn load(&self, key: &str) -> impl Future<Output = Result<Option<SyncState>, C::Error>> + Send {
                (**self).load(key)
            }

            fn save(&self, key: &str, state: &SyncState) -> impl Future<Output = Result<(), C::Error>> + Send {
                (**self).save(key, state)
            }
        }
    )*};
}

by_pointer!(&C, Arc<C>, Box<C>);
