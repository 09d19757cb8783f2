//! The JSON records, in either edition of the vendor's reference.

use serde_json::{Value, json};

use super::data::{AffinityData, ORGANISATION, PROCESS};
use super::variants::Edition;

const TITLES: [&str; 6] = ["Développeur", "Accountant", "Nurse", "Chef de projet", "Welder", "Teacher"];
const TOWNS: [(&str, &str); 4] = [("69001", "Lyon"), ("75011", "Paris"), ("44000", "Nantes"), ("13002", "Marseille")];
const FIRST: [&str; 5] = ["Aïcha", "Bruno", "Chloé", "Denis", "Élodie"];
const LAST: [&str; 5] = ["Moreau", "Petit", "Lambert", "Girard", "N'Diaye"];
const STATUSES: [&str; 5] = ["PUBLISHED", "DRAFT", "PENDING_APPROVAL", "CLOSED", "ARCHIVED"];

fn pick<T: Copy + Default>(from: &[T], id: u64) -> T {
    let index = usize::try_from(id).unwrap_or_default() % from.len().max(1);
    from.get(index).copied().unwrap_or_default()
}

/// A record with its identity as the first member, where the bad-record faults expect it.
fn record(key: &str, id: u64, rest: &Value) -> String {
    let rest = rest.to_string();
    let rest = rest.strip_prefix('{').unwrap_or_default();
    let comma = if rest == "}" { "" } else { "," };
    format!(r#"{{"{key}":{id}{comma}{rest}"#)
}

/// The members of both objects, and of the objects inside of them.
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

/// The day of every record with this id: a higher id is never earlier.
pub(super) fn day(id: u64) -> String {
    format!("2026-{:02}-{:02}", 1 + id / 2_800 % 12, 1 + id / 100 % 28)
}

pub(super) fn reference(job: u64) -> String {
    format!("REF-{job}")
}

pub(super) fn email(candidate: u64) -> String {
    format!("candidate{candidate}@mail.example")
}

/// The first and the last name of a candidate.
pub(super) fn names(candidate: u64) -> (&'static str, &'static str) {
    (pick(&FIRST, candidate), pick(&LAST, candidate / 5))
}

pub(super) fn pool(candidate: u64) -> &'static str {
    if candidate.is_multiple_of(2) { "Talents" } else { "Alumni" }
}

fn title(job: u64) -> String {
    format!("{} {job}", pick(&TITLES, job))
}

impl AffinityData {
    /// A job as it is in a list, with few members.
    pub(super) fn job_row(&self, id: u64) -> Option<String> {
        self.jobs.get(&id)?;
        Some(record("id", id, &json!({ "title": title(id), "_self": format!("/restapi/v1/job/{id}") })))
    }

    pub(super) fn job(&self, id: u64) -> Option<String> {
        self.jobs.get(&id)?;
        let (postalcode, town) = pick(&TOWNS, id);
        let place = json!({ "address": "1 rue de la Gare", "postalcode": postalcode, "town": town, "country": "FR" });
        let job = json!({
            "_status": "OK",
            "_self": format!("/restapi/v1/job/{id}"),
            "_schema": "/restapi/schemav1/job",
            "title": title(id),
            "status": pick(&STATUSES, id),
            "applications": link(&format!("job/{id}/application")),
            "reference": reference(id),
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
                    "creation_date": day(id),
                    "attributes": { "items": [{ "name": "Télétravail", "api_name": "remote", "value": "2j" }] },
                    "process": { "id": PROCESS },
                }),
            },
        );
        Some(record("id", id, &job))
    }

    pub(super) fn candidate(&self, id: u64) -> Option<String> {
        self.candidates.get(&id)?;
        let (first_name, last_name) = names(id);
        let (postalcode, town) = pick(&TOWNS, id / 3);
        let place = json!({ "address": "2 quai du Port", "postalcode": postalcode, "town": town, "country": "FR" });
        let phone = format!("+33 6 00 00 {id:04}");
        let candidate = json!({
            "_status": "OK",
            "_self": format!("/restapi/v1/candidate/{id}"),
            "title": pick(&["MS", "MR"], id),
            "first_name": first_name,
            "last_name": last_name,
            "email": email(id),
            "applications": link(&format!("candidate/{id}/application")),
            "notes": link("note"),
        });
        let candidate = merged(
            candidate,
            match self.edition {
                Edition::Older => json!({
                    "mobile": phone,
                    "address": place,
                    "pools": [{ "id": 3, "name": pool(id) }],
                }),
                Edition::Later => json!({
                    "mobile_phone": phone,
                    "location": place,
                    "birthdate": "1990-04-01",
                    "pools": { "items": [{ "name": pool(id), "candidates": link("candidate") }] },
                }),
            },
        );
        Some(record("id", id, &candidate))
    }

    fn application_value(&self, id: u64, with_steps: bool) -> Option<Value> {
        let row = self.applications.get(&id)?;
        let (job, candidate) = (row.job, row.candidate);
        let step = |change: &u64| {
            let (step, name, status) = self.step_of(*change)?;
            Some(json!({ "id": step, "name": name, "status": status, "date": day(*change) }))
        };
        let application = json!({
            "_self": format!("/restapi/v1/application/{id}"),
            "date": format!("{}T09:30:00Z", day(id)),
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
        let (first_name, last_name) = names(candidate);
        let later = json!({
            "candidate": {
                "id": candidate, "first_name": first_name, "last_name": last_name, "email": email(candidate),
            },
            "job": { "id": job, "title": title(job), "status": "OPEN" },
            "source": { "id": 4, "name": "Job board", "posting_service": { "id": 1, "name": "Board" } },
        });
        let application = merged(application, later);
        if !with_steps {
            return Some(application);
        }
        let items: Vec<Value> = row.changes.iter().filter_map(step).collect();
        let steps = json!({ "items": items, "latest_cv_url": format!("/restapi/v1/cv/{id}") });
        Some(merged(application, json!({ "steps": steps })))
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
                    "id": step, "name": name, "status": status, "date": day(id), "user": user,
                    "application": merged(application, json!({ "id": change.application })),
                }),
            ),
            Edition::Older => record(
                "id",
                id,
                &json!({
                    "_status": "OK", "date": format!("{}T09:30:00Z", day(id)), "user": user,
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

    /// The webhook call that a change of step caused; every fifth failed.
    pub(super) fn task(&self, change: u64) -> Option<String> {
        let application = self.application_of(change)?;
        let failed = change.is_multiple_of(5);
        let task = json!({
            "event": "ProcessStepChange",
            "datetime": format!("{} 12:13:14", day(change)),
            "response_body": if failed { "Server Error" } else { "ok" },
            "response_status": if failed { 500 } else { 200 },
            "application": link(&format!("application/{application}")),
        });
        Some(task.to_string())
    }

    pub(super) fn profile(&self, application: u64) -> Option<String> {
        let candidate = self.candidate_of(application)?;
        let (first_name, last_name) = names(candidate);
        let (zip_code, town) = pick(&TOWNS, candidate / 3);
        let profile = json!({
            "_status": "OK",
            "identity": [{
                "first_name": first_name, "last_name": last_name, "email": email(candidate),
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
