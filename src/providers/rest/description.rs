//! A listing as data: what [`RecordsRequest`](super::RecordsRequest) builds and an [`Api`](super::Api) in a file contains.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::header::plain_header;
use super::watermark::Watermark;
use crate::error::{Error, Result};
use crate::json::{Record, debug_fields};
use crate::listing::Overlap;
use crate::listing::paginate::{Scheme, SendAt, check_pointer};

/// A listing as data.
///
/// ```
/// use jobfeed::rest::ListDescription;
///
/// let jobs: ListDescription = jobfeed::serde_json::from_str(r#"{
///     "path": "jobs",
///     "query": {"state": "open", "tag": ["a", "b"], "expand": true},
///     "paginate": {"by": "link_header", "page_size": {"send": {"query": "per_page"}, "records": 100}},
///     "key": "id",
///     "watermark": {"mark": {"unix_milliseconds": "/updated"}, "send": {"query": "_since"}},
///     "removals": {"equals": {"field": "/deleted", "value": true}}
/// }"#)?;
/// # assert_eq!(serde_json::from_str::<ListDescription>(&serde_json::to_string(&jobs)?)?, jobs);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ListDescription {
    /// The path, relative to the base URL.
    pub path: String,
    /// The method. Default `get`.
    #[serde(default, skip_serializing_if = "ListMethod::is_get")]
    pub method: ListMethod,
    /// The query: texts, numbers, `true` and `false`, and lists of them, whose parameter is sent once for each value.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub query: BTreeMap<String, Value>,
    /// Headers, without secrets.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// The JSON body of a search. Only with `post`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// How the server pages. Default: the first answer has all records.
    #[serde(default = "Scheme::single_page")]
    pub paginate: Scheme,
    /// The JSON pointer of the list in the body. Default: the body is the list.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub records_at: String,
    /// The field that identifies a record: its name, such as `id`, and not a JSON pointer. Default: none, and then records that move
    /// between pages are not recognised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Which field tells what is new or changed, and which parameter asks for it. Default: none, and then there is no sync.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watermark: Option<Watermark>,
    /// Which records only tell that a record was removed. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removals: Option<Removals>,
}

// Without the values of query, headers and body: they can be personal data.
debug_fields!(ListDescription(path, method, paginate, records_at, key, watermark));

/// The method of a listing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ListMethod {
    /// `GET`.
    #[default]
    Get,
    /// `POST` of a search, which changes nothing on the server and is retried like a `GET`.
    Post,
}

impl ListMethod {
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it like this")]
    fn is_get(&self) -> bool {
        *self == Self::Get
    }
}

/// Which records only tell that a record was removed from the service (tombstones).
///
/// In JSON: `{"equals": {"field": "/deleted", "value": true}}` or `{"present": "/deleted_at"}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Removals {
    /// Those with this value at this JSON pointer of the record.
    Equals {
        /// The JSON pointer.
        field: String,
        /// The value.
        value: Value,
    },
    /// Those with any value but null at this JSON pointer of the record.
    Present(String),
}

impl Removals {
    /// Records with this value at this JSON pointer, such as `true` at `/deleted`.
    pub fn equals(field: impl Into<String>, value: impl Into<Value>) -> Self {
        Self::Equals { field: field.into(), value: value.into() }
    }

    /// Records with any value but null at this JSON pointer, such as `/deleted_at`.
    pub fn present(field: impl Into<String>) -> Self {
        Self::Present(field.into())
    }

    pub(super) fn include(&self, record: &Record<'_>) -> bool {
        match self {
            Self::Equals { field, value } => {
                let found = record.pointer(field).and_then(|json| serde_json::from_str::<Value>(json).ok());
                found.as_ref() == Some(value)
            }
            Self::Present(field) => record.pointer(field).is_some_and(|json| json != "null"),
        }
    }

