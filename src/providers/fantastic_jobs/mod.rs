//! Fantastic.jobs: job postings of applicant tracking systems (ATS) and of job boards (JB).
//!
//! ```
//! use futures::TryStreamExt;
//! use jobfeed::fantastic_jobs::{self, TimeFrame};
//!
//! # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let server = jobfeed::testing::FantasticJobs::builder().start().await?;
//! let api = fantastic_jobs::Client::new("my-key")?;
//! # let api = fantastic_jobs::Client::builder().api_key(server.api_key()).base_url(server.base_url());
//! # let api = api.clock(server.clock()).build()?;
//! let jobs = api.active_ats().time_frame(TimeFrame::Hour);
//! let mut pages = jobs.title("\"data engineer\" OR analyst").pages();
//! while let Some(page) = pages.try_next().await? {
//!     for job in &page.items {
//!         println!("{} {}", job.id, job.title.as_deref().unwrap_or_default());
//!     }
//! }
//! # Ok(()) }
//! ```
//!
//! **Rows are billed.** Every row of the two active feeds costs one job credit each time it is returned, so no page is
//! prefetched. [`ActiveAtsRequest::sync_hourly`] and the other syncs request exactly the time that is not covered yet
//! (see [`Planner`]), can be [limited](SyncWindows::max_jobs), and can [compute their price](SyncWindows::plan) before
//! the run. The other endpoints cost requests only (vendor page "credit usage").
//!
//! | what to fetch | method |
//! |---|---|
//! | new rows, once an hour or once a day | `sync_hourly`, `sync_daily` |
//! | the rows of the last 7 days or 6 months | `backfill` |
//! | one interval again | `recover` |
//! | edited ATS rows | [`ModifiedAtsRequest::sync_modified`] |
//! | ids of expired rows | [`ExpiredRequest::sync_expired`] |
//!
//! Facts about the API have their source: *vendor page* where the vendor states it, *observed* where payloads or public
//! clients show it, *inferred* where it is concluded from either, *unknown* where there is no source.

mod client;
mod credits;
mod endpoint;
mod expired;
mod frames;
mod models;
mod planner;
#[cfg(feature = "posting")]
mod posting;
mod query;
mod requests;
mod search;
mod sync_expired;
mod sync_modified;
mod windows;

pub use client::{Client, RapidApi};
pub use credits::Credits;
pub use expired::ExpiredRequest;
pub use frames::{CountFrame, DescriptionFormat, ExpiredFrame, Only, TimeFrame};
pub use models::{ActiveAtsJob, ActiveJbJob, Count, ExpiredId, ModifiedAtsJob, Organization, Place, Salary};
pub use planner::{Cadence, Interval, Plan, PlannedCall, Planner};
pub use requests::*;
pub use search::{Expression, Natural, Search};
pub use sync_expired::SyncExpired;
pub use sync_modified::SyncModified;
pub use windows::{Depth, Price, SyncWindows};
