//! A key in the query: it is sent to the own origin, and is in no position.

use futures::{StreamExt, TryStreamExt};
use jobfeed::endpoint::{ApiRequest, Origins};
use jobfeed::paginate::{self, ValueAt};
use jobfeed::{Credentials, Error, Position};

use crate::any_list::AnyList;
use crate::credentials::{builder, items};
use crate::support::{Reply, Script};

/// Pages linked by URLs that repeat the key parameter.
fn linked() -> AnyList {
    AnyList {
        request: |at| match at.token() {
            Some(url) => ApiRequest::get(url),
            None => ApiRequest::get("items").query("size", 1),
        },
        next: |_, answer| paginate::next_url(answer, ValueAt::Pointer("/next")),
        ..AnyList::default()
    }
}

#[tokio::test(start_paused = true)]
async fn promise_8_a_key_in_the_query_is_sent_and_never_kept() {
    let script = Script::new(|index, request| {
        // As the server has it, and masked as some servers do.
        let key = if index == 0 { "S3NT%2BINEL%2Fkey%3D" } else { "***" };
        let base = "https://api.test/items?size=1";
        let query = request.uri().query().unwrap_or_default().to_owned();
        match index {
            0 => Reply::page(&format!(r#"{{"items":[{{"id":1}}],"next":"{base}&api_key={key}&page=2"}}"#)),
            1 => Reply::page(&format!(r#"{{"items":[{{"id":2}}],"next":"/items?api_key={key}&{query}&page=3"}}"#)),
            _ => Reply::page(r#"{"items":[{"id":3}]}"#),
        }
    });
    let credentials = Credentials::query("api_key", "S3NT+INEL/key=").unwrap();
    let api = builder(&script).credentials(credentials).build().unwrap();
    let mut pages = api.list(linked()).pages();
    let first = pages.next().await.unwrap().unwrap();
    let cursor = first.next_cursor().unwrap().clone();
    let keeps = format!("{cursor:?} {first:?} {api:?} {:?}", pages.cursor());
    assert!(!keeps.contains("S3NT") && cursor == cursor.to_string().parse().unwrap(), "{keeps}");
    let rest: Vec<_> = pages.try_collect().await.unwrap();
    assert_eq!(rest.len(), 2);
    let queries: Vec<String> =
        script.log.lock().unwrap().iter().map(|(_, request)| request.uri().query().unwrap().to_owned()).collect();
    assert_eq!(queries[0], "size=1&api_key=S3NT%2BINEL%2Fkey%3D");
    assert_eq!(queries[1], "size=1&page=2&api_key=S3NT%2BINEL%2Fkey%3D");
    for query in &queries {
        assert_eq!(query.matches("api_key").count(), 1, "{query}");
    }
    // The cursor is used by a client with another key.
    let other = Credentials::query("api_key", "another-key").unwrap();
    let api = builder(&script).credentials(other).build().unwrap();
    api.list(linked()).resume_from(cursor).send().await.unwrap();
    let last = script.log.lock().unwrap().last().unwrap().1.uri().query().unwrap().to_owned();
    assert_eq!(last, "size=1&page=2&api_key=another-key");
}

#[tokio::test(start_paused = true)]
async fn a_parameter_with_the_name_of_the_key_is_refused_before_anything_is_sent() {
    let script = Script::replies(vec![items()]);
    let key = Credentials::query("api_key", "a-long-key").unwrap();
    let api = builder(&script).credentials(key).build().unwrap();
    let as_parameter = |_: &Position| ApiRequest::get("items").query("api_key", "x");
    let in_path = |_: &Position| ApiRequest::get("items?api%5Fkey=x");
    for request in [as_parameter as fn(&Position) -> ApiRequest, in_path] {
        let error = api.list(AnyList { request, ..AnyList::default() }).send().await.unwrap_err();
        assert!(
            matches!(&error, Error::Invalid { what, value, .. } if what == "query parameter" && value == "api_key"),
            "{error}"
        );
    }
    assert_eq!(script.requests(), 0);
}

#[tokio::test(start_paused = true)]
async fn promise_8_a_key_in_the_query_goes_to_the_own_origin_only() {
    let script = Script::new(|_, request| match request.uri().path() {
        _ if request.uri().host() == Some("other.test") => items(),
        "/items" => Reply::status(302).header("location", "/moved?api_key=a-long-key&x=1"),
        _ => Reply::status(302).header("location", "https://other.test/items?api_key=a-long-key&x=2"),
    });
    let key = Credentials::query("api_key", "a-long-key").unwrap();
    let api = builder(&script).credentials(key).build().unwrap();
    let any = AnyList {
        request: |_| {
            let mut request = ApiRequest::get("items");
            request.origins = Origins::Any;
            request
        },
        ..AnyList::default()
    };
    api.list(any).send().await.unwrap();
    let log = script.log.lock().unwrap();
    let urls: Vec<String> = log.iter().map(|(_, request)| request.uri().to_string()).collect();
    assert_eq!(
        urls,
        [
            "https://api.test/items?api_key=a-long-key",
            "https://api.test/moved?x=1&api_key=a-long-key",
            "https://other.test/items?x=2"
        ]
    );
}
