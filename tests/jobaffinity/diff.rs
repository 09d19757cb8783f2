//! The comparison of whole lists with the ids that the caller knows, and the sync of records without an id.

use std::collections::BTreeSet;

use jobfeed::checkpoint::MemoryStore;
use jobfeed::jobaffinity::{Client, JobStatus};
use jobfeed::testing::{Fault, JobAffinity, When};
use jobfeed::{Error, RateLimit};

use crate::support::{Reply, Script, impatient};

fn client(server: &JobAffinity) -> Client {
    server.client().retry(impatient()).build().unwrap()
}

fn set(ids: impl IntoIterator<Item = u64>) -> BTreeSet<u64> {
    ids.into_iter().collect()
}

#[tokio::test]
async fn a_diff_tells_new_jobs_changed_statuses_and_what_is_gone() {
    let jobs = r#"{"_status":"OK","items":[{"id":1,"status":"PUBLISHED"},{"id":"2","status":"CLOSED"},{"id":3},
        {"id":9,"status":"NEW_ONE"}]}"#;
    let script = Script::new(move |_, request| match request.uri().path() {
        "/restapi/v1/job" => Reply::page(jobs),
        // Not in the list, but there: it moved to a page that was read already.
        "/restapi/v1/job/4" => Reply::page(r#"{"_status":"OK","id":4}"#),
        "/restapi/v1/job/5" => Reply::status(404),
        "/restapi/v1/job/6" => Reply::status(403),
        other => panic!("{other} was requested"),
    });
    let api = Client::builder().login("ana", "pw").transport(script.clone()).rate_limit(RateLimit::unlimited());
    let api = api.build().unwrap();
    let known = (1..=6).map(|id| (id, JobStatus::Published));
    let diff = api.jobs().full_list_diff(known).await.unwrap();
    assert_eq!((diff.ids.appeared, diff.ids.vanished, diff.ids.remained), (set([9]), set([5, 6]), 4));
    assert_eq!(diff.changed, set([2]), "a job without a status in the list is not called changed");
    let statuses = [(1, JobStatus::Published), (2, JobStatus::Closed), (9, JobStatus::from("NEW_ONE"))];
    assert_eq!(diff.statuses, statuses.into_iter().collect());
    assert_eq!(script.requests(), 4, "one page, and one request for each that is missing");
}

#[tokio::test]
async fn a_diff_of_candidates_and_applications_tells_what_was_deleted() {
    let server = JobAffinity::builder().jobs(4).applications(30).start().await.unwrap();
    let api = client(&server);
    let (candidates, job) = server.with(|data| (data.candidates(), data.jobs()[0]));
    let applications = server.with(|data| data.applications(Some(job)));
    let gone = candidates[7];
    let new = server.with(|data| {
        assert!(data.delete_candidate(gone));
        data.add_candidate()
    });
    let diff = api.candidates().page_size(25).full_list_diff(candidates.clone()).await.unwrap();
    assert_eq!((diff.vanished, diff.appeared), (set([gone]), set([new])));
    assert_eq!(diff.remained, candidates.len() - 1);
    let known = applications[2..].iter().copied().chain([999_999]);
    let diff = api.job_applications(job).full_list_diff(known).await.unwrap();
    assert_eq!((diff.vanished, diff.appeared), (set([999_999]), set(applications[..2].iter().copied())));
    assert_eq!(diff.remained, applications.len() - 2);
}

/// Records move between pages while others are deleted: what the walk misses is not gone.
#[tokio::test]
async fn a_record_that_the_walk_missed_is_not_called_gone() {
    let list = |ids: &[u64], next: &str| {
        let rows: Vec<String> = ids.iter().map(|id| format!(r#"{{"id":{id}}}"#)).collect();
        Reply::page(&format!(r#"{{"_status":"OK","_next":{next:?},"items":[{}]}}"#, rows.join(",")))
    };
    let script = Script::new(move |index, request| match (index, request.uri().path()) {
        (0, _) => list(&[1, 2], "/restapi/v1/candidate?pagecursor=2"),
        (1, _) => list(&[4], ""),
        (_, "/restapi/v1/candidate/3") => Reply::page(r#"{"_status":"OK","id":3}"#),
        (_, other) => panic!("{other} was requested"),
    });
    let api = Client::builder().login("ana", "pw").transport(script.clone()).rate_limit(RateLimit::unlimited());
    let diff = api.build().unwrap().candidates().full_list_diff([1, 2, 3, 4]).await.unwrap();
    assert_eq!((diff.vanished.len(), diff.remained), (0, 4));
}

#[tokio::test]
async fn a_part_of_a_list_calls_no_record_gone() {
    let server = JobAffinity::builder().jobs(4).applications(30).start().await.unwrap();
    let api = client(&server);
    let cursor = api.jobs().page_size(1).send().await.unwrap().next_cursor().unwrap().clone();
    server.reset_served();
    for error in [
        api.candidates().first_name("Bruno").full_list_diff([1]).await.unwrap_err(),
        api.candidates().since(3).full_list_diff([1]).await.unwrap_err(),
        api.jobs().param("status", "PUBLISHED").full_list_diff([]).await.unwrap_err(),
        api.jobs().page_size(1).resume_from(cursor).full_list_diff([]).await.unwrap_err(),
    ] {
        assert!(matches!(error, Error::Invalid { .. }), "{error:?}");
    }
    assert_eq!(server.served().requests, 0);
    server.fault(Fault::BadRecord, When::Request(2));
    let error = api.candidates().page_size(50).full_list_diff([1]).await.unwrap_err();
    assert!(matches!(error, Error::Record { .. }), "{error:?}");
    server.clear_faults();
    server.fault(Fault::Status { code: 400, retry_after: None }, When::Path("/restapi/v1/candidate/".to_owned()));
    let error = api.candidates().full_list_diff([1]).await.unwrap_err();
    assert_eq!(error.status().map(|status| status.as_u16()), Some(400), "the server did not say that it is gone");
}

#[tokio::test]
async fn webhook_tasks_have_no_id_and_their_sync_says_that_it_reads_all_of_them_again() {
    let server = JobAffinity::builder().jobs(3).applications(5).start().await.unwrap();
    let (api, store) = (client(&server), MemoryStore::new());
    let tasks = server.with(|data| data.changes().len()) as u64;
    for _ in 0..2 {
        let mut run = api.webhook_tasks().page_size(4).sync_since("tasks", &store).await.unwrap();
        let report = run.for_each(|_| async { Ok::<_, Error>(()) }).await.unwrap();
        assert_eq!(report.counts.rows, tasks);
        assert!(report.caveats[0].contains("no id, so each run delivers the whole list again"), "{:?}", report.caveats);
        assert_eq!(run.state().watermark(), None);
    }
    let run = api.steps().sync_since("steps", &store).await.unwrap();
    assert!(!run.report().caveats.iter().any(|caveat| caveat.contains("no id")));
}
