//! The rate limit that clones of a client share: the time between requests, and the waits that a server asks for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::clock::monotonic;
use crate::error::{Error, Result};

/// How fast a client may send: a number of requests in a period, evenly spaced; bursts by [`RateLimit::burst`].
///
/// ```
/// use std::time::Duration;
/// use jobfeed::RateLimit;
///
/// let limit = RateLimit::new(30, Duration::from_secs(60));
/// assert_eq!(limit.interval(), Duration::from_secs(2));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    interval: Duration,
    burst: u32,
}

impl RateLimit {
    /// `requests` in each period `per`. Zero requests are refused when the client is built.
    pub const fn new(requests: u32, per: Duration) -> Self {
        let interval = match per.checked_div(requests) {
            Some(interval) => interval,
            None => Duration::MAX,
        };
        Self { interval, burst: 1 }
    }

    /// One request in each `interval`.
    pub const fn every(interval: Duration) -> Self {
        Self { interval, burst: 1 }
    }

    /// No limit. A wait that the server asks for is still obeyed.
    pub const fn unlimited() -> Self {
        Self { interval: Duration::ZERO, burst: 1 }
    }

    /// How many requests may be sent at once after a time without requests. Default 1.
    #[must_use]
    pub const fn burst(mut self, burst: u32) -> Self {
        self.burst = burst;
        self
    }

    /// The time between two requests.
    pub const fn interval(&self) -> Duration {
        self.interval
    }

    pub(crate) fn validate(self) -> Result<Self> {
        if self.burst == 0 {
            return Err(Error::invalid("rate limit burst", "0", "1 or more"));
        }
        if self.interval == Duration::MAX {
            return Err(Error::invalid("rate limit", "0 requests", "1 or more requests in a period"));
        }
        Ok(self)
    }
}

/// Which clients share one rate limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum LimitScope {
    /// The clones of one client, for a service that counts by credential.
    #[default]
    Client,
    /// All clients of the process whose base URL has the same host and port, whatever their credentials, for a service
    /// that counts by IP address. After a request of one of them, all wait for the interval of that client.
    Host,
}

/// The shared state behind a [`RateLimit`].
#[derive(Debug, Clone)]
pub(crate) struct Limiter {
    limit: RateLimit,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    slots: Mutex<Slots>,
    /// Those who wait for a slot, in their order: this lock is fair.
    line: tokio::sync::Mutex<()>,
}

/// The slots of [`LimitScope::Host`]. An entry stays after its last client is dropped, so that a program which makes a new client for
/// each call is limited as well.
static BY_HOST: Mutex<Option<HashMap<String, Arc<Shared>>>> = Mutex::new(None);

#[derive(Debug, Default)]
struct Slots {
    /// When the next request may be sent, without a burst. `None`: no request was sent yet.
    next: Option<Instant>,
    /// No request may be sent before, because a server asked to wait.
    paused_until: Option<Instant>,
}

/// Why a request may not be sent yet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wait {
    pub(crate) until: Instant,
    /// Whether a server asked to wait; otherwise it is the rate limit.
    pub(crate) paused: bool,
}

impl Limiter {
    pub(crate) fn new(limit: RateLimit) -> Self {
        Self { limit, shared: Arc::default() }
    }

    /// A limiter that shares its slots with all others for this host.
    pub(crate) fn for_host(limit: RateLimit, host: &str) -> Self {
        let mut hosts = unpoisoned(&BY_HOST);
        Self { limit, shared: hosts.get_or_insert_default().entry(host.to_owned()).or_default().clone() }
    }

