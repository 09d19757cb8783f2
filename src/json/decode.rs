//! Finds the records in a JSON body and decodes them in one pass, keeping each record's own bytes.
//!
//! The envelope is read key by key, so the list is decoded in place: each record is parsed once, the parser gives its
//! byte range, and a record that does not fit the record type does not affect the others.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::ops::Range;

use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;

use super::message::reason;
use super::problem::BodyProblem;

/// Where in a body the records are.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ListAt {
    /// The body is the list.
    Root,
    /// The list is a field of the body's object.
    Field(&'static str),
    /// Either of the two, for services that changed or whose endpoints differ.
    RootOrField(&'static str),
    /// The body is one record.
    Single,
}

/// The fields of the body next to the list, each as its JSON text.
#[derive(Clone, Default)]
pub struct Fields(BTreeMap<String, Box<RawValue>>);

impl Fields {
    /// Whether there are none, for example when the body is the list.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The field's JSON text, `None` when absent.
    pub fn raw(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|raw| raw.get())
    }

    /// The field as a value; `None` when it is absent, null, or of another type.
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        serde_json::from_str::<Option<T>>(self.raw(name)?).ok().flatten()
    }

    /// All fields with their values.
    pub(crate) fn values(&self) -> impl Iterator<Item = (&str, Value)> {
        let value = |raw: &RawValue| serde_json::from_str(raw.get()).unwrap_or_default();
        self.0.iter().map(move |(name, raw)| (name.as_str(), value(raw)))
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
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// A decoded list: the records that fit the record type, with their byte ranges, and the rejected ones.
#[derive(Debug)]
pub(crate) struct Decoded<T> {
    pub(crate) items: Vec<T>,
    pub(crate) ranges: Vec<Range<usize>>,
    pub(crate) rejected: Vec<RejectedRecord>,
    pub(crate) fields: Fields,
}

/// A record that does not fit the record type.
#[derive(Debug, PartialEq)]
pub(crate) struct RejectedRecord {
    /// Its index in the list, from 0.
    pub(crate) index: usize,
    pub(crate) range: Range<usize>,
    pub(crate) reason: String,
}

impl<T> Decoded<T> {
    pub(crate) fn new() -> Self {
        Self { items: Vec::new(), ranges: Vec::new(), rejected: Vec::new(), fields: Fields::default() }
    }

    pub(crate) fn rows(&self) -> usize {
        self.items.len() + self.rejected.len()
    }

    /// The byte ranges of all records, rejected ones included, in the order of the body.
    pub(crate) fn all_ranges(&self) -> Vec<Range<usize>> {
        let rejected = self.rejected.iter().map(|record| &record.range);
        let mut ranges: Vec<_> = self.ranges.iter().chain(rejected).cloned().collect();
        ranges.sort_unstable_by_key(|range| range.start);
        ranges
    }

    /// Takes the records that begin at these bytes out of the items and the rejected records.
    pub(crate) fn remove(&mut self, starts: &HashSet<usize>) {
        let mut kept = self.ranges.iter().map(|range| !starts.contains(&range.start));
        self.items.retain(|_| kept.next().unwrap_or(true));
        self.ranges.retain(|range| !starts.contains(&range.start));
        self.rejected.retain(|record| !starts.contains(&record.range.start));
    }
}

/// Decodes a whole body.
pub(crate) fn decode<T: DeserializeOwned>(body: &[u8], list: &ListAt) -> Result<Decoded<T>, BodyProblem> {
    let text = simdutf8::compat::from_utf8(body).map_err(|error| match error.error_len() {
        Some(_) => BodyProblem::NotJson,
        // The body ends inside a multi-byte character.
        None => BodyProblem::Truncated,
    })?;
    let mut reader = Reader { text, at: 0 };
    let mut decoded = Decoded::new();
    match (reader.peek()?, list) {
        ('<', _) => return Err(BodyProblem::Html),
        ('[', ListAt::Root | ListAt::RootOrField(_)) => reader.list(&mut decoded)?,
        ('{', ListAt::Field(name) | ListAt::RootOrField(name)) => reader.envelope(name, &mut decoded)?,
        ('{', ListAt::Single) => reader.record(&mut decoded)?,
        ('{', ListAt::Root) => {
            reader.raw()?;
            return Err(BodyProblem::ErrorObject);
        }
        ('[' | '"' | 't' | 'f' | 'n' | '-' | '0'..='9', _) => {
            reader.raw()?;
            return Err(BodyProblem::Shape(format!("expected {}", expected(list))));
        }
        _ => return Err(BodyProblem::NotJson),
    }
    reader.end()?;
    Ok(decoded)
}

/// The fields of a body that is an object; empty for anything else. For error bodies.
pub(crate) fn fields(body: &[u8]) -> Fields {
    serde_json::from_slice(body).map(Fields).unwrap_or_default()
}

fn expected(list: &ListAt) -> String {
    match list {
        ListAt::Root => "a list".to_owned(),
        ListAt::Field(name) => format!("an object with the list `{name}`"),
        ListAt::RootOrField(name) => format!("a list, or an object with the list `{name}`"),
        ListAt::Single => "an object".to_owned(),
    }
}

/// Reads a JSON text. `at` and all ranges are byte offsets into the body.
#[derive(Clone, Copy)]
struct Reader<'b> {
    text: &'b str,
    at: usize,
}

