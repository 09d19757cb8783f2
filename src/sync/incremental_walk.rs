//! The walk of one list by the server's cursor, from a lower bound by which the server can filter the list.
//!
//! The order of such a list is not known, so the watermark moves only when the walk has read the list to its end. A
//! cursor may expire while the run is interrupted; then the walk starts again from its frozen lower bound, once.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::incremental::{Coverage, Incremental};
use super::incremental_position::IncrementalPosition;
use super::request::RunStart;
use super::server_date::clock_ahead;
use super::strategy::{PageView, Step, Strategy, Verdict, WalkError};
use crate::checkpoint::{Mark, MarkValue};
use crate::client::Client;
use crate::error::{Completeness, Error, Result};
use crate::json::BodyProblem;
use crate::listing::{Endpoint, Walk, Walked, key_hash};

/// The strategy over an [`Incremental`] listing.
pub(super) struct IncrementalWalk<E> {
    endpoint: E,
    /// The listing from the lower bound on.
    list: Arc<dyn Endpoint>,
    position: IncrementalPosition,
    walk: Walk,
    client: Client,
    started: Timestamp,
    /// How far the watermark stays before the start of the run.
    lag: Duration,
    /// How far the local clock is ahead of the server's, zero when it is not. See [`clock_ahead`].
    ahead: SignedDuration,
    before: Option<Mark>,
    /// Whether the walk has started again. It is not part of the state: each run may do so once, otherwise a cursor
    /// that expires twice would block the sync for ever.
    restarted: bool,
    /// How complete the walk was that the last page ended.
    completeness: Option<Completeness>,
    counts: RecordCounts,
}

/// What the report says about the records of this process.
#[derive(Debug, Default)]
struct RecordCounts {
    without_mark: u64,
    removals: u64,
    bound_refused: bool,
}

impl<E: Incremental> IncrementalWalk<E> {
    /// Continues the run in progress, or starts a run at `since`.
    pub(super) fn begin(endpoint: E, start: &RunStart<'_>, since: Option<E::Mark>, lag: Duration) -> Result<Self> {
        let stored = start.position::<IncrementalPosition>()?;
        let since = match &stored {
            Some(position) => start.mark::<E::Mark>(position.since.as_ref())?,
            None => since,
        };
        let list: Arc<dyn Endpoint> = match &since {
            Some(mark) => Arc::new(endpoint.since(mark)),
            None => Arc::new(endpoint.clone()),
        };
        list.validate()?;
        let position = stored.unwrap_or_else(|| IncrementalPosition::new(since.map(MarkValue::into_mark), &*list));
        let (client, started, before) = (start.client.clone(), start.started(), start.watermark());
        Ok(Self::new(endpoint, list, position, client, started, lag, before))
    }

    fn new(
        endpoint: E,
        list: Arc<dyn Endpoint>,
        position: IncrementalPosition,
        client: Client,
        started: Timestamp,
        lag: Duration,
        before: Option<Mark>,
    ) -> Self {
        let (walk, ahead, counts) = (position.walk(), position.ahead, RecordCounts::default());
        let (restarted, completeness) = (false, None);
        Self { endpoint, list, position, walk, client, started, lag, ahead, before, restarted, completeness, counts }
    }

    /// Starts again at the lower bound. Returns whether this is the first time.
    fn restart(&mut self) -> bool {
        self.position = IncrementalPosition::new(self.position.since.take(), &*self.list);
        self.walk = self.position.walk();
        !std::mem::replace(&mut self.restarted, true)
    }

    /// Takes in the marks of a page.
    fn enter_marks(&mut self, page: &dyn PageView) -> Result<(), WalkError> {
        let marks = page.records().filter_map(|record| self.endpoint.mark(&record));
        let (mut lowest, mut highest, mut marked) = (None, None, 0);
        for mark in marks {
            marked += 1;
            if lowest.as_ref().is_none_or(|lowest| mark < *lowest) {
                lowest = Some(mark.clone());
            }
            highest = highest.max(Some(mark));
        }
        let as_mark = |mark: Option<E::Mark>| mark.map(MarkValue::into_mark);
        let (lowest, highest) = (as_mark(lowest), as_mark(highest));
        let envelope = page.envelope().and_then(|(headers, fields)| self.endpoint.envelope_mark(headers, fields));
        let envelope = as_mark(envelope);
        for mark in highest.iter().chain(&envelope) {
            if let Mark::Text(text) = mark
                && self.client.finds_secret_in(text)
            {
                let what = "the mark for the next run contains a credential, so it is not stored";
                return Err(WalkError::Body(BodyProblem::Shape(what.to_owned())));
            }
        }
        if page.rows() > 0 {
            self.position.enter(lowest.as_ref(), highest);
        }
        self.position.envelope = envelope.or_else(|| self.position.envelope.take());
        if matches!(self.endpoint.covers(), Coverage::HighestSeen | Coverage::Settled) {
            self.counts.without_mark += page.rows().saturating_sub(marked);
        }
        self.counts.removals += page.removals();
        Ok(())
    }
}

impl<E: Incremental> Strategy for IncrementalWalk<E> {
    fn step(&self, _: Timestamp) -> Step {
        let at = self.walk.at().cloned().unwrap_or_else(|| self.list.start());
        Step::Fetch(self.list.clone(), at)
    }

