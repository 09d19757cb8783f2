//! Finds the records in a JSON body and decodes them in one pass, keeping each record's own bytes.
//!
//! The envelope is read key by key, so the list is decoded in place: each record is parsed once, the parser gives its
//! byte range, and a record that does not fit the record type does not affect the others.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::fields::Fields;
use super::message::reason;
use super::pointer;
use super::problem::BodyProblem;

/// Where in a body the records are.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ListAt {
    /// The body is the list.
    Root,
    /// The list is a field of the body's object.
    Field(&'static str),
    /// The list is at this JSON pointer (RFC 6901), which may be chosen at run time: `/data/items`, or `/1` where the body is a list
    /// whose second element is the list of records. A slash in a name is written `~1`, a tilde `~0`; an empty pointer is
    /// the body. A text that is not a pointer is [`Error::Invalid`](crate::Error::Invalid) before anything is sent.
    Pointer(String),
    /// Either of the first two, for services that changed or whose endpoints differ.
    RootOrField(&'static str),
    /// The body is one record.
    Single,
}

impl ListAt {
    /// The names that lead to the list in a body that is an object or a list; `None` for a pointer that is not one.
    fn path(&self) -> Option<Vec<Cow<'_, str>>> {
        match self {
            Self::Root | Self::Single => Some(Vec::new()),
            Self::Field(name) | Self::RootOrField(name) => Some(vec![Cow::Borrowed(name)]),
            Self::Pointer(pointer) => pointer::segments(pointer),
        }
    }

    /// Whether it can be looked for: `false` for a pointer that is not one.
    pub(crate) fn is_valid(&self) -> bool {
        self.path().is_some()
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
    let path = list.path().unwrap_or_default();
    match (reader.peek()?, list) {
        ('<', _) => return Err(BodyProblem::Html),
        ('[', ListAt::Root | ListAt::RootOrField(_)) => reader.list(&mut decoded)?,
        ('[', ListAt::Pointer(_)) if path.is_empty() => reader.list(&mut decoded)?,
        ('{', ListAt::Field(_) | ListAt::RootOrField(_)) => reader.envelope(list, &path, &mut decoded)?,
        ('{' | '[', ListAt::Pointer(_)) if !path.is_empty() => reader.envelope(list, &path, &mut decoded)?,
        ('{', ListAt::Single) => reader.record(&mut decoded)?,
        ('{', ListAt::Root | ListAt::Pointer(_)) => {
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

fn expected(list: &ListAt) -> String {
    match list {
        ListAt::Root => "a list".to_owned(),
        ListAt::Field(name) => format!("an object with the list `{name}`"),
        ListAt::Pointer(pointer) => format!("a list at `{pointer}`"),
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

    fn envelope<T: DeserializeOwned>(
        &mut self,
        list: &ListAt,
        path: &[Cow<'_, str>],
        out: &mut Decoded<T>,
    ) -> Result<(), BodyProblem> {
        let mut fields = Fields::default();
        let found = self.members(path, &mut fields, out)?;
        out.fields = fields;
        if found {
            return Ok(());
        }
        let name = match list {
            ListAt::Pointer(pointer) => pointer,
            _ => path.first().map(Cow::as_ref).unwrap_or_default(),
        };
        Err(match (out.fields.find(path), out.fields.message()) {
            (Some(_), _) => BodyProblem::Shape(format!("`{name}` is not a list")),
            (None, Some(_)) => BodyProblem::ErrorObject,
            (None, None) => BodyProblem::Shape(format!("there is no list `{name}`")),
        })
    }

    /// Reads an object or a list on the way to the list of records: decodes the records, and keeps the other members, those of a
    /// list by their index. Returns whether the list of records was there.
    fn members<T: DeserializeOwned>(
        &mut self,
        path: &[Cow<'_, str>],
        fields: &mut Fields,
        out: &mut Decoded<T>,
    ) -> Result<bool, BodyProblem> {
        let Some((name, rest)) = path.split_first() else { return Ok(false) };
        let open = self.peek()?;
        let close = if open == '{' { '}' } else { ']' };
        self.expect(open)?;
        let (mut first, mut found, mut index) = (true, false, 0_usize);
        while self.more(&mut first, close)? {
            let key = if open == '{' { self.key()? } else { index.to_string() };
            index += 1;
            match self.peek()? {
                '[' if key == *name && rest.is_empty() => {
                    self.list(out)?;
                    found = true;
                }
                '{' | '[' if key == *name && !rest.is_empty() => {
                    let mut inner = Fields::default();
                    found |= self.members(rest, &mut inner, out)?;
                    fields.around_list = Some((key, Box::new(inner)));
                }
                _ => {
                    let value = self.raw()?.to_owned();
                    fields.named.insert(key, value);
                }
            }
        }
        Ok(found)
    }

    /// Reads the name of a member and its colon.
    fn key(&mut self) -> Result<String, BodyProblem> {
        if self.peek()? != '"' {
            return Err(BodyProblem::NotJson);
        }
        let key = serde_json::from_str(self.raw()?.get()).map_err(|_| BodyProblem::NotJson)?;
        self.expect(':')?;
        Ok(key)
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
    fn a_list_at_a_pointer_is_decoded_in_place_and_what_is_around_it_is_kept() {
        let at = |body: &str, pointer: &str| decode::<Row>(body.as_bytes(), &ListAt::Pointer(pointer.to_owned()));
        let body =
            r#"{"a":1,"d~/":{"n":[{"x":"later"}],"items":[{"id":1},{"id":"x"},{"id":3}],"next":"c"},"z":{"items":[]}}"#;
        let decoded = at(body, "/d~0~1/items").unwrap();
        assert_eq!(decoded.items.iter().map(|row| row.id).collect::<Vec<_>>(), [1, 3]);
        assert_eq!(&body[decoded.rejected[0].range.clone()], r#"{"id":"x"}"#);
        let fields = &decoded.fields;
        assert_eq!(fields.pointer("/d~0~1/next"), Some("\"c\""));
        assert_eq!(fields.pointer("/d~0~1/n/0/x"), Some("\"later\""));
        assert_eq!((fields.pointer("/a"), fields.pointer("/z/items")), (Some("1"), Some("[]")));
        assert_eq!((fields.pointer("/d~0~1/items"), fields.pointer("/d~0~1"), fields.pointer("a")), (None, None, None));
        // A list of the envelope and the records, and a body that is the list.
        let decoded = at(r#"[{"total":2},[{"id":5}]]"#, "/1").unwrap();
        assert_eq!((decoded.items[0].id, decoded.fields.pointer("/0/total")), (5, Some("2")));
        assert_eq!(at(r#"[{"id":5}]"#, "").unwrap().items[0].id, 5);

        assert_eq!(at(r#"{"detail":"no"}"#, "/d/items").unwrap_err(), BodyProblem::ErrorObject);
        assert_eq!(at(r#"{"detail":"no"}"#, "").unwrap_err(), BodyProblem::ErrorObject);
        assert_eq!(at(r#"{"d":null,"errors":["no"]}"#, "/d/items").unwrap_err(), BodyProblem::ErrorObject);
        for (body, pointer) in
            [(r#"{"d":{"items":{}}}"#, "/d/items"), (r#"{"d":{}}"#, "/d/items"), ("[[1]]", "/1"), ("3", "/d")]
        {
            assert!(matches!(at(body, pointer), Err(BodyProblem::Shape(_))), "{body}");
        }
        for damaged in [r#"{"d":{"items":[],}}"#, r#"{"d":{"items":[]}]"#, r#"{"d":{"items":[]}}}"#, r#"{"d":[[],{}]"#]
        {
            assert!(at(damaged, "/d/items").is_err(), "{damaged}");
        }
        for cut in 0..body.len() {
            let got = at(&body[..cut], "/d~0~1/items").map(|_| ());
            assert_eq!(got, Err(BodyProblem::Truncated), "cut at {cut}");
        }
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
            let _ = decode::<Value>(&body, &ListAt::Pointer("/0/a".to_owned()));
        }
    }
}
