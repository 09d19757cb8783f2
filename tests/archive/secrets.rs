//! No credential is in an object of the archive.

use std::path::Path;

use jobfeed::archive::Archive;
use jobfeed::checkpoint::MemoryStore;
use jobfeed::paginate::{ReadAt, Scheme};
use jobfeed::rest::{Client, Watermark};
use jobfeed::{Credentials, RateLimit};
use serde_json::Value;

use crate::kit::{commit_all, entries, replayed};
use crate::support::{Reply, Script};

const SECRET: &str = "S3NTINEL/key+1234";

/// The text of every object, decompressed, and its name.
fn everything(folder: &Path) -> String {
    let mut text = String::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        text += &path.to_string_lossy();
        if path.is_dir() {
            text += &everything(&path);
        } else {
            let bytes = std::fs::read(&path).unwrap();
            text += &String::from_utf8(zstd::decode_all(&bytes[..]).unwrap_or(bytes)).unwrap();
        }
    }
    text
}

#[tokio::test]
async fn promise_8_no_credential_is_in_an_object_although_the_server_repeats_it() {
    let encoded = "S3NTINEL%2Fkey%2B1234";
    let folder = tempfile::tempdir().unwrap();
    let archive = Archive::open_folder(folder.path()).await.unwrap();
    for (name, repeated) in [("plain", SECRET), ("encoded", encoded), ("escaped", r"S3NTINEL\/key\u002b1234")] {
        for in_header in [false, true] {
            let script = Script::new(move |index, _| {
                let next = if index == 0 && !in_header {
                    format!("\"http://own.test/v1/rows?page=2&key={repeated}\"")
                } else if index == 0 {
                    "\"http://own.test/v1/rows?page=2\"".to_owned()
                } else {
                    "null".to_owned()
                };
                let rows: Vec<String> =
                    (1..4).map(|id| format!(r#"{{"id": {},"gone":{}}}"#, index * 10 + id, id == 2)).collect();
                let header = if in_header { repeated.to_owned() } else { "1".to_owned() };
                let body = format!(r#"{{"next":{next},"rows":[{}]}}"#, rows.join(",\n"));
                Reply::Json(
                    200,
                    vec![("x-ratelimit-key", header), ("set-cookie", SECRET.to_owned()), ("etag", "e".to_owned())],
                    body,
                )
            });
            for credentials in [Credentials::query("key", SECRET).unwrap(), Credentials::bearer(SECRET).unwrap()] {
                let builder = Client::builder().base_url("http://own.test/v1/").rate_limit(RateLimit::unlimited());
                let api = builder.credentials(credentials).transport(Script::new({
                    let script = script.clone();
                    let first = std::sync::atomic::AtomicUsize::new(0);
                    move |_, request| {
                        script.reply(first.fetch_add(1, std::sync::atomic::Ordering::Relaxed) % 2, request)
                    }
                }));
                let list = api.build().unwrap().list::<Value>("rows").records_at("/rows").key("id");
                let list = list.query("filter", "kept").paginate(Scheme::next_url(ReadAt::pointer("/next")));
                let key = format!("{name}/{in_header}/{}", entries(&archive).await.len());
                let sync = list.watermark(Watermark::id("/id", "since")).sync_since(key.clone(), MemoryStore::new());
                let mut run = sync.await.unwrap().inspect_with(archive.writer());
                let live = commit_all(&mut run).await;
                let Ok(live) = live else { continue };
                assert_eq!(replayed(&archive, &key).await.unwrap(), live, "{key}");
            }
        }
    }
    let listed = entries(&archive).await;
    assert!(listed.iter().any(|entry| entry.records_only) && listed.iter().any(|entry| !entry.records_only));
    assert!(listed.iter().all(|entry| entry.headers.contains_key("etag")), "only what has a secret is left out");
    assert!(listed.iter().any(|entry| entry.url.contains("filter=kept")));
    let text = everything(folder.path());
    for secret in [SECRET, encoded, "S3NTINEL"] {
        assert!(!text.contains(secret), "{}", &text[text.find(secret).unwrap().saturating_sub(200)..]);
    }
}
