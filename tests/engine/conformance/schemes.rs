//! Every paging scheme: what an endpoint asks and reads, and what the service sends.

use jobfeed::endpoint::{Answer, AnswerError, ApiRequest, Overlap, Paging};
use jobfeed::paginate::{self, End, ValueAt};
use jobfeed::testing::conformance::{PAGE, ROWS};
use jobfeed::testing::{Received, Reply};
use jobfeed::{ListAt, Position};
use serde_json::{Value, json};

use super::any_api::{Next, Scheme, Sent, body, row};

fn number(request: &Received, name: &str) -> Option<usize> {
    request.param(name).map(|value| value.parse().unwrap())
}

fn items() -> ApiRequest {
    ApiRequest::get("items").query("limit", PAGE)
}

/// A request for one more row than a page, for pages that begin with a row of the page before.
fn items_and_one(at: &Position) -> ApiRequest {
    ApiRequest::get("items").query("limit", if *at == Position::Start { PAGE } else { PAGE + 1 })
}

/// The ends of a list that is read by page number or offset.
pub(super) const TOTAL: u8 = 0;
pub(super) const SHORT: u8 = 1;
pub(super) const EMPTY: u8 = 2;

const fn end(end: u8) -> End<'static> {
    match end {
        TOTAL => End::Total(ValueAt::Header("X-Total-Count")),
        SHORT => End::ShortPage,
        _ => End::EmptyPage,
    }
}

fn with_total(end: u8, page: &Sent) -> Reply {
    if end == TOTAL { page.items().header("x-total-count", &page.total) } else { page.items() }
}

/// Page numbers from 0.
pub(super) struct Numbered<const END: u8>;

impl<const END: u8> Scheme for Numbered<END> {
    const TOTAL: bool = END == TOTAL;
    const TOKENS: bool = false;
    const NAMES_NEXT: bool = false;
    const CLOSING: u64 = if END == TOTAL { 0 } else { 1 };

    fn request(at: &Position) -> ApiRequest {
        items().query("page", at.number(0))
    }

    fn next(at: &Position, answer: &Answer<'_>) -> Result<Paging, AnswerError> {
        paginate::numbered(at, answer, 0, end(END))
    }

    fn start(request: &Received, size: usize) -> usize {
        number(request, "page").unwrap() * size
    }

    fn reply(_: &Received, page: &Sent) -> Reply {
        with_total(END, page)
    }
}

pub(super) struct Offsets<const END: u8>;

impl<const END: u8> Scheme for Offsets<END> {
    const TOTAL: bool = END == TOTAL;
    const TOKENS: bool = false;
    const NAMES_NEXT: bool = false;
    const CLOSING: u64 = if END == TOTAL { 0 } else { 1 };
    const ADVANCES_BY_ROWS: bool = true;

    fn request(at: &Position) -> ApiRequest {
        items().query("offset", at.number(0))
    }

    fn next(at: &Position, answer: &Answer<'_>) -> Result<Paging, AnswerError> {
        paginate::offsets(at, answer, Overlap::None, end(END))
    }

    fn start(request: &Received, _: usize) -> usize {
        number(request, "offset").unwrap()
    }

    fn reply(_: &Received, page: &Sent) -> Reply {
        with_total(END, page)
    }
}

/// Offsets with one row on two pages.
pub(super) struct OverlappingOffsets;

impl Scheme for OverlappingOffsets {
    const TOKENS: bool = false;
    const NAMES_NEXT: bool = false;
    const CLOSING: u64 = 1;
    // 50 rows, then 49 new ones on each page, then only the shared one.
    const HALVED: u64 = 1 + 20 + 1;
    const OVERLAP: Overlap = Overlap::Row;

    fn request(at: &Position) -> ApiRequest {
        items_and_one(at).query("offset", at.number(0))
    }

    fn next(at: &Position, answer: &Answer<'_>) -> Result<Paging, AnswerError> {
        paginate::offsets(at, answer, Overlap::Row, End::EmptyPage)
    }

    fn start(request: &Received, _: usize) -> usize {
        number(request, "offset").unwrap()
    }

    fn reply(_: &Received, page: &Sent) -> Reply {
        page.items()
    }
}

/// A number in the body, next to an inner list, which is sent back in the query.
pub(super) struct TokenInBody;

