//! Any API by description (`jobfeed::rest`): requests as they are sent, every scheme, single calls.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use futures::TryStreamExt;
use jobfeed::paginate::{EndRule, ReadAt, Scheme, SendAt};
use jobfeed::rest::{Client, RecordsRequest, Watermark};
use jobfeed::{Completeness, Credentials, Cursor, Error, RateLimit, RetryPolicy};
use serde_json::{Value, json};

use crate::support::{Reply, Script};

mod descriptions;
mod watermarks;

pub(crate) type Request = http::Request<Bytes>;

pub(crate) fn client(script: &Script) -> Client {
    let builder = Client::builder().base_url("http://own.test/v1/").transport(script.clone());
    builder.rate_limit(RateLimit::unlimited()).build().unwrap()
}

/// Path and query of each request.
pub(crate) fn sent(script: &Script) -> Vec<String> {
    let log = script.log.lock().unwrap();
    log.iter().map(|(_, request)| request.uri().path_and_query().unwrap().to_string()).collect()
}

pub(crate) fn query(request: &Request) -> BTreeMap<String, String> {
    url::form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes()).into_owned().collect()
}

fn body(request: &Request) -> Value {
    serde_json::from_slice(request.body()).unwrap()
}

#[tokio::test]
async fn a_list_is_requested_as_described() {
    let script = Script::replies(vec![Reply::page(r#"{"data":{"rows":[{"id":1}]}}"#)]);
    let api = client(&script).header("Accept", "application/vnd.own+json").unwrap();
    let list = api.list::<Value>("a/rows?fixed=1").query("tag", "a b").query("tag", 2).query("open", true);
    let list = list
        .header("X-Tenant", "t")
        .records_at("/data/rows")
        .paginate(Scheme::numbered(SendAt::header("X-Page"), 0, EndRule::ShortPage).page_size("size", 50));
    assert_eq!(list.send().await.unwrap().items, [json!({"id": 1})]);
    assert_eq!(sent(&script), ["/v1/a/rows?fixed=1&open=true&tag=a+b&tag=2&size=50"]);
    let log = script.log.lock().unwrap();
    let header = |name: &str| log[0].1.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(
        (header("accept"), header("x-tenant"), header("x-page")),
        ("application/vnd.own+json".into(), "t".into(), "0".into())
    );
}

#[tokio::test]
async fn a_search_sends_its_position_in_the_body_as_text_or_as_number() {
    for (send, token) in [(SendAt::body("/page/after"), json!("17")), (SendAt::body_number("/page/after"), json!(17))] {
        let replies =
            vec![Reply::page(r#"{"rows":[{"id":1}],"after":17}"#), Reply::page(r#"{"rows":[],"after":null}"#)];
        let script = Script::replies(replies);
        let scheme = Scheme::token_at(ReadAt::pointer("/after"), send).page_size(SendAt::body("/page/size"), 10);
        let list = client(&script).list::<Value>("search").search(json!({"state": "open", "page": {"sort": "id"}}));
        let rows: Vec<Value> = list.paginate(scheme).records_at("/rows").items().try_collect().await.unwrap();
        assert_eq!(rows.len(), 1);
        let log = script.log.lock().unwrap();
        let bodies: Vec<Value> = log.iter().map(|(_, request)| body(request)).collect();
        assert_eq!(bodies[0], json!({"state": "open", "page": {"sort": "id", "size": 10}}));
        assert_eq!(bodies[1], json!({"state": "open", "page": {"sort": "id", "size": 10, "after": token}}));
        assert!(log.iter().all(|(_, request)| request.method() == "POST"));
    }
    // A token that is no number cannot be sent as one.
    let script = Script::replies(vec![Reply::page(r#"{"rows":[{"id":1}],"after":"x"}"#)]);
    let scheme = Scheme::token_at(ReadAt::pointer("/after"), SendAt::body_number("/after"));
    let list = client(&script).list::<Value>("search").search(json!({})).paginate(scheme).records_at("/rows");
    let error = list.items().try_collect::<Vec<_>>().await.unwrap_err();
    assert!(matches!(&error, Error::Invalid { what, .. } if what == "body /after"), "{error}");
    assert_eq!(script.requests(), 1);
}

/// 25 records, ten on a page, in the order of their ids. Two neighbours have the same time. It answers every scheme below.
fn service() -> Script {
    Script::new(|_, request| {
        let query = query(request);
        let number = |name: &str| query.get(name).and_then(|text| text.parse::<usize>().ok());
        let header = request.headers().get("x-cursor").and_then(|value| value.to_str().ok()?.parse().ok());
        let in_body = serde_json::from_slice::<Value>(request.body()).ok();
        let in_body = in_body.and_then(|body| body["at"].as_u64()).map(|at| at as usize);
        let size = number("limit").unwrap();
        let start = number("page").map(|page| page * size).or(number("page1").map(|page| (page - 1) * size));
        let start = start.or(number("offset")).or(number("after")).or(header).or(in_body);
        // `time=3` begins with the first record of that time, which is the second of its pair.
        let start = start.or(number("time").map(|time| (2 * time).saturating_sub(1))).unwrap_or(0);
        let end = (start + size).min(25);
        let rows = (start + 1..=end).map(|id| json!({"id": id, "time": id / 2}));
        let rows: Vec<Value> = rows.collect();
        let next = (end < 25).then_some(end);
        let url = next.map(|next| format!("/v1/items?limit={size}&after={next}"));
        let page = json!({"data": {"items": rows, "next": next, "url": url}, "more": next.is_some(), "total": 25});
        let mut reply = Reply::page(&page.to_string()).header("x-total", 25);
        if let (Some(next), Some(url)) = (next, url) {
            let link = format!(r#"<{url}>; rel="next""#);
            reply = reply.header("x-next", next).header("x-url", format!("http://own.test{url}")).header("link", link);
        }
        reply
    })
}

fn schemes() -> Vec<(Value, usize)> {
    let send = |name: &str| json!({"query": name});
    let total = json!({"pointer": "/total"});
    let by = |by: Value| json!({"by": by});
    let with_total = |by: Value| json!({"by": by, "total": total});
    let next = json!({"pointer": "/data/next"});
    vec![
        (with_total(json!({"numbered": {"send": send("page"), "first": 0, "end": "total"}})), 3),
        (by(json!({"numbered": {"send": send("page1"), "end": "short_page"}})), 3),
        (by(json!({"numbered": {"send": send("page"), "first": 0, "end": "empty_page"}})), 4),
        (with_total(json!({"offsets": {"send": send("offset"), "end": "total"}})), 3),
        (by(json!({"offsets": {"send": send("offset"), "end": "empty_page"}})), 4),
        (by(json!({"offsets": {"send": send("offset"), "end": "short_page", "overlap": true}})), 3),
        (by(json!({"token_at": {"at": next, "send": send("after")}})), 3),
        (by(json!({"token_at": {"at": {"header": "x-next"}, "send": {"header": "x-cursor"}}})), 3),
        (by(json!({"token_at": {"at": next, "send": {"body_number": "/at"}}})), 3),
        (by(json!({"keyset": {"key": "/id", "send": send("after")}})), 4),
        (by(json!({"keyset_inclusive": {"key": "/time", "send": send("time")}})), 4),
        (by(json!({"has_more": {"flag": {"pointer": "/more"}, "key": "/id", "send": send("after")}})), 3),
        (by(json!({"next_url": {"at": {"pointer": "/data/url"}}})), 3),
        (with_total(json!({"next_url": {"at": {"header": "x-url"}}})), 3),
        (json!({"by": "link_header", "total": {"header": "x-total"}}), 3),
    ]
}

#[tokio::test]
async fn promise_4_every_scheme_in_a_description_reads_all_records_and_resumes() {
    for (mut scheme, requests) in schemes() {
        scheme["page_size"] = json!({"send": {"query": "limit"}, "records": 10});
        let read: Scheme = serde_json::from_value(scheme.clone()).unwrap();
        let script = service();
        let list = client(&script)
            .list::<Value>("items")
            .query("filter", 1)
            .paginate(read)
            .records_at("/data/items")
            .key("id");
        let list = if scheme.to_string().contains("body") { list.search(json!({})) } else { list };
        let mut pages = list.clone().pages();
        let (mut ids, mut completeness) = (Vec::new(), None);
        while let Some(page) = pages.try_next().await.unwrap() {
            ids.extend(page.items.iter().map(|row| row["id"].as_u64().unwrap()));
            completeness = page.completeness();
            // Each page in a stream of its own, from a stored cursor.
            let Some(cursor) = page.next_cursor() else { break };
            let cursor: Cursor = cursor.to_string().parse().unwrap();
            pages = list.clone().resume_from(cursor).pages();
        }
        assert_eq!(ids, Vec::from_iter(1..=25), "{scheme}");
        assert_eq!(completeness, Some(Completeness::Complete), "{scheme}");
        assert_eq!(script.requests(), requests, "{scheme}: {:?}", sent(&script));
        // A URL of the server is requested as it is.
        let by_url = scheme.to_string().contains("url") || scheme["by"] == "link_header";
        let with_filter = sent(&script).iter().filter(|target| target.contains("filter=")).count();
        assert_eq!(with_filter, if by_url { 1 } else { requests }, "{scheme}");
    }
}

#[tokio::test]
async fn a_scheme_that_cannot_be_is_refused_before_anything_is_sent() {
    let token = |at, send: &str| Scheme::token_at(at, send);
    let cases = [
        (Scheme::numbered("page", 1, EndRule::Total), "paginate.by.numbered.end"),
        (Scheme::offsets_with_overlap("offset", EndRule::EmptyPage), "key"),
        (Scheme::keyset("id", "after"), "paginate.by.keyset.key"),
        (token(ReadAt::pointer("next"), "after"), "paginate.by.token_at.at.pointer"),
        (token(ReadAt::header("a b"), "after"), "paginate.by.token_at.at.header"),
        (token(ReadAt::pointer("/next"), ""), "paginate.by.token_at.send.query"),
        (Scheme::offsets("offset", EndRule::ShortPage).fixed_positions(), "paginate.fixed_positions"),
        (Scheme::link_header().page_size("n", 0), "paginate.page_size.records"),
        (Scheme::link_header().total(ReadAt::pointer("")), "paginate.total.pointer"),
        (token(ReadAt::pointer("/next"), "tag"), "query.tag"),
        (Scheme::token_at(ReadAt::pointer("/next"), SendAt::body("/a")), "method"),
    ];
    for (scheme, field) in cases {
        let script = Script::replies(vec![Reply::page("[]")]);
        let list = client(&script).list::<Value>("items").query("tag", 1).paginate(scheme.clone());
        let error = list.send().await.unwrap_err();
        assert!(matches!(&error, Error::Invalid { what, .. } if what == field), "{scheme:?}: {error}");
        assert_eq!(script.requests(), 0);
    }
}

#[tokio::test]
async fn fixed_positions_are_not_drifted_because_a_row_enters_behind_them() {
    for (fixed, complete) in [(true, true), (false, false)] {
        let script = Script::replies(vec![
            Reply::page(r#"{"rows":[{"id":1}],"next":"a","count":2}"#),
            Reply::page(r#"{"rows":[{"id":2},{"id":3}],"next":null,"count":3}"#),
        ]);
        let scheme = Scheme::token_at(ReadAt::pointer("/next"), "after").total(ReadAt::pointer("/count"));
        let scheme = if fixed { scheme.fixed_positions() } else { scheme };
        let list = client(&script).list::<Value>("rows").paginate(scheme).records_at("/rows").key("id");
        assert_eq!(list.items().try_collect::<Vec<_>>().await.is_ok(), complete);
    }
}

#[tokio::test]
async fn promise_8_a_next_url_on_another_origin_is_refused_before_anything_is_sent() {
    let script = Script::replies(vec![Reply::page(r#"{"rows":[{"id":1}],"next":"http://other.test/v1/rows"}"#)]);
    let builder = Client::builder().base_url("http://own.test/v1/").transport(script.clone());
    let api = builder.credentials(Credentials::bearer("s3cret-token").unwrap()).build().unwrap();
    let list = api.list::<Value>("rows").paginate(Scheme::next_url(ReadAt::pointer("/next"))).records_at("/rows");
    let error = list.items().try_collect::<Vec<_>>().await.unwrap_err();
    assert!(matches!(error, Error::ForeignOrigin { .. }), "{error}");
    assert_eq!(script.requests(), 1);
    assert!(!format!("{error:?} {:?} {api:?}", api.list::<Value>("rows").query("q", "Jane")).contains("Jane"));
}

#[tokio::test(start_paused = true)]
async fn single_calls_share_the_limiter_and_the_retries_of_the_listings() {
    let script = Script::new(|index, request| match (index, request.method().as_str()) {
        (1, _) => Reply::status(503),
        (_, "DELETE") => Reply::Json(204, Vec::new(), String::new()),
        (_, "HEAD") => Reply::page("").header("x-total-count", 7).header("content-length", 1_u64 << 40),
        _ => Reply::page(r#"{"id":7}"#),
    });
    let limit = RateLimit::every(Duration::from_secs(1));
    let builder = Client::builder().base_url("http://own.test/v1/").transport(script.clone()).rate_limit(limit);
    let retry = RetryPolicy::default().backoff(Duration::from_millis(1), Duration::from_millis(1));
    let api = builder.retry(retry).build().unwrap().header("X-Version", "3").unwrap();

    assert_eq!(api.list::<Value>("rows/7").records_at("/none").send().await.unwrap_err().status().unwrap(), 200);
    assert_eq!(api.get::<Value>("rows/7").param("full", true).send().await.unwrap(), json!({"id": 7}));
    let headers = api.head("rows").header("X-One", "1").send().await.unwrap();
    assert_eq!(headers["x-total-count"], "7", "a body is announced and never comes");
    let body = json!({"title": "t"});
    let key = ("Idempotency-Key", "k-1");
    assert_eq!(api.post::<Value>("rows", &body).header(key.0, key.1).send().await.unwrap(), json!({"id": 7}));
    assert_eq!(api.put::<Value>("rows/7", &body).send().await.unwrap(), json!({"id": 7}));
    assert_eq!(api.patch::<Value>("rows/7", &body).param("dry", 1).send().await.unwrap(), json!({"id": 7}));
    api.delete::<()>("rows/7").send().await.unwrap();

    let log = script.log.lock().unwrap();
    let methods: Vec<&str> = log.iter().map(|(_, request)| request.method().as_str()).collect();
    assert_eq!(methods, ["GET", "GET", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]);
    assert!(log.iter().all(|(_, request)| request.headers()["x-version"] == "3"));
    assert_eq!(
        (&log[2].1.uri().to_string()[..], &log[6].1.uri().to_string()[..]),
        ("http://own.test/v1/rows/7?full=true", "http://own.test/v1/rows/7?dry=1")
    );
    assert_eq!(log[4].1.headers()["idempotency-key"], "k-1");
    assert!(log[4..7].iter().all(|(_, request)| request.body() == body.to_string().as_bytes()));
    drop(log);
    let times = script.times();
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= 1000), "{times:?}");
}

#[tokio::test(start_paused = true)]
async fn a_write_is_sent_once_unless_it_is_idempotent() {
    let script = Script::new(|index, _| if index == 2 { Reply::page(r#"{"id":7}"#) } else { Reply::status(500) });
    let api = client(&script);
    let error = api.post::<Value>("rows", &json!({})).send().await.unwrap_err();
    assert!(matches!(error, Error::OutcomeUnknown { .. }), "{error}");
    assert_eq!(script.requests(), 1);
    api.post::<Value>("rows", &json!({})).idempotent().send().await.unwrap();
    assert_eq!(script.requests(), 3);
    let unsendable = BTreeMap::from([((1, 2), 3)]);
    let error = api.put::<Value>("rows", &unsendable).send().await.unwrap_err();
    assert!(matches!(&error, Error::Invalid { what, .. } if what == "body"), "{error}");
    assert_eq!(script.requests(), 3);
}

/// The ids of a list, and its error. A list of 60 pages has no end.
async fn ids_of(list: RecordsRequest<Value>) -> (Vec<u64>, Option<Error>) {
    let (mut ids, mut pages) = (Vec::new(), list.pages());
    for _ in 0..60 {
        match pages.try_next().await {
            Ok(Some(page)) => ids.extend(page.items.iter().map(|row| row["id"].as_u64().unwrap())),
            Ok(None) => return (ids, None),
            Err(error) => return (ids, Some(error)),
        }
    }
    panic!("60 pages and no end");
}

#[tokio::test]
async fn promise_4_a_server_that_ignores_the_page_number_ends_the_walk_of_a_list_without_a_key() {
    for end in [EndRule::EmptyPage, EndRule::ShortPage] {
        for scheme in [Scheme::numbered("page", 1, end), Scheme::offsets("offset", end)] {
            let script = Script::replies(vec![Reply::page(r#"[{"id":1},{"id":2}]"#)]);
            let (ids, error) = ids_of(client(&script).list("rows").paginate(scheme)).await;
            assert!(matches!(error, Some(Error::CursorLoop { first_seen: 1, .. })), "{error:?}");
            assert_eq!(ids, [1, 2, 1, 2]);
        }
    }
}

#[tokio::test]
async fn one_record_that_is_asked_for_again_by_its_own_sort_key_ends_the_list() {
    let scheme = || Scheme::keyset_inclusive("/time", "from");
    for (scheme, ends) in
        [(scheme(), true), (scheme().page_size("limit", 100), true), (scheme().page_size("limit", 1), false)]
    {
        let script = Script::replies(vec![Reply::page(r#"[{"id":1,"time":5}]"#)]);
        let (ids, error) = ids_of(client(&script).list("rows").key("id").paginate(scheme)).await;
        assert_eq!((ids, error.is_none()), (vec![1], ends), "{error:?}");
        assert_eq!(script.requests(), 2);
    }
}

#[tokio::test]
async fn promise_1_a_list_that_is_not_in_the_order_of_its_key_is_an_error() {
    let script = || Script::replies(vec![Reply::page(r#"[{"id":7},{"id":5},{"id":90}]"#)]);
    for scheme in [Scheme::keyset("/id", "id_gt"), Scheme::keyset_inclusive("/id", "id_gte")] {
        let error = client(&script()).list::<Value>("rows").key("id").paginate(scheme).send().await.unwrap_err();
        assert!(matches!(error, Error::Body { .. }) && error.to_string().contains("in the order of `/id`"), "{error}");
    }
    // Where a flag says whether there is more, the order is the server's.
    let script = Script::replies(vec![Reply::page(r#"{"more":false,"rows":[{"id":7},{"id":5},{"id":90}]}"#)]);
    let scheme = Scheme::has_more(ReadAt::pointer("/more"), "/id", "after");
    assert!(client(&script).list::<Value>("rows").records_at("/rows").paginate(scheme).send().await.is_ok());
    // From the last to the first, and with equal ones.
    let script = Script::replies(vec![Reply::page(r#"[{"id":90},{"id":7},{"id":7},{"id":5.5}]"#)]);
    assert!(client(&script).list::<Value>("rows").paginate(Scheme::keyset("/id", "id_lt")).send().await.is_ok());
}

#[tokio::test]
async fn two_values_for_one_place_are_refused_before_anything_is_sent() {
    let script = Script::replies(vec![Reply::page("[]")]);
    let api = client(&script);
    let list = |path: &str| api.list::<Value>(path);
    let by_page = || Scheme::numbered("page", 1, EndRule::EmptyPage);
    let in_body =
        || Scheme::numbered(SendAt::body("/p"), 1, EndRule::EmptyPage).page_size(SendAt::body_number("/p"), 3);
    let by_id = |send: &str| Watermark::id("/id", send);
    let cases = [
        (list("rows?page=9").paginate(by_page()), "path: page"),
        (list("rows?limit=9").paginate(by_page().page_size("limit", 10)), "path: limit"),
        (list("rows?a=1&since=9").watermark(by_id("since")), "path: since"),
        (list("rows").paginate(by_page().page_size("page", 10)), "paginate.page_size.send"),
        (list("rows").search(json!({})).paginate(in_body()), "paginate.page_size.send"),
        (list("rows").paginate(by_page().page_size("n", 10)).watermark(by_id("n")), "watermark.send"),
        (list("rows").paginate(by_page()).watermark(by_id("page")), "watermark.send"),
        (
            list("rows").paginate(Scheme::token_at(ReadAt::pointer("/n"), SendAt::header("Authorization"))),
            "paginate.by.token_at.send.header",
        ),
    ];
    for (list, field) in cases {
        let error = list.send().await.unwrap_err();
        assert!(matches!(&error, Error::Invalid { what, .. } if what == field), "{field}: {error}");
    }
    // A key takes the place of the lower bound, which is below it.
    let by_key = list("rows").paginate(Scheme::keyset("/id", "id_gt")).watermark(by_id("id_gt"));
    by_key.send().await.unwrap();
    assert_eq!(sent(&script), ["/v1/rows"]);
}

#[tokio::test]
async fn a_key_that_no_record_has_is_an_error_where_pages_share_records() {
    let list = |script: &Script, key: &str| {
        let scheme = Scheme::offsets_with_overlap("offset", EndRule::EmptyPage);
        client(script).list::<Value>("rows").key(key).paginate(scheme)
    };
    let script = Script::replies(vec![Reply::page(r#"[{"id":1},{"id":2}]"#)]);
    let error = list(&script, "ID").send().await.unwrap_err();
    assert!(error.to_string().contains("no record has the field `ID`"), "{error}");
    let error = list(&script, "/id").send().await.unwrap_err();
    assert!(matches!(&error, Error::Invalid { what, .. } if what == "key"), "{error}");
    assert_eq!(script.requests(), 1);
}
