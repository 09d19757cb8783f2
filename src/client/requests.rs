//! Requests without paging: one resource, one change, one file.

use std::fmt;
use std::marker::PhantomData;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde::de::DeserializeOwned;

use super::api_request::{ApiRequest, Origins, UrlKind};
use super::core::Client;
use super::progress::Progress;
use super::response::Response;
use super::telemetry::CallInfo;
use crate::error::{AnswerError, Result};
use crate::json::{self, ListAt, debug_fields};

/// A request for one resource, not yet sent.
#[derive(Debug, Clone)]
#[must_use = "nothing is sent before `send`"]
pub struct GetRequest<T> {
    client: Client,
    name: &'static str,
    request: ApiRequest,
    item: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned + Send + 'static> GetRequest<T> {
    pub(crate) fn new(client: Client, name: &'static str, path: String) -> Self {
        Self::of(client, name, ApiRequest::get(path))
    }

    pub(crate) fn of(client: Client, name: &'static str, request: ApiRequest) -> Self {
        Self { client, name, request, item: PhantomData }
    }

    /// Adds a query parameter that has no method.
    pub fn param(mut self, name: impl Into<String>, value: impl ToString) -> Self {
        self.request = self.request.query(name, value);
        self
    }

    /// Sends a header. A name or a value that a header cannot have is [`Error::Invalid`](crate::Error::Invalid) when it is sent.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    /// Fetches the resource.
    ///
    /// # Errors
    /// [`Error::Status`](crate::Error::Status) with 404 when there is none; those of [`crate::ListRequest::send`].
    pub async fn send(self) -> Result<T> {
        self.send_as().await
    }

    /// Fetches it as your own type, such as `Box<RawValue>` for the JSON text as received.
    ///
    /// # Errors
    /// As [`GetRequest::send`].
    pub async fn send_as<U: DeserializeOwned + Send + 'static>(self) -> Result<U> {
        self.client.call(self.name, &self.request, &|status| status.is_success(), read_single::<U>).await
    }
}

/// A request that changes something on the server, not yet sent.
///
/// It is sent once. Only when the server cannot have acted on it (no connection was made, or status 429) is it sent
/// again, with the same bytes; any other failure after it was sent is [`Error::OutcomeUnknown`](crate::Error::OutcomeUnknown).
#[derive(Debug, Clone)]
#[must_use = "nothing is sent before `send`"]
pub struct WriteRequest<T> {
    call: GetRequest<T>,
}

impl<T: DeserializeOwned + Send + 'static> WriteRequest<T> {
    pub(crate) fn new(client: Client, name: &'static str, request: ApiRequest) -> Self {
        Self { call: GetRequest::of(client, name, request) }
    }

    /// Sends a header, such as an idempotency key. A name or a value that a header cannot have is
    /// [`Error::Invalid`](crate::Error::Invalid) when it is sent.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.call = self.call.header(name, value);
        self
    }

    /// Adds a query parameter.
    pub fn param(mut self, name: impl Into<String>, value: impl ToString) -> Self {
        self.call = self.call.param(name, value);
        self
    }

    /// The server recognises a repetition, by an idempotency key or because the change has the same effect twice: it is retried like a
    /// `GET`. Default: no.
    pub fn idempotent(mut self) -> Self {
        self.call.request.idempotent = true;
        self
    }

    /// Sends it and reads the answer.
    ///
    /// # Errors
    /// [`Error::OutcomeUnknown`](crate::Error::OutcomeUnknown) when the server may have acted on it, else it did not.
    pub async fn send(self) -> Result<T> {
        self.call.send().await
    }
}

/// A request for the headers of an answer, not yet sent.
#[derive(Debug, Clone)]
#[must_use = "nothing is sent before `send`"]
pub struct HeadRequest {
    client: Client,
    name: &'static str,
    request: ApiRequest,
}

impl HeadRequest {
    pub(crate) fn new(client: Client, name: &'static str, request: ApiRequest) -> Self {
        Self { client, name, request: ApiRequest { method: Method::HEAD, ..request } }
    }

