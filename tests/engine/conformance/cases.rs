//! One listing for each provider and kind of paging.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jobfeed::checkpoint::MemoryStore;
use jobfeed::employjoy::{self, Candidate, NewApplication};
use jobfeed::fantastic_jobs::{self, TimeFrame};
use jobfeed::jiff::{SignedDuration, Timestamp};
use jobfeed::testing::conformance::{Case, PAGE, PostCase, ROWS, Settings, SyncCase};
use jobfeed::testing::fantastic_jobs::FeedName;
use jobfeed::testing::{EmployJoy, FantasticJobs, Insert, JobAffinity, JobDataApi, Service, Simulator};
use jobfeed::{BoxError, Checkpoint, Mark, PageStream, Result, SyncRun, jobaffinity, jobdataapi};
use serde_json::Value;

/// A run of a sync that decodes nothing.
type Run = Result<SyncRun<Value, MemoryStore>>;

/// The pages of a listing whose request is a type of the provider.
macro_rules! pages {
    ($listing:expr, $settings:expr) => {{
        let mut listing = $listing;
        if $settings.strict() {
            listing = listing.strict();
        }
        if let Some(cursor) = $settings.cursor() {
            listing = listing.resume_from(cursor);
        }
        Ok(listing.pages_as())
    }};
}

/// Page numbers with a total.
pub(super) struct JobDataApiJobs(JobDataApi);

impl JobDataApiJobs {
    fn client(&self, settings: &Settings) -> Result<jobdataapi::Client> {
        let builder = jobdataapi::Client::builder().api_key(self.0.api_key()).base_url(self.0.base_url());
        settings.client(builder, self.0.with(|data| data.now())).build()
    }
}

impl Case for JobDataApiJobs {
    const TOTAL: bool = true;
    const TOKENS: bool = false;

    async fn start() -> Result<Self, BoxError> {
        Ok(Self(JobDataApi::builder().jobs(ROWS).days(60).start().await?))
    }

    fn server(&self) -> &Simulator<impl Service> {
        &*self.0
    }

    fn pages(&self, settings: &Settings) -> Result<PageStream<Value>> {
        pages!(self.client(settings)?.jobs().page_size(PAGE), settings)
    }

    fn secret(&self) -> String {
        self.0.api_key().to_owned()
    }
}

impl SyncCase for JobDataApiJobs {
    const COUNTS: bool = true;

    async fn sync(&self, settings: &Settings, store: MemoryStore) -> Run {
        self.client(settings)?.jobs().page_size(PAGE).sync_by_id("k", store).items_as().await
    }

    fn add_rows(&self) {
        self.0.insert(20, Insert::Recent);
    }

    async fn expected(&self, _: &MemoryStore) -> BTreeSet<String> {
        self.0.ids().iter().map(u64::to_string).collect()
    }
}

/// A server whose time moves when the test moves it, in minutes.
async fn employjoy_server(
    builder: jobfeed::testing::employjoy::Builder,
) -> Result<(EmployJoy, Arc<AtomicI64>), BoxError> {
    let minutes = Arc::new(AtomicI64::new(0));
    let passed = minutes.clone();
    let now = move || Timestamp::from_second(1_780_000_000 + 60 * passed.load(Ordering::Relaxed)).unwrap();
    Ok((builder.now_from(now).start().await?, minutes))
}

fn employjoy(server: &EmployJoy, settings: &Settings) -> Result<employjoy::Client> {
    let builder = employjoy::Client::builder().api_key(server.api_key()).base_url(server.base_url());
    settings.client(builder, server.with(|data| data.now())).build()
}

/// A cursor without a total.
pub(super) struct EmployJoyJobs(EmployJoy, Arc<AtomicI64>);

impl Case for EmployJoyJobs {
    async fn start() -> Result<Self, BoxError> {
        let (server, minutes) = employjoy_server(EmployJoy::builder().jobs(ROWS)).await?;
        Ok(Self(server, minutes))
    }

    fn server(&self) -> &Simulator<impl Service> {
        &*self.0
    }

    fn pages(&self, settings: &Settings) -> Result<PageStream<Value>> {
        pages!(employjoy(&self.0, settings)?.jobs().page_size(PAGE), settings)
    }

    fn secret(&self) -> String {
        self.0.api_key().to_owned()
    }
}

impl SyncCase for EmployJoyJobs {
    async fn sync(&self, settings: &Settings, store: MemoryStore) -> Run {
        employjoy(&self.0, settings)?.jobs().page_size(PAGE).sync_by_update("k", store).items_as().await
    }

    fn add_rows(&self) {
        self.0.with(|data| data.insert_jobs(20));
    }

    fn pass_time(&self) {
        self.1.fetch_add(30, Ordering::Relaxed);
    }

    async fn expected(&self, _: &MemoryStore) -> BTreeSet<String> {
        self.0.with(|data| data.job_ids()).iter().map(|id| format!("{id:?}")).collect()
    }
}

impl PostCase for EmployJoyJobs {
    const REPEATABLE: bool = true;

    async fn post(&self, settings: &Settings) -> Result<()> {
        let api = employjoy(&self.0, settings)?;
        let candidate = Candidate::new("Ada", "Moss", "ada@example.org", "+15550100");
        let submission = api.prepare(NewApplication::new("job_1", candidate).consent_to_contact(true))?;
        api.submit(&submission).send().await.map(drop)
    }
}

/// The list of applications of the same service.
pub(super) struct EmployJoyApplications(EmployJoy, Arc<AtomicI64>);

