//! The sync of an endpoint of the user's own, through public names: a feed of changes in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use jobfeed::checkpoint::{CheckpointError, MemoryStore};
use jobfeed::endpoint::{Answer, AnswerError, ApiRequest, Coverage, Endpoint, Incremental, Listing, Paging, Record};
use jobfeed::http::HeaderMap;
use jobfeed::jiff::{SignedDuration, Timestamp};
use jobfeed::value::DateTime;
use jobfeed::{
    Checkpoint, Client, Completeness, Credentials, Error, Fields, Fingerprint, ListAt, Mark, Outcome, Position,
    RateLimit, SyncRun, SyncState, paginate,
};
use serde::Deserialize;

use crate::support::{Reply, Script, kill_after, paused_runtime};

/// What the tests change of the endpoint.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// Marks are the times of change.
    Times,
    /// As `Times`, and the watermark is the start of the run.
    Started,
    /// The mark is a token in the envelope.
    Tokens,
}

/// `GET /changes`: ten on a page, by time of change, then by id.
#[derive(Clone)]
struct Changes {
    kind: Kind,
    since: Option<String>,
    shift: bool,
}

fn changes(kind: Kind) -> Changes {
    Changes { kind, since: None, shift: false }
}

#[derive(Debug, Deserialize)]
struct Change {
    id: u64,
    #[allow(dead_code, reason = "removals do not have it")]
    title: String,
}

impl Endpoint for Changes {
    fn name(&self) -> &str {
        "own/changes"
    }

    fn request(&self, at: &Position) -> ApiRequest {
        let mut request = ApiRequest::get("changes");
        if let Some(since) = &self.since {
            request = request.query("since", since);
        }
        if let Position::Token(after) = at { request.query("after", after) } else { request }
    }

    fn list(&self) -> ListAt {
        ListAt::Field("rows")
    }

    fn next(&self, _: &Position, answer: &Answer<'_>) -> Result<Paging, AnswerError> {
        Ok(Paging { total: paginate::total(answer, "count")?, ..paginate::token(answer, "after")? })
    }

    fn key(&self) -> Option<&str> {
        Some("id")
    }

    fn positions_shift(&self) -> bool {
        self.shift
    }

    fn is_removal(&self, record: &Record<'_>) -> bool {
        record.get("deleted") == Some(true)
    }
}

impl Listing for Changes {
    type Item = Change;
}

/// The marks of `Times` and `Started`.
#[derive(Clone)]
struct ByTime(Changes);

/// The marks of `Tokens`.
#[derive(Clone)]
struct ByToken(Changes);

/// Marks are the ids.
#[derive(Clone)]
struct ById(Changes);

macro_rules! forward {
    ($($wrapper:ident),*) => {$(
        impl Endpoint for $wrapper {
            fn name(&self) -> &str {
                self.0.name()
            }
            fn request(&self, at: &Position) -> ApiRequest {
                self.0.request(at)
            }
            fn list(&self) -> ListAt {
                self.0.list()
            }
            fn next(&self, at: &Position, answer: &Answer<'_>) -> Result<Paging, AnswerError> {
                self.0.next(at, answer)
            }
            fn key(&self) -> Option<&str> {
                self.0.key()
            }
            fn positions_shift(&self) -> bool {
                self.0.positions_shift()
            }
            fn is_removal(&self, record: &Record<'_>) -> bool {
                self.0.is_removal(record)
            }
        }
        impl Listing for $wrapper {
            type Item = Change;
        }
    )*};
}
forward!(ByTime, ByToken, ById);

impl Incremental for ById {
    type Mark = u64;
    fn since(&self, _: &u64) -> Self {
        self.clone()
    }
    fn mark(&self, record: &Record<'_>) -> Option<u64> {
        record.get("id")
    }
    fn covers(&self) -> Coverage {
        if self.0.kind == Kind::Started { Coverage::StartOfRun } else { Coverage::HighestSeen }
    }
}

impl Incremental for ByTime {
    type Mark = Timestamp;

    fn since(&self, mark: &Timestamp) -> Self {
        Self(Changes { since: Some(mark.to_string()), ..self.0.clone() })
    }

    fn mark(&self, record: &Record<'_>) -> Option<Timestamp> {
        record.get::<DateTime>("at")?.timestamp()
    }

