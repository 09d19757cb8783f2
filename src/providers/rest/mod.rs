//! Any paginated JSON API, without a type of your own for its endpoints.
//!
//! A [`Client`] has a base URL and credentials. A listing is described where it is used: how the server pages ([`Scheme`]), where
//! the records are, and which field identifies one. For an incremental sync, a [`Watermark`] says which field tells what is new or changed
//! (its value is the *mark* of the record), and which parameter asks for it. The listing then has what the listings of the providers have:
//! one page, a stream of pages, records, cursors, and a sync with checkpoints.
//!
//! Places in a record or a body are JSON pointers, such as `/meta/next`. Only the key is the name of a field, such as `id`.
//!
//! ```
//! use std::time::Duration;
//!
//! use futures::TryStreamExt;
//! use jobfeed::Credentials;
//! use jobfeed::checkpoint::MemoryStore;
//! use jobfeed::paginate::{ReadAt, Scheme};
//! use jobfeed::rest::{Client, Watermark};
//!
//! #[derive(serde::Deserialize)]
//! struct Job {
//!     id: String,
//!     title: Option<String>,
//! }
//!
//! # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let server = jobfeed::testing::EmployJoy::builder().jobs(300).start().await?;
//! # let (key, url) = (server.api_key(), server.base_url());
//! let api = Client::builder().base_url(url).credentials(Credentials::bearer(key)?).build()?;
//! let jobs = api
//!     .list::<Job>("jobs")
//!     .paginate(Scheme::token_at(ReadAt::pointer("/next_cursor"), "cursor").page_size("limit", 100))
//!     .records_at("/data")
//!     .key("id");
//! let listed: Vec<Job> = jobs.clone().items().try_collect().await?;
//! assert_eq!(listed.len(), 300);
//!
//! // A sync: the first run brings everything, each later one what changed since then. It begins 600 s before the watermark
//! // (`overlap`), and leaves the watermark at least 5 s before its own start (`lag`), for changes that the server shows late.
//! let changed = Watermark::instant("/updatedAt", "updated_since").overlap(600).lag(Duration::from_secs(5));
//! let jobs = jobs.watermark(changed);
//! let store = MemoryStore::new();
//! for _ in 0..2 {
//!     let mut run = jobs.clone().sync_since("jobs", &store).await?;
//!     while let Some(batch) = run.next().await? {
//!         for job in batch.items() {
//!             println!("{}: {:?}", job.id, job.title); // upsert: a batch may come again
//!         }
//!         batch.commit().await?; // only now does the checkpoint move
//!     }
//!     println!("{}", run.report());
//! }
//! # Ok(()) }
//! ```
//!
//! # An API in a file
//!
//! [`Api`] is the same as data, in any format of serde. It is checked as a whole before anything is sent, and the error names the
//! field. It contains no secret, only the place where the application's secret is sent.
//!
//! ```
//! use jobfeed::rest::Api;
//!
//! # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let server = jobfeed::testing::EmployJoy::builder().jobs(3).start().await?;
//! let api = Api::from_json(r#"{
//!     "name": "employjoy",
//!     "base_url": "https://api.employjoy.ai/api/v1/external/",
//!     "credentials": {"header": {"name": "Authorization", "prefix": "Bearer "}},
//!     "rate_limit": {"requests": 60, "per": 60},
//!     "endpoints": {
//!         "jobs": {
//!             "path": "jobs",
//!             "paginate": {
//!                 "by": {"token_at": {"at": {"pointer": "/next_cursor"}, "send": {"query": "cursor"}}},
//!                 "page_size": {"send": {"query": "limit"}, "records": 200}
//!             },
//!             "records_at": "/data",
//!             "key": "id",
//!             "watermark": {
//!                 "mark": {"instant": "/updatedAt"},
//!                 "send": {"query": "updated_since"},
//!                 "overlap": 600
//!             }
//!         }
//!     }
//! }"#)?;
//! # let mut api = api;
//! # api.base_url = server.base_url().to_string();
//! let client = api.client(api.credentials(std::env::var("EMPLOYJOY_API_KEY").unwrap_or("a-key".into()))?)?;
//! # let client = api.client(api.credentials(server.api_key())?)?;
//! let page = client.list::<serde_json::Value>("jobs")?.send().await?;
//! assert_eq!(page.items.len(), 3);
//!
//! let wrong = Api::from_json(r#"{"name": "x", "base_url": "http://h/", "endpoints": {"a": {"path": "a", "kee": "id"}}}"#);
//! assert!(wrong.is_err_and(|error| error.to_string().contains("endpoints.a.kee")));
//! # Ok(()) }
//! ```
//!
//! # Paging schemes
//!
//! [`paginate`](crate::paginate) says of each when a walk ends, where it goes on after an interruption, and when it may skip or repeat
//! records.
//!
//! ```
//! use jobfeed::paginate::{EndRule, ReadAt, Scheme, SendAt};
//!
//! // ?page=1&per_page=100, to the total in a header
//! let numbers = Scheme::numbered("page", 1, EndRule::Total)
//!     .page_size("per_page", 100)
//!     .total(ReadAt::header("x-total-count"));
//! // ?page=1, with `count` and `next` in the body
//! let envelope = Scheme::page_numbers("page");
//! // ?offset=0&limit=100, to an empty page
//! let offsets = Scheme::offsets("offset", EndRule::EmptyPage).page_size("limit", 100);
//! // a token in the body, sent back in a header
//! let token = Scheme::token_at(ReadAt::pointer("/meta/next"), SendAt::header("x-cursor"));
//! // a search by POST: a token in both bodies
//! let search = Scheme::token_at(ReadAt::pointer("/after"), SendAt::body("/page/after"));
//! // ?id_gt=…, the key of the last record
//! let keys = Scheme::keyset("/id", "id_gt");
//! // ?updated_at_gte=…, from the key of the last record on
//! let ties = Scheme::keyset_inclusive("/updated_at", "updated_at_gte");
//! // has_more, and ?starting_after=… the last id
//! let more = Scheme::has_more(ReadAt::pointer("/has_more"), "/id", "starting_after");
//! // the URL of the next page
//! let url = Scheme::next_url(ReadAt::pointer("/links/next"));
//! // Link: <…>; rel="next"
//! let link = Scheme::link_header().page_size("per_page", 100);
//! # for scheme in [numbers, envelope, offsets, token, search, keys, ties, more, url, link] {
//! #     scheme.check()?;
//! # }
//! # Ok::<(), jobfeed::Error>(())
//! ```
//!
//! Where this is not enough (a request or the next page must be computed), write an [`Endpoint`](crate::Endpoint) for the
//! [`Client`](crate::Client) of the crate's root; see [`endpoint`](crate::endpoint).
//!
//! [`Scheme`]: crate::paginate::Scheme

mod api;
mod client;
mod description;
mod endpoint;
mod header;
mod requests;
mod seconds;
mod sync_since;
mod watermark;

pub use api::{Api, ApiClient, CredentialsAt, Rate};
pub use client::Client;
pub use description::{ListDescription, ListMethod, Removals};
pub use requests::RecordsRequest;
pub use sync_since::SyncRecords;
pub use watermark::{BoundFormat, MarkAt, Watermark};
