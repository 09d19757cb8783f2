//! The data of the simulated JobAffinity, and how its records look in either edition of the reference.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::Edition;

/// The organisation that everything belongs to.
pub(super) const ORGANISATION: u64 = 7;
/// The one process, and its steps with their kinds.
pub(super) const PROCESS: u64 = 90;
pub(super) const STEPS: [(u64, &str, &str); 4] =
    [(901, "Received", "START"), (902, "Interview", "CURRENT"), (903, "Offer", "CURRENT"), (904, "Hired", "END")];

const TITLES: [&str; 6] = ["Développeur", "Accountant", "Nurse", "Chef de projet", "Welder", "Teacher"];
const TOWNS: [(&str, &str); 4] = [("69001", "Lyon"), ("75011", "Paris"), ("44000", "Nantes"), ("13002", "Marseille")];
const FIRST: [&str; 5] = ["Aïcha", "Bruno", "Chloé", "Denis", "Élodie"];
const LAST: [&str; 5] = ["Moreau", "Petit", "Lambert", "Girard", "N'Diaye"];
const STATUSES: [&str; 5] = ["PUBLISHED", "DRAFT", "PENDING_APPROVAL", "CLOSED", "ARCHIVED"];

#[derive(Debug, Clone)]
struct Applied {
    job: u64,
    candidate: u64,
    changes: Vec<u64>,
}

#[derive(Debug, Clone, Copy)]
struct Change {
    application: u64,
    step: u64,
}

#[derive(Debug, Clone)]
struct Noted {
    candidate: u64,
    text: String,
}

/// Everything that the simulated service holds. From [`JobAffinity::with`](super::JobAffinity::with).
#[derive(Debug)]
pub struct Data {
    edition: Edition,
    next_id: u64,
    jobs: BTreeSet<u64>,
    candidates: BTreeSet<u64>,
    applications: BTreeMap<u64, Applied>,
    changes: BTreeMap<u64, Change>,
    notes: BTreeMap<u64, Noted>,
    pub(super) submissions: Vec<Value>,
}

fn pick<T: Copy + Default>(from: &[T], id: u64) -> T {
    let index = usize::try_from(id).unwrap_or_default() % from.len().max(1);
    from.get(index).copied().unwrap_or_default()
}

