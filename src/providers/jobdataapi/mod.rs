//! jobdataapi.com: job postings of company career pages and applicant tracking systems.
//!
//! ```
//! use futures::TryStreamExt;
//! use jobfeed::jobdataapi;
//!
//! # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let server = jobfeed::testing::JobDataApi::builder().jobs(50).start().await?;
//! let api = jobdataapi::Client::new("my-key")?;
//! # let api = jobdataapi::Client::builder().api_key(server.api_key()).base_url(server.base_url()).build()?;
//! let mut pages = api.jobs().country_codes(["US", "CA"]).published_since(jiff::civil::date(2026, 5, 1)).pages();
//! while let Some(page) = pages.try_next().await? {
//!     for job in &page.items {
//!         println!("{} {}", job.id, job.title.as_deref().unwrap_or_default());
//!     }
//! }
//! # Ok(()) }
//! ```
//!
//! Facts about the API are marked in the documentation of each item: *vendor page* where the vendor states it, *observed*
//! where payloads show it, *inferred* where it is concluded from either.

mod client;
mod endpoint;
mod models;
mod query;
mod requests;
mod sliced_jobs;
mod sync_by_date;
mod sync_by_id;
mod sync_latest;

pub use client::Client;
pub use models::*;
pub use requests::*;
pub use sync_by_date::SyncByDate;
pub use sync_by_id::{Bootstrap, SyncById};
pub use sync_latest::SyncLatest;
