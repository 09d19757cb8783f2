//! What a caller holds before anything is sent: a listing, or one resource. One word then decides the granularity.

use super::endpoint::Endpoint;
use std::fmt;
use std::sync::Arc;

use futures::{Stream, StreamExt};
use serde::de::DeserializeOwned;

use super::cursor::Cursor;
use super::endpoint::Listing;
use super::page::Page;
use super::stream::PageStream;
use super::walk::Walk;
use crate::client::Client;
use crate::error::{Error, Result};

/// A listing, ready to be sent. Owned and `'static`; a clone is an independent request.
///
/// The providers add their parameters as methods; these here are common to all of them.
#[derive(Clone)]
#[must_use = "nothing is sent before `send`, `pages`, `items` or a sync"]
pub struct ListRequest<E> {
    pub(crate) client: Client,
    pub(crate) endpoint: E,
    cursor: Option<Cursor>,
    strict: bool,
}

impl<E: Listing> ListRequest<E> {
    pub(crate) fn new(client: Client, endpoint: E) -> Self {
        Self { client, endpoint, cursor: None, strict: false }
    }

    pub(crate) fn with(mut self, change: impl FnOnce(&mut E)) -> Self {
        change(&mut self.endpoint);
        self
    }

    /// Turns a record that does not fit the model into an error that ends the walk, instead of an entry in
    /// [`Page::rejected`].
    pub fn strict(mut self) -> Self {
        self.strict = true;
        self
    }

    /// Starts at a kept position instead of the beginning. A cursor of another query or server is an error when sent.
    pub fn resume_from(mut self, cursor: Cursor) -> Self {
        self.cursor = Some(cursor);
        self
    }

    /// Whether it starts at a kept position.
    pub(crate) fn resumes(&self) -> bool {
        self.cursor.is_some()
    }

    /// Fetches one page: the first, or the one at [`ListRequest::resume_from`].
    ///
    /// # Errors
    /// Anything in [`Error`] but the errors of whole walks and of checkpoints.
    pub async fn send(self) -> Result<Page<E::Item>> {
        match self.pages().look_ahead(false).next().await {
            Some(page) => page,
            // A stream yields at least one page or an error.
            None => Err(Error::Endless { endpoint: "listing".into(), pages: 0 }),
        }
    }

    /// All pages, one request at a time.
    pub fn pages(self) -> PageStream<E::Item> {
        self.pages_as()
    }

    /// All pages, decoded to a type of your own: it pays only for the fields it reads.
    pub fn pages_as<T: DeserializeOwned + Send + 'static>(self) -> PageStream<T> {
        let walk = self.walk();
        PageStream::new(self.client, Arc::new(self.endpoint), walk, self.strict)
    }

    /// All records. A record that does not fit the model is an `Err` in its place, and the stream goes on after it.
    pub fn items(self) -> impl Stream<Item = Result<E::Item>> + Send + Unpin + 'static {
        self.pages().into_items()
    }

    /// The position where the walk starts; an error instead when the parameters or the cursor are refused.
    fn walk(&self) -> Result<Walk> {
        self.endpoint.validate()?;
        match &self.cursor {
            Some(cursor) => {
                let (at, rows, total) = cursor.open(&self.client.origin(), self.endpoint.fingerprint())?;
                Ok(Walk::resume(at, rows, total))
            }
            None => Ok(Walk::resume(self.endpoint.start(), self.endpoint.rows_before_start(), None)),
        }
    }
}

impl<E: fmt::Debug> fmt::Debug for ListRequest<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ListRequest")
            .field("client", &self.client)
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// A listing of this API, ready to be sent.
    pub fn list<E: Listing>(&self, endpoint: E) -> ListRequest<E> {
        ListRequest::new(self.clone(), endpoint)
    }

    /// Whether the next page of a listing may be fetched before it is asked for. Anonymous calls are too few for that.
    pub(crate) fn may_look_ahead(&self, endpoint: &dyn Endpoint) -> bool {
        endpoint.may_look_ahead() && !self.is_anonymous()
    }
}
