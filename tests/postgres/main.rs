//! The store in PostgreSQL, against a server that these tests start in a temporary folder. Without PostgreSQL's programs on this
//! machine they say so and pass; `.ci/run` installs them.
#![cfg(all(feature = "postgres", feature = "testing"))]
#![allow(clippy::pedantic, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods, clippy::print_stderr)]

mod cut;
#[cfg(feature = "quarantine")]
mod quarantine;
#[allow(dead_code, unreachable_pub)]
mod server;
mod store;
#[path = "../support/mod.rs"]
mod support;
