//! The receiver of the example under load and under fire: what it answered with 200 is stored, once, and nothing forged is.

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

/// Not a test of its own: the process that is killed. It does nothing unless started by the test below.
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

/// What the senders share: the promises they got, and the process that is killed when there are so many.
struct Shared {
    acknowledged: BTreeSet<String>,
    child: Child,
    alive: bool,
    kills: Vec<usize>,
}

impl Shared {
    /// A 200 has arrived. The kill follows at once: a promise that was made before the disk had the event would be broken.
    fn acknowledge(&mut self, id: String) {
        self.acknowledged.insert(id);
        if self.alive && self.kills.first().is_some_and(|kill| self.acknowledged.len() >= *kill) {
            self.child.kill().unwrap();
            self.alive = false;
            self.kills.remove(0);
        }
    }
}

/// Delivers until it is answered for good, as a real sender does. Returns how often it was told to come again.
async fn deliver(client: reqwest::Client, url: String, id: String, forged: bool, shared: Arc<Mutex<Shared>>) -> u32 {
    let signer = employjoy::verifier(if forged { "guessed" } else { SECRET }).unwrap();
    let mut told_to_come_again = 0;
    loop {
        match post(&client, &url, &id, &signer).await {
            Ok(StatusCode::OK) => {
                assert!(!forged, "{id} was accepted");
                shared.lock().unwrap().acknowledge(id);
                return told_to_come_again;
            }
            Ok(StatusCode::UNAUTHORIZED) => {
                assert!(forged, "{id} was refused");
                return told_to_come_again;
            }
            Ok(StatusCode::SERVICE_UNAVAILABLE) => told_to_come_again += 1,
            Ok(status) => panic!("{id}: {status}"),
            // Killed, or not yet up again.
            Err(_) => {}
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_deliveries_some_forged_some_repeated_and_kills_in_the_middle() {
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

    let mut promises = Vec::new();
    for _ in kills {
        let died = async {
            loop {
                if let Some(status) = shared.lock().unwrap().child.try_wait().unwrap() {
                    return status;
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let status = timeout(Duration::from_secs(60), died).await.expect("the next answers come");
        assert_eq!(status.signal(), Some(9));
        // Answers that were on their way when it died have arrived by now.
        tokio::time::sleep(Duration::from_millis(100)).await;
        let promised = shared.lock().unwrap().acknowledged.clone();
        assert!(promised.len() < genuine.len(), "killed in the middle, not after the end");
        let stored: BTreeSet<String> = ids(&db, "SELECT id FROM event").into_iter().collect();
        let lost: Vec<_> = promised.difference(&stored).collect();
        assert!(lost.is_empty(), "answered with 200 and not stored: {lost:?}");
        promises.push(promised.len());
        let mut shared = shared.lock().unwrap();
        (shared.child, shared.alive) = (spawn(folder.path()), true);
    }

    let mut told_to_come_again = 0;
    for sender in senders {
        told_to_come_again += timeout(Duration::from_secs(120), sender).await.expect("every delivery ends").unwrap();
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
    println!("promised at each kill: {promises:?}; {} events in the end; 503 {told_to_come_again} times", wanted.len());
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
async fn a_full_queue_says_so_and_what_it_holds_is_answered_when_it_is_stored() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { db: folder.path().join("events.sqlite3"), queue: 3, batch: 1 };
    let url = receiver_here(&options).await;
    let (client, signer) = (reqwest::Client::new(), employjoy::verifier(SECRET).unwrap());
    assert_eq!(post(&client, &url, "first", &signer).await.unwrap(), StatusCode::OK);

    // Somebody else holds the database: nothing can be stored.
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
    timeout(Duration::from_secs(10), full).await.expect("those that do not fit are answered at once");
    assert_eq!(ids(&options.db, "SELECT id FROM event"), ["first"], "and nobody is told 200");
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
async fn a_commit_that_fails_is_no_promise_and_does_not_stop_the_receiver() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { db: folder.path().join("events.sqlite3"), queue: 3, batch: 1 };
    let url = receiver_here(&options).await;
    let (client, signer) = (reqwest::Client::new(), employjoy::verifier(SECRET).unwrap());
    // The insert goes through; the deferred constraint is looked at when the transaction is committed.
    let doom = "CREATE TABLE doomed (id TEXT REFERENCES event (id) DEFERRABLE INITIALLY DEFERRED);
        CREATE TRIGGER doom AFTER INSERT ON event WHEN NEW.id = 'evt_2' BEGIN INSERT INTO doomed VALUES ('nobody'); END";
    Connection::open(&options.db).unwrap().execute_batch(doom).unwrap();
    for (id, expected) in
        [("evt_1", StatusCode::OK), ("evt_2", StatusCode::SERVICE_UNAVAILABLE), ("evt_3", StatusCode::OK)]
    {
        assert_eq!(post(&client, &url, id, &signer).await.unwrap(), expected, "{id}");
    }
    assert_eq!(ids(&options.db, "SELECT id FROM event ORDER BY id"), ["evt_1", "evt_3"]);
}

#[tokio::test]
async fn what_is_not_an_event_or_too_large_is_not_stored() {
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
