//! jobdataapi.com: jobs from company career pages and applicant tracking systems.
//!
//! ```
//! use futures::TryStreamExt;
//! use jobfeed::jobdataapi::Client;
//!
//! # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let sim = jobfeed::testing::JobDataApi::builder().jobs(50).start().await?;
//! # let (key, url) = (sim.api_key(), sim.base_url());
//! let api = Client::new("my-key")?;
//! # let api = Client::builder().api_key(key).base_url(url).build()?;
//! let day = jiff::civil::date(2026, 5, 1);
//! let jobs = api.jobs().country_codes(["US", "CA"]).published_since(day);
//! let mut pages = jobs.pages();
//! while let Some(page) = pages.try_next().await? {
//!     for job in &page.items {
//!         println!("{} {}", job.id, job.title.as_deref().unwrap_or_default());
//!     }
//! }
//! # Ok(()) }
//! ```
//!
//! Facts about the API are marked in the documentation of each item: *vendor page* where the vendor states it,
//! *observed* where payloads show it, *inferred* where it is concluded from either.

mod client;
mod endpoint;
mod models;
#[cfg(feature = "posting")]
mod posting;
mod query;
mod requests;
mod server_clock;
mod sync_by_date;
mod sync_by_id;
mod sync_expired;
mod sync_latest;
mod synced_list;

pub use client::Client;
pub use models::*;
pub use requests::*;
pub use sync_by_date::SyncByDate;
pub use sync_by_id::{Bootstrap, SyncById};
pub use sync_expired::SyncExpired;
pub use sync_latest::SyncLatest;
