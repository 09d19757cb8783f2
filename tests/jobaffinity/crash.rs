//! The sync by id with crashes: killed at every poll, with cursors that stay valid or expire, and started again.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use jobfeed::checkpoint::MemoryStore;
use jobfeed::jobaffinity::Client;
use jobfeed::{Checkpoint, Mark, RateLimit};

use crate::support::{Reply, Script, kill_after, paused_runtime};

const ROWS: u64 = 95;

/// Ten changes a page, the newest first. A cursor is `<generation>.<last id>`; a cursor of an older generation is
/// `INVALID`.
fn service(generation: Arc<AtomicU64>) -> Script {
    Script::new(move |_, request| {
        let generation = generation.load(Ordering::SeqCst);
        let query: BTreeMap<_, _> = url::form_urlencoded::parse(request.uri().query().unwrap().as_bytes()).collect();
        let since: u64 = query.get("since").map_or(0, |since| since.parse().unwrap());
        let top = match query.get("pagecursor").map(|cursor| cursor.split_once('.').unwrap()) {
            None => ROWS,
            Some((of, top)) if of == generation.to_string() => top.parse().unwrap(),
            Some(_) => return Reply::page(r#"{"_status":"INVALID","invalid":{"pagecursor":["unknown"]}}"#),
        };
        let end = top.saturating_sub(10).max(since.saturating_sub(1));
        let rows: Vec<String> = (end + 1..=top).rev().map(|id| format!(r#"{{"id":5,"change_id":{id}}}"#)).collect();
        let more = end > since.saturating_sub(1);
        let next = if more { format!("/restapi/v1/step?pagecursor={generation}.{end}") } else { String::new() };
        Reply::page(&format!(r#"{{"_status":"OK","items":[{}],"_next":"{next}"}}"#, rows.join(",")))
    })
}

type Rows = Arc<Mutex<BTreeMap<u64, u32>>>;

async fn sync(api: Client, rows: Rows, store: MemoryStore, one_transaction: bool) -> jobfeed::Result<()> {
    let mut run = api.steps().page_size(10).sync_since("k", &store).await?;
    while let Some(batch) = run.next().await? {
        tokio::task::yield_now().await;
        for change in batch.items() {
            *rows.lock().unwrap().entry(change.change_id.unwrap()).or_default() += 1;
        }
        if one_transaction {
            // No poll between the two, as in one transaction.
            store.save(batch.key(), batch.next_state()).await.unwrap();
            batch.committed();
        } else {
            tokio::task::yield_now().await;
            batch.commit().await?;
        }
    }
    Ok(())
}

/// The rows that were written, for every poll at which the first process can be killed.
fn crashes(one_transaction: bool, cursors_expire: bool) -> Vec<BTreeMap<u64, u32>> {
    let runtime = paused_runtime();
    let _guard = runtime.enter();
    let crash_at = |polls| {
        let generation = Arc::new(AtomicU64::new(1));
        let script = service(generation.clone());
        let (rows, store) = (Rows::default(), MemoryStore::new());
        let api = || {
            let builder = Client::builder().login("ana", "pw").transport(script.clone());
            builder.rate_limit(RateLimit::unlimited()).build().unwrap()
        };
        if kill_after(&runtime, polls, sync(api(), rows.clone(), store.clone(), one_transaction)) {
            return None;
        }
        if cursors_expire {
            generation.fetch_add(1, Ordering::SeqCst);
        }
        assert!(
            kill_after(&runtime, 100_000, sync(api(), rows.clone(), store.clone(), one_transaction)),
            "the second process ends"
        );
        let state = futures::executor::block_on(store.load("k")).unwrap().unwrap();
        assert_eq!(state.watermark(), Some(Mark::Id(ROWS)));
        let rows = rows.lock().unwrap().clone();
        Some(rows)
    };
    (0..).map_while(crash_at).collect()
}

#[test]
fn killed_at_every_poll_each_row_arrives_exactly_once_with_one_transaction() {
    let outcomes = crashes(true, false);
    assert!(outcomes.len() >= 10, "{} polls", outcomes.len());
    for (polls, rows) in outcomes.into_iter().enumerate() {
        assert_eq!(rows.len() as u64, ROWS, "killed after {polls} polls");
        // Only the newest may be repeated: a run after a complete run starts with it.
        assert!(rows.iter().all(|(id, times)| *times == 1 || *id == ROWS), "killed after {polls} polls: {rows:?}");
    }
}

#[test]
fn killed_at_every_poll_at_most_one_page_is_repeated_when_the_commit_follows_the_rows() {
    let mut again = 0;
    for (polls, rows) in crashes(false, false).into_iter().enumerate() {
        assert_eq!(rows.len() as u64, ROWS, "killed after {polls} polls");
        let twice = rows.values().filter(|times| **times > 1).count();
        assert!(twice <= 10, "killed after {polls} polls");
        again += usize::from(twice > 0);
    }
    assert!(again > 0, "a page that was written and not committed is repeated");
}

#[test]
fn killed_at_every_poll_no_row_is_lost_when_the_cursors_expire_too() {
    let outcomes = crashes(true, true);
    assert!(outcomes.len() >= 10, "{} polls", outcomes.len());
    for (polls, rows) in outcomes.into_iter().enumerate() {
        assert_eq!(rows.len() as u64, ROWS, "killed after {polls} polls");
    }
}