impl Case for EmployJoyApplications {
    async fn start() -> Result<Self, BoxError> {
        let (server, minutes) = employjoy_server(EmployJoy::builder().jobs(7).applications(ROWS)).await?;
        Ok(Self(server, minutes))
    }

    fn server(&self) -> &Simulator<impl Service> {
        &*self.0
    }

    fn pages(&self, settings: &Settings) -> Result<PageStream<Value>> {
        pages!(employjoy(&self.0, settings)?.applications().page_size(PAGE), settings)
    }

    fn secret(&self) -> String {
        self.0.api_key().to_owned()
    }
}

impl SyncCase for EmployJoyApplications {
    async fn sync(&self, settings: &Settings, store: MemoryStore) -> Run {
        employjoy(&self.0, settings)?.applications().page_size(PAGE).sync_by_update("k", store).items_as().await
    }

    fn add_rows(&self) {
        self.0.with(|data| data.insert_applications(20));
    }

    fn pass_time(&self) {
        self.1.fetch_add(30, Ordering::Relaxed);
    }

    async fn expected(&self, _: &MemoryStore) -> BTreeSet<String> {
        self.0.with(|data| data.application_ids()).iter().map(|id| format!("{id:?}")).collect()
    }
}

/// Links to next pages without a total.
pub(super) struct JobAffinityJobs(JobAffinity);

impl JobAffinityJobs {
    fn client(&self, settings: &Settings) -> Result<jobaffinity::Client> {
        settings.client(self.0.client(), Timestamp::now()).build()
    }
}

impl Case for JobAffinityJobs {
    const TOKENS: bool = false;
    const BY_HOST: bool = true;

    async fn start() -> Result<Self, BoxError> {
        Ok(Self(JobAffinity::builder().jobs(ROWS).applications(0).start().await?))
    }

    fn server(&self) -> &Simulator<impl Service> {
        &*self.0
    }

    fn pages(&self, settings: &Settings) -> Result<PageStream<Value>> {
        pages!(self.client(settings)?.jobs().page_size(PAGE), settings)
    }

    fn secret(&self) -> String {
        self.0.password().to_owned()
    }
}

impl SyncCase for JobAffinityJobs {
    async fn sync(&self, settings: &Settings, store: MemoryStore) -> Run {
        self.client(settings)?.jobs().page_size(PAGE).sync_since("k", store).items_as().await
    }

    fn add_rows(&self) {
        self.0.with(|data| (0..20).for_each(|_| _ = data.add_job()));
    }

    async fn expected(&self, _: &MemoryStore) -> BTreeSet<String> {
        self.0.with(|data| data.jobs()).iter().map(u64::to_string).collect()
    }
}

impl PostCase for JobAffinityJobs {
    async fn post(&self, settings: &Settings) -> Result<()> {
        self.client(settings)?.add_step(1, 2)?.send().await.map(drop)
    }
}

/// The first indexed row that the listing and the sync ask for.
const FIRST: &str = "2026-03-10T07:00:00Z";

/// Offsets without a total, to an empty page; and the same list by cursor.
pub(super) struct FantasticAts<const CURSOR: bool>(FantasticJobs);

impl<const CURSOR: bool> FantasticAts<CURSOR> {
    fn client(&self, settings: &Settings) -> Result<fantastic_jobs::Client> {
        let builder = fantastic_jobs::Client::builder().api_key(self.0.api_key()).base_url(self.0.base_url());
        settings.client(builder, self.0.now()).build()
    }
}

impl<const CURSOR: bool> Case for FantasticAts<CURSOR> {
    const TOKENS: bool = CURSOR;
    const NAMES_NEXT: bool = false;
    const CLOSING: u64 = 1;

    async fn start() -> Result<Self, BoxError> {
        let server = FantasticJobs::builder().now("2026-03-10T09:15:00Z".parse()?);
        Ok(Self(server.history(SignedDuration::from_hours(3)).rows_per_hour(1000).start().await?))
    }

    fn server(&self) -> &Simulator<impl Service> {
        &*self.0
    }

    fn pages(&self, settings: &Settings) -> Result<PageStream<Value>> {
        let frame = if CURSOR { TimeFrame::SixMonths } else { TimeFrame::Hour };
        let jobs = self.client(settings)?.active_ats().time_frame(frame).page_size(PAGE);
        let jobs = jobs.date_created_gte(FIRST.parse().unwrap());
        pages!(jobs.date_created_lt("2026-03-10T08:00:00Z".parse().unwrap()), settings)
    }

    fn secret(&self) -> String {
        self.0.api_key().to_owned()
    }
}

impl<const CURSOR: bool> SyncCase for FantasticAts<CURSOR> {
    const COUNTS: bool = true;

    async fn sync(&self, settings: &Settings, store: MemoryStore) -> Run {
        let jobs = self.client(settings)?.active_ats().page_size(PAGE);
        jobs.sync_hourly("k", store).since(FIRST.parse().unwrap()).items_as().await
    }

    fn add_rows(&self) {
        self.0.advance(SignedDuration::from_hours(1));
    }

    /// Up to the watermark.
    async fn expected(&self, store: &MemoryStore) -> BTreeSet<String> {
        let state = store.load("k").await.unwrap().expect("a state");
        let Some(Mark::Time(until)) = state.watermark() else { panic!("no watermark") };
        let rows = self.0.indexed(FeedName::Ats, FIRST.parse().unwrap(), until);
        rows.iter().map(u64::to_string).collect()
    }
}
