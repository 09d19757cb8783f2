//! The simulated servers of all providers, a year of their job life, and what the table must have at its end.

use std::collections::{BTreeSet, HashMap};
use std::io;

use fastrand::Rng;
use jobfeed::jiff::{SignedDuration, Timestamp};
use jobfeed::paginate::{ReadAt, Scheme};
use jobfeed::testing::fantastic_jobs::FeedName;
use jobfeed::testing::jobdataapi::Subscription;
use jobfeed::testing::{AnyApi, EmployJoy, FantasticJobs, Fault, Insert, JobAffinity, JobDataApi, ListRoute, When};
use jobfeed::{BoxError, Checkpoint, Clock, Mark};
use serde_json::{Value, json};

use super::config::{Config, Sink};
use super::pipeline::Pipeline;
use super::report::RunReport;
use super::task::REMOVED_EARLY;

const BOARD_KEY: &str = "simulated-board-key";
/// A year that is over: the board's answers have the real time as their `Date`, and no watermark passes it.
const START: &str = "2025-01-06T06:20:00Z";
/// The days of a year, in whole weeks, and the most between two runs by default: no feed must have forgotten anything.
const YEAR: i64 = 364;
const LONGEST: i64 = 30;

pub(crate) struct World {
    jobs: JobDataApi,
    fantastic: FantasticJobs,
    employjoy: EmployJoy,
    affinity: JobAffinity,
    board: AnyApi,
    rng: Rng,
    last_board_id: u64,
    /// Whether the board has renamed a field.
    renamed: bool,
    runs: u32,
    /// The time between two runs.
    step: SignedDuration,
    /// The index time of the first row of Fantastic.jobs that was bought.
    first_row: Option<Timestamp>,
}

impl World {
    pub(crate) async fn start(runs: u32, step: Option<SignedDuration>) -> Result<Self, BoxError> {
        let days = (YEAR / i64::from(runs)).clamp(1, LONGEST);
        let step = step.unwrap_or(SignedDuration::from_hours(24 * days));
        // Runs that follow each other closely get more rows, which expire sooner.
        let (rows, expires) = if step.as_hours() < 24 { (10, 8) } else { (1, 24 * 60) };
        let fantastic = FantasticJobs::builder().now(START.parse()?).rows_per_hour(rows);
        let fantastic = fantastic.expires_within(SignedDuration::from_hours(expires)).start().await?;
        let now = |clock: Clock| move || clock.now();
        let jobs = JobDataApi::builder().jobs(300).subscription(Subscription::Pro).now_from(now(fantastic.clock()));
        let board = ListRoute::new("jobs", Scheme::token_at(ReadAt::pointer("/next"), "cursor").page_size("limit", 50))
            .lower_bound("updated_since", "/updated")
            .sorted_by(["/updated", "/id"]);
        let mut world = Self {
            jobs: jobs.start().await?,
            employjoy: EmployJoy::builder().jobs(80).now_from(now(fantastic.clock())).start().await?,
            affinity: JobAffinity::builder().jobs(12).applications(0).start().await?,
            board: AnyApi::builder().bearer(BOARD_KEY).list(board).start().await?,
            fantastic,
            rng: Rng::with_seed(7),
            last_board_id: 0,
            renamed: false,
            runs,
            step,
            first_row: None,
        };
        world.add_to_board(60);
        Ok(world)
    }

    pub(crate) fn clock(&self) -> Clock {
        self.fantastic.clock()
    }

    /// Leads the configuration to the simulated servers. Returns the secrets that they want, by the names of the variables.
    pub(crate) fn lead(&self, config: &mut Config) -> Result<HashMap<String, String>, BoxError> {
        let mut secrets = HashMap::new();
        let mut add = |name: &str, secret: &str| secrets.insert(name.to_owned(), secret.to_owned());
        if let Some(provider) = &mut config.jobdataapi {
            provider.base_url = Some(self.jobs.base_url().to_string());
            add(&provider.api_key_env, self.jobs.api_key());
        }
        if let Some(provider) = &mut config.fantastic_jobs {
            provider.base_url = Some(self.fantastic.base_url().to_string());
            add(&provider.api_key_env, self.fantastic.api_key());
        }
        if let Some(provider) = &mut config.employjoy {
            provider.base_url = Some(self.employjoy.base_url().to_string());
            add(&provider.api_key_env, self.employjoy.api_key());
        }
        if let Some(provider) = &mut config.jobaffinity {
            provider.base_url = Some(self.affinity.base_url().to_string());
            add(&provider.login_env, self.affinity.login());
            add(&provider.password_env, self.affinity.password());
        }
        if matches!(config.sink, Sink::PostgresEnv(_)) {
            return Err("a simulation does not write to PostgreSQL".into());
        }
        for (name, provider) in &mut config.rest {
            if name != "board" {
                return Err(format!("rest.{name}: there is a simulated server for rest.board only").into());
            }
            provider.api.base_url = self.board.base_url().to_string();
            if let Some(secret) = &provider.secret_env {
                add(secret, BOARD_KEY);
            }
        }
        Ok(secrets)
    }

