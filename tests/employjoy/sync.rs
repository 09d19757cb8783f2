//! The syncs of EmployJoy against its simulator: kill and resume, the watermark, expired cursors, removed jobs.

use std::collections::BTreeSet;
use std::time::Duration;

use jobfeed::checkpoint::MemoryStore;
use jobfeed::employjoy::{self, Application, Job};
use jobfeed::jiff::{SignedDuration, Timestamp};
use jobfeed::testing::employjoy::{Builder, Order};
use jobfeed::testing::{EmployJoy, Fault, When};
use jobfeed::{Clock, Error, Mark, Outcome, RateLimit, SyncRun};

use crate::support::{Reply, Script, impatient};

const NOW: &str = "2026-05-20T12:00:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn small() -> Builder {
    EmployJoy::builder().jobs(1000).now(at(NOW))
}

fn client(server: &EmployJoy, now: &str) -> employjoy::Client {
    let builder = employjoy::Client::builder().api_key(server.api_key()).base_url(server.base_url());
    builder.rate_limit(RateLimit::unlimited()).retry(impatient()).clock(Clock::fixed(at(now))).build().unwrap()
}

async fn run<'s>(server: &EmployJoy, now: &str, store: &'s MemoryStore) -> SyncRun<Job, &'s MemoryStore> {
    client(server, now).jobs().page_size(100).sync_by_update("jobs", store).await.unwrap()
}

/// Commits at most `pages` pages, and returns the ids that were committed.
async fn commit(run: &mut SyncRun<Job, &MemoryStore>, pages: usize) -> jobfeed::Result<Vec<String>> {
    let mut ids = Vec::new();
    for _ in 0..pages {
        let Some(batch) = run.next().await? else { break };
        ids.extend(batch.items().iter().map(|job| job.id.clone()));
        batch.commit().await?;
    }
    Ok(ids)
}

fn set(ids: impl IntoIterator<Item = String>) -> BTreeSet<String> {
    ids.into_iter().collect()
}

/// The query of each list request.
fn queries(server: &EmployJoy) -> Vec<(Option<String>, bool, Option<u16>)> {
    let log = server.served().log;
    let lists = log.iter().filter(|request| request.list_number.is_some());
    lists
        .map(|request| {
            assert_eq!(request.param("limit"), Some("100"), "the same limit with every cursor");
            let since = request.param("updated_since").map(str::to_owned);
            (since, request.param("cursor").is_some(), request.status)
        })
        .collect()
}

#[tokio::test]
async fn the_watermark_is_the_latest_update_but_never_after_the_start() {
    let server = small().start().await.unwrap();
    let latest = server.with(|data| data.insert_job(at("2026-05-20T11:30:00Z")));
    for (now, expected) in [(NOW, "2026-05-20T11:30:00Z"), ("2026-05-20T11:00:00Z", "2026-05-20T11:00:00Z")] {
        let store = MemoryStore::new();
        let mut run = run(&server, now, &store).await;
        let ids = commit(&mut run, usize::MAX).await.unwrap();
        assert_eq!(ids.len(), 1001);
        assert!(ids.contains(&latest));
        assert_eq!(run.report().outcome, Outcome::Complete);
        assert_eq!(run.state().watermark(), Some(Mark::Time(at(expected))));
    }
}

#[tokio::test]
async fn a_later_run_reads_from_the_watermark_minus_the_overlap() {
    let server = EmployJoy::builder().jobs(0).now(at(NOW)).start().await.unwrap();
    server.with(|data| {
        (0..50).for_each(|minute| _ = data.insert_job(at("2026-05-20T10:00:00Z") + SignedDuration::from_mins(minute)))
    });
    let store = MemoryStore::new();
    commit(&mut run(&server, NOW, &store).await, usize::MAX).await.unwrap();
    let touched = server.with(|data| {
        let ids = data.job_ids()[3..6].to_vec();
        data.update_jobs(&ids);
        let new = data.insert_jobs(2);
        ids.into_iter().chain(new).collect::<Vec<_>>()
    });
    server.reset_served();
    let sync = client(&server, NOW).jobs().page_size(100).sync_by_update("jobs", &store);
    let mut second = sync.overlap(Duration::from_secs(90)).await.unwrap();
    let ids = commit(&mut second, usize::MAX).await.unwrap();
    assert_eq!(queries(&server), [(Some("2026-05-20T10:47:30Z".to_owned()), false, Some(200))]);
    assert!(set(touched).is_subset(&set(ids.clone())));
    assert_eq!(ids.len(), 7, "and the two rows of the overlap");
    assert_eq!(second.state().watermark(), Some(Mark::Time(at(NOW))));
}

