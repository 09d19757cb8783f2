//! JobAffinity: requests, models, pages, syncs, writes.
#![cfg(feature = "testing")]
#![allow(clippy::pedantic, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod crash;
mod diff;
mod models;
mod pages;
mod redaction;
#[path = "../support/mod.rs"]
mod support;
mod sync;
mod wire;
mod writes;
