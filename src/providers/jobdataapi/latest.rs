//! The latest-window sync, for plan lite: the window parameters are blocked there, so the list is walked by page number.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Resource;
use super::requests::Jobs;
use super::sync::Listing;
use crate::checkpoint::{Mark, SyncState};
use crate::client::Client;
use crate::listing::Endpoint;
use crate::listing::Fingerprint;
use crate::listing::ListRequest;
use crate::sync::{Facts, Fault, Plan, RowPosition, RowWalk, Step, Strategy, SyncRequest, Verdict, Walked};
use crate::sync::{Refused, resume};

/// Options of [`ListRequest::sync_latest`].
#[derive(Debug)]
pub struct Latest {
    jobs: Resource<Jobs>,
}

impl ListRequest<Resource<Jobs>> {
    /// Syncs the latest window that the server shows without window parameters, for plan lite, where these are blocked.
    ///
    /// Each run walks the whole window, by page number with overlapping pages, and ends as
    /// [`crate::Outcome::Drifted`] when the list changed so much that a row may be missing.
    ///
    /// What it cannot guarantee: a posting that enters and leaves the window between two runs, or that enters the data set
    /// with a publication date before the window, is never seen. With plan access or better use
    /// [`ListRequest::sync_by_id`].
    pub fn sync_latest<'s, C: 's>(self, key: impl Into<String>, store: C) -> SyncRequest<'s, Latest, super::Job, C> {
        SyncRequest::new(self.client, Latest { jobs: self.endpoint }, key.into(), store)
    }
}

impl Plan for Latest {
    const STRATEGY: &'static str = "latest";

    fn fingerprint(&self) -> Fingerprint {
        self.jobs.fingerprint()
    }

    fn begin(self, client: &Client, state: &SyncState) -> Result<Box<dyn Strategy>, Refused> {
        let listing = Listing::new(self.jobs)?;
        let plan = match &state.run {
            Some(run) => resume(&run.plan)?,
            None => LatestPlan { started: client.clock().now(), rows: RowPosition::default() },
        };
        let walk = RowWalk::new(plan.rows.clone(), listing.capacity(), "id");
        Ok(Box::new(LatestWalk { listing, plan, walk, done: false }))
    }
}

/// The position, as the state keeps it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LatestPlan {
    started: Timestamp,
    rows: RowPosition,
}

#[derive(Debug)]
struct LatestWalk {
    listing: Listing,
    plan: LatestPlan,
    walk: RowWalk,
    done: bool,
}

impl Strategy for LatestWalk {
    fn step(&self) -> Step {
        self.listing.numbered(&self.walk, &[])
    }

    fn absorb(&mut self, page: &dyn Facts) -> Result<Verdict, Fault> {
        let walked = self.walk.absorb(page)?;
        if let Walked::On | Walked::Refuted = walked {
            self.plan.rows = self.walk.position().clone();
        }
        self.done = walked == Walked::Confirmed;
        Ok(walked.verdict())
    }

    fn finished(&self) -> bool {
        self.done
    }

    fn watermark(&self) -> Option<Mark> {
        Some(Mark::Time(self.plan.started))
    }

    fn plan(&self) -> Value {
        serde_json::to_value(&self.plan).unwrap_or_default()
    }

    fn caveats(&self) -> &'static [&'static str] {
        &[
            "a posting that enters and leaves the latest window between two runs is not seen",
            "a posting that enters the data set with a publication date before the window is not seen",
            "when postings enter in the middle of two requests, and another one leaves, a third can be missed until the next run",
        ]
    }
}
