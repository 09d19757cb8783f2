//! The sync by id: reads ranges of ids that end at an existing id, whatever the order in which the server returns rows.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::endpoint::ListEndpoint;
use super::models::Job;
use super::requests::JobsRequest;
use super::synced_list::{SyncedList, ids, published_from};
use crate::checkpoint::Mark;
use crate::client::{Activity, setters};
use crate::error::{Error, Result};
use crate::listing::{Endpoint, Fingerprint};
use crate::sync::{
    IdRanges, PageView, RangesPosition, RunStart, Step, Strategy, SyncOptions, SyncRequest, Verdict, WalkError,
    sync_request,
};

/// Where the first run of an id sync begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Bootstrap {
    /// At the first job of the data set.
    #[default]
    All,
    /// At this id.
    FromId(u64),
    /// The first run reads the jobs published on this day or later. Later runs read by id, so a job that is added late
    /// with an old date arrives too. The server is assumed to combine id and date parameters (inferred); the ids and
    /// dates of each answer are checked.
    Since(Date),
    /// At an id from which on there are about `n` jobs: not fewer, if that many exist, and at most half a page more.
    MostRecent(u64),
}

sync_request! {
    /// The sync by id, from [`JobsRequest::sync_by_id`].
    SyncById = ById;
}

#[derive(Debug)]
struct ById {
    jobs: ListEndpoint,
    bootstrap: Bootstrap,
    overlap: u64,
}

impl JobsRequest {
    /// Syncs by id: the first run starts as [`Bootstrap`] says (default: all jobs), each later run reads the
    /// jobs with an id above the watermark. Needs plan access or better.
    ///
    /// On a list that stands still, a run costs little more than its pages: some small requests find where the ids are. The
    /// rows arrive in no particular order, and some come twice when rows are deleted meanwhile: write them with an upsert.
    /// The service may sort its list in any way, if rows that stay keep their order; otherwise the run reads ranges of ids
    /// that fit one page.
    ///
    /// Later edits of a job are not read: the API has no parameter to select them.
    pub fn sync_by_id<'s, C: 's>(self, key: impl Into<String>, store: C) -> SyncById<'s, Job, C> {
        let options = |jobs| ById { jobs, bootstrap: Bootstrap::default(), overlap: 0 };
        SyncById { sync: SyncRequest::of(self.list, key, store, options) }
    }
}

setters! { [T, C] SyncById<'_, T, C> {
    /// Where the first run begins. Later runs start at the watermark and ignore it.
    bootstrap(bootstrap: Bootstrap) => sync.options.bootstrap = bootstrap;
    /// Reads the last `ids` ids below the watermark again, for rows that became visible after rows with higher ids.
    /// Default 0.
    overlap(ids: u64) => sync.options.overlap = ids;
} }

impl SyncOptions for ById {
    const STRATEGY: &'static str = "by-id";

    fn fingerprint(&self) -> Fingerprint {
        self.jobs.fingerprint()
    }

    fn begin(self, start: &RunStart<'_>) -> Result<Box<dyn Strategy>> {
        let jobs = SyncedList::new(self.jobs)?;
        let before = match start.watermark() {
            Some(Mark::Id(id)) => Some(id),
            _ => None,
        };
        let size = jobs.capacity();
        let walk = |ranges, since| Box::new(IdWalk { jobs, before, ranges, since });
        let from = |next| IdRanges::new(RangesPosition::at(next), size);
        if let Some(IdPosition { ranges, since }) = start.position()? {
            return Ok(walk(IdRanges::new(ranges, size), since));
        }
        if let Some(watermark) = before {
            let next = watermark.saturating_add(1).saturating_sub(self.overlap).max(1);
            return Ok(walk(from(next), None));
        }
        Ok(match self.bootstrap {
            Bootstrap::All => walk(from(1).with_survey(), None),
            Bootstrap::FromId(0) => return Err(Error::invalid("bootstrap id", "0", "1 or more")),
            Bootstrap::FromId(next) => walk(from(next).with_survey(), None),
            Bootstrap::Since(day) => walk(from(1).with_survey(), Some(day)),
            Bootstrap::MostRecent(0) => return Err(Error::invalid("bootstrap count", "0", "1 or more jobs")),
            Bootstrap::MostRecent(rows) => walk(from(1).most_recent(rows), None),
        })
    }
}

/// The position of a run, as the state keeps it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct IdPosition {
    ranges: RangesPosition,
    /// The first publication day, from [`Bootstrap::Since`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    since: Option<Date>,
}

/// The walk of one run.
#[derive(Debug)]
struct IdWalk {
    jobs: SyncedList,
    /// The watermark before this run.
    before: Option<u64>,
    ranges: IdRanges,
    since: Option<Date>,
}

impl Strategy for IdWalk {
    fn step(&self, _: Timestamp) -> Step {
        let since = self.since.map(|day| ("published_since", day.to_string()));
        self.jobs.range(&self.ranges.next_query(), since.as_slice())
    }

    fn enter(&mut self, page: &dyn PageView, _: Timestamp) -> Result<Verdict, WalkError> {
        if let Some(since) = self.since {
            published_from(page, since)?;
        }
        let query = self.ranges.next_query();
        let Some(ids) = ids(page, &query) else {
            let hint = "the server did not apply min_id and max_id; on plan lite use sync_latest instead";
            return Err(WalkError::Ignored(hint.to_owned()));
        };
        self.ranges.enter(page, &ids)
    }

    fn activity(&self) -> Activity {
        self.ranges.activity()
    }

    fn finished(&self) -> bool {
        self.ranges.finished()
    }

    fn watermark(&self) -> Option<Mark> {
        // Never above the highest id that was delivered: an answer from an older copy of the data lacks the newest
        // rows, and the next run brings them.
        self.before.max(self.ranges.position().highest).map(Mark::Id)
    }

    fn total(&self, _: &dyn PageView) -> Option<u64> {
        None
    }

    fn position(&self) -> Value {
        let position = IdPosition { ranges: self.ranges.position().clone(), since: self.since };
        serde_json::to_value(position).unwrap_or_default()
    }
}
