//! JobAffinity, the applicant tracking system of Intuition Software: jobs, candidates, applications and their steps.
//!
//! ```
//! use futures::TryStreamExt;
//! use jobfeed::jobaffinity;
//!
//! # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let server = jobfeed::testing::JobAffinity::builder().jobs(3).start().await?;
//! let api = jobaffinity::Client::new("login", "password")?;
//! # let api = server.client().build()?;
//! let mut pages = api.jobs().pages();
//! while let Some(page) = pages.try_next().await? {
//!     for job in &page.items {
//!         println!("{:?} {:?}", job.id, job.title);
//!     }
//! }
//! # Ok(()) }
//! ```
//!
//! The service allows 45 requests a minute for each IP address, so clients in one process with the same host share one
//! rate limit. A response with `INVALID` and HTTP status 200 is an error: see [`crate::Error::server`].
//!
//! Candidates, applications, users and notes are personal data: `Debug` shows only their ids, errors contain nothing of
//! them, and cursors and checkpoints contain no filter values with names or e-mail addresses.
//!
//! Sources of facts: *vendor page* where the vendor states it, *inferred* where it is concluded. Where the two editions
//! of the vendor's reference disagree, both are read.

mod apply;
mod client;
mod diff;
mod endpoint;
mod links;
mod models;
#[cfg(feature = "posting")]
mod posting;
mod requests;
mod sync_since;

pub use apply::{ApplicationForm, Applied, ApplyRequest, Availability, CanApplyRequest, Document};
pub use client::Client;
pub use diff::JobsDiff;
pub use models::*;
pub use requests::*;
pub use sync_since::SyncSince;