/// A record whose identity stands first, as the bad records of the faults want it.
fn record(key: &str, id: u64, rest: &Value) -> String {
    let rest = rest.to_string();
    let rest = rest.strip_prefix('{').unwrap_or_default();
    let comma = if rest == "}" { "" } else { "," };
    format!(r#"{{"{key}":{id}{comma}{rest}"#)
}

/// The members of both objects, those of nested ones as well.
fn merged(base: Value, more: Value) -> Value {
    match (base, more) {
        (Value::Object(mut base), Value::Object(more)) => {
            for (name, value) in more {
                let own = base.remove(&name).unwrap_or_default();
                base.insert(name, merged(own, value));
            }
            Value::Object(base)
        }
        (_, more) => more,
    }
}

fn link(path: &str) -> Value {
    json!({ "_self": format!("/restapi/v1/{path}") })
}

impl Data {
    pub(super) fn new(edition: Edition, first_id: u64) -> Self {
        Self {
            edition,
            next_id: first_id.max(1),
            jobs: BTreeSet::new(),
            candidates: BTreeSet::new(),
            applications: BTreeMap::new(),
            changes: BTreeMap::new(),
            notes: BTreeMap::new(),
            submissions: Vec::new(),
        }
    }

    /// One sequence for everything, with gaps, so that no id fits two kinds of records.
    fn id(&mut self) -> u64 {
        let id = self.next_id;
        self.next_id += 1 + id % 3;
        id
    }

    /// Adds a job and returns its id.
    pub fn add_job(&mut self) -> u64 {
        let id = self.id();
        self.jobs.insert(id);
        id
    }

    /// Adds a candidate and returns the id.
    pub fn add_candidate(&mut self) -> u64 {
        let id = self.id();
        self.candidates.insert(id);
        id
    }

    /// Adds an application, at the first step of the process, and returns its id; `None` when there is no such job or
    /// candidate.
    pub fn add_application(&mut self, job: u64, candidate: u64) -> Option<u64> {
        if !self.jobs.contains(&job) || !self.candidates.contains(&candidate) {
            return None;
        }
        let id = self.id();
        self.applications.insert(id, Applied { job, candidate, changes: Vec::new() });
        self.move_application(id, STEPS[0].0);
        Some(id)
    }

    /// Moves an application to a step and returns the id of the change; `None` when there is no such application or step.
    pub fn move_application(&mut self, application: u64, step: u64) -> Option<u64> {
        if !STEPS.iter().any(|known| known.0 == step) || !self.applications.contains_key(&application) {
            return None;
        }
        let id = self.id();
        self.changes.insert(id, Change { application, step });
        self.applications.get_mut(&application)?.changes.push(id);
        Some(id)
    }

    /// Adds a note and returns its id; `None` when there is no such candidate.
    pub fn add_note(&mut self, candidate: u64, text: &str) -> Option<u64> {
        self.candidates.contains(&candidate).then(|| {
            let id = self.id();
            self.notes.insert(id, Noted { candidate, text: text.to_owned() });
            id
        })
    }

    /// Removes a job with its applications and their changes, without a trace in any list.
    pub fn delete_job(&mut self, id: u64) -> bool {
        let gone: Vec<u64> = self.applications.iter().filter(|(_, row)| row.job == id).map(|(id, _)| *id).collect();
        for application in gone {
            self.applications.remove(&application);
            self.changes.retain(|_, change| change.application != application);
        }
        self.jobs.remove(&id)
    }

    /// Removes a candidate, as an erasure on request does.
    pub fn delete_candidate(&mut self, id: u64) -> bool {
        self.candidates.remove(&id)
    }

    /// The ids of the jobs, the lowest first.
    pub fn jobs(&self) -> Vec<u64> {
        self.jobs.iter().copied().collect()
    }

    /// The ids of the candidates, the lowest first.
    pub fn candidates(&self) -> Vec<u64> {
        self.candidates.iter().copied().collect()
    }

    /// The ids of the applications, of one job or of all, the lowest first.
    pub fn applications(&self, job: Option<u64>) -> Vec<u64> {
        let of = |row: &Applied| job.is_none_or(|job| row.job == job);
        self.applications.iter().filter(|(_, row)| of(row)).map(|(id, _)| *id).collect()
    }

    /// The ids of the changes of step, the lowest first.
    pub fn changes(&self) -> Vec<u64> {
        self.changes.keys().copied().collect()
    }

    /// The texts of the notes, the oldest first.
    pub fn notes(&self) -> Vec<String> {
        self.notes.values().map(|note| note.text.clone()).collect()
    }

    /// What was sent to the `apply_url`, as it came.
    pub fn submissions(&self) -> &[Value] {
        &self.submissions
    }

    pub(super) fn has_candidate(&self, id: u64) -> bool {
        self.candidates.contains(&id)
    }

    pub(super) fn note_ids(&self) -> Vec<u64> {
        self.notes.keys().copied().collect()
    }

    pub(super) fn candidate_of(&self, application: u64) -> Option<u64> {
        Some(self.applications.get(&application)?.candidate)
    }

    pub(super) fn application_of(&self, change: u64) -> Option<u64> {
        Some(self.changes.get(&change)?.application)
    }

    pub(super) fn job_of(&self, application: u64) -> Option<u64> {
        Some(self.applications.get(&application)?.job)
    }

    pub(super) fn step_of(&self, change: u64) -> Option<(u64, &'static str, &'static str)> {
        let step = self.changes.get(&change)?.step;
        STEPS.into_iter().find(|known| known.0 == step)
    }

    /// The day of whatever has this id: a later id is never earlier.
    pub(super) fn day(id: u64) -> String {
        format!("2026-{:02}-{:02}", 1 + id / 2_800 % 12, 1 + id / 100 % 28)
    }

    pub(super) fn reference(job: u64) -> String {
        format!("REF-{job}")
    }

    pub(super) fn email(candidate: u64) -> String {
        format!("candidate{candidate}@mail.example")
    }

    pub(super) fn names(candidate: u64) -> (&'static str, &'static str) {
        (pick(&FIRST, candidate), pick(&LAST, candidate / 5))
    }

    pub(super) fn pool(candidate: u64) -> &'static str {
        if candidate.is_multiple_of(2) { "Talents" } else { "Alumni" }
    }

    /// A job in a list has a few fields only.
    pub(super) fn job_row(&self, id: u64) -> Option<String> {
        self.jobs.get(&id)?;
        let title = format!("{} {id}", pick(&TITLES, id));
        Some(record("id", id, &json!({ "title": title, "_self": format!("/restapi/v1/job/{id}") })))
    }

    pub(super) fn job(&self, id: u64) -> Option<String> {
        self.jobs.get(&id)?;
        let (postalcode, town) = pick(&TOWNS, id);
        let place = json!({ "address": "1 rue de la Gare", "postalcode": postalcode, "town": town, "country": "FR" });
        let job = json!({
            "_status": "OK",
            "_self": format!("/restapi/v1/job/{id}"),
            "_schema": "/restapi/schemav1/job",
            "title": format!("{} {id}", pick(&TITLES, id)),
            "status": pick(&STATUSES, id),
            "applications": link(&format!("job/{id}/application")),
            "reference": Self::reference(id),
            "description": "<p>Un poste à pourvoir.</p>",
            "contract_type": { "name": "Contrat à durée indéterminée", "abbreviation": "CDI" },
            "organisation": { "id": ORGANISATION, "name": "Maison Simulée" },
            "process": link(&format!("process/{PROCESS}")),
            "team": link(&format!("job/{id}/team")),
        });
        let job = merged(
            job,
            match self.edition {
                Edition::Older => json!({ "address": place }),
                Edition::Later => json!({
                    "location": merged(place, json!({ "latitude": 45.76, "longitude": "4.8357" })),
                    "creation_date": Self::day(id),
                    "attributes": { "items": [{ "name": "Télétravail", "api_name": "remote", "value": "2j" }] },
                    "process": { "id": PROCESS },
                }),
            },
        );
        Some(record("id", id, &job))
    }

    pub(super) fn candidate(&self, id: u64) -> Option<String> {
        self.candidates.get(&id)?;
        let (first_name, last_name) = Self::names(id);
        let (postalcode, town) = pick(&TOWNS, id / 3);
        let place = json!({ "address": "2 quai du Port", "postalcode": postalcode, "town": town, "country": "FR" });
        let phone = format!("+33 6 00 00 {id:04}");
        let candidate = json!({
            "_status": "OK",
            "_self": format!("/restapi/v1/candidate/{id}"),
            "title": pick(&["MS", "MR"], id),
            "first_name": first_name,
            "last_name": last_name,
            "email": Self::email(id),
            "applications": link(&format!("candidate/{id}/application")),
            "notes": link("note"),
        });
        let candidate = merged(
            candidate,
            match self.edition {
                Edition::Older => json!({
                    "mobile": phone,
                    "address": place,
                    "pools": [{ "id": 3, "name": Self::pool(id) }],
                }),
                Edition::Later => json!({
                    "mobile_phone": phone,
                    "location": place,
                    "birthdate": "1990-04-01",
                    "pools": { "items": [{ "name": Self::pool(id), "candidates": link("candidate") }] },
                }),
            },
        );
        Some(record("id", id, &candidate))
    }

    fn application_value(&self, id: u64, whole: bool) -> Option<Value> {
        let row = self.applications.get(&id)?;
        let (job, candidate) = (row.job, row.candidate);
        let step = |change: &u64| {
            let (step, name, status) = self.step_of(*change)?;
            Some(json!({ "id": step, "name": name, "status": status, "date": Self::day(*change) }))
        };
        let application = json!({
            "_self": format!("/restapi/v1/application/{id}"),
            "date": format!("{}T09:30:00Z", Self::day(id)),
            "route": "FORM",
            "latest_cv_url": format!("/restapi/v1/cv/{id}"),
            "candidate": link(&format!("candidate/{candidate}")),
            "job": link(&format!("job/{job}")),
            "step": row.changes.last().and_then(step),
            "notes": link("note"),
        });
        if self.edition == Edition::Older {
            return Some(application);
        }
        let (first_name, last_name) = Self::names(candidate);
        let later = json!({
            "candidate": {
                "id": candidate, "first_name": first_name, "last_name": last_name, "email": Self::email(candidate),
            },
            "job": { "id": job, "title": format!("{} {job}", pick(&TITLES, job)), "status": "OPEN" },
            "source": { "id": 4, "name": "Job board", "posting_service": { "id": 1, "name": "Board" } },
        });
        let application = merged(application, later);
        if !whole {
            return Some(application);
        }
        let items: Vec<Value> = row.changes.iter().filter_map(step).collect();
        let steps = json!({ "items": items, "latest_cv_url": format!("/restapi/v1/cv/{id}") });
        let application = merged(application, json!({ "steps": steps }));
        Some(application)
    }

    pub(super) fn application(&self, id: u64) -> Option<String> {
        let application = merged(self.application_value(id, true)?, json!({ "_status": "OK" }));
        Some(record("id", id, &application))
    }

    pub(super) fn change(&self, id: u64) -> Option<String> {
        let change = self.changes.get(&id)?;
        let (step, name, status) = self.step_of(id)?;
        let user = json!({ "id": 5, "first_name": "Rita", "last_name": "Recruteuse", "email": "rita@firm.example" });
        let application = self.application_value(change.application, false)?;
        Some(match self.edition {
            Edition::Later => record(
                "change_id",
                id,
                &json!({
                    "id": step, "name": name, "status": status, "date": Self::day(id), "user": user,
                    "application": merged(application, json!({ "id": change.application })),
                }),
            ),
            Edition::Older => record(
                "id",
                id,
                &json!({
                    "_status": "OK", "date": format!("{}T09:30:00Z", Self::day(id)), "user": user,
                    "step": { "id": step, "name": name, "status": status },
                    "application": { "_self": application.get("_self"), "latest_cv_url": application.get("latest_cv_url") },
                }),
            ),
        })
    }

    pub(super) fn note(&self, id: u64) -> Option<String> {
        let note = self.notes.get(&id)?;
        let candidate = link(&format!("candidate/{}", note.candidate));
        Some(record(
            "id",
            id,
            &json!({ "_self": format!("/restapi/v1/note/{id}"), "text": note.text, "candidate": candidate }),
        ))
    }

    /// One call of a webhook for each change of step; every fifth failed.
    pub(super) fn task(&self, change: u64) -> Option<String> {
        let application = self.application_of(change)?;
        let failed = change.is_multiple_of(5);
        let task = json!({
            "event": "ProcessStepChange",
            "datetime": format!("{} 12:13:14", Self::day(change)),
            "response_body": if failed { "Server Error" } else { "ok" },
            "response_status": if failed { 500 } else { 200 },
            "application": link(&format!("application/{application}")),
        });
        Some(task.to_string())
    }

    pub(super) fn profile(&self, application: u64) -> Option<String> {
        let candidate = self.candidate_of(application)?;
        let (first_name, last_name) = Self::names(candidate);
        let (zip_code, town) = pick(&TOWNS, candidate / 3);
        let profile = json!({
            "_status": "OK",
            "identity": [{
                "first_name": first_name, "last_name": last_name, "email": Self::email(candidate),
                "address": "2 quai du Port", "zip_code": zip_code, "town": town, "country": "FR",
            }],
            "employments": [{ "start": "2019-09", "end": "", "title": "Opératrice", "employer": "Atelier Nord" }],
            "educations": [{ "title": "Licence", "institution": "Université du Port", "level": 5, "level_text": "Bac+3" }],
            "languages": [{ "name": "Français", "level": 4, "level_name": "Courant" }],
            "skills": [],
            "hobbies": [{ "name": "Voile" }],
            "avatar_url": "",
            "cv_url": format!("/files/cv-{application}.pdf"),
        });
        Some(profile.to_string())
    }
}
