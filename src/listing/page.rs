//! One page of a listing: typed records, rejected records, and the bytes of the body.

use std::collections::HashSet;
use std::fmt;
use std::ops::Range;

use bytes::Bytes;
use http::HeaderMap;
use serde::de::DeserializeOwned;

use super::cursor::Cursor;
use super::hash::key_hash;
use super::page_source::PageSource;
use crate::error::{Completeness, Error, Result};
use crate::json::{self, Decoded, Fields, Record, debug_fields};

/// One page.
pub struct Page<T> {
    /// The records, in the server's order.
    pub items: Vec<T>,
    /// The records that did not fit the record type, with their raw JSON and the reason. Never dropped silently.
    pub rejected: Vec<Rejected>,
    /// How many records the whole listing has, where the server says it.
    pub total: Option<u64>,
    pub(crate) next: Option<Cursor>,
    pub(crate) completeness: Option<Completeness>,
    /// Boxed: a page is moved often.
    pub(crate) source: Option<Box<PageSource>>,
    /// The fields of the body next to the list.
    pub(crate) fields: Fields,
    /// The removals, with their index in the page.
    pub(super) removals: Vec<(usize, Range<usize>)>,
    /// Where the records of the body begin that were removed from the page.
    pub(super) left_out: Vec<usize>,
    body: Bytes,
    ranges: Vec<Range<usize>>,
    headers: HeaderMap,
    not_modified: bool,
}

impl<T> Page<T> {
    pub(crate) fn new(decoded: Decoded<T>, body: Bytes, headers: HeaderMap, total: Option<u64>) -> Self {
        let rejected = decoded.rejected.into_iter();
        Self {
            items: decoded.items,
            rejected: rejected
                .map(|record| Rejected {
                    index: record.index,
                    reason: record.reason,
                    raw: body.slice(record.range.clone()),
                    range: record.range,
                })
                .collect(),
            total,
            next: None,
            completeness: None,
            source: None,
            fields: decoded.fields,
            removals: Vec::new(),
            left_out: Vec::new(),
            body,
            ranges: decoded.ranges,
            headers,
            not_modified: false,
        }
    }

    /// A page without records.
    pub(crate) fn empty() -> Self {
        Self::past_end(HeaderMap::new())
    }

    /// The page behind the end of the list, where the server has none: an answer with these headers.
    pub(super) fn past_end(headers: HeaderMap) -> Self {
        Self::new(Decoded::new(), Bytes::new(), headers, None)
    }

    /// The answer that nothing has changed since the version that the request named.
    pub(super) fn unchanged(headers: HeaderMap) -> Self {
        Self { not_modified: true, ..Self::past_end(headers) }
    }

    /// Where the next page starts; `None` on the last page, and in syncs that read ranges of ids (by id and
    /// by date). Store it, and pass it to `resume_from` later.
    pub fn next_cursor(&self) -> Option<&Cursor> {
        self.next.as_ref()
    }

    /// How complete the walk is, on the page that ends it; `None` on every other page, and in syncs where each page has its
    /// own window (by id and by date). It is known before the page is delivered, so nobody has to trust a last page whose
    /// walk turns out to miss records.
    pub fn completeness(&self) -> Option<Completeness> {
        self.completeness
    }

    /// Which answer the page was read from: URL, status, and where the list is in the body. `None` for a page that was not read from an
    /// answer of its own.
    pub fn source(&self) -> Option<&PageSource> {
        self.source.as_deref()
    }

