//! What a listing must tell for an incremental sync.

use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};

use crate::checkpoint::MarkValue;
use crate::error::{Error, Result};
use crate::json::{Fields, Record};
use crate::listing::Endpoint;

/// A listing that the server can filter by a lower bound, so that a later run reads only what is new:
/// [`ListRequest::sync_since`](crate::ListRequest::sync_since). Its methods do no I/O.
///
/// Each run reads its list to the end, whatever the order of the records, and only then moves the watermark. The next
/// run starts there.
///
/// ```
/// use jobfeed::endpoint::{Answer, AnswerError, ApiRequest, Endpoint, Incremental, Listing, Paging, Record};
/// use jobfeed::jiff::Timestamp;
/// use jobfeed::{ListAt, Position, paginate};
///
/// #[derive(Clone, Default)]
/// struct Notes {
///     since: Option<Timestamp>,
/// }
///
/// impl Endpoint for Notes {
///     fn name(&self) -> &str {
///         "example/notes"
///     }
///     fn request(&self, at: &Position) -> ApiRequest {
///         let mut request = ApiRequest::get("notes");
///         if let Some(since) = self.since {
///             request = request.query("updated_since", since);
///         }
///         if let Position::Token(token) = at { request.query("cursor", token) } else { request }
///     }
///     fn list(&self) -> ListAt {
///         ListAt::Field("items")
///     }
///     fn next(&self, _: &Position, answer: &Answer<'_>) -> Result<Paging, AnswerError> {
///         paginate::token(answer, "next")
///     }
/// }
///
/// impl Listing for Notes {
///     type Item = jobfeed::serde_json::Value;
/// }
///
/// impl Incremental for Notes {
///     type Mark = Timestamp;
///
///     fn since(&self, mark: &Timestamp) -> Self {
///         Self { since: Some(*mark) }
///     }
///     fn mark(&self, record: &Record<'_>) -> Option<Timestamp> {
///         record.get("updated_at")
///     }
/// }
/// ```
pub trait Incremental: Endpoint + Clone {
    /// What its marks are: `u64` ids, days, instants or texts.
    type Mark: MarkValue;

    /// The name of this kind of sync in states and reports. A state of another name is refused, so it never changes.
    const STRATEGY: &'static str = "by-mark";

    /// The listing from a lower bound on, records with this very mark included: more of them may enter after a run. Where the
    /// server excludes its bound, send one that is a little lower. Not called for a first run, which has no lower bound
    /// unless the caller sets one, because servers leave out records without a mark as soon as there is one.
    #[must_use]
    fn since(&self, mark: &Self::Mark) -> Self;

    /// The mark of a record: its id, or when it was created or changed. `None` when it has none: the record is delivered, and
    /// counted in the report. Return `None` always when [`Incremental::covers`] does not use the marks of records.
    fn mark(&self, record: &Record<'_>) -> Option<Self::Mark>;

    /// The mark for the next run in the headers of a page, or in its body next to the list, such as a delta token. Used with
    /// [`Coverage::Envelope`]. Default: none.
    fn envelope_mark(&self, headers: &HeaderMap, fields: &Fields) -> Option<Self::Mark> {
        let _ = (headers, fields);
        None
    }

    /// Where the watermark goes when a run has read its list to the end. Default: [`Coverage::HighestSeen`].
    fn covers(&self) -> Coverage {
        Coverage::HighestSeen
    }

    /// Checks the listing before a sync of it. Called before anything is sent. Default: no check.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the caller has set a lower bound: the sync sets its own.
    fn validate_sync(&self) -> Result<()> {
        Ok(())
    }

    /// Whether this error, at a position after the start, means that the server no longer accepts the position. The run then
    /// walks its list again from the same lower bound, once. Default: any status from 400 to 499 except those
    /// for credentials, timeouts and rate limits.
    fn refuses_cursor(&self, error: &Error) -> bool {
        const OTHERS: [StatusCode; 4] = [
            StatusCode::UNAUTHORIZED,
            StatusCode::FORBIDDEN,
            StatusCode::REQUEST_TIMEOUT,
            StatusCode::TOO_MANY_REQUESTS,
        ];
        matches!(error, Error::Status { status, .. } if status.is_client_error() && !OTHERS.contains(status))
    }

    /// Whether this error means that the server no longer accepts the lower bound, such as 410 for a delta token that is too
    /// old. The run then reads the whole list, which the report says. Records that were removed in between are in no run.
    /// Default: no, the run ends with the error.
    fn refuses_bound(&self, error: &Error) -> bool {
        let _ = error;
        false
    }

    /// What a sync of this listing cannot guarantee, for the report. Default: nothing.
    fn caveats(&self) -> &'static [&'static str] {
        &[]
    }
}

/// Where the watermark goes when a run has read its list to the end.
///
/// A watermark that is an instant or a day is at most the start of the run (by the server's `Date`, where the local clock is ahead),
/// because a record that changes during the walk may enter a page that was already read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Coverage {
    /// Up to the greatest mark seen. For ids and texts this is right only when new records enter at the end of the list.
    HighestSeen,
    /// Up to the start of the run, also when no record has a mark. For marks that are instants or days.
    StartOfRun,
    /// Up to the greatest mark below which no record can have entered a page that was already read, where marks grow as
    /// records enter. In a list that is sorted by mark, from page to page, it is the greatest mark seen; in any other
    /// list the greatest mark of the first page, and the next run reads more again.
    Settled,
    /// Up to [`Incremental::envelope_mark`] of the last page that has one. When no page has one, the watermark stays.
    Envelope,
}
