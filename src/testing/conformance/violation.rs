//! What a check expected and what it found.

use std::fmt::{self, Debug, Display};

use crate::error::{BoxError, Error};

/// A check of the suite that failed: which part of it, what was expected, and what was found.
pub struct Violation {
    what: String,
    expected: String,
    found: String,
}

impl Violation {
    pub(super) fn new(what: impl Display, expected: impl Display, found: impl Debug) -> Self {
        Self { what: what.to_string(), expected: expected.to_string(), found: format!("{found:?}") }
    }

    /// An error where none was expected.
    pub(super) fn failed(what: impl Display, error: impl Into<BoxError>) -> Self {
        Self::new(what, "no error", error.into())
    }
}

impl Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected {}, found {}", self.what, self.expected, self.found)
    }
}

/// As `Display`, because a test that returns an error shows its `Debug`.
impl Debug for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

impl std::error::Error for Violation {}

impl From<Error> for Violation {
    fn from(error: Error) -> Self {
        Self::failed("the case", error)
    }
}

/// That two values are equal.
#[allow(clippy::needless_pass_by_value, reason = "most of them are numbers")]
pub(super) fn equal<T: PartialEq + Debug>(what: impl Display, found: T, expected: T) -> Result<(), Violation> {
    if found == expected { Ok(()) } else { Err(Violation::new(what, format!("{expected:?}"), found)) }
}

/// That a condition holds; `expected` says it in words.
pub(super) fn holds(what: impl Display, condition: bool, expected: &str, found: impl Debug) -> Result<(), Violation> {
    if condition { Ok(()) } else { Err(Violation::new(what, expected, found)) }
}
