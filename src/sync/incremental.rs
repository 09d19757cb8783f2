//! The walk of one list by the server's cursor, from a lower bound by which the server can filter the list.
//!
//! The order of such a list is not known, so the watermark moves only when the walk has read the list to its end. A
//! cursor may expire while the run is interrupted; then the walk starts again from its frozen lower bound, once.

use std::sync::Arc;

use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::request::RunStart;
use super::server_date::clock_ahead;
use super::strategy::{PageView, Step, Strategy, Verdict, WalkError};
use crate::checkpoint::Mark;
use crate::client::Clock;
use crate::error::{Error, Result};
use crate::listing::{Endpoint, Position, Walk, Walked, key_hash};

/// A list that the server can filter by a lower bound.
pub(crate) trait Incremental: Send + Sync + 'static {
    /// The list from a lower bound; the whole list without one.
    fn list(&self, since: Option<Mark>) -> Arc<dyn Endpoint>;

    /// The greatest mark among the records of a page.
    fn highest(&self, page: &dyn PageView) -> Option<Mark>;

    /// The smallest mark among the records of a page, for lists that use [`WalkedList::safe_watermark`].
    fn lowest(&self, page: &dyn PageView) -> Option<Mark> {
        let _ = page;
        None
    }

    /// The watermark after a complete walk.
    fn watermark(&self, walked: &WalkedList) -> Option<Mark>;

    /// Whether this error, at a position after the start, means that the server no longer accepts the cursor. Default:
    /// any status from 400 to 499 except those for credentials, timeouts and rate limits.
    fn refuses_cursor(&self, error: &Error) -> bool {
        const OTHERS: [StatusCode; 4] = [
            StatusCode::UNAUTHORIZED,
            StatusCode::FORBIDDEN,
            StatusCode::REQUEST_TIMEOUT,
            StatusCode::TOO_MANY_REQUESTS,
        ];
        matches!(error, Error::Status { status, .. } if status.is_client_error() && !OTHERS.contains(status))
    }

    /// What this kind of sync cannot guarantee, for the report.
    fn caveats(&self) -> &'static [&'static str] {
        &[]
    }
}

/// The marks and times of a walk, at its end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WalkedList {
    /// When the run was first started, by the server's clock where the local one is ahead.
    pub(crate) started: Timestamp,
    /// The watermark before the run.
    pub(crate) before: Option<Mark>,
    /// The greatest mark seen in the run.
    pub(crate) highest: Option<Mark>,
    /// The greatest mark up to which the walk has seen all records, when marks grow as records enter the list.
    safe_watermark: Option<Mark>,
}

impl WalkedList {
    /// The greatest mark seen, or the watermark before when that is greater.
    pub(crate) fn forward(&self) -> Option<Mark> {
        self.highest.max(self.before)
    }

    /// As [`WalkedList::forward`], for marks that grow as records enter, in a list of any order.
    ///
    /// During the walk, a record may enter on a page that was already read, and one with a greater mark on a later page. Then
    /// the greatest mark seen is too high. When all marks of each page are above those of the page before, new records enter at
    /// the end, and the walk sees them. Otherwise the marks of new records are above all marks of the first page.
    pub(crate) fn safe_watermark(&self) -> Option<Mark> {
        self.safe_watermark.max(self.before)
    }
}

/// The frozen query and the position, in the form of the state.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct IncrementalPosition {
    /// The lower bound of the whole run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    since: Option<Mark>,
    /// Where the next request starts.
    at: Position,
    /// The three fields of [`Walked`]: the account of the pages before it.
    rows: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    total: Option<u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tail: Vec<u64>,
    /// The greatest mark so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    highest: Option<Mark>,
    /// The greatest mark of the first page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    first: Option<Mark>,
    /// Whether the marks of a page were not all above those of the page before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    mixed: bool,
}

impl IncrementalPosition {
    fn new(since: Option<Mark>, at: Position) -> Self {
        Self { since, at, rows: 0, total: None, tail: Vec::new(), highest: None, first: None, mixed: false }
    }

    /// Takes in the smallest and the greatest mark of a page.
    fn enter(&mut self, lowest: Option<Mark>, highest: Option<Mark>) {
        self.mixed |= lowest < self.highest;
        self.first = self.first.or(highest);
        self.highest = self.highest.max(highest);
    }
}

