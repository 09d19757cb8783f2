//! A strategy decides the next request of a sync, without I/O. The run executes it.

use std::sync::Arc;

use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde_json::Value;

use crate::checkpoint::Mark;
use crate::client::Activity;
use crate::error::{Call, Completeness, Error};
use crate::json::{BodyProblem, Fields, Record};
use crate::listing::{Endpoint, Fetched, Position, Walked};

/// One kind of sync. Only `enter` and `recover` change it, so a run that was cancelled gets the same step again.
pub(crate) trait Strategy: Send + Sync {
    /// The next step. Not called when finished.
    fn step(&self, now: Timestamp) -> Step;

    /// Takes the page of a step; `asked` is the time at which the step was made.
    fn enter(&mut self, page: &dyn PageView, asked: Timestamp) -> Result<Verdict, WalkError>;

    /// Whether the run has delivered everything.
    fn finished(&self) -> bool;

    /// The watermark after the run.
    fn watermark(&self) -> Option<Mark>;

    /// The frozen window and the position in it, for the state.
    fn position(&self) -> Value;

    /// Whether the run can continue with another step after this error of the last one.
    fn recover(&mut self, error: &Error) -> bool {
        let _ = error;
        false
    }

    /// The total of all records of the run, where a page gives it. `None` where pages belong to ranges.
    fn total(&self, page: &dyn PageView) -> Option<u64> {
        page.total()
    }

    /// The account of the pages so far, where all belong to one listing. `None` where they belong to ranges.
    fn walked(&self) -> Option<&Walked> {
        None
    }

    /// How complete the listing was that the page entered last has ended. `None` after any other page.
    fn completeness(&self) -> Option<Completeness> {
        None
    }

    /// What the next request is for.
    fn activity(&self) -> Activity {
        Activity::Reading
    }

    /// More facts for the report: an object, or null.
    fn details(&self) -> Value {
        Value::Null
    }

    /// What this kind of sync cannot guarantee, for the report.
    fn caveats(&self) -> &'static [&'static str] {
        &[]
    }
}

/// One request of a strategy.
pub(crate) enum Step {
    /// Fetch a page whose records may be delivered.
    Fetch(Arc<dyn Endpoint>, Position),
    /// Fetch a page of which only the keys and the total are needed.
    Probe(Arc<dyn Endpoint>, Position),
    /// Read at most this many of the next records of a body that is too long for memory. The position is
    /// [`PageView::next`] of the chunk before, or [`Position::Start`].
    Chunk(Arc<dyn Endpoint>, Position, usize),
    /// No request is possible: the run ends with this error. [`Error::Paused`] is a pause, not a failure.
    Stop(Error),
}

/// What the run does with the page that was entered.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// Not delivered; the next step follows.
    Skip,
    /// Delivered.
    Deliver,
    /// Delivered, because its records are valid; then the run ends with this error.
    DeliverThenFail(WalkError),
    /// Held until a later page shows whether it is the last one.
    Hold,
    /// The held page is delivered.
    DeliverHeld,
}

/// Why a strategy cannot continue.
#[derive(Debug)]
pub(crate) enum WalkError {
    /// The server did not apply a parameter that the walk depends on.
    Ignored(String),
    /// The body cannot be used.
    Body(BodyProblem),
    /// Records may be missing, and repeated requests did not change it.
    Incomplete(Completeness),
    /// Any other error.
    Other(Box<Error>),
}

impl WalkError {
    /// The error as the caller gets it.
    pub(crate) fn at(self, endpoint: &dyn Endpoint) -> Error {
        match self {
            Self::Incomplete(completeness) => {
                // The run knows whether there is a watermark.
                Error::Incomplete { endpoint: endpoint.name().into(), completeness, watermark_kept: false }
            }
            Self::Ignored(what) => Self::Body(BodyProblem::Ignored(what)).at(endpoint),
            Self::Body(problem) => {
                let target = format!("GET {}", endpoint.request(&endpoint.start()).path);
                let call = Box::new(Call {
                    endpoint: endpoint.name().into(),
                    target,
                    attempts: 1,
                    key: None,
                    uncertain: false,
                });
                Error::Body { call, status: StatusCode::OK, problem, snippet: String::new(), server: None }
            }
            Self::Other(error) => *error,
        }
    }
}

/// What a strategy reads of a page, with any record type.
pub(crate) trait PageView {
    /// Records in the page.
    fn rows(&self) -> u64;
    /// The server's total for the query, where it gives one.
    fn total(&self) -> Option<u64>;
    /// The position of the next page, when there is one.
    fn next(&self) -> Option<&Position>;
    /// A header of the answer.
    fn header(&self, name: &str) -> Option<&str> {
        let _ = name;
        None
    }
    /// The headers, and the fields of the body next to the list.
    fn envelope(&self) -> Option<(&HeaderMap, &Fields)> {
        None
    }
    /// All records: rejected ones and removals included.
    fn records(&self) -> Box<dyn Iterator<Item = Record<'_>> + '_> {
        Box::new(std::iter::empty())
    }
    /// Records that only tell of a removal.
    fn removals(&self) -> u64 {
        0
    }
    /// The JSON texts of a field, of all records that have it.
    fn values<'p>(&'p self, field: &'p str) -> Box<dyn Iterator<Item = &'p str> + 'p>;

    /// Whether the server named a next page.
    fn has_next(&self) -> bool {
        self.next().is_some()
    }

    /// Whether this page has all records of the query.
    fn is_whole(&self) -> bool {
        !self.has_next() && self.total().is_none_or(|total| total == self.rows())
    }

    /// Whether the total of a first page contradicts its number of records or its next page. This happens when a record
    /// is inserted or removed between the server's count and its select; the next answer is then consistent.
    fn contradicts_itself(&self) -> bool {
        let Some(total) = self.total() else { return false };
        self.has_next() != (total > self.rows()) || (self.rows() == 0 && total > 0)
    }

    /// The number of records of the query: the server's total, else the number of records of the page.
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

    fn envelope(&self) -> Option<(&HeaderMap, &Fields)> {
        Some((self.page.headers(), &self.page.fields))
    }

    fn records(&self) -> Box<dyn Iterator<Item = Record<'_>> + '_> {
        Box::new(self.page.records())
    }

    fn removals(&self) -> u64 {
        self.page.removals().len() as u64
    }

    fn values<'p>(&'p self, field: &'p str) -> Box<dyn Iterator<Item = &'p str> + 'p> {
        Box::new(self.page.values(field))
    }
}
