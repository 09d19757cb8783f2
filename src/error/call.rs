//! The parts of an error that say which call failed, which time limit passed, and why a run is paused.

use std::fmt;
use std::sync::Arc;

/// One call, as errors show it. Never holds the query or a credential.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Call {
    /// The endpoint, such as `jobdataapi/jobs`.
    pub endpoint: Arc<str>,
    /// The method and the URL without its query; only the origin when the URL itself gives access.
    pub target: String,
    /// Attempts made.
    pub attempts: u32,
    /// The index of the key that the last attempt used, from 0, in a client with a key pool
    /// ([`ClientBuilder::key_pool`](crate::ClientBuilder::key_pool)).
    pub key: Option<usize>,
    /// Whether the server may have acted on an attempt before the last one, although it failed.
    pub uncertain: bool,
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}", self.endpoint, self.target)?;
        if self.attempts > 1 {
            write!(f, ", {} attempts", self.attempts)?;
        }
        if let Some(key) = self.key {
            write!(f, ", key {key} of the pool")?;
        }
        f.write_str(")")
    }
}

/// Which time limit passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TimeoutScope {
    /// One attempt: send, and read the whole body.
    Attempt,
    /// All attempts for one page, waits included.
    Page,
    /// The time between two parts of a body that is read in parts.
    Idle,
}

impl fmt::Display for TimeoutScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Attempt => "the limit of one attempt",
            Self::Idle => "the limit between two parts of the body",
            Self::Page => "the limit of one page, with all attempts and waits",
        })
    }
}

/// Why a call or a run is paused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PauseReason {
    /// The server asked to wait, by `Retry-After` or its rate limit headers.
    RateLimit,
    /// A quota of the server, or one that the caller set, is used up.
    Quota,
    /// The next data is not available before then.
    NotDue,
}

impl fmt::Display for PauseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RateLimit => "the server asked to wait",
            Self::Quota => "a quota is used up",
            Self::NotDue => "the next data is not available before then",
        })
    }
}
