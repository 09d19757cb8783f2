//! The archive: what is kept, what a replay gives, and what crashes and failures leave.
#![cfg(all(feature = "archive", feature = "testing"))]
#![allow(clippy::pedantic, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod crash;
mod failures;
mod kit;
mod replay;
mod retention;
mod secrets;
#[path = "../support/mod.rs"]
mod support;
