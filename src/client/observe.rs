//! What a client tells its observer: events of calls, attempts, waits and pages.

use std::fmt;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};

use crate::error::Error;

/// Something that a client did, for the function of [`ClientBuilder::observe`](crate::ClientBuilder::observe).
///
/// It holds no credential, no query, no body and no record.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Event<'a> {
    /// The endpoint, such as `jobdataapi/jobs`.
    pub endpoint: &'a str,
    /// What the call is for.
    pub purpose: Purpose,
    /// The checkpoint key, when the call belongs to the run of a sync. With [`partitions`](crate::partitions) it tells the
    /// partition.
    pub key: Option<&'a str>,
    /// What happened.
    pub kind: EventKind<'a>,
}

/// What a call is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Purpose {
    /// A page whose records are delivered.
    Page,
    /// A page of which a sync needs only keys and totals.
    Probe,
    /// One resource, one change or one file.
    Single,
    /// A list that is read in chunks, because it is too long for memory.
    Parts,
}

impl Purpose {
    /// `page`, `probe`, `single` or `parts`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Probe => "probe",
            Self::Single => "single",
            Self::Parts => "parts",
        }
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What happened.
///
/// A call has one or more attempts. Each begins with `AttemptSent` and ends with `AttemptAnswered` or `AttemptFailed`, unless its
/// future is dropped: then nothing more comes.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum EventKind<'a> {
    /// An attempt is sent now.
    AttemptSent(Attempt<'a>),
    /// An attempt ended with an answer that the client accepts, or after which it sends the request again at once: a redirect, or a
    /// 401 for credentials that were replaced meanwhile. Its body was read, except with [`Purpose::Parts`].
    AttemptAnswered(Attempt<'a>),
    /// An attempt ended without an answer, or with one that the client does not accept.
    #[non_exhaustive]
    AttemptFailed {
        /// The attempt.
        attempt: Attempt<'a>,
        /// Why. The error of the call, when this attempt is the last one, may be another.
        error: &'a Error,
    },
    /// Another attempt follows after a wait, which begins now.
    #[non_exhaustive]
    Retrying {
        /// The number of the attempt that failed, from 1.
        attempt: u32,
        /// How long the wait takes.
        wait: Duration,
        /// Why the attempt failed.
        error: &'a Error,
    },
    /// A wait before an attempt begins now.
    #[non_exhaustive]
    Waiting {
        /// How long it takes at least: others may be in line before.
        wait: Duration,
        /// Who asks for it.
        reason: WaitReason,
    },
    /// A wait before an attempt has ended. All waits of one reason before one attempt are one event; none for less than a
    /// millisecond, and none for the wait of `Retrying`.
    #[non_exhaustive]
    Waited {
        /// How long it took.
        wait: Duration,
        /// Who asked for it.
        reason: WaitReason,
    },
    /// A part of a long body has arrived ([`Purpose::Parts`]).
    #[non_exhaustive]
    BodyPart {
        /// Bytes after decompression.
        bytes: u64,
    },
    /// The headers of an answer say how many requests are left.
    #[non_exhaustive]
    QuotaLeft {
        /// The number of requests, the lowest of several quotas.
        requests: u64,
    },
    /// A page is delivered to the caller. Pages of which a sync needs only keys and totals are not.
    #[non_exhaustive]
    Page {
        /// Its records, the rejected ones and the removals included.
        rows: u64,
        /// Records that did not fit the record type.
        rejected: u64,
    },
}

/// One attempt of a call.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Attempt<'a> {
    /// Its number in the call, from 1. After a redirect the number is the same.
    pub number: u32,
    /// The method.
    pub method: &'a Method,
    /// The host that it is sent to.
    pub host: &'a str,
    /// The port.
    pub port: u16,
    /// The status, when there was an answer.
    pub status: Option<StatusCode>,
    /// Bytes of the body, after decompression; zero before the end, and when the body could not be read.
    pub bytes: u64,
    /// From the beginning of the attempt until now: zero when it is sent, and at its end the time for the answer with its body.
    pub duration: Duration,
}

/// Who asks for a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WaitReason {
    /// The client's own limits, of the rate and of the requests in flight.
    RateLimit,
    /// The server, by `Retry-After` or its rate limit headers.
    Server,
}

impl WaitReason {
    /// `rate_limit` or `server`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RateLimit => "rate_limit",
            Self::Server => "server",
        }
    }
}

impl fmt::Display for WaitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The observer of a client, if it has one.
#[derive(Clone, Default)]
pub(crate) struct Observer(Option<Arc<Observe>>);

type Observe = dyn Fn(&Event<'_>) + Send + Sync;

impl Observer {
    pub(crate) fn new(observe: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(observe)))
    }

    /// Calls it. A panic ends here: it must not cost a page that was fetched.
    pub(crate) fn tell(&self, event: &Event<'_>) {
        let Some(observe) = &self.0 else { return };
        if panic::catch_unwind(AssertUnwindSafe(|| observe(event))).is_err() {
            tracing::error!(target: "jobfeed", endpoint = event.endpoint, "the observer of the client panicked; the call goes on");
        }
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Observer" } else { "none" })
    }
}
