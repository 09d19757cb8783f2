//! What can be wrong with the body of an answer.

/// What is wrong with the body of a successful answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BodyProblem {
    /// HTML: a login page, a proxy's error page, or a wrong base URL.
    #[error("the body is HTML, not JSON (a proxy, a login page, or a wrong base URL)")]
    Html,
    /// Not JSON, or not UTF-8.
    #[error("the body is not JSON")]
    NotJson,
    /// The JSON ends too early: the body was cut.
    #[error("the body ends in the middle of the JSON")]
    Truncated,
    /// An error object stands where data belongs.
    #[error("the body is an error object")]
    ErrorObject,
    /// The JSON has another shape than the endpoint's; the text names what is missing.
    #[error("the JSON has another shape: {0}")]
    Shape(String),
    /// The server did not apply a parameter that the result depends on; the text says which and what to do.
    #[error("{0}")]
    Ignored(String),
}
