//! The trait of the stores, and a type that wraps any store.

use std::future::Future;
use std::sync::Arc;

use futures::future::BoxFuture;

use super::fence::Fence;
use super::state::SyncState;
use crate::error::{BoxError, CheckpointError};

/// Keeps the state of syncs, one for each key. Implement it to store the state where you store your rows.
///
/// A store must refuse a save whose [`SyncState::revision`] is not the stored one plus one (1 when nothing is stored),
/// preferably with [`CheckpointError::Conflict`], and must keep the old state when a save fails. Write
/// plain `async fn`:
///
/// ```
/// use std::collections::HashMap;
/// use jobfeed::{Checkpoint, SyncState, checkpoint::CheckpointError};
/// use tokio::sync::Mutex;
///
/// #[derive(Default)]
/// struct MyStore(Mutex<HashMap<String, String>>);
///
/// type Result<T> = std::result::Result<T, CheckpointError>;
///
/// impl Checkpoint for MyStore {
///     type Error = CheckpointError;
///
///     async fn load(&self, key: &str) -> Result<Option<SyncState>> {
///         let states = self.0.lock().await;
///         states.get(key).map(|json| SyncState::from_json(json)).transpose()
///     }
///
///     async fn save(&self, key: &str, state: &SyncState) -> Result<()> {
///         let mut states = self.0.lock().await;
///         let old = states.get(key).map(|json| SyncState::from_json(json));
///         CheckpointError::check_revision(old.transpose()?.as_ref(), state)?;
///         states.insert(key.to_owned(), state.to_json());
///         Ok(())
///     }
/// }
/// ```
pub trait Checkpoint: Send + Sync {
    /// Why the store failed. Use [`CheckpointError`] where it fits: the caller gets its variants unchanged.
    type Error: Into<BoxError>;

    /// The state of a key, `None` when there is none.
    fn load(&self, key: &str) -> impl Future<Output = Result<Option<SyncState>, Self::Error>> + Send;

    /// Replaces the state of a key, durably.
    fn save(&self, key: &str, state: &SyncState) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// The fencing token of a [`Lease`](super::Lease), for saves in the caller's transaction ([`Batch::fence`](crate::Batch::fence)). Default:
    /// none, this store is no lease.
    fn fence(&self) -> Option<Fence> {
        None
    }

    /// Called before each call of a run, not before its retries: an error ends the run before anything more is sent. Does no I/O. Default: `Ok`.
    ///
    /// # Errors
    /// [`CheckpointError::LeaseLost`] when the store is a lease that was lost.
    fn check(&self) -> Result<(), CheckpointError> {
        Ok(())
    }
}

/// Wraps any store in one type, so that it can be chosen at run time. Cheap to clone.
#[derive(Clone)]
pub struct AnyStore(Arc<dyn Erased>);

/// [`Checkpoint`] as an object-safe trait.
trait Erased: Send + Sync {
    fn load<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<SyncState>, CheckpointError>>;
    fn save<'a>(&'a self, key: &'a str, state: &'a SyncState) -> BoxFuture<'a, Result<(), CheckpointError>>;
    fn fence(&self) -> Option<Fence>;
    fn check(&self) -> Result<(), CheckpointError>;
}

impl<C: Checkpoint> Erased for C {
    fn load<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<SyncState>, CheckpointError>> {
        Box::pin(async move { Checkpoint::load(self, key).await.map_err(CheckpointError::from_store) })
    }

    fn save<'a>(&'a self, key: &'a str, state: &'a SyncState) -> BoxFuture<'a, Result<(), CheckpointError>> {
        Box::pin(async move { Checkpoint::save(self, key, state).await.map_err(CheckpointError::from_store) })
    }

    fn fence(&self) -> Option<Fence> {
        Checkpoint::fence(self)
    }

    fn check(&self) -> Result<(), CheckpointError> {
        Checkpoint::check(self)
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

    fn fence(&self) -> Option<Fence> {
        self.0.fence()
    }

    fn check(&self) -> Result<(), CheckpointError> {
        self.0.check()
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

            fn fence(&self) -> Option<Fence> {
                (**self).fence()
            }

            fn check(&self) -> Result<(), CheckpointError> {
                (**self).check()
            }
        }
    )*};
}

by_pointer!(&C, Arc<C>, Box<C>);
