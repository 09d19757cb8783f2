//! Partitions: results as they end, panics, the stop signal, and a spawned task with borrowed keys.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::{FutureExt, StreamExt};
use jobfeed::checkpoint::MemoryStore;
use jobfeed::endpoint::{Answer, AnswerError, ApiRequest, Endpoint, Incremental, Listing, Paging, Record};
use jobfeed::{
    Checkpoint, Client, Error, ListAt, Outcome, PartitionError, Position, RateLimit, Report, StopSignal, paginate,
    partitions,
};

use crate::support::{Reply, Script, finish};

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[tokio::test(start_paused = true)]
async fn a_slow_partition_does_not_hold_up_the_others() {
    let start = tokio::time::Instant::now();
    let times = [100, 10, 10, 10, 10, 10, 10];
    let results = partitions(times.into_iter().enumerate(), 2, async |(index, seconds)| {
        tokio::time::sleep(secs(seconds)).await;
        Ok::<_, Error>(index)
    });
    let ended: Vec<(usize, u64)> =
        results.map(|done| (done.result.unwrap(), start.elapsed().as_secs())).collect().await;
    assert_eq!(ended, [(1, 10), (2, 20), (3, 30), (4, 40), (5, 50), (6, 60), (0, 100)]);
}

#[tokio::test(start_paused = true)]
async fn a_panic_ends_only_its_partition() {
    let api = Script::jobs((1..=45).collect()).client().build().unwrap();
    let store = MemoryStore::new();
    let run = |key: &'static str, panics: bool| {
        let sync = api.jobs().page_size(10).sync_by_id(key, &store);
        async move {
            let mut run = sync.await?;
            let mut ids = Vec::new();
            while let Some(batch) = run.next().await? {
                ids.extend(batch.items().iter().map(|job| job.id));
                batch.commit().await?;
                assert!(!panics, "after the first commit of {key}");
            }
            Ok::<_, Error>(ids.into_iter().collect::<BTreeSet<_>>())
        }
    };
    let keys = ["a", "at once", "b", "c"];
    let results = partitions(keys, 2, |key| {
        assert_ne!(key, "at once", "in the closure itself");
        run(key, key == "b")
    });
    let results: BTreeMap<&str, _> = results.map(|done| (done.partition, done.result)).collect().await;
    let all: BTreeSet<u64> = (1..=45).collect();
    assert_eq!((results["a"].as_ref().unwrap(), results["c"].as_ref().unwrap()), (&all, &all));
    let panicked = |key: &str| match &results[key] {
        Err(PartitionError::Panicked { message, .. }) => message.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(panicked("b"), "after the first commit of b");
    assert!(panicked("at once").contains("in the closure itself"));
    // The five rows that it had committed do not come again, the rest does.
    let mut rest = api.jobs().page_size(10).sync_by_id("b", &store).await.unwrap();
    assert_eq!(finish(&mut rest).await.unwrap().len(), 40);
}

/// It compiles: keys that the task owns are borrowed by the partitions, and the task is `Send`.
#[tokio::test(start_paused = true)]
async fn partitions_run_in_a_spawned_task_with_borrowed_keys() {
    let api = Script::jobs((1..=25).collect()).client().build().unwrap();
    let task = tokio::spawn(async move {
        let keys: Vec<String> = ["a", "b", "c"].map(str::to_owned).into();
        let store = MemoryStore::new();
        let (api, store) = (&api, &store);
        let mut rows = BTreeMap::new();
        let mut results = partitions(keys.iter(), 2, |key| async move {
            let mut run = api.jobs().page_size(10).sync_by_id(key.as_str(), store).await?;
            while let Some(batch) = run.next().await? {
                batch.commit().await?;
            }
            Ok::<_, Error>(run.report())
        });
        while let Some(done) = results.next().await {
            rows.insert(done.partition.clone(), done.result?.counts.rows);
        }
        // As an async closure, over tuples that borrow.
        let pairs = keys.iter().map(|key| (key, key.len()));
        let again = partitions(pairs, 3, async |(key, _)| {
            let mut run = api.jobs().page_size(10).sync_by_id(key, store).await?;
            run.for_each(|_| async { Ok::<_, Error>(()) }).await
        });
        again.collect::<Vec<_>>().await;
        Ok::<_, PartitionError<Error>>(rows)
    });
    let rows = task.await.unwrap().unwrap();
    assert_eq!(rows, BTreeMap::from([("a".to_owned(), 25), ("b".to_owned(), 25), ("c".to_owned(), 25)]));
}

