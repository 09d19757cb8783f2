//! jobdataapi.com: requests, models, syncs by id and by date.
#![cfg(feature = "testing")]
#![allow(clippy::pedantic, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::type_complexity)]

mod churn;
mod contradictions;
mod filters;
mod models;
mod odd_servers;
mod other_copies;
mod requests;
#[path = "../support/mod.rs"]
mod support;
mod sync_by_date;
mod sync_by_id;
mod sync_expired;
mod wire_cost;
