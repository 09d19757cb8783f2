//! The settings of the simulator, and its start.

use std::io;
use std::time::Duration;

use jiff::SignedDuration;
use secrecy::SecretString;

use super::api::EmployJoy;
use super::data::{Order, PartnerData};
use super::routes::{Limits, PartnerService};
use crate::client::Clock;
use crate::client::setters;
use crate::testing::clock_setters::clock_setters;
use crate::testing::simulator::Simulator;
use crate::testing::throttle::Throttle;
use crate::testing::time::{Elapsed, fixed_clock};

/// Settings of an [`EmployJoy`].
#[derive(Debug)]
#[must_use = "it starts with `start`"]
pub struct Builder {
    jobs: usize,
    applications: usize,
    companies: usize,
    days: u32,
    order: Order,
    api_key: SecretString,
    limits: bool,
    throttle_clock: Option<Elapsed>,
    now: Option<Clock>,
    port: u16,
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
            api_key: "pek_test_simulated".into(),
            limits: false,
            throttle_clock: None,
            now: None,
            port: 0,
        }
    }
}

setters! { Builder {
    /// How many open jobs there are at the start. Default 100.
    jobs(jobs: usize) => jobs = jobs;
    /// How many applications there are at the start, all submitted now. Default 0.
    applications(applications: usize) => applications = applications;
    /// How many companies the jobs belong to, in turn (0 counts as 1). Default 5.
    companies(companies: usize) => companies = companies;
    /// The order of both lists. Default [`Order::UpdatedAsc`].
    order(order: Order) => order = order;
    /// Applies the documented limits, each over a sliding minute: 60 for each list, 120 for single applications, 10
    /// submissions for each company. Default: none.
    limits(limits: bool) => limits = limits;
    /// The port of 127.0.0.1 to listen on. Default 0: a free one.
    port(port: u16) => port = port;
    /// The last changes of the jobs of the start are spread evenly over this many days before `now` (0 counts as 1).
    /// Default 30.
    days(days: u32) => days = days.max(1);
    /// The key that is accepted, as `Authorization: Bearer …`. Default `pek_test_simulated`.
    api_key(key: impl Into<String>) => api_key = key.into().into();
} }

clock_setters!(Builder);

impl Builder {
    /// Makes the data and starts the server on the tokio runtime of the caller.
    ///
    /// # Errors
    ///
    /// When the port cannot be bound.
    pub async fn start(self) -> io::Result<EmployJoy> {
        let mut data = PartnerData::new(self.now.unwrap_or_else(fixed_clock), self.order, self.companies);
        let span = i64::from(self.days) * 86_400;
        let (jobs, start) = (i64::try_from(self.jobs).unwrap_or(i64::MAX), data.now());
        for index in 0..jobs {
            let ago = SignedDuration::from_secs(span - span / jobs * index);
            data.insert_job(start.checked_sub(ago).unwrap_or(start));
        }
        data.insert_applications(self.applications);
        // Nobody was told of what was there before the start.
        data.take_events();
        let clock = self.throttle_clock.unwrap_or_else(Elapsed::monotonic);
        let throttle = |requests| Throttle::with_clock(requests, Duration::from_secs(60), clock.clone());
        let limits = self.limits.then(|| Limits { lists: throttle(60), single: throttle(120), submit: throttle(10) });
        let service = PartnerService { data, api_key: self.api_key.clone(), limits };
        Ok(EmployJoy { simulator: Simulator::start_on(self.port, service).await?, api_key: self.api_key })
    }
}
