//! A simulated Fantastic.jobs.
//!
//! The behaviour follows the vendor's documentation where there is any. See [`FantasticJobs`].

mod data;
mod routes;

use std::sync::{Arc, Mutex, PoisonError};
use std::{fmt, io};

use jiff::{SignedDuration, Timestamp};
use url::Url;

pub use self::data::{Feed, FeedData};
use self::routes::FantasticService;
use super::fault::{Fault, When};
use super::served::Served;
use super::server::Server;
use super::time;
use crate::client::Clock;

/// The plan of the API key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Plan {
    /// Neither edits nor advanced organizations: status 403.
    Starter,
    /// No advanced organizations.
    #[default]
    Pro,
    /// Everything.
    Pro100k,
}

/// A Fantastic.jobs on loopback, with a world of its own whose clock the test moves.
///
/// * Rows of both feeds are indexed all the time, at [`Builder::rows_per_hour`], as the clock goes on; a row can be seen 45
///   minutes later. What happens when is decided by the seed alone.
/// * Windows, orders, offset and cursor, counts, edits, removals and credits behave as described for the real service. A
///   parameter that an endpoint does not take is status 400.
/// * Rows that expire leave `7d` and `6m` at once, and stay in `1h` and `24h`.
/// * Every answer carries the `x-api-*` headers and the `Date` of the simulated clock.
///
/// ```
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// use jobfeed::fantastic_jobs::{self, TimeFrame};
/// use jobfeed::jiff::SignedDuration;
/// use jobfeed::testing::FantasticJobs;
///
/// let server = FantasticJobs::builder().rows_per_hour(40).start().await?;
/// let api = fantastic_jobs::Client::builder()
///     .api_key(server.api_key())
///     .base_url(server.base_url())
///     .clock(server.clock())
///     .build()?;
/// let page = api.active_ats().time_frame(TimeFrame::Hour).send().await?;
/// assert_eq!(page.items.len(), 40);
/// server.advance(SignedDuration::from_hours(3));
/// # Ok(())
/// # }
/// # tokio::runtime::Runtime::new().unwrap().block_on(run()).unwrap();
/// ```
pub struct FantasticJobs {
    server: Server<FantasticService>,
    now: Arc<Mutex<Timestamp>>,
    base_url: Url,
    api_key: String,
}

impl FantasticJobs {
    /// Settings with their defaults: 30 rows an hour in each feed, a history of 10 days, plan Pro.
    pub fn builder() -> Builder {
        Builder {
            rows_per_hour: 30,
            history: SignedDuration::from_hours(10 * 24),
            seed: 1,
            expires_after: None,
            long_day: false,
            plan: Plan::default(),
            api_key: "simulated-key".to_owned(),
            jobs_quota: 100_000_000,
            requests_quota: 100_000_000,
            now: None,
            port: 0,
        }
    }

    /// Where it listens: `http://127.0.0.1:<port>/v1/`.
    pub fn base_url(&self) -> Url {
        self.base_url.clone()
    }

    /// The key that it accepts.
    pub fn api_key(&self) -> &str {
        &self.api_key
    }

