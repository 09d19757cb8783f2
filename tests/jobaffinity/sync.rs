//! The syncs of JobAffinity: step changes, candidates, and the applications of each job.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use jobfeed::checkpoint::{CheckpointError, FileStore, MemoryStore};
use jobfeed::jobaffinity::{Candidate, Client, StepChange};
use jobfeed::testing::jobaffinity::{Edition, Order};
use jobfeed::testing::{Fault, JobAffinity, When};
use jobfeed::{BodyProblem, Checkpoint, Error, Mark, Outcome, SyncRun, partitions};

use crate::support::impatient;

fn client(server: &JobAffinity) -> Client {
    server.client().retry(impatient()).build().unwrap()
}

async fn changes(run: &mut SyncRun<StepChange, &MemoryStore>) -> jobfeed::Result<Vec<u64>> {
    let mut ids = Vec::new();
    while let Some(batch) = run.next().await? {
        ids.extend(batch.items().iter().filter_map(|change| change.change_id));
        batch.commit().await?;
    }
    Ok(ids)
}

async fn watermark(store: &impl Checkpoint, key: &str) -> Option<Mark> {
    store.load(key).await.ok().flatten().and_then(|state| state.watermark())
}

const ORDERS: [Order; 3] = [Order::Ascending, Order::Descending, Order::Shuffled];

#[tokio::test]
async fn each_run_reads_to_the_end_and_the_next_starts_at_the_greatest_id() {
    for order in ORDERS {
        for excludes in [false, true] {
            let mut server = JobAffinity::builder().jobs(20).applications(20).order(order);
            if excludes {
                server = server.since_excludes();
            }
            let server = server.start().await.unwrap();
            let (api, store) = (client(&server), MemoryStore::new());
            let mut run = api.steps().sync_since("steps", &store).await.unwrap();
            let first = changes(&mut run).await.unwrap();
            assert_eq!(
                first.iter().copied().collect::<BTreeSet<_>>(),
                server.with(|data| data.changes().into_iter().collect())
            );
            assert_eq!(run.report().outcome, Outcome::Complete);
            // In an unsorted list, only the records of the first page certainly existed at the start of the walk.
            let settled = if order == Order::Shuffled { &first[..100] } else { &first };
            let greatest = *settled.iter().max().unwrap();
            assert_eq!(watermark(&store, "steps").await, Some(Mark::Id(greatest)), "{order:?}");
            assert_eq!(server.served().log[0].param("since"), None);

            let moved = server.with(|data| {
                let applications = data.applications(None);
                (0..5).filter_map(|index| data.move_application(applications[index], 904)).collect::<Vec<_>>()
            });
            server.reset_served();
            let mut run = api.steps().sync_since("steps", &store).await.unwrap();
            let second = changes(&mut run).await.unwrap();
            let between = first.iter().chain(&moved).copied();
            let wanted: BTreeSet<u64> = between.filter(|id| *id > greatest || (*id == greatest && !excludes)).collect();
            assert_eq!(second.iter().copied().collect::<BTreeSet<_>>(), wanted, "{order:?} {excludes}");
            assert_eq!(server.served().log[0].param("since"), Some(&*greatest.to_string()));
            assert_eq!(watermark(&store, "steps").await, Some(Mark::Id(*moved.last().unwrap())));

            // Without new records the watermark stays. An overlap reads older records again.
            for (overlap, since) in [(0, *moved.last().unwrap()), (30, moved.last().unwrap() - 30)] {
                let mut run = api.steps().sync_since("steps", &store).overlap(overlap).await.unwrap();
                let again: BTreeSet<u64> = changes(&mut run).await.unwrap().into_iter().collect();
                let all = server.with(|data| data.changes());
                assert_eq!(again, all.into_iter().filter(|id| *id > since || (*id == since && !excludes)).collect());
            }
            assert_eq!(watermark(&store, "steps").await, Some(Mark::Id(*moved.last().unwrap())));
        }
    }
}

