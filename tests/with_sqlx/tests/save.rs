//! sqlx writes rows and state in one transaction, in PostgreSQL.
#![allow(dead_code, clippy::pedantic, clippy::unwrap_used, clippy::print_stderr)]

use jobfeed::checkpoint::{LeaseStore, PostgresStore, SqliteStore};
use jobfeed::testing::JobDataApi;
use jobfeed::{Checkpoint, Outcome, RateLimit, jobdataapi};
use sqlx::postgres::PgPoolOptions;

#[path = "../../postgres/server.rs"]
mod server;

#[tokio::test]
async fn sqlx_saves_rows_and_state_in_one_transaction() {
    let Some(server) = server::shared() else { return };
    let database = server.database("with_sqlx").await;
    let store = database.store().await;
    let pool = PgPoolOptions::new().connect(&database.address()).await.unwrap();
    sqlx::query("CREATE TABLE jobs (id bigint PRIMARY KEY)").execute(&pool).await.unwrap();
    let provider = JobDataApi::builder().jobs(300).start().await.unwrap();
    let api = jobdataapi::Client::builder().api_key(provider.api_key()).base_url(provider.base_url());
    let api = api.rate_limit(RateLimit::unlimited()).build().unwrap();

    let lease = store.lease("jobs", std::time::Duration::from_secs(30)).await.unwrap();
    let mut run = api.jobs().page_size(20).sync_by_id("jobs", lease).await.unwrap();
    let mut batches = 0;
    while let Some(batch) = run.next().await.unwrap() {
        let mut tx = pool.begin().await.unwrap();
        for job in batch.items() {
            // Without `ON CONFLICT`: a row that came twice would be an error.
            sqlx::query("INSERT INTO jobs VALUES ($1)").bind(job.id as i64).execute(&mut *tx).await.unwrap();
        }
        let (sql, (key, before, state, fence)) =
            PostgresStore::save_statement(batch.key(), batch.next_state(), batch.fence()).unwrap();
        sqlx::query(sql).bind(key).bind(before).bind(state).bind(fence).execute(&mut *tx).await.unwrap();
        tx.commit().await.unwrap();
        batch.committed();
        batches += 1;
    }
    assert_eq!((run.report().outcome, batches > 10), (Outcome::Complete, true));
    drop(run);
    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM jobs").fetch_one(&pool).await.unwrap();
    assert_eq!(rows, 300);

    // A second save of the same revision fails, and takes the rows with it.
    let state = store.load("jobs").await.unwrap().unwrap();
    let mut tx = pool.begin().await.unwrap();
    sqlx::query("INSERT INTO jobs VALUES (-1)").execute(&mut *tx).await.unwrap();
    let (sql, (key, before, state, _)) = PostgresStore::save_statement("jobs", &state, None).unwrap();
    let save = sqlx::query(sql).bind(key).bind(before).bind(state).bind(None::<i64>);
    let refused = save.execute(&mut *tx).await.unwrap_err();
    let code = refused.as_database_error().unwrap().code().unwrap().into_owned();
    // The lease of the run may not be freed yet.
    assert!(["JF001", "JF003"].contains(&code.as_str()), "{refused}");
    let _ = tx.commit().await;
    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM jobs").fetch_one(&pool).await.unwrap();
    assert_eq!(rows, 300);
}

#[tokio::test]
async fn sqlx_and_the_sqlite_store_use_one_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jobs.sqlite3");
    let store = SqliteStore::open(&path).unwrap();
    assert_eq!(store.load("jobs").await.unwrap(), None);
    let pool = sqlx::SqlitePool::connect(path.to_str().unwrap()).await.unwrap();
    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM jobfeed_checkpoint").fetch_one(&pool).await.unwrap();
    assert_eq!(rows, 0);
}
