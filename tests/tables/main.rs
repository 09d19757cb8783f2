//! Tables: SQLite, PostgreSQL and Parquet by one suite, and what is special about each. PostgreSQL and pyarrow are optional on a
//! developer's machine: without them the tests say so and pass; `.ci/run` installs them.
#![cfg(all(feature = "parquet", feature = "postgres", feature = "sqlite", feature = "testing"))]
#![allow(clippy::pedantic, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods, clippy::future_not_send, clippy::manual_is_multiple_of, clippy::print_stderr)]

mod careless;
mod feed;
mod files;
mod parquet;
#[path = "python.rs"]
mod python;
mod read_by_python;
#[path = "../postgres/server.rs"]
#[allow(dead_code, unreachable_pub)]
mod server;
mod sinks;