/// The strategy over an [`Incremental`] list.
pub(crate) struct IncrementalWalk<I> {
    incremental: I,
    list: Arc<dyn Endpoint>,
    position: IncrementalPosition,
    walk: Walk,
    clock: Clock,
    started: Timestamp,
    /// How far the local clock is ahead of the server's, zero when it is not. See [`clock_ahead`].
    ahead: SignedDuration,
    before: Option<Mark>,
    /// Whether the walk has started again. It is not part of the state: each run may do so once, otherwise a cursor
    /// that expires twice would block the sync for ever.
    restarted: bool,
}

impl<I: Incremental> IncrementalWalk<I> {
    /// Continues the run in progress, or starts a run at `since`.
    pub(crate) fn begin(incremental: I, start: &RunStart<'_>, since: Option<Mark>) -> Result<Box<dyn Strategy>> {
        let position = match start.position::<IncrementalPosition>()? {
            Some(position) => position,
            None => IncrementalPosition::new(since, incremental.list(since).start()),
        };
        let list = incremental.list(position.since);
        list.validate()?;
        let walked = Walked { rows: position.rows, total: position.total, tail: position.tail.clone() };
        let walk = Walk::resume(position.at.clone(), walked);
        let (clock, started, before) = (start.client.clock().clone(), start.started(), start.watermark());
        let ahead = SignedDuration::ZERO;
        Ok(Box::new(Self { incremental, list, position, walk, clock, started, ahead, before, restarted: false }))
    }

    /// Starts again at the lower bound. Returns whether this is the first time.
    fn restart(&mut self) -> bool {
        self.walk = Walk::start(self.list.start());
        self.position = IncrementalPosition::new(self.position.since, self.list.start());
        !std::mem::replace(&mut self.restarted, true)
    }
}

impl<I: Incremental> Strategy for IncrementalWalk<I> {
    fn step(&self, _: Timestamp) -> Step {
        let at = self.walk.at().cloned().unwrap_or_else(|| self.list.start());
        Step::Fetch(self.list.clone(), at)
    }

    fn enter(&mut self, page: &dyn PageView, sent_at: Timestamp) -> Result<Verdict, WalkError> {
        self.ahead = self.ahead.max(clock_ahead(page.header("date"), sent_at, self.clock.now()).unwrap_or_default());
        if page.rows() > 0 {
            self.position.enter(self.incremental.lowest(page), self.incremental.highest(page));
        }
        let keys: Vec<u64> = self.list.key().map(|key| page.values(key).map(key_hash).collect()).unwrap_or_default();
        let rows = usize::try_from(page.rows()).unwrap_or(usize::MAX);
        let entered = self.walk.enter(&*self.list, rows, page.total(), &keys, page.next().cloned());
        let mut verdict = match entered {
            Ok(()) => Verdict::Deliver,
            Err(error) => Verdict::DeliverThenFail(WalkError::Other(Box::new(error))),
        };
        if self.walk.at().is_none() {
            let completeness = self.walk.completeness();
            if !completeness.is_complete() && !self.restart() {
                verdict = Verdict::DeliverThenFail(WalkError::Incomplete(completeness));
            }
        }
        let Walked { rows, total, tail } = self.walk.walked().clone();
        (self.position.rows, self.position.total, self.position.tail) = (rows, total, tail);
        if let Some(at) = self.walk.at() {
            self.position.at = at.clone();
        }
        Ok(verdict)
    }

    fn recover(&mut self, error: &Error) -> bool {
        let moved = self.walk.at().is_some_and(|at| *at != self.list.start());
        if !moved || !self.incremental.refuses_cursor(error) || self.restarted {
            return false;
        }
        tracing::warn!(endpoint = self.list.name(), %error, "the server refused the cursor, so the walk starts again");
        self.restart()
    }

    fn finished(&self) -> bool {
        self.walk.at().is_none()
    }

    fn watermark(&self) -> Option<Mark> {
        // The time of the start by the server's clock: with a local clock that is ahead, changes would be skipped.
        let started = self.started.checked_sub(self.ahead).unwrap_or(self.started);
        let (before, highest) = (self.before, self.position.highest);
        let safe_watermark = if self.position.mixed { self.position.first } else { highest };
        self.incremental.watermark(&WalkedList { started, before, highest, safe_watermark })
    }

    fn position(&self) -> Value {
        serde_json::to_value(&self.position).unwrap_or_default()
    }

    fn walked(&self) -> Option<&Walked> {
        Some(self.walk.walked())
    }

