//! A simulated JobAffinity.
//!
//! The behaviour follows the vendor's documentation. What it leaves open (the order of lists, whether `since` includes its id,
//! how long a cursor lives, the forms of links) can be set. See [`JobAffinity`].

mod data;
mod page;
mod routes;

use std::time::Duration;
use std::{fmt, io};

use url::Url;

pub use self::data::Data;
use self::page::Cursors;
use self::routes::AffinityService;
use super::fault::{Fault, When};
use super::served::Served;
use super::server::Server;
use super::throttle::Throttle;
use crate::client::{ClientBuilder, RateLimit};
use crate::providers::jobaffinity;

/// The edition of the vendor's reference whose names the records have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Edition {
    /// The later one.
    #[default]
    Later,
    /// The older one: `address`, `mobile`, bare links, step changes without `change_id`.
    Older,
}

/// The order of the lists, which is not documented.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Order {
    /// By id.
    #[default]
    Ascending,
    /// By id, the newest first.
    Descending,
    /// Any other order: a new record may come anywhere.
    Shuffled,
}

/// The form of the links to next pages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Links {
    /// A path, as in the vendor's guide.
    #[default]
    Relative,
    /// A whole URL, as the vendor's reference has it.
    Absolute,
}

/// What `_next` is on the last page: the vendor's guide and reference differ.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum LastPage {
    /// An empty text.
    #[default]
    Empty,
    /// Null.
    Null,
    /// Not there.
    Absent,
}

/// What the vendor leaves open.
#[derive(Debug, Clone, Default)]
struct Style {
    order: Order,
    links: Links,
    last_page: LastPage,
    next_repeats_query: bool,
    since_excludes: bool,
    cv_origin: String,
}

/// A JobAffinity on loopback: its lists, records, changes, CVs and `apply_url`s, over data that can change while a client
/// pages.
///
/// * Calls need HTTP Basic authentication, those of an `apply_url` must come without.
/// * Bad parameters are answered with `_status` `INVALID` under status 200; unknown ones are ignored.
/// * A 429 has no header that tells how long to wait.
/// * A CV is behind a redirect with status 307.
/// * It stops when it is dropped.
///
/// ```
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// use jobfeed::testing::JobAffinity;
/// use jobfeed::testing::jobaffinity::Order;
///
/// let server = JobAffinity::builder().jobs(3).applications(5).order(Order::Shuffled).start().await?;
/// let api = server.client().build()?;
/// let job = server.with(|data| data.jobs())[0];
/// assert_eq!(api.job_applications(job).send().await?.items.len(), 5);
/// assert_eq!(server.served().requests, 1);
/// # Ok(())
/// # }
/// # tokio::runtime::Runtime::new().unwrap().block_on(run()).unwrap();
/// ```
pub struct JobAffinity {
    server: Server<AffinityService>,
    base_url: Url,
    login: String,
    password: String,
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
            style: Style::default(),
            login: "simulated".to_owned(),
            password: "simulated-password".to_owned(),
            throttle: None,
        }
    }

    /// Where it listens: `http://127.0.0.1:<port>/restapi/v1/`.
    pub fn base_url(&self) -> Url {
        self.base_url.clone()
    }

    /// The login that it accepts.
    pub fn login(&self) -> &str {
        &self.login
    }

    /// The password that it accepts.
    pub fn password(&self) -> &str {
        &self.password
    }

    /// The builder of a client for it, without spacing between requests.
    pub fn client(&self) -> ClientBuilder<jobaffinity::Client> {
        let builder = jobaffinity::Client::builder().login(self.login.as_str(), self.password.as_str());
        builder.base_url(self.base_url()).rate_limit(RateLimit::unlimited())
    }

    /// The `apply_url` of a job, as a job feed would name it.
    pub fn apply_url(&self, job: u64) -> String {
        format!("{}apply/api/job-{job}", self.base_url)
    }

    /// Reads or changes the data between two requests.
    pub fn with<R>(&self, act: impl FnOnce(&mut Data) -> R) -> R {
        self.server.with(|service| act(&mut service.data))
    }

    /// Refuses all page cursors that were given out so far, with `INVALID`.
    pub fn expire_cursors(&self) {
        self.server.with(|service| service.cursors.expire());
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
    /// `act` must not call this `JobAffinity`: it is locked meanwhile.
    pub fn before_request(&self, n: u64, act: impl FnOnce(&mut Data) + Send + 'static) {
        self.server.before_request(n, |service| act(&mut service.data));
    }

    /// Changes the data before every list request is answered; `act` gets the number of the request, from 1.
    ///
    /// `act` must not call this `JobAffinity`: it is locked meanwhile.
    pub fn on_request(&self, mut act: impl FnMut(u64, &mut Data) + Send + 'static) {
        self.server.on_request(move |number, service| act(number, &mut service.data));
    }
}