    /// Some instant since the run before.
    fn lately(&mut self) -> Timestamp {
        let ago = self.rng.i64(60..self.step.as_secs().max(61));
        self.fantastic.now() - SignedDuration::from_secs(ago)
    }

    fn add_to_board(&mut self, jobs: usize) {
        let size = if self.renamed { "employees" } else { "size" };
        for _ in 0..jobs {
            self.last_board_id += 1;
            let (id, from, published) = (self.last_board_id, self.rng.u32(30..70) * 1000, self.lately());
            let row = json!({
                "id": id,
                "title": format!("{} {id}", self.rng.choice(["Baker", "Welder", "Analyst"]).unwrap_or_default()),
                "url": format!("https://board.example/jobs/{id}"),
                "text": "<p>An ad.</p>",
                "company": { "name": format!("Company {}", id % 20), size: self.rng.u32(5..500) },
                "place": { "city": "Bern", "country": "CH" },
                "pay": { "from": from, "to": from + 12_500, "currency": "CHF" },
                "published": published,
                "updated": published,
                "deleted": false,
            });
            self.board.with(|lists| lists.rows("jobs").push(row));
        }
    }

    /// What happens on the servers before the run with this number.
    pub(crate) fn pass(&mut self, number: u32) {
        let event = |fifths: u32| self.runs >= 3 && number == 1 + (self.runs - 3) * fifths / 5;
        let (refused, bad_record, renames, quiet) = (event(1), event(2), event(3), self.runs > 10 && event(4));
        let last = number + 1 == self.runs;
        self.fantastic.advance(self.step);

        let open: Vec<u64> = self.jobs.ids();
        let expiring: Vec<u64> = open.iter().copied().filter(|_| self.rng.u8(..25) == 0).collect();
        self.jobs.expire(&expiring);
        self.jobs.insert(25, Insert::Recent);
        self.jobs.insert(3, Insert::Old { days: 40 });

        let rng = &mut self.rng;
        self.employjoy.with(|data| {
            let ids = data.job_ids();
            let chosen = |rng: &mut Rng, n| rng.choose_multiple(ids.iter().cloned(), n);
            data.update_jobs(&chosen(rng, 6));
            data.close_jobs(&chosen(rng, 4));
            data.insert_jobs(6);
        });
        self.affinity.with(|data| {
            if let Some(gone) = rng.choice(data.jobs()) {
                data.delete_job(gone);
            }
            data.add_job();
            data.add_job();
        });

        self.renamed |= renames;
        self.add_to_board(if quiet { 1 } else { 12 });
        let mut rows = self.board.with(|lists| std::mem::take(lists.rows("jobs")));
        for row in &mut rows {
            if self.renamed
                && let Some(size) = row["company"].as_object_mut().and_then(|company| company.remove("size"))
            {
                row["company"]["employees"] = size;
            }
            if row["deleted"] == json!(false) && !quiet && self.rng.u8(..10) == 0 {
                row["updated"] = json!(self.lately());
                row["deleted"] = json!(self.rng.bool());
            }
        }
        self.board.with(|lists| *lists.rows("jobs") = rows);

        // What goes wrong.
        self.affinity.clear_faults();
        self.fantastic.clear_faults();
        if refused {
            self.affinity.fault(Fault::Status { code: 401, retry_after: None }, When::Always);
        }
        if bad_record {
            let rows = format!("{}active-ats", self.fantastic.base_url().path());
            self.fantastic.fault(Fault::BadRecord, When::Path(rows));
        }
        if last {
            self.jobs.fault(Fault::Status { code: 503, retry_after: Some(1) }, When::Next(1));
        }
    }

