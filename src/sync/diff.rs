//! Compares a whole list with the ids that the caller knows: what is new, and what is gone.

use std::collections::BTreeSet;

/// How a whole list differs from the ids that the caller knew.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListDiff<Id> {
    /// The ids in the list that the caller did not know, sorted.
    pub appeared: BTreeSet<Id>,
    /// The ids that the caller knew and that are gone.
    pub vanished: BTreeSet<Id>,
    /// The number of ids that the caller knew and that are still there.
    pub remained: usize,
}

impl<Id: Ord> ListDiff<Id> {
    /// The ids of one walk. What it did not find is not yet gone: records move during a walk. See [`ListDiff::is_there`].
    pub(crate) fn new(known: BTreeSet<Id>, listed: impl IntoIterator<Item = Id>) -> Self {
        let (before, mut vanished) = (known.len(), known);
        let appeared = listed.into_iter().filter(|id| !vanished.remove(id)).collect();
        let remained = before - vanished.len();
        Self { appeared, vanished, remained }
    }

    /// An id that the walk did not find is there.
    pub(crate) fn is_there(&mut self, id: &Id) {
        self.remained += usize::from(self.vanished.remove(id));
    }
}
