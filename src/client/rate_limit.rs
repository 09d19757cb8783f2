//! The rate limit that clients share: the time between requests, the waits that a server asks for, and its quotas.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::clock::monotonic;
use super::quota::{Ended, KnownQuotas, Quota, Sent, Wait};
use crate::error::{Error, Result};

/// In place of an interval that the clock cannot count.
const FAR: Duration = Duration::from_secs(1 << 30);

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

/// Which clients share one rate limit, and what is known of the server's quotas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum LimitScope {
    /// The clients of the process with the same credentials and the same origin (scheme, host and port), for a service that
    /// counts by credential. After a request of one of them, each waits for its own interval. A client without
    /// credentials, or with a transport of its own, which may lead to another server, shares with its clones only.
    #[default]
    Client,
    /// All clients of the process whose base URL has the same host and port, whatever their credentials, for a service
    /// that counts by IP address. After a request of one of them, each waits for its own interval.
    Host,
}

/// The settings of one client, and the state behind them, which it shares with others.
#[derive(Debug, Clone)]
pub(crate) struct Limiter {
    pub(super) limit: RateLimit,
    /// The longest stop before the reset of a quota that is spread over the requests before it. `None`: no stop is.
    pub(super) longest_stop: Option<Duration>,
    pub(super) shared: Arc<Shared>,
}

/// The shared state behind a [`RateLimit`].
#[derive(Debug, Default)]
pub(crate) struct Shared {
    slots: Mutex<Slots>,
    /// Wakes those who wait when an answer has arrived.
    changed: Notify,
}

#[derive(Debug, Default)]
struct Slots {
    /// When the next request may be sent, without a burst. `None`: no request was sent yet.
    next: Option<Instant>,
    /// No request may be sent before, because a server asked to wait.
    paused_until: Option<Instant>,
    quotas: KnownQuotas,
}

/// The states of [`LimitScope::Host`]. An entry stays after its last client is dropped, so that a program which makes a new client for
/// each call is limited as well.
static BY_HOST: Mutex<Option<HashMap<String, Arc<Shared>>>> = Mutex::new(None);

/// A request that may be sent now. When it is dropped, it ended without an answer.
#[derive(Debug)]
pub(crate) struct Ticket {
    shared: Arc<Shared>,
    sent: Option<Sent>,
}

impl Ticket {
    /// The server has answered, and told these quotas.
    pub(crate) fn answered(self, quotas: &[Quota]) {
        self.end(Ended::Answered, quotas);
    }

    /// The request did not reach the server of this limit.
    pub(crate) fn not_sent(self) {
        self.end(Ended::NotSent, &[]);
    }

    fn end(mut self, ended: Ended, quotas: &[Quota]) {
        if let Some(sent) = self.sent.take() {
            self.shared.end(sent, ended, quotas);
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Some(sent) = self.sent.take() {
            self.shared.end(sent, Ended::Unanswered, &[]);
        }
    }
}

impl Shared {
    /// The state that all clients of this host share.
    pub(crate) fn of_host(host: &str) -> Arc<Self> {
        unpoisoned(&BY_HOST).get_or_insert_default().entry(host.to_owned()).or_default().clone()
    }

    /// Whether a new state would behave the same, and nobody else has this one.
    pub(crate) fn has_no_effect(self: &Arc<Self>) -> bool {
        let (now, slots) = (monotonic(), self.lock());
        let over = slots.next.max(slots.paused_until) <= Some(now) && slots.quotas.has_no_effect(now);
        over && Arc::strong_count(self) == 1
    }

    fn end(&self, sent: Sent, ended: Ended, quotas: &[Quota]) {
        self.lock().quotas.end(sent, ended, quotas, monotonic());
        self.changed.notify_waiters();
    }

    fn lock(&self) -> MutexGuard<'_, Slots> {
        unpoisoned(&self.slots)
    }
}

impl Limiter {
    #[cfg(test)]
    pub(crate) fn new(limit: RateLimit) -> Self {
        Self { limit, longest_stop: None, shared: Arc::default() }
    }

