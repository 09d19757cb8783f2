//! The settings of the simulator, and its start.

use std::io;
use std::time::Duration;

use secrecy::SecretString;

use super::access::Subscription;
use super::api::JobDataApi;
use super::data::{JobData, JobSettings, Order};
use super::record::RecordStyle;
use super::routes::JobService;
use crate::client::Clock;
use crate::client::setters;
use crate::testing::clock_setters::clock_setters;
use crate::testing::simulator::Simulator;
use crate::testing::throttle::Throttle;
use crate::testing::time::{Elapsed, fixed_clock};

/// Settings of a [`JobDataApi`].
#[derive(Debug)]
#[must_use = "it starts with `start`"]
pub struct Builder {
    jobs: JobSettings,
    port: u16,
    subscription: Subscription,
    api_key: SecretString,
    lite_ignores_slicing: bool,
    page_size: usize,
    throttle: Option<(usize, Duration)>,
    count_rejected: bool,
    throttle_clock: Option<Elapsed>,
    now: Option<Clock>,
}

impl JobDataApi {
    /// Settings with their defaults: 1,000 jobs of the last 120 days, [`Subscription::Access`], no throttle.
    pub fn builder() -> Builder {
        Builder {
            jobs: JobSettings {
                jobs: 1_000,
                days: 120,
                first_id: 10_001,
                order: Order::default(),
                agency: 0,
                style: RecordStyle { seed: 1, record_size: 1_200 },
            },
            port: 0,
            subscription: Subscription::default(),
            api_key: "simulated-key".into(),
            lite_ignores_slicing: false,
            page_size: 200,
            throttle: None,
            count_rejected: false,
            throttle_clock: None,
            now: None,
        }
    }
}

setters! { Builder {
    /// How many jobs there are at the start. Default 1,000.
    jobs(jobs: usize) => jobs.jobs = jobs;
    /// The seed of everything that is random. Default 1.
    seed(seed: u64) => jobs.style.seed = seed;
    /// All jobs of the start are published within this many days before `now` (0 counts as 1). Default 120.
    days(days: u32) => jobs.days = days;
    /// The lowest id. Default 10,001.
    first_id(first_id: u64) => jobs.first_id = first_id;
    /// The mean size of a job's record in bytes, reached by the length of its description, which has a minimum: sizes below
    /// about 1,000 all give the same records. Default 1,200.
    record_size(record_size: usize) => jobs.style.record_size = record_size;
    /// The order of the job list. Default [`Order::PublishedDesc`].
    order(order: Order) => jobs.order = order;
    /// Makes every `n`-th company a recruiting or staffing firm. Its jobs are listed only with `include_agencies=true`, which is
    /// inferred of the real service. Default 0: none.
    agencies(n: usize) => jobs.agency = n;
    /// The subscription of the key. Default [`Subscription::Access`].
    subscription(subscription: Subscription) => subscription = subscription;
    /// With [`Subscription::Lite`], whether slicing parameters are ignored instead of refused with status 403. Default:
    /// refused. What the real service does is not documented.
    lite_ignores_slicing(lite_ignores_slicing: bool) => lite_ignores_slicing = lite_ignores_slicing;
    /// Whether refused requests count for the throttle as well. Default: only in the default throttle of calls without a key.
    count_rejected(count_rejected: bool) => count_rejected = count_rejected;
    /// The port of 127.0.0.1 to listen on. Default 0: a free one.
    port(port: u16) => port = port;
    /// The key that is accepted, in the header `Authorization: Api-Key …` or the parameter `api_key`. Default `simulated-key`.
    api_key(key: impl Into<String>) => api_key = key.into().into();
    /// The page size of a request that names none (0 counts as 1). Default 200.
    default_page_size(rows: usize) => page_size = rows.max(1);
    /// Allows this many requests (0 counts as 1) in every window of length `per`, and replies to the others with status 429 and
    /// `Retry-After`. Default: no limit with a key, and 10 in an hour without one.
    throttle(requests: usize, per: Duration) => throttle = Some((requests, per));
} }

clock_setters!(Builder);

impl Builder {
    /// Makes the data and starts the server on the tokio runtime of the caller.
    ///
    /// # Errors
    ///
    /// When the port cannot be bound.
    pub async fn start(self) -> io::Result<JobDataApi> {
        let clock = self.throttle_clock.unwrap_or_else(Elapsed::monotonic);
        let throttle = |(requests, per), count_rejected| {
            Throttle::with_clock(requests, per, clock.clone()).count_rejected(count_rejected)
        };
        let given = self.throttle.map(|limit| throttle(limit, self.count_rejected));
        let (with_key, without_key) = match self.subscription {
            Subscription::Anonymous => (None, given),
            _ => (given, None),
        };
        let service = JobService {
            data: JobData::new(&self.jobs, self.now.unwrap_or_else(fixed_clock)),
            subscription: self.subscription,
            api_key: self.api_key.clone(),
            lite_ignores_slicing: self.lite_ignores_slicing,
            default_page_size: self.page_size,
            throttle: with_key,
            anonymous_throttle: without_key.unwrap_or_else(|| throttle((10, Duration::from_secs(3_600)), true)),
        };
        Ok(JobDataApi { simulator: Simulator::start_on(self.port, service).await?, api_key: self.api_key })
    }
}