#[tokio::test]
async fn a_run_without_rows_does_not_move_the_watermark() {
    let server = EmployJoy::builder().jobs(3).now(at(NOW)).start().await.unwrap();
    let store = MemoryStore::new();
    let mut first = run(&server, NOW, &store).await;
    commit(&mut first, usize::MAX).await.unwrap();
    let before = first.state().watermark();
    server.with(|data| {
        let ids = data.job_ids();
        data.close_jobs(&ids);
    });
    let mut second = run(&server, "2026-05-21T12:00:00Z", &store).await;
    assert!(commit(&mut second, usize::MAX).await.unwrap().is_empty());
    assert_eq!((second.state().watermark(), second.report().outcome), (before, Outcome::Complete));
}

#[tokio::test]
async fn killed_after_any_page_the_next_run_continues_at_its_cursor_with_the_frozen_query() {
    for killed_after in 1..=10 {
        let server = small().start().await.unwrap();
        let store = MemoryStore::new();
        let sync = client(&server, NOW).jobs().page_size(100).sync_by_update("jobs", &store);
        let mut first = sync.since(at("2026-01-01T00:00:00Z")).await.unwrap();
        let mut ids = commit(&mut first, killed_after).await.unwrap();
        if killed_after < 10 {
            // Read but not committed: it arrives again.
            assert_eq!(first.next().await.unwrap().unwrap().items().len(), 100);
        }
        drop(first);
        let mut second = run(&server, "2026-05-21T00:00:00Z", &store).await;
        ids.extend(commit(&mut second, usize::MAX).await.unwrap());
        // After a complete run, the next one reads the overlap again.
        let again = ids.len() - set(ids.clone()).len();
        assert_eq!((set(ids).len(), again), (1000, usize::from(killed_after == 10)), "killed after {killed_after}");
        let queries = queries(&server);
        let (frozen, later) = if killed_after < 10 { queries.split_at(11) } else { queries.split_at(10) };
        assert!(frozen.iter().all(|(since, ..)| since.as_deref() == Some("2026-01-01T00:00:00Z")), "{queries:?}");
        assert_eq!(later.len(), usize::from(killed_after == 10), "after a complete run there is a new window");
        let Some(Mark::Time(mark)) = second.state().watermark() else { panic!("no watermark") };
        assert!(mark <= at(NOW), "not after the start of the run");
    }
}

#[tokio::test]
async fn after_a_refused_cursor_the_list_is_walked_again_from_the_beginning_once() {
    let server = small().start().await.unwrap();
    let store = MemoryStore::new();
    let mut first = run(&server, NOW, &store).await;
    commit(&mut first, 4).await.unwrap();
    drop(first);
    server.with(jobfeed::testing::employjoy::PartnerData::expire_cursors);
    server.reset_served();
    let mut second = run(&server, NOW, &store).await;
    let ids = commit(&mut second, usize::MAX).await.unwrap();
    assert_eq!(set(ids), server.with(|data| set(data.job_ids())), "the whole list again: no row is lost");
    let queries = queries(&server);
    assert_eq!(queries[..2], [(None, true, Some(400)), (None, false, Some(200))]);
    assert_eq!(queries.len(), 11);
    assert_eq!(second.report().outcome, Outcome::Complete);
}

#[tokio::test]
async fn a_cursor_that_is_refused_twice_is_an_error_that_does_not_block_the_next_run() {
    let server = small().start().await.unwrap();
    server.on_request(|number, data| {
        if number <= 12 && number % 4 == 0 {
            data.expire_cursors();
        }
    });
    let store = MemoryStore::new();
    let mut first = run(&server, NOW, &store).await;
    let error = commit(&mut first, usize::MAX).await.unwrap_err();
    assert_eq!(error.status().map(|status| status.as_u16()), Some(400), "{error}");
    assert_eq!(error.server().and_then(|server| server.code.as_deref()), Some("INVALID_CURSOR"));
    assert_eq!((first.state().watermark(), first.report().outcome), (None, Outcome::Failed));
    let mut ids = BTreeSet::new();
    for _ in 0..2 {
        let mut next = run(&server, NOW, &store).await;
        match commit(&mut next, usize::MAX).await {
            Ok(more) => ids.extend(more),
            Err(error) => assert_eq!(error.status().map(|status| status.as_u16()), Some(400)),
        }
    }
    assert_eq!(ids.len(), 1000);
}

