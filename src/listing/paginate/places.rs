//! Places in an answer and in a request as data, for endpoints that are described at run time.

use http::{HeaderMap, HeaderName};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::value_at::ValueAt;
use crate::client::ApiRequest;
use crate::error::{Error, Result};
use crate::json::{self, Fields};

/// Where in an answer a value is that is no record: [`ValueAt`] as data.
///
/// In JSON: `{"pointer": "/meta/next"}` or `{"header": "x-next"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ReadAt {
    /// In the body at this JSON pointer (RFC 6901), outside the list of records.
    Pointer(String),
    /// In the header with this name.
    Header(String),
}

impl ReadAt {
    /// In the body at this JSON pointer, such as `/meta/next`.
    pub fn pointer(pointer: impl Into<String>) -> Self {
        Self::Pointer(pointer.into())
    }

    /// In the header with this name, in upper or lower case.
    pub fn header(name: impl Into<String>) -> Self {
        Self::Header(name.into())
    }

    /// For the functions of [`paginate`](crate::paginate).
    pub fn value_at(&self) -> ValueAt<'_> {
        match self {
            Self::Pointer(pointer) => ValueAt::Pointer(pointer),
            Self::Header(name) => ValueAt::Header(name),
        }
    }

    /// The text of a JSON string or number, or of a header; `None` for anything else.
    pub(crate) fn text(&self, headers: &HeaderMap, fields: &Fields) -> Option<String> {
        let text = match self {
            Self::Pointer(pointer) => json::scalar_text(fields.pointer(pointer)?),
            Self::Header(name) => headers.get(name)?.to_str().ok().map(|text| text.trim().to_owned()),
        };
        text.filter(|text| !text.is_empty())
    }

    /// # Errors
    /// [`Error::Invalid`] for a pointer or a name that is none; `path` is the field of the description.
    pub(crate) fn check(&self, path: &str) -> Result<()> {
        match self {
            Self::Pointer(pointer) => check_pointer(&format!("{path}.pointer"), pointer),
            Self::Header(name) => check_header(&format!("{path}.header"), name),
        }
    }
}

/// Where in a request a value is sent.
///
/// In JSON: `{"query": "cursor"}`, `{"header": "x-cursor"}`, `{"body": "/after"}` or `{"body_number": "/after"}`. A text becomes a
/// query parameter of that name: `SendAt::from("cursor")`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SendAt {
    /// As this parameter of the query.
    Query(String),
    /// As this header.
    Header(String),
    /// In the JSON body at this pointer (RFC 6901): page numbers, offsets and sizes as numbers, everything else as text. Objects that
    /// are missing on the way are made.
    Body(String),
    /// As [`SendAt::Body`], and tokens, keys and lower bounds as numbers too: for servers that take no text.
    BodyNumber(String),
}

impl From<&str> for SendAt {
    fn from(name: &str) -> Self {
        Self::query(name)
    }
}

impl SendAt {
    /// As this parameter of the query.
    pub fn query(name: impl Into<String>) -> Self {
        Self::Query(name.into())
    }

    /// As this header.
    pub fn header(name: impl Into<String>) -> Self {
        Self::Header(name.into())
    }

    /// In the JSON body at this pointer, such as `/page/after`; a token, a key or a lower bound as text.
    pub fn body(pointer: impl Into<String>) -> Self {
        Self::Body(pointer.into())
    }

    /// In the JSON body at this pointer as a number.
    pub fn body_number(pointer: impl Into<String>) -> Self {
        Self::BodyNumber(pointer.into())
    }

    /// Whether it is a part of the body.
    pub(crate) fn is_body(&self) -> bool {
        matches!(self, Self::Body(_) | Self::BodyNumber(_))
    }

