//! One service on loopback whose paging scheme is a parameter, and its listing, which has no sync.

use std::marker::PhantomData;

use jobfeed::endpoint::{Answer, AnswerError, ApiRequest, Overlap, Paging};
use jobfeed::jiff::Timestamp;
use jobfeed::testing::conformance::{Case, ROWS, Settings};
use jobfeed::testing::{NextFault, PageFaults, Received, Reply, Service, Simulator};
use jobfeed::{BoxError, Client, Credentials, ListAt, PageStream, Position};
use serde_json::{Value, json};

use crate::any_list::AnyList;

const SECRET: &str = "s3cret-token-of-the-client";

/// The two sides of a scheme.
pub(super) trait Scheme: Send + Sync + 'static {
    const TOTAL: bool = false;
    const TOKENS: bool = true;
    const NAMES_NEXT: bool = true;
    const CLOSING: u64 = 0;
    const HALVED: u64 = 20 + Self::CLOSING;
    const ADVANCES_BY_ROWS: bool = false;
    const FOLLOWS_REDIRECTS: bool = true;
    const OVERLAP: Overlap = Overlap::None;

    fn list() -> ListAt {
        ListAt::Field("items")
    }
    fn request(at: &Position) -> ApiRequest;
    fn next(at: &Position, answer: &Answer<'_>) -> Result<Paging, AnswerError>;

    /// The index of the first row of the page that a request asks for.
    fn start(request: &Received, size: usize) -> usize;
    fn reply(request: &Received, page: &Sent) -> Reply;
}

/// A page as the service sends it.
pub(super) struct Sent {
    pub(super) rows: Vec<String>,
    pub(super) next: Next,
    pub(super) total: String,
    pub(super) size: usize,
}

/// What the service says of the next page.
pub(super) enum Next {
    /// It begins with the row of this index.
    Row(usize),
    Text(String),
    No,
}

impl Sent {
    pub(super) fn items(&self) -> Reply {
        Reply::page(r#"{"items":"#, &self.rows, "}")
    }

    /// The token or link to the next page; `make` makes it of the index of the row.
    pub(super) fn next(&self, make: impl Fn(usize) -> String) -> Option<String> {
        match &self.next {
            Next::Row(row) => Some(make(*row)),
            Next::Text(text) => Some(text.clone()),
            Next::No => None,
        }
    }
}

/// Rows with the ids from 1. Two rows with neighbouring ids have the same time.
pub(super) struct AnyApi<S>((), PhantomData<S>);

pub(super) fn row(id: usize) -> String {
    json!({"id": id, "time": id / 2}).to_string()
}

impl<S: Scheme> Service for AnyApi<S> {
    type Data = ();
    const BASE_PATH: &'static str = "/api/";

    fn data(&mut self) -> &mut () {
        &mut self.0
    }

    fn is_list(&self, request: &Received) -> bool {
        request.path() == "/api/items"
    }

    fn reply(&mut self, request: &Received, faults: &PageFaults) -> Reply {
        let limit = match request.param("limit") {
            Some(limit) => limit.parse().unwrap(),
            None => body(request)["limit"].as_u64().unwrap() as usize,
        };
        let size = faults.page_size(limit);
        let start = S::start(request, size);
        let end = (start + size).min(ROWS);
        let mut rows: Vec<String> = (start..end).map(|index| row(index + 1)).collect();
        faults.apply(&mut rows, |_| true);
        let next = match &faults.next {
            NextFault::Repeat => Next::Row(start),
            NextFault::Cycle if start > 0 => Next::Row(start.saturating_sub(size)),
            NextFault::Foreign(url) => Next::Text(url.clone()),
            NextFault::Good | NextFault::Cycle if end < ROWS => Next::Row(end),
            _ => Next::No,
        };
        S::reply(request, &Sent { rows, next, total: faults.total(ROWS), size: limit })
    }
}

pub(super) fn body(request: &Received) -> Value {
    serde_json::from_slice(request.body()).unwrap()
}

/// A listing of the service.
pub(super) struct AnyCase<S: Scheme>(Simulator<AnyApi<S>>);

impl<S: Scheme> Case for AnyCase<S> {
    const TOTAL: bool = S::TOTAL;
    const TOKENS: bool = S::TOKENS;
    const NAMES_NEXT: bool = S::NAMES_NEXT;
    const CLOSING: u64 = S::CLOSING;
    const HALVED: u64 = S::HALVED;
    const ADVANCES_BY_ROWS: bool = S::ADVANCES_BY_ROWS;
    const FOLLOWS_REDIRECTS: bool = S::FOLLOWS_REDIRECTS;

    async fn start() -> Result<Self, BoxError> {
        Ok(Self(Simulator::start(AnyApi((), PhantomData)).await?))
    }

    fn server(&self) -> &Simulator<impl Service> {
        &self.0
    }

    fn pages(&self, settings: &Settings) -> jobfeed::Result<PageStream<Value>> {
        let client = Client::builder().base_url(self.0.base_url()).credentials(Credentials::bearer(SECRET)?);
        let list =
            AnyList { request: S::request, next: S::next, list: S::list(), overlap: S::OVERLAP, ..AnyList::default() };
        Ok(settings.pages(settings.client(client, Timestamp::now()).build()?.list(list)))
    }

    fn secret(&self) -> String {
        SECRET.to_owned()
    }
}
