//! A simulated EmployJoy.
//!
//! The behaviour follows the vendor's documentation; where that is silent, the item says what was chosen. See [`EmployJoy`].

mod data;
mod routes;
mod submit;

use std::time::Duration;
use std::{fmt, io};

use jiff::{SignedDuration, Timestamp};
use url::Url;

pub use self::data::{Attempt, Order, PartnerData};
use self::routes::{Limits, PartnerService, ROOT};
use super::fault::{Fault, When};
use super::served::Served;
use super::server::Server;
use super::throttle::Throttle;
use super::time;

const MINUTE: Duration = Duration::from_secs(60);

/// An EmployJoy on loopback: its four endpoints over data of its own that can change while a client pages.
///
/// * Lists go by cursor, in the [`Order`] of the last change; `updated_since` is compared strictly and by the second.
/// * Submissions are idempotent by key and bytes for 24 hours of [`PartnerData::now`].
/// * It stops when it is dropped.
///
/// ```
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// use jobfeed::testing::{EmployJoy, Fault, When};
///
/// let server = EmployJoy::builder().jobs(300).start().await?;
/// server.fault(Fault::CutBody, When::Request(2));
/// server.before_request(3, |data| {
///     let ids = data.job_ids();
///     data.close_jobs(&ids[..10]);
/// });
/// // … let a client walk through `server.base_url()` with `server.api_key()`.
/// assert_eq!(server.with(|data| data.job_ids().len()), 300);
/// # Ok(())
/// # }
/// # tokio::runtime::Runtime::new().unwrap().block_on(run()).unwrap();
/// ```
pub struct EmployJoy {
    server: Server<PartnerService>,
    base_url: Url,
    api_key: String,
}

impl EmployJoy {
    /// Settings with their defaults: 100 jobs of 5 companies, no applications, no limits.
    pub fn builder() -> Builder {
        Builder {
            jobs: 100,
            applications: 0,
            companies: 5,
            days: 30,
            order: Order::default(),
            api_key: "pek_test_simulated".to_owned(),
            limits: false,
            limit_clock: None,
            now: None,
            port: 0,
        }
    }

    /// Where it listens: `http://127.0.0.1:<port>/api/v1/external/`.
    pub fn base_url(&self) -> Url {
        self.base_url.clone()
    }

    /// The key that it accepts.
    pub fn api_key(&self) -> &str {
        &self.api_key
    }

    /// Reads or changes the data between two requests.
    pub fn with<R>(&self, act: impl FnOnce(&mut PartnerData) -> R) -> R {
        self.server.with(|service| act(&mut service.data))
    }

    /// What was served so far.
    pub fn served(&self) -> Served {
        self.server.served()
    }

    /// Starts counting afresh. The numbers of the list requests go on.
    pub fn reset_served(&self) {
        self.server.reset_served();
    }

    /// Switches a fault on.
    pub fn fault(&self, fault: Fault, when: When) {
        self.server.fault(fault, when);
    }

    /// Switches all faults off.
    pub fn clear_faults(&self) {
        self.server.clear_faults();
    }

    /// Changes the data once, when the `n`-th list request (from 1) has come and before it is answered. `act` must not call
    /// this `EmployJoy`: it is locked meanwhile.
    pub fn before_request(&self, n: u64, act: impl FnOnce(&mut PartnerData) + Send + 'static) {
        self.server.before_request(n, |service| act(&mut service.data));
    }

    /// Changes the data before every list request is answered; `act` gets the number of the request, from 1. `act` must not
    /// call this `EmployJoy`: it is locked meanwhile.
    pub fn on_request(&self, mut act: impl FnMut(u64, &mut PartnerData) + Send + 'static) {
        self.server.on_request(move |number, service| act(number, &mut service.data));
    }
}

impl fmt::Debug for EmployJoy {
    /// Leaves out the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmployJoy").field("base_url", &self.base_url.as_str()).finish_non_exhaustive()
    }
}

/// Settings of an [`EmployJoy`].
#[must_use = "it starts with `start`"]
pub struct Builder {
    jobs: usize,
    applications: usize,
    companies: usize,
    days: u32,
    order: Order,
    api_key: String,
    limits: bool,
    limit_clock: Option<fn() -> Duration>,
    now: Option<Box<dyn Fn() -> Timestamp + Send>>,
    port: u16,
}

impl Builder {
    /// How many open jobs there are at the start. Default 100.
    pub fn jobs(mut self, jobs: usize) -> Self {
        self.jobs = jobs;
        self
    }

    /// How many applications there are at the start, all submitted now. Default 0.
    pub fn applications(mut self, applications: usize) -> Self {
        self.applications = applications;
        self
    }

    /// How many companies the jobs belong to, in turn (0 counts as 1). Default 5.
    pub fn companies(mut self, companies: usize) -> Self {
        self.companies = companies;
        self
    }

    /// The jobs of the start changed evenly over this many days before `now` (0 counts as 1). Default 30.
    pub fn days(mut self, days: u32) -> Self {
        self.days = days.max(1);
        self
    }

    /// The order of both lists. Default [`Order::UpdatedAsc`].
    pub fn order(mut self, order: Order) -> Self {
        self.order = order;
        self
    }

    /// The key that is accepted. Default `pek_test_simulated`.
    pub fn api_key(mut self, key: impl Into<String>) -> Self {
        self.api_key = key.into();
        self
    }

    /// Applies the documented limits, each over a sliding minute: 60 for each list, 120 for single applications, 10
    /// submissions for each company. Default: none.
    pub fn limits(mut self, yes: bool) -> Self {
        self.limits = yes;
        self
    }

    /// The clock of the limits: the time since any fixed moment. Default: the monotonic clock of the system.
    pub fn limit_clock(mut self, clock: fn() -> Duration) -> Self {
        self.limit_clock = Some(clock);
        self
    }

    /// The time of the simulated world, standing still. Default: the time of the start, standing still.
    pub fn now(self, now: Timestamp) -> Self {
        self.now_from(move || now)
    }

    /// The time of the simulated world, asked for with every request.
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
    pub async fn start(self) -> io::Result<EmployJoy> {
        let now = self.now.unwrap_or_else(|| {
            let now = time::wall();
            Box::new(move || now)
        });
        let mut data = PartnerData::new(now, self.order, self.companies);
        let span = i64::from(self.days) * 86_400;
        let (jobs, start) = (i64::try_from(self.jobs).unwrap_or(i64::MAX), data.now());
        for index in 0..jobs {
            let ago = SignedDuration::from_secs(span - span / jobs * index);
            data.insert_job(start.checked_sub(ago).unwrap_or(start));
        }
        data.insert_applications(self.applications);
        let throttle = |requests| {
            let throttle = Throttle::new(requests, MINUTE);
            self.limit_clock.map_or_else(|| Throttle::new(requests, MINUTE), |clock| throttle.clock(clock))
        };
        let limits = self.limits.then(|| Limits { lists: throttle(60), single: throttle(120), submit: throttle(10) });
        let api_key = self.api_key.clone();
        let server = Server::start_on(self.port, PartnerService { data, api_key: self.api_key, limits }).await?;
        let base_url = server.origin().join(ROOT).map_err(io::Error::other)?;
        Ok(EmployJoy { server, base_url, api_key })
    }
}

impl fmt::Debug for Builder {
    /// Leaves out the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("jobs", &self.jobs).field("limits", &self.limits).finish_non_exhaustive()
    }
}
