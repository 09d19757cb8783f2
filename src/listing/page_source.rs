//! Which answer a page was read from.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use jiff::Timestamp;
use url::Url;

use super::cursor::Position;
use super::endpoint::Endpoint;
use crate::client::{Client, UrlKind};
use crate::json::ListAt;

/// Which answer a page was read from: the request without credentials, the status, and where the list is in the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageSource {
    pub(crate) endpoint: String,
    pub(crate) url: String,
    pub(crate) status: StatusCode,
    pub(crate) list: ListAt,
    pub(crate) key: Option<String>,
    pub(crate) received: Timestamp,
    /// Whether a credential of the client is in the fields of the body next to the list.
    pub(crate) secret_beside_list: bool,
    /// The headers in whose values a credential of the client is.
    pub(crate) secret_headers: Vec<HeaderName>,
}

impl PageSource {
    /// The source of a page that is a whole body: the list is where the endpoint says.
    pub(super) fn new(
        client: &Client,
        endpoint: &dyn Endpoint,
        at: &Position,
        (url, status, headers): (&Url, StatusCode, &HeaderMap),
    ) -> Self {
        let url = match endpoint.request(at).url {
            UrlKind::Plain => client.url_without_secrets(url),
            // The address itself may give access.
            UrlKind::Private | UrlKind::Download | UrlKind::Bearer => client.origin(),
        };
        let (list, key) = (endpoint.list(), endpoint.key().map(str::to_owned));
        let endpoint = endpoint.name().to_owned();
        let has_secret = |value: &HeaderValue| value.to_str().is_ok_and(|text| client.finds_secret_in(text));
        let secret_headers = headers.iter().filter(|(_, value)| cfg!(feature = "archive") && has_secret(value));
        let secret_headers = secret_headers.map(|(name, _)| name.clone()).collect();
        let received = client.clock().now();
        Self { endpoint, url, status, list, key, received, secret_beside_list: false, secret_headers }
    }

    /// The name of the endpoint, such as `jobs`.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The URL of the request, with its query and without credentials. Only scheme, host and port where the address itself may
    /// give access.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The field that identifies a record, where the endpoint has one ([`Endpoint::key`]).
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// When the answer was read, by the client's clock.
    pub fn received(&self) -> Timestamp {
        self.received
    }

    /// Where the list of records is in [`Page::raw`](crate::Page::raw). Of a body that is read in chunks, each chunk is a list by itself.
    pub fn list(&self) -> &ListAt {
        &self.list
    }
}
