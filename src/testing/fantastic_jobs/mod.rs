//! A simulated Fantastic.jobs.
//!
//! The behaviour follows the vendor's documentation where there is any. See [`FantasticJobs`].

mod api;
mod builder;
mod data;
mod page;
mod routes;
mod service;

pub use self::api::FantasticJobs;
pub use self::builder::Builder;
pub use self::data::{Ad, FeedData, FeedName, Feeds};
pub use self::service::{FantasticService, Subscription};
