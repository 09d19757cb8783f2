//! What must hold at the end: of the log of commits, and of the provider's log of requests.

use std::collections::HashMap;

use distributed_sync::provider::Asked;
use jobfeed::BoxError;
use jobfeed::tokio_postgres::Client;

use super::Log;

/// One commit of a page.
pub(crate) struct Commit {
    fence: i64,
    worker: String,
    /// The request that brought the page.
    request: i64,
    /// Which run of the partition it belongs to: 0 for the first one. A run ends with the commit of its last page, maybe by another
    /// worker than the one that began it.
    run: usize,
    /// Seconds since 1970.
    at: f64,
}

pub(crate) async fn commits(db: &Client) -> Result<Log, BoxError> {
    let rows = "SELECT partition, fence, worker, request, complete, extract(epoch FROM at)::float8
        FROM commits ORDER BY partition, revision";
    let (mut log, mut runs) = (Log::new(), HashMap::new());
    for row in db.query(rows, &[]).await? {
        let partition: String = row.get(0);
        let run: &mut usize = runs.entry(partition.clone()).or_default();
        let commit = Commit { fence: row.get(1), worker: row.get(2), request: row.get(3), run: *run, at: row.get(5) };
        log.entry(partition).or_default().push(commit);
        *run += usize::from(row.get::<_, bool>(4));
    }
    Ok(log)
}

/// Each revision of a partition has one commit and none is left out, the last one is stored, fences never fall, and each fence is that of one
/// worker.
pub(crate) async fn one_writer_in_each_revision(db: &Client) -> Result<(), BoxError> {
    let wrong = [
        ("two commits in one revision", "SELECT partition FROM commits GROUP BY partition, revision HAVING count(*) > 1"),
        (
            "a revision without a commit",
            "SELECT substr(key, 6) FROM jobfeed_checkpoint LEFT JOIN commits ON substr(key, 6) = partition
             GROUP BY key, jobfeed_checkpoint.revision
             HAVING count(commits.revision) <> jobfeed_checkpoint.revision
                OR max(commits.revision) IS DISTINCT FROM jobfeed_checkpoint.revision",
        ),
        (
            "a fence that falls",
            "SELECT partition FROM (
                SELECT partition, fence < lag(fence) OVER (PARTITION BY partition ORDER BY revision) AS falls FROM commits
             ) AS fences WHERE falls",
        ),
        ("two workers with one fence", "SELECT partition FROM commits GROUP BY partition, fence HAVING count(DISTINCT worker) > 1"),
    ];
    for (what, sql) in wrong {
        let found: Vec<String> = db.query(sql, &[]).await?.iter().map(|row| row.get(0)).collect();
        assert!(found.is_empty(), "{what}: {found:?}");
    }
    Ok(())
}

/// The engine's cron, which runs on all workers, has added one job for each minute. Returns the number of minutes.
pub(crate) async fn one_round_each_minute(db: &Client) -> Result<usize, BoxError> {
    let minutes = "SELECT minute, count(*) FROM rounds WHERE minute IS NOT NULL GROUP BY minute";
    let minutes = db.query(minutes, &[]).await?;
    assert!(minutes.iter().all(|row| row.get::<_, i64>(1) == 1), "a minute with two rounds");
    Ok(minutes.len())
}

/// No page that the state has behind it is requested again. Exactly: a request under fence `f` belongs to the run of its partition that was in
/// progress, or began, when the lease of `f` was taken, which is after all commits with lower fences. It must not be for a page which that
/// run has committed under a lower fence, nor, under `f` itself, for one that an earlier request brought. A page is what the
/// parameters of the request select. Requests that got no page (status 429) do not count.
///
/// Also, each commit is of a page that its own worker requested under its own lease.
///
/// Returns the number of late requests: those under a fence lower than that of the commit of the same page, and after it. A worker that is
/// stopped between its look at the lease and the request sends the request when it is continued; nothing that runs in its process can
/// prevent that. Each job that it runs can have one at each stop. What they bring is never saved.
pub(crate) fn no_committed_page_is_fetched_again(log: &Log, asked: &[Asked]) -> usize {
    let page_of = |request: i64| asked[usize::try_from(request - 1).unwrap()].page.as_str();
    let mut committed: HashMap<(&str, usize, &str), &Commit> = HashMap::new();
    for (partition, commits) in log {
        for commit in commits {
            let by = format!("{}/{}", commit.worker, commit.fence);
            assert_eq!(
                asked[usize::try_from(commit.request - 1).unwrap()].of,
                by,
                "{partition}: a page of another lease"
            );
            let before = committed.insert((partition, commit.run, page_of(commit.request)), commit);
            assert!(before.is_none(), "{partition}: a page was committed twice in run {}", commit.run);
        }
    }
    let mut late = 0;
    for request in asked {
        let fence: i64 = request.of.split_once('/').and_then(|(_, fence)| fence.parse().ok()).unwrap();
        let commits = log.get(&request.partition).map_or(&[][..], Vec::as_slice);
        let before = commits.iter().take_while(|commit| commit.fence < fence).count();
        // The run of the first commit under this fence or a higher one; without one, the run after the last commit is not known to have a page.
        let Some(run) = commits.get(before).map(|commit| commit.run) else { continue };
        let Some(commit) = committed.get(&(request.partition.as_str(), run, request.page.as_str())) else { continue };
        let again = commit.fence < fence || commit.fence == fence && commit.request < request.number;
        assert!(!again, "{}: page {:?} was requested again by {}", request.partition, request.page, request.of);
        late += usize::from(commit.fence > fence && request.at > commit.at);
    }
    late
}

/// Seconds from the kill of a holder to the next commit in its partition by another worker.
pub(crate) fn takeovers(log: &Log, left_behind: &[(String, String, f64)]) -> Vec<f64> {
    let next = |(partition, worker, killed): &(String, String, f64)| {
        let next = log.get(partition)?.iter().find(|commit| commit.at > *killed && commit.worker != *worker)?;
        Some(next.at - killed)
    };
    left_behind.iter().filter_map(next).collect()
}