#[tokio::test(start_paused = true)]
async fn promise_1_a_stop_signal_ends_each_run_after_its_commit_and_the_next_runs_bring_the_rest() {
    let script = Script::jobs((1..=95).collect());
    let api = script.client().rate_limit(RateLimit::every(secs(1))).build().unwrap();
    let store = MemoryStore::new();
    let mut got: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    let mut stopped = 0;
    for stop_after in 1.. {
        let stop = StopSignal::new();
        let began = (0..3).take_while(|_| !stop.is_stopped());
        let results = partitions(began, 3, async |partition: u64| {
            let sync = api.jobs().page_size(10).sync_by_id(format!("k{partition}"), &store);
            let mut run = sync.await?.stop_when(&stop);
            let mut ids = Vec::new();
            while let Some(batch) = run.next().await? {
                ids.extend(batch.items().iter().map(|job| job.id));
                if ids.len() >= 10 * stop_after {
                    stop.stop();
                }
                batch.commit().await?;
            }
            Ok::<_, Error>((ids, run.report()))
        });
        let results: Vec<_> = results.collect().await;
        for done in results {
            let (ids, report): (_, Report) = done.result.unwrap();
            got.entry(done.partition).or_default().extend(ids);
            let state = store.load(&format!("k{}", done.partition)).await.unwrap();
            match report.outcome {
                Outcome::Stopped => {
                    stopped += 1;
                    assert!(report.ended.is_some() && report.error.is_none());
                    assert!(state.is_none_or(|state| state.watermark().is_none()));
                }
                outcome => assert_eq!(outcome, Outcome::Complete),
            }
        }
        if !stop.is_stopped() {
            break;
        }
    }
    assert!(stopped >= 3, "{stopped}");
    for (partition, mut ids) in got {
        ids.sort_unstable();
        assert_eq!(ids, (1..=95).collect::<Vec<_>>(), "partition {partition}: each row once");
    }
}

/// One page of two that takes a minute; its records may be billed.
#[derive(Clone)]
struct Slow {
    billed: bool,
}

impl Endpoint for Slow {
    fn name(&self) -> &str {
        "own/slow"
    }
    fn request(&self, at: &Position) -> ApiRequest {
        let request = ApiRequest::get("slow");
        if let Position::Token(after) = at { request.query("after", after) } else { request }
    }
    fn list(&self) -> ListAt {
        ListAt::Field("rows")
    }
    fn next(&self, _: &Position, answer: &Answer<'_>) -> Result<Paging, AnswerError> {
        paginate::token(answer, "after")
    }
    fn may_prefetch(&self) -> bool {
        !self.billed
    }
}

impl Listing for Slow {
    type Item = jobfeed::serde_json::Value;
}

impl Incremental for Slow {
    type Mark = u64;
    fn since(&self, _: &u64) -> Self {
        self.clone()
    }
    fn mark(&self, record: &Record<'_>) -> Option<u64> {
        record.get("id")
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_signal_ends_a_request_in_progress_except_where_records_are_billed() {
    for (billed, requests, outcome) in [(false, 1, Outcome::Stopped), (true, 2, Outcome::Stopped)] {
        let script = Script::replies(vec![
            Reply::Late(secs(60), r#"{"rows":[{"id":1}],"after":"x"}"#.to_owned()),
            Reply::Late(secs(60), r#"{"rows":[{"id":2}],"after":"y"}"#.to_owned()),
        ]);
        let api = Client::builder().base_url("http://api.test/").transport(script.clone()).timeout(secs(90));
        let api = api.rate_limit(RateLimit::unlimited()).build().unwrap();
        let (store, stop) = (MemoryStore::new(), StopSignal::new());
        let mut run = api.list(Slow { billed }).sync_since("k", &store).await.unwrap().stop_when(&stop);
        let signal = stop.clone();
        tokio::spawn(async move {
            tokio::time::sleep(secs(if billed { 90 } else { 30 })).await;
            signal.stop();
        });
        let start = tokio::time::Instant::now();
        let mut rows = 0;
        while let Some(batch) = run.next().await.unwrap() {
            rows += batch.items().len();
            batch.commit().await.unwrap();
        }
        let took = start.elapsed().as_secs();
        // Billed: the signal comes within the second request, whose page is delivered and committed.
        assert_eq!((rows, took), if billed { (2, 120) } else { (0, 30) }, "billed: {billed}");
        assert_eq!((script.requests(), run.report().outcome), (requests, outcome));
        assert!(run.next().now_or_never().unwrap().unwrap().is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_at_its_end_is_complete_although_the_signal_was_given() {
    let api = Script::jobs((1..=5).collect()).client().build().unwrap();
    let (store, stop) = (MemoryStore::new(), StopSignal::new());
    let mut run = api.jobs().sync_by_id("k", &store).await.unwrap().stop_when(&stop);
    while let Some(batch) = run.next().await.unwrap() {
        if batch.next_state().run().is_none() {
            stop.stop();
        }
        batch.commit().await.unwrap();
    }
    assert!(stop.is_stopped());
    assert_eq!((run.report().outcome, run.state().run()), (Outcome::Complete, None));
}
