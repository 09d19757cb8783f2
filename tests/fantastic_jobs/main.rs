//! Fantastic.jobs: requests, models, the planner, syncs, expired ids.
#![cfg(feature = "testing")]
#![allow(clippy::pedantic, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods, clippy::print_stdout)]

mod expired;
mod filters;
mod kit;
mod models;
mod planner;
mod requests;
#[path = "../support/mod.rs"]
mod support;
mod sync;
mod undocumented;
mod year;
