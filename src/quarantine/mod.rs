//! Quarantine: rejected records, kept with their raw JSON until a newer record type reads them (feature `quarantine`).
//!
//! A page has its rejected records in [`Page::rejected`](crate::Page::rejected); after the commit they do not come again. With
//! [`Quarantine::keep`] they are stored before the page is handed out. [`Quarantine::retry`] tries them as another type; nothing removes them but
//! [`Quarantine::release`].
//!
//! A page on which *no* record fits the record type is an error before that: its records come again, and are kept only where the sync has
//! `accept_all_rejected`. [`Quarantine::keep_refused`] keeps all records of the pages that another inspector refuses, such as a check for drift.
//!
//! ```
//! # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use futures::TryStreamExt;
//! use jobfeed::checkpoint::MemoryStore;
//! use jobfeed::quarantine::{JsonLines, Quarantine};
//!
//! # use jobfeed::{jobdataapi::{Client, Job}, testing::JobDataApi};
//! # let server = JobDataApi::builder().jobs(300).start().await?;
//! # let (key, url) = (server.api_key(), server.base_url());
//! # let api = Client::builder().api_key(key).base_url(url).build()?;
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("quarantine.jsonl");
//! let quarantine = Quarantine::open(JsonLines::new(path)).await?;
//! let mut run = api.jobs().sync_by_id("jobs/all", MemoryStore::new()).await?.inspect_with(quarantine.keep());
//! while let Some(batch) = run.next().await? {
//!     // … upsert batch.items() …
//!     batch.commit().await?;
//! }
//! println!("{} records in quarantine", quarantine.waiting("jobs/all").await?);
//!
//! // Later, with a newer record type.
//! let mut retried = quarantine.retry::<Job>("jobs/all");
//! while let Some(retried) = retried.try_next().await? {
//!     if let Ok(job) = &retried.result {
//!         // … upsert the job, unless the table has a newer version of it …
//! #       let _ = job;
//!         quarantine.release([retried.entry.id]).await?;
//!     }
//! }
//! # Ok(()) }
//! ```
//!
//! The store is a file of JSON lines ([`JsonLines`]), or the database of the checkpoints: `SqliteStore` (feature `sqlite`) and
//! `PostgresStore` (feature `postgres`) keep a table `jobfeed_quarantine`. Your own is a [`QuarantineStore`]. The raw JSON is stored as
//! received, so protect it as you protect the rows.

mod entry;
mod json_lines;
mod keeper;
#[cfg(feature = "postgres")]
mod postgres;
mod retry;
#[cfg(feature = "sqlite")]
mod sqlite;
mod store;

pub use entry::Entry;
pub use json_lines::JsonLines;
pub use keeper::Keeper;
pub use retry::{Quarantine, Retried};
pub use store::QuarantineStore;
