//! Compares the whole list of jobs with the ids that the caller knows: new jobs and removed jobs.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::TryStreamExt;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::models::JobStatus;
use super::requests::JobsRequest;
use crate::client::Client;
use crate::error::{Error, Result};
use crate::listing::Endpoint;
use crate::sync::clock_ahead;

/// The second request lists jobs that changed since this long before the walk: the walk may have missed them.
const OVERLAP: Duration = Duration::from_secs(600);

/// The outcome of [`JobsRequest::full_list_diff`]. A job has vanished when it closed, or access to its company ended.
pub type ListDiff = crate::sync::ListDiff<String>;

#[derive(Deserialize)]
struct Id {
    id: String,
    status: Option<JobStatus>,
}

impl JobsRequest {
    /// Walks the whole list and compares its ids with the ids that the caller has for the same filters.
    ///
    /// Closed jobs are removed from the list without a notice (vendor page: jobs); this finds them. It asks for open jobs
    /// (`status=open`, vendor page), and a job with another status counts as not listed. Jobs that changed since the
    /// start of the walk are requested too before an id is reported as vanished: the walk may miss them.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use jobfeed::employjoy;
    ///
    /// # let sim = jobfeed::testing::EmployJoy::builder().jobs(3).start().await?;
    /// # let (key, url) = (sim.api_key(), sim.base_url());
    /// let api = employjoy::Client::builder().api_key(key).base_url(url).build()?;
    /// let diff = api.jobs().full_list_diff(["job_gone".to_owned()]).await?;
    /// assert_eq!((diff.appeared.len(), diff.remained), (3, 0));
    /// assert!(diff.vanished.contains("job_gone"));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Error::Invalid`] with `updated_since` or a cursor: only a whole list shows what is missing. Any error of the
    /// walk, also for a record without a readable id: part of a list never reports an id as vanished.
    pub async fn full_list_diff<S: Into<String>>(self, known: impl IntoIterator<Item = S> + Send) -> Result<ListDiff> {
        if self.list.endpoint.updated_since.is_some() || self.list.cursor.is_some() {
            return Err(Error::invalid("full_list_diff", "a part of the list", "no updated_since and no cursor"));
        }
        let jobs = self.status(&JobStatus::Open);
        let (client, list) = (jobs.list.client.clone(), jobs.list.endpoint.clone());
        list.validate()?;
        let start = client.clock().now();
        let (listed, ahead) = ids(jobs, &client, start).await?;
        let mut diff = ListDiff::new(known.into_iter().map(Into::into).collect(), listed);
        if !diff.vanished.is_empty() {
            // By the server's clock: with a local clock that is ahead, the second request would list nothing.
            let since = start.checked_sub(OVERLAP).and_then(|since| since.checked_sub(ahead)).unwrap_or(start);
            for id in ids(Self::new(&client, list).updated_since(since), &client, start).await?.0 {
                diff.is_there(&id);
            }
        }
        Ok(diff)
    }
}

/// The ids of the list, and how far the local clock is ahead of the server's, zero when it is not.
async fn ids(jobs: JobsRequest, client: &Client, start: Timestamp) -> Result<(BTreeSet<String>, SignedDuration)> {
    let mut pages = jobs.strict().pages_as::<Id>();
    let (mut ids, mut ahead) = (BTreeSet::new(), SignedDuration::ZERO);
    while let Some(page) = pages.try_next().await? {
        let date = page.headers().get("date").and_then(|date| date.to_str().ok());
        ahead = ahead.max(clock_ahead(date, start, client.clock().now()).unwrap_or_default());
        let open =
            page.items.into_iter().filter(|job| job.status.as_ref().is_none_or(|status| *status == JobStatus::Open));
        ids.extend(open.map(|job| job.id));
    }
    Ok((ids, ahead))
}
