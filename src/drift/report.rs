//! What a check reports at the end of a run.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::change::Change;

/// The name of the check in reports and errors.
pub(super) const NAME: &str = "drift";

/// What a [`DriftCheck`](super::DriftCheck) found in one run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Report {
    /// How many records were looked at.
    pub records: u64,
    /// How many records the baseline was made of. `None`: there was none, so nothing was compared.
    pub baseline: Option<u64>,
    /// What differs from the baseline.
    pub changes: Vec<Change>,
    /// The number of rows of this run and of those before it; only at the end of a complete incremental run.
    pub volume: Option<Volume>,
}

impl Report {
    /// The part of a run's report that comes from its check; `None` when it had none.
    pub fn of(report: &crate::sync::Report) -> Option<Self> {
        report.inspected.get(NAME).and_then(|report| Self::deserialize(report).ok())
    }
}

/// One line: what a person should know.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.baseline {
            None => write!(f, "{} records looked at, no baseline to compare with", self.records)?,
            Some(_) if self.changes.is_empty() => write!(f, "{} records looked at, none has changed", self.records)?,
            Some(_) => {
                write!(f, "{} records looked at; ", self.records)?;
                for (index, change) in self.changes.iter().enumerate() {
                    write!(f, "{}{change}", if index > 0 { "; " } else { "" })?;
                }
            }
        }
        match &self.volume {
            Some(volume) if volume.is_low() => write!(f, "; {volume}"),
            _ => Ok(()),
        }
    }
}

/// How many rows a run has received, and how many the complete incremental runs before it usually did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Volume {
    /// The records that this run received.
    pub rows: u64,
    /// The median of the runs before. At most the last ten count.
    pub usual: u64,
    /// How many runs it is the median of: three or more.
    pub runs: u64,
}

impl Volume {
    /// `None` when fewer than three runs are known.
    pub(super) fn of(rows: u64, before: &[u64]) -> Option<Self> {
        let mut sorted = before.to_vec();
        sorted.sort_unstable();
        let usual = *sorted.get(sorted.len() / 2)?;
        (sorted.len() >= 3).then_some(Self { rows, usual, runs: sorted.len() as u64 })
    }

    /// Whether the run has a third of the usual rows or fewer.
    pub fn is_low(&self) -> bool {
        self.usual > 0 && self.rows.saturating_mul(3) <= self.usual
    }
}

impl fmt::Display for Volume {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rows, usually {} (median of {} runs)", self.rows, self.usual, self.runs)
    }
}
