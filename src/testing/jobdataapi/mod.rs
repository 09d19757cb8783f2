//! A simulated jobdataapi.com.
//!
//! The behaviour follows the vendor's documentation, and Django REST framework where that is silent. See [`JobDataApi`].

mod catalog;
mod data;
mod filter;
mod lists;
mod names;
mod page;
mod query;
mod record;
mod routes;

use std::time::Duration;
use std::{fmt, io};

use jiff::Timestamp;
use jiff::civil::Date;
use url::Url;

pub use self::data::{Insert, JobData, Order};
use self::record::Style;
use self::routes::JobService;
use super::fault::{Fault, When};
use super::served::Served;
use super::server::Server;
use super::throttle::Throttle;
use super::time;

/// The plan of the API key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Plan {
    /// No key: 20 rows of the list, whatever `page` and `page_size` say, and about 10 requests an hour.
    Anonymous,
    /// No slicing parameters, only the window of the last 90 days.
    Lite,
    /// Everything that does not need [`Plan::Pro`].
    #[default]
    Access,
    /// Expired jobs, the list of companies, tags, `description` and `company_source_id` as well.
    Pro,
    /// As [`Plan::Pro`].
    Ultra,
}

/// A jobdataapi.com on loopback: all its endpoints over data of its own that can change while a client pages.
///
/// * Jobs are made from the seed: the same builder settings give the same records, byte for byte. Ids grow with insertion and
///   have gaps; `published` lies hours to weeks before insertion; texts, nulls and absent members vary as they do in real life.
/// * A call without the right key gets status 403, except on [`Plan::Anonymous`] and for the public reference lists.
/// * Unknown parameters are ignored, wrong values get status 400, a page past the end 404, a `page_size` over 5000 counts as 5000.
/// * It stops when it is dropped.
///
/// ```
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// use jobfeed::testing::{Fault, When};
/// use jobfeed::testing::jobdataapi::{Insert, JobDataApi, Order};
///
/// let api = JobDataApi::builder().jobs(1_000).order(Order::Shuffled).start().await?;
/// api.fault(Fault::CutBody, When::Request(2));
/// api.before_request(3, |data| {
///     let ids = data.ids();
///     data.delete(&ids[..10]);
///     data.insert(10, Insert::Old { days: 200 });
/// });
/// // … let a client walk through `api.base_url()` with `api.api_key()`, then compare with `api.ids()` and `api.served()`.
/// assert_eq!(api.served().requests, 0);
/// # Ok(())
/// # }
/// # tokio::runtime::Runtime::new().unwrap().block_on(run()).unwrap();
/// ```
pub struct JobDataApi {
    server: Server<JobService>,
    base_url: Url,
    api_key: String,
}

impl JobDataApi {
    /// Settings with their defaults: 1,000 jobs of the last 120 days, plan access, no throttle.
    pub fn builder() -> Builder {
        Builder {
            plan: data::Plan {
                jobs: 1_000,
                days: 120,
                first_id: 10_001,
                order: Order::default(),
                style: Style { seed: 1, record_size: 1_200 },
            },
            port: 0,
            access: Plan::default(),
            api_key: "simulated-key".to_owned(),
            lite_ignores_slicing: false,
            page_size: 200,
            throttle: None,
            count_rejected: false,
            throttle_clock: None,
            now: None,
        }
    }

    /// Where it listens: `http://127.0.0.1:<port>/api/`.
    pub fn base_url(&self) -> Url {
        self.base_url.clone()
    }

    /// The key that it accepts.
    pub fn api_key(&self) -> &str {
        &self.api_key
    }

    /// Reads or changes the data between two requests.
    pub fn with<R>(&self, act: impl FnOnce(&mut JobData) -> R) -> R {
        self.server.with(|service| act(&mut service.data))
    }

    /// Adds jobs under new ids, and returns the ids. See [`JobData::insert`].
    pub fn insert(&self, n: usize, insert: Insert) -> Vec<u64> {
        self.with(|data| data.insert(n, insert))
    }

