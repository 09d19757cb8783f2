//! Finds and decodes records in JSON bodies; macros and value types for the models.

mod decode;
mod field;
mod message;
mod model;
mod problem;
mod raw_field;
mod record;
pub mod value;

pub(crate) use decode::{Decoded, decode, fields};
pub use decode::{Fields, ListAt};
pub(crate) use field::{empty_as_none, in_field, list, number, one_or_many, scalar};
pub(crate) use model::{debug_fields, model, open_enum};
pub use problem::BodyProblem;
pub(crate) use raw_field::field;
pub use record::Record;
pub(crate) use value::{DateTime, Decimal, text_debug, text_traits};
