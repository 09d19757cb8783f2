//! Leases: every store that gives them, the run of a holder, and a model of two workers. Promises 1 and 3.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jobfeed::checkpoint::{CheckpointError, Fence, FileStore, LeaseStore, MemoryStore, SqliteStore};
use jobfeed::testing::conformance::{self, Violation};
use jobfeed::{BoxError, Checkpoint, Error, SyncState};
use proptest::prelude::*;

use crate::support::{Script, paused_runtime};

async fn states() -> Vec<SyncState> {
    let api = Script::jobs((1..=100).collect()).client().build().unwrap();
    let mut run = api.jobs().page_size(5).sync_by_id("k", MemoryStore::new()).await.unwrap();
    let mut states = Vec::new();
    while let Some(batch) = run.next().await.unwrap() {
        states.push(batch.next_state().clone());
        batch.commit().await.unwrap();
    }
    states
}

#[tokio::test]
async fn every_store_keeps_a_lease_for_one_worker() -> Result<(), Violation> {
    let folder = tempfile::tempdir().unwrap();
    let memory = MemoryStore::new();
    conformance::leases(async || Ok::<_, BoxError>(memory.clone())).await?;
    conformance::leases(async || FileStore::new(folder.path().join("states"))).await?;
    conformance::leases(async || SqliteStore::open(folder.path().join("states.sqlite3"))).await
}

/// The suite notices a store that ignores the token, which [`Unfenced`] does.
#[tokio::test]
async fn the_suite_finds_a_store_that_ignores_the_fence() {
    let (leases, states) = (MemoryStore::new(), MemoryStore::new());
    let open = async || Ok::<_, BoxError>(Unfenced { leases: leases.clone(), states: states.clone() });
    let violation = conformance::leases(open).await.unwrap_err().to_string();
    assert!(violation.contains("a save without the lease"), "{violation}");
}

/// A store whose leases can no longer be renewed, as of a process that was stopped or has lost its network.
#[derive(Clone)]
struct Cut(MemoryStore, Arc<AtomicBool>);

impl Checkpoint for Cut {
    type Error = CheckpointError;
    async fn load(&self, key: &str) -> Result<Option<SyncState>, CheckpointError> {
        self.0.load(key).await
    }
    async fn save(&self, key: &str, state: &SyncState) -> Result<(), CheckpointError> {
        self.0.save(key, state).await
    }
}

impl LeaseStore for Cut {
    async fn acquire(&self, key: &str, holder: &str, ttl: Duration) -> Result<Fence, CheckpointError> {
        self.0.acquire(key, holder, ttl).await
    }
    async fn renew(&self, key: &str, fence: Fence, ttl: Duration) -> Result<bool, CheckpointError> {
        if self.1.load(Ordering::SeqCst) {
            return std::future::pending().await;
        }
        self.0.renew(key, fence, ttl).await
    }
    async fn release(&self, key: &str, fence: Fence) -> Result<(), CheckpointError> {
        self.0.release(key, fence).await
    }
    async fn save_leased(&self, key: &str, state: &SyncState, fence: Fence) -> Result<(), CheckpointError> {
        self.0.save_leased(key, state, fence).await
    }
}

const TTL: Duration = Duration::from_secs(30);

#[test]
fn a_lease_is_renewed_while_its_run_works_and_freed_when_it_is_dropped() {
    paused_runtime().block_on(async {
        let (store, script) = (MemoryStore::new(), Script::jobs((1..=100).collect()));
        let api = script.client().build().unwrap();
        let lease = store.lease("k", TTL).await.unwrap();
        let mut run = api.jobs().page_size(10).sync_by_id("k", lease).await.unwrap();
        let mut batches = 0;
        while let Some(batch) = run.next().await.unwrap() {
            tokio::time::sleep(TTL * 4).await;
            assert!(matches!(store.lease("k", TTL).await, Err(CheckpointError::Leased { .. })));
            assert_eq!(batch.fence(), Some(Fence::new(1)));
            batch.commit().await.unwrap();
            batches += 1;
        }
        assert!(batches > 5);
        drop(run);
        tokio::task::yield_now().await;
        let next = store.lease("k", TTL).await.unwrap();
        assert_eq!(next.fence(), Some(Fence::new(2)));
        next.release().await.unwrap();
        assert!(store.lease("k", TTL).await.is_ok());
    });
}

