//! A quarantine in PostgreSQL: the test of all its stores.

use super::server;
#[path = "../support/quarantine.rs"]
mod suite;

#[tokio::test]
async fn promise_6_records_wait_in_postgresql_and_come_back() {
    let Some(server) = server::shared() else { return };
    let database = server.database("quarantine").await;
    suite::records_wait_and_come_back(async || database.store().await).await;
}
