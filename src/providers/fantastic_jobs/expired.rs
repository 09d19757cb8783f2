//! The expired feeds: one body of ids, read as a stream of chunks.

use futures::stream::BoxStream;
use futures::{Stream, StreamExt};

use super::frames::ExpiredFrame;
use super::models::ExpiredId;
use super::query;
use crate::client::{ApiRequest, Client, Progress, Purpose, setters};
use crate::error::{AnswerError, Error, Result};
use crate::json::ListAt;
use crate::listing::{Answer, ChunkedList, Endpoint, OnRejected, Page, Paging, Position, Query};

/// Ids in one chunk.
const CHUNK: usize = 10_000;

/// An expired feed without I/O.
#[derive(Debug, Clone)]
pub(super) struct ExpiredFeed {
    pub(super) name: &'static str,
    pub(super) path: String,
    pub(super) frame: Option<ExpiredFrame>,
    /// Parameters that have no method.
    pub(super) query: Query,
}

impl Endpoint for ExpiredFeed {
    fn name(&self) -> &str {
        self.name
    }

    fn validate(&self) -> Result<()> {
        if self.frame.is_none() {
            return Err(Error::invalid("time_frame", "(not set)", "one of 1h, 1d, 1m, 6m"));
        }
        self.query.check()?;
        query::check_path(&self.path)?;
        query::check_length(&self.path, &self.request(&self.start()).query)
    }

    fn request(&self, _: &Position) -> ApiRequest {
        let mut request = ApiRequest::get(self.path.as_str());
        request.query.extend_from_slice(self.query.pairs());
        match self.frame {
            Some(frame) => request.query("time_frame", frame),
            None => request,
        }
    }

    fn list(&self) -> ListAt {
        ListAt::Root
    }

    fn next(&self, _: &Position, _: &Answer<'_>) -> Result<Paging, AnswerError> {
        Ok(Paging::default())
    }
}

/// A request of an expired feed.
///
/// The feed is one array of ids; with `6m`, tens of millions. It is read in chunks as it arrives and needs memory for
/// one chunk only. [`crate::ClientBuilder::max_body_bytes`] does not apply, and [`crate::ClientBuilder::timeout`]
/// limits the time between two parts of the body instead of the whole attempt.
#[derive(Debug, Clone)]
#[must_use = "nothing is sent before `chunks`, `ids` or a sync"]
pub struct ExpiredRequest {
    pub(super) client: Client,
    pub(super) feed: ExpiredFeed,
    pub(super) chunk: usize,
}

setters! { ExpiredRequest {
    /// The window. Required, except by the sync. The server's default is unknown.
    time_frame(frame: ExpiredFrame) => feed.frame = Some(frame);
    /// Ids in one chunk, 1 or more. Default 10,000.
    chunk_size(ids: usize) => chunk = ids.max(1);
    /// Replaces the path below the base URL.
    path(path: &str) => feed.path = path.to_owned();
} }

impl ExpiredRequest {
    pub(super) fn new(client: Client, name: &'static str, path: &'static str) -> Self {
        let feed = ExpiredFeed { name, path: path.to_owned(), frame: None, query: Query::default() };
        Self { client, feed, chunk: CHUNK }
    }

    /// A parameter that has no method, sent unchanged. Only `time_frame` is documented; one client also sends `limit`
    /// and `cursor`, with an unknown effect (observed).
    #[allow(clippy::needless_pass_by_value)]
    pub fn param(mut self, name: &str, value: impl ToString) -> Self {
        query::raw(&mut self.feed.query, name, &value.to_string(), &["time_frame"]);
        self
    }

    /// The ids in chunks. The stream ends after an error; the chunks before it are valid.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use futures::TryStreamExt;
    /// use jobfeed::fantastic_jobs::{self, ExpiredFrame};
    ///
    /// # let server = jobfeed::testing::FantasticJobs::builder().start().await?;
    /// # let (key, url) = (server.api_key(), server.base_url());
    /// # let api = fantastic_jobs::Client::builder().api_key(key).base_url(url).build()?;
    /// let frame = ExpiredFrame::SixMonths;
    /// let mut chunks = api.expired_ats().time_frame(frame).chunks();
    /// while let Some(chunk) = chunks.try_next().await? {
    ///     println!("{} ids", chunk.items.len());
    /// }
    /// # Ok(()) }
    /// ```
    pub fn chunks(self) -> impl Stream<Item = Result<Page<ExpiredId>>> + Send + Unpin + 'static {
        let Self { client, feed, chunk } = self;
        let chunks: BoxStream<'static, _> = async_stream::try_stream! {
            feed.validate()?;
            let progress = Progress::default();
            let mut list = ChunkedList::open(&client, &feed, &Position::Start, &progress).await?;
            let mut more = true;
            while more {
                let fetched = list.next::<ExpiredId>(chunk, &client, &progress, OnRejected::default()).await?;
                more = fetched.next.is_some();
                let page = fetched.page;
                client.tell_page(feed.name, Purpose::Parts, &progress, page.len(), page.rejected.len());
                yield page;
            }
        }
        .boxed();
        chunks
    }

    /// The ids one by one. An id that is not a number is an error.
    pub fn ids(self) -> impl Stream<Item = Result<u64>> + Send + Unpin + 'static {
        let name = self.feed.name;
        let ids: BoxStream<'static, _> = async_stream::try_stream! {
            for await chunk in self.chunks() {
                let chunk = chunk?;
                if let Some(record) = chunk.rejected.first() {
                    Err(record.error(name))?;
                }
                for id in chunk.items {
                    yield id.0;
                }
            }
        }
        .boxed();
        ids
    }
}
