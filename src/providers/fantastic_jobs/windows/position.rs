//! The frozen window of a run and the position in it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::providers::fantastic_jobs::frames::TimeFrame;
use crate::providers::fantastic_jobs::planner::Interval;

/// The frozen window and the position, as the state keeps them.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WindowPosition {
    /// The start of the run's window.
    pub(super) from: Timestamp,
    /// The run's window is covered up to this instant.
    pub(super) next: Timestamp,
    /// The end of the run's window.
    pub(super) until: Timestamp,
    /// The length of slices, if it is fixed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) slice_seconds: Option<i64>,
    /// The slice that starts at `next`, if a part of it is delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) at: Option<PartialSlice>,
    /// Intervals that were skipped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) lost: Vec<Interval>,
    /// Rows that were billed but could not be used, or that will be billed again.
    #[serde(default)]
    pub(super) bought_again: u64,
}

/// A slice of which a part is delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PartialSlice {
    pub(super) end: Timestamp,
    pub(super) frame: TimeFrame,
    /// Rows delivered.
    pub(super) rows: u64,
    /// The count of the slice.
    pub(super) expected: Option<u64>,
    /// The id after which the walk continues; without it `rows` is the offset.
    pub(super) cursor: Option<u64>,
    /// A hash of the id of the last row delivered, where the walk continues at an offset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) last: Option<u64>,
}

impl WindowPosition {
    pub(super) fn new(window: Interval) -> Self {
        Self { from: window.from, next: window.from, until: window.until, ..Self::default() }
    }

    /// Skips the first part of the time that is not covered yet.
    pub(super) fn skip(&mut self, lost: Interval) {
        self.next = lost.until;
        self.at = None;
        self.lost.push(lost);
    }
}
