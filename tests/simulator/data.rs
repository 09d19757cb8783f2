//! The data, its changes and its other lists.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::civil::date;
use jobfeed::testing::jobdataapi::{Insert, Order, Subscription};
use serde_json::Value;

use super::{get, now, small, walk};

#[tokio::test]
async fn data_changes_while_a_client_pages() {
    let api = small().order(Order::IdAsc).start().await.unwrap();
    let before = api.ids();
    let gone: Vec<u64> = before[..50].to_vec();
    api.before_request(2, move |data| {
        assert_eq!(data.delete(&gone), 50);
        data.insert(30, Insert::Old { days: 200 });
    });
    let seen = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&seen);
    api.on_request(move |number, data| {
        counter.fetch_max(number, Ordering::Relaxed);
        data.insert(1, Insert::Recent);
    });
    let ids = walk(&api, "jobs/?max_age=off&page_size=100").await;
    assert_eq!(seen.load(Ordering::Relaxed), 5);
    let now_there: BTreeSet<u64> = api.ids().into_iter().collect();
    assert_eq!(now_there.len(), 500 - 50 + 30 + 5);
    // The walk by page number skipped fifty rows that were there all the time.
    let got: BTreeSet<u64> = ids.into_iter().collect();
    let missed = before[50..].iter().filter(|id| !got.contains(id)).count();
    assert_eq!(missed, 50);
}

#[tokio::test]
async fn ids_grow_with_gaps_and_dates_may_lie_back() {
    let api = small().start().await.unwrap();
    let before = api.ids();
    assert_eq!(before.len(), 500);
    assert!(before.is_sorted());
    assert!(before.last().unwrap() - before[0] > 520, "there are gaps");
    let last = *before.last().unwrap();
    let age = |id: u64| now().duration_since(api.with(|data| data.published(id).unwrap())).as_hours();
    assert!(before.iter().all(|&id| (0..120 * 24).contains(&age(id))));

    let recent = api.insert(10, Insert::Recent);
    let old = api.insert(10, Insert::Old { days: 200 });
    let on = api.insert(10, Insert::On(date(2026, 1, 31)));
    assert!(recent[0] > last && old[0] > recent[9] && on[0] > old[9]);
    assert!(recent.iter().all(|&id| (0..6).contains(&age(id))));
    assert!(old.iter().all(|&id| (200 * 24..201 * 24).contains(&age(id))));
    assert_eq!(api.ids_published_between(date(2026, 1, 31), date(2026, 1, 31)), on);

    // A transaction that is committed late: its ids turn up below the highest one.
    let late = api.with(|data| data.reserve(3));
    let newer = api.insert(2, Insert::Recent);
    assert!(!api.ids().contains(&late[0]));
    api.with(|data| data.insert_reserved(&late, Insert::Recent));
    assert!(late[2] < newer[0] && late.iter().all(|id| api.ids().contains(id)));
    assert!(api.ids().is_sorted());

    assert_eq!(api.delete(&recent), 10);
    assert_eq!(api.delete(&recent), 0);
    assert!(api.insert(1, Insert::Recent)[0] > newer[1]);
}

#[tokio::test]
async fn records_are_the_same_for_the_same_seed_and_as_long_as_asked() {
    let [one, two] = [small().start().await.unwrap(), small().start().await.unwrap()];
    let path = "jobs/?max_age=off&page_size=5000";
    let text = get(&one, path).await.text;
    let results = |text: &str| text.split_once("\"results\"").unwrap().1.to_owned();
    assert_eq!(results(&text), results(&get(&two, path).await.text));
    for id in one.ids() {
        assert!(text.contains(&one.record(id).unwrap()));
    }
    assert_eq!(one.record(1), None);
    let id = one.ids()[3];
    assert_eq!(get(&one, &format!("jobs/{id}/")).await.text, one.record(id).unwrap());
    assert_eq!(get(&one, "jobs/1/").await.status, 404);

    let other = small().seed(8).start().await.unwrap();
    assert_ne!(results(&text), results(&get(&other, path).await.text));
    for size in [1_200, 3_000, 20_000] {
        let api = small().record_size(size).start().await.unwrap();
        let total: usize = api.ids().iter().map(|&id| api.record(id).unwrap().len()).sum();
        let mean = total / 500;
        assert!(mean > size * 85 / 100 && mean < size * 115 / 100, "{size}: {mean}");
    }
}

