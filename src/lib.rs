//! Pull job postings from paginated APIs without losing one.
//!
//! ```
//! use futures::TryStreamExt;
//! use jobfeed::checkpoint::MemoryStore;
//! use jobfeed::jobdataapi::Client;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let server = jobfeed::testing::JobDataApi::builder().jobs(300).start().await?;
//! # let (key, url) = (server.api_key(), server.base_url());
//! let api = Client::builder().api_key(key).base_url(url)?.build()?;
//!
//! // A listing, page by page. It ends without an error only when it was complete.
//! let mut pages = api.jobs().country_codes(["US", "CA"]).pages();
//! while let Some(page) = pages.try_next().await? {
//!     println!("{} jobs", page.items.len());
//! }
//!
//! // A sync: everything at first, later what is new. A batch is committed when its rows are durable.
//! let mut run = api.jobs().sync_by_id("jobs", MemoryStore::new()).await?;
//! while let Some(batch) = run.next().await? {
//!     batch.commit().await?;
//! }
//! println!("{:?}", run.report().outcome); // complete, or paused until the server allows more
//! # Ok(())
//! # }
//! ```
//!
//! # Where things are
//!
//! | you want | look at |
//! |---|---|
//! | a provider | [`jobdataapi`], [`fantastic_jobs`], [`employjoy`], [`jobaffinity`] |
//! | one page, a stream of pages, or records | [`ListRequest`], [`PageStream`], [`Page`] |
//! | a backfill and incremental syncs | [`SyncRun`], [`Batch`], [`Report`] |
//! | to keep the state of a sync | [`checkpoint`] |
//! | settings: hosts, time limits, retries, rates, transports | [`ClientBuilder`], [`RetryPolicy`], [`RateLimit`], [`Transport`] |
//! | another paginated JSON API | [`endpoint`] |
//! | to test your own pipeline | the module `testing`, feature `testing` |
//!
//! # How a request travels
//!
//! ```text
//! request builder ──► Endpoint (no I/O: builds the request, reads the page)
//!                        │
//!                  Client (authorise ► limit ► send ► classify ► retry)   the only loop, the only sleep
//!                        │
//!                   PageStream<T>  ──►  caller                            plain listing
//!                        │
//!                    SyncRun<T, C> ──►  Batch ──► caller ──► commit       incremental sync, over a Checkpoint
//! ```
//!
//! # Features
//!
//! * `rustls` (default): TLS. Without it only plain HTTP or your own [`Transport`] is available.
//! * `sqlite`: [`checkpoint`]s in SQLite.
//! * `webhook`: verification of signed deliveries.
//! * `testing`: stateful in-process servers that page, insert, delete, throttle and fail like the real ones.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod ahead;
mod auth;
mod body;
mod bucket;
pub mod checkpoint;
mod client;
mod clock;
mod config;
mod cursor;
pub mod endpoint;
mod error;
mod fetch;
mod ledger;
mod limit;
mod long;
mod model;
mod page;
pub mod paginate;
mod progress;
mod providers;
mod redact;
mod request;
mod retry;
mod server_error;
mod stream;
mod sunset;
mod sync;
#[cfg(feature = "testing")]
pub mod testing;
mod throttle;
mod transport;
pub mod value;
#[cfg(feature = "webhook")]
pub mod webhook;

pub use auth::Credentials;
pub use body::{Fields, ListAt};
pub use checkpoint::Checkpoint;
pub use client::Client;
pub use clock::Clock;
pub use config::{ClientBuilder, Provider};
pub use cursor::{Cursor, Fingerprint, Position};
pub use endpoint::{Endpoint, Listing};
pub use error::{BodyProblem, BoxError, Call, Error, PauseReason, Result, TimeoutScope};
pub use ledger::Completeness;
pub use limit::{LimitScope, RateLimit};
pub use page::{Page, Rejected};
pub use progress::{Counts, Progress};
pub use providers::{employjoy, fantastic_jobs, jobaffinity, jobdataapi};
pub use request::{Download, DownloadRequest, GetRequest, ListRequest, WriteRequest};
pub use retry::RetryPolicy;
pub use server_error::{FieldError, Reach, ServerError};
pub use stream::{ItemStream, PageStream};
pub use sunset::Sunset;
pub use sync::{Batch, Mark, Outcome, Report, RunInProgress, SyncRequest, SyncRun, SyncState, partitions};
pub use transport::{Body, Transport, TransportError};

/// The crate of the dates and instants in this API.
pub use jiff;

/// The README's examples, compiled and run.
#[cfg(all(doctest, feature = "testing"))]
#[doc = include_str!("../README.md")]
struct Readme;
