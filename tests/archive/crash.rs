//! A run that is stopped at every point: what was committed is in the archive, once, and nothing else is left when the next run is complete.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use futures::TryStreamExt;
use jobfeed::checkpoint::MemoryStore;
use jobfeed::{Checkpoint, Page, SyncRun, SyncState};
use serde_json::Value;

use crate::kit::{Steps, commit_all, entries, replayed_ids};
use crate::support::{Script, kill_after, paused_runtime};

const KEY: &str = "jobs/na";
const ROWS: u64 = 60;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Commit {
    Batch,
    /// The caller saves the state, and may die before the run is told.
    Own,
}

/// A server whose records have another text in each run, and the rows that were committed.
#[derive(Clone)]
struct World {
    steps: Steps,
    store: Arc<MemoryStore>,
    run: Arc<AtomicU64>,
    rows: Arc<Mutex<Vec<String>>>,
}

impl World {
    fn new() -> Self {
        Self { steps: Steps::default(), store: Arc::default(), run: Arc::default(), rows: Arc::default() }
    }

    async fn sync(&self, changing: bool) -> jobfeed::Result<SyncRun<Value, Arc<MemoryStore>>> {
        let run = if changing { self.run.fetch_add(1, Ordering::Relaxed) } else { 0 };
        let script = Script::listing((1..=ROWS).collect(), move |id| format!(r#"{{"id":{id},"run":{run}}}"#));
        let api = script.client().build().unwrap();
        let sync = api.jobs().page_size(20).sync_by_id(KEY, self.store.clone()).items_as::<Value>();
        Ok(sync.await?.inspect_with(self.steps.archive().writer()))
    }

    async fn work(&self, commit: Commit, changing: bool) -> jobfeed::Result<()> {
        let mut run = self.sync(changing).await?;
        while let Some(batch) = run.next().await? {
            let texts: Vec<String> = batch.page().raw_items().map(str::to_owned).collect();
            match commit {
                Commit::Batch => {
                    batch.commit().await?;
                    self.rows.lock().unwrap().extend(texts);
                }
                Commit::Own => {
                    self.store.save(KEY, batch.next_state()).await.unwrap();
                    self.rows.lock().unwrap().extend(texts);
                    tokio::task::yield_now().await;
                    batch.committed();
                }
            }
        }
        Ok(())
    }

    async fn assert_equal(&self, context: &str) {
        let pages = self.steps.archive().replay::<Value>().key(KEY).pages();
        let pages: Vec<Page<Value>> = pages.try_collect().await.unwrap();
        let replay: Vec<&str> = pages.iter().flat_map(Page::raw_items).collect();
        assert_eq!(replay, *self.rows.lock().unwrap(), "{context}");
    }
}

#[test]
fn promise_1_a_committed_page_is_in_the_archive_wherever_the_run_was_stopped() {
    let runtime = paused_runtime();
    for commit in [Commit::Batch, Commit::Own] {
        for changing in [false, true] {
            for settle in [false, true] {
                for polls in 1.. {
                    let world = World::new();
                    let context = format!("{commit:?}, changing {changing}, settle {settle}, {polls} polls");
                    let ended = kill_after(&runtime, polls, world.work(commit, changing));
                    runtime.block_on(async {
                        if settle {
                            world.steps.archive().settle(KEY, &world.store).await.unwrap();
                            world.assert_equal(&context).await;
                        }
                        world.work(commit, changing).await.unwrap();
                        world.assert_equal(&context).await;
                        assert_eq!(world.rows.lock().unwrap().len() as u64, ROWS, "{context}");
                        assert!(world.steps.names("pending").await.is_empty(), "{context}");
                        let listed = world.steps.names("manifest").await.len();
                        assert_eq!(world.steps.names("bodies").await.len(), listed, "{context}: only listed bodies");
                    });
                    if ended {
                        assert!(polls > 25, "{polls} polls");
                        break;
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn promise_1_the_pages_of_many_stopped_runs_are_all_listed() {
    // The second of two stops may come while the first is being cleaned up.
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..60 {
        let world = World::new();
        for _ in 0..4 {
            let (one, polls) = (world.clone(), random.usize(1..120));
            let commit = if random.bool() { Commit::Batch } else { Commit::Own };
            let killed = std::thread::spawn(move || kill_after(&paused_runtime(), polls, one.work(commit, true)));
            killed.join().unwrap();
        }
        world.work(Commit::Batch, true).await.unwrap();
        world.assert_equal("four stops").await;
        assert_eq!(world.steps.names("bodies").await.len(), entries(&world.steps.archive()).await.len());
    }
}

#[tokio::test]
async fn the_page_of_another_process_that_commits_first_is_kept() {
    let world = World::new();
    let (mut one, mut other) = (world.sync(true).await.unwrap(), world.sync(true).await.unwrap());
    let mine = one.next().await.unwrap().unwrap();
    let theirs = other.next().await.unwrap().unwrap();
    assert_eq!(world.steps.names("pending").await.len(), 2);
    mine.commit().await.unwrap();
    theirs.commit().await.unwrap_err();
    commit_all(&mut one).await.unwrap();
    assert_eq!(replayed_ids(&world.steps.archive(), KEY).await.len() as u64, ROWS);
    // What the other process has left is not known to this run; the next one removes it.
    world.work(Commit::Batch, true).await.unwrap();
    assert!(world.steps.names("pending").await.is_empty());
    assert_eq!(world.steps.names("bodies").await.len(), entries(&world.steps.archive()).await.len());
}

#[tokio::test]
async fn the_page_whose_state_is_stored_is_listed_although_another_process_was_the_last_to_get_one() {
    let world = World::new();
    let (mut one, mut other) = (world.sync(true).await.unwrap(), world.sync(true).await.unwrap());
    let mine = one.next().await.unwrap().unwrap();
    let theirs = other.next().await.unwrap().unwrap();
    assert_ne!(mine.next_state(), theirs.next_state());
    world.rows.lock().unwrap().extend(mine.page().raw_items().map(str::to_owned));
    // Both processes end now: the first after it has saved the state, the other one without.
    world.store.save(KEY, mine.next_state()).await.unwrap();
    world.steps.archive().settle(KEY, &world.store).await.unwrap();
    world.assert_equal("two processes").await;
    assert!(world.steps.names("pending").await.is_empty());
    assert_eq!(world.steps.names("bodies").await.len(), 1, "the other page is removed");
}

#[tokio::test]
async fn of_two_first_runs_at_the_same_time_only_the_pages_of_one_are_listed() {
    let world = World::new();
    let (mut one, mut other) = (world.sync(true).await.unwrap(), world.sync(true).await.unwrap());
    let (mine, theirs) = futures::join!(one.next(), other.next());
    let (mine, theirs) = (mine.unwrap().unwrap(), theirs.unwrap().unwrap());
    mine.commit().await.unwrap();
    theirs.commit().await.unwrap_err();
    let mut committed = commit_all(&mut one).await.unwrap();
    committed.extend(commit_all(&mut world.sync(true).await.unwrap()).await.unwrap());
    let archive = world.steps.archive();
    let pages = entries(&archive).await;
    assert_eq!((pages.len(), replayed_ids(&archive, KEY).await.len() as u64), (1 + committed.len(), ROWS));
    assert!(pages.iter().all(|page| page.history == pages[0].history), "{pages:?}");
    assert!(world.steps.names("pending").await.is_empty());
    assert_eq!(world.steps.names("bodies").await.len(), pages.iter().filter(|page| page.body.is_some()).count());
}

#[tokio::test]
async fn a_checkpoint_that_was_deleted_or_set_back_begins_another_history() {
    let world = World::new();
    let mut states: Vec<SyncState> = Vec::new();
    let mut run = world.sync(true).await.unwrap();
    while let Some(batch) = run.next().await.unwrap() {
        states.push(batch.next_state().clone());
        batch.commit().await.unwrap();
    }
    let first = entries(&world.steps.archive()).await;

    let deleted = World { store: Arc::default(), ..world.clone() };
    deleted.work(Commit::Batch, true).await.unwrap();
    let set_back = World { store: Arc::default(), ..world.clone() };
    set_back.store.save(KEY, &states[0]).await.unwrap();
    set_back.work(Commit::Batch, true).await.unwrap();
    let all = entries(&world.steps.archive()).await;
    assert_eq!(all.len(), first.len() * 3 - 1);
    for entry in &first {
        assert!(all.contains(entry), "nothing is overwritten");
    }
    let ids = replayed_ids(&world.steps.archive(), KEY).await;
    assert_eq!(ids.len() as u64, 2 * ROWS + ROWS - first[0].rows);
}
