//! A crate that wraps `jobfeed`: a smaller API, its own error type, its own checkpoint store, its own record type.
//!
//! It is an example of a crate that uses the library. It must not need anything that is not public.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::{Stream, TryStreamExt};
use jobfeed::checkpoint::CheckpointError;
use jobfeed::jobdataapi::{Bootstrap, Client};
use jobfeed::{Checkpoint, Outcome, Report, SyncState};
use serde::Deserialize;

/// The errors of this crate.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    #[error("the feed is throttled, try again in {0:?}")]
    Later(Duration),
    #[error("the key gives no access to this feed")]
    Forbidden,
    #[error("another importer is running")]
    Busy,
    #[error("the import failed")]
    Failed(#[source] jobfeed::Error),
}

impl From<jobfeed::Error> for FeedError {
    fn from(error: jobfeed::Error) -> Self {
        if let Some(wait) = error.retry_after().filter(|_| error.is_rate_limited()) {
            return Self::Later(wait);
        }
        match &error {
            jobfeed::Error::Checkpoint { source: CheckpointError::Conflict { .. }, .. } => Self::Busy,
            _ if matches!(error.status().map(|status| status.as_u16()), Some(401 | 403)) => Self::Forbidden,
            _ => Self::Failed(error),
        }
    }
}

/// The fields of a posting that this crate uses.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Posting {
    pub id: u64,
    pub title: Option<String>,
}

/// The rows and the states of this crate in one place, as in a database.
#[derive(Debug, Clone, Default)]
pub struct Warehouse(Arc<Mutex<Tables>>);

#[derive(Debug, Default)]
struct Tables {
    postings: BTreeMap<u64, Posting>,
    states: BTreeMap<String, String>,
}

impl Warehouse {
    fn tables(&self) -> std::sync::MutexGuard<'_, Tables> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn ids(&self) -> Vec<u64> {
        self.tables().postings.keys().copied().collect()
    }

    /// Rows and state in one step; returns how many rows were new.
    fn store(&self, postings: &[Posting], key: &str, state: &SyncState) -> u64 {
        let mut tables = self.tables();
        let before = tables.postings.len();
        tables.postings.extend(postings.iter().map(|posting| (posting.id, posting.clone())));
        tables.states.insert(key.to_owned(), state.to_json());
        (tables.postings.len() - before) as u64
    }
}

impl Checkpoint for Warehouse {
    type Error = CheckpointError;

    async fn load(&self, key: &str) -> Result<Option<SyncState>, CheckpointError> {
        self.tables().states.get(key).map(|json| SyncState::from_json(json)).transpose()
    }

    async fn save(&self, key: &str, state: &SyncState) -> Result<(), CheckpointError> {
        let stored = self.load(key).await?;
        CheckpointError::check_revision(stored.as_ref(), state)?;
        self.tables().states.insert(key.to_owned(), state.to_json());
        Ok(())
    }
}

/// The smaller API: the feed of one country.
#[derive(Debug, Clone)]
pub struct Feed {
    api: Client,
    country: String,
}

impl Feed {
    pub fn new(api: Client, country: impl Into<String>) -> Self {
        Self { api, country: country.into() }
    }

    /// All current postings of the country.
    pub fn postings(&self) -> impl Stream<Item = Result<Posting, FeedError>> + Send + Unpin + 'static {
        let pages = self.api.jobs().country_codes([&self.country]).all_ages().page_size(100).pages_as::<Posting>();
        pages.into_items().map_err(FeedError::from)
    }

    /// Imports new postings into the warehouse.
    pub async fn import(&self, warehouse: &Warehouse) -> Result<Report, FeedError> {
        let jobs = self.api.jobs().country_codes([&self.country]).page_size(100);
        let sync = jobs.sync_by_id(format!("feed/{}", self.country), warehouse.clone());
        let mut run = sync.bootstrap(Bootstrap::All).items_as::<Posting>().await?;
        while let Some(mut batch) = run.next().await? {
            let new = warehouse.store(batch.items(), batch.key(), batch.next_state());
            batch.report_new(new);
            batch.committed();
        }
        Ok(run.report())
    }

    /// The same on its own task.
    pub fn spawn_import(&self, warehouse: Warehouse) -> tokio::task::JoinHandle<Result<bool, FeedError>> {
        let feed = self.clone();
        tokio::spawn(async move { Ok(feed.import(&warehouse).await?.outcome == Outcome::Complete) })
    }
}
