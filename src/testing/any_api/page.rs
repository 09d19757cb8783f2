//! One page of a list: which records it has, and what it says of the next one.

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};
use url::form_urlencoded::Serializer;

use super::order::{compare, compare_all, value_like, values};
use super::route::ListRoute;
use crate::json;
use crate::listing::paginate::{By, ReadAt, SendAt};
use crate::testing::page_faults::{NextFault, PageFaults};
use crate::testing::received::Received;
use crate::testing::reply::Reply;

/// The parameter of a URL that names its position.
const POSITION: &str = "position";
/// Where the list and the total are in the body, until their JSON text takes the place.
const LIST: &str = "\u{1}list\u{1}";
const TOTAL: &str = "\u{1}total\u{1}";

/// Replies to a request for a page.
pub(super) fn reply(route: &ListRoute, rows: &[Value], request: &Received, faults: &PageFaults) -> Reply {
    let page = Page { route, request, rows: selected(route, rows, request, faults.behind) };
    let asked = route.scheme.page_size.as_ref().and_then(|size| number(request, &size.send));
    let size = faults.page_size(asked.map_or(route.default_page_size, |size| size.max(1)));
    match page.start(size) {
        Some(start) => page.reply(start.min(page.rows.len()), size, faults),
        None => Reply::detail(400, "This position is not one of the list."),
    }
}

/// The records from the lower bound on, sorted, without `behind` of the newest.
fn selected<'r>(route: &ListRoute, rows: &'r [Value], request: &Received, behind: usize) -> Vec<&'r Value> {
    let mut rows: Vec<&Value> = rows.iter().collect();
    let mark = route.lower_bound.as_ref().map(|(_, mark)| mark.as_str());
    if let Some((send, mark)) = &route.lower_bound
        && let Some(bound) = sent(request, send)
    {
        let above = |mark: &Value| !mark.is_null() && compare(mark, &value_like(&bound, mark)).is_ge();
        rows.retain(|row| row.pointer(mark).is_some_and(above));
    }
    let mut marks: Vec<Value> = rows.iter().flat_map(|row| values(row, mark.as_slice())).collect();
    let order = route.order();
    rows.sort_by(|a, b| compare_all(&values(a, &order), &values(b, &order)));
    let kept = rows.len().saturating_sub(behind);
    if behind > 0
        && let Some(mark) = mark
    {
        marks.sort_by(compare);
        let newest = marks.get(kept).cloned().unwrap_or_default();
        rows.retain(|row| values(row, &[mark]).iter().all(|mark| compare(mark, &newest).is_lt()));
    } else {
        rows.truncate(kept);
    }
    rows
}

/// What a request sends there.
fn sent(request: &Received, send: &SendAt) -> Option<String> {
    match send {
        SendAt::Query(name) => request.param(name).map(str::to_owned),
        SendAt::Header(name) => request.header(name).map(str::to_owned),
        SendAt::Body(pointer) | SendAt::BodyNumber(pointer) => {
            match serde_json::from_slice::<Value>(request.body()).ok()?.pointer(pointer)? {
                Value::String(text) => Some(text.clone()),
                Value::Number(number) => Some(number.to_string()),
                _ => None,
            }
        }
    }
}

fn number(request: &Received, send: &SendAt) -> Option<usize> {
    sent(request, send)?.parse().ok()
}

/// Where the next page is.
enum Next {
    /// There is none.
    No,
    /// At this index. The page number is this many further.
    At(usize, isize),
    /// At this URL, or by this token.
    Text(String),
}

struct Page<'a> {
    route: &'a ListRoute,
    request: &'a Received,
    rows: Vec<&'a Value>,
}

