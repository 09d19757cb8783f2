//! What one attempt brings: a whole answer, or an error.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use url::Url;

use crate::error::Error;

/// An answer with its whole body.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) url: Url,
}

/// Why an attempt failed.
pub(crate) struct AttemptError {
    pub(super) error: Error,
    /// Whether another attempt may help.
    pub(super) retry: bool,
    /// The wait that the server asked for.
    pub(super) wait: Option<Duration>,
}

impl AttemptError {
    /// Another attempt would fail in the same way.
    pub(super) fn fatal(error: Error) -> Self {
        Self { error, retry: false, wait: None }
    }

    /// Another attempt may succeed.
    pub(super) fn transient(error: Error) -> Self {
        Self { error, retry: true, wait: None }
    }
}
