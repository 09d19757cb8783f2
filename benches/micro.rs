//! The time of single calls: a request, decoding a record, writing and reading a state or a cursor.
//!
//!     cargo bench --bench micro
#![allow(
    missing_docs,
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods
)]

use std::hint::black_box;
use std::time::Instant;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, stream};
use jobfeed::checkpoint::MemoryStore;
use jobfeed::jobdataapi::{Client, Job};
use jobfeed::testing::JobDataApi;
use jobfeed::{Body, RateLimit, SyncState, Transport, TransportError};

/// Answers every request with the same page.
#[derive(Clone)]
struct OnePage(Bytes);

impl Transport for OnePage {
    fn send(&self, _: http::Request<Bytes>) -> BoxFuture<'static, Result<http::Response<Body>, TransportError>> {
        let body: Body = stream::iter([Ok(self.0.clone())]).boxed();
        async move { Ok(http::Response::new(body)) }.boxed()
    }
}

/// A client that always gets the same page of `rows` records. `next` is the JSON of the link to the next page.
fn client(rows: usize, records: &[String], next: &str) -> Client {
    let list = records[..rows].join(",");
    let page = format!(r#"{{"count":{rows},"next":{next},"previous":null,"results":[{list}]}}"#);
    let builder = Client::builder().api_key("key").base_url("http://bench.test/");
    builder.rate_limit(RateLimit::unlimited()).transport(OnePage(page.into())).build().unwrap()
}

/// Prints the median time of one call, over rounds of about 20 ms, and returns it in seconds.
fn measure(name: &str, mut call: impl FnMut()) -> f64 {
    let start = Instant::now();
    call();
    let once = start.elapsed().as_secs_f64().max(1e-8);
    let calls = ((0.02 / once) as usize).clamp(1, 1_000_000);
    let mut rounds: Vec<f64> = (0..15)
        .map(|_| {
            let start = Instant::now();
            (0..calls).for_each(|_| call());
            start.elapsed().as_secs_f64() / calls as f64
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    let median = rounds[rounds.len() / 2];
    println!("| {name:<52} | {:>12.2} |", median * 1e6);
    median
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let records: Vec<String> = runtime.block_on(async {
        let source = JobDataApi::builder().jobs(500).record_size(2_900).seed(3).start().await.unwrap();
        source.ids().into_iter().map(|id| source.record(id).unwrap()).collect()
    });
    println!("| {:<52} | {:>12} |\n|{}|{}:|", "call", "median us", "-".repeat(54), "-".repeat(13));

    let (one, many) = (client(1, &records, "null"), client(500, &records, "null"));
    measure("a request with 1 record: client, limiter, decoding", || {
        runtime.block_on(async { black_box(one.jobs().send().await.unwrap()) });
    });
    let page = measure("a request with 500 records of 3 KB", || {
        runtime.block_on(async { black_box(many.jobs().send().await.unwrap()) });
    });
    measure("decoding 1 record of 3 KB", || {
        black_box(serde_json::from_str::<Job>(&records[7]).unwrap());
    });

    let state: SyncState = runtime.block_on(async {
        let mut run = many.jobs().page_size(500).sync_by_id("k", MemoryStore::new()).await.unwrap();
        let batch = run.next().await.unwrap().unwrap();
        let state = batch.next_state().clone();
        batch.committed();
        state
    });
    let json = state.to_json();
    let write = measure("state to JSON", || {
        black_box(state.to_json());
    });
    let read = measure("state from JSON", || {
        black_box(SyncState::from_json(&json).unwrap());
    });

    let more = client(1, &records, r#""http://bench.test/jobs/?page=2""#);
    let first_page = runtime.block_on(more.jobs().send()).unwrap();
    let cursor = first_page.next_cursor().unwrap();
    let text = cursor.to_string();
    measure("cursor to text", || {
        black_box(cursor.to_string());
    });
    measure("cursor from text", || {
        black_box(text.parse::<jobfeed::Cursor>().unwrap());
    });
    println!("\nwriting and reading a state: {:.2} % of a page of 500 records", (write + read) / page * 100.0);
}
