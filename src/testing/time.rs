//! The only place of the testing kit that reads a clock or waits.

use std::time::{Duration, Instant};

use jiff::Timestamp;

/// The wall clock, read once for the default of a simulator's `now`.
#[allow(
    clippy::disallowed_methods,
    reason = "a simulator without a given `now` lives in the present; it reads the clock once and stays there"
)]
pub(crate) fn wall() -> Timestamp {
    Timestamp::now()
}

/// The monotonic clock, for throttles and for the times in the log.
#[allow(
    clippy::disallowed_methods,
    reason = "a throttle measures the client from outside, so it must not share the client's clock"
)]
pub(crate) fn monotonic() -> Instant {
    Instant::now()
}

/// Waits within an answer's body.
#[allow(
    clippy::disallowed_methods,
    reason = "a slow or cut body is the behaviour under test, not a wait of the client"
)]
pub(crate) async fn pause(duration: Duration) {
    tokio::time::sleep(duration).await;
}
