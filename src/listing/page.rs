//! One page of a listing: typed records, the records that did not fit, and the bytes they came in.

use std::collections::HashSet;
use std::fmt;
use std::ops::Range;

use bytes::Bytes;
use http::HeaderMap;
use serde::de::{DeserializeOwned, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::cursor::Cursor;
use crate::json::Decoded;

/// One page.
pub struct Page<T> {
    /// The records, in the server's order.
    pub items: Vec<T>,
    /// The records that did not fit the model, with their raw JSON and the reason. Never dropped silently.
    pub rejected: Vec<Rejected>,
    /// How many records the server says the whole listing has, where it tells.
    pub total: Option<u64>,
    pub(crate) next: Option<Cursor>,
    body: Bytes,
    ranges: Vec<Range<usize>>,
    headers: HeaderMap,
}

impl<T> Page<T> {
    pub(crate) fn new(decoded: Decoded<T>, body: Bytes, headers: HeaderMap, total: Option<u64>) -> Self {
        let rejected = decoded.rejected.into_iter();
        Self {
            items: decoded.items,
            rejected: rejected
                .map(|(index, range, reason)| Rejected { index, reason, raw: body.slice(range) })
                .collect(),
            total,
            next: None,
            body,
            ranges: decoded.ranges,
            headers,
        }
    }

    /// A page without anything.
    pub(crate) fn empty() -> Self {
        let (items, rejected, ranges) = (Vec::new(), Vec::new(), Vec::new());
        Self { items, rejected, total: None, next: None, body: Bytes::new(), ranges, headers: HeaderMap::new() }
    }

    /// Where the next page starts; `None` on the last page. Keep it and give it to `resume_from`.
    pub fn next_cursor(&self) -> Option<&Cursor> {
        self.next.as_ref()
    }

    /// The body as it came, shared and not copied.
    pub fn raw(&self) -> &Bytes {
        &self.body
    }

    /// Each record's own JSON text, byte for byte, in the order of [`Page::items`].
    pub fn raw_items(&self) -> impl ExactSizeIterator<Item = &str> {
        self.ranges.iter().map(|range| text(self.body.get(range.clone())))
    }

    /// Each record with its own JSON text.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = (&T, &str)> {
        self.items.iter().zip(self.raw_items())
    }

    /// The headers of the answer, such as quota counters.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Records of the page, the rejected ones included.
    pub fn len(&self) -> usize {
        self.items.len() + self.rejected.len()
    }

    /// Whether the page has no record at all. An empty page is not the end: [`Page::next_cursor`] tells.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The values of a field of all records, rejected ones included where they have it, as JSON texts.
    pub(crate) fn field<'p>(&'p self, name: &'p str) -> impl Iterator<Item = &'p str> {
        self.raw_items().chain(self.rejected.iter().map(Rejected::raw)).filter_map(move |raw| field(raw, name))
    }

    /// The identities of the records, hashed.
    pub(crate) fn keys(&self, name: &str) -> HashSet<u64> {
        self.field(name).map(hash).collect()
    }
}

/// A short stable hash of a key's JSON text; integers stand for themselves.
pub(crate) fn hash(key: &str) -> u64 {
    key.parse().unwrap_or_else(|_| {
        key.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
    })
}

impl<T> fmt::Debug for Page<T> {
    /// Counts only: records can hold personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Page")
            .field("items", &self.items.len())
            .field("rejected", &self.rejected.len())
            .field("total", &self.total)
            .field("bytes", &self.body.len())
            .field("last", &self.next.is_none())
            .finish_non_exhaustive()
    }
}

/// A record that did not fit the model.
#[derive(Clone)]
pub struct Rejected {
    /// Its place in the page, from 0.
    pub index: usize,
    /// Why it did not fit, without the record's values.
    pub reason: String,
    raw: Bytes,
}

impl Rejected {
    /// The record's JSON text, byte for byte.
    pub fn raw(&self) -> &str {
        text(Some(&self.raw))
    }

    /// Tries another model on it.
    ///
    /// # Errors
    /// The decoder's error when this model does not fit either.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(&self.raw)
    }
}

impl fmt::Debug for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rejected").field("index", &self.index).field("reason", &self.reason).finish_non_exhaustive()
    }
}

/// Ranges come from a decoder that has already read the bytes as UTF-8.
fn text(bytes: Option<&[u8]>) -> &str {
    bytes.and_then(|bytes| simdutf8::basic::from_utf8(bytes).ok()).unwrap_or_default()
}

/// A top-level field of a JSON object as text. Stops as soon as it is found, so a key at the front costs next to nothing.
pub(crate) fn field<'j>(object: &'j str, name: &str) -> Option<&'j str> {
    struct Find<'n, 'j> {
        name: &'n str,
        found: Option<&'j str>,
    }
    impl<'j> Visitor<'j> for &mut Find<'_, 'j> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'j>>(self, mut map: A) -> Result<(), A::Error> {
            while let Some(key) = map.next_key::<std::borrow::Cow<'j, str>>()? {
                if key == self.name {
                    self.found = Some(map.next_value::<&'j RawValue>()?.get());
                    return Ok(());
                }
                map.next_value::<IgnoredAny>()?;
            }
            Ok(())
        }
    }
    let mut find = Find { name, found: None };
    // The early return leaves the object unfinished, which the decoder reports and nobody needs to know.
    let _ = serde_json::Deserializer::from_str(object).deserialize_map(&mut find);
    find.found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_wherever_it_stands() {
        assert_eq!(field(r#"{"id":5,"x":1}"#, "id"), Some("5"));
        assert_eq!(field(r#"{"x":{"id":1},"y":[1,"}"],"id" : "a\"b"}"#, "id"), Some(r#""a\"b""#));
        assert_eq!(field(r#"{"x":{"id":1}}"#, "id"), None);
        assert_eq!(field("[1]", "id"), None);
        assert_eq!(hash("17"), 17);
        assert_ne!(hash("\"a\""), hash("\"b\""));
    }
}
