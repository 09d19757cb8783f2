//! APIs in a file: round trips, what a bad description is told, what a good one sends.

use std::time::Duration;

use futures::TryStreamExt;
use jobfeed::checkpoint::MemoryStore;
use jobfeed::rest::Api;
use jobfeed::{Error, RateLimit};
use serde_json::{Value, json};

use super::sent;
use crate::support::{Reply, Script};

fn description() -> Value {
    json!({
        "name": "own",
        "base_url": "http://own.test/v1/",
        "credentials": {"header": {"name": "Authorization", "prefix": "Bearer "}},
        "headers": {"X-Version": "3"},
        "rate_limit": {"requests": 60, "per": 60},
        "timeout": 20,
        "page_timeout": 90.5,
        "endpoints": {
            "jobs": {
                "path": "jobs",
                "query": {"state": "open", "tag": ["a", 2], "expand": true},
                "paginate": {
                    "by": {"token_at": {"at": {"pointer": "/next"}, "send": {"query": "cursor"}}},
                    "page_size": {"send": {"query": "limit"}, "records": 2},
                    "total": {"header": "x-total"},
                    "fixed_positions": true
                },
                "records_at": "/data",
                "key": "id",
                "watermark": {
                    "mark": {"instant": "/updated"},
                    "send": {"query": "since"},
                    "format": "rfc3339_seconds",
                    "covers": "highest_seen",
                    "overlap": 60,
                    "lag": 0.5
                },
                "removals": {"equals": {"field": "/deleted", "value": true}}
            },
            "search": {
                "path": "search",
                "method": "post",
                "headers": {"X-Tenant": "t"},
                "body": {"all": true},
                "paginate": {"by": "link_header"}
            }
        }
    })
}

const TOML: &str = r#"
name = "own"
base_url = "http://own.test/v1/"
credentials = { header = { name = "Authorization", prefix = "Bearer " } }
rate_limit = { requests = 60, per = 60 }

[endpoints.jobs]
path = "jobs"
query = { state = "open", tag = ["a", 2] }
records_at = "/data"
key = "id"

[endpoints.jobs.paginate]
by = { numbered = { send = { query = "page" }, end = "total" } }
total = { header = "x-total-count" }

[endpoints.jobs.watermark]
mark = { unix_seconds = "/updated" }
send = { query = "since" }
lag = 5
"#;

#[test]
fn a_description_is_the_same_after_a_round_trip_in_json_and_toml() {
    let api = Api::from_json(&description().to_string()).unwrap();
    assert_eq!(serde_json::to_value(&api).unwrap()["endpoints"]["jobs"], description()["endpoints"]["jobs"]);
    assert_eq!(Api::from_json(&serde_json::to_string(&api).unwrap()).unwrap(), api);
    let written = toml::to_string(&api).unwrap();
    assert_eq!(Api::read(toml::Deserializer::parse(&written).unwrap()).unwrap(), api);
    let read = Api::read(toml::Deserializer::parse(TOML).unwrap()).unwrap();
    assert_eq!(Api::from_json(&serde_json::to_string(&read).unwrap()).unwrap(), read);
}

/// The description with another value, or without one, at a JSON pointer.
fn changed(pointer: &str, value: Option<Value>) -> String {
    let mut api = description();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = api.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    match value {
        Some(value) => _ = parent.insert(name.to_owned(), value),
        None => _ = parent.remove(name),
    }
    api.to_string()
}

