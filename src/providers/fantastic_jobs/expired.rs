//! The expired feeds: one body of ids, as a stream of pieces.

use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt, TryStreamExt};

use super::{ExpiredFrame, ExpiredId};
use crate::client::ApiRequest;
use crate::client::Client;
use crate::client::Progress;
use crate::error::Refusal;
use crate::error::{Error, Result};
use crate::json::ListAt;
use crate::listing::LongList;
use crate::listing::Page;
use crate::listing::Position;
use crate::listing::{Answer, Endpoint, Paging};

/// Ids in one piece.
const PIECE: usize = 10_000;

/// An expired feed without I/O.
#[derive(Debug, Clone)]
pub struct Expired {
    pub(super) name: &'static str,
    pub(super) path: &'static str,
    pub(super) frame: Option<ExpiredFrame>,
}

impl Endpoint for Expired {
    fn name(&self) -> &str {
        self.name
    }

    fn validate(&self) -> Result<()> {
        if self.frame.is_none() {
            return Err(Error::invalid("time_frame", "(not set)", "one of 1h, 1d, 1m, 6m"));
        }
        Ok(())
    }

    fn request(&self, _: &Position) -> ApiRequest {
        let request = ApiRequest::get(self.path);
        match self.frame {
            Some(frame) => request.query("time_frame", frame),
            None => request,
        }
    }

    fn list(&self) -> ListAt {
        ListAt::Root
    }

    fn next(&self, _: &Position, _: &Answer<'_>) -> Result<Paging, Refusal> {
        Ok(Paging::default())
    }
}

/// An expired feed, ready to be read.
///
/// The whole feed is one array of ids, tens of millions of them over `6m`. It is read in pieces as it arrives, with memory for
/// one piece, without the limits of [`crate::ClientBuilder::max_body_bytes`] and of a whole attempt; the
/// [`crate::ClientBuilder::timeout`] then bounds the silence between two parts of the body.
#[derive(Debug, Clone)]
#[must_use = "nothing is sent before `pieces`, `ids` or a sync"]
pub struct ExpiredRequest {
    pub(super) client: Client,
    pub(super) feed: Expired,
    pub(super) piece: usize,
}

impl ExpiredRequest {
    pub(super) fn new(client: Client, name: &'static str, path: &'static str) -> Self {
        Self { client, feed: Expired { name, path, frame: None }, piece: PIECE }
    }

    /// The window. Required, except by the sync. The server's default is unknown.
    pub fn time_frame(mut self, frame: ExpiredFrame) -> Self {
        self.feed.frame = Some(frame);
        self
    }

    /// Ids in one piece, 1 or more. Default 10,000.
    pub fn piece_size(mut self, ids: usize) -> Self {
        self.piece = ids.max(1);
        self
    }

    /// The ids in pieces. After an error the stream is over; what came before it is good.
    ///
    /// ```
    /// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
    /// use futures::TryStreamExt;
    /// use jobfeed::fantastic_jobs::{self, ExpiredFrame};
    ///
    /// # let server = jobfeed::testing::FantasticJobs::builder().start().await?;
    /// # let api = fantastic_jobs::Client::builder().api_key(server.api_key()).base_url(server.base_url())?.build()?;
    /// let mut pieces = api.expired_ats().time_frame(ExpiredFrame::SixMonths).pieces();
    /// while let Some(piece) = pieces.try_next().await? {
    ///     println!("{} ids are gone", piece.items.len());
    /// }
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(run()).unwrap();
    /// ```
    pub fn pieces(self) -> impl Stream<Item = Result<Page<ExpiredId>>> + Send + Unpin + 'static {
        let Self { client, feed, piece } = self;
        let progress = Progress::default();
        let pieces: BoxStream<'static, _> = stream::try_unfold((None, false), move |(list, over)| {
            let (client, feed, progress) = (client.clone(), feed.clone(), progress.clone());
            async move {
                if over {
                    return Ok(None);
                }
                let mut list = if let Some(list) = list {
                    list
                } else {
                    feed.validate()?;
                    LongList::open(&client, &feed, &Position::Start, &progress).await?
                };
                let fetched = list.next::<ExpiredId>(piece, &client, &progress).await?;
                let over = fetched.next.is_none();
                Ok(Some((fetched.page, (Some(list), over))))
            }
        })
        .boxed();
        pieces
    }

    /// The ids one by one. An id that is no number is an error.
    pub fn ids(self) -> impl Stream<Item = Result<u64>> + Send + Unpin + 'static {
        let name = self.feed.name;
        self.pieces()
            .and_then(move |piece| async move {
                if let Some(record) = piece.rejected.first() {
                    let (index, reason) = (record.index, record.reason.clone());
                    return Err(Error::Record { endpoint: name.into(), index, reason });
                }
                Ok(stream::iter(piece.items.into_iter().map(|id| Ok(id.0))))
            })
            .try_flatten()
            .boxed()
    }
}
