//! How complete a walk was.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How complete a finished walk was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Completeness {
    /// The end was stated by the server, and the rows add up to its total where it tells one.
    Complete,
    /// Fewer rows arrived than the server's total, by this many, although nothing changed in between.
    ShortBy(u64),
    /// The listing changed while it was walked, so that a row may have been missed.
    Drifted {
        /// The total at the beginning, where the server tells one.
        first_total: Option<u64>,
        /// The total at the end.
        last_total: Option<u64>,
        /// Rows that came again on the following page.
        repeated: u64,
    },
}

impl Completeness {
    /// Whether nothing can be missing.
    pub fn is_complete(&self) -> bool {
        matches!(self, Self::Complete)
    }
}

impl fmt::Display for Completeness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Complete => f.write_str("complete"),
            Self::ShortBy(rows) => write!(f, "{rows} rows short of the server's total"),
            Self::Drifted { first_total, last_total, repeated } => {
                f.write_str("over a listing that changed meanwhile")?;
                if let (Some(first), Some(last)) = (first_total, last_total)
                    && first != last
                {
                    write!(f, ", from {first} to {last} rows")?;
                }
                if *repeated > 0 {
                    write!(f, ", {repeated} rows came twice")?;
                }
                Ok(())
            }
        }
    }
}
