//! One listing for each provider and kind of paging.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jobfeed::employjoy::{self, Candidate, NewApplication};
use jobfeed::fantastic_jobs::{self, TimeFrame};
use jobfeed::jiff::Timestamp;
use jobfeed::testing::{EmployJoy, FantasticJobs, Insert, JobAffinity, JobDataApi};
use jobfeed::{Checkpoint, ClientBuilder, Clock, Mark, Provider, RateLimit, jobaffinity, jobdataapi};

use super::*;

/// Applies the settings to the builder of a client whose server has this time.
pub(super) fn set<P: Provider>(builder: ClientBuilder<P>, settings: Settings, now: Timestamp) -> ClientBuilder<P> {
    builder
        .rate_limit(RateLimit::unlimited())
        .retry(settings.retry)
        .timeout(settings.timeout)
        .max_body_bytes(settings.max_body_bytes)
        .clock(Clock::fixed(now + settings.ahead))
}

/// The pages of a listing.
macro_rules! pages {
    ($listing:expr, $strict:expr, $cursor:expr) => {{
        let mut listing = $listing;
        if $strict {
            listing = listing.strict();
        }
        if let Some(cursor) = $cursor {
            listing = listing.resume_from(cursor);
        }
        listing.pages_as()
    }};
}

pub(super) use pages;

/// Runs a sync and commits each batch.
macro_rules! run {
    ($sync:expr) => {{
        let mut keys = Vec::new();
        let run = async {
            let mut run = $sync.items_as::<Value>().await?;
            while let Some(batch) = run.next().await? {
                keys.extend(batch.items().iter().map(|row| row[Self::KEY].to_string()));
                batch.commit().await?;
            }
            Ok(run.report().outcome)
        };
        let ended = run.await;
        Synced { keys, ended }
    }};
}

/// What every case does in the same way with its simulator.
macro_rules! simulated {
    () => {
        fn fault(&self, fault: Fault, when: When) {
            self.0.fault(fault, when);
        }

        fn clear_faults(&self) {
            self.0.clear_faults();
        }

        fn served(&self) -> Served {
            self.0.served()
        }

        fn base_url(&self) -> String {
            self.0.base_url().to_string()
        }
    };
}

pub(super) use simulated;

/// Page numbers with a total.
pub(super) struct JobDataApiJobs(JobDataApi);

impl JobDataApiJobs {
    fn client(&self, settings: Settings) -> jobdataapi::Client {
        let builder = jobdataapi::Client::builder().api_key(self.0.api_key()).base_url(self.0.base_url());
        set(builder, settings, self.0.with(|data| data.now())).build().unwrap()
    }
}

impl Case for JobDataApiJobs {
    const TOTAL: bool = true;
    const TOKENS: bool = false;
    const SYNC_COUNTS: bool = true;

    simulated!();

    async fn start() -> Self {
        Self(JobDataApi::builder().jobs(ROWS).days(60).start().await.unwrap())
    }

    fn pages(&self, settings: Settings, strict: bool, cursor: Option<Cursor>) -> PageStream<Value> {
        pages!(self.client(settings).jobs().page_size(PAGE), strict, cursor)
    }

    async fn sync(&self, settings: Settings, store: &MemoryStore) -> Synced {
        run!(self.client(settings).jobs().page_size(PAGE).sync_by_id("k", store))
    }

    fn add_rows(&self) {
        self.0.insert(20, Insert::Recent);
    }

    async fn synced_rows(&self, _: &MemoryStore) -> BTreeSet<String> {
        self.0.ids().iter().map(u64::to_string).collect()
    }

    fn secret(&self) -> String {
        self.0.api_key().to_owned()
    }
}

