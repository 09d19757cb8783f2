//! The syncs of the active feeds by index time. No row is missed, and none is bought twice without need.

mod count;
mod options;
mod position;
mod sync;
mod walk;

pub use count::Price;
pub use options::Depth;
pub use sync::SyncWindows;
