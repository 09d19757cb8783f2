//! Where the state of a sync is kept: the [`Checkpoint`] trait, and stores for memory, files, SQLite and PostgreSQL.

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
pub use lease::{Lease, LeaseStore};
pub use mark::{Mark, MarkValue};
pub use memory::MemoryStore;
#[cfg(feature = "postgres")]
pub use postgres::{PostgresStore, SaveParameters};
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteStore;
pub use state::{RunInProgress, SyncState};
pub use store::{AnyStore, Checkpoint};
