//! Thousands of partitions: their merged counters, their report, who sends next, and what happens while the server asks to wait.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use futures::{FutureExt, StreamExt, TryStreamExt};
use jobfeed::checkpoint::MemoryStore;
use jobfeed::endpoint::{Answer, AnswerError, ApiRequest, Endpoint, Incremental, Listing, Paging, Record};
use jobfeed::jiff::Timestamp;
use jobfeed::{
    BoxError, Checkpoint, Client, Clock, Error, ListAt, Outcome, PartitionCounts, PartitionError, PartitionsReport,
    Position, RateLimit, Report, RetryPolicy, StopSignal, SyncState, paginate, partitions, serde_json,
};

use crate::support::{Reply, Script};

/// What becomes of a list with faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    Complete,
    Refused,
    Paused,
    Panics,
    Short,
    OwnError,
    Left,
}

impl Fate {
    fn of(list: u64) -> Self {
        use Fate::*;
        [Complete, Refused, Paused, Panics, Short, OwnError, Left].get(list as usize % 20).copied().unwrap_or(Complete)
    }
}

/// The rows of one of many lists: pages of two rows, by offset.
#[derive(Clone)]
struct Rows {
    list: u64,
}

impl Endpoint for Rows {
    fn name(&self) -> &str {
        "own/rows"
    }
    fn request(&self, at: &Position) -> ApiRequest {
        let mut request = ApiRequest::get(format!("lists/{}", self.list));
        // A wait for one of these is not for the others.
        request.bucket = (Fate::of(self.list) == Fate::Paused).then(|| format!("list {}", self.list));
        if let Position::Token(after) = at { request.query("after", after) } else { request }
    }
    fn list(&self) -> ListAt {
        ListAt::Field("rows")
    }
    fn next(&self, _: &Position, answer: &Answer<'_>) -> Result<Paging, AnswerError> {
        Ok(Paging { total: paginate::total(answer, "total")?, ..paginate::token(answer, "after")? })
    }
}

impl Listing for Rows {
    type Item = serde_json::Value;
}

impl Incremental for Rows {
    type Mark = u64;
    fn since(&self, _: &u64) -> Self {
        self.clone()
    }
    fn mark(&self, record: &Record<'_>) -> Option<u64> {
        record.get("id")
    }
}

/// The list that a request is for, and after how many rows.
fn place(request: &http::Request<bytes::Bytes>) -> (u64, u64) {
    let list = request.uri().path().rsplit('/').next().unwrap().parse().unwrap();
    let after = request.uri().query().and_then(|query| query.strip_prefix("after=")?.parse().ok());
    (list, after.unwrap_or(0))
}

