//! The cases that are measured. Each reads all records and returns their number.

use std::sync::{Arc, OnceLock};

use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, TryStreamExt};
use jobfeed::archive::Archive;
use jobfeed::checkpoint::{FileStore, MemoryStore, SqliteStore};
use jobfeed::drift::DriftCheck;
use jobfeed::inspect::Inspect;
use jobfeed::jobdataapi::{Client, Job, JobsRequest};
use jobfeed::object_store::local::LocalFileSystem;
use jobfeed::posting::Posting;
use jobfeed::quarantine::{JsonLines, Quarantine};
use jobfeed::tables::{Column, ColumnType, ParquetTable, Schema, Sink, SqliteTable};
use jobfeed::{Checkpoint, RateLimit};
use rusqlite::{Connection, params};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};

pub mod partitions;

#[derive(Clone)]
pub struct Setting {
    pub origin: String,
    pub page_size: u32,
    pub rows: u64,
}

pub struct Case {
    pub name: &'static str,
    /// The case with which it is compared.
    pub baseline: Option<&'static str>,
    pub run: fn(Setting) -> BoxFuture<'static, u64>,
    /// `large`: only with pages of 5,000. `lists`: only with lists of one page of 10. Else with pages of 5,000 and of 500.
    pub only: Option<&'static str>,
}

impl Case {
    /// Whether it runs on a runtime of one thread. The hand-written loop is fastest there.
    pub fn on_one_thread(&self) -> bool {
        self.name.contains("one thread")
    }

    pub fn fits(&self, page_size: u32) -> bool {
        match self.only {
            Some("large") => page_size == 5_000,
            Some(_) => page_size == partitions::ROWS,
            None => page_size != partitions::ROWS,
        }
    }
}

macro_rules! cases {
    ($($name:literal $(to $baseline:literal)? $(($only:ident))? => $run:expr;)*) => {
        &[$(Case {
            name: $name,
            baseline: [$(Some($baseline),)? None][0],
            run: |setting| $run(setting).boxed(),
            only: [$(Some(stringify!($only)),)? None][0],
        }),*]
    };
}

pub const CASES: &[Case] = cases! {
    "drain" => drain;
    "count" => |s| by_hand::<IgnoredAny>(s, "plain");
    "hand-written loop" => |s| by_hand::<PlainJob>(s, "plain");
    "hand-written loop, one thread" to "hand-written loop" => |s| by_hand::<PlainJob>(s, "plain");
    "hand-written loop, our records" to "hand-written loop" => |s| by_hand::<Job>(s, "plain");
    "pages()" to "hand-written loop" => |s| pages(s, "plain");
    "pages(), one thread" to "hand-written loop, one thread" => |s| pages(s, "plain");
    "items()" to "hand-written loop" => items;
    "pages() as postings" to "pages()" => postings;
    "pages_as slim record" to "hand-written loop" => slim;
    "raw_items()" to "count" => raw;
    "sync, memory" to "hand-written loop" => |s| sync(s, MemoryStore::new());
    "sync, file" to "hand-written loop" => sync_file;
    "sync, SQLite" to "hand-written loop" => sync_sqlite;
    "sync, file + archive" to "sync, file" => sync_archived;
    "sync, file + drift check" to "sync, file" => sync_checked;
    "sync, file + quarantine" to "sync, file" => sync_with_quarantine;
    "hand-written loop + SQLite rows" => sqlite_by_hand;
    "sync + SQLite rows" to "hand-written loop + SQLite rows" => sqlite_rows;
    "sync + SqliteTable" to "sync + SQLite rows" => |s: Setting| table(s, "sqlite");
    "sync + ParquetTable" to "sync + SQLite rows" => |s: Setting| table(s, "parquet");
    "pages(), 10 times the rows" (large) => |s: Setting| pages(Setting { rows: s.rows * 10, ..s }, "long").map(|rows| rows / 10);
    "hand-written loop, slow server" (large) => |s| by_hand::<PlainJob>(s, "slow50");
    "pages(), slow server" to "hand-written loop, slow server" (large) => |s| pages(s, "slow50");
    "hand-written loop, gzip" (large) => |s| by_hand::<PlainJob>(s, "gzip");
    "pages(), gzip" to "hand-written loop, gzip" (large) => |s| pages(s, "gzip");
    "hand-written loop, zstd" (large) => |s| by_hand::<PlainJob>(s, "zstd");
    "pages(), zstd" to "hand-written loop, zstd" (large) => |s| pages(s, "zstd");
    "hand-written loop, 10,000 lists" (lists) => partitions::by_hand;
    "partitions, 10,000" to "hand-written loop, 10,000 lists" (lists) => |s: Setting| partitions::sync(s.rows / 10, s);
    "partitions, 100" (lists) => |s: Setting| partitions::sync(100, s).map(|rows| rows * 100);
};

