//! The rows of the feeds: when each was indexed, edited and removed.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fastrand::Rng;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// One of the two feeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeedName {
    /// Applicant tracking systems.
    Ats,
    /// Job boards.
    Jb,
}

const HOUR: i64 = 3_600;
const COUNTRIES: [&str; 4] = ["United States", "United Kingdom", "Germany", "Canada"];
const TITLES: [&str; 5] = ["Data Engineer", "Software Engineer", "Nurse", "Sales Manager", "Baker"];
const ATS: [&str; 4] = ["greenhouse", "workday", "lever.co", "ashby"];
const BOARDS: [&str; 4] = ["linkedin", "linkedin", "wellfound", "ycombinator"];

/// A job as a feed has it.
#[derive(Debug, Clone)]
pub(super) struct JobRow {
    pub(super) id: u64,
    pub(super) created: Timestamp,
    pub(super) posted: Timestamp,
    pub(super) expired: Option<Timestamp>,
    pub(super) modified: Option<Timestamp>,
    pub(super) title: String,
    pub(super) country: &'static str,
    source: u8,
}

/// The simulated time. It moves by [`advance`](Self::advance) only.
#[derive(Debug, Clone)]
pub(super) struct SimulatedTime(Arc<Mutex<Timestamp>>);

impl SimulatedTime {
    pub(super) fn new(now: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(now)))
    }

    fn lock(&self) -> MutexGuard<'_, Timestamp> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn now(&self) -> Timestamp {
        *self.lock()
    }

    pub(super) fn advance(&self, by: SignedDuration) {
        let mut now = self.lock();
        *now = now.checked_add(by).unwrap_or(Timestamp::MAX);
    }
}

/// Both feeds, to be read and changed between two requests.
#[derive(Debug)]
pub struct Feeds {
    pub(super) ats: FeedData,
    pub(super) jb: FeedData,
    pub(super) time: SimulatedTime,
    pub(super) jobs_billed: u64,
}

impl Feeds {
    /// A feed as it is now.
    pub fn feed(&mut self, feed: FeedName) -> &mut FeedData {
        let now = self.time.now();
        let data = match feed {
            FeedName::Ats => &mut self.ats,
            FeedName::Jb => &mut self.jb,
        };
        data.make_until(now);
        data
    }
}

/// The rows of a feed, which grow as the simulated time moves.
#[derive(Debug)]
pub struct FeedData {
    seed: u64,
    rows_per_hour: u32,
    expires_within: Option<SignedDuration>,
    /// By index time, which is also the order of ids.
    rows: Vec<JobRow>,
    by_id: BTreeMap<u64, usize>,
    /// The rows up to this second are made.
    made_until: i64,
}

impl FeedData {
    pub(super) fn new(seed: u64, rows_per_hour: u32, expires_within: Option<SignedDuration>, begin: Timestamp) -> Self {
        let made_until = begin.as_second() - begin.as_second().rem_euclid(HOUR);
        Self { seed, rows_per_hour, expires_within, rows: Vec::new(), by_id: BTreeMap::new(), made_until }
    }

    /// Makes the rows of all hours that have begun by now.
    pub(super) fn make_until(&mut self, now: Timestamp) {
        while self.made_until <= now.as_second() {
            let mut rng =
                Rng::with_seed(self.seed ^ self.made_until.unsigned_abs().wrapping_mul(0x9E37_79B9_7F4A_7C15));
            let mut moments: Vec<i64> = (0..self.rows_per_hour)
                .map(|_| rng.i64(0..HOUR * 1_000_000))
                .map(|micros| self.made_until * 1_000_000 + micros)
                .collect();
            // A row at the very start of each hour shows an overlap or a gap of one instant.
            if let Some(first) = moments.first_mut() {
                *first = self.made_until * 1_000_000;
            }
            moments.sort_unstable();
            moments.dedup();
            for micros in moments {
                let created = Timestamp::from_microsecond(micros).unwrap_or(now);
                self.push(&mut rng, created);
            }
            self.made_until += HOUR;
        }
    }

