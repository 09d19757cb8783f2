//! The answers of runs and listings, kept as received, and read again later without a request (feature `archive`).
//!
//! [`Archive::writer`] keeps those of a run, [`Archive::keep`] those of a plain listing, in a folder or in a bucket. [`Archive::replay`] gives the same
//! pages again, [`Archive::retain`] removes old ones.
//!
//! ```
//! # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use futures::TryStreamExt;
//! use jobfeed::archive::Archive;
//! use jobfeed::checkpoint::MemoryStore;
//! use jobfeed::jobdataapi::Job;
//!
//! # use jobfeed::{jobdataapi::Client, testing::JobDataApi};
//! # let server = JobDataApi::builder().jobs(300).start().await?;
//! # let (key, url) = (server.api_key(), server.base_url());
//! # let api = Client::builder().api_key(key).base_url(url).build()?;
//! # let folder = tempfile::tempdir()?;
//! # let folder = folder.path().join("raw");
//! let archive = Archive::open_folder(&folder).await?;
//! let store = MemoryStore::new();
//! let mut run = api.jobs().sync_by_id("jobs/all", &store).await?.inspect_with(archive.writer());
//! while let Some(batch) = run.next().await? {
//!     // … upsert batch.items() …
//!     batch.commit().await?;
//! }
//!
//! // Later, with a changed model or table: the same pages, without one request.
//! let mut pages = archive.replay::<Job>().key("jobs/all").pages();
//! let mut jobs = 0;
//! while let Some(page) = pages.try_next().await? {
//!     jobs += page.items.len();
//! }
//! assert_eq!(jobs, 300);
//! # Ok(()) }
//! ```
//!
//! # What is kept
//!
//! The body of each answer whose page is handed out, byte for byte, as one zstd frame: `zstd -d` reads it. Answers that are no page of
//! the list, such as counts, are not kept. For each page a line of JSON says where it came from ([`Entry`]). The objects, below the folder or
//! prefix of the archive (a key is written as in the files of a [`FileStore`](crate::checkpoint::FileStore)):
//!
//! | object | content |
//! |---|---|
//! | `bodies/<key>/<history>/<revision>.<SHA-256>.zst` | a body |
//! | `manifest/<key>/<history>/<revision>.jsonl` | the entry of a page that was committed |
//! | `pending/<key>/…json` | the entry of a page that was handed out, and the state that its commit saves |
//!
//! A *history* is the series of revisions of one checkpoint. A checkpoint that was deleted, or restored from a backup, begins another
//! history, so nothing is overwritten.
//!
//! * A body that is read in chunks is kept in these chunks: each is a list of records, byte for byte.
//! * A page after the end of a list, and an answer 304, have an entry without a body. A batch that only saves the state has no entry.
//! * Where an answer repeats records of the page before, its page is without them. They are in the body, the entry says where, and a
//!   replay leaves them out.
//! * Kept headers: `content-type`, `date`, `etag`, `last-modified`, `retry-after`, and those of rate limits and quotas.
//! * The URL is kept without credentials. Where a body repeats one of the client's credentials beside the list, such as in a link
//!   to the next page, the records alone are kept, as a list ([`Entry::records_only`]); a header that repeats one is not kept. The
//!   records themselves are data, and are not searched.
//!
//! # Order, and what a crash leaves
//!
//! 1. Before a page is handed out: its entry is written to `pending/`, then its body.
//! 2. After the commit, before the next page is handed out or when the run ends: the entry moves to `manifest/`.
//!
//! Each step is durable before the next one begins (a folder is synced to the disk). So a page that was committed has its body, and its
//! entry is in `pending/` or in `manifest/`. A run that starts, or [`Archive::settle`], compares the pending entries with the stored
//! state: an entry whose state is the stored one was committed, also when the caller saved
//! [`Batch::next_state`](crate::Batch::next_state) in a transaction of their own. When a revision is committed, other pending entries
//! of it were not, and are removed with their bodies; a page that comes again with the same content replaces its own. What nothing
//! lists is removed by [`Archive::retain`].
//!
//! All runs of a key should write to the archive. When later revisions were committed without it, it is not known whether a pending
//! page was committed: it is then listed, so that no committed page is missing. When two processes begin the first run of a key at the
//! same time, the page of the one that did not commit is removed by a later run.
//!
//! When the archive fails, the page is not handed out: the run ends with [`Error::Refused`](crate::Error::Refused), whose source is an
//! [`ArchiveError`], and the next run gets the page again.

mod bodies;
mod entry;
mod keep;
mod manifest;
mod objects;
mod pending;
mod replay;
mod retain;
mod writer;

pub use crate::error::ArchiveError;
pub use entry::Entry;
pub use objects::Archive;
pub use replay::Replay;
pub use retain::{Removed, Retention};
pub use writer::ArchiveWriter;
