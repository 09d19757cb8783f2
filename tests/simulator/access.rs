//! Keys, subscriptions, throttles, paths.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jobfeed::testing::jobdataapi::Subscription;
use serde_json::Value;

use super::{KEY, client, get, small, try_get};

#[tokio::test]
async fn only_the_key_opens_and_nothing_shows_it() {
    let api = small().start().await.unwrap();
    let url = format!("{}jobs/", api.base_url());
    for key in [None, Some("wrong"), Some("")] {
        let got = try_get(&url, key).await.unwrap();
        assert_eq!((got.status, got.json()["detail"].is_string()), (403, true));
    }
    let bearer = client().get(&url).header("Authorization", format!("Bearer {KEY}"));
    assert_eq!(bearer.send().await.unwrap().status(), 403);
    let in_query = try_get(&format!("{url}?api_key={KEY}"), None).await.unwrap();
    assert_eq!(in_query.status, 200);
    assert!(in_query.next().unwrap().contains(KEY), "the link echoes the query, as the real one does");
    assert_eq!(get(&api, "jobs/").await.status, 200);

    let served = api.served();
    let authorized: Vec<bool> = served.log.iter().map(|request| request.authorized).collect();
    assert_eq!(authorized, [false, true, true, true, false, true]);
    assert_eq!(served.log[4].param("api_key"), Some("***"));
    for shown in [format!("{api:?}"), format!("{served:?}"), format!("{:?}", small())] {
        assert!(!shown.contains(KEY), "{shown}");
    }
    // Reference lists are public.
    let url = format!("{}jobtypes/", api.base_url());
    assert_eq!(try_get(&url, None).await.unwrap().status, 200);
}

#[tokio::test]
async fn subscriptions_decide_what_is_there() {
    for (subscription, slicing, pro) in [
        (Subscription::Lite, 403, 403),
        (Subscription::Access, 200, 403),
        (Subscription::Pro, 200, 200),
        (Subscription::Ultra, 200, 200),
    ] {
        let api = small().subscription(subscription).start().await.unwrap();
        assert_eq!(get(&api, "jobs/").await.status, 200);
        let got = get(&api, "jobs/?min_id=5").await;
        assert_eq!(got.status, slicing, "{subscription:?}");
        assert_eq!(got.json()["detail"].is_string(), slicing == 403);
        for path in ["jobsexpired/", "companies/", "tags/", "jobs/?description=dog", "jobs/?company_source_id=3"] {
            assert_eq!(get(&api, path).await.status, pro, "{subscription:?} {path}");
        }
        let company = get(&api, "jobs/").await.json()["results"][0]["company"]["id"].clone();
        assert_eq!(get(&api, &format!("companies/{company}/")).await.status, 200);
    }
    let api = small().subscription(Subscription::Lite).lite_ignores_slicing(true).start().await.unwrap();
    let all = get(&api, "jobs/?page_size=5000").await.text;
    assert_eq!(
        get(&api, "jobs/?page_size=5000&min_id=999999999").await.json()["count"],
        serde_json::from_str::<Value>(&all).unwrap()["count"]
    );

    let api = small().subscription(Subscription::Anonymous).start().await.unwrap();
    let url = format!("{}jobs/", api.base_url());
    let first = try_get(&url, None).await.unwrap();
    let second = try_get(&format!("{url}?page=2&page_size=500"), None).await.unwrap();
    assert_eq!(first.ids().len(), 20);
    assert_eq!(first.ids(), second.ids(), "page and page_size are ignored");
    for _ in 0..8 {
        assert_eq!(try_get(&url, None).await.unwrap().status, 200);
    }
    let refused = try_get(&url, None).await.unwrap();
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert_eq!(refused.status, 429);
    assert!((3_500..=3_600).contains(&wait), "{wait}");
}

#[tokio::test]
async fn the_throttle_slides_and_tells_how_long() {
    for (count_rejected, wait_after) in [(false, 30), (true, 50)] {
        let seconds = Arc::new(AtomicU64::new(0));
        let clock = Arc::clone(&seconds);
        let clock = move || Duration::from_secs(clock.load(Ordering::Relaxed));
        let api = small()
            .throttle(2, Duration::from_secs(60))
            .count_rejected(count_rejected)
            .throttle_clock(clock)
            .start()
            .await
            .unwrap();
        let at = async |second: u64| {
            seconds.store(second, Ordering::Relaxed);
            get(&api, "jobs/?page_size=1").await
        };
        assert_eq!(at(0).await.status, 200);
        assert_eq!(at(20).await.status, 200);
        let refused = at(30).await;
        assert_eq!(refused.status, 429);
        let wait = refused.header("retry-after").unwrap().to_owned();
        let text = format!("Request was throttled. Expected available in {wait} seconds.");
        assert_eq!(refused.json()["detail"], text.as_str());
        assert_eq!(wait.parse::<u64>().unwrap(), wait_after);
        assert_eq!(at(30 + wait_after).await.status, 200);
        assert_eq!(api.served().with_status(429), 1);
    }
}

#[tokio::test]
async fn other_paths_and_methods_are_answered_as_django_does() {
    let api = small().start().await.unwrap();
    let moved = get(&api, "jobs?page=2&x=%7C").await;
    assert_eq!((moved.status, moved.header("location")), (301, Some("/api/jobs/?page=2&x=%7C")));
    let lost = get(&api, "nothing/").await;
    assert_eq!((lost.status, lost.header("content-type")), (404, Some("text/html; charset=utf-8")));
    let url = format!("{}jobs/", api.base_url());
    let posted = client().post(url).send().await.unwrap();
    assert_eq!(posted.status(), 405);
    let numbers: Vec<Option<u64>> = api.served().log.iter().map(|request| request.list_number).collect();
    assert_eq!(numbers, [None, None, None]);
    // Links are made from the name that the client called.
    let port = api.base_url().port().unwrap();
    let url = format!("http://localhost:{port}/api/jobs/?page_size=10");
    let got = client().get(url).header("Authorization", format!("Api-Key {KEY}")).send().await.unwrap();
    assert!(got.text().await.unwrap().contains(&format!("http://localhost:{port}/api/jobs/?page=2")));
}