#[tokio::test]
async fn a_run_that_stops_at_any_batch_loses_no_record() {
    for order in ORDERS {
        let server = JobAffinity::builder().jobs(10).applications(20).order(order).start().await.unwrap();
        let api = client(&server);
        let all: BTreeSet<u64> = server.with(|data| data.candidates().into_iter().collect());
        let pages = all.len().div_ceil(30);
        for stopped_at in 0..=pages {
            for commits_last in [false, true] {
                let store = MemoryStore::new();
                let mut got = BTreeSet::new();
                let mut run = api.candidates().page_size(30).sync_since("candidates", &store).await.unwrap();
                for index in 0..=stopped_at {
                    let Some(batch) = run.next().await.unwrap() else { break };
                    let stored = index < stopped_at || commits_last;
                    if stored {
                        got.extend(batch.items().iter().filter_map(|row| row.id));
                        batch.commit().await.unwrap();
                    }
                }
                drop(run);
                let committed = store.load("candidates").await.unwrap();
                if got.len() < all.len() {
                    assert_eq!(committed.and_then(|state| state.watermark()), None, "no watermark before the end");
                }
                server.reset_served();
                let mut run = api.candidates().page_size(30).sync_since("candidates", &store).await.unwrap();
                let before = got.len();
                while let Some(batch) = run.next().await.unwrap() {
                    got.extend(batch.items().iter().filter_map(|row| row.id));
                    batch.commit().await.unwrap();
                }
                assert_eq!(got, all, "{order:?}, stopped at {stopped_at}");
                if before < all.len() {
                    let remaining = (all.len() - before).div_ceil(30);
                    assert_eq!(server.served().requests as usize, remaining, "no page is fetched again");
                }
            }
        }
    }
}

#[tokio::test]
async fn inserts_and_deletions_while_paging_lose_no_other_record() {
    for order in ORDERS {
        let server = JobAffinity::builder().jobs(10).applications(30).order(order).start().await.unwrap();
        let (api, store) = (client(&server), MemoryStore::new());
        let initial: Vec<u64> = server.with(|data| data.candidates());
        let deleted: Vec<u64> = initial.iter().copied().step_by(17).collect();
        let quiet = Arc::new(AtomicBool::new(false));
        let quiet_flag = Arc::clone(&quiet);
        server.on_request(move |number, data| {
            if quiet_flag.load(Ordering::SeqCst) {
                return;
            }
            let index = usize::try_from(number).unwrap() - 1;
            for _ in 0..4 {
                data.add_candidate();
            }
            for id in deleted.iter().skip(index * 2).take(2) {
                data.delete_candidate(*id);
            }
        });
        let mut got = BTreeSet::new();
        for run in 0..3 {
            let mut sync = api.candidates().page_size(25).sync_since("candidates", &store).await.unwrap();
            while let Some(batch) = sync.next().await.unwrap() {
                got.extend(batch.items().iter().filter_map(|row| row.id));
                batch.commit().await.unwrap();
            }
            assert_eq!(sync.report().outcome, Outcome::Complete, "{order:?} {run}");
        }
        let still: BTreeSet<u64> = server.with(|data| data.candidates().into_iter().collect());
        let lost: Vec<_> = initial.iter().filter(|id| still.contains(id) && !got.contains(id)).collect();
        assert!(lost.is_empty(), "{order:?}: {lost:?}");
        // Records that were inserted into pages already read arrive with the next run.
        quiet.store(true, Ordering::SeqCst);
        let mut run = api.candidates().page_size(25).sync_since("candidates", &store).await.unwrap();
        while let Some(batch) = run.next().await.unwrap() {
            got.extend(batch.items().iter().filter_map(|row| row.id));
            batch.commit().await.unwrap();
        }
        let missed: Vec<_> = still.iter().filter(|id| !got.contains(id)).collect();
        assert!(missed.is_empty(), "{order:?}: {missed:?}");
    }
}

