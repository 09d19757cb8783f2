//! One posting: the mappings of the providers, JSON-LD, identities, text of HTML.
#![cfg(feature = "posting")]
#![allow(clippy::pedantic, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod html;
mod identities;
mod json_ld;
mod providers;
mod support;
