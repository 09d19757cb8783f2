//! The position of a walk over an incremental listing, and which marks it has seen.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::checkpoint::Mark;
use crate::listing::{Endpoint, Position, Walk, Walked};

/// The frozen query and the position, in the form of the state.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct IncrementalPosition {
    /// The lower bound of the whole run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) since: Option<Mark>,
    /// Where the next request starts.
    pub(super) at: Position,
    /// The fields of [`Walked`]: the account of the pages before it.
    pub(super) rows: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) total: Option<u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) tail: Vec<u64>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) drifted: bool,
    /// The greatest mark so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) highest: Option<Mark>,
    /// The greatest mark of the first page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) first: Option<Mark>,
    /// Whether the marks of a page were not all above those of the page before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) mixed: bool,
    /// The latest mark of an envelope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) envelope: Option<Mark>,
    /// How far the local clock was ahead of the server's: it may be right when another process goes on.
    #[serde(default, skip_serializing_if = "SignedDuration::is_zero")]
    pub(super) ahead: SignedDuration,
}

impl IncrementalPosition {
    /// The beginning of a list.
    pub(super) fn new(since: Option<Mark>, list: &dyn Endpoint) -> Self {
        let (at, rows) = (list.start(), list.rows_before_start());
        Self {
            since,
            at,
            rows,
            total: None,
            tail: Vec::new(),
            drifted: false,
            highest: None,
            first: None,
            mixed: false,
            envelope: None,
            ahead: SignedDuration::ZERO,
        }
    }

    pub(super) fn walk(&self) -> Walk {
        let Self { rows, total, drifted, .. } = *self;
        let walked = Walked { rows, total, tail: self.tail.clone(), drifted };
        Walk::resume(self.at.clone(), walked)
    }

    /// Takes in the smallest and the greatest mark of a page.
    pub(super) fn enter(&mut self, lowest: Option<&Mark>, highest: Option<Mark>) {
        self.mixed |= lowest < self.highest.as_ref();
        self.first = self.first.take().or_else(|| highest.clone());
        self.highest = self.highest.take().max(highest);
    }

    /// The greatest mark up to which the walk has seen all records, when marks grow as records enter the list.
    ///
    /// During the walk, a record may enter on a page that was already read, and one with a greater mark on a later page. Then
    /// the greatest mark seen is too high. When all marks of each page are above those of the page before, new records enter at
    /// the end, and the walk sees them. Otherwise the marks of new records are above all marks of the first page.
    pub(super) fn settled(&self) -> Option<&Mark> {
        if self.mixed { self.first.as_ref() } else { self.highest.as_ref() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> IncrementalPosition {
        let at = Position::Start;
        let (highest, first, envelope) = (None, None, None);
        IncrementalPosition {
            since: None,
            at,
            rows: 0,
            total: None,
            tail: Vec::new(),
            drifted: false,
            highest,
            first,
            mixed: false,
            envelope,
            ahead: SignedDuration::ZERO,
        }
    }

    #[test]
    fn in_an_unsorted_list_the_safe_watermark_is_that_of_the_first_page() {
        let id = |id| Some(Mark::Id(id));
        let safe_watermark = |pages: &[(u64, u64)]| {
            let mut position = start();
            for (lowest, highest) in pages {
                position.enter(id(*lowest).as_ref(), id(*highest));
            }
            position.settled().cloned()
        };
        assert_eq!(safe_watermark(&[(1, 9), (9, 20), (21, 22)]), id(22), "in any order within a page");
        assert_eq!(safe_watermark(&[(30, 40), (20, 29), (1, 19)]), id(40), "newest first: it is on the first page");
        assert_eq!(safe_watermark(&[(1, 70), (2, 99)]), id(70));
        let mut unknown = start();
        unknown.enter(None, id(5));
        unknown.enter(None, id(9));
        assert!(unknown.mixed && unknown.first == id(5), "a list without a smallest mark is treated as unsorted");
    }
}
