//! The client of any API: listings, and single calls through the same limiter and retries.

use std::time::Duration;

use http::{HeaderMap, Method};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::description::ListDescription;
use super::endpoint::ListEndpoint;
use super::header::plain_header;
use super::requests::RecordsRequest;
use crate::client::{ApiRequest, ClientBuilder, GetRequest, HeadRequest, Provider, RateLimit, WriteRequest};
use crate::error::Result;
use crate::json::debug_fields;

/// A client of any JSON API. Cheap to clone; clones share rate limit, retry budget and connections.
///
/// ```
/// use jobfeed::{Credentials, rest::Client};
///
/// let api = Client::builder()
///     .base_url("https://api.github.com/")
///     .credentials(Credentials::bearer("a-token")?)
///     .build()?
///     .header("Accept", "application/vnd.github+json")?;
/// let repos = api.list::<jobfeed::serde_json::Value>("orgs/rust-lang/repos");
/// # Ok::<(), jobfeed::Error>(())
/// ```
#[derive(Clone)]
pub struct Client {
    core: crate::client::Client,
    headers: HeaderMap,
}

// Without the values of headers, as everywhere.
debug_fields!(Client(core));

impl Provider for Client {
    const BASE_URL: &'static str = "";
    /// 10 a second.
    const RATE_LIMIT: RateLimit = RateLimit::every(Duration::from_millis(100));

    fn from_core(core: crate::client::Client) -> Self {
        Self { core, headers: HeaderMap::new() }
    }
}

impl Client {
    /// The settings of a client. A base URL is required. Default: no credentials, at most 10 requests a second.
    pub fn builder() -> ClientBuilder<Self> {
        ClientBuilder::default()
    }

    /// Sends this header with every request, such as `Accept` or the version of the API. Not for secrets: these are
    /// [`Credentials`](crate::Credentials). It is not part of the query to which cursors and checkpoints belong: a header that decides
    /// which records there are is a [`RecordsRequest::header`].
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::Error::Invalid) for a name or a value that a header cannot have, and for a header that is for credentials.
    pub fn header(mut self, name: &str, value: &str) -> Result<Self> {
        let (name, value) = plain_header(&format!("header {name}"), name, value)?;
        self.headers.insert(name, value);
        Ok(self)
    }

    /// The records of a list. `path` is relative to the base URL. Until [`RecordsRequest::paginate`] is called, the list is one
    /// page, and until [`RecordsRequest::records_at`] is called, the body is the list.
    ///
    /// In errors and reports its name is `rest/<path>`.
    pub fn list<T: DeserializeOwned + Send + 'static>(&self, path: impl Into<String>) -> RecordsRequest<T> {
        let list = ListDescription::new(path);
        let name = format!("rest/{}", list.path.split('?').next().unwrap_or_default());
        self.described(name, list)
    }

    pub(super) fn described<T>(&self, name: String, list: ListDescription) -> RecordsRequest<T>
    where
        T: DeserializeOwned + Send + 'static,
    {
        RecordsRequest::new(&self.core, ListEndpoint::new(name, self.headers.clone(), list))
    }

    /// One JSON object, by `GET`.
    pub fn get<T: DeserializeOwned + Send + 'static>(&self, path: impl Into<String>) -> GetRequest<T> {
        GetRequest::of(self.core.clone(), "rest/get", self.with_headers(ApiRequest::get(path)))
    }

    /// The headers of an answer, by `HEAD`.
    pub fn head(&self, path: impl Into<String>) -> HeadRequest {
        HeadRequest::new(self.core.clone(), "rest/head", self.with_headers(ApiRequest::get(path)))
    }

    /// A `POST` of a JSON body.
    pub fn post<T>(&self, path: impl Into<String>, body: &impl Serialize) -> WriteRequest<T>
    where
        T: DeserializeOwned + Send + 'static,
    {
        self.write("rest/post", Method::POST, path, body)
    }

    /// A `PUT` of a JSON body.
    pub fn put<T>(&self, path: impl Into<String>, body: &impl Serialize) -> WriteRequest<T>
    where
        T: DeserializeOwned + Send + 'static,
    {
        self.write("rest/put", Method::PUT, path, body)
    }

    /// A `PATCH` of a JSON body.
    pub fn patch<T>(&self, path: impl Into<String>, body: &impl Serialize) -> WriteRequest<T>
    where
        T: DeserializeOwned + Send + 'static,
    {
        self.write("rest/patch", Method::PATCH, path, body)
    }

    /// A `DELETE` without a body. An answer without content is read as `null`: use `()` or an `Option` for it.
    pub fn delete<T: DeserializeOwned + Send + 'static>(&self, path: impl Into<String>) -> WriteRequest<T> {
        let request = ApiRequest { method: Method::DELETE, idempotent: false, ..ApiRequest::get(path) };
        WriteRequest::new(self.core.clone(), "rest/delete", self.with_headers(request))
    }

    fn write<T: DeserializeOwned + Send + 'static>(
        &self,
        name: &'static str,
        method: Method,
        path: impl Into<String>,
        body: &impl Serialize,
    ) -> WriteRequest<T> {
        let mut request = match serde_json::to_vec(body) {
            Ok(json) => ApiRequest::post(path, json),
            // Such as a map whose keys are no texts.
            Err(_) => ApiRequest { invalid: Some("body".to_owned()), ..ApiRequest::get(path) },
        };
        request.method = method;
        WriteRequest::new(self.core.clone(), name, self.with_headers(request))
    }

    fn with_headers(&self, mut request: ApiRequest) -> ApiRequest {
        request.headers.extend(self.headers.clone());
        request
    }
}
