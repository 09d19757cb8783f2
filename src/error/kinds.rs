//! The error type of the crate. Its messages are written for a person who reads a log.
//!
//! Each message is one line: what failed, at which endpoint, what the server said, what to do. The text of the source
//! is only in [`std::error::Error::source`], and after the message in `Debug`. Credentials, query strings and contents of records never appear.

use super::boxed::BoxError;
use super::call::{Call, PauseReason, TimeoutScope};
use crate::json::BodyProblem;
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use jiff::Timestamp;

use super::checkpoint::CheckpointError;
use super::completeness::Completeness;
use super::credentials::CredentialsError;
use super::server::ServerError;
#[cfg(any(feature = "parquet", feature = "postgres", feature = "sqlite"))]
use super::table::TableError;
use super::transport::TransportError;

/// The result of most functions of the crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Every error between a request and a committed page.
///
/// `Debug` shows the message of `Display`, then those of its sources that are not part of it, so that
/// `fn main() -> jobfeed::Result<()>` and `unwrap` print what a person can read.
#[derive(thiserror::Error)]
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
    /// No complete answer after all attempts.
    #[error("{call}: {source}; check the network and the base URL, then run again", source = .source.to_string())]
    Connection {
        /// The call that failed.
        call: Box<Call>,
        /// What the transport reported.
        source: TransportError,
    },
    /// A time limit passed.
    #[error("{call}: no complete answer within {limit:?}, {scope}; raise the limit or ask for smaller pages")]
    Timeout {
        /// The call that failed.
        call: Box<Call>,
        /// The limit that passed.
        limit: Duration,
        /// Which limit it was.
        scope: TimeoutScope,
    },
    /// The client's [`CredentialSource`](crate::CredentialSource) gave no credentials. Nothing was sent with them.
    #[error("{call}: no credentials: {source}", source = .source.to_string())]
    Credentials {
        /// The call that was not sent.
        call: Box<Call>,
        /// What the source reported.
        source: CredentialsError,
    },
    /// The server answered with an error status.
    #[error("{call}: the server answered {status}{}; {advice}", said(.message))]
    Status {
        /// The call that failed.
        call: Box<Call>,
        /// The status.
        status: StatusCode,
        /// The server's message, shortened and without secrets; empty when there is no readable one.
        message: String,
        /// How long the server asked to wait.
        retry_after: Option<Duration>,
        /// The content of the body, when it is a JSON object.
        server: Option<Box<ServerError>>,
        /// What to do.
        advice: &'static str,
    },
    /// The next call must wait longer than the client is allowed to sleep. Not a failure: continue at `until`.
    #[error("{call}: paused until {until} ({reason}); make the call again then")]
    Paused {
        /// The call that was not sent, or was refused.
        call: Box<Call>,
        /// When to continue.
        until: Timestamp,
        /// The time from the creation of this error to `until`.
        wait: Duration,
        /// Why it is paused.
        reason: PauseReason,
        /// The content of the body that asks to wait, when this call was refused and its body is a JSON object.
        server: Option<Box<ServerError>>,
    },
    /// The status is a success status, but the body cannot be used.
    #[error("{call}: status {status}, but {problem}{}{}", said(.snippet), body_advice(.problem))]
    Body {
        /// The call that failed.
        call: Box<Call>,
        /// The status.
        status: StatusCode,
        /// What is wrong with the body.
        problem: BodyProblem,
        /// The beginning of the body, shortened and without secrets.
        snippet: String,
        /// The content of the body, when it is an error object.
        server: Option<Box<ServerError>>,
    },
    /// A call that must not be sent twice failed after it was sent. Check the server's data before sending it again.
    #[error("{source}. The server may have acted on the request: check the server's data before sending it again")]
    OutcomeUnknown {
        /// How the call failed.
        source: Box<Error>,
    },
    /// A body is larger than the configured limit.
    #[error("{call}: the body is larger than {limit} bytes; ask for smaller pages or raise `max_body_bytes`")]
    TooLarge {
        /// The call that failed.
        call: Box<Call>,
        /// The configured limit in bytes.
        limit: usize,
    },
    /// A record could not be decoded, in strict mode or in a stream of records.
    #[error(
        "{endpoint}: record {index} of its page could not be decoded: {reason}; without `strict`, `Page::rejected` has its raw JSON"
    )]
    Record {
        /// The endpoint.
        endpoint: Arc<str>,
        /// The index of the record in its page, from 0.
        index: usize,
        /// Why, without values of the record.
        reason: String,
    },
    /// None of the records of a page could be decoded: the record type does not fit the data.
    #[error("{call}: none of the {rows} records could be decoded; the first: {reason}; check the record type")]
    AllRejected {
        /// The call for the page.
        call: Box<Call>,
        /// Records in the page.
        rows: usize,
        /// Why the first one failed, without values of the record.
        reason: String,
    },
    /// A redirect or a `next` link points to another origin. Nothing was sent there.
    #[error("{call}: a {link} points to another origin, {found}; nothing was sent there; check the base URL")]
    ForeignOrigin {
        /// The call whose answer has the link.
        call: Box<Call>,
        /// `redirect` or `next link`.
        link: &'static str,
        /// The other origin.
        found: String,
    },
    /// The next page is one that was already read in this walk. The page that names it was delivered.
    #[error(
        "{endpoint}: page {page} leads back to page {first_seen}, so the listing has no end; stopped; run again, or ask the provider"
    )]
    CursorLoop {
        /// The endpoint.
        endpoint: Arc<str>,
        /// The page whose `next` repeats an earlier position, counted from 1 in this walk.
        page: u64,
        /// The page of this walk where that position was first seen.
        first_seen: u64,
    },
    /// Too many pages in a row without new records: empty, with one repeated record, or after the server's total.
    #[error("{endpoint}: stopped after {pages} pages without new records, each with a next page; ask the provider")]
    Endless {
        /// The endpoint.
        endpoint: Arc<str>,
        /// How many such pages came in a row.
        pages: u64,
    },
    /// A cursor text does not parse, or belongs to another query or origin.
    #[error("cursor refused: {reason}; start the listing again without it")]
    Cursor {
        /// Why it was refused.
        reason: String,
    },
    /// The walk reached its end, but records may be missing.
    #[error("{endpoint}: records may be missing: {completeness}; run it again{}", unmoved(*.watermark_kept))]
    Incomplete {
        /// The endpoint.
        endpoint: Arc<str>,
        /// How complete the walk was.
        completeness: Completeness,
        /// Whether the sync has a watermark, which then did not move. Always false for a listing.
        watermark_kept: bool,
    },
    /// The server no longer lists the records of an interval. Nothing was sent, and the watermark did not move.
    #[error(
        "{endpoint}: the server no longer lists records from {from} to {until}; to continue without them, call `accept_loss`"
    )]
    Gap {
        /// The endpoint.
        endpoint: Arc<str>,
        /// The beginning of the lost interval.
        from: Timestamp,
        /// Its end, not included.
        until: Timestamp,
    },
    /// The checkpoint store failed, or its state cannot be used. The stored state was not changed.
    #[error("checkpoint {key:?}: {source}", source = .source.to_string())]
    Checkpoint {
        /// The checkpoint key.
        key: String,
        /// What is wrong.
        source: CheckpointError,
    },
    /// A batch was dropped without `commit` or `committed`. The next run delivers its page again.
    #[error("checkpoint {key:?}: a batch was dropped without a commit, so the run ended; run again to get it again")]
    Uncommitted {
        /// The checkpoint key.
        key: String,
    },
    /// The archive failed, or something in it cannot be used.
    #[cfg(feature = "archive")]
    #[error(transparent)]
    Archive(#[from] super::archive::ArchiveError),
    /// An [`Inspect`](crate::inspect::Inspect) of the run, such as an archive or a check for drift, refused a page or failed. Nothing of the page
    /// is committed: the next run gets it again.
    #[error("checkpoint {key:?}: {by}: {source}", source = .source.to_string())]
    Refused {
        /// The checkpoint key.
        key: String,
        /// Its name, such as `archive`.
        by: &'static str,
        /// Its error.
        source: BoxError,
    },
    /// The rows of a page could not be written to a table, or the table cannot be used.
    #[cfg(any(feature = "parquet", feature = "postgres", feature = "sqlite"))]
    #[error("table {table:?}: {source}", source = .source.to_string())]
    Table {
        /// The table.
        table: String,
        /// What is wrong.
        source: TableError,
    },
}

