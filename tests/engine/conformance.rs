//! The conformance suite: what every listing of every provider must do when a server fails or sends wrong answers. A new
//! provider is added with one [`Case`] in `conformance/cases.rs` and one line at the end.
#![cfg(feature = "testing")]
#![allow(clippy::pedantic, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeSet;
use std::future::Future;
use std::time::Duration;

use futures::StreamExt;
use http::StatusCode;
use jobfeed::checkpoint::MemoryStore;
use jobfeed::jiff::SignedDuration;
use jobfeed::testing::{Fault, Served, When};
use jobfeed::{BodyProblem, Completeness, Cursor, Error, Outcome, PageStream, Result, RetryPolicy};
use serde_json::Value;

use crate::support::impatient;

mod any_api;
mod cases;
mod general;
mod schemes;
mod syncs;

/// Records of the listing, and records of a page: ten pages.
const ROWS: usize = 1000;
const PAGE: u32 = 100;

/// The settings of a client.
#[derive(Clone, Copy)]
struct Settings {
    retry: RetryPolicy,
    timeout: Duration,
    max_body_bytes: usize,
    /// How far the client's clock is ahead of the server's.
    ahead: SignedDuration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            retry: impatient(),
            timeout: Duration::from_secs(20),
            max_body_bytes: 8 << 20,
            ahead: SignedDuration::ZERO,
        }
    }
}

/// One listing of one provider on its simulator.
trait Case: Sized + Send + Sync {
    /// Whether the envelope has a total.
    const TOTAL: bool;
    /// Whether the position after a page is a token, not a number that must grow.
    const TOKENS: bool;
    /// Whether the server counts by IP address, so that all clients of its host obey a wait.
    const BY_HOST: bool = false;
    /// Whether an answer names the next page. Otherwise a page that is not full is the last one, so faults of the name have no
    /// effect, and an empty page is the end.
    const NAMES_NEXT: bool = true;
    /// Requests after the last record, to find the end.
    const CLOSING: u64 = 0;
    /// Requests for all records when the server halves the page size.
    const HALVED: u64 = 20 + Self::CLOSING;
    /// Whether a page begins after the records that were received, so that those that a short page left out come with the next.
    const ADVANCES_BY_ROWS: bool = false;
    /// Whether a page may be redirected, which a `POST` may not.
    const FOLLOWS_REDIRECTS: bool = true;
    /// Whether the server recognises a repetition of its `POST`.
    const REPEATABLE_POST: bool = false;
    /// Whether the sync asks for counts or totals.
    const SYNC_COUNTS: bool = false;
    /// The field that identifies a record.
    const KEY: &'static str = "id";

    fn start() -> impl Future<Output = Self> + Send;
    fn pages(&self, settings: Settings, strict: bool, cursor: Option<Cursor>) -> PageStream<Value>;
    fn fault(&self, fault: Fault, when: When);
    fn clear_faults(&self);
    fn served(&self) -> Served;

    /// One run of the sync of the listing, where it has one.
    fn sync(&self, _: Settings, _: &MemoryStore) -> impl Future<Output = Synced> + Send {
        async { unimplemented!("this listing has no sync") }
    }
    /// Adds rows that are newer than all others.
    fn add_rows(&self) {}
    /// Lets half an hour pass, where the server's time moves.
    fn pass_time(&self) {}
    /// The keys that all runs so far together must have delivered.
    fn synced_rows(&self, _: &MemoryStore) -> impl Future<Output = BTreeSet<String>> + Send {
        async { BTreeSet::new() }
    }

    /// Where the client sends its requests.
    fn base_url(&self) -> String;
    /// The key or the password of the client.
    fn secret(&self) -> String;
    /// Sends a `POST` that is not answered as expected. `None` for a provider that has none.
    fn post(&self) -> impl Future<Output = Option<Error>> + Send {
        async { None }
    }
}

/// One run of a sync: the keys that it delivered, and how it ended.
struct Synced {
    keys: Vec<String>,
    ended: Result<Outcome>,
}

/// The result of a walk: the keys, the rejected records, and the error at its end.
struct Walk {
    keys: Vec<String>,
    rejected: usize,
    error: Option<Error>,
    cursor: Option<Cursor>,
    completeness: Option<Completeness>,
}

impl Walk {
    fn distinct(&self) -> usize {
        self.keys.iter().collect::<BTreeSet<_>>().len()
    }
}

async fn walk<C: Case>(mut pages: PageStream<Value>, stop_after: usize) -> Walk {
    let mut walk = Walk { keys: Vec::new(), rejected: 0, error: None, cursor: None, completeness: None };
    let mut read = 0;
    while read < stop_after {
        match pages.next().await {
            Some(Ok(page)) => {
                read += 1;
                walk.rejected += page.rejected.len();
                walk.keys.extend(page.items.iter().map(|row| row[C::KEY].to_string()));
            }
            Some(Err(error)) => {
                walk.error = Some(error);
                assert!(pages.next().await.is_none(), "a stream ends after its error");
                break;
            }
            None => break,
        }
    }
    walk.cursor = pages.cursor();
    walk.completeness = pages.completeness();
    walk
}

