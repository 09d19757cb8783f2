//! The request for a listing: its parameters are set, then `send`, `pages` or `items` sends it.

use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::completeness::Walked;
use super::cursor::Cursor;
use super::endpoint::{Endpoint, Listing};
use super::overlap::Overlap;
use super::page::{OnRejected, Page};
use super::stream::{ItemStream, PageStream};
use super::walk::Walk;
use crate::client::Client;
use crate::error::{Error, Result};

/// A request for a listing, not yet sent. Owned and `'static`; a clone is an independent request.
///
/// From [`Client::list`]. The requests of the providers, such as [`JobsRequest`](crate::jobdataapi::JobsRequest), have
/// the same methods, and one for each parameter.
#[derive(Debug, Clone)]
#[must_use = "nothing is sent before `send`, `pages` or `items`"]
pub struct ListRequest<E> {
    pub(crate) client: Client,
    pub(crate) endpoint: E,
    pub(crate) cursor: Option<Cursor>,
    pub(crate) on_rejected: OnRejected,
}

impl<E: Endpoint + Clone> ListRequest<E> {
    pub(crate) fn new(client: Client, endpoint: E) -> Self {
        Self { client, endpoint, cursor: None, on_rejected: OnRejected::default() }
    }

    /// A record that does not fit the record type becomes an error that ends the walk, instead of an entry in
    /// [`Page::rejected`].
    pub fn strict(mut self) -> Self {
        self.on_rejected = OnRejected::Fail;
        self
    }

    /// Accepts a page on which no record fits the record type: all of them are in [`Page::rejected`]. The default is
    /// [`Error::AllRejected`](crate::Error::AllRejected), because the record type is wrong then, or the answer is.
    pub fn accept_all_rejected(mut self) -> Self {
        self.on_rejected = OnRejected::KeepAll;
        self
    }

    /// Starts at a stored position instead of the beginning. A cursor of another query or server is an error.
    pub fn resume_from(mut self, cursor: Cursor) -> Self {
        self.cursor = Some(cursor);
        self
    }

    /// Fetches one page, decoded to your own type: the first, or the one at [`ListRequest::resume_from`].
    ///
    /// # Errors
    /// As [`ListRequest::send`].
    pub async fn send_as<T: DeserializeOwned + Send + 'static>(self) -> Result<Page<T>> {
        self.pages_as().into_page().await
    }

    /// All pages, decoded to your own type. Only the fields of that type are decoded.
    pub fn pages_as<T: DeserializeOwned + Send + 'static>(self) -> PageStream<T> {
        let walk = self.walk();
        PageStream::new(self.client, Arc::new(self.endpoint), walk, self.on_rejected)
    }

    /// The walk at its first position; an error when the parameters or the cursor are refused.
    fn walk(&self) -> Result<Walk> {
        self.endpoint.validate()?;
        if self.endpoint.overlap() != Overlap::None && self.endpoint.key().is_none() {
            return Err(Error::invalid("overlap", "(without a key)", "an endpoint whose `key` identifies a record"));
        }
        if let Some(cursor) = &self.cursor {
            let (at, walked) =
                cursor.open(&self.client.origin(), self.endpoint.fingerprint().below(self.client.base_url().path()))?;
            return Ok(Walk::resume(at, walked));
        }
        let walked = Walked { rows: self.endpoint.rows_before_start(), ..Walked::default() };
        Ok(Walk::resume(self.endpoint.start(), walked))
    }
}

impl<E: Listing> ListRequest<E> {
    /// Fetches one page: the first, or the one at [`ListRequest::resume_from`].
    ///
    /// # Errors
    /// All of [`Error`](crate::Error), except those of whole walks and of checkpoints.
    pub async fn send(self) -> Result<Page<E::Item>> {
        self.send_as().await
    }

    /// All pages, one request at a time.
    pub fn pages(self) -> PageStream<E::Item> {
        self.pages_as()
    }

    /// All records. A record that does not fit the record type is an `Err`, and the stream continues after it.
    pub fn items(self) -> ItemStream<E::Item> {
        self.pages().into_items()
    }
}

