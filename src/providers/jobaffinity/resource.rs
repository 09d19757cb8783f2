//! One listing endpoint of JobAffinity without I/O: all of them page by a link to the next page and share one envelope.

use std::fmt;
use std::marker::PhantomData;

use serde::de::DeserializeOwned;
use url::Position as UrlPosition;

use super::query::{MAX_PAGE_SIZE, Query};
use crate::client::ApiRequest;
use crate::error::Refusal;
use crate::error::{Error, Result};
use crate::json::ListAt;
use crate::listing::Position;
use crate::listing::{Answer, Endpoint, Listing, Paging};

/// What distinguishes one listing from another.
pub trait Kind: fmt::Debug + Send + Sync + 'static {
    /// The record type.
    type Item: DeserializeOwned + Send + 'static;
    /// The name in errors and reports.
    const NAME: &'static str;
    /// The field that identifies a record.
    const KEY: Option<&'static str>;
    /// Whether its records are about people, so that errors show nothing of what the server said.
    const PRIVATE: bool;
}

/// A listing with its parameters.
pub struct Resource<K> {
    path: String,
    pub(super) query: Query,
    pub(super) page_size: Option<u32>,
    kind: PhantomData<fn() -> K>,
}

impl<K: Kind> Resource<K> {
    pub(super) fn new(path: impl Into<String>, page_size: Option<u32>) -> Self {
        Self { path: path.into(), query: Query::default(), page_size, kind: PhantomData }
    }
}

impl<K: Kind> Endpoint for Resource<K> {
    fn name(&self) -> &str {
        K::NAME
    }

    fn validate(&self) -> Result<()> {
        match self.page_size {
            Some(size) if !(1..=MAX_PAGE_SIZE).contains(&size) => {
                Err(Error::invalid("limit", size.to_string(), "1 to 100"))
            }
            _ => self.query.check(),
        }
    }

    /// The parameters go with the first request only: what the cursor holds is the server's business (vendor page:
    /// pagination).
    fn request(&self, at: &Position) -> ApiRequest {
        let mut request = if let Position::Token(link) = at {
            ApiRequest::get(self.query.reveal(link))
        } else {
            let mut first = ApiRequest::get(self.path.as_str());
            first.query.extend_from_slice(self.query.pairs());
            match self.page_size {
                Some(size) => first.query("limit", size),
                None => first,
            }
        };
        request.private = K::PRIVATE || self.query.is_personal();
        request
    }

    fn list(&self) -> ListAt {
        ListAt::Field("items")
    }

    /// `_next` is a link to the next page, mostly relative. Absent, null and empty all say that there is none: the guide and
    /// the reference differ, and an example has the empty one (vendor pages).
    fn next(&self, _: &Position, answer: &Answer<'_>) -> Result<Paging, Refusal> {
        let next: Option<String> = match answer.fields.raw("_next") {
            None => None,
            Some(next) => {
                serde_json::from_str(next).map_err(|_| Refusal::shape("`_next` is neither a link nor null"))?
            }
        };
        let Some(next) = next.filter(|next| !next.is_empty()) else { return Ok(Paging::default()) };
        let link = answer.same_origin(&next)?;
        let link = &link[UrlPosition::BeforePath..UrlPosition::AfterQuery];
        Ok(Paging { next: Some(Position::Token(self.query.conceal(link))), total: None })
    }

    fn key(&self) -> Option<&str> {
        K::KEY
    }
}

impl<K: Kind> Listing for Resource<K> {
    type Item = K::Item;
}

impl<K> Clone for Resource<K> {
    fn clone(&self) -> Self {
        let Self { path, query, page_size, kind } = self;
        Self { path: path.clone(), query: query.clone(), page_size: *page_size, kind: *kind }
    }
}

impl<K: Kind> fmt::Debug for Resource<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(K::NAME).field("page_size", &self.page_size).finish_non_exhaustive()
    }
}
