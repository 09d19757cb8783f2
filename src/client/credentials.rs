//! Credentials: the headers and query parameters that authorise a request, and the secrets that are never shown.

use std::fmt;
use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderName, HeaderValue, header::AUTHORIZATION};
use secrecy::{ExposeSecret, SecretString};
use url::{Url, form_urlencoded};

use crate::error::{Error, Result};

/// The credentials of a client: one or more headers or query parameters, sent to one origin only.
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
    query: Vec<(String, SecretString)>,
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
    /// As for [`Credentials::header`], and when there is a header of this name already.
    pub fn and_header(mut self, name: &str, prefix: &str, secret: impl Into<SecretString>) -> Result<Self> {
        let secret = secret.into();
        let rule = "visible ASCII characters, at least one";
        if secret.expose_secret().is_empty() {
            return Err(Error::invalid("credential", "(empty)", rule));
        }
        let name = HeaderName::try_from(name)
            .map_err(|_| Error::invalid("credential header", name, "a valid HTTP header name"))?;
        if self.headers.iter().any(|(known, _)| *known == name) {
            return Err(Error::invalid("credential header", name.as_str(), "a name that is used once"));
        }
        let mut value = HeaderValue::try_from(format!("{prefix}{}", secret.expose_secret()))
            .map_err(|_| Error::invalid("credential", "(hidden)", rule))?;
        value.set_sensitive(true);
        self.headers.push((name, value));
        self.secrets.push(secret);
        Ok(self)
    }

    /// A query parameter `name=<secret>`, such as `api_key`, that is added to each request when it is sent.
    ///
    /// It is not in cursors, checkpoints, fingerprints, errors, logs and `Debug`. A link to the next page that repeats the parameter
    /// is taken without it. A request that has a parameter of this name already is [`Error::Invalid`] before it is sent.
    ///
    /// ```
    /// use jobfeed::{Client, Credentials};
    ///
    /// let api = Client::builder().base_url("https://api.example.com/").credentials(Credentials::query("api_key", "my-key")?).build()?;
    /// assert!(!format!("{api:?}").contains("my-key"));
    /// # Ok::<(), jobfeed::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Invalid`] when the name or the secret is empty, or the secret has control characters.
    pub fn query(name: &str, secret: impl Into<SecretString>) -> Result<Self> {
        Self::none().and_query(name, secret)
    }

    /// Adds a query parameter, for services that need several, or one and a header.
    ///
    /// # Errors
    /// As for [`Credentials::query`], and when there is a parameter of this name already.
    pub fn and_query(mut self, name: &str, secret: impl Into<SecretString>) -> Result<Self> {
        let secret = secret.into();
        if name.is_empty() || self.is_key(name) {
            return Err(Error::invalid("credential parameter", name, "a name that is not empty and is used once"));
        }
        if secret.expose_secret().is_empty() || secret.expose_secret().contains(char::is_control) {
            let shown = if secret.expose_secret().is_empty() { "(empty)" } else { "(hidden)" };
            return Err(Error::invalid("credential", shown, "1 or more characters, no control characters"));
        }
        self.query.push((name.to_owned(), secret.clone()));
        self.secrets.push(secret);
        Ok(self)
    }

    /// Whether a secret is sent in a query parameter of this name.
    fn is_key(&self, name: &str) -> bool {
        self.query.iter().any(|(key, _)| key == name)
    }

    /// The first parameter of the URL whose name is that of one of these credentials.
    pub(crate) fn key_in(&self, url: &Url) -> Option<String> {
        url.query_pairs().map(|(name, _)| name.into_owned()).find(|name| self.is_key(name))
    }

    /// Adds the query parameters of these credentials to a URL.
    pub(crate) fn add_keys_to(&self, url: &mut Url) {
        if !self.query.is_empty() {
            let pairs = self.query.iter().map(|(name, secret)| (name, secret.expose_secret()));
            url.query_pairs_mut().extend_pairs(pairs);
        }
    }

    /// A link, or another text that has a query after a question mark, without the query parameters of these credentials.
    /// `None` when it has none of them.
    pub(crate) fn removed_from(&self, link: &str) -> Option<String> {
        if self.query.is_empty() {
            return None;
        }
        let (path, rest) = link.split_once('?')?;
        let (query, fragment) = rest.split_at(rest.find('#').unwrap_or(rest.len()));
        let is_key =
            |pair: &&str| form_urlencoded::parse(pair.as_bytes()).next().is_some_and(|(name, _)| self.is_key(&name));
        if !query.split('&').any(|pair| is_key(&pair)) {
            return None;
        }
        let kept: Vec<&str> = query.split('&').filter(|pair| !is_key(pair)).collect();
        let mark = if kept.is_empty() { "" } else { "?" };
        Some(format!("{path}{mark}{}{fragment}", kept.join("&")))
    }

    /// Whether the same headers and query parameters are sent with both.
    pub(crate) fn are_same(&self, other: &Self) -> bool {
        let query = |credentials: &Self| -> Vec<(String, String)> {
            let pairs = credentials.query.iter();
            pairs.map(|(name, secret)| (name.clone(), secret.expose_secret().to_owned())).collect()
        };
        self.headers == other.headers && query(self) == query(other)
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
        self.headers.is_empty() && self.query.is_empty()
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parameters = self.query.iter().map(|(name, _)| name.as_str());
        f.debug_list().entries(self.headers.iter().map(|(name, _)| name.as_str()).chain(parameters)).finish()
    }
}

/// Credentials that a [`CredentialSource`](crate::CredentialSource) gives, and how long they hold.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Issued {
    /// The credentials.
    pub credentials: Credentials,
    /// How long they are valid, from the moment when the source was asked. `None`: until the server refuses them with status 401.
    pub valid_for: Option<Duration>,
}

impl Issued {
    /// Credentials that are valid until the server refuses them with status 401.
    pub fn new(credentials: Credentials) -> Self {
        Self { credentials, valid_for: None }
    }

    /// Sets how long they are valid, from the moment when the source was asked.
    #[must_use]
    pub fn valid_for(mut self, lifetime: Duration) -> Self {
        self.valid_for = Some(lifetime);
        self
    }
}
