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
        let entered = self.enter_page(endpoint, rows, total, keys, next);
        if entered.is_err() {
            // The next walk from this position reads the page again, and counts its records then.
            self.account.take_back(before);
        }
        entered
    }

    fn enter_page(
        &mut self,
        endpoint: &dyn Endpoint,
        rows: usize,
        total: Option<u64>,
        keys: &[u64],
        next: Option<Position>,
    ) -> Result<()> {
        let name = || Arc::from(endpoint.name());
        self.pages += 1;
        let beyond_total = total.is_some_and(|total| self.account.walked().rows >= total);
        self.account.set_positions_shift(endpoint.positions_shift());
        let same = self.account.enter(rows, total, keys, endpoint.overlap()) || self.same_texts;
        if endpoint.may_repeat() {
            self.account.forget_keys();
        }
        // A page of one record may repeat it because another record was inserted before it.
        if same && rows > 1 {
            return Err(Error::CursorLoop { endpoint: name(), page: self.pages, first_seen: self.pages - 1 });
        }
        self.idle = if rows == 0 || same || beyond_total { self.idle + 1 } else { 0 };
        self.keep_position();
        if let Some(next) = &next {
            if let Some(first_seen) = self.first_seen(next) {
                return Err(Error::CursorLoop { endpoint: name(), page: self.pages, first_seen });
            }
            if self.idle >= MAX_IDLE {
                return Err(Error::Endless { endpoint: name(), pages: self.idle });
            }
        }
        self.at = next;
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
