//! Where in an answer a value is, and how it is read.

use std::fmt;

use super::envelope::number_of_records;
use crate::error::AnswerError;
use crate::json;
use crate::listing::endpoint::Answer;

/// Where in an answer a value is that is no record, such as a token or a total.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ValueAt<'a> {
    /// In the body at this JSON pointer (RFC 6901), outside the list of records: `/next_cursor`, `/meta/next`.
    Pointer(&'a str),
    /// In the header with this name, in upper or lower case.
    Header(&'a str),
}

impl fmt::Display for ValueAt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pointer(pointer) => write!(f, "`{pointer}`"),
            Self::Header(name) => write!(f, "the header `{name}`"),
        }
    }
}

impl ValueAt<'_> {
    /// The text of a JSON string or number, or of a header; `None` when it is absent, null or empty.
    ///
    /// # Errors
    /// [`AnswerError`] for any other value, and for a pointer that is not one.
    pub(super) fn text(self, answer: &Answer<'_>) -> Result<Option<String>, AnswerError> {
        let wrong = || AnswerError::shape(format!("{self} is neither a text nor a number"));
        let text = match self {
            Self::Pointer(pointer) if json::segments(pointer).is_none() => {
                return Err(AnswerError::shape(format!("`{pointer}` is not a JSON pointer: it begins with `/`")));
            }
            Self::Pointer(pointer) => match answer.fields.pointer(pointer) {
                None | Some("null") => None,
                Some(json) => Some(json::scalar_text(json).ok_or_else(wrong)?),
            },
            Self::Header(name) => match answer.headers.get(name) {
                None => None,
                Some(value) => Some(value.to_str().map_err(|_| wrong())?.trim().to_owned()),
            },
        };
        Ok(text.filter(|text| !text.is_empty()))
    }
}

/// A total at any place of the answer: a number of records in any form that JSON has for it, or in a header. Absent and null say
/// that the server tells none.
///
/// ```
/// use jobfeed::endpoint::{Answer, AnswerError, Paging};
/// use jobfeed::paginate::{self, ValueAt};
///
/// fn next(answer: &Answer<'_>) -> Result<Paging, AnswerError> {
///     let total = paginate::total_at(answer, ValueAt::Pointer("/meta/total"))?;
///     Ok(Paging { total, ..paginate::token_at(answer, ValueAt::Pointer("/meta/next"))? })
/// }
/// ```
///
/// # Errors
/// [`AnswerError`] when it is something else, such as a fraction or `true`.
pub fn total_at(answer: &Answer<'_>, at: ValueAt<'_>) -> Result<Option<u64>, AnswerError> {
    let wrong = || AnswerError::shape(format!("{at} is not a number of records"));
    let text = at.text(answer).map_err(|_| wrong())?;
    text.map(|text| number_of_records(&text).ok_or_else(wrong)).transpose()
}
