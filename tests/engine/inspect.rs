//! What looks at the pages of a run: when it is called, and what its errors do.

use std::sync::{Arc, Mutex};

use futures::FutureExt;
use futures::future::BoxFuture;
use jobfeed::checkpoint::MemoryStore;
use jobfeed::inspect::{Inspect, InspectedEnd, InspectedPage};
use jobfeed::{BoxError, Checkpoint, Credentials, Error, Mark, Outcome};

use crate::support::{Reply, Script, finish, set};

/// Writes down what it is shown, and refuses or waits once where it is told to.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Seen>>);

#[derive(Default)]
struct Seen {
    /// The revision of each page, its URL, and its record texts.
    pages: Vec<(u64, Option<String>, Vec<String>)>,
    ends: Vec<(bool, u64)>,
    refuse_at: Option<u64>,
    wait_at: Option<u64>,
    fail_at_end: bool,
    wait_at_end: bool,
}

impl Notes {
    fn seen<R>(&self, read: impl FnOnce(&mut Seen) -> R) -> R {
        read(&mut self.0.lock().unwrap())
    }
}

impl Inspect for Notes {
    fn name(&self) -> &'static str {
        "notes"
    }

    fn page<'a>(&'a mut self, page: &'a InspectedPage<'_>) -> BoxFuture<'a, Result<(), BoxError>> {
        let revision = page.next_state().revision();
        assert_eq!(revision, page.state().revision() + 1, "nothing of the page is committed");
        let texts = page.records().map(|record| record.text().to_owned()).collect();
        let url = page.source().map(|source| source.url().to_owned());
        let (refuse, wait) = self.seen(|seen| {
            seen.pages.push((revision, url, texts));
            (seen.refuse_at.take_if(|at| *at == revision), seen.wait_at.take_if(|at| *at == revision))
        });
        async move {
            if wait.is_some() {
                std::future::pending::<()>().await;
            }
            if refuse.is_some() { Err("not this one".into()) } else { Ok(()) }
        }
        .boxed()
    }

    fn end<'a>(&'a mut self, end: &'a InspectedEnd<'_>) -> BoxFuture<'a, Result<(), BoxError>> {
        let (fail, wait) = self.seen(|seen| {
            seen.ends.push((end.is_complete(), end.state().revision()));
            (seen.fail_at_end, std::mem::take(&mut seen.wait_at_end))
        });
        async move {
            if wait {
                std::future::pending::<()>().await;
            }
            if fail { Err("no place left".into()) } else { Ok(()) }
        }
        .boxed()
    }

    fn report(&self) -> serde_json::Value {
        self.seen(|seen| seen.pages.len().into())
    }
}

#[tokio::test(start_paused = true)]
async fn promise_3_a_refused_page_is_not_committed_and_comes_again() {
    let script = Script::jobs((1..=25).collect());
    let (api, store, notes) = (script.client().build().unwrap(), MemoryStore::new(), Notes::default());
    notes.seen(|seen| seen.refuse_at = Some(2));
    let run = api.jobs().page_size(10).sync_by_id("k", &store).await.unwrap();
    let mut run = run.inspect_with(notes.clone());
    let first = run.next().await.unwrap().unwrap();
    let mut ids: Vec<u64> = first.items().iter().map(|job| job.id).collect();
    first.commit().await.unwrap();
    let error = run.next().await.err().unwrap();
    assert!(matches!(&error, Error::Refused { by: "notes", .. }), "{error:?}");
    assert_eq!(error.to_string(), "checkpoint \"k\": notes: not this one");
    assert_eq!((run.report().outcome, &*run.report().error.unwrap().kind), (Outcome::Failed, "refused"));
    assert_eq!(run.report().inspected["notes"], 2);
    assert!(run.next().await.unwrap().is_none());
    assert_eq!(store.load("k").await.unwrap().unwrap().revision(), 1);
    assert_eq!(
        notes.seen(|seen| std::mem::take(&mut seen.ends)),
        [(false, 1)],
        "it is told once, and of what was committed"
    );

    let run = api.jobs().page_size(10).sync_by_id("k", &store).await.unwrap();
    let mut run = run.inspect_with(notes.clone());
    ids.extend(finish(&mut run).await.unwrap());
    assert_eq!(set(&ids), (1..=25).collect());
    let (pages, ends) = notes.seen(|seen| (std::mem::take(&mut seen.pages), std::mem::take(&mut seen.ends)));
    assert_eq!(pages[1], pages[2], "the refused page is the first of the next run");
    let last = store.load("k").await.unwrap().unwrap();
    assert_eq!((ends, last.watermark()), (vec![(true, last.revision())], Some(Mark::Id(25))));
    let texts: usize = pages.iter().map(|(_, _, texts)| texts.len()).sum();
    assert_eq!(texts, 25 + pages[1].2.len(), "it sees each record that is delivered");
}

