//! Credentials: the headers that authorise a request, and the secrets that are never shown.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderName, HeaderValue, header::AUTHORIZATION};
use secrecy::{ExposeSecret, SecretString};

use crate::error::{Error, Result};

/// The credentials of a client: one or more headers, sent to one origin only.
///
/// ```
/// use jobfeed::Credentials;
///
/// let key = Credentials::header("x-api-key", "", "my-key")?;
/// assert!(!format!("{key:?}").contains("my-key"));
/// # Ok::<(), jobfeed::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct Credentials {
    headers: Vec<(HeaderName, HeaderValue)>,
    secrets: Vec<SecretString>,
    /// A user name, which is hidden as well, but may occur in a path by chance.
    user: Option<SecretString>,
}

impl Credentials {
    /// No credentials: anonymous calls.
    pub fn none() -> Self {
        Self::default()
    }

    /// A header `name: <prefix><secret>`, such as `Authorization: Api-Key …` with the prefix `"Api-Key "`.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the name or the secret is not valid in a header, or the secret is empty.
    pub fn header(name: &str, prefix: &str, secret: impl Into<SecretString>) -> Result<Self> {
        Self::none().and_header(name, prefix, secret)
    }

    /// `Authorization: Bearer <token>`.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the token is empty or not valid in a header.
    pub fn bearer(token: impl Into<SecretString>) -> Result<Self> {
        Self::header(AUTHORIZATION.as_str(), "Bearer ", token)
    }

    /// HTTP Basic authentication.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the user name holds a colon or is empty.
    pub fn basic(user: &str, password: impl Into<SecretString>) -> Result<Self> {
        if user.is_empty() || user.contains(':') {
            let shown = if user.is_empty() { "(empty)" } else { "(hidden)" };
            return Err(Error::invalid("user name", shown, "1 or more characters without a colon"));
        }
        let password = password.into();
        let token = SecretString::from(STANDARD.encode(format!("{user}:{}", password.expose_secret())));
        let mut credentials = Self::header(AUTHORIZATION.as_str(), "Basic ", token)?;
        credentials.secrets.push(password);
        credentials.user = Some(user.into());
        Ok(credentials)
    }

    /// Adds a header, for services that need several.
    ///
    /// # Errors
    /// As for [`Credentials::header`].
    pub fn and_header(mut self, name: &str, prefix: &str, secret: impl Into<SecretString>) -> Result<Self> {
        let secret = secret.into();
        let rule = "visible ASCII characters, at least one";
        if secret.expose_secret().is_empty() {
            return Err(Error::invalid("credential", "(empty)", rule));
        }
        let name = HeaderName::try_from(name)
            .map_err(|_| Error::invalid("credential header", name, "a valid HTTP header name"))?;
        let mut value = HeaderValue::try_from(format!("{prefix}{}", secret.expose_secret()))
            .map_err(|_| Error::invalid("credential", "(hidden)", rule))?;
        value.set_sensitive(true);
        self.headers.push((name, value));
        self.secrets.push(secret);
        Ok(self)
    }

    pub(crate) fn headers(&self) -> &[(HeaderName, HeaderValue)] {
        &self.headers
    }

    pub(crate) fn secrets(&self) -> &[SecretString] {
        &self.secrets
    }

    pub(crate) fn user(&self) -> Option<&SecretString> {
        self.user.as_ref()
    }

    /// Whether there are none, so that calls are anonymous.
    pub fn is_none(&self) -> bool {
        self.headers.is_empty()
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.headers.iter().map(|(name, _)| name)).finish()
    }
}