    fn covers(&self) -> Coverage {
        if self.0.kind == Kind::Started { Coverage::StartOfRun } else { Coverage::HighestSeen }
    }
}

impl Incremental for ByToken {
    type Mark = String;
    const STRATEGY: &'static str = "by-token";

    fn since(&self, mark: &String) -> Self {
        Self(Changes { since: Some(mark.clone()), ..self.0.clone() })
    }

    fn mark(&self, _: &Record<'_>) -> Option<String> {
        None
    }

    fn envelope_mark(&self, _: &HeaderMap, fields: &Fields) -> Option<String> {
        fields.get("delta")
    }

    fn covers(&self) -> Coverage {
        Coverage::Envelope
    }

    fn refuses_bound(&self, error: &Error) -> bool {
        error.status().is_some_and(|status| status.as_u16() == 410)
    }
}

/// One row of the service.
#[derive(Clone)]
struct Row {
    id: u64,
    /// Empty for null.
    at: String,
    deleted: bool,
}

fn row(id: u64, at: impl Into<String>) -> Row {
    Row { id, at: at.into(), deleted: false }
}

/// A second of the service's day.
fn second(second: i64) -> String {
    (start() + SignedDuration::from_secs(second)).to_string()
}

fn start() -> Timestamp {
    "2026-05-01T12:00:00Z".parse().unwrap()
}

type Hook = Box<dyn FnMut(usize, &mut Vec<Row>) + Send>;

/// The service: its rows, what it does before it answers a request, and its delta tokens.
#[derive(Default)]
struct Service {
    rows: Vec<Row>,
    /// Called with the number of the request and the rows, before the answer.
    hook: Option<Hook>,
    /// Tokens are `<generation>:<instant>`. Those of another generation are refused.
    generation: u64,
    /// The latest delta token, set on the last page.
    tokens: bool,
    /// Rows that the total says, and that are on no page.
    missing: u64,
    queries: Vec<String>,
}

type Shared = Arc<Mutex<Service>>;

fn service(rows: impl IntoIterator<Item = Row>) -> Shared {
    Arc::new(Mutex::new(Service { rows: rows.into_iter().collect(), generation: 1, ..Service::default() }))
}

