//! jobdataapi.com: job postings of company career pages and applicant tracking systems.
//!
//! ```no_run
//! use futures::TryStreamExt;
//! use jobfeed::jobdataapi;
//!
//! # async fn run() -> jobfeed::Result<()> {
//! let api = jobdataapi::Client::new("my-key")?;
//! let mut pages = api.jobs().country_codes(["US", "CA"]).published_since(jiff::civil::date(2026, 5, 1)).pages();
//! while let Some(page) = pages.try_next().await? {
//!     for job in &page.items {
//!         println!("{} {}", job.id, job.title.as_deref().unwrap_or_default());
//!     }
//! }
//! # Ok(())
//! # }
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
