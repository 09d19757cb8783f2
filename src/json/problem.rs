//! Why the body of an answer cannot be used.

/// Why the body of an answer with a success status cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BodyProblem {
    /// HTML: a login page, an error page of a proxy, or a wrong base URL.
    #[error("the body is HTML, not JSON (a proxy, a login page, or a wrong base URL)")]
    Html,
    /// Not JSON, or not UTF-8.
    #[error("the body is not JSON")]
    NotJson,
    /// The JSON is incomplete: the body was cut.
    #[error("the body is incomplete JSON")]
    Truncated,
    /// An error object instead of data.
    #[error("the body is an error object")]
    ErrorObject,
    /// The JSON does not have the shape of this endpoint; the text says what is wrong.
    #[error("the JSON has an unexpected shape: {0}")]
    Shape(String),
    /// The server did not apply a parameter that the result depends on; the text says which and what to do.
    #[error("{0}")]
    Ignored(String),
}