#[test]
fn a_run_whose_lease_is_lost_sends_nothing_more_and_ends_at_its_commit() {
    paused_runtime().block_on(async {
        let (memory, cut, script) =
            (MemoryStore::new(), Arc::<AtomicBool>::default(), Script::jobs((1..=100).collect()));
        let api = script.client().build().unwrap();
        let lease = Cut(memory.clone(), cut.clone()).lease("k", TTL).await.unwrap();
        let mut run = api.jobs().page_size(10).sync_by_id("k", &lease).await.unwrap();
        for _ in 0..3 {
            run.next().await.unwrap().unwrap().commit().await.unwrap();
        }
        let batch = run.next().await.unwrap().unwrap();
        cut.store(true, Ordering::SeqCst);
        tokio::time::sleep(TTL * 2).await;
        assert!(lease.is_lost());
        // Nobody else has taken it: the rows are in no other run, and the save still succeeds.
        batch.commit().await.unwrap();
        let sent = script.requests();
        let error = run.next().await.unwrap_err();
        assert!(matches!(&error, Error::Checkpoint { source: CheckpointError::LeaseLost, .. }), "{error}");
        assert!(script.requests() <= sent, "nothing more is sent");

        let successor = memory.lease("k", TTL).await.unwrap();
        let mut next = api.jobs().page_size(10).sync_by_id("k", &successor).await.unwrap();
        let mut late = api.jobs().page_size(10).sync_by_id("k", &memory).await.unwrap();
        let batch = late.next().await.unwrap().unwrap();
        assert!(batch.commit().await.is_err(), "nor may a run without the lease");
        next.next().await.unwrap().unwrap().commit().await.unwrap();
        let state = memory.load("k").await.unwrap().unwrap();
        let refused = lease.save("k", &state).await.unwrap_err();
        assert!(matches!(refused, CheckpointError::LeaseLost), "{refused}");
    });
}

#[test]
fn a_lease_serves_only_its_key() {
    paused_runtime().block_on(async {
        let script = Script::jobs((1..=100).collect());
        let api = script.client().build().unwrap();
        let lease = MemoryStore::new().lease("k", TTL).await.unwrap();
        let error = api.jobs().sync_by_id("j", &lease).await.unwrap_err();
        assert!(error.to_string().contains('j') && script.requests() == 0, "{error}");
        assert!(matches!(error, Error::Checkpoint { source: CheckpointError::OtherKey { .. }, .. }));
    });
}

/// What one of two workers does next.
#[derive(Debug, Clone, Copy)]
enum Act {
    /// Takes the lease and loads the state, when it can.
    Acquire,
    /// Writes a row and saves the state, in one transaction.
    Commit,
    /// Renews its lease.
    Renew,
    Release,
    /// Is stopped until all leases have ended.
    Sleep,
}

/// The mutant: it gives leases, but saves whatever the fence is.
struct Unfenced {
    leases: MemoryStore,
    states: MemoryStore,
}

impl Checkpoint for Unfenced {
    type Error = CheckpointError;
    async fn load(&self, key: &str) -> Result<Option<SyncState>, CheckpointError> {
        self.states.load(key).await
    }
    async fn save(&self, key: &str, state: &SyncState) -> Result<(), CheckpointError> {
        self.states.save(key, state).await
    }
}

impl LeaseStore for Unfenced {
    async fn acquire(&self, key: &str, holder: &str, ttl: Duration) -> Result<Fence, CheckpointError> {
        self.leases.acquire(key, holder, ttl).await
    }
    async fn renew(&self, key: &str, fence: Fence, ttl: Duration) -> Result<bool, CheckpointError> {
        self.leases.renew(key, fence, ttl).await
    }
    async fn release(&self, key: &str, fence: Fence) -> Result<(), CheckpointError> {
        self.leases.release(key, fence).await
    }
    async fn save_leased(&self, key: &str, state: &SyncState, _: Fence) -> Result<(), CheckpointError> {
        self.states.save(key, state).await
    }
}

