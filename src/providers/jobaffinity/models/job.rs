//! Jobs and recruitment processes.

use serde_json::Value;

use super::{Address, Items, Link, Moment, Organisation, ResponseStatus, StepStatus, User};
use crate::json::{empty_as_none, list, model, number, open_enum};

model! {
    /// A job, as the list and the detail answer it. The list was seen with `id`, `title` and `_self` only; the rest may need
    /// [`Client::job`](crate::jobaffinity::Client::job).
    ///
    /// There is no date of modification, publication or closing, no salary and no public link (vendor page: reference of
    /// jobs). `Debug` leaves the texts out.
    ///
    /// ```
    /// use jobfeed::jobaffinity::{Job, JobStatus};
    ///
    /// let job: Job = serde_json::from_str(r#"{"id": "7", "status": "PUBLISHED", "address": {"town": "Lyon"}, "salary": 1}"#)?;
    /// assert_eq!((job.id, job.status.as_ref()), (Some(7), Some(&JobStatus::Published)));
    /// assert_eq!(job.place().and_then(|place| place.town.as_deref()), Some("Lyon"));
    /// assert_eq!(job.extra["salary"], 1);
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub struct Job debug(id, title, reference, status) {
        /// The job's number.
        id: Option<u64> = "id" => number,
        /// Its own URL.
        self_link: Option<String> = "_self" => empty_as_none,
        /// The URL of its JSON Schema.
        schema: Option<String> = "_schema" => empty_as_none,
        /// What the answer says about the request; on a detail.
        response_status: Option<ResponseStatus> = "_status" => empty_as_none,
        /// What may be done with it; the shape of an action is not documented.
        actions: Vec<Value> = "_actions" => list,
        /// The title.
        title: Option<String> = "title",
        /// Where it stands.
        status: Option<JobStatus> = "status" => empty_as_none,
        /// Its applications.
        applications: Option<Link> = "applications",
        /// The customer's code of the job.
        reference: Option<String> = "reference" => empty_as_none,
        /// The client it is for, where an agency recruits.
        client: Option<String> = "client" => empty_as_none,
        /// Where it is, in the later edition of the reference. [`Job::place`] reads either.
        location: Option<Address> = "location",
        /// Where it is, in the older edition of the reference.
        address: Option<Address> = "address",
        /// The ad as HTML. Untrusted: clean it before it is shown.
        description: Option<String> = "description",
        /// About the employer; presumably HTML.
        employer_description: Option<String> = "employer_description",
        /// About the position; presumably HTML.
        position_description: Option<String> = "position_description",
        /// Who is wanted; presumably HTML.
        profile_description: Option<String> = "profile_description",
        /// The day it was made.
        creation_date: Option<Moment> = "creation_date" => empty_as_none,
        /// Who is in charge.
        owner: Option<User> = "owner",
        /// The kind of contract.
        contract_type: Option<ContractType> = "contract_type",
        /// How long it lasts.
        term: Option<Term> = "term",
        /// Whose job it is; notes on its candidates need the number.
        organisation: Option<Organisation> = "organisation",
        /// Fields that the customer has defined.
        attributes: Items<Attribute> = "attributes",
        /// The questions to candidates, of a shape that is not documented.
        questionnaire: Option<Value> = "questionnaire",
        /// The recruitment process.
        process: Option<Link> = "process",
        /// Who works on it. See [`Client::job_team`](crate::jobaffinity::Client::job_team).
        team: Option<Link> = "team",
    }
}

impl Job {
    /// Where it is, under either of its names; the later one goes first.
    pub fn place(&self) -> Option<&Address> {
        self.location.as_ref().or(self.address.as_ref())
    }
}

open_enum! {
    /// Where a job stands (vendor page: reference of jobs). Inside of an application the vocabulary is another one:
    /// [`AppliedJobStatus`](super::AppliedJobStatus).
    pub enum JobStatus {
        /// Being written: `DRAFT`.
        Draft = "DRAFT",
        /// Waiting for approval: `PENDING_APPROVAL`.
        PendingApproval = "PENDING_APPROVAL",
        /// Public: `PUBLISHED`.
        Published = "PUBLISHED",
        /// Closed: `CLOSED`.
        Closed = "CLOSED",
        /// Put away: `ARCHIVED`.
        Archived = "ARCHIVED",
    }
}

model! {
    /// A kind of contract.
    pub struct ContractType {
        /// The name.
        name: Option<String> = "name",
        /// The abbreviation, such as `CDI`.
        abbreviation: Option<String> = "abbreviation",
    }
}

model! {
    /// A length of time.
    pub struct Term {
        /// How many units.
        count: Option<f64> = "count" => number,
        /// Which unit.
        unit: Option<TermUnit> = "unit" => empty_as_none,
    }
}

open_enum! {
    /// A unit of time. Only the first code is documented.
    pub enum TermUnit {
        /// A day: `DAY`.
        Day = "DAY",
    }
}

model! {
    /// A field that the customer has defined.
    pub struct Attribute debug(name, api_name) {
        /// Its name for people.
        name: Option<String> = "name",
        /// Its name for programs.
        api_name: Option<String> = "api_name",
        /// Its value: documented as text, other types are let through.
        value: Option<Value> = "value",
    }
}

model! {
    /// A recruitment process.
    pub struct Process debug(id, name) {
        /// The number.
        id: Option<u64> = "id" => number,
        /// Its own URL.
        self_link: Option<String> = "_self" => empty_as_none,
        /// The URL of its JSON Schema.
        schema: Option<String> = "_schema" => empty_as_none,
        /// What the answer says about the request.
        response_status: Option<ResponseStatus> = "_status" => empty_as_none,
        /// The name.
        name: Option<String> = "name",
        /// Who uses it.
        organisations: Items<Organisation> = "organisations",
        /// Its steps; their numbers are what [`Client::add_step`](crate::jobaffinity::Client::add_step) takes.
        steps: Items<ProcessStep> = "steps",
    }
}

model! {
    /// A step of a process.
    pub struct ProcessStep debug(id, name, status) {
        /// The number.
        id: Option<u64> = "id" => number,
        /// The name.
        name: Option<String> = "name",
        /// What kind of step it is.
        status: Option<StepStatus> = "status" => empty_as_none,
    }
}

model! {
    /// The people who work on a job. Only the path is documented; that the answer is a list of users is inferred, and
    /// whatever else it holds is in `extra`.
    pub struct Team debug(self_link) {
        /// Its own URL.
        self_link: Option<String> = "_self" => empty_as_none,
        /// The URL of its JSON Schema.
        schema: Option<String> = "_schema" => empty_as_none,
        /// What the answer says about the request.
        response_status: Option<ResponseStatus> = "_status" => empty_as_none,
        /// The users.
        items: Vec<User> = "items" => list,
    }
}
