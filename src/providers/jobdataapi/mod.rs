//! jobdataapi.com: job postings of company career pages and applicant tracking systems.
//!
//! ```
//! use futures::TryStreamExt;
//! use jobfeed::jobdataapi;
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! # let server = jobfeed::testing::JobDataApi::builder().jobs(50).start().await?;
//! let api = jobdataapi::Client::new("my-key")?;
//! # let api = jobdataapi::Client::builder().api_key(server.api_key()).base_url(server.base_url())?.build()?;
//! let mut pages = api.jobs().country_codes(["US", "CA"]).published_since(jiff::civil::date(2026, 5, 1)).pages();
//! while let Some(page) = pages.try_next().await? {
//!     for job in &page.items {
//!         println!("{} {}", job.id, job.title.as_deref().unwrap_or_default());
//!     }
//! }
//! # Ok(())
//! # }
//! # tokio::runtime::Runtime::new().unwrap().block_on(run()).unwrap();
//! ```
//!
//! Facts about the API are marked in the documentation of each item: *vendor page* where the vendor states it, *observed*
//! where payloads show it, *inferred* where it is concluded from either.

mod by_date;
mod by_id;
mod client;
mod latest;
mod models;
mod query;
mod requests;
mod resource;
mod sync;

pub use by_date::ByDate;
pub use by_id::{Bootstrap, ById};
pub use client::Client;
pub use latest::Latest;
pub use models::*;
pub use requests::*;
pub use resource::{Kind, Resource};
