//! The fields of a body that are no records.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;

use super::pointer;

/// The fields of the body next to the list, each as its JSON text.
#[derive(Clone, Default)]
pub struct Fields {
    pub(super) named: BTreeMap<String, Box<RawValue>>,
    /// The object or list that holds the list of records, with its name, when it is not the body itself.
    pub(super) around_list: Option<(String, Box<Fields>)>,
}

impl Fields {
    /// Whether there are none, for example when the body is the list.
    pub fn is_empty(&self) -> bool {
        self.named.is_empty() && self.around_list.is_none()
    }

    /// The field's JSON text, `None` when absent. It has no text for what holds the list: use [`Fields::pointer`] there.
    pub fn raw(&self, name: &str) -> Option<&str> {
        self.named.get(name).map(|raw| raw.get())
    }

    /// The JSON text at a JSON pointer (RFC 6901), such as `/meta/next` or `/links/0/href`; `None` when it is absent, the list of
    /// records or a part of it, or when the text is not a pointer.
    pub fn pointer(&self, pointer: &str) -> Option<&str> {
        self.find(&pointer::segments(pointer)?)
    }

    pub(super) fn find(&self, path: &[Cow<'_, str>]) -> Option<&str> {
        let (name, rest) = path.split_first()?;
        match &self.around_list {
            Some((around, fields)) if around == name => fields.find(rest),
            _ => pointer::find(self.raw(name)?, rest),
        }
    }

    /// Whether one of the JSON texts passes the test, those around the list included.
    pub(crate) fn any_text(&self, test: &dyn Fn(&str) -> bool) -> bool {
        let around = self.around_list.iter().any(|(_, fields)| fields.any_text(test));
        around || self.named.values().any(|raw| test(raw.get()))
    }

    /// The field as a value; `None` when it is absent, null, or of another type.
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        serde_json::from_str::<Option<T>>(self.raw(name)?).ok().flatten()
    }

    /// All fields with their values.
    pub(crate) fn values(&self) -> impl Iterator<Item = (&str, Value)> {
        let value = |raw: &RawValue| serde_json::from_str(raw.get()).unwrap_or_default();
        self.named.iter().map(move |(name, raw)| (name.as_str(), value(raw)))
    }

    /// The text of the first field that servers use for an error message.
    pub(crate) fn message(&self) -> Option<String> {
        ["detail", "message", "error", "error_description", "errors", "title"]
            .iter()
            .find_map(|name| self.get::<String>(name).or_else(|| self.raw(name).map(str::to_owned)))
    }
}

/// Names only: the values come from the server and may be personal data.
impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.named.keys()).finish()
    }
}

/// The fields of a body that is an object; empty for anything else. For error bodies.
pub(crate) fn fields(body: &[u8]) -> Fields {
    let named = serde_json::from_slice(body).unwrap_or_default();
    Fields { named, around_list: None }
}