impl Client {
    /// A request for a listing of this API.
    pub fn list<E: Listing>(&self, endpoint: E) -> ListRequest<E> {
        ListRequest::new(self.clone(), endpoint)
    }

    /// Whether the next page may be fetched before the caller asks. Not for anonymous clients, which have few calls.
    pub(crate) fn may_prefetch(&self, endpoint: &dyn Endpoint) -> bool {
        endpoint.may_prefetch() && !self.is_anonymous()
    }
}

/// Declares the request type of one listing of a provider: it wraps a [`ListRequest`] and has the methods that all
/// listings have. The provider adds methods for its parameters.
macro_rules! list_request {
    ($($(#[$doc:meta])* $name:ident $(<$t:ident>)? = $endpoint:ty => $item:ty;)+) => {$(
        $(#[$doc])*
        ///
        /// Owned and `'static`; a clone is an independent request.
        #[must_use = "nothing is sent before `send`, `pages`, `items` or a sync"]
        pub struct $name $(<$t>)? {
            pub(super) list: $crate::listing::ListRequest<$endpoint>,
            item: ::std::marker::PhantomData<fn() -> $item>,
        }

        /// The methods of all listings.
        impl $(<$t: ::serde::de::DeserializeOwned + Send + 'static>)? $name $(<$t>)? {
            pub(super) fn new(client: &$crate::client::Client, endpoint: $endpoint) -> Self {
                let list = $crate::listing::ListRequest::new(client.clone(), endpoint);
                Self { list, item: ::std::marker::PhantomData }
            }

            #[allow(dead_code, reason = "some listings have no parameters")]
            pub(super) fn with(mut self, change: impl FnOnce(&mut $endpoint)) -> Self {
                change(&mut self.list.endpoint);
                self
            }

            /// A record that does not fit the record type becomes an error that ends the walk, instead of an entry in
            /// [`Page::rejected`](crate::Page::rejected).
            pub fn strict(mut self) -> Self {
                self.list = self.list.strict();
                self
            }

            /// Accepts a page on which no record fits the record type: all of them are in
            /// [`Page::rejected`](crate::Page::rejected). The default is
            /// [`Error::AllRejected`](crate::Error::AllRejected), because the record type is wrong then, or the answer is.
            pub fn accept_all_rejected(mut self) -> Self {
                self.list = self.list.accept_all_rejected();
                self
            }

            /// Starts at a stored position instead of the beginning. A cursor of another query or server is an error.
            pub fn resume_from(mut self, cursor: $crate::listing::Cursor) -> Self {
                self.list = self.list.resume_from(cursor);
                self
            }

            /// Fetches one page: the first, or the one at `resume_from`.
            ///
            /// # Errors
            /// All of [`Error`](crate::Error), except those of whole walks and of checkpoints.
            pub async fn send(self) -> $crate::error::Result<$crate::listing::Page<$item>> {
                self.list.send_as().await
            }

            /// All pages, one request at a time.
            pub fn pages(self) -> $crate::listing::PageStream<$item> {
                self.list.pages_as()
            }

            /// All pages, decoded to your own type. Only the fields of that type are decoded.
            pub fn pages_as<U: ::serde::de::DeserializeOwned + Send + 'static>(self) -> $crate::listing::PageStream<U> {
                self.list.pages_as()
            }

            /// All records. A record that does not fit the record type is an `Err`, and the stream continues after it.
            pub fn items(self) -> $crate::listing::ItemStream<$item> {
                self.pages().into_items()
            }
        }

        // Not derived: the record type need not be `Clone`.
        impl $(<$t>)? Clone for $name $(<$t>)? {
            fn clone(&self) -> Self {
                Self { list: self.list.clone(), item: ::std::marker::PhantomData }
            }
        }

        impl $(<$t>)? ::std::fmt::Debug for $name $(<$t>)? {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.debug_tuple(stringify!($name)).field(&self.list).finish()
            }
        }
    )+};
}
pub(crate) use list_request;