#[tokio::test]
async fn other_refusals_do_not_restart_the_walk() {
    for code in [401, 403] {
        let server = small().start().await.unwrap();
        server.fault(Fault::Status { code, retry_after: None }, When::Request(4));
        let store = MemoryStore::new();
        let mut first = run(&server, NOW, &store).await;
        assert!(commit(&mut first, usize::MAX).await.is_err());
        assert_eq!(server.served().requests, 4, "{code}");
        drop(first);
        assert_eq!(commit(&mut run(&server, NOW, &store).await, usize::MAX).await.unwrap().len(), 700);
    }
}

#[tokio::test]
async fn a_cyclic_cursor_delivers_the_page_and_then_is_an_error() {
    let server = small().start().await.unwrap();
    server.fault(Fault::CycleNext, When::Request(5));
    let store = MemoryStore::new();
    let mut first = run(&server, NOW, &store).await;
    let mut ids = commit(&mut first, 5).await.unwrap();
    let error = commit(&mut first, 1).await.unwrap_err();
    assert!(matches!(error, Error::CursorLoop { page: 5, first_seen: 4, .. }), "{error:?}");
    assert_eq!(first.state().watermark(), None);
    drop(first);
    ids.extend(commit(&mut run(&server, NOW, &store).await, usize::MAX).await.unwrap());
    assert_eq!((ids.len(), set(ids).len()), (1100, 1000), "the page with the repeated cursor arrives again");
}

#[tokio::test]
async fn rows_that_change_during_the_walk_arrive_in_this_run_or_the_next() {
    for order in [Order::UpdatedAsc, Order::UpdatedDesc] {
        for kill_after in [3, 7, usize::MAX] {
            let server = small().order(order).now_from(|| Clock::system().now()).start().await.unwrap();
            let mut pick = 0usize;
            server.on_request(move |number, data| {
                if number > 9 {
                    return;
                }
                pick = (pick * 31 + 17) % 900;
                let ids = data.job_ids();
                data.update_jobs(&ids[pick..pick + 30]);
                data.close_jobs(&ids[pick + 30..pick + 35]);
                data.insert_jobs(10);
            });
            let store = MemoryStore::new();
            let mut seen = BTreeSet::new();
            for pages in [kill_after, usize::MAX, usize::MAX] {
                let now = Clock::system().now().to_string();
                seen.extend(commit(&mut run(&server, &now, &store).await, pages).await.unwrap());
            }
            let there = server.with(|data| set(data.job_ids()));
            let missing: Vec<_> = there.difference(&seen).collect();
            assert!(missing.is_empty(), "{order:?}, killed after {kill_after}: {missing:?}");
        }
    }
}

#[tokio::test]
async fn promise_1_applications_have_the_start_of_the_run_by_the_server_s_clock_as_watermark() {
    let server = EmployJoy::builder().applications(450).now(at(NOW)).start().await.unwrap();
    let store = MemoryStore::new();
    // The local clock is an hour ahead: what changes in the next hour would never be read.
    let later = "2026-05-20T13:00:00Z";
    let sync = client(&server, later).applications().page_size(100).sync_by_update("applications", &store);
    let mut first: SyncRun<Application, _> = sync.await.unwrap();
    let mut rows = 0;
    while let Some(batch) = first.next().await.unwrap() {
        rows += batch.items().len();
        batch.commit().await.unwrap();
    }
    assert_eq!((rows, first.state().watermark()), (450, Some(Mark::Time(at(NOW)))));
    server.reset_served();
    let mut second =
        client(&server, later).applications().page_size(100).sync_by_update("applications", &store).await.unwrap();
    assert!(second.next().await.unwrap().is_none() || second.state().watermark().is_some());
    assert_eq!(queries(&server)[0].0.as_deref(), Some("2026-05-20T11:50:00Z"), "10 minutes of overlap");
}

#[tokio::test]
async fn a_paused_run_keeps_its_position() {
    let server = small().start().await.unwrap();
    server.fault(Fault::Status { code: 429, retry_after: Some(900) }, When::Request(6));
    let store = MemoryStore::new();
    let mut first = run(&server, NOW, &store).await;
    assert_eq!(commit(&mut first, usize::MAX).await.unwrap().len(), 500);
    assert_eq!(first.report().outcome, Outcome::Paused { until: at("2026-05-20T12:15:00Z") });
    drop(first);
    assert_eq!(commit(&mut run(&server, NOW, &store).await, usize::MAX).await.unwrap().len(), 500);
}

