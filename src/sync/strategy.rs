//! What a sync asks next, without I/O. Each way to walk is a strategy; the run drives it.

use std::sync::Arc;

use http::StatusCode;
use jiff::Timestamp;
use serde_json::Value;

use crate::checkpoint::Mark;
use crate::error::{Call, Completeness, Error};
use crate::json::BodyProblem;
use crate::listing::{Endpoint, Fetched, Position};

/// One way to walk. All methods are pure computation, and only `enter` and `recover` change anything, so a run that is cancelled
/// between two calls asks the same again.
pub(crate) trait Strategy: Send + Sync {
    /// What to ask now. Not called once finished.
    fn step(&self, now: Timestamp) -> Step;

    /// Takes the answer to the step of the time `asked`.
    fn enter(&mut self, page: &dyn PageView, asked: Timestamp) -> Result<Verdict, WalkError>;

    /// Whether everything of this run has been delivered.
    fn finished(&self) -> bool;

    /// The watermark once finished.
    fn watermark(&self) -> Option<Mark>;

    /// The frozen window and the position in it, for the state.
    fn position(&self) -> Value;

    /// Whether the strategy has another step to offer after this error of the last one.
    fn recover(&mut self, error: &Error) -> bool {
        let _ = error;
        false
    }

    /// The total of what the whole run reads, where a page tells it. `None` where each page has a window of its own.
    fn total(&self, page: &dyn PageView) -> Option<u64> {
        page.total()
    }

    /// Rows so far and the first total, where the pages of the run are those of one listing. `None` where each page has a window
    /// of its own.
    fn account(&self) -> Option<(u64, Option<u64>)> {
        None
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
    /// A page whose records are not needed, only their keys and the total.
    Probe(Arc<dyn Endpoint>, Position),
    /// The next records, at most so many, of one body that is too long for memory. The position is [`PageView::next`] of the
    /// chunk before, or [`Position::Start`].
    Chunk(Arc<dyn Endpoint>, Position, usize),
    /// Nothing can be asked: the run ends with this error. [`Error::Paused`] is a pause, as everywhere.
    Stop(Error),
}

/// What becomes of the page that was entered.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// Not delivered; go on with the next step.
    Skip,
    /// Delivered.
    Deliver,
    /// Delivered, because its records are good; then the run ends with this error.
    DeliverThenFail(WalkError),
    /// Kept until a later page has told what it is.
    Hold,
    /// The page that was kept is delivered.
    DeliverHeld,
}

/// Why a strategy cannot go on.
#[derive(Debug)]
pub(crate) enum WalkError {
    /// The server did not apply a parameter that the walk depends on.
    Ignored(String),
    /// Something is missing, and asking again did not help.
    Incomplete(Completeness),
    /// Anything else.
    Other(Box<Error>),
}

impl WalkError {
    /// The error as the caller gets it.
    pub(crate) fn at(self, endpoint: &dyn Endpoint) -> Error {
        match self {
            Self::Incomplete(completeness) => Error::Incomplete { endpoint: endpoint.name().into(), completeness },
            Self::Ignored(what) => {
                let target = format!("GET {}", endpoint.request(&endpoint.start()).path);
                let call = Box::new(Call { endpoint: endpoint.name().into(), target, attempts: 1 });
                let problem = BodyProblem::Ignored(what);
                Error::Body { call, status: StatusCode::OK, problem, snippet: String::new(), server: None }
            }
            Self::Other(error) => *error,
        }
    }
}

/// What a strategy sees of a page, whatever the record type.
pub(crate) trait PageView {
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
    fn values<'p>(&'p self, field: &'p str) -> Box<dyn Iterator<Item = &'p str> + 'p>;

    /// Whether the server says that there is a next page.
    fn has_next(&self) -> bool {
        self.next().is_some()
    }

    /// Whether this one page is the whole answer to the query, and nothing is missing from it.
    fn is_whole(&self) -> bool {
        !self.has_next() && self.total().is_none_or(|total| total == self.rows())
    }

    /// Whether the total of a first page does not fit its own rows and its own next page. A row that enters or leaves between the
    /// server's count and its select has this effect; the next answer then fits again.
    fn contradicts_itself(&self) -> bool {
        let Some(total) = self.total() else { return false };
        self.has_next() != (total > self.rows()) || (self.rows() == 0 && total > 0)
    }

    /// The number of records that the query has: what the server says, else the rows of the page.
    fn count(&self) -> u64 {
        self.total().unwrap_or_else(|| self.rows())
    }
}

impl<T> PageView for Fetched<T> {
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

    fn values<'p>(&'p self, field: &'p str) -> Box<dyn Iterator<Item = &'p str> + 'p> {
        Box::new(self.page.values(field))
    }
}
