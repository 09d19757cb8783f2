//! The settings of the simulator, and its start.

use std::io;
use std::time::Duration;

use secrecy::SecretString;

use super::api::JobAffinity;
use super::data::{AffinityData, STEPS};
use super::routes::AffinityService;
use super::variants::{Edition, LastPage, Links, Order, Variants};
use crate::client::setters;
use crate::testing::simulator::Simulator;
use crate::testing::throttle::Throttle;

/// Settings of a [`JobAffinity`].
#[derive(Debug)]
#[must_use = "it starts with `start`"]
pub struct Builder {
    port: u16,
    jobs: usize,
    applications: usize,
    first_id: u64,
    edition: Edition,
    variants: Variants,
    login: SecretString,
    password: SecretString,
    throttle: Option<Throttle>,
}

impl JobAffinity {
    /// Settings with their defaults: 20 jobs with 3 applications each, no throttle.
    pub fn builder() -> Builder {
        Builder {
            port: 0,
            jobs: 20,
            applications: 3,
            first_id: 1_001,
            edition: Edition::default(),
            variants: Variants::default(),
            login: "simulated".into(),
            password: "simulated-password".into(),
            throttle: None,
        }
    }
}

setters! { Builder {
    /// How many jobs there are at the start. Default 20.
    jobs(jobs: usize) => jobs = jobs;
    /// How many applications each job has at the start, each by another candidate. Every second one has been moved to the
    /// second step. Default 3.
    applications(applications: usize) => applications = applications;
    /// The lowest id. All kinds of records share one sequence of ids, with gaps. Default 1,001.
    first_id(first_id: u64) => first_id = first_id;
    /// The edition that the names in the records follow. Default [`Edition::Later`].
    edition(edition: Edition) => edition = edition;
    /// The order of the lists. Default [`Order::Ascending`].
    order(order: Order) => variants.order = order;
    /// The form of links to next pages. Default [`Links::Relative`].
    links(links: Links) => variants.links = links;
    /// What `_next` is on the last page. Default [`LastPage::Empty`].
    last_page(last_page: LastPage) => variants.last_page = last_page;
    /// The port of 127.0.0.1 to listen on. Default 0: a free one.
    port(port: u16) => port = port;
    /// Makes links to next pages repeat the filters beside the cursor. Default: the cursor alone.
    next_repeats_query() => variants.next_repeats_query = true;
    /// Makes `since` leave out the record with its id. Default: that record is in the list.
    since_excludes() => variants.since_excludes = true;
    /// The origin that CVs are redirected to, such as `http://127.0.0.1:4000`. Default: this server.
    cv_origin(origin: impl Into<String>) => variants.cv_origin = origin.into();
    /// Allows this many requests (0 counts as 1) in every window of length `per`, whoever sends them, and replies to the others
    /// with status 429. Default: no limit.
    throttle(requests: usize, per: Duration) => throttle = Some(Throttle::new(requests, per));
} }

impl Builder {
    /// The credentials that are accepted. Default `simulated` and `simulated-password`.
    pub fn credentials(mut self, login: impl Into<String>, password: impl Into<String>) -> Self {
        (self.login, self.password) = (login.into().into(), password.into().into());
        self
    }

    /// Makes the data and starts the server on the tokio runtime of the caller.
    ///
    /// # Errors
    ///
    /// When the port cannot be bound.
    pub async fn start(self) -> io::Result<JobAffinity> {
        let mut data = AffinityData::new(self.edition, self.first_id);
        let jobs: Vec<u64> = (0..self.jobs).map(|_| data.add_job()).collect();
        for index in 0..self.applications {
            for job in &jobs {
                let candidate = data.add_candidate();
                if let Some(application) = data.add_application(*job, candidate)
                    && index % 2 == 1
                {
                    data.move_application(application, STEPS[1].0);
                }
            }
        }
        let service = AffinityService {
            data,
            variants: self.variants,
            login: self.login.clone(),
            password: self.password.clone(),
            throttle: self.throttle,
        };
        let simulator = Simulator::start_on(self.port, service).await?;
        Ok(JobAffinity { simulator, login: self.login, password: self.password })
    }
}