/// A server whose time moves when the test moves it, in minutes.
async fn employjoy_server(builder: jobfeed::testing::employjoy::Builder) -> (EmployJoy, Arc<AtomicI64>) {
    let minutes = Arc::new(AtomicI64::new(0));
    let passed = minutes.clone();
    let now = move || Timestamp::from_second(1_780_000_000 + 60 * passed.load(Ordering::Relaxed)).unwrap();
    (builder.now_from(now).start().await.unwrap(), minutes)
}

fn employjoy(server: &EmployJoy, settings: Settings) -> employjoy::Client {
    let builder = employjoy::Client::builder().api_key(server.api_key()).base_url(server.base_url());
    set(builder, settings, server.with(|data| data.now())).build().unwrap()
}

/// A cursor without a total.
pub(super) struct EmployJoyJobs(EmployJoy, Arc<AtomicI64>);

impl Case for EmployJoyJobs {
    const TOTAL: bool = false;
    const REPEATABLE_POST: bool = true;
    const TOKENS: bool = true;

    simulated!();

    async fn start() -> Self {
        let (server, minutes) = employjoy_server(EmployJoy::builder().jobs(ROWS)).await;
        Self(server, minutes)
    }

    fn pages(&self, settings: Settings, strict: bool, cursor: Option<Cursor>) -> PageStream<Value> {
        pages!(employjoy(&self.0, settings).jobs().page_size(PAGE), strict, cursor)
    }

    async fn sync(&self, settings: Settings, store: &MemoryStore) -> Synced {
        run!(employjoy(&self.0, settings).jobs().page_size(PAGE).sync_by_update("k", store))
    }

    fn add_rows(&self) {
        self.0.with(|data| data.insert_jobs(20));
    }

    fn pass_time(&self) {
        self.1.fetch_add(30, Ordering::Relaxed);
    }

    async fn synced_rows(&self, _: &MemoryStore) -> BTreeSet<String> {
        self.0.with(|data| data.job_ids()).iter().map(|id| format!("{id:?}")).collect()
    }

    fn secret(&self) -> String {
        self.0.api_key().to_owned()
    }

    /// The server recognises a repetition of it, so it may be repeated.
    async fn post(&self) -> Option<Error> {
        let api = employjoy(&self.0, Settings::default());
        let candidate = Candidate::new("Ada", "Moss", "ada@example.org", "+15550100");
        let submission = api.prepare(NewApplication::new("job_1", candidate).consent_to_contact(true)).unwrap();
        Some(api.submit(&submission).send().await.unwrap_err())
    }
}

/// The list of applications of the same service.
pub(super) struct EmployJoyApplications(EmployJoy, Arc<AtomicI64>);

impl Case for EmployJoyApplications {
    const TOTAL: bool = false;
    const TOKENS: bool = true;

    simulated!();

    async fn start() -> Self {
        let (server, minutes) = employjoy_server(EmployJoy::builder().jobs(7).applications(ROWS)).await;
        Self(server, minutes)
    }

    fn pages(&self, settings: Settings, strict: bool, cursor: Option<Cursor>) -> PageStream<Value> {
        pages!(employjoy(&self.0, settings).applications().page_size(PAGE), strict, cursor)
    }

    async fn sync(&self, settings: Settings, store: &MemoryStore) -> Synced {
        run!(employjoy(&self.0, settings).applications().page_size(PAGE).sync_by_update("k", store))
    }

    fn add_rows(&self) {
        self.0.with(|data| data.insert_applications(20));
    }

    fn pass_time(&self) {
        self.1.fetch_add(30, Ordering::Relaxed);
    }

    async fn synced_rows(&self, _: &MemoryStore) -> BTreeSet<String> {
        self.0.with(|data| data.application_ids()).iter().map(|id| format!("{id:?}")).collect()
    }

    fn secret(&self) -> String {
        self.0.api_key().to_owned()
    }
}

/// Links to next pages without a total.
pub(super) struct JobAffinityJobs(JobAffinity);

impl JobAffinityJobs {
    fn client(&self, settings: Settings) -> jobaffinity::Client {
        set(self.0.client(), settings, Timestamp::now()).build().unwrap()
    }
}

