//! An archive that fails, and objects that were changed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::TryStreamExt;
use jobfeed::archive::{Archive, ArchiveError};
use jobfeed::checkpoint::MemoryStore;
use jobfeed::{Checkpoint, Error, Page};
use serde_json::Value;

use crate::kit::{Steps, commit_all, replayed, replayed_ids};
use crate::support::{self, Script};

#[tokio::test]
async fn promise_3_a_page_is_not_handed_on_when_the_archive_is_full_and_comes_again() {
    for full_at in 0.. {
        let (steps, store) = (Steps::default(), MemoryStore::new());
        *steps.full_at.lock().unwrap() = Some(full_at);
        let api = Script::jobs((1..=60).collect()).client().build().unwrap();
        let run = async || {
            let run = api.jobs().page_size(20).sync_by_id("k", &store).await.unwrap();
            run.inspect_with(steps.archive().writer())
        };
        let (mut first, mut committed) = (run().await, Vec::new());
        let error = loop {
            match first.next().await {
                Ok(Some(batch)) => {
                    let revision = batch.next_state().revision();
                    committed.extend(batch.items().iter().map(|job| job.id));
                    batch.commit().await.unwrap();
                    assert_eq!(store.load("k").await.unwrap().unwrap().revision(), revision);
                }
                Ok(None) => break None,
                Err(error) => break Some(error),
            }
        };
        let Some(error) = error else {
            assert!(full_at > 6, "it failed at each write before");
            break;
        };
        let Error::Refused { by: "archive", source, .. } = &error else { panic!("{error}") };
        assert!(matches!(source.downcast_ref(), Some(ArchiveError::Store { action: "writing", .. })), "{source}");
        assert!(format!("{error:?}").contains("no space left on device"), "{error:?}");

        *steps.full_at.lock().unwrap() = None;
        let mut again = run().await;
        while let Some(batch) = again.next().await.unwrap() {
            committed.extend(batch.items().iter().map(|job| job.id));
            batch.commit().await.unwrap();
        }
        assert_eq!(support::set(&committed), (1..=60).collect(), "nothing is lost, full at {full_at}");
        assert_eq!(replayed_ids(&steps.archive(), "k").await, committed, "full at {full_at}");
    }
}

#[tokio::test]
async fn a_listing_ends_with_an_error_before_the_page_that_could_not_be_kept() {
    let steps = Steps::default();
    *steps.full_at.lock().unwrap() = Some(2);
    let api = Script::jobs((1..=60).collect()).client().build().unwrap();
    let mut pages = steps.archive().keep("jobs", api.jobs().page_size(2).pages());
    assert!(pages.try_next().await.unwrap().is_some());
    let error = pages.try_next().await.unwrap_err();
    assert!(matches!(error, Error::Archive(ArchiveError::Store { .. })), "{error}");
    assert_eq!(error.kind(), "archive");
    assert_eq!(replayed_ids(&steps.archive(), "jobs").await, [1, 2]);
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(self::files(&path)) } else { files.push(path) }
    }
    files.sort();
    files
}

#[tokio::test]
async fn a_changed_object_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let archive = Archive::open_folder(folder.path()).await.unwrap();
    let api = Script::listing((1..=60).collect(), |id| format!(r#"{{"id":{id},"title":"Engineer"}}"#))
        .client()
        .build()
        .unwrap();
    let mut run = api.jobs().page_size(20).sync_by_id("k", MemoryStore::new()).await.unwrap();
    run = run.inspect_with(archive.writer());
    commit_all(&mut run).await.unwrap();

    let body = files(&folder.path().join("bodies"))[1].clone();
    let object = body.strip_prefix(folder.path()).unwrap().to_str().unwrap().to_owned();
    let stored = std::fs::read(&body).unwrap();
    let mut pages = archive.replay::<Value>().pages();
    assert!(pages.try_next().await.unwrap().is_some());
    let plain = zstd::decode_all(&stored[..]).unwrap();
    let other = String::from_utf8(plain.clone()).unwrap().replace("Engineer", "Engineex");
    let longer = [&plain[..], b" "].concat();
    let frame = |text: &[u8]| zstd::encode_all(text, 3).unwrap();
    for changed in [stored[..stored.len() / 2].to_vec(), frame(other.as_bytes()), frame(&longer), b"no frame".to_vec()]
    {
        std::fs::write(&body, changed).unwrap();
        let pages: jobfeed::Result<Vec<Page<Value>>> = archive.replay().pages().try_collect().await;
        let error = pages.unwrap_err();
        assert!(
            matches!(&error, Error::Archive(ArchiveError::Changed { object: named }) if *named == object),
            "{error}"
        );
        assert!(error.to_string().contains(&object) && !error.to_string().contains("Engineer"), "{error}");
    }
    std::fs::remove_file(&body).unwrap();
    let error = replayed(&archive, "k").await.unwrap_err();
    assert!(matches!(&error, Error::Archive(ArchiveError::Missing { object: named }) if *named == object), "{error}");
    std::fs::write(&body, frame(&plain)).unwrap();
    assert_eq!(replayed_ids(&archive, "k").await.len(), 60);

    let line = files(&folder.path().join("manifest"))[0].clone();
    let text = std::fs::read_to_string(&line).unwrap();
    assert!(text.ends_with("}\n") && text.matches('\n').count() == 1, "one line: {text}");
    std::fs::write(&line, &text[..text.len() / 2]).unwrap();
    let error = replayed(&archive, "k").await.unwrap_err();
    assert!(matches!(error, Error::Archive(ArchiveError::Corrupt { .. })), "{error}");
    std::fs::write(&line, text.replace("\"version\":1", "\"version\":2")).unwrap();
    let error = replayed(&archive, "k").await.unwrap_err();
    assert!(matches!(error, Error::Archive(ArchiveError::Newer { version: 2, supported: 1, .. })), "{error}");
}

#[tokio::test]
async fn a_place_that_cannot_be_opened_is_an_error_without_its_password() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), "").unwrap();
    let open = async |url: String| Archive::open_url(&url, [("aws_region", "eu-west-1")]).await;
    for url in [
        "no url",
        "s3://user:s3cr3t@bucket/raw",
        "what://is/this",
        "ftp://user:s3cr3t@host/raw",
        "what://host/raw?sig=s3cr3t",
        "user:s3cr3t@host",
    ] {
        let error = open(url.to_owned()).await.unwrap_err();
        assert!(matches!(error, Error::Archive(ArchiveError::Open { .. })), "{error}");
        assert!(!format!("{error:?}").contains("s3cr3t"), "{error:?}");
    }
    open(format!("file://{}/file/raw", folder.path().display())).await.unwrap_err();
    open(format!("file://{}/raw", folder.path().display())).await.unwrap();
    open("memory:///raw".to_owned()).await.unwrap();
    drop(Archive::open(Arc::new(jobfeed::object_store::memory::InMemory::new())));
}