#[tokio::test]
async fn records_are_as_irregular_as_in_real_life() {
    let api = small().start().await.unwrap();
    let texts: Vec<String> = api.ids().iter().map(|&id| api.record(id).unwrap()).collect();
    let rows: Vec<Value> = texts.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
    let mut kinds: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for row in rows.iter().map(|row| row.as_object().unwrap()) {
        for name in [
            "ext_id",
            "company",
            "location",
            "types",
            "cities",
            "countries",
            "expired",
            "experience_level",
            "language",
            "salary_min",
            "salary_max",
            "salary_currency",
        ] {
            let kind = match row.get(name) {
                None => "absent",
                Some(Value::Null) => "null",
                Some(Value::String(text)) if text.is_empty() => "empty",
                Some(Value::Array(list)) if list.is_empty() => "empty",
                Some(_) => "value",
            };
            kinds.entry(name).or_default().insert(kind);
        }
    }
    assert_eq!(kinds["cities"], BTreeSet::from(["absent", "empty", "null", "value"]));
    assert_eq!(kinds["experience_level"], BTreeSet::from(["empty", "null", "value"]));
    for name in ["ext_id", "company", "expired", "language", "salary_min", "salary_max"] {
        assert_eq!(kinds[name], BTreeSet::from(["null", "value"]), "{name}");
    }
    for name in ["types", "countries", "location"] {
        assert_eq!(kinds[name], BTreeSet::from(["empty", "value"]), "{name}");
    }
    for sign in ["🚀", "\\ud83d\\ude80", "ü", "\\u00fc", "\\\"", "\\\\", "\\n", "\\/", "\\t"] {
        assert!(texts.iter().any(|text| text.contains(sign)), "{sign}");
    }
}

#[tokio::test]
async fn expired_jobs_have_their_own_list() {
    let api = small().subscription(Subscription::Pro).start().await.unwrap();
    let before = get(&api, "jobsexpired/?page_size=5000").await.ids();
    assert!(!before.is_empty());
    let id = *api.ids().iter().find(|id| !before.contains(id)).unwrap();
    assert_eq!(get(&api, &format!("jobsexpired/{id}/")).await.status, 404);
    assert_eq!(api.expire(&[id, 1]), 1);
    assert_eq!(get(&api, &format!("jobs/{id}/")).await.json()["expired"], "2026-09-20T12:00:00Z");
    assert_eq!(get(&api, &format!("jobsexpired/{id}/")).await.json()["expired"], "2026-09-20T12:00:00Z");
    assert_eq!(get(&api, "jobsexpired/?page_size=5000").await.ids().len(), before.len() + 1);
    assert!(get(&api, "jobsexpired/?expired_since=2026-09-20").await.ids().contains(&id));
    assert!(!get(&api, "jobsexpired/?expired_until=2026-09-19").await.ids().contains(&id));
    assert_eq!(get(&api, "jobsexpired/?expired_since=x").await.status, 400);
    // Once more: the time of expiry is the newest.
    assert_eq!(api.expire(&[before[0]]), 1);
    assert_eq!(get(&api, &format!("jobs/{}/", before[0])).await.json()["expired"], "2026-09-20T12:00:00Z");
}

#[tokio::test]
async fn reference_lists_have_their_shapes() {
    let api = small().subscription(Subscription::Pro).start().await.unwrap();
    for (path, rows) in
        [("jobcountries/", 20), ("jobregions/", 6), ("jobtypes/", 6), ("industries/", 6), ("companytypes/", 4)]
    {
        let list = get(&api, path).await.json();
        assert_eq!(list.as_array().unwrap().len(), rows, "{path}");
        assert!(list[0]["id"].is_u64() && list[0]["name"].is_string());
    }
    for (path, total, identity) in [
        ("companies/", 400, "id"),
        ("tags/", 50, "id"),
        ("jobcities/", 720, "geonameid"),
        ("jobstates/", 240, "geonameid"),
        ("currencyrates/", 120, "id"),
    ] {
        let list = get(&api, path).await.json();
        assert_eq!(list["count"], total, "{path}");
        assert_eq!(list["results"].as_array().unwrap().len(), total.min(200));
        let first = &list["results"][0];
        if path != "currencyrates/" {
            let one = get(&api, &format!("{path}{}/", first[identity])).await;
            assert_eq!((one.status, &one.json()), (200, first));
        }
    }
    let count = async |path: &str| get(&api, path).await.json()["count"].as_u64().unwrap();
    assert_eq!(count("jobstates/?country_code=DE").await, 12);
    assert_eq!(count("jobstates/?country_code=DE&code=03").await, 1);
    assert_eq!(count("jobcities/?country_code=DE|FR").await, 72);
    assert_eq!(count("tags/?tag_type=ROLE1|2").await, 20);
    assert_eq!(count("tags/?parent_id=1").await, 3);
    assert_eq!(count("currencyrates/?date_from=2026-09-01&date_to=2026-09-05").await, 5);
    assert_eq!(count("currencyrates/?date=2026-09-05").await, 1);
    let all = count("companies/").await;
    assert!((1..all).contains(&count("companies/?industry_id=1|79").await));
    assert!((1..all).contains(&count("companies/?min_size=100&max_size=5000").await));
    let tag = get(&api, "tags/?tag_type=3").await.json()["results"][0].clone();
    assert!(tag["parent"]["parent"]["name"].is_string());
    assert_eq!(tag["parent"]["parent"]["parent"], Value::Null);
}
