//! The request for the records of a list, with what describes the list.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::description::{ListMethod, Removals};
use super::endpoint::ListEndpoint;
use super::sync_since::{SyncRecords, WatermarkOptions};
use super::watermark::Watermark;
use crate::listing::list_request;
use crate::listing::paginate::Scheme;
use crate::sync::SyncRequest;

list_request! {
    /// The records of a list, from [`Client::list`](super::Client::list) or [`ApiClient::list`](super::ApiClient::list).
    RecordsRequest<T> = ListEndpoint => T;
}

/// What describes the list.
impl<T: DeserializeOwned + Send + 'static> RecordsRequest<T> {
    /// Adds a query parameter. Several calls with one name send it several times.
    #[allow(clippy::needless_pass_by_value, reason = "numbers and texts alike")]
    pub fn query(self, name: impl Into<String>, value: impl ToString) -> Self {
        let value = Value::from(value.to_string());
        self.with(|endpoint| match endpoint.list.query.entry(name.into()).or_insert(Value::Null) {
            none @ Value::Null => *none = value,
            Value::Array(values) => values.push(value),
            one => *one = Value::Array(vec![one.take(), value]),
        })
    }

    /// Sends a header with every page, such as one that selects a tenant. It is part of the query to which cursors and checkpoints belong,
    /// except a condition (`If-None-Match`). Not for secrets.
    pub fn header(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.with(|endpoint| _ = endpoint.list.headers.insert(name.into(), value.into()))
    }

    /// Reads the list by `POST` of this JSON body, which changes nothing on the server and is retried like a `GET`.
    pub fn search(self, body: impl Into<Value>) -> Self {
        self.with(|endpoint| {
            endpoint.list.method = ListMethod::Post;
            endpoint.list.body = Some(body.into());
        })
    }

    /// How the server pages. Default: the first answer has all records.
    pub fn paginate(self, scheme: Scheme) -> Self {
        self.with(|endpoint| endpoint.list.paginate = scheme)
    }

    /// The JSON pointer of the list in the body, such as `/data/items`. Default: the body is the list.
    pub fn records_at(self, pointer: impl Into<String>) -> Self {
        self.with(|endpoint| endpoint.list.records_at = pointer.into())
    }

    /// The field that identifies a record: its name, such as `id`, and not a JSON pointer. Default: none, and then records that move
    /// between pages are not recognised.
    pub fn key(self, field: impl Into<String>) -> Self {
        self.with(|endpoint| endpoint.list.key = Some(field.into()))
    }

    /// Which field tells what is new or changed, and which parameter asks for it. Only a sync needs it. Default: none.
    pub fn watermark(self, watermark: Watermark) -> Self {
        self.with(|endpoint| endpoint.list.watermark = Some(watermark))
    }

    /// Which records only tell that a record was removed. They are in [`Page::removals`](crate::Page::removals) and
    /// [`Batch::removals`](crate::Batch::removals). Default: none.
    pub fn removals(self, removals: Removals) -> Self {
        self.with(|endpoint| endpoint.list.removals = Some(removals))
    }

    /// Syncs the list: the first run reads all of it, each later one from the watermark on, as [`Watermark`] says. Otherwise as
    /// [`ListRequest::sync_since`](crate::ListRequest::sync_since).
    ///
    /// # Errors
    /// When it is awaited: [`Error::Invalid`](crate::Error::Invalid) for a description that is wrong, or has no watermark;
    /// [`Error::Checkpoint`](crate::Error::Checkpoint) for a stored state that does not belong to this sync.
    pub fn sync_since<'s, C: 's>(self, key: impl Into<String>, store: C) -> SyncRecords<'s, T, C> {
        SyncRecords::of(SyncRequest::of(self.list, key, store, WatermarkOptions::new))
    }
}
