//! The check for drift: what it tells, what ends a run, and what it never keeps.

use std::error::Error as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use jobfeed::checkpoint::{CheckpointError, MemoryStore, SyncState};
use jobfeed::drift::{self, ChangeKind, DriftCheck, DriftError, FailOn};
use jobfeed::{Checkpoint, Error, Mark, Outcome, Report, SyncRun};
use serde::Deserialize;
use serde_json::Value;

use crate::support::Script;

/// A record as it is at first.
fn usual(id: u64) -> String {
    format!(
        r#"{{"id":{id},"title":"Cook","company":{{"name":"Acme {id}","site":"https://a.test"}},"places":[{{"city":"Bern"}}]}}"#
    )
}

/// One run over these records, with a check that looks at all of them.
async fn run_over(
    store: &MemoryStore,
    ids: std::ops::RangeInclusive<u64>,
    row: impl Fn(u64) -> String + Send + Sync + 'static,
    fail_on: &[FailOn],
) -> (Report, Result<Vec<Value>, Error>) {
    let api = Script::listing(ids.collect(), row).client().build().unwrap();
    let sync = api.jobs().page_size(50).sync_by_id("jobs", store).items_as::<Value>().await.unwrap();
    let check = DriftCheck::new(store.clone()).fail_on(fail_on.iter().copied()).every_record();
    let mut run = sync.inspect_with(check);
    let rows = rows(&mut run).await;
    (run.report(), rows)
}

async fn rows<C: Checkpoint>(run: &mut SyncRun<Value, C>) -> Result<Vec<Value>, Error> {
    let mut rows = Vec::new();
    while let Some(mut batch) = run.next().await? {
        rows.extend(batch.take_items());
        batch.commit().await?;
    }
    Ok(rows)
}

