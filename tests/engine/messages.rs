//! What a person reads when something failed.

use futures::StreamExt;
use jobfeed::checkpoint::MemoryStore;
use jobfeed::{Checkpoint, Error, Mark, TransportError};
use serde::Deserialize;

use crate::support::{Reply, Script, drain, envelope};

/// A record type as users write them.
#[derive(Debug, Deserialize)]
#[allow(dead_code)]
struct Posting {
    id: u64,
    title: String,
    #[serde(default)]
    company: Option<Company>,
}

#[derive(Debug, Deserialize)]
#[allow(dead_code)]
struct Company {
    offices: Vec<Office>,
}

#[derive(Debug, Deserialize)]
#[allow(dead_code)]
struct Office {
    staff: std::collections::HashMap<String, u8>,
}

async fn reason_of(record: &str) -> String {
    let body = format!(r#"{{"count":2,"next":null,"results":[{{"id":1,"title":"a"}},{record}]}}"#);
    let script = Script::replies(vec![Reply::page(&body)]);
    let page = script.client().build().unwrap().jobs().pages_as::<Posting>().next().await.unwrap().unwrap();
    assert_eq!((page.items.len(), page.rejected.len()), (1, 1));
    page.rejected[0].reason.clone()
}

#[tokio::test(start_paused = true)]
async fn an_error_of_a_foreign_model_names_the_field() {
    assert_eq!(reason_of(r#"{"id":"x","title":"a"}"#).await, r#"id: invalid type: string "…", expected u64"#);
    let office = |staff: &str| format!(r#"{{"id":2,"title":"a","company":{{"offices":[{{"staff":{staff}}}]}}}}"#);
    assert_eq!(
        reason_of(&office(r#"{"sales":300}"#)).await,
        "company.offices[0].staff.sales: invalid value: integer `…`, expected u8"
    );
    let missing = r#"{"id":2,"title":"a","company":{"offices":[{}]}}"#;
    assert_eq!(reason_of(missing).await, "company.offices[0]: missing field `staff`");
    assert!(reason_of(r#"{"title":"a"}"#).await.starts_with("missing field `id`"));
    // A key of a map is data of the record.
    for key in ["ann@example.test", "Ann Lee", "+15550100"] {
        let reason = reason_of(&office(&format!(r#"{{"{key}":300}}"#))).await;
        assert_eq!(reason, "company.offices[0].staff.…: invalid value: integer `…`, expected u8");
    }
}

#[tokio::test(start_paused = true)]
async fn the_reasons_of_a_page_without_a_good_record_and_of_a_single_resource_name_the_field() {
    let script = Script::new(|_, request| match request.uri().path() {
        "/api/jobs/" => Reply::page(r#"{"count":2,"next":null,"results":[{"id":"x"},{"id":"y"}]}"#),
        _ => Reply::page(r#"{"id":1,"title":[]}"#),
    });
    let api = script.client().build().unwrap();
    let page = api.jobs().pages_as::<Posting>().next().await.unwrap().unwrap_err();
    assert!(page.to_string().contains("the first: id: invalid type"), "{page}");
    let single = api.job(1).send_as::<Posting>().await.unwrap_err();
    assert!(single.to_string().contains("the first: title: invalid type: sequence, expected a string;"), "{single}");
    // The crate's own models name it once.
    let own = drain(api.jobs().pages()).await.1.unwrap();
    assert!(own.to_string().contains("the first: id: invalid type"), "{own}");
}

#[tokio::test(start_paused = true)]
async fn a_304_is_named() {
    let script = Script::replies(vec![Reply::Json(304, Vec::new(), String::new())]);
    let error = script.client().build().unwrap().jobs().send().await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("the server answered 304 Not Modified; send the request without `If-None-Match`"), "{text}");
    assert!(!text.contains("redirect"), "{text}");
    assert_eq!(script.requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn debug_of_an_error_shows_its_text_and_what_caused_it() {
    let script = Script::replies(vec![Reply::status(403)]);
    let error = script.client().build().unwrap().jobs().send().await.unwrap_err();
    assert_eq!(format!("{error:?}"), error.to_string());
    assert!(error.to_string().contains("the server answered 403 Forbidden: said; check the API key"), "{error}");

    let script = Script::replies(vec![Reply::Refused]);
    let error = script.client().build().unwrap().jobs().send().await.unwrap_err();
    assert_eq!(format!("{error:?}"), format!("{error}; caused by: refused"));
    // A source whose text is in the message is not repeated.
    let write = Error::OutcomeUnknown { source: Box::new(error) };
    assert_eq!(format!("{write:?}"), format!("{write}; caused by: refused"));
    let store = jobfeed::checkpoint::CheckpointError::store(TransportError::connect("the disk"));
    let error = Error::Checkpoint { key: "k".to_owned(), source: store };
    assert_eq!(format!("{error:?}"), format!("{error}; caused by: no connection; caused by: the disk"));
}

#[tokio::test(start_paused = true)]
async fn an_error_speaks_of_the_watermark_only_where_there_is_one() {
    let short = |from: u64| Script::replies(vec![Reply::page(&envelope(from..from + 10, 30, None))]);
    let (_, listing) = drain(short(1).client().build().unwrap().jobs().pages()).await;
    let listing = listing.unwrap();
    assert!(matches!(listing, Error::Incomplete { watermark_kept: false, .. }), "{listing}");
    assert!(listing.to_string().ends_with("run it again"), "{listing}");

    let store = MemoryStore::new();
    let sync = async |script: Script| {
        let jobs = script.client().build().unwrap().jobs().page_size(10);
        let mut run = jobs.sync_by_id("k", &store).await?;
        while let Some(batch) = run.next().await? {
            batch.commit().await?;
        }
        Ok::<(), Error>(())
    };
    let first = sync(short(1)).await.unwrap_err();
    assert!(matches!(first, Error::Incomplete { watermark_kept: false, .. }), "{first}");
    sync(Script::jobs((1..31).collect())).await.unwrap();
    assert_eq!(store.load("k").await.unwrap().unwrap().watermark(), Some(Mark::Id(30)));
    let third = sync(short(31)).await.unwrap_err();
    assert!(matches!(third, Error::Incomplete { watermark_kept: true, .. }), "{third}");
    assert!(third.to_string().ends_with("run it again, the watermark did not move"), "{third}");
}
