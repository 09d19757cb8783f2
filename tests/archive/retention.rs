//! What is removed: old pages, pages over a size, and bodies that nothing lists.

use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt;
use jobfeed::archive::{Archive, Retention};
use jobfeed::checkpoint::MemoryStore;
use jobfeed::jiff::{SignedDuration, Timestamp};
use jobfeed::object_store::{ObjectStoreExt, path::Path};
use jobfeed::{Clock, Page};
use serde_json::Value;

use crate::kit::{Steps, commit_all, entries, replayed_ids};
use crate::support::Script;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn day(number: i64) -> Timestamp {
    "2026-05-01T00:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_hours(24 * number)
}

/// One run a day for each of two keys, each of three pages.
async fn three_days(steps: &Steps) -> Archive {
    for number in 0..3 {
        for key in ["a", "b"] {
            let first = number as u64 * 1000;
            let script = Script::jobs((first + 1..=first + 60).collect());
            let clock = Clock::fixed(day(number));
            let api = script.client().clock(clock).build().unwrap();
            let sync = api.jobs().page_size(20).sync_by_id(format!("{key}{number}"), MemoryStore::new());
            let mut run = sync.await.unwrap().inspect_with(steps.archive().writer());
            commit_all(&mut run).await.unwrap();
        }
    }
    steps.archive().clock(Clock::fixed(day(3)))
}

#[tokio::test]
async fn old_pages_are_removed_with_their_bodies() {
    let steps = Steps::default();
    let archive = three_days(&steps).await;
    assert_eq!(archive.retain(Retention::default()).await.unwrap().entries, 0, "the default keeps all");
    let all = entries(&archive).await.len();
    let removed = archive.retain(Retention::default().max_age(DAY * 2)).await.unwrap();
    assert_eq!((removed.entries as usize, removed.unlisted), (all / 3, 0));
    let rest = entries(&archive).await;
    assert!(rest.len() == all - all / 3 && rest.iter().all(|entry| entry.date >= day(1)));
    assert_eq!(steps.names("bodies").await.len(), rest.len());
    assert_eq!(replayed_ids(&archive, "a1").await.len(), 60);
    assert!(replayed_ids(&archive, "b0").await.is_empty());
}

#[tokio::test]
async fn the_oldest_pages_are_removed_until_the_rest_fits() {
    let steps = Steps::default();
    let archive = three_days(&steps).await;
    let all = entries(&archive).await;
    let size = |entries: &[jobfeed::archive::Entry]| entries.iter().map(|entry| entry.compressed).sum::<u64>();
    let most = size(&all[5..]);
    let removed = archive.retain(Retention::default().max_bytes(most)).await.unwrap();
    assert_eq!((removed.entries, removed.bytes), (5, size(&all[..5])));
    assert_eq!(entries(&archive).await, all[5..]);
    archive.retain(Retention::default().max_bytes(0)).await.unwrap();
    assert!(steps.names("bodies").await.is_empty() && steps.names("manifest").await.is_empty());
}

#[tokio::test]
async fn a_page_that_is_not_committed_yet_stays_and_what_nothing_lists_is_removed() {
    let (steps, store) = (Steps::default(), MemoryStore::new());
    let archive = steps.archive().clock(Clock::fixed(day(1000)));
    let api = Script::jobs((1..=60).collect()).client().build().unwrap();
    let mut run = api.jobs().page_size(20).sync_by_id("k", &store).await.unwrap().inspect_with(archive.writer());
    let batch = run.next().await.unwrap().unwrap();
    let unlisted = |name: &str| Path::from(format!("bodies/k/{name}/00000000000000000001.00.zst"));
    steps.objects.put(&unlisted("20260501T000000000Z-aa"), "left by a crash".into()).await.unwrap();
    let young = unlisted("20260501T000000000Z-list-aa");
    steps.objects.put(&young, "its entry may come".into()).await.unwrap();

    let now = steps.archive().retain(Retention::default().max_age(Duration::ZERO).max_bytes(0)).await.unwrap();
    assert_eq!((now.entries, now.unlisted, now.bytes), (0, 1, 15), "{now:?}");
    assert!(steps.names("bodies").await.contains(&young.to_string()));
    let later = archive.retain(Retention::default()).await.unwrap();
    assert_eq!((later.unlisted, later.bytes), (1, 18), "a body of a listing, a day later");
    batch.commit().await.unwrap();
    commit_all(&mut run).await.unwrap();
    assert_eq!(replayed_ids(&archive, "k").await.len(), 60);
    drop(Arc::new(archive));
}

#[tokio::test]
async fn a_replay_leaves_out_the_pages_that_are_removed_meanwhile() {
    let steps = Steps::default();
    let archive = steps.archive();
    let api = Script::jobs((1..=60).collect()).client().build().unwrap();
    let sync = api.jobs().page_size(20).sync_by_id("jobs", MemoryStore::new()).await.unwrap();
    commit_all(&mut sync.inspect_with(archive.writer())).await.unwrap();
    let mut pages = archive.replay::<Value>().pages();
    // The next entry was read, its body not yet.
    let first: Page<Value> = pages.try_next().await.unwrap().unwrap();
    assert_eq!(first.items.len(), 20);
    archive.retain(Retention::default().max_bytes(0)).await.unwrap();
    let rest: Vec<Page<Value>> = pages.try_collect().await.unwrap();
    assert!(rest.is_empty());
}