impl fmt::Debug for JobAffinity {
    /// Leaves out the credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobAffinity").field("base_url", &self.base_url.as_str()).finish_non_exhaustive()
    }
}

/// Settings of a [`JobAffinity`].
#[must_use = "it starts with `start`"]
pub struct Builder {
    port: u16,
    jobs: usize,
    applications: usize,
    first_id: u64,
    edition: Edition,
    style: Style,
    login: String,
    password: String,
    throttle: Option<Throttle>,
}

impl Builder {
    /// How many jobs there are at the start. Default 20.
    pub fn jobs(mut self, jobs: usize) -> Self {
        self.jobs = jobs;
        self
    }

    /// How many applications each job has at the start, by a candidate of its own each. Every second one has been moved to
    /// the second step. Default 3.
    pub fn applications(mut self, applications: usize) -> Self {
        self.applications = applications;
        self
    }

    /// The lowest id. All kinds of records draw from one sequence with gaps. Default 1,001.
    pub fn first_id(mut self, id: u64) -> Self {
        self.first_id = id;
        self
    }

    /// The names that records have. Default [`Edition::Later`].
    pub fn edition(mut self, edition: Edition) -> Self {
        self.edition = edition;
        self
    }

    /// The order of the lists. Default [`Order::Ascending`].
    pub fn order(mut self, order: Order) -> Self {
        self.style.order = order;
        self
    }

    /// The form of links to next pages. Default [`Links::Relative`].
    pub fn links(mut self, links: Links) -> Self {
        self.style.links = links;
        self
    }

    /// What the last page says. Default [`LastPage::Empty`].
    pub fn last_page(mut self, last_page: LastPage) -> Self {
        self.style.last_page = last_page;
        self
    }

    /// Links to next pages repeat the filters beside the cursor. Default: the cursor alone.
    pub fn next_repeats_query(mut self) -> Self {
        self.style.next_repeats_query = true;
        self
    }

    /// `since` leaves out the record with its id. Default: that record comes as well.
    pub fn since_excludes(mut self) -> Self {
        self.style.since_excludes = true;
        self
    }

    /// The origin that CVs are redirected to, such as `http://127.0.0.1:4000`. Default: this server.
    pub fn cv_origin(mut self, origin: impl Into<String>) -> Self {
        self.style.cv_origin = origin.into();
        self
    }

    /// The credentials that are accepted. Default `simulated` and `simulated-password`.
    pub fn credentials(mut self, login: impl Into<String>, password: impl Into<String>) -> Self {
        (self.login, self.password) = (login.into(), password.into());
        self
    }

    /// At most so many requests in any window of this length, whoever sends them. Default: no limit.
    pub fn throttle(mut self, requests: usize, per: Duration) -> Self {
        self.throttle = Some(Throttle::new(requests, per));
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
    pub async fn start(self) -> io::Result<JobAffinity> {
        let mut data = Data::new(self.edition, self.first_id);
        let jobs: Vec<u64> = (0..self.jobs).map(|_| data.add_job()).collect();
        for index in 0..self.applications {
            for job in &jobs {
                let candidate = data.add_candidate();
                if let Some(application) = data.add_application(*job, candidate)
                    && index % 2 == 1
                {
                    data.move_application(application, data::STEPS[1].0);
                }
            }
        }
        let (login, password) = (self.login.clone(), self.password.clone());
        let service = AffinityService {
            data,
            style: self.style,
            login: self.login,
            password: self.password,
            throttle: self.throttle,
            cursors: Cursors::default(),
        };
        let server = Server::start_on(self.port, service).await?;
        let base_url = server.origin().join("restapi/v1/").map_err(io::Error::other)?;
        Ok(JobAffinity { server, base_url, login, password })
    }
}

impl fmt::Debug for Builder {
    /// Leaves out the credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("jobs", &self.jobs).field("style", &self.style).finish_non_exhaustive()
    }
}
