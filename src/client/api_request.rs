//! One request, relative to a base URL and without credentials.

use std::fmt;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Method};

/// Whether a URL gives access without credentials, as a presigned link does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum UrlKind {
    /// It does not. The client's credentials are sent.
    #[default]
    Plain,
    /// It may, so errors and logs show only its origin. The client's credentials are sent to the client's own origin.
    Private,
    /// It may, and more so outside the base URL. As [`UrlKind::Private`], but the client's credentials are sent to URLs
    /// below the base URL only: a service of presigned links may refuse a request that has credentials too.
    Download,
    /// It does. As [`UrlKind::Private`], but the client's credentials are not sent.
    Bearer,
}

/// To which origins a request may be sent or redirected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origins {
    /// The client's own origin.
    #[default]
    Own,
    /// Any origin; to others without the client's credentials. With an `https` base URL, only to `https`.
    Any,
}

/// One request, relative to a client's base URL and without credentials.
#[derive(Clone)]
pub struct ApiRequest {
    /// The method. `GET` by default.
    pub method: Method,
    /// The path, relative to the base URL: `jobs`, `/other/root`, or a whole URL. A query in it is sent unchanged.
    pub path: String,
    /// The query, not yet encoded.
    pub query: Vec<(String, String)>,
    /// Additional headers.
    pub headers: HeaderMap,
    /// The body. Every attempt sends the same bytes.
    pub body: bytes::Bytes,
    /// Whether it may be sent again although the server may have acted on it.
    pub idempotent: bool,
    /// Whether the URL gives access without credentials.
    pub url: UrlKind,
    /// To which origins it may be sent.
    pub origins: Origins,
    /// The bucket of the server's rate limit that counts it, for services that count by endpoint or by customer. The
    /// rate and the waits of a bucket do not delay requests of other buckets. `None`: the bucket of the client.
    pub bucket: Option<String>,
    /// Whether it holds personal data. A server may repeat them in errors, so errors then show only codes.
    pub private: bool,
    /// The part of it that cannot be sent, such as a header whose value has a line break. `None` by default; otherwise the call is
    /// [`Error::Invalid`](crate::Error::Invalid), and nothing is sent.
    pub invalid: Option<String>,
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
            invalid: None,
            url: UrlKind::Plain,
            origins: Origins::Own,
        }
    }

    /// A `POST` of JSON text. Not idempotent by default.
    pub fn post(path: impl Into<String>, body: impl Into<bytes::Bytes>) -> Self {
        let json = HeaderValue::from_static("application/json");
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, json)]);
        Self { method: Method::POST, headers, body: body.into(), idempotent: false, ..Self::get(path) }
    }

    /// A `POST` of JSON text that changes nothing on the server, such as a search: it is retried like a `GET`. It is not sent on to
    /// the target of a redirect.
    pub fn search(path: impl Into<String>, body: impl Into<bytes::Bytes>) -> Self {
        Self { idempotent: true, ..Self::post(path, body) }
    }

    /// Sets a header, such as a token for the next page. A name or a value that a header cannot have becomes
    /// [`ApiRequest::invalid`].
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        match (name.parse::<HeaderName>(), HeaderValue::from_bytes(value.as_ref())) {
            (Ok(name), Ok(value)) => _ = self.headers.insert(name, value),
            _ => self.invalid = Some(format!("header {name}")),
        }
        self
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
    /// Without the values of query and headers, and without the body: they can hold personal data.
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
