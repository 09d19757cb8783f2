//! The only file of the simulators that reads a clock or waits.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::client::Clock;

/// A clock that stands still at the moment of this call.
#[allow(
    clippy::disallowed_methods,
    reason = "a simulator without a given `now` reads the wall clock once and keeps that time"
)]
pub(crate) fn fixed_clock() -> Clock {
    Clock::fixed(Timestamp::now())
}

/// Tells the time since a fixed moment.
#[derive(Clone)]
pub(crate) struct Elapsed(Arc<dyn Fn() -> Duration + Send + Sync>);

impl Elapsed {
    /// The monotonic clock of the system, from now on.
    #[allow(
        clippy::disallowed_methods,
        reason = "throttles and the log measure the client from outside, so they do not share the client's clock"
    )]
    pub(crate) fn monotonic() -> Self {
        let start = Instant::now();
        Self::from_fn(move || start.elapsed())
    }

    pub(crate) fn from_fn(elapsed: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        Self(Arc::new(elapsed))
    }

    pub(crate) fn get(&self) -> Duration {
        (self.0)()
    }
}

impl fmt::Debug for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Elapsed").field(&self.get()).finish()
    }
}

/// Waits while a body is sent.
#[allow(
    clippy::disallowed_methods,
    reason = "a slow or cut body is the behaviour under test, not a wait of the client"
)]
pub(crate) async fn pause(duration: Duration) {
    tokio::time::sleep(duration).await;
}
