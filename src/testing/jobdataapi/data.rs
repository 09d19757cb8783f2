//! The data of the simulated jobdataapi.com: jobs that are added, removed and expire.

use std::collections::HashSet;
use std::fmt;

use fastrand::Rng;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::catalog::{Catalog, Company};
use super::filter::{filter, window};
use super::query::{Invalid, Params, look_up};
use super::record::{self, Job, JobKey, RecordStyle, mix};
use crate::client::Clock;

/// The order of the job list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Order {
    /// By publication, the newest first, then by id, the highest first.
    #[default]
    PublishedDesc,
    /// By id, the lowest first.
    IdAsc,
    /// By id, the highest first.
    IdDesc,
    /// Shuffled, and the same in every request.
    Shuffled,
    /// Another order in every request, as a database may give without an `ORDER BY`: a client that reads by page number misses rows.
    Unstable,
}

/// The time of publication that inserted jobs get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Insert {
    /// Within the last six hours.
    Recent,
    /// This many days ago, up to twelve hours more: a new id with an old date.
    Old {
        /// Days back from now.
        days: u32,
    },
    /// On this day (UTC).
    On(Date),
}

/// The jobs of a [`JobDataApi`](super::JobDataApi), to be read and changed between two requests.
pub struct JobData {
    pub(super) catalog: Catalog,
    clock: Clock,
    style: RecordStyle,
    rng: Rng,
    order: Order,
    /// Sorted by id.
    jobs: Vec<Job>,
    /// Indexes into `jobs` in the order of the list. Each has a copy of its job's key, because reading every job of a large list
    /// from memory is slow. `None` after a change.
    ordered: Option<Vec<(JobKey, usize)>>,
    requests: u64,
    last_id: u64,
}

/// The settings of [`JobData`].
#[derive(Debug)]
pub(super) struct JobSettings {
    pub(super) jobs: usize,
    pub(super) days: u32,
    pub(super) first_id: u64,
    pub(super) order: Order,
    /// Every company of this number is an agency; 0 for none.
    pub(super) agency: usize,
    pub(super) style: RecordStyle,
}

impl JobData {
    pub(super) fn new(settings: &JobSettings, clock: Clock) -> Self {
        let seed = settings.style.seed;
        let mut data = Self {
            catalog: Catalog::new(seed, clock.today(), settings.agency),
            clock,
            style: settings.style,
            rng: Rng::with_seed(mix(seed, 1)),
            order: settings.order,
            jobs: Vec::with_capacity(settings.jobs),
            ordered: None,
            requests: 0,
            last_id: settings.first_id.saturating_sub(1),
        };
        data.fill(settings);
        data
    }

    /// Adds the jobs of the start: ids grow with the time of insertion, and publication is some time before insertion.
    fn fill(&mut self, settings: &JobSettings) {
        let now = self.now();
        let span = i64::from(settings.days.max(1)) * 86_400;
        let total = i64::try_from(settings.jobs).unwrap_or(i64::MAX).max(1);
        for (index, _) in (0_i64..).zip(0..settings.jobs) {
            let inserted = span - index.saturating_mul(span) / total;
            let delay = match self.rng.u8(..20) {
                0..16 => self.rng.i64(0..=36 * 3_600),
                16..19 => self.rng.i64(0..=10 * 86_400),
                _ => self.rng.i64(0..=60 * 86_400),
            };
            let published = seconds_before(now, (inserted + delay).min(span - 1));
            let id = self.next_id();
            let mut job = record::make(&self.catalog, self.style, id, published);
            if self.rng.u8(..50) == 0 {
                let open = self.rng.i64(0..=inserted.max(1));
                record::expire(&self.catalog, self.style, &mut job, seconds_before(now, open.min(inserted)));
            }
            self.jobs.push(job);
        }
    }

    /// A new id, higher than all before; some ids between are left out.
    fn next_id(&mut self) -> u64 {
        let gap = if self.rng.u8(..10) == 0 { self.rng.u64(1..25) } else { 0 };
        self.last_id += 1 + gap;
        self.last_id
    }

    /// How many jobs there are.
    pub fn len(&self) -> usize {
        self.jobs.len()
    }

