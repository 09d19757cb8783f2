//! One page: the call, the decoding of its body, and what the endpoint reads from it.

use std::panic;

use bytes::Bytes;
use http::StatusCode;
use serde::de::DeserializeOwned;
use tokio::runtime::Handle;

use super::cursor::Position;
use super::endpoint::{Answer, Endpoint, Paging};
use super::page::Page;
use crate::client::{Client, Progress, Response};
use crate::error::{AnswerError, Result};
use crate::json::{self, BodyProblem, Decoded, ListAt};

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
    ) -> Result<Fetched<T>>
    where
        T: DeserializeOwned + Send + 'static,
    {
        let request = endpoint.request(at);
        let accept = |status: StatusCode| status.is_success() || endpoint.past_end(at, status);
        self.call_with(endpoint.name(), &request, progress, &accept, async move |response| {
            if !response.status.is_success() {
                let page = Page::new(Decoded::new(), Bytes::new(), response.headers.clone(), None);
                return Ok(Fetched { page, next: None });
            }
            let decoded = decode(&response.body, endpoint.list()).await?;
            self.fetched(endpoint, at, &response, decoded)
        })
        .await
    }

    fn fetched<T>(
        &self,
        endpoint: &dyn Endpoint,
        at: &Position,
        response: &Response,
        decoded: Decoded<T>,
    ) -> Result<Fetched<T>, AnswerError> {
        // One record alone does not prove that the model is wrong, and must not hold up a sync for ever.
        if decoded.rejected.len() > 1
            && let (true, Some(first)) = (decoded.items.is_empty(), decoded.rejected.first())
        {
            return Err(AnswerError::AllRejected { rows: decoded.rows(), reason: first.reason.clone() });
        }
        let answer = Answer {
            headers: &response.headers,
            fields: &decoded.fields,
            rows: decoded.rows(),
            url: &response.url,
            body: &response.body,
            records: decoded.all_ranges(),
        };
        let Paging { next, total } = endpoint.next(at, &answer)?;
        if let Some(Position::Token(token)) = &next {
            if self.finds_secret_in(token) {
                return Err(AnswerError::shape("the link to the next page holds a credential, which must not be kept"));
            }
        }
        Ok(Fetched { page: Page::new(decoded, response.body.clone(), response.headers.clone(), total), next })
    }
}

/// From how many bytes on a body is decoded on a blocking thread: decoding it takes some ten milliseconds, which other tasks
/// of the worker would wait for. Below that, handing it over costs more than it saves.
const LONG_BODY: usize = 4 << 20;

/// Decodes a body; a long one on a blocking thread of the runtime.
async fn decode<T>(body: &Bytes, list: ListAt) -> Result<Decoded<T>, BodyProblem>
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
            // The runtime is about to end.
            Err(_) => json::decode(body, &list),
        },
    }
}
