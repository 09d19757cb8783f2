//! Webhooks: signatures, and the example receiver.
#![cfg(feature = "webhook")]
#![allow(clippy::pedantic, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods)]

#[cfg(all(feature = "sqlite", feature = "testing"))]
mod example;
mod signature;