impl Scheme for TokenInBody {
    fn list() -> ListAt {
        ListAt::Pointer("/data/~1items~0".to_owned())
    }

    fn request(at: &Position) -> ApiRequest {
        match at.token() {
            Some(token) => items().query("after", token),
            None => items(),
        }
    }

    fn next(_: &Position, answer: &Answer<'_>) -> Result<Paging, AnswerError> {
        paginate::token_at(answer, ValueAt::Pointer("/data/page/next"))
    }

    fn start(request: &Received, _: usize) -> usize {
        number(request, "after").unwrap_or(0)
    }

    fn reply(_: &Received, page: &Sent) -> Reply {
        let next = match &page.next {
            Next::Row(row) => json!(row),
            Next::Text(text) => json!(text),
            Next::No => Value::Null,
        };
        Reply::page(r#"{"data":{"/items~":"#, &page.rows, &format!(r#","page":{{"next":{next}}}}}}}"#))
    }
}

/// A text in a header, which is sent back in a header.
pub(super) struct TokenInHeader;

impl Scheme for TokenInHeader {
    fn request(at: &Position) -> ApiRequest {
        match at.token() {
            Some(token) => items().header("X-Cursor", token),
            None => items(),
        }
    }

    fn next(_: &Position, answer: &Answer<'_>) -> Result<Paging, AnswerError> {
        paginate::token_at(answer, ValueAt::Header("X-Next-Cursor"))
    }

    fn start(request: &Received, _: usize) -> usize {
        request.header("x-cursor").map_or(0, |token| token[1..].parse().unwrap())
    }

    fn reply(_: &Received, page: &Sent) -> Reply {
        match page.next(|row| format!("c{row}")) {
            Some(token) => page.items().header("x-next-cursor", &token),
            None => page.items(),
        }
    }
}

/// A search by `POST`, with the token in both bodies.
pub(super) struct Search;

impl Scheme for Search {
    const FOLLOWS_REDIRECTS: bool = false;

    fn request(at: &Position) -> ApiRequest {
        ApiRequest::search("items", json!({"limit": PAGE, "after": at.token()}).to_string())
    }

    fn next(_: &Position, answer: &Answer<'_>) -> Result<Paging, AnswerError> {
        paginate::token_at(answer, ValueAt::Pointer("/after"))
    }

    fn start(request: &Received, _: usize) -> usize {
        body(request)["after"].as_str().map_or(0, |token| token[1..].parse().unwrap())
    }

    fn reply(_: &Received, page: &Sent) -> Reply {
        let next = json!(page.next(|row| format!("c{row}")));
        Reply::page(r#"{"items":"#, &page.rows, &format!(r#","after":{next}}}"#))
    }
}

/// Rows after an id.
pub(super) struct Keyset;

impl Scheme for Keyset {
    const NAMES_NEXT: bool = false;
    const CLOSING: u64 = 1;
    const ADVANCES_BY_ROWS: bool = true;

    fn request(at: &Position) -> ApiRequest {
        match at.token() {
            Some(id) => items().query("id_gt", id),
            None => items(),
        }
    }

    fn next(_: &Position, answer: &Answer<'_>) -> Result<Paging, AnswerError> {
        paginate::keyset(answer, "/id")
    }

    fn start(request: &Received, _: usize) -> usize {
        number(request, "id_gt").unwrap_or(0)
    }

    fn reply(_: &Received, page: &Sent) -> Reply {
        page.items()
    }
}

/// Rows from a time that two of them have, also those at the end of a page.
pub(super) struct InclusiveKeyset;

impl Scheme for InclusiveKeyset {
    const NAMES_NEXT: bool = false;
    const CLOSING: u64 = 1;
    // 50 rows, 49 new ones, then 48 on each page because two rows are on two pages, then only shared ones.
    const HALVED: u64 = 2 + 19 + 1;
    const OVERLAP: Overlap = Overlap::Ties;

    fn request(at: &Position) -> ApiRequest {
        match paginate::inclusive_key(at) {
            Some(time) => items_and_one(at).query("time_gte", time),
            None => items_and_one(at),
        }
    }

    fn next(at: &Position, answer: &Answer<'_>) -> Result<Paging, AnswerError> {
        paginate::keyset_inclusive(at, answer, "/time")
    }

