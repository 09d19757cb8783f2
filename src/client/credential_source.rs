//! The trait of what gives a client new credentials while it is in use.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use futures::future::BoxFuture;
use secrecy::SecretString;

use super::core::Client;
use super::credential_cache::Issue;
use super::credentials::Issued;
use crate::error::{BoxError, Result};

/// Gives a client credentials that change: tokens that expire, keys that a vault rotates. Pass it to
/// [`ClientBuilder::credential_source`](crate::ClientBuilder::credential_source); [`OAuth2`](crate::OAuth2) is one. Write plain `async fn`:
///
/// ```
/// use std::time::Duration;
/// use jobfeed::{Client, CredentialSource, Credentials, Issued, RetryPolicy};
///
/// /// A key that another program writes into a file each hour.
/// struct KeyFile(std::path::PathBuf);
///
/// impl CredentialSource for KeyFile {
///     type Error = Box<dyn std::error::Error + Send + Sync>;
///
///     async fn issue(&self, _: &Client) -> Result<Issued, Self::Error> {
///         let key = std::fs::read_to_string(&self.0)?;
///         Ok(Issued::new(Credentials::header("x-api-key", "", key.trim())?).valid_for(Duration::from_secs(3600)))
///     }
/// }
///
/// let source = KeyFile("/run/secrets/api-key".into());
/// let api = Client::builder().base_url("https://api.example.com/").credential_source(source).build()?;
/// # Ok::<(), jobfeed::Error>(())
/// ```
///
/// The client asks before its first request, again when 96 % of the lifetime has passed, and after a 401 if it did not get other
/// credentials since that request was sent; the request is then sent once more. It asks once at a time, for all its clones, in a
/// task of its own, which a dropped call does not stop. While credentials are valid, requests use them and do not wait.
///
/// A failure is [`Error::Credentials`](crate::Error::Credentials) for all calls that wait. The source is asked again after the
/// back-off of the client's [`RetryPolicy`](crate::RetryPolicy), or after the wait that the error names when it is a
/// [`crate::Error`]; calls are repeated as after a failed request. An error that is a [`crate::Error`] and is not
/// [retryable](crate::Error::is_retryable) ends the calls at once.
pub trait CredentialSource: Send + Sync + 'static {
    /// Why there are no credentials. Its texts are searched for secrets of the client before they are shown.
    type Error: Into<BoxError>;

    /// Credentials, and how long they hold. It must end within the client's page timeout.
    ///
    /// `client` has the transport, the time limits and the clock of the client that asks, for a source that asks a server. It sends no
    /// credentials, makes one attempt for each call, and has no rate limit.
    fn issue(&self, client: &Client) -> impl Future<Output = Result<Issued, Self::Error>> + Send;

    /// Secrets of the source itself, such as a client secret, that are to be removed from texts of servers. Default: none.
    fn secrets(&self) -> Vec<SecretString> {
        Vec::new()
    }
}

/// Clients can share a source.
impl<S: CredentialSource + ?Sized> CredentialSource for Arc<S> {
    type Error = S::Error;

    fn issue(&self, client: &Client) -> impl Future<Output = Result<Issued, S::Error>> + Send {
        (**self).issue(client)
    }

    fn secrets(&self) -> Vec<SecretString> {
        (**self).secrets()
    }
}

/// [`CredentialSource`] as an object-safe trait.
trait Erased: Send + Sync {
    fn issue<'a>(&'a self, client: &'a Client) -> BoxFuture<'a, Result<Issued, BoxError>>;
    fn secrets(&self) -> Vec<SecretString>;
}

impl<S: CredentialSource> Erased for S {
    fn issue<'a>(&'a self, client: &'a Client) -> BoxFuture<'a, Result<Issued, BoxError>> {
        Box::pin(async move { CredentialSource::issue(self, client).await.map_err(Into::into) })
    }

    fn secrets(&self) -> Vec<SecretString> {
        CredentialSource::secrets(self)
    }
}

/// A source of any type, and the client that it uses.
pub(super) struct Attached {
    source: SharedSource,
    client: Client,
}

impl Attached {
    pub(super) fn new(source: SharedSource, client: Client) -> Self {
        Self { source, client }
    }
}

impl Issue for Attached {
    fn issue(&self) -> BoxFuture<'_, Result<Issued, BoxError>> {
        self.source.0.issue(&self.client)
    }

    fn secrets(&self) -> Vec<SecretString> {
        self.source.0.secrets()
    }
}

/// A source of any type.
#[derive(Clone)]
pub(super) struct SharedSource(Arc<dyn Erased>);

impl SharedSource {
    pub(super) fn new(source: impl CredentialSource) -> Self {
        Self(Arc::new(source))
    }
}

impl fmt::Debug for SharedSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CredentialSource")
    }
}
