//! The only module that reads the clock: wall time for dates and windows, monotonic time for waits.
//!
//! Wall time comes from [`Clock`], so a test or a simulation can set "today". Monotonic time comes from tokio, so a
//! paused tokio clock controls every wait of the crate.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use tokio::time::Instant;

/// The source of wall-clock time: "now" and "today" of a client. Always UTC.
///
/// The default reads the system clock.
///
/// ```
/// use jobfeed::Clock;
///
/// let clock = Clock::fixed("2026-05-01T12:00:00Z".parse()?);
/// assert_eq!(clock.today().to_string(), "2026-05-01");
/// # Ok::<(), jiff::Error>(())
/// ```
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// The system clock.
    #[allow(clippy::disallowed_methods)]
    pub fn system() -> Self {
        Self(Arc::new(Timestamp::now))
    }

    /// A clock that always shows the same instant.
    pub fn fixed(now: Timestamp) -> Self {
        Self(Arc::new(move || now))
    }

    /// A clock that calls `now` each time it is read.
    pub fn from_fn(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The current instant.
    pub fn now(&self) -> Timestamp {
        (self.0)()
    }

    /// The current day in UTC.
    pub fn today(&self) -> Date {
        self.now().to_zoned(TimeZone::UTC).date()
    }

    /// The instant `wait` from now, at most [`Timestamp::MAX`].
    pub(crate) fn after(&self, wait: Duration) -> Timestamp {
        self.now().checked_add(wait).unwrap_or(Timestamp::MAX)
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Clock").field(&self.now()).finish()
    }
}

/// The current monotonic time, for waits and deadlines.
#[allow(clippy::disallowed_methods)]
pub(crate) fn monotonic() -> Instant {
    Instant::now()
}

/// Sleeps until a monotonic instant.
#[allow(clippy::disallowed_methods)]
pub(crate) async fn sleep_until(at: Instant) {
    tokio::time::sleep_until(at).await;
}
