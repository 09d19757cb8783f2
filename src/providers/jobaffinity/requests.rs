//! The typed requests of JobAffinity: each has methods for the parameters of its endpoint only.

use jiff::civil::Date;

use super::endpoint::{EndpointSpec, ListEndpoint};
use super::models::{Application, Candidate, Job, Note, Process, StepChange, StepStatus, WebhookTask};
use crate::listing::{list_request, params};

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
            /// A parameter that is not documented, sent unchanged. Several calls send it several times.
            #[allow(clippy::needless_pass_by_value)]
            pub fn param(self, name: &str, value: impl ToString) -> Self {
                self.with(|endpoint| {
                    // The list of processes has no methods for a page size and a lower bound: they are not documented.
                    let has_method = matches!(name, "limit" | "since") && endpoint.spec.name != PROCESSES.name;
                    if has_method || name == "pagecursor" {
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

/// Declares the page size of a listing.
macro_rules! page_sizes {
    ($($request:ident $(<$t:ident>)?)*) => {$(
        impl $(<$t: serde::de::DeserializeOwned + Send + 'static>)? $request $(<$t>)? {
            /// Records on a page, 1 to 100 (vendor page: pagination). Default 100; for followed links the server's
            /// default, which is 20. Sent as `limit`, which the reference names for candidates, their applications and
            /// step changes; for the other lists it is inferred.
            pub fn page_size(self, size: u32) -> Self {
                self.with(|endpoint| endpoint.page_size = Some(size))
            }

            /// Sends no page size, for a list that refuses the parameter.
            pub fn default_page_size(self) -> Self {
                self.with(|endpoint| endpoint.page_size = None)
            }
        }
    )*};
}

page_sizes! {
    JobsRequest JobApplicationsRequest CandidatesRequest CandidateApplicationsRequest StepsRequest NotesRequest
    WebhookTasksRequest FollowRequest<T>
}

params! {
    /// Parameters of the candidates listing (vendor page: reference). Whether names match exactly is not documented.
    CandidatesRequest => {
    /// The first name.
    text first_name "first_name";
    /// The last name.
    text last_name "last_name";
    /// The first or the second e-mail address, so `email` of a record may differ.
    text email "email";
}}

impl CandidatesRequest {
    /// Candidates in the talent pool with this name. Several calls: candidates in all of these pools.
    pub fn pool_name(self, name: &str) -> Self {
        self.with(|endpoint| {
            endpoint.query.check_text("pool_name", name);
            endpoint.query.add("pool_name", name);
        })
    }
}

params! {
    /// Parameters of the applications of a candidate (vendor page: reference).
    CandidateApplicationsRequest
    /// Parameters of the applications of a job (inferred from those of a candidate).
    JobApplicationsRequest => {
    /// The last step change was on this day or later. Whether the day itself counts is not documented.
    value last_step_since "last_step_since" (day: Date);
    /// The last step change was on this day or earlier. Whether the day itself counts is not documented.
    value last_step_until "last_step_until" (day: Date);
}}

params! {
    /// Parameters of the step-change feed (vendor page: reference).
    StepsRequest => {
    /// The candidate's e-mail address.
    text candidate_email "candidate_email";
    /// The customer's code of the job.
    text job_reference "job_reference";
    /// The name of the step.
    text step_name "step_name";
}}

impl StepsRequest {
    /// The kind of step.
    pub fn step_status(self, status: &StepStatus) -> Self {
        self.with(|endpoint| endpoint.query.text("step_status", status.as_str()))
    }
}
