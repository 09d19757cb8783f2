//! The tests that the providers and stores of this crate pass, for yours.
//!
//! | what you have | what it passes | what you write |
//! |---|---|---|
//! | an [`Endpoint`](crate::Endpoint) or a client around one | the checks of a listing | a [`Case`] |
//! | an incremental sync of it | the checks of a sync | a [`SyncCase`] |
//! | a call that changes something on the server | the check of a `POST` | a [`PostCase`] |
//! | a [`Checkpoint`](crate::Checkpoint) store | [`store`](store()) | a function that opens it |
//! | a store that gives leases ([`LeaseStore`](crate::checkpoint::LeaseStore)) | [`store`](store()) and [`leases`](leases()) | the same function |
//!
//! The macro [`conformance_tests!`](crate::conformance_tests) makes a `#[test]` of each check, so that a failure has a name. A
//! check is also an async function here, such as [`every_record_arrives_once`]: when it fails, it returns a [`Violation`] that says what was
//! expected and what was found. [`Case`] has a whole example.
//!
//! A case runs on a [`Simulator`](super::Simulator), which applies the [faults](super::Fault): an
//! [`AnyApi`](super::AnyApi), which needs only a description, or one with a [`Service`](super::Service) of your own.

mod case;
mod faults;
mod leases;
mod macros;
mod pages;
mod posts;
mod store;
mod syncs;
mod violation;
mod walk;

pub use case::{Case, PAGE, PostCase, ROWS, Settings, SyncCase};
pub use faults::*;
pub use leases::leases;
pub use macros::block_on;
pub use pages::*;
pub use posts::*;
pub use store::store;
pub use syncs::*;
pub use violation::Violation;
