//! Pages as Django REST framework numbers them.

use std::borrow::Cow;

use url::form_urlencoded;

use crate::testing::fault::{NextFault, PageFaults, spoil_record};
use crate::testing::service::{Answer, Received};

/// The highest `page_size`; larger ones are cut to it.
const LARGEST: usize = 5_000;

/// How a list is cut into pages.
#[derive(Clone, Copy)]
pub(super) struct Paging {
    /// Rows on a page when nothing valid was asked for.
    pub(super) default_size: usize,
    /// Whether `page` and `page_size` count at all.
    pub(super) honoured: bool,
}

/// Answers with the page of `rows` that the request asks for.
pub(super) fn page<'a, T>(
    request: &Received,
    paging: Paging,
    faults: &PageFaults,
    rows: &'a [T],
    text: impl Fn(&'a T) -> Cow<'a, str>,
) -> Answer {
    let asked = |name: &str| request.param(name).filter(|_| paging.honoured);
    let size = asked("page_size")
        .and_then(|size| size.parse::<usize>().ok())
        .filter(|&size| size > 0)
        .map_or(paging.default_size, |size| size.min(LARGEST));
    let size = faults.page_size(size);
    let last = rows.len().div_ceil(size).max(1);
    let number = match asked("page") {
        None | Some("") => Some(1),
        Some("last") => Some(last),
        Some(number) => number.parse::<usize>().ok(),
    };
    let Some(number) = number.filter(|number| (1..=last).contains(number)) else {
        return Answer::detail(404, "Invalid page.");
    };
    let on_page = rows.iter().skip((number - 1) * size).take(size);
    let texts: Vec<Cow<'a, str>> = on_page.map(text).collect();
    let next = (number < last).then(|| link(request, number + 1));
    let next = match &faults.next {
        NextFault::Lost => None,
        NextFault::Repeat => Some(link(request, number)),
        NextFault::Cycle if number > 1 => Some(link(request, number - 1)),
        NextFault::Foreign(url) => Some(url.clone()),
        _ => next,
    };
    let previous = (number > 1).then(|| link(request, number - 1));
    envelope(rows.len(), next.as_deref(), previous.as_deref(), texts, faults)
}

fn envelope(
    count: usize,
    next: Option<&str>,
    previous: Option<&str>,
    mut rows: Vec<Cow<'_, str>>,
    faults: &PageFaults,
) -> Answer {
    rows.truncate(faults.rows(rows.len()));
    let total = rows.len();
    spoil(&mut rows, faults);
    let quoted =
        |url: Option<&str>| url.map_or_else(|| "null".to_owned(), |url| serde_json::Value::from(url).to_string());
    let head = format!(r#"{{"count":{count},"next":{},"previous":{},"results":["#, quoted(next), quoted(previous));
    let size = head.len() + 2 + rows.iter().map(|row| row.len() + 1).sum::<usize>();
    let mut body = String::with_capacity(size);
    body.push_str(&head);
    for (index, row) in rows.iter().enumerate() {
        if index > 0 {
            body.push(',');
        }
        body.push_str(row);
    }
    body.push_str("]}");
    Answer::json(200, body).rows(total)
}

/// Spoils the records that the faults want spoiled.
pub(super) fn spoil(rows: &mut [Cow<'_, str>], faults: &PageFaults) {
    let total = rows.len();
    for (index, row) in rows.iter_mut().enumerate() {
        if faults.bad_records.hits(index, total) {
            *row = Cow::Owned(spoil_record(row, index % 2 == 1));
        }
    }
}

/// The URL of the request with another page number, its parameters sorted. The first page has none.
/// A key in the query comes along, as it does in the real service.
fn link(request: &Received, number: usize) -> String {
    let mut query: Vec<(&str, String)> = request
        .query()
        .iter()
        .filter(|(name, _)| name != "page")
        .map(|(name, value)| (name.as_str(), value.clone()))
        .collect();
    if number > 1 {
        query.push(("page", number.to_string()));
    }
    query.sort();
    let url = format!("{}{}", request.origin(), request.path());
    if query.is_empty() {
        return url;
    }
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
    format!("{url}?{query}")
}
