//! A sliding-window throttle for each caller.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::time::Duration;

use super::time;

/// Allows a number of requests in every window of a given length, for each caller on its own.
///
/// The window slides: a request counts until it is `per` old. Time is the monotonic clock unless
/// [`Throttle::clock`] gives another one.
pub struct Throttle {
    limit: usize,
    per: Duration,
    count_rejected: bool,
    clock: Box<dyn Fn() -> Duration + Send>,
    seen: HashMap<String, VecDeque<Duration>>,
}

impl Throttle {
    /// At most `limit` requests (0 counts as 1) in any window of length `per`.
    pub fn new(limit: usize, per: Duration) -> Self {
        let start = time::monotonic();
        Self {
            limit: limit.max(1),
            per,
            count_rejected: false,
            clock: Box::new(move || start.elapsed()),
            seen: HashMap::new(),
        }
    }

    /// Whether a refused request takes a place in the window too. Default: no.
    #[must_use]
    pub fn count_rejected(mut self, yes: bool) -> Self {
        self.count_rejected = yes;
        self
    }

    /// Replaces the monotonic clock; the closure tells the time since any fixed moment.
    #[must_use]
    pub fn clock(mut self, clock: impl Fn() -> Duration + Send + 'static) -> Self {
        self.clock = Box::new(clock);
        self
    }

    /// How many requests of `caller` still fit, and the whole seconds until the oldest leaves the window.
    pub fn room(&mut self, caller: &str) -> (usize, u64) {
        let now = (self.clock)();
        let (limit, per) = (self.limit, self.per);
        let seen = self.seen.entry(caller.to_owned()).or_default();
        seen.retain(|&at| now.saturating_sub(at) < per);
        let wait = seen.front().map_or(per, |&at| (at + per).saturating_sub(now));
        (limit.saturating_sub(seen.len()), wait.as_secs() + u64::from(wait.subsec_nanos() > 0))
    }

    /// The most requests in one window.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Counts a request of `caller`.
    ///
    /// # Errors
    ///
    /// When the window is full: the whole seconds, at least 1, until it has room again.
    pub fn admit(&mut self, caller: &str) -> Result<(), u64> {
        let now = (self.clock)();
        let seen = self.seen.entry(caller.to_owned()).or_default();
        while seen.front().is_some_and(|&at| now.saturating_sub(at) >= self.per) {
            seen.pop_front();
        }
        let full = seen.len() >= self.limit;
        if !full || self.count_rejected {
            seen.push_back(now);
        }
        if !full {
            return Ok(());
        }
        // Room comes when only `limit - 1` of the requests in the window are left.
        let leaves = seen.get(seen.len() - self.limit).copied().unwrap_or(now);
        let wait = (leaves + self.per).saturating_sub(now);
        Err((wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1))
    }
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
