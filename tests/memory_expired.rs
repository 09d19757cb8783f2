//! The peak memory for a body with millions of ids. It is the only test of its process, because the peak is that of the process.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "clippy allows these in test functions only, not in helpers")]

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{StreamExt, TryStreamExt, stream};
use jobfeed::fantastic_jobs::{Client, ExpiredFrame};
use jobfeed::{Body, Transport, TransportError};

/// Ids in the body. Fewer without optimisation, so that the test is short; the body is over the limit with both.
const IDS: u64 = if cfg!(debug_assertions) { 8_000_000 } else { 20_000_000 };
const IN_ONE_CHUNK: u64 = 5_000;
const FIRST: u64 = 4_444_000_000;

/// A transport that makes the body while it is read.
struct Millions;

impl Transport for Millions {
    fn send(&self, _: http::Request<Bytes>) -> BoxFuture<'static, Result<http::Response<Body>, TransportError>> {
        let chunks = stream::iter(0..IDS / IN_ONE_CHUNK).map(|chunk| {
            let mut text = String::with_capacity(64 << 10);
            for n in chunk * IN_ONE_CHUNK..(chunk + 1) * IN_ONE_CHUNK {
                text.push(if n == 0 { '[' } else { ',' });
                text.push_str(&(FIRST + n).to_string());
            }
            if (chunk + 1) * IN_ONE_CHUNK == IDS {
                text.push(']');
            }
            Ok(Bytes::from(text))
        });
        Box::pin(async move { Ok(http::Response::new(chunks.boxed())) })
    }
}

/// The peak resident memory of this process in bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

#[tokio::test]
async fn millions_of_ids_are_read_in_bounded_memory() {
    let api = Client::builder().api_key("k").transport(Millions).build().unwrap();
    let before = peak();
    let mut chunks = api.expired_ats().time_frame(ExpiredFrame::SixMonths).chunks();
    let (mut ids, mut sum, mut bytes) = (0u64, 0u64, 0);
    while let Some(chunk) = chunks.try_next().await.unwrap() {
        ids += chunk.items.len() as u64;
        sum += chunk.items.iter().map(|id| id.0 - FIRST).sum::<u64>();
        bytes += chunk.raw().len();
    }
    assert_eq!((ids, sum), (IDS, IDS * (IDS - 1) / 2));
    assert!(bytes > 80 << 20, "the body is larger than the limit: {bytes}");
    println!("{ids} ids, {} MB, peak {} KB, {} KB before", bytes / 1_000_000, peak() >> 10, before >> 10);
    assert!(peak() < 64 << 20, "{} bytes", peak());
}
