//! The store and its leases: the same tests as for all stores, own transactions, a server that crashes.

use jobfeed::checkpoint::{CheckpointError, Fence, LeaseStore, PostgresStore};
use jobfeed::testing::conformance::{self, Violation};
use jobfeed::{BoxError, Checkpoint, SyncState};

use super::server::{self, Database};
use crate::support::Script;

async fn states(rows: u64) -> Vec<SyncState> {
    let api = Script::jobs((1..=rows).collect()).client().build().unwrap();
    let mut run = api.jobs().page_size(10).sync_by_id("k", jobfeed::checkpoint::MemoryStore::new()).await.unwrap();
    let mut states = Vec::new();
    while let Some(batch) = run.next().await.unwrap() {
        states.push(batch.next_state().clone());
        batch.commit().await.unwrap();
    }
    states
}

async fn rows(database: &Database) -> i64 {
    database.open().await.query_one("SELECT count(*) FROM rows", &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn the_store_passes_the_suite_of_all_stores() -> Result<(), Violation> {
    let Some(server) = server::shared() else { return Ok(()) };
    let database = server.database("suite").await;
    conformance::store(async || Ok::<_, BoxError>(database.store().await)).await?;
    conformance::leases(async || Ok::<_, BoxError>(database.store().await)).await
}

#[tokio::test]
async fn a_state_is_saved_in_the_transaction_of_the_rows_or_not_at_all() {
    let Some(server) = server::shared() else { return };
    let database = server.database("transactions").await;
    let store = database.store().await;
    let mut db = database.open().await;
    db.batch_execute("CREATE TABLE rows (id bigint)").await.unwrap();
    let states = states(60).await;
    for (state, done) in states.iter().zip([true, false, true]) {
        for commits in [done, true] {
            let tx = db.transaction().await.unwrap();
            tx.execute("INSERT INTO rows VALUES (1)", &[]).await.unwrap();
            PostgresStore::save_in(&tx, "k", state, None).await.unwrap();
            if commits {
                tx.commit().await.unwrap()
            } else {
                tx.rollback().await.unwrap()
            }
            assert_eq!(store.is_saved("k", state).await.unwrap(), commits);
            if commits {
                break;
            }
        }
    }
    assert_eq!((rows(&database).await, store.load("k").await.unwrap()), (3, states.get(2).cloned()));

    // A refused save fails in SQL, so the rows cannot be committed although the caller overlooks the error.
    let tx = db.transaction().await.unwrap();
    tx.execute("INSERT INTO rows VALUES (2)", &[]).await.unwrap();
    let refused = PostgresStore::save_in(&tx, "k", &states[0], None).await.unwrap_err();
    assert!(matches!(refused, CheckpointError::Conflict { expected: 0, found: 3 }), "{refused}");
    let _ = tx.commit().await;
    assert_eq!(rows(&database).await, 3);
}

#[tokio::test]
async fn promise_1_a_slow_worker_does_not_overwrite_its_successor() {
    let Some(server) = server::shared() else { return };
    let database = server.database("fences").await;
    let store = database.store().await;
    let mut db = database.open().await;
    db.batch_execute("CREATE TABLE rows (id bigint)").await.unwrap();
    let states = states(60).await;
    let slow = store.acquire("k", "slow", std::time::Duration::from_millis(1)).await.unwrap();
    // The slow one's transaction is open when its lease ends and another worker wants it: who commits first, wins.
    let tx = db.transaction().await.unwrap();
    tx.execute("INSERT INTO rows VALUES (1)", &[]).await.unwrap();
    PostgresStore::save_in(&tx, "k", &states[0], Some(slow)).await.unwrap();
    let successor = tokio::spawn({
        let store = store.clone();
        async move {
            loop {
                match store.acquire("k", "successor", std::time::Duration::from_secs(60)).await {
                    Err(CheckpointError::Leased { .. }) => tokio::task::yield_now().await,
                    fence => return (fence.unwrap(), store.load("k").await.unwrap()),
                }
            }
        }
    });
    tx.commit().await.unwrap();
    let (fence, found) = successor.await.unwrap();
    assert_eq!(found.as_ref(), states.first(), "the successor begins after the rows of the slow one");
    assert!(fence > slow);

    let tx = db.transaction().await.unwrap();
    tx.execute("INSERT INTO rows VALUES (2)", &[]).await.unwrap();
    let refused = PostgresStore::save_in(&tx, "k", &states[1], Some(slow)).await.unwrap_err();
    assert!(matches!(refused, CheckpointError::LeaseLost), "{refused}");
    let _ = tx.commit().await;
    assert_eq!(rows(&database).await, 1, "its rows were rolled back");
    let refused = PostgresStore::save_in(&db, "k", &states[1], None).await.unwrap_err();
    assert!(matches!(&refused, CheckpointError::Leased { holder, .. } if holder == "successor"), "{refused}");
    PostgresStore::save_in(&db, "k", &states[1], Some(fence)).await.unwrap();
}

#[tokio::test]
async fn the_statement_and_its_parameters_serve_any_library() {
    let Some(server) = server::shared() else { return };
    let database = server.database("statement").await;
    let db = database.open().await;
    PostgresStore::migrate(&db).await.unwrap();
    let states = states(30).await;
    let (sql, (key, before, state, fence)) = PostgresStore::save_statement("k", &states[0], None).unwrap();
    db.execute(sql, &[&key, &before, &state, &fence]).await.unwrap();
    let refused = db.execute(sql, &[&key, &before, &state, &fence]).await.unwrap_err();
    assert_eq!(refused.code().map(|code| code.code()), Some("JF001"));
    let fence = Some(9_i64);
    let refused = db.execute(sql, &[&key, &before, &state, &fence]).await.unwrap_err();
    assert_eq!(refused.code().map(|code| code.code()), Some("JF002"));
}

#[tokio::test]
async fn many_stores_migrate_an_empty_database_at_once_and_a_newer_one_is_refused() {
    let Some(server) = server::shared() else { return };
    let database = server.database("migration").await;
    let stores = futures::future::join_all((0..8).map(|_| database.store())).await;
    assert_eq!(stores[0].load("k").await.unwrap(), None);
    let db = database.open().await;
    // A role without the right to create can use it.
    db.batch_execute(
        "CREATE ROLE reader; GRANT SELECT, INSERT, UPDATE ON jobfeed_checkpoint TO reader; SET ROLE reader",
    )
    .await
    .unwrap();
    PostgresStore::migrate(&db).await.unwrap();
    PostgresStore::save_in(&db, "k", &states(10).await[0], None).await.unwrap();
    db.batch_execute("RESET ROLE; COMMENT ON TABLE jobfeed_checkpoint IS 'States of jobfeed, version 99'")
        .await
        .unwrap();
    assert!(matches!(PostgresStore::migrate(&db).await, Err(CheckpointError::Newer { version: 99, .. })));
}

#[tokio::test]
async fn promise_3_a_server_that_crashes_keeps_what_it_has_said_to_be_saved() {
    let Some(server) = server::start() else { return };
    let database = server.database("crashes").await;
    let store = database.store().await;
    let states = states(400).await;
    assert!(states.len() > 30);
    let saving = async {
        for state in &states {
            // As a caller does: what was not saved is saved again by the next run.
            loop {
                match store.save("k", state).await {
                    Ok(()) => break,
                    Err(CheckpointError::Store(_)) => {
                        let saved = store.is_saved("k", state).await;
                        if saved.is_ok_and(|saved| saved) {
                            break;
                        }
                        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                    }
                    Err(other) => panic!("revision {}: {other}", state.revision()),
                }
            }
            assert_eq!(loaded(&store).await.as_ref(), Some(state));
        }
    };
    let crashing = async {
        for _ in 0..5 {
            server.crash().await;
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        }
    };
    futures::join!(saving, crashing);
    assert_eq!(loaded(&store).await.as_ref(), states.last());
}

async fn loaded(store: &PostgresStore) -> Option<SyncState> {
    loop {
        match store.load("k").await {
            Ok(state) => return state,
            Err(CheckpointError::Store(_)) => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
            Err(other) => panic!("{other}"),
        }
    }
}

#[tokio::test]
async fn a_state_of_a_megabyte_is_kept() {
    let Some(server) = server::shared() else { return };
    let store = server.database("large").await.store().await;
    let text = states(10).await[0].to_json();
    let long = text.replace("\"strategy\":\"by-id\"", &format!("\"strategy\":\"{}\"", "x".repeat(1 << 20)));
    let state = SyncState::from_json(&long).unwrap();
    store.save("k", &state).await.unwrap();
    assert_eq!(store.load("k").await.unwrap(), Some(state));
}

#[tokio::test]
async fn a_connection_that_cannot_be_opened_is_an_error_of_the_store() {
    let refused = PostgresStore::new(async || Err::<_, BoxError>("no route".into())).await.unwrap_err();
    assert!(matches!(refused, CheckpointError::Store(_)));
    assert_eq!(Fence::new(3).get(), 3);
}

#[tokio::test]
async fn a_lease_that_waits_for_a_transaction_holds_up_no_other_lease() {
    let Some(server) = server::shared() else { return };
    let database = server.database("waiting").await;
    let store = database.store().await;
    let state = states(10).await.remove(0);
    let mut db = database.open().await;
    let second = std::time::Duration::from_secs(1);
    let held = store.acquire("held", "one", second).await.unwrap();
    let other = store.acquire("other", "one", second).await.unwrap();
    let tx = db.transaction().await.unwrap();
    PostgresStore::save_in(&tx, "held", &state, Some(held)).await.unwrap();
    // Both wait for the row: somebody who wants the lease when it has ended, and its holder who renews it.
    tokio::time::sleep(second).await;
    let waiting = tokio::spawn({
        let store = store.clone();
        async move { store.acquire("held", "two", second).await }
    });
    let renewed = store.renew("held", held, second).await;
    assert!(matches!(renewed, Err(CheckpointError::Store(_))), "{renewed:?}");
    assert!(store.renew("other", other, second).await.unwrap());
    assert!(!waiting.is_finished());
    tx.commit().await.unwrap();
    assert!(waiting.await.unwrap().unwrap() > held);
}
