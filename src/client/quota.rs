//! The quotas of a server: what remains of them, and when the next request fits into all of them.
//!
//! A [`Quota`] is what one answer tells. [`KnownQuotas`] keeps the last one of each policy, with the requests whose answers are still
//! to come: several may be under way, and their answers arrive in any order.

use std::time::Duration;

use tokio::time::Instant;

/// Two instants of a reset that differ by less are those of the same window: most servers tell it in whole seconds.
const TOLERANCE: Duration = Duration::from_millis(1_500);
/// The longest time after a reset in which requests go alone because the new quota is not known yet.
const LONGEST_FIRST: Duration = Duration::from_secs(5);
/// The most policies of one server that are kept.
const MAX_POLICIES: usize = 16;

/// How many requests a server still accepts before the quota is full again, as one of its answers tells.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Quota {
    /// The name of the policy, for servers with several quotas. Default: empty.
    pub policy: String,
    /// How many requests the whole quota has. Default: unknown.
    pub limit: Option<u64>,
    /// How many requests remain.
    pub remaining: u64,
    /// The time until the quota is full again.
    pub resets_in: Duration,
}

impl Quota {
    /// A quota of which `remaining` requests are left until it is full again after `resets_in`.
    pub fn new(remaining: u64, resets_in: Duration) -> Self {
        Self { policy: String::new(), limit: None, remaining, resets_in }
    }

    /// Sets the number of requests that the whole quota has.
    #[must_use]
    pub fn limit(mut self, limit: u64) -> Self {
        self.limit = Some(limit);
        self
    }

    /// How long no request is allowed, when nothing remains.
    pub(super) fn wait(&self) -> Option<Duration> {
        (self.remaining == 0).then_some(self.resets_in)
    }
}

/// Why a request may not be sent yet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wait {
    pub(crate) until: Instant,
    /// Whether a server asked to wait; otherwise it is the rate limit.
    pub(crate) paused: bool,
}

/// A request that was let out and has no answer yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sent {
    /// Its number, from 1.
    number: u64,
    /// Whether no other request was under way when it was sent.
    first: bool,
}

/// How the wait for the head of an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// The server answered.
    Answered,
    /// No answer came. The server may have counted the request.
    Unanswered,
    /// The request did not reach this server.
    NotSent,
}

/// The quotas of one rate bucket.
#[derive(Debug, Default)]
pub(super) struct KnownQuotas {
    windows: Vec<Window>,
    /// Requests that were let out so far.
    sent: u64,
    /// Those of them without an answer.
    under_way: u64,
    last_sent: Option<Instant>,
}

/// The present window of one policy.
#[derive(Debug)]
struct Window {
    policy: String,
    limit: u64,
    /// The lowest number that an answer of this window told. Requests under way may not be counted in it.
    remaining: u64,
    reset: Instant,
    /// The number of requests that were sent when the reset was noticed. `None` before the reset.
    fresh_since: Option<u64>,
}

impl KnownQuotas {
    /// Whether a request may be sent now. With `longest_stop` the rest of a quota is spread over the time to its reset, when sending
    /// it at the rate of `interval` would be followed by a stop of at most this time.
    pub(super) fn check(
        &mut self,
        now: Instant,
        interval: Duration,
        longest_stop: Option<Duration>,
    ) -> Result<(), Wait> {
        self.windows.retain(|window| now < window.reset + LONGEST_FIRST);
        for window in &mut self.windows {
            if now >= window.reset {
                window.fresh_since.get_or_insert(self.sent);
            }
        }
        let waits = self.windows.iter().filter_map(|window| self.wait(window, now, interval, longest_stop));
        // A wait for a server counts more than the spacing of requests; of two, the longer one.
        waits.max_by_key(|wait| (wait.paused, wait.until)).map_or(Ok(()), Err)
    }

    fn wait(&self, window: &Window, now: Instant, interval: Duration, longest_stop: Option<Duration>) -> Option<Wait> {
        let unpaused = |until| Some(Wait { until, paused: false });
        if window.fresh_since.is_some() {
            // The new quota may be smaller than the last one, so the first request of a window goes alone.
            return if self.under_way > 0 { unpaused(window.reset + LONGEST_FIRST) } else { None };
        }
        let available = window.remaining.saturating_sub(self.under_way);
        if available == 0 {
            // An answer that is still to come may show that its request was counted already.
            return Some(Wait { until: window.reset, paused: self.under_way == 0 });
        }
        let (last, longest_stop) = (self.last_sent?, longest_stop?);
        let requests = u32::try_from(available).ok().filter(|requests| u64::from(*requests) <= window.limit / 2)?;
        let stop = window.reset.duration_since(now).saturating_sub(interval.saturating_mul(requests));
        if stop.is_zero() || stop > longest_stop {
            return None;
        }
        // The last request comes well before the reset, which the server tells in whole seconds.
        let span = window.reset.saturating_duration_since(last);
        let span = span.saturating_sub((span / 10).min(Duration::from_secs(1)));
        let due = last + span / requests.saturating_add(1);
        if due > now { unpaused(due) } else { None }
    }

    /// Counts a request that is sent now.
    pub(super) fn send(&mut self, now: Instant) -> Sent {
        self.sent += 1;
        self.under_way += 1;
        self.last_sent = Some(now);
        Sent { number: self.sent, first: self.under_way == 1 }
    }

    /// Counts the end of a request, and takes what its answer tells.
    pub(super) fn end(&mut self, request: Sent, ended: Ended, quotas: &[Quota], now: Instant) {
        self.under_way = self.under_way.saturating_sub(1);
        let alone = request.first && request.number == self.sent;
        match ended {
            Ended::NotSent => {}
            Ended::Unanswered => {
                for window in &mut self.windows {
                    window.remaining = window.remaining.saturating_sub(1);
                }
            }
            Ended::Answered => {
                if alone {
                    // The server no longer tells these.
                    self.windows.retain(|window| {
                        window.fresh_since.is_none() || quotas.iter().any(|quota| quota.policy == window.policy)
                    });
                }
                for quota in quotas {
                    self.learn(request, alone, quota, now);
                }
            }
        }
    }

