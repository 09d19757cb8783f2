//! The shape of records: which fields they have, how often, and of which types. No values.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

/// An object with more different keys than this is a map whose keys are data: they are counted as one, named `*`.
const MOST_FIELDS: usize = 200;
/// Deeper values are not looked at.
const DEEPEST: usize = 12;
/// A longer key is data.
const LONGEST_KEY: usize = 64;
/// All keys of a map, and all elements of a list.
pub(super) const ANY: &str = "*";

/// What was seen at one path, in all records that were looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Shape {
    /// How often the value is there, null included.
    pub(super) seen: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) null: u64,
    /// How often it is of each type; null is none.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) types: BTreeMap<JsonType, u64>,
    /// The fields of the objects.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) fields: BTreeMap<String, Shape>,
    /// The elements of the lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) elements: Option<Box<Shape>>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// The type of a JSON value that is not null.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum JsonType {
    Bool,
    Number,
    String,
    List,
    Object,
}

impl JsonType {
    /// `None` of null.
    pub(super) fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Null => None,
            Value::Bool(_) => Some(Self::Bool),
            Value::Number(_) => Some(Self::Number),
            Value::String(_) => Some(Self::String),
            Value::Array(_) => Some(Self::List),
            Value::Object(_) => Some(Self::Object),
        }
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::Number => "number",
            Self::String => "string",
            Self::List => "list",
            Self::Object => "object",
        }
    }
}

impl Shape {
    /// Adds one record. A text that is not JSON adds nothing of use; the decoder has refused it before.
    pub(super) fn add(&mut self, record: &str) {
        self.count(record, 0);
    }

    /// Adds one value. What is in a text or a number is not read, so that one which no Rust type holds, such as `1e999`, hides nothing of
    /// what follows it.
    fn count(&mut self, json: &str, depth: usize) {
        self.seen += 1;
        let kind = match json.trim_start().as_bytes().first() {
            Some(b'n') => {
                self.null += 1;
                return;
            }
            Some(b't' | b'f') => JsonType::Bool,
            Some(b'-' | b'0'..=b'9') => JsonType::Number,
            Some(b'"') => JsonType::String,
            Some(b'[') => JsonType::List,
            Some(b'{') => JsonType::Object,
            _ => return,
        };
        self.typed(kind);
        if depth == DEEPEST || !matches!(kind, JsonType::List | JsonType::Object) {
            return;
        }
        // An error would be that of a text which is not JSON.
        let _ = serde_json::Deserializer::from_str(json).deserialize_any(Inside { shape: self, depth: depth + 1 });
    }

    /// How many values are objects.
    pub(super) fn objects(&self) -> u64 {
        self.types.get(&JsonType::Object).copied().unwrap_or_default()
    }

    /// Adds all that was seen in `other`.
    pub(super) fn merge(&mut self, other: &Self) {
        self.seen += other.seen;
        self.null += other.null;
        for (kind, count) in &other.types {
            *self.types.entry(*kind).or_default() += count;
        }
        for (name, field) in &other.fields {
            self.field(name).merge(field);
        }
        if let Some(elements) = &other.elements {
            self.elements.get_or_insert_default().merge(elements);
        }
    }