/// The envelope of a hand-written loop.
#[derive(Deserialize)]
struct Envelope<T> {
    next: Option<String>,
    results: Vec<T>,
}

/// The record of a hand-written loop: owned and typed, without unknown fields.
#[derive(Deserialize)]
#[allow(dead_code)]
struct PlainJob {
    id: u64,
    ext_id: Option<String>,
    company: Option<PlainCompany>,
    title: Option<String>,
    location: Option<String>,
    types: Option<Vec<PlainLabel>>,
    cities: Option<Vec<PlainCity>>,
    countries: Option<Vec<PlainCountry>>,
    regions: Option<Vec<PlainLabel>>,
    has_remote: Option<bool>,
    published: Option<String>,
    expired: Option<String>,
    description: Option<String>,
    experience_level: Option<String>,
    application_url: Option<String>,
    language: Option<String>,
    salary_min: Option<String>,
    salary_max: Option<String>,
    salary_currency: Option<String>,
}

#[derive(Deserialize)]
#[allow(dead_code)]
struct PlainCompany {
    id: u64,
    name: Option<String>,
    logo: Option<String>,
    website_url: Option<String>,
    linkedin_url: Option<String>,
    twitter_handle: Option<String>,
    github_url: Option<String>,
    is_agency: Option<bool>,
}

#[derive(Deserialize)]
#[allow(dead_code)]
struct PlainLabel {
    id: Option<u64>,
    name: Option<String>,
}

#[derive(Deserialize)]
#[allow(dead_code)]
struct PlainCountry {
    id: Option<u64>,
    code: Option<String>,
    name: Option<String>,
    region: Option<PlainLabel>,
}

#[derive(Deserialize)]
#[allow(dead_code)]
struct PlainState {
    geonameid: Option<u64>,
    code: Option<String>,
    asciiname: Option<String>,
    name: Option<String>,
    country: Option<PlainCountry>,
}

#[derive(Deserialize)]
#[allow(dead_code)]
struct PlainCity {
    geonameid: Option<u64>,
    asciiname: Option<String>,
    name: Option<String>,
    country: Option<PlainCountry>,
    state: Option<PlainState>,
    timezone: Option<String>,
    latitude: Option<String>,
    longitude: Option<String>,
    population: Option<u64>,
}

fn url(setting: &Setting, mode: &str, page: u64) -> String {
    format!("{}/{mode}/jobs/?page_size={}&page={page}", setting.origin, setting.page_size)
}

async fn drain(setting: Setting) -> u64 {
    let client = reqwest::Client::new();
    let pages = setting.rows.div_ceil(u64::from(setting.page_size));
    for page in 1..=pages {
        let mut response = client.get(url(&setting, "plain", page)).send().await.unwrap();
        while response.chunk().await.unwrap().is_some() {}
    }
    setting.rows
}

async fn each_page<T: DeserializeOwned>(setting: Setting, mode: &str, mut on_page: impl FnMut(Vec<T>)) {
    let client = reqwest::Client::new();
    let mut next = Some(url(&setting, mode, 1));
    let mut page = 1;
    while next.is_some() {
        let response = client.get(url(&setting, mode, page)).send().await.unwrap().error_for_status().unwrap();
        let body = response.bytes().await.unwrap();
        let envelope: Envelope<T> = serde_json::from_slice(&body).unwrap();
        on_page(envelope.results);
        next = envelope.next;
        page += 1;
    }
}

