//! The typed requests of JobAffinity: each takes the parameters of its endpoint, and only those.

use std::fmt;
use std::marker::PhantomData;

use jiff::civil::Date;
use serde::de::DeserializeOwned;

use super::resource::{Kind, Resource};
use super::{Application, Candidate, Job, Note, Process, StepChange, StepStatus, WebhookTask};
use crate::listing::ListRequest;

macro_rules! kinds {
    ($($(#[$doc:meta])* $request:ident = $kind:ident($item:ty) named $name:literal key $key:expr, private $private:literal;)*) => {$(
        $(#[$doc])*
        pub type $request = ListRequest<Resource<$kind>>;

        #[doc = concat!("The kind of listing behind [`", stringify!($request), "`].")]
        #[derive(Debug)]
        #[non_exhaustive]
        pub struct $kind;

        impl Kind for $kind {
            type Item = $item;
            const NAME: &'static str = concat!("jobaffinity/", $name);
            const KEY: Option<&'static str> = $key;
            const PRIVATE: bool = $private;
        }
    )*};
}

kinds! {
    /// `GET /job`.
    JobsRequest = Jobs(Job) named "jobs" key Some("id"), private false;
    /// `GET /job/{id}/application`.
    JobApplicationsRequest = JobApplications(Application) named "job-applications" key Some("id"), private true;
    /// `GET /candidate`.
    CandidatesRequest = Candidates(Candidate) named "candidates" key Some("id"), private true;
    /// `GET /candidate/{id}/application`.
    CandidateApplicationsRequest = CandidateApplications(Application) named "candidate-applications" key Some("id"), private true;
    /// `GET /process`. Not paginated (vendor page); a link to a next page would be followed all the same.
    ProcessesRequest = Processes(Process) named "processes" key Some("id"), private false;
    /// `GET /step`.
    StepsRequest = Steps(StepChange) named "steps" key Some("change_id"), private true;
    /// `GET /note`.
    NotesRequest = Notes(Note) named "notes" key Some("id"), private true;
    /// `GET /webhook/task`.
    WebhookTasksRequest = WebhookTasks(WebhookTask) named "webhook-tasks" key None, private true;
}

/// A list that a link of an answer leads to.
pub type FollowRequest<T> = ListRequest<Resource<Followed<T>>>;

/// The kind of listing behind [`FollowRequest`].
pub struct Followed<T>(PhantomData<fn() -> T>);

impl<T> fmt::Debug for Followed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Followed")
    }
}

impl<T: DeserializeOwned + Send + 'static> Kind for Followed<T> {
    type Item = T;
    const NAME: &'static str = "jobaffinity/follow";
    const KEY: Option<&'static str> = None;
    const PRIVATE: bool = true;
}

/// A listing that takes `since`, the lower bound of the syncs.
pub trait Since: Kind {}

impl Since for Jobs {}
impl Since for JobApplications {}
impl Since for Candidates {}
impl Since for CandidateApplications {}
impl Since for Steps {}
impl Since for Notes {}
impl Since for WebhookTasks {}

/// What all listings take.
impl<K: Kind> ListRequest<Resource<K>> {
    /// Records on a page, 1 to 100; the server's own default is 20 (vendor page: pagination). Default 100. The reference names
    /// the parameter for candidates, their applications and step changes; for the other lists it is inferred.
    pub fn page_size(self, size: u32) -> Self {
        self.with(|resource| resource.page_size = Some(size))
    }

    /// Leaves the number of records on a page to the server, should a list refuse the parameter.
    pub fn default_page_size(self) -> Self {
        self.with(|resource| resource.page_size = None)
    }

    /// A parameter whose name is not documented. It is sent as it is, and added when it comes several times.
    pub fn param(self, name: &str, value: impl ToString) -> Self {
        self.with(|resource| {
            if matches!(name, "limit" | "since" | "pagecursor") {
                resource.query.refuse("parameter", name, "its method; a page cursor is the server's to make");
            }
            resource.query.add(name, value);
        })
    }

    fn set(self, name: &'static str, value: impl ToString) -> Self {
        self.with(|resource| resource.query.set(name, value))
    }

    fn text(self, name: &'static str, value: &str) -> Self {
        self.with(|resource| {
            resource.query.check_text(name, value);
            resource.query.set(name, value);
        })
    }
}

impl<K: Since> ListRequest<Resource<K>> {
    /// Records made or modified since the one with this id (vendor page: reference of candidates, applications of a candidate
    /// and step changes; inferred for the other lists). Whether that one is among them, and in which order they come, is not
    /// documented. For step changes it is presumably [`StepChange::change_id`].
    pub fn since(self, id: u64) -> Self {
        self.set("since", id)
    }
}

/// Parameters of the candidates listing (vendor page: reference). Whether names match exactly is not documented.
impl ListRequest<Resource<Candidates>> {
    /// The first name.
    pub fn first_name(self, name: &str) -> Self {
        self.text("first_name", name)
    }

    /// The last name.
    pub fn last_name(self, name: &str) -> Self {
        self.text("last_name", name)
    }

    /// The e-mail address: the first or the second one, so the one in the record may be another.
    pub fn email(self, address: &str) -> Self {
        self.text("email", address)
    }

    /// In the talent pool of this name. Called several times: in all of them.
    pub fn pool_name(self, name: &str) -> Self {
        self.with(|resource| {
            resource.query.check_text("pool_name", name);
            resource.query.add("pool_name", name);
        })
    }
}

macro_rules! last_step {
    ($($(#[$doc:meta])* $kind:ident),*) => {$(
        $(#[$doc])*
        impl ListRequest<Resource<$kind>> {
            /// The last change of step was on this day or later. Whether the day itself counts is not documented.
            pub fn last_step_since(self, day: Date) -> Self {
                self.set("last_step_since", day)
            }

            /// The last change of step was on this day or earlier. Whether the day itself counts is not documented.
            pub fn last_step_until(self, day: Date) -> Self {
                self.set("last_step_until", day)
            }
        }
    )*};
}

last_step! {
    /// Parameters of the applications of a candidate (vendor page: reference).
    CandidateApplications,
    /// Parameters of the applications of a job (inferred from those of a candidate).
    JobApplications
}

/// Parameters of the step-change feed (vendor page: reference).
impl ListRequest<Resource<Steps>> {
    /// The candidate's e-mail address.
    pub fn candidate_email(self, address: &str) -> Self {
        self.text("candidate_email", address)
    }

    /// The customer's code of the job.
    pub fn job_reference(self, reference: &str) -> Self {
        self.text("job_reference", reference)
    }

    /// The kind of step.
    pub fn step_status(self, status: &StepStatus) -> Self {
        self.text("step_status", status.as_str())
    }

    /// The name of the step.
    pub fn step_name(self, name: &str) -> Self {
        self.text("step_name", name)
    }
}
