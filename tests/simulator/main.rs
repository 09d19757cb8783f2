//! The simulated jobdataapi.com, seen by a plain HTTP client.
#![cfg(feature = "testing")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "clippy knows test functions, but not the helpers beside them"
)]

mod access;
mod data;
mod faults;
mod pages;
mod service;

use jiff::Timestamp;
use jobfeed::testing::JobDataApi;
use jobfeed::testing::jobdataapi::Builder;
use serde_json::Value;

const KEY: &str = "sentinel-key-1f00";

fn now() -> Timestamp {
    "2026-09-20T12:00:00Z".parse().unwrap()
}

fn small() -> Builder {
    JobDataApi::builder().jobs(500).seed(7).now(now()).api_key(KEY)
}

struct Got {
    status: u16,
    headers: reqwest::header::HeaderMap,
    text: String,
}

impl Got {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    fn ids(&self) -> Vec<u64> {
        let rows = self.json()["results"].as_array().unwrap().clone();
        rows.iter().map(|row| row["id"].as_u64().unwrap()).collect()
    }

    fn next(&self) -> Option<String> {
        self.json()["next"].as_str().map(str::to_owned)
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

thread_local! {
    /// One for each test: making one takes long, and its connections belong to one runtime.
    static CLIENT: reqwest::Client = {
        let none = reqwest::redirect::Policy::none();
        reqwest::Client::builder().redirect(none).build().unwrap()
    };
}

fn client() -> reqwest::Client {
    CLIENT.with(reqwest::Client::clone)
}

async fn try_get(url: &str, key: Option<&str>) -> Result<Got, reqwest::Error> {
    let mut request = client().get(url);
    if let Some(key) = key {
        request = request.header("Authorization", format!("Api-Key {key}"));
    }
    let response = request.send().await?;
    Ok(Got { status: response.status().as_u16(), headers: response.headers().clone(), text: response.text().await? })
}

async fn get(api: &JobDataApi, path: &str) -> Got {
    let url = format!("{}{path}", api.base_url());
    try_get(&url, Some(api.api_key())).await.unwrap()
}

/// Follows `next` to the end.
async fn walk(api: &JobDataApi, path: &str) -> Vec<u64> {
    let mut ids = Vec::new();
    let mut url = Some(format!("{}{path}", api.base_url()));
    while let Some(this) = url {
        let got = try_get(&this, Some(api.api_key())).await.unwrap();
        assert_eq!(got.status, 200, "{}", got.text);
        ids.extend(got.ids());
        url = got.next();
        assert!(ids.len() < 100_000, "endless");
    }
    ids
}

fn sorted(mut ids: Vec<u64>) -> Vec<u64> {
    ids.sort_unstable();
    ids
}