async fn with_fault<C: Case>(fault: Fault, when: When, settings: Settings) -> (C, Walk) {
    let case = C::start().await;
    case.fault(fault, when);
    let walk = walk::<C>(case.pages(settings, false, None), usize::MAX).await;
    (case, walk)
}

async fn every_record_arrives_once<C: Case>() {
    let case = C::start().await;
    let walk = walk::<C>(case.pages(Settings::default(), true, None), usize::MAX).await;
    assert!(walk.error.is_none(), "{:?}", walk.error);
    assert_eq!((walk.keys.len(), walk.distinct()), (ROWS, ROWS));
    assert_eq!(walk.completeness, Some(Completeness::Complete));
    assert_eq!(walk.cursor, None);
    assert_eq!(case.served().peak_in_flight, 1, "one request in flight");
}

/// After temporary faults, the walk has the same result as without them.
async fn temporary_faults_are_retried<C: Case>() {
    let faults = [
        Fault::Status { code: 500, retry_after: None },
        Fault::Status { code: 503, retry_after: Some(0) },
        Fault::Status { code: 429, retry_after: Some(0) },
        Fault::Status { code: 408, retry_after: None },
        Fault::CutBody,
        Fault::TruncatedJson,
        Fault::Drop,
    ];
    for fault in faults {
        let name = format!("{fault:?}");
        let (case, walk) = with_fault::<C>(fault, When::Requests(3..=4), Settings::default()).await;
        assert!(walk.error.is_none(), "{name}: {:?}", walk.error);
        assert_eq!((walk.keys.len(), walk.distinct()), (ROWS, ROWS), "{name}");
        let requests = case.served().log.iter().filter(|request| request.list_number.is_some()).count();
        assert_eq!(requests as u64, 12 + C::CLOSING, "{name}");
    }
    let settings = Settings { timeout: Duration::from_millis(300), ..Settings::default() };
    let (_, walk) = with_fault::<C>(Fault::Stall, When::Request(3), settings).await;
    assert!(walk.error.is_none(), "stall: {:?}", walk.error);
    assert_eq!(walk.distinct(), ROWS);
}

/// After a refusal there is no retry, no record is lost, and the walk continues from its cursor.
async fn promise_5_refusals_are_not_retried_and_lose_nothing<C: Case>() {
    type Check = fn(&Error) -> bool;
    let status = |code| Fault::Status { code, retry_after: None };
    let faults: [(Fault, Check); 7] = [
        (status(400), |error| error.status() == Some(StatusCode::BAD_REQUEST)),
        (status(401), |error| error.status() == Some(StatusCode::UNAUTHORIZED)),
        (status(403), |error| error.status() == Some(StatusCode::FORBIDDEN)),
        (Fault::Html, |error| matches!(error, Error::Body { problem: BodyProblem::Html, .. })),
        (Fault::ErrorObject, |error| matches!(error, Error::Body { problem: BodyProblem::ErrorObject, .. })),
        (Fault::Garbled, |error| matches!(error, Error::Body { problem: BodyProblem::NotJson, .. })),
        (Fault::Oversized(16 << 20), |error| matches!(error, Error::TooLarge { .. })),
    ];
    for (fault, expected) in faults {
        let name = format!("{fault:?}");
        let case = C::start().await;
        case.fault(fault, When::Request(4));
        let first = walk::<C>(case.pages(Settings::default(), false, None), usize::MAX).await;
        let error = first.error.as_ref().unwrap_or_else(|| panic!("{name}: no error"));
        assert!(expected(error), "{name}: {error:?}");
        assert!(!error.is_retryable(), "{name}");
        assert!(error.endpoint().is_some() && !error.to_string().contains('\n'), "{name}: {error}");
        assert_eq!(first.keys.len(), 300, "{name}: the pages before it were delivered");
        assert_eq!(case.served().requests, 4, "{name}: requested once");
        let rest = walk::<C>(case.pages(Settings::default(), false, first.cursor.clone()), usize::MAX).await;
        assert!(rest.error.is_none(), "{name}: {:?}", rest.error);
        assert_eq!(rest.keys.len(), 700, "{name}");
    }
}

