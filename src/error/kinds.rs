//! The one error type of the crate, written for the person who reads it in a log.
//!
//! Each message is one line: what failed, at which endpoint, what the server said, what to do. The text of a source
//! error is not repeated; walk [`std::error::Error::source`] for it. Credentials, query strings and record contents never
//! appear.

use super::call::{Call, PauseReason, TimeoutScope};
use crate::json::BodyProblem;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use jiff::Timestamp;

use super::checkpoint::CheckpointError;
use super::completeness::Completeness;
use super::server::ServerError;
use super::transport::TransportError;

/// Any error, boxed.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The result of most functions of the crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong between a request and a committed page.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A value was refused before anything was sent.
    #[error("invalid {what} {value:?}: expected {rule}; nothing was sent")]
    Invalid {
        /// The parameter or setting.
        what: String,
        /// The value that was given; `(hidden)` for secrets.
        value: String,
        /// What is accepted.
        rule: String,
    },
    /// No answer, or no whole answer, after all attempts.
    #[error("{call}: {source}; check the network and the base URL, then run again", source = .source.to_string())]
    Connection {
        /// The call that failed.
        call: Box<Call>,
        /// What the transport reported.
        source: TransportError,
    },
    /// A time limit passed.
    #[error("{call}: no whole answer within {limit:?} ({scope}); raise the limit or ask for smaller pages")]
    Timeout {
        /// The call that failed.
        call: Box<Call>,
        /// The limit that passed.
        limit: Duration,
        /// Which limit it was.
        scope: TimeoutScope,
    },
    /// The server answered with an error status.
    #[error("{call}: the server answered {status}{}; {}", said(.message), advice(*.status))]
    Status {
        /// The call that failed.
        call: Box<Call>,
        /// The status.
        status: StatusCode,
        /// What the server said, shortened and scrubbed; empty when it said nothing readable.
        message: String,
        /// How long the server asked to wait.
        retry_after: Option<Duration>,
        /// What else the body says, when it is a JSON object.
        server: Option<Box<ServerError>>,
    },
    /// The server, or a quota, asks to wait longer than the client is allowed to sleep. Not a failure: go on at `until`.
    #[error("{call}: paused until {until} ({reason}); run again then, it goes on where it stood")]
    Paused {
        /// The call that was not made, or was refused.
        call: Box<Call>,
        /// When to go on.
        until: Timestamp,
        /// How long that is from when the error was made.
        wait: Duration,
        /// Who asked for it.
        reason: PauseReason,
    },
    /// The status was a success, the body was not.
    #[error("{call}: status {status}, but {problem}{}", said(.snippet))]
    Body {
        /// The call that failed.
        call: Box<Call>,
        /// The status.
        status: StatusCode,
        /// What is wrong with the body.
        problem: BodyProblem,
        /// The beginning of the body, shortened and scrubbed.
        snippet: String,
        /// What else the body says, when it is a JSON object that stands for an error.
        server: Option<Box<ServerError>>,
    },
    /// A call that must not be sent twice failed after it was sent. Look at the server's data before sending it again.
    #[error("{source}. Whether the server acted on the request is not known: look before sending it again")]
    OutcomeUnknown {
        /// What happened.
        source: Box<Error>,
    },
    /// A body was over the configured size.
    #[error("{call}: the body is larger than {limit} bytes; ask for smaller pages or raise `max_body_bytes`")]
    TooLarge {
        /// The call that failed.
        call: Box<Call>,
        /// The configured limit in bytes.
        limit: usize,
    },
    /// A record could not be decoded, in strict mode or in a stream of items.
    #[error(
        "{endpoint}: record {index} of its page could not be decoded: {reason}; its raw JSON is in `Page::rejected`"
    )]
    Record {
        /// The endpoint.
        endpoint: Arc<str>,
        /// The record's place in its page, from 0.
        index: usize,
        /// Why, without the record's values.
        reason: String,
    },
    /// Not one record of a page could be decoded: the model does not fit the data.
    #[error("{call}: none of the {rows} records of the page could be decoded, the first because: {reason}")]
    AllRejected {
        /// The call that brought the page.
        call: Box<Call>,
        /// Records in the page.
        rows: usize,
        /// Why the first one failed, without its values.
        reason: String,
    },
    /// A redirect or a `next` link points to another origin. Nothing was sent there.
    #[error(
        "{call}: a {link} points to {found}, another origin; the credential was not sent there. Check the base URL"
    )]
    ForeignOrigin {
        /// The call whose answer held the link.
        call: Box<Call>,
        /// `redirect` or `next link`.
        link: &'static str,
        /// The other origin.
        found: String,
    },
    /// The server sent the walk back to a page it has already served.
    #[error(
        "{endpoint}: page {page} leads back to page {first_seen}; the listing is cyclic, stopped. Nothing before it is lost"
    )]
    CursorLoop {
        /// The endpoint.
        endpoint: Arc<str>,
        /// The page, counted from 1 in this walk, whose `next` repeats an earlier position.
        page: u64,
        /// The page of this walk where that position was first seen.
        first_seen: u64,
    },
    /// The listing went on for so many pages without bringing anything that it cannot be trusted to end: empty pages, the same
    /// row again and again, or pages behind the total that it states.
    #[error("{endpoint}: {pages} pages in a row brought nothing that was announced, each with a next one; stopped")]
    Endless {
        /// The endpoint.
        endpoint: Arc<str>,
        /// Such pages in a row.
        pages: u64,
    },
    /// A cursor text does not parse, or belongs to another query or origin.
    #[error("cursor refused: {reason}; start the listing again without it")]
    Cursor {
        /// What does not fit.
        reason: String,
    },
    /// The walk reached its end, and what arrived is not what the server said is there.
    #[error("{endpoint}: the walk ended {completeness}; run it again, the watermark did not move")]
    Incomplete {
        /// The endpoint.
        endpoint: Arc<str>,
        /// What is missing.
        completeness: Completeness,
    },
    /// An interval is older than what the server still shows, so it cannot be covered any more. Nothing was sent, and the
    /// watermark did not move.
    #[error(
        "{endpoint}: everything from {from} to {until} is no longer shown by the server, so its records are lost; accept the loss to go on after it"
    )]
    Gap {
        /// The endpoint.
        endpoint: Arc<str>,
        /// The beginning of the lost interval.
        from: Timestamp,
        /// Its end, which is not lost.
        until: Timestamp,
    },
    /// The checkpoint store failed, or holds a state that cannot be used. The stored state is as it was.
    #[error("checkpoint {key:?}: {source}", source = .source.to_string())]
    Checkpoint {
        /// The checkpoint key.
        key: String,
        /// What is wrong.
        source: CheckpointError,
    },
    /// A batch was dropped without `commit` or `committed`; its page comes again in the next run.
    #[error(
        "checkpoint {key:?}: a batch was dropped uncommitted, so the run cannot go on; start it again, the page comes again"
    )]
    Uncommitted {
        /// The checkpoint key.
        key: String,
    },
}

