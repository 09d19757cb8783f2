//! Finds and decodes records in JSON bodies; macros and value types for the models.

mod decode;
mod field;
mod fields;
mod message;
mod model;
mod pointer;
mod problem;
mod raw_field;
mod record;
pub mod value;

pub use decode::ListAt;
pub(crate) use decode::{Decoded, decode};
pub(crate) use field::{empty_as_none, in_field, list, number, one_or_many, scalar};
pub use fields::Fields;
pub(crate) use fields::fields;
pub(crate) use model::{debug_fields, model, open_enum};
pub(crate) use pointer::{find, segments};
pub use problem::BodyProblem;
pub(crate) use raw_field::{field, scalar_text};
pub use record::Record;
pub(crate) use value::{DateTime, Decimal, text_debug, text_traits};
