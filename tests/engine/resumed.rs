//! A walk that was interrupted and goes on: what was seen before the interruption still counts at its end.

use futures::StreamExt;
use jobfeed::checkpoint::MemoryStore;
use jobfeed::paginate::{EndRule, ReadAt, Scheme};
use jobfeed::rest::{Client, RecordsRequest, Watermark};
use jobfeed::{Checkpoint, Completeness, Error, RateLimit};
use serde_json::{Value, json};

use crate::rest::{client, query};
use crate::support::{Reply, Script};

/// Three pages by number: between the first and the second one a record leaves the first, so that another one is on no
/// page; before the third a record enters, and the total is what it was.
fn shifting() -> (Script, RecordsRequest<Value>) {
    let script = Script::new(|index, request| {
        let ids: Vec<u64> = match index {
            0 => (1..=60).collect(),
            1 => (1..=60).filter(|id| *id != 5).collect(),
            _ => (1..=61).filter(|id| *id != 5).collect(),
        };
        let page: usize = query(request)["page"].parse().unwrap();
        let rows: Vec<Value> = ids.iter().skip((page - 1) * 20).take(20).map(|id| json!({"id": id})).collect();
        Reply::page(&json!({"rows": rows, "count": ids.len()}).to_string())
    });
    let scheme = Scheme::numbered("page", 1, EndRule::Total).page_size("limit", 20).total(ReadAt::pointer("/count"));
    let list = client(&script).list("rows").records_at("/rows").key("id").paginate(scheme);
    (script, list)
}

#[tokio::test]
async fn promise_4_a_shift_before_the_interruption_is_not_forgotten_by_the_cursor() {
    let (script, list) = shifting();
    let mut pages = list.clone().pages().prefetch(false);
    let mut cursor = None;
    for _ in 0..2 {
        cursor = pages.next().await.unwrap().unwrap().next_cursor().cloned();
    }
    let mut rest = list.resume_from(cursor.unwrap()).pages();
    assert_eq!(rest.next().await.unwrap().unwrap().items.len(), 20);
    let end = rest.next().await;
    assert!(matches!(end, Some(Err(Error::Incomplete { .. }))), "{end:?}");
    assert_eq!(script.requests(), 3);
}

#[tokio::test]
async fn promise_4_a_shift_before_a_kill_is_not_forgotten_by_the_checkpoint() {
    let (_, list) = shifting();
    let (list, store) = (list.watermark(Watermark::id("/id", "since")), MemoryStore::new());
    let mut run = list.clone().sync_since("k", &store).prefetch(false).await.unwrap();
    for _ in 0..2 {
        run.next().await.unwrap().unwrap().commit().await.unwrap();
    }
    drop(run);
    let mut run = list.sync_since("k", &store).prefetch(false).await.unwrap();
    let mut found = Vec::new();
    while let Some(batch) = run.next().await.unwrap() {
        found.extend(batch.items().iter().map(|row| row["id"].as_u64().unwrap()));
        batch.commit().await.unwrap();
    }
    // The walk begins again, because the first one may have missed a record.
    assert!(found.contains(&21), "{found:?}");
    assert!(store.load("k").await.unwrap().unwrap().watermark().is_some());
}

#[tokio::test]
async fn promise_4_a_page_that_ended_a_run_with_an_error_is_not_counted_twice() {
    for fixed in [false, true] {
        // The server sends a token twice, and later no token although two records are missing.
        let script = Script::new(|index, _| {
            let (rows, next) = match index {
                0 => ([1, 2], json!("a")),
                1 => ([3, 4], json!("a")),
                _ => ([3, 4], Value::Null),
            };
            let rows = rows.map(|id| json!({"id": id}));
            Reply::page(&json!({"rows": rows, "next": next, "total": 6}).to_string())
        });
        let scheme = Scheme::token_at(ReadAt::pointer("/next"), "after").total(ReadAt::pointer("/total"));
        let scheme = if fixed { scheme.fixed_positions() } else { scheme };
        let list = client(&script).list::<Value>("rows").records_at("/rows").paginate(scheme);
        let (list, store) = (list.watermark(Watermark::id("/id", "since")), MemoryStore::new());
        let mut run = list.clone().sync_since("k", &store).prefetch(false).await.unwrap();
        for _ in 0..2 {
            run.next().await.unwrap().unwrap().commit().await.unwrap();
        }
        assert!(matches!(run.next().await.err(), Some(Error::CursorLoop { .. })));
        let mut run = list.sync_since("k", &store).prefetch(false).await.unwrap();
        let batch = run.next().await.unwrap().unwrap();
        assert_eq!(batch.page().completeness(), Some(Completeness::ShortBy(2)));
        assert_eq!(batch.next_state().watermark(), None);
    }
}

#[tokio::test]
async fn promise_10_a_position_belongs_to_the_path_of_the_base_url() {
    let script = Script::new(|_, _| Reply::page(r#"{"rows":[{"id":1}],"next":"n"}"#));
    let list = |base: &str| {
        let builder = Client::builder().base_url(base).transport(script.clone()).rate_limit(RateLimit::unlimited());
        let list = builder.build().unwrap().list::<Value>("rows").records_at("/rows").key("id");
        list.paginate(Scheme::token_at(ReadAt::pointer("/next"), "after")).watermark(Watermark::id("/id", "since"))
    };
    let (own, other, store) = ("http://own.test/tenants/a/", "http://own.test/tenants/b/", MemoryStore::new());
    let mut run = list(own).sync_since("k", &store).prefetch(false).await.unwrap();
    let batch = run.next().await.unwrap().unwrap();
    let cursors =
        [batch.page().next_cursor().unwrap().clone(), list(own).send().await.unwrap().next_cursor().unwrap().clone()];
    batch.commit().await.unwrap();
    for cursor in cursors {
        assert!(list(own).resume_from(cursor.clone()).send().await.is_ok());
        assert!(matches!(list(other).resume_from(cursor).send().await, Err(Error::Cursor { .. })));
    }
    assert!(list(own).sync_since("k", &store).await.is_ok());
    assert!(matches!(list(other).sync_since("k", &store).await, Err(Error::Checkpoint { .. })));
}