async fn a_cyclic_next_is_an_error_that_names_the_page_first_seen<C: Case>() {
    for fault in [Fault::RepeatNext, Fault::CycleNext] {
        let name = format!("{fault:?}");
        if !C::NAMES_NEXT {
            let (_, walk) = with_fault::<C>(fault, When::Request(5), Settings::default()).await;
            assert_eq!((walk.keys.len(), walk.distinct()), (ROWS, ROWS), "{name}: there is no next link to change");
            continue;
        }
        let (case, walk) = with_fault::<C>(fault, When::Request(5), Settings::default()).await;
        let Some(Error::CursorLoop { page, first_seen, .. }) = walk.error else {
            panic!("{name}: {:?}", walk.error);
        };
        assert_eq!(page, 5, "{name}");
        assert!((1..=5).contains(&first_seen), "{name}: {first_seen}");
        assert_eq!(walk.distinct(), 500, "{name}: the page itself is delivered");
        assert_eq!(case.served().requests, 5, "{name}: not followed");
    }
}

async fn a_foreign_next_or_redirect_is_refused_before_anything_is_sent<C: Case>() {
    let other = C::start().await;
    let foreign = "http://127.0.0.2:9/api/jobs/?page=6".to_owned();
    for fault in [Fault::ForeignNext(foreign.clone()), Fault::Redirect(foreign)] {
        let name = format!("{fault:?}");
        let redirect = matches!(fault, Fault::Redirect(_));
        let (_, walk) = with_fault::<C>(fault, When::Request(5), Settings::default()).await;
        if (C::TOKENS || !C::NAMES_NEXT) && !redirect {
            continue; // there is no link that could name another origin
        }
        if redirect && !C::FOLLOWS_REDIRECTS {
            assert_eq!(walk.error.and_then(|error| error.status()), Some(StatusCode::FOUND), "{name}: not followed");
            continue;
        }
        let Some(Error::ForeignOrigin { found, .. }) = &walk.error else { panic!("{name}: {:?}", walk.error) };
        assert_eq!(found, "http://127.0.0.2:9");
        assert_eq!(walk.distinct(), 400, "{name}");
    }
    assert_eq!(other.served().requests, 0);
}

async fn missing_records_are_an_error<C: Case>() {
    if !C::TOTAL {
        return;
    }
    let faults = [(Fault::LostNext, 400), (Fault::ShortPage(40), 40), (Fault::EmptyPage, 100)];
    for (fault, missing) in faults {
        let name = format!("{fault:?}");
        let (_, walk) = with_fault::<C>(fault.clone(), When::Request(6), Settings::default()).await;
        let harmless = match fault {
            Fault::LostNext => !C::NAMES_NEXT,
            Fault::ShortPage(_) => C::ADVANCES_BY_ROWS,
            _ => false,
        };
        if harmless {
            assert!(walk.error.is_none() && walk.distinct() == ROWS, "{name}: {:?}", walk.error);
            continue;
        }
        let Some(Error::Incomplete { completeness, .. }) = walk.error else { panic!("{name}: {:?}", walk.error) };
        assert_eq!(completeness, Completeness::ShortBy(missing), "{name}");
        assert_eq!(walk.distinct() as u64, ROWS as u64 - missing, "{name}: all other records were delivered");
    }
}

async fn an_empty_page_in_the_middle_is_not_the_end<C: Case>() {
    if !C::NAMES_NEXT {
        return;
    }
    let (case, walk) = with_fault::<C>(Fault::EmptyPage, When::Request(6), Settings::default()).await;
    assert_eq!(walk.distinct(), ROWS - 100);
    assert_eq!(case.served().requests, 10);
}

async fn all_records_arrive_from_a_server_that_halves_the_page_size<C: Case>() {
    let (case, walk) = with_fault::<C>(Fault::HalveLimit, When::Always, Settings::default()).await;
    assert!(walk.error.is_none(), "{:?}", walk.error);
    assert_eq!((walk.keys.len(), walk.distinct()), (ROWS, ROWS));
    assert_eq!(case.served().requests, C::HALVED);
}

async fn a_walk_continues_from_a_stored_cursor<C: Case>() {
    let case = C::start().await;
    let first = walk::<C>(case.pages(Settings::default(), false, None).prefetch(false), 7).await;
    let kept = first.cursor.expect("a position").to_string();
    let rest = walk::<C>(case.pages(Settings::default(), false, Some(kept.parse().unwrap())), usize::MAX).await;
    assert!(rest.error.is_none(), "{:?}", rest.error);
    assert_eq!((first.keys.len(), rest.keys.len()), (700, 300));
    assert_eq!(first.keys.iter().chain(&rest.keys).collect::<BTreeSet<_>>().len(), ROWS);
    assert_eq!(case.served().requests, 10 + C::CLOSING, "no page was fetched again");
    assert_eq!(rest.completeness, Some(Completeness::Complete), "completeness is that of the whole walk");
}

