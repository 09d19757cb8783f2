//! What a listing tells the suite: how its server pages, and how it is read.

use std::collections::BTreeSet;
use std::future::Future;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::checkpoint::MemoryStore;
use crate::client::{ClientBuilder, Clock, Provider, RateLimit, RetryPolicy};
use crate::error::{BoxError, Result};
use crate::listing::{Cursor, Endpoint, ListRequest, PageStream};
use crate::sync::SyncRun;
use crate::testing::service::Service;
use crate::testing::simulator::Simulator;

/// The records of the listing of a [`Case`]: ten pages.
pub const ROWS: usize = 1000;
/// The records that it asks for on each page.
pub const PAGE: u32 = 100;

/// A listing on its simulator, for the checks of [`conformance_tests!(listing: …)`](crate::conformance_tests).
///
/// The constants say how the server pages; the defaults are those of a server that gives a token or a link to the next page and no
/// total. A case that states them wrongly fails.
///
/// ```
/// use jobfeed::endpoint::{Answer, AnswerError, ApiRequest, Endpoint, Listing, Paging};
/// use jobfeed::jiff::Timestamp;
/// use jobfeed::paginate::{self, ReadAt, Scheme};
/// use jobfeed::testing::conformance::{self, Case, PAGE, ROWS, Settings};
/// use jobfeed::testing::{AnyApi, ListRoute, Service, Simulator};
/// use jobfeed::{BoxError, Client, Credentials, ListAt, PageStream, Position, Result};
/// use serde_json::{Value, json};
///
/// #[derive(Clone)]
/// struct Notes;
///
/// impl Endpoint for Notes {
///     fn name(&self) -> &str {
///         "example/notes"
///     }
///     fn request(&self, at: &Position) -> ApiRequest {
///         let notes = ApiRequest::get("notes").query("limit", PAGE);
///         if let Some(token) = at.token() { notes.query("after", token) } else { notes }
///     }
///     fn list(&self) -> ListAt {
///         ListAt::Field("notes")
///     }
///     fn next(&self, _: &Position, answer: &Answer<'_>) -> Result<Paging, AnswerError> {
///         paginate::token(answer, "next")
///     }
///     fn key(&self) -> Option<&str> {
///         Some("id")
///     }
/// }
///
/// impl Listing for Notes {
///     type Item = Value;
/// }
///
/// struct NotesCase(AnyApi);
///
/// impl Case for NotesCase {
///     async fn start() -> Result<Self, BoxError> {
///         let scheme = Scheme::token_at(ReadAt::pointer("/next"), "after").page_size("limit", PAGE);
///         let notes = ListRoute::new("notes", scheme.fixed_positions()).sorted_by(["/id"]).records_at("/notes");
///         let notes = notes.rows((1..=ROWS).map(|id| json!({"id": id})));
///         Ok(Self(AnyApi::builder().bearer("a-s3cret").list(notes).start().await?))
///     }
///     fn server(&self) -> &Simulator<impl Service> {
///         &*self.0
///     }
///     fn pages(&self, settings: &Settings) -> Result<PageStream<Value>> {
///         let api = Client::builder().base_url(self.0.base_url()).credentials(Credentials::bearer("a-s3cret")?);
///         Ok(settings.pages(settings.client(api, Timestamp::now()).build()?.list(Notes)))
///     }
///     fn secret(&self) -> String {
///         "a-s3cret".to_owned()
///     }
/// }
///
/// // In a test module: a `#[test]` of each check.
/// jobfeed::conformance_tests!(listing: NotesCase);
///
/// # fn main() -> Result<(), conformance::Violation> {
/// // Or one of them.
/// conformance::block_on(conformance::every_record_arrives_once::<NotesCase>())
/// # }
/// ```
pub trait Case: Sized + Send + Sync {
    /// Whether each answer has the total, and the listing reads it. Default: no.
    const TOTAL: bool = false;
    /// Whether the position after a page is a token that the server made, not a number or a URL. Default: yes.
    const TOKENS: bool = true;
    /// Whether an answer names the next page. Otherwise the listing finds the end by an empty page, a short page or a total, and faults
    /// of the name have no effect. Default: yes.
    const NAMES_NEXT: bool = true;
    /// Requests after the last record, to find the end. Default 0.
    const CLOSING: u64 = 0;
    /// Requests for all records when the server halves the page size. Default: 20 and [`Case::CLOSING`].
    const HALVED: u64 = 20 + Self::CLOSING;
    /// Whether a page begins after the records that were received, so that those that a short page left out come with the next.
    /// Default: no.
    const ADVANCES_BY_ROWS: bool = false;
    /// Whether a page may be redirected, which a `POST` may not. Default: yes.
    const FOLLOWS_REDIRECTS: bool = true;
    /// Whether all clients of the server's host obey a wait, because the server counts by IP address
    /// ([`LimitScope::Host`](crate::LimitScope::Host)). Default: no.
    const BY_HOST: bool = false;
    /// The field that identifies a record, and that the listing has as its [`key`](crate::Endpoint::key). Default: `id`.
    const KEY: &'static str = "id";

