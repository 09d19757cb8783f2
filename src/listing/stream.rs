//! The stream of pages: a walk over a listing that knows where it is, even after an error.

use super::walk::Walk;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures::{FutureExt, Stream};
use serde::de::DeserializeOwned;

use super::cursor::Cursor;
use super::endpoint::Endpoint;
use super::fetch::Fetched;
use super::page::{Page, Rejected};
use super::prefetch::Ahead;
use crate::client::Client;
use crate::client::Progress;
use crate::error::Completeness;
use crate::error::{Error, Result};

/// How a stream or a run treats its pages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manner {
    /// A record that does not fit is an error.
    pub(crate) strict: bool,
    /// The next page is fetched while the caller works on this one.
    pub(crate) look_ahead: bool,
}

/// The pages of a listing, one request at a time.
///
/// The next page is fetched and decoded while the caller works on this one (look-ahead), except for anonymous clients, and
/// where rows are billed.
///
/// The stream ends with `None` only when the server has stated the end and what arrived adds up to what it announced;
/// otherwise its last item is an error ([`Error::Incomplete`] for a walk that ended with a hole, unless
/// [`PageStream::allow_incomplete`] was asked for). After an error it is over, and [`PageStream::cursor`] tells where the
/// next request would start. Dropping it cancels the request under way.
#[must_use = "streams do nothing unless polled"]
pub struct PageStream<T> {
    client: Client,
    endpoint: Arc<dyn Endpoint>,
    walk: Walk,
    refused: Option<Error>,
    manner: Manner,
    allow_incomplete: bool,
    pending: Option<Ahead<Result<Fetched<T>>>>,
    progress: Progress,
    completeness: Option<Completeness>,
    over: bool,
}

impl<T: DeserializeOwned + Send + 'static> PageStream<T> {
    pub(crate) fn new(client: Client, endpoint: Arc<dyn Endpoint>, walk: Result<Walk>, strict: bool) -> Self {
        let manner = Manner { strict, look_ahead: client.may_look_ahead(&*endpoint) };
        let (walk, refused) = match walk {
            Ok(walk) => (walk, None),
            Err(error) => (Walk::start(endpoint.start()), Some(error)),
        };
        Self {
            client,
            endpoint,
            walk,
            refused,
            manner,
            allow_incomplete: false,
            pending: None,
            progress: Progress::default(),
            completeness: None,
            over: false,
        }
    }

    /// Ends the stream without an error when the walk was not complete. [`PageStream::completeness`] still tells.
    pub fn allow_incomplete(mut self) -> Self {
        self.allow_incomplete = true;
        self
    }

    /// Whether the next page is fetched while the caller works on this one. Still one request at a time; at the most one page
    /// more is held, and a caller that stops early has fetched one page too many.
    pub fn look_ahead(mut self, ahead: bool) -> Self {
        self.manner.look_ahead = ahead;
        self
    }

    /// All records. A record that does not fit the model is an `Err` in its place, and the stream goes on after it.
    pub fn into_items(self) -> ItemStream<T> {
        ItemStream { pages: self, items: Vec::new().into_iter(), rejected: Vec::new().into_iter().peekable(), index: 0 }
    }

    fn poll_page(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Page<T>>>> {
        if let Some(error) = self.refused.take() {
            return Poll::Ready(Some(Err(error)));
        }
        let fetched = loop {
            if self.pending.is_none() {
                self.start();
            }
            let Some(pending) = &mut self.pending else { return Poll::Ready(self.finish().map(Err)) };
            let fetched = ready!(pending.poll_unpin(cx));
            self.pending = None;
            if let Some(fetched) = fetched {
                break fetched;
            }
        };
        let page = fetched.and_then(|fetched| self.enter(fetched));
        if self.manner.look_ahead && page.is_ok() && self.refused.is_none() {
            self.start();
        }
        Poll::Ready(Some(page))
    }

    /// Starts the request for the next page, when there is one.
    fn start(&mut self) {
        self.pending = self.walk.at.clone().map(|at| {
            let (client, endpoint, progress) = (self.client.clone(), self.endpoint.clone(), self.progress.clone());
            Ahead::start(self.manner.look_ahead, async move { client.page(&*endpoint, &at, &progress).await })
        });
    }

    fn enter(&mut self, fetched: Fetched<T>) -> Result<Page<T>> {
        let Fetched { mut page, next } = fetched;
        if let (true, Some(first)) = (self.manner.strict, page.rejected.first()) {
            return Err(record_error(&*self.endpoint, first));
        }
        // The page itself is good even when its `next` leads astray: it is delivered, and the error follows.
        self.refused = self.walk.advance(&*self.endpoint, &page, next).err();
        self.progress.page(page.len(), page.rejected.len());
        self.progress.total(page.total);
        page.next = self.cursor();
        Ok(page)
    }

    /// The end of the walk: `None` when it is complete.
    fn finish(&mut self) -> Option<Error> {
        let completeness = self.walk.ledger.verdict();
        self.completeness = Some(completeness);
        if completeness.is_complete() || self.allow_incomplete {
            return None;
        }
        tracing::warn!(endpoint = self.endpoint.name(), %completeness, "the walk is not complete");
        Some(Error::Incomplete { endpoint: self.endpoint.name().into(), completeness })
    }
}

