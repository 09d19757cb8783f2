//! How complete a walk was.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How complete a finished walk was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Completeness {
    /// The server stated the end, as many records arrived as its total, where it gives one, and none came twice within a
    /// page or on two pages in a row. So it is complete as far as the server's totals tell: on a list that is read by
    /// page number or offset, when one record leaves and another one enters between two pages, the total stays the same
    /// and a record that moved to a page already read is not noticed, except by an endpoint whose pages share a record
    /// ([`Endpoint::overlap`](crate::Endpoint::overlap)). The syncs do not have this gap: they read windows
    /// into which nothing can enter, or pages that overlap.
    Complete,
    /// So many records fewer arrived than the server's total, although the total did not change during the walk.
    ShortBy(u64),
    /// The listing changed during the walk, so a record may have been missed.
    Drifted {
        /// The total at the beginning, where the server gives one.
        first_total: Option<u64>,
        /// The total at the end.
        last_total: Option<u64>,
        /// Records that came again on the same page or the following one.
        repeated: u64,
    },
}

impl Completeness {
    /// Whether the walk is complete, as far as the server's totals tell: see [`Completeness::Complete`].
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
