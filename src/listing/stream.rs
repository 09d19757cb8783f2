//! The stream of pages and the stream of records. A page stream has a position, also after an error.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures::stream::BoxStream;
use futures::{FutureExt, Stream, StreamExt};
use serde::de::DeserializeOwned;
use sync_wrapper::SyncWrapper;

use super::cursor::Cursor;
use super::endpoint::Endpoint;
use super::fetch::Fetched;
use super::page::{OnRejected, Page};
use super::prefetch::PageFetch;
use super::walk::Walk;
use crate::client::{Client, Progress, Purpose, setters};
use crate::error::{Completeness, Error, Result};

/// The pages of a listing, one request at a time.
///
/// The next page is fetched while the caller works on this one, except for anonymous clients and billed records.
///
/// The stream ends with `None` only when the server has stated the end and as many records arrived as its total;
/// otherwise its last item is an error: [`Error::Incomplete`] when records are missing, unless
/// [`PageStream::allow_incomplete`] was called. On a list that changes while it is read by page number or offset, this
/// is as far as the server's totals tell (see [`Completeness::Complete`]); a sync has no such gap. After an error the stream ends, and [`PageStream::cursor`] is the
/// position of the next request. Dropping the stream cancels the request in progress.
#[must_use = "streams do nothing unless polled"]
pub struct PageStream<T> {
    client: Client,
    endpoint: Arc<dyn Endpoint>,
    walk: Walk,
    state: State<T>,
    on_rejected: OnRejected,
    prefetch: bool,
    allow_incomplete: bool,
    progress: Progress,
    completeness: Option<Completeness>,
}

enum State<T> {
    /// The next poll sends the request for the page at the walk's position.
    Ready,
    /// The request for the next page is in progress.
    Fetching(PageFetch<T>),
    /// The next item is this error, and it is the last one.
    Failing(Error),
    /// The last item was delivered.
    Over,
}

setters! { [T] PageStream<T> {
    /// Ends the stream without an error when records are missing. [`PageStream::completeness`] still says so.
    allow_incomplete() => allow_incomplete = true;
    /// Whether the next page is fetched while the caller works on this one. There is still one request at a time. At
    /// most one more page is in memory, and a caller that stops early has fetched one page that it did not use.
    prefetch(prefetch: bool) => prefetch = prefetch;
} }

