//! The simulated provider: a list of jobs for each company, as a feed of changes. A record that changes gets the next version and moves
//! to the end; one that is removed leaves a record which says so.

use std::collections::{BTreeMap, HashMap};
use std::time::SystemTime;

use fastrand::Rng;
use jobfeed::testing::{Fault, PageFaults, Received, Reply, Service, Simulator, When};

use crate::tables::Rows;

/// The companies, and the log of what was asked.
pub struct JobBoard {
    companies: BTreeMap<String, Company>,
    /// Each page that was served, in this order.
    pub asked: Vec<Asked>,
    /// Each so many-th request is refused with status 429; 0 for none.
    pub refuses: u64,
    /// The `Retry-After` of a refusal, in seconds.
    pub retry_after: u64,
    requests: u64,
}

/// One page that was served.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Its number: the header `x-request-id` of the answer.
    pub number: i64,
    /// The company.
    pub partition: String,
    /// The parameters that decide which page it is.
    pub page: String,
    /// Worker and fence: the header `x-request-of`.
    pub of: String,
    /// Seconds since 1970.
    pub at: f64,
}

#[derive(Default)]
struct Company {
    /// By version: id, and the record; `None` for one that was removed.
    feed: BTreeMap<u64, (i64, Option<String>)>,
    versions: HashMap<i64, u64>,
    last_version: u64,
}

impl Company {
    fn put(&mut self, id: i64, title: Option<String>) {
        self.last_version += 1;
        if let Some(before) = self.versions.insert(id, self.last_version) {
            self.feed.remove(&before);
        }
        let version = self.last_version;
        let json = title.map(|title| format!(r#"{{"id":{id},"version":{version},"title":"{title}"}}"#));
        self.feed.insert(version, (id, json));
    }
}

impl JobBoard {
    /// Companies with so many jobs each; each `refuses`-th request is refused, 0 for none.
    pub fn new(companies: usize, jobs: usize, refuses: u64) -> Self {
        let mut board = Self { companies: BTreeMap::new(), asked: Vec::new(), refuses, retry_after: 2, requests: 0 };
        for number in 0..companies {
            let company = board.companies.entry(format!("company-{number:03}")).or_default();
            (1..=jobs).for_each(|id| company.put(id as i64, Some(format!("Job {id}"))));
        }
        board
    }

    /// Starts it on loopback. Each answer takes a little while, as over a network.
    pub async fn start(self, milliseconds: u64) -> std::io::Result<Simulator<Self>> {
        let simulator = Simulator::start(self).await?;
        simulator.fault(Fault::SlowBody(std::time::Duration::from_millis(milliseconds)), When::Always);
        Ok(simulator)
    }

    /// The names of the companies.
    pub fn partitions(&self) -> Vec<String> {
        self.companies.keys().cloned().collect()
    }

    /// All jobs, as they are now.
    pub fn rows(&self) -> Rows {
        let companies = self.companies.iter();
        let rows = companies.flat_map(|(name, company)| company.feed.values().map(move |(id, json)| (name, id, json)));
        rows.filter_map(|(name, id, json)| Some(((name.clone(), *id), json.clone()?))).collect()
    }

    /// One company adds, changes or removes some jobs.
    pub fn change(&mut self, random: &mut Rng) {
        let number = random.usize(..self.companies.len());
        let Some(company) = self.companies.values_mut().nth(number) else { return };
        let last = company.versions.len() as i64;
        // Now and then so many that they are several pages.
        let new = if random.u8(..10) == 0 { random.i64(30..80) } else { random.i64(0..4) };
        (last + 1..=last + new).for_each(|id| company.put(id, Some(format!("Job {id}"))));
        for _ in 0..random.u8(..4) {
            let id = random.i64(1..=last.max(1));
            let is_there =
                company.versions.get(&id).is_some_and(|at| company.feed.get(at).is_some_and(|job| job.1.is_some()));
            if is_there {
                company.put(id, (random.u8(..3) > 0).then(|| format!("Job {id}, changed")));
            }
        }
    }
}

impl Service for JobBoard {
    type Data = Self;

    fn data(&mut self) -> &mut Self {
        self
    }

    fn is_list(&self, request: &Received) -> bool {
        request.path().starts_with("/companies/")
    }

    fn reply(&mut self, request: &Received, _: &PageFaults) -> Reply {
        self.requests += 1;
        if request.authorization() != Some("Bearer demo-key") {
            return Reply::detail(401, "The key is missing or wrong.");
        }
        if self.refuses > 0 && self.requests.is_multiple_of(self.refuses) {
            return Reply::detail(429, "Too many requests.").header("retry-after", &self.retry_after.to_string());
        }
        let name = request.path().trim_start_matches("/companies/").trim_end_matches("/jobs");
        let Some(company) = self.companies.get(name) else { return Reply::detail(404, "There is no such company.") };
        let number = |name: &str| request.param(name).and_then(|text| text.parse::<u64>().ok());
        let (since, after) = (number("since").unwrap_or(0), number("cursor").map_or(0, |cursor| cursor + 1));
        let mut rows = company.feed.range(since.max(after)..);
        let limit = number("limit").unwrap_or(25) as usize;
        let page: Vec<_> = rows.by_ref().take(limit).collect();
        let next = match (page.last(), rows.next()) {
            (Some((version, _)), Some(_)) => format!("\"{version}\""),
            _ => "null".to_owned(),
        };
        let text = |(version, (id, json)): &(&u64, &(i64, Option<String>))| match json {
            Some(json) => json.clone(),
            None => format!(r#"{{"id":{id},"version":{version},"deleted":true}}"#),
        };
        let rows: Vec<String> = page.iter().map(text).collect();
        let reply = Reply::page(r#"{"items":"#, &rows, &format!(r#","next":{next}}}"#));
        let asked = Asked {
            number: self.asked.len() as i64 + 1,
            partition: name.to_owned(),
            page: request.raw_query().unwrap_or_default().to_owned(),
            of: request.header("x-request-of").unwrap_or_default().to_owned(),
            at: SystemTime::UNIX_EPOCH.elapsed().map_or(0.0, |since| since.as_secs_f64()),
        };
        let reply = reply.header("x-request-id", &asked.number.to_string());
        self.asked.push(asked);
        reply
    }
}
