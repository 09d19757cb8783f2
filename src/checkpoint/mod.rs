//! Where the state of a sync is kept: the [`Checkpoint`] trait, and stores for memory, files, SQLite and PostgreSQL.
//!
//! A store keeps one small [`SyncState`] for each checkpoint key. It refuses a save that does not follow the stored state, so two processes
//! cannot overwrite each other's state.
//!
//! | store | keeps the state in | state and rows in one transaction | feature |
//! |---|---|---|---|
//! | [`MemoryStore`] | the process; for tests | no | |
//! | [`FileStore`] | a file for each key | no | |
//! | `SqliteStore` | a table | `save_in` | `sqlite` |
//! | `PostgresStore` | a table | `save_in`; `save_statement` for sqlx, diesel and others | `postgres` |
//! | your own | wherever you implement [`Checkpoint`] | as you write it | |
//!
//! * **At least once**: store the rows of a batch, then call [`Batch::commit`](crate::Batch::commit), which saves in the store of the run.
//! * **Exactly once**: in one transaction write the rows and [`Batch::next_state`](crate::Batch::next_state), then call
//!   [`Batch::committed`](crate::Batch::committed). The module `tables` does this for SQLite and PostgreSQL, and writes Parquet files with the state.
//! * **Many workers**: take a lease of the key with [`LeaseStore::lease`], and pass it to the sync as its store. All four stores give leases.
//!   When to use many workers: [`partitions`](crate::partitions()).
//! * **A store of your own** is tested by `testing::conformance::store`, its leases by `testing::conformance::leases` (feature `testing`).

mod fence;
mod file;
mod lease;
mod mark;
mod memory;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "postgres")]
mod postgres_schema;
#[cfg(feature = "sqlite")]
mod sqlite;
mod state;
mod store;

pub use crate::error::CheckpointError;
pub use fence::Fence;
pub use file::FileStore;
#[cfg(any(feature = "archive", feature = "parquet"))]
pub(crate) use file::file_name;
#[cfg(feature = "quarantine")]
pub(crate) use file::{LOCK_TIMEOUT, lock_file, sync_folder};
pub use lease::{Lease, LeaseStore};
pub use mark::{Mark, MarkValue};
pub use memory::MemoryStore;
#[cfg(feature = "postgres")]
pub use postgres::{PostgresStore, SaveParameters};
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteStore;
pub use state::{RunInProgress, SyncState};
pub use store::{AnyStore, Checkpoint};
