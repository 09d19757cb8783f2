//! Pull job postings from paginated APIs without losing one.
//!
//! ```
//! use futures::TryStreamExt;
//! use jobfeed::checkpoint::MemoryStore;
//! use jobfeed::jobdataapi::Client;
//!
//! # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let server = jobfeed::testing::JobDataApi::builder().jobs(300).start().await?;
//! # let (key, url) = (server.api_key(), server.base_url());
//! let api = Client::builder().api_key(key).base_url(url).build()?;
//!
//! // A listing, page by page. It ends without an error only when it is complete.
//! let mut pages = api.jobs().country_codes(["US", "CA"]).pages();
//! while let Some(page) = pages.try_next().await? {
//!     println!("{} jobs", page.items.len());
//! }
//!
//! // A sync: the first run brings everything, each later one what is new.
//! // Commit a batch when its rows are durable.
//! let store = MemoryStore::new();
//! let mut run = api.jobs().sync_by_id("jobs", store).await?;
//! while let Some(batch) = run.next().await? {
//!     batch.commit().await?;
//! }
//! println!("{}", run.report()); // complete, or paused until the server allows more
//! # Ok(()) }
//! ```
//!
//! # Where things are
//!
//! | you want | look at |
//! |---|---|
//! | a provider | [`jobdataapi`], [`fantastic_jobs`], [`employjoy`], [`jobaffinity`] |
//! | one page, a stream of pages, or records | the provider's requests, such as [`JobsRequest`](jobdataapi::JobsRequest); [`PageStream`], [`Page`] |
//! | a backfill and incremental syncs | the provider's syncs, such as [`SyncById`](jobdataapi::SyncById); [`SyncRun`], [`Batch`], [`Report`] |
//! | to keep the state of a sync; to write it in the transaction of the rows; one worker at a time on many machines | [`checkpoint`] |
//! | to write rows and state in one step: SQLite, PostgreSQL, Parquet files | the module `tables`, features `sqlite`, `postgres`, `parquet` |
//! | several syncs at the same time, and a way to end them in order; one process or many workers | [`partitions`], [`StopSignal`] |
//! | settings: hosts, time limits, retries, rates, transports | [`ClientBuilder`], [`RetryPolicy`], [`RateLimit`], [`Transport`] |
//! | to see what a client does: spans, metrics, events | [`telemetry`] |
//! | tokens that expire, OAuth 2.0, keys that change | [`CredentialSource`], [`OAuth2`], [`Client::replace_credentials`] |
//! | several keys; quotas; more than one request in flight | [`ClientBuilder::key_pool`], [`ClientBuilder::adaptive_rate`], [`ClientBuilder::max_in_flight`] |
//! | another paginated JSON API, without a type of your own | [`rest`] |
//! | the same, where a description is not enough | [`endpoint`], [`paginate`], [`Client::list`]; for a sync [`Incremental`], [`ListRequest::sync_since`] |
//! | to look at each page of a run before its batch is handed out, and to refuse it | [`inspect`] |
//! | to keep the answers as received, and to read them again later | the module `archive`, feature `archive` |
//! | to notice that fields or types of the records have changed | the module `drift`, feature `drift` |
//! | to keep rejected records until a newer record type reads them | the module `quarantine`, feature `quarantine` |
//! | one record type for the postings of all providers, JSON-LD, the same posting in two sources | the module `posting`, feature `posting` |
//! | to verify signed webhooks | the module `webhook`, feature `webhook` |
//! | to test your own pipeline, your own listing or your own store | the modules `testing` and `testing::conformance`, feature `testing` |
//!
//! # Words
//!
//! | word | meaning |
//! |---|---|
//! | record, row | one element of a list. A row is a record that is counted or stored |
//! | walk | one reading of a list from a position to its end, page by page |
//! | position | where a page starts: a page number, a number of records to skip, a token or a URL |
//! | token | a text of the server that names the next page. Also, where it is said so: an access token, or the fencing token of a lease |
//! | cursor | a position with the query and the server to which it belongs, to be kept: [`Cursor`] |
//! | key | the field that identifies a record ([`Endpoint::key`]). The *checkpoint key* is the name of a sync in its store, an *API key* is a credential, a *sort key* is the field that a list is sorted by |
//! | mark | the id, the instant or the day of a record, by which a sync tells what is new: [`Mark`] |
//! | watermark | the mark up to which a sync has delivered everything |
//! | overlap | how far before the watermark the next run begins; in paging, the records that two pages share |
//! | lag | how far before its start a run leaves the watermark |
//! | run | one execution of a sync. The first one is a backfill, later ones are incremental |
//! | batch | one page of a run, until it is committed: [`Batch`] |
//! | state, checkpoint | the watermark and the position of a sync ([`SyncState`]), and where it is kept ([`Checkpoint`]) |
//! | revision | the number of a save of a state: 1, 2, 3, … |
//! | partition | one of many independent syncs of one client: [`partitions`] |
//! | lease, fencing token | the right to sync under a checkpoint key, held by one worker at a time ([`LeaseStore`](checkpoint::LeaseStore)), and its number, by which a store refuses the saves of earlier holders |
//! | rejected | a record that does not fit the record type: [`Rejected`] |
//! | removal | a record that only tells that a record was removed |
//! | inspector | what looks at each page of a run before its batch is handed out: [`inspect`] |
//! | drift | in [`Completeness::Drifted`], that a list changed while it was read. In the module `drift`, that the fields or types of its records have changed |
//!
//! # The way of a request
//!
//! ```text
//! request builder ──► Endpoint (no I/O: builds the request, reads the page)
//!                        │
//!                  Client (limit ► authorise ► send ► classify ► retry)
//!                        │
//!                        ├──► PageStream<T> ──► caller
//!                        └──► SyncRun<T, C> ──► Batch ──► caller ──► commit
//! ```
//!
//! # Features
//!
//! * `rustls` (default): TLS. Without it only plain HTTP or your own [`Transport`] is available.
//! * `metrics`: durations, rows, retries, waits and quotas for the recorder of the `metrics` crate; see [`telemetry`].
//! * `sqlite`: [`checkpoint`]s, `tables` and `quarantine` in SQLite.
//! * `postgres`: the same in PostgreSQL.
//! * `parquet`: `tables` in Parquet files, in a folder or any bucket of `object_store`.
//! * `archive`: the answers of runs and listings kept as received, and read again without a request.
//! * `drift`: a check whether the records still have the fields and types that they had.
//! * `quarantine`: keeps rejected records until a newer record type reads them.
//! * `posting`: one record type for the postings of all providers, JSON-LD for web pages, and keys by which the same posting is found in two sources.
//! * `webhook`: verification of signed deliveries.
//! * `testing`: simulated providers on loopback that page, insert, delete, throttle and fail like the real ones, a simulator of any API,
//!   and the conformance suite.
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "archive")]
pub mod archive;
pub mod checkpoint;
mod client;
#[cfg(feature = "drift")]
pub mod drift;
mod error;
mod json;
mod listing;
#[cfg(feature = "posting")]
pub mod posting;
mod providers;
#[cfg(feature = "quarantine")]
pub mod quarantine;
mod sync;
#[cfg(any(feature = "parquet", feature = "postgres", feature = "sqlite"))]
pub mod tables;
#[cfg(feature = "testing")]
pub mod testing;

