//! The example receiver under load, with forged events and crashes: events answered with 200 are stored once, forged
//! ones never.

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jobfeed::employjoy;
use jobfeed::webhook::Verifier;
use reqwest::StatusCode;
use rusqlite::Connection;
use tokio::net::TcpListener;
use tokio::time::timeout;

#[path = "../../examples/webhook_receiver/receiver.rs"]
mod receiver;
use receiver::Options;

const SECRET: &str = "whsec_receiver_test";
const FOLDER: &str = "JOBFEED_TEST_RECEIVER";

fn body(id: &str) -> String {
    format!(r#"{{"id":"{id}","type":"job.opened","createdAt":"2026-05-20T08:00:00Z","data":{{"jobId":"job_{id}"}}}}"#)
}

async fn post(client: &reqwest::Client, url: &str, id: &str, signer: &Verifier) -> reqwest::Result<StatusCode> {
    let body = body(id);
    let signature = signer.sign(body.as_bytes()).unwrap();
    let request = client.post(url).header("x-employjoy-signature", signature).body(body);
    Ok(request.send().await?.status())
}

fn ids(db: &Path, sql: &str) -> Vec<String> {
    let db = Connection::open(db).unwrap();
    let mut rows = db.prepare(sql).unwrap();
    rows.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

/// Not a test: the process that is killed. It does nothing unless the test below starts it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child_process() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let folder = Path::new(&folder);
    let port_file = folder.join("port");
    let port = std::fs::read_to_string(&port_file).map_or(0, |port| port.parse::<u16>().unwrap());
    let options = Options { db: folder.join("events.sqlite3"), queue: 200, batch: 8 };
    let router = receiver::start(&options, employjoy::verifier(SECRET).unwrap()).unwrap();
    let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    let written = folder.join("port.new");
    std::fs::write(&written, listener.local_addr().unwrap().port().to_string()).unwrap();
    std::fs::rename(written, port_file).unwrap();
    axum::serve(listener, router).await.unwrap();
}

fn spawn(folder: &Path) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["example::child_process", "--exact", "--nocapture"]).env(FOLDER, folder);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// State shared by the senders: the acknowledged events, and the process, which is killed after given numbers of them.
struct Shared {
    acknowledged: BTreeSet<String>,
    child: Child,
    alive: bool,
    kills: Vec<usize>,
}

impl Shared {
    /// A 200 has arrived. The kill follows at once, so an event that was answered before it was stored would be lost.
    fn acknowledge(&mut self, id: String) {
        self.acknowledged.insert(id);
        if self.alive && self.kills.first().is_some_and(|kill| self.acknowledged.len() >= *kill) {
            self.child.kill().unwrap();
            self.alive = false;
            self.kills.remove(0);
        }
    }
}

