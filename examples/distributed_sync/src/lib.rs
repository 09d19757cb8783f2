//! The parts of the example; [`worker`] is the one to copy. `main.rs` says what it shows and how to run it.
#![allow(clippy::disallowed_methods, reason = "the library's rule for clocks is not one for its users")]

pub mod demo;
pub mod monitor;
pub mod processes;
pub mod provider;
#[allow(dead_code)]
#[path = "../../../tests/postgres/server.rs"]
pub mod server;
pub mod tables;
pub mod worker;
