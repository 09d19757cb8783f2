//! A table as Datasette serves it: a token that names the last row of its page.

use jobfeed::jiff::Timestamp;
use jobfeed::paginate::{ReadAt, Scheme};
use jobfeed::serde_json::{Value, json};
use jobfeed::testing::ListRoute;

/// The table with rows from 1 on, the last one changed last.
pub(crate) fn postings(rows: i64) -> ListRoute {
    let scheme = Scheme::token_at(ReadAt::pointer("/next"), "_next").page_size("_size", 100).fixed_positions();
    let table = ListRoute::new("posting.json", scheme).rows((1..=rows).map(|id| row(id, id))).records_at("/rows");
    let table = table.sorted_by(["/updated_at", "/id"]).lower_bound("updated_at__gte", "/updated_at");
    table.body(json!({"ok": true, "truncated": false, "next_url": null}))
}

/// A row that was changed this many minutes after the start of May 2026.
pub(crate) fn row(id: i64, minutes: i64) -> Value {
    let changed = Timestamp::from_second(1_777_593_600 + 60 * minutes).unwrap_or_default();
    json!({"id": id, "title": format!("Posting {id}"), "updated_at": changed})
}
