//! Tests of the engine that do not depend on a provider: the promises, with servers that fail or send wrong answers.
#![cfg(feature = "testing")]
#![allow(clippy::pedantic, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods, clippy::err_expect)]

mod answers;
mod any_api;
mod any_list;
mod conformance;
mod crash;
mod credentials;
#[cfg(all(unix, feature = "sqlite"))]
mod disk;
#[cfg(feature = "drift")]
mod drift;
mod hostile;
mod in_flight;
mod incremental;
mod inspect;
mod key_pool;
#[cfg(feature = "sqlite")]
mod leases;
mod many_partitions;
mod messages;
#[cfg(feature = "metrics")]
mod metrics;
mod oauth2;
mod observe;
mod paginate;
mod partitions;
mod prefetch;
#[cfg(all(feature = "quarantine", feature = "sqlite"))]
mod quarantine;
mod query_key;
mod quota;
mod rate_limit;
mod redaction;
mod reports;
mod requests;
mod rest;
mod resumed;
#[cfg(feature = "sqlite")]
mod stores;
#[path = "../support/mod.rs"]
mod support;
#[cfg(all(unix, feature = "sqlite"))]
#[path = "../support/unprivileged.rs"]
mod unprivileged;
mod values;
mod waiting;