async fn a_long_wait_ends_as_paused_and_a_later_walk_continues<C: Case>() {
    let fault = Fault::Status { code: 429, retry_after: Some(2710) };
    let (case, first) = with_fault::<C>(fault, When::Request(4), Settings::default()).await;
    let Some(Error::Paused { wait, .. }) = &first.error else { panic!("{:?}", first.error) };
    assert_eq!(wait.as_secs(), 2710);
    assert!(first.error.as_ref().is_some_and(|error| error.is_rate_limited() && error.is_retryable()));
    assert_eq!(case.served().requests, 4, "no request is sent during the wait");
    let rest = walk::<C>(case.pages(Settings::default(), false, first.cursor), usize::MAX).await;
    if C::BY_HOST {
        assert!(matches!(rest.error, Some(Error::Paused { .. })), "a new client waits too: {:?}", rest.error);
        assert_eq!((first.keys.len(), case.served().requests), (300, 4));
        return;
    }
    assert_eq!((first.keys.len(), rest.keys.len()), (300, 700));
}

macro_rules! conformance {
    (listings { $($module:ident: $case:ty),* $(,)? }) => {$(
        mod $module {
            use super::*;

            conformance!(@listing $case);
        }
    )*};
    (listings and syncs { $($module:ident: $case:ty),* $(,)? }) => {$(
        mod $module {
            use super::*;

            conformance!(@listing $case);
            conformance!(@ $case, syncs:
                promise_1_answers_of_older_copies_lose_no_row, promise_1_a_clock_that_is_an_hour_wrong_loses_no_row,
                promise_1_a_record_twice_in_a_page_hides_no_other, promise_4_a_sync_reads_totals_in_any_form_of_a_number);
        }
    )*};
    (@listing $case:ty) => {
        conformance!(@ $case, super:
            every_record_arrives_once, temporary_faults_are_retried, promise_5_refusals_are_not_retried_and_lose_nothing,
            a_cyclic_next_is_an_error_that_names_the_page_first_seen,
            a_foreign_next_or_redirect_is_refused_before_anything_is_sent, missing_records_are_an_error,
            an_empty_page_in_the_middle_is_not_the_end, all_records_arrive_from_a_server_that_halves_the_page_size,
            a_walk_continues_from_a_stored_cursor, a_long_wait_ends_as_paused_and_a_later_walk_continues);
        conformance!(@ $case, general:
            promise_7_the_head_of_an_answer_holds_when_its_body_hangs, a_body_that_never_ends_is_not_waited_for,
            promise_7_the_longest_wait_of_several_rate_policies_is_obeyed,
            promise_4_a_total_in_any_form_of_a_number_is_compared, promise_4_a_record_twice_in_a_page_is_not_complete,
            promise_8_a_credential_in_the_path_of_a_link_is_not_kept,
            promise_2_a_303_after_a_post_is_neither_followed_nor_taken_for_a_refusal);
    };
    (@ $case:ty, $tests:ident: $($test:ident),*) => {$(
        #[tokio::test]
        async fn $test() {
            $tests::$test::<$case>().await;
        }
    )*};
}

conformance! {
    listings and syncs {
        employjoy_jobs: cases::EmployJoyJobs,
        employjoy_applications: cases::EmployJoyApplications,
        fantastic_jobs_by_offset: cases::FantasticAts<false>,
        fantastic_jobs_by_cursor: cases::FantasticAts<true>,
        jobdataapi_jobs: cases::JobDataApiJobs,
        jobaffinity_jobs: cases::JobAffinityJobs,
    }
}

conformance! {
    listings {
        page_numbers_to_the_total: any_api::AnyCase<schemes::Numbered<{ schemes::TOTAL }>>,
        page_numbers_to_a_short_page: any_api::AnyCase<schemes::Numbered<{ schemes::SHORT }>>,
        page_numbers_to_an_empty_page: any_api::AnyCase<schemes::Numbered<{ schemes::EMPTY }>>,
        offsets_to_the_total: any_api::AnyCase<schemes::Offsets<{ schemes::TOTAL }>>,
        offsets_to_a_short_page: any_api::AnyCase<schemes::Offsets<{ schemes::SHORT }>>,
        offsets_to_an_empty_page: any_api::AnyCase<schemes::Offsets<{ schemes::EMPTY }>>,
        overlapping_offsets: any_api::AnyCase<schemes::OverlappingOffsets>,
        token_in_body: any_api::AnyCase<schemes::TokenInBody>,
        token_in_header: any_api::AnyCase<schemes::TokenInHeader>,
        search_by_post: any_api::AnyCase<schemes::Search>,
        keyset: any_api::AnyCase<schemes::Keyset>,
        inclusive_keyset: any_api::AnyCase<schemes::InclusiveKeyset>,
        has_more: any_api::AnyCase<schemes::HasMore>,
        url_in_body: any_api::AnyCase<schemes::UrlInBody>,
        url_in_header: any_api::AnyCase<schemes::UrlInHeader>,
        link_header: any_api::AnyCase<schemes::LinkHeader>,
    }
}