    /// Adds a query parameter.
    pub fn param(mut self, name: impl Into<String>, value: impl ToString) -> Self {
        self.request = self.request.query(name, value);
        self
    }

    /// Sends a header. A name or a value that a header cannot have is [`Error::Invalid`](crate::Error::Invalid) when it is sent.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    /// Fetches the headers.
    ///
    /// # Errors
    /// [`Error::Status`](crate::Error::Status) for any status but 200 to 299; those of a connection.
    pub async fn send(self) -> Result<HeaderMap> {
        // The body is not read: a length is announced, but no body comes.
        let opened = self.client.open(CallInfo::single(self.name, &Progress::default()), &self.request).await?;
        Ok(opened.headers)
    }
}

/// A request for the file that a link of an answer points to, not yet sent.
///
/// `Debug`, errors and logs show only the origin of the link, because such links often give access without credentials.
#[derive(Clone)]
#[must_use = "nothing is sent before `send`"]
pub struct DownloadRequest {
    client: Client,
    name: &'static str,
    request: ApiRequest,
}

impl DownloadRequest {
    pub(crate) fn new(client: Client, name: &'static str, link: &str) -> Self {
        let mut request = ApiRequest::get(link);
        request.headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
        request.url = UrlKind::Download;
        Self { client, name, request }
    }

    /// Sends the credentials to all of the client's own origin. By default they are sent to URLs below the base URL only,
    /// because a link outside it is probably presigned: it gives access by itself.
    pub fn with_credentials(mut self) -> Self {
        self.request.url = UrlKind::Private;
        self
    }

    /// Allows a link or a redirect to another origin. Credentials are not sent there, and with an `https` base URL only
    /// `https` is allowed. By default another origin is an error before anything is sent there.
    pub fn other_origins(mut self) -> Self {
        self.request.origins = Origins::Any;
        self
    }

    /// Fetches it into memory, up to the client's `max_body_bytes`.
    ///
    /// # Errors
    /// [`Error::ForeignOrigin`](crate::Error::ForeignOrigin) for a redirect to another origin and [`Error::Invalid`](crate::Error::Invalid) for a link to one, unless
    /// [`DownloadRequest::other_origins`] was called; [`Error::Status`](crate::Error::Status); [`Error::TooLarge`](crate::Error::TooLarge).
    pub async fn send(self) -> Result<Download> {
        let read =
            |response: &Response| Ok(Download { body: response.body.clone(), headers: response.headers.clone() });
        self.client.call(self.name, &self.request, &|status| status.is_success(), read).await
    }
}

debug_fields!(DownloadRequest(name));

/// A file as received.
#[derive(Clone)]
#[non_exhaustive]
pub struct Download {
    /// The bytes.
    pub body: Bytes,
    /// The headers of the answer, with the file's name where the server gives it.
    pub headers: HeaderMap,
}

impl Download {
    /// The media type that the server states, such as `application/pdf`.
    pub fn content_type(&self) -> Option<&str> {
        self.headers.get(CONTENT_TYPE)?.to_str().ok()
    }
}

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (bytes, kind) = (self.body.len(), self.content_type());
        f.debug_struct("Download").field("bytes", &bytes).field("content_type", &kind).finish_non_exhaustive()
    }
}

/// Reads an answer whose body is one record. An answer that says that it has no content is `null`.
pub(crate) fn read_single<T: DeserializeOwned>(response: &Response) -> Result<T, AnswerError> {
    if response.status == StatusCode::NO_CONTENT {
        return serde_json::from_str("null").map_err(|_| AnswerError::shape("there is no content"));
    }
    let mut decoded = json::decode::<T>(&response.body, &ListAt::Single)?;
    decoded.items.pop().ok_or_else(|| {
        let reason = decoded.rejected.pop().map(|record| record.reason).unwrap_or_default();
        AnswerError::AllRejected { rows: 1, reason }
    })
}
