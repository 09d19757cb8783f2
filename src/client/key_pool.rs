//! The keys of a client, each with its limits, and which of them the next attempt uses.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::credential_cache::CredentialCache;
use super::quota::Wait;
use super::rate_buckets::RateBuckets;
use super::rate_limit::{Limiter, Ticket};

/// One key of a client.
pub(crate) struct Key {
    pub(crate) credentials: Arc<CredentialCache>,
    pub(crate) limits: RateBuckets,
    used: AtomicU64,
}

/// All keys of a client: one, or those of its pool.
pub(crate) struct KeyPool {
    first: Key,
    others: Vec<Key>,
}

impl Key {
    pub(crate) fn new(credentials: CredentialCache, limits: RateBuckets) -> Self {
        Self { credentials: Arc::new(credentials), limits, used: AtomicU64::new(0) }
    }
}

impl KeyPool {
    pub(crate) fn new(first: Key, others: Vec<Key>) -> Self {
        Self { first, others }
    }

    /// Whether there are several keys.
    pub(crate) fn is_pool(&self) -> bool {
        !self.others.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        1 + self.others.len()
    }

    /// The key with this index, from 0. Without a pool the only one.
    pub(crate) fn key(&self, index: Option<usize>) -> &Key {
        index.and_then(|index| index.checked_sub(1)).and_then(|index| self.others.get(index)).unwrap_or(&self.first)
    }

    /// All keys, in their order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Key> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// A link without the query parameters of any key in use; `None` when it has none of them.
    pub(crate) fn removed_from(&self, link: &str) -> Option<String> {
        self.iter()
            .fold(None, |removed, key| key.credentials.removed_from(removed.as_deref().unwrap_or(link)).or(removed))
    }

    /// The limiters of a bucket, one for each key.
    pub(crate) fn limiters(&self, bucket: Option<&str>) -> Vec<Limiter> {
        self.iter().map(|key| key.limits.of(bucket)).collect()
    }

    /// The index of the key to use now: of those that may be used, one whose quota is not known yet, else the one with the most requests
    /// left; of equal ones, the one that was used least. When none may be used: the time of the first one that may, as paused when
    /// all are.
    pub(crate) fn best(&self, bucket: Option<&str>) -> Result<usize, Wait> {
        let mut best = None;
        let mut earliest: Option<Wait> = None;
        for (index, key) in self.iter().enumerate() {
            match key.limits.check(bucket) {
                Ok(()) => {
                    let left = key.limits.of(bucket).left().unwrap_or(u64::MAX);
                    let rank = (left, u64::MAX - key.used.load(Ordering::Relaxed));
                    if best.is_none_or(|(other, _)| rank > other) {
                        best = Some((rank, index));
                    }
                }
                Err(wait) => {
                    earliest = Some(earliest.map_or(wait, |other| Wait {
                        until: other.until.min(wait.until),
                        paused: other.paused && wait.paused,
                    }));
                }
            }
        }
        match (best, earliest) {
            (None, Some(wait)) => Err(wait),
            (best, _) => Ok(best.map_or(0, |(_, index)| index)),
        }
    }

    /// Takes the next slot of the best key.
    pub(crate) fn take(&self, bucket: Option<&str>) -> Result<(usize, Ticket), Wait> {
        let index = self.best(bucket)?;
        let key = self.key(Some(index));
        let ticket = key.limits.take(bucket)?;
        key.used.fetch_add(1, Ordering::Relaxed);
        Ok((index, ticket))
    }
}

impl fmt::Debug for KeyPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_pool() {
            return f.debug_list().entries(self.iter().map(|key| &key.credentials)).finish();
        }
        fmt::Debug::fmt(&self.first.credentials, f)
    }
}