/// An endpoint without I/O: it builds the request for a position and reads from the answer where the next page is.
///
/// For most APIs [`rest`] is enough, which needs no type of your own. Write an endpoint where it is not: where a request or the
/// next page must be computed. What to implement:
///
/// 1. [`Endpoint`]: `name`, `request` (for a position), `list` (where the records are) and `next` (where the next page is; the functions of
///    [`paginate`] do it for the usual schemes). The other methods have defaults. Say the
///    [`Endpoint::key`] where records have one: a walk then notices records that move between pages.
/// 2. [`Listing`]: the record type. Now [`Client::list`] has pages, streams of pages, records and cursors.
/// 3. [`Incremental`], where the server can filter by a lower bound: now there is a sync,
///    [`ListRequest::sync_since`].
///
/// The four providers are written against the same traits. The example `own_provider` has all three, and `testing::conformance` tests them.
pub mod endpoint {
    pub use crate::checkpoint::MarkValue;
    pub use crate::client::{ApiRequest, Check, Origins, UrlKind};
    pub use crate::error::AnswerError;
    pub use crate::json::Record;
    pub use crate::listing::{Answer, Endpoint, Listing, Overlap, Paging};
    pub use crate::sync::{Coverage, Incremental};
}

/// What a client tells about its work: `tracing` spans, metrics, and events for a function of your own.
///
/// All three get the same facts from one place, so they agree, and each attempt counts. None of them gets a credential, a query,
/// a body or a record. Without a subscriber, a recorder and an observer they cost almost nothing.
///
/// # Spans
///
/// Always there, at the level `INFO` with the target `jobfeed`. The names follow the OpenTelemetry conventions for HTTP clients,
/// so that `tracing-opentelemetry` exports them as they are.
///
/// * `call`: one logical request with all its attempts and waits. `jobfeed.endpoint`, `jobfeed.purpose` (`page`, `probe`, `single`,
///   `parts`), `jobfeed.position` (such as `Page(3)`; of a token only the length), `jobfeed.key` (the checkpoint key, in a sync; with
///   [`partitions`] it tells the partition), `http.request.method`, `server.address`, `server.port`; and at its
///   end `http.response.status_code` of the last answer, `jobfeed.attempts`, `jobfeed.waited_ms`, `error.type`, `otel.status_code`.
/// * `attempt`, inside it: one request on the wire; `otel.kind` is `client`. `jobfeed.endpoint`, `http.request.method`,
///   `http.request.resend_count` (from the second attempt on), `server.address`, `server.port`, `url.path` (not of links that give
///   access by themselves); and at its end `http.response.status_code`, `jobfeed.bytes` (after decompression), `jobfeed.latency_ms`,
///   `error.type`, `otel.status_code`.
///
/// `error.type` is the error status, or [`Error::kind`](crate::Error::kind) where there is none. A page that is fetched in advance has
/// the span in which the page before it was asked for as its parent. Log lines (`answered`, `failed`, `retrying`, `waiting`) are events
/// inside these spans.
///
/// # Metrics
///
/// With the feature `metrics`, for the recorder that the application has installed by the `metrics` crate. No label has a position, a key or
/// a query: their number is that of the endpoints, times statuses and errors.
///
/// | name | kind | unit | labels besides `jobfeed.endpoint` |
/// |---|---|---|---|
/// | `http.client.request.duration` | histogram, one value for each attempt | seconds | `http.request.method`, `server.address` (`other` for links to other hosts), `server.port`, `http.response.status_code`, `error.type` |
/// | `jobfeed.wait.duration` | histogram; its sum is the time waited | seconds | `jobfeed.wait.reason`: `rate_limit`, `server`, `retry` |
/// | `jobfeed.retries` | counter | attempts after the first | |
/// | `jobfeed.pages` | counter | pages delivered | |
/// | `jobfeed.rows` | counter | records delivered, rejected ones included | |
/// | `jobfeed.rows.rejected` | counter | records that did not fit the record type | |
/// | `jobfeed.quota.remaining` | gauge | requests left, where the headers of an answer say so | |
///
/// # Events
///
/// [`ClientBuilder::observe`](crate::ClientBuilder::observe) calls a function with each [`Event`](telemetry::Event).
pub mod telemetry {
    pub use crate::client::{Attempt, Event, EventKind, Purpose, WaitReason};
}

