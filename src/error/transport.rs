//! Why a transport brought no answer.

use std::fmt;

use super::kinds::BoxError;

/// Why a transport brought no answer, or no whole answer. Always worth another attempt for an idempotent call.
#[derive(Debug, thiserror::Error)]
#[error("{kind}")]
pub struct TransportError {
    kind: TransportErrorKind,
    #[source]
    source: BoxError,
}

#[derive(Debug, Clone, Copy)]
enum TransportErrorKind {
    Connect,
    Exchange,
}

impl fmt::Display for TransportErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "no connection",
            Self::Exchange => "the exchange was cut off",
        })
    }
}

impl TransportError {
    /// No connection could be made: name resolution, refused, unreachable, TLS.
    pub fn connect(source: impl Into<BoxError>) -> Self {
        Self { kind: TransportErrorKind::Connect, source: source.into() }
    }

    /// A connection was there and broke: reset, cut body, malformed HTTP.
    pub fn exchange(source: impl Into<BoxError>) -> Self {
        Self { kind: TransportErrorKind::Exchange, source: source.into() }
    }

    /// Whether no connection was made, so that the server cannot have seen the request.
    pub fn is_connect(&self) -> bool {
        matches!(self.kind, TransportErrorKind::Connect)
    }
}
