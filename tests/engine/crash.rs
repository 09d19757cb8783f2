//! Promises 1 to 3 after crashes: the sync is killed at every poll and started again, then the rows are compared.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};

use jobfeed::checkpoint::{CheckpointError, MemoryStore};
use jobfeed::jobdataapi::Client;
use jobfeed::{Checkpoint, Error, SyncState};
use tokio::runtime::Runtime;

use crate::support::{Script, kill_after, paused_runtime};

/// How a consumer makes a batch durable.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Consumer {
    /// Rows and state in one transaction.
    OneTransaction,
    /// Rows first, then `commit`.
    RowsThenCommit,
    /// The mistake that the tests must detect: `commit` first, then the rows.
    CommitThenRows,
}

/// A database that survives the process: how often each row was written, and the state.
#[derive(Clone, Default)]
struct Database {
    rows: Arc<Mutex<BTreeMap<u64, u32>>>,
    store: SlowStore,
}

/// A store in whose saves the process can be killed: before the state is durable, and after.
#[derive(Clone, Default)]
struct SlowStore(MemoryStore);

impl Checkpoint for SlowStore {
    type Error = CheckpointError;

    async fn load(&self, key: &str) -> Result<Option<SyncState>, CheckpointError> {
        tokio::task::yield_now().await;
        self.0.load(key).await
    }

    async fn save(&self, key: &str, state: &SyncState) -> Result<(), CheckpointError> {
        tokio::task::yield_now().await;
        self.0.save(key, state).await?;
        tokio::task::yield_now().await;
        Ok(())
    }
}

impl Database {
    fn write(&self, ids: &[u64]) {
        let mut rows = self.rows.lock().unwrap();
        ids.iter().for_each(|id| *rows.entry(*id).or_default() += 1);
    }
}

async fn sync(api: Client, db: Database, consumer: Consumer) -> jobfeed::Result<()> {
    let mut run = api.jobs().page_size(10).sync_by_id("k", db.store.clone()).await?;
    while let Some(batch) = run.next().await? {
        let ids: Vec<u64> = batch.items().iter().map(|job| job.id).collect();
        match consumer {
            Consumer::OneTransaction => {
                tokio::task::yield_now().await;
                // The process cannot be killed between the two, because they are one transaction.
                db.write(&ids);
                db.store.0.save(batch.key(), batch.next_state()).await.unwrap();
                batch.committed();
            }
            Consumer::RowsThenCommit => {
                db.write(&ids);
                tokio::task::yield_now().await;
                batch.commit().await?;
            }
            Consumer::CommitThenRows => {
                batch.commit().await?;
                tokio::task::yield_now().await;
                db.write(&ids);
            }
        }
    }
    Ok(())
}

/// Kills a sync after `polls` polls and starts it again. Returns how often each row was written, and the requests of the
/// second process.
fn crash_at(runtime: &Runtime, polls: usize, consumer: Consumer, ids: &[u64]) -> Option<(BTreeMap<u64, u32>, usize)> {
    let script = Script::jobs(ids.to_vec());
    let db = Database::default();
    let api = || script.client().build().unwrap();
    if kill_after(runtime, polls, sync(api(), db.clone(), consumer)) {
        return None;
    }
    let before = script.requests();
    assert!(kill_after(runtime, 100_000, sync(api(), db.clone(), consumer)), "the second process reaches its end");
    let rows = db.rows.lock().unwrap().clone();
    Some((rows, script.requests() - before))
}

fn ids() -> Vec<u64> {
    (1..=9).chain(300..350).chain(1000..1021).collect()
}

/// The rows after a crash, for every poll at which the first process can be killed.
fn crashes(consumer: Consumer) -> Vec<BTreeMap<u64, u32>> {
    let runtime = paused_runtime();
    let _guard = runtime.enter();
    (0..).map_while(|polls| crash_at(&runtime, polls, consumer, &ids())).map(|(rows, _)| rows).collect()
}

#[test]
fn promise_2_killed_at_every_poll_each_row_arrives_exactly_once_with_one_transaction() {
    let outcomes = crashes(Consumer::OneTransaction);
    assert!(outcomes.len() > 20, "killed at {} polls only", outcomes.len());
    let wanted: BTreeMap<u64, u32> = ids().into_iter().map(|id| (id, 1)).collect();
    for (polls, rows) in outcomes.into_iter().enumerate() {
        assert_eq!(rows, wanted, "killed after {polls} polls");
    }
}

