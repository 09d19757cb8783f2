//! A connection that is cut around a `COMMIT`: whether it happened is looked up, not guessed. Promise 2.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jobfeed::checkpoint::PostgresStore;
use jobfeed::{RateLimit, jobdataapi, testing::JobDataApi};

use super::server;

#[tokio::test]
async fn promise_2_whether_a_commit_without_an_answer_happened_is_looked_up() {
    let Some(server) = server::shared() else { return };
    let database = server.database("cut").await;
    let store = database.store().await;
    let db = database.open().await;
    db.batch_execute("CREATE TABLE rows (id bigint PRIMARY KEY)").await.unwrap();
    let provider = JobDataApi::builder().jobs(400).start().await.unwrap();
    let api = jobdataapi::Client::builder().api_key(provider.api_key()).base_url(provider.base_url());
    let api = api.rate_limit(RateLimit::unlimited()).build().unwrap();
    let (mut happened, mut did_not) = (0, 0);
    for turn in 0..40 {
        let mut run = api.jobs().page_size(20).sync_by_id("jobs", &store).await.unwrap();
        let cut = Arc::<AtomicBool>::default();
        let mut rows = database.through_a_proxy(cut.clone(), turn % 2 == 0).await;
        let mut batches = 0;
        let ended = loop {
            let Some(batch) = run.next().await.unwrap() else { break true };
            let tx = rows.transaction().await.unwrap();
            for job in batch.items() {
                // A row that comes twice is an error.
                tx.execute("INSERT INTO rows VALUES ($1)", &[&(job.id as i64)]).await.unwrap();
            }
            PostgresStore::save_in(&tx, batch.key(), batch.next_state(), batch.fence()).await.unwrap();
            batches += 1;
            cut.store(batches == 2, Ordering::SeqCst);
            if tx.commit().await.is_ok() {
                batch.committed();
                continue;
            }
            // The server may still be at it: the row of the state is locked until it is done.
            db.execute("SELECT 1 FROM jobfeed_checkpoint WHERE key = 'jobs' FOR UPDATE", &[]).await.unwrap();
            if store.is_saved(batch.key(), batch.next_state()).await.unwrap() {
                happened += 1;
                batch.committed();
            } else {
                did_not += 1;
            }
            break false;
        };
        if ended {
            break;
        }
    }
    assert!(happened > 3 && did_not > 3, "{happened} {did_not}");
    let stored: i64 = db.query_one("SELECT count(*) FROM rows", &[]).await.unwrap().get(0);
    assert_eq!(stored, 400);
}
