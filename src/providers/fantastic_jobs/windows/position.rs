//! The frozen window of a run and the position in it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::providers::fantastic_jobs::frames::TimeFrame;
use crate::providers::fantastic_jobs::planner::Interval;

/// The frozen window and the position, as the state keeps them.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WindowPosition {
    /// The beginning of the run's window.
    pub(super) from: Timestamp,
    /// Everything of this run before it is covered.
    pub(super) next: Timestamp,
    /// The end of the run's window.
    pub(super) until: Timestamp,
    /// The length of slices, where it is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) slice_seconds: Option<i64>,
    /// The slice from `next` on, when it is partly delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) at: Option<PartialSlice>,
    /// Intervals that were given up.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) lost: Vec<Interval>,
    /// Rows that were paid for and come again, or could not be used.
    #[serde(default)]
    pub(super) bought_again: u64,
}

/// A slice of which some rows are delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PartialSlice {
    pub(super) end: Timestamp,
    pub(super) frame: TimeFrame,
    /// Rows delivered.
    pub(super) rows: u64,
    /// Rows that the count told.
    pub(super) expected: Option<u64>,
    /// The id to go on behind; otherwise `rows` is the offset.
    pub(super) cursor: Option<u64>,
}

impl WindowPosition {
    pub(super) fn new(window: Interval) -> Self {
        Self { from: window.from, next: window.from, until: window.until, ..Self::default() }
    }

    /// Leaves out the beginning of what is not covered yet.
    pub(super) fn give_up(&mut self, lost: Interval) {
        self.next = lost.until;
        self.at = None;
        self.lost.push(lost);
    }
}
