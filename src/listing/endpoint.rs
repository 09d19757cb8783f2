//! An endpoint without I/O: it builds the request for a position and reads from the answer where the next page is.
//!
//! This is all that one paginated API needs to tell the engine. The four providers are written against it, and so is any
//! other paginated JSON API, through [`crate::Client::list`].

use std::ops::Range;

use http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;
use url::Url;

use super::cursor::{Fingerprint, Position};
use crate::client::{ApiRequest, redact};
use crate::error::{AnswerError, Result};
use crate::json::{self, Fields, ListAt};

/// A paginated listing, described without I/O.
pub trait Endpoint: Send + Sync + 'static {
    /// The name in errors, logs and reports, such as `jobdataapi/jobs`.
    fn name(&self) -> &str;

    /// Checks the parameters. Called before anything is sent.
    ///
    /// # Errors
    /// [`crate::Error::Invalid`] for a parameter that the server would refuse or misread.
    fn validate(&self) -> Result<()> {
        Ok(())
    }

    /// Where a listing begins.
    fn start(&self) -> Position {
        Position::Start
    }

    /// Rows before [`Endpoint::start`], when a listing does not begin at its first row.
    fn rows_before_start(&self) -> u64 {
        0
    }

    /// The request for the page at `at`.
    fn request(&self, at: &Position) -> ApiRequest;

    /// Where in the body the records are.
    fn list(&self) -> ListAt;

    /// Reads from a good answer where the next page is. `None` means that the server has said that there is none; when the
    /// answer does not tell, return an error.
    ///
    /// # Errors
    /// A [`AnswerError`] when the answer is not what was asked for.
    fn next(&self, at: &Position, answer: &Answer<'_>) -> Result<Paging, AnswerError>;

    /// The field that identifies a record, for the detection of rows that shift between pages.
    fn key(&self) -> Option<&str> {
        None
    }

    /// Whether this status at this position means that the position is past the end. Default: no, it is an error.
    fn past_end(&self, at: &Position, status: StatusCode) -> bool {
        let _ = (at, status);
        false
    }

    /// Whether the next page may be fetched while the caller works on this one. `false` where rows are billed, so that a caller
    /// who stops early pays for no page that it does not see. Default `true`.
    fn may_prefetch(&self) -> bool {
        true
    }

    /// The identity of this query: endpoint, filters and page size, whatever their order. Cursors and checkpoints are bound to it.
    fn fingerprint(&self) -> Fingerprint {
        let request = self.request(&self.start());
        let mut query: Vec<String> = request.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
        query.sort_unstable();
        let parts = [self.name(), request.path.as_str()];
        Fingerprint::of(parts.into_iter().chain(query.iter().map(String::as_str)))
    }
}

/// An [`Endpoint`] with the record type it usually decodes to.
pub trait Listing: Endpoint + Clone {
    /// The record type.
    type Item: DeserializeOwned + Send + 'static;
}

/// What an endpoint sees of a good answer: everything but the records.
#[derive(Debug)]
pub struct Answer<'a> {
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The fields beside the list.
    pub fields: &'a Fields,
    /// Records in the list.
    pub rows: usize,
    pub(crate) url: &'a Url,
    pub(crate) body: &'a [u8],
    pub(crate) records: Vec<Range<usize>>,
}

impl<'a> Answer<'a> {
    /// The JSON texts of a field of the records that have it, in the order of the page. For paging by the last id.
    pub fn values<'n>(&'n self, field: &'n str) -> impl Iterator<Item = &'a str> + 'n {
        let texts = self.records.iter().filter_map(|range| std::str::from_utf8(self.body.get(range.clone())?).ok());
        texts.filter_map(move |text| json::field(text, field))
    }

    /// Checks a link of the answer that is read but not followed: it must name the host of the request. The scheme may differ,
    /// because servers behind a proxy often do not know their own.
    ///
    /// # Errors
    /// [`AnswerError::Foreign`] when it names another host or port.
    pub fn same_host(&self, link: &str) -> Result<Url, AnswerError> {
        let link = self.url.join(link).map_err(|_| AnswerError::shape("the next link is not a URL"))?;
        let usual = |url: &Url| url.port().is_none();
        let port = link.port() == self.url.port() || (usual(&link) && usual(self.url));
        if link.host() == self.url.host() && port && matches!(link.scheme(), "http" | "https") {
            Ok(link)
        } else {
            Err(AnswerError::Foreign { link: "next link", found: redact::origin(&link) })
        }
    }

    /// Resolves a link of the answer and checks that it stays on the origin that the credential belongs to.
    ///
    /// # Errors
    /// [`AnswerError::Foreign`] when it does not; [`AnswerError::Body`] when it is no URL, or one with a user or password.
    pub fn same_origin(&self, link: &str) -> Result<Url, AnswerError> {
        let link = self.url.join(link).map_err(|_| AnswerError::shape("the next link is not a URL"))?;
        if redact::has_user(&link) {
            return Err(AnswerError::shape("the next link holds a user or a password"));
        }
        if link.origin() == self.url.origin() {
            Ok(link)
        } else {
            Err(AnswerError::Foreign { link: "next link", found: redact::origin(&link) })
        }
    }
}

/// Where the listing goes on.
#[derive(Debug, Clone, Default)]
pub struct Paging {
    /// The next page; `None` at the end that the server has stated.
    pub next: Option<Position>,
    /// The server's total, where it tells one.
    pub total: Option<u64>,
}