    /// The records that only tell that a record was removed from the service ([`Endpoint::is_removal`](crate::Endpoint::is_removal)), in
    /// the order of the page. They are in neither [`Page::items`] nor [`Page::rejected`].
    pub fn removals(&self) -> impl ExactSizeIterator<Item = Record<'_>> {
        self.removals.iter().map(|(_, range)| Record::new(self.body.get(range.clone()).unwrap_or_default()))
    }

    /// The body as received, shared and not copied.
    pub fn raw(&self) -> &Bytes {
        &self.body
    }

    /// The JSON text of each record, byte for byte, in the order of [`Page::items`].
    pub fn raw_items(&self) -> impl ExactSizeIterator<Item = &str> {
        self.ranges.iter().map(|range| text(self.body.get(range.clone())))
    }

    /// Each record with its JSON text.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = (&T, &str)> {
        self.items.iter().zip(self.raw_items())
    }

    /// The headers of the answer, such as quota counters.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Whether the server answered a conditional request (`If-None-Match`, `If-Modified-Since`) with 304: nothing has changed since
    /// that version. The page has no records then, although the list may have some.
    pub fn not_modified(&self) -> bool {
        self.not_modified
    }

    /// Number of records, the rejected ones and the removals included.
    pub fn len(&self) -> usize {
        self.items.len() + self.rejected.len() + self.removals.len()
    }

    /// Whether the page has no records. An empty page may have a next one: check [`Page::next_cursor`].
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All records: items and rejected ones in the order of the page, then the removals.
    pub(crate) fn records(&self) -> impl Iterator<Item = Record<'_>> {
        let records = self.record_ranges().map(|range| Record::new(self.body.get(range.clone()).unwrap_or_default()));
        records.chain(self.removals())
    }

    /// Where the items and the rejected records are in the body, in the order of the page.
    pub(crate) fn record_ranges(&self) -> impl Iterator<Item = &Range<usize>> {
        let (mut items, mut rejected) = (self.ranges.iter(), self.rejected.iter().peekable());
        let removals: HashSet<usize> = self.removals.iter().map(|(index, _)| *index).collect();
        let places = (0..).filter(move |index| !removals.contains(index));
        places.map_while(move |index| match rejected.next_if(|record| record.index == index) {
            Some(record) => Some(&record.range),
            None => items.next(),
        })
    }

    /// The JSON texts of a field, of all records that have it, the rejected ones and the removals included.
    pub(crate) fn values<'p>(&'p self, field: &'p str) -> impl Iterator<Item = &'p str> {
        self.records().filter_map(move |record| record.raw(field))
    }

    /// Hashes of the records' keys, in the order of the page.
    pub(crate) fn keys(&self, key: &str) -> Vec<u64> {
        self.values(key).map(key_hash).collect()
    }

    /// Removes the records that have one of these keys.
    pub(super) fn remove(&mut self, key: &str, hashes: &HashSet<u64>) {
        if hashes.is_empty() {
            return;
        }
        let kept = |raw: &str| !json::field(raw, key).is_some_and(|key| hashes.contains(&key_hash(key)));
        let kept_items: Vec<bool> = self.raw_items().map(kept).collect();
        let (rejected, left_out): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.rejected).into_iter().partition(|record| kept(record.raw()));
        self.rejected = rejected;
        self.left_out.extend(left_out.iter().map(|record| record.range.start));
        let removed = self.ranges.iter().zip(&kept_items).filter(|(_, kept)| !**kept);
        self.left_out.extend(removed.map(|(range, _)| range.start));
        let mut kept = kept_items.iter();
        self.items.retain(|_| kept.next() != Some(&false));
        let mut kept = kept_items.iter();
        self.ranges.retain(|_| kept.next() != Some(&false));
        self.number();
    }

    /// Numbers the rejected records and the removals by their place among the records that are left.
    fn number(&mut self) {
        let items = self.ranges.iter().map(|range| range.start);
        let rejected = self.rejected.iter().map(|record| record.range.start);
        let removals = self.removals.iter().map(|(_, range)| range.start);
        let mut starts: Vec<usize> = items.chain(rejected).chain(removals).collect();
        starts.sort_unstable();
        let place = |start: usize| starts.partition_point(|other| *other < start);
        for record in &mut self.rejected {
            record.index = place(record.range.start);
        }
        for (index, range) in &mut self.removals {
            *index = place(range.start);
        }
    }

    /// The records in the order of the page, with an error for each rejected one, and without the removals.
    pub(super) fn into_results(self, endpoint: &str) -> impl Iterator<Item = Result<T>> + use<T> {
        let rejected: Vec<_> = self.rejected.iter().map(|record| (record.index, record.error(endpoint))).collect();
        let removals: HashSet<usize> = self.removals.iter().map(|(index, _)| *index).collect();
        let (mut items, mut rejected) = (self.items.into_iter(), rejected.into_iter().peekable());
        (0..).filter(move |index| !removals.contains(index)).map_while(move |index| {
            match rejected.next_if(|(rejected, _)| *rejected == index) {
                Some((_, error)) => Some(Err(error)),
                None => items.next().map(Ok),
            }
        })
    }
}

