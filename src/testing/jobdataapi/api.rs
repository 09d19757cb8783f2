//! The running simulator.

use std::ops::Deref;

use jiff::civil::Date;
use secrecy::{ExposeSecret as _, SecretString};

use super::data::Insert;
use super::routes::JobService;
use crate::testing::simulator::Simulator;

/// A jobdataapi.com on loopback: all its endpoints over data of its own that can change while a client pages.
///
/// * Jobs are made from the seed: the same builder settings give the same records, byte for byte. Ids grow with insertion and
///   have gaps; `published` lies hours to weeks before insertion; texts, nulls and absent members vary as in real data.
/// * A call without the right key gets status 403, except with [`Subscription::Anonymous`](super::Subscription::Anonymous)
///   and for the public reference lists.
/// * Unknown parameters are ignored, wrong values get status 400, a page past the end 404, a `page_size` over 5000 counts as 5000.
/// * It has all methods of [`Simulator`], and stops when it is dropped.
///
/// ```
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use jobfeed::testing::jobdataapi::{Insert, JobDataApi, Order};
/// use jobfeed::testing::{Fault, When};
///
/// let builder = JobDataApi::builder().jobs(1_000).order(Order::Shuffled);
/// let api = builder.start().await?;
/// api.fault(Fault::CutBody, When::Request(2));
/// api.before_request(3, |data| {
///     let ids = data.ids();
///     data.delete(&ids[..10]);
///     data.insert(10, Insert::Old { days: 200 });
/// });
/// // Let a client read all pages with `api.base_url()` and `api.api_key()`,
/// // then compare with `api.ids()` and `api.served()`.
/// assert_eq!(api.served().requests, 0);
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct JobDataApi {
    pub(super) simulator: Simulator<JobService>,
    pub(super) api_key: SecretString,
}

impl JobDataApi {
    /// The key that it accepts.
    pub fn api_key(&self) -> &str {
        self.api_key.expose_secret()
    }

    /// Adds jobs under new ids, and returns the ids. See [`JobData::insert`](super::JobData::insert).
    pub fn insert(&self, n: usize, insert: Insert) -> Vec<u64> {
        self.with(|data| data.insert(n, insert))
    }

    /// Removes jobs, and returns how many were there.
    pub fn delete(&self, ids: &[u64]) -> usize {
        self.with(|data| data.delete(ids))
    }

    /// Lets jobs expire now, and returns how many were there. See [`JobData::expire`](super::JobData::expire).
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
}

impl Deref for JobDataApi {
    type Target = Simulator<JobService>;

    fn deref(&self) -> &Self::Target {
        &self.simulator
    }
}
