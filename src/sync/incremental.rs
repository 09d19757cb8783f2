//! The walk of one list by the server's cursor, with a frozen query: for feeds that take a lower bound and page by a token.
//!
//! Such a list says nothing about its order, so the walk reads it to the end and only then moves the watermark. A cursor
//! may have died while the run was interrupted; then the walk starts again from its frozen lower bound, once.

use std::sync::Arc;

use http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::request::{Refused, resume};
use super::strategy::{Facts, Fault, Step, Strategy, Verdict};
use crate::checkpoint::{Mark, SyncState};
use crate::client::Client;
use crate::error::Error;
use crate::listing::Endpoint;
use crate::listing::Position;
use crate::listing::Walk;
use crate::listing::hash;

/// A list that can be asked for what is new, as its provider describes it.
pub(crate) trait Feed: Send + Sync + 'static {
    /// The list from a lower bound on; all of it without one.
    fn list(&self, since: Option<Mark>) -> Arc<dyn Endpoint>;

    /// The greatest mark among the records of a page.
    fn mark(&self, page: &dyn Facts) -> Option<Mark>;

    /// The smallest mark among the records of a page, for feeds of which [`Covered::settled`] is wanted.
    fn lowest(&self, page: &dyn Facts) -> Option<Mark> {
        let _ = page;
        None
    }

    /// The watermark after a whole walk.
    fn watermark(&self, walked: &Covered) -> Option<Mark>;

    /// Whether this error, at a position after the start, says that the server no longer knows the cursor. By default any
    /// status that blames the request, but for those about credentials, time and rate.
    fn refused(&self, error: &Error) -> bool {
        const OTHERS: [StatusCode; 4] = [
            StatusCode::UNAUTHORIZED,
            StatusCode::FORBIDDEN,
            StatusCode::REQUEST_TIMEOUT,
            StatusCode::TOO_MANY_REQUESTS,
        ];
        matches!(error, Error::Status { status, .. } if status.is_client_error() && !OTHERS.contains(status))
    }

    /// What this way of walking cannot guarantee, for the report.
    fn caveats(&self) -> &'static [&'static str] {
        &[]
    }
}

/// What is known at the end of a walk.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Covered {
    /// When the run was first started.
    pub(crate) started: Timestamp,
    /// The watermark before the run.
    pub(crate) before: Option<Mark>,
    /// The greatest mark seen in the run.
    pub(crate) highest: Option<Mark>,
    /// The greatest mark up to which nothing can have entered behind the walk, when marks grow as records enter.
    pub(crate) settled: Option<Mark>,
}

impl Covered {
    /// The greatest mark seen, but never back behind the watermark before.
    pub(crate) fn forward(&self) -> Option<Mark> {
        self.highest.max(self.before)
    }

    /// As [`Covered::forward`], for marks that grow as records enter, in a list of any order.
    ///
    /// While a list is walked, a record may enter behind the walk, and one with a greater mark before it. Then the greatest
    /// mark seen would be too much. When each page lies above the one before, new records enter at the end, and all is seen.
    /// Otherwise what entered during the walk lies above what was on its first page.
    pub(crate) fn settled(&self) -> Option<Mark> {
        self.settled.max(self.before)
    }
}

/// The frozen query and the position, as the state keeps them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WalkPlan {
    /// The lower bound of the whole run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    since: Option<Mark>,
    /// Where the next request starts.
    at: Position,
    /// The rows before it, and the first total where the server tells one.
    rows: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    total: Option<u64>,
    /// The greatest mark so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    highest: Option<Mark>,
    /// The greatest mark of the first page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    first: Option<Mark>,
    /// Whether a page did not lie above the one before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    mixed: bool,
}

impl WalkPlan {
    fn new(since: Option<Mark>, at: Position) -> Self {
        Self { since, at, rows: 0, total: None, highest: None, first: None, mixed: false }
    }

    /// Enters the smallest and the greatest mark of a page.
    fn enter(&mut self, lowest: Option<Mark>, highest: Option<Mark>) {
        self.mixed |= lowest < self.highest;
        self.first = self.first.or(highest);
        self.highest = self.highest.max(highest);
    }
}

