//! Why an answer with a good status is not accepted.

use crate::json::BodyProblem;

/// Why an answer with a good status is not accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum AnswerError {
    /// The body is not what was asked for.
    Body(BodyProblem),
    /// Not one record fits the model.
    AllRejected {
        /// Records in the page.
        rows: usize,
        /// Why the first does not fit.
        reason: String,
    },
    /// A link leads to another origin.
    Foreign {
        /// What kind of link.
        link: &'static str,
        /// The other origin.
        found: String,
    },
}

impl AnswerError {
    /// The JSON has another shape than expected.
    pub fn shape(what: impl Into<String>) -> Self {
        Self::Body(BodyProblem::Shape(what.into()))
    }
}

impl From<BodyProblem> for AnswerError {
    fn from(problem: BodyProblem) -> Self {
        Self::Body(problem)
    }
}