/// A record after the change, and what is told of it.
type Case = (fn(u64) -> String, FailOn, &'static [(&'static str, ChangeKind, &'static str)]);

const CASES: [Case; 4] = [
    // Renamed.
    (
        |id| usual(id).replace("\"name\"", "\"label\""),
        FailOn::Missing,
        &[
            ("/company/label", ChangeKind::New, "/company/label is new: string in 100 of 100 (first record: 201)"),
            (
                "/company/name",
                ChangeKind::Missing,
                "/company/name is missing: in 100 of 100, before in 0 of 200 (first record: 201)",
            ),
        ],
    ),
    // Missing.
    (
        |id| usual(id).replace(r#"{"city":"Bern"}"#, "{}"),
        FailOn::Missing,
        &[(
            "/places/*/city",
            ChangeKind::Missing,
            "/places/*/city is missing: in 100 of 100, before in 0 of 200 (first record: 201)",
        )],
    ),
    // Retyped.
    (
        |id| usual(id).replace("\"Bern\"", "[3012]"),
        FailOn::Retyped,
        &[(
            "/places/*/city",
            ChangeKind::Retyped,
            "/places/*/city has another type: list in 100 of 100, before string (first record: 201)",
        )],
    ),
    // Half null.
    (
        |id| if id % 2 == 0 { usual(id).replace("\"https://a.test\"", "null") } else { usual(id) },
        FailOn::NullRate(0.4),
        &[(
            "/company/site",
            ChangeKind::Nulls,
            "/company/site is null or missing in 50 of 100, before in 0 of 200 (first record: 202)",
        )],
    ),
];

#[tokio::test(start_paused = true)]
async fn each_change_is_told_at_its_nested_path_and_ends_the_run_under_the_policy() {
    for (changed, rule, expected) in CASES {
        let row = move |id| if id > 200 { changed(id) } else { usual(id) };
        // It is only told.
        let store = MemoryStore::new();
        let (first, _) = run_over(&store, 1..=200, row, &[]).await;
        let told = drift::Report::of(&first).unwrap();
        assert_eq!((told.records, told.baseline, told.changes), (200, None, vec![]));
        let (report, rows) = run_over(&store, 1..=300, row, &[]).await;
        assert_eq!(rows.unwrap().len(), 100);
        let told = drift::Report::of(&report).unwrap();
        let lines: Vec<_> =
            told.changes.iter().map(|change| (&*change.path, change.kind, change.to_string())).collect();
        let expected: Vec<_> = expected.iter().map(|(path, kind, line)| (*path, *kind, (*line).to_owned())).collect();
        assert_eq!(lines, expected);

        // The policy ends the run before anything of the page is committed.
        let store = MemoryStore::new();
        run_over(&store, 1..=200, row, &[rule]).await.1.unwrap();
        let before = store.load("jobs").await.unwrap().unwrap();
        let (report, rows) = run_over(&store, 1..=300, row, &[rule]).await;
        let error = rows.unwrap_err();
        let drift = error.source().and_then(|source| source.downcast_ref::<DriftError>()).unwrap();
        assert!(drift.changes.iter().any(|change| change.path == expected[expected.len() - 1].0), "{error:?}");
        assert_eq!((report.outcome, report.counts.rows), (Outcome::Failed, 0), "no row was handed out");
        let after = store.load("jobs").await.unwrap().unwrap();
        assert_eq!((after.watermark(), after.run().map_or(0, |run| run.rows)), (before.watermark(), 0));

        // It still does in the next run. When a person has accepted the change, the rows come.
        run_over(&store, 1..=300, row, &[rule]).await.1.unwrap_err();
        let accepted = drift::accept(&store, "jobs").await.unwrap();
        assert_eq!(accepted.len(), expected.len());
        assert_eq!(drift::accept(&store, "jobs").await.unwrap(), [], "there is nothing more to accept");
        let (report, rows) = run_over(&store, 1..=300, row, &[rule]).await;
        assert_eq!(rows.unwrap().len(), 100);
        assert_eq!(drift::Report::of(&report).unwrap().changes, []);
    }
}

#[tokio::test(start_paused = true)]
async fn the_baseline_never_changes_by_itself() {
    let row = |id| if id > 200 { usual(id).replace("title", "headline") } else { usual(id) };
    let store = MemoryStore::new();
    for (last, changes) in [(200, 0), (300, 2), (400, 2), (500, 2)] {
        let (report, _) = run_over(&store, 1..=last, row, &[]).await;
        assert_eq!(drift::Report::of(&report).unwrap().changes.len(), changes, "up to {last}");
    }
}

#[tokio::test(start_paused = true)]
async fn promise_6_one_bad_record_does_not_end_a_run() {
    let row = |id| if id == 250 { r#"{"id":250,"title":7}"#.to_owned() } else { usual(id) };
    let all = [FailOn::Missing, FailOn::Retyped, FailOn::NullRate(0.1), FailOn::New];
    let store = MemoryStore::new();
    run_over(&store, 1..=249, row, &all).await.1.unwrap();
    let (report, rows) = run_over(&store, 1..=250, row, &all).await;
    assert_eq!(rows.unwrap().len(), 1);
    let told = drift::Report::of(&report).unwrap();
    assert_eq!(told.changes.len(), 3, "it is told: {told}");
    let (report, rows) = run_over(&store, 1..=350, row, &all).await;
    assert_eq!((rows.unwrap().len(), report.outcome), (100, Outcome::Complete));
}

#[tokio::test(start_paused = true)]
async fn a_change_at_the_end_of_a_long_run_is_not_hidden_by_its_beginning() {
    let row = |id| if id > 1900 { usual(id).replace("\"name\"", "\"label\"") } else { usual(id) };
    let store = MemoryStore::new();
    run_over(&store, 1..=200, row, &[FailOn::Missing]).await.1.unwrap();
    run_over(&store, 1..=2000, row, &[FailOn::Missing]).await.1.unwrap_err();
    let state = store.load("jobs").await.unwrap().unwrap();
    assert!(state.run().is_some_and(|run| run.rows >= 1000), "the pages before it were committed");
    assert_eq!(state.watermark(), Some(Mark::Id(200)));
}

#[tokio::test(start_paused = true)]
async fn promise_8_a_baseline_has_no_values() {
    let row = |id| {
        format!(
            r#"{{"id":{id},"title":"sentinel-title","owner":{{"ann.sentinel@example.com":1}},"n":[{{"sentinel value":1}}]}}"#
        )
    };
    let store = MemoryStore::new();
    let (report, _) = run_over(&store, 1..=20, row, &[]).await;
    let kept = store.load("jobs#drift").await.unwrap().unwrap().to_json();
    let told = serde_json::to_string(&report).unwrap() + &format!("{report:?}");
    for text in ["sentinel-title", "ann.sentinel"] {
        assert!(!kept.contains(text) && !told.contains(text), "{text} in {kept}");
    }
    assert!(kept.contains("title"));
}

#[tokio::test(start_paused = true)]
async fn a_run_with_a_third_of_the_usual_rows_is_told() {
    let store = MemoryStore::new();
    let mut last = 100;
    run_over(&store, 1..=last, usual, &[]).await.1.unwrap();
    for (rows, usual_rows, low) in
        [(30, None, false), (33, None, false), (27, None, false), (10, Some(30), true), (25, Some(30), false)]
    {
        last += rows;
        let (report, _) = run_over(&store, 1..=last, usual, &[]).await;
        let told = drift::Report::of(&report).unwrap();
        assert_eq!(
            (told.volume.map(|volume| volume.usual), told.volume.is_some_and(|volume| volume.is_low())),
            (usual_rows, low)
        );
        assert_eq!(told.to_string().contains("10 rows, usually 30 (median of 3 runs)"), low, "{told}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_sample_is_enough_to_see_a_change() {
    let row = |id| if id > 200 { usual(id).replace("\"name\"", "\"label\"") } else { usual(id) };
    let store = MemoryStore::new();
    for last in [200, 400] {
        let api = Script::listing((1..=last).collect(), row).client().build().unwrap();
        let sync = api.jobs().page_size(100).sync_by_id("jobs", &store).items_as::<Value>().await.unwrap();
        let mut run = sync.inspect_with(DriftCheck::new(store.clone()));
        rows(&mut run).await.unwrap();
        let told = drift::Report::of(&run.report()).unwrap();
        assert!((20..=70).contains(&told.records), "{} of 200", told.records);
        assert_eq!(told.changes.len(), if last == 400 { 2 } else { 0 });
    }
}

/// A record type that reads nothing but the id.
#[derive(Deserialize)]
struct OnlyId {
    id: u64,
}

async fn ids<C: Checkpoint>(run: &mut jobfeed::SyncRun<OnlyId, C>) -> Result<Vec<u64>, Error> {
    let mut rows = Vec::new();
    while let Some(batch) = run.next().await? {
        rows.extend(batch.items().iter().map(|row| row.id));
        batch.commit().await?;
    }
    Ok(rows)
}

#[tokio::test(start_paused = true)]
async fn a_number_that_no_type_holds_does_not_hide_the_fields_after_it() {
    let store = MemoryStore::new();
    for last in [100, 200] {
        let row = |id| {
            if id > 100 {
                format!(r#"{{"id":{id},"x":[{{"y":1}},{{"y":1e999}}],"z":"\ud800","title":"Cook"}}"#)
            } else {
                format!(r#"{{"id":{id},"x":[{{"y":1}}],"z":"a","title":"Cook"}}"#)
            }
        };
        let api = Script::listing((1..=last).collect(), row).client().build().unwrap();
        let sync = api.jobs().page_size(50).sync_by_id("k", &store).items_as::<OnlyId>().await.unwrap();
        let mut run = sync.inspect_with(DriftCheck::new(store.clone()).every_record().fail_on([FailOn::Missing]));
        assert_eq!(ids(&mut run).await.unwrap().len(), 100);
        assert_eq!(drift::Report::of(&run.report()).unwrap().changes, []);
    }
}

#[tokio::test(start_paused = true)]
async fn what_one_page_of_a_long_run_was_refused_for_is_told_and_can_be_accepted() {
    let store = MemoryStore::new();
    let row = |id| {
        if id > 1960 && id <= 1990 { format!(r#"{{"id":{id}}}"#) } else { format!(r#"{{"id":{id},"title":"Cook"}}"#) }
    };
    let run = async |last: u64| {
        let api = Script::listing((1..=last).collect(), row).client().build().unwrap();
        let sync = api.jobs().page_size(50).sync_by_id("k", &store).items_as::<OnlyId>().await.unwrap();
        let mut run = sync.inspect_with(DriftCheck::new(store.clone()).every_record().fail_on([FailOn::NullRate(0.3)]));
        let got = ids(&mut run).await;
        (got, drift::Report::of(&run.report()).unwrap())
    };
    run(200).await.0.unwrap();
    let (got, report) = run(2000).await;
    got.unwrap_err();
    assert!(!report.changes.is_empty(), "report");
    assert!(!drift::accept(&store, "k").await.unwrap().is_empty(), "accept");
    run(2000).await.0.unwrap();
}

/// The write is done, but the future waits once before it tells so.
#[derive(Clone)]
struct SlowAnswer(MemoryStore, Arc<AtomicUsize>);
impl Checkpoint for SlowAnswer {
    type Error = CheckpointError;
    async fn load(&self, key: &str) -> Result<Option<SyncState>, CheckpointError> {
        self.0.load(key).await.map_err(CheckpointError::store)
    }
    async fn save(&self, key: &str, state: &SyncState) -> Result<(), CheckpointError> {
        let saved = self.0.save(key, state).await;
        if self.1.fetch_add(1, SeqCst) == 0 {
            std::future::pending::<()>().await;
        }
        saved
    }
}

#[tokio::test(start_paused = true)]
async fn a_baseline_is_saved_once_when_the_caller_drops_next_meanwhile() {
    let store = SlowAnswer(MemoryStore::new(), Arc::default());
    let api = Script::jobs((1..=25).collect()).client().build().unwrap();
    let run = api.jobs().page_size(10).sync_by_id("k", MemoryStore::new()).await.unwrap();
    let mut run = run.inspect_with(DriftCheck::new(store.clone()));
    let mut rows = 0;
    loop {
        let Ok(next) = tokio::time::timeout(Duration::from_secs(60), run.next()).await else { continue };
        let Some(batch) = next.unwrap() else { break };
        rows += batch.items().len();
        batch.commit().await.unwrap();
    }
    assert_eq!((rows, run.report().outcome), (25, Outcome::Complete));
}
