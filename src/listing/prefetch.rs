//! The request for one page, in progress. With prefetch it runs while the caller works on the page before it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures::FutureExt;
use futures::future::BoxFuture;
use serde::de::DeserializeOwned;
use sync_wrapper::SyncWrapper;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tracing::Instrument;

use super::cursor::Position;
use super::endpoint::Endpoint;
use super::fetch::Fetched;
use super::page::OnRejected;
use crate::client::{Client, Progress, Purpose};
use crate::error::Result;

/// The page at one position of a listing, being fetched. Dropping it cancels the request.
pub(crate) struct PageFetch<T> {
    client: Client,
    endpoint: Arc<dyn Endpoint>,
    at: Position,
    progress: Progress,
    on_rejected: OnRejected,
    call: Call<Result<Fetched<T>>>,
}

/// The call. It is `Sync`, so that a spawned task can hold a batch over an `.await`.
enum Call<O> {
    /// It runs only while the caller polls it.
    Polled(SyncWrapper<BoxFuture<'static, O>>),
    /// It runs on its own task of the runtime.
    Spawned(JoinHandle<O>),
}

impl<T: DeserializeOwned + Send + 'static> PageFetch<T> {
    /// Starts the request; on its own task when `prefetch` is set and there is a runtime.
    pub(crate) fn start(
        client: &Client,
        endpoint: &Arc<dyn Endpoint>,
        at: &Position,
        progress: &Progress,
        on_rejected: OnRejected,
        prefetch: bool,
    ) -> Self {
        let (client, endpoint, at, progress) = (client.clone(), endpoint.clone(), at.clone(), progress.clone());
        let call = request(&client, &endpoint, &at, &progress, on_rejected);
        let call = match Handle::try_current() {
            Ok(runtime) if prefetch => Call::Spawned(runtime.spawn(call.in_current_span())),
            _ => Call::Polled(SyncWrapper::new(call)),
        };
        Self { client, endpoint, at, progress, on_rejected, call }
    }
}

fn request<T: DeserializeOwned + Send + 'static>(
    client: &Client,
    endpoint: &Arc<dyn Endpoint>,
    at: &Position,
    progress: &Progress,
    on_rejected: OnRejected,
) -> BoxFuture<'static, Result<Fetched<T>>> {
    let (client, endpoint, at, progress) = (client.clone(), endpoint.clone(), at.clone(), progress.clone());
    async move { client.fetch_page(&*endpoint, &at, &progress, on_rejected, Purpose::Page).await }.boxed()
}

impl<T: DeserializeOwned + Send + 'static> Future for PageFetch<T> {
    type Output = Result<Fetched<T>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        loop {
            let stopped = match &mut this.call {
                Call::Polled(call) => return call.get_mut().poll_unpin(cx),
                Call::Spawned(task) => match ready!(task.poll_unpin(cx)) {
                    Ok(fetched) => return Poll::Ready(fetched),
                    Err(stopped) => stopped,
                },
            };
            // The task panicked, or its runtime was shut down. The next poll sends the request again.
            let call = request(&this.client, &this.endpoint, &this.at, &this.progress, this.on_rejected);
            this.call = Call::Polled(SyncWrapper::new(call));
            if let Ok(panic) = stopped.try_into_panic() {
                std::panic::resume_unwind(panic);
            }
        }
    }
}

// The call is boxed or on its own task, and nothing else is pinned.
impl<T> Unpin for PageFetch<T> {}

impl<O> Drop for Call<O> {
    fn drop(&mut self) {
        if let Self::Spawned(task) = self {
            task.abort();
        }
    }
}