/// A page of a list of so many rows.
fn page(after: u64, rows: u64) -> Reply {
    let ids = (after + 1..=rows).take(2);
    let shown: Vec<String> = ids.map(|id| format!(r#"{{"id":{id}}}"#)).collect();
    let next = if after + 2 < rows { format!("\"{}\"", after + 2) } else { "null".to_owned() };
    Reply::page(&format!(r#"{{"rows":[{}],"after":{next},"total":{rows}}}"#, shown.join(",")))
}

fn client(script: &Script) -> Client {
    let api = Client::builder().base_url("http://api.test/").transport(script.clone());
    api.rate_limit(RateLimit::unlimited()).clock(noon()).retry(RetryPolicy::none()).build().unwrap()
}

/// A clock that starts at noon and goes with tokio's.
fn noon() -> Clock {
    let (noon, start) = (at("2026-05-01T12:00:00Z"), tokio::time::Instant::now());
    Clock::from_fn(move || noon + start.elapsed())
}

fn at(instant: &str) -> Timestamp {
    instant.parse().unwrap()
}

async fn sync(api: &Client, list: u64, store: impl Checkpoint) -> Result<Report, Error> {
    let mut run = api.list(Rows { list }).sync_since(format!("lists/{list}"), store).await?;
    while let Some(batch) = run.next().await? {
        batch.commit().await?;
    }
    Ok(run.report())
}

#[tokio::test(start_paused = true)]
async fn promise_7_partitions_take_turns_request_by_request() {
    // A handler that blocks the thread for long, between two requests, must not take the turn of the others.
    for blocked in [0, 50, 400, 5_000] {
        let script = Script::new(|_, request| {
            let (_, after) = place(request);
            Reply::Slow(Duration::from_millis(3), Box::new(page(after, 12)))
        });
        let api = client(&script);
        let store = MemoryStore::new();
        let results = partitions(0..20, 5, async |list| {
            let mut run = api.list(Rows { list }).sync_since(format!("lists/{list}"), &store).await?;
            while let Some(batch) = run.next().await? {
                if list == 3 {
                    // As `std::thread::sleep`: nothing else is polled meanwhile.
                    let _ = tokio::time::advance(Duration::from_millis(blocked)).now_or_never();
                }
                batch.commit().await?;
            }
            Ok::<_, Error>(())
        });
        results.for_each(|done| async move { done.result.unwrap() }).await;
        let log = script.log.lock().unwrap();
        let sent: Vec<(u64, u64)> = log.iter().map(|(_, request)| place(request)).collect();
        assert_eq!(sent.len(), 20 * 6);
        // Between two requests of a partition each other one that runs all the time has sent one.
        for list in 0..20 {
            let turns: Vec<usize> = (0..sent.len()).filter(|at| sent[*at].0 == list).collect();
            for (turn, pair) in turns.windows(2).enumerate() {
                let between = &sent[pair[0] + 1..pair[1]];
                let others: BTreeSet<u64> = between.iter().map(|(list, _)| *list).collect();
                let running: BTreeSet<u64> = sent[..pair[0]].iter().map(|(list, _)| *list).collect();
                let running = running
                    .into_iter()
                    .filter(|other| *other != list && sent[pair[1]..].iter().any(|(list, _)| list == other));
                for other in running {
                    assert!(
                        others.contains(&other),
                        "{blocked} ms: {other} had no turn before page {turn} of {list}: {sent:?}"
                    );
                }
            }
        }
    }
}

/// Takes a place while it is alive, and keeps how many were taken at most.
struct Running<'a>(&'a AtomicU64);

impl<'a> Running<'a> {
    fn new(now: &'a AtomicU64, most: &AtomicU64) -> Self {
        most.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
        Self(now)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

fn assert_round_trip(report: &PartitionsReport) -> usize {
    let json = serde_json::to_string(report).unwrap();
    assert_eq!(&serde_json::from_str::<PartitionsReport>(&json).unwrap(), report);
    json.len()
}

#[tokio::test(start_paused = true)]
async fn promise_1_of_2000_partitions_each_fails_pauses_and_resumes_alone_and_the_report_agrees() {
    const LISTS: u64 = 2_000;
    let faults = std::sync::Arc::new(AtomicU64::new(1));
    let on = faults.clone();
    let script = Script::new(move |_, request| {
        let (list, after) = place(request);
        match Fate::of(list) {
            Fate::Refused if on.load(SeqCst) == 1 && after == 2 => Reply::status(403),
            Fate::Paused if on.load(SeqCst) == 1 && after == 2 => {
                Reply::status(429).header("retry-after", 3_600 + list)
            }
            // Three of the rows that the total counts never come.
            Fate::Short if on.load(SeqCst) == 1 && after == 4 => {
                Reply::page(r#"{"rows":[{"id":5}],"after":null,"total":8}"#)
            }
            Fate::Short if on.load(SeqCst) == 1 => {
                let rows = [after + 1, after + 2].map(|id| format!(r#"{{"id":{id}}}"#)).join(",");
                Reply::page(&format!(r#"{{"rows":[{rows}],"after":"{}","total":8}}"#, after + 2))
            }
            _ => page(after, 5),
        }
    });
    let (api, store) = (client(&script), MemoryStore::new());
    let (now, most) = (AtomicU64::new(0), AtomicU64::new(0));
    let kept: Mutex<BTreeMap<(u64, u64), u64>> = Mutex::default();
    let run_of = async |list: u64| {
        let _running = Running::new(&now, &most);
        let fault = if faults.load(SeqCst) == 1 { Fate::of(list) } else { Fate::Complete };
        let mut run = api.list(Rows { list }).sync_since(format!("lists/{list}"), &store).await?;
        while let Some(batch) = run.next().await? {
            for row in batch.items() {
                *kept.lock().unwrap().entry((list, row["id"].as_u64().unwrap())).or_default() += 1;
            }
            batch.commit().await?;
            match fault {
                Fate::Panics => panic!("row 17 of Ada Lovelace"),
                Fate::OwnError => return Err(format!("the table of {list} is locked").into()),
                Fate::Left => return Ok(()),
                _ => {}
            }
        }
        Ok::<_, BoxError>(())
    };

    let mut results = partitions(0..LISTS, 16, run_of);
    let progress = results.progress();
    assert_eq!(progress.partitions(), {
        let mut none = PartitionCounts::default();
        none.waiting = Some(LISTS);
        none
    });
    let mut seen = 0;
    while let Some(done) = results.next().await {
        seen += 1;
        let (partitions, counts) = (progress.partitions(), progress.counts());
        assert!(partitions.running <= 16 && partitions.ended() >= seen, "{partitions:?}");
        assert_eq!(partitions.waiting.unwrap() + partitions.running + partitions.ended(), LISTS);
        assert_eq!(counts.requests, script.requests() as u64, "live");
        if done.result.is_ok() {
            assert!(matches!(Fate::of(done.partition), Fate::Complete | Fate::Paused | Fate::Left));
        }
    }
    assert_eq!(most.load(SeqCst), 16);
    let report = results.report();
    let each = LISTS / 20;
    let states = report.partitions;
    assert!(states.is_over(), "{states:?}");
    assert_eq!((states.complete, states.failed), (LISTS - 6 * each, 3 * each));
    assert_eq!((states.paused, states.stopped, states.incomplete), (each, each, each));
    let rows: u64 = kept.lock().unwrap().values().sum();
    assert_eq!((report.counts.rows, report.counts.requests), (rows, script.requests() as u64));
    assert_eq!(report.missing_rows, 3 * each);
    assert_eq!(report.counts.total, Some(5 * LISTS + 3 * each), "the sum of the latest totals");
    // The first one that paused asked for 3,602 seconds.
    let earliest = report.paused_until.unwrap().duration_since(at("2026-05-01T12:00:00Z")).as_secs();
    assert!((3_602..3_700).contains(&earliest), "{earliest}");
    // One entry for each that is not complete, by its place, with what it read itself.
    assert_eq!((report.entries.len() as u64, report.more_entries), (6 * each, 0));
    for entry in &report.entries {
        let (fate, key) = (Fate::of(entry.index), format!("lists/{}", entry.index));
        assert_eq!(entry.key.as_ref(), Some(&key));
        let kind = entry.error.as_ref().map(|error| &*error.kind);
        let expected = match (fate, entry.outcome) {
            (Fate::Refused, Outcome::Failed) => Some("status"),
            (Fate::Panics, Outcome::Failed) => Some("panic"),
            (Fate::OwnError, Outcome::Failed) => Some("other"),
            (Fate::Short, Outcome::ShortBy(3)) => Some("incomplete"),
            (Fate::Paused, Outcome::Paused { .. }) | (Fate::Left, Outcome::Running) => None,
            other => panic!("{other:?}: {entry:?}"),
        };
        assert_eq!(kind, expected, "{entry:?}");
        // A list that lacks records is read twice.
        assert_eq!(entry.counts.rows, if fate == Fate::Short { 10 } else { 2 }, "{entry:?}");
    }
    assert!(report.entries.is_sorted_by_key(|entry| entry.index));
    let text = report.to_string();
    assert!(
        text.starts_with("partitions: 1400 complete, 100 with records missing, 100 paused, 100 stopped, 300 failed; "),
        "{text}"
    );
    assert!(text.lines().count() <= 8 && text.contains("(lists/1): ") && text.contains("is locked"), "{text}");
    // The text of a panic may show records.
    let json = serde_json::to_string(&report).unwrap();
    assert!(!json.contains("Lovelace") && !text.contains("Lovelace"));
    assert!(assert_round_trip(&report) < 250 * 600, "{}", json.len());

    // Only those that are not complete run again, and each goes on where it stopped.
    faults.store(0, SeqCst);
    tokio::time::advance(Duration::from_secs(10_000)).await;
    let (sent, again) = (script.requests(), report.entries.iter().map(|entry| entry.index));
    let mut results = partitions(again.collect::<Vec<_>>(), 16, run_of);
    while let Some(done) = results.next().await {
        done.result.unwrap();
    }
    let second = results.report();
    assert_eq!((second.partitions.complete, second.partitions.ended()), (6 * each, 6 * each));
    assert!(second.entries.is_empty() && second.paused_until.is_none());
    let kept = std::mem::take(&mut *kept.lock().unwrap());
    for list in 0..LISTS {
        let rows: Vec<_> = kept.range((list, 0)..(list + 1, 0)).map(|((_, row), _)| *row).collect();
        assert_eq!(rows, [1, 2, 3, 4, 5], "{list}");
    }
    // A list that lacked records is read from its start, the others from their third row.
    assert_eq!((script.requests() - sent) as u64, each * (5 * 2 + 3));
    assert!(kept.iter().all(|((list, _), times)| *times == 1 || Fate::of(*list) == Fate::Short));
}

/// Counts the states that are loaded.
struct Counting(MemoryStore, AtomicU64);

impl Checkpoint for Counting {
    type Error = BoxError;
    async fn load(&self, key: &str) -> Result<Option<SyncState>, BoxError> {
        self.1.fetch_add(1, SeqCst);
        Ok(self.0.load(key).await?)
    }
    async fn save(&self, key: &str, state: &SyncState) -> Result<(), BoxError> {
        Ok(self.0.save(key, state).await?)
    }
}

#[tokio::test(start_paused = true)]
async fn promise_7_when_the_host_asks_to_wait_partitions_that_begin_later_send_nothing() {
    // A list of one page each, none with a bucket of its own.
    let script = Script::new(|index, request| match index {
        29 => Reply::status(429).header("retry-after", 7_200),
        _ => page(place(request).1, 1),
    });
    let (api, store) = (client(&script), Counting(MemoryStore::new(), AtomicU64::new(0)));
    let lists = || (0..20_000).filter(|list| list % 20 == 0);
    let mut results = partitions(lists(), 10, async |list| sync(&api, list, &store).await);
    results.next().await.unwrap().result.unwrap();
    let loaded = store.1.load(SeqCst);
    assert!(loaded <= 11, "{loaded}: a state is loaded when its partition begins");
    assert_eq!(results.progress().partitions().waiting, None, "a filter does not know how many are left");
    let mut outcomes = vec![];
    while let Some(done) = results.next().await {
        outcomes.push(done.result.unwrap().outcome);
    }
    assert_eq!(script.requests(), 30);
    let report = results.report();
    assert_eq!((report.partitions.complete, report.partitions.paused), (29, 1_000 - 29));
    let until = at("2026-05-01T14:00:00Z");
    assert_eq!(report.paused_until, Some(until));
    assert!(
        outcomes.iter().all(|outcome| matches!(outcome, Outcome::Complete) || *outcome == Outcome::Paused { until })
    );
    assert!(report.to_string().contains("971 paused; the earliest continues at 2026-05-01T14:00:00Z"), "{report}");

    tokio::time::advance(Duration::from_secs(7_200)).await;
    let again: Vec<u64> = report.entries.iter().map(|entry| entry.index * 20).collect();
    let results = partitions(again, 10, async |list| sync(&api, list, &store).await);
    let complete =
        results.filter(|done| futures::future::ready(done.result.as_ref().unwrap().outcome == Outcome::Complete));
    assert_eq!(complete.count().await, 971);
    assert_eq!(script.requests(), 30 + 971);
}

#[tokio::test(start_paused = true)]
async fn a_report_of_10000_partitions_is_small_and_has_all_entries_on_request() {
    let run = |error: Option<String>| async move { error.map_or(Ok(()), Err) };
    let all = |error: Option<String>| partitions(0..10_000, 100, move |_| run(error.clone()));
    let complete = all(None);
    let progress = complete.progress();
    complete.collect::<Vec<_>>().await;
    assert_eq!(progress.report().partitions.complete, 10_000);
    assert!(assert_round_trip(&progress.report()) < 1_000);

    // The worst case: each fails, with a long text of more than one byte for each character.
    let failing = all(Some("é".repeat(5_000)));
    let progress = failing.progress();
    failing.collect::<Vec<_>>().await;
    let report = progress.report();
    assert_eq!((report.partitions.failed, report.entries.len(), report.more_entries), (10_000, 1_000, 9_000));
    assert_eq!(report.entries[0].error.as_ref().unwrap().message.chars().count(), 300);
    assert!(assert_round_trip(&report) < 1_000_000, "{}", assert_round_trip(&report));
    let text = report.to_string();
    assert!(text.lines().count() == 8 && text.ends_with("… and 9995 more that are not complete"), "{text}");

    let complete = all(None).all_entries();
    let progress = complete.progress();
    complete.collect::<Vec<_>>().await;
    assert_eq!((progress.report().entries.len(), progress.report().more_entries), (10_000, 0));
    assert!(progress.report().entries.iter().all(|entry| entry.outcome == Outcome::Complete));
}

#[tokio::test(start_paused = true)]
async fn when_there_are_too_many_entries_those_that_failed_are_kept() {
    let script = Script::replies(vec![Reply::status(429).header("retry-after", 7_200)]);
    let (api, store) = (client(&script), MemoryStore::new());
    let results = partitions(0..3_000_u64, 8, async |list| {
        // The pauses come first.
        if list >= 2_990 {
            Err("its table is gone".into())
        } else {
            sync(&api, 20 * list, &store).await.map_err(BoxError::from)
        }
    });
    let progress = results.progress();
    results.collect::<Vec<_>>().await;
    let report = progress.report();
    assert_eq!((report.partitions.paused, report.partitions.failed), (2_990, 10));
    assert_eq!((report.entries.len(), report.more_entries), (1_000, 2_000));
    assert_eq!(report.entries.iter().filter(|entry| entry.outcome == Outcome::Failed).count(), 10);
}

#[tokio::test(start_paused = true)]
async fn every_way_in_which_a_partition_ends_is_in_the_report() {
    let script = Script::new(|index, request| match index {
        2 => Reply::status(429).header("retry-after", 7_200),
        _ => page(place(request).1, 1),
    });
    let (api, store, stop) = (client(&script), MemoryStore::new(), StopSignal::new());
    let results = partitions(["pages", "stopped", "paused", "empty key", "drop"], 1, async |way| {
        match way {
            // Without a sync: the calls count all the same.
            "pages" => {
                let rows: Vec<_> = api.list(Rows { list: 0 }).items().try_collect().await?;
                assert_eq!(rows.len(), 1);
                api.list(Rows { list: 20 }).send().await.map(drop)
            }
            "stopped" => {
                stop.stop();
                let mut run = api.list(Rows { list: 0 }).sync_since("stopped", &store).await?.stop_when(&stop);
                run.next().await.map(drop)
            }
            "paused" => {
                let mut run = api.list(Rows { list: 0 }).sync_since("paused", &store).await?;
                while let Some(batch) = run.next().await? {
                    batch.commit().await?;
                }
                // As a caller who makes an error of a pause.
                Err(Error::Cursor { reason: "paused".to_owned() })
            }
            "empty key" => sync_without_key(&api, &store).await,
            _ => futures::future::pending().await,
        }
    });
    let mut results = results.all_entries();
    let progress = results.progress();
    let stuck = async { while results.next().await.is_some() {} };
    tokio::time::timeout(Duration::from_secs(1), stuck).await.unwrap_err();
    assert_eq!((progress.partitions().running, progress.partitions().ended()), (1, 4));
    drop(results);
    let report = progress.report();
    assert!(report.partitions.is_over() && report.counts.requests == 3, "{report:?}");
    assert!(report.seconds >= 1.0, "{report:?}");
    let entries: Vec<_> = report
        .entries
        .iter()
        .map(|entry| {
            (entry.key.as_deref(), entry.outcome, entry.error.as_ref().map(|error| &*error.kind), entry.counts.requests)
        })
        .collect();
    let until = report.paused_until.unwrap();
    assert_eq!(
        entries,
        [
            (None, Outcome::Complete, None, 2),
            (Some("stopped"), Outcome::Stopped, None, 0),
            (Some("paused"), Outcome::Paused { until }, Some("other"), 1),
            (Some(""), Outcome::Failed, Some("invalid"), 0),
            (None, Outcome::Running, None, 0),
        ]
    );
    assert_eq!(report.partitions.stopped, 2);
    assert_round_trip(&report);
}

/// The sync cannot begin.
async fn sync_without_key(api: &Client, store: &MemoryStore) -> Result<(), Error> {
    api.list(Rows { list: 0 }).sync_since("", store).await.map(drop)
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_repeated_in_its_partition_counts_as_it_ended_last_and_partitions_can_be_nested() {
    let script = Script::new(|index, request| if index == 0 { Reply::status(500) } else { page(place(request).1, 3) });
    let (api, store) = (client(&script), MemoryStore::new());
    let (api, store) = (&api, &store);
    let outer = partitions(0..2_u64, 1, |group| async move {
        let mut inner = partitions([group * 40, group * 40 + 20], 1, |list| async move {
            match sync(api, list, store).await {
                Err(_) => sync(api, list, store).await.map(drop),
                Ok(_) => Ok(()),
            }
        });
        while let Some(done) = inner.next().await {
            done.result?;
        }
        assert_eq!((inner.report().partitions.complete, inner.report().counts.rows), (2, 6));
        Ok::<_, PartitionError<Error>>(())
    });
    let progress = outer.progress();
    outer.for_each(|done| async move { done.result.unwrap() }).await;
    let report = progress.report();
    assert_eq!((report.partitions.complete, report.counts.rows, report.counts.requests), (2, 12, 9));
    assert_eq!(script.requests(), 9);
}

#[tokio::test(start_paused = true)]
async fn partitions_of_an_iterator_that_never_tells_its_length_are_over_at_its_end() {
    let mut left = 3;
    let all = std::iter::from_fn(move || {
        left -= 1;
        (left >= 0).then_some(left)
    });
    let mut results = partitions(all, 2, async |_| Ok::<_, Error>(()));
    let progress = results.progress();
    while results.next().await.is_some() {}
    assert!(progress.partitions().is_over(), "{:?}", progress.partitions());
}
