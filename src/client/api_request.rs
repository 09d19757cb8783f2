//! One request, relative to a base URL and without credentials.

use std::fmt;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method};

/// Whether a URL itself gives access, as a presigned link does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum UrlKind {
    /// No. The client's credentials are sent.
    #[default]
    Plain,
    /// It may: errors and logs show its origin only. The client's credentials are sent to the client's own origin.
    Private,
    /// Yes, and nothing else is needed: as [`UrlKind::Private`], but the client's credentials are not sent.
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
    /// Whether the URL itself gives access.
    pub url: UrlKind,
    /// Where it may go.
    pub origins: Origins,
    /// The bucket of the server's rate limit that it draws on, for services that count by endpoint or by customer. Requests
    /// of other buckets are neither paced by it nor held back when the server closes it. `None`: the client's own.
    pub bucket: Option<String>,
    /// Whether it holds personal data. The server may repeat these in an error, so errors then show its codes and no text.
    pub private: bool,
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
