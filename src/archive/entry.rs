//! An entry: one line of JSON about one answer. The names of WARC where WARC has one, so that an export only adds the bodies.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use jiff::Timestamp;
use object_store::path::Path;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::objects::manifest_object;
use crate::checkpoint::file_name;
use crate::error::ArchiveError;
use crate::json::{ListAt, debug_fields};
use crate::listing::{PageContent, PageSource};

/// The newest version of entries that this version of the crate reads and writes.
pub(super) const VERSION: u32 = 1;

/// The headers that are kept, and the beginnings of their names.
const HEADERS: [&str; 5] = ["content-type", "date", "etag", "last-modified", "retry-after"];
const HEADERS_WITH: [&str; 5] = ["x-ratelimit", "x-rate-limit", "ratelimit", "x-api-requests-", "x-api-jobs-"];

/// What the manifest says of one answer. Its JSON form is a line of the manifest.
///
/// ```json
/// {
///   "version": 1,
///   "WARC-Target-URI": "https://jobdataapi.com/api/jobs/?page_size=5000",
///   "WARC-Date": "2026-05-01T12:00:00Z",
///   "WARC-Payload-Digest": "sha256:9f86d081884c7d65…",
///   "status": 200,
///   "headers": { "content-type": "application/json" },
///   "endpoint": "jobdataapi/jobs",
///   "key": "jobs/na", "history": "20260501T115900000Z-5f1d2a3b", "revision": 8,
///   "record_key": "id", "list": "/results", "total": 12000, "rows": 5000, "bytes": 20480000, "compressed": 5120000,
///   "body": "bodies/jobs_2fna/20260501T115900000Z-5f1d2a3b/00000000000000000008.9f86d0….zst"
/// }
/// ```
///
/// `record_key` is the field that identifies a record. `list` is a JSON pointer to the list of records in the body; absent when the body
/// is one record. `removals` and `left_out` are present where the page has removals, or leaves records of the answer out: they say at which
/// byte of the body such records begin.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Entry {
    version: u32,
    /// The URL of the request, without credentials.
    #[serde(rename = "WARC-Target-URI")]
    pub url: String,
    /// When the answer was read.
    #[serde(rename = "WARC-Date")]
    pub date: Timestamp,
    /// `sha256:` and the SHA-256 of the body, in hex. `None` for an answer without a body.
    #[serde(rename = "WARC-Payload-Digest", default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// The status of the answer.
    pub status: u16,
    /// The headers that are kept.
    pub headers: BTreeMap<String, String>,
    /// The name of the endpoint.
    pub endpoint: String,
    /// The checkpoint key, or the name under which a listing was kept.
    pub key: String,
    /// The series of revisions, or the walk of a listing, that it belongs to.
    pub history: String,
    /// The revision whose commit saved the page; of a listing, the number of the page from 1.
    pub revision: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    record_key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    list: Option<String>,
    /// The server's total for the query, where it gives one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// Records in the page: items, rejected ones and removals.
    pub rows: u64,
    /// The length of the body.
    pub bytes: u64,
    /// The length of its object.
    pub compressed: u64,
    /// The object of the body. `None` for an answer without a body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Whether not the body is kept but a list of its records, because the answer repeats a credential beside them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub records_only: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    removals: Vec<usize>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    left_out: Vec<usize>,
}

debug_fields!(Entry(endpoint, key, history, revision, date, status, rows, bytes));

impl Entry {
    /// The entry of a page, and the body to keep. Of the body, digest, sizes and object are set when it is compressed.
    pub(super) fn of(
        source: &PageSource,
        page: &PageContent,
        key: &str,
        history: &str,
        revision: u64,
    ) -> (Self, Bytes) {
        let mut removals: Vec<usize> = page.removals.iter().map(|range| range.start).collect();
        let mut left_out = page.left_out.clone();
        let mut list = pointer(&source.list, &page.body);
        let mut body = page.body.clone();
        if source.secret_beside_list && !body.is_empty() {
            let mut text = vec![b'['];
            removals.clear();
            for (index, range) in page.records.iter().chain(&page.removals).enumerate() {
                if index > 0 {
                    text.push(b',');
                }
                if index >= page.records.len() {
                    removals.push(text.len());
                }
                text.extend_from_slice(page.body.get(range.clone()).unwrap_or_default());
            }
            text.push(b']');
            (body, list) = (text.into(), Some(String::new()));
            left_out.clear();
        }
        let entry = Self {
            version: VERSION,
            url: source.url.clone(),
            date: source.received,
            digest: None,
            status: source.status.as_u16(),
            headers: kept(&page.headers, &source.secret_headers),
            endpoint: source.endpoint.clone(),
            key: key.to_owned(),
            history: history.to_owned(),
            revision,
            record_key: source.key.clone(),
            list,
            total: page.total,
            rows: page.rows() as u64,
            bytes: body.len() as u64,
            compressed: 0,
            body: None,
            records_only: source.secret_beside_list,
            removals,
            left_out,
        };
        (entry, body)
    }

