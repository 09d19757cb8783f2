//! What can be wrong with the body of an answer.

use std::fmt;

/// What is wrong with the body of a successful answer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum BodyProblem {
    /// HTML: a login page, a proxy's error page, or a wrong base URL.
    Html,
    /// Not JSON, or not UTF-8.
    NotJson,
    /// The JSON ends too early: the body was cut.
    Truncated,
    /// An error object stands where data belongs.
    ErrorObject,
    /// The JSON has another shape than the endpoint's; the text names what is missing.
    Shape(String),
    /// The server did not apply a parameter that the result depends on; the text says which and what to do.
    Ignored(String),
}

impl fmt::Display for BodyProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Html => f.write_str("the body is HTML, not JSON (a proxy, a login page, or a wrong base URL)"),
            Self::NotJson => f.write_str("the body is not JSON"),
            Self::Truncated => f.write_str("the body ends in the middle of the JSON"),
            Self::ErrorObject => f.write_str("the body is an error object"),
            Self::Shape(what) => write!(f, "the JSON has another shape: {what}"),
            Self::Ignored(what) => f.write_str(what),
        }
    }
}
