//! What a sync asks next, without I/O. Each provider brings its strategies; the run drives them.

use std::sync::Arc;

use serde_json::Value;

use crate::checkpoint::Mark;
use crate::error::Completeness;
use crate::error::Error;
use crate::listing::Endpoint;
use crate::listing::Fetched;
use crate::listing::Position;

/// A plan that a run follows. All methods are pure computation; only `absorb` changes anything, so a run that is cancelled
/// between two calls asks the same again.
pub(crate) trait Strategy: Send + Sync {
    /// What to ask. Not called once finished.
    fn step(&self) -> Step;

    /// Takes the answer to the last step.
    fn absorb(&mut self, page: &dyn Facts) -> Result<Verdict, Fault>;

    /// Whether everything of this run has been delivered.
    fn finished(&self) -> bool;

    /// The watermark once finished.
    fn watermark(&self) -> Option<Mark>;

    /// The frozen window and the position, for the state.
    fn plan(&self) -> Value;

    /// What was found behind the page that was delivered last: raised when that page is settled.
    fn astray(&mut self) -> Option<Fault> {
        None
    }

    /// Whether the strategy has another step to offer after this error of the last one.
    fn recover(&mut self, error: &Error) -> bool {
        let _ = error;
        false
    }

    /// The total of what the whole run reads, where a page tells it. Not where each page has a window of its own.
    fn total(&self, page: &dyn Facts) -> Option<u64> {
        page.total()
    }

    /// What only this strategy can tell, for the report: an object.
    fn details(&self) -> Value {
        Value::Null
    }

    /// What this way of walking cannot guarantee, for the report.
    fn caveats(&self) -> &'static [&'static str] {
        &[]
    }
}

/// One request of a strategy.
pub(crate) enum Step {
    /// A page whose records may be delivered.
    Fetch(Arc<dyn Endpoint>, Position),
    /// A page of which only the total is of interest.
    Probe(Arc<dyn Endpoint>, Position),
    /// The next records, at most so many, of one body that is too long to be held. The position is [`Facts::next`] of the
    /// piece before, or [`Position::Start`].
    Piece(Arc<dyn Endpoint>, Position, usize),
    /// Nothing can be asked: the run ends with this error. [`Error::Paused`] is a pause, as everywhere.
    Stop(Error),
}

/// What becomes of the page that was absorbed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Not delivered; go on with the next step.
    Skip,
    /// Delivered.
    Deliver,
    /// Kept until a probe has said what it is.
    Hold,
    /// The page that was kept is delivered.
    DeliverHeld,
}

/// Why a strategy cannot go on.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The server did not apply what the plan depends on.
    Ignored(String),
    /// Something is missing, and asking again did not help.
    Incomplete(Completeness),
    /// Anything else.
    Error(Box<Error>),
}

/// What a strategy sees of a page, whatever the record type.
pub(crate) trait Facts {
    /// Records in the page.
    fn rows(&self) -> u64;
    /// The server's total for the query, where it tells one.
    fn total(&self) -> Option<u64>;
    /// Where the next page is, when there is one.
    fn next(&self) -> Option<&Position>;
    /// A header of the answer.
    fn header(&self, name: &str) -> Option<&str> {
        let _ = name;
        None
    }
    /// The JSON texts of a field of the records that have it.
    fn field<'p>(&'p self, name: &'p str) -> Box<dyn Iterator<Item = &'p str> + 'p>;

    /// Whether the server says that there is a next page.
    fn more(&self) -> bool {
        self.next().is_some()
    }

    /// Whether this one page is the whole answer to the query, and nothing is missing from it.
    fn is_whole(&self) -> bool {
        !self.more() && self.total().is_none_or(|total| total == self.rows())
    }

    /// Whether a first page denies what it says itself: a `count` that its own rows or its own next page refute. Between
    /// counting and selecting, a row may come or go; asked again, the answer then adds up.
    fn contradicts_itself(&self) -> bool {
        let Some(total) = self.total() else { return false };
        self.more() != (total > self.rows()) || (self.rows() == 0 && total > 0)
    }

    /// The number of records that the query has: what the server says, else what is here.
    fn count(&self) -> u64 {
        self.total().unwrap_or_else(|| self.rows())
    }
}

impl<T> Facts for Fetched<T> {
    fn rows(&self) -> u64 {
        self.page.len() as u64
    }

    fn total(&self) -> Option<u64> {
        self.page.total
    }

    fn next(&self) -> Option<&Position> {
        self.next.as_ref()
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.page.headers().get(name)?.to_str().ok()
    }

    fn field<'p>(&'p self, name: &'p str) -> Box<dyn Iterator<Item = &'p str> + 'p> {
        Box::new(self.page.field(name))
    }
}
