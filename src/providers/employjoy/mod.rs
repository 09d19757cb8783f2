//! EmployJoy Partner API: open jobs of companies that granted access, applications to them, and their status.
//!
//! ```
//! use futures::TryStreamExt;
//! use jobfeed::employjoy::{self, Candidate, NewApplication};
//!
//! # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let sim = jobfeed::testing::EmployJoy::builder().jobs(3).start().await?;
//! # let (key, url) = (sim.api_key(), sim.base_url());
//! let api = employjoy::Client::builder().api_key(key).base_url(url).build()?;
//! let jobs: Vec<_> = api.jobs().items().try_collect().await?;
//!
//! let ada = Candidate::new("Ada", "Moss", "ada@example.org", "+15550100");
//! let application = NewApplication::new(&jobs[0].id, ada)
//!     .consent_to_contact(true)
//!     .source_application_id("a-1");
//! // The key and the bytes are made once. Keep them until they are accepted.
//! let submission = api.prepare(application)?;
//! if let Some(received) = api.submit(&submission).send().await?.submitted() {
//!     assert_eq!(received.source_application_id.as_deref(), Some("a-1"));
//! }
//! # Ok(()) }
//! ```
//!
//! Facts about the API are marked in the documentation of each item: *vendor page* where the vendor states it,
//! *inferred* where it is concluded from that. No live traffic was observed.

mod client;
mod diff;
mod endpoint;
mod errors;
mod events;
mod models;
#[cfg(feature = "posting")]
mod posting;
mod requests;
mod submit;
mod sync_by_update;

pub use client::Client;
pub use diff::ListDiff;
pub use errors::{ErrorCode, FieldCode, RateScope};
#[cfg(feature = "webhook")]
pub use events::verifier;
pub use events::{ApplicationStatusChanged, CloseReason, Event, EventData, EventType, JobClosed, JobOpened};
pub use models::*;
pub use requests::{ApplicationsRequest, JobsRequest};
pub use submit::{Candidate, NewApplication, Submission, SubmissionOutcome, SubmitRequest, Submitted};
pub use sync_by_update::SyncByUpdate;
