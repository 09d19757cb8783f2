//! Which failed attempts are repeated, after which wait, and how many retries the clones of a client may make together.

use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

use super::clock::monotonic;
use super::setters::setters;
use crate::error::{Error, Result};

/// How often an idempotent call is retried, and after which wait.
///
/// Connection errors, timeouts, incomplete bodies, 408, 429 and 5xx are retried; 400, 401, 403, 404 and all other
/// answers are not. The wait after attempt n is random between zero and `base * 2^(n-1)`, at most `max_backoff` (full
/// jitter), unless the server asks for a wait, which is then obeyed exactly.
///
/// ```
/// use std::time::Duration;
/// use jobfeed::RetryPolicy;
///
/// let longer = RetryPolicy::default()
///     .max_attempts(8)
///     .max_wait(Duration::from_secs(600));
/// let none = RetryPolicy::none();
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[must_use]
pub struct RetryPolicy {
    pub(crate) max_attempts: u32,
    pub(crate) base: Duration,
    pub(crate) max_backoff: Duration,
    pub(crate) max_wait: Duration,
    pub(crate) budget: u32,
    pub(crate) throttled_wait: Option<Duration>,
}

impl Default for RetryPolicy {
    /// 5 attempts, back-off from 1 s to 16 s, waits of at most 2 minutes, a budget of 50 retries.
    fn default() -> Self {
        Self {
            max_attempts: 5,
            base: Duration::from_secs(1),
            max_backoff: Duration::from_secs(16),
            max_wait: Duration::from_secs(120),
            budget: 50,
            throttled_wait: None,
        }
    }
}

impl RetryPolicy {
    /// One attempt, no retries, not even after a short `Retry-After`.
    pub fn none() -> Self {
        Self::default().max_attempts(1)
    }
}

setters! { RetryPolicy {
    /// Attempts for one page, the first included: 1 or more. Default 5.
    max_attempts(attempts: u32) => max_attempts = attempts;
    /// The longest wait that a server may ask for; after a longer one the call is [`Error::Paused`]. Default 2 minutes.
    max_wait(cap: Duration) => max_wait = cap;
    /// How long to wait after a 429 without `Retry-After`; up to a tenth is added at random. Default: the wait that
    /// fits the provider's documented limit, else the back-off.
    throttled_wait(wait: Duration) => throttled_wait = Some(wait);
    /// How many retries all clones of a client may make together; each success adds a tenth of a retry, each second a
    /// twentieth, up to this number. Default 50.
    budget(retries: u32) => budget = retries;
} }

impl RetryPolicy {
    /// The upper bounds of the first random wait, and of all later ones. Default 1 s and 16 s.
    pub fn backoff(mut self, base: Duration, max: Duration) -> Self {
        self.base = base;
        self.max_backoff = max;
        self
    }

    pub(crate) fn validate(self) -> Result<Self> {
        if self.max_attempts == 0 {
            return Err(Error::invalid("retry attempts", "0", "1 or more, the first attempt included"));
        }
        if self.base > self.max_backoff {
            return Err(Error::invalid("retry back-off", format!("{:?}", self.base), "at most the maximum back-off"));
        }
        Ok(self)
    }

    /// The wait after a 429 without `Retry-After`, where it is known.
    pub(crate) fn default_throttled_wait(&self) -> Option<Duration> {
        let with_jitter = |wait: Duration| wait.saturating_add((wait / 10).mul_f64(fastrand::f64()));
        self.throttled_wait.map(with_jitter)
    }

    /// A random wait after `attempt` (counted from 1).
    pub(crate) fn jittered(&self, attempt: u32) -> Duration {
        let span = self.base.saturating_mul(1u32.checked_shl(attempt - 1).unwrap_or(u32::MAX)).min(self.max_backoff);
        span.mul_f64(fastrand::f64())
    }
}

/// The retries that all clones of a client may still make, so that many clones do not overload a server that fails.
#[derive(Debug)]
pub(crate) struct RetryBudget {
    capacity: f64,
    state: Mutex<(f64, Instant)>,
}

const REFILL_BY_SUCCESS: f64 = 0.1;
const REFILL_BY_SECOND: f64 = 0.05;

impl RetryBudget {
    pub(crate) fn new(retries: u32) -> Self {
        let capacity = f64::from(retries);
        Self { capacity, state: Mutex::new((capacity, monotonic())) }
    }

    /// Takes one retry from the budget. Returns false when the budget is used up.
    pub(crate) fn withdraw(&self) -> bool {
        let now = monotonic();
        let mut state = self.lock();
        let refilled = state.0 + now.duration_since(state.1).as_secs_f64() * REFILL_BY_SECOND;
        *state = (refilled.min(self.capacity), now);
        if state.0 >= 1.0 {
            state.0 -= 1.0;
            return true;
        }
        false
    }

    /// Adds a part of a retry after a success.
    pub(crate) fn deposit(&self) {
        let mut state = self.lock();
        state.0 = (state.0 + REFILL_BY_SUCCESS).min(self.capacity);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, (f64, Instant)> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_is_full_and_capped() {
        let policy = RetryPolicy::default();
        for attempt in 1..40 {
            let span = Duration::from_secs(1 << (attempt - 1).min(4));
            assert!((0..50).all(|_| policy.jittered(attempt) <= span));
        }
        let waits: Vec<_> = (0..200).map(|_| policy.jittered(5)).collect();
        assert!(waits.iter().any(|wait| *wait < Duration::from_secs(4)));
        assert!(waits.iter().any(|wait| *wait > Duration::from_secs(12)));
    }
}
