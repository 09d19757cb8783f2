//! What a simulated provider has to tell the server: the request it gets and the answer it gives.

use std::fmt;

use bytes::Bytes;
use http::HeaderMap;

use super::fault::PageFaults;

/// A simulated provider: its data, its routes, its way of paging.
///
/// Everything else (connections, faults, hooks, counting) is the [`Server`](super::Server)'s. One request at a time is
/// answered, under a lock, so `answer` should only put prepared text together.
pub trait Service: Send + 'static {
    /// Whether the request asks for a list. List requests are numbered, for [`When`](super::When) and for the hooks.
    fn is_list(&self, request: &Received) -> bool;

    /// Answers a request. A good list answer applies `faults` to its page; everything else ignores them.
    fn answer(&mut self, request: &Received, faults: &PageFaults) -> Answer;

    /// The body of [`Fault::ErrorObject`](super::Fault::ErrorObject): what this provider sends when something failed.
    fn error_object(&self) -> String {
        r#"{"detail":"Something went wrong on our side."}"#.to_owned()
    }

    /// Query parameters that carry a secret: their values are blanked in the log.
    fn secret_parameters(&self) -> &'static [&'static str] {
        &[]
    }
}

/// A request as it came in. `Debug` shows neither a credential nor the query, which could hold one, nor the body.
#[derive(Clone)]
pub struct Received {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) raw_query: Option<String>,
    pub(crate) authorization: Option<String>,
    pub(crate) origin: String,
    pub(crate) list_number: Option<u64>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Received {
    /// Reads the head of a request; `address` stands in for a missing `Host`.
    pub(crate) fn new(request: &http::Request<Bytes>, address: &str) -> Self {
        let text = |name: http::HeaderName| {
            let value = request.headers().get(name)?;
            value.to_str().ok().map(str::to_owned)
        };
        let raw_query = request.uri().query().map(str::to_owned);
        let query =
            url::form_urlencoded::parse(raw_query.as_deref().unwrap_or_default().as_bytes()).into_owned().collect();
        let host = text(http::header::HOST).unwrap_or_else(|| address.to_owned());
        Self {
            method: request.method().to_string(),
            path: request.uri().path().to_owned(),
            query,
            raw_query,
            authorization: text(http::header::AUTHORIZATION),
            origin: format!("http://{host}"),
            list_number: None,
            headers: request.headers().clone(),
            body: request.body().clone(),
        }
    }

    /// The method, in upper case.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The path, as sent.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The query's names and values, decoded, in the order of the URL.
    pub fn query(&self) -> &[(String, String)] {
        &self.query
    }

    /// The query as sent, without its `?`.
    pub fn raw_query(&self) -> Option<&str> {
        self.raw_query.as_deref()
    }

    /// The value of a query parameter: the last one when it came several times.
    pub fn param(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().rev().find(|(key, _)| key == name)?;
        Some(&found.1)
    }

    /// The `Authorization` header.
    pub fn authorization(&self) -> Option<&str> {
        self.authorization.as_deref()
    }

    /// The value of a header, when it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body, as sent.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// Scheme, host and port under which the client called, without a slash at the end. For absolute links.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The number of this list request, from 1; `None` when it asks for no list.
    pub fn list_number(&self) -> Option<u64> {
        self.list_number
    }
}

impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Received")
            .field("method", &self.method)
            .field("path", &self.path)
            .field("authorized", &self.authorization.is_some())
            .field("list_number", &self.list_number)
            .finish_non_exhaustive()
    }
}

/// An answer of a [`Service`].
#[derive(Debug, Clone)]
pub struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
    pub(crate) rows: u64,
}

impl Answer {
    /// A JSON text with a status.
    pub fn json(status: u16, body: impl Into<Bytes>) -> Self {
        Self::new(status, "application/json", body.into())
    }

    /// An HTML text with a status.
    pub fn html(status: u16, body: impl Into<Bytes>) -> Self {
        Self::new(status, "text/html; charset=utf-8", body.into())
    }

    /// `{"detail": text}` with a status.
    pub fn detail(status: u16, text: &str) -> Self {
        Self::json(status, serde_json::json!({ "detail": text }).to_string())
    }

    fn new(status: u16, content_type: &str, body: Bytes) -> Self {
        Self { status, headers: vec![("content-type".to_owned(), content_type.to_owned())], body, rows: 0 }
    }

    /// Adds a header, or replaces the one of this name.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// States how many rows the body holds, for the count of what was served. Default 0.
    #[must_use]
    pub fn rows(mut self, rows: usize) -> Self {
        self.rows = rows as u64;
        self
    }

    /// Whether the status is one from 200 to 299.
    pub fn is_good(&self) -> bool {
        (200..300).contains(&self.status)
    }
}
