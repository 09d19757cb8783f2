//! Which answer a page was read from.

use http::StatusCode;

use super::cursor::Position;
use super::endpoint::Endpoint;
use crate::client::{Client, Response, UrlKind};
use crate::json::ListAt;

/// Which answer a page was read from: the request without credentials, the status, and where the list is in the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageSource {
    endpoint: String,
    url: String,
    status: StatusCode,
    list: ListAt,
    key: Option<String>,
}

impl PageSource {
    pub(super) fn new(client: &Client, endpoint: &dyn Endpoint, at: &Position, response: &Response) -> Self {
        let url = match endpoint.request(at).url {
            UrlKind::Plain => client.url_without_secrets(&response.url),
            // The address itself may give access.
            UrlKind::Private | UrlKind::Download | UrlKind::Bearer => client.origin(),
        };
        let (list, key) = (endpoint.list(), endpoint.key().map(str::to_owned));
        Self { endpoint: endpoint.name().to_owned(), url, status: response.status, list, key }
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

    /// Where the list of records is in the body.
    pub fn list(&self) -> &ListAt {
        &self.list
    }
}
