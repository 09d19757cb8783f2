//! A simulated EmployJoy.
//!
//! The behaviour follows the vendor's documentation; where that says nothing, the item tells what was chosen. See
//! [`EmployJoy`].

mod api;
mod builder;
mod data;
mod events;
mod routes;
mod submit;

pub use self::api::EmployJoy;
pub use self::builder::Builder;
pub use self::data::{Attempt, Order, PartnerData};
pub use self::routes::PartnerService;