impl Error {
    /// A local validation error.
    pub(crate) fn invalid(what: impl Into<String>, value: impl Into<String>, rule: impl Into<String>) -> Self {
        Self::Invalid { what: what.into(), value: value.into(), rule: rule.into() }
    }

    /// Whether the same call may succeed later without a change: failed connections, time-outs, 408, 429, 5xx, cut
    /// bodies, and pauses. Never for [`Error::OutcomeUnknown`].
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Connection { .. } | Self::Timeout { .. } | Self::Paused { .. } => true,
            Self::Status { status, .. } => retryable_status(*status),
            Self::Body { problem, .. } => matches!(problem, BodyProblem::Truncated),
            _ => false,
        }
    }

    /// Whether the server, or a quota, asked to slow down.
    pub fn is_rate_limited(&self) -> bool {
        matches!(self, Self::Paused { .. }) || self.status() == Some(StatusCode::TOO_MANY_REQUESTS)
    }

    /// How long to wait before the next call, when the server or a quota says so.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Paused { wait, .. } => Some(*wait),
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// The HTTP status, when there was an answer.
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Status { status, .. } | Self::Body { status, .. } => Some(*status),
            Self::OutcomeUnknown { source } => source.status(),
            _ => None,
        }
    }

    /// What the server's body says about the error: its code, the fields it refused, details.
    pub fn server(&self) -> Option<&ServerError> {
        match self {
            Self::Status { server, .. } | Self::Body { server, .. } => server.as_deref(),
            Self::OutcomeUnknown { source } => source.server(),
            _ => None,
        }
    }

    /// The endpoint, such as `jobdataapi/jobs`.
    pub fn endpoint(&self) -> Option<&str> {
        match self {
            Self::Connection { call, .. }
            | Self::Timeout { call, .. }
            | Self::Status { call, .. }
            | Self::Paused { call, .. }
            | Self::Body { call, .. }
            | Self::TooLarge { call, .. }
            | Self::AllRejected { call, .. }
            | Self::ForeignOrigin { call, .. } => Some(&call.endpoint),
            Self::Record { endpoint, .. }
            | Self::CursorLoop { endpoint, .. }
            | Self::Endless { endpoint, .. }
            | Self::Gap { endpoint, .. }
            | Self::Incomplete { endpoint, .. } => Some(endpoint),
            Self::OutcomeUnknown { source } => source.endpoint(),
            _ => None,
        }
    }

    /// Whether the server may have acted on the call although it failed.
    pub(crate) fn is_ambiguous(&self) -> bool {
        match self {
            Self::Connection { source, .. } => !source.is_connect(),
            // A redirect may come after the server has acted.
            Self::Status { status, .. } => {
                *status == StatusCode::REQUEST_TIMEOUT || status.is_server_error() || status.is_redirection()
            }
            Self::Body { problem, .. } => *problem != BodyProblem::ErrorObject,
            Self::Timeout { .. } | Self::AllRejected { .. } | Self::TooLarge { .. } => true,
            _ => false,
        }
    }
}

/// The statuses after which another attempt may succeed.
pub(crate) fn retryable_status(status: StatusCode) -> bool {
    status == StatusCode::REQUEST_TIMEOUT || status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error()
}

fn said(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(": {text}") }
}

fn advice(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "check the API key",
        403 => "check the API key and what your plan includes",
        404 => "check the id and the base URL",
        400 | 422 => "check the parameters",
        429 => "slow down or run again later",
        500.. => "the server failed, run again later",
        _ => "the request was not accepted",
    }
}
