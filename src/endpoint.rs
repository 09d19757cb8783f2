//! An endpoint without I/O: it builds the request for a position and reads from the answer where the next page is.
//!
//! This is all that one paginated API needs to tell the engine. The four providers are written against it, and so is any
//! other paginated JSON API, through [`crate::Client::list`].

use std::fmt;
use std::ops::Range;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde::de::DeserializeOwned;
use url::Url;

use crate::body::{Fields, ListAt};
use crate::cursor::{Fingerprint, Position};
use crate::error::{BodyProblem, Result};
use crate::page;
use crate::redact;

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

    /// Reads from a good answer where the next page is. Only a positive signal counts: `None` means that the server has
    /// said there is no more.
    ///
    /// # Errors
    /// A [`Refusal`] when the answer is not what was asked for.
    fn next(&self, at: &Position, answer: &Answer<'_>) -> Result<Paging, Refusal>;

    /// The field that identifies a record, for the detection of rows that shift between pages.
    fn key(&self) -> Option<&str> {
        None
    }

    /// Whether this status at this position says "past the end" rather than "error".
    fn past_end(&self, at: &Position, status: StatusCode) -> bool {
        let _ = (at, status);
        false
    }

    /// Whether the next page may be fetched while the caller works on this one. `false` where rows are billed: a caller that
    /// stops early has then paid for nothing it did not see.
    fn may_look_ahead(&self) -> bool {
        true
    }

    /// What makes this query itself: endpoint, filters and page size, whatever their order.
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

/// Looks into the JSON object of an answer with a good status, before anything else reads it.
///
/// For services that report errors under a good status: [`BodyProblem::ErrorObject`] makes the body an error, with what
/// [`crate::Provider::server_error`] reads from it.
pub type Check = fn(&Fields) -> Result<(), Refusal>;

/// Whether a URL is a kind of credential.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum UrlKind {
    /// It names a resource; the client's credentials say who may see it.
    #[default]
    Plain,
    /// It may let its bearer in, so errors and logs show its origin only. The client's credentials go along on its own
    /// origin.
    Private,
    /// It is the only right that is needed: as [`UrlKind::Private`], and the client's credentials stay at home.
    Bearer,
}

/// Which origins a request may name, or be redirected to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origins {
    /// The client's own.
    #[default]
    Own,
    /// Any other too, without the client's credentials. From an `https` base URL it goes to `https` only.
    Any,
}

/// One request, relative to a client's base URL and without credentials.
#[derive(Clone)]
#[allow(clippy::struct_excessive_bools, reason = "each is one property of its own")]
pub struct ApiRequest {
    /// The method. `GET` by default.
    pub method: Method,
    /// The path, relative to the base URL: `jobs`, `/other/root`, or a whole URL. It may hold a query of its own, which is
    /// sent as it is.
    pub path: String,
    /// The query, not yet encoded.
    pub query: Vec<(String, String)>,
    /// Additional headers.
    pub headers: HeaderMap,
    /// The body; the same bytes are sent at every attempt.
    pub body: bytes::Bytes,
    /// Whether it may be sent again when it is not known whether the server acted on it.
    pub idempotent: bool,
    /// Whether the URL itself is a kind of credential.
    pub url: UrlKind,
    /// Where it may go.
    pub origins: Origins,
    /// The bucket of the server's rate limit that it draws on, for services that count by endpoint or by customer. Requests
    /// of other buckets are neither paced by it nor held back when the server closes it. `None`: the client's own.
    pub bucket: Option<String>,
    /// Whether it holds personal data. The server may repeat these in an error, so errors then show its codes and no text.
    pub private: bool,
    /// Whether the body of a good answer is left to be read in pieces.
    pub(crate) streamed: bool,
}

impl ApiRequest {
    /// A `GET`.
    pub fn get(path: impl Into<String>) -> Self {
        Self {
            method: Method::GET,
            path: path.into(),
            query: Vec::new(),
            headers: HeaderMap::new(),
            body: bytes::Bytes::new(),
            idempotent: true,
            bucket: None,
            private: false,
            url: UrlKind::Plain,
            origins: Origins::Own,
            streamed: false,
        }
    }

    /// A `POST` of JSON text. Not idempotent unless said so.
    pub fn post(path: impl Into<String>, body: impl Into<bytes::Bytes>) -> Self {
        let json = HeaderValue::from_static("application/json");
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, json)]);
        Self { method: Method::POST, headers, body: body.into(), idempotent: false, ..Self::get(path) }
    }

    /// Adds a query parameter.
    #[must_use]
    #[allow(clippy::needless_pass_by_value)]
    pub fn query(mut self, name: impl Into<String>, value: impl ToString) -> Self {
        self.query.push((name.into(), value.to_string()));
        self
    }
}

impl fmt::Debug for ApiRequest {
    /// Leaves out the values of query and headers, and the body: they can hold personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.split('?').next().unwrap_or_default();
        let query: Vec<&str> = self.query.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("ApiRequest")
            .field("method", &self.method)
            .field("path", &if self.url == UrlKind::Plain { path } else { "(hidden)" })
            .field("query", &query)
            .field("body_bytes", &self.body.len())
            .field("idempotent", &self.idempotent)
            .finish_non_exhaustive()
    }
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
        texts.filter_map(move |text| page::field(text, field))
    }

    /// Reads a link of the answer that is only read, never followed: it must name the host of the request. The scheme may
    /// differ, because servers behind a proxy often do not know theirs.
    ///
    /// # Errors
    /// [`Refusal::Foreign`] when it names another host or port.
    pub fn same_host(&self, link: &str) -> Result<Url, Refusal> {
        let link = self.url.join(link).map_err(|_| Refusal::shape("the next link is not a URL"))?;
        let usual = |url: &Url| url.port().is_none();
        let port = link.port() == self.url.port() || (usual(&link) && usual(self.url));
        if link.host() == self.url.host() && port && matches!(link.scheme(), "http" | "https") {
            Ok(link)
        } else {
            Err(Refusal::Foreign { link: "next link", found: redact::origin(&link) })
        }
    }

    /// Resolves a link of the answer and checks that it stays on the origin that the credential belongs to.
    ///
    /// # Errors
    /// [`Refusal::Foreign`] when it does not; [`Refusal::Body`] when it is no URL, or one with a user or password.
    pub fn same_origin(&self, link: &str) -> Result<Url, Refusal> {
        let link = self.url.join(link).map_err(|_| Refusal::shape("the next link is not a URL"))?;
        if redact::has_user(&link) {
            return Err(Refusal::shape("the next link holds a user or a password"));
        }
        if link.origin() == self.url.origin() {
            Ok(link)
        } else {
            Err(Refusal::Foreign { link: "next link", found: redact::origin(&link) })
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

/// Why an answer with a good status is not accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// The body is not what was asked for.
    Body(BodyProblem),
    /// Not one record fits the model.
    AllRejected {
        /// Records in the page.
        rows: usize,
        /// Why the first does not fit.
        reason: String,
    },
    /// A link leads to another origin.
    Foreign {
        /// What kind of link.
        link: &'static str,
        /// The other origin.
        found: String,
    },
}

impl Refusal {
    /// The JSON has another shape than expected.
    pub fn shape(what: impl Into<String>) -> Self {
        Self::Body(BodyProblem::Shape(what.into()))
    }
}

impl From<BodyProblem> for Refusal {
    fn from(problem: BodyProblem) -> Self {
        Self::Body(problem)
    }
}