/// The strategy over a [`Feed`].
pub(crate) struct CursorWalk<F> {
    feed: F,
    list: Arc<dyn Endpoint>,
    plan: WalkPlan,
    walk: Walk,
    started: Timestamp,
    before: Option<Mark>,
    /// Whether the walk has already started again. Not part of the state: each run may do so once, or a cursor that died
    /// twice would block the sync for ever.
    again: bool,
    /// What was found behind a page that is still good, to be raised after it.
    astray: Option<Fault>,
}

impl<F: Feed> CursorWalk<F> {
    /// Goes on with the run in progress, else starts one at `since`.
    pub(crate) fn begin(
        feed: F,
        client: &Client,
        state: &SyncState,
        since: Option<Mark>,
    ) -> Result<Box<dyn Strategy>, Refused> {
        let (plan, started) = if let Some(run) = &state.run {
            (resume::<WalkPlan>(&run.plan)?, run.started)
        } else {
            let at = feed.list(since).start();
            (WalkPlan::new(since, at), client.clock().now())
        };
        let list = feed.list(plan.since);
        list.validate()?;
        let walk = Walk::resume(plan.at.clone(), plan.rows, plan.total);
        Ok(Box::new(Self { feed, list, plan, walk, started, before: state.watermark, again: false, astray: None }))
    }

    /// Starts again at the lower bound, unless that has been done before.
    fn start_again(&mut self) -> bool {
        self.walk = Walk::start(self.list.start());
        self.plan = WalkPlan::new(self.plan.since, self.list.start());
        !std::mem::replace(&mut self.again, true)
    }
}

impl<F: Feed> Strategy for CursorWalk<F> {
    fn step(&self) -> Step {
        let at = self.walk.at().cloned().unwrap_or_else(|| self.list.start());
        Step::Fetch(self.list.clone(), at)
    }

    fn absorb(&mut self, page: &dyn Facts) -> Result<Verdict, Fault> {
        if page.rows() > 0 {
            self.plan.enter(self.feed.lowest(page), self.feed.mark(page));
        }
        let keys = self.list.key().map(|key| page.field(key).map(hash).collect()).unwrap_or_default();
        let rows = usize::try_from(page.rows()).unwrap_or(usize::MAX);
        let advanced = self.walk.enter(&*self.list, rows, page.total(), keys, page.next().cloned());
        self.astray = advanced.err().map(|error| Fault::Error(Box::new(error)));
        if self.walk.at().is_none() {
            let completeness = self.walk.completeness();
            if !completeness.is_complete() && !self.start_again() {
                self.astray = Some(Fault::Incomplete(completeness));
            }
        }
        (self.plan.rows, self.plan.total) = self.walk.account();
        if let Some(at) = self.walk.at() {
            self.plan.at = at.clone();
        }
        Ok(Verdict::Deliver)
    }

    fn astray(&mut self) -> Option<Fault> {
        self.astray.take()
    }

    fn recover(&mut self, error: &Error) -> bool {
        let moved = self.walk.at().is_some_and(|at| *at != self.list.start());
        if !moved || !self.feed.refused(error) || self.again {
            return false;
        }
        tracing::warn!(endpoint = self.list.name(), %error, "the cursor is refused, the walk starts again");
        self.start_again()
    }

    fn finished(&self) -> bool {
        self.walk.at().is_none()
    }

    fn watermark(&self) -> Option<Mark> {
        let (started, before, highest) = (self.started, self.before, self.plan.highest);
        let settled = if self.plan.mixed { self.plan.first } else { highest };
        self.feed.watermark(&Covered { started, before, highest, settled })
    }

    fn plan(&self) -> Value {
        serde_json::to_value(&self.plan).unwrap_or_default()
    }