impl Page<'_> {
    /// The index of the first record of the page; `None` for a position that is not of this list.
    fn start(&self, size: usize) -> Option<usize> {
        let or =
            |send: &SendAt, default: usize| sent(self.request, send).map_or(Some(default), |text| text.parse().ok());
        match &self.route.scheme.by {
            By::SinglePage => Some(0),
            By::PageNumbers { send } => Some(or(send, 1)?.checked_sub(1)?.saturating_mul(size)),
            By::Numbered { send, first, .. } => {
                let first = usize::try_from(*first).ok()?;
                Some(or(send, first)?.checked_sub(first)?.saturating_mul(size))
            }
            By::Offsets { send, .. } => or(send, 0),
            By::TokenAt { send, .. } => self.place(sent(self.request, send).as_deref()),
            By::Keyset { key, send } | By::HasMore { key, send, .. } => Some(self.after(key, send, true)),
            By::KeysetInclusive { key, send } => Some(self.after(key, send, false)),
            By::NextUrl { .. } | By::LinkHeader => self.place(self.request.param(POSITION)),
        }
    }

    /// The index after the records whose key is before the one of the request, or equal to it.
    fn after(&self, key: &str, send: &SendAt, or_equal: bool) -> usize {
        let Some(text) = sent(self.request, send) else { return 0 };
        self.rows.partition_point(|row| {
            let key = row.pointer(key).unwrap_or(&Value::Null);
            let order = compare(key, &value_like(&text, key));
            order.is_lt() || or_equal && order.is_eq()
        })
    }

    /// The index that a token names: the index itself, or the values of the record before it.
    fn place(&self, token: Option<&str>) -> Option<usize> {
        let Some(token) = token else { return Some(0) };
        if !self.route.scheme.fixed_positions {
            return token.parse().ok();
        }
        let after: Vec<Value> = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
        let order = self.route.order();
        Some(self.rows.partition_point(|row| compare_all(&values(row, &order), &after).is_le()))
    }

    /// The token for the page that begins at an index.
    fn token(&self, index: usize) -> String {
        if !self.route.scheme.fixed_positions {
            return index.to_string();
        }
        let before = index.checked_sub(1).and_then(|before| self.rows.get(before));
        let values = values(before.unwrap_or(&&Value::Null), &self.route.order());
        URL_SAFE_NO_PAD.encode(Value::from(values).to_string())
    }

    /// The URL of this request with another value of a parameter.
    fn url(&self, name: &str, value: &str) -> String {
        let kept = self.request.query().iter().filter(|(known, _)| known != name);
        let query = Serializer::new(String::new()).extend_pairs(kept).append_pair(name, value).finish();
        let origin = if self.route.relative_urls { "" } else { self.request.origin() };
        format!("{origin}{}?{query}", self.request.path())
    }

    fn reply(&self, start: usize, size: usize, faults: &PageFaults) -> Reply {
        let total = self.rows.len();
        let end = match self.route.scheme.by {
            By::SinglePage => total,
            _ => start.saturating_add(size).min(total),
        };
        let rows = self.rows.get(start..end).unwrap_or_default();
        let mut rows: Vec<String> = rows.iter().map(ToString::to_string).collect();
        faults.apply(&mut rows, |_| true);
        let next = match &faults.next {
            NextFault::Repeat => Next::At(start, 0),
            NextFault::Cycle if start > 0 => Next::At(start.saturating_sub(size), -1),
            NextFault::Foreign(url) => Next::Text(url.clone()),
            NextFault::Good | NextFault::Cycle if end < total => Next::At(end, 1),
            _ => Next::No,
        };
        let more = start + rows.len() < total;
        let mut reply = Envelope { body: self.route.body.clone(), headers: Vec::new() };
        self.say_next(&mut reply, next, more);
        if let Some(at) = &self.route.scheme.total {
            reply.set_total(at, &faults.total(total));
        } else if matches!(self.route.scheme.by, By::PageNumbers { .. }) {
            reply.set_total(&ReadAt::pointer("/count"), &faults.total(total));
        }
        reply.with(&self.route.records_at, &rows, &faults.total(total))
    }

    /// What the page says of the next one.
    fn say_next(&self, reply: &mut Envelope, next: Next, more: bool) {
        let by = &self.route.scheme.by;
        let at = match by {
            By::TokenAt { at, .. } | By::NextUrl { at } => Cow::Borrowed(at),
            By::PageNumbers { .. } => Cow::Owned(ReadAt::pointer("/next")),
            By::LinkHeader => Cow::Owned(ReadAt::header("link")),
            By::HasMore { flag, .. } => return reply.set(flag, more.into()),
            _ => return,
        };
        let value = match (by, next) {
            (_, Next::No) => Value::Null,
            (By::PageNumbers { send: SendAt::Query(name) }, Next::At(_, further)) => {
                let here = self.request.param(name).and_then(|number| number.parse::<isize>().ok()).unwrap_or(1);
                self.url(name, &(here + further).to_string()).into()
            }
            (By::TokenAt { .. }, Next::At(index, _)) if !self.route.scheme.fixed_positions => index.into(),
            (By::TokenAt { .. }, Next::At(index, _)) => self.token(index).into(),
            (_, Next::At(index, _)) => self.url(POSITION, &self.token(index)).into(),
            (_, Next::Text(text)) => text.into(),
        };
        match (by, value) {
            (By::LinkHeader, value) => {
                let first =
                    format!(r#"<{}>; title="first, of all; rel=next"; rel=first"#, self.url(POSITION, &self.token(0)));
                let next = value.as_str().map(|url| format!(r#", <{url}>; rel="next"; title=more"#));
                reply.set(&at, (first + &next.unwrap_or_default()).into());
            }
            (_, value) => reply.set(&at, value),
        }
    }
}

/// The body without its records, and the headers.
struct Envelope {
    body: Value,
    headers: Vec<(String, String)>,
}

impl Envelope {
    /// Sets a value; null is no header.
    fn set(&mut self, at: &ReadAt, value: Value) {
        match (at, value) {
            (ReadAt::Pointer(pointer), value) => insert(&mut self.body, pointer, value),
            (ReadAt::Header(_), Value::Null) => {}
            (ReadAt::Header(name), Value::String(text)) => self.headers.push((name.clone(), text)),
            (ReadAt::Header(name), value) => self.headers.push((name.clone(), value.to_string())),
        }
    }

    fn set_total(&mut self, at: &ReadAt, json: &str) {
        let in_header = matches!(at, ReadAt::Header(_));
        self.set(at, if in_header { json.trim_matches('"') } else { TOTAL }.into());
    }

    fn with(mut self, records_at: &str, rows: &[String], total: &str) -> Reply {
        if records_at.is_empty() {
            self.body = LIST.into();
        } else {
            insert(&mut self.body, records_at, LIST.into());
        }
        let quoted = |text: &str| Value::from(text).to_string();
        let body = self.body.to_string().replacen(&quoted(TOTAL), total, 1);
        let (before, after) = body.split_once(&quoted(LIST)).unwrap_or((&body, ""));
        let page = Reply::page(before, rows, after);
        self.headers.iter().fold(page, |reply, (name, value)| reply.header(name, value))
    }
}

/// Sets a value at a pointer; objects that are missing on the way are made.
fn insert(body: &mut Value, pointer: &str, value: Value) {
    let mut place = body;
    for name in json::segments(pointer).unwrap_or_default() {
        if !place.is_object() {
            *place = Value::Object(Map::new());
        }
        let Value::Object(members) = place else { return };
        place = members.entry(name).or_insert(Value::Null);
    }
    *place = value;
}
