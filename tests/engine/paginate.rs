//! Paging schemes on lists that change, and answers that a scheme cannot use.

use std::sync::{Arc, Mutex};

use futures::StreamExt;
use http::{HeaderMap, HeaderValue, StatusCode};
use jobfeed::endpoint::{Answer, AnswerError, ApiRequest, Overlap, Paging};
use jobfeed::paginate::{self, End, ValueAt};
use jobfeed::{BodyProblem, Client, Completeness, Error, ListAt, PageStream, Position, RateLimit};
use serde::Deserialize;
use serde_json::Value;

use crate::any_list::AnyList;
use crate::support::{Reply, Script, impatient};

type Next = fn(&Position, &Answer<'_>) -> Result<Paging, AnswerError>;

fn client(script: &Script) -> Client {
    let builder = Client::builder().base_url("http://api.test/v1/").rate_limit(RateLimit::unlimited());
    builder.retry(impatient()).transport(script.clone()).build().unwrap()
}

fn ids(rows: &[Value]) -> Vec<u64> {
    rows.iter().filter_map(|row| row["id"].as_u64()).collect()
}

/// The ids of each page, the error at the end, and the completeness.
async fn read(mut pages: PageStream<Value>) -> (Vec<Vec<u64>>, Option<Error>, Option<Completeness>) {
    let (mut got, mut error) = (Vec::new(), None);
    while let Some(page) = pages.next().await {
        match page {
            Ok(page) => got.push(ids(&page.items)),
            Err(end) => error = Some(end),
        }
    }
    (got, error, pages.completeness())
}

/// The first page of a list with this reply.
async fn first_page(reply: Reply, next: Next) -> jobfeed::Result<Option<String>> {
    let page = client(&Script::replies(vec![reply])).list(AnyList { next, ..AnyList::default() }).send().await?;
    Ok(page.next_cursor().map(ToString::to_string))
}

fn param(request: &http::Request<bytes::Bytes>, name: &str) -> Option<u64> {
    let query = request.uri().query().unwrap_or_default().as_bytes();
    url::form_urlencoded::parse(query).find(|pair| pair.0 == name)?.1.parse().ok()
}

fn body(rows: impl IntoIterator<Item = String>) -> String {
    format!(r#"{{"items":[{}]}}"#, rows.into_iter().collect::<Vec<_>>().join(","))
}

/// A list that is read by `offset` and `limit`, and changes before the request of this number.
fn changing(change_before: usize, change: fn(&mut Vec<u64>)) -> Script {
    let list = Arc::new(Mutex::new((1..=6).collect::<Vec<u64>>()));
    Script::new(move |index, request| {
        let mut list = list.lock().unwrap();
        if index == change_before {
            change(&mut list);
        }
        let (offset, limit) = (param(request, "offset").unwrap() as usize, param(request, "limit").unwrap() as usize);
        Reply::page(&body(list.iter().skip(offset).take(limit).map(|id| format!(r#"{{"id":{id}}}"#))))
    })
}

fn offsets(overlap: Overlap) -> AnyList {
    let next: Next = match overlap {
        Overlap::Row => |at, answer| paginate::offsets(at, answer, Overlap::Row, End::EmptyPage),
        _ => |at, answer| paginate::offsets(at, answer, Overlap::None, End::EmptyPage),
    };
    let request = |at: &Position| ApiRequest::get("items").query("offset", at.number(0)).query("limit", 3);
    AnyList { request, next, overlap, ..AnyList::default() }
}

#[tokio::test]
async fn promise_4_a_row_that_two_pages_share_shows_that_nothing_was_skipped() {
    // Row 1 leaves and row 7 enters between two pages: row 4 moves to the page that was read.
    let change = |list: &mut Vec<u64>| {
        list.remove(0);
        list.push(7);
    };
    let (got, error, _) = read(client(&changing(1, change)).list(offsets(Overlap::None)).pages()).await;
    assert_eq!(got.concat(), [1, 2, 3, 5, 6, 7]);
    assert!(error.is_none(), "without an overlap the skipped row is not noticed");

    let (got, error, completeness) = read(client(&changing(1, change)).list(offsets(Overlap::Row)).pages()).await;
    assert_eq!(got.concat(), [1, 2, 3, 4, 5, 6, 7], "one row of overlap bridges one row that left");
    let drifted = Completeness::Drifted { first_total: None, last_total: None, repeated: 0 };
    assert!(matches!(error, Some(Error::Incomplete { .. })), "{error:?}");
    assert_eq!(completeness, Some(drifted));

    let stands_still = client(&changing(usize::MAX, |_| ())).list(offsets(Overlap::Row));
    let (got, error, completeness) = read(stands_still.clone().pages()).await;
    assert_eq!(got, [vec![1, 2, 3], vec![4, 5], vec![6], vec![]], "the shared row is not delivered again");
    assert!(error.is_none(), "{error:?}");
    assert_eq!(completeness, Some(Completeness::Complete));

    // The list shrinks until the shared row is gone.
    let (_, error, _) = read(client(&changing(1, |list| list.truncate(2))).list(offsets(Overlap::Row)).pages()).await;
    assert!(matches!(error, Some(Error::Incomplete { .. })), "{error:?}");

    // The position of an interrupted walk keeps what the next page must begin with.
    let mut pages = stands_still.clone().pages().prefetch(false);
    pages.next().await.unwrap().unwrap();
    let cursor = pages.cursor().unwrap().to_string().parse().unwrap();
    let rest = client(&changing(0, change)).list(offsets(Overlap::Row)).resume_from(cursor);
    let (got, error, _) = read(rest.pages()).await;
    assert_eq!(got.concat(), [4, 5, 6, 7]);
    assert!(matches!(error, Some(Error::Incomplete { .. })), "the shift is noticed across the interruption: {error:?}");
}

#[tokio::test]
async fn promise_4_pages_of_one_record_are_all_read_although_they_can_share_none() {
    for rows in [1, 3] {
        let script = Script::new(move |_, request| {
            let id = param(request, "offset").unwrap() + 1;
            Reply::page(&body((id <= rows).then(|| format!(r#"{{"id":{id}}}"#))))
        });
        let (got, error, completeness) = read(client(&script).list(offsets(Overlap::Row)).pages()).await;
        assert_eq!(got.concat(), (1..=rows).collect::<Vec<_>>());
        assert!(error.is_none() && completeness == Some(Completeness::Complete), "{error:?}");
    }
}

#[derive(Debug, Deserialize)]
struct Row {
    #[allow(dead_code)]
    id: u64,
}

#[tokio::test]
async fn an_overlap_counts_rejected_records_in_their_place() {
    let pages = [r#"{"id":1}"#, r#"{"id":"x"}"#, r#"{"id":3}"#, r#"{"id":"y"}"#, r#"{"id":5}"#];
    let script = Script::new(move |_, request| {
        let offset = param(request, "offset").unwrap() as usize;
        Reply::page(&body(pages.iter().skip(offset).take(2).map(|row| (*row).to_owned())))
    });
    let mut list = offsets(Overlap::Row);
    list.request = |at| ApiRequest::get("items").query("offset", at.number(0)).query("limit", 2);
    let mut pages = client(&script).list(list).accept_all_rejected().pages_as::<Row>();
    let (mut rows, mut rejected) = (Vec::new(), Vec::new());
    while let Some(page) = pages.next().await {
        let page = page.unwrap();
        rows.extend(page.raw_items().map(str::to_owned));
        rejected.extend(page.rejected.iter().map(|record| (record.index, record.raw().to_owned())));
    }
    assert_eq!(rows, [r#"{"id":1}"#, r#"{"id":3}"#, r#"{"id":5}"#]);
    assert_eq!(rejected, [(1, r#"{"id":"x"}"#.to_owned()), (0, r#"{"id":"y"}"#.to_owned())]);
    assert_eq!(pages.completeness(), Some(Completeness::Complete));
}

#[tokio::test]
async fn an_overlap_without_a_key_is_refused_before_anything_is_sent() {
    let script = changing(usize::MAX, |_| ());
    let error = client(&script).list(AnyList { key: None, ..offsets(Overlap::Row) }).send().await.unwrap_err();
    assert!(matches!(&error, Error::Invalid { what, .. } if what == "overlap"), "{error}");
    assert_eq!(script.requests(), 0);
}

/// Records `(id, time)` from a time, in the order of time, in pages of three.
fn changes(rows: &'static [(u64, u64)], change_before: usize) -> Script {
    Script::new(move |index, request| {
        let from = param(request, "time_gte").unwrap_or(0);
        let rows = rows.iter().skip(usize::from(index >= change_before)).filter(|row| row.1 >= from).take(3);
        Reply::page(&body(rows.map(|(id, time)| format!(r#"{{"id":{id},"time":{time}}}"#))))
    })
}

fn by_time() -> AnyList {
    let request = |at: &Position| match paginate::inclusive_key(at) {
        Some(time) => ApiRequest::get("items").query("time_gte", time),
        None => ApiRequest::get("items"),
    };
    let next: Next = |at, answer| paginate::keyset_inclusive(at, answer, "/time");
    AnyList { request, next, overlap: Overlap::Ties, ..AnyList::default() }
}

#[tokio::test]
async fn promise_1_records_with_the_same_sort_key_are_not_skipped_and_come_once() {
    const ROWS: &[(u64, u64)] = &[(1, 10), (2, 20), (3, 20), (4, 30), (5, 40)];
    let (got, error, completeness) = read(client(&changes(ROWS, usize::MAX)).list(by_time()).pages()).await;
    assert_eq!(got.concat(), [1, 2, 3, 4, 5], "{got:?}");
    assert!(error.is_none() && completeness == Some(Completeness::Complete), "{error:?}");
    // A record before the position leaves: the others are still found.
    let (got, error, _) = read(client(&changes(ROWS, 2)).list(by_time()).pages()).await;
    assert_eq!(got.concat(), [1, 2, 3, 4, 5]);
    assert!(error.is_none(), "{error:?}");
}

#[tokio::test]
async fn promise_4_more_records_with_one_sort_key_than_a_page_holds_are_an_error() {
    const ROWS: &[(u64, u64)] = &[(1, 10), (2, 20), (3, 20), (4, 20), (5, 40)];
    let (got, error, _) = read(client(&changes(ROWS, usize::MAX)).list(by_time()).pages()).await;
    assert_eq!(got.concat(), [1, 2, 3, 4]);
    assert!(matches!(error, Some(Error::CursorLoop { .. })), "{error:?}");
}

#[tokio::test]
async fn promise_4_a_reduced_page_size_does_not_end_a_walk_to_a_short_page() {
    // Asked for 3, the server sends 2.
    let script = Script::new(|_, request| {
        let page = param(request, "page").unwrap();
        Reply::page(&body((2 * page - 1..=2 * page).filter(|id| *id <= 5).map(|id| format!(r#"{{"id":{id}}}"#))))
    });
    let request = |at: &Position| ApiRequest::get("items").query("page", at.number(1)).query("limit", 3);
    let next: Next = |at, answer| paginate::numbered(at, answer, 1, End::ShortPage);
    let (got, error, _) = read(client(&script).list(AnyList { request, next, ..AnyList::default() }).pages()).await;
    assert_eq!(got, [vec![1, 2], vec![3, 4], vec![5]]);
    assert!(error.is_none() && script.requests() == 3, "{error:?}");
}

#[tokio::test]
async fn a_token_is_a_text_or_a_number_and_anything_else_is_an_error() {
    let token: Next = |_, answer| paginate::token_at(answer, ValueAt::Pointer("/meta/next"));
    let next = async |value: &str| {
        first_page(Reply::page(&format!(r#"{{"items":[],"meta":{{"next":{value}}}}}"#)), token).await
    };
    for end in ["null", "\"\""] {
        assert_eq!(next(end).await.unwrap(), None, "{end}");
    }
    assert_eq!(first_page(Reply::page(r#"{"items":[]}"#), token).await.unwrap(), None);
    let (text, number) = (next("\"7\"").await.unwrap(), next("7").await.unwrap());
    assert!(text.is_some() && text == number, "{text:?} {number:?}");
    for wrong in ["true", "{}", "[1]"] {
        let error = next(wrong).await.unwrap_err();
        assert!(matches!(error, Error::Body { problem: BodyProblem::Shape(_), .. }), "{error}");
        assert!(error.to_string().contains("`/meta/next`"), "{error}");
    }
    let in_header: Next = |_, answer| paginate::token_at(answer, ValueAt::Header("X-Next"));
    let reply = || Reply::page(r#"{"items":[]}"#);
    assert_eq!(first_page(reply().header("x-next", " "), in_header).await.unwrap(), None);
    assert_eq!(first_page(reply().header("x-next", "7"), in_header).await.unwrap(), number);
    let no_pointer: Next = |_, answer| paginate::token_at(answer, ValueAt::Pointer("meta/next"));
    assert!(first_page(reply(), no_pointer).await.unwrap_err().to_string().contains("JSON pointer"));
}

#[tokio::test]
async fn promise_4_an_answer_that_does_not_say_whether_there_is_more_is_an_error() {
    let has_more: Next = |_, answer| paginate::has_more(answer, ValueAt::Pointer("/has_more"), "/id");
    let total: Next = |at, answer| paginate::numbered(at, answer, 1, End::Total(ValueAt::Header("x-total")));
    let keyset: Next = |_, answer| paginate::keyset(answer, "/id");
    let cases = [
        (r#"{"items":[{"id":1}]}"#, has_more, "/has_more"),
        (r#"{"items":[{"id":1}],"has_more":"yes"}"#, has_more, "/has_more"),
        (r#"{"items":[],"has_more":true}"#, has_more, "empty page"),
        (r#"{"items":[{"name":1}],"has_more":true}"#, has_more, "`/id`"),
        (r#"{"items":[{"id":null}]}"#, keyset, "`/id`"),
        (r#"{"items":[{"id":1}]}"#, total, "`x-total`"),
    ];
    for (body, next, named) in cases {
        let error = first_page(Reply::page(body), next).await.unwrap_err();
        assert!(matches!(error, Error::Body { problem: BodyProblem::Shape(_), .. }), "{body}: {error}");
        assert!(error.to_string().contains(named), "{body}: {error}");
    }
    assert_eq!(first_page(Reply::page(r#"{"items":[],"has_more":false}"#), has_more).await.unwrap(), None);
}

/// A list whose next page is the token, or the `Link` header of the answer.
fn linked() -> AnyList {
    let request = |at: &Position| ApiRequest::get(at.token().unwrap_or("items"));
    AnyList { request, next: |_, answer| paginate::link_header(answer), ..AnyList::default() }
}

#[tokio::test]
async fn the_next_page_of_several_link_headers_is_found() {
    let items = |id: u64| Reply::page(&body([format!(r#"{{"id":{id}}}"#)]));
    let script = Script::replies(vec![
        items(1)
            .header("link", r#"<http://api.test/v1/items?page=9,9>; rel="last"; title="a; rel=next, <x>""#)
            .header("link", r#"<?page=2&q=a,b>; REL="prefetch Next"#.to_owned() + "\""),
        items(2).header("link", "</v1/items?page=3#part>;rel=next, <other>; rel=next; anchor=\"#x\""),
        items(3).header("link", r#"<http://api.test/v1/items?page=1>; rel="first""#),
    ]);
    let (got, error, _) = read(client(&script).list(linked()).pages()).await;
    assert!(error.is_none(), "{error:?}");
    assert_eq!(got.concat(), [1, 2, 3]);
    let sent: Vec<String> = script.log.lock().unwrap().iter().map(|(_, request)| request.uri().to_string()).collect();
    let base = "http://api.test/v1/items";
    assert_eq!(sent, [base.to_owned(), format!("{base}?page=2&q=a,b"), format!("{base}?page=3")]);
}

#[tokio::test]
async fn promise_8_a_link_that_cannot_be_followed_is_an_error_and_nothing_is_sent() {
    let links = [
        ("<http://other.test/v1/items>; rel=next", "http://other.test"),
        ("<//other.test/items>; rel=next", "http://other.test"),
        ("<https://api.test/v1/items>; rel=next", "https://api.test"),
        ("<http://user:pass@api.test/v1/items>; rel=next", "user or a password"),
        ("<http://api.test/v1/items?page=2; rel=next", "not well-formed"),
        ("<?page=2>; rel=next, <?page=3>; rel=next", "several next pages"),
    ];
    for (link, named) in links {
        let script = Script::replies(vec![Reply::page(&body(None)).header("link", link)]);
        let (_, error, _) = read(client(&script).list(linked()).pages()).await;
        let error = error.unwrap_or_else(|| panic!("{link}: no error"));
        assert!(error.to_string().contains(named), "{link}: {error}");
        assert!(!error.to_string().contains("pass@"), "{error}");
        assert_eq!(script.requests(), 1, "{link}");
    }
    let same = Reply::page(&body(None)).header("link", "<?page=2>; rel=next, <?page=2>; rel=\"next\"");
    assert!(first_page(same, linked().next).await.unwrap().is_some(), "two links to one page");
}

#[tokio::test]
async fn a_list_pointer_that_is_none_is_refused_before_anything_is_sent() {
    for pointer in ["items", "/a~2"] {
        let script = Script::replies(vec![Reply::page(&body(None))]);
        let list = AnyList { list: ListAt::Pointer(pointer.to_owned()), ..AnyList::default() };
        let error = client(&script).list(list).send().await.unwrap_err();
        assert!(matches!(&error, Error::Invalid { what, .. } if what == "list"), "{error}");
        assert_eq!(script.requests(), 0);
    }
}

fn conditional() -> AnyList {
    let headers = HeaderMap::from_iter([(http::header::IF_NONE_MATCH, HeaderValue::from_static("\"v1\""))]);
    AnyList { headers, next: |_, answer| paginate::link_header(answer), ..linked() }
}

#[tokio::test]
async fn an_answer_304_to_a_conditional_request_is_nothing_new_and_any_other_is_an_error() {
    let unchanged = Reply::Json(304, vec![("etag", "\"v1\"".to_owned())], String::new());
    let script = Script::replies(vec![unchanged.clone()]);
    let page = client(&script).list(conditional()).send().await.unwrap();
    assert!(page.not_modified() && page.is_empty() && page.next_cursor().is_none());
    assert_eq!(page.headers()["etag"], "\"v1\"");
    let (got, error, completeness) = read(client(&script).list(conditional()).pages()).await;
    assert_eq!((got, completeness), (vec![vec![]], Some(Completeness::Complete)));
    assert!(error.is_none(), "{error:?}");

    let error = client(&script).list(linked()).send().await.unwrap_err();
    assert_eq!(error.status(), Some(StatusCode::NOT_MODIFIED), "not conditional: {error}");
    // Behind an unchanged page in the middle there may be others.
    let first = Reply::page(&body(None)).header("link", "<?page=2>; rel=next");
    let script = Script::replies(vec![first.clone(), unchanged]);
    let (_, error, _) = read(client(&script).list(conditional()).pages()).await;
    assert_eq!(error.and_then(|error| error.status()), Some(StatusCode::NOT_MODIFIED));
    let page = client(&Script::replies(vec![Reply::page(&body(None))])).list(conditional()).send().await.unwrap();
    assert!(!page.not_modified(), "an empty list is something else");
}

#[tokio::test]
async fn a_search_is_sent_again_after_a_temporary_error_and_its_body_is_part_of_the_query() {
    fn search(text: &'static str) -> AnyList {
        let request: fn(&Position) -> ApiRequest = match text {
            "a" => |at| ApiRequest::search("items", serde_json::json!({"q": "a", "at": at.token()}).to_string()),
            _ => |at| ApiRequest::search("items", serde_json::json!({"q": "b", "at": at.token()}).to_string()),
        };
        AnyList {
            request,
            next: |_, answer| paginate::token_at(answer, ValueAt::Pointer("/next")),
            ..AnyList::default()
        }
    }
    let page = Reply::page(r#"{"items":[{"id":1}],"next":"t2"}"#);
    let script = Script::replies(vec![Reply::status(503), page.clone()]);
    let page = client(&script).list(search("a")).send().await.unwrap();
    let cursor = page.next_cursor().unwrap().clone();
    {
        let log = script.log.lock().unwrap();
        assert_eq!((log.len(), log[1].1.method().as_str()), (2, "POST"));
        assert_eq!(log[1].1.headers()["content-type"], "application/json");
    }
    client(&script).list(search("a")).resume_from(cursor.clone()).send().await.unwrap();
    assert_eq!(script.log.lock().unwrap()[2].1.body(), r#"{"at":"t2","q":"a"}"#);
    let error = client(&script).list(search("b")).resume_from(cursor).send().await.unwrap_err();
    assert!(matches!(error, Error::Cursor { .. }), "{error}");
}

#[tokio::test]
async fn a_header_that_cannot_be_sent_is_refused_before_anything_is_sent() {
    let requests: [fn(&Position) -> ApiRequest; 2] = [
        |_| ApiRequest::get("items").header("x-cursor", "a\r\nb"),
        |_| ApiRequest::get("items").header("x cursor", "a"),
    ];
    for request in requests {
        let script = Script::replies(vec![Reply::page(&body(None))]);
        let error = client(&script).list(AnyList { request, ..AnyList::default() }).send().await.unwrap_err();
        assert!(matches!(&error, Error::Invalid { what, .. } if what.starts_with("header x")), "{error}");
        assert!(!error.to_string().contains("\\r"), "{error}");
        assert_eq!(script.requests(), 0);
    }
}
