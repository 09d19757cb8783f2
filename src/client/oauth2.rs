//! OAuth 2.0 (RFC 6749): access tokens by client credentials, or by a refresh token.

use std::fmt;
use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use futures::future::BoxFuture;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::de::IgnoredAny;
use serde_json::Value;
use url::form_urlencoded::{self, byte_serialize};
use url::{Host, Url};

use super::api_request::ApiRequest;
use super::core::Client;
use super::credential_source::CredentialSource;
use super::credentials::{Credentials, Issued};
use super::redact;
use super::requests::read_single;
use super::response::Response;
use super::setters::setters;
use crate::error::{AnswerError, BoxError, Error, Result, ServerError};
use crate::json::{self, BodyProblem};

/// The name of the call in errors and logs.
const NAME: &str = "oauth2/token";

/// The largest answer of a token endpoint, in bytes.
const MAX_ANSWER: usize = 1 << 20;

/// The parameters that have a method or an argument of their own.
const OWN_PARAMETERS: [&str; 6] = ["grant_type", "client_id", "client_secret", "refresh_token", "scope", "audience"];

type Save = Box<dyn Fn(SecretString) -> BoxFuture<'static, Result<(), BoxError>> + Send + Sync>;

/// Access tokens from an OAuth 2.0 token endpoint, sent as `Authorization: Bearer …`.
///
/// ```
/// use jobfeed::{Client, OAuth2};
///
/// let tokens = OAuth2::client_credentials("https://id.example.com/token", "my-app", "my-secret")?.scope("jobs.read");
/// let api = Client::builder().base_url("https://api.example.com/").credential_source(tokens).build()?;
/// # Ok::<(), jobfeed::Error>(())
/// ```
///
/// Or by a refresh token. A server that replaces it with each use gives the new one to `save`, which must store it before the
/// old one is lost:
///
/// ```
/// # use jobfeed::{Client, OAuth2};
/// use jobfeed::secrecy::{ExposeSecret, SecretString};
///
/// # let path = "refresh-token";
/// let tokens = OAuth2::refresh_token("https://id.example.com/token", "my-app", "my-refresh-token")?
///     .client_secret("my-secret")
///     .save(move |token: SecretString| async move { std::fs::write(path, token.expose_secret()) });
/// let api = Client::builder().base_url("https://api.example.com/").credential_source(tokens).build()?;
/// # Ok::<(), jobfeed::Error>(())
/// ```
///
/// When tokens are asked for, and what happens when that fails, is described at [`CredentialSource`]. The token request uses the
/// transport and the time limits of the client; redirects are not followed. 408, 429, 5xx and failed connections are tried again,
/// `Retry-After` is obeyed. Any other refusal ends the calls with [`Error::Credentials`]; its [`Error::server`] has the `error` of the
/// server as its code.
#[must_use]
pub struct OAuth2 {
    token_url: Url,
    client_id: String,
    client_secret: Option<SecretString>,
    secret_in_body: bool,
    scope: Option<String>,
    audience: Option<String>,
    params: Vec<(String, String)>,
    /// The refresh token in use; `None` for the grant of client credentials.
    refresh: Option<Refresh>,
    save: Option<Save>,
}

struct Refresh {
    token: Mutex<SecretString>,
    /// Locked while the token is in use. Whether it was not saved yet.
    unsaved: tokio::sync::Mutex<bool>,
}

impl Refresh {
    fn token(&self) -> SecretString {
        self.token.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn replace(&self, token: SecretString) {
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = token;
    }
}

impl OAuth2 {
    /// Tokens by client credentials (RFC 6749, section 4.4), with the client's id and secret in an `Authorization: Basic` header.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the URL is neither `https` nor `http` on this machine (`localhost`, `127.0.0.0/8`, `::1`), has a user,
    /// a password or a fragment, or when the id or the secret is empty.
    pub fn client_credentials(
        token_url: impl AsRef<str>,
        client_id: impl Into<String>,
        client_secret: impl Into<SecretString>,
    ) -> Result<Self> {
        let secret = not_empty("client secret", client_secret.into())?;
        Ok(Self { client_secret: Some(secret), ..Self::new(token_url.as_ref(), client_id.into())? })
    }

    /// Tokens by a refresh token (RFC 6749, section 6), of a client without a secret unless [`OAuth2::client_secret`] is called.
    ///
    /// # Errors
    /// [`Error::Invalid`] as for [`OAuth2::client_credentials`], and when the refresh token is empty.
    pub fn refresh_token(
        token_url: impl AsRef<str>,
        client_id: impl Into<String>,
        refresh_token: impl Into<SecretString>,
    ) -> Result<Self> {
        let token = Mutex::new(not_empty("refresh token", refresh_token.into())?);
        let refresh = Some(Refresh { token, unsaved: tokio::sync::Mutex::new(false) });
        Ok(Self { refresh, ..Self::new(token_url.as_ref(), client_id.into())? })
    }

