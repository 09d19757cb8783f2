//! The data of the simulated JobAffinity.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::page::Cursors;
use super::variants::Edition;

/// The only organisation.
pub(super) const ORGANISATION: u64 = 7;
/// The only process, and its steps with their kinds.
pub(super) const PROCESS: u64 = 90;
pub(super) const STEPS: [(u64, &str, &str); 4] =
    [(901, "Received", "START"), (902, "Interview", "CURRENT"), (903, "Offer", "CURRENT"), (904, "Hired", "END")];

#[derive(Debug, Clone)]
pub(super) struct ApplicationRow {
    pub(super) job: u64,
    pub(super) candidate: u64,
    /// The ids of its changes of step, the oldest first.
    pub(super) changes: Vec<u64>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct ChangeRow {
    pub(super) application: u64,
    step: u64,
}

#[derive(Debug, Clone)]
pub(super) struct NoteRow {
    pub(super) candidate: u64,
    pub(super) text: String,
}

/// The records of a [`JobAffinity`](super::JobAffinity), to be read and changed between two requests.
#[derive(Debug, Default)]
pub struct AffinityData {
    pub(super) edition: Edition,
    next_id: u64,
    pub(super) cursors: Cursors,
    pub(super) jobs: BTreeSet<u64>,
    pub(super) candidates: BTreeSet<u64>,
    pub(super) applications: BTreeMap<u64, ApplicationRow>,
    pub(super) changes: BTreeMap<u64, ChangeRow>,
    pub(super) notes: BTreeMap<u64, NoteRow>,
    pub(super) submissions: Vec<Value>,
}

impl AffinityData {
    pub(super) fn new(edition: Edition, first_id: u64) -> Self {
        Self { edition, next_id: first_id.max(1), ..Self::default() }
    }

    /// A new id. All kinds of records share one sequence with gaps, so that no id belongs to two records.
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

    /// Adds an application at the first step of the process and returns its id; `None` when there is no such job or candidate.
    pub fn add_application(&mut self, job: u64, candidate: u64) -> Option<u64> {
        if !self.jobs.contains(&job) || !self.candidates.contains(&candidate) {
            return None;
        }
        let id = self.id();
        self.applications.insert(id, ApplicationRow { job, candidate, changes: Vec::new() });
        self.move_application(id, STEPS[0].0);
        Some(id)
    }

    /// Moves an application to a step and returns the id of the change; `None` when there is no such application or step.
    pub fn move_application(&mut self, application: u64, step: u64) -> Option<u64> {
        if !STEPS.iter().any(|known| known.0 == step) || !self.applications.contains_key(&application) {
            return None;
        }
        let id = self.id();
        self.changes.insert(id, ChangeRow { application, step });
        self.applications.get_mut(&application)?.changes.push(id);
        Some(id)
    }

    /// Adds a note and returns its id; `None` when there is no such candidate.
    pub fn add_note(&mut self, candidate: u64, text: &str) -> Option<u64> {
        self.candidates.contains(&candidate).then(|| {
            let id = self.id();
            self.notes.insert(id, NoteRow { candidate, text: text.to_owned() });
            id
        })
    }

    /// Removes a job with its applications and their changes. No list tells that they were removed.
    pub fn delete_job(&mut self, id: u64) -> bool {
        let gone: Vec<u64> = self.applications.iter().filter(|(_, row)| row.job == id).map(|(id, _)| *id).collect();
        for application in gone {
            self.applications.remove(&application);
            self.changes.retain(|_, change| change.application != application);
        }
        self.jobs.remove(&id)
    }

    /// Removes a candidate, as after a request to erase personal data.
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
        let of = |row: &ApplicationRow| job.is_none_or(|job| row.job == job);
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

    /// The bodies that were sent to an `apply_url`.
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
}