async fn by_hand<T: DeserializeOwned>(setting: Setting, mode: &'static str) -> u64 {
    let mut rows = 0;
    each_page::<T>(setting, mode, |page| rows += page.len() as u64).await;
    rows
}

fn jobs(setting: &Setting, mode: &str) -> JobsRequest {
    let base = format!("{}/{mode}/", setting.origin);
    let builder = Client::builder().api_key("key").base_url(base);
    // Without the default rate limit: it protects the vendor's servers and is not part of this comparison.
    builder.rate_limit(RateLimit::unlimited()).build().unwrap().jobs().page_size(setting.page_size)
}

async fn pages(setting: Setting, mode: &'static str) -> u64 {
    let mut pages = jobs(&setting, mode).pages();
    let mut rows = 0;
    while let Some(page) = pages.try_next().await.unwrap() {
        rows += page.items.len() as u64;
    }
    rows
}

async fn postings(setting: Setting) -> u64 {
    let mut pages = jobs(&setting, "plain").pages();
    let mut rows = 0;
    while let Some(page) = pages.try_next().await.unwrap() {
        rows += page.items.iter().map(Posting::from).filter(|posting| posting.title.is_some()).count() as u64;
    }
    rows
}

async fn items(setting: Setting) -> u64 {
    jobs(&setting, "plain").items().fold(0, |rows, item| async move { rows + u64::from(item.unwrap().id > 0) }).await
}

async fn slim(setting: Setting) -> u64 {
    #[derive(Deserialize)]
    struct Slim {
        id: u64,
        title: Option<String>,
    }
    let mut pages = jobs(&setting, "plain").pages_as::<Slim>();
    let mut rows = 0;
    while let Some(page) = pages.try_next().await.unwrap() {
        rows += page.items.iter().filter(|slim| slim.id > 0 && slim.title.is_some()).count() as u64;
    }
    rows
}

async fn raw(setting: Setting) -> u64 {
    let mut pages = jobs(&setting, "plain").pages_as::<IgnoredAny>();
    let mut rows = 0;
    while let Some(page) = pages.try_next().await.unwrap() {
        rows += page.raw_items().filter(|raw| !raw.is_empty()).count() as u64;
    }
    rows
}

async fn sync<C: Checkpoint>(setting: Setting, store: C) -> u64 {
    let mut run = jobs(&setting, "plain").sync_by_id("bench", store).await.unwrap();
    let mut rows = 0;
    while let Some(batch) = run.next().await.unwrap() {
        rows += batch.items().len() as u64;
        batch.commit().await.unwrap();
    }
    rows
}

async fn sync_file(setting: Setting) -> u64 {
    let folder = tempfile::tempdir().unwrap();
    sync(setting, FileStore::new(folder.path()).unwrap()).await
}

async fn sync_archived(setting: Setting) -> u64 {
    let folder = tempfile::tempdir().unwrap();
    let archive = Archive::open_folder(folder.path().join("raw")).await.unwrap();
    inspected(setting, &folder, archive.writer()).await
}

/// With a baseline, as in every run but the first: of all records, in memory.
async fn sync_checked(setting: Setting) -> u64 {
    static BASELINES: OnceLock<MemoryStore> = OnceLock::new();
    let (folder, baselines) = (tempfile::tempdir().unwrap(), BASELINES.get_or_init(MemoryStore::new).clone());
    inspected(setting, &folder, DriftCheck::new(baselines)).await
}

/// Of records that all fit: what the quarantine costs while it is not needed.
async fn sync_with_quarantine(setting: Setting) -> u64 {
    let folder = tempfile::tempdir().unwrap();
    let quarantine = Quarantine::open(JsonLines::new(folder.path().join("rejected.jsonl"))).await.unwrap();
    inspected(setting, &folder, quarantine.keep()).await
}

async fn inspected(setting: Setting, folder: &tempfile::TempDir, inspect: impl Inspect + 'static) -> u64 {
    let store = FileStore::new(folder.path()).unwrap();
    let mut run = jobs(&setting, "plain").sync_by_id("bench", store).await.unwrap().inspect_with(inspect);
    let mut rows = 0;
    while let Some(batch) = run.next().await.unwrap() {
        rows += batch.items().len() as u64;
        batch.commit().await.unwrap();
    }
    rows
}

