//! The receiver: a router that verifies deliveries, a thread that stores them, and a thread that processes them.
//!
//! ```text
//! POST /webhook ── verify ──► 401          bounded queue          one transaction          own transactions
//!                     └── parse the id ──► ─────────────── ──► writer: INSERT OR IGNORE ──► processor
//!                                full: 503                 └── committed: answer 200
//! ```
//!
//! An answer of 200 means that the event is on disk: it will be processed exactly once, also after a crash.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use jobfeed::employjoy::{Event, EventData};
use jobfeed::webhook::Verifier;
use rusqlite::{Connection, OptionalExtension, Transaction};
use tokio::sync::{mpsc, oneshot};

/// The maximum size of a delivery, in bytes.
const MAX_BODY: usize = 256 << 10;

const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS event (
        seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, body TEXT NOT NULL, processed INTEGER NOT NULL DEFAULT 0);
    CREATE INDEX IF NOT EXISTS event_open ON event (seq) WHERE processed = 0;
    CREATE TABLE IF NOT EXISTS application (id TEXT PRIMARY KEY, status TEXT, changed INTEGER);
    CREATE TABLE IF NOT EXISTS job (id TEXT PRIMARY KEY, open INTEGER NOT NULL, changed INTEGER);
    CREATE TABLE IF NOT EXISTS processed (event TEXT NOT NULL);";

pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// The SQLite file.
    pub(crate) db: PathBuf,
    /// The maximum number of deliveries that wait for the disk. More are answered with 503, and the sender repeats
    /// them.
    pub(crate) queue: usize,
    /// The maximum number of deliveries in one transaction.
    pub(crate) batch: usize,
}

/// A verified delivery that is not stored yet.
struct Delivery {
    id: String,
    body: String,
    stored: oneshot::Sender<()>,
}

#[derive(Clone)]
struct Receiver {
    verifier: Arc<Verifier>,
    queue: mpsc::Sender<Delivery>,
}

/// Opens the database and starts both threads. They end when the router is dropped.
pub(crate) fn start(options: &Options, verifier: Verifier) -> Result<Router, Failure> {
    let (queue, deliveries) = mpsc::channel(options.queue.max(1));
    let (wake, woken) = std::sync::mpsc::channel();
    let (mut writer, mut processor) = (open(&options.db)?, open(&options.db)?);
    let batch = options.batch.max(1);
    // First process what an earlier process has stored and not processed.
    wake.send(())?;
    thread::spawn(move || write(&mut writer, deliveries, batch, &wake));
    thread::spawn(move || {
        for () in woken {
            while let Some(done) = process_next(&mut processor).unwrap_or_else(|error| {
                tracing::error!(%error, "an event could not be processed; it is kept and retried with the next one");
                None
            }) {
                tracing::debug!(event = done, "processed");
            }
        }
    });
    let receiver = Receiver { verifier: Arc::new(verifier), queue };
    Ok(Router::new().route("/webhook", post(receive)).layer(DefaultBodyLimit::max(MAX_BODY)).with_state(receiver))
}

fn open(path: &Path) -> rusqlite::Result<Connection> {
    let db = Connection::open(path)?;
    db.busy_timeout(std::time::Duration::from_secs(30))?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    // A commit returns only after its data is on disk.
    db.pragma_update(None, "synchronous", "FULL")?;
    db.execute_batch(TABLES)?;
    Ok(db)
}

async fn receive(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) -> Response {
    if let Err(reason) = receiver.verifier.verify(&headers, &body) {
        tracing::warn!(%reason, "a delivery was refused");
        return StatusCode::UNAUTHORIZED.into_response();
    }
    // The delivery is genuine but not valid. The answer must not be 200, or the sender takes it as delivered.
    let Ok(Event { id, .. }) = serde_json::from_slice::<Event>(&body) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let Ok(body) = String::from_utf8(body.into()) else { return StatusCode::BAD_REQUEST.into_response() };
    let (stored, answer) = oneshot::channel();
    let queued = receiver.queue.try_send(Delivery { id, body, stored });
    if queued.is_err() || answer.await.is_err() {
        return (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "1")]).into_response();
    }
    (StatusCode::OK, [(header::CONTENT_TYPE, "application/json")], r#"{"received":true}"#).into_response()
}

