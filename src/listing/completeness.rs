//! The account of a walk: counts the records that arrived and compares them with the server's totals.

use std::collections::HashSet;

use crate::error::Completeness;

/// The account of one walk. It keeps the keys of one page only, however long the walk is.
#[derive(Debug, Default)]
pub(crate) struct Account {
    rows: u64,
    first_total: Option<u64>,
    last_total: Option<u64>,
    changed: bool,
    repeated: u64,
    previous: HashSet<u64>,
}

impl Account {
    /// Continues the account of an interrupted walk.
    pub(crate) fn resume(rows: u64, total: Option<u64>) -> Self {
        Self { rows, first_total: total, last_total: total, ..Self::default() }
    }

    /// Enters a page: its number of records, its total, and the keys of its records where the endpoint has keys.
    ///
    /// Returns whether the page has exactly the records of the page before: the server sent the same page again.
    pub(crate) fn enter(&mut self, rows: usize, total: Option<u64>, keys: HashSet<u64>) -> bool {
        self.rows = self.rows.saturating_add(rows as u64);
        self.first_total = self.first_total.or(total);
        if let (Some(last), Some(now)) = (self.last_total, total) {
            self.changed |= last != now;
        }
        self.last_total = total.or(self.last_total);
        let again = keys.intersection(&self.previous).count();
        self.repeated += again as u64;
        let same_page = !keys.is_empty() && again == keys.len() && again == self.previous.len();
        self.previous = keys;
        same_page
    }

    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    pub(crate) fn first_total(&self) -> Option<u64> {
        self.first_total
    }

    pub(crate) fn completeness(&self) -> Completeness {
        let (first_total, last_total, repeated) = (self.first_total, self.last_total, self.repeated);
        match last_total {
            Some(total) if !self.changed && repeated == 0 && self.rows < total => {
                Completeness::ShortBy(total - self.rows)
            }
            _ if self.changed || repeated > 0 || last_total.is_some_and(|total| self.rows > total) => {
                Completeness::Drifted { first_total, last_total, repeated }
            }
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
            account.enter(keys.len(), Some(*total), keys.iter().copied().collect());
        }
        account.completeness()
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