/// The service as a transport. `since` includes its instant, and leaves out rows without a time.
fn script(service: &Shared) -> Script {
    let service = service.clone();
    Script::new(move |index, request| {
        let mut service = service.lock().unwrap();
        let service = &mut *service;
        if let Some(hook) = &mut service.hook {
            hook(index, &mut service.rows);
        }
        let query = request.uri().query().unwrap_or_default();
        service.queries.push(query.to_owned());
        let query: BTreeMap<String, String> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let known = |token: &String| {
            token.split_once(':').map(|(of, rest)| (of == service.generation.to_string(), rest.to_owned()))
        };
        let since = match query.get("since") {
            Some(since) if service.tokens => match known(since).unwrap() {
                (true, since) => Some(since),
                _ => return Reply::status(410),
            },
            since => since.cloned(),
        };
        let after = match query.get("after").map(|after| known(after).unwrap()) {
            Some((true, after)) => after.split_once('_').map(|(at, id)| (at.to_owned(), id.parse::<u64>().unwrap())),
            Some(_) => return Reply::status(400),
            None => None,
        };
        let instant = |text: &str| text.parse::<Timestamp>().ok();
        let mut rows: Vec<Row> = service.rows.clone();
        rows.retain(|row| since.as_ref().is_none_or(|since| instant(&row.at) >= instant(since) && !row.at.is_empty()));
        let count = rows.len() as u64 + service.missing;
        rows.sort_by_key(|row| (instant(&row.at), row.id));
        rows.retain(|row| after.as_ref().is_none_or(|(at, id)| (instant(&row.at), row.id) > (instant(at), *id)));
        let more = rows.len() > 10;
        rows.truncate(10);
        let next = rows.last().filter(|_| more).map(|row| format!("{}:{}_{}", service.generation, row.at, row.id));
        let newest = service.rows.iter().filter_map(|row| instant(&row.at)).max().unwrap_or(start());
        let delta = (service.tokens && !more).then(|| format!("{}:{newest}", service.generation));
        let json = |row: &Row| match (row.deleted, row.at.as_str()) {
            (true, at) => format!(r#"{{"id":{},"at":"{at}","deleted":true}}"#, row.id),
            (false, "") => format!(r#"{{"id":{},"at":null,"title":"t"}}"#, row.id),
            (false, at) => format!(r#"{{"id":{},"at":"{at}","title":"t"}}"#, row.id),
        };
        let rows: Vec<String> = rows.iter().map(json).collect();
        let text = |text: Option<String>| text.map_or("null".to_owned(), |text| format!("{text:?}"));
        Reply::page(&format!(
            r#"{{"count":{count},"after":{},"delta":{},"rows":[{}]}}"#,
            text(next),
            text(delta),
            rows.join(",")
        ))
    })
}

fn client(service: &Shared) -> Client {
    let builder = Client::builder().base_url("http://own.test/").transport(script(service));
    builder.rate_limit(RateLimit::unlimited()).build().unwrap()
}

/// Commits `pages` batches, and returns the ids of the live records and of the removals.
async fn commit<C: Checkpoint>(run: &mut SyncRun<Change, C>, pages: usize) -> jobfeed::Result<(Vec<u64>, Vec<u64>)> {
    let (mut ids, mut removed) = (Vec::new(), Vec::new());
    for _ in 0..pages {
        let Some(batch) = run.next().await? else { break };
        ids.extend(batch.items().iter().map(|change| change.id));
        removed.extend(batch.removals().filter_map(|record| record.get::<u64>("id")));
        batch.commit().await?;
    }
    Ok((ids, removed))
}

fn queries(service: &Shared) -> Vec<String> {
    std::mem::take(&mut service.lock().unwrap().queries)
}

#[tokio::test]
async fn an_endpoint_of_the_users_own_is_synced_from_its_watermark_on_and_ties_at_the_bound_are_not_lost() {
    let service = service((1..=25).map(|id| row(id, second(id as i64 / 3))));
    let (api, store) = (client(&service), MemoryStore::new());
    let mut first = api.list(ByTime(changes(Kind::Times))).sync_since("own", &store).await.unwrap();
    assert_eq!(commit(&mut first, usize::MAX).await.unwrap().0.len(), 25);
    assert_eq!(first.state().watermark(), Some(Mark::Time(start() + SignedDuration::from_secs(8))));
    assert!(queries(&service).iter().all(|query| !query.contains("since")), "a first run has no lower bound");

    // One with the very time of the watermark, one before it: only the overlap brings that.
    service.lock().unwrap().rows.extend([row(26, second(8)), row(27, second(6))]);
    let mut second = api.list(ByTime(changes(Kind::Times))).sync_since("own", &store).await.unwrap();
    assert_eq!(commit(&mut second, usize::MAX).await.unwrap().0, [24, 25, 26]);
    let third = api.list(ByTime(changes(Kind::Times))).sync_since("own", &store).overlap(Duration::from_secs(2));
    let mut third = third.await.unwrap();
    assert_eq!(commit(&mut third, usize::MAX).await.unwrap().0, [18, 19, 20, 27, 21, 22, 23, 24, 25, 26]);
    assert_eq!((third.report().outcome, third.report().strategy.as_str()), (Outcome::Complete, "by-mark"));
}

#[tokio::test]
async fn a_time_keeps_all_digits_that_the_server_sends() {
    let (a, b) = ("2026-05-01T12:00:00.123456788Z", "2026-05-01T12:00:00.123456789Z");
    let service = service([row(1, a), row(2, b)]);
    let (api, store) = (client(&service), MemoryStore::new());
    for expected in [vec![1, 2], vec![2]] {
        let mut run = api.list(ByTime(changes(Kind::Times))).sync_since("own", &store).await.unwrap();
        assert_eq!(commit(&mut run, usize::MAX).await.unwrap().0, expected);
        assert_eq!(run.state().watermark(), Some(Mark::Time(b.parse().unwrap())));
    }
}

#[tokio::test]
async fn promise_1_records_without_a_mark_are_delivered_and_counted() {
    let service = service((1..=15).map(|id| row(id, if id % 5 == 0 { String::new() } else { second(id as i64) })));
    let (api, store) = (client(&service), MemoryStore::new());
    let mut run = api.list(ByTime(changes(Kind::Times))).sync_since("own", &store).await.unwrap();
    let ids = commit(&mut run, usize::MAX).await.unwrap().0;
    assert_eq!(BTreeSet::from_iter(ids), BTreeSet::from_iter(1..=15));
    assert_eq!(run.report().details["without_mark"], 3);
    assert_eq!(run.state().watermark(), Some(Mark::Time(start() + SignedDuration::from_secs(14))));
}

#[tokio::test]
async fn removals_are_separated_and_need_not_fit_the_record_type() {
    let mut rows: Vec<Row> = (1..=32).map(|id| row(id, second(id as i64))).collect();
    // One among others, and a whole page of them.
    rows.iter_mut().filter(|row| row.id == 4 || (11..=20).contains(&row.id)).for_each(|row| row.deleted = true);
    let service = service(rows);
    let api = client(&service);
    let gone: Vec<u64> = [4].into_iter().chain(11..=20).collect();
    let live: Vec<u64> = (1..=32).filter(|id| !gone.contains(id)).collect();
    let sync = api.list(ByTime(changes(Kind::Times))).strict().sync_since("own", MemoryStore::new());
    let mut run = sync.await.unwrap();
    assert_eq!(commit(&mut run, usize::MAX).await.unwrap(), (live.clone(), gone.clone()));
    let report = run.report();
    assert_eq!((report.counts.rows, report.counts.rejected, &report.details["removals"]), (32, 0, &11.into()));

    // As values of any type, and in a listing.
    let sync = api.list(ByTime(changes(Kind::Times))).sync_since("own", MemoryStore::new());
    let mut run = sync.items_as::<serde_json::Value>().await.unwrap();
    let batch = run.next().await.unwrap().unwrap();
    assert_eq!((batch.items().len(), batch.removals().len(), batch.page().len()), (9, 1, 10));
    assert!(batch.removals().all(|record| record.decode::<serde_json::Value>().unwrap()["deleted"] == true));
    batch.commit().await.unwrap();
    let listed: Vec<Change> = api.list(changes(Kind::Times)).items().try_collect().await.unwrap();
    assert_eq!(listed.iter().map(|change| change.id).collect::<Vec<_>>(), live);
}

#[tokio::test]
async fn a_removal_hides_no_rejected_record_behind_it() {
    let page = r#"{"after":null,"rows":[{"id":1,"deleted":true},{"id":2},{"id":3,"title":"t"}]}"#;
    let transport = Script::replies(vec![Reply::page(page)]);
    let api = Client::builder().base_url("http://own.test/").transport(transport).build().unwrap();
    let items: Vec<_> = api.list(changes(Kind::Times)).items().collect().await;
    assert!(matches!(&items[..], [Err(Error::Record { index: 1, .. }), Ok(Change { id: 3, .. })]), "{items:?}");
}

#[tokio::test]
async fn a_token_in_the_envelope_is_where_the_next_run_starts() {
    let service = service((1..=25).map(|id| row(id, second(id as i64))));
    service.lock().unwrap().tokens = true;
    let (api, store) = (client(&service), MemoryStore::new());
    let sync = || async { api.list(ByToken(changes(Kind::Tokens))).sync_since("own", &store).await.unwrap() };
    let mut first = sync().await;
    assert_eq!(commit(&mut first, usize::MAX).await.unwrap().0.len(), 25);
    let token = format!("1:{}", second(25));
    assert_eq!(first.state().watermark(), Some(Mark::Text(token.clone())));
    assert_eq!(first.state().to_json().matches(&token).count(), 1);
    assert!(!format!("{:?}", first.state()).contains(&token), "a token may be a secret");
    service.lock().unwrap().rows.push(row(26, second(26)));
    queries(&service);
    assert_eq!(commit(&mut sync().await, usize::MAX).await.unwrap().0, [25, 26]);
    assert!(queries(&service)[0].starts_with("since=1%3A"));

    // The token is too old: the whole list, and a new token.
    service.lock().unwrap().generation = 2;
    let mut again = sync().await;
    assert_eq!(commit(&mut again, usize::MAX).await.unwrap().0.len(), 26);
    assert_eq!(again.report().details["bound_refused"], true);
    assert_eq!(again.state().watermark(), Some(Mark::Text(format!("2:{}", second(26)))));
}

#[tokio::test]
async fn promise_8_a_mark_with_a_credential_is_not_stored() {
    let service = service([row(1, "2026-05-01T12:00:00Z")]);
    service.lock().unwrap().tokens = true;
    let builder = Client::builder().base_url("http://own.test/").transport(script(&service));
    let api = builder.credentials(Credentials::bearer("1:2026-05-01T12:00:00Z").unwrap()).build().unwrap();
    let mut run = api.list(ByToken(changes(Kind::Tokens))).sync_since("own", MemoryStore::new()).await.unwrap();
    let error = run.next().await.unwrap_err().to_string();
    assert!(error.contains("contains a credential") && !error.contains("2026-05"), "{error}");
}

#[tokio::test]
async fn a_refused_position_starts_the_walk_again_once() {
    let service = service((1..=45).map(|id| row(id, second(id as i64))));
    let (api, store) = (client(&service), MemoryStore::new());
    let sync = || async { api.list(ByTime(changes(Kind::Times))).sync_since("own", &store).await.unwrap() };
    commit(&mut sync().await, 2).await.unwrap();
    service.lock().unwrap().generation = 2;
    queries(&service);
    // Two pages of the second walk; then its positions expire too, which is an error.
    let mut run = sync().await;
    assert_eq!(commit(&mut run, 2).await.unwrap().0, (1..=20).collect::<Vec<_>>(), "from the beginning");
    service.lock().unwrap().generation = 3;
    let error = commit(&mut run, 10).await.unwrap_err();
    assert_eq!(error.status().map(|status| status.as_u16()), Some(400), "{error}");
    // The next run may do it again.
    queries(&service);
    assert_eq!(commit(&mut sync().await, usize::MAX).await.unwrap().0, (1..=45).collect::<Vec<_>>());
    assert_eq!(queries(&service).len(), 6, "one refused request, then five pages");
}

#[tokio::test]
async fn a_store_can_be_tested_without_a_run() {
    let state = SyncState::new(Fingerprint::of(["own", "changes"]), "by-mark");
    assert_eq!((state.revision(), state.watermark(), state.run().is_none()), (0, None, true));
    assert_eq!(SyncState::from_json(&state.to_json()).unwrap(), state);
}

#[tokio::test]
async fn a_row_that_enters_behind_the_token_of_a_keyset_list_does_not_make_it_drift() {
    let entering = |service: &Shared| {
        service.lock().unwrap().hook = Some(Box::new(|index, rows| {
            if index % 3 == 1 {
                rows.push(row(1000 + index as u64, second(0)));
            }
        }));
    };
    for shift in [false, true] {
        let service = service((1..=25).map(|id| row(id, second(id as i64))));
        entering(&service);
        let list = ByTime(Changes { shift, ..changes(Kind::Times) });
        let listed = client(&service).list(list.clone()).pages().try_collect::<Vec<_>>().await;
        assert_eq!(listed.is_ok(), !shift, "{:?}", listed.err());
        let mut run = client(&service).list(list).sync_since("own", MemoryStore::new()).await.unwrap();
        let ended = commit(&mut run, usize::MAX).await;
        assert_eq!(ended.is_ok(), !shift, "{:?}", ended.err());
        assert_eq!(run.report().outcome == Outcome::Complete, !shift);
    }
}

#[tokio::test]
async fn promise_4_the_verdict_is_known_when_the_last_page_is_delivered() {
    let service = service((1..=25).map(|id| row(id, second(id as i64))));
    service.lock().unwrap().missing = 2;
    let (api, store) = (client(&service), MemoryStore::new());
    let mut run = api.list(ByTime(changes(Kind::Times))).sync_since("own", &store).await.unwrap();
    let mut verdicts = Vec::new();
    let error = loop {
        match run.next().await {
            Ok(Some(batch)) => {
                assert!(batch.next_state().run().is_some() && batch.next_state().watermark().is_none());
                verdicts.push(batch.page().completeness());
                batch.commit().await.unwrap();
            }
            Ok(None) => panic!("rows are missing"),
            Err(error) => break error,
        }
    };
    let short = Some(Completeness::ShortBy(2));
    assert_eq!(verdicts, [None, None, short, None, None, short], "it was walked twice");
    assert!(matches!(error, Error::Incomplete { completeness: Completeness::ShortBy(2), .. }), "{error}");
    assert_eq!(store.load("own").await.unwrap().unwrap().watermark(), None);

    let mut pages = api.list(changes(Kind::Times)).pages();
    let mut verdicts = Vec::new();
    while let Ok(Some(page)) = pages.try_next().await {
        verdicts.push((page.next_cursor().is_none(), page.completeness()));
    }
    assert_eq!(verdicts, [(false, None), (false, None), (true, short)]);
}

#[tokio::test]
async fn the_start_of_the_run_and_the_lag_bound_the_watermark() {
    let lag = Duration::from_secs(60);
    let service = service((1..=5).map(|id| row(id, second(id as i64))));
    let api = client(&service);
    let mut run =
        api.list(ByTime(changes(Kind::Started))).sync_since("own", MemoryStore::new()).lag(lag).await.unwrap();
    let before = api.clock().now();
    commit(&mut run, usize::MAX).await.unwrap();
    let Some(Mark::Time(mark)) = run.state().watermark() else { panic!("no watermark") };
    assert!(mark <= before - lag && mark > before - lag * 2, "{mark}");
    assert_eq!(run.report().details["without_mark"], 0);

    // Records that are newer than the lag allows do not move it either.
    let future = (api.clock().now() + SignedDuration::from_hours(1)).to_string();
    service.lock().unwrap().rows.push(row(6, future));
    let mut run = api.list(ByTime(changes(Kind::Times))).sync_since("own", MemoryStore::new()).lag(lag).await.unwrap();
    commit(&mut run, usize::MAX).await.unwrap();
    let Some(Mark::Time(mark)) = run.state().watermark() else { panic!("no watermark") };
    assert!(mark < api.clock().now() - lag, "{mark}");
}

#[tokio::test]
async fn promise_10_a_state_whose_mark_is_of_another_kind_is_refused() {
    let service = service([row(1, second(1))]);
    let (api, store) = (client(&service), MemoryStore::new());
    let mut run = api.list(ByTime(changes(Kind::Times))).sync_since("own", &store).await.unwrap();
    commit(&mut run, usize::MAX).await.unwrap();
    queries(&service);
    let error = api.list(ById(changes(Kind::Times))).sync_since("own", &store).await.unwrap_err();
    assert!(matches!(error, Error::Checkpoint { source: CheckpointError::Corrupt { .. }, .. }), "{error}");
    // Ids do not say when a run started.
    let error = api.list(ById(changes(Kind::Started))).sync_since("other", &store).await.unwrap_err();
    assert!(matches!(error, Error::Invalid { .. }), "{error}");
    assert!(queries(&service).is_empty(), "nothing was sent");
}

/// One process: rows first, then the commit, or both in one step.
async fn process(service: Shared, rows: Arc<Mutex<BTreeMap<u64, u32>>>, store: MemoryStore) -> jobfeed::Result<()> {
    let mut run = client(&service).list(ByTime(changes(Kind::Times))).sync_since("own", &store).await?;
    while let Some(batch) = run.next().await? {
        tokio::task::yield_now().await;
        for change in batch.items() {
            *rows.lock().unwrap().entry(change.id).or_default() += 1;
        }
        tokio::task::yield_now().await;
        batch.commit().await?;
    }
    Ok(())
}

#[test]
fn promise_1_killed_at_every_poll_no_row_is_lost_while_rows_change() {
    let runtime = paused_runtime();
    let _guard = runtime.enter();
    let mut kills = 0;
    for polls in 0.. {
        let service = service((1..=45).map(|id| row(id, second(id as i64))));
        let (rows, store) = (Arc::default(), MemoryStore::new());
        if kill_after(&runtime, polls, process(service.clone(), Arc::clone(&rows), store.clone())) {
            break;
        }
        kills += 1;
        // While the process is down, a row changes and one enters.
        let changed = |rows: &mut Vec<Row>| {
            rows[2].at = second(60);
            rows.push(row(46, second(61)));
        };
        changed(&mut service.lock().unwrap().rows);
        queries(&service);
        for _ in 0..2 {
            assert!(kill_after(&runtime, 100_000, process(service.clone(), Arc::clone(&rows), store.clone())));
        }
        let rows = rows.lock().unwrap();
        assert_eq!(
            rows.keys().copied().collect::<Vec<_>>(),
            (1..=46).collect::<Vec<_>>(),
            "killed after {polls} polls"
        );
        let twice = rows.iter().filter(|(id, times)| **times > 1 && ![3, 45, 46].contains(*id)).count();
        assert!(twice <= 10, "killed after {polls} polls: at most the page that was not committed comes again");
    }
    assert!(kills >= 15, "killed at {kills} polls only");
}