impl<'b> Reader<'b> {
    /// The next character that is not white space.
    fn peek(&mut self) -> Result<char, BodyProblem> {
        let rest = self.rest().trim_start_matches([' ', '\n', '\r', '\t', '\u{feff}']);
        self.at = self.text.len() - rest.len();
        rest.chars().next().ok_or(BodyProblem::Truncated)
    }

    fn rest(&self) -> &'b str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn expect(&mut self, wanted: char) -> Result<(), BodyProblem> {
        if self.peek()? != wanted {
            return Err(BodyProblem::NotJson);
        }
        self.at += wanted.len_utf8();
        Ok(())
    }

    /// Reads one value of any type and moves past it.
    fn value<V: serde::Deserialize<'b>>(&mut self) -> Result<V, serde_json::Error> {
        let mut stream = serde_json::Deserializer::from_str(self.rest()).into_iter::<V>();
        match stream.next() {
            Some(Ok(value)) => {
                self.at += stream.byte_offset();
                Ok(value)
            }
            Some(Err(error)) => Err(error),
            None => serde_json::from_str(""),
        }
    }

    fn raw(&mut self) -> Result<&'b RawValue, BodyProblem> {
        self.value::<&RawValue>().map_err(
            |error| {
                if error.is_eof() { BodyProblem::Truncated } else { BodyProblem::NotJson }
            },
        )
    }

    /// Whether another element follows in a list or object that ends with `close`.
    fn more(&mut self, first: &mut bool, close: char) -> Result<bool, BodyProblem> {
        let next = self.peek()?;
        if next == close {
            self.at += 1;
            return Ok(false);
        }
        if !std::mem::take(first) {
            self.expect(',')?;
        }
        Ok(true)
    }

    fn envelope<T: DeserializeOwned>(&mut self, name: &str, out: &mut Decoded<T>) -> Result<(), BodyProblem> {
        self.expect('{')?;
        let (mut first, mut found) = (true, false);
        while self.more(&mut first, '}')? {
            if self.peek()? != '"' {
                return Err(BodyProblem::NotJson);
            }
            let key: String = serde_json::from_str(self.raw()?.get()).map_err(|_| BodyProblem::NotJson)?;
            self.expect(':')?;
            if key == name && self.peek()? == '[' {
                self.list(out)?;
                found = true;
            } else {
                let value = self.raw()?.to_owned();
                out.fields.0.insert(key, value);
            }
        }
        if found {
            return Ok(());
        }
        Err(match (out.fields.raw(name), out.fields.message()) {
            (Some(_), _) => BodyProblem::Shape(format!("`{name}` is not a list")),
            (None, Some(_)) => BodyProblem::ErrorObject,
            (None, None) => BodyProblem::Shape(format!("there is no list `{name}`")),
        })
    }

    fn list<T: DeserializeOwned>(&mut self, out: &mut Decoded<T>) -> Result<(), BodyProblem> {
        self.expect('[')?;
        let mut first = true;
        while self.more(&mut first, ']')? {
            self.record(out)?;
        }
        Ok(())
    }

    fn record<T: DeserializeOwned>(&mut self, out: &mut Decoded<T>) -> Result<(), BodyProblem> {
        self.peek()?;
        let start = self.at;
        match self.value::<T>() {
            Ok(item) => {
                out.items.push(item);
                out.ranges.push(start..self.at);
            }
            // When the text is well-formed JSON, only this record does not fit the record type.
            Err(error) => {
                let reason = reason::<T>(self.raw()?, &error);
                out.rejected.push(RejectedRecord { index: out.rows(), range: start..self.at, reason });
            }
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), BodyProblem> {
        match self.peek() {
            Err(_) => Ok(()),
            Ok(_) => Err(BodyProblem::NotJson),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;
    use serde_json::Value;

    use super::*;

    #[derive(Debug, Deserialize)]
    struct Row {
        id: u64,
    }

    const LIST: ListAt = ListAt::Field("results");

    fn ids(body: &str) -> Result<Vec<u64>, BodyProblem> {
        decode::<Row>(body.as_bytes(), &LIST).map(|d| d.items.iter().map(|row| row.id).collect())
    }

    #[test]
    fn records_keep_their_own_bytes_and_a_bad_one_does_not_affect_the_others() {
        let body =
            r#" {"count": 4, "results": [ {"id":1, "é":"\"]"} , {"id":"x"},{"id":3e999}, {"id": 4}], "next": null }"#;
        let decoded = decode::<Row>(body.as_bytes(), &LIST).unwrap();
        assert_eq!(decoded.items.iter().map(|row| row.id).collect::<Vec<_>>(), [1, 4]);
        assert_eq!(&body[decoded.ranges[0].clone()], r#"{"id":1, "é":"\"]"}"#);
        let indices: Vec<_> = decoded.rejected.iter().map(|record| record.index).collect();
        assert_eq!(indices, [1, 2], "a number out of range rejects only its record");
        assert_eq!(&body[decoded.rejected[0].range.clone()], r#"{"id":"x"}"#);
        assert!(!decoded.rejected[0].reason.contains("\"x\""), "{}", decoded.rejected[0].reason);
        assert_eq!(decoded.fields.get::<u64>("count"), Some(4));
        assert_eq!(decoded.fields.raw("next"), Some("null"));
    }

    #[test]
    fn a_body_without_the_list_gives_the_right_error() {
        assert_eq!(ids("<!DOCTYPE html>").unwrap_err(), BodyProblem::Html);
        assert_eq!(ids("nope").unwrap_err(), BodyProblem::NotJson);
        assert_eq!(ids("").unwrap_err(), BodyProblem::Truncated);
        assert_eq!(ids(r#"{"detail": "no"}"#).unwrap_err(), BodyProblem::ErrorObject);
        assert!(matches!(ids(r#"{"results": {}}"#).unwrap_err(), BodyProblem::Shape(_)));
        assert!(matches!(ids("[1]").unwrap_err(), BodyProblem::Shape(_)));
        for damaged in ["[]} {}", "[{\"id\":1},,{\"id\":2}]}", "[{\"id\":1};{\"id\":2}]}", "[{\"id\":1},]}"] {
            assert_eq!(ids(&format!("{{\"results\":{damaged}")).unwrap_err(), BodyProblem::NotJson, "{damaged}");
        }
        assert_eq!(decode::<Row>(br#"{"detail":"x"}"#, &ListAt::Root).unwrap_err(), BodyProblem::ErrorObject);
        assert_eq!(
            decode::<Row>(b"{\"results\":[{\"id\":1,\"a\":\"\xff\"}]}", &LIST).unwrap_err(),
            BodyProblem::NotJson
        );
    }

    #[test]
    fn a_body_cut_at_any_byte_is_truncated() {
        let body = r#"{"count":2,"results":[{"id":1,"t":"ä\n"},{"id":22}],"next":"http://h/?page=2"}"#;
        for cut in 0..body.len() {
            let got = decode::<Row>(&body.as_bytes()[..cut], &LIST).map(|_| ());
            assert_eq!(got, Err(BodyProblem::Truncated), "cut at {cut}");
        }
    }

    proptest! {
        #[test]
        fn agrees_with_serde_json_on_any_envelope(rows in proptest::collection::vec("\\PC*", 0..6), pretty: bool) {
            let list: Vec<Value> = rows.iter().map(|text| serde_json::json!({"id": 1, "t": text})).collect();
            let value = serde_json::json!({"a": rows, "results": list, "z": null});
            let body = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
            let decoded = decode::<Value>(body.as_bytes(), &LIST).unwrap();
            prop_assert_eq!(&decoded.items, &list);
            for (range, item) in decoded.ranges.iter().zip(&list) {
                prop_assert_eq!(&serde_json::from_str::<Value>(&body[range.clone()]).unwrap(), item);
            }
        }

        #[test]
        fn never_panics(body: Vec<u8>) {
            let _ = decode::<Value>(&body, &LIST);
            let _ = decode::<Value>(&body, &ListAt::Root);
        }
    }
}
