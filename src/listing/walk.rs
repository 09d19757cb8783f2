//! The state of a walk over a listing between two pages: position, pages read, account. Does no I/O.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use super::completeness::{Account, Walked};
use super::cursor::{Fingerprint, Position};
use super::endpoint::Endpoint;
use crate::error::{Completeness, Error, Result};
use crate::json::Record;

/// After this many idle pages in a row, each with a next page, the walk stops: the listing may have no end.
const MAX_IDLE: u64 = 1_000;

/// The state of a walk.
#[derive(Debug)]
pub(crate) struct Walk {
    /// The next position; `None` at the end.
    at: Option<Position>,
    /// Pages read in this walk.
    pages: u64,
    /// Pages in a row without new records: empty, with the one record of the page before, or after the server's total.
    idle: u64,
    /// The page number of each token, by the hash of the token: about 24 bytes for each page.
    seen: HashMap<Fingerprint, u64>,
    /// The last numbered position. Numbers grow from page to page, so the last one is enough to detect a repeated one.
    last: Option<u64>,
    /// A hash of the records of the last page, where the endpoint has no key.
    texts: Option<u64>,
    /// Whether the page that is entered next has exactly the records of the page before, where the endpoint has no key.
    same_texts: bool,
    account: Account,
}

impl Walk {
    pub(crate) fn start(at: Position) -> Self {
        let (seen, account) = (HashMap::new(), Account::default());
        Self { at: Some(at), pages: 0, idle: 0, seen, last: None, texts: None, same_texts: false, account }
    }

    pub(crate) fn resume(at: Position, walked: Walked) -> Self {
        Self { account: Account::resume(walked), ..Self::start(at) }
    }

    /// The next position; `None` at the end.
    pub(crate) fn at(&self) -> Option<&Position> {
        self.at.as_ref()
    }

    /// What cursors store of the pages so far.
    pub(crate) fn walked(&self) -> &Walked {
        self.account.walked()
    }

    /// The keys of the records of the last page that it shares with the page before, where the endpoint has an overlap.
    pub(crate) fn shared(&self) -> &HashSet<u64> {
        self.account.shared()
    }

    /// How complete the walk was, at its end.
    pub(crate) fn completeness(&self) -> Completeness {
        self.account.completeness()
    }

    /// Compares the records of a page with those of the page before, where the endpoint has no key: a server that ignores the
    /// position sends the same page for ever. Called before [`Walk::enter`].
    pub(crate) fn compare<'p>(&mut self, endpoint: &dyn Endpoint, records: impl Iterator<Item = Record<'p>>) {
        if endpoint.key().is_some() {
            return;
        }
        let mut hash = DefaultHasher::new();
        let rows = records.map(|record| record.text().hash(&mut hash)).count();
        let texts = (rows > 0).then(|| hash.finish());
        self.same_texts = texts.is_some() && texts == self.texts;
        self.texts = texts;
    }

    /// Enters a page and moves to `next`. After an error the walk and its account are at the position of that page.
    pub(crate) fn enter(
        &mut self,
        endpoint: &dyn Endpoint,
        rows: usize,
        total: Option<u64>,
        keys: &[u64],
        next: Option<Position>,
    ) -> Result<()> {
        let before = self.walked().clone();
        self.pages += 1;
        let beyond_total = total.is_some_and(|total| before.rows >= total);
        self.account.set_positions_shift(endpoint.positions_shift());
        let same = self.account.enter(rows, total, keys, endpoint.overlap()) || self.same_texts;
        if endpoint.may_repeat() {
            self.account.forget_keys();
        }
        self.idle = if rows == 0 || same || beyond_total { self.idle + 1 } else { 0 };
        self.keep_position();
        // A page of one record may repeat it because another record was inserted before it.
        if let Err(error) = self.check_next(endpoint, same && rows > 1, next.as_ref()) {
            // The next walk from this position reads the page again, and counts its records then.
            self.account.take_back(before);
            return Err(error);
        }
        self.at = next;
        Ok(())
    }

    /// An error when the walk would not end: the server sent a page again, or names a position again, or brings nothing new.
    fn check_next(&self, endpoint: &dyn Endpoint, same_page: bool, next: Option<&Position>) -> Result<()> {
        let first_seen = if same_page { Some(self.pages - 1) } else { next.and_then(|next| self.first_seen(next)) };
        if let Some(first_seen) = first_seen {
            return Err(Error::CursorLoop { endpoint: Arc::from(endpoint.name()), page: self.pages, first_seen });
        }
        if next.is_some() && self.idle >= MAX_IDLE {
            return Err(Error::Endless { endpoint: Arc::from(endpoint.name()), pages: self.idle });
        }
        Ok(())
    }

    /// Stores the position of this page.
    fn keep_position(&mut self) {
        match &self.at {
            Some(Position::Page(number) | Position::Offset(number)) => self.last = Some(*number),
            Some(position) => {
                self.seen.insert(position.fingerprint(), self.pages);
            }
            None => {}
        }
    }

    /// The page of this walk that already had this position.
    fn first_seen(&self, next: &Position) -> Option<u64> {
        match (next, self.last) {
            (Position::Page(next), Some(last)) if *next <= last => Some(self.pages.saturating_sub(last - next).max(1)),
            (Position::Offset(next), Some(last)) if *next <= last => Some(self.pages),
            (Position::Page(_) | Position::Offset(_), _) => None,
            (position, _) => self.seen.get(&position.fingerprint()).copied(),
        }
    }
}
