//! The syncs of the active feeds: intervals of index time, each asked for so that it is neither missed nor bought twice.

mod count;
mod options;
mod position;
mod sync;
mod walk;

pub use count::Price;
pub use options::Depth;
pub use sync::SyncWindows;
