//! Pages as Django REST framework numbers them.

use std::borrow::Cow;

use serde_json::Value;
use url::form_urlencoded;

use crate::testing::page_faults::{NextFault, PageFaults};
use crate::testing::received::Received;
use crate::testing::reply::Reply;

/// The highest `page_size`; it is used instead of a larger one.
const LARGEST: usize = 5_000;

/// How a list is divided into pages.
#[derive(Clone, Copy)]
pub(super) struct PageRules {
    /// Rows on a page when no valid size was asked for.
    pub(super) default_size: usize,
    /// Whether `page` and `page_size` have any effect.
    pub(super) reads_parameters: bool,
}

/// The page of `rows` that the request asks for.
pub(super) fn page<'a, T>(
    request: &Received,
    rules: PageRules,
    faults: &PageFaults,
    rows: &'a [T],
    text: impl Fn(&'a T) -> Cow<'a, str>,
) -> Reply {
    let asked = |name: &str| request.param(name).filter(|_| rules.reads_parameters);
    let size = asked("page_size")
        .and_then(|size| size.parse::<usize>().ok())
        .filter(|&size| size > 0)
        .map_or(rules.default_size, |size| size.min(LARGEST));
    let size = faults.page_size(size);
    let last = rows.len().div_ceil(size).max(1);
    let number = match asked("page") {
        None | Some("") => Some(1),
        Some("last") => Some(last),
        Some(number) => number.parse::<usize>().ok(),
    };
    let Some(number) = number.filter(|number| (1..=last).contains(number)) else {
        return Reply::detail(404, "Invalid page.");
    };
    let previous = (number > 1).then(|| link(request, number - 1));
    let next = match &faults.next {
        NextFault::Lost => None,
        NextFault::Repeat => Some(link(request, number)),
        NextFault::Cycle if number > 1 => previous.clone(),
        NextFault::Foreign(url) => Some(url.clone()),
        _ => (number < last).then(|| link(request, number + 1)),
    };
    let mut texts = rows.iter().skip((number - 1) * size).take(size).map(text).collect();
    apply(faults, &mut texts);
    let (count, next, previous) = (faults.total(rows.len()), Value::from(next), Value::from(previous));
    let before = format!(r#"{{"count":{count},"next":{next},"previous":{previous},"results":"#);
    Reply::page(&before, &texts, "}")
}

/// Applies the faults to the rows of a page. Every second bad record has a null.
pub(super) fn apply(faults: &PageFaults, rows: &mut Vec<Cow<'_, str>>) {
    faults.apply(rows, |index| index % 2 == 1);
}

/// The URL of the request with another page number, its parameters sorted. The first page has no number.
/// A key in the query stays in the link, as it does in the real service.
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
