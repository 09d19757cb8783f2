//! Promise 9: memory is bounded by a fixed number of pages, however many pages there are.
//!
//! It is measured as the peak of this process, so this file has only one test. Only on Linux, which reports the peak.
#![cfg(all(feature = "testing", target_os = "linux"))]
#![allow(clippy::pedantic, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use futures::TryStreamExt;
use jobfeed::checkpoint::MemoryStore;

mod support;
use support::Script;

/// Bytes in the description of a record; with 250 records, a page has about 1 MB.
const RECORD: usize = 4_000;

/// The peak resident memory of this process, in KB.
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn promise_9_memory_does_not_grow_with_the_number_of_pages() {
    let walk = async |pages: u64| {
        let row = |id| format!(r#"{{"id":{id},"description":"{}"}}"#, "x".repeat(RECORD));
        let api = Script::listing((1..=pages * 250).collect(), row).client().build().unwrap();
        let mut stream = api.jobs().page_size(250).pages();
        let mut rows = 0;
        while let Some(page) = stream.try_next().await.unwrap() {
            rows += page.items.len() as u64;
        }
        assert_eq!(rows, pages * 250);
        let mut run = api.jobs().page_size(250).sync_by_id("k", MemoryStore::new()).await.unwrap();
        assert_eq!(support::finish(&mut run).await.unwrap().len() as u64, pages * 250);
        peak()
    };
    let few = walk(8).await;
    let many = walk(160).await;
    assert!(many < few + 4_096, "8 pages of 1 MB took {few} KB at the peak, 160 took {many} KB");
}