    fn start(request: &Received, _: usize) -> usize {
        number(request, "time_gte").map_or(0, |time| (2 * time).max(1) - 1)
    }

    fn reply(_: &Received, page: &Sent) -> Reply {
        page.items()
    }
}

/// `has_more`, and the id of the last row.
pub(super) struct HasMore;

impl Scheme for HasMore {
    const NAMES_NEXT: bool = false;
    const ADVANCES_BY_ROWS: bool = true;

    fn request(at: &Position) -> ApiRequest {
        match at.token() {
            Some(id) => items().query("starting_after", id),
            None => items(),
        }
    }

    fn next(_: &Position, answer: &Answer<'_>) -> Result<Paging, AnswerError> {
        paginate::has_more(answer, ValueAt::Pointer("/has_more"), "/id")
    }

    fn start(request: &Received, _: usize) -> usize {
        number(request, "starting_after").unwrap_or(0)
    }

    fn reply(_: &Received, page: &Sent) -> Reply {
        let last = page.rows.last().is_some_and(|last| *last == row(ROWS));
        Reply::page(r#"{"items":"#, &page.rows, &format!(r#","has_more":{}}}"#, !last))
    }
}

/// The path and query of a page.
fn link(page: &Sent, row: usize) -> String {
    format!("/api/items?limit={}&after={row}", page.size)
}

fn first_or_link(at: &Position) -> ApiRequest {
    at.token().map_or_else(items, ApiRequest::get)
}

/// A relative URL in the body.
pub(super) struct UrlInBody;

impl Scheme for UrlInBody {
    const TOKENS: bool = false;

    fn request(at: &Position) -> ApiRequest {
        first_or_link(at)
    }

    fn next(_: &Position, answer: &Answer<'_>) -> Result<Paging, AnswerError> {
        paginate::next_url(answer, ValueAt::Pointer("/links/next"))
    }

    fn start(request: &Received, _: usize) -> usize {
        number(request, "after").unwrap_or(0)
    }

    fn reply(_: &Received, page: &Sent) -> Reply {
        let next = json!(page.next(|row| link(page, row)));
        Reply::page(r#"{"items":"#, &page.rows, &format!(r#","links":{{"next":{next}}}}}"#))
    }
}

/// An absolute URL in a header.
pub(super) struct UrlInHeader;

impl Scheme for UrlInHeader {
    const TOKENS: bool = false;

    fn request(at: &Position) -> ApiRequest {
        first_or_link(at)
    }

    fn next(_: &Position, answer: &Answer<'_>) -> Result<Paging, AnswerError> {
        paginate::next_url(answer, ValueAt::Header("X-Next-Page"))
    }

    fn start(request: &Received, _: usize) -> usize {
        number(request, "after").unwrap_or(0)
    }

    fn reply(request: &Received, page: &Sent) -> Reply {
        let url = page.next(|row| request.origin().to_owned() + &link(page, row));
        url.map_or_else(|| page.items(), |url| page.items().header("x-next-page", &url))
    }
}

/// A `Link` header, and a total in another one.
pub(super) struct LinkHeader;

impl Scheme for LinkHeader {
    const TOTAL: bool = true;
    const TOKENS: bool = false;

    fn list() -> ListAt {
        ListAt::Root
    }

    fn request(at: &Position) -> ApiRequest {
        first_or_link(at)
    }

    fn next(_: &Position, answer: &Answer<'_>) -> Result<Paging, AnswerError> {
        let total = paginate::total_at(answer, ValueAt::Header("x-total-count"))?;
        Ok(Paging { total, ..paginate::link_header(answer)? })
    }

    fn start(request: &Received, _: usize) -> usize {
        number(request, "after").unwrap_or(0)
    }

    fn reply(request: &Received, page: &Sent) -> Reply {
        let absolute = |row| request.origin().to_owned() + &link(page, row);
        let first = format!(r#"<{}>; title="first, of all; rel=next"; rel=first"#, absolute(0));
        let next = page.next(absolute).map(|url| format!(r#", <{url}>; rel="next"; title=more"#));
        let links = first + &next.unwrap_or_default();
        Reply::page("", &page.rows, "").header("link", &links).header("x-total-count", &page.total)
    }
}