    /// Removes jobs, and returns how many were there.
    pub fn delete(&self, ids: &[u64]) -> usize {
        self.with(|data| data.delete(ids))
    }

    /// Lets jobs expire now, and returns how many were there. See [`JobData::expire`].
    pub fn expire(&self, ids: &[u64]) -> usize {
        self.with(|data| data.expire(ids))
    }

    /// All ids, the lowest first.
    pub fn ids(&self) -> Vec<u64> {
        self.with(|data| data.ids())
    }

    /// The ids of the jobs published on these days (UTC), both included, the lowest first.
    pub fn ids_published_between(&self, since: Date, until: Date) -> Vec<u64> {
        self.with(|data| data.ids_published_between(since, until))
    }

    /// The record of a job, exactly as it is served.
    pub fn record(&self, id: u64) -> Option<String> {
        self.with(|data| data.record(id))
    }

    /// What was served so far.
    pub fn served(&self) -> Served {
        self.server.served()
    }

    /// Starts counting what is served afresh. The numbers of the list requests go on.
    pub fn reset_served(&self) {
        self.server.reset_served();
    }

    /// Switches a fault on. See [`Fault`] and [`When`].
    pub fn fault(&self, fault: Fault, when: When) {
        self.server.fault(fault, when);
    }

    /// Switches all faults off.
    pub fn clear_faults(&self) {
        self.server.clear_faults();
    }

    /// Changes the data once, when the `n`-th list request (from 1) has come and before it is answered.
    ///
    /// `act` must not call this `JobDataApi`: it is locked meanwhile.
    pub fn before_request(&self, n: u64, act: impl FnOnce(&mut JobData) + Send + 'static) {
        self.server.before_request(n, |service| act(&mut service.data));
    }

    /// Changes the data before every list request is answered; `act` gets the number of the request, from 1.
    ///
    /// `act` must not call this `JobDataApi`: it is locked meanwhile.
    pub fn on_request(&self, mut act: impl FnMut(u64, &mut JobData) + Send + 'static) {
        self.server.on_request(move |number, service| act(number, &mut service.data));
    }
}

impl fmt::Debug for JobDataApi {
    /// Leaves out the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobDataApi").field("base_url", &self.base_url.as_str()).finish_non_exhaustive()
    }
}

/// Settings of a [`JobDataApi`].
#[must_use = "it starts with `start`"]
pub struct Builder {
    plan: data::Plan,
    port: u16,
    access: Plan,
    api_key: String,
    lite_ignores_slicing: bool,
    page_size: usize,
    throttle: Option<(usize, Duration)>,
    count_rejected: bool,
    throttle_clock: Option<Box<dyn Fn() -> Duration + Send>>,
    now: Option<Box<dyn Fn() -> Timestamp + Send>>,
}

impl Builder {
    /// How many jobs there are at the start. Default 1,000.
    pub fn jobs(mut self, jobs: usize) -> Self {
        self.plan.jobs = jobs;
        self
    }

    /// The seed of everything that is random. Default 1.
    pub fn seed(mut self, seed: u64) -> Self {
        self.plan.style.seed = seed;
        self
    }

    /// All jobs of the start are published within this many days before `now` (0 counts as 1). Default 120.
    pub fn days(mut self, days: u32) -> Self {
        self.plan.days = days;
        self
    }

    /// The lowest id. Default 10,001.
    pub fn first_id(mut self, id: u64) -> Self {
        self.plan.first_id = id;
        self
    }

    /// Bytes that a job's record has on average, by the length of its description; below about 1,000 descriptions get no shorter. Default 1,200.
    pub fn record_size(mut self, bytes: usize) -> Self {
        self.plan.style.record_size = bytes;
        self
    }

    /// The order of the job list. Default [`Order::PublishedDesc`].
    pub fn order(mut self, order: Order) -> Self {
        self.plan.order = order;
        self
    }

    /// The plan of the key. Default [`Plan::Access`].
    pub fn plan(mut self, plan: Plan) -> Self {
        self.access = plan;
        self
    }

