//! Drift: whether the records of a listing still have the shape that they had, and runs the rows that they had.
//!
//! A [`DriftCheck`] looks at a sample of the records of each page before its batch is handed out: which fields there are at which nested path, how
//! often they are null or missing, and of which JSON types. It never keeps a value. The first complete run makes the baseline;
//! later runs are compared with it.
//!
//! ```
//! # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use jobfeed::checkpoint::MemoryStore;
//! use jobfeed::drift::{self, DriftCheck, FailOn};
//!
//! # use jobfeed::{jobdataapi::Client, testing::JobDataApi};
//! # let server = JobDataApi::builder().jobs(300).start().await?;
//! # let (key, url) = (server.api_key(), server.base_url());
//! # let api = Client::builder().api_key(key).base_url(url).build()?;
//! let store = MemoryStore::new();
//! let check = DriftCheck::new(store.clone()).fail_on([FailOn::Missing, FailOn::Retyped, FailOn::NullRate(0.5)]);
//! let mut run = api.jobs().sync_by_id("jobs/all", &store).await?.inspect_with(check);
//! while let Some(batch) = run.next().await? {
//!     // … upsert batch.items() …
//!     batch.commit().await?;
//! }
//! let report = drift::Report::of(&run.report()).expect("the run had a check");
//! assert!(report.changes.is_empty() && report.records > 0);
//! # Ok(()) }
//! ```
//!
//! # What is compared
//!
//! * [`ChangeKind::New`]: a field that the baseline does not have.
//! * [`ChangeKind::Missing`]: a field that no record has any more.
//! * [`ChangeKind::Retyped`]: a value of a JSON type that the baseline does not have at this path. Numbers are one type.
//! * [`ChangeKind::Nulls`]: a field that is null or missing clearly more often than in the baseline: by more than chance explains
//!   (four standard errors), and by more than 5 % of the records.
//!
//! Each page is compared by itself, so that the end of a long run is not hidden by its beginning, and the run as a whole, so that small pages
//! add up. A renamed field is one that is missing and one that is new.
//!
//! # The baseline
//!
//! It is kept in a [`Checkpoint`](crate::Checkpoint) store under the key of the sync and `#drift`, beside the state of the sync, with the rows of the last complete
//! runs. Once it exists it never changes by itself: [`accept`] takes over the changes of the last run. Remove the key to
//! begin anew.

mod baseline;
mod change;
mod check;
mod compare;
mod report;
mod shape;

pub use baseline::accept;
pub use change::{Change, ChangeKind, DriftError};
pub use check::{DriftCheck, FailOn};
pub use report::{Report, Volume};
