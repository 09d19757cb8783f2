//! The data of a simulated EmployJoy: companies, jobs, applications, and how they change.

use std::collections::HashMap;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};

use super::events::Events;
use crate::client::Clock;

/// The order of both lists. The vendor does not document it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Order {
    /// By the time of the last change, the latest one last.
    #[default]
    UpdatedAsc,
    /// By the time of the last change, the latest one first: a record that changes while a client pages moves to the first page,
    /// which the client has read already.
    UpdatedDesc,
}

const TITLES: [&str; 6] = ["Cleaner", "Line Cook", "Forklift Driver", "Night Porter", "Packer", "Gardener"];
const PLACES: [(&str, &str); 4] = [("Dayton", "OH"), ("Mesa", "AZ"), ("Salem", "OR"), ("Waco", "TX")];

/// The data, to be read and changed between two requests. Ids are `job_1`, `co_1`, `ej_app_1` and so on, as they are made.
pub struct PartnerData {
    clock: Clock,
    pub(super) order: Order,
    pub(super) jobs: Vec<JobRow>,
    pub(super) applications: Vec<ApplicationRow>,
    /// By idempotency key: the body, the reply and the time of the submission.
    pub(super) keys: HashMap<String, (Bytes, String, Timestamp)>,
    pub(super) attempts: Vec<Attempt>,
    /// A part of each cursor; a cursor with another number is refused.
    pub(super) generation: u64,
    pub(super) sunset: Option<String>,
    companies: usize,
    revoked: Vec<String>,
    events: Events,
}

/// One `POST` request, accepted or not.
#[derive(Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The `Idempotency-Key`.
    pub key: Option<String>,
    /// The bytes of the body.
    pub body: Bytes,
}

impl std::fmt::Debug for Attempt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Attempt").field("key", &self.key).field("bytes", &self.body.len()).finish()
    }
}

/// A row of either list.
pub(super) trait Listed: Serialize {
    /// The place in the list: the second of the last change, and the number of the row.
    fn place(&self) -> (i64, u64);

    fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct JobRow {
    pub(super) id: String,
    title: String,
    pub(super) company: CompanyJson,
    location: Value,
    compensation: Value,
    schedule: Option<&'static str>,
    pub(super) status: &'static str,
    headcount: Value,
    created_at: Timestamp,
    updated_at: Timestamp,
    application_form_schema: Option<Value>,
    #[serde(skip)]
    number: u64,
}

#[derive(Clone, Serialize)]
pub(super) struct CompanyJson {
    pub(super) id: String,
    name: String,
}

#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ApplicationRow {
    pub(super) id: String,
    pub(super) source_application_id: Option<String>,
    pub(super) job_id: String,
    pub(super) status: String,
    pub(super) current_stage: String,
    pub(super) submitted_at: Timestamp,
    pub(super) last_status_change_at: Timestamp,
    #[serde(skip)]
    pub(super) company_id: String,
    #[serde(skip)]
    number: u64,
    /// When it last changed, for `updated_since`. No reply has it.
    #[serde(skip)]
    updated_at: Timestamp,
}

impl Listed for JobRow {
    fn place(&self) -> (i64, u64) {
        (self.updated_at.as_second(), self.number)
    }
}

impl Listed for ApplicationRow {
    fn place(&self) -> (i64, u64) {
        (self.updated_at.as_second(), self.number)
    }
}

impl PartnerData {
    pub(super) fn new(clock: Clock, order: Order, companies: usize) -> Self {
        Self {
            clock,
            order,
            jobs: Vec::new(),
            applications: Vec::new(),
            keys: HashMap::new(),
            attempts: Vec::new(),
            generation: 1,
            sunset: None,
            companies: companies.max(1),
            revoked: Vec::new(),
            events: Events::default(),
        }
    }