impl<T> fmt::Debug for Page<T> {
    /// Counts only: records can hold personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Page")
            .field("items", &self.items.len())
            .field("rejected", &self.rejected.len())
            .field("removals", &self.removals.len())
            .field("total", &self.total)
            .field("bytes", &self.body.len())
            .field("last", &self.next.is_none())
            .finish_non_exhaustive()
    }
}

/// What happens when records do not fit the record type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum OnRejected {
    /// They are kept in [`Page::rejected`]. A page of several records of which none fits is an error.
    #[default]
    Keep,
    /// They are kept, also when no record of a page fits.
    KeepAll,
    /// The first one is an error.
    Fail,
}

/// A record that did not fit the record type.
#[derive(Clone)]
pub struct Rejected {
    /// Its index in the page, from 0.
    pub index: usize,
    /// Why it did not fit, without values of the record.
    pub reason: String,
    raw: Bytes,
    /// Where it is in the body.
    range: Range<usize>,
}

impl Rejected {
    /// The error for it in strict mode and in a stream of records.
    pub(crate) fn error(&self, endpoint: &str) -> Error {
        Error::Record { endpoint: endpoint.into(), index: self.index, reason: self.reason.clone() }
    }

    /// The record's JSON text, byte for byte.
    pub fn raw(&self) -> &str {
        text(Some(&self.raw))
    }

    /// Decodes it as another type.
    ///
    /// # Errors
    /// The decoder's error when the record does not fit this type either.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(&self.raw)
    }
}

debug_fields!(Rejected(index, reason));

/// The text of a record. The decoder has already checked that the body is UTF-8.
fn text(bytes: Option<&[u8]>) -> &str {
    bytes.and_then(|bytes| simdutf8::basic::from_utf8(bytes).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::ListAt;

    #[derive(serde::Deserialize)]
    struct Row {
        id: u64,
    }

    /// A page whose third and fifth records are removals. Its `bad` records have no id of the right type.
    fn page() -> Page<Row> {
        let body = r#"[{"key":1,"id":1},{"key":2,"id":"bad"},{"key":3},{"key":4,"id":4},{"key":5},{"key":6,"id":"bad"},{"key":7,"id":7}]"#;
        let mut decoded = json::decode::<Row>(body.as_bytes(), &ListAt::Root).unwrap();
        let ranges = decoded.all_ranges();
        let removals: Vec<_> = [2, 4].map(|index: usize| (index, ranges[index].clone())).into();
        decoded.remove(&removals.iter().map(|(_, range)| range.start).collect());
        let mut page = Page::new(decoded, body.into(), HeaderMap::new(), None);
        page.removals = removals;
        page
    }

    #[test]
    fn promise_6_no_rejected_record_is_lost_beside_removals_when_records_of_the_page_before_are_left_out() {
        for left_out in 0_u64..1 << 4 {
            let is_left_out = |bit: usize| left_out >> bit & 1 == 1;
            let keys = [1_u64, 2, 4, 6].into_iter().enumerate();
            let keys: Vec<u64> = keys.filter(|(bit, _)| is_left_out(*bit)).map(|(_, key)| key).collect();
            let mut page = page();
            page.remove("key", &keys.iter().map(|key| key_hash(&key.to_string())).collect());
            let all: Vec<u64> = page.records().map(|record| record.get("key").unwrap()).collect();
            let expected: Vec<u64> = [1, 2, 4, 6, 7, 3, 5].into_iter().filter(|key| !keys.contains(key)).collect();
            assert_eq!(all, expected);
            let results: Vec<Result<u64>> = page.into_results("rows").map(|row| row.map(|row| row.id)).collect();
            let bad = [2, 6].iter().filter(|key| !keys.contains(key)).count();
            let errors = results.iter().filter(|row| row.is_err()).count();
            assert_eq!((results.len(), errors), (expected.len() - 2, bad), "without {keys:?}");
        }
    }
}
