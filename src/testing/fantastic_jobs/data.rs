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
    /// The employer, the URL and the place of an ad that another provider has too.
    ad: Option<Ad>,
}

/// An ad of another provider that a feed has too; see [`FeedData::advertise`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ad {
    /// The title.
    pub title: String,
    /// The employer's name.
    pub organization: String,
    /// The place as "City, Region, Country" or "City, Country".
    pub place: String,
    /// The URL of the ad.
    pub url: String,
}

/// Which members of a row are shown, beside those that every row has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown<'r> {
    /// The format of the description; `None` for no description.
    pub(super) description: Option<&'r str>,
    /// When and what was edited.
    pub(super) edits: bool,
    /// The details of the employer, where they are shown only on request.
    pub(super) details: bool,
    /// The recruiter, who is a person.
    pub(super) recruiter: bool,
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
        self.rows.push(JobRow { id, created, posted, expired, modified: None, title, country, source, ad: None });
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

    /// Makes a row the copy of another provider's ad: its title, employer, place and URL. Filters by country still read the country that the row
    /// had. Returns whether there is such a row.
    pub fn advertise(&mut self, id: u64, ad: &Ad) -> bool {
        let copied = self.change(&[id], |row| {
            row.title.clone_from(&ad.title);
            row.ad = Some(ad.clone());
        });
        copied == 1
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

    /// The employer's name, as the source writes it.
    pub(super) fn organization(&self) -> String {
        match &self.ad {
            Some(ad) => ad.organization.clone(),
            None => format!("Employer {}", self.employer()),
        }
    }

    fn employer(&self) -> u64 {
        self.id % 97
    }

    /// Whether the employer is a recruitment agency; `None` where the row has no details of the employer.
    pub(super) fn is_agency(&self, feed: FeedName) -> Option<bool> {
        self.has_details(feed).then(|| self.employer().is_multiple_of(9))
    }

    /// How many people the employer has; `None` where the row has no details of the employer.
    pub(super) fn headcount(&self, feed: FeedName) -> Option<u64> {
        self.has_details(feed).then(|| 5 + self.employer() * 40)
    }

    /// Rows of job boards other than LinkedIn have no details of the employer.
    fn has_details(&self, feed: FeedName) -> bool {
        feed == FeedName::Ats || self.source(feed) == "linkedin"
    }

    /// Whether the row is marked as one that the other feed has too.
    pub(super) fn is_ats_duplicate(&self, feed: FeedName) -> bool {
        feed == FeedName::Jb && self.id.is_multiple_of(6)
    }

    /// The row's JSON text.
    pub(super) fn json(&self, feed: FeedName, shown: Shown<'_>) -> String {
        let (source, created, posted) = (self.source(feed), zoneless(self.created), zoneless(self.posted));
        let kind = match feed {
            FeedName::Ats => "ats",
            FeedName::Jb => "jobboard",
        };
        let country = self.ad.as_ref().and_then(|ad| ad.place.rsplit(", ").next()).unwrap_or(self.country);
        let mut json = format!(
            r#"{{"id":{id},"date_posted":"{posted}","date_created":"{created}","title":{title},"organization":{organization},"url":{url},"source_type":"{kind}","source":"{source}","countries_derived":[{country}]"#,
            id = self.id,
            title = serde_json::Value::from(self.title.as_str()),
            organization = serde_json::Value::from(self.organization()),
            url = match &self.ad {
                Some(ad) => serde_json::Value::from(ad.url.as_str()),
                None => format!("https://jobs.example/{kind}/{}", self.id).into(),
            },
            country = serde_json::Value::from(country),
        );
        if let Some((place, (city, _))) = self.ad.as_ref().and_then(|ad| Some((&ad.place, ad.place.split_once(", ")?)))
        {
            let (place, city) = (serde_json::Value::from(place.as_str()), serde_json::Value::from(city));
            let _ = write!(json, r#","cities_derived":[{city}],"locations_derived":[{place}]"#);
        }
        if let Some(format) = shown.description {
            let _ = write!(json, r#","description_{format}":"The description of row {}.""#, self.id);
        }
        if feed == FeedName::Jb {
            let _ = write!(json, r#","ats_duplicate":{}"#, self.is_ats_duplicate(feed));
        }
        if let (FeedName::Jb, "linkedin") = (feed, source) {
            let _ = write!(json, r#","linkedin_id":{}"#, self.id + 7);
        }
        if let (FeedName::Jb, "linkedin", true) = (feed, source, shown.recruiter) {
            let n = self.id % 13;
            let _ = write!(
                json,
                r#","recruiter_name":"Recruiter {n}","recruiter_title":"Recruiter","recruiter_url":"https://people.example/{n}""#
            );
        }
        // The job boards always have the details, the other feed only on request.
        let details = self.is_agency(feed).zip(self.headcount(feed));
        if let Some((agency, headcount)) = details.filter(|_| feed == FeedName::Jb || shown.details) {
            let _ = write!(
                json,
                r#","org_linkedin_headcount":{headcount},"org_linkedin_recruitment_agency_derived":{agency}"#
            );
        }
        if let (true, Some(modified)) = (shown.edits, self.modified) {
            let _ = write!(json, r#","date_modified":"{}","modified_fields":["title"]"#, zoneless(modified));
        }
        json.push('}');
        json
    }
}
