//! How requests are sent: a small object-safe trait over `http` types.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::BoxStream;

use crate::error::TransportError;

/// The body of an answer, in parts as they arrive, already decompressed.
pub type Body = BoxStream<'static, Result<Bytes, TransportError>>;

/// Sends one request to a server. Implement it to replace the HTTP client: with a recorder, a proxy, a test double. To only
/// add something to the default one, wrap [`HttpTransport`](crate::HttpTransport).
///
/// An implementation must not follow redirects, must not retry, and must decompress bodies; the client does everything
/// else. At a time limit, the client drops the future.
///
/// Your own `reqwest` client, for a proxy or a private certificate:
///
/// ```
/// use futures::{FutureExt, StreamExt, future::BoxFuture};
/// use jobfeed::{Body, Transport, TransportError, jobdataapi};
///
/// struct Own(reqwest::Client);
///
/// impl Transport for Own {
///     fn send(
///         &self,
///         request: http::Request<bytes::Bytes>,
///     ) -> BoxFuture<'static, Result<http::Response<Body>, TransportError>> {
///         let client = self.0.clone();
///         async move {
///             let request = request.try_into().map_err(TransportError::connect)?;
///             let response = client.execute(request).await.map_err(|error| match error.is_connect() {
///                 true => TransportError::connect(error.without_url()),
///                 false => TransportError::exchange(error.without_url()),
///             })?;
///             let (head, body) = http::Response::from(response).into_parts();
///             let body = http_body_util::BodyDataStream::new(body).map(|part| part.map_err(TransportError::exchange));
///             Ok(http::Response::from_parts(head, body.boxed()))
///         }
///         .boxed()
///     }
/// }
///
/// let own = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
/// let api = jobdataapi::Client::builder().transport(Own(own)).build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Transport: Send + Sync + 'static {
    /// Sends the request and returns when the status and headers of the answer have arrived.
    fn send(&self, request: http::Request<Bytes>) -> BoxFuture<'static, Result<http::Response<Body>, TransportError>>;
}

/// A shared pointer to a transport, with the `Debug` that configuration types need.
#[derive(Clone)]
pub(crate) struct SharedTransport(pub(crate) Arc<dyn Transport>);

impl fmt::Debug for SharedTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Transport")
    }
}