#[test]
fn a_bad_description_names_the_field_and_what_is_expected_and_repeats_no_value() {
    let by = "/endpoints/jobs/paginate/by";
    let secret = || Some(json!("s3cret"));
    let cases: Vec<(&str, Option<Value>, &str, &str)> = vec![
        // What serde finds.
        ("/name", None, "name", "a value"),
        ("/kee", secret(), "kee", "`base_url`"),
        ("/credentials", secret(), "credentials", "`header`"),
        ("/credentials/header/secret", secret(), "credentials.header.secret", "`prefix`"),
        ("/timeout", secret(), "timeout", "f64"),
        ("/timeout", Some(json!(-1)), "timeout", "0 or more"),
        ("/rate_limit/per", Some(json!(1.5)), "rate_limit.per", "u64"),
        ("/endpoints/jobs/path", None, "endpoints.jobs.path", "a value"),
        ("/endpoints/jobs/kee", secret(), "endpoints.jobs.kee", "`key`"),
        ("/endpoints/jobs/key", Some(json!(3)), "endpoints.jobs.key", "a string"),
        ("/endpoints/jobs/key", Some(json!("/id")), "endpoints.jobs.key", "not a JSON pointer"),
        ("/endpoints/jobs/method", Some(json!("put")), "endpoints.jobs.method", "`post`"),
        (by, secret(), "endpoints.jobs.paginate.by", "`link_header`"),
        ("/endpoints/jobs/paginate/by/token_at/send", None, "endpoints.jobs.paginate.by.token_at.send", "a value"),
        ("/endpoints/jobs/paginate/by/token_at/param", secret(), "endpoints.jobs.paginate.by.token_at.param", "`send`"),
        (
            "/endpoints/jobs/paginate/by/token_at/send/query",
            Some(json!(1)),
            "endpoints.jobs.paginate.by.token_at.send.query",
            "a string",
        ),
        (by, Some(json!({"numbered": {"send": {"query": "p"}}})), "endpoints.jobs.paginate.by.numbered.end", "a value"),
        (
            by,
            Some(json!({"numbered": {"send": {"query": "p"}, "end": "x"}})),
            "endpoints.jobs.paginate.by.numbered.end",
            "`total`",
        ),
        ("/endpoints/jobs/watermark/mark", Some(json!({"date": "/d"})), "endpoints.jobs.watermark.mark", "`instant`"),
        ("/endpoints/jobs/watermark/overlap", Some(json!(-1)), "endpoints.jobs.watermark.overlap", "u64"),
        ("/endpoints/jobs/removals/equals/value", None, "endpoints.jobs.removals.equals.value", "a value"),
        // What only the whole shows.
        ("/name", Some(json!("")), "name", "not empty"),
        ("/base_url", Some(json!("http://user:s3cret@own.test/")), "base_url", "without credentials"),
        ("/credentials/header/name", Some(json!("a b")), "credentials.header.name", "the name of a header"),
        ("/credentials", Some(json!({"query": {"name": ""}})), "credentials.query.name", "the name of a parameter"),
        ("/headers/Authorization", secret(), "headers.Authorization", "credentials"),
        ("/headers/X-A", Some(json!("a\nb")), "headers.X-A", "control characters"),
        ("/rate_limit/requests", Some(json!(0)), "rate_limit.requests", "1 or more"),
        ("/page_timeout", Some(json!(0)), "page_timeout", "longer than zero"),
        ("/timeout", Some(json!(400)), "timeout", "page_timeout"),
        ("/rate_limit/per", Some(json!(86_400)), "rate_limit", "page_timeout"),
        ("/endpoints/jobs/path", Some(json!("//other.test/jobs")), "endpoints.jobs.path", "origin"),
        ("/endpoints/jobs/query/state", Some(json!(null)), "endpoints.jobs.query.state", "a text"),
        ("/endpoints/jobs/query/cursor", secret(), "endpoints.jobs.query.cursor", "`paginate` sends it"),
        ("/endpoints/jobs/query/since", secret(), "endpoints.jobs.query.since", "`watermark` sends it"),
        ("/endpoints/jobs/headers", Some(json!({"Cookie": "s3cret"})), "endpoints.jobs.headers.Cookie", "credentials"),
        ("/endpoints/jobs/body", Some(json!({})), "endpoints.jobs.body", "`post`"),
        ("/endpoints/jobs/records_at", Some(json!("data")), "endpoints.jobs.records_at", "JSON pointer"),
        ("/endpoints/jobs/key", Some(json!("")), "endpoints.jobs.key", "the name of a field"),
        (
            "/endpoints/jobs/paginate/by/token_at/at/pointer",
            Some(json!("n")),
            "endpoints.jobs.paginate.by.token_at.at.pointer",
            "JSON pointer",
        ),
        (
            "/endpoints/jobs/watermark/send/query",
            Some(json!("")),
            "endpoints.jobs.watermark.send.query",
            "the name of a parameter",
        ),
        ("/endpoints/jobs/watermark/covers", Some(json!("envelope")), "endpoints.jobs.watermark.covers", "delta token"),
        (
            "/endpoints/jobs/removals/equals/field",
            Some(json!("d")),
            "endpoints.jobs.removals.equals.field",
            "JSON pointer",
        ),
    ];
    for (pointer, value, field, expected) in cases {
        let text = changed(pointer, value.clone());
        let error = Api::from_json(&text).expect_err(&text);
        let Error::Invalid { what, rule, .. } = &error else { panic!("{pointer}: {error}") };
        assert_eq!(what, field, "{error}");
        assert!(rule.contains(expected), "{pointer}: {error}");
        assert!(!format!("{error} {error:?}").contains("s3cret"), "{error}");
    }
    let error = Api::from_json("{\"name\": \"s3cret").unwrap_err().to_string();
    assert!(error.contains("well-formed") && !error.contains("s3cret"), "{error}");
    let toml = TOML.replace("end = \"total\"", "ends = \"total\"");
    let error = Api::read(toml::Deserializer::parse(&toml).unwrap()).unwrap_err();
    assert!(
        matches!(&error, Error::Invalid { what, .. } if what == "endpoints.jobs.paginate.by.numbered.ends"),
        "{error}"
    );
}