    fn check(&self, path: &str) -> Result<()> {
        match self {
            Self::Equals { field, .. } => check_pointer(&format!("{path}.equals.field"), field),
            Self::Present(field) => check_pointer(&format!("{path}.present"), field),
        }
    }
}

impl ListDescription {
    /// A list at this path, relative to the base URL: on one page, in a body that is the list.
    pub fn new(path: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            method: ListMethod::Get,
            query: BTreeMap::new(),
            headers: BTreeMap::new(),
            body: None,
            paginate: Scheme::single_page(),
            records_at: String::new(),
            key: None,
            watermark: None,
            removals: None,
        }
    }

    /// Checks all of it. `path` is where it is in a larger description, empty or with a dot at the end.
    pub(super) fn check(&self, path: &str) -> Result<()> {
        for (name, value) in &self.query {
            let values = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
            let plain = |value: &Value| value.is_string() || value.is_number() || value.is_boolean();
            if values.is_empty() || !values.iter().all(plain) {
                let rule = "a text, a number, true, false, or a list of them";
                return Err(Error::invalid(format!("{path}query.{name}"), "(another value)", rule));
            }
        }
        for (name, value) in &self.headers {
            plain_header(&format!("{path}headers.{name}"), name, value)?;
        }
        if self.body.is_some() && self.method == ListMethod::Get {
            return Err(Error::invalid(format!("{path}body"), "(set)", "none, or the method `post`"));
        }
        self.paginate.check_at(&format!("{path}paginate"))?;
        if !self.records_at.is_empty() {
            check_pointer(&format!("{path}records_at"), &self.records_at)?;
        }
        if let Some(key) = &self.key
            && (key.is_empty() || key.starts_with('/'))
        {
            return Err(Error::invalid(format!("{path}key"), key, "the name of a field, not a JSON pointer"));
        }
        if self.key.is_none() && self.paginate.overlap() != Overlap::None {
            let rule = "the field that identifies a record: pages that begin with records of the page before need it";
            return Err(Error::invalid(format!("{path}key"), "(missing)", rule));
        }
        if let Some(watermark) = &self.watermark {
            watermark.check(&format!("{path}watermark"))?;
        }
        self.removals.as_ref().map_or(Ok(()), |removals| removals.check(&format!("{path}removals")))?;
        self.check_sent(path)
    }

    /// Whether each place of the request is set once, and there is a body for what is sent in it.
    fn check_sent(&self, path: &str) -> Result<()> {
        let bound = self.watermark.iter().map(|watermark| (&watermark.send, "watermark"));
        if let Some(watermark) = &self.watermark
            && self.paginate.always_sends(&watermark.send)
        {
            let rule = "another place, because `paginate` sends there";
            return Err(Error::invalid(format!("{path}watermark.send"), "(the same)", rule));
        }
        let in_path = self.path.split_once('?').map_or("", |(_, query)| query).split('#').next().unwrap_or_default();
        for (send, by) in self.paginate.sends().map(|send| (send, "paginate")).chain(bound) {
            let twice = match send {
                SendAt::Query(name) if self.query.contains_key(name) => Some(format!("{path}query.{name}")),
                SendAt::Query(name) => {
                    let set = url::form_urlencoded::parse(in_path.as_bytes()).any(|(known, _)| known == *name);
                    set.then(|| format!("{path}path: {name}"))
                }
                SendAt::Header(name) => {
                    let set = self.headers.keys().any(|known| known.eq_ignore_ascii_case(name));
                    set.then(|| format!("{path}headers.{name}"))
                }
                _ => None,
            };
            if let Some(field) = twice {
                return Err(Error::invalid(field, "(set)", format!("none, because `{by}` sends it")));
            }
            if send.is_body() && self.method == ListMethod::Get {
                let rule = format!("`post`, because `{by}` sends a part of the body");
                return Err(Error::invalid(format!("{path}method"), "get", rule));
            }
        }
        Ok(())
    }
}
