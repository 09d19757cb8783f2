//! Drift: a check whether the records of a sync still have the fields and types that they had (feature `drift`).
//!
//! A [`DriftCheck`] looks at a sample of the records of each page before its batch is handed out: which fields they have, nested ones too, how
//! often each is null or missing, and its JSON types. It never keeps a value. The first complete run makes the baseline;
//! later runs are compared with it.
//!
//! It is about what is in the records. That a list changes while it is read is something else, and is
//! [`Completeness::Drifted`](crate::Completeness::Drifted).
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
//! * [`ChangeKind::Nulls`]: a field that is null or missing more often than in the baseline.
//!
//! A missing field and a rise of nulls are changes only where they are no chance: in more than 5 % of the records, and by more than four standard
//! errors.
//!
//! Each page is compared by itself, so that a change late in a long run is seen, and all pages of the run together, because a page
//! may be too small to show it. A renamed field is one that is missing and one that is new.
//!
//! A complete incremental run is also compared by its number of rows with those of up to ten such runs before it ([`Volume`]). That is only reported.
//!
//! # What ends a run
//!
//! By default nothing: the changes are in the [`Report`]. With [`DriftCheck::fail_on`] a change of the named kinds ends the run with
//! [`Error::Refused`](crate::Error::Refused), whose source is a [`DriftError`], before anything of the page is committed. Then either correct
//! the record type, or call [`accept`]; the next run gets the page again. To keep the records of such a page meanwhile, see
//! `quarantine::Quarantine::keep_refused`.
//!
//! # The baseline
//!
//! It is kept in a [`Checkpoint`](crate::Checkpoint) store under the key of the sync and `#drift`, such as `jobs/all#drift`. Once it exists it
//! never changes by itself: [`accept`] takes over the changes of the last run. To make a new one, delete that key from the store.

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
