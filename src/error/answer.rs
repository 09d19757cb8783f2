//! Why an answer with a success status is not accepted.

use crate::json::BodyProblem;

/// Why an answer with a success status is not accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum AnswerError {
    /// The body cannot be used.
    Body(BodyProblem),
    /// None of the records fits the record type.
    AllRejected {
        /// Records in the page.
        rows: usize,
        /// Why the first one does not fit.
        reason: String,
    },
    /// A link points to another origin.
    Foreign {
        /// The kind of link: `redirect` or `next link`.
        link: &'static str,
        /// The other origin.
        found: String,
    },
}

impl AnswerError {
    /// The JSON has an unexpected shape; the text says what is wrong.
    pub fn shape(what: impl Into<String>) -> Self {
        Self::Body(BodyProblem::Shape(what.into()))
    }
}

impl From<BodyProblem> for AnswerError {
    fn from(problem: BodyProblem) -> Self {
        Self::Body(problem)
    }
}
