//! Look-ahead: a request that goes on while the caller works on the page before it.
//!
//! It knows whether somebody waits for it: then it may take a second core, which until then the caller needs.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::FutureExt;
use futures::future::BoxFuture;
use sync_wrapper::SyncWrapper;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

/// A call under way, polled by the caller or by a task of its own. Dropping it cancels the call. `Sync`, so that a batch of
/// the run that holds it can be borrowed over an `.await` of a spawned task.
pub(crate) enum Ahead<O> {
    /// Goes on while it is polled.
    Here(SyncWrapper<BoxFuture<'static, O>>),
    /// Goes on by itself.
    Elsewhere(JoinHandle<O>),
}

impl<O: Send + 'static> Ahead<O> {
    /// Starts a call; on a task of its own when `ahead` is asked for and there is a runtime to carry it.
    pub(crate) fn start<F>(ahead: bool, call: F) -> Self
    where
        F: Future<Output = O> + Send + 'static,
    {
        match Handle::try_current() {
            Ok(runtime) if ahead => Self::Elsewhere(runtime.spawn(call)),
            _ => Self::Here(SyncWrapper::new(call.boxed())),
        }
    }
}

impl<O> Future for Ahead<O> {
    /// `None` when the runtime that carried the call is gone, and the call with it; it can be made again.
    type Output = Option<O>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<O>> {
        match &mut *self {
            Self::Here(call) => call.get_mut().poll_unpin(cx).map(Some),
            Self::Elsewhere(task) => match ready!(task.poll_unpin(cx)) {
                Ok(output) => Poll::Ready(Some(output)),
                Err(error) => match error.try_into_panic() {
                    Ok(panic) => std::panic::resume_unwind(panic),
                    Err(_) => Poll::Ready(None),
                },
            },
        }
    }
}

impl<O> Drop for Ahead<O> {
    fn drop(&mut self) {
        if let Self::Elsewhere(task) = self {
            task.abort();
        }
    }
}

impl<O> fmt::Debug for Ahead<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Here(_) => "Here",
            Self::Elsewhere(_) => "Elsewhere",
        })
    }
}