async fn sync_sqlite(setting: Setting) -> u64 {
    let folder = tempfile::tempdir().unwrap();
    sync(setting, SqliteStore::open(folder.path().join("state.sqlite3")).unwrap()).await
}

const TABLE: &str = "CREATE TABLE jobs (id INTEGER PRIMARY KEY, title TEXT, published TEXT, description TEXT)";
const INSERT: &str = "INSERT OR IGNORE INTO jobs VALUES (?1, ?2, ?3, ?4)";

fn database(folder: &tempfile::TempDir) -> Connection {
    let db = Connection::open(folder.path().join("jobs.sqlite3")).unwrap();
    db.pragma_update(None, "journal_mode", "WAL").unwrap();
    db.pragma_update(None, "synchronous", "NORMAL").unwrap();
    db.execute(TABLE, []).unwrap();
    db
}

async fn sqlite_by_hand(setting: Setting) -> u64 {
    let folder = tempfile::tempdir().unwrap();
    let mut db = database(&folder);
    let mut rows = 0;
    each_page::<PlainJob>(setting, "plain", |page| {
        let tx = db.transaction().unwrap();
        let mut insert = tx.prepare_cached(INSERT).unwrap();
        for job in &page {
            rows += insert.execute(params![job.id as i64, job.title, job.published, job.description]).unwrap() as u64;
        }
        drop(insert);
        tx.commit().unwrap();
    })
    .await;
    rows
}

async fn sqlite_rows(setting: Setting) -> u64 {
    let folder = tempfile::tempdir().unwrap();
    let mut db = database(&folder);
    let store = SqliteStore::open(folder.path().join("jobs.sqlite3")).unwrap();
    let mut run = jobs(&setting, "plain").sync_by_id("bench", store).await.unwrap();
    let mut rows = 0;
    while let Some(batch) = run.next().await.unwrap() {
        let tx = db.transaction().unwrap();
        let mut insert = tx.prepare_cached(INSERT).unwrap();
        for job in batch.items() {
            let published = job.published.as_ref().map(|published| published.as_str());
            rows += insert.execute(params![job.id as i64, job.title, published, job.description]).unwrap() as u64;
        }
        drop(insert);
        SqliteStore::save_in(&tx, batch.key(), batch.next_state(), batch.fence()).unwrap();
        tx.commit().unwrap();
        batch.committed();
    }
    rows
}

/// The columns of `TABLE`.
async fn table(setting: Setting, kind: &str) -> u64 {
    #[derive(Serialize)]
    struct Row {
        id: u64,
        title: Option<String>,
        published: Option<String>,
        description: Option<String>,
    }
    let folder = tempfile::tempdir().unwrap();
    let columns = ["title", "published", "description"].map(|name| Column::new(name, ColumnType::Text));
    let schema = Schema::new([Column::new("id", ColumnType::Integer).key()].into_iter().chain(columns)).unwrap();
    let table: Box<dyn Sink> = match kind {
        "sqlite" => {
            let _ = database(&folder);
            Box::new(SqliteTable::open(folder.path().join("jobs.sqlite3"), "postings", schema).await.unwrap())
        }
        _ => {
            let store = LocalFileSystem::new_with_prefix(folder.path()).unwrap().with_fsync(true);
            Box::new(ParquetTable::open(Arc::new(store), "postings", schema).await.unwrap())
        }
    };
    let mut run = jobs(&setting, "plain").sync_by_id("bench", table.checkpoint()).await.unwrap();
    let mut rows = 0;
    while let Some(batch) = run.next().await.unwrap() {
        rows += batch.items().len() as u64;
        let row = |job: &Job| Row {
            id: job.id,
            title: job.title.clone(),
            published: job.published.as_ref().map(|published| published.as_str().to_owned()),
            description: job.description.clone(),
        };
        table.commit(batch, row).await.unwrap();
    }
    rows
}