    /// The object of the body.
    pub(super) fn body(&self) -> Option<Path> {
        self.body.as_deref().map(Path::from)
    }

    /// The object of this entry.
    pub(super) fn object(&self) -> Path {
        manifest_object(&file_name(&self.key), &self.history, self.revision)
    }

    pub(super) fn line(&self) -> String {
        serde_json::to_string(self).unwrap_or_default() + "\n"
    }

    /// Reads the line of an entry.
    pub(super) fn read(object: &Path, text: &[u8]) -> Result<Self, ArchiveError> {
        read_json(object, text)
    }

    /// Where the list is in the kept body.
    pub(super) fn list(&self) -> ListAt {
        self.list.clone().map_or(ListAt::Single, ListAt::Pointer)
    }

    /// The page of this entry, without records.
    pub(super) fn content(&self, object: &Path, body: Bytes) -> Result<PageContent, ArchiveError> {
        let status = StatusCode::from_u16(self.status).map_err(|_| corrupt(object, "its status is not one"))?;
        let source = PageSource {
            endpoint: self.endpoint.clone(),
            url: self.url.clone(),
            status,
            list: self.list(),
            key: self.record_key.clone(),
            received: self.date,
            secret_beside_list: self.records_only,
            secret_headers: Vec::new(),
        };
        let header = |(name, value): (&String, &String)| {
            Some((HeaderName::try_from(name).ok()?, HeaderValue::try_from(value).ok()?))
        };
        Ok(PageContent {
            source: Some(Box::new(source)),
            body,
            headers: self.headers.iter().filter_map(header).collect(),
            total: self.total,
            records: Vec::new(),
            rejected: Vec::new(),
            removals: self.removals.iter().map(|start| *start..*start).collect(),
            left_out: self.left_out.clone(),
        })
    }
}

/// Reads JSON of an object that has a version.
pub(super) fn read_json<T: DeserializeOwned>(object: &Path, text: &[u8]) -> Result<T, ArchiveError> {
    #[derive(Deserialize)]
    struct Versioned {
        version: u32,
    }
    let corrupt = |error: serde_json::Error| corrupt(object, &error.to_string());
    let Versioned { version } = serde_json::from_slice(text).map_err(corrupt)?;
    if version > VERSION {
        return Err(ArchiveError::Newer { object: object.to_string(), version, supported: VERSION });
    }
    serde_json::from_slice(text).map_err(corrupt)
}

pub(super) fn corrupt(object: &Path, reason: &str) -> ArchiveError {
    ArchiveError::Corrupt { object: object.to_string(), reason: reason.to_owned() }
}

/// The list as a JSON pointer in this body; `None` when the body is one record.
fn pointer(list: &ListAt, body: &[u8]) -> Option<String> {
    let field = |name: &str| format!("/{}", name.replace('~', "~0").replace('/', "~1"));
    let text = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body);
    let is_list = || text.trim_ascii_start().first() == Some(&b'[');
    match list {
        ListAt::Single => None,
        ListAt::Root => Some(String::new()),
        ListAt::RootOrField(_) if is_list() => Some(String::new()),
        ListAt::Field(name) | ListAt::RootOrField(name) => Some(field(name)),
        ListAt::Pointer(pointer) => Some(pointer.clone()),
    }
}

fn kept(headers: &HeaderMap, secret: &[HeaderName]) -> BTreeMap<String, String> {
    let is_kept = |name: &str| HEADERS.contains(&name) || HEADERS_WITH.iter().any(|start| name.starts_with(start));
    let header = |(name, value): (&HeaderName, &HeaderValue)| {
        let is_kept = is_kept(name.as_str()) && !secret.contains(name);
        is_kept.then(|| Some((name.to_string(), value.to_str().ok()?.to_owned())))?
    };
    headers.iter().filter_map(header).collect()
}
