//! Many lists of one page of ten rows: what a partition costs beside its request.

use std::convert::Infallible;

use futures::StreamExt;
use jobfeed::endpoint::{Answer, AnswerError, ApiRequest, Endpoint, Incremental, Listing, Paging, Record};
use jobfeed::{Checkpoint, Client, Error, ListAt, Position, RateLimit, SyncState, paginate, partitions};

use super::{Envelope, PlainJob, Setting};

/// The rows of each list.
pub const ROWS: u32 = 10;

/// The list of the ids from `first` on.
#[derive(Clone)]
struct List {
    first: u64,
}

impl List {
    fn number(number: u64) -> Self {
        Self { first: number * u64::from(ROWS) + 1 }
    }

    fn last(&self) -> u64 {
        self.first + u64::from(ROWS) - 1
    }
}

impl Endpoint for List {
    fn name(&self) -> &str {
        "bench/list"
    }

    fn request(&self, _: &Position) -> ApiRequest {
        let request = ApiRequest::get("jobs/").query("page_size", ROWS);
        request.query("min_id", self.first).query("max_id", self.last())
    }

    fn list(&self) -> ListAt {
        ListAt::Field("results")
    }

    fn next(&self, _: &Position, answer: &Answer<'_>) -> Result<Paging, AnswerError> {
        Ok(Paging { next: None, total: paginate::total(answer, "count")? })
    }
}

impl Listing for List {
    type Item = PlainJob;
}

impl Incremental for List {
    type Mark = u64;

    fn since(&self, _: &u64) -> Self {
        self.clone()
    }

    fn mark(&self, record: &Record<'_>) -> Option<u64> {
        record.get("id")
    }
}

/// A store outside of this process: the states do not count in its memory.
struct Elsewhere;

impl Checkpoint for Elsewhere {
    type Error = Infallible;

    async fn load(&self, _: &str) -> Result<Option<SyncState>, Infallible> {
        Ok(None)
    }

    async fn save(&self, _: &str, _: &SyncState) -> Result<(), Infallible> {
        Ok(())
    }
}

/// One request for each list, one after the other, with one client.
pub async fn by_hand(setting: Setting) -> u64 {
    let client = reqwest::Client::new();
    let mut rows = 0;
    for list in (0..setting.rows / u64::from(ROWS)).map(List::number) {
        let (first, last) = (list.first, list.last());
        let url = format!("{}/plain/jobs/?page_size={ROWS}&min_id={first}&max_id={last}", setting.origin);
        let response = client.get(url).send().await.unwrap().error_for_status().unwrap();
        let body = response.bytes().await.unwrap();
        let envelope: Envelope<PlainJob> = serde_json::from_slice(&body).unwrap();
        rows += envelope.results.len() as u64;
    }
    rows
}

/// A sync of each list, 16 of them at a time, one request at a time: the default.
pub async fn sync(lists: u64, setting: Setting) -> u64 {
    let api = Client::builder().base_url(format!("{}/plain/", setting.origin)).rate_limit(RateLimit::unlimited());
    let api = api.build().unwrap();
    let results = partitions(0..lists, 16, async |number| {
        let mut run = api.list(List::number(number)).sync_since(format!("lists/{number}"), Elsewhere).await?;
        while let Some(batch) = run.next().await? {
            batch.commit().await?;
        }
        Ok::<_, Error>(())
    });
    let progress = results.progress();
    results.for_each(|done| async move { done.result.unwrap() }).await;
    assert_eq!(progress.partitions().complete, lists);
    progress.counts().rows
}