#[tokio::test]
async fn an_expired_cursor_restarts_the_walk_once() {
    let server = JobAffinity::builder().jobs(10).applications(20).start().await.unwrap();
    let (api, store) = (client(&server), MemoryStore::new());
    let request = || api.candidates().page_size(30).sync_since("candidates", &store);
    let mut got = BTreeSet::new();
    let mut run = request().await.unwrap();
    for _ in 0..3 {
        let batch = run.next().await.unwrap().unwrap();
        got.extend(batch.items().iter().filter_map(|row| row.id));
        batch.commit().await.unwrap();
    }
    drop(run);
    server.expire_cursors();
    let mut run = request().await.unwrap();
    while let Some(batch) = run.next().await.unwrap() {
        got.extend(batch.items().iter().filter_map(|row| row.id));
        batch.commit().await.unwrap();
    }
    assert_eq!(got.len(), 200);
    assert_eq!(run.report().counts.rows, 200, "from the start");
    drop(run);

    // A permanent refusal is an error, and the watermark stays.
    let before = watermark(&store, "candidates").await;
    server.fault(Fault::ErrorObject, When::Always);
    let error = request().await.unwrap().next().await.map(|_| ()).unwrap_err();
    assert!(matches!(error, Error::Body { problem: BodyProblem::ErrorObject, .. }), "{error:?}");
    assert_eq!(watermark(&store, "candidates").await, before);
}

#[tokio::test]
async fn a_fault_in_a_run_moves_no_watermark() {
    let faults =
        [Fault::RepeatNext, Fault::CycleNext, Fault::ForeignNext("https://evil.example/x".to_owned()), Fault::Html];
    for fault in faults {
        let server = JobAffinity::builder().jobs(10).applications(20).start().await.unwrap();
        let (api, store) = (client(&server), MemoryStore::new());
        let request = || api.candidates().page_size(30).sync_since("candidates", &store);
        server.fault(fault.clone(), When::Request(3));
        let mut run = request().await.unwrap();
        let mut got = BTreeSet::new();
        let error = loop {
            match run.next().await {
                Ok(Some(batch)) => {
                    got.extend(batch.items().iter().filter_map(|row| row.id));
                    batch.commit().await.unwrap();
                }
                Ok(None) => panic!("{fault:?}: no error, {} rows", got.len()),
                Err(error) => break error,
            }
        };
        assert!(!error.is_retryable(), "{fault:?}: {error:?}");
        assert_eq!(watermark(&store, "candidates").await, None, "{fault:?}");
        drop(run);
        server.clear_faults();
        let mut run = request().await.unwrap();
        while let Some(batch) = run.next().await.unwrap() {
            got.extend(batch.items().iter().filter_map(|row| row.id));
            batch.commit().await.unwrap();
        }
        assert_eq!(got.len(), 200, "{fault:?}");
        assert!(watermark(&store, "candidates").await.is_some());
    }
}

