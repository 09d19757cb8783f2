//! Job APIs on loopback, for tests and examples (feature `testing`).
//!
//! A simulator is a real HTTP server in your process with data of its own. It pages, throttles and refuses like the service
//! that it simulates; it can [change its data](Simulator::before_request) while your code pages, and [misbehave](Fault) in
//! the ways that real services do. Afterwards it tells [what it served](Served), so that a test can compare. There is one
//! for each provider, such as [`JobDataApi`], and [`AnyApi`] for any other API, made of a description; what they share is
//! [`Simulator`], which also takes a [`Service`] of your own. The tests that our providers and stores pass are in [`conformance`].
//! With the feature `webhook`, a `WebhookSender` delivers signed events to a receiver under test.
//!
//! ```
//! use jobfeed::testing::{Fault, JobDataApi, When};
//!
//! # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let api = JobDataApi::builder().jobs(450).days(60).seed(7).start().await?;
//! let unavailable = Fault::Status { code: 503, retry_after: Some(1) };
//! api.fault(unavailable, When::Request(2));
//!
//! let get = |page: u32| {
//!     let url = format!("{}jobs/?page_size=200&page={page}", api.base_url());
//!     let key = format!("Api-Key {}", api.api_key());
//!     reqwest::Client::new().get(url).header("Authorization", key).send()
//! };
//! let body = get(1).await?.text().await?;
//! assert!(body.starts_with(r#"{"count":450,"#));
//! assert_eq!(get(2).await?.status(), 503);
//!
//! let served = api.served();
//! assert_eq!((served.requests, served.rows), (2, 200));
//! # Ok(())
//! # }
//! ```

pub mod any_api;
mod body;
mod clock_setters;
pub mod conformance;
pub mod employjoy;
pub mod fantastic_jobs;
mod fault;
pub mod jobaffinity;
pub mod jobdataapi;
mod memory_transport;
mod page_faults;
mod received;
mod reply;
mod served;
mod service;
mod simulator;
mod throttle;
mod time;
#[cfg(feature = "webhook")]
mod webhooks;

pub use self::any_api::{AnyApi, ListRoute};
pub use self::employjoy::EmployJoy;
pub use self::fantastic_jobs::FantasticJobs;
pub use self::fault::{Fault, When};
pub use self::jobaffinity::JobAffinity;
pub use self::jobdataapi::{Insert, JobDataApi};
pub use self::page_faults::{BadRecords, NextFault, PageFaults, TotalForm, make_bad_record};
pub use self::received::Received;
pub use self::reply::Reply;
pub use self::served::{Served, ServedRequest};
pub use self::service::Service;
pub use self::simulator::Simulator;
pub use self::throttle::Throttle;
#[cfg(feature = "webhook")]
pub use self::webhooks::{Delivery, WebhookSender};