impl Case for JobAffinityJobs {
    const TOTAL: bool = false;
    const TOKENS: bool = false;
    const BY_HOST: bool = true;

    simulated!();

    async fn start() -> Self {
        Self(JobAffinity::builder().jobs(ROWS).applications(0).start().await.unwrap())
    }

    fn pages(&self, settings: Settings, strict: bool, cursor: Option<Cursor>) -> PageStream<Value> {
        pages!(self.client(settings).jobs().page_size(PAGE), strict, cursor)
    }

    async fn sync(&self, settings: Settings, store: &MemoryStore) -> Synced {
        run!(self.client(settings).jobs().page_size(PAGE).sync_since("k", store))
    }

    fn add_rows(&self) {
        self.0.with(|data| (0..20).for_each(|_| _ = data.add_job()));
    }

    async fn synced_rows(&self, _: &MemoryStore) -> BTreeSet<String> {
        self.0.with(|data| data.jobs()).iter().map(u64::to_string).collect()
    }

    fn secret(&self) -> String {
        self.0.password().to_owned()
    }

    async fn post(&self) -> Option<Error> {
        Some(self.client(Settings::default()).add_step(1, 2).unwrap().send().await.unwrap_err())
    }
}

/// The first indexed row that the listing and the sync ask for.
const FIRST: &str = "2026-03-10T07:00:00Z";

/// Offsets without a total, to an empty page; and the same list by cursor.
pub(super) struct FantasticAts<const CURSOR: bool>(FantasticJobs);

impl<const CURSOR: bool> FantasticAts<CURSOR> {
    fn client(&self, settings: Settings) -> fantastic_jobs::Client {
        let builder = fantastic_jobs::Client::builder().api_key(self.0.api_key()).base_url(self.0.base_url());
        set(builder, settings, self.0.now()).build().unwrap()
    }
}

impl<const CURSOR: bool> Case for FantasticAts<CURSOR> {
    const TOTAL: bool = false;
    const TOKENS: bool = CURSOR;
    const NAMES_NEXT: bool = false;
    const CLOSING: u64 = 1;
    const SYNC_COUNTS: bool = true;

    simulated!();

    async fn start() -> Self {
        let server = FantasticJobs::builder().now("2026-03-10T09:15:00Z".parse().unwrap());
        Self(server.history(SignedDuration::from_hours(3)).rows_per_hour(1000).start().await.unwrap())
    }

    fn pages(&self, settings: Settings, strict: bool, cursor: Option<Cursor>) -> PageStream<Value> {
        let frame = if CURSOR { TimeFrame::SixMonths } else { TimeFrame::Hour };
        let jobs = self.client(settings).active_ats().time_frame(frame).page_size(PAGE);
        let jobs = jobs.date_created_gte(FIRST.parse().unwrap());
        pages!(jobs.date_created_lt("2026-03-10T08:00:00Z".parse().unwrap()), strict, cursor)
    }

    async fn sync(&self, settings: Settings, store: &MemoryStore) -> Synced {
        let jobs = self.client(settings).active_ats().page_size(PAGE);
        run!(jobs.sync_hourly("k", store).since(FIRST.parse().unwrap()))
    }

    fn add_rows(&self) {
        self.0.advance(SignedDuration::from_hours(1));
    }

    async fn synced_rows(&self, store: &MemoryStore) -> BTreeSet<String> {
        let state = store.load("k").await.unwrap().expect("a state");
        let Some(Mark::Time(until)) = state.watermark() else { panic!("no watermark") };
        let from = FIRST.parse().unwrap();
        self.0
            .indexed(jobfeed::testing::fantastic_jobs::FeedName::Ats, from, until)
            .iter()
            .map(u64::to_string)
            .collect()
    }

    fn secret(&self) -> String {
        self.0.api_key().to_owned()
    }
}