    /// Whether there are no jobs.
    pub fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }

    /// The simulated time.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Adds jobs under new ids, higher than any before, and returns the ids.
    pub fn insert(&mut self, n: usize, insert: Insert) -> Vec<u64> {
        let ids = self.reserve(n);
        self.insert_reserved(&ids, insert);
        ids
    }

    /// Takes ids without adding jobs yet, as a transaction does that is still open.
    pub fn reserve(&mut self, n: usize) -> Vec<u64> {
        (0..n).map(|_| self.next_id()).collect()
    }

    /// Adds jobs under ids from [`reserve`](Self::reserve), even when jobs with higher ids were added meanwhile. Ids that are in
    /// use, or higher than the last id given out, are left out.
    pub fn insert_reserved(&mut self, ids: &[u64], insert: Insert) {
        let now = self.now();
        for &id in ids {
            let published = match insert {
                Insert::Recent => seconds_before(now, self.rng.i64(0..6 * 3_600)),
                Insert::Old { days } => seconds_before(now, i64::from(days) * 86_400 + self.rng.i64(0..12 * 3_600)),
                Insert::On(day) => {
                    let start = day.to_zoned(TimeZone::UTC).map_or(now, |start| start.timestamp());
                    seconds_before(start, -self.rng.i64(0..86_400))
                }
            };
            if let (Err(index), true) = (self.index(id), id <= self.last_id) {
                let job = record::make(&self.catalog, self.style, id, published);
                self.jobs.insert(index, job);
            }
        }
        self.ordered = None;
    }

    /// Removes jobs, and returns how many were there. Their ids are not used again.
    pub fn delete(&mut self, ids: &[u64]) -> usize {
        let ids: HashSet<u64> = ids.iter().copied().collect();
        let before = self.jobs.len();
        self.jobs.retain(|job| !ids.contains(&job.key.id));
        self.ordered = None;
        before - self.jobs.len()
    }

    /// Lets jobs expire now: they stay in the list with `expired` set, and are in the list of expired jobs too. Returns how many
    /// were there.
    pub fn expire(&mut self, ids: &[u64]) -> usize {
        let now = self.now();
        let mut found = 0;
        for &id in ids {
            let Ok(index) = self.index(id) else { continue };
            if let Some(job) = self.jobs.get_mut(index) {
                record::expire(&self.catalog, self.style, job, whole_seconds(now));
                found += 1;
            }
        }
        found
    }

    /// All ids, the lowest first.
    pub fn ids(&self) -> Vec<u64> {
        self.jobs.iter().map(|job| job.key.id).collect()
    }

    /// The ids of the jobs published on these days (UTC), both included, the lowest first.
    pub fn ids_published_between(&self, since: Date, until: Date) -> Vec<u64> {
        let days = since..=until;
        let found = self.jobs.iter().filter(|job| days.contains(&job.key.day));
        found.map(|job| job.key.id).collect()
    }

    /// The record of a job, exactly as it is served.
    pub fn record(&self, id: u64) -> Option<String> {
        self.job(id).map(|job| job.json.to_string())
    }

    /// When a job was published.
    pub fn published(&self, id: u64) -> Option<Timestamp> {
        self.job(id).map(|job| job.key.published)
    }

    /// Whether the company of a job is a recruiting or staffing firm.
    pub fn is_agency(&self, id: u64) -> bool {
        self.company(id).is_some_and(|company| company.is_agency)
    }

    /// The specialties of the company of a job. No record has them, because the name of their member is not documented; the
    /// parameter `company_specialty` reads them.
    pub fn specialties(&self, id: u64) -> Vec<&str> {
        self.company(id).map(|company| company.specialties.lines().collect()).unwrap_or_default()
    }

    /// The codes of the states of a job.
    pub fn state_codes(&self, id: u64) -> Vec<&str> {
        let cities = self.job(id).map(|job| look_up(&self.catalog.cities, &job.cities)).into_iter().flatten();
        let states = cities.filter_map(|city| self.catalog.states.get(city.state_index?));
        states.map(|state| state.code.as_str()).collect()
    }

    fn company(&self, id: u64) -> Option<&Company> {
        self.catalog.companies.get(self.job(id)?.company?).map(|company| &**company)
    }

    pub(super) fn job(&self, id: u64) -> Option<&Job> {
        self.index(id).ok().and_then(|index| self.jobs.get(index))
    }

    /// The index of the job in `jobs`, or the index where it has to be inserted.
    fn index(&self, id: u64) -> Result<usize, usize> {
        // Checked first because hooks insert thousands of jobs, whose ids are the highest.
        match self.jobs.last() {
            Some(last) if last.key.id >= id => self.jobs.binary_search_by_key(&id, |job| job.key.id),
            _ => Err(self.jobs.len()),
        }
    }

    /// Sorts for [`matching`](Self::matching). To be called once for each request.
    pub(super) fn sort(&mut self) {
        self.requests += 1;
        if self.ordered.is_some() && self.order != Order::Unstable {
            return;
        }
        let mut ordered: Vec<(JobKey, usize)> = self.jobs.iter().map(|job| job.key).zip(0..).collect();
        ordered.sort_by_cached_key(|(key, _)| self.sort_key(*key));
        self.ordered = Some(ordered);
    }

    fn sort_key(&self, key: JobKey) -> (i64, u64) {
        match self.order {
            Order::PublishedDesc => (-key.published.as_second(), u64::MAX - key.id),
            Order::IdAsc => (0, key.id),
            Order::IdDesc => (0, u64::MAX - key.id),
            Order::Shuffled => (0, mix(self.style.seed, key.id)),
            Order::Unstable => (0, mix(self.style.seed ^ self.requests, key.id)),
        }
    }

    /// The jobs that pass the filters, in the order of the list. `slicing` says whether the slicing parameters have an effect.
    pub(super) fn matching(&self, params: Params<'_>, slicing: bool) -> Result<Vec<&Job>, Invalid> {
        let in_window = window(params, self.now(), slicing)?;
        let passes = filter(&self.catalog, params)?;
        let ordered = self.ordered.iter().flatten().filter(|(key, _)| in_window(*key));
        Ok(ordered.filter_map(|&(_, index)| self.jobs.get(index)).filter(|job| passes(job)).collect())
    }

    /// The lowest id of the newest jobs, of so many; above all ids for 0.
    pub(super) fn newest(&self, jobs: usize) -> u64 {
        let first = self.jobs.get(self.jobs.len().saturating_sub(jobs));
        first.map_or(u64::MAX, |job| job.key.id)
    }

    /// All jobs, the lowest id first.
    pub(super) fn jobs(&self) -> &[Job] {
        &self.jobs
    }
}

impl fmt::Debug for JobData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobData")
            .field("jobs", &self.jobs.len())
            .field("order", &self.order)
            .field("last_id", &self.last_id)
            .finish_non_exhaustive()
    }
}

/// The time this many seconds before `at`, in whole seconds as the API writes it. `at` when that is out of range.
fn seconds_before(at: Timestamp, seconds: i64) -> Timestamp {
    let earlier = at.checked_sub(SignedDuration::from_secs(seconds)).unwrap_or(at);
    whole_seconds(earlier)
}

fn whole_seconds(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}
