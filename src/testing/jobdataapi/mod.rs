//! A simulated jobdataapi.com.
//!
//! The behaviour follows the vendor's documentation, and Django REST framework where the vendor says nothing. See
//! [`JobDataApi`].

mod access;
mod api;
mod builder;
mod catalog;
mod data;
mod filter;
mod lists;
mod names;
mod page;
mod query;
mod record;
mod routes;

pub use self::access::Subscription;
pub use self::api::JobDataApi;
pub use self::builder::Builder;
pub use self::data::{Insert, JobData, Order};
pub use self::routes::JobService;