impl<T: DeserializeOwned + Send + 'static> PageStream<T> {
    pub(super) fn new(
        client: Client,
        endpoint: Arc<dyn Endpoint>,
        walk: Result<Walk>,
        on_rejected: OnRejected,
    ) -> Self {
        let prefetch = client.may_prefetch(&*endpoint);
        let (walk, state) = match walk {
            Ok(walk) => (walk, State::Ready),
            Err(error) => (Walk::start(endpoint.start()), State::Failing(error)),
        };
        let (allow_incomplete, progress, completeness) = (false, Progress::default(), None);
        Self { client, endpoint, walk, state, on_rejected, prefetch, allow_incomplete, progress, completeness }
    }

    /// All records. A record that does not fit the record type is an `Err`, and the stream continues after it.
    pub fn into_items(mut self) -> ItemStream<T> {
        let endpoint = self.endpoint.clone();
        let items = async_stream::stream! {
            while let Some(page) = self.next().await {
                match page {
                    Ok(page) => {
                        for item in page.into_results(endpoint.name()) {
                            yield item;
                        }
                    }
                    Err(error) => yield Err(error),
                }
            }
        };
        ItemStream { items: SyncWrapper::new(items.boxed()) }
    }

    /// Only the page at the current position.
    pub(super) async fn into_page(mut self) -> Result<Page<T>> {
        if let State::Failing(error) = self.state {
            return Err(error);
        }
        let at = self.walk.at().cloned().unwrap_or_else(|| self.endpoint.start());
        let fetched = self.client.fetch_page(&*self.endpoint, &at, &self.progress, self.on_rejected, Purpose::Page);
        self.enter(fetched.await?)
    }

    /// Starts the request for the next page, when there is one.
    fn fetch(&self) -> Option<PageFetch<T>> {
        let at = self.walk.at()?;
        Some(PageFetch::start(&self.client, &self.endpoint, at, &self.progress, self.on_rejected, self.prefetch))
    }

    /// Enters a page into the walk and sets the next state.
    fn enter(&mut self, fetched: Fetched<T>) -> Result<Page<T>> {
        let Fetched { mut page, next } = fetched;
        if let (OnRejected::Fail, Some(first)) = (self.on_rejected, page.rejected.first()) {
            return Err(first.error(self.endpoint.name()));
        }
        let keys = self.endpoint.key().map(|key| page.keys(key)).unwrap_or_default();
        self.walk.compare(&*self.endpoint, page.records());
        let entered = self.walk.enter(&*self.endpoint, page.len(), page.total, &keys, next);
        if let Some(key) = self.endpoint.key() {
            page.remove(key, self.walk.shared());
        }
        let (name, rejected) = (self.endpoint.name(), page.rejected.len());
        self.client.tell_page(name, Purpose::Page, &self.progress, page.len(), rejected);
        self.progress.total(page.total);
        page.next = self.cursor();
        // After an error the walk is at the position of the page, so this is not its end.
        page.completeness = self.walk.at().is_none().then(|| self.walk.completeness());
        self.state = match entered {
            // The page is valid, only its `next` is not: the page is delivered, then the error.
            Err(error) => State::Failing(error),
            Ok(()) if self.prefetch => self.fetch().map_or(State::Ready, State::Fetching),
            Ok(()) => State::Ready,
        };
        Ok(page)
    }

    /// The error at the end of the walk; `None` when it is complete.
    fn finish(&mut self) -> Option<Error> {
        let completeness = self.walk.completeness();
        self.completeness = Some(completeness);
        if completeness.is_complete() || self.allow_incomplete {
            return None;
        }
        tracing::warn!(endpoint = self.endpoint.name(), %completeness, "the walk is not complete");
        Some(Error::Incomplete { endpoint: self.endpoint.name().into(), completeness, watermark_kept: false })
    }
}

impl<T> PageStream<T> {
    /// Where the next request starts; `None` at the end. After an error it is the position of the page that failed.
    pub fn cursor(&self) -> Option<Cursor> {
        let at = self.walk.at()?.clone();
        Some(Cursor::new(
            self.client.origin(),
            self.endpoint.fingerprint().below(self.client.base_url().path()),
            at,
            self.walk.walked().clone(),
        ))
    }

    /// How complete the walk was; `None` before its end.
    pub fn completeness(&self) -> Option<Completeness> {
        self.completeness
    }

    /// The counters, which another task or thread may read.
    pub fn progress(&self) -> Progress {
        self.progress.shared()
    }
}

impl<T: DeserializeOwned + Send + 'static> Stream for PageStream<T> {
    type Item = Result<Page<T>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            let fetched = match &mut this.state {
                State::Fetching(fetch) => ready!(fetch.poll_unpin(cx)),
                State::Ready => {
                    if let Some(fetch) = this.fetch() {
                        this.state = State::Fetching(fetch);
                        continue;
                    }
                    this.state = State::Over;
                    return Poll::Ready(this.finish().map(Err));
                }
                State::Failing(_) | State::Over => {
                    return Poll::Ready(match std::mem::replace(&mut this.state, State::Over) {
                        State::Failing(error) => Some(Err(error)),
                        _ => None,
                    });
                }
            };
            this.state = State::Over;
            return Poll::Ready(Some(fetched.and_then(|fetched| this.enter(fetched))));
        }
    }
}

// The request in progress is `Unpin`, and nothing else is pinned.
impl<T> Unpin for PageStream<T> {}

impl<T> fmt::Debug for PageStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PageStream")
            .field("endpoint", &self.endpoint.name())
            .field("at", &self.walk.at())
            .field("counts", &self.progress.counts())
            .finish_non_exhaustive()
    }
}

/// The records of a listing, from `items` or [`PageStream::into_items`].
#[must_use = "streams do nothing unless polled"]
pub struct ItemStream<T> {
    items: SyncWrapper<BoxStream<'static, Result<T>>>,
}

impl<T> Stream for ItemStream<T> {
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.items.get_mut().poll_next_unpin(cx)
    }
}

impl<T> fmt::Debug for ItemStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ItemStream")
    }
}