#[tokio::test]
async fn invalid_options_of_a_sync_are_refused_before_anything_is_sent() {
    let server = EmployJoy::builder().start().await.unwrap();
    let api = client(&server, NOW);
    let store = MemoryStore::new();
    for jobs in [
        api.jobs().page_size(0),
        api.jobs().page_size(201),
        api.jobs().company_id(" "),
        api.jobs().updated_since(at(NOW)),
    ] {
        let error = jobs.sync_by_update("jobs", &store).await.unwrap_err();
        assert!(matches!(error, Error::Invalid { .. }), "{error:?}");
    }
    commit(&mut run(&server, NOW, &store).await, 1).await.unwrap();
    let other = api.jobs().page_size(100).company_id("co_1").sync_by_update("jobs", &store).await.unwrap_err();
    assert!(matches!(other, Error::Checkpoint { .. }), "{other:?}");
    assert_eq!(server.served().requests, 1);
}

#[tokio::test]
async fn the_full_list_diff_reports_vanished_and_appeared_jobs() {
    for clock in [NOW, "2026-05-20T11:00:00Z", "2026-05-20T13:00:00Z"] {
        let server = small().order(Order::UpdatedDesc).start().await.unwrap();
        let known = server.with(|data| data.job_ids());
        let (closed, revoked, new) = server.with(|data| {
            data.close_jobs(&known[10..13]);
            data.revoke_access("co_2");
            (
                known[10..13].to_vec(),
                known.iter().filter(|id| data.company_of(id).as_deref() == Some("co_2")).cloned().collect::<Vec<_>>(),
                data.insert_jobs(2),
            )
        });
        // A job that moves to a page that was read already is in no page of the walk. It must not be reported as vanished.
        let still: Vec<String> = known[..10].iter().filter(|id| !revoked.contains(id)).cloned().collect();
        let moved = still.clone();
        server.before_request(2, move |data| data.update_jobs(&moved));
        let diff = client(&server, clock).jobs().full_list_diff(known.clone()).await.unwrap();
        let shown = server.with(|data| set(data.job_ids()));
        assert_eq!(diff.appeared, set(new.into_iter().filter(|id| shown.contains(id))));
        assert_eq!(diff.vanished, set(closed.into_iter().chain(revoked)));
        assert_eq!(diff.remained, known.len() - diff.vanished.len());
        assert!(still.iter().all(|id| !diff.vanished.contains(id)));
    }
}

#[tokio::test]
async fn a_part_of_the_list_reports_no_job_as_vanished() {
    let server = small().start().await.unwrap();
    let jobs = client(&server, NOW).jobs();
    let error = jobs.clone().updated_since(at(NOW)).full_list_diff(["job_1"]).await.unwrap_err();
    assert!(matches!(error, Error::Invalid { .. }), "{error:?}");
    assert_eq!(server.served().requests, 0);
    server.fault(Fault::BadRecord, When::Request(2));
    let error = jobs.full_list_diff(["job_1"]).await.unwrap_err();
    assert!(matches!(error, Error::Record { .. }), "{error:?}");
}

#[tokio::test]
async fn the_full_list_diff_asks_for_open_jobs_and_counts_no_other_as_listed() {
    let body = r#"{"data":[{"id":"job_1","status":"open"},{"id":"job_2","status":"closed"},{"id":"job_3"},
        {"id":"job_4","status":"closed"}]}"#;
    let script = Script::replies(vec![Reply::page(body)]);
    let builder = employjoy::Client::builder().api_key("k").transport(script.clone());
    let api = builder.rate_limit(RateLimit::unlimited()).build().unwrap();
    let diff = api.jobs().full_list_diff(["job_1", "job_2"]).await.unwrap();
    assert_eq!((diff.vanished, diff.appeared), (set(["job_2".to_owned()]), set(["job_3".to_owned()])));
    assert_eq!(diff.remained, 1);
    let log = script.log.lock().unwrap();
    let open = |(_, request): &(_, http::Request<bytes::Bytes>)| request.uri().query().unwrap().contains("status=open");
    assert!(log.len() == 2 && log.iter().all(open), "the first walk, and what changed during it");
}