impl Error {
    /// A value that was refused before anything was sent.
    pub(crate) fn invalid(what: impl Into<String>, value: impl Into<String>, rule: impl Into<String>) -> Self {
        Self::Invalid { what: what.into(), value: value.into(), rule: rule.into() }
    }

    /// A short name of the kind of error, for labels and reports: `connection`, `timeout`, `status`, … It never changes.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Invalid { .. } => "invalid",
            Self::Credentials { .. } => "credentials",
            Self::Connection { .. } => "connection",
            Self::Timeout { .. } => "timeout",
            Self::Status { .. } => "status",
            Self::Paused { .. } => "paused",
            Self::Body { .. } => "body",
            Self::OutcomeUnknown { .. } => "outcome_unknown",
            Self::TooLarge { .. } => "too_large",
            Self::Record { .. } => "record",
            Self::AllRejected { .. } => "all_rejected",
            Self::ForeignOrigin { .. } => "foreign_origin",
            Self::CursorLoop { .. } => "cursor_loop",
            Self::Endless { .. } => "endless",
            Self::Cursor { .. } => "cursor",
            Self::Incomplete { .. } => "incomplete",
            Self::Gap { .. } => "gap",
            Self::Checkpoint { .. } => "checkpoint",
            Self::Uncommitted { .. } => "uncommitted",
            #[cfg(feature = "archive")]
            Self::Archive(_) => "archive",
            Self::Refused { .. } => "refused",
            #[cfg(any(feature = "parquet", feature = "postgres", feature = "sqlite"))]
            Self::Table { .. } => "table",
        }
    }

    /// The error status, or the kind where there is none: `error.type` of spans and metrics.
    pub(crate) fn label(&self) -> Cow<'static, str> {
        match self.status() {
            Some(status) if !status.is_success() => status.as_str().to_owned().into(),
            _ => self.kind().into(),
        }
    }

    /// Whether the same call may succeed later without a change: failed connections, timeouts, 408, 429, 5xx,
    /// incomplete bodies, pauses, and credential sources that failed, unless with an error that is not retryable. Never for [`Error::OutcomeUnknown`].
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Connection { .. } | Self::Timeout { .. } | Self::Paused { .. } => true,
            Self::Status { status, .. } => retryable_status(*status),
            Self::Body { problem, .. } => matches!(problem, BodyProblem::Truncated),
            Self::Credentials { source, .. } => source.downcast_ref().is_none_or(Self::is_retryable),
            _ => false,
        }
    }

    /// Whether the credentials are the problem: the server refused them with status 401, or their source gave none.
    pub fn is_auth(&self) -> bool {
        matches!(self, Self::Credentials { .. }) || self.status() == Some(StatusCode::UNAUTHORIZED)
    }

    /// Whether a rate limit or a quota was reached.
    pub fn is_rate_limited(&self) -> bool {
        matches!(self, Self::Paused { .. }) || self.status() == Some(StatusCode::TOO_MANY_REQUESTS)
    }

    /// How long to wait before the next call, where it is known.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Paused { wait, .. } => Some(*wait),
            Self::Status { retry_after, .. } => *retry_after,
            Self::Credentials { source, .. } => source.downcast_ref().and_then(Self::retry_after),
            _ => None,
        }
    }

    /// The HTTP status, where the error has one.
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Status { status, .. } | Self::Body { status, .. } => Some(*status),
            Self::OutcomeUnknown { source } => source.status(),
            _ => None,
        }
    }

    /// What the server's body says about the error: code, refused fields, details.
    pub fn server(&self) -> Option<&ServerError> {
        match self {
            Self::Status { server, .. } | Self::Body { server, .. } | Self::Paused { server, .. } => server.as_deref(),
            Self::OutcomeUnknown { source } => source.server(),
            Self::Credentials { source, .. } => source.downcast_ref().and_then(Self::server),
            _ => None,
        }
    }

    /// As [`Error::server`], by value.
    pub(crate) fn into_server(self) -> Option<Box<ServerError>> {
        match self {
            Self::Status { server, .. } | Self::Body { server, .. } | Self::Paused { server, .. } => server,
            Self::OutcomeUnknown { source } => source.into_server(),
            Self::Credentials { .. } => self.server().cloned().map(Box::new),
            _ => None,
        }
    }

    /// The endpoint, such as `jobdataapi/jobs`.
    pub fn endpoint(&self) -> Option<&str> {
        match self {
            Self::Connection { call, .. }
            | Self::Timeout { call, .. }
            | Self::Credentials { call, .. }
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

#[cfg(any(feature = "parquet", feature = "postgres", feature = "sqlite"))]
impl TableError {
    /// The error of a table.
    pub(crate) fn of(self, table: &str) -> Error {
        Error::Table { table: table.to_owned(), source: self }
    }
}

/// The statuses after which another attempt may succeed.
pub(crate) fn retryable_status(status: StatusCode) -> bool {
    status == StatusCode::REQUEST_TIMEOUT || status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error()
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = self.to_string();
        f.write_str(&shown)?;
        let mut source = std::error::Error::source(self);
        while let Some(error) = source {
            let text = error.to_string();
            if !shown.contains(&text) {
                write!(f, "; caused by: {text}")?;
            }
            (shown, source) = (text, error.source());
        }
        Ok(())
    }
}

fn said(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(": {text}") }
}

fn unmoved(watermark_kept: bool) -> &'static str {
    if watermark_kept { ", the watermark did not move" } else { "" }
}

/// What to do after an error status, with any provider.
pub(crate) fn advice(status: StatusCode) -> &'static str {
    match status.as_u16() {
        304 => "send the request without `If-None-Match` and `If-Modified-Since`, or check the cache before the server",
        401 => "check the API key",
        403 => "check the API key and what your plan includes",
        404 => "check the id and the base URL",
        400 | 422 => "check the parameters",
        429 => "send fewer requests, or run again later",
        504 => "the server ran out of time: ask for less in one request, by a smaller page or narrower filters",
        500.. => "the server failed, run again later",
        _ => "check the request and the base URL",
    }
}

fn body_advice(problem: &BodyProblem) -> &'static str {
    match problem {
        BodyProblem::Html | BodyProblem::NotJson | BodyProblem::Shape(_) => "; check the base URL",
        BodyProblem::Truncated => "; run again",
        BodyProblem::ErrorObject => "; check the parameters and the API key",
        BodyProblem::Ignored(_) => "",
    }
}