#[tokio::test]
async fn a_described_api_sends_its_headers_and_its_credential_and_syncs() {
    let script = Script::new(|index, _| match index {
        0 => Reply::page(r#"{"data":[{"id":1,"updated":"2026-05-01T10:00:00.7Z"},{"id":2}],"next":"n"}"#),
        1 => Reply::page(r#"{"data":[{"id":3,"deleted":true}],"next":null}"#),
        _ => Reply::page(r#"{"data":[],"next":""}"#),
    });
    let api = Api::from_json(&description().to_string()).unwrap();
    let builder = api.builder().unwrap().credentials(api.credentials("s3cret-key").unwrap());
    let builder = builder.transport(script.clone()).rate_limit(RateLimit::unlimited());
    let client = api.over(builder.build().unwrap()).unwrap();
    assert!(!format!("{client:?}").contains("s3cret"));
    let store = MemoryStore::new();
    for _ in 0..2 {
        let mut run = client.list::<Value>("jobs").unwrap().sync_since("k", &store).await.unwrap();
        while let Some(batch) = run.next().await.unwrap() {
            batch.commit().await.unwrap();
        }
        assert_eq!(run.report().strategy, "by-mark");
    }
    let filters = "expand=true&state=open&tag=a&tag=2";
    assert_eq!(
        sent(&script),
        [
            format!("/v1/jobs?{filters}&limit=2"),
            format!("/v1/jobs?{filters}&limit=2&cursor=n"),
            format!("/v1/jobs?{filters}&since=2026-05-01T09%3A59%3A00Z&limit=2"),
        ]
    );
    let log = script.log.lock().unwrap();
    assert!(log.iter().all(|(_, sent)| sent.headers()["authorization"] == "Bearer s3cret-key"));
    assert!(log.iter().all(|(_, sent)| sent.headers()["x-version"] == "3"));
    drop(log);
    let error = client.list::<Value>("job").unwrap_err();
    assert!(error.to_string().contains("jobs, search"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn the_limits_of_a_description_hold() {
    let script = Script::new(|index, _| if index == 2 { Reply::Silent } else { Reply::page("[]") });
    let mut api = Api::from_json(&description().to_string()).unwrap();
    api.timeout = Some(Duration::from_millis(2500));
    let retry = jobfeed::RetryPolicy::none();
    let client = api.over(api.builder().unwrap().transport(script.clone()).retry(retry).build().unwrap()).unwrap();
    let search = || client.list::<Value>("search").unwrap().items().try_collect::<Vec<_>>();
    search().await.unwrap();
    search().await.unwrap();
    let error = search().await.unwrap_err();
    assert!(matches!(error, Error::Timeout { limit, .. } if limit == Duration::from_millis(2500)), "{error}");
    assert_eq!(script.times(), [0, 1000, 2000], "60 a minute");
    let log = script.log.lock().unwrap();
    assert_eq!((log[0].1.method().as_str(), &log[0].1.body()[..]), ("POST", &br#"{"all":true}"#[..]));
    assert_eq!(log[0].1.headers()["x-tenant"], "t");
}

#[tokio::test]
async fn promise_8_a_secret_in_the_query_is_sent_and_not_kept() {
    let script = Script::replies(vec![Reply::page(r#"{"data":[{"id":1}],"next":"n"}"#)]);
    let api = Api::from_json(&changed("/credentials", Some(json!({"query": {"name": "api_key"}})))).unwrap();
    let client = client_with(&api, "s3cret-key", &script);
    let page = client.list::<Value>("jobs").unwrap().send().await.unwrap();
    assert!(sent(&script)[0].ends_with("&api_key=s3cret-key"), "{:?}", sent(&script));
    assert!(!format!("{client:?} {:?}", page.next_cursor()).contains("s3cret"));
    let other = client_with(&api, "an0ther-key", &script);
    other.list::<Value>("jobs").unwrap().resume_from(page.next_cursor().unwrap().clone()).send().await.unwrap();
}

fn client_with(api: &Api, secret: &str, script: &Script) -> jobfeed::rest::ApiClient {
    let builder = api.builder().unwrap().credentials(api.credentials(secret).unwrap());
    api.over(builder.transport(script.clone()).build().unwrap()).unwrap()
}

#[test]
fn a_secret_needs_a_place_in_the_description() {
    let api = Api::from_json(&changed("/credentials", None)).unwrap();
    let error = api.credentials("s3cret").unwrap_err();
    assert!(matches!(&error, Error::Invalid { what, .. } if what == "credentials"), "{error}");
    api.client(jobfeed::Credentials::none()).unwrap();
}

#[tokio::test]
async fn promise_8_the_values_of_headers_query_and_body_are_not_shown() {
    let script = Script::replies(vec![Reply::page("[]")]);
    let api = super::client(&script).header("X-Api-Key", "s3cr3t-value").unwrap();
    let list = api.list::<Value>("rows").header("X-Key", "s3cr3t-value").query("key", "s3cr3t-value");
    let list = list.search(json!({"key": "s3cr3t-value"}));
    let shown = format!("{api:?} {list:?} {:?}", list.clone().sync_since("k", MemoryStore::new()));
    assert!(!shown.contains("s3cr3t"), "{shown}");
    let json =
        json!({"name": "x", "base_url": "http://own.test/", "headers": {"X-Key": "s3cr3t-value"}, "endpoints": {}});
    let api = Api::from_json(&json.to_string()).unwrap();
    let shown = format!("{api:?}");
    assert!(!shown.contains("s3cr3t"), "{shown}");
}
