//! What came and what went: the whole list of jobs against the ids that the caller knows.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::TryStreamExt;
use serde::Deserialize;

use super::requests::JobsRequest;
use crate::error::{Error, Result};
use crate::listing::Endpoint;

/// How far before the walk the check begins that keeps jobs which moved meanwhile from being called vanished.
const OVERLAP: Duration = Duration::from_secs(600);

/// The outcome of [`JobsRequest::full_list_diff`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListDiff {
    /// The ids that the list has and the caller did not know, in their order.
    pub appeared: BTreeSet<String>,
    /// The ids that the caller knew and the list no longer has: closed, or of a company whose access ended.
    pub vanished: BTreeSet<String>,
    /// How many ids both have.
    pub remained: usize,
}

#[derive(Deserialize)]
struct Id {
    id: String,
}

impl JobsRequest {
    /// Walks the whole list and compares its ids with those that the caller holds under the same filters.
    ///
    /// This is how removals show: closed jobs leave the list without a trace (vendor page: jobs). A job that was changed
    /// while the list was walked may have been passed over; before anything is called vanished, the jobs changed since the
    /// start are asked for as well.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use jobfeed::employjoy;
    ///
    /// # let server = jobfeed::testing::EmployJoy::builder().jobs(3).start().await?;
    /// # let (key, url) = (server.api_key(), server.base_url());
    /// let api = employjoy::Client::builder().api_key(key).base_url(url).build()?;
    /// let diff = api.jobs().full_list_diff(["job_gone".to_owned()]).await?;
    /// assert_eq!((diff.appeared.len(), diff.remained), (3, 0));
    /// assert!(diff.vanished.contains("job_gone"));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Error::Invalid`] with `updated_since` or a cursor: only a whole list can tell what is missing. Any error of the walk,
    /// a record without a readable id too: nothing is called vanished by a part of the list.
    pub async fn full_list_diff<S: Into<String>>(self, known: impl IntoIterator<Item = S> + Send) -> Result<ListDiff> {
        if self.list.endpoint.updated_since.is_some() || self.list.cursor.is_some() {
            return Err(Error::invalid("full_list_diff", "a part of the list", "no updated_since and no cursor"));
        }
        let mut vanished: BTreeSet<String> = known.into_iter().map(Into::into).collect();
        let (client, list) = (self.list.client.clone(), self.list.endpoint.clone());
        list.validate()?;
        let start = client.clock().now();
        let listed = ids(self).await?;
        let before = vanished.len();
        let appeared: BTreeSet<String> = listed.into_iter().filter(|id| !vanished.remove(id)).collect();
        let remained = before - vanished.len();
        let mut diff = ListDiff { appeared, vanished, remained };
        if !diff.vanished.is_empty() {
            let since = start.checked_sub(OVERLAP).unwrap_or(start);
            for id in ids(Self::new(&client, list).updated_since(since)).await? {
                if diff.vanished.remove(&id) {
                    diff.remained += 1;
                }
            }
        }
        Ok(diff)
    }
}

async fn ids(jobs: JobsRequest) -> Result<BTreeSet<String>> {
    let mut pages = jobs.strict().pages_as::<Id>();
    let mut ids = BTreeSet::new();
    while let Some(page) = pages.try_next().await? {
        ids.extend(page.items.into_iter().map(|job| job.id));
    }
    Ok(ids)
}
