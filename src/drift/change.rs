//! One difference between the baseline and the records of a run.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How a field has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ChangeKind {
    /// The baseline does not have it, or has it only as null.
    New,
    /// No record has it any more.
    Missing,
    /// It has values of a type that the baseline does not have.
    Retyped,
    /// It is null or missing clearly more often.
    Nulls,
}

/// One field that is not as in the baseline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Change {
    /// The path of the field: a JSON pointer, with `*` for the elements of a list and for keys that are data. `/locations/*/city`.
    /// Empty: the record itself.
    pub path: String,
    /// How it has changed.
    pub kind: ChangeKind,
    /// How many of the values that were looked at show the change.
    pub count: u64,
    /// Out of how many: the objects that could have the field, or of [`ChangeKind::Retyped`] its values.
    pub of: u64,
    /// The same two numbers in the baseline.
    pub before: (u64, u64),
    /// The JSON types: of the baseline, and those that are new. Empty where they did not change.
    pub types: (Vec<String>, Vec<String>),
    /// The key of the first record that shows it, where the records have one.
    pub first: Option<String>,
}

impl Change {
    /// The share of the values that show the change, from 0 to 1.
    #[allow(clippy::cast_precision_loss, reason = "a share")]
    pub fn share(&self) -> f64 {
        self.count as f64 / (self.of.max(1)) as f64
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, count, of, before: (before, before_of), types: (old, new), .. } = self;
        let path = if path.is_empty() { "the record itself" } else { path };
        match self.kind {
            ChangeKind::New => write!(f, "{path} is new: {} in {count} of {of}", new.join(" or "))?,
            ChangeKind::Missing => {
                write!(f, "{path} is missing: in {count} of {of}, before in {before} of {before_of}")?;
            }
            ChangeKind::Retyped => {
                let (old, new) = (old.join(" or "), new.join(" or "));
                write!(f, "{path} has another type: {new} in {count} of {of}, before {old}")?;
            }
            ChangeKind::Nulls => {
                write!(f, "{path} is null or missing in {count} of {of}, before in {before} of {before_of}")?;
            }
        }
        if let Some(first) = &self.first {
            write!(f, " (first record: {first})")?;
        }
        Ok(())
    }
}

/// The records of a page, or of the run so far, have changed in a way that [`DriftCheck::fail_on`](super::DriftCheck::fail_on) names. It is the source
/// of [`Error::Refused`](crate::Error::Refused). Nothing of the page is committed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DriftError {
    /// The changes that end the run.
    pub changes: Vec<Change>,
}

impl fmt::Display for DriftError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the records have changed: ")?;
        for (index, change) in self.changes.iter().take(5).enumerate() {
            write!(f, "{}{change}", if index > 0 { "; " } else { "" })?;
        }
        if self.changes.len() > 5 {
            write!(f, "; and {} more", self.changes.len() - 5)?;
        }
        f.write_str("; mend the record type, or call `drift::accept` when the change is right")
    }
}

impl std::error::Error for DriftError {}
