//! A simulator of any API, made of a description. See [`AnyApi`].

mod api;
mod order;
mod page;
mod route;

pub use self::api::{AnyApi, AnyService, Builder, Lists};
pub use self::route::ListRoute;
