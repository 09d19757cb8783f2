//! Where the state of a sync is kept: the [`Checkpoint`] trait, and stores for memory, files and SQLite.

mod file;
mod mark;
mod memory;
#[cfg(feature = "sqlite")]
mod sqlite;
mod state;
mod store;

pub use crate::error::CheckpointError;
pub use file::FileStore;
pub use mark::{Mark, MarkValue};
pub use memory::MemoryStore;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteStore;
pub use state::{RunInProgress, SyncState};
pub use store::{AnyStore, Checkpoint};
