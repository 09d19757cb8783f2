//! The description of one list.

use serde_json::Value;

use crate::client::setters;
use crate::json;
use crate::listing::paginate::{By, ReadAt, Scheme, SendAt};

/// A list of an [`AnyApi`](super::AnyApi): its path, its records, and how it pages.
///
/// * Pages have the size that the request asks for ([`Scheme::page_size`]), otherwise [`ListRoute::default_page_size`].
/// * A token or URL names the place of a record in the list, so that the list shifts when records enter or leave before it; with
///   [`Scheme::fixed_positions`](Scheme::fixed_positions()) it names the last record of its page, and nothing shifts.
/// * For [`Fault::BadRecord`](crate::testing::Fault::BadRecord) the identity of a record is its first member in the order of the alphabet.
///   [`Fault::OlderCopy`](crate::testing::Fault::OlderCopy) leaves out the records with the highest marks where there is a lower
///   bound, and otherwise the last ones.
#[derive(Debug, Clone)]
#[must_use = "give it to `Builder::list`"]
pub struct ListRoute {
    pub(super) path: String,
    pub(super) scheme: Scheme,
    pub(super) rows: Vec<Value>,
    pub(super) records_at: String,
    pub(super) default_page_size: usize,
    pub(super) lower_bound: Option<(SendAt, String)>,
    pub(super) order: Vec<String>,
    pub(super) body: Value,
    pub(super) relative_urls: bool,
}

setters! { ListRoute {
    /// The records at the start, as JSON objects. Default: none.
    rows(rows: impl IntoIterator<Item = Value>) => rows = rows.into_iter().collect();
    /// The JSON pointer of the list in the body; an empty one when the body is the list. Default `/items`.
    records_at(pointer: &str) => records_at = pointer.to_owned();
    /// The records on a page when the request asks for no number. Default 100; 0 counts as 1.
    default_page_size(records: usize) => default_page_size = records.max(1);
    /// A request with this parameter gets only the records whose mark, at this JSON pointer in a record, is the bound or greater; those
    /// without a mark are left out. Numbers are compared as numbers, instants as instants, other texts byte by byte. Default: none.
    lower_bound(send: impl Into<SendAt>, mark: &str) => lower_bound = Some((send.into(), mark.to_owned()));
    /// Sorts by these JSON pointers in a record, ascending; the last one must differ in all records when positions are fixed. Default:
    /// by the key of a scheme that has one, else in the order in which records were added.
    sorted_by(pointers: impl IntoIterator<Item = impl Into<String>>) => order = pointers.into_iter().map(Into::into).collect();
    /// Other members of the body, an object. Default: none.
    body(body: Value) => body = body;
    /// Whether URLs of next pages are relative: path and query. Default: no, they are whole URLs.
    relative_urls(yes: bool) => relative_urls = yes;
} }

impl ListRoute {
    /// A list at a path, such as `orgs/example/repos`, without records.
    pub fn new(path: &str, scheme: Scheme) -> Self {
        Self {
            path: path.trim_matches('/').to_owned(),
            scheme,
            rows: Vec::new(),
            records_at: "/items".to_owned(),
            default_page_size: 100,
            lower_bound: None,
            order: Vec::new(),
            body: Value::Object(serde_json::Map::new()),
            relative_urls: false,
        }
    }

    pub(super) fn is_at(&self, path: &str) -> bool {
        path.trim_matches('/') == self.path
    }

    /// The pointers by which the list is sorted; none for the order in which records were added.
    pub(super) fn order(&self) -> Vec<&str> {
        match &self.scheme.by {
            By::Keyset { key, .. } | By::KeysetInclusive { key, .. } | By::HasMore { key, .. } => vec![key],
            _ => self.order.iter().map(String::as_str).collect(),
        }
    }

    /// What contradicts itself in the description.
    pub(super) fn check(&self) -> Result<(), String> {
        self.scheme.check().map_err(|error| format!("the list {}: {error}", self.path))?;
        let mark = self.lower_bound.iter().map(|(_, mark)| mark);
        for pointer in self.order.iter().chain(mark).chain([&self.records_at]) {
            if json::segments(pointer).is_none() {
                return Err(format!("the list {}: {pointer:?} is not a JSON pointer", self.path));
            }
        }
        if self.scheme.fixed_positions && self.order().is_empty() {
            return Err(format!("the list {}: fixed positions need `sorted_by`", self.path));
        }
        let in_body = |at: &ReadAt| matches!(at, ReadAt::Pointer(_));
        let next_in_body = match &self.scheme.by {
            By::TokenAt { at, .. } | By::NextUrl { at } | By::HasMore { flag: at, .. } => in_body(at),
            By::PageNumbers { .. } => true,
            _ => false,
        };
        if self.records_at.is_empty() && (next_in_body || self.scheme.total.as_ref().is_some_and(in_body)) {
            return Err(format!("the list {}: a body that is the list has no place for anything else", self.path));
        }
        if !self.body.is_object() {
            return Err(format!("the list {}: the body is not an object", self.path));
        }
        Ok(())
    }
}
