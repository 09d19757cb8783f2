//! Every fault, and when it comes.

use std::time::{Duration, Instant};

use jobfeed::testing::jobdataapi::Order;
use jobfeed::testing::{Fault, JobDataApi, TotalForm, When};
use serde_json::Value;

use super::{Got, KEY, client, get, small, try_get, walk};

/// A page of 100 of 500 rows, with one fault.
async fn faulty(fault: Fault, path: &str) -> (JobDataApi, Result<Got, reqwest::Error>) {
    let api = small().order(Order::IdAsc).start().await.unwrap();
    api.fault(fault, When::Always);
    let url = format!("{}{path}", api.base_url());
    let got = try_get(&url, Some(KEY)).await;
    (api, got)
}

const PAGE_2: &str = "jobs/?max_age=off&page=2&page_size=100";

#[tokio::test]
async fn faults_that_stand_in_for_the_answer() {
    let fault = Fault::Status { code: 429, retry_after: Some(17) };
    let (api, got) = faulty(fault, PAGE_2).await;
    let got = got.unwrap();
    assert_eq!((got.status, got.header("retry-after")), (429, Some("17")));
    assert_eq!(got.json()["detail"], "Request was throttled. Expected available in 17 seconds.");
    assert_eq!(api.served().log[0].faults, ["Status"]);
    assert_eq!(api.served().rows, 0);

    let got = faulty(Fault::Status { code: 502, retry_after: None }, PAGE_2).await.1.unwrap();
    assert_eq!((got.status, got.header("content-type")), (502, Some("text/html; charset=utf-8")));
    let got = faulty(Fault::Html, PAGE_2).await.1.unwrap();
    assert_eq!((got.status, got.text.starts_with("<!doctype html>")), (200, true));
    let got = faulty(Fault::ErrorObject, PAGE_2).await.1.unwrap();
    assert_eq!((got.status, got.json()["detail"].is_string()), (200, true));
    let got = faulty(Fault::Redirect("http://127.0.0.1:9/x".into()), PAGE_2).await.1.unwrap();
    assert_eq!((got.status, got.header("location")), (302, Some("http://127.0.0.1:9/x")));

    let fault = Fault::RedirectWith { code: 308, location: "http://127.0.0.1:9/x".into() };
    let got = faulty(fault, PAGE_2).await.1.unwrap();
    assert_eq!((got.status, got.header("location")), (308, Some("http://127.0.0.1:9/x")));

    let (api, got) = faulty(Fault::Drop, PAGE_2).await;
    assert!(got.is_err());
    assert_eq!((api.served().log[0].status, api.served().by_status.len()), (None, 0));

    let api = small().start().await.unwrap();
    api.fault(Fault::Stall, When::Next(1));
    let stalled = tokio::time::timeout(Duration::from_millis(100), get(&api, "jobs/")).await;
    assert!(stalled.is_err());
    assert_eq!(get(&api, "jobs/").await.status, 200);
    assert_eq!(api.served().requests, 2);
}

