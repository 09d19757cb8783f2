//! One record as JSON text, for questions about it that do not depend on the record type.

use std::fmt;

use serde::de::DeserializeOwned;

use super::pointer::{find, segments};
use super::raw_field::field;

/// One record of a page as JSON text. Its fields are read without decoding the whole record.
#[derive(Clone, Copy)]
pub struct Record<'a>(&'a [u8]);

impl<'a> Record<'a> {
    pub(crate) fn new(text: &'a [u8]) -> Self {
        Self(text)
    }

    /// The record's JSON text, byte for byte.
    pub fn text(&self) -> &'a str {
        // The decoder has already checked that the body is UTF-8.
        simdutf8::basic::from_utf8(self.0).unwrap_or_default()
    }

    /// The JSON text of a field of the record, `None` when it is absent. Fields of nested objects are not found: use
    /// [`Record::pointer`] for them.
    pub fn raw(&self, name: &str) -> Option<&'a str> {
        field(self.text(), name)
    }

    /// The JSON text at a JSON pointer (RFC 6901) of the record, such as `/meta/updated`; `None` when it is absent, or when the text is
    /// not a pointer.
    pub fn pointer(&self, pointer: &str) -> Option<&'a str> {
        find(self.text(), &segments(pointer)?)
    }

    /// A field of the record as a value; `None` when it is absent, null, or of another type.
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        serde_json::from_str::<Option<T>>(self.raw(name)?).ok().flatten()
    }

    /// Decodes the record.
    ///
    /// # Errors
    /// The decoder's error when the record does not fit the type.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(self.0)
    }
}

/// The length only: a record can hold personal data.
impl fmt::Debug for Record<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Record({} bytes)", self.0.len())
    }
}