    /// The simulated clock, for the client.
    pub fn clock(&self) -> Clock {
        let now = Arc::clone(&self.now);
        Clock::from_fn(move || *now.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The simulated time.
    pub fn now(&self) -> Timestamp {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets time pass. Rows are indexed, edited and expire meanwhile.
    pub fn advance(&self, by: SignedDuration) {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        *now = now.checked_add(by).unwrap_or(Timestamp::MAX);
    }

    /// Reads or changes a feed between two requests, as it is now.
    pub fn with<R>(&self, feed: Feed, act: impl FnOnce(&mut FeedData) -> R) -> R {
        let now = self.now();
        self.server.with(|service| act(service.feed_at(feed, now)))
    }

    /// The ids of the rows indexed in a half-open interval, the oldest first, those that expired included.
    pub fn indexed(&self, feed: Feed, from: Timestamp, until: Timestamp) -> Vec<u64> {
        self.with(feed, |data| data.indexed(from, until))
    }

    /// Whether a row has expired by now.
    pub fn is_expired(&self, feed: Feed, id: u64) -> bool {
        let now = self.now();
        self.with(feed, |data| data.expired_at(id).is_some_and(|at| at <= now))
    }

    /// Jobs billed so far.
    pub fn jobs_billed(&self) -> u64 {
        self.server.with(|service| service.jobs_billed)
    }

    /// What was served so far.
    pub fn served(&self) -> Served {
        self.server.served()
    }

    /// Starts counting what is served afresh. The numbers of the list requests go on.
    pub fn reset_served(&self) {
        self.server.reset_served();
    }

    /// Switches a fault on. See [`Fault`] and [`When`]. There are no links to next pages here, so the faults that concern them
    /// do nothing.
    pub fn fault(&self, fault: Fault, when: When) {
        self.server.fault(fault, when);
    }

    /// Switches all faults off.
    pub fn clear_faults(&self) {
        self.server.clear_faults();
    }

    /// Changes the data of a feed before every list request is answered; `act` gets the number of the request, from 1.
    ///
    /// `act` must not call this `FantasticJobs`: it is locked meanwhile.
    pub fn on_request(&self, feed: Feed, mut act: impl FnMut(u64, &mut FeedData) + Send + 'static) {
        let clock = self.clock();
        self.server.on_request(move |number, service| act(number, service.feed_at(feed, clock.now())));
    }

    /// Moves the clock when the `n`-th list request (from 1) has come and before it is answered.
    pub fn advance_at_request(&self, n: u64, by: SignedDuration) {
        let now = Arc::clone(&self.now);
        self.server.before_request(n, move |_| {
            let mut now = now.lock().unwrap_or_else(PoisonError::into_inner);
            *now = now.checked_add(by).unwrap_or(Timestamp::MAX);
        });
    }
}

impl fmt::Debug for FantasticJobs {
    /// Leaves out the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FantasticJobs").field("base_url", &self.base_url.as_str()).finish_non_exhaustive()
    }
}

/// Settings of a [`FantasticJobs`].
#[must_use = "it starts with `start`"]
pub struct Builder {
    rows_per_hour: u32,
    history: SignedDuration,
    seed: u64,
    expires_after: Option<SignedDuration>,
    long_day: bool,
    plan: Plan,
    api_key: String,
    jobs_quota: u64,
    requests_quota: u64,
    now: Option<Timestamp>,
    port: u16,
}

impl Builder {
    /// Rows that each feed indexes in each clock hour. Default 30.
    pub fn rows_per_hour(mut self, rows: u32) -> Self {
        self.rows_per_hour = rows;
        self
    }

    /// How long the feeds exist already. Default 10 days.
    pub fn history(mut self, span: SignedDuration) -> Self {
        self.history = span;
        self
    }

    /// The seed of everything that is random. Default 1.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Lets about a third of the rows expire, at a random time within this span. Default: no row expires by itself.
    pub fn expires_within(mut self, span: SignedDuration) -> Self {
        self.expires_after = Some(span);
        self
    }

    /// Whether `24h` covers 25 hours: the vendor's text and its example differ. Default: 24.
    pub fn long_day(mut self, yes: bool) -> Self {
        self.long_day = yes;
        self
    }

    /// The plan of the key. Default [`Plan::Pro`].
    pub fn plan(mut self, plan: Plan) -> Self {
        self.plan = plan;
        self
    }

    /// The key that is accepted, as `Authorization: Bearer …`. Default `simulated-key`.
    pub fn api_key(mut self, key: impl Into<String>) -> Self {
        self.api_key = key.into();
        self
    }

    /// The jobs and requests of the billing period. Requests are a hard stop with status 429; jobs may overrun. Default: more
    /// than any test needs.
    pub fn quotas(mut self, jobs: u64, requests: u64) -> Self {
        (self.jobs_quota, self.requests_quota) = (jobs, requests);
        self
    }

    /// The simulated time at the start. Default: the time of the start; it moves with [`FantasticJobs::advance`] only.
    pub fn now(mut self, now: Timestamp) -> Self {
        self.now = Some(now);
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
    pub async fn start(self) -> io::Result<FantasticJobs> {
        let start = self.now.unwrap_or_else(time::wall);
        let now = Arc::new(Mutex::new(start));
        let feed = |salt: u64| {
            let begin = start.checked_sub(self.history).unwrap_or(Timestamp::MIN);
            FeedData::new(self.seed.wrapping_mul(31).wrapping_add(salt), self.rows_per_hour, self.expires_after, begin)
        };
        let service = FantasticService {
            ats: feed(1),
            jb: feed(2),
            now: Arc::clone(&now),
            long_day: self.long_day,
            plan: self.plan,
            api_key: self.api_key.clone(),
            jobs_quota: self.jobs_quota,
            requests_quota: self.requests_quota,
            jobs_billed: 0,
            requests: 0,
        };
        let server = Server::start_on(self.port, service).await?;
        let base_url = server.origin().join("v1/").map_err(io::Error::other)?;
        Ok(FantasticJobs { server, now, base_url, api_key: self.api_key })
    }
}

impl fmt::Debug for Builder {
    /// Leaves out the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("rows_per_hour", &self.rows_per_hour)
            .field("history", &self.history)
            .field("seed", &self.seed)
            .field("plan", &self.plan)
            .finish_non_exhaustive()
    }
}