    fn learn(&mut self, request: Sent, alone: bool, quota: &Quota, now: Instant) {
        let Some(reset) = now.checked_add(quota.resets_in).filter(|reset| *reset > now) else { return };
        let told = |limit: u64| Window {
            policy: quota.policy.clone(),
            limit: quota.limit.unwrap_or(limit).max(quota.remaining),
            remaining: quota.remaining,
            reset,
            fresh_since: None,
        };
        let Some(window) = self.windows.iter_mut().find(|window| window.policy == quota.policy) else {
            if self.windows.len() < MAX_POLICIES {
                self.windows.push(told(quota.remaining.saturating_add(1)));
            }
            return;
        };
        let later = reset > window.reset + TOLERANCE;
        let same = !later && reset + TOLERANCE > window.reset;
        let first_of_window = window.fresh_since.is_some_and(|sent| request.number > sent);
        if later || first_of_window || (alone && !same) {
            *window = told(window.limit);
        } else if same && window.fresh_since.is_none() {
            // Answers arrive in any order: the lowest number is of the request that the server counted last. A request that was alone
            // tells the exact number.
            window.remaining = if alone { quota.remaining } else { quota.remaining.min(window.remaining) };
            window.reset = window.reset.min(reset);
        }
        // Otherwise the answer is of a window that is over.
    }

    /// How many more requests fit into all known quotas; `None` when no quota is known.
    pub(super) fn left(&self, now: Instant) -> Option<u64> {
        let known = self.windows.iter().filter(|window| window.reset > now);
        known.map(|window| window.remaining.saturating_sub(self.under_way)).min()
    }

    /// Whether nothing is known that could delay a request.
    pub(super) fn has_no_effect(&self, now: Instant) -> bool {
        self.under_way == 0 && self.windows.iter().all(|window| window.reset + LONGEST_FIRST <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::clock::monotonic;

    const SECOND: Duration = Duration::from_secs(1);

    fn quota(remaining: u64, seconds: u64) -> Vec<Quota> {
        vec![Quota::new(remaining, Duration::from_secs(seconds)).limit(60)]
    }

    #[tokio::test(start_paused = true)]
    async fn answers_in_any_order_leave_the_lowest_number_and_requests_under_way_count() {
        let (mut known, now) = (KnownQuotas::default(), monotonic());
        let sent: Vec<Sent> = (0..4).map(|_| known.send(now)).collect();
        known.end(sent[1], Ended::Answered, &quota(50, 60), now);
        known.end(sent[3], Ended::Answered, &quota(48, 60), now);
        assert_eq!(known.left(now), Some(46), "two are under way and may not be counted");
        known.end(sent[0], Ended::Answered, &quota(51, 60), now);
        known.end(sent[2], Ended::Answered, &quota(49, 60), now);
        assert_eq!(known.left(now), Some(48));
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_request_after_a_reset_goes_alone() {
        let (mut known, start) = (KnownQuotas::default(), monotonic());
        let first = known.send(start);
        known.end(first, Ended::Answered, &quota(40, 10), start);
        let now = start + 11 * SECOND;
        assert!(known.check(now, Duration::ZERO, None).is_ok());
        let first = known.send(now);
        assert!(!known.check(now, Duration::ZERO, None).unwrap_err().paused);
        known.end(first, Ended::Answered, &quota(2, 10), now);
        assert_eq!(known.left(now), Some(2), "the new quota is smaller");
        assert!(known.check(now, Duration::ZERO, None).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_late_answer_of_the_window_before_changes_nothing() {
        let (mut known, start) = (KnownQuotas::default(), monotonic());
        let (late, other) = (known.send(start), known.send(start));
        known.end(other, Ended::Answered, &quota(1, 10), start);
        let now = start + 11 * SECOND;
        let next = known.send(now);
        known.end(next, Ended::Answered, &quota(59, 60), now);
        known.end(late, Ended::Answered, &quota(0, 1), now);
        assert_eq!(known.left(now), Some(59));
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_without_an_answer_may_have_been_counted_and_one_that_was_not_sent_was_not() {
        let (mut known, now) = (KnownQuotas::default(), monotonic());
        for (ended, left) in [(Ended::Answered, 5), (Ended::Unanswered, 4), (Ended::NotSent, 4)] {
            let request = known.send(now);
            known.end(request, ended, &quota(5, 60), now);
            assert_eq!(known.left(now), Some(left), "{ended:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_rest_is_spread_only_when_half_is_used_and_the_stop_would_be_short() {
        let wait = |remaining, seconds, longest_stop| {
            let (mut known, now) = (KnownQuotas::default(), monotonic());
            let request = known.send(now);
            known.end(request, Ended::Answered, &quota(remaining, seconds), now);
            known.check(now, SECOND / 10, longest_stop).err().map(|wait| wait.until - now)
        };
        let cap = Some(120 * SECOND);
        assert_eq!(wait(31, 60, cap), None, "more than half is left");
        assert_eq!(wait(29, 61, cap), Some(2 * SECOND), "29 requests in 60 s, and a second for what the server rounds");
        assert_eq!(wait(29, 3_600, cap), None, "the end of the hour is not waited for");
        assert_eq!(wait(29, 2, cap), None, "the rate is slower anyway");
        assert_eq!(wait(29, 61, None), None, "switched off");
        assert_eq!(wait(0, 61, None), Some(61 * SECOND));
    }
}
