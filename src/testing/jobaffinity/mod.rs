//! A simulated JobAffinity.
//!
//! The behaviour follows the vendor's documentation. What it leaves open (the order of lists, whether `since` includes its id,
//! how long a cursor is valid, the forms of links) can be set. See [`JobAffinity`].

mod api;
mod builder;
mod data;
mod page;
mod records;
mod routes;
mod variants;

pub use self::api::JobAffinity;
pub use self::builder::Builder;
pub use self::data::AffinityData;
pub use self::routes::AffinityService;
pub use self::variants::{Edition, LastPage, Links, Order};