    /// Waits until all who came before have taken their slot or given up. Hold it until the slot is taken.
    pub(crate) async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.shared.line.lock().await
    }

    /// Takes the next slot: `Ok` when the request may be sent now (the slot is used), else when to try again.
    pub(crate) fn take(&self) -> Result<(), Wait> {
        let now = monotonic();
        let mut slots = self.lock();
        if let Some(until) = slots.paused_until.filter(|until| *until > now) {
            return Err(Wait { until, paused: true });
        }
        // A client without a limit does not use slots of the clients that share them.
        if self.limit.interval.is_zero() {
            return Ok(());
        }
        // The generic cell rate algorithm: a burst allows `next` to be later than now.
        let credit = self.limit.interval.saturating_mul(self.limit.burst - 1);
        let due = slots.next.and_then(|next| next.checked_sub(credit));
        if let Some(until) = due.filter(|due| *due > now) {
            return Err(Wait { until, paused: false });
        }
        slots.next = slots.next.max(Some(now)).map(|next| next + self.limit.interval);
        Ok(())
    }

    /// An error while a wait that a server asked for has not ended. Takes no slot.
    pub(crate) fn check_pause(&self) -> Result<(), Wait> {
        let until = self.lock().paused_until.filter(|until| *until > monotonic());
        until.map_or(Ok(()), |until| Err(Wait { until, paused: true }))
    }

    /// Whether a new limiter would behave the same, and nobody waits in this one.
    pub(crate) fn has_no_effect(&self) -> bool {
        let (now, slots) = (monotonic(), self.lock());
        slots.next.max(slots.paused_until) <= Some(now) && Arc::strong_count(&self.shared) == 1
    }

    /// Allows no request of any clone for this time.
    pub(crate) fn pause_for(&self, wait: Duration) {
        if let Some(until) = monotonic().checked_add(wait) {
            let mut slots = self.lock();
            slots.paused_until = slots.paused_until.max(Some(until));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Slots> {
        unpoisoned(&self.shared.slots)
    }
}

/// A panic while the lock was held cannot make instants or entries invalid.
fn unpoisoned<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn sent_within(limiter: &Limiter, span: Duration) -> u32 {
        let end = monotonic() + span;
        let mut sent = 0;
        loop {
            match limiter.take() {
                Ok(()) => sent += 1,
                Err(wait) if wait.until > end => return sent,
                Err(wait) => crate::client::clock::sleep_until(wait.until).await,
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn requests_are_spaced_and_a_burst_is_used_once() {
        let limiter = Limiter::new(RateLimit::every(Duration::from_secs(2)));
        assert_eq!(sent_within(&limiter, Duration::from_secs(9)).await, 5, "at 0, 2, 4, 6 and 8 s");
        let limiter = Limiter::new(RateLimit::every(Duration::from_secs(2)).burst(3));
        assert_eq!(sent_within(&limiter, Duration::from_secs(9)).await, 7, "three at once, then four");
    }

    #[tokio::test(start_paused = true)]
    async fn limiters_of_one_host_share_slots_and_waits() {
        let slow = Limiter::for_host(RateLimit::every(Duration::from_secs(4)), "limit.test:443");
        let quick = Limiter::for_host(RateLimit::every(Duration::from_secs(1)), "limit.test:443");
        let other = Limiter::for_host(RateLimit::every(Duration::from_secs(1)), "limit.test:444");
        assert!(slow.take().is_ok());
        assert_eq!(quick.take().unwrap_err().until - monotonic(), Duration::from_secs(4));
        assert!(other.take().is_ok(), "another port is another service");
        assert!(Limiter::for_host(RateLimit::unlimited(), "limit.test:443").take().is_ok(), "it has no limit");
        drop((slow, quick));
        let new = Limiter::for_host(RateLimit::every(Duration::from_secs(1)), "limit.test:443");
        assert!(new.take().is_err(), "a new client is limited by the requests of the dropped one");
        new.pause_for(Duration::from_secs(30));
        let later = Limiter::for_host(RateLimit::unlimited(), "limit.test:443");
        assert!(later.take().unwrap_err().paused);
    }

    #[tokio::test(start_paused = true)]
    async fn a_requested_wait_pauses_the_limiter_until_it_ends() {
        let limiter = Limiter::new(RateLimit::unlimited());
        limiter.pause_for(Duration::from_secs(30));
        limiter.pause_for(Duration::from_secs(10));
        let at = limiter.take().unwrap_err().until;
        assert_eq!(at - monotonic(), Duration::from_secs(30), "the longest wait is obeyed");
        crate::client::clock::sleep_until(at).await;
        assert!(limiter.take().is_ok());
    }
}