    /// The key that is accepted, in the header `Authorization: Api-Key …` or the parameter `api_key`. Default `simulated-key`.
    pub fn api_key(mut self, key: impl Into<String>) -> Self {
        self.api_key = key.into();
        self
    }

    /// On [`Plan::Lite`], whether slicing parameters are ignored instead of refused with status 403. Default: refused. What
    /// the real service does is not documented.
    pub fn lite_ignores_slicing(mut self, yes: bool) -> Self {
        self.lite_ignores_slicing = yes;
        self
    }

    /// The page size of a request that names none (0 counts as 1). Default 200.
    pub fn default_page_size(mut self, rows: usize) -> Self {
        self.page_size = rows.max(1);
        self
    }

    /// Allows this many requests (0 counts as 1) in every window of length `per`, and answers the others with status 429 and
    /// `Retry-After`. Default: no limit with a key, and 10 in an hour without one.
    pub fn throttle(mut self, requests: usize, per: Duration) -> Self {
        self.throttle = Some((requests, per));
        self
    }

    /// Whether refused requests count for the throttle as well. Default: only on [`Plan::Anonymous`] without a throttle of its own.
    pub fn count_rejected(mut self, yes: bool) -> Self {
        self.count_rejected = yes;
        self
    }

    /// The clock of the throttle: the time since any fixed moment. Default: the monotonic clock of the system.
    pub fn throttle_clock(mut self, clock: impl Fn() -> Duration + Send + 'static) -> Self {
        self.throttle_clock = Some(Box::new(clock));
        self
    }

    /// The time of the simulated world, standing still. Default: the time of the start, standing still.
    pub fn now(self, now: Timestamp) -> Self {
        self.now_from(move || now)
    }

    /// The time of the simulated world, asked for with every request: jobs grow older as it moves.
    pub fn now_from(mut self, now: impl Fn() -> Timestamp + Send + 'static) -> Self {
        self.now = Some(Box::new(now));
        self
    }

    /// The port of 127.0.0.1 to listen on. Default 0: a free one.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Makes the data and starts the server on the tokio runtime of the caller.
    ///
    /// # Errors
    ///
    /// When the port cannot be bound.
    pub async fn start(self) -> io::Result<JobDataApi> {
        let (service, port) = self.service();
        let api_key = service.api_key.clone();
        let server = Server::start_on(port, service).await?;
        let base_url = server.origin().join("api/").map_err(io::Error::other)?;
        Ok(JobDataApi { server, base_url, api_key })
    }

    fn service(self) -> (JobService, u16) {
        let now = self.now.unwrap_or_else(|| {
            let now = time::wall();
            Box::new(move || now)
        });
        let throttle = |(requests, per), count_rejected| Throttle::new(requests, per).count_rejected(count_rejected);
        let mut limits = (
            self.throttle.map(|limit| throttle(limit, self.count_rejected)),
            throttle((10, Duration::from_secs(3_600)), true),
        );
        if self.access == Plan::Anonymous
            && let Some(limit) = limits.0.take()
        {
            limits.1 = limit;
        }
        if let Some(clock) = self.throttle_clock {
            limits = match limits {
                (Some(limit), anonymous) => (Some(limit.clock(clock)), anonymous),
                (None, anonymous) => (None, anonymous.clock(clock)),
            };
        }
        let service = JobService {
            data: JobData::new(&self.plan, now),
            plan: self.access,
            api_key: self.api_key,
            lite_ignores_slicing: self.lite_ignores_slicing,
            default_page_size: self.page_size,
            throttle: limits.0,
            anonymous_throttle: limits.1,
        };
        (service, self.port)
    }
}

impl fmt::Debug for Builder {
    /// Leaves out the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("jobs", &self.plan.jobs)
            .field("seed", &self.plan.style.seed)
            .field("days", &self.plan.days)
            .field("order", &self.plan.order)
            .field("plan", &self.access)
            .field("throttle", &self.throttle)
            .finish_non_exhaustive()
    }
}
