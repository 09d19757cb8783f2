//! The default transport, with `reqwest`.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream;

use super::setters::setters;
use super::transport::{Body, Transport};
use crate::error::{Error, Result, TransportError};

pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
pub(crate) const USER_AGENT: &str = concat!("jobfeed/", env!("CARGO_PKG_VERSION"));

/// The transport of a client that was not given another one: HTTP/1.1 and TLS through a pool of connections, bodies
/// decompressed, no redirects, no retries. Clones share the pool.
///
/// Wrap it to change what is sent, or to look at what comes back:
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU64, Ordering};
///
/// use jobfeed::bytes::Bytes;
/// use jobfeed::futures::future::BoxFuture;
/// use jobfeed::http::{HeaderValue, Request, Response};
/// use jobfeed::{Body, HttpTransport, Transport, TransportError, jobdataapi::Client};
///
/// struct Tenant(HttpTransport, Arc<AtomicU64>);
///
/// impl Transport for Tenant {
///     fn send(&self, mut request: Request<Bytes>) -> BoxFuture<'static, Result<Response<Body>, TransportError>> {
///         request.headers_mut().insert("x-tenant", HeaderValue::from_static("north"));
///         self.1.fetch_add(1, Ordering::Relaxed);
///         self.0.send(request)
///     }
/// }
///
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = jobfeed::testing::JobDataApi::builder().jobs(30).start().await?;
/// # let (key, url) = (server.api_key(), server.base_url());
/// let sent = Arc::new(AtomicU64::new(0));
/// let transport = Tenant(HttpTransport::new()?, sent.clone());
/// let api = Client::builder().api_key(key).base_url(url).transport(transport).build()?;
/// api.jobs().send().await?;
/// assert_eq!(sent.load(Ordering::Relaxed), 1);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct HttpTransport(reqwest::Client);

impl HttpTransport {
    /// A transport with the default settings.
    ///
    /// # Errors
    /// [`Error::Invalid`] when TLS cannot be set up.
    pub fn new() -> Result<Self> {
        Self::builder().build()
    }

    /// Settings for a transport.
    pub fn builder() -> HttpTransportBuilder {
        HttpTransportBuilder { connect_timeout: CONNECT_TIMEOUT, user_agent: USER_AGENT.to_owned() }
    }
}

/// The settings of an [`HttpTransport`].
#[derive(Debug, Clone)]
#[must_use]
pub struct HttpTransportBuilder {
    connect_timeout: Duration,
    user_agent: String,
}

setters! { HttpTransportBuilder {
    /// The time limit for making a connection. Default 10 s.
    connect_timeout(limit: Duration) => connect_timeout = limit;
    /// The `User-Agent`. Default `jobfeed/<version>`.
    user_agent(name: impl Into<String>) => user_agent = name.into();
} }

impl HttpTransportBuilder {
    /// Makes the transport. Does no I/O.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a time limit of zero, for a `User-Agent` that a header cannot have, and when TLS cannot be set up.
    pub fn build(self) -> Result<HttpTransport> {
        if self.connect_timeout.is_zero() {
            return Err(Error::invalid("connect timeout", "0", "a time longer than zero"));
        }
        reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(self.connect_timeout)
            .user_agent(self.user_agent)
            .build()
            .map(HttpTransport)
            .map_err(|error| Error::invalid("HTTP client", "default settings", error.without_url().to_string()))
    }
}

fn transport_error(error: reqwest::Error) -> TransportError {
    // The URL may hold a key in its query.
    let error = error.without_url();
    if error.is_connect() { TransportError::connect(error) } else { TransportError::exchange(error) }
}

impl Transport for HttpTransport {
    fn send(&self, request: http::Request<Bytes>) -> BoxFuture<'static, Result<http::Response<Body>, TransportError>> {
        let client = self.0.clone();
        Box::pin(async move {
            let request = reqwest::Request::try_from(request.map(reqwest::Body::from)).map_err(transport_error)?;
            let mut response = client.execute(request).await.map_err(transport_error)?;
            let mut head = http::Response::new(());
            *head.status_mut() = response.status();
            *head.headers_mut() = std::mem::take(response.headers_mut());
            let body: Body = Box::pin(stream::try_unfold(response, |mut response| async move {
                let chunk = response.chunk().await.map_err(transport_error)?;
                Ok(chunk.map(|chunk| (chunk, response)))
            }));
            Ok(head.map(|()| body))
        })
    }
}

impl fmt::Debug for HttpTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HttpTransport")
    }
}
