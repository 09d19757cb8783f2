//! [`Posting`]: one record type for the postings of all providers, modelled on schema.org's `JobPosting` (feature `posting`).
//!
//! ```
//! use futures::TryStreamExt;
//! use jobfeed::jobdataapi::Client;
//! use jobfeed::posting::{Confidence, Posting};
//!
//! # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let server = jobfeed::testing::JobDataApi::builder().jobs(20).start().await?;
//! # let (key, url) = (server.api_key(), server.base_url());
//! let api = Client::builder().api_key(key).base_url(url).build()?;
//! let jobs: Vec<_> = api.jobs().all_ages().items().try_collect().await?;
//! for job in &jobs {
//!     let posting = Posting::from(job);
//!     assert_eq!(posting.source.provider, "jobdataapi");
//!
//!     // For a web page: what job searches read, and the required properties that are not there.
//!     let json_ld = posting.to_json_ld();
//!     assert_eq!(json_ld["@type"], "JobPosting");
//!     println!("missing: {:?}", posting.json_ld_missing());
//!
//!     // Keys to compare with those of another source: equal keys mean the same posting, as sure as `confidence` says.
//!     for identity in posting.identities() {
//!         if identity.confidence >= Confidence::Medium {
//!             println!("{}", identity.key);
//!         }
//!     }
//! }
//! # Ok(()) }
//! ```
//!
//! `Posting::from` takes the records of each provider: [`jobdataapi::Job`](crate::jobdataapi::Job); `ActiveAtsJob`, `ModifiedAtsJob` and `ActiveJbJob` of
//! [`fantastic_jobs`](crate::fantastic_jobs); [`employjoy::Job`](crate::employjoy::Job); [`jobaffinity::Job`](crate::jobaffinity::Job), best as a single
//! resource, because in a list it has little more than its title. A provider of your own starts with [`Posting::new`]. The example `join_postings`
//! finds the postings that two providers have.
//!
//! A value that a provider does not state is absent; nothing is guessed. Beside each value that is normalised is what the source wrote, and
//! what has no field of its own is in [`Posting::extra`]. No field holds the name, the e-mail address or the phone number
//! of a recruiter, an owner or a candidate; the texts of an ad are unchanged and may name people.
//!
//! `Serialize` and `Deserialize` use the names of the fields. Every field is always written, an absent one as null; instants are RFC 3339
//! texts in UTC, days are `YYYY-MM-DD`, amounts are decimal texts.

mod ats;
mod canonical_url;
mod countries;
mod extra;
mod html;
mod identities;
mod json_ld;
mod model;
mod parts;

pub(crate) use extra::{extra, instant, list, named_extra};
pub use html::html_to_text;
pub use identities::{Confidence, Identity, IdentityKind};
pub use model::{Organisation, Posting, PostingStatus, Source};
pub use parts::{
    Category, EmploymentType, Experience, ExperienceLevel, Location, Remote, RemoteMode, Salary, SalaryBasis,
    SalaryUnit,
};
pub(crate) use parts::{amount, filled};
