//! Incremental syncs: a run walks what a checkpoint has not covered yet, batch by batch, and the caller commits.
//!
//! ```text
//! load state ──► strategy freezes its window ──► page ──► Batch ──► caller stores rows ──► commit ──► next page
//!                                                             └── next_state() in the caller's own transaction
//! ```
//!
//! What a run guarantees:
//!
//! * **No row is lost.** The watermark moves only when a run has reached its end, and never over a hole.
//! * **At least once**, and exactly once when [`Batch::next_state`] is written in the transaction that writes the rows.
//! * **Frozen windows.** Dates and ids are fixed when a run starts and used again when it is resumed.

mod batch;
mod partition;
mod report;
mod rows;
mod run;
pub(crate) mod start;
mod state;
mod strategy;
pub(crate) mod walk;
mod window;

pub use batch::Batch;
pub use partition::partitions;
pub use report::{Outcome, Report};
pub use run::SyncRun;
pub use start::SyncRequest;
pub use state::{Mark, RunInProgress, SyncState};

pub(crate) use rows::{RowPosition, RowWalk, Walked};
pub(crate) use start::Plan;
pub(crate) use strategy::{Facts, Fault, Step, Strategy, Verdict};
pub(crate) use window::{Ask, Slicer};
