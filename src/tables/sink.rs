//! The trait of the tables: what a batch is written to.

use std::future::Future;
use std::sync::Arc;

use futures::future::BoxFuture;
use serde::Serialize;
use serde_json::{Map, Value};

use super::changes::Changes;
use super::schema::Schema;
use crate::checkpoint::{AnyStore, Checkpoint, Fence, SyncState};
use crate::error::Result;
use crate::sync::Batch;

/// A table that takes the rows of a batch and the state of its sync in one step: both are durable together, or neither.
///
/// A program that chooses the kind of table at run time uses a `Box<dyn Sink>`, which is a `Sink` too. Implement
/// the first four methods for a table of your own.
pub trait Sink: Send + Sync {
    /// The name of the table.
    fn name(&self) -> &str;

    /// Its columns.
    fn schema(&self) -> &Schema;

    /// The store of the states that are kept with the rows: pass it to the sync.
    fn checkpoint(&self) -> AnyStore;

    /// Writes changes and the state after them under a checkpoint key in one step. [`Sink::commit`] calls it.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::Error::Invalid) when the changes were made for other columns or in another order,
    /// [`Error::Checkpoint`](crate::Error::Checkpoint) when the state does not follow the stored one, or the lease of the fence was lost, and
    /// [`Error::Table`](crate::Error::Table) when the storage fails. Nothing is written then.
    fn save<'a>(
        &'a self,
        changes: Changes,
        key: &'a str,
        state: &'a SyncState,
        fence: Option<Fence>,
    ) -> BoxFuture<'a, Result<()>>;

    /// No changes yet. Fill them and call [`Sink::commit_changes`] where a page changes the table in another way than [`Sink::commit`] does.
    fn changes(&self) -> Changes {
        Changes::new(self.name(), self.schema().clone())
    }

    /// Writes a batch and commits it: `row` makes a row of each record, and the rows of the page's removals
    /// ([`Batch::removals`]) are removed. The key of a removal is taken from its fields with the names of the key columns. A record that is on
    /// the page and also among its removals stays.
    ///
    /// # Errors
    /// [`Error::Table`](crate::Error::Table) when a value does not fit its column, and those of [`Sink::save`]. Nothing of the page is written, the
    /// run ends, and the next run delivers the page again.
    fn commit<T, C, R>(
        &self,
        batch: Batch<'_, T, C>,
        row: impl FnMut(&T) -> R + Send,
    ) -> impl Future<Output = Result<()>> + Send
    where
        Self: Sized,
        T: Send + 'static,
        C: Checkpoint,
        R: Serialize,
    {
        let changes = of_batch(self.changes(), &batch, row);
        async move { self.commit_changes(batch, changes?).await }
    }

    /// Writes changes and commits the batch from which they were made.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use jobfeed::jobdataapi::Client;
    /// # use jobfeed::testing::jobdataapi::{JobDataApi, Subscription};
    /// use jobfeed::jiff::civil::date;
    /// use jobfeed::tables::{Column, ColumnType, Schema, Sink, SqliteTable};
    /// use serde_json::json;
    ///
    /// # let server = JobDataApi::builder().jobs(300).subscription(Subscription::Pro).start().await?;
    /// # let api = Client::builder().api_key(server.api_key()).base_url(server.base_url()).build()?;
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("jobs.sqlite3");
    /// let schema = Schema::new([Column::new("id", ColumnType::Integer).key()])?;
    /// let table = SqliteTable::open(path, "postings", schema).await?;
    /// // Jobs that have expired are records of another sync.
    /// let sync = api.expired_jobs().sync_expired("jobs/expired", table.checkpoint());
    /// let mut run = sync.since(date(2026, 1, 1)).await?;
    /// while let Some(batch) = run.next().await? {
    ///     let mut changes = table.changes();
    ///     for id in batch.items().iter().filter_map(|expired| expired.job()) {
    ///         changes.remove(&json!({ "id": id }))?;
    ///     }
    ///     table.commit_changes(batch, changes).await?;
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// Those of [`Sink::commit`].
    fn commit_changes<T, C>(&self, batch: Batch<'_, T, C>, changes: Changes) -> impl Future<Output = Result<()>> + Send
    where
        Self: Sized,
        T: Send + 'static,
        C: Checkpoint,
    {
        async move {
            changes.check(self.schema())?;
            let (key, state, fence) = (batch.key().to_owned(), batch.next_state().clone(), batch.fence());
            self.save(changes, &key, &state, fence).await?;
            batch.committed();
            Ok(())
        }
    }
}

fn of_batch<T, C, R: Serialize>(
    mut changes: Changes,
    batch: &Batch<'_, T, C>,
    mut row: impl FnMut(&T) -> R,
) -> Result<Changes> {
    let schema = changes.schema().clone();
    for record in batch.removals() {
        let mut key = Map::new();
        for column in schema.keys() {
            let value: Option<Value> = record.get(column.name());
            key.insert(column.name().to_owned(), value.ok_or_else(|| changes.missing(column.name()))?);
        }
        changes.remove(&key)?;
    }
    for item in batch.items() {
        changes.upsert(&row(item))?;
    }
    Ok(changes)
}

macro_rules! by_pointer {
    ($($pointer:ty),*) => {$(
        impl<S: Sink + ?Sized> Sink for $pointer {
            fn name(&self) -> &str {
                (**self).name()
            }

            fn schema(&self) -> &Schema {
                (**self).schema()
            }

            fn checkpoint(&self) -> AnyStore {
                (**self).checkpoint()
            }

            fn save<'a>(
                &'a self,
                changes: Changes,
                key: &'a str,
                state: &'a SyncState,
                fence: Option<Fence>,
            ) -> BoxFuture<'a, Result<()>> {
                (**self).save(changes, key, state, fence)
            }

            fn changes(&self) -> Changes {
                (**self).changes()
            }
        }
    )*};
}

by_pointer!(&S, Arc<S>, Box<S>);
