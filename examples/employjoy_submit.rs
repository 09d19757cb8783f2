//! Submits an application to EmployJoy, loses the answer, and submits it again as a new process would: the server has
//! one application.
//!
//!     cargo run --example employjoy_submit
//!
//! It runs against the simulated service: a submission to the real one is a real application of a real person.
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::fs;

use futures::TryStreamExt;
use jobfeed::employjoy::{Candidate, Client, ErrorCode, NewApplication, Submission};
use jobfeed::testing::{EmployJoy, Fault, When};
use jobfeed::{RateLimit, RetryPolicy};

mod shown;

#[tokio::main]
async fn main() -> std::process::ExitCode {
    shown::exit(run().await)
}

async fn run() -> Result<(), Box<dyn Error>> {
    let server = EmployJoy::builder().jobs(10).start().await?;
    let builder = || Client::builder().api_key(server.api_key()).base_url(server.base_url());
    let api = builder().rate_limit(RateLimit::unlimited()).retry(RetryPolicy::none()).build()?;

    let jobs: Vec<_> = api.jobs().items().try_collect().await?;
    let job = jobs.first().ok_or("no job is open")?;
    println!("{} open jobs; applying to {:?}", jobs.len(), job.title.as_deref().unwrap_or_default());

    let candidate = Candidate::new("Ada", "Moss", "not an address", "+15550100");
    match api.prepare(NewApplication::new(&job.id, candidate).consent_to_contact(true)) {
        Ok(_) => return Err("an application without an e-mail address was accepted".into()),
        Err(error) => println!("checked before it is sent: {error}"),
    }

    let candidate = Candidate::new("Ada", "Moss", "ada@example.org", "+15550100");
    let mut application = NewApplication::new(&job.id, candidate)
        .consent_to_contact(true)
        .source("example")
        .source_application_id("own-1");
    for question in &job.application_form_schema {
        if let Some(key) = &question.key {
            application = application.answer(key, true);
        }
    }
    // The company is not sent: the client uses it to count the submission for the right rate limit.
    if let Some(id) = job.company.as_ref().and_then(|company| company.id.as_deref()) {
        application = application.company_id(id);
    }

    // Key and bytes are made once, and stored until the submission is accepted. The file contains personal data.
    let file = std::env::temp_dir().join(format!("employjoy_submit-{}.json", std::process::id()));
    let submission = api.prepare(application)?;
    fs::write(&file, serde_json::to_vec(&submission)?)?;

    server.fault(Fault::CutBody, When::Next(1));
    match api.submit(&submission).send().await {
        Ok(_) => return Err("the answer was not lost".into()),
        Err(error) => println!("the answer was lost: {error}"),
    }
    drop((api, submission));
    println!("another process sends the stored submission");

    let api = builder().rate_limit(RateLimit::unlimited()).build()?;
    let stored: Submission = serde_json::from_slice(&fs::read(&file)?)?;
    let reply = api.submit(&stored).send().await?.submitted().ok_or("the server no longer has its first reply")?;
    fs::remove_file(&file)?;
    let count = server.with(|data| data.application_ids().len());
    println!("received as {}; {count} application on the server", reply.id);

    server.with(|data| data.set_status(&reply.id, "in_progress", "Video Interview"));
    let application = api.application(&reply.id)?.send().await?;
    let status = application.status.map_or_else(|| "unknown".to_owned(), |status| status.to_string());
    let stage = application.current_stage.map_or_else(|| "none yet".to_owned(), |stage| stage.to_string());
    println!("its status is {status}, its stage {stage}");

    server.with(|data| data.close_jobs(std::slice::from_ref(&job.id)));
    let late = Candidate::new("Ben", "Reed", "ben@example.org", "+15550101");
    let late = api.prepare(NewApplication::new(&job.id, late).consent_to_contact(true))?;
    match api.submit(&late).send().await {
        Err(error) if ErrorCode::of(&error) == Some(ErrorCode::JobClosed) => println!("too late: {error}"),
        other => return Err(format!("the closed job answered {other:?}").into()),
    }
    Ok(())
}
