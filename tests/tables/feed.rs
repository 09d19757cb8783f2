//! A feed with all types of columns, and removals.

use jobfeed::paginate::{ReadAt, Scheme};
use jobfeed::rest::{Client, RecordsRequest, Removals, Watermark};
use jobfeed::tables::{Column, ColumnType, Schema, Sink};
use jobfeed::testing::{AnyApi, ListRoute};
use jobfeed::{Report, Result};
use serde_json::{Value, json};

pub(crate) const PAGE: usize = 10;

pub(crate) fn schema() -> Schema {
    let company = [Column::new("id", ColumnType::Integer).required(), Column::new("name", ColumnType::Text)];
    Schema::new([
        Column::new("id", ColumnType::Integer).key(),
        Column::new("title", ColumnType::Text).required(),
        Column::new("updated_at", ColumnType::Timestamp),
        Column::new("day", ColumnType::Date),
        Column::new("salary", ColumnType::decimal(12, 2)),
        Column::new("score", ColumnType::Float),
        Column::new("remote", ColumnType::Boolean),
        Column::new("raw", ColumnType::Json),
        Column::new("countries", ColumnType::list(ColumnType::Text)),
        Column::new("company", ColumnType::structure(company)),
    ])
    .unwrap()
}

/// A record; `version` is in its title and its instant.
pub(crate) fn record(id: u64, version: u64) -> Value {
    json!({
        "id": id, "title": format!("job {id} v{version}"),
        "updated_at": format!("2026-05-{:02}T{:02}:{:02}:00.25Z", 1 + version, id / 60 % 24, id % 60),
        "day": (id % 3 > 0).then_some("2026-02-28"), "salary": "-1234.50", "score": 0.25, "remote": id % 2 == 0,
        "raw": {"a": [1, null, "é"]}, "countries": ["US", null, "CA"], "company": {"id": id * 10, "name": null}
    })
}

pub(crate) fn removal(id: u64, version: u64) -> Value {
    json!({"id": id, "updated_at": record(id, version)["updated_at"], "deleted": true})
}

pub(crate) struct Feed(pub(crate) AnyApi);

impl Feed {
    pub(crate) async fn start(records: impl IntoIterator<Item = Value>) -> Self {
        let scheme = Scheme::token_at(ReadAt::pointer("/next"), "cursor").page_size("limit", PAGE as u32);
        let list = ListRoute::new("jobs", scheme).rows(records).lower_bound("since", "/updated_at");
        Self(AnyApi::builder().list(list.sorted_by(["/updated_at", "/id"])).start().await.unwrap())
    }

    /// Adds a record, or replaces the one with its id.
    pub(crate) fn put(&self, record: Value) {
        self.0.with(|lists| {
            let rows = lists.rows("jobs");
            rows.retain(|row| row["id"] != record["id"]);
            rows.push(record);
        });
    }

    pub(crate) fn jobs(&self) -> RecordsRequest<Value> {
        let scheme = Scheme::token_at(ReadAt::pointer("/next"), "cursor").page_size("limit", PAGE as u32);
        let api = Client::builder().base_url(self.0.base_url()).build().unwrap();
        let removed = Removals::equals("/deleted", true);
        let jobs = api.list::<Value>("jobs").records_at("/items").paginate(scheme).key("id").removals(removed);
        jobs.watermark(Watermark::instant("/updated_at", "since").lag(std::time::Duration::ZERO))
    }

    /// Runs a sync to its end.
    pub(crate) async fn sync(&self, table: &(impl Sink + ?Sized), key: &str) -> Result<Report> {
        let mut run = self.jobs().sync_since(key, table.checkpoint()).await?;
        while let Some(batch) = run.next().await? {
            (&table).commit(batch, Value::clone).await?;
        }
        Ok(run.report())
    }
}
