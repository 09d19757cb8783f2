//! A described listing as an endpoint without I/O.

use std::marker::PhantomData;

use http::{HeaderMap, StatusCode};

use super::description::{ListDescription, ListMethod};
use super::watermark::{MarkAt, Watermark};
use crate::checkpoint::{Mark, MarkValue};
use crate::client::ApiRequest;
use crate::error::{AnswerError, Error, Result};
use crate::json::{Fields, ListAt, Record, debug_fields};
use crate::listing::{Answer, Endpoint, Fingerprint, Overlap, Paging, Position};
use crate::sync::{Coverage, Incremental};

/// A described listing, and the lower bound of a run. `M` is what its marks are, once a sync has chosen it.
pub(super) struct ListEndpoint<M = ()> {
    name: String,
    /// The headers of all requests of the client.
    headers: HeaderMap,
    pub(super) list: ListDescription,
    since: Option<Mark>,
    mark: PhantomData<fn() -> M>,
}

impl<M> Clone for ListEndpoint<M> {
    fn clone(&self) -> Self {
        let Self { name, headers, list, since, .. } = self;
        Self {
            name: name.clone(),
            headers: headers.clone(),
            list: list.clone(),
            since: since.clone(),
            mark: PhantomData,
        }
    }
}

debug_fields!(ListEndpoint(name, list));

impl ListEndpoint {
    pub(super) fn new(name: String, headers: HeaderMap, list: ListDescription) -> Self {
        Self { name, headers, list, since: None, mark: PhantomData }
    }

    /// The same with marks of a type.
    pub(super) fn marked<M: MarkValue>(self) -> ListEndpoint<M> {
        let Self { name, headers, list, since, .. } = self;
        ListEndpoint { name, headers, list, since, mark: PhantomData }
    }
}

impl<M: 'static> Endpoint for ListEndpoint<M> {
    fn name(&self) -> &str {
        &self.name
    }

    fn validate(&self) -> Result<()> {
        self.list.check("")?;
        if let (Some(mark), Some(watermark)) = (&self.since, &self.list.watermark)
            && watermark.bound(mark).is_none()
        {
            return Err(Error::invalid("watermark", format!("{mark:?}"), "a mark that can be sent"));
        }
        Ok(())
    }

    fn request(&self, at: &Position) -> ApiRequest {
        let path = self.list.path.as_str();
        let mut request = match (self.list.method, &self.list.body) {
            (ListMethod::Get, _) => ApiRequest::get(path),
            (ListMethod::Post, Some(body)) => ApiRequest::search(path, body.to_string()),
            (ListMethod::Post, None) => ApiRequest::search(path, "{}"),
        };
        request.headers.extend(self.headers.clone());
        for (name, value) in &self.list.headers {
            request = request.header(name, value);
        }
        for (name, value) in &self.list.query {
            for value in value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice) {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                request.query.push((name.clone(), text));
            }
        }
        if let (Some(mark), Some(watermark)) = (&self.since, &self.list.watermark)
            && let Some(bound) = watermark.bound(mark)
        {
            request = watermark.send.set(request, &bound);
        }
        self.list.paginate.apply(request, at)
    }

    fn list(&self) -> ListAt {
        ListAt::Pointer(self.list.records_at.clone())
    }

    fn next(&self, at: &Position, answer: &Answer<'_>) -> Result<Paging, AnswerError> {
        self.list.paginate.next(at, answer)
    }

    fn key(&self) -> Option<&str> {
        self.list.key.as_deref()
    }

    fn positions_shift(&self) -> bool {
        self.list.paginate.positions_shift()
    }

    fn overlap(&self) -> Overlap {
        self.list.paginate.overlap()
    }

    fn is_removal(&self, record: &Record<'_>) -> bool {
        self.list.removals.as_ref().is_some_and(|removals| removals.include(record))
    }

    /// All of the description that decides which records there are and what a position and a mark mean. The headers of the
    /// client, such as its version of the API, are not part of it.
    fn fingerprint(&self) -> Fingerprint {
        let request = self.request(&self.start());
        let ListDescription { paginate, records_at, watermark, .. } = &self.list;
        let text = |value: serde_json::Result<String>| value.unwrap_or_default();
        let mut parts = vec![self.name.clone(), request.method.to_string(), request.path, records_at.clone()];
        parts.push(String::from_utf8_lossy(&request.body).into_owned());
        parts.push(text(serde_json::to_string(&paginate.by)));
        if let Some(Watermark { mark, send, .. }) = watermark {
            parts.push(text(serde_json::to_string(&(mark, send))));
        }
        parts.extend(request.query.iter().map(|(name, value)| format!("{name}={value}")));
        let conditional = |name: &str| name.to_ascii_lowercase().starts_with("if-");
        let headers = self.list.headers.iter().filter(|(name, _)| !conditional(name));
        parts.extend(headers.map(|(name, value)| format!("{}: {value}", name.to_ascii_lowercase())));
        Fingerprint::of(parts.iter().map(String::as_str))
    }
}

impl<M: MarkValue> Incremental for ListEndpoint<M> {
    type Mark = M;

    fn since(&self, mark: &M) -> Self {
        Self { since: Some(mark.clone().into_mark()), ..self.clone() }
    }

    fn mark(&self, record: &Record<'_>) -> Option<M> {
        M::from_mark(&self.list.watermark.as_ref()?.read(record)?)
    }

    fn envelope_mark(&self, headers: &HeaderMap, fields: &Fields) -> Option<M> {
        let MarkAt::DeltaToken(at) = &self.list.watermark.as_ref()?.mark else { return None };
        M::from_mark(&Mark::Text(at.text(headers, fields)?))
    }

    fn covers(&self) -> Coverage {
        self.list.watermark.as_ref().map_or(Coverage::Settled, Watermark::coverage)
    }

    fn refuses_bound(&self, error: &Error) -> bool {
        let by_token = self.list.watermark.as_ref().is_some_and(|it| matches!(it.mark, MarkAt::DeltaToken(_)));
        by_token && error.status() == Some(StatusCode::GONE)
    }
}