    /// Remembers what the first run began with.
    pub(crate) fn note(&mut self, report: &RunReport) {
        let ats = report.endpoints.iter().find(|endpoint| endpoint.key == "fantastic_jobs/ats");
        let from = ats.and_then(|ats| ats.details["window"]["from"].as_str()?.parse().ok());
        self.first_row = self.first_row.or(from);
    }

    /// The ids that the table must have, by provider and feed, with the endpoint that brings them.
    async fn wanted(
        &self,
        pipeline: &Pipeline,
    ) -> Result<Vec<(&'static str, &'static str, BTreeSet<String>)>, BoxError> {
        let config = &pipeline.config;
        let mut wanted = Vec::new();
        if config.jobdataapi.is_some() {
            let open = |id: &u64| {
                let record = self.jobs.with(|data| data.record(*id)).unwrap_or_default();
                serde_json::from_str(&record).is_ok_and(|job: Value| job["expired"].is_null())
            };
            let ids = self.jobs.ids().into_iter().filter(open).map(|id| id.to_string()).collect();
            wanted.push(("jobdataapi", "jobs", ids));
        }
        if config.fantastic_jobs.is_some() {
            let state = pipeline.store.load("fantastic_jobs/ats").await?;
            // Before its first run is complete it is not known what it covers.
            if let (Some(from), Some(Mark::Time(until))) = (self.first_row, state.and_then(|state| state.watermark())) {
                let rows = self.fantastic.indexed(FeedName::Ats, from, until);
                let live = rows.into_iter().filter(|id| !self.fantastic.is_expired(FeedName::Ats, *id));
                wanted.push(("fantastic_jobs", "ats", live.map(|id| id.to_string()).collect()));
            }
        }
        if config.employjoy.is_some() {
            wanted.push(("employjoy", "jobs", self.employjoy.with(|data| data.job_ids().into_iter().collect())));
        }
        if config.jobaffinity.is_some() {
            let ids = self.affinity.with(|data| data.jobs()).into_iter();
            wanted.push(("jobaffinity", "jobs", ids.map(|id| id.to_string()).collect()));
        }
        if config.rest.contains_key("board") {
            let live = |row: &&Value| row["deleted"] == json!(false);
            let ids = |rows: &[Value]| rows.iter().filter(live).map(|row| row["id"].to_string()).collect();
            wanted.push(("board", "jobs", self.board.with(|lists| ids(lists.rows("jobs")))));
        }
        Ok(wanted)
    }

    /// Compares the table with the servers: a line for each feed, and whether nothing is wrong.
    pub(crate) async fn compare(&self, pipeline: &Pipeline) -> Result<(Vec<String>, bool), BoxError> {
        let (mut lines, mut equal) = (Vec::new(), true);
        let mut known = pipeline.table.known().await?;
        for (provider, feed, wanted) in self.wanted(pipeline).await? {
            let mut ids = known.remove(provider).and_then(|mut feeds| feeds.remove(feed)).unwrap_or_default();
            ids.retain(|_, status| status.as_deref() != Some(REMOVED_EARLY));
            let missing = wanted.iter().filter(|id| !ids.contains_key(*id)).count() as u64;
            let extra = ids.keys().filter(|id| !wanted.contains(*id)).count();
            let key = format!("{provider}/{feed}");
            // A record that waits in quarantine has no readable id.
            let waiting = pipeline.quarantine.waiting(&key).await?;
            let verdict = match (missing, extra) {
                (0, 0) => "equal".to_owned(),
                (missing, 0) if missing <= waiting => format!("equal but for {missing} that wait in quarantine"),
                (missing, extra) => format!("NOT EQUAL: {missing} are missing, {extra} should not be there"),
            };
            equal &= extra == 0 && missing <= waiting;
            let (rows, on_server) = (ids.len(), wanted.len());
            lines.push(format!("{key:<24} {rows:>6} in the table {on_server:>6} on the server  {verdict}"));
        }
        Ok((lines, equal))
    }
}

/// The folder of a simulation beside the folder of the configuration, empty: each start has a new simulated data set.
pub(crate) fn fresh_folder(config: &mut Config) -> io::Result<()> {
    let name = config.folder().file_name().unwrap_or_default().to_string_lossy();
    let folder = config.folder().with_file_name(format!("simulated-{name}"));
    match std::fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => config.set_folder(folder),
    }
    Ok(())
}
