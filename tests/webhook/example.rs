//! The example receiver under load, with forged events and crashes: events answered with 200 are stored once, forged
//! ones never.

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jobfeed::jiff::Timestamp;
use jobfeed::testing::employjoy::PartnerData;
use jobfeed::testing::{Delivery, EmployJoy, WebhookSender};
use jobfeed::webhook::Verifier;
use jobfeed::{Clock, employjoy};
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

/// A service whose time moves by a second with each look at it, so that no two events have the same time.
async fn service() -> EmployJoy {
    let seconds = AtomicI64::new(1_780_000_000);
    let now = move || Timestamp::from_second(seconds.fetch_add(1, Ordering::Relaxed)).unwrap();
    EmployJoy::builder().jobs(30).applications(12).companies(4).now_from(now).start().await.unwrap()
}

/// Changes of jobs and applications, some of them back and forth.
fn changes(data: &mut PartnerData) -> Vec<String> {
    let names = |numbers: &[u32]| numbers.iter().map(|n| format!("job_{n}")).collect::<Vec<_>>();
    data.close_jobs(&names(&[1, 2, 3]));
    data.insert_jobs(5);
    for number in 1..=6 {
        data.set_status(&format!("ej_app_{number}"), "in_progress", "Under Review");
        data.set_status(&format!("ej_app_{number}"), "rejected", "Closed");
    }
    data.set_status("ej_app_2", "accepted", "Hired");
    data.close_jobs(&names(&[31, 32]));
    data.revoke_access("co_2");
    data.take_events()
}

#[tokio::test]
async fn events_of_the_simulated_service_reach_the_tables_in_any_order_and_however_often_they_come() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { db: folder.path().join("events.sqlite3"), queue: 3, batch: 1 };
    let url = receiver_here(&options).await;
    let service = service().await;
    let events = service.with(changes);
    // 3 closed and 5 opened, 6 rejected and 1 accepted, 2 closed, and the visible jobs of a company.
    assert!(events.len() > 17 + 5, "{}", events.len());

    // A forged delivery is refused, however often it is tried.
    let forger = WebhookSender::new(&url, employjoy::verifier("guessed").unwrap()).unwrap().attempts(2);
    let refused = forger.deliver(events[..3].iter().cloned()).await.unwrap();
    assert_eq!(refused.iter().map(|delivery| delivery.status).collect::<Vec<_>>(), [Some(401); 6]);
    assert!(ids(&options.db, "SELECT id FROM event").is_empty());

    // Until eight events are stored, every second one is answered with 503, and comes again after later ones.
    let trigger = "CREATE TABLE failing (id TEXT REFERENCES event (id) DEFERRABLE INITIALLY DEFERRED);
        CREATE TRIGGER failing_commit AFTER INSERT ON event WHEN substr(NEW.id, 5) % 2 = 0
            AND (SELECT count(*) FROM event) < 8 BEGIN INSERT INTO failing VALUES ('x'); END";
    Connection::open(&options.db).unwrap().execute_batch(trigger).unwrap();
    let sender = WebhookSender::new(&url, employjoy::verifier(SECRET).unwrap()).unwrap();
    let sender = sender.out_of_order(4).repeat(1).attempts(200);
    let deliveries = sender.deliver(events.clone()).await.unwrap();
    assert!(
        deliveries.iter().any(|delivery| delivery.status == Some(503) && delivery.attempt == 1),
        "some are retried"
    );
    let accepted: Vec<usize> = deliveries.iter().filter(|it| it.is_accepted()).map(|it| it.event).collect();
    assert_eq!(accepted.len(), 2 * events.len(), "each is accepted twice");
    let first: Vec<usize> = deliveries.iter().take(8).map(|it| it.event).collect();
    assert!(!first.is_sorted(), "they come in another order: {first:?}");

    let processed = async {
        while !ids(&options.db, "SELECT id FROM event WHERE processed = 0").is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(60), processed).await.expect("everything is processed");
    assert_eq!(ids(&options.db, "SELECT event FROM processed").len(), events.len(), "each once");

    // The tables say what the service says.
    let visible = service.with(|data| data.job_ids());
    let open = ids(&options.db, "SELECT id FROM job WHERE open = 1");
    let closed = ids(&options.db, "SELECT id FROM job WHERE open = 0");
    assert!(!open.is_empty() && open.iter().all(|id| visible.contains(id)), "{open:?}");
    assert_eq!(closed.len(), 35 - visible.len(), "by the customer and by the end of the access");
    assert!(!closed.iter().any(|id| visible.contains(id)), "{closed:?}");
    assert_eq!(ids(&options.db, "SELECT id FROM application WHERE status = 'accepted'"), ["ej_app_2"]);
    assert_eq!(ids(&options.db, "SELECT id FROM application WHERE status = 'rejected'").len(), 5);
}

