//! One page: the call, the decoding of its body, and what the endpoint reads from it.

use std::panic;

use bytes::Bytes;
use http::StatusCode;
use serde::de::DeserializeOwned;
use tokio::runtime::Handle;

use super::cursor::Position;
use super::endpoint::{Answer, Endpoint, Paging};
use super::page::Page;
use crate::client::Progress;
use crate::client::{Client, Response};
use crate::error::Refusal;
use crate::error::Result;
use crate::json;
use crate::json::BodyProblem;
use crate::json::{Decoded, ListAt};

/// One page with what the walk needs to know beside it.
pub(crate) struct Fetched<T> {
    pub(crate) page: Page<T>,
    pub(crate) next: Option<Position>,
}

impl Client {
    /// Fetches and decodes one page.
    pub(crate) async fn page<T>(
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
            let decoded = if response.status.is_success() {
                decode(&response.body, endpoint.list()).await?
            } else {
                Decoded::new()
            };
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
    ) -> Result<Fetched<T>, Refusal> {
        let headers = response.headers.clone();
        if !response.status.is_success() {
            return Ok(Fetched { page: Page::new(decoded, Bytes::new(), headers, None), next: None });
        }
        // One record alone is no evidence against the model; it must not hold a sync for ever.
        if decoded.rejected.len() > 1
            && let (true, Some((_, _, reason))) = (decoded.items.is_empty(), decoded.rejected.first())
        {
            return Err(Refusal::AllRejected { rows: decoded.rows(), reason: reason.clone() });
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
            // A path may name by chance what a login is called; a query has no business with either.
            let kept = token.split_once('?').map_or(token.as_str(), |(_, query)| query);
            if self.finds_secret_in(kept) {
                return Err(Refusal::shape("the way to the next page holds a credential, which must not be kept"));
            }
        }
        Ok(Fetched { page: Page::new(decoded, response.body.clone(), headers, total), next })
    }
}

/// From how many bytes on a body is decoded aside: there it takes some ten milliseconds. Below that, handing it over costs more
/// than others would gain.
const ASIDE: usize = 4 << 20;

/// Decodes a body; a long one aside, so that nothing else of the runtime waits for it.
async fn decode<T>(body: &Bytes, list: ListAt) -> Result<Decoded<T>, BodyProblem>
where
    T: DeserializeOwned + Send + 'static,
{
    let runtime = match Handle::try_current() {
        Ok(runtime) if body.len() >= ASIDE => runtime,
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