#[tokio::test]
async fn a_bad_record_is_rejected_and_the_sync_continues() {
    let server = JobAffinity::builder().jobs(10).applications(20).start().await.unwrap();
    let (api, store) = (client(&server), MemoryStore::new());
    server.fault(Fault::BadRecord, When::Request(2));
    let mut run = api.candidates().page_size(30).sync_since("candidates", &store).await.unwrap();
    let (mut rows, mut rejected) = (0, Vec::new());
    while let Some(batch) = run.next().await.unwrap() {
        rows += batch.items().len();
        rejected.extend(batch.page().rejected.iter().map(|record| record.raw().to_owned()));
        batch.commit().await.unwrap();
    }
    assert_eq!((rows, rejected.len()), (199, 1));
    assert!(rejected[0].starts_with(r#"{"id":"x""#));
    assert_eq!((run.report().outcome, run.report().counts.rejected), (Outcome::Complete, 1));
}

#[tokio::test]
async fn a_feed_without_change_ids_is_read_completely_in_each_run() {
    let server = JobAffinity::builder().jobs(5).applications(4).edition(Edition::Older).start().await.unwrap();
    let (api, store) = (client(&server), MemoryStore::new());
    for _ in 0..2 {
        let mut run = api.steps().sync_since("steps", &store).await.unwrap();
        let report = run.for_each(|_| async { Ok::<_, Error>(()) }).await.unwrap();
        assert_eq!(report.counts.rows, 30);
        assert_eq!(watermark(&store, "steps").await, None, "`id` is the id of the step, not of the change");
    }
}

#[tokio::test]
async fn applications_of_each_job_are_partitions_with_a_checkpoint_each() {
    let server = JobAffinity::builder().jobs(12).applications(9).start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::new(folder.path()).unwrap();
    let api = server.client().retry(impatient()).max_in_flight(3).build().unwrap();
    let jobs: Vec<u64> =
        api.jobs().items().try_filter_map(|job| async move { Ok(job.id) }).try_collect().await.unwrap();
    let sync_all = |jobs: Vec<u64>| {
        let (api, store) = (&api, &store);
        partitions(jobs, 3, move |job| async move {
            let sync = api.job_applications(job).page_size(4).sync_since(format!("jobs/{job}/applications"), store);
            let mut run = sync.await?;
            let mut ids = Vec::new();
            while let Some(batch) = run.next().await? {
                ids.extend(batch.items().iter().filter_map(|row| row.id));
                batch.commit().await?;
            }
            Ok::<_, Error>((ids, run.report()))
        })
        .map(|done| (done.partition, done.result))
        .collect::<BTreeMap<_, _>>()
    };
    // One job fails, the others do not. The next run requests only its page again.
    let broken = jobs[4];
    server.fault(Fault::Status { code: 403, retry_after: None }, When::Path(format!("/restapi/v1/job/{broken}/")));
    server.fault(Fault::SlowBody(Duration::from_millis(40)), When::Always);
    let results = sync_all(jobs.clone()).await;
    assert_eq!(server.served().peak_in_flight, 3, "three partitions at a time");
    for (job, result) in &results {
        match result {
            Ok((ids, report)) => {
                assert_eq!(*ids, server.with(|data| data.applications(Some(*job))));
                assert_eq!((report.outcome, report.counts.requests), (Outcome::Complete, 3));
            }
            Err(error) => {
                let status = error.failed().and_then(Error::status);
                assert!(*job == broken && status.is_some_and(|status| status == 403), "{error:?}");
            }
        }
    }
    server.clear_faults();
    server.with(|data| {
        let candidate = data.add_candidate();
        data.add_application(jobs[0], candidate).unwrap()
    });
    for (job, result) in sync_all(jobs.clone()).await {
        let expected = match job {
            job if job == broken => 9,  // the failed job from its start
            job if job == jobs[0] => 2, // the record at the watermark, and the new one
            _ => 1,
        };
        assert_eq!(result.unwrap().0.len(), expected, "{job}");
    }
}

#[tokio::test]
async fn a_state_of_another_query_is_refused_and_contains_no_filter_value() {
    let server = JobAffinity::builder().jobs(10).applications(20).next_repeats_query().start().await.unwrap();
    let (api, store) = (client(&server), MemoryStore::new());
    let named = || api.candidates().first_name("Bruno").page_size(10);
    let mut run = named().sync_since("candidates", &store).await.unwrap();
    run.next().await.unwrap().unwrap().commit().await.unwrap();
    let state = store.load("candidates").await.unwrap().unwrap();
    assert!(state.run().is_some());
    let json = state.to_json();
    for secret in ["Bruno", server.password(), server.login()] {
        assert!(!json.contains(secret) && !format!("{state:?} {run:?}").contains(secret), "{secret}: {json}");
    }
    drop(run);
    let other = api.candidates().first_name("Denis").page_size(10).sync_since("candidates", &store).await;
    assert!(matches!(other, Err(Error::Checkpoint { source: CheckpointError::OtherQuery, .. })), "{other:?}");
    let mut got = Vec::new();
    let mut run = named().sync_since("candidates", &store).await.unwrap();
    while let Some(batch) = run.next().await.unwrap() {
        got.extend(batch.items().iter().map(|row: &Candidate| row.first_name.clone().unwrap()));
        batch.commit().await.unwrap();
    }
    assert!(!got.is_empty() && got.iter().all(|name| name == "Bruno"), "the filter is applied after a resume");
    let since = api.candidates().since(4).sync_since("x", &store).await;
    assert!(matches!(since, Err(Error::Invalid { ref what, .. }) if what == "since"), "{since:?}");
}