    /// Whether the next request may be sent now, else when to try again.
    pub(crate) fn check(&self) -> Result<(), Wait> {
        self.check_at(monotonic(), &mut self.shared.lock())
    }

    /// Takes the next slot: `Ok` when the request may be sent now (the slot is used), else when to try again.
    pub(crate) fn take(&self) -> Result<Ticket, Wait> {
        let now = monotonic();
        let mut slots = self.shared.lock();
        self.check_at(now, &mut slots)?;
        // A client without a limit does not use slots of the clients that share them.
        if !self.limit.interval.is_zero() {
            let after = |next: Instant| next.checked_add(self.limit.interval).unwrap_or(next + FAR);
            slots.next = slots.next.max(Some(now)).map(after);
        }
        let sent = Some(slots.quotas.send(now));
        Ok(Ticket { shared: self.shared.clone(), sent })
    }

    fn check_at(&self, now: Instant, slots: &mut Slots) -> Result<(), Wait> {
        slots.check_pause(now)?;
        let interval = self.limit.interval;
        slots.quotas.check(now, interval, self.longest_stop)?;
        if interval.is_zero() {
            return Ok(());
        }
        // The generic cell rate algorithm: a burst allows `next` to be later than now.
        let credit = interval.saturating_mul(self.limit.burst - 1);
        let due = slots.next.and_then(|next| next.checked_sub(credit));
        due.filter(|due| *due > now).map_or(Ok(()), |until| Err(Wait { until, paused: false }))
    }

    /// An error while a wait that a server asked for has not ended. Takes no slot.
    pub(crate) fn check_pause(&self) -> Result<(), Wait> {
        self.shared.lock().check_pause(monotonic())
    }

    /// Allows no request of any clone for this time.
    pub(crate) fn pause_for(&self, wait: Duration) {
        if let Some(until) = monotonic().checked_add(wait) {
            let mut slots = self.shared.lock();
            slots.paused_until = slots.paused_until.max(Some(until));
        }
    }

    /// Ends when an answer has arrived after this call.
    pub(crate) fn changed(&self) -> tokio::sync::futures::Notified<'_> {
        self.shared.changed.notified()
    }

    /// How many requests fit into all known quotas. `None` when none is known.
    pub(crate) fn left(&self) -> Option<u64> {
        self.shared.lock().quotas.left(monotonic())
    }
}

impl Slots {
    fn check_pause(&self, now: Instant) -> Result<(), Wait> {
        let until = self.paused_until.filter(|until| *until > now);
        until.map_or(Ok(()), |until| Err(Wait { until, paused: true }))
    }
}

/// A panic while the lock was held cannot make instants or entries invalid.
pub(super) fn unpoisoned<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
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
                Ok(ticket) => {
                    ticket.answered(&[]);
                    sent += 1;
                }
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

    fn for_host(limit: RateLimit, host: &str) -> Limiter {
        Limiter { shared: Shared::of_host(host), ..Limiter::new(limit) }
    }

    #[tokio::test(start_paused = true)]
    async fn limiters_of_one_host_share_slots_and_waits() {
        let slow = for_host(RateLimit::every(Duration::from_secs(4)), "limit.test:443");
        let quick = for_host(RateLimit::every(Duration::from_secs(1)), "limit.test:443");
        let other = for_host(RateLimit::every(Duration::from_secs(1)), "limit.test:444");
        assert!(slow.take().is_ok());
        assert_eq!(quick.take().unwrap_err().until - monotonic(), Duration::from_secs(4));
        assert!(other.take().is_ok(), "another port is another service");
        assert!(for_host(RateLimit::unlimited(), "limit.test:443").take().is_ok(), "it has no limit");
        drop((slow, quick));
        let new = for_host(RateLimit::every(Duration::from_secs(1)), "limit.test:443");
        assert!(new.take().is_err(), "a new client is limited by the requests of the dropped one");
        new.pause_for(Duration::from_secs(30));
        let later = for_host(RateLimit::unlimited(), "limit.test:443");
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
