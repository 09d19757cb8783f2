//! Lists: orders, pages, windows, filters.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::civil::date;
use jiff::{SignedDuration, Timestamp};
use jobfeed::testing::jobdataapi::Order;
use serde_json::Value;

use super::{get, now, small, sorted, walk};

#[tokio::test]
async fn every_order_hands_out_every_row_once() {
    for order in [Order::PublishedDesc, Order::IdAsc, Order::IdDesc, Order::Shuffled] {
        let api = small().order(order).start().await.unwrap();
        let ids = walk(&api, "jobs/?max_age=off&page_size=70").await;
        assert_eq!(sorted(ids.clone()), api.ids(), "{order:?}");
        let ascending = ids.is_sorted();
        let descending = ids.iter().rev().is_sorted();
        assert_eq!((ascending, descending), (order == Order::IdAsc, order == Order::IdDesc));
        let served = api.served();
        assert_eq!((served.requests, served.rows, served.with_status(200)), (8, 500, 8));
        assert!(served.bytes > 500 * 700, "{}", served.bytes);
    }
    let api = small().order(Order::Unstable).start().await.unwrap();
    let path = "jobs/?max_age=off&page_size=70";
    assert_ne!(get(&api, path).await.ids(), get(&api, path).await.ids());
}

#[tokio::test]
async fn pages_have_the_envelope_of_the_contract() {
    let api = small().start().await.unwrap();
    let page = get(&api, "jobs/?page_size=200&max_age=off&page=2&country_code=US%7CCA&title=r%20w").await;
    assert_eq!((page.status, page.json()["detail"].as_str()), (404, Some("Invalid page.")));

    let page = get(&api, "jobs/?page_size=200&max_age=off&page=2&x=a%7Cb%20c").await.json();
    let link = |page: &str| format!("{}jobs/?max_age=off&{page}page_size=200&x=a%7Cb+c", api.base_url());
    assert_eq!(page["count"], 500);
    assert_eq!(page["next"], link("page=3&"));
    assert_eq!(page["previous"], link(""));
    assert_eq!(page["results"].as_array().unwrap().len(), 200);

    let last = get(&api, "jobs/?page_size=200&max_age=off&page=last").await.json();
    assert_eq!((&last["next"], last["results"].as_array().unwrap().len()), (&Value::Null, 100));
    for bad in ["4", "0", "-1", "x"] {
        let got = get(&api, &format!("jobs/?page_size=200&max_age=off&page={bad}")).await;
        assert_eq!((got.status, got.text.as_str()), (404, r#"{"detail":"Invalid page."}"#));
    }
    for (size, rows) in [("0", 200), ("x", 200), ("9999", 500)] {
        let got = get(&api, &format!("jobs/?max_age=off&page_size={size}")).await;
        assert_eq!(got.ids().len(), rows);
    }
    // An empty list has a first page.
    let empty = get(&api, "jobs/?min_id=999999999").await;
    assert_eq!(empty.text, r#"{"count":0,"next":null,"previous":null,"results":[]}"#);
    // Unknown parameters are ignored.
    assert_eq!(get(&api, "jobs/?ordering=-id&max_age=off&page_size=5000").await.ids().len(), 500);
}

#[tokio::test]
async fn slicing_is_inclusive_and_the_implicit_window_is_90_days() {
    let api = small().start().await.unwrap();
    let list = async |query: &str| sorted(get(&api, &format!("jobs/?page_size=5000&{query}")).await.ids());
    let younger = |days: i64, moment: Timestamp| {
        let edge = moment - SignedDuration::from_hours(24 * days);
        let ids = api.ids().into_iter();
        ids.filter(|&id| api.with(|data| data.published(id).unwrap()) >= edge).collect::<Vec<u64>>()
    };
    let recent = younger(90, now());
    assert!(recent.len() > 300 && recent.len() < 480, "{}", recent.len());
    assert_eq!(list("").await, recent);
    assert_eq!(list("max_age=90").await, recent);
    assert_eq!(list("max_age=3").await, younger(3, now()));
    for off in ["off", "null", "0"] {
        assert_eq!(list(&format!("max_age={off}")).await, api.ids());
    }
    let older: Vec<u64> = api.ids().into_iter().filter(|id| !recent.contains(id)).collect();
    assert_eq!(list("min_age=90").await, older);

    let (since, until) = (date(2026, 8, 1), date(2026, 8, 3));
    let days = api.ids_published_between(since, until);
    assert!(days.len() > 3);
    assert_eq!(list("published_since=2026-08-01&published_until=2026-08-03").await, days);
    let all = api.ids();
    let (low, high) = (all[100], all[199]);
    assert_eq!(list(&format!("min_id={low}&max_id={high}")).await, all[100..200]);
    assert_eq!(list(&format!("min_id={low}")).await, all[100..]);

    for (query, field) in [
        ("published_since=2026-8-1", "published_since"),
        ("published_until=2026-08-01T00:00:00Z", "published_until"),
        ("min_id=x", "min_id"),
        ("max_age=-1", "max_age"),
        ("has_remote=maybe", "has_remote"),
        ("type_id=1%7Cx", "type_id"),
    ] {
        let got = get(&api, &format!("jobs/?{query}")).await;
        assert_eq!(got.status, 400, "{query}");
        assert!(got.json()[field][0].is_string(), "{}", got.text);
    }
}

#[tokio::test]
async fn jobs_grow_older_when_time_moves() {
    let seconds = Arc::new(AtomicI64::new(now().as_second()));
    let clock = Arc::clone(&seconds);
    let world = move || Timestamp::from_second(clock.load(Ordering::Relaxed)).unwrap();
    let api = small().now_from(world).start().await.unwrap();
    let before = get(&api, "jobs/?page_size=5000").await.ids().len();
    seconds.fetch_add(40 * 86_400, Ordering::Relaxed);
    let after = get(&api, "jobs/?page_size=5000").await.ids().len();
    assert!(after + 100 < before, "{before} {after}");
}

#[tokio::test]
async fn filters_follow_the_multi_value_grammar() {
    let api = small().start().await.unwrap();
    let list = async |query: &str| {
        get(&api, &format!("jobs/?max_age=off&page_size=5000&{query}")).await.json()["results"]
            .as_array()
            .unwrap()
            .clone()
    };
    let codes = |row: &Value| -> Vec<String> {
        let countries = row["countries"].as_array().unwrap().iter();
        countries.map(|country| country["code"].as_str().unwrap().to_owned()).collect()
    };
    let rows = list("country_code=US|CA").await;
    assert!(rows.len() > 30 && rows.len() < 250);
    assert!(rows.iter().all(|row| codes(row).iter().any(|code| code == "US" || code == "CA")));
    let rest = list("country_code=-US%7C-CA").await;
    assert!(rest.iter().all(|row| !codes(row).iter().any(|code| code == "US" || code == "CA")));
    assert_eq!(rows.len() + rest.len(), 500);

    let title = |row: &Value| row["title"].as_str().unwrap().to_lowercase();
    let rows = list("title=welder|OR|BÄCKER|OR|-senior").await;
    assert!(!rows.is_empty());
    assert!(
        rows.iter()
            .all(|row| (title(row).contains("welder") || title(row).contains("bäcker"))
                && !title(row).contains("senior"))
    );
    // Keywords under three characters are ignored, and so widen the query.
    assert_eq!(list("title=zz").await.len(), 500);
    assert_eq!(list("title=zzz").await.len(), 0);
    let rows = list("type_id=1|4").await;
    assert!(!rows.is_empty() && rows.iter().all(|row| [1, 4].contains(&row["types"][0]["id"].as_u64().unwrap())));
    let company = list("").await.iter().find_map(|row| row["company"]["id"].as_u64()).unwrap();
    let rows = list(&format!("company_id={company}")).await;
    assert!(!rows.is_empty() && rows.iter().all(|row| row["company"]["id"] == company));
    for (query, member, value) in [
        ("has_remote=true", "has_remote", Value::from(true)),
        ("language=de", "language", Value::from("de")),
        ("experience_level=SE", "experience_level", Value::from("SE")),
        ("exclude_expired=true", "expired", Value::Null),
    ] {
        let rows = list(query).await;
        assert!(!rows.is_empty() && rows.len() < 500, "{query} {}", rows.len());
        assert!(rows.iter().all(|row| row[member] == value), "{query}");
    }
    let rows = list("description_str=true").await;
    assert!(rows.iter().all(|row| !row["description_string"].as_str().unwrap().contains("<p>")));

    let many = vec!["US"; 51].join("|");
    let got = get(&api, &format!("jobs/?country_code={many}")).await;
    assert_eq!(got.status, 400);
}