    fn caveats(&self) -> &'static [&'static str] {
        self.feed.caveats()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::ApiRequest;
    use crate::error::Completeness;
    use crate::error::Refusal;
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

        fn next(&self, _: &Position, _: &Answer<'_>) -> Result<Paging, Refusal> {
            Ok(Paging::default())
        }
    }

    impl Feed for Numbers {
        fn list(&self, _: Option<Mark>) -> Arc<dyn Endpoint> {
            Arc::new(self.clone())
        }

        fn mark(&self, page: &dyn Facts) -> Option<Mark> {
            page.field("id").filter_map(|id| id.parse().ok()).max().map(Mark::Id)
        }

        fn watermark(&self, covered: &Covered) -> Option<Mark> {
            covered.forward()
        }
    }

    struct Page(u64, Option<u64>, Option<Position>);

    impl Facts for Page {
        fn rows(&self) -> u64 {
            self.0
        }

        fn total(&self) -> Option<u64> {
            self.1
        }

        fn more(&self) -> bool {
            self.2.is_some()
        }

        fn next(&self) -> Option<&Position> {
            self.2.as_ref()
        }

        fn field<'p>(&'p self, _: &'p str) -> Box<dyn Iterator<Item = &'p str> + 'p> {
            Box::new(["7", "5"].into_iter())
        }
    }

    fn page(rows: u64, total: u64, next: Option<&str>) -> Page {
        Page(rows, Some(total), next.map(|token| Position::Token(token.to_owned())))
    }

    fn walk(before: Option<Mark>) -> CursorWalk<Numbers> {
        let plan = WalkPlan::new(None, Position::Start);
        let (list, walk, started) = (Arc::new(Numbers), Walk::start(Position::Start), Timestamp::UNIX_EPOCH);
        CursorWalk { feed: Numbers, list, plan, walk, started, before, again: false, astray: None }
    }

    #[test]
    fn a_walk_with_a_hole_starts_again_and_a_second_hole_is_an_error() {
        let mut walk = walk(None);
        for _ in 0..2 {
            assert!(!walk.finished());
            assert!(walk.astray().is_none());
            assert!(matches!(walk.step(), Step::Fetch(_, Position::Start)));
            assert_eq!(walk.absorb(&page(2, 5, Some("a"))).unwrap(), Verdict::Deliver);
            assert_eq!(walk.absorb(&page(2, 5, None)).unwrap(), Verdict::Deliver, "its rows are good");
        }
        assert!(!walk.finished(), "the watermark does not move over a hole");
        assert!(matches!(walk.astray(), Some(Fault::Incomplete(Completeness::ShortBy(1)))));
        assert_eq!(walk.plan(), serde_json::json!({ "at": "start", "rows": 0 }));
    }

    #[test]
    fn a_whole_walk_ends_and_the_watermark_never_goes_back() {
        for (before, expected) in [(None, 7), (Some(Mark::Id(6)), 7), (Some(Mark::Id(9)), 9)] {
            let mut walk = walk(before);
            walk.absorb(&page(2, 3, Some("a"))).unwrap();
            walk.absorb(&page(1, 3, None)).unwrap();
            assert!(walk.finished() && walk.astray().is_none());
            assert_eq!(walk.watermark(), Some(Mark::Id(expected)));
        }
    }

    #[test]
    fn in_a_list_that_is_not_sorted_only_the_first_page_is_settled() {
        let id = |id| Some(Mark::Id(id));
        let settled = |pages: &[(u64, u64)]| {
            let mut plan = WalkPlan::new(None, Position::Start);
            for (lowest, highest) in pages {
                plan.enter(id(*lowest), id(*highest));
            }
            if plan.mixed { plan.first } else { plan.highest }
        };
        assert_eq!(settled(&[(1, 9), (9, 20), (21, 22)]), id(22), "whatever the order within a page");
        assert_eq!(settled(&[(30, 40), (20, 29), (1, 19)]), id(40), "the newest first: the first page has it");
        assert_eq!(settled(&[(1, 70), (2, 99)]), id(70));
        let mut unknown = WalkPlan::new(None, Position::Start);
        unknown.enter(None, id(5));
        unknown.enter(None, id(9));
        assert!(unknown.mixed && unknown.first == id(5), "a feed that tells no smallest mark counts as not sorted");
    }
}
