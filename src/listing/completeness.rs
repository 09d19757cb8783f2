//! The account of a walk: counts the records that arrived and compares them with the server's totals.

use std::collections::HashSet;

use super::overlap::Overlap;
use crate::error::Completeness;

/// How many keys of the last page are stored. When records move to the next page, these are among them.
const TAIL: usize = 4;

/// What cursors and states store of the pages before a position, so that completeness is checked for the whole walk.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Walked {
    /// The number of records.
    pub(crate) rows: u64,
    /// The first total, where the server gives one.
    pub(crate) total: Option<u64>,
    /// Hashes of the keys of the last records, where the endpoint has keys.
    pub(crate) tail: Vec<u64>,
    /// Whether there was a sign that a record may be missing.
    pub(crate) drifted: bool,
}

/// The account of one walk. It keeps the keys of one page only, however long the walk is.
#[derive(Debug, Default)]
pub(crate) struct Account {
    walked: Walked,
    last_total: Option<u64>,
    changed: bool,
    repeated: u64,
    /// Records that were twice on one page, among `repeated`.
    twice: u64,
    /// Whether a position stays at its record when other records enter or leave.
    fixed_positions: bool,
    previous: HashSet<u64>,
    /// The keys of the last page that it shares with the page before, as the endpoint wants it.
    shared: HashSet<u64>,
}

impl Account {
    /// Continues the account of an interrupted walk.
    pub(crate) fn resume(walked: Walked) -> Self {
        Self { last_total: walked.total, previous: walked.tail.iter().copied().collect(), walked, ..Self::default() }
    }

    /// Enters a page: its number of records, its total, and the keys of its records where the endpoint has keys. A key
    /// that is on the page twice, or on the page before as well, is a record that came again, unless the endpoint has an overlap.
    ///
    /// Returns whether the page has exactly the records of the page before: the server sent the same page again.
    pub(crate) fn enter(&mut self, rows: usize, total: Option<u64>, keys: &[u64], overlap: Overlap) -> bool {
        let different: HashSet<u64> = keys.iter().copied().collect();
        let again: HashSet<u64> = different.intersection(&self.previous).copied().collect();
        self.shared = match (overlap, self.walked.tail.last()) {
            (Overlap::None, _) | (_, None) => HashSet::new(),
            // A page of one record shares none with the next.
            (Overlap::Row, _) if self.previous.len() < 2 => HashSet::new(),
            (Overlap::Ties, _) => again.clone(),
            (Overlap::Row, Some(last)) => {
                let first = keys.first().filter(|first| *first == last);
                // Another record is first: the list has shifted between the two pages.
                self.changed |= first.is_none();
                first.copied().into_iter().collect()
            }
        };
        self.walked.rows = self.walked.rows.saturating_add(rows.saturating_sub(self.shared.len()) as u64);
        self.walked.total = self.walked.total.or(total);
        if let (Some(last), Some(now)) = (self.last_total, total) {
            self.changed |= last != now;
        }
        self.last_total = total.or(self.last_total);
        let twice = keys.len() - different.len();
        self.twice += twice as u64;
        self.repeated += (again.len() - self.shared.len() + twice) as u64;
        self.walked.drifted |= self.twice > 0 || (!self.fixed_positions && (self.changed || self.repeated > 0));
        let same_page = !different.is_empty() && again == different && again == self.previous;
        self.previous = different;
        self.walked.tail = keys.get(keys.len().saturating_sub(TAIL)..).unwrap_or_default().to_vec();
        same_page
    }

    pub(crate) fn set_positions_shift(&mut self, shift: bool) {
        self.fixed_positions = !shift;
    }

    /// Forgets the keys of the last page: they may come again.
    pub(crate) fn forget_keys(&mut self) {
        self.previous.clear();
        self.walked.tail.clear();
    }

    /// Forgets what the last page added to the account of the walk.
    pub(crate) fn take_back(&mut self, before: Walked) {
        self.walked = before;
    }

    pub(crate) fn shared(&self) -> &HashSet<u64> {
        &self.shared
    }

    pub(crate) fn walked(&self) -> &Walked {
        &self.walked
    }

    pub(crate) fn completeness(&self) -> Completeness {
        let (first_total, last_total, repeated) = (self.walked.total, self.last_total, self.repeated);
        let drifted = Completeness::Drifted { first_total, last_total, repeated };
        if self.fixed_positions {
            // A page is one moment of the list: with a record twice, it lacks another one.
            if self.walked.drifted {
                return Completeness::Drifted { first_total, last_total, repeated: self.twice };
            }
            // A record that enters behind the position changes the total and moves nothing.
            return match first_total.min(last_total) {
                Some(total) if self.walked.rows < total && first_total == last_total => {
                    Completeness::ShortBy(total - self.walked.rows)
                }
                Some(total) if self.walked.rows < total => drifted,
                _ => Completeness::Complete,
            };
        }
        match last_total {
            Some(total) if !self.walked.drifted && self.walked.rows < total => {
                Completeness::ShortBy(total - self.walked.rows)
            }
            _ if self.walked.drifted || last_total.is_some_and(|total| self.walked.rows > total) => drifted,
            _ => Completeness::Complete,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(pages: &[(u64, &[u64])]) -> Completeness {
        let mut account = Account::default();
        for (total, keys) in pages {
            account.enter(keys.len(), Some(*total), keys, Overlap::None);
        }
        account.completeness()
    }

    #[test]
    fn where_positions_do_not_shift_only_missing_records_count() {
        let walk = |pages: &[(u64, &[u64])]| {
            let mut account = Account::default();
            account.set_positions_shift(false);
            for (total, keys) in pages {
                account.enter(keys.len(), Some(*total), keys, Overlap::None);
            }
            account.completeness()
        };
        assert_eq!(walk(&[(4, &[1, 2]), (5, &[3, 4])]), Completeness::Complete, "one entered behind the position");
        assert_eq!(walk(&[(4, &[1, 2]), (3, &[4])]), Completeness::Complete, "one left before it");
        assert_eq!(walk(&[(4, &[1, 2]), (4, &[2, 3, 4])]), Completeness::Complete, "one came again");
        assert_eq!(walk(&[(4, &[1, 2]), (4, &[3])]), Completeness::ShortBy(1));
        assert!(matches!(walk(&[(4, &[1, 2]), (5, &[3])]), Completeness::Drifted { .. }));
        let twice = walk(&[(4, &[1, 2]), (4, &[2, 3, 3])]);
        assert!(matches!(twice, Completeness::Drifted { repeated: 1, .. }), "one twice on a page: {twice:?}");
    }

    #[test]
    fn a_walk_is_complete_short_or_drifted() {
        assert_eq!(walk(&[(4, &[1, 2]), (4, &[3, 4])]), Completeness::Complete);
        assert_eq!(walk(&[(4, &[1, 2]), (4, &[3])]), Completeness::ShortBy(1));
        let drifted = |first, last, repeated| Completeness::Drifted {
            first_total: Some(first),
            last_total: Some(last),
            repeated,
        };
        assert_eq!(walk(&[(4, &[1, 2]), (4, &[2, 3])]), drifted(4, 4, 1), "a record came on two pages");
        assert_eq!(walk(&[(4, &[1, 2]), (3, &[4])]), drifted(4, 3, 0), "a record was deleted before the second page");
        assert_eq!(walk(&[(4, &[1, 2]), (3, &[3]), (4, &[4])]), drifted(4, 4, 0), "the total changed and changed back");
        assert_eq!(walk(&[(1, &[1, 2])]), drifted(1, 1, 0), "more records than the total");
    }
}