#[tokio::test(start_paused = true)]
async fn promise_1_a_page_is_not_lost_when_the_caller_drops_next_during_an_inspection() {
    let script = Script::jobs((1..=25).collect());
    let (api, notes) = (script.client().build().unwrap(), Notes::default());
    notes.seen(|seen| seen.wait_at = Some(2));
    let run = api.jobs().page_size(10).sync_by_id("k", MemoryStore::new()).await.unwrap();
    let mut run = run.inspect_with(Notes::default()).inspect_with(notes.clone());
    let mut ids = Vec::new();
    loop {
        let next = tokio::time::timeout(std::time::Duration::from_secs(60), run.next()).await;
        let Ok(next) = next else { continue };
        let Some(batch) = next.unwrap() else { break };
        ids.extend(batch.items().iter().map(|job| job.id));
        batch.commit().await.unwrap();
    }
    assert_eq!(ids.len(), 25);
    let revisions: Vec<u64> = notes.seen(|seen| seen.pages.iter().map(|page| page.0).collect());
    assert_eq!(revisions.iter().filter(|revision| **revision == 2).count(), 2, "{revisions:?}");
    assert_eq!(run.report().inspected["notes"], revisions.len(), "of two with one name, the last has the report");
}

#[tokio::test(start_paused = true)]
async fn promise_8_an_inspected_url_has_no_key() {
    let script = Script::jobs((1..=3).collect());
    let secret = "s3cret-key-of-the-query";
    let api = script.client().credentials(Credentials::query("token", secret).unwrap()).build().unwrap();
    let notes = Notes::default();
    let run = api.jobs().page_size(10).sync_by_id("k", MemoryStore::new()).await.unwrap();
    let mut run = run.inspect_with(notes.clone());
    finish(&mut run).await.unwrap();
    assert!(
        script.log.lock().unwrap().iter().all(|(_, request)| request.uri().to_string().contains(secret)),
        "it was sent"
    );
    let pages = notes.seen(|seen| std::mem::take(&mut seen.pages));
    let url = pages.iter().find_map(|page| page.1.clone()).unwrap();
    assert!(url.contains("/jobs/?") && url.contains("page_size="), "{url}");
    assert!(!format!("{pages:?}").contains(secret));
}

#[tokio::test(start_paused = true)]
async fn an_error_at_the_end_is_returned_and_what_was_committed_stays() {
    let script = Script::jobs((1..=3).collect());
    let (api, store, notes) = (script.client().build().unwrap(), MemoryStore::new(), Notes::default());
    notes.seen(|seen| seen.fail_at_end = true);
    let mut run = api.jobs().sync_by_id("k", &store).await.unwrap().inspect_with(notes.clone());
    let error = finish(&mut run).await.unwrap_err();
    assert!(matches!(error, Error::Refused { .. }));
    assert_eq!((run.report().outcome, &*run.report().error.unwrap().kind), (Outcome::Complete, "refused"));
    assert_eq!(store.load("k").await.unwrap().unwrap().watermark(), Some(Mark::Id(3)));

    // The error of the run comes before that of the inspector.
    let failing = Script::replies(vec![Reply::status(403)]);
    let api = failing.client().build().unwrap();
    let mut run = api.jobs().sync_by_id("k", MemoryStore::new()).await.unwrap().inspect_with(notes.clone());
    assert!(matches!(run.next().await.err().unwrap(), Error::Status { .. }));
    assert_eq!(notes.seen(|seen| seen.ends.len()), 2);
}

#[tokio::test(start_paused = true)]
async fn an_error_at_the_end_is_not_lost_when_the_caller_drops_next_meanwhile() {
    let api = Script::jobs((1..=25).collect()).client().build().unwrap();
    let (fails, waits) = (Notes::default(), Notes::default());
    fails.seen(|seen| seen.fail_at_end = true);
    waits.seen(|seen| seen.wait_at_end = true);
    let run = api.jobs().page_size(10).sync_by_id("k", MemoryStore::new()).await.unwrap();
    let mut run = run.inspect_with(fails.clone()).inspect_with(waits);
    let error = loop {
        match tokio::time::timeout(std::time::Duration::from_secs(60), run.next()).await {
            Ok(next) => match next {
                Ok(batch) => batch.unwrap().commit().await.unwrap(),
                Err(error) => break error,
            },
            Err(_) => continue,
        }
    };
    assert!(matches!(error, Error::Refused { by: "notes", .. }), "{error:?}");
    assert_eq!((run.report().outcome, &*run.report().error.unwrap().kind), (Outcome::Complete, "refused"));
    assert_eq!(fails.seen(|seen| seen.ends.len()), 1, "it is told once");
    assert!(run.next().await.unwrap().is_none());
}
