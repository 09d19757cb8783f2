//! Receives EmployJoy's webhooks: verifies and stores a delivery, answers, and then processes it.
//!
//!     EMPLOYJOY_WEBHOOK_SECRET=… cargo run --example webhook_receiver -- --listen 127.0.0.1:8787
//!
//! Without a secret it uses a test secret and delivers some events to itself. You can kill it at any moment: every
//! delivery that was answered with 200 is in the database.
#![allow(clippy::print_stdout)]

use std::path::PathBuf;

use clap::Parser;
use jobfeed::employjoy;
use jobfeed::webhook::Verifier;
use rusqlite::Connection;
use tokio::net::TcpListener;

mod receiver;
use receiver::{Failure, Options};

#[derive(Debug, Parser)]
struct Cli {
    /// The address to listen on. HTTPS needs a proxy.
    #[arg(long, default_value = "127.0.0.1:8787")]
    listen: String,
    /// The SQLite file.
    #[arg(long, default_value = "webhook.sqlite3")]
    db: PathBuf,
    /// The maximum number of deliveries that wait for the disk.
    #[arg(long, default_value_t = 1_000)]
    queue: usize,
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let filter = tracing_subscriber::EnvFilter::builder().with_default_directive(tracing::Level::INFO.into());
    tracing_subscriber::fmt().with_env_filter(filter.from_env_lossy()).with_writer(std::io::stderr).init();
    let Cli { listen, db, queue } = Cli::parse();
    match std::env::var("EMPLOYJOY_WEBHOOK_SECRET") {
        Ok(secret) if !secret.is_empty() => {
            let options = Options { db, queue, batch: 256 };
            let router = receiver::start(&options, employjoy::verifier(secret)?)?;
            let listener = TcpListener::bind(&listen).await?;
            println!("listening on http://{listen}/webhook, storing in {}", options.db.display());
            axum::serve(listener, router).await?;
            Ok(())
        }
        _ => demonstrate().await,
    }
}

/// Runs a receiver on a free port, and sends it genuine and forged deliveries.
async fn demonstrate() -> Result<(), Failure> {
    println!("EMPLOYJOY_WEBHOOK_SECRET is not set: a receiver with a test secret, and deliveries to it");
    let folder = std::env::temp_dir().join(format!("webhook_receiver-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let options = Options { db: folder.join("events.sqlite3"), queue: 100, batch: 16 };
    let (genuine, forger) = (employjoy::verifier("whsec_test")?, employjoy::verifier("guessed")?);
    let router = receiver::start(&options, genuine.clone())?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/webhook", listener.local_addr()?);
    let server = tokio::spawn(async move { axum::serve(listener, router).await });

    let opened = r#"{"id":"evt_1","type":"job.opened","createdAt":"2026-05-20T08:00:00Z","data":{"jobId":"job_7"}}"#;
    let closed = r#"{"id":"evt_2","type":"job.closed","createdAt":"2026-05-21T08:00:00Z","data":{"jobId":"job_7"}}"#;
    let hired = r#"{"id":"evt_3","type":"application.status_changed","data":{"applicationId":"ej_app_1","newStatus":"accepted"}}"#;
    for (what, body, signer) in [
        ("a job closed", closed, &genuine),
        ("the same again", closed, &genuine),
        ("the job opened, delivered late", opened, &genuine),
        ("a forged acceptance", hired, &forger),
    ] {
        println!("{what}: {}", deliver(&url, body, signer).await?);
    }

    let count = |sql: &str| Connection::open(&options.db)?.query_row(sql, [], |row| row.get::<_, i64>(0));
    while count("SELECT count(*) FROM event WHERE processed = 0")? > 0 {
        tokio::task::yield_now().await;
    }
    println!("{} events stored and processed", count("SELECT count(*) FROM processed")?);
    println!("job_7 is {}", if count("SELECT open FROM job WHERE id = 'job_7'")? == 1 { "open" } else { "closed" });
    println!("{} applications accepted", count("SELECT count(*) FROM application")?);
    server.abort();
    std::fs::remove_dir_all(folder)?;
    Ok(())
}

async fn deliver(url: &str, body: &'static str, signer: &Verifier) -> Result<reqwest::StatusCode, Failure> {
    let signature = signer.sign(body.as_bytes())?;
    let request = reqwest::Client::new().post(url).header("x-employjoy-signature", signature).body(body);
    Ok(request.send().await?.status())
}
