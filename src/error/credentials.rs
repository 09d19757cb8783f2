//! Why a credential source gave no credentials.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use super::boxed::BoxError;

/// The error of a [`CredentialSource`](crate::CredentialSource). All calls that waited for the same credentials get it.
#[derive(Debug, Clone)]
pub struct CredentialsError(Arc<BoxError>);

impl CredentialsError {
    pub(crate) fn new(source: impl Into<BoxError>) -> Self {
        Self(Arc::new(source.into()))
    }

    /// The error as the type that the source returned. That of [`OAuth2`](crate::OAuth2) is a [`crate::Error`] when the token
    /// endpoint gave no token.
    pub fn downcast_ref<E: Error + 'static>(&self) -> Option<&E> {
        self.0.downcast_ref()
    }
}

/// The text of the source's error.
impl fmt::Display for CredentialsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl Error for CredentialsError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}
