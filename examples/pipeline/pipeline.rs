//! The pipeline: everything that the endpoints share, one run of all of them, and the files with its report.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use futures::FutureExt;
use futures::future::{BoxFuture, join_all};
use jobfeed::archive::Archive;
use jobfeed::checkpoint::AnyStore;
use jobfeed::quarantine::{JsonLines, Quarantine};
use jobfeed::tables::Sink;
use jobfeed::{BoxError, ClientBuilder, Clock, Provider, RateLimit, drift};

use super::config::{Config, environment, variable};
use super::page;
use super::providers;
use super::report::{EndpointReport, RunReport};
use super::screen::Screen;
use super::table::{Feeds, Table};

/// So many runs are kept, and are on the page.
const KEPT_RUNS: usize = 60;

pub(crate) struct Pipeline {
    pub(crate) config: Config,
    pub(crate) table: Table,
    /// The states are kept where the rows are.
    pub(crate) store: AnyStore,
    pub(crate) archive: Option<Archive>,
    pub(crate) quarantine: Quarantine<JsonLines>,
    pub(crate) clock: Clock,
    pub(crate) screen: Screen,
    /// The secrets of simulated servers, by the name of their variable; `None` for real servers.
    simulated: Option<HashMap<String, String>>,
}

impl Pipeline {
    pub(crate) async fn open(
        config: Config,
        clock: Clock,
        simulated: Option<HashMap<String, String>>,
    ) -> Result<Self, BoxError> {
        fs::create_dir_all(config.folder()).map_err(|error| format!("{}: {error}", config.folder().display()))?;
        let table = Table::open(&config).await?;
        let store = table.sink.checkpoint();
        let archive = match config.archive() {
            Some(url) if url.contains("://") => Some(Archive::open_url(&url, environment()).await?),
            Some(folder) => Some(Archive::open_folder(folder).await?),
            None => None,
        };
        let archive = archive.map(|archive| archive.clock(clock.clone()));
        let quarantine = Quarantine::open(JsonLines::new(config.quarantine())).await?;
        let screen = Screen::new(simulated.is_none());
        Ok(Self { config, table, store, archive, quarantine, clock, screen, simulated })
    }

    /// The secret that an environment variable has, or the simulated server wants.
    pub(crate) fn secret(&self, name: &str) -> Result<String, BoxError> {
        let secret = match &self.simulated {
            Some(secrets) => secrets.get(name).cloned(),
            None => variable(name),
        };
        secret.ok_or_else(|| format!("the environment variable {name} is not set").into())
    }

    /// A client of a provider, by the clock of the pipeline.
    pub(crate) fn client<P: Provider>(
        &self,
        mut builder: ClientBuilder<P>,
        base_url: Option<&String>,
    ) -> Result<P, BoxError> {
        if let Some(url) = base_url {
            builder = builder.base_url(url);
        }
        if self.simulated.is_some() {
            builder = builder.rate_limit(RateLimit::unlimited());
        }
        Ok(builder.clock(self.clock.clone()).build()?)
    }

    /// Runs every endpoint: the providers beside each other, the endpoints of one in their order. An endpoint that fails stops no other.
    pub(crate) async fn run(&self) -> Result<RunReport, BoxError> {
        let started = self.clock.now();
        let mut known = self.table.known().await?;
        let mut feeds = |provider: &str| known.remove(provider).unwrap_or_default();
        let config = &self.config;
        let mut providers: Vec<BoxFuture<'_, Vec<EndpointReport>>> = Vec::new();
        macro_rules! begin {
            ($($provider:ident),*) => {$(if let Some(provider) = &config.$provider {
                let mut feeds: Feeds = feeds(stringify!($provider));
                providers.push(async move {
                    let mut reports = Vec::new();
                    providers::$provider(self, provider, &mut feeds, &mut reports).await;
                    reports
                }.boxed());
            })*};
        }
        begin!(jobdataapi, fantastic_jobs, employjoy, jobaffinity);
        for (name, provider) in &config.rest {
            let mut feeds = feeds(name);
            let run = async move {
                let mut reports = Vec::new();
                providers::rest(self, name, provider, &mut feeds, &mut reports).await;
                reports
            };
            providers.push(run.boxed());
        }
        let endpoints = join_all(providers).await.into_iter().flatten().collect();
        self.table.tidy().await?;
        Ok(RunReport::new(self.simulated.is_some(), started, endpoints))
    }

    /// Takes over into the baseline of an endpoint what was different in its last run.
    pub(crate) async fn accept(&self, key: &str) -> Result<(), BoxError> {
        let changes = drift::accept(&self.store, key).await?;
        for change in &changes {
            self.screen.line(&format!("    {key}: accepted for the next run: {change}"));
        }
        if changes.is_empty() {
            self.screen.line(&format!("    {key}: its last run had no change to accept"));
        }
        Ok(())
    }

    /// Adds a run to the last ones in `history.jsonl`, and writes `report.json` and `report.html`. Returns the path of the page.
    pub(crate) fn publish(&self, report: &RunReport) -> Result<PathBuf, BoxError> {
        let file = |name: &str| self.config.folder().join(name);
        let history = fs::read_to_string(file("history.jsonl")).unwrap_or_default();
        let mut runs: Vec<RunReport> = history.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        runs.push(report.clone());
        runs.drain(..runs.len().saturating_sub(KEPT_RUNS));
        let lines = runs.iter().map(serde_json::to_string).collect::<Result<Vec<_>, _>>()?;
        write(&file("history.jsonl"), &(lines.join("\n") + "\n"))?;
        write(&file("report.json"), &serde_json::to_string_pretty(report)?)?;
        let page = file("report.html");
        write(&page, &page::html(report, &runs))?;
        Ok(page)
    }
}

/// Replaces a file in one step, so that a reader never sees half of it.
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    fs::write(&new, text)?;
    fs::rename(&new, path)
}
