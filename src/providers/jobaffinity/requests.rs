//! The typed requests of JobAffinity: each has methods for the parameters of its endpoint only.

use jiff::civil::Date;

use super::endpoint::{EndpointSpec, ListEndpoint};
use super::models::{Application, Candidate, Job, Note, Process, StepChange, StepStatus, WebhookTask};
use crate::listing::list_request;

/// Declares an endpoint, its request type, and the methods that all listings have.
macro_rules! requests {
    ($($(#[$doc:meta])* $request:ident $(<$t:ident>)? = $spec:ident($item:ty) named $name:literal key $key:expr, private $private:literal;)*) => {$(
        pub(super) const $spec: EndpointSpec =
            EndpointSpec { name: concat!("jobaffinity/", $name), key: $key, private: $private };

        list_request! {
            $(#[$doc])*
            $request $(<$t>)? = ListEndpoint => $item;
        }

        /// Methods of all listings of JobAffinity.
        impl $(<$t: serde::de::DeserializeOwned + Send + 'static>)? $request $(<$t>)? {
            /// Records on a page, 1 to 100 (vendor page: pagination). Default 100; for processes and followed links the
            /// server's default, which is 20. Sent as `limit`, which the reference names for candidates, their
            /// applications and step changes; for the other lists it is inferred.
            pub fn page_size(self, size: u32) -> Self {
                self.with(|endpoint| endpoint.page_size = Some(size))
            }

            /// Sends no page size, for a list that refuses the parameter.
            pub fn default_page_size(self) -> Self {
                self.with(|endpoint| endpoint.page_size = None)
            }

            /// A parameter that is not documented, sent unchanged. Several calls send it several times.
            #[allow(clippy::needless_pass_by_value)]
            pub fn param(self, name: &str, value: impl ToString) -> Self {
                self.with(|endpoint| {
                    if matches!(name, "limit" | "since" | "pagecursor") {
                        endpoint.query.refuse("parameter", name, "its method; the server sets the page cursor");
                    }
                    endpoint.query.add(name, &value.to_string());
                })
            }
        }
    )*};
}

requests! {
    /// `GET /job`.
    JobsRequest = JOBS(Job) named "jobs" key Some("id"), private false;
    /// `GET /job/{id}/application`.
    JobApplicationsRequest = JOB_APPLICATIONS(Application) named "job-applications" key Some("id"), private true;
    /// `GET /candidate`.
    CandidatesRequest = CANDIDATES(Candidate) named "candidates" key Some("id"), private true;
    /// `GET /candidate/{id}/application`.
    CandidateApplicationsRequest = CANDIDATE_APPLICATIONS(Application) named "candidate-applications" key Some("id"), private true;
    /// `GET /process`. Not paginated (vendor page), but a link to a next page would be followed.
    ProcessesRequest = PROCESSES(Process) named "processes" key Some("id"), private false;
    /// `GET /step`.
    StepsRequest = STEPS(StepChange) named "steps" key Some("change_id"), private true;
    /// `GET /note`.
    NotesRequest = NOTES(Note) named "notes" key Some("id"), private true;
    /// `GET /webhook/task`.
    WebhookTasksRequest = WEBHOOK_TASKS(WebhookTask) named "webhook-tasks" key None, private true;
    /// The list of a link in a response.
    FollowRequest<T> = FOLLOW(T) named "follow" key None, private true;
}

/// Parameters of the candidates listing (vendor page: reference). Whether names match exactly is not documented.
impl CandidatesRequest {
    /// The first name.
    pub fn first_name(self, name: &str) -> Self {
        self.with(|endpoint| endpoint.query.text("first_name", name))
    }

    /// The last name.
    pub fn last_name(self, name: &str) -> Self {
        self.with(|endpoint| endpoint.query.text("last_name", name))
    }

    /// The first or the second e-mail address, so `email` of a record may differ.
    pub fn email(self, address: &str) -> Self {
        self.with(|endpoint| endpoint.query.text("email", address))
    }

    /// Candidates in the talent pool with this name. Several calls: candidates in all of these pools.
    pub fn pool_name(self, name: &str) -> Self {
        self.with(|endpoint| {
            endpoint.query.check_text("pool_name", name);
            endpoint.query.add("pool_name", name);
        })
    }
}

macro_rules! last_step {
    ($($(#[$doc:meta])* $request:ident),*) => {$(
        $(#[$doc])*
        impl $request {
            /// The last step change was on this day or later. Whether the day itself counts is not documented.
            pub fn last_step_since(self, day: Date) -> Self {
                self.with(|endpoint| endpoint.query.set("last_step_since", day))
            }

            /// The last step change was on this day or earlier. Whether the day itself counts is not documented.
            pub fn last_step_until(self, day: Date) -> Self {
                self.with(|endpoint| endpoint.query.set("last_step_until", day))
            }
        }
    )*};
}

last_step! {
    /// Parameters of the applications of a candidate (vendor page: reference).
    CandidateApplicationsRequest,
    /// Parameters of the applications of a job (inferred from those of a candidate).
    JobApplicationsRequest
}

/// Parameters of the step-change feed (vendor page: reference).
impl StepsRequest {
    /// The candidate's e-mail address.
    pub fn candidate_email(self, address: &str) -> Self {
        self.with(|endpoint| endpoint.query.text("candidate_email", address))
    }

    /// The customer's code of the job.
    pub fn job_reference(self, reference: &str) -> Self {
        self.with(|endpoint| endpoint.query.text("job_reference", reference))
    }

    /// The kind of step.
    pub fn step_status(self, status: &StepStatus) -> Self {
        self.with(|endpoint| endpoint.query.text("step_status", status.as_str()))
    }

    /// The name of the step.
    pub fn step_name(self, name: &str) -> Self {
        self.with(|endpoint| endpoint.query.text("step_name", name))
    }
}
