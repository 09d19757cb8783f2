//! The running simulator.

use std::ops::Deref;

use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret as _, SecretString};

use super::data::{FeedData, FeedName, SimulatedTime};
use super::service::FantasticService;
use crate::client::Clock;
use crate::testing::simulator::Simulator;

/// A Fantastic.jobs on loopback, with data of its own and a simulated time that the test moves.
///
/// * As the time moves, each feed indexes new rows, as many as [`rows_per_hour`](super::Builder::rows_per_hour) says. A row can
///   be seen 45 minutes later. All rows and their times depend on the seed alone.
/// * Windows, orders, offset and cursor, counts, edits, removals and credits behave as described for the real service. A
///   parameter that an endpoint does not take gets status 400.
/// * An expired row is no longer in `7d` and `6m`, but stays in `1h` and `24h`.
/// * Every reply has the `x-api-*` headers and the simulated time as its `Date`.
/// * It has all methods of [`Simulator`], and stops when it is dropped. There are no links to next pages here, so the faults
///   that concern them do nothing.
///
/// ```
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
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
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct FantasticJobs {
    pub(super) simulator: Simulator<FantasticService>,
    pub(super) time: SimulatedTime,
    pub(super) api_key: SecretString,
}

impl FantasticJobs {
    /// The key that it accepts.
    pub fn api_key(&self) -> &str {
        self.api_key.expose_secret()
    }

    /// The simulated time as a clock, for the client.
    pub fn clock(&self) -> Clock {
        let time = self.time.clone();
        Clock::from_fn(move || time.now())
    }

    /// The simulated time.
    pub fn now(&self) -> Timestamp {
        self.time.now()
    }

    /// Moves the simulated time. Rows are indexed and expire meanwhile.
    pub fn advance(&self, by: SignedDuration) {
        self.time.advance(by);
    }

    /// Reads or changes a feed between two requests, as it is now.
    pub fn with<R>(&self, feed: FeedName, act: impl FnOnce(&mut FeedData) -> R) -> R {
        self.simulator.with(|feeds| act(feeds.feed(feed)))
    }

    /// The ids of the rows indexed in a half-open interval, the oldest first, those that expired included.
    pub fn indexed(&self, feed: FeedName, from: Timestamp, until: Timestamp) -> Vec<u64> {
        self.with(feed, |data| data.indexed(from, until))
    }

    /// Whether a row has expired by now.
    pub fn is_expired(&self, feed: FeedName, id: u64) -> bool {
        let now = self.now();
        self.with(feed, |data| data.expired_at(id).is_some_and(|at| at <= now))
    }

    /// Jobs billed so far.
    pub fn jobs_billed(&self) -> u64 {
        self.simulator.with(|feeds| feeds.jobs_billed)
    }

    /// Changes the data of a feed before the reply to every list request; `act` gets the number of the request, from 1.
    ///
    /// The simulator is locked meanwhile: `act` must not call it.
    pub fn on_request(&self, feed: FeedName, mut act: impl FnMut(u64, &mut FeedData) + Send + 'static) {
        self.simulator.on_request(move |number, feeds| act(number, feeds.feed(feed)));
    }

    /// Moves the simulated time after the `n`-th list request (from 1) has come and before it gets its reply.
    pub fn advance_at_request(&self, n: u64, by: SignedDuration) {
        let time = self.time.clone();
        self.before_request(n, move |_| time.advance(by));
    }
}

impl Deref for FantasticJobs {
    type Target = Simulator<FantasticService>;

    fn deref(&self) -> &Self::Target {
        &self.simulator
    }
}