/// Stores all waiting deliveries in one transaction, and then lets them be answered.
fn write(
    db: &mut Connection,
    mut deliveries: mpsc::Receiver<Delivery>,
    batch: usize,
    wake: &std::sync::mpsc::Sender<()>,
) {
    while let Some(first) = deliveries.blocking_recv() {
        let mut waiting = vec![first];
        while waiting.len() < batch
            && let Ok(next) = deliveries.try_recv()
        {
            waiting.push(next);
        }
        if let Err(error) = store(db, &waiting) {
            // Their `stored` senders are dropped: they are answered with 503, and delivered again.
            tracing::error!(%error, deliveries = waiting.len(), "the deliveries could not be stored");
            continue;
        }
        for delivery in waiting {
            // The sender may have closed the connection; then it delivers again.
            let _ = delivery.stored.send(());
        }
        if wake.send(()).is_err() {
            tracing::error!("the processor has stopped; stored events are processed at the next start");
        }
    }
}

fn store(db: &mut Connection, deliveries: &[Delivery]) -> rusqlite::Result<()> {
    let tx = db.transaction()?;
    for delivery in deliveries {
        // A repetition has the same id: it is stored already.
        tx.prepare_cached("INSERT OR IGNORE INTO event (id, body) VALUES (?1, ?2)")?
            .execute((&delivery.id, &delivery.body))?;
    }
    tx.commit()
}

/// Processes the oldest event that is not processed yet. Its effects and its mark are one transaction: exactly once.
fn process_next(db: &mut Connection) -> Result<Option<String>, Failure> {
    let tx = db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let oldest = tx
        .query_row("SELECT seq, body FROM event WHERE processed = 0 ORDER BY seq LIMIT 1", [], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))
        })
        .optional()?;
    let Some((seq, body)) = oldest else { return Ok(None) };
    let event: Event = serde_json::from_str(&body)?;
    process(&tx, &event)?;
    tx.execute("INSERT INTO processed (event) VALUES (?1)", [&event.id])?;
    tx.execute("UPDATE event SET processed = 1 WHERE seq = ?1", [seq])?;
    tx.commit()?;
    Ok(Some(event.id))
}

/// Applies an event to the tables. Events arrive in any order, so only a later change replaces an earlier one.
fn process(tx: &Transaction<'_>, event: &Event) -> Result<(), Failure> {
    let changed = event.created_at.as_ref().and_then(|at| Some(at.timestamp()?.as_microsecond()));
    let newer = "ON CONFLICT (id) DO UPDATE SET (XX, changed) = (excluded.XX, excluded.changed)
        WHERE excluded.changed > changed OR changed IS NULL";
    match event.data() {
        EventData::ApplicationStatusChanged(data) => {
            let sql = format!("INSERT INTO application VALUES (?1, ?2, ?3) {}", newer.replace("XX", "status"));
            tx.execute(&sql, (data.application_id, data.new_status.map(|status| status.to_string()), changed))?;
        }
        EventData::JobOpened(data) => {
            let sql = format!("INSERT INTO job VALUES (?1, 1, ?2) {}", newer.replace("XX", "open"));
            tx.execute(&sql, (data.job_id, changed))?;
        }
        EventData::JobClosed(data) => {
            let sql = format!("INSERT INTO job VALUES (?1, 0, ?2) {}", newer.replace("XX", "open"));
            tx.execute(&sql, (data.job_id, changed))?;
        }
        other => tracing::info!(event = %event.id, ?other, "an event of an unknown type"),
    }
    Ok(())
}
