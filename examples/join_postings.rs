//! Reads two providers as one record type, and shows which postings are in both: by which key, and how sure that is.
//!
//!     cargo run --example join_postings
//!
//! It runs on two simulated providers; some ads of the first one are copied into the second one, as job boards do. Nothing is
//! merged: what to do with two postings of one key is for you to decide.
#![allow(clippy::print_stdout)]

use std::collections::BTreeMap;
use std::error::Error;

use futures::TryStreamExt;
use jobfeed::fantastic_jobs::TimeFrame;
use jobfeed::jiff::SignedDuration;
use jobfeed::posting::{Confidence, Posting};
use jobfeed::testing::fantastic_jobs::{Ad, FeedName};
use jobfeed::testing::{FantasticJobs, JobDataApi};
use jobfeed::{fantastic_jobs, jobdataapi};

mod shown;

#[tokio::main]
async fn main() -> std::process::ExitCode {
    shown::exit(run().await)
}

async fn run() -> Result<(), Box<dyn Error>> {
    let first = JobDataApi::builder().jobs(200).seed(3).start().await?;
    let api = jobdataapi::Client::builder().api_key(first.api_key()).base_url(first.base_url()).build()?;
    let jobs: Vec<jobdataapi::Job> = api.jobs().all_ages().items().try_collect().await?;
    let jobs: Vec<Posting> = jobs.iter().map(Posting::from).collect();

    let second = FantasticJobs::builder().rows_per_hour(5).start().await?;
    copy_ads(&jobs, &second);
    let api = fantastic_jobs::Client::builder().api_key(second.api_key()).base_url(second.base_url());
    let api = api.clock(second.clock()).build()?;
    let rows: Vec<fantastic_jobs::ActiveJbJob> =
        api.active_jb().time_frame(TimeFrame::Week).items().try_collect().await?;
    let rows: Vec<Posting> = rows.iter().map(Posting::from).collect();
    println!("{} postings of jobdataapi, {} of fantastic_jobs/jb", jobs.len(), rows.len());

    // Which postings have a key.
    let mut by_key: BTreeMap<String, (Confidence, Vec<&Posting>)> = BTreeMap::new();
    for posting in jobs.iter().chain(&rows) {
        for identity in posting.identities() {
            by_key.entry(identity.key).or_insert((identity.confidence, Vec::new())).1.push(posting);
        }
    }
    // The surest key of each pair from two sources.
    let mut pairs: BTreeMap<(&str, &str), (Confidence, &str, &Posting)> = BTreeMap::new();
    for (key, (confidence, postings)) in &by_key {
        let of = |provider: &'static str| postings.iter().filter(move |posting| posting.source.provider == provider);
        for one in of("jobdataapi") {
            for other in of("fantastic_jobs") {
                let pair = pairs.entry((&one.source.id, &other.source.id)).or_insert((*confidence, key, one));
                if *confidence > pair.0 {
                    *pair = (*confidence, key, one);
                }
            }
        }
    }
    println!("{} pairs share a key; the kinds of keys are explained at `IdentityKind`", pairs.len());
    println!("{:<10} {:<14} {:<10} {:<28} key", "jobdataapi", "fantastic_jobs", "confidence", "title");
    for ((job, row), (confidence, key, posting)) in &pairs {
        let title: String = posting.title.as_deref().unwrap_or("no title").chars().take(27).collect();
        println!("{job:<10} {row:<14} {:<10} {title:<28} {key}", format!("{confidence:?}"));
    }
    Ok(())
}

/// Lets every twentieth ad be in the second provider too: with tracking parameters in its URL, or under another URL.
fn copy_ads(jobs: &[Posting], second: &FantasticJobs) {
    let ads = jobs.iter().step_by(20).filter_map(|job| {
        let place = job.locations.first()?;
        Some(Ad {
            title: job.title.clone()?.to_uppercase(),
            organization: job.organisation.name.clone()?,
            place: format!("{}, {}", place.city.as_deref()?, place.country.as_deref()?),
            url: job.apply_url.clone()?,
        })
    });
    let ads: Vec<Ad> = ads.collect();
    let now = second.now();
    second.with(FeedName::Jb, |feed| {
        let rows = feed.indexed(now - SignedDuration::from_hours(48), now - SignedDuration::from_hours(2));
        for (number, (mut ad, row)) in ads.into_iter().zip(rows).enumerate() {
            ad.url = match number % 2 {
                0 => format!(
                    "{}&utm_source=board&gclid=x{number}",
                    ad.url.replace("https://apply.", "HTTPS://www.Apply.")
                ),
                _ => format!("https://board.example/ads/{row}"),
            };
            feed.advertise(row, &ad);
        }
    });
}
