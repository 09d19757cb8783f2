//! Why a transport brought no answer.

use super::kinds::BoxError;

/// Why a transport brought no answer, or no whole answer. Always worth another attempt for an idempotent call.
#[derive(Debug, thiserror::Error)]
#[error("{}", if *.connect { "no connection" } else { "the connection broke before the answer was whole" })]
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

    /// A connection was there and broke: reset, cut body, malformed HTTP.
    pub fn exchange(source: impl Into<BoxError>) -> Self {
        Self { connect: false, source: source.into() }
    }

    /// Whether no connection was made, so that the server cannot have seen the request.
    pub fn is_connect(&self) -> bool {
        self.connect
    }
}
