//! Incremental syncs: a run reads the records after the watermark in batches, and the caller commits each batch.
//!
//! ```text
//! load state ─► freeze window ─► page ─► Batch ─► store rows ─► commit ─► page
//!                                       └─ or next_state() in your transaction
//! ```
//!
//! What a run guarantees:
//!
//! * **No row is lost.** The watermark moves only when a run has reached its end and no records are missing.
//! * **At least once**, and exactly once when [`Batch::next_state`] is written in the transaction that writes the rows.
//! * **Frozen windows.** Dates and ids are fixed when a run starts and used again when it is resumed.

mod batch;
mod counts;
mod density;
mod diff;
mod drive;
mod id_ranges;
mod incremental;
mod incremental_position;
mod incremental_walk;
mod inspect;
mod overlap;
mod partition;
mod partition_progress;
mod partition_report;
mod partition_runs;
mod range_ends;
mod range_reader;
mod report;
mod request;
mod run;
mod server_date;
mod since;
mod stop;
mod strategy;

pub use batch::Batch;
pub use diff::ListDiff;
pub(crate) use id_ranges::{IdRanges, RangeQuery, RangesPosition};
pub use incremental::{Coverage, Incremental};
pub use inspect::{Inspect, InspectedEnd, InspectedPage};
pub(crate) use overlap::{OverlapPosition, OverlapWalk};
pub use partition::{PartitionError, PartitionResult, Partitions, partitions};
pub use partition_progress::PartitionsProgress;
pub use partition_report::{PartitionCounts, PartitionEntry, PartitionsReport};
pub use report::{Outcome, Report, RunError};
pub(crate) use request::{RunStart, SyncOptions, SyncRequest, sync_request};
pub use run::SyncRun;
pub(crate) use server_date::{check_clock, clock_ahead, server_date};
pub(crate) use since::SinceOptions;
pub use since::SyncIncremental;
pub use stop::StopSignal;
pub(crate) use strategy::{PageView, Step, Strategy, Verdict, WalkError};
