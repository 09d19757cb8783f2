//! A request as a simulated provider gets it.

use std::fmt;

use bytes::Bytes;
use http::Request;
use http::header::{AUTHORIZATION, HOST};

/// A request that the simulator received. `Debug` shows neither a credential nor the query, which could hold one, nor the body.
#[derive(Clone)]
pub struct Received {
    request: Request<Bytes>,
    query: Vec<(String, String)>,
    origin: String,
    pub(crate) list_number: Option<u64>,
}

impl Received {
    /// Reads a request; `address` is used when it has no `Host` header.
    pub(crate) fn new(request: Request<Bytes>, address: &str) -> Self {
        let query = request.uri().query().unwrap_or_default();
        let query = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let host = request.headers().get(HOST).and_then(|value| value.to_str().ok()).unwrap_or(address);
        Self { query, origin: format!("http://{host}"), list_number: None, request }
    }

    /// The method, in upper case.
    pub fn method(&self) -> &str {
        self.request.method().as_str()
    }

    /// The path, as sent.
    pub fn path(&self) -> &str {
        self.request.uri().path()
    }

    /// The query's names and values, decoded, in the order of the URL.
    pub fn query(&self) -> &[(String, String)] {
        &self.query
    }

    /// The query as sent, without its `?`.
    pub fn raw_query(&self) -> Option<&str> {
        self.request.uri().query()
    }

    /// The value of a query parameter: the last one when it came several times.
    pub fn param(&self, name: &str) -> Option<&str> {
        last_value(&self.query, name)
    }

    /// The value of the `Authorization` header.
    pub fn authorization(&self) -> Option<&str> {
        self.header(AUTHORIZATION.as_str())
    }

    /// The value of a header, when it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.request.headers().get(name)?.to_str().ok()
    }

    /// The body, as sent.
    pub fn body(&self) -> &Bytes {
        self.request.body()
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
            .field("method", &self.method())
            .field("path", &self.path())
            .field("authorized", &self.authorization().is_some())
            .field("list_number", &self.list_number)
            .finish_non_exhaustive()
    }
}

/// The last value with this name.
pub(super) fn last_value<'a>(query: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = query.iter().rev().find(|(key, _)| key == name)?;
    Some(&found.1)
}
