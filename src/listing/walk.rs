//! The state of a walk over a listing: position, pages seen, account. Without I/O.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::completeness::Ledger;
use super::cursor::{Fingerprint, Position};
use super::endpoint::Endpoint;
use super::page::Page;
use crate::error::{Completeness, Error, Result};

/// Idle pages in a row, each with a next one, after which a listing is not trusted to end.
const MAX_IDLE: u64 = 1_000;

/// The state of a walk between two pages: position, pages seen, account. Without I/O.
#[derive(Debug)]
pub(crate) struct Walk {
    /// The next position; `None` at the end.
    pub(super) at: Option<Position>,
    /// Pages read in this walk.
    pages: u64,
    /// Pages in a row that brought nothing that the server had announced: they were empty, held the one row of the page
    /// before, or lay behind the last row that its total leaves room for.
    idle: u64,
    /// The page of each token, by its hash: 24 bytes or so for each page, whatever the token.
    seen: HashMap<Fingerprint, u64>,
    /// The last numbered position. Numbers grow from page to page, so one is enough to know them all.
    last: Option<u64>,
    pub(super) ledger: Ledger,
}

impl Walk {
    pub(crate) fn start(at: Position) -> Self {
        Self { at: Some(at), pages: 0, idle: 0, seen: HashMap::new(), last: None, ledger: Ledger::default() }
    }

    pub(crate) fn resume(at: Position, rows: u64, total: Option<u64>) -> Self {
        Self { ledger: Ledger::resume(rows, total), ..Self::start(at) }
    }

    /// The next position; `None` at the end.
    pub(crate) fn at(&self) -> Option<&Position> {
        self.at.as_ref()
    }

    /// Rows so far, and the first total.
    pub(crate) fn account(&self) -> (u64, Option<u64>) {
        (self.ledger.rows(), self.ledger.first_total())
    }

    /// What the account says, at the end.
    pub(crate) fn completeness(&self) -> Completeness {
        self.ledger.verdict()
    }

    pub(super) fn advance<T>(&mut self, endpoint: &dyn Endpoint, page: &Page<T>, next: Option<Position>) -> Result<()> {
        let keys = endpoint.key().map(|key| page.keys(key)).unwrap_or_default();
        self.enter(endpoint, page.len(), page.total, keys, next)
    }

    /// Enters a page and moves on to `next`. After an error the walk stays at the page that led astray.
    pub(crate) fn enter(
        &mut self,
        endpoint: &dyn Endpoint,
        rows: usize,
        total: Option<u64>,
        keys: HashSet<u64>,
        next: Option<Position>,
    ) -> Result<()> {
        let name = || Arc::from(endpoint.name());
        self.pages += 1;
        let beyond = total.is_some_and(|total| self.ledger.rows() >= total);
        let same = self.ledger.enter(rows, total, keys);
        // One row alone comes again when another was inserted before it.
        if same && rows > 1 {
            return Err(Error::CursorLoop { endpoint: name(), page: self.pages, first_seen: self.pages - 1 });
        }
        self.idle = if rows == 0 || same || beyond { self.idle + 1 } else { 0 };
        self.remember();
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

    /// Keeps where this page was.
    fn remember(&mut self) {
        match &self.at {
            Some(Position::Page(number) | Position::Offset(number)) => self.last = Some(*number),
            Some(position) => {
                self.seen.insert(position.fingerprint(), self.pages);
            }
            None => {}
        }
    }

    /// The page of this walk that the position leads back to.
    fn first_seen(&self, next: &Position) -> Option<u64> {
        match (next, self.last) {
            (Position::Page(next), Some(last)) if *next <= last => Some(self.pages.saturating_sub(last - next).max(1)),
            (Position::Offset(next), Some(last)) if *next <= last => Some(self.pages),
            (Position::Page(_) | Position::Offset(_), _) => None,
            (position, _) => self.seen.get(&position.fingerprint()).copied(),
        }
    }
}