    fn enter(&mut self, page: &dyn PageView, sent_at: Timestamp) -> Result<Verdict, WalkError> {
        let now = self.client.clock().now();
        self.ahead = self.ahead.max(clock_ahead(page.header("date"), sent_at, now).unwrap_or_default());
        self.enter_marks(page)?;
        let keys: Vec<u64> = self.list.key().map(|key| page.values(key).map(key_hash).collect()).unwrap_or_default();
        let rows = usize::try_from(page.rows()).unwrap_or(usize::MAX);
        self.walk.compare(&*self.list, page.records());
        let entered = self.walk.enter(&*self.list, rows, page.total(), &keys, page.next().cloned());
        let mut verdict = match entered {
            Ok(()) => Verdict::Deliver,
            Err(error) => Verdict::DeliverThenFail(WalkError::Other(Box::new(error))),
        };
        self.completeness = self.walk.at().is_none().then(|| self.walk.completeness());
        if let Some(completeness) = self.completeness
            && !completeness.is_complete()
            && !self.restart()
        {
            verdict = Verdict::DeliverThenFail(WalkError::Incomplete(completeness));
        }
        let Walked { rows, total, tail, drifted } = self.walk.walked().clone();
        let position = &mut self.position;
        (position.rows, position.total, position.tail, position.drifted) = (rows, total, tail, drifted);
        position.ahead = self.ahead;
        if let Some(at) = self.walk.at() {
            self.position.at = at.clone();
        }
        Ok(verdict)
    }

    fn recover(&mut self, error: &Error) -> bool {
        let moved = self.walk.at().is_some_and(|at| *at != self.list.start());
        if moved && self.endpoint.refuses_cursor(error) {
            if self.restarted {
                return false;
            }
            tracing::warn!(endpoint = self.list.name(), %error, "the server refused the cursor, so the walk starts again");
            return self.restart();
        }
        if self.position.since.is_none() || !self.endpoint.refuses_bound(error) {
            return false;
        }
        tracing::warn!(endpoint = self.list.name(), %error, "the server refused the lower bound, so the whole list is read");
        self.list = Arc::new(self.endpoint.clone());
        self.position = IncrementalPosition::new(None, &*self.list);
        self.walk = self.position.walk();
        self.counts.bound_refused = true;
        true
    }

    fn finished(&self) -> bool {
        self.walk.at().is_none()
    }

    fn watermark(&self) -> Option<Mark> {
        // The start by the server's clock: with a local clock that is ahead, changes would be skipped.
        let started = self.started.checked_sub(self.ahead).and_then(|started| started.checked_sub(self.lag));
        let limit = E::Mark::of_instant(started.unwrap_or(Timestamp::MIN)).map(MarkValue::into_mark);
        let seen = match self.endpoint.covers() {
            Coverage::StartOfRun => return limit,
            Coverage::Envelope => return self.position.envelope.clone().or_else(|| self.before.clone()),
            Coverage::HighestSeen => self.position.highest.as_ref(),
            Coverage::Settled => self.position.settled(),
        };
        let mark = seen.max(self.before.as_ref()).cloned()?;
        Some(limit.map_or_else(|| mark.clone(), |limit| limit.min(mark.clone())))
    }

    fn position(&self) -> Value {
        serde_json::to_value(&self.position).unwrap_or_default()
    }

    fn walked(&self) -> Option<&Walked> {
        Some(self.walk.walked())
    }

    fn completeness(&self) -> Option<Completeness> {
        self.completeness
    }

    fn details(&self) -> Value {
        let RecordCounts { without_mark, removals, bound_refused } = self.counts;
        json!({ "without_mark": without_mark, "removals": removals, "bound_refused": bound_refused })
    }

    fn caveats(&self) -> &'static [&'static str] {
        self.endpoint.caveats()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::ApiRequest;
    use crate::error::AnswerError;
    use crate::json::{ListAt, Record};
    use crate::listing::{Answer, Paging, Position};

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

        /// The pages of the test have no values of it, and all have the same records.
        fn key(&self) -> Option<&str> {
            Some("id")
        }
    }

    impl Incremental for Numbers {
        type Mark = u64;

        fn since(&self, _: &u64) -> Self {
            self.clone()
        }

        fn mark(&self, record: &Record<'_>) -> Option<u64> {
            record.get("id")
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

        fn records(&self) -> Box<dyn Iterator<Item = Record<'_>> + '_> {
            Box::new([r#"{"id":7}"#, r#"{"id":5}"#].into_iter().map(|text| Record::new(text.as_bytes())))
        }

        fn values<'p>(&'p self, _: &'p str) -> Box<dyn Iterator<Item = &'p str> + 'p> {
            Box::new(std::iter::empty())
        }
    }

    fn page(rows: u64, total: u64, next: Option<&str>) -> Page {
        Page(rows, Some(total), next.map(|token| Position::Token(token.to_owned())))
    }

    fn walk(before: Option<Mark>) -> IncrementalWalk<Numbers> {
        let position = IncrementalPosition::new(None, &Numbers);
        let client = Client::builder().base_url("http://h").build().unwrap();
        IncrementalWalk::new(
            Numbers,
            Arc::new(Numbers),
            position,
            client,
            Timestamp::UNIX_EPOCH,
            Duration::ZERO,
            before,
        )
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
}
