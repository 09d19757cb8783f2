//! The response models of JobAffinity.
//!
//! The two editions of the vendor's reference disagree on some names; both are read. Every field may be absent or null.

mod application;
mod candidate;
mod items;
mod job;
mod moment;
mod process;
mod shared;

pub use application::*;
pub use candidate::*;
pub use items::Items;
pub use job::*;
pub use moment::Moment;
pub use process::*;
pub use shared::*;
