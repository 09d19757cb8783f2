//! Compares a whole list with the ids that the caller knows. The service announces no deletion and no change of a job.

use std::collections::{BTreeMap, BTreeSet};

use futures::TryStreamExt;
use http::StatusCode;
use serde::de::{Error as _, IgnoredAny};
use serde::{Deserialize, Deserializer};

use super::Client;
use super::endpoint::ListEndpoint;
use super::models::JobStatus;
use super::requests::{CandidateApplicationsRequest, CandidatesRequest, JobApplicationsRequest, JobsRequest};
use crate::client::Provider;
use crate::error::{Error, Result};
use crate::json::{empty_as_none, number};
use crate::listing::ListRequest;
use crate::sync::ListDiff;

/// The outcome of [`JobsRequest::full_list_diff`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct JobsDiff {
    /// The new jobs, and those that are gone.
    pub ids: ListDiff<u64>,
    /// The known jobs in the list whose status is another one than the caller's, sorted.
    pub changed: BTreeSet<u64>,
    /// The status of each listed job, as far as the list has it. That it does is inferred.
    pub statuses: BTreeMap<u64, JobStatus>,
}

/// What the comparison needs of a record.
#[derive(Deserialize)]
struct Listed {
    #[serde(deserialize_with = "id")]
    id: u64,
    #[serde(default, deserialize_with = "empty_as_none")]
    status: Option<JobStatus>,
}

fn id<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<u64, D::Error> {
    number(deserializer)?.ok_or_else(|| D::Error::custom("no id"))
}

impl JobsRequest {
    /// Walks the whole list of jobs and compares it with the ids and the statuses that the caller has: which jobs are new,
    /// which have another status, and which are gone. Jobs have no date of modification, so nothing else tells it;
    /// [`Client::job`] has the other fields of a new or changed job.
    ///
    /// A known job that the walk did not find is requested by its id, one request for each, because a walk may miss a
    /// record while others are removed. It is gone when the server answers 403 or 404 to that.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use jobfeed::jobaffinity::{self, JobStatus};
    ///
    /// # let server = jobfeed::testing::JobAffinity::builder().jobs(3).start().await?;
    /// # let api: jobaffinity::Client = server.client().build()?;
    /// let diff = api.jobs().full_list_diff([(9, JobStatus::Published)]).await?;
    /// assert_eq!(diff.ids.appeared.len(), 3);
    /// assert!(diff.ids.vanished.contains(&9));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Error::Invalid`] with any parameter but the page size, or a cursor: only the whole list shows what is missing.
    /// Any error of the walk, also for a record without a readable id: part of a list never reports an id as gone.
    pub async fn full_list_diff(self, known: impl IntoIterator<Item = (u64, JobStatus)> + Send) -> Result<JobsDiff> {
        let known: BTreeMap<u64, JobStatus> = known.into_iter().collect();
        let (ids, statuses) = diff(self.list, known.keys().copied().collect(), "job").await?;
        let changed = |(id, status): &(&u64, &JobStatus)| known.get(*id).is_some_and(|before| before != *status);
        let changed = statuses.iter().filter(changed).map(|(id, _)| *id).collect();
        Ok(JobsDiff { ids, changed, statuses })
    }
}

/// Declares the comparison of lists by id.
macro_rules! diffs {
    ($($request:ident at $path:literal;)*) => {$(
        impl $request {
            /// Walks the whole list and compares its ids with the ids that the caller has: which are new, and which are
            /// gone. The service announces no deletions (inferred), also not those that a person asked for.
            ///
            /// A known id that the walk did not find is requested by itself, one request for each, because a walk may
            /// miss a record while others are removed. It is gone when the server answers 403 or 404 to that.
            ///
            /// # Errors
            /// As [`JobsRequest::full_list_diff`].
            pub async fn full_list_diff(self, known: impl IntoIterator<Item = u64> + Send) -> Result<ListDiff<u64>> {
                Ok(diff(self.list, known.into_iter().collect(), $path).await?.0)
            }
        }
    )*};
}

diffs! {
    CandidatesRequest at "candidate";
    JobApplicationsRequest at "application";
    CandidateApplicationsRequest at "application";
}

/// The difference, and the statuses in the list. A single record is at this path and its id.
async fn diff(
    list: ListRequest<ListEndpoint>,
    known: BTreeSet<u64>,
    path: &str,
) -> Result<(ListDiff<u64>, BTreeMap<u64, JobStatus>)> {
    if !list.endpoint.query.pairs().is_empty() || list.cursor.is_some() {
        return Err(Error::invalid(
            "full_list_diff",
            "a part of the list",
            "no parameter but the page size, no cursor",
        ));
    }
    let api = Client::from_core(list.client.clone());
    let mut pages = list.strict().pages_as::<Listed>();
    let (mut ids, mut statuses) = (BTreeSet::new(), BTreeMap::new());
    while let Some(page) = pages.try_next().await? {
        for record in page.items {
            ids.insert(record.id);
            statuses.extend(record.status.map(|status| (record.id, status)));
        }
    }
    let mut diff = ListDiff::new(known, ids);
    for id in diff.vanished.clone() {
        match api.follow::<IgnoredAny>(&format!("{path}/{id}")).send().await {
            Ok(_) => diff.is_there(&id),
            Err(error) if matches!(error.status(), Some(StatusCode::FORBIDDEN | StatusCode::NOT_FOUND)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok((diff, statuses))
}
