//! A replay gives what the run gave: the same records, byte for byte, whatever the API and the kind of page.

use std::collections::BTreeMap;

use futures::TryStreamExt;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use jobfeed::archive::Archive;
use jobfeed::checkpoint::MemoryStore;
use jobfeed::endpoint::{Answer, AnswerError, ApiRequest, Overlap, Paging, Record};
use jobfeed::fantastic_jobs::ExpiredId;
use jobfeed::jiff::{SignedDuration, Timestamp};
use jobfeed::paginate::{self, End, ReadAt, Scheme, SendAt};
use jobfeed::rest::Watermark;
use jobfeed::testing::{FantasticJobs, JobDataApi};
use jobfeed::{
    Checkpoint, Client, Endpoint, ListAt, Listing, Page, Position, RateLimit, SyncRun, fantastic_jobs, jobdataapi, rest,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::kit::{Steps, Texts, commit_all, entries, replayed, texts};
use crate::support::{Reply, Script, jobs_of};

async fn folder() -> (tempfile::TempDir, Archive) {
    let folder = tempfile::tempdir().unwrap();
    let archive = Archive::open_folder(folder.path().join("raw")).await.unwrap();
    (folder, archive)
}

/// The rows of a table by the `id` of the records, each the last text that came.
fn table(pages: &[Texts]) -> BTreeMap<u64, String> {
    let rows = pages.iter().flat_map(|(items, ..)| items);
    let id = |text: &str| serde_json::from_str::<Value>(text).unwrap()["id"].as_u64();
    rows.filter_map(|text| Some((id(text)?, text.clone()))).collect()
}

/// Runs a sync with an archive, and compares the replay with what the run gave.
async fn same<T: DeserializeOwned + Send + 'static, C: Checkpoint>(archive: &Archive, run: SyncRun<T, C>) -> usize {
    let key = run.key().to_owned();
    let mut run = run.inspect_with(archive.writer());
    let live = commit_all(&mut run).await.unwrap();
    assert!(live.len() > 1, "{key}: {} pages", live.len());
    let replay: Vec<_> =
        archive.replay::<T>().key(&key).pages().map_ok(|page| texts(&page)).try_collect().await.unwrap();
    assert!(replay == live, "{key}: the replay differs");
    assert_eq!(table(&replay), table(&live));
    assert!(replayed(archive, "another key").await.unwrap().is_empty());
    live.len()
}

#[tokio::test]
async fn a_replay_of_a_sync_by_id_has_the_same_records() {
    let (_folder, archive) = folder().await;
    let server = JobDataApi::builder().jobs(700).start().await.unwrap();
    let store = MemoryStore::new();
    let run = async || jobs_of(&server, 50).sync_by_id("jobs/na", &store).await.unwrap();
    let pages = same(&archive, run().await).await;
    let before = replayed(&archive, "jobs/na").await.unwrap();

    // The next run goes on in the same history, also when it brings nothing.
    let mut later = run().await.inspect_with(archive.writer());
    let more = commit_all(&mut later).await.unwrap();
    assert_eq!(replayed(&archive, "jobs/na").await.unwrap(), [before, more].concat());
    let entries = entries(&archive).await;
    assert!(entries.iter().all(|entry| entry.history == entries[0].history));
    assert!(entries.is_sorted_by_key(|entry| entry.revision) && entries.len() >= pages);
    let rows: u64 = entries.iter().map(|entry| entry.rows).sum();
    assert_eq!(rows, 700);
    let entry = &entries[0];
    assert_eq!((entry.endpoint.as_str(), entry.status, entry.revision), ("jobdataapi/jobs", 200, 1));
    assert!(entry.url.starts_with(server.base_url().as_str()) && entry.url.contains("page_size=50"), "{}", entry.url);
    assert_eq!(entry.headers["content-type"], "application/json");
}

#[tokio::test]
async fn a_replay_of_a_sync_by_windows_and_of_a_long_body_has_the_same_records() {
    let (_folder, archive) = folder().await;
    let now: Timestamp = "2026-03-10T09:15:00Z".parse().unwrap();
    let expires = SignedDuration::from_hours(24 * 5);
    let server = FantasticJobs::builder().now(now).seed(5).expires_within(expires).start().await.unwrap();
    let builder = fantastic_jobs::Client::builder().api_key(server.api_key()).base_url(server.base_url());
    let api = builder.clock(server.clock()).rate_limit(RateLimit::unlimited()).build().unwrap();
    let store = MemoryStore::new();
    same(&archive, api.active_ats().page_size(10).sync_hourly("ats", &store).await.unwrap()).await;
    // A body that is read in chunks.
    let run = api.expired_ats().chunk_size(5).sync_expired("expired", &store).await.unwrap();
    same::<ExpiredId, _>(&archive, run).await;
    let now = entries(&archive).await;
    assert!(now.iter().all(|entry| entry.date == server.now()), "the time is that of the client's clock");
    assert!(now.iter().any(|entry| entry.key == "expired") && now.iter().any(|entry| entry.key == "ats"));
    let ats = archive.replay::<Value>().endpoint(&*now.iter().find(|entry| entry.key == "ats").unwrap().endpoint);
    assert!(ats.entries().try_all(async |entry| entry.key == "ats").await.unwrap());
}

