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
mod incremental;
mod overlap;
mod partition;
mod report;
mod request;
mod run;
mod slicer;
mod strategy;

pub use batch::Batch;
pub(crate) use incremental::{Covered, CursorWalk, Feed};
pub(crate) use overlap::{RowPosition, RowWalk, Walked};
pub use partition::partitions;
pub use report::{Outcome, Report};
pub use request::SyncRequest;
pub(crate) use request::{Plan, Refused, resume, state_of};
pub use run::SyncRun;
pub(crate) use slicer::{Ask, Slicer};
pub(crate) use strategy::{Facts, Fault, Step, Strategy, Verdict};