#[test]
fn promise_2_killed_at_every_poll_each_row_arrives_at_least_once_with_rows_then_commit() {
    let mut repeated = 0;
    for (polls, rows) in crashes(Consumer::RowsThenCommit).into_iter().enumerate() {
        assert_eq!(rows.keys().copied().collect::<Vec<_>>(), ids(), "killed after {polls} polls");
        assert!(rows.values().filter(|times| **times > 1).count() <= 10, "at most one page is delivered again");
        repeated += usize::from(rows.values().any(|times| *times > 1));
    }
    assert!(repeated > 0, "a page that was written and not committed is delivered again");
}

#[test]
fn promise_3_the_crash_test_detects_a_consumer_that_commits_too_early() {
    let lost = crashes(Consumer::CommitThenRows).into_iter().filter(|rows| rows.len() < ids().len()).count();
    assert!(lost > 0, "the crash test did not detect the mistake");
}

#[tokio::test]
async fn no_page_before_the_last_commit_is_fetched_again() {
    let script = Script::jobs((1..=95).collect());
    let store = MemoryStore::new();
    let api = script.client().build().unwrap();
    let mut run = api.jobs().page_size(10).sync_by_id("k", &store).await.unwrap();
    let queries = || -> Vec<String> {
        let log = std::mem::take(&mut *script.log.lock().unwrap());
        log.iter().map(|(_, request)| request.uri().query().unwrap().to_owned()).collect()
    };
    let mut committed = Vec::new();
    for _ in 0..5 {
        let batch = run.next().await.unwrap().unwrap();
        committed.extend(queries());
        batch.commit().await.unwrap();
    }
    drop(run);
    queries();
    crate::support::finish(&mut api.jobs().page_size(10).sync_by_id("k", &store).await.unwrap()).await.unwrap();
    let again: Vec<String> = queries().into_iter().filter(|query| committed.contains(query)).collect();
    assert!(committed.len() >= 5 && again.is_empty(), "{again:?}");
}

#[tokio::test]
async fn promise_3_only_the_caller_saves_a_state() {
    let script = Script::jobs((1..=50).collect());
    let store = MemoryStore::new();
    let api = script.client().build().unwrap();
    let mut run = api.jobs().page_size(10).sync_by_id("k", &store).await.unwrap();
    let batch = run.next().await.unwrap().unwrap();
    let rows = batch.items().len() as u64;
    assert!(rows > 0);
    assert!(store.load("k").await.unwrap().is_none(), "nothing is saved before the commit");
    batch.commit().await.unwrap();
    let state = store.load("k").await.unwrap().unwrap();
    assert_eq!(
        (state.revision(), state.watermark()),
        (1, None),
        "the watermark does not move before the end of the run"
    );
    assert_eq!(state.run().map(|run| (run.pages, run.rows)), Some((1, rows)));
    drop(run.next().await.unwrap().unwrap());
    let error = run.next().await.unwrap_err();
    assert!(matches!(&error, Error::Uncommitted { key } if key == "k"), "{error}");
    assert_eq!(store.load("k").await.unwrap().unwrap(), state, "and the state was not changed");
}

#[tokio::test]
async fn a_run_is_cancel_safe() {
    let script = Script::jobs((1..=95).collect());
    let api = script.client().build().unwrap();
    let mut run = api.jobs().page_size(10).sync_by_id("k", MemoryStore::new()).await.unwrap();
    let mut ids = Vec::new();
    loop {
        // The future of each call is dropped twice before it may complete.
        for _ in 0..2 {
            let mut next = Box::pin(run.next());
            let ready = next.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready();
            assert!(!ready, "the transport yields before it answers");
        }
        let Some(batch) = run.next().await.unwrap() else { break };
        ids.extend(batch.items().iter().map(|job| job.id));
        batch.commit().await.unwrap();
        if ids.len() == 95 {
            break;
        }
    }
    ids.sort_unstable();
    assert_eq!(ids, (1..=95).collect::<Vec<_>>());
}