    /// Whether both are sent at the same place, so that one would replace the other.
    pub(crate) fn is_same_place(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Header(a), Self::Header(b)) => a.eq_ignore_ascii_case(b),
            (Self::Query(a), Self::Query(b))
            | (Self::Body(a) | Self::BodyNumber(a), Self::Body(b) | Self::BodyNumber(b)) => a == b,
            _ => false,
        }
    }

    /// Sets the value in the place of one that is there. What cannot be sent becomes [`ApiRequest::invalid`].
    pub(crate) fn set(&self, mut request: ApiRequest, value: &Value) -> ApiRequest {
        let text = || value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        match self {
            Self::Query(name) => {
                request.query.retain(|(known, _)| known != name);
                request.query(name, text())
            }
            Self::Header(name) => request.header(name, text()),
            Self::Body(pointer) => in_body(request, pointer, value.clone()),
            Self::BodyNumber(pointer) => match text().parse::<serde_json::Number>() {
                Ok(number) => in_body(request, pointer, number.into()),
                Err(_) => invalid(request, format!("body {pointer}")),
            },
        }
    }

    /// # Errors
    /// [`Error::Invalid`] for a name or a pointer that is none; `path` is the field of the description.
    pub(crate) fn check(&self, path: &str) -> Result<()> {
        match self {
            Self::Query(name) if name.is_empty() => {
                Err(Error::invalid(format!("{path}.query"), "", "the name of a parameter"))
            }
            Self::Query(_) => Ok(()),
            Self::Header(name) if is_credentials(name) => {
                Err(Error::invalid(format!("{path}.header"), name, "no header of credentials"))
            }
            Self::Header(name) => check_header(&format!("{path}.header"), name),
            Self::Body(pointer) => check_pointer(&format!("{path}.body"), pointer),
            Self::BodyNumber(pointer) => check_pointer(&format!("{path}.body_number"), pointer),
        }
    }
}

/// Whether a header with this name has credentials, which only the client sends.
pub(crate) fn is_credentials(name: &str) -> bool {
    ["authorization", "proxy-authorization", "cookie"].iter().any(|known| known.eq_ignore_ascii_case(name))
}

fn invalid(mut request: ApiRequest, part: String) -> ApiRequest {
    request.invalid.get_or_insert(part);
    request
}

/// Sets a value in the JSON body of a request.
fn in_body(mut request: ApiRequest, pointer: &str, value: Value) -> ApiRequest {
    let body = if request.body.is_empty() { Ok(Value::Null) } else { serde_json::from_slice(&request.body) };
    let (Ok(mut body), Some(path)) = (body, json::segments(pointer)) else {
        return invalid(request, format!("body {pointer}"));
    };
    match path.iter().try_fold(&mut body, |value, name| member(value, name)) {
        Some(place) => *place = value,
        None => return invalid(request, format!("body {pointer}")),
    }
    request.body = body.to_string().into();
    request
}

/// A field of an object, which is made when it is missing, or an element of a list.
fn member<'v>(value: &'v mut Value, name: &str) -> Option<&'v mut Value> {
    if value.is_null() {
        *value = Value::Object(serde_json::Map::new());
    }
    match value {
        Value::Object(fields) => Some(fields.entry(name.to_owned()).or_insert(Value::Null)),
        Value::Array(list) => list.get_mut(name.parse::<usize>().ok()?),
        _ => None,
    }
}

/// # Errors
/// [`Error::Invalid`] when the text is not the pointer of a value in an object.
pub(crate) fn check_pointer(path: &str, pointer: &str) -> Result<()> {
    match json::segments(pointer) {
        Some(names) if !names.is_empty() => Ok(()),
        _ => Err(Error::invalid(path, pointer, "a JSON pointer, such as `/meta/next`")),
    }
}

/// # Errors
/// [`Error::Invalid`] when the text is not the name of a header.
pub(crate) fn check_header(path: &str, name: &str) -> Result<()> {
    match name.parse::<HeaderName>() {
        Ok(_) => Ok(()),
        Err(_) => Err(Error::invalid(path, name, "the name of a header")),
    }
}
