//! The quarantine: adds records, tries them again, and removes them.

use async_stream::try_stream;
use futures::StreamExt;
use futures::stream::BoxStream;
use serde::de::DeserializeOwned;

use super::entry::Entry;
use super::keeper::Keeper;
use super::store::QuarantineStore;
use crate::error::{CheckpointError, Error, Result};
use crate::json::{self, ListAt};
use crate::sync::Inspect;

/// So many entries are in memory at once.
const PART: usize = 100;

/// Rejected records, kept until they are released. See the [module](super).
#[derive(Debug, Clone)]
pub struct Quarantine<S> {
    store: S,
}

/// A record that was tried again.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Retried<T> {
    /// The record as it is kept.
    pub entry: Entry,
    /// The record as the new type, or why it does not fit that either, without its values.
    pub result: Result<T, String>,
}

impl<S: QuarantineStore + Clone + 'static> Quarantine<S> {
    /// A quarantine in this store.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] when the store cannot be made ready.
    pub async fn open(store: S) -> Result<Self> {
        store.prepare().await.map_err(|source| failed("", source))?;
        Ok(Self { store })
    }

    /// Keeps the rejected records of a run: pass it to [`SyncRun::inspect_with`](crate::SyncRun::inspect_with). A page whose rejected records cannot be
    /// stored is not handed out. A page on which *no* record fits is an error before that, unless the sync has `accept_all_rejected`.
    pub fn keep(&self) -> Keeper<S> {
        Keeper::new(self.store.clone(), None)
    }

    /// Keeps the records of the pages that `inspect` refuses, such as a check for drift: pass it to
    /// [`SyncRun::inspect_with`](crate::SyncRun::inspect_with) in the place of `inspect`. The page is still refused, and comes again.
    pub fn keep_refused(&self, inspect: impl Inspect + 'static) -> Keeper<S> {
        Keeper::new(self.store.clone(), Some(Box::new(inspect)))
    }

    /// How many records of the sync under this key are in quarantine.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] when the store fails.
    pub async fn waiting(&self, key: &str) -> Result<u64> {
        self.store.waiting(key).await.map_err(|source| failed(key, source))
    }

    /// Tries the records of the sync under this key as another type. They stay until [`Quarantine::release`] is called; one that does not fit has
    /// the reason. A newer version of a record may have been delivered since then: compare [`Entry::added`] before it replaces a row.
    ///
    /// A hundred entries are in memory at once. Entries that are added meanwhile may be left out.
    pub fn retry<T: DeserializeOwned + Send + 'static>(&self, key: &str) -> BoxStream<'static, Result<Retried<T>>> {
        let (store, key) = (self.store.clone(), key.to_owned());
        try_stream! {
            let mut after = String::new();
            loop {
                let entries = store.list(&key, &after, PART).await.map_err(|source| failed(&key, source))?;
                let Some(last) = entries.last() else { break };
                after.clone_from(&last.id);
                for entry in entries {
                    let result = decode(&entry.raw);
                    yield Retried { entry, result };
                }
            }
        }
        .boxed()
    }

    /// Removes entries, after their records are stored or when a person has decided that they are of no use. Returns how many there were.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] when the store fails.
    pub async fn release(&self, ids: impl IntoIterator<Item = String>) -> Result<u64> {
        let ids: Vec<String> = ids.into_iter().collect();
        self.store.remove(&ids).await.map_err(|source| failed("", source))
    }
}

/// A record as this type, or why it does not fit, without its values.
fn decode<T: DeserializeOwned>(raw: &str) -> Result<T, String> {
    let mut decoded = json::decode::<T>(raw.as_bytes(), &ListAt::Single).map_err(|problem| problem.to_string())?;
    let rejected = decoded.rejected.pop().map(|record| record.reason);
    decoded.items.pop().ok_or_else(|| rejected.unwrap_or_default())
}

fn failed(key: &str, source: CheckpointError) -> Error {
    Error::Checkpoint { key: format!("{key}#quarantine"), source }
}