/// Delivers until the answer is final, as a real sender does. Returns how often it was told to retry.
async fn deliver(client: reqwest::Client, url: String, id: String, forged: bool, shared: Arc<Mutex<Shared>>) -> u32 {
    let signer = employjoy::verifier(if forged { "guessed" } else { SECRET }).unwrap();
    let mut retries = 0;
    loop {
        match post(&client, &url, &id, &signer).await {
            Ok(StatusCode::OK) => {
                assert!(!forged, "{id} was accepted");
                shared.lock().unwrap().acknowledge(id);
                return retries;
            }
            Ok(StatusCode::UNAUTHORIZED) => {
                assert!(forged, "{id} was refused");
                return retries;
            }
            Ok(StatusCode::SERVICE_UNAVAILABLE) => retries += 1,
            Ok(status) => panic!("{id}: {status}"),
            // Killed, or not started again yet.
            Err(_) => {}
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_deliveries_with_forged_and_repeated_ones_and_kills_lose_no_event() {
    let folder = tempfile::tempdir().unwrap();
    let db = folder.path().join("events.sqlite3");
    let child = spawn(folder.path());
    let port_file = folder.path().join("port");
    let started = async {
        while !port_file.exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(60), started).await.expect("the receiver starts");
    let url = format!("http://127.0.0.1:{}/webhook", std::fs::read_to_string(&port_file).unwrap());
    let client = reqwest::Client::builder().timeout(Duration::from_secs(30)).build().unwrap();
    let kills = vec![50, 150, 250, 350, 450, 550];
    let shared =
        Arc::new(Mutex::new(Shared { acknowledged: BTreeSet::new(), child, alive: true, kills: kills.clone() }));

    // Of ten deliveries one is forged, and one repeats the event before it.
    let (mut genuine, mut senders) = (BTreeSet::new(), Vec::new());
    for n in 0..1000u32 {
        let (forged, id) = match n % 10 {
            3 => (true, format!("forged_{n}")),
            7 => (false, format!("evt_{}", n - 1)),
            _ => (false, format!("evt_{n}")),
        };
        if !forged {
            genuine.insert(id.clone());
        }
        senders.push(tokio::spawn(deliver(client.clone(), url.clone(), id, forged, shared.clone())));
    }

    let mut acknowledged_at_kills = Vec::new();
    for _ in kills {
        let killed = async {
            loop {
                if let Some(status) = shared.lock().unwrap().child.try_wait().unwrap() {
                    return status;
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let status =
            timeout(Duration::from_secs(60), killed).await.expect("the process is killed after enough answers");
        assert_eq!(status.signal(), Some(9));
        // Wait for answers that were sent before the kill.
        tokio::time::sleep(Duration::from_millis(100)).await;
        let acknowledged = shared.lock().unwrap().acknowledged.clone();
        assert!(acknowledged.len() < genuine.len(), "killed before the end");
        let stored: BTreeSet<String> = ids(&db, "SELECT id FROM event").into_iter().collect();
        let lost: Vec<_> = acknowledged.difference(&stored).collect();
        assert!(lost.is_empty(), "answered with 200 and not stored: {lost:?}");
        acknowledged_at_kills.push(acknowledged.len());
        let mut shared = shared.lock().unwrap();
        (shared.child, shared.alive) = (spawn(folder.path()), true);
    }

    let mut retries = 0;
    for sender in senders {
        retries += timeout(Duration::from_secs(120), sender).await.expect("every delivery ends").unwrap();
    }
    let processed = async {
        while !ids(&db, "SELECT id FROM event WHERE processed = 0").is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(120), processed).await.expect("everything is processed");
    let mut shared = shared.lock().unwrap();
    shared.child.kill().unwrap();
    shared.child.wait().unwrap();

    let wanted: Vec<String> = genuine.into_iter().collect();
    assert_eq!(ids(&db, "SELECT id FROM event ORDER BY id"), wanted, "each genuine event once, no forged one");
    assert_eq!(ids(&db, "SELECT event FROM processed ORDER BY event"), wanted, "processed exactly once");
    println!(
        "acknowledged at each kill: {acknowledged_at_kills:?}; {} events in the end; 503 {retries} times",
        wanted.len()
    );
}

/// A receiver in this process, and its URL.
async fn receiver_here(options: &Options) -> String {
    let router = receiver::start(options, employjoy::verifier(SECRET).unwrap()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/webhook", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

#[tokio::test]
async fn a_full_queue_answers_503_and_queued_events_are_answered_after_they_are_stored() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { db: folder.path().join("events.sqlite3"), queue: 3, batch: 1 };
    let url = receiver_here(&options).await;
    let (client, signer) = (reqwest::Client::new(), employjoy::verifier(SECRET).unwrap());
    assert_eq!(post(&client, &url, "first", &signer).await.unwrap(), StatusCode::OK);

    // Another connection locks the database, so nothing can be stored.
    let blocker = Connection::open(&options.db).unwrap();
    blocker.busy_timeout(Duration::from_secs(10)).unwrap();
    blocker.execute_batch("BEGIN IMMEDIATE").unwrap();
    let senders: Vec<_> = (0..20)
        .map(|n| {
            let (client, url, signer) = (client.clone(), url.clone(), signer.clone());
            tokio::spawn(async move { (n, post(&client, &url, &format!("evt_{n}"), &signer).await.unwrap()) })
        })
        .collect();
    let full = async {
        while senders.iter().filter(|sender| sender.is_finished()).count() < 16 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(10), full).await.expect("deliveries that do not fit are answered at once");
    assert_eq!(ids(&options.db, "SELECT id FROM event"), ["first"], "and none is answered with 200");
    blocker.execute_batch("COMMIT").unwrap();
    let (mut accepted, mut refused) = (Vec::new(), 0);
    for sender in senders {
        match sender.await.unwrap() {
            (n, StatusCode::OK) => accepted.push(format!("evt_{n}")),
            (_, StatusCode::SERVICE_UNAVAILABLE) => refused += 1,
            other => panic!("{other:?}"),
        }
    }
    assert!((3..=4).contains(&accepted.len()), "three in the queue, one with the writer: {accepted:?}");
    assert_eq!(refused, 20 - accepted.len());
    accepted.push("first".to_owned());
    accepted.sort();
    assert_eq!(ids(&options.db, "SELECT id FROM event ORDER BY id"), accepted);
}

#[tokio::test]
async fn a_failed_commit_is_answered_with_503_and_does_not_stop_the_receiver() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { db: folder.path().join("events.sqlite3"), queue: 3, batch: 1 };
    let url = receiver_here(&options).await;
    let (client, signer) = (reqwest::Client::new(), employjoy::verifier(SECRET).unwrap());
    // The insert succeeds; the deferred constraint fails at the commit.
    let trigger = "CREATE TABLE failing (id TEXT REFERENCES event (id) DEFERRABLE INITIALLY DEFERRED);
        CREATE TRIGGER failing_commit AFTER INSERT ON event WHEN NEW.id = 'evt_2' BEGIN INSERT INTO failing VALUES ('x'); END";
    Connection::open(&options.db).unwrap().execute_batch(trigger).unwrap();
    for (id, expected) in
        [("evt_1", StatusCode::OK), ("evt_2", StatusCode::SERVICE_UNAVAILABLE), ("evt_3", StatusCode::OK)]
    {
        assert_eq!(post(&client, &url, id, &signer).await.unwrap(), expected, "{id}");
    }
    assert_eq!(ids(&options.db, "SELECT id FROM event ORDER BY id"), ["evt_1", "evt_3"]);
}

#[tokio::test]
async fn a_body_that_is_not_an_event_or_too_large_is_not_stored() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { db: folder.path().join("events.sqlite3"), queue: 3, batch: 1 };
    let url = receiver_here(&options).await;
    let (client, signer) = (reqwest::Client::new(), employjoy::verifier(SECRET).unwrap());
    for (body, expected) in
        [("{}".to_owned(), 400), ("no json".to_owned(), 400), (format!(r#"{{"id":"{}"}}"#, "x".repeat(300_000)), 413)]
    {
        let signature = signer.sign(body.as_bytes()).unwrap();
        let answer = client.post(&url).header("x-employjoy-signature", signature).body(body).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), expected);
    }
    assert_eq!(client.post(&url).body(body("unsigned")).send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    assert!(ids(&options.db, "SELECT id FROM event").is_empty());
}