    fn push(&mut self, rng: &mut Rng, created: Timestamp) {
        let back = SignedDuration::from_secs(rng.i64(0..3 * 86_400));
        // Seven of ten jobs are posted at midnight.
        let posted = created.checked_sub(back).unwrap_or(created);
        let posted = if rng.u8(..10) < 7 {
            Timestamp::from_second(posted.as_second() - posted.as_second().rem_euclid(86_400)).unwrap_or(posted)
        } else {
            posted
        };
        let expired = self.expires_within.filter(|_| rng.u8(..3) == 0).and_then(|within| {
            let after = SignedDuration::from_secs(rng.i64(HOUR..within.as_secs().max(HOUR + 1)));
            created.checked_add(after).ok()
        });
        let id = self.rows.last().map_or(2_400_000_000, |row| row.id) + rng.u64(1..4);
        let pick = |rng: &mut Rng, all: &[&'static str]| rng.choice(all.iter().copied()).unwrap_or_default();
        let (title, country, source) = (pick(rng, &TITLES).to_owned(), pick(rng, &COUNTRIES), rng.u8(..4));
        self.by_id.insert(id, self.rows.len());
        self.rows.push(JobRow { id, created, posted, expired, modified: None, title, country, source });
    }

    /// The rows indexed in a half-open interval.
    pub(super) fn between(&self, from: Timestamp, until: Timestamp) -> &[JobRow] {
        let start = self.rows.partition_point(|row| row.created < from);
        let end = self.rows.partition_point(|row| row.created < until).max(start);
        self.rows.get(start..end).unwrap_or_default()
    }

    pub(super) fn all(&self) -> &[JobRow] {
        &self.rows
    }

    /// The ids of the rows indexed in a half-open interval, the oldest first, those that expired included.
    pub fn indexed(&self, from: Timestamp, until: Timestamp) -> Vec<u64> {
        self.between(from, until).iter().map(|row| row.id).collect()
    }

    /// When a row expired or will expire.
    pub fn expired_at(&self, id: u64) -> Option<Timestamp> {
        self.rows.get(*self.by_id.get(&id)?)?.expired
    }

    /// Lets rows expire at an instant. Returns how many there were.
    pub fn expire(&mut self, ids: &[u64], at: Timestamp) -> usize {
        self.change(ids, |row| row.expired = Some(at))
    }

    /// Gives rows another title at an instant. Returns how many there were.
    pub fn retitle(&mut self, ids: &[u64], title: &str, at: Timestamp) -> usize {
        self.change(ids, |row| {
            title.clone_into(&mut row.title);
            row.modified = Some(at);
        })
    }

    fn change(&mut self, ids: &[u64], change: impl Fn(&mut JobRow)) -> usize {
        let mut found = 0;
        for id in ids {
            if let Some(row) = self.by_id.get(id).and_then(|&index| self.rows.get_mut(index)) {
                change(row);
                found += 1;
            }
        }
        found
    }
}

/// The time without a zone, with as many digits as it needs.
fn zoneless(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).datetime().to_string()
}

impl JobRow {
    pub(super) fn source(&self, feed: FeedName) -> &'static str {
        let sources = match feed {
            FeedName::Ats => ATS,
            FeedName::Jb => BOARDS,
        };
        sources.get(usize::from(self.source)).copied().unwrap_or_default()
    }

    /// Whether the row has not expired at `now`.
    pub(super) fn is_unexpired(&self, now: Timestamp) -> bool {
        self.expired.is_none_or(|at| at > now)
    }

    /// The row's JSON text.
    pub(super) fn json(&self, feed: FeedName, description: Option<&str>, edits: bool) -> String {
        let (source, created, posted) = (self.source(feed), zoneless(self.created), zoneless(self.posted));
        let kind = match feed {
            FeedName::Ats => "ats",
            FeedName::Jb => "jobboard",
        };
        let mut json = format!(
            r#"{{"id":{id},"date_posted":"{posted}","date_created":"{created}","title":{title},"organization":"Employer {employer}","url":"https://jobs.example/{kind}/{id}","source_type":"{kind}","source":"{source}","countries_derived":["{country}"]"#,
            id = self.id,
            title = serde_json::Value::from(self.title.as_str()),
            employer = self.id % 97,
            country = self.country,
        );
        if let Some(format) = description {
            let _ = write!(json, r#","description_{format}":"The description of row {}.""#, self.id);
        }
        if let (FeedName::Jb, "linkedin") = (feed, source) {
            let _ = write!(json, r#","linkedin_id":{},"recruiter_name":"Recruiter {}""#, self.id + 7, self.id % 13);
        }
        if let (true, Some(modified)) = (edits, self.modified) {
            let _ = write!(json, r#","date_modified":"{}","modified_fields":["title"]"#, zoneless(modified));
        }
        json.push('}');
        json
    }
}