#[tokio::test]
async fn faults_of_the_body() {
    let (api, got) = faulty(Fault::CutBody, PAGE_2).await;
    let error = got.err().unwrap();
    assert!(error.is_body() || error.is_decode(), "the head arrived: {error:?}");
    assert_eq!((api.served().rows, api.served().with_status(200)), (0, 1));
    assert!(api.served().bytes > 1_000);

    let got = faulty(Fault::TruncatedJson, PAGE_2).await.1.unwrap();
    assert_eq!(got.header("content-length"), Some(got.text.len().to_string().as_str()));
    assert!(serde_json::from_str::<Value>(&got.text).unwrap_err().is_eof());

    let api = small().start().await.unwrap();
    api.fault(Fault::Garbled, When::Always);
    let response =
        client().get(api.base_url().join("jobs/").unwrap()).header("Authorization", format!("Api-Key {KEY}"));
    let bytes = response.send().await.unwrap().bytes().await.unwrap();
    assert!(std::str::from_utf8(&bytes).is_err());

    let started = Instant::now();
    let got = faulty(Fault::SlowBody(Duration::from_millis(200)), PAGE_2).await.1.unwrap();
    assert!(started.elapsed() >= Duration::from_millis(200));
    assert_eq!(got.ids().len(), 100);

    let (api, got) = faulty(Fault::Oversized(3_000_001), PAGE_2).await;
    let got = got.unwrap();
    assert_eq!((got.text.len(), got.header("content-length")), (3_000_001, None));
    assert_eq!((got.ids().len(), api.served().bytes), (100, 3_000_001));

    let api = small().start().await.unwrap();
    api.fault(Fault::HangingBody, When::Always);
    api.fault(Fault::Status { code: 404, retry_after: None }, When::matching("page", "2"));
    for (path, status) in [("jobs/", 200), (PAGE_2, 404)] {
        let url = format!("{}{path}", api.base_url());
        let answer = client().get(url).header("Authorization", format!("Api-Key {KEY}")).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "the head is sent");
        let body = tokio::time::timeout(Duration::from_millis(100), answer.bytes()).await;
        assert!(body.is_err(), "the body is not");
    }

    let api = small().start().await.unwrap();
    api.fault(Fault::TricklingBody(Duration::from_millis(5)), When::Always);
    let url = format!("{}jobs/", api.base_url());
    let mut answer = client().get(url).header("Authorization", format!("Api-Key {KEY}")).send().await.unwrap();
    let mut text = Vec::new();
    while !text.ends_with(b"   ") {
        text.extend_from_slice(&answer.chunk().await.unwrap().expect("the body does not end"));
    }
    assert!(serde_json::from_slice::<Value>(&text).is_ok(), "white space follows the body");

    let (_, got) = faulty(Fault::Header("X-Api-Left".into(), "3".into()), PAGE_2).await;
    assert_eq!(got.unwrap().header("x-api-left"), Some("3"));
    let (_, got) = faulty(Fault::Header("no header".into(), String::new()), PAGE_2).await;
    assert_eq!(got.unwrap().status, 500);

    // Headers join other faults; the rest leaves an answer alone that is none.
    let api = small().start().await.unwrap();
    api.fault(Fault::CutBody, When::Always);
    api.fault(Fault::Header("Retry-After".into(), "Sun, 20 Sep 2026 12:01:00 GMT".into()), When::Always);
    assert_eq!(get(&api, "jobs/1/").await.header("retry-after"), Some("Sun, 20 Sep 2026 12:01:00 GMT"));
}