    fn new(token_url: &str, client_id: String) -> Result<Self> {
        if client_id.is_empty() {
            return Err(Error::invalid("client id", "(empty)", "1 or more characters"));
        }
        Ok(Self {
            token_url: parse_token_url(token_url)?,
            client_id,
            client_secret: None,
            secret_in_body: false,
            scope: None,
            audience: None,
            params: Vec::new(),
            refresh: None,
            save: None,
        })
    }

    /// Adds another parameter to the token request, such as `resource`.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a parameter that has a method or an argument of its own.
    pub fn param(mut self, name: impl Into<String>, value: impl Into<String>) -> Result<Self> {
        let name = name.into();
        if OWN_PARAMETERS.contains(&name.as_str()) {
            return Err(Error::invalid("token parameter", name, "one without a method or an argument of its own"));
        }
        self.params.push((name, value.into()));
        Ok(self)
    }

    /// Stores each new refresh token that the server gives, durably. It is awaited before the new access token is used. When it
    /// fails, the call fails with [`Error::Credentials`]; the token is kept in memory and saved before anything else is asked of
    /// the server. Without it a new refresh token is in memory only, and the one that the program started with may be invalid.
    pub fn save<F, E>(mut self, save: impl Fn(SecretString) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<BoxError>,
    {
        self.save = Some(Box::new(move |token| {
            let saved = save(token);
            Box::pin(async move { saved.await.map_err(Into::into) })
        }));
        self
    }

    /// Id and secret of the client as form-encoded texts in an `Authorization: Basic` header (RFC 6749, section 2.3.1).
    fn basic(&self, secret: &SecretString) -> SecretString {
        let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
        STANDARD.encode(format!("{}:{}", encoded(&self.client_id), encoded(secret.expose_secret()))).into()
    }

    fn request(&self) -> ApiRequest {
        let mut form = form_urlencoded::Serializer::new(String::new());
        match &self.refresh {
            Some(refresh) => form
                .append_pair("grant_type", "refresh_token")
                .append_pair("refresh_token", refresh.token().expose_secret()),
            None => form.append_pair("grant_type", "client_credentials"),
        };
        let named = [("scope", &self.scope), ("audience", &self.audience)];
        form.extend_pairs(named.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?))));
        form.extend_pairs(&self.params);
        let in_header = self.client_secret.as_ref().filter(|_| !self.secret_in_body);
        if in_header.is_none() {
            form.append_pair("client_id", &self.client_id);
            form.extend_pairs(self.client_secret.iter().map(|secret| ("client_secret", secret.expose_secret())));
        }
        // Sent again at most by the client that needs the token. What the server says about it is shown by `explained`.
        let mut request = ApiRequest { idempotent: true, private: true, ..ApiRequest::post("", form.finish()) };
        request.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        if let Some(secret) = in_header {
            request = request.header(AUTHORIZATION.as_str(), format!("Basic {}", self.basic(secret).expose_secret()));
        }
        request
    }

    /// Asks for a token. A new refresh token is in `renewed`, also when the rest of the answer cannot be used.
    async fn token(&self, client: &Client, renewed: &Mutex<Option<SecretString>>) -> Result<Issued> {
        let client = client.at(self.token_url.clone(), MAX_ANSWER, advice);
        let read = |response: &Response| {
            *renewed.lock().unwrap_or_else(PoisonError::into_inner) = read_refresh_token(response);
            read_token(response)
        };
        let answer = client.call(NAME, &self.request(), &|status| status.is_success(), read).await;
        answer.map_err(|error| explained(&client, error))
    }

    /// Saves a refresh token that was not saved yet.
    async fn save_now(&self, refresh: &Refresh, unsaved: &mut bool) -> Result<(), NotSaved> {
        if !*unsaved {
            return Ok(());
        }
        match &self.save {
            Some(save) => save(refresh.token()).await.map_err(NotSaved)?,
            None => {
                tracing::warn!("the server replaced the refresh token, and `OAuth2::save` was not called to store it");
            }
        }
        *unsaved = false;
        Ok(())
    }
}

setters! { OAuth2 {
    /// The scope, several of them with spaces in between. Default: none is sent, and the server decides.
    scope(scope: impl Into<String>) => scope = Some(scope.into());
    /// The audience, for servers that need it. Default: none is sent.
    audience(audience: impl Into<String>) => audience = Some(audience.into());
    /// The secret of the client.
    client_secret(secret: impl Into<SecretString>) => client_secret = Some(secret.into());
    /// Sends the client's id and secret in the body, for servers that do not read the `Authorization: Basic` header.
    secret_in_body() => secret_in_body = true;
} }

impl CredentialSource for OAuth2 {
    type Error = BoxError;