pub use checkpoint::{Checkpoint, Mark, RunInProgress, SyncState};
#[cfg(feature = "webhook")]
pub use client::webhook;
pub use client::{
    Activity, Body, Client, ClientBuilder, Clock, Counts, CredentialSource, Credentials, Download, DownloadRequest,
    GetRequest, HeadRequest, HttpTransport, HttpTransportBuilder, Issued, LimitScope, OAuth2, Progress, Provider,
    Quota, RateLimit, RetryPolicy, Sunset, Transport, WriteRequest,
};
pub use error::{
    BoxError, Call, Completeness, CredentialsError, Error, FieldError, PauseReason, Result, ServerError, TimeoutScope,
    TransportError, WaitScope,
};
pub use json::{BodyProblem, Fields, ListAt, value};
pub use listing::{
    Cursor, Endpoint, Fingerprint, ItemStream, ListRequest, Listing, Page, PageStream, Position, Rejected, paginate,
};
pub use providers::{employjoy, fantastic_jobs, jobaffinity, jobdataapi, rest};
/// Inspectors: what looks at each page of a run before its batch is handed out, and may refuse it.
///
/// | inspector | what it does | feature |
/// |---|---|---|
/// | `archive::ArchiveWriter` | keeps the answer as received | `archive` |
/// | `drift::DriftCheck` | compares the fields and types of the records with a baseline | `drift` |
/// | `quarantine::Keeper` | keeps rejected records, or those of a page that another inspector refuses | `quarantine` |
/// | your own | implements [`Inspect`](inspect::Inspect) | |
///
/// A run has as many as are added by [`SyncRun::inspect_with`], and asks them in that order. The first one that refuses a page ends the run with
/// [`Error::Refused`]: those after it do not see the page, nothing of it is committed, and the next run gets it again. What an inspector found is
/// in [`Report::inspected`].
pub mod inspect {
    pub use crate::listing::PageSource;
    pub use crate::sync::{Inspect, InspectedEnd, InspectedPage};
}

pub use sync::{
    Batch, Incremental, ListDiff, Outcome, PartitionCounts, PartitionEntry, PartitionError, PartitionResult,
    Partitions, PartitionsProgress, PartitionsReport, Report, RunError, StopSignal, SyncIncremental, SyncRun,
    partitions,
};

// The crates whose types this API has in its signatures: use them from here, and the versions always fit.
#[cfg(any(feature = "archive", feature = "parquet"))]
pub use object_store;
#[cfg(feature = "sqlite")]
pub use rusqlite;
#[cfg(feature = "postgres")]
pub use tokio_postgres;
pub use {bytes, futures, http, jiff, secrecy, serde, serde_json, url};

/// The README's examples, compiled and run.
#[cfg(all(doctest, feature = "testing"))]
#[doc = include_str!("../README.md")]
struct Readme;
