//! The table `posting` of a Datasette server: a listing, and an incremental sync with a checkpoint in a file.

use std::{collections::BTreeMap, error::Error, fs, io::Write, path::Path};

use jobfeed::checkpoint::FileStore;
use jobfeed::endpoint::{Answer, AnswerError, ApiRequest, Endpoint, Incremental, Listing, Paging, Record};
use jobfeed::serde_json::{Value, from_str};
use jobfeed::{Client, ListAt, Position, Report, jiff::Timestamp, paginate};

/// All rows, or those that changed since an instant, by the time of the last change.
#[derive(Clone, Default)]
pub(crate) struct Postings(Option<Timestamp>);

impl Endpoint for Postings {
    fn name(&self) -> &'static str {
        "datasette/posting"
    }
    fn request(&self, at: &Position) -> ApiRequest {
        let table = ApiRequest::get("posting.json").query("_shape", "objects").query("_sort", "updated_at");
        let page = at.token().into_iter().fold(table, |page, token| page.query("_next", token)).query("_size", 100);
        self.0.iter().fold(page, |page, since| page.query("updated_at__gte", since))
    }
    fn list(&self) -> ListAt {
        ListAt::Field("rows")
    }
    fn next(&self, _: &Position, answer: &Answer<'_>) -> Result<Paging, AnswerError> {
        paginate::token(answer, "next")
    }
    // A token names the last row of its page.
    fn positions_shift(&self) -> bool {
        false
    }
}

impl Listing for Postings {
    type Item = Value;
}

impl Incremental for Postings {
    type Mark = Timestamp;

    fn since(&self, changed: &Timestamp) -> Self {
        Self(Some(*changed))
    }
    fn mark(&self, row: &Record<'_>) -> Option<Timestamp> {
        row.get("updated_at")
    }
}

/// Adds new and changed rows to the file `rows` of the folder, and only then moves the checkpoint.
pub(crate) async fn sync(api: &Client, folder: &Path) -> Result<Report, Box<dyn Error>> {
    let mut run = api.list(Postings::default()).sync_since("posting", FileStore::new(folder)?).await?;
    let mut rows = fs::OpenOptions::new().create(true).append(true).open(folder.join("rows"))?;
    while let Some(batch) = run.next().await? {
        let lines: Vec<String> = batch.items().iter().map(|row| format!("\n{row}")).collect();
        rows.write_all(lines.concat().as_bytes())?;
        batch.commit().await?;
    }
    Ok(run.report())
}

/// The rows by id; a later line replaces an earlier one, and a line that was cut by a crash comes again.
pub(crate) fn rows(folder: &Path) -> Result<BTreeMap<u64, Value>, Box<dyn Error>> {
    let text = fs::read_to_string(folder.join("rows"))?;
    let rows = text.lines().filter_map(|line| from_str::<Value>(line).ok());
    Ok(rows.filter_map(|row| Some((row.get("id")?.as_u64()?, row))).collect())
}
