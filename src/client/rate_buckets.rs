//! The rate buckets of one client, for services that count requests by endpoint or by customer.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::rate_limit::{Limiter, RateLimit, Wait};
use crate::error::WaitScope;

/// At this number of buckets, those without effect are removed before another one is added.
const MAX_BUCKETS: usize = 1_000;

/// The limiter that all requests share, and one for each bucket that a request names.
///
/// Each bucket has the client's rate limit, except those with a rate of their own. A wait that the server asks for in one bucket does not delay the others.
#[derive(Debug)]
pub(crate) struct RateBuckets {
    common: Limiter,
    limit: RateLimit,
    /// The rates of buckets that differ from `limit`.
    own_limits: &'static [(&'static str, RateLimit)],
    named: Mutex<HashMap<String, Limiter>>,
}

impl RateBuckets {
    pub(crate) fn new(common: Limiter, limit: RateLimit, own_limits: &'static [(&'static str, RateLimit)]) -> Self {
        Self { common, limit, own_limits, named: Mutex::default() }
    }

    /// The limiter of a bucket.
    pub(crate) fn of(&self, bucket: Option<&str>) -> Limiter {
        bucket.map_or_else(|| self.common.clone(), |name| self.named(name, Limiter::clone))
    }

    /// Takes the next slot, as [`Limiter::take`]. While the whole client is paused, so is every bucket.
    pub(crate) fn take(&self, bucket: Option<&str>) -> Result<(), Wait> {
        let Some(name) = bucket else { return self.common.take() };
        self.common.check_pause()?;
        self.named(name, Limiter::take)
    }

    /// Pauses a bucket, or the whole client.
    pub(crate) fn pause_for(&self, bucket: Option<&str>, scope: WaitScope, wait: Duration) {
        match (bucket, scope) {
            (Some(name), WaitScope::Bucket) => self.named(name, |limiter| limiter.pause_for(wait)),
            _ => self.common.pause_for(wait),
        }
    }

    fn named<R>(&self, name: &str, act: impl FnOnce(&Limiter) -> R) -> R {
        // A panic while the lock was held cannot make the map invalid.
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        if !named.contains_key(name) && named.len() >= MAX_BUCKETS {
            named.retain(|_, limiter| !limiter.has_no_effect());
        }
        let own = self.own_limits.iter().find(|(bucket, _)| *bucket == name).map(|(_, limit)| *limit);
        act(named.entry(name.to_owned()).or_insert_with(|| Limiter::new(own.unwrap_or(self.limit))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::clock::{monotonic, sleep_until};

    #[tokio::test(start_paused = true)]
    async fn a_paused_bucket_does_not_pause_others_and_a_paused_client_pauses_all() {
        let limit = RateLimit::every(Duration::from_secs(2));
        let buckets = RateBuckets::new(Limiter::new(limit), limit, &[]);
        buckets.pause_for(Some("a"), WaitScope::Bucket, Duration::from_secs(30));
        assert!(buckets.take(Some("a")).unwrap_err().paused);
        assert!(buckets.take(Some("b")).is_ok());
        assert!(!buckets.take(Some("b")).unwrap_err().paused, "each bucket has the rate limit");
        assert!(buckets.take(None).is_ok());
        buckets.pause_for(Some("a"), WaitScope::Client, Duration::from_secs(60));
        for bucket in [Some("a"), Some("b"), None] {
            let wait = buckets.take(bucket).unwrap_err();
            assert_eq!((wait.paused, wait.until - monotonic()), (true, Duration::from_secs(60)));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn buckets_without_effect_are_removed() {
        let buckets =
            RateBuckets::new(Limiter::new(RateLimit::unlimited()), RateLimit::every(Duration::from_secs(1)), &[]);
        buckets.pause_for(Some("kept"), WaitScope::Bucket, Duration::from_secs(600));
        for index in 0..MAX_BUCKETS - 1 {
            assert!(buckets.take(Some(&index.to_string())).is_ok());
        }
        sleep_until(monotonic() + Duration::from_secs(5)).await;
        assert!(buckets.take(Some("one more")).is_ok());
        assert_eq!(buckets.named.lock().unwrap().len(), 2);
        assert!(buckets.take(Some("kept")).is_err());
    }
}