    async fn issue(&self, client: &Client) -> Result<Issued, BoxError> {
        let Some(refresh) = &self.refresh else { return Ok(self.token(client, &Mutex::default()).await?) };
        // One at a time, also when several clients share this source: a refresh token may be valid once.
        let mut unsaved = refresh.unsaved.lock().await;
        self.save_now(refresh, &mut unsaved).await?;
        // Another client that shares this source may have replaced it.
        client.hide(&refresh.token());
        let renewed = Mutex::default();
        let issued = self.token(client, &renewed).await;
        if let Some(new) = renewed.into_inner().unwrap_or_else(PoisonError::into_inner)
            && new.expose_secret() != refresh.token().expose_secret()
        {
            // Kept before it is saved: a failure, or the end of this future, does not lose it.
            refresh.replace(new);
            *unsaved = true;
            self.save_now(refresh, &mut unsaved).await?;
        }
        Ok(issued?)
    }

    fn secrets(&self) -> Vec<SecretString> {
        let secret = self.client_secret.iter().flat_map(|secret| [secret.clone(), self.basic(secret)]);
        secret.chain(self.refresh.as_ref().map(Refresh::token)).collect()
    }
}

/// Shows no secret, no scope and no parameter.
impl fmt::Debug for OAuth2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OAuth2").field("token_url", &redact::shown(&self.token_url)).finish_non_exhaustive()
    }
}

/// The application's `save` failed.
#[derive(Debug, thiserror::Error)]
#[error("{NAME}: the new refresh token could not be saved ({0}); it is kept in memory and saved before it is used")]
struct NotSaved(#[source] BoxError);

/// The new refresh token of an answer.
fn read_refresh_token(response: &Response) -> Option<SecretString> {
    let token: Option<String> = json::fields(&response.body).get("refresh_token");
    token.filter(|token| !token.is_empty()).map(SecretString::from)
}

/// The access token of an answer.
fn read_token(response: &Response) -> Result<Issued, AnswerError> {
    let fields = json::fields(&response.body);
    let text = |name: &str| fields.get::<String>(name).filter(|text| !text.is_empty());
    let Some(access) = text("access_token") else {
        if fields.raw("error").is_some() {
            return Err(BodyProblem::ErrorObject.into());
        }
        read_single::<IgnoredAny>(response)?;
        return Err(AnswerError::shape("it has no `access_token`"));
    };
    if text("token_type").is_some_and(|kind| !kind.eq_ignore_ascii_case("bearer")) {
        return Err(AnswerError::shape("its `token_type` is not `bearer`"));
    }
    let credentials =
        Credentials::bearer(access).map_err(|_| AnswerError::shape("its `access_token` cannot be sent in a header"))?;
    let lifetime = match fields.get("expires_in") {
        None => None,
        Some(Value::Number(seconds)) => Some(seconds.as_f64()),
        Some(Value::String(seconds)) => Some(seconds.trim().parse().ok()),
        Some(_) => Some(None),
    };
    let lifetime = lifetime.map(|seconds| seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()));
    let valid_for = match lifetime {
        Some(None) => return Err(AnswerError::shape("its `expires_in` is not a number of seconds")),
        Some(lifetime) => lifetime,
        None => None,
    };
    Ok(Issued { credentials, valid_for })
}

/// The error with `error` and `error_description` of the server (RFC 6749, section 5.2).
fn explained(client: &Client, mut error: Error) -> Error {
    let described =
        error.server().and_then(|server| Some((server.code.clone()?, server.details.get("error_description")?)));
    let message = described.and_then(|(code, text)| Some(format!("{code}: {}", client.snippet(text.as_str()?))));
    if let (Error::Status { message: shown, .. } | Error::Body { snippet: shown, .. }, Some(message)) =
        (&mut error, message)
    {
        *shown = message;
    }
    error
}

/// What to do when the token endpoint refuses.
fn advice(status: StatusCode, server: Option<&ServerError>) -> Option<&'static str> {
    match (status.as_u16(), server.and_then(|server| server.code.as_deref())) {
        (300..400 | 404 | 405, _) => Some("check the token URL"),
        (_, Some("invalid_grant")) => Some("the refresh token is no longer valid: authorise the application again"),
        (_, Some("invalid_scope")) => Some("check the scope"),
        (_, Some("unauthorized_client" | "unsupported_grant_type")) => Some("allow this grant type at the server"),
        (400 | 401 | 403, _) => Some("check the client id and the client secret"),
        _ => None,
    }
}

fn not_empty(what: &str, secret: SecretString) -> Result<SecretString> {
    if secret.expose_secret().is_empty() {
        return Err(Error::invalid(what, "(empty)", "1 or more characters"));
    }
    Ok(secret)
}

fn parse_token_url(url: &str) -> Result<Url> {
    let rule = "an https URL, or an http URL of this machine, without user, password and fragment";
    // The error does not show a text that may hold a password or a key.
    let invalid = || Error::invalid("token URL", if url.contains(['@', '?']) { "(hidden)" } else { url }, rule);
    let parsed = Url::parse(url).map_err(|_| invalid())?;
    let loopback = match parsed.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    let encrypted = parsed.scheme() == "https" || parsed.scheme() == "http" && loopback;
    if encrypted && !redact::has_user(&parsed) && parsed.fragment().is_none() { Ok(parsed) } else { Err(invalid()) }
}
