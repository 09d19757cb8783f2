//! The example `pipeline` on simulated servers: its files, its exit status, and endpoints that fail alone.
#![cfg(all(
    feature = "archive",
    feature = "drift",
    feature = "parquet",
    feature = "posting",
    feature = "quarantine",
    feature = "sqlite",
    feature = "testing"
))]
#![allow(clippy::pedantic, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fs;
use std::path::Path;

use clap::Parser;
use serde_json::Value;

#[path = "../../examples/pipeline/main.rs"]
#[allow(dead_code, unreachable_pub)]
mod example;
use example::Cli;

const DEFAULT: &str = include_str!("../../examples/pipeline/pipeline.toml");
const ENDPOINTS: [&str; 7] = [
    "jobdataapi/jobs",
    "jobdataapi/expired",
    "fantastic_jobs/ats",
    "fantastic_jobs/ats_expired",
    "employjoy/jobs",
    "jobaffinity/jobs",
    "board/jobs",
];

/// Simulates the default configuration with a change. Returns the exit status; the files are in `simulated-out` of the folder.
async fn run(folder: &Path, runs: u32, old: &str, new: &str) -> u8 {
    start(folder, old, new, &["--simulate", "--runs", &runs.to_string()]).await
}

async fn start(folder: &Path, old: &str, new: &str, options: &[&str]) -> u8 {
    assert!(DEFAULT.contains(old), "{old}");
    let (config, out) = (folder.join("pipeline.toml"), folder.join("out"));
    fs::write(&config, DEFAULT.replace(old, new)).unwrap();
    let mut arguments = vec!["pipeline", "--config", config.to_str().unwrap(), "--folder", out.to_str().unwrap()];
    arguments.extend(options);
    example::run(Cli::parse_from(arguments)).await.status()
}

fn report(out: &Path) -> Value {
    let text = fs::read_to_string(out.join("report.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// How each endpoint of a run ended.
fn endings(run: &Value) -> Vec<(&str, &str)> {
    let endpoints = run["endpoints"].as_array().unwrap();
    endpoints.iter().map(|endpoint| (endpoint["key"].as_str().unwrap(), endpoint["ending"].as_str().unwrap())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_simulated_runs_end_with_the_tables_equal_and_a_readable_report() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(run(folder.path(), 3, "", "").await, 0);

    let last = report(&folder.path().join("simulated-out"));
    assert_eq!(endings(&last), ENDPOINTS.map(|key| (key, "complete")));
    let compared: Vec<&str> = last["compared"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
    assert!(compared.len() == 5 && compared.iter().all(|line| line.contains("  equal")), "{compared:?}");
    let of = |key: &str| last["endpoints"].as_array().unwrap().iter().find(|endpoint| endpoint["key"] == key).unwrap();
    assert!(of("fantastic_jobs/ats")["waiting"].as_u64().unwrap() > 0, "rejected records wait in quarantine");
    assert!(of("fantastic_jobs/ats")["credits"].as_u64().unwrap() > 0);
    assert_eq!(of("jobdataapi/jobs")["retries"], 1, "the server was unavailable once");
    assert!(of("jobdataapi/expired")["removed"].as_u64().unwrap() > 0);
    assert_eq!(of("board/jobs")["next_due"], "2025-03-07T06:50:00Z");

    // In the second run one server refused, and another renamed a field: nothing else failed.
    let out = folder.path().join("simulated-out");
    let history = fs::read_to_string(out.join("history.jsonl")).unwrap();
    let runs: Vec<Value> = history.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let failed = ["jobaffinity/jobs", "board/jobs"];
    let expected = ENDPOINTS.map(|key| (key, if failed.contains(&key) { "failed" } else { "complete" }));
    assert_eq!((runs.len(), endings(&runs[1])), (3, expected.to_vec()));
    let error = |index: usize| runs[1]["endpoints"][index]["error"].as_str().unwrap();
    assert!(error(5).contains("401") && error(6).contains("/company/size is missing"), "{} {}", error(5), error(6));
    assert_eq!(runs[1]["endpoints"][6]["new"], 0, "nothing of the page was written");

    let page = fs::read_to_string(out.join("report.html")).unwrap();
    assert!(ENDPOINTS.iter().all(|key| page.contains(key)) && page.contains("/company/size is missing"));
    for file in ["quarantine.jsonl", "table/postings", "archive/manifest"] {
        assert!(out.join(file).exists(), "{file}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_endpoint_fails_alone_and_the_exit_status_says_so() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(run(folder.path(), 1, "path = \"jobs\"", "path = \"nowhere\"").await, 1);
    let last = report(&folder.path().join("simulated-out"));
    let expected = ENDPOINTS.map(|key| (key, if key == "board/jobs" { "failed" } else { "complete" }));
    assert_eq!(endings(&last), expected);
    assert!(last["endpoints"][6]["error"].as_str().unwrap().contains("404"));
    assert!(last["endpoints"].as_array().unwrap().iter().all(|endpoint| endpoint["next_due"].is_string()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_ends_in_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(run(folder.path(), 3, "{ parquet = \"table\" }", "{ sqlite = \"postings.sqlite3\" }").await, 0);
    let db = rusqlite::Connection::open(folder.path().join("simulated-out/postings.sqlite3")).unwrap();
    let rows = |sql: &str| db.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(rows("SELECT count(DISTINCT provider) FROM postings"), 5);
    let typed = "SELECT count(*) FROM postings WHERE provider = 'board' AND salary ->> '$.min' LIKE '%000.0000'
                 AND locations ->> '$[0].country_code' = 'CH' AND posted LIKE '202_-__-__T__:__:__.000000Z'";
    assert_eq!(rows(typed), rows("SELECT count(*) FROM postings WHERE provider = 'board'"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_run_with_a_wrong_configuration() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(run(folder.path(), 1, "archive = ", "archiv = ").await, 2);
    assert!(!folder.path().join("simulated-out").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_secrets_a_run_is_not_a_simulation_and_each_endpoint_fails() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(start(folder.path(), "_env = \"", "_env = \"JOBFEED_TEST_NOT_SET_", &[]).await, 1);
    assert!(!folder.path().join("simulated-out").exists());
    let last = report(&folder.path().join("out"));
    assert_eq!(endings(&last), ENDPOINTS.map(|key| (key, "failed")));
    for endpoint in last["endpoints"].as_array().unwrap() {
        let error = endpoint["error"].as_str().unwrap();
        assert!(error.starts_with("the environment variable JOBFEED_TEST_NOT_SET_"), "{error}");
        assert!(endpoint["next_due"].is_string());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pause_is_no_failure_and_has_an_exit_status_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(run(folder.path(), 1, "max_jobs = 5000", "max_jobs = 10").await, 3);
    let last = report(&folder.path().join("simulated-out"));
    let expected = ENDPOINTS.map(|key| (key, if key == "fantastic_jobs/ats" { "paused" } else { "complete" }));
    assert_eq!(endings(&last), expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_posting_that_was_removed_before_it_came_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let hourly = ["--simulate", "--runs", "7", "--step", "50m"];
    let sqlite = "{ sqlite = \"postings.sqlite3\" }";
    assert_eq!(start(folder.path(), "{ parquet = \"table\" }", sqlite, &hourly).await, 0);
    let last = report(&folder.path().join("simulated-out"));
    let compared = last["compared"][1].as_str().unwrap();
    assert!(compared.starts_with("fantastic_jobs/ats") && compared.contains("  equal"), "{compared}");
}
