//! The walk by cursor with crashes: killed at every poll and started again, with cursors that stay valid or expire
//! meanwhile.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use jobfeed::checkpoint::MemoryStore;
use jobfeed::employjoy::Client;
use jobfeed::{Checkpoint, RateLimit};

use crate::support::{Reply, Script, kill_after, paused_runtime};

const ROWS: u64 = 95;

/// Ten rows a page. A cursor is `<generation>.<first row>`; one of an older generation is refused.
fn service(generation: Arc<AtomicU64>) -> Script {
    Script::new(move |_, request| {
        let generation = generation.load(Ordering::SeqCst);
        let query: BTreeMap<_, _> = url::form_urlencoded::parse(request.uri().query().unwrap().as_bytes()).collect();
        assert_eq!(query["limit"], "10");
        let first = match query.get("cursor").map(|cursor| cursor.split_once('.').unwrap()) {
            None => 1,
            Some((of, first)) if of == generation.to_string() => first.parse().unwrap(),
            Some(_) => return Reply::Json(400, Vec::new(), r#"{"error":"INVALID_CURSOR"}"#.to_owned()),
        };
        let last = (first + 9).min(ROWS);
        let rows: Vec<String> =
            (first..=last).map(|id| format!(r#"{{"id":"{id}","updatedAt":"2026-05-01T00:00:00Z"}}"#)).collect();
        let next = if last < ROWS { format!(r#","next_cursor":"{generation}.{}""#, last + 1) } else { String::new() };
        Reply::page(&format!(r#"{{"data":[{}]{next}}}"#, rows.join(",")))
    })
}

type Rows = Arc<Mutex<BTreeMap<String, u32>>>;

async fn sync(api: Client, rows: Rows, store: MemoryStore, one_transaction: bool) -> jobfeed::Result<()> {
    let mut run = api.jobs().page_size(10).sync_by_update("k", &store).await?;
    while let Some(batch) = run.next().await? {
        tokio::task::yield_now().await;
        batch.items().iter().for_each(|job| *rows.lock().unwrap().entry(job.id.clone()).or_default() += 1);
        if one_transaction {
            // No poll between the two: they are one transaction.
            store.save(batch.key(), batch.next_state()).await.unwrap();
            batch.committed();
        } else {
            tokio::task::yield_now().await;
            batch.commit().await?;
        }
    }
    Ok(())
}

/// The rows written, with their number of writes, for every poll at which the first process can be killed.
fn crashes(one_transaction: bool, cursors_expire: bool) -> Vec<BTreeMap<String, u32>> {
    let runtime = paused_runtime();
    let _guard = runtime.enter();
    let crash_at = |polls| {
        let generation = Arc::new(AtomicU64::new(1));
        let script = service(generation.clone());
        let (rows, store) = (Rows::default(), MemoryStore::new());
        let api = || {
            let builder = Client::builder().api_key("k").transport(script.clone());
            builder.rate_limit(RateLimit::unlimited()).build().unwrap()
        };
        if kill_after(&runtime, polls, sync(api(), rows.clone(), store.clone(), one_transaction)) {
            return None;
        }
        if cursors_expire {
            generation.fetch_add(1, Ordering::SeqCst);
        }
        assert!(
            kill_after(&runtime, 100_000, sync(api(), rows.clone(), store, one_transaction)),
            "the second process completes"
        );
        let rows = rows.lock().unwrap().clone();
        Some(rows)
    };
    (0..).map_while(crash_at).collect()
}

#[test]
fn killed_at_every_poll_each_row_arrives_exactly_once_with_one_transaction() {
    let outcomes = crashes(true, false);
    assert!(outcomes.len() >= 10, "killed at {} polls", outcomes.len());
    for (polls, rows) in outcomes.into_iter().enumerate() {
        assert_eq!(rows.len() as u64, ROWS, "killed after {polls} polls");
        assert!(rows.values().all(|times| *times == 1), "killed after {polls} polls: {rows:?}");
    }
}

#[test]
fn killed_at_every_poll_at_most_one_page_arrives_again_when_rows_are_written_before_the_commit() {
    let mut again = 0;
    for (polls, rows) in crashes(false, false).into_iter().enumerate() {
        assert_eq!(rows.len() as u64, ROWS, "killed after {polls} polls");
        let twice = rows.values().filter(|times| **times > 1).count();
        assert!(twice <= 10, "killed after {polls} polls");
        again += usize::from(twice > 0);
    }
    assert!(again > 0, "a page that was written and not committed arrives again");
}

#[test]
fn killed_at_every_poll_no_row_is_lost_when_the_cursors_expire_too() {
    let outcomes = crashes(true, true);
    assert!(outcomes.len() >= 10, "killed at {} polls", outcomes.len());
    for (polls, rows) in outcomes.into_iter().enumerate() {
        assert_eq!(rows.len() as u64, ROWS, "killed after {polls} polls");
    }
}