    fn caveats(&self) -> &'static [&'static str] {
        self.incremental.caveats()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::ApiRequest;
    use crate::error::{AnswerError, Completeness};
    use crate::json::ListAt;
    use crate::listing::{Answer, Paging};

    #[derive(Clone)]
    struct Numbers;

    impl Endpoint for Numbers {
        fn name(&self) -> &'static str {
            "test/numbers"
        }

        fn request(&self, _: &Position) -> ApiRequest {
            ApiRequest::get("numbers")
        }

        fn list(&self) -> ListAt {
            ListAt::Root
        }

        fn next(&self, _: &Position, _: &Answer<'_>) -> Result<Paging, AnswerError> {
            Ok(Paging::default())
        }
    }

    impl Incremental for Numbers {
        fn list(&self, _: Option<Mark>) -> Arc<dyn Endpoint> {
            Arc::new(self.clone())
        }

        fn highest(&self, page: &dyn PageView) -> Option<Mark> {
            page.values("id").filter_map(|id| id.parse().ok()).max().map(Mark::Id)
        }

        fn watermark(&self, walked: &WalkedList) -> Option<Mark> {
            walked.forward()
        }
    }

    struct Page(u64, Option<u64>, Option<Position>);

    impl PageView for Page {
        fn rows(&self) -> u64 {
            self.0
        }

        fn total(&self) -> Option<u64> {
            self.1
        }

        fn next(&self) -> Option<&Position> {
            self.2.as_ref()
        }

        fn values<'p>(&'p self, _: &'p str) -> Box<dyn Iterator<Item = &'p str> + 'p> {
            Box::new(["7", "5"].into_iter())
        }
    }

    fn page(rows: u64, total: u64, next: Option<&str>) -> Page {
        Page(rows, Some(total), next.map(|token| Position::Token(token.to_owned())))
    }

    fn walk(before: Option<Mark>) -> IncrementalWalk<Numbers> {
        let position = IncrementalPosition::new(None, Position::Start);
        let (list, walk, started) = (Arc::new(Numbers), Walk::start(Position::Start), Timestamp::UNIX_EPOCH);
        let (clock, ahead) = (Clock::system(), SignedDuration::ZERO);
        IncrementalWalk { incremental: Numbers, list, position, walk, clock, started, ahead, before, restarted: false }
    }

    #[test]
    fn a_walk_with_missing_records_starts_again_and_the_second_time_is_an_error() {
        let mut walk = walk(None);
        let now = Timestamp::UNIX_EPOCH;
        for again in [true, false] {
            assert!(!walk.finished());
            assert!(matches!(walk.step(now), Step::Fetch(_, Position::Start)));
            assert!(matches!(walk.enter(&page(2, 5, Some("a")), now), Ok(Verdict::Deliver)));
            let last = walk.enter(&page(2, 5, None), now).unwrap();
            match last {
                Verdict::Deliver => assert!(again),
                Verdict::DeliverThenFail(WalkError::Incomplete(Completeness::ShortBy(1))) => assert!(!again),
                other => panic!("its records are delivered: {other:?}"),
            }
        }
        assert!(!walk.finished(), "the watermark does not move over missing records");
        assert_eq!(walk.position(), serde_json::json!({ "at": "start", "rows": 0 }));
    }

    #[test]
    fn a_complete_walk_ends_and_the_watermark_never_decreases() {
        for (before, expected) in [(None, 7), (Some(Mark::Id(6)), 7), (Some(Mark::Id(9)), 9)] {
            let mut walk = walk(before);
            for page in [page(2, 3, Some("a")), page(1, 3, None)] {
                assert!(matches!(walk.enter(&page, Timestamp::UNIX_EPOCH), Ok(Verdict::Deliver)));
            }
            assert!(walk.finished());
            assert_eq!(walk.watermark(), Some(Mark::Id(expected)));
        }
    }

    #[test]
    fn in_an_unsorted_list_the_safe_watermark_is_that_of_the_first_page() {
        let id = |id| Some(Mark::Id(id));
        let safe_watermark = |pages: &[(u64, u64)]| {
            let mut position = IncrementalPosition::new(None, Position::Start);
            for (lowest, highest) in pages {
                position.enter(id(*lowest), id(*highest));
            }
            if position.mixed { position.first } else { position.highest }
        };
        assert_eq!(safe_watermark(&[(1, 9), (9, 20), (21, 22)]), id(22), "in any order within a page");
        assert_eq!(safe_watermark(&[(30, 40), (20, 29), (1, 19)]), id(40), "newest first: it is on the first page");
        assert_eq!(safe_watermark(&[(1, 70), (2, 99)]), id(70));
        let mut unknown = IncrementalPosition::new(None, Position::Start);
        unknown.enter(None, id(5));
        unknown.enter(None, id(9));
        assert!(unknown.mixed && unknown.first == id(5), "a list without a smallest mark is treated as unsorted");
    }
}
