//! A sliding-window throttle for each caller.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::time::Duration;

use super::time::Elapsed;

/// Allows a number of requests in every window of a given length, for each caller on its own.
///
/// The window slides: a request counts until it is `per` old. Time is the monotonic clock unless
/// [`Throttle::clock`] gives another one.
pub struct Throttle {
    limit: usize,
    per: Duration,
    count_rejected: bool,
    clock: Elapsed,
    /// The times of the requests in the window, the oldest first.
    requests: HashMap<String, VecDeque<Duration>>,
}

impl Throttle {
    /// At most `limit` requests (0 counts as 1) in any window of length `per`.
    pub fn new(limit: usize, per: Duration) -> Self {
        Self::with_clock(limit, per, Elapsed::monotonic())
    }

    pub(crate) fn with_clock(limit: usize, per: Duration, clock: Elapsed) -> Self {
        Self { limit: limit.max(1), per, count_rejected: false, clock, requests: HashMap::new() }
    }

    /// Whether a refused request counts as well. Default: no.
    #[must_use]
    pub fn count_rejected(mut self, yes: bool) -> Self {
        self.count_rejected = yes;
        self
    }

    /// Replaces the monotonic clock; the closure tells the time since any fixed moment.
    #[must_use]
    pub fn clock(mut self, clock: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        self.clock = Elapsed::from_fn(clock);
        self
    }

    /// The most requests in one window.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// How many requests of `caller` are still allowed, and the whole seconds until the oldest leaves the window.
    pub fn remaining(&mut self, caller: &str) -> (usize, u64) {
        let (limit, per) = (self.limit, self.per);
        let (now, requests) = self.in_window(caller);
        let wait = requests.front().map_or(per, |&at| (at + per).saturating_sub(now));
        (limit.saturating_sub(requests.len()), whole_seconds(wait))
    }

    /// Counts a request of `caller`.
    ///
    /// # Errors
    ///
    /// When the window is full: the whole seconds, at least 1, until a request is allowed again.
    pub fn admit(&mut self, caller: &str) -> Result<(), u64> {
        let (limit, per, count_rejected) = (self.limit, self.per, self.count_rejected);
        let (now, requests) = self.in_window(caller);
        let full = requests.len() >= limit;
        if !full || count_rejected {
            requests.push_back(now);
        }
        if !full {
            return Ok(());
        }
        // A request is allowed when only `limit - 1` of the requests in the window are left.
        let leaves = requests.get(requests.len() - limit).copied().unwrap_or(now);
        Err(whole_seconds((leaves + per).saturating_sub(now)).max(1))
    }

    /// The time, and the requests of `caller` in the window that ends now.
    fn in_window(&mut self, caller: &str) -> (Duration, &mut VecDeque<Duration>) {
        let now = self.clock.get();
        let requests = self.requests.entry(caller.to_owned()).or_default();
        requests.retain(|&at| now.saturating_sub(at) < self.per);
        (now, requests)
    }
}

fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

impl fmt::Debug for Throttle {
    /// Leaves out the callers, which are API keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Throttle")
            .field("limit", &self.limit)
            .field("per", &self.per)
            .field("count_rejected", &self.count_rejected)
            .finish_non_exhaustive()
    }
}
