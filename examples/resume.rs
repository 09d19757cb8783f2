//! Stores a cursor, is killed, and continues: a later process resumes a listing at its position.
//!
//!     cargo run --example resume
//!
//! It starts the simulated provider and then itself twice. The first child process prints the cursor after each page
//! and aborts after three pages. The second one continues from the last cursor.
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::io::Write;
use std::process::{Command, Stdio};

use futures::TryStreamExt;
use jobfeed::jobdataapi;
use jobfeed::testing::JobDataApi;

mod shown;

#[tokio::main]
async fn main() -> std::process::ExitCode {
    shown::exit(run().await)
}

async fn run() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [url, key, cursor @ ..] = args.as_slice() {
        return walk(url, key, cursor.first().map(String::as_str)).await;
    }
    let server = JobDataApi::builder().jobs(1_000).start().await?;
    let (url, key) = (server.base_url().to_string(), server.api_key().to_owned());

    println!("a first process reads pages of 100 rows and prints the cursor after each");
    let (program, args) = (std::env::current_exe()?, [url, key]);
    let output = child(Command::new(&program).args(&args)).await?;
    print!("{output}");
    let cursor = output.lines().rev().find_map(|line| line.strip_prefix("cursor ")).ok_or("no cursor was printed")?;

    println!("it aborted; a second process continues from its last cursor");
    let output = child(Command::new(&program).args(&args).arg(cursor)).await?;
    print!("{output}");
    println!("{} requests reached the server, for 10 pages", server.served().requests);
    Ok(())
}

/// Waits for a child process on a blocking thread, so that the server can answer.
async fn child(command: &mut Command) -> Result<String, Box<dyn Error>> {
    let child = command.stdout(Stdio::piped()).spawn()?;
    let output = tokio::task::spawn_blocking(move || child.wait_with_output()).await??;
    Ok(String::from_utf8(output.stdout)?)
}

async fn walk(url: &str, key: &str, cursor: Option<&str>) -> Result<(), Box<dyn Error>> {
    let api = jobdataapi::Client::builder().api_key(key).base_url(url).build()?;
    let mut jobs = api.jobs().all_ages().page_size(100);
    if let Some(cursor) = cursor {
        jobs = jobs.resume_from(cursor.parse()?);
    }
    let mut pages = jobs.pages();
    let mut rows = 0;
    while let Some(page) = pages.try_next().await? {
        rows += page.items.len();
        println!("  {rows} rows in this process");
        if let Some(next) = page.next_cursor() {
            println!("cursor {next}");
        }
        std::io::stdout().flush()?;
        if cursor.is_none() && rows == 300 {
            std::process::abort();
        }
    }
    println!("  complete");
    Ok(())
}
