//! The way to a simulator without sockets, for tests on a paused clock and for tests that are killed at each step.

use std::fmt;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt as _, StreamExt as _};
use http_body_util::BodyDataStream;
use url::Url;

use super::service::Service;
use super::simulator::{Shared, Simulator, answer};
use crate::client::{Body, Transport};
use crate::error::TransportError;

/// The host of a simulator that has no port.
const ORIGIN: &str = "http://simulator.test/";

impl<S: Service> Simulator<S> {
    /// A simulator without a port, which only [`Simulator::transport`] leads to. It needs no runtime.
    ///
    /// # Errors
    /// When [`Service::BASE_PATH`] is not a path.
    pub fn in_memory(service: S) -> io::Result<Self> {
        let origin = Url::parse(ORIGIN).map_err(io::Error::other)?;
        Self::with_origin(origin, service, |_| None)
    }

    /// A transport that leads to this simulator without sockets, for [`ClientBuilder::transport`](crate::ClientBuilder::transport): the
    /// same replies, faults, hooks and counts. Nothing waits for the system, so a test can run on a paused tokio clock, and can drop a
    /// future after each poll, as in a process that is killed there.
    ///
    /// A dropped reply keeps its request in flight until the reply is dropped.
    pub fn transport(&self) -> impl Transport + Clone + use<S> {
        InMemory(Arc::clone(&self.shared))
    }
}

struct InMemory<S: Service>(Arc<Shared<S>>);

impl<S: Service> Clone for InMemory<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S: Service> fmt::Debug for InMemory<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InMemory")
    }
}

impl<S: Service> Transport for InMemory<S> {
    fn send(&self, request: http::Request<Bytes>) -> BoxFuture<'static, Result<http::Response<Body>, TransportError>> {
        let shared = Arc::clone(&self.0);
        async move {
            // Points at which the caller can be killed: before the server gets the request, and before the reply arrives.
            tokio::task::yield_now().await;
            let response = answer(&shared, request).await;
            tokio::task::yield_now().await;
            let (head, body) = response.map_err(TransportError::exchange)?.into_parts();
            let body = BodyDataStream::new(body).map(|part| part.map_err(TransportError::exchange));
            Ok(http::Response::from_parts(head, body.boxed()))
        }
        .boxed()
    }
}
