//! An API without a provider: the repositories of a GitHub organization, and a sync of the issues of one of them.
//! It needs no type of its own for an endpoint: `jobfeed::rest` describes both lists.
//!
//!     cargo run --example github_repos
//!     cargo run --example github_repos -- --org rust-lang     # the real API, with the token in GITHUB_TOKEN if it is set
//!
//! Without `--org` it reads a simulated GitHub on loopback, twice. In between issues are opened and changed.
#![allow(clippy::print_stdout)]

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Duration;

use clap::Parser;
use futures::TryStreamExt;
use jobfeed::checkpoint::FileStore;
use jobfeed::paginate::Scheme;
use jobfeed::rest::{BoundFormat, Client, Watermark};
use jobfeed::{ClientBuilder, Credentials};
use serde::Deserialize;

mod github_api;
mod shown;

#[derive(Debug, Parser)]
struct Cli {
    /// Read this organization from api.github.com.
    #[arg(long)]
    org: Option<String>,
    /// Sync the issues of this repository, such as `rust-lang/log`. Default: the one with the most open issues.
    #[arg(long, requires = "org")]
    repo: Option<String>,
    /// The folder of the checkpoints. A later start continues there.
    #[arg(long, default_value = "github-states")]
    states: String,
}

#[derive(Debug, Deserialize)]
struct Repo {
    full_name: String,
    open_issues_count: u64,
}

#[derive(Debug, Deserialize)]
struct Issue {
    number: u64,
    title: String,
}

#[tokio::main]
async fn main() -> std::process::ExitCode {
    shown::exit(run().await)
}

async fn run() -> Result<(), Box<dyn Error>> {
    let Cli { org, repo, states } = Cli::parse();
    if let Some(org) = org {
        let token = std::env::var("GITHUB_TOKEN").ok().filter(|token| !token.is_empty());
        let credentials = token.map_or_else(|| Ok(Credentials::none()), Credentials::bearer)?;
        let api = client(Client::builder().base_url("https://api.github.com/").credentials(credentials))?;
        let largest = repos(&api, &org).await?;
        return sync(&api, &repo.unwrap_or(largest), &states, &mut BTreeMap::new()).await;
    }
    println!("without --org: a simulated GitHub");
    let server = github_api::start(250).await?;
    let api = client(Client::builder().base_url(server.base_url()))?;
    let repo = repos(&api, "example").await?;
    // Its checkpoints begin anew each time, as its data do.
    let states = std::env::temp_dir().join(format!("github_repos-{}", std::process::id()));
    let (states, mut kept) = (states.to_string_lossy(), BTreeMap::new());
    sync(&api, &repo, &states, &mut kept).await?;
    println!("a day later, 2 issues are new and 4 were changed");
    server.with(github_api::Issues::change_some);
    sync(&api, &repo, &states, &mut kept).await?;
    std::fs::remove_dir_all(&*states)?;
    Ok(())
}

fn client(builder: ClientBuilder<Client>) -> jobfeed::Result<Client> {
    let api = builder.build()?.header("Accept", "application/vnd.github+json")?;
    api.header("X-GitHub-Api-Version", "2022-11-28")
}

/// Lists the repositories, and returns the one with the most open issues.
async fn repos(api: &Client, org: &str) -> Result<String, Box<dyn Error>> {
    let list = api.list::<Repo>(format!("orgs/{org}/repos")).query("type", "public").key("id");
    let mut pages = list.paginate(Scheme::link_header().page_size("per_page", 100)).pages();
    let (mut repos, mut left) = (Vec::new(), None);
    while let Some(page) = pages.try_next().await? {
        left = page.headers().get("x-ratelimit-remaining").and_then(|value| value.to_str().ok()).map(str::to_owned);
        repos.extend(page.items);
    }
    println!("{org} has {} repositories; {} requests are left", repos.len(), left.as_deref().unwrap_or("unknown"));
    let largest = repos.into_iter().max_by_key(|repo| repo.open_issues_count);
    Ok(largest.ok_or("there is no repository")?.full_name)
}

/// Reads the issues that changed since the last run.
async fn sync(api: &Client, repo: &str, states: &str, kept: &mut BTreeMap<u64, String>) -> Result<(), Box<dyn Error>> {
    // GitHub can filter issues by the time of their last change, not repositories. In the order of creation a change moves no issue
    // towards a page that was read, so none is skipped.
    let list = api.list::<Issue>(format!("repos/{repo}/issues")).key("id");
    let list = list.query("state", "all").query("sort", "created").query("direction", "asc");
    let list = list.paginate(Scheme::link_header().page_size("per_page", 100).fixed_positions());
    let changed = Watermark::instant("/updated_at", "since").format(BoundFormat::Rfc3339Seconds);
    // Each run begins one minute before the watermark, and leaves the watermark at least 10 seconds before its own start.
    let list = list.watermark(changed.overlap(60).lag(Duration::from_secs(10)));
    let mut run = list.sync_since(format!("issues of {repo}"), FileStore::new(states)?).await?;
    let mut numbers = Vec::new();
    while let Some(mut batch) = run.next().await? {
        for issue in batch.take_items() {
            numbers.push(issue.number);
            kept.insert(issue.number, issue.title);
        }
        batch.commit().await?; // only now does the checkpoint move
    }
    println!("{repo}: {}; {} issues are kept", run.report(), kept.len());
    if numbers.len() < 20 {
        println!("new, changed, or read again because of the overlap: {numbers:?}");
    }
    Ok(())
}
