//! One listing endpoint of jobdataapi.com without I/O: all of them page by number and share one envelope.

use std::fmt;
use std::marker::PhantomData;

use http::StatusCode;
use serde::de::DeserializeOwned;

use super::query::Query;
use crate::client::ApiRequest;
use crate::error::Refusal;
use crate::error::Result;
use crate::json::ListAt;
use crate::listing::Position;
use crate::listing::paginate;
use crate::listing::{Answer, Endpoint, Listing, Paging};

/// What distinguishes one listing from another.
pub trait Kind: fmt::Debug + Send + Sync + 'static {
    /// The record type.
    type Item: DeserializeOwned + Send + 'static;
    /// The name in errors and reports.
    const NAME: &'static str;
    /// The path below the base URL.
    const PATH: &'static str;
    /// The field that identifies a record.
    const KEY: Option<&'static str>;
    /// Whether the body was seen as a bare array (observed 2024 to 2025); the envelope is accepted as well.
    const BARE: bool = false;
}

/// A listing with its parameters.
pub struct Resource<K> {
    pub(super) query: Query,
    pub(super) page_size: Option<u32>,
    pub(super) first_page: u64,
    kind: PhantomData<fn() -> K>,
}

impl<K: Kind> Resource<K> {
    pub(super) fn new(page_size: Option<u32>) -> Self {
        Self { query: Query::default(), page_size, first_page: 1, kind: PhantomData }
    }
}

impl<K: Kind> Endpoint for Resource<K> {
    fn name(&self) -> &str {
        K::NAME
    }

    fn validate(&self) -> Result<()> {
        self.query.check()
    }

    fn start(&self) -> Position {
        Position::Page(self.first_page)
    }

    fn rows_before_start(&self) -> u64 {
        (self.first_page - 1).saturating_mul(u64::from(self.page_size.unwrap_or_default()))
    }

    fn request(&self, at: &Position) -> ApiRequest {
        let mut request = ApiRequest::get(K::PATH);
        request.query.extend(self.query.pairs());
        if let Some(size) = self.page_size {
            request = request.query("page_size", size);
        }
        match at {
            Position::Page(page) if *page > 1 => request.query("page", page),
            _ => request,
        }
    }

    fn list(&self) -> ListAt {
        if K::BARE { ListAt::RootOrField("results") } else { ListAt::Field("results") }
    }

    fn next(&self, at: &Position, answer: &Answer<'_>) -> Result<Paging, Refusal> {
        if K::BARE && answer.fields.is_empty() {
            return Ok(Paging { next: None, total: Some(answer.rows as u64) });
        }
        paginate::page_numbers(at, answer)
    }

    fn key(&self) -> Option<&str> {
        K::KEY
    }

    /// A page that `next` announced and that is gone: the set shrank (inferred).
    fn past_end(&self, at: &Position, status: StatusCode) -> bool {
        status == StatusCode::NOT_FOUND && matches!(at, Position::Page(page) if *page > 1)
    }
}

impl<K: Kind> Listing for Resource<K> {
    type Item = K::Item;
}

impl<K> Clone for Resource<K> {
    fn clone(&self) -> Self {
        let Self { query, page_size, first_page, kind } = self;
        Self { query: query.clone(), page_size: *page_size, first_page: *first_page, kind: *kind }
    }
}

impl<K: Kind> fmt::Debug for Resource<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(K::NAME).field("page_size", &self.page_size).finish_non_exhaustive()
    }
}
