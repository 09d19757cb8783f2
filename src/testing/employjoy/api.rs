//! The running simulator.

use std::ops::Deref;

use secrecy::{ExposeSecret as _, SecretString};

use super::routes::PartnerService;
use crate::testing::simulator::Simulator;

/// An EmployJoy on loopback: its four endpoints over data of its own that can change while a client pages.
///
/// * Lists are read by cursor, in the [`Order`](super::Order) of the last change; `updated_since` leaves out records that
///   changed in the same second.
/// * Submissions are idempotent by key and bytes for 24 hours of [`PartnerData::now`](super::PartnerData::now).
/// * It has all methods of [`Simulator`], and stops when it is dropped.
///
/// ```
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use jobfeed::testing::{EmployJoy, Fault, When};
///
/// let server = EmployJoy::builder().jobs(300).start().await?;
/// server.fault(Fault::CutBody, When::Request(2));
/// server.before_request(3, |data| {
///     let ids = data.job_ids();
///     data.close_jobs(&ids[..10]);
/// });
/// // Let a client read all pages with `server.base_url()` and `server.api_key()`.
/// assert_eq!(server.with(|data| data.job_ids().len()), 300);
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct EmployJoy {
    pub(super) simulator: Simulator<PartnerService>,
    pub(super) api_key: SecretString,
}

impl EmployJoy {
    /// The key that it accepts.
    pub fn api_key(&self) -> &str {
        self.api_key.expose_secret()
    }
}

impl Deref for EmployJoy {
    type Target = Simulator<PartnerService>;

    fn deref(&self) -> &Self::Target {
        &self.simulator
    }
}