    /// The field, or the elements, that a part of a path names.
    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        self.fields.get(name).or_else(|| self.elements.as_deref().filter(|_| name == ANY))
    }

    /// As [`Shape::child`].
    pub(super) fn child_mut(&mut self, name: &str) -> Option<&mut Self> {
        let Self { fields, elements, .. } = self;
        fields.get_mut(name).or_else(|| elements.as_deref_mut().filter(|_| name == ANY))
    }

    /// The same shape as if `seen` values had been looked at instead of `of`.
    pub(super) fn scaled(&self, seen: u64, of: u64) -> Self {
        let scale = |count: u64| count.saturating_mul(seen).div_ceil(of.max(1));
        Self {
            seen: scale(self.seen),
            null: scale(self.null),
            types: self.types.iter().map(|(kind, count)| (*kind, scale(*count))).collect(),
            fields: self.fields.iter().map(|(name, field)| (name.clone(), field.scaled(seen, of))).collect(),
            elements: self.elements.as_ref().map(|elements| Box::new(elements.scaled(seen, of))),
        }
    }

    /// The shape of a field, which is that of all fields where the keys are data.
    fn field(&mut self, key: &str) -> &mut Self {
        let known = self.fields.contains_key(key);
        if !known && self.fields.len() >= MOST_FIELDS && !self.fields.contains_key(ANY) {
            let mut all = Self::default();
            for field in std::mem::take(&mut self.fields).values() {
                all.merge(field);
            }
            self.fields.insert(ANY.to_owned(), all);
        }
        // All its keys so far were data, and they were many.
        let all = self.fields.get(ANY).filter(|all| self.fields.len() == 1 && all.seen >= MOST_FIELDS as u64);
        let is_map = all.is_some();
        let name = if !known && (is_map || is_data(key)) { ANY } else { key };
        self.fields.entry(name.to_owned()).or_default()
    }

    fn typed(&mut self, kind: JsonType) {
        *self.types.entry(kind).or_default() += 1;
    }
}

/// Whether a key looks like an id, an address or a text, and not like a name.
fn is_data(key: &str) -> bool {
    let named = |byte: u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'$' | b'@' | b':' | b' ' | b'/')
    };
    key.len() > LONGEST_KEY
        || !key.bytes().all(named)
        || key.find('@').is_some_and(|at| at > 0)
        || key.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
}

/// Counts what is in a list or an object.
struct Inside<'s> {
    shape: &'s mut Shape,
    depth: usize,
}

impl<'de> Visitor<'de> for Inside<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list or an object")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        // An empty list has no elements to speak of.
        while let Some(element) = seq.next_element::<&'de RawValue>()? {
            self.shape.elements.get_or_insert_default().count(element.get(), self.depth);
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some((key, value)) = map.next_entry::<Cow<'de, str>, &'de RawValue>()? {
            self.shape.field(&key).count(value.get(), self.depth);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(records: &[&str]) -> Shape {
        let mut shape = Shape::default();
        for record in records {
            shape.add(record);
        }
        shape
    }

    #[test]
    fn nested_fields_are_counted_without_their_values() {
        let shape = shape(&[
            r#"{"id": 1, "org": {"name": "secret", "site": null}, "tags": ["a", 2]}"#,
            r#"{"id": "2", "org": {"name": "other"}, "tags": []}"#,
        ]);
        let org = &shape.fields["org"];
        assert_eq!((shape.seen, shape.objects(), org.fields["name"].seen, org.fields["site"].null), (2, 2, 2, 1));
        assert_eq!(shape.fields["id"].types, BTreeMap::from([(JsonType::Number, 1), (JsonType::String, 1)]));
        assert_eq!(shape.fields["tags"].elements.as_ref().unwrap().seen, 2);
        let text = serde_json::to_string(&shape).unwrap();
        assert!(!text.contains("secret"), "{text}");
        assert_eq!(serde_json::from_str::<Shape>(&text).unwrap(), shape);
    }

    #[test]
    fn keys_that_are_data_are_counted_as_one() {
        let mail = shape(&[r#"{"ann@example.com": 1, "bob@example.com": 2, "@type": "x"}"#]);
        assert_eq!(mail.fields.keys().collect::<Vec<_>>(), ["*", "@type"]);
        assert_eq!(mail.fields["*"].seen, 2);
        let many: Vec<String> = (0..500).map(|key| format!(r#""k{key}": {key}"#)).collect();
        let many = shape(&[&format!("{{{}}}", many.join(","))]);
        assert_eq!((many.fields.len(), many.fields["*"].seen), (1, 500));
    }

    #[test]
    fn merging_is_the_same_as_adding_all() {
        let records = [r#"{"a": [{"b": 1}, {"b": null}]}"#, r#"{"a": [], "c": true}"#, r#"{"c": 1.5}"#];
        let mut merged = shape(&records[..1]);
        merged.merge(&shape(&records[1..]));
        assert_eq!(merged, shape(&records));
    }
}
