//! One endpoint of Fantastic.jobs without I/O: its parameters, and how it pages.

use std::fmt;
use std::marker::PhantomData;

use jiff::Timestamp;
use serde::de::DeserializeOwned;

use super::query::{Query, check_frame, check_length};
use crate::client::ApiRequest;
use crate::error::Refusal;
use crate::error::{Error, Result};
use crate::json::ListAt;
use crate::listing::{Answer, Endpoint, Listing, Paging};
use crate::listing::{Fingerprint, Position};

/// Rows on a page when nothing else is set.
const LIMIT: u32 = 1000;

/// How a listing pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Paged {
    /// One body holds everything.
    Whole,
    /// One object, no list.
    Object,
    /// `limit` with `offset` or `cursor`.
    Rows,
    /// A page number, 100 rows on each page.
    Numbers,
}

/// What distinguishes one endpoint from another.
pub trait Kind: fmt::Debug + Send + Sync + 'static {
    /// The record type.
    type Item: DeserializeOwned + Send + 'static;
    /// The name in errors and reports.
    const NAME: &'static str;
    /// The path below the base URL.
    const PATH: &'static str;
    /// How it pages.
    const PAGED: Paged;
    /// Whether it needs a `time_frame`.
    const TIME_FRAME: bool = false;
    /// Whether descriptions can be searched over `6m`.
    const DEEP_DESCRIPTIONS: bool = false;
}

/// Where the rows of a page are taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum From {
    /// As the time frame wants it.
    Default,
    Offset(u64),
    Cursor(u64),
}

/// An endpoint with its parameters.
pub struct Resource<K> {
    pub(super) query: Query,
    pub(super) limit: u32,
    pub(super) until_empty: bool,
    pub(super) path: String,
    /// The parameter of page numbers, and the first one.
    pub(super) page: (String, u64),
    from: From,
    /// When the request was made, for positions in windows that move.
    made: Timestamp,
    kind: PhantomData<fn() -> K>,
}

impl<K: Kind> Resource<K> {
    pub(super) fn new(made: Timestamp) -> Self {
        Self {
            query: Query::default(),
            limit: LIMIT,
            until_empty: K::PAGED == Paged::Numbers,
            path: K::PATH.to_owned(),
            page: ("page".to_owned(), 1),
            from: From::Default,
            made,
            kind: PhantomData,
        }
    }

    /// The same filters on another endpoint of the same feed.
    pub(super) fn convert<L: Kind>(&self) -> Resource<L> {
        Resource { query: self.query.clone(), ..Resource::new(self.made) }
    }

    pub(super) fn set_offset(&mut self, rows: u64) {
        if matches!(self.from, From::Cursor(_)) {
            self.query.refuse("offset", &rows.to_string(), "either an offset or a cursor");
        }
        self.from = From::Offset(rows);
    }

    pub(super) fn set_cursor(&mut self, id: u64) {
        if matches!(self.from, From::Offset(_)) {
            self.query.refuse("cursor", &id.to_string(), "either an offset or a cursor");
        }
        if id == 0 {
            self.query.refuse("cursor", "0", "1 for the beginning, else the id of the last row");
        }
        self.from = From::Cursor(id.max(1));
    }

    pub(super) fn frame(&self) -> Option<&str> {
        self.query.get("time_frame")
    }

    /// Whether the position was set by hand.
    pub(super) fn is_placed(&self) -> bool {
        self.from != From::Default
    }

    fn next_rows(&self, at: &Position, answer: &Answer<'_>) -> Result<Option<Position>, Refusal> {
        let (rows, limit) = (answer.rows as u64, u64::from(self.limit));
        if rows > limit {
            return Err(Refusal::shape(format!("{rows} rows where at most {limit} were asked for")));
        }
        // The guide words the condition inverted in one sentence; its examples and all clients go on while a page is full.
        let more = if self.until_empty { rows > 0 } else { rows == limit };
        if let Position::Offset(before) = at {
            return Ok(more.then_some(Position::Offset(before + rows)));
        }
        let last = cursor_of(at).unwrap_or(1);
        let mut highest = None;
        for id in answer.values("id").filter_map(id_of) {
            if id < highest.unwrap_or(last) || (id == last && last > 1) {
                return Err(Refusal::shape("the ids of a page by cursor do not ascend"));
            }
            highest = Some(id);
        }
        match highest {
            _ if !more => Ok(None),
            Some(id) => Ok(Some(Position::Token(id.to_string()))),
            None => Err(Refusal::shape("no row of the page has an id to go on from")),
        }
    }
}

