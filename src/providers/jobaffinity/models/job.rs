//! Jobs and recruitment processes.

use serde_json::Value;

use super::{Address, Items, Link, Moment, Organisation, ResponseStatus, User};
use crate::json::{empty_as_none, list, model, number, open_enum};

model! {
    /// A job, in lists and on its own. In lists only `id`, `title` and `_self` were observed; the other fields may need
    /// [`Client::job`](crate::jobaffinity::Client::job).
    ///
    /// There is no date of modification, publication or closing, no salary and no public link (vendor page: reference
    /// of jobs). `Debug` shows `id`, `title`, `reference` and `status` only.
    ///
    /// ```
    /// use jobfeed::jobaffinity::{Job, JobStatus};
    ///
    /// let json = r#"{"id": "7", "status": "PUBLISHED", "salary": 1}"#;
    /// let job: Job = serde_json::from_str(json)?;
    /// assert_eq!((job.id, job.status), (Some(7), Some(JobStatus::Published)));
    /// assert_eq!(job.extra["salary"], 1);
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub struct Job debug(id, title, reference, status) {
        /// The id.
        id: Option<u64> = "id" => number,
        /// Its own URL.
        self_link: Option<String> = "_self" => empty_as_none,
        /// The URL of its JSON Schema.
        schema: Option<String> = "_schema" => empty_as_none,
        /// The status of the request; only when a single record is requested.
        response_status: Option<ResponseStatus> = "_status" => empty_as_none,
        /// The possible actions; the shape of an action is not documented.
        actions: Vec<Value> = "_actions" => list,
        /// The title.
        title: Option<String> = "title",
        /// The status.
        status: Option<JobStatus> = "status" => empty_as_none,
        /// The applications.
        applications: Option<Link> = "applications",
        /// The customer's code of the job.
        reference: Option<String> = "reference" => empty_as_none,
        /// The agency's client, if an agency recruits.
        client: Option<String> = "client" => empty_as_none,
        /// The address, in the later edition of the reference. [`Job::place`] reads either.
        location: Option<Address> = "location",
        /// The address, in the older edition of the reference.
        address: Option<Address> = "address",
        /// The ad as HTML. Untrusted: sanitise it before display.
        description: Option<String> = "description",
        /// The description of the employer; HTML (inferred).
        employer_description: Option<String> = "employer_description",
        /// The description of the position; HTML (inferred).
        position_description: Option<String> = "position_description",
        /// The description of the wanted profile; HTML (inferred).
        profile_description: Option<String> = "profile_description",
        /// The date of creation.
        creation_date: Option<Moment> = "creation_date" => empty_as_none,
        /// The user in charge.
        owner: Option<User> = "owner",
        /// The kind of contract.
        contract_type: Option<ContractType> = "contract_type",
        /// The duration of the contract.
        term: Option<Term> = "term",
        /// The organisation that owns the job; notes on its candidates need its id.
        organisation: Option<Organisation> = "organisation",
        /// Fields that the customer has defined.
        attributes: Items<Attribute> = "attributes",
        /// The questions to candidates; the shape is not documented.
        questionnaire: Option<Value> = "questionnaire",
        /// The recruitment process.
        process: Option<Link> = "process",
        /// The users who work on it. See [`Client::job_team`](crate::jobaffinity::Client::job_team).
        team: Option<Link> = "team",
    }
}

impl Job {
    /// The address, from either edition of the reference; the later one has priority.
    pub fn place(&self) -> Option<&Address> {
        self.location.as_ref().or(self.address.as_ref())
    }
}

open_enum! {
    /// The status of a job (vendor page: reference of jobs). Inside an application it is
    /// [`AppliedJobStatus`](super::AppliedJobStatus).
    pub enum JobStatus {
        /// A draft: `DRAFT`.
        Draft = "DRAFT",
        /// Waiting for approval: `PENDING_APPROVAL`.
        PendingApproval = "PENDING_APPROVAL",
        /// Public: `PUBLISHED`.
        Published = "PUBLISHED",
        /// Closed: `CLOSED`.
        Closed = "CLOSED",
        /// Archived: `ARCHIVED`.
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
        /// The number of units.
        count: Option<f64> = "count" => number,
        /// The unit.
        unit: Option<TermUnit> = "unit" => empty_as_none,
    }
}

open_enum! {
    /// A unit of time. Only this code is documented.
    pub enum TermUnit {
        /// A day: `DAY`.
        Day = "DAY",
    }
}

model! {
    /// A field that the customer has defined.
    pub struct Attribute debug(name, api_name) {
        /// The display name.
        name: Option<String> = "name",
        /// The name in the API.
        api_name: Option<String> = "api_name",
        /// The value: documented as a text, but other types are accepted.
        value: Option<Value> = "value",
    }
}

model! {
    /// The people who work on a job. Only the path is documented; that the response is a list of users is inferred.
    /// All other fields are in `extra`.
    pub struct Team debug(self_link) {
        /// Its own URL.
        self_link: Option<String> = "_self" => empty_as_none,
        /// The URL of its JSON Schema.
        schema: Option<String> = "_schema" => empty_as_none,
        /// The status of the request.
        response_status: Option<ResponseStatus> = "_status" => empty_as_none,
        /// The users.
        items: Vec<User> = "items" => list,
    }
}