    /// The simulated time, in whole seconds.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_second(self.clock.now().as_second()).unwrap_or_default()
    }

    /// Adds open jobs that changed now, to one company after the other, and returns their ids.
    pub fn insert_jobs(&mut self, n: usize) -> Vec<String> {
        (0..n).map(|_| self.insert_job(self.now())).collect()
    }

    /// Adds an open job that last changed at this time.
    pub fn insert_job(&mut self, updated_at: Timestamp) -> String {
        let index = self.jobs.len();
        let number = index as u64 + 1;
        let company = number % self.companies as u64 + 1;
        let pick = |n: usize| index % n;
        let (city, state) = PLACES.get(pick(PLACES.len())).copied().unwrap_or_default();
        let pay = |base: u64| if pick(5) == 4 { Value::Null } else { (base + number % 7).into() };
        let title = TITLES.get(pick(TITLES.len())).copied().unwrap_or_default();
        let id = format!("job_{number}");
        self.jobs.push(JobRow {
            id: id.clone(),
            title: title.to_owned(),
            company: CompanyJson { id: format!("co_{company}"), name: format!("Company {company}") },
            location: json!({ "city": city, "state": state, "country": "US" }),
            compensation: json!({ "type": "hourly", "min": pay(15), "max": pay(21), "currency": "USD" }),
            schedule: [Some("full_time"), Some("part_time"), None].get(pick(3)).copied().flatten(),
            status: "open",
            headcount: json!({ "total": (pick(4) > 0).then_some(pick(4)), "filled": 0 }),
            created_at: updated_at.checked_sub(SignedDuration::from_hours(30)).unwrap_or(updated_at),
            updated_at,
            application_form_schema: (pick(2) == 0).then(
                || json!([{ "key": "night", "label": "Can you work at night?", "type": "boolean", "required": false }]),
            ),
            number,
        });
        let now = self.now();
        let opened = json!({ "jobId": id, "companyId": format!("co_{company}"), "title": title, "openedAt": now });
        self.events.add("job.opened", now, &opened);
        id
    }

    /// Closes jobs: the list no longer has them, and only an event tells that they were closed.
    pub fn close_jobs(&mut self, ids: &[String]) {
        let shown = |job: &JobRow| job.status == "open" && ids.contains(&job.id);
        self.closed("closed_by_customer", shown);
        self.jobs.iter_mut().filter(|job| ids.contains(&job.id)).for_each(|job| job.status = "closed");
    }

    /// Adds the events for visible jobs that will not be visible any more.
    fn closed(&mut self, reason: &str, closes: impl Fn(&JobRow) -> bool) {
        let now = self.now();
        let rows: Vec<Value> = (self.visible_jobs().filter(|job| closes(job)))
            .map(|job| json!({ "jobId": job.id, "companyId": job.company.id, "reason": reason, "closedAt": now }))
            .collect();
        for data in rows {
            self.events.add("job.closed", now, &data);
        }
    }

    /// Sets the time of the last change of jobs to now.
    pub fn update_jobs(&mut self, ids: &[String]) {
        let now = self.now();
        self.jobs.iter_mut().filter(|job| ids.contains(&job.id)).for_each(|job| job.updated_at = now);
    }

    /// Ends the access to a company: the list no longer has its jobs, but its applications stay.
    pub fn revoke_access(&mut self, company_id: &str) {
        self.closed("access_revoked", |job| job.company.id == company_id);
        self.revoked.push(company_id.to_owned());
    }

    /// The ids of all jobs that the list shows, in no particular order.
    pub fn job_ids(&self) -> Vec<String> {
        self.visible_jobs().map(|job| job.id.clone()).collect()
    }

    /// The company of a job.
    pub fn company_of(&self, job_id: &str) -> Option<String> {
        self.jobs.iter().find(|job| job.id == job_id).map(|job| job.company.id.clone())
    }

    /// Adds applications to the jobs, one after the other, and returns their ids.
    pub fn insert_applications(&mut self, n: usize) -> Vec<String> {
        let jobs: Vec<(String, String)> =
            self.jobs.iter().map(|job| (job.id.clone(), job.company.id.clone())).collect();
        jobs.iter().cycle().take(n).map(|(job, company)| self.insert_application(job, company, None).id).collect()
    }

    pub(super) fn insert_application(&mut self, job: &str, company: &str, source: Option<String>) -> ApplicationRow {
        let (now, number) = (self.now(), self.applications.len() as u64 + 1);
        let row = ApplicationRow {
            id: format!("ej_app_{number}"),
            source_application_id: source,
            job_id: job.to_owned(),
            status: "received".to_owned(),
            current_stage: "Initial Outreach".to_owned(),
            submitted_at: now,
            last_status_change_at: now,
            company_id: company.to_owned(),
            number,
            updated_at: now,
        };
        self.applications.push(row.clone());
        row
    }

    /// Gives an application another status and stage, now.
    pub fn set_status(&mut self, id: &str, status: &str, stage: &str) {
        let now = self.now();
        for row in self.applications.iter_mut().filter(|row| row.id == id) {
            // Only the two final statuses are announced.
            if status != row.status && matches!(status, "accepted" | "rejected") {
                let data = json!({
                    "applicationId": row.id, "sourceApplicationId": row.source_application_id, "jobId": row.job_id,
                    "oldStatus": row.status, "newStatus": status, "currentStage": stage, "occurredAt": now,
                });
                self.events.add("application.status_changed", now, &data);
            }
            (row.status, row.current_stage) = (status.to_owned(), stage.to_owned());
            (row.last_status_change_at, row.updated_at) = (now, now);
        }
    }

    /// The ids of all applications.
    pub fn application_ids(&self) -> Vec<String> {
        self.applications.iter().map(|row| row.id.clone()).collect()
    }

    /// Every `POST` that the service got, in the order of arrival.
    pub fn attempts(&self) -> &[Attempt] {
        &self.attempts
    }

    /// The bodies of the events since the start or the last call, the oldest first: jobs that became visible or no longer are,
    /// applications that were accepted or rejected. A [`WebhookSender`](crate::testing::WebhookSender) (feature `webhook`) signs
    /// and delivers them.
    pub fn take_events(&mut self) -> Vec<String> {
        self.events.take()
    }

    /// Refuses all cursors given out so far, with status 400 and the code `INVALID_CURSOR`. What the real service does is not
    /// documented.
    pub fn expire_cursors(&mut self) {
        self.generation += 1;
    }

    /// Announces the end of the key in the `Sunset` header of every reply.
    pub fn rotate_key(&mut self, sunset: &str) {
        self.sunset = Some(sunset.to_owned());
    }

    pub(super) fn is_revoked(&self, company_id: &str) -> bool {
        self.revoked.iter().any(|id| id == company_id)
    }

    pub(super) fn visible_jobs(&self) -> impl Iterator<Item = &JobRow> {
        self.jobs.iter().filter(|job| job.status == "open" && !self.is_revoked(&job.company.id))
    }
}

impl std::fmt::Debug for PartnerData {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PartnerData")
            .field("jobs", &self.jobs.len())
            .field("applications", &self.applications.len())
            .finish_non_exhaustive()
    }
}