#[tokio::test]
async fn a_sender_signs_each_attempt_afresh_and_stops_where_the_service_stops() {
    let (seen, seconds) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicI64::new(1_780_000_000)));
    let clock = {
        let seconds = seconds.clone();
        Clock::from_fn(move || Timestamp::from_second(seconds.fetch_add(60, Ordering::Relaxed)).unwrap())
    };
    let answer = {
        let seen = seen.clone();
        move |headers: axum::http::HeaderMap, body: String| async move {
            let header = |name: &str| headers[name].to_str().unwrap().to_owned();
            let mut seen = seen.lock().unwrap();
            seen.push((header("x-employjoy-signature"), header("x-employjoy-timestamp"), body.clone()));
            match body.as_str() {
                "gone" => StatusCode::GONE,
                "late" if seen.len() > 2 => StatusCode::NO_CONTENT,
                "moved" => StatusCode::FOUND,
                _ => StatusCode::INTERNAL_SERVER_ERROR,
            }
        }
    };
    let app = axum::Router::new().route("/webhook", axum::routing::post(answer));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/webhook", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    let signer = employjoy::verifier(SECRET).unwrap().clock(clock);
    let sender = WebhookSender::new(&url, signer).unwrap().wait(Duration::from_millis(1));

    let statuses = |deliveries: &[Delivery]| deliveries.iter().map(|it| it.status.unwrap()).collect::<Vec<_>>();
    assert_eq!(statuses(&sender.deliver(["late"]).await.unwrap()), [500, 500, 204]);
    for (index, (signature, timestamp, body)) in std::mem::take(&mut *seen.lock().unwrap()).into_iter().enumerate() {
        assert_eq!(timestamp, (1_780_000_000 + 60 * index as i64).to_string(), "each attempt has its own time");
        assert!(signature.starts_with(&format!("t={timestamp},v1=")), "{signature}");
        let at = Timestamp::from_second(timestamp.parse().unwrap()).unwrap();
        let verifier = employjoy::verifier(SECRET).unwrap().clock(Clock::fixed(at));
        let mut headers = http::HeaderMap::new();
        headers.insert("x-employjoy-signature", signature.parse().unwrap());
        assert_eq!(verifier.verify(&headers, body.as_bytes()), Ok(()));
    }
    assert_eq!(sender.deliver(["bad"]).await.unwrap().len(), 10, "an event has ten attempts");
    assert_eq!(statuses(&sender.deliver(["moved"]).await.unwrap()), [302; 10], "a redirect is not followed");
    assert_eq!(statuses(&sender.deliver(["bad", "gone", "late"]).await.unwrap()), [500, 410], "nothing after a 410");
    assert_eq!(sender.deliver(["bad"; 9]).await.unwrap().len(), 50, "nothing after 50 failures in a row");

    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let sender = WebhookSender::new(&format!("http://{nobody}/"), employjoy::verifier(SECRET).unwrap()).unwrap();
    let unanswered = sender.attempts(1).deliver(["late"]).await.unwrap();
    assert_eq!((unanswered[0].status, unanswered[0].is_accepted()), (None, false));
    assert!(WebhookSender::new("no url", employjoy::verifier(SECRET).unwrap()).is_err());
}