/// Two workers do these acts. An error when one saves after the other has taken the lease, or a revision is written twice.
fn model(acts: &[(usize, Act)], store: &impl LeaseStore) -> Result<(), String> {
    let runtime = paused_runtime();
    let states = runtime.block_on(states());
    runtime.block_on(async {
        // Of each worker: its fence, and the revision from which it goes on.
        let mut workers: [Option<(Fence, u64)>; 2] = [None, None];
        let mut holder: Option<usize> = None;
        let mut rows: Vec<(u64, usize)> = Vec::new();
        for (who, act) in acts {
            match act {
                Act::Acquire => {
                    if let Ok(fence) = store.acquire("k", &who.to_string(), TTL).await {
                        let revision =
                            store.load("k").await.map_err(Into::into).unwrap().map_or(0, |state| state.revision());
                        workers[*who] = Some((fence, revision));
                        holder = Some(*who);
                    }
                }
                Act::Commit => {
                    let Some((fence, revision)) = &mut workers[*who] else { continue };
                    let Some(state) = states.get(*revision as usize) else { continue };
                    if store.save_leased("k", state, *fence).await.is_ok() {
                        *revision += 1;
                        if holder != Some(*who) {
                            return Err(format!(
                                "worker {who} saved revision {revision} of a lease that is not its own"
                            ));
                        }
                        rows.push((*revision, *who));
                    }
                }
                Act::Renew => {
                    if let Some((fence, _)) = workers[*who] {
                        store.renew("k", fence, TTL).await.unwrap();
                    }
                }
                Act::Release => {
                    if let Some((fence, _)) = workers[*who].take() {
                        store.release("k", fence).await.unwrap();
                    }
                }
                Act::Sleep => tokio::time::sleep(TTL * 2).await,
            }
        }
        let expected: Vec<u64> = (1..=rows.len() as u64).collect();
        let written: Vec<u64> = rows.iter().map(|(revision, _)| *revision).collect();
        if written == expected { Ok(()) } else { Err(format!("{written:?}")) }
    })
}

fn acts() -> impl Strategy<Value = Vec<(usize, Act)>> {
    let act = prop_oneof![
        Just(Act::Acquire),
        Just(Act::Commit),
        Just(Act::Commit),
        Just(Act::Renew),
        Just(Act::Release),
        Just(Act::Sleep)
    ];
    proptest::collection::vec((0..2_usize, act), 1..30)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn promise_1_two_workers_never_write_one_revision(acts in acts()) {
        prop_assert_eq!(model(&acts, &MemoryStore::new()), Ok(()));
    }
}

/// The model notices a store without a fence.
#[test]
fn the_model_finds_a_store_that_ignores_the_fence() {
    use Act::{Acquire, Commit, Sleep};
    let acts = [(0, Acquire), (0, Commit), (0, Sleep), (1, Acquire), (0, Commit)];
    assert_eq!(model(&acts, &MemoryStore::new()), Ok(()));
    assert!(model(&acts, &Unfenced { leases: MemoryStore::new(), states: MemoryStore::new() }).is_err());
}

#[tokio::test]
async fn a_lease_that_shall_never_end_is_no_panic() {
    let folder = tempfile::tempdir().unwrap();
    for ttl in [Duration::MAX, Duration::from_secs(u64::MAX / 2), Duration::from_secs(1 << 55)] {
        drop(MemoryStore::new().lease("k", ttl).await);
        let file = FileStore::new(folder.path().join("f")).unwrap().lease("k", ttl).await.unwrap();
        file.release().await.unwrap();
        let sqlite = SqliteStore::open(folder.path().join("s.sqlite3")).unwrap().lease("k", ttl).await.unwrap();
        sqlite.release().await.unwrap();
    }
}
