//! An endpoint without I/O: it builds the request for a position, and reads from the answer where the next page is.
//!
//! The crate needs nothing more to read a paginated API. The four providers implement it, and users implement it for
//! any other paginated JSON API, and pass it to [`crate::Client::list`].

use std::fmt;
use std::ops::Range;

use http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;
use url::Url;

use super::cursor::{Fingerprint, Position};
use super::overlap::Overlap;
use crate::client::{ApiRequest, redact};
use crate::error::{AnswerError, Result};
use crate::json::{self, Fields, ListAt, Record};

/// A paginated listing. Its methods do no I/O.
pub trait Endpoint: Send + Sync + 'static {
    /// The name in errors, logs and reports, such as `jobdataapi/jobs`.
    fn name(&self) -> &str;

    /// Checks the parameters. Called before anything is sent.
    ///
    /// # Errors
    /// [`crate::Error::Invalid`] for a parameter that the server would refuse or misunderstand.
    fn validate(&self) -> Result<()> {
        Ok(())
    }

    /// The position of the first page.
    fn start(&self) -> Position {
        Position::Start
    }

    /// Number of records before [`Endpoint::start`], when a walk does not begin at the first record.
    fn rows_before_start(&self) -> u64 {
        0
    }

    /// The request for the page at `at`.
    fn request(&self, at: &Position) -> ApiRequest;

    /// Where in the body the records are.
    fn list(&self) -> ListAt;

    /// Reads from an accepted answer where the next page is. `None` means that the server has stated that there is
    /// none. When the answer does not say it, return an error.
    ///
    /// # Errors
    /// An [`AnswerError`] when the answer cannot be used.
    fn next(&self, at: &Position, answer: &Answer<'_>) -> Result<Paging, AnswerError>;

    /// The field that identifies a record, to detect records that move between pages. Default: none.
    fn key(&self) -> Option<&str> {
        None
    }

    /// Whether a record that changes during the walk may come again on a later page, so that the same id on two pages is no
    /// sign of a missing record. On one page an id comes once in any case. Default: no.
    fn may_repeat(&self) -> bool {
        false
    }

    /// Whether a position shifts when records enter or leave the list: with page numbers and offsets it does, and so a total that
    /// changes during the walk, or a record that comes again, means that a record may be missing. `false` for a position
    /// that names a record or a snapshot (keyset): records that enter or leave elsewhere move nothing, and the walk is
    /// incomplete only when fewer records arrived than any total said, or when a record was twice on one page. Default: yes.
    fn positions_shift(&self) -> bool {
        true
    }

    /// Whether this record only tells that a record was removed from the service (a tombstone). It is then in
    /// [`Page::removals`](crate::Page::removals), and need not fit the record type; a stream of
    /// records leaves it out. Default: no record is.
    fn is_removal(&self, record: &Record<'_>) -> bool {
        let _ = record;
        false
    }

    /// The records with which each page repeats the end of the page before, because the request asks for them again. They are
    /// recognised by their [`Endpoint::key`], which the endpoint must have then. Default: none.
    fn overlap(&self) -> Overlap {
        Overlap::None
    }

    /// Whether this status means that the position is past the end. Default: no, it is an error.
    fn past_end(&self, at: &Position, status: StatusCode) -> bool {
        let _ = (at, status);
        false
    }

    /// Whether the next page may be fetched while the caller works on this one. `false` where records are billed, so
    /// that a caller who stops early does not pay for a page that it does not use. Default `true`.
    fn may_prefetch(&self) -> bool {
        true
    }

    /// The identity of this query: endpoint, page size, and filters in any order. Cursors and checkpoints belong to it.
    ///
    /// By default it is made of the name and the first request: path, query, and body. A filter in a header is not part of it:
    /// add it to the name.
    fn fingerprint(&self) -> Fingerprint {
        let request = self.request(&self.start());
        let mut query: Vec<String> = request.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
        query.sort_unstable();
        let parts = [self.name(), request.path.as_str()];
        let body = String::from_utf8_lossy(&request.body);
        let body = Some(&*body).filter(|body| !body.is_empty());
        Fingerprint::of(parts.into_iter().chain(query.iter().map(String::as_str)).chain(body))
    }
}

/// An [`Endpoint`] with its default record type.
pub trait Listing: Endpoint + Clone {
    /// The record type.
    type Item: DeserializeOwned + Send + 'static;
}

/// What an endpoint reads of an accepted answer: everything but the decoded records.
pub struct Answer<'a> {
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The fields of the body next to the list.
    pub fields: &'a Fields,
    /// Records in the list.
    pub rows: usize,
    pub(crate) url: &'a Url,
    pub(crate) body: &'a [u8],
    pub(crate) records: Vec<Range<usize>>,
}

/// Without headers, URL and body, which may hold a key or personal data.
impl fmt::Debug for Answer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("fields", &self.fields).field("rows", &self.rows).finish_non_exhaustive()
    }
}

impl<'a> Answer<'a> {
    /// The JSON texts of all records, in the order of the page.
    pub(crate) fn records(&self) -> impl Iterator<Item = &'a str> {
        self.records.iter().filter_map(|range| std::str::from_utf8(self.body.get(range.clone())?).ok())
    }

    /// The JSON texts of a field, of all records that have it, in the order of the page. For paging by the last id.
    pub fn values<'n>(&'n self, field: &'n str) -> impl Iterator<Item = &'a str> + 'n {
        self.records().filter_map(move |text| json::field(text, field))
    }

    /// Checks a link of the answer that is read but not followed: its host must be the host of the request. The scheme
    /// may differ, because a server with a proxy before it often does not know its public scheme.
    ///
    /// # Errors
    /// [`AnswerError::Foreign`] when it names another host or port.
    pub fn same_host(&self, link: &str) -> Result<Url, AnswerError> {
        let link = self.url.join(link).map_err(|_| AnswerError::shape("the next link is not a URL"))?;
        let default_port = |url: &Url| url.port().is_none();
        let port = link.port() == self.url.port() || (default_port(&link) && default_port(self.url));
        if link.host() == self.url.host() && port && matches!(link.scheme(), "http" | "https") {
            Ok(link)
        } else {
            Err(AnswerError::Foreign { link: "next link", found: redact::origin(&link) })
        }
    }

    /// Resolves a link of the answer and checks that it has the origin of the request, to which the credential belongs.
    ///
    /// # Errors
    /// [`AnswerError::Foreign`] when it has not; [`AnswerError::Body`] when it is not a URL, or has a user or password.
    pub fn same_origin(&self, link: &str) -> Result<Url, AnswerError> {
        let link = self.url.join(link).map_err(|_| AnswerError::shape("the next link is not a URL"))?;
        if redact::has_user(&link) {
            return Err(AnswerError::shape("the next link contains a user or a password"));
        }
        if link.origin() == self.url.origin() {
            Ok(link)
        } else {
            Err(AnswerError::Foreign { link: "next link", found: redact::origin(&link) })
        }
    }
}

/// Where the next page is, and the total.
#[derive(Debug, Clone, Default)]
pub struct Paging {
    /// The next page; `None` when the server has stated that there is none.
    pub next: Option<Position>,
    /// The server's total, where it gives one.
    pub total: Option<u64>,
}
