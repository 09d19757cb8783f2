//! Puts records of a run into quarantine.

use std::fmt;

use futures::FutureExt;
use futures::future::{BoxFuture, ready};
use serde_json::{Value, json};

use super::entry::Entry;
use super::store::QuarantineStore;
use crate::error::BoxError;
use crate::sync::{Inspect, InspectedEnd, InspectedPage};

/// Puts records of a run into quarantine before their page is handed out: from [`Quarantine::keep`](super::Quarantine::keep) and
/// [`Quarantine::keep_refused`](super::Quarantine::keep_refused). In [`Report::inspected`](crate::Report::inspected) the first one says how
/// many records it has added, and how many are kept under the key of the run in all; the second one has the report of its inspector.
pub struct Keeper<S> {
    store: S,
    /// Whose refused pages are kept; `None`: the rejected records of all pages.
    inner: Option<Box<dyn Inspect>>,
    added: u64,
    waiting: u64,
}

impl<S: QuarantineStore> Keeper<S> {
    pub(super) fn new(store: S, inner: Option<Box<dyn Inspect>>) -> Self {
        Self { store, inner, added: 0, waiting: 0 }
    }

    async fn look(&mut self, page: &InspectedPage<'_>) -> Result<(), BoxError> {
        let Some(inner) = &mut self.inner else {
            let entries = page.rejected().iter().map(|record| Entry::new(page, record.raw(), &record.reason));
            return self.add(page.key(), entries.collect()).await;
        };
        let Err(error) = inner.page(page).await else { return Ok(()) };
        let reason = error.to_string();
        let entries = page.records().map(|record| Entry::new(page, record.text(), &reason)).collect();
        self.add(page.key(), entries).await?;
        Err(error)
    }

    async fn add(&mut self, key: &str, entries: Vec<Entry>) -> Result<(), BoxError> {
        if !entries.is_empty() {
            self.added += self.store.add(&entries).await?;
            self.waiting = self.store.waiting(key).await?;
        }
        Ok(())
    }

    async fn tell(&mut self, end: &InspectedEnd<'_>) -> Result<(), BoxError> {
        self.waiting = self.store.waiting(end.key()).await?;
        match &mut self.inner {
            Some(inner) => inner.end(end).await,
            None => Ok(()),
        }
    }
}

impl<S: QuarantineStore> Inspect for Keeper<S> {
    /// `quarantine`, or the name of the inspector whose refused pages are kept.
    fn name(&self) -> &'static str {
        self.inner.as_ref().map_or("quarantine", |inner| inner.name())
    }

    fn page<'a>(&'a mut self, page: &'a InspectedPage<'_>) -> BoxFuture<'a, Result<(), BoxError>> {
        if self.inner.is_none() && page.rejected().is_empty() {
            return ready(Ok(())).boxed();
        }
        self.look(page).boxed()
    }

    fn end<'a>(&'a mut self, end: &'a InspectedEnd<'_>) -> BoxFuture<'a, Result<(), BoxError>> {
        self.tell(end).boxed()
    }

    fn report(&self) -> Value {
        match &self.inner {
            Some(inner) => inner.report(),
            None => json!({ "added": self.added, "waiting": self.waiting }),
        }
    }
}

impl<S> fmt::Debug for Keeper<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keeper").field("added", &self.added).field("waiting", &self.waiting).finish_non_exhaustive()
    }
}