#[tokio::test]
async fn faults_of_the_page() {
    let good = faulty(Fault::ShortPage(0), PAGE_2).await.1.unwrap();
    let (ids, next) = (good.ids(), good.next().unwrap());
    let page = |number: u32| next[next.find("jobs/").unwrap()..].replace("page=3", &format!("page={number}"));
    assert_eq!(ids.len(), 100);
    let tail = |got: &Got| got.next().map(|next| next[next.find("jobs/").unwrap()..].to_owned());

    let (api, got) = faulty(Fault::ShortPage(7), PAGE_2).await;
    let got = got.unwrap();
    assert_eq!((got.ids(), tail(&got), got.json()["count"].as_u64()), (ids[..93].to_vec(), Some(page(3)), Some(500)));
    assert_eq!(api.served().rows, 93);
    let got = faulty(Fault::EmptyPage, PAGE_2).await.1.unwrap();
    assert_eq!((got.ids().len(), tail(&got)), (0, Some(page(3))));
    let got = faulty(Fault::LostNext, PAGE_2).await.1.unwrap();
    assert_eq!((got.ids(), tail(&got)), (ids.clone(), None));
    let got = faulty(Fault::RepeatNext, PAGE_2).await.1.unwrap();
    assert_eq!(tail(&got), Some(page(2)));
    let got = faulty(Fault::CycleNext, "jobs/?max_age=off&page=3&page_size=100").await.1.unwrap();
    assert_eq!(tail(&got), Some(page(2)));
    let got = faulty(Fault::CycleNext, "jobs/?max_age=off&page_size=100").await.1.unwrap();
    assert_eq!(tail(&got), Some(page(2)));
    let got = faulty(Fault::ForeignNext("http://127.0.0.1:9/api/jobs/?page=3".into()), PAGE_2).await.1.unwrap();
    assert_eq!(got.next().as_deref(), Some("http://127.0.0.1:9/api/jobs/?page=3"));
    let got = faulty(Fault::HalveLimit, PAGE_2).await.1.unwrap();
    assert_eq!((got.ids().len(), tail(&got)), (50, Some(page(3))));
    let (api, _) = faulty(Fault::HalveLimit, PAGE_2).await;
    assert_eq!(walk(&api, "jobs/?max_age=off&page_size=100").await, api.ids());

    let got = faulty(Fault::OlderCopy(5), "jobs/?max_age=off&page=5&page_size=100").await.1.unwrap();
    assert_eq!((got.ids().len(), got.next(), got.json()["count"].as_u64()), (95, None, Some(495)));
    let newest = *api.ids().last().unwrap();
    assert!(got.ids().iter().all(|id| *id < newest), "the newest rows are missing");
    let got = faulty(Fault::DuplicateRecord, PAGE_2).await.1.unwrap();
    let mut copied = ids.clone();
    copied[50] = ids[49];
    assert_eq!((got.ids(), got.json()["count"].as_u64()), (copied, Some(500)));
    for (form, text) in [
        (TotalForm::Text, r#""500""#),
        (TotalForm::Fraction, "500.0"),
        (TotalForm::Exponent, "500e0"),
        (TotalForm::True, "true"),
    ] {
        let got = faulty(Fault::Total(form), PAGE_2).await.1.unwrap();
        assert!(got.text.starts_with(&format!(r#"{{"count":{text},"next":"#)), "{}", &got.text[..40]);
    }

    let wrong = |got: &Got| {
        let rows = got.json()["results"].as_array().unwrap().clone();
        (rows.len(), rows.iter().filter(|row| !row["id"].is_u64() && row["title"].is_string()).count())
    };
    let got = faulty(Fault::BadRecord, PAGE_2).await.1.unwrap();
    assert_eq!(wrong(&got), (100, 1));
    let got = faulty(Fault::AllBadRecords, PAGE_2).await.1.unwrap();
    assert_eq!(wrong(&got), (100, 100));
    assert!(got.text.contains(r#"{"id":"x","#) && got.text.contains(r#"{"id":null,"#));
}

/// The numbers of the six list requests that were hit; a single record is asked for before each of them.
async fn hits(when: When) -> (Vec<u64>, u64) {
    let api = small().start().await.unwrap();
    let fault = Fault::Status { code: 503, retry_after: None };
    api.fault(fault, when);
    let (mut lists, mut singles) = (Vec::new(), 0);
    for number in 1..=6 {
        singles += u64::from(get(&api, "jobs/1/").await.status == 503);
        let path = format!("jobs/?page_size=50&page={number}");
        if get(&api, &path).await.status == 503 {
            lists.push(number);
        }
    }
    api.clear_faults();
    assert_eq!(get(&api, "jobs/").await.status, 200);
    (lists, singles)
}

#[tokio::test]
async fn faults_come_when_they_are_asked_for() {
    assert_eq!(hits(When::Request(2)).await, (vec![2], 0));
    assert_eq!(hits(When::Requests(2..=4)).await, (vec![2, 3, 4], 0));
    assert_eq!(hits(When::Every(3)).await, (vec![3, 6], 0));
    assert_eq!(hits(When::Every(0)).await, (vec![], 0));
    assert_eq!(hits(When::Always).await, (vec![1, 2, 3, 4, 5, 6], 6));
    assert_eq!(hits(When::matching("page", "5")).await, (vec![5], 0));
    assert_eq!(hits(When::Path("/api/jobs/1".into())).await, (vec![], 6));
    assert_eq!(hits(When::Next(3)).await, (vec![1], 2));
}
