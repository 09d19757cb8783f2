//! The sync of the latest window, for plan lite: it has no window parameters, so the list is walked by page number.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::endpoint::ListEndpoint;
use super::models::Job;
use super::requests::JobsRequest;
use super::synced_list::SyncedList;
use crate::checkpoint::Mark;
use crate::error::Result;
use crate::listing::{Endpoint, Fingerprint};
use crate::sync::{
    OverlapPosition, OverlapWalk, PageView, RunStart, Step, Strategy, SyncOptions, SyncRequest, Verdict, WalkError,
    sync_request,
};

sync_request! {
    /// The sync of the latest window, from [`JobsRequest::sync_latest`].
    SyncLatest = Latest;
}

#[derive(Debug)]
struct Latest {
    jobs: ListEndpoint,
}

impl JobsRequest {
    /// Syncs the latest window: what the server returns without window parameters. Plan lite blocks these parameters.
    ///
    /// Each run walks the whole window, by page number with overlapping pages, and ends as
    /// [`Outcome::Drifted`](crate::Outcome::Drifted) when the list changed so much that a row may be missing.
    ///
    /// A job is missed when it enters and leaves the window between two runs, or when it is added to the data set with
    /// a publication date before the window. With plan access or better use [`JobsRequest::sync_by_id`].
    pub fn sync_latest<'s, C: 's>(self, key: impl Into<String>, store: C) -> SyncLatest<'s, Job, C> {
        SyncLatest { sync: SyncRequest::of(self.list, key, store, |jobs| Latest { jobs }) }
    }
}

impl SyncOptions for Latest {
    const STRATEGY: &'static str = "latest";

    fn fingerprint(&self) -> Fingerprint {
        self.jobs.fingerprint()
    }

    fn begin(self, start: &RunStart<'_>) -> Result<Box<dyn Strategy>> {
        let jobs = SyncedList::new(self.jobs)?;
        let position = match start.position()? {
            Some(position) => position,
            None => LatestPosition { started: start.now(), rows: OverlapPosition::default() },
        };
        let walk = OverlapWalk::new(position.rows.clone(), jobs.capacity(), "id");
        Ok(Box::new(LatestWalk { jobs, position, walk }))
    }
}

/// The position, as the state keeps it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LatestPosition {
    started: Timestamp,
    rows: OverlapPosition,
}

#[derive(Debug)]
struct LatestWalk {
    jobs: SyncedList,
    position: LatestPosition,
    walk: OverlapWalk,
}

impl Strategy for LatestWalk {
    fn step(&self, _: Timestamp) -> Step {
        self.jobs.numbered(&self.walk, &[])
    }

    fn enter(&mut self, page: &dyn PageView, _: Timestamp) -> Result<Verdict, WalkError> {
        let verdict = self.walk.enter(page)?;
        self.position.rows = self.walk.position().clone();
        Ok(verdict)
    }

    fn finished(&self) -> bool {
        self.walk.finished()
    }

    fn watermark(&self) -> Option<Mark> {
        Some(Mark::Time(self.position.started))
    }

    fn position(&self) -> Value {
        serde_json::to_value(&self.position).unwrap_or_default()
    }

    fn caveats(&self) -> &'static [&'static str] {
        &[
            "a job that enters and leaves the latest window between two runs is missed",
            "a job that is added to the data set with a publication date before the window is missed",
            "when jobs are added during two requests and one is deleted, one more can be missed until the next run",
        ]
    }
}