/// An id as the API writes it, a number or a text of digits.
pub(super) fn id_of(json: &str) -> Option<u64> {
    json.trim_matches('"').parse().ok()
}

pub(super) fn cursor_of(at: &Position) -> Option<u64> {
    match at {
        Position::Token(token) => token.parse().ok(),
        _ => None,
    }
}

impl<K: Kind> Endpoint for Resource<K> {
    /// Rows are billed.
    fn may_look_ahead(&self) -> bool {
        false
    }

    fn name(&self) -> &str {
        K::NAME
    }

    fn validate(&self) -> Result<()> {
        check_frame(K::TIME_FRAME, self.frame())?;
        self.query.check(self.frame(), K::DEEP_DESCRIPTIONS)?;
        if self.path.is_empty() || self.path.starts_with('/') || self.path.contains(['?', '#']) {
            return Err(Error::invalid(
                "path",
                self.path.as_str(),
                "a path below the base URL, without a slash in front",
            ));
        }
        check_length(&self.path, &self.request(&self.start()).query)
    }

    fn start(&self) -> Position {
        match (K::PAGED, self.from) {
            (Paged::Numbers, _) => Position::Page(self.page.1),
            (Paged::Whole | Paged::Object, _) => Position::Start,
            (Paged::Rows, From::Offset(rows)) => Position::Offset(rows),
            (Paged::Rows, From::Cursor(id)) => Position::Token(id.to_string()),
            // Without a time frame it is the modified feed.
            (Paged::Rows, From::Default) if matches!(self.frame(), None | Some("6m")) => {
                Position::Token("1".to_owned())
            }
            (Paged::Rows, From::Default) => Position::Offset(0),
        }
    }

    fn rows_before_start(&self) -> u64 {
        match self.from {
            From::Offset(rows) => rows,
            _ => 0,
        }
    }

    fn request(&self, at: &Position) -> ApiRequest {
        let mut request = ApiRequest::get(self.path.as_str());
        for (name, value) in self.query.pairs() {
            request = request.query(name, value);
        }
        if K::PAGED == Paged::Rows {
            request = request.query("limit", self.limit);
        }
        match at {
            Position::Offset(rows) if *rows > 0 => request.query("offset", rows),
            Position::Token(id) => request.query("cursor", id),
            Position::Page(page) => request.query(self.page.0.as_str(), page),
            Position::Start | Position::Offset(_) => request,
        }
    }

    fn list(&self) -> ListAt {
        if K::PAGED == Paged::Object { ListAt::Single } else { ListAt::Root }
    }

    fn next(&self, at: &Position, answer: &Answer<'_>) -> Result<Paging, Refusal> {
        let next = match K::PAGED {
            Paged::Whole => None,
            Paged::Object => {
                let total = answer.values("count").find_map(|count| count.parse().ok());
                return Ok(Paging { next: None, total });
            }
            Paged::Numbers => {
                let Position::Page(page) = at else { return Ok(Paging::default()) };
                (answer.rows > 0).then_some(Position::Page(page + 1))
            }
            Paged::Rows => self.next_rows(at, answer)?,
        };
        Ok(Paging { next, total: None })
    }

    fn key(&self) -> Option<&str> {
        (K::PAGED == Paged::Rows).then_some("id")
    }

    /// An offset is a position in a window that stands still for a clock hour (`1h`, `24h`) or never (`7d` and the others):
    /// a kept one is refused when the window has moved on.
    fn fingerprint(&self) -> Fingerprint {
        let start = self.start();
        let request = self.request(&start);
        let mut query: Vec<String> = request.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if let Position::Offset(_) = start {
            query.push(match self.frame() {
                Some("1h" | "24h") => format!("hour={}", super::planner::floor_hour(self.made)),
                _ => format!("made={}", self.made),
            });
        }
        query.sort_unstable();
        let parts = [K::NAME, request.path.as_str()];
        Fingerprint::of(parts.into_iter().chain(query.iter().map(String::as_str)))
    }
}

impl<K: Kind> Listing for Resource<K> {
    type Item = K::Item;
}

impl<K> Clone for Resource<K> {
    fn clone(&self) -> Self {
        let (query, path, page) = (self.query.clone(), self.path.clone(), self.page.clone());
        Self {
            query,
            path,
            page,
            limit: self.limit,
            until_empty: self.until_empty,
            from: self.from,
            made: self.made,
            kind: self.kind,
        }
    }
}

impl<K: Kind> fmt::Debug for Resource<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(K::NAME).field("limit", &self.limit).field("from", &self.from).finish_non_exhaustive()
    }
}