    /// Starts the simulator with [`ROWS`] records in the listing.
    ///
    /// # Errors
    /// What went wrong; the check fails then.
    fn start() -> impl Future<Output = Result<Self, BoxError>> + Send;

    /// The simulator. The suite switches faults on, and looks at what was served.
    fn server(&self) -> &Simulator<impl Service>;

    /// The listing with [`PAGE`] records on a page, read by a new client with these settings:
    /// `settings.pages(settings.client(builder, now).build()?.list(endpoint))`.
    ///
    /// # Errors
    /// Those of the client's builder.
    fn pages(&self, settings: &Settings) -> Result<PageStream<Value>>;

    /// The secret in the client's credentials: the key, the token or the password.
    fn secret(&self) -> String;
}

/// The incremental sync of a listing, for the checks of [`conformance_tests!(sync: …)`](crate::conformance_tests).
pub trait SyncCase: Case {
    /// Whether the sync asks for counts, or compares totals. Default: no.
    const COUNTS: bool = false;

    /// Begins a run of the sync with [`PAGE`] records on a page, by a new client with these settings. Always the same key of the store.
    ///
    /// # Errors
    /// Those of the client's builder and of the start of the run.
    fn sync(
        &self,
        settings: &Settings,
        store: MemoryStore,
    ) -> impl Future<Output = Result<SyncRun<Value, MemoryStore>>> + Send;

    /// Adds some records that are newer than all others.
    fn add_rows(&self);

    /// Lets half an hour pass on the server, where its time can be moved. Default: nothing.
    fn pass_time(&self) {}

    /// The keys that all runs over this store must have delivered by now, as JSON texts: `7`, `"job_7"`. As a rule those of all records.
    fn expected(&self, store: &MemoryStore) -> impl Future<Output = BTreeSet<String>> + Send;
}

/// A `POST` that changes something on the server, for the check of [`conformance_tests!(post: …)`](crate::conformance_tests).
pub trait PostCase: Case {
    /// Whether the server recognises a repetition, so that the same bytes may be sent again. Default: no.
    const REPEATABLE: bool = false;

    /// Sends it once, by a new client with these settings, and returns the error.
    ///
    /// # Errors
    /// Always, in this suite: the server answers with a redirect.
    fn post(&self, settings: &Settings) -> impl Future<Output = Result<()>> + Send;
}

/// How a check wants a client and a walk: waits of a few milliseconds, no rate limit, and what else the check needs.
#[derive(Debug, Clone)]
pub struct Settings {
    retry: RetryPolicy,
    timeout: Duration,
    max_body_bytes: usize,
    ahead: SignedDuration,
    strict: bool,
    cursor: Option<Cursor>,
}

impl Default for Settings {
    fn default() -> Self {
        let (backoff, longest) = (Duration::from_millis(1), Duration::from_millis(4));
        Self {
            retry: RetryPolicy::default().backoff(backoff, longest).max_wait(Duration::from_secs(2)),
            timeout: Duration::from_secs(20),
            max_body_bytes: 8 << 20,
            ahead: SignedDuration::ZERO,
            strict: false,
            cursor: None,
        }
    }
}

impl Settings {
    /// Applies the settings to the builder of a client. `now` is the server's time.
    pub fn client<P: Provider>(&self, builder: ClientBuilder<P>, now: Timestamp) -> ClientBuilder<P> {
        builder
            .rate_limit(RateLimit::unlimited())
            .retry(self.retry)
            .timeout(self.timeout)
            .max_body_bytes(self.max_body_bytes)
            .clock(Clock::fixed(now.saturating_add(self.ahead).unwrap_or(now)))
    }

    /// The pages of a listing as the check reads them. A request type of your own does the same with [`Settings::strict`] and
    /// [`Settings::cursor`].
    pub fn pages<E: Endpoint + Clone>(&self, mut list: ListRequest<E>) -> PageStream<Value> {
        if self.strict {
            list = list.strict();
        }
        if let Some(cursor) = &self.cursor {
            list = list.resume_from(cursor.clone());
        }
        list.pages_as()
    }

    /// Whether a record that does not fit ends the walk ([`ListRequest::strict`]).
    pub fn strict(&self) -> bool {
        self.strict
    }

    /// Where the walk begins ([`ListRequest::resume_from`]); `None` for the beginning.
    pub fn cursor(&self) -> Option<Cursor> {
        self.cursor.clone()
    }

    pub(super) fn strictly() -> Self {
        Self { strict: true, ..Self::default() }
    }

    pub(super) fn from(cursor: Option<Cursor>) -> Self {
        Self { cursor, ..Self::default() }
    }

    /// A time limit that a test can wait for.
    pub(super) fn short() -> Self {
        Self { timeout: Duration::from_millis(300), ..Self::default() }
    }

    /// A client whose clock is ahead of the server's.
    pub(super) fn ahead(ahead: SignedDuration) -> Self {
        Self { ahead, ..Self::default() }
    }
}
