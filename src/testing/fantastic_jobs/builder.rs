//! The settings of the simulator, and its start.

use std::io;

use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;

use super::api::FantasticJobs;
use super::data::{FeedData, Feeds, SimulatedTime};
use super::service::{FantasticService, Subscription};
use crate::client::setters;
use crate::testing::simulator::Simulator;
use crate::testing::time::fixed_clock;

/// Settings of a [`FantasticJobs`].
#[derive(Debug)]
#[must_use = "it starts with `start`"]
pub struct Builder {
    rows_per_hour: u32,
    history: SignedDuration,
    seed: u64,
    expires_within: Option<SignedDuration>,
    long_day: bool,
    subscription: Subscription,
    api_key: SecretString,
    jobs_quota: u64,
    requests_quota: u64,
    now: Option<Timestamp>,
    port: u16,
}

impl FantasticJobs {
    /// Settings with their defaults: 30 rows an hour in each feed, a history of 10 days, [`Subscription::Pro`].
    pub fn builder() -> Builder {
        Builder {
            rows_per_hour: 30,
            history: SignedDuration::from_hours(10 * 24),
            seed: 1,
            expires_within: None,
            long_day: false,
            subscription: Subscription::default(),
            api_key: "simulated-key".into(),
            jobs_quota: 100_000_000,
            requests_quota: 100_000_000,
            now: None,
            port: 0,
        }
    }
}

setters! { Builder {
    /// Rows that each feed indexes in each hour. Default 30.
    rows_per_hour(rows_per_hour: u32) => rows_per_hour = rows_per_hour;
    /// How long before the start the oldest rows were indexed. Default 10 days.
    history(history: SignedDuration) => history = history;
    /// The seed of everything that is random. Default 1.
    seed(seed: u64) => seed = seed;
    /// Whether `24h` covers 25 hours: the vendor's text and its example differ. Default: 24.
    long_day(long_day: bool) => long_day = long_day;
    /// The subscription of the key. Default [`Subscription::Pro`].
    subscription(subscription: Subscription) => subscription = subscription;
    /// The port of 127.0.0.1 to listen on. Default 0: a free one.
    port(port: u16) => port = port;
    /// Lets about a third of the rows expire, at a random time within this span. Default: no row expires by itself.
    expires_within(span: SignedDuration) => expires_within = Some(span);
    /// The key that is accepted, as `Authorization: Bearer …`. Default `simulated-key`.
    api_key(key: impl Into<String>) => api_key = key.into().into();
    /// The simulated time at the start. Default: the time of the start; it moves with [`FantasticJobs::advance`] only.
    now(now: Timestamp) => now = Some(now);
} }

impl Builder {
    /// The jobs and requests of the billing period. More requests get status 429; more jobs are served and billed. Default:
    /// 100 million of each.
    pub fn quotas(mut self, jobs: u64, requests: u64) -> Self {
        (self.jobs_quota, self.requests_quota) = (jobs, requests);
        self
    }

    /// Makes the data and starts the server on the tokio runtime of the caller.
    ///
    /// # Errors
    ///
    /// When the port cannot be bound.
    pub async fn start(self) -> io::Result<FantasticJobs> {
        let start = self.now.unwrap_or_else(|| fixed_clock().now());
        let time = SimulatedTime::new(start);
        let feed = |salt: u64| {
            let begin = start.checked_sub(self.history).unwrap_or(Timestamp::MIN);
            FeedData::new(self.seed.wrapping_mul(31).wrapping_add(salt), self.rows_per_hour, self.expires_within, begin)
        };
        let service = FantasticService {
            feeds: Feeds { ats: feed(1), jb: feed(2), time: time.clone(), jobs_billed: 0 },
            long_day: self.long_day,
            subscription: self.subscription,
            api_key: self.api_key.clone(),
            jobs_quota: self.jobs_quota,
            requests_quota: self.requests_quota,
            requests: 0,
        };
        Ok(FantasticJobs { simulator: Simulator::start_on(self.port, service).await?, time, api_key: self.api_key })
    }
}