impl<T> PageStream<T> {
    /// Where the next request starts; `None` at the end. It stays the same over an error, so a walk can go on from it.
    pub fn cursor(&self) -> Option<Cursor> {
        let (walk, query) = (&self.walk, self.endpoint.fingerprint());
        let at = walk.at.clone()?;
        Some(Cursor::new(self.client.origin(), query, at, walk.ledger.rows(), walk.ledger.first_total()))
    }

    /// How complete the walk was, once it has reached its end.
    pub fn completeness(&self) -> Option<Completeness> {
        self.completeness
    }

    /// A handle on the counters, to be watched from elsewhere.
    pub fn progress(&self) -> Progress {
        self.progress.clone()
    }
}

fn record_error(endpoint: &dyn Endpoint, record: &Rejected) -> Error {
    Error::Record { endpoint: endpoint.name().into(), index: record.index, reason: record.reason.clone() }
}

impl<T: DeserializeOwned + Send + 'static> Stream for PageStream<T> {
    type Item = Result<Page<T>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if this.over {
            return Poll::Ready(None);
        }
        let polled = ready!(this.poll_page(cx));
        this.over = !matches!(polled, Some(Ok(_)));
        Poll::Ready(polled)
    }
}

// The pending call is boxed or on a task of its own, and nothing else is pinned.
impl<T> Unpin for PageStream<T> {}

impl<T> fmt::Debug for PageStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PageStream")
            .field("endpoint", &self.endpoint.name())
            .field("at", &self.walk.at)
            .field("counts", &self.progress.counts())
            .finish_non_exhaustive()
    }
}

/// The records of a listing, from [`PageStream::into_items`].
#[derive(Debug)]
#[must_use = "streams do nothing unless polled"]
pub struct ItemStream<T> {
    pages: PageStream<T>,
    items: std::vec::IntoIter<T>,
    rejected: std::iter::Peekable<std::vec::IntoIter<Rejected>>,
    index: usize,
}

impl<T> ItemStream<T> {
    fn pop(&mut self) -> Option<Result<T>> {
        let index = self.index;
        self.index += 1;
        if let Some(record) = self.rejected.next_if(|record| record.index == index) {
            return Some(Err(record_error(&*self.pages.endpoint, &record)));
        }
        self.items.next().map(Ok)
    }
}

impl<T: DeserializeOwned + Send + 'static> Stream for ItemStream<T> {
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            if let Some(item) = this.pop() {
                return Poll::Ready(Some(item));
            }
            match ready!(Pin::new(&mut this.pages).poll_next(cx)) {
                Some(Ok(page)) => {
                    let Page { items, rejected, .. } = page;
                    (this.items, this.rejected, this.index) = (items.into_iter(), rejected.into_iter().peekable(), 0);
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
    }
}

impl<T> Unpin for ItemStream<T> {}
