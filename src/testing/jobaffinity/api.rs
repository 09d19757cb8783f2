//! The running simulator.

use std::ops::Deref;

use secrecy::{ExposeSecret as _, SecretString};

use super::routes::AffinityService;
use crate::client::{ClientBuilder, RateLimit};
use crate::providers::jobaffinity::Client;
use crate::testing::simulator::Simulator;

/// A JobAffinity on loopback: its lists, records, changes, CVs and `apply_url`s, over data that can change while a client
/// pages.
///
/// * Calls need HTTP Basic authentication, except those of an `apply_url`, which must come without.
/// * Bad parameters get `_status` `INVALID` under status 200; unknown ones are ignored.
/// * A 429 has no header that tells how long to wait.
/// * The URL of a CV redirects with status 307.
/// * It has all methods of [`Simulator`], and stops when it is dropped.
///
/// ```
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use jobfeed::testing::JobAffinity;
/// use jobfeed::testing::jobaffinity::Order;
///
/// let builder = JobAffinity::builder().jobs(3).applications(5);
/// let server = builder.order(Order::Shuffled).start().await?;
/// let api = server.client().build()?;
/// let job = server.with(|data| data.jobs())[0];
/// assert_eq!(api.job_applications(job).send().await?.items.len(), 5);
/// assert_eq!(server.served().requests, 1);
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct JobAffinity {
    pub(super) simulator: Simulator<AffinityService>,
    pub(super) login: SecretString,
    pub(super) password: SecretString,
}

impl JobAffinity {
    /// The login that it accepts.
    pub fn login(&self) -> &str {
        self.login.expose_secret()
    }

    /// The password that it accepts.
    pub fn password(&self) -> &str {
        self.password.expose_secret()
    }

    /// The builder of a client for it, without a rate limit.
    pub fn client(&self) -> ClientBuilder<Client> {
        let builder = Client::builder().login(self.login(), self.password());
        builder.base_url(self.base_url()).rate_limit(RateLimit::unlimited())
    }

    /// The `apply_url` of a job, as a job feed would name it.
    pub fn apply_url(&self, job: u64) -> String {
        format!("{}apply/api/job-{job}", self.base_url())
    }

    /// Refuses all page cursors that were given out so far, with `INVALID`.
    pub fn expire_cursors(&self) {
        self.with(|data| data.cursors.expire());
    }
}

impl Deref for JobAffinity {
    type Target = Simulator<AffinityService>;

    fn deref(&self) -> &Self::Target {
        &self.simulator
    }
}
