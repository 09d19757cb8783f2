//! The test that each store of a quarantine passes.
#![allow(dead_code, unreachable_pub)] // each test file uses some of it

use futures::TryStreamExt;
use jobfeed::checkpoint::MemoryStore;
use jobfeed::quarantine::{Quarantine, QuarantineStore, Retried};
use jobfeed::{Checkpoint, Report};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::support::Script;

/// The record type before it was mended.
#[derive(Deserialize)]
pub struct Old {
    pub id: u64,
    #[serde(rename = "title")]
    pub _title: String,
}

/// The record type that reads all of [`row`].
#[derive(Debug, Deserialize)]
pub struct New {
    pub id: u64,
    #[serde(rename = "title")]
    pub _title: Value,
}

/// Each tenth record has a list where the type has a text.
pub fn row(id: u64) -> String {
    match id % 10 {
        0 => format!(r#"{{"id":{id},"title":["é \"x\" \u0000"]}}"#),
        _ => format!(r#"{{"id":{id},"title":"Cook"}}"#),
    }
}

/// One run over the records 1 to `last`, as the old type. The run ends without a commit of the last page when `dies` is set.
pub async fn run<S>(
    quarantine: &Quarantine<S>,
    store: &MemoryStore,
    key: &str,
    last: u64,
    dies: bool,
) -> (Vec<u64>, Report)
where
    S: QuarantineStore + Clone + 'static,
{
    let api = Script::listing((1..=last).collect(), row).client().build().unwrap();
    let sync = api.jobs().page_size(10).sync_by_id(key, store).items_as::<Old>().await.unwrap();
    let mut run = sync.inspect_with(quarantine.keep());
    let mut ids = Vec::new();
    while let Some(batch) = run.next().await.unwrap() {
        if dies && batch.page().rejected.iter().any(|record| record.raw().contains("\"id\":20,")) {
            break;
        }
        ids.extend(batch.items().iter().map(|item| item.id));
        batch.commit().await.unwrap();
    }
    (ids, run.report())
}

/// Records wait once, whatever comes again, until they are released; they come back as the new type.
pub async fn records_wait_and_come_back<S: QuarantineStore + Clone + 'static>(open: impl AsyncFn() -> S) {
    let (quarantine, store) = (Quarantine::open(open().await).await.unwrap(), MemoryStore::new());
    assert_eq!(quarantine.waiting("jobs").await.unwrap(), 0);
    run(&quarantine, &store, "jobs", 40, true).await;
    assert!(quarantine.waiting("jobs").await.unwrap() >= 1, "they are stored before the page is handed out");
    let (_, report) = run(&quarantine, &store, "jobs", 40, false).await;
    assert_eq!((report.counts.rejected > 0, &report.inspected["quarantine"]["waiting"]), (true, &json!(4)));
    assert!(store.load("jobs").await.unwrap().unwrap().run().is_none());

    // Another process, and another sync with the same records.
    let quarantine = Quarantine::open(open().await).await.unwrap();
    run(&quarantine, &store, "other", 120, false).await;
    assert_eq!((quarantine.waiting("jobs").await.unwrap(), quarantine.waiting("other").await.unwrap()), (4, 12));

    // The old type does not read them yet, and they wait on.
    let retried: Vec<Retried<Old>> = quarantine.retry("jobs").try_collect().await.unwrap();
    assert!(retried.len() == 4 && retried.iter().all(|retried| retried.result.is_err()));
    let retried: Vec<Retried<New>> = quarantine.retry("jobs").try_collect().await.unwrap();
    let mut ids: Vec<u64> = retried.iter().map(|retried| retried.result.as_ref().unwrap().id).collect();
    ids.sort_unstable();
    assert_eq!(ids, [10, 20, 30, 40]);
    for Retried { entry, result, .. } in &retried {
        let id = result.as_ref().unwrap().id;
        assert_eq!((entry.raw.as_str(), entry.record_key.as_deref()), (&*row(id), Some(&*id.to_string())));
        assert_eq!((entry.sync_key.as_str(), entry.endpoint.as_str()), ("jobs", "jobdataapi/jobs"));
        assert!(entry.reason.starts_with("title: ") && !entry.reason.contains('é'), "{}", entry.reason);
        assert!(!format!("{entry:?}").contains("\\\"x"), "{entry:?}");
    }
    assert_eq!(quarantine.waiting("jobs").await.unwrap(), 4, "reading them releases nothing");
    let first_two = retried.iter().take(2).map(|retried| retried.entry.id.clone());
    assert_eq!(quarantine.release(first_two).await.unwrap(), 2);
    assert_eq!(quarantine.release(retried.into_iter().map(|retried| retried.entry.id)).await.unwrap(), 2);
    assert_eq!((quarantine.waiting("jobs").await.unwrap(), quarantine.waiting("other").await.unwrap()), (0, 12));

    // More than are read at once, and their ids are in order.
    run(&quarantine, &store, "many", 2500, false).await;
    let many: Vec<Retried<New>> = quarantine.retry("many").try_collect().await.unwrap();
    assert_eq!(many.len(), 250);
    assert!(many.is_sorted_by(|a, b| a.entry.id < b.entry.id));
}
