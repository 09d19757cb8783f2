//! Why a transport got no complete answer.

use super::boxed::BoxError;

/// Why a transport got no complete answer. An idempotent call is sent again after it.
#[derive(Debug, thiserror::Error)]
#[error("{}", if *.connect { "no connection" } else { "the connection failed before the answer was complete" })]
pub struct TransportError {
    /// Whether no connection was made.
    connect: bool,
    #[source]
    source: BoxError,
}

impl TransportError {
    /// No connection could be made: name resolution, refused, unreachable, TLS.
    pub fn connect(source: impl Into<BoxError>) -> Self {
        Self { connect: true, source: source.into() }
    }

    /// The connection failed after it was made: reset, incomplete body, malformed HTTP.
    pub fn exchange(source: impl Into<BoxError>) -> Self {
        Self { connect: false, source: source.into() }
    }

    /// Whether no connection was made, so that the server cannot have seen the request.
    pub fn is_connect(&self) -> bool {
        self.connect
    }
}
