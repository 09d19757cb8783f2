//! How complete a walk was.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How complete a finished walk was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Completeness {
    /// The server stated the end, and as many records arrived as its total, where it gives one.
    Complete,
    /// So many records fewer arrived than the server's total, although the total did not change during the walk.
    ShortBy(u64),
    /// The listing changed during the walk, so a record may have been missed.
    Drifted {
        /// The total at the beginning, where the server gives one.
        first_total: Option<u64>,
        /// The total at the end.
        last_total: Option<u64>,
        /// Records that came again on the following page.
        repeated: u64,
    },
}

impl Completeness {
    /// Whether no record can be missing.
    pub fn is_complete(&self) -> bool {
        matches!(self, Self::Complete)
    }
}

impl fmt::Display for Completeness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Complete => f.write_str("complete"),
            Self::ShortBy(rows) => write!(f, "{rows} records fewer than the server's total"),
            Self::Drifted { first_total, last_total, repeated } => {
                f.write_str("the listing changed during the walk")?;
                if let (Some(first), Some(last)) = (first_total, last_total)
                    && first != last
                {
                    write!(f, ", from {first} to {last} records")?;
                }
                if *repeated > 0 {
                    write!(f, ", {repeated} records came twice")?;
                }
                Ok(())
            }
        }
    }
}
