//! Clients that take leases which are free or have ended, and clients that try to save with a fence that is not theirs.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use distributed_sync::tables;
use fastrand::Rng;
use jobfeed::checkpoint::{CheckpointError, Fence, LeaseStore, PostgresStore};
use jobfeed::{BoxError, Checkpoint, SyncState};
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// What they did.
#[derive(Default)]
pub(crate) struct Thefts {
    /// Leases that were taken while no worker held them.
    pub(crate) leases: usize,
    pub(crate) refused: usize,
    pub(crate) accepted: usize,
}

static STOP: AtomicBool = AtomicBool::new(false);

/// Ends them.
pub(crate) async fn end(thieves: JoinHandle<Result<Thefts, BoxError>>) -> Result<Thefts, BoxError> {
    STOP.store(true, Ordering::Relaxed);
    thieves.await?
}

pub(crate) async fn steal(address: String, mut random: Rng) -> Result<Thefts, BoxError> {
    let mut db = tables::connect(address.clone()).await?;
    let store = PostgresStore::new(move || tables::connect(address.clone())).await?;
    let mut thefts = Thefts::default();
    while !STOP.load(Ordering::Relaxed) {
        sleep(Duration::from_millis(random.u64(10..100))).await;
        // Mostly a partition that is held, or was until its holder died.
        let row = db
            .query_opt(
                "SELECT key, fence FROM jobfeed_checkpoint WHERE state IS NOT NULL
                 ORDER BY (lease_until IS NOT NULL AND $1) DESC, random() LIMIT 1",
                &[&(random.u8(..4) > 0)],
            )
            .await?;
        let Some(row) = row else { continue };
        let (key, fence): (String, i64) = (row.get(0), row.get(1));
        if random.u8(..4) == 0 {
            // It does not renew its lease, and it never frees it.
            if store.acquire(&key, "thief", Duration::from_millis(random.u64(100..400))).await.is_ok() {
                thefts.leases += 1;
            }
            continue;
        }
        // An old fence, or one that nobody will have for long.
        let fence = if random.bool() && fence > 1 { random.i64(1..fence) } else { fence + 1_000_000 };
        let Some(state) = store.load(&key).await? else { continue };
        let next = format!("\"revision\":{}", state.revision() + 1);
        let text = state.to_json().replace(&format!("\"revision\":{}", state.revision()), &next);
        let tx = db.transaction().await?;
        match PostgresStore::save_in(&tx, &key, &SyncState::from_json(&text)?, Some(Fence::new(fence as u64))).await {
            Ok(()) => thefts.accepted += 1,
            Err(CheckpointError::LeaseLost) => thefts.refused += 1,
            // It comes after the check of the fence, so the fence was accepted.
            Err(CheckpointError::Conflict { .. }) => thefts.accepted += 1,
            Err(other) => return Err(other.into()),
        }
        // As a thief would: with the commit, or with an error that it overlooks.
        let _ = tx.commit().await;
    }
    Ok(thefts)
}
