//! Two APIs of other people's, simulated from a description, and read by endpoints of the user's own that are killed at every poll and
//! resumed; and what the simulator itself does.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::TryStreamExt;
use jobfeed::checkpoint::FileStore;
use jobfeed::endpoint::{Answer, AnswerError, ApiRequest, Endpoint, Incremental, Listing, Paging, Record};
use jobfeed::jiff::Timestamp;
use jobfeed::paginate::{self, EndRule, ReadAt, Scheme, ValueAt};
use jobfeed::testing::{AnyApi, ListRoute, Throttle};
use jobfeed::{Client, Clock, Credentials, ListAt, Position, RateLimit};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::paused_runtime;

#[path = "../../examples/datasette/postings.rs"]
mod postings;
#[path = "../../examples/datasette/simulated.rs"]
mod simulated;

type Rows = BTreeMap<u64, Value>;

/// Polls a future this often, then drops it with its runtime, which waits for threads at work in a store. Whether it ended before.
fn killed_after(polls: usize, future: impl Future<Output = Result<(), Box<dyn std::error::Error>>>) -> bool {
    let runtime = paused_runtime();
    let ended = runtime.block_on(async {
        let mut future = std::pin::pin!(future);
        for _ in 0..polls {
            if let std::task::Poll::Ready(ended) =
                std::future::poll_fn(|context| std::task::Poll::Ready(future.as_mut().poll(context))).await
            {
                ended.unwrap();
                return true;
            }
            // A thread of the store may need some time, which is no step of the future.
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        false
    });
    drop(runtime);
    ended
}

/// Kills a sync after each number of polls and starts it again until it ends; then runs it once more. Calls `check` after each.
fn at_every_poll<S>(
    start: impl Fn() -> S,
    sync: impl AsyncFn(&S) -> Result<(), Box<dyn std::error::Error>>,
    check: impl Fn(&S, usize),
) -> usize {
    for polls in 1.. {
        let service = start();
        if killed_after(polls, sync(&service)) {
            return polls;
        }
        for _ in 0..2 {
            assert!(killed_after(usize::MAX, sync(&service)), "{polls}");
        }
        check(&service, polls);
    }
    unreachable!()
}

fn assert_equal(kept: &Rows, served: &Rows, polls: usize) {
    let differ = kept.iter().filter(|(id, row)| served.get(id) != Some(row)).map(|(id, _)| id);
    let missing = served.keys().filter(|id| !kept.contains_key(id));
    let wrong: Vec<&u64> = differ.chain(missing).collect();
    assert!(wrong.is_empty(), "killed after {polls} polls: {wrong:?}");
}

/// The server's rows by id.
fn by_id(server: &AnyApi, path: &str) -> Rows {
    server.with(|lists| lists.rows(path).iter().map(|row| (row["id"].as_u64().unwrap(), row.clone())).collect())
}

fn client(server: &AnyApi) -> jobfeed::ClientBuilder<Client> {
    let now = "2026-06-01T00:00:00Z".parse().unwrap();
    let builder = Client::builder().base_url(server.base_url()).transport(server.transport());
    builder.rate_limit(RateLimit::unlimited()).clock(Clock::fixed(now))
}

#[test]
fn promise_1_a_datasette_table_is_synced_and_killed_at_every_poll_while_rows_enter() {
    let start = || {
        let server = AnyApi::builder().list(simulated::postings(350)).in_memory().unwrap();
        // With each request a row enters at the end, and one that was read changes.
        server.on_request(|number, lists| {
            let (rows, number) = (lists.rows("posting.json"), i64::try_from(number).unwrap());
            if number <= 12 {
                rows.push(simulated::row(1000 + number, 1000 + 2 * number));
                rows[usize::try_from(number).unwrap()] = simulated::row(number + 1, 1001 + 2 * number);
            }
        });
        (server, TempDir::new().unwrap())
    };
    let polls = at_every_poll(
        start,
        async |(server, folder)| postings::sync(&client(server).build()?, folder.path()).await.map(drop),
        |(server, folder), polls| {
            let (kept, served) = (postings::rows(folder.path()).unwrap(), by_id(server, "posting.json"));
            assert_equal(&kept, &served, polls);
        },
    );
    assert!(polls > 12, "killed at {polls} polls only");
}

#[tokio::test]
async fn a_datasette_table_is_listed_while_rows_enter() {
    let server = AnyApi::builder().list(simulated::postings(350)).start().await.unwrap();
    server.on_request(|number, lists| {
        let id = 1000 + i64::try_from(number).unwrap();
        lists.rows("posting.json").push(simulated::row(id, if number % 2 == 0 { 0 } else { id }));
    });
    let api = Client::builder().base_url(server.base_url()).rate_limit(RateLimit::unlimited()).build().unwrap();
    let rows: Vec<Value> = api.list(postings::Postings::default()).items().try_collect().await.unwrap();
    // Those that entered at the end; the others entered on pages that were read.
    assert_eq!(rows.len(), 352);
}

const USER: (&str, &str) = ("importer", "s3cret");

/// `GET people`: the URL of the next page is in the header `X-Next-Page`, changes are asked for by `_since` in milliseconds, and a person
/// who was removed is a record with `removed`.
#[derive(Clone, Default)]
struct People(Option<Timestamp>);

impl Endpoint for People {
    fn name(&self) -> &str {
        "example/people"
    }

    fn request(&self, at: &Position) -> ApiRequest {
        match (at.token(), self.0) {
            (Some(url), _) => ApiRequest::get(url),
            (None, Some(since)) => ApiRequest::get("people").query("_since", since.as_millisecond()),
            (None, None) => ApiRequest::get("people"),
        }
    }

    fn list(&self) -> ListAt {
        ListAt::Root
    }

    fn next(&self, _: &Position, answer: &Answer<'_>) -> Result<Paging, AnswerError> {
        paginate::next_url(answer, ValueAt::Header("X-Next-Page"))
    }

    fn positions_shift(&self) -> bool {
        false
    }

    fn is_removal(&self, record: &Record<'_>) -> bool {
        record.get("removed") == Some(true)
    }
}

impl Listing for People {
    type Item = Value;
}

impl Incremental for People {
    type Mark = Timestamp;

    fn since(&self, instant: &Timestamp) -> Self {
        Self(Some(*instant))
    }

    fn mark(&self, record: &Record<'_>) -> Option<Timestamp> {
        Timestamp::from_millisecond(record.get("_modified")?).ok()
    }
}

fn person(id: u64, modified: u64) -> Value {
    json!({"id": id, "name": format!("Person {id}"), "_modified": 1_777_593_600_000_u64 + modified})
}

fn people() -> AnyApi {
    let scheme = Scheme::next_url(ReadAt::header("X-Next-Page")).fixed_positions();
    let list = ListRoute::new("people", scheme).rows((1..=47).map(|id| person(id, id))).records_at("");
    let list = list.default_page_size(10).sorted_by(["/_modified", "/id"]).lower_bound("_since", "/_modified");
    let server = AnyApi::builder().basic(USER.0, USER.1).list(list).in_memory().unwrap();
    // With each request a person enters, one changes, and one is removed, each at another millisecond.
    server.on_request(|number, lists| {
        let rows = lists.rows("people");
        if number <= 12 {
            let index = usize::try_from(number).unwrap();
            rows.push(person(100 + number, 100 + 3 * number));
            rows[index] = person(number + 1, 101 + 3 * number);
            let gone = 30 + number;
            rows[index + 29] =
                json!({"id": gone, "removed": true, "_modified": 1_777_593_600_000_u64 + 102 + 3 * number});
        }
    });
    server
}

#[test]
fn promise_1_a_service_with_urls_in_a_header_and_tombstones_is_synced_and_killed_at_every_poll() {
    // Rows survive the process, as in a database.
    let start = || (people(), TempDir::new().unwrap(), Arc::new(Mutex::new(Rows::new())));
    let sync = async |(server, folder, kept): &(AnyApi, TempDir, Arc<Mutex<Rows>>)| {
        let api = client(server).credentials(Credentials::basic(USER.0, USER.1)?).build()?;
        let mut run = api.list(People::default()).sync_since("people", FileStore::new(folder.path())?).await?;
        while let Some(mut batch) = run.next().await? {
            {
                let mut kept = kept.lock().unwrap();
                kept.extend(batch.take_items().into_iter().map(|row| (row["id"].as_u64().unwrap(), row)));
                batch.removals().filter_map(|record| record.get("id")).for_each(|id: u64| drop(kept.remove(&id)));
            }
            tokio::task::yield_now().await;
            batch.commit().await?;
        }
        Ok(())
    };
    let polls = at_every_poll(start, sync, |(server, _, kept), polls| {
        let mut there = by_id(server, "people");
        let all = there.len();
        there.retain(|_, row| row.get("removed").is_none());
        assert!(there.len() + 4 < all, "{polls}: rows were removed");
        assert_equal(&kept.lock().unwrap(), &there, polls);
    });
    assert!(polls > 12, "killed at {polls} polls only");
}

/// The status and the body of a `GET` with these credentials.
async fn get(server: &AnyApi, path: &str, credentials: &str) -> (u16, http::HeaderMap, Value) {
    let url = server.base_url().join(path).unwrap();
    let answer = reqwest::Client::new().get(url).header("authorization", credentials).send().await.unwrap();
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    (status, headers, serde_json::from_str(&answer.text().await.unwrap()).unwrap())
}

fn ids(body: &Value) -> Vec<u64> {
    body["items"].as_array().unwrap().iter().map(|row| row["id"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn a_simulated_api_checks_credentials_and_limits_each_of_them() {
    let route = ListRoute::new("/v1/items/", Scheme::single_page()).rows([json!({"id": 1})]);
    let throttle = Throttle::new(2, Duration::from_secs(60)).clock(|| Duration::from_secs(7));
    let server = AnyApi::builder().bearer("a-key").throttle(throttle).list(route).start().await.unwrap();
    assert_eq!(get(&server, "v1/items", "Bearer other").await.0, 401);
    for left in ["1", "0"] {
        let (status, headers, body) = get(&server, "v1/items", "Bearer a-key").await;
        assert_eq!((status, ids(&body)), (200, vec![1]));
        assert_eq!(
            (&headers["x-ratelimit-limit"], &headers["x-ratelimit-remaining"]),
            (&"2".parse().unwrap(), &left.parse().unwrap())
        );
    }
    let (status, headers, _) = get(&server, "v1/items", "Bearer a-key").await;
    assert_eq!((status, headers["retry-after"].as_bytes()), (429, &b"60"[..]));
    assert_eq!(get(&server, "v1/others", "Bearer other").await.0, 401);
}

#[tokio::test]
async fn a_simulated_list_applies_a_lower_bound_to_numbers_instants_and_texts() {
    let rows = [
        json!({"id": 1, "n": 9, "at": "2026-05-01T00:00:00.5Z", "text": "b"}),
        json!({"id": 2, "n": 10, "at": "2026-05-01T02:00:00+02:00", "text": "a"}),
        json!({"id": 3, "n": null, "text": null}),
    ];
    for (mark, bound, found) in [
        ("/n", "10", vec![2]),
        ("/n", "9.5", vec![2]),
        ("/at", "2026-05-01T00:00:00.500Z", vec![1]),
        ("/at", "2026-05-01T00:00:00Z", vec![1, 2]),
        ("/text", "b", vec![1]),
    ] {
        let route = ListRoute::new("items", Scheme::single_page()).rows(rows.clone()).lower_bound("from", mark);
        let server = AnyApi::builder().list(route).start().await.unwrap();
        assert_eq!(ids(&get(&server, "items", "").await.2), [1, 2, 3], "a first run has no bound");
        let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("from", bound).finish();
        assert_eq!(ids(&get(&server, &format!("items?{query}"), "").await.2), found, "{mark} {bound}");
    }
}

#[tokio::test]
async fn positions_of_a_simulated_list_shift_unless_they_are_fixed() {
    for fixed in [false, true] {
        let scheme = Scheme::token_at(ReadAt::pointer("/next"), "after").page_size("limit", 2);
        let scheme = if fixed { scheme.fixed_positions() } else { scheme };
        let rows = (1..=4).map(|id| json!({"id": id}));
        let route = ListRoute::new("items", scheme).rows(rows).sorted_by(["/id"]);
        let server = AnyApi::builder().list(route).start().await.unwrap();
        let first = get(&server, "items?limit=2", "").await.2;
        let next = first["next"].as_str().map_or_else(|| first["next"].to_string(), str::to_owned);
        server.with(|lists| drop(lists.rows("items").remove(0)));
        let second = get(&server, &format!("items?limit=2&after={next}"), "").await.2;
        assert_eq!(ids(&second), if fixed { vec![3, 4] } else { vec![4] });
        assert_eq!(get(&server, "items?after=%25", "").await.0, 400, "a position that it did not give");
    }
}

#[test]
fn a_description_that_contradicts_itself_is_refused() {
    let token = || Scheme::token_at(ReadAt::pointer("/next"), "after");
    let routes = [
        (ListRoute::new("items", token().fixed_positions()), "sorted_by"),
        (ListRoute::new("items", token()).records_at("items"), "\"items\" is not a JSON pointer"),
        (ListRoute::new("items", token()).lower_bound("from", "n"), "\"n\" is not a JSON pointer"),
        (ListRoute::new("items", token()).body(json!([])), "not an object"),
        (ListRoute::new("items", token()).records_at(""), "no place"),
        (ListRoute::new("items", Scheme::numbered("page", 1, EndRule::Total)), "total"),
    ];
    for (route, expected) in routes {
        let error = AnyApi::builder().list(route).in_memory().unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
        assert!(error.to_string().contains(expected), "{error}");
    }
}