/// `{"data":{"rows":[…]},"after":…}`, two records a page; record 5 does not fit.
fn own_api() -> rest::RecordsRequest<Value> {
    let script = Script::new(|_, request| {
        let query = url::form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes());
        let after: u64 = query.into_owned().find(|pair| pair.0 == "after").map_or(0, |pair| pair.1.parse().unwrap());
        let rows = (after + 1..=7).take(2).map(|id| format!(r#"{{ "id" :{id}, "at":"2026-05-0{id}T00:00:00Z" }}"#));
        let rows: Vec<String> = rows.collect();
        let next = if after + 2 < 7 { format!("\"{}\"", after + 2) } else { "null".to_owned() };
        Reply::page(&format!(r#"{{"after":{next},"data":{{"rows":[{}]}}}}"#, rows.join(" ,")))
    });
    let api = rest::Client::builder().base_url("http://own.test/v1/").rate_limit(RateLimit::unlimited());
    let token = Scheme::token_at(ReadAt::pointer("/after"), SendAt::query("after"));
    api.transport(script).build().unwrap().list::<Value>("rows").records_at("/data/rows").key("id").paginate(token)
}

#[derive(Debug, Deserialize)]
struct NotFive {
    #[serde(rename = "id", deserialize_with = "not_five")]
    _id: u64,
}

fn not_five<'de, D: serde::Deserializer<'de>>(value: D) -> Result<u64, D::Error> {
    let id = u64::deserialize(value)?;
    if id == 5 { Err(serde::de::Error::custom("five")) } else { Ok(id) }
}

#[tokio::test]
async fn a_replay_of_an_own_api_by_cursor_has_the_same_records_and_a_changed_model_rejects_as_live() {
    let archive = Steps::default().archive();
    let list = || own_api().watermark(Watermark::instant("/at", "since"));
    same(&archive, list().sync_since("own", MemoryStore::new()).await.unwrap()).await;

    let mut live = list().sync_since("live", MemoryStore::new()).items_as::<NotFive>().await.unwrap();
    let live = commit_all(&mut live).await.unwrap();
    assert_eq!(live.iter().map(|page| page.1.len()).sum::<usize>(), 1);
    let pages = archive.replay::<NotFive>().key("own").pages();
    let replay: Vec<_> = pages.map_ok(|page| texts(&page)).try_collect().await.unwrap();
    assert_eq!(replay, live);
}

#[tokio::test]
async fn a_replay_of_a_plain_listing_has_the_same_pages() {
    let (_folder, archive) = folder().await;
    let server = JobDataApi::builder().jobs(120).start().await.unwrap();
    let mut live = Vec::new();
    for _ in 0..2 {
        let pages: Vec<Page<jobdataapi::Job>> =
            archive.keep("plain", jobs_of(&server, 50).pages()).try_collect().await.unwrap();
        live.extend(pages.iter().map(texts));
    }
    assert!(live.len() > 2, "{} pages", live.len());
    assert_eq!(replayed(&archive, "plain").await.unwrap(), live, "both walks, in the order of time");
    let pages: Vec<Page<Value>> = archive.replay().pages().try_collect().await.unwrap();
    assert!(pages[0].total.is_some_and(|total| total > 50), "{:?}", pages[0].total);
    assert_eq!(pages[0].source().unwrap().endpoint(), "jobdataapi/jobs");
    assert!(archive.keep("", jobs_of(&server, 50).pages()).try_next().await.is_err());
}

/// A list by offset whose pages share a record, or one with records that tell of a removal.
#[derive(Clone)]
struct Offsets(Overlap);

impl Endpoint for Offsets {
    fn name(&self) -> &str {
        "own/shared"
    }

    fn request(&self, at: &Position) -> ApiRequest {
        ApiRequest::get("items").query("offset", at.number(0)).query("limit", 4)
    }

    fn list(&self) -> ListAt {
        ListAt::RootOrField("items")
    }

    fn next(&self, at: &Position, answer: &Answer<'_>) -> Result<Paging, AnswerError> {
        paginate::offsets(at, answer, self.0, End::EmptyPage)
    }

    fn key(&self) -> Option<&str> {
        Some("id")
    }

    fn overlap(&self) -> Overlap {
        self.0
    }

    fn is_removal(&self, record: &Record<'_>) -> bool {
        self.0 == Overlap::None && record.raw("id").is_some_and(|id| id.ends_with('3') || id.ends_with('4'))
    }
}

impl Listing for Offsets {
    type Item = NotFive;
}

#[tokio::test]
async fn a_replay_leaves_out_what_the_page_left_out_and_has_its_removals() {
    let script = Script::new(|_, request| {
        let query = url::form_urlencoded::parse(request.uri().query().unwrap().as_bytes());
        let offset: usize = query.into_owned().find(|pair| pair.0 == "offset").unwrap().1.parse().unwrap();
        let rows: Vec<String> = (1..=10).skip(offset).take(4).map(|id| format!(r#"{{"id":{id}}}"#)).collect();
        Reply::page(&format!("[{}]", rows.join(", ")))
    });
    for (overlap, expected) in [(Overlap::Row, (9, 1, 0)), (Overlap::None, (7, 1, 2))] {
        let builder = Client::builder().base_url("http://api.test/").rate_limit(RateLimit::unlimited());
        let list = builder.transport(script.clone()).build().unwrap().list(Offsets(overlap));
        let archive = Steps::default().archive();
        let live = archive.keep("k", list.pages()).map_ok(|page| texts(&page));
        let live: Vec<_> = live.try_collect().await.unwrap();
        let count = |sum: (usize, usize, usize), page: &Texts| {
            (sum.0 + page.0.len(), sum.1 + page.1.len(), sum.2 + page.2.len())
        };
        assert_eq!(live.iter().fold((0, 0, 0), count), expected, "each record once: {live:?}");
        let pages = archive.replay::<NotFive>().pages();
        let replay: Vec<_> = pages.map_ok(|page| texts(&page)).try_collect().await.unwrap();
        assert_eq!(replay, live);
    }
}

#[tokio::test]
async fn an_answer_without_a_body_has_an_entry_and_an_empty_batch_has_none() {
    let archive = Steps::default().archive();
    let script = Script::replies(vec![Reply::Json(304, vec![("etag", "\"v1\"".to_owned())], String::new())]);
    let builder = Client::builder().base_url("http://api.test/").rate_limit(RateLimit::unlimited());
    #[derive(Clone)]
    struct Conditional;
    impl Endpoint for Conditional {
        fn name(&self) -> &str {
            "own/conditional"
        }
        fn request(&self, _: &Position) -> ApiRequest {
            let headers = HeaderMap::from_iter([(header::IF_NONE_MATCH, HeaderValue::from_static("\"v1\""))]);
            ApiRequest { headers, ..ApiRequest::get("items") }
        }
        fn list(&self) -> ListAt {
            ListAt::Root
        }
        fn next(&self, _: &Position, _: &Answer<'_>) -> Result<Paging, AnswerError> {
            Ok(Paging::default())
        }
    }
    impl Listing for Conditional {
        type Item = Value;
    }
    let pages = builder.transport(script).build().unwrap().list(Conditional).pages();
    let live: Vec<_> = archive.keep("304", pages).try_collect().await.unwrap();
    assert!(live.len() == 1 && live[0].not_modified());
    let replay: Vec<Page<Value>> = archive.replay().pages().try_collect().await.unwrap();
    assert!(replay.len() == 1 && replay[0].not_modified() && replay[0].headers()["etag"] == "\"v1\"");
    assert_eq!(replay[0].source().unwrap().status(), StatusCode::NOT_MODIFIED);
    let entries = entries(&archive).await;
    assert_eq!((entries[0].bytes, &entries[0].body, &entries[0].digest), (0, &None, &None));

    // A sync over an empty list ends with a batch that only saves the state.
    let empty = Steps::default();
    let server = JobDataApi::builder().jobs(0).start().await.unwrap();
    let mut run = jobs_of(&server, 50).sync_by_id("k", MemoryStore::new()).await.unwrap();
    let batches = commit_all(&mut run).await.unwrap().len();
    let mut run = jobs_of(&server, 50).sync_by_id("k", MemoryStore::new()).await.unwrap();
    run = run.inspect_with(empty.archive().writer());
    commit_all(&mut run).await.unwrap();
    assert_eq!(empty.names("manifest").await.len(), batches);
    assert!(empty.names("pending").await.is_empty());
}

#[tokio::test]
async fn two_keys_are_written_at_the_same_time_and_read_by_time() {
    let (_folder, archive) = folder().await;
    let server = JobDataApi::builder().jobs(300).start().await.unwrap();
    let run = async |key: &'static str, size| {
        let mut run = jobs_of(&server, size).sync_by_id(key, MemoryStore::new()).await.unwrap();
        run = run.inspect_with(archive.writer());
        commit_all(&mut run).await.unwrap()
    };
    let (a, b) = tokio::join!(run("a", 50), run("A/b", 20));
    assert_eq!(replayed(&archive, "a").await.unwrap(), a);
    assert_eq!(replayed(&archive, "A/b").await.unwrap(), b);
    let all = entries(&archive).await;
    assert_eq!(all.len(), a.len() + b.len());
    assert!(all.is_sorted_by_key(|entry| entry.date), "several keys by their dates");
    let middle = all[all.len() / 2].date;
    let count =
        async |replay: jobfeed::archive::Replay<Value>| replay.entries().try_collect::<Vec<_>>().await.unwrap().len();
    let halves = (count(archive.replay().until(middle)).await, count(archive.replay().since(middle)).await);
    assert_eq!(halves.0 + halves.1, all.len());
    assert!(halves.0 > 0 && halves.1 > 0);
}
