//! The rate buckets of a key, for services that count requests by endpoint or by customer, and who shares them.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::{Arc, LazyLock, Mutex, Weak};
use std::time::Duration;

use secrecy::ExposeSecret;

use super::credentials::Credentials;
use super::quota::Wait;
use super::rate_limit::{Limiter, RateLimit, Shared, Ticket, unpoisoned};
use crate::error::WaitScope;

/// At this number of buckets, those without effect are removed before another one is added.
const MAX_BUCKETS: usize = 1_000;

/// The limiter that all requests with one key share, and one for each bucket that a request names.
///
/// Each bucket has the client's rate limit, except those with a rate of their own. A wait that the server asks for in one bucket does not
/// delay the others.
#[derive(Debug)]
pub(crate) struct RateBuckets {
    limit: RateLimit,
    longest_stop: Option<Duration>,
    /// The rates of buckets that differ from `limit`.
    own_limits: &'static [(&'static str, RateLimit)],
    shared: Mutex<Arc<SharedBuckets>>,
}

/// The states of the buckets of one key, shared by the clients that use it.
#[derive(Debug, Default)]
pub(crate) struct SharedBuckets {
    common: Arc<Shared>,
    named: Mutex<HashMap<String, Arc<Shared>>>,
}

/// The buckets by origin and by a hash of the credentials. The hash has a random key for each process, so that nothing about a
/// credential can be read from it. The clients own the buckets, so that this does not grow with keys that are no longer used.
type ByKey = HashMap<(String, u64), Weak<SharedBuckets>>;
static BY_KEY: LazyLock<(RandomState, Mutex<ByKey>)> = LazyLock::new(Default::default);

impl SharedBuckets {
    /// The buckets that all clients of this host share, except those with a name.
    pub(crate) fn of_host(host: &str) -> Arc<Self> {
        Arc::new(Self { common: Shared::of_host(host), named: Mutex::default() })
    }

    /// The buckets that all clients with these credentials share.
    pub(crate) fn of_key(origin: String, credentials: &Credentials) -> Arc<Self> {
        let (hasher, by_key) = &*BY_KEY;
        let headers = credentials.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
        let secrets = credentials.secrets().iter().map(ExposeSecret::expose_secret);
        let key = (origin, hasher.hash_one((headers.collect::<Vec<_>>(), secrets.collect::<Vec<_>>())));
        let mut by_key = unpoisoned(by_key);
        if let Some(known) = by_key.get(&key).and_then(Weak::upgrade) {
            return known;
        }
        by_key.retain(|_, buckets| buckets.strong_count() > 0);
        let new = Arc::default();
        by_key.insert(key, Arc::downgrade(&new));
        new
    }
}

impl RateBuckets {
    /// Buckets with this rate. `longest_stop` is that of [`Limiter`].
    pub(crate) fn new(
        limit: RateLimit,
        own_limits: &'static [(&'static str, RateLimit)],
        longest_stop: Option<Duration>,
        shared: Arc<SharedBuckets>,
    ) -> Self {
        Self { limit, longest_stop, own_limits, shared: Mutex::new(shared) }
    }

    /// Replaces the buckets by those of another key.
    pub(crate) fn share(&self, shared: Arc<SharedBuckets>) {
        *unpoisoned(&self.shared) = shared;
    }

    /// The limiter that requests without a bucket share.
    fn common(&self) -> Limiter {
        let shared = unpoisoned(&self.shared).common.clone();
        Limiter { limit: self.limit, longest_stop: self.longest_stop, shared }
    }

    /// The limiter of a bucket.
    pub(crate) fn of(&self, bucket: Option<&str>) -> Limiter {
        let Some(name) = bucket else { return self.common() };
        let buckets = unpoisoned(&self.shared).clone();
        let mut named = unpoisoned(&buckets.named);
        if !named.contains_key(name) && named.len() >= MAX_BUCKETS {
            named.retain(|_, shared| !shared.has_no_effect());
        }
        let own = self.own_limits.iter().find(|(bucket, _)| *bucket == name).map(|(_, limit)| *limit);
        let shared = named.entry(name.to_owned()).or_default().clone();
        Limiter { limit: own.unwrap_or(self.limit), longest_stop: self.longest_stop, shared }
    }

    /// Whether a request may be sent now, as [`Limiter::check`]. While the whole client is paused, so is every bucket.
    pub(crate) fn check(&self, bucket: Option<&str>) -> Result<(), Wait> {
        self.common().check_pause()?;
        self.of(bucket).check()
    }

    /// Takes the next slot, as [`Limiter::take`].
    pub(crate) fn take(&self, bucket: Option<&str>) -> Result<Ticket, Wait> {
        self.common().check_pause()?;
        self.of(bucket).take()
    }

    /// Pauses a bucket, or the whole client.
    pub(crate) fn pause_for(&self, bucket: Option<&str>, scope: WaitScope, wait: Duration) {
        match (bucket, scope) {
            (Some(_), WaitScope::Bucket) => self.of(bucket).pause_for(wait),
            _ => self.common().pause_for(wait),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::clock::{monotonic, sleep_until};

    #[tokio::test(start_paused = true)]
    async fn a_paused_bucket_does_not_pause_others_and_a_paused_client_pauses_all() {
        let limit = RateLimit::every(Duration::from_secs(2));
        let buckets = RateBuckets::new(limit, &[], None, Arc::default());
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
        let buckets = RateBuckets::new(RateLimit::every(Duration::from_secs(1)), &[], None, Arc::default());
        buckets.pause_for(Some("kept"), WaitScope::Bucket, Duration::from_secs(600));
        for index in 0..MAX_BUCKETS - 1 {
            assert!(buckets.take(Some(&index.to_string())).is_ok());
        }
        sleep_until(monotonic() + Duration::from_secs(5)).await;
        assert!(buckets.take(Some("one more")).is_ok());
        assert_eq!(buckets.shared.lock().unwrap().named.lock().unwrap().len(), 2);
        assert!(buckets.take(Some("kept")).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn clients_with_one_key_share_its_buckets_until_the_last_one_is_gone() {
        let of = |origin: &str, key: &str| {
            let shared = SharedBuckets::of_key(origin.to_owned(), &Credentials::bearer(key).unwrap());
            RateBuckets::new(RateLimit::every(Duration::from_secs(1)), &[], None, shared)
        };
        let first = of("http://shared.test", "one");
        assert!(first.take(None).is_ok());
        assert!(first.take(Some("a")).is_ok());
        let same = of("http://shared.test", "one");
        assert!(same.take(None).is_err() && same.take(Some("a")).is_err());
        assert!(of("http://shared.test", "two").take(None).is_ok(), "another key");
        assert!(of("http://other.test", "one").take(None).is_ok(), "another origin");
        let shown = format!("{:?}", BY_KEY.1.lock().unwrap());
        assert!(!shown.contains("one"), "{shown}");
        drop((first, same));
        assert!(of("http://shared.test", "one").take(None).is_ok());
        let gone = |buckets: &Weak<SharedBuckets>| buckets.strong_count() == 0;
        assert!(BY_KEY.1.lock().unwrap().values().filter(|buckets| gone(buckets)).count() <= 1, "no entry stays");
    }
}
