//! What the syncs of jobdataapi.com cost on the wire, beside plain page numbers.
//!
//!     cargo bench --bench wire
//!
//! A simulated service on loopback has 30,000 jobs; of stretches of 20 to 2,500 ids, 2, 10, 30, 60 or 100 percent stay. Each
//! row of the table is one first run of a sync over the list, which stands still. Plain page numbers are `pages()` with the
//! same page size: the fewest requests, and the bytes of one reading.
#![allow(
    missing_docs,
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::future_not_send
)]

use std::time::{Duration, Instant};

use futures::StreamExt;
use jobfeed::checkpoint::MemoryStore;
use jobfeed::jiff::Span;
use jobfeed::testing::jobdataapi::Order;
use jobfeed::testing::{Fault, JobDataApi, When};
use jobfeed::{Clock, Counts, Progress, RateLimit, jobdataapi};

const JOBS: usize = 30_000;
const DAYS: u32 = 80;

/// What one reading cost.
struct Cost {
    counts: Counts,
    /// Requests up to the first records.
    first: u64,
    seconds: f64,
}

#[tokio::main]
async fn main() {
    println!("{JOBS} jobs, of which some stay; requests / fewest requests, bytes / bytes of one reading\n");
    println!("| page size | order | jobs | fewest | id sync | bytes | first after | date sync | bytes | first after |");
    println!("|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|");
    for order in [Order::PublishedDesc, Order::IdAsc, Order::IdDesc] {
        let server = service(order).await;
        for page_size in [5_000, 1_000, 500, 100] {
            let plain = pages(&server, page_size).await;
            let (by_id, by_date) = (sync_by_id(&server, page_size).await, sync_by_date(&server, page_size).await);
            let ratio = |cost: &Cost| {
                let requests = cost.counts.requests as f64 / plain.counts.requests as f64;
                let bytes = cost.counts.bytes as f64 / plain.counts.bytes as f64;
                format!("{} ({requests:.2}) | {bytes:.3} | {}", cost.counts.requests, cost.first)
            };
            println!(
                "| {page_size} | {order:?} | {} | {} | {} | {} |",
                plain.counts.rows,
                plain.counts.requests,
                ratio(&by_id),
                ratio(&by_date)
            );
        }
    }
    println!("\nSeconds, with pages of 1,000; with prefetch, in the order PublishedDesc\n");
    println!("| delay of each answer | page numbers | id sync | date sync |");
    println!("|--:|--:|--:|--:|");
    let server = service(Order::PublishedDesc).await;
    for delay in [0, 100] {
        server.clear_faults();
        if delay > 0 {
            server.fault(Fault::SlowBody(Duration::from_millis(delay)), When::Always);
        }
        let plain = pages(&server, 1_000).await;
        let (by_id, by_date) = (sync_by_id(&server, 1_000).await, sync_by_date(&server, 1_000).await);
        println!("| {delay} ms | {:.2} | {:.2} | {:.2} |", plain.seconds, by_id.seconds, by_date.seconds);
    }
}

async fn service(order: Order) -> JobDataApi {
    let server = JobDataApi::builder().jobs(JOBS).days(DAYS).order(order).start().await.unwrap();
    let mut rng = fastrand::Rng::with_seed(20);
    let ids = server.ids();
    let (mut from, mut deleted) = (0, Vec::new());
    while from < ids.len() {
        let until = (from + rng.usize(20..2_500)).min(ids.len());
        let kept = [2, 10, 30, 60, 100][rng.usize(..5)];
        deleted.extend(ids[from..until].iter().filter(|_| rng.u32(..100) >= kept));
        from = until;
    }
    server.delete(&deleted);
    server
}

fn jobs(server: &JobDataApi, page_size: u32) -> jobdataapi::JobsRequest {
    let client = jobdataapi::Client::builder().api_key(server.api_key()).base_url(server.base_url());
    client.rate_limit(RateLimit::unlimited()).build().unwrap().jobs().page_size(page_size)
}

async fn pages(server: &JobDataApi, page_size: u32) -> Cost {
    let (started, today) = (Instant::now(), Clock::system().today());
    let jobs = jobs(server, page_size).published_since(today.saturating_sub(Span::new().days(365)));
    let mut pages = jobs.pages();
    while let Some(page) = pages.next().await {
        page.unwrap();
    }
    Cost { counts: pages.progress().counts(), first: 1, seconds: started.elapsed().as_secs_f64() }
}

async fn sync_by_id(server: &JobDataApi, page_size: u32) -> Cost {
    let started = Instant::now();
    let mut run = jobs(server, page_size).sync_by_id("jobs", MemoryStore::new()).await.unwrap();
    let (progress, mut first) = (run.progress(), 0);
    while let Some(batch) = run.next().await.unwrap() {
        first = first_requests(first, &progress);
        batch.commit().await.unwrap();
    }
    Cost { counts: progress.counts(), first, seconds: started.elapsed().as_secs_f64() }
}

async fn sync_by_date(server: &JobDataApi, page_size: u32) -> Cost {
    let (started, today) = (Instant::now(), Clock::system().today());
    let sync = jobs(server, page_size).sync_by_date("jobs", MemoryStore::new());
    let mut run = sync.since(today.saturating_sub(Span::new().days(365))).await.unwrap();
    let (progress, mut first) = (run.progress(), 0);
    while let Some(batch) = run.next().await.unwrap() {
        first = first_requests(first, &progress);
        batch.commit().await.unwrap();
    }
    Cost { counts: progress.counts(), first, seconds: started.elapsed().as_secs_f64() }
}

/// The requests when the first batch arrived.
fn first_requests(first: u64, progress: &Progress) -> u64 {
    if first == 0 { progress.counts().requests } else { first }
}
