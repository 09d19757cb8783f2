//! A page without its record type: for what keeps or checks pages, whatever they are decoded to.

#[cfg(feature = "archive")]
use std::collections::HashSet;
use std::ops::Range;

use bytes::Bytes;
use http::HeaderMap;
#[cfg(feature = "archive")]
use http::StatusCode;

use super::page::{Page, Rejected};
use super::page_source::PageSource;
#[cfg(feature = "archive")]
use crate::json::Decoded;

/// What a page is made of, without the decoded records. The body is shared, not copied.
#[cfg_attr(not(feature = "archive"), allow(dead_code, reason = "only an archive needs all of it"))]
pub(crate) struct PageContent {
    pub(crate) source: Option<Box<PageSource>>,
    pub(crate) body: Bytes,
    pub(crate) headers: HeaderMap,
    pub(crate) total: Option<u64>,
    /// Where the items and the rejected records are in the body, in the order of the page.
    pub(crate) records: Vec<Range<usize>>,
    pub(crate) rejected: Vec<Rejected>,
    /// Where the records are that only tell of a removal.
    pub(crate) removals: Vec<Range<usize>>,
    /// Where the records of the body begin that the page does not have, because the page before has them.
    pub(crate) left_out: Vec<usize>,
}

impl PageContent {
    pub(crate) fn of<T>(page: &Page<T>) -> Self {
        Self {
            source: page.source.clone(),
            body: page.raw().clone(),
            headers: page.headers().clone(),
            total: page.total,
            records: page.record_ranges().cloned().collect(),
            rejected: page.rejected.clone(),
            removals: page.removals.iter().map(|(_, range)| range.clone()).collect(),
            left_out: page.left_out.clone(),
        }
    }

    /// Rows of the page, the rejected ones and the removals included.
    #[cfg(feature = "archive")]
    pub(crate) fn rows(&self) -> usize {
        self.records.len() + self.removals.len()
    }

    /// The page again, from its decoded body: without the records that were left out. `removals` and `left_out` say where in the body
    /// the records begin.
    #[cfg(feature = "archive")]
    pub(crate) fn into_page<T>(self, mut decoded: Decoded<T>) -> Page<T> {
        let left_out: HashSet<usize> = self.left_out.iter().copied().collect();
        decoded.remove(&left_out);
        let records = decoded.all_ranges();
        let place = |start: usize| records.partition_point(|range| range.start < start);
        for record in &mut decoded.rejected {
            record.index = place(record.range.start);
        }
        let starts: HashSet<usize> = self.removals.iter().map(|range| range.start).collect();
        let removals = records.iter().enumerate().filter(|(_, range)| starts.contains(&range.start));
        let removals = removals.map(|(index, range)| (index, range.clone())).collect();
        decoded.remove(&starts);
        let not_modified = self.source.as_ref().is_some_and(|source| source.status == StatusCode::NOT_MODIFIED);
        let mut page = if not_modified {
            Page::unchanged(self.headers)
        } else {
            Page::new(decoded, self.body, self.headers, self.total)
        };
        (page.removals, page.source, page.left_out) = (removals, self.source, self.left_out);
        page
    }
}
