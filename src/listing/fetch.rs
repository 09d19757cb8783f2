//! Fetches one page: makes the call, decodes the body, and lets the endpoint read where the next page is.

use std::ops::Range;
use std::panic;

use bytes::Bytes;
use http::header::{IF_MODIFIED_SINCE, IF_NONE_MATCH};
use http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;
use tokio::runtime::Handle;

use super::cursor::Position;
use super::endpoint::{Answer, Endpoint, Paging};
use super::overlap::Overlap;
use super::page::{OnRejected, Page};
use super::page_source::PageSource;
use crate::client::{CallInfo, Client, Progress, Purpose, Response};
use crate::error::{AnswerError, Error, Result};
use crate::json::{self, BodyProblem, Decoded, ListAt, Record};

/// One page, and where the next one is.
pub(crate) struct Fetched<T> {
    pub(crate) page: Page<T>,
    pub(crate) next: Option<Position>,
}

impl Client {
    /// Fetches and decodes one page.
    pub(crate) async fn fetch_page<T>(
        &self,
        endpoint: &dyn Endpoint,
        at: &Position,
        progress: &Progress,
        on_rejected: OnRejected,
        purpose: Purpose,
    ) -> Result<Fetched<T>>
    where
        T: DeserializeOwned + Send + 'static,
    {
        let (request, on_rejected) = (endpoint.request(at), &on_rejected);
        if let ListAt::Pointer(pointer) = endpoint.list()
            && !endpoint.list().is_valid()
        {
            return Err(Error::invalid("list", pointer, "a JSON pointer, such as `/data/items`"));
        }
        // Of a later page, 304 does not say whether there is one behind it.
        let conditional = is_conditional(&request.headers) && *at == endpoint.start();
        let accept = |status: StatusCode| {
            let unchanged = conditional && status == StatusCode::NOT_MODIFIED;
            status.is_success() || unchanged || endpoint.past_end(at, status)
        };
        let info = CallInfo { endpoint: endpoint.name(), purpose, position: Some(at), progress };
        self.call_with(info, &request, &accept, async move |response| {
            if response.status == StatusCode::NOT_MODIFIED {
                let page = Page::unchanged(response.headers.clone());
                return Ok(self.without_next(endpoint, at, &response, page));
            }
            if !response.status.is_success() {
                let page = Page::past_end(response.headers.clone());
                return Ok(self.without_next(endpoint, at, &response, page));
            }
            let decoded = decode(&response.body, endpoint.list()).await?;
            self.fetched(endpoint, at, &response, decoded, *on_rejected)
        })
        .await
    }

    /// The page of an answer without records.
    fn without_next<T>(
        &self,
        endpoint: &dyn Endpoint,
        at: &Position,
        response: &Response,
        mut page: Page<T>,
    ) -> Fetched<T> {
        let answer = (&response.url, response.status, &response.headers);
        page.source = Some(Box::new(PageSource::new(self, endpoint, at, answer)));
        Fetched { page, next: None }
    }

    fn fetched<T>(
        &self,
        endpoint: &dyn Endpoint,
        at: &Position,
        response: &Response,
        mut decoded: Decoded<T>,
        on_rejected: OnRejected,
    ) -> Result<Fetched<T>, AnswerError> {
        let (rows, records) = (decoded.rows(), decoded.all_ranges());
        // Before the records are judged: a removal has few fields, and seldom fits the record type.
        let record = |range: &Range<usize>| Record::new(response.body.get(range.clone()).unwrap_or_default());
        let removals = records.iter().enumerate().filter(|(_, range)| endpoint.is_removal(&record(range)));
        let removals: Vec<(usize, Range<usize>)> = removals.map(|(index, range)| (index, range.clone())).collect();
        if !removals.is_empty() {
            decoded.remove(&removals.iter().map(|(_, range)| range.start).collect());
        }
        // One record alone does not prove that the record type is wrong, and it must not block a sync for ever.
        if decoded.rejected.len() > 1
            && on_rejected != OnRejected::KeepAll
            && let (true, Some(first)) = (decoded.items.is_empty(), decoded.rejected.first())
        {
            return Err(AnswerError::AllRejected { rows: decoded.rows(), reason: first.reason.clone() });
        }
        let answer = Answer {
            headers: &response.headers,
            fields: &decoded.fields,
            rows,
            url: &response.url,
            body: &response.body,
            records,
        };
        if let Some(key) = endpoint.key()
            && rows > 1
            && endpoint.overlap() != Overlap::None
            && answer.values(key).next().is_none()
        {
            return Err(AnswerError::shape(format!(
                "no record has the field `{key}`, so records that come again cannot be recognised"
            )));
        }
        let Paging { mut next, total } = endpoint.next(at, &answer)?;
        // The client adds its own key to each request.
        if let Some(Position::Token(token)) = &mut next
            && let Some(without) = self.link_without_keys(token)
        {
            *token = without;
        }
        if let Some(Position::Token(token)) = &next
            && self.finds_secret_in(token)
        {
            return Err(AnswerError::shape("the link to the next page contains a credential, so it is not stored"));
        }
        let mut page = Page::new(decoded, response.body.clone(), response.headers.clone(), total);
        page.removals = removals;
        let mut source = PageSource::new(self, endpoint, at, (&response.url, response.status, &response.headers));
        if cfg!(feature = "archive") {
            source.secret_beside_list = page.fields.any_text(&|text| self.finds_secret_in(text));
        }
        page.source = Some(Box::new(source));
        Ok(Fetched { page, next })
    }
}

/// Whether the server may answer that nothing has changed.
fn is_conditional(headers: &HeaderMap) -> bool {
    headers.contains_key(IF_NONE_MATCH) || headers.contains_key(IF_MODIFIED_SINCE)
}

/// Bodies of this many bytes or more are decoded on a blocking thread: it takes about ten milliseconds, and would delay
/// other tasks of the worker. For smaller ones, the change of thread costs more than it saves.
const LONG_BODY: usize = 4 << 20;

/// Decodes a body; a long one on a blocking thread of the runtime.
pub(crate) async fn decode<T>(body: &Bytes, list: ListAt) -> Result<Decoded<T>, BodyProblem>
where
    T: DeserializeOwned + Send + 'static,
{
    let runtime = match Handle::try_current() {
        Ok(runtime) if body.len() >= LONG_BODY => runtime,
        _ => return json::decode(body, &list),
    };
    let (bytes, at) = (body.clone(), list.clone());
    match runtime.spawn_blocking(move || json::decode(&bytes, &at)).await {
        Ok(decoded) => decoded,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => panic::resume_unwind(panic),
            // The runtime is shutting down.
            Err(_) => json::decode(body, &list),
        },
    }
}
