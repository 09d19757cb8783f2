//! Applications, step changes, notes, and the history of webhook calls.

use serde_json::Value;

use super::{Candidate, Items, Link, Moment, ProcessStep, ResponseStatus, StepStatus, User};
use crate::json::{empty_as_none, list, model, number, open_enum};

model! {
    /// An application of a candidate to a job, in lists and on its own; inside a step change with fewer fields.
    /// `Debug` shows the id only.
    pub struct Application debug(id) {
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
        /// When it was sent.
        date: Option<Moment> = "date" => empty_as_none,
        /// The route by which it was received; the values are not documented.
        route: Option<String> = "route" => empty_as_none,
        /// The latest CV, for [`Client::download`](crate::jobaffinity::Client::download). The URL may give temporary
        /// access without credentials, so do not store it.
        latest_cv_url: Option<String> = "latest_cv_url" => empty_as_none,
        /// The candidate; in the older edition of the reference only a link.
        candidate: Option<Candidate> = "candidate",
        /// The source.
        source: Option<Source> = "source",
        /// The job; in the older edition of the reference only a link.
        job: Option<AppliedJob> = "job",
        /// The current step.
        step: Option<ApplicationStep> = "step",
        /// The history of its steps.
        steps: Items<ApplicationStep> = "steps",
        /// The notes.
        notes: Option<Link> = "notes",
    }
}

model! {
    /// A current or past step of an application. `Debug` does not show the user.
    pub struct ApplicationStep debug(id, name, status, date) {
        /// The id of the step in its process, not of the step change.
        id: Option<u64> = "id" => number,
        /// The name.
        name: Option<String> = "name",
        /// The kind of step.
        status: Option<StepStatus> = "status" => empty_as_none,
        /// The day of the step change.
        date: Option<Moment> = "date" => empty_as_none,
        /// The user who moved it; in the history only.
        user: Option<User> = "user",
    }
}

model! {
    /// The source of an application.
    pub struct Source debug(id, name) {
        /// The id.
        id: Option<u64> = "id" => number,
        /// The name.
        name: Option<String> = "name",
        /// The job board or service of this source.
        posting_service: Option<PostingService> = "posting_service",
    }
}

model! {
    /// A job board or another service that jobs are posted to.
    pub struct PostingService debug(id, name) {
        /// The id.
        id: Option<u64> = "id" => number,
        /// The name.
        name: Option<String> = "name",
    }
}

model! {
    /// The job of an application.
    pub struct AppliedJob debug(id, title, status) {
        /// The id.
        id: Option<u64> = "id" => number,
        /// Its own URL.
        self_link: Option<String> = "_self" => empty_as_none,
        /// The title.
        title: Option<String> = "title",
        /// The status, with other values than [`JobStatus`](super::JobStatus); inside a step change any text (vendor
        /// page: reference).
        status: Option<AppliedJobStatus> = "status" => empty_as_none,
        /// The applications.
        applications: Option<Link> = "applications",
    }
}

open_enum! {
    /// The status of the job of an application. Only this code is documented.
    pub enum AppliedJobStatus {
        /// Open for applications: `OPEN`.
        Open = "OPEN",
    }
}

model! {
    /// A step change of an application: a record of the step-change feed, the only feed over all jobs.
    ///
    /// `change_id` identifies the change. `id`, `name` and `status` are those of the step in its process (inferred);
    /// the older edition of the reference has them in `step`, without `change_id`. [`StepChange::process_step`] reads
    /// either. `Debug` shows the ids and the status only.
    pub struct StepChange debug(change_id, id, status) {
        /// The id of the change, used by `since`.
        change_id: Option<u64> = "change_id" => number,
        /// Its own URL, in the older edition of the reference.
        self_link: Option<String> = "_self" => empty_as_none,
        /// The URL of its JSON Schema, in the older edition of the reference.
        schema: Option<String> = "_schema" => empty_as_none,
        /// The status of the request, in the older edition of the reference.
        response_status: Option<ResponseStatus> = "_status" => empty_as_none,
        /// The date of the change; in the older edition of the reference the date and time.
        date: Option<Moment> = "date" => empty_as_none,
        /// The id of the step. It does not identify the change.
        id: Option<u64> = "id" => number,
        /// The name of the step.
        name: Option<String> = "name",
        /// The kind of step.
        status: Option<StepStatus> = "status" => empty_as_none,
        /// The step, in the older edition of the reference.
        step: Option<ProcessStep> = "step",
        /// The user who moved it; may be absent for an automatic move.
        user: Option<User> = "user",
        /// The current application, without its notes and its history.
        application: Option<Application> = "application",
    }
}

impl StepChange {
    /// The new step of the application, from either edition of the reference.
    pub fn process_step(&self) -> ProcessStep {
        self.step.clone().unwrap_or_else(|| ProcessStep {
            id: self.id,
            name: self.name.clone(),
            status: self.status.clone(),
            ..ProcessStep::default()
        })
    }
}

model! {
    /// A note on a candidate. Its other fields are not documented and are in `extra`; its text is untrusted HTML.
    /// `Debug` shows the id only.
    pub struct Note debug(id) {
        /// The id, if present.
        id: Option<u64> = "id" => number,
        /// Its own URL.
        self_link: Option<String> = "_self" => empty_as_none,
    }
}

model! {
    /// One call that the service made to your webhook. It has no id: two calls are the same if event, time and
    /// application are equal (inferred).
    pub struct WebhookTask debug(event, datetime, response_status) {
        /// The event.
        event: Option<WebhookEvent> = "event" => empty_as_none,
        /// The date and time, in a zone that is not documented.
        datetime: Option<Moment> = "datetime" => empty_as_none,
        /// The HTTP status that your endpoint answered with.
        response_status: Option<u16> = "response_status" => number,
        /// The body that your endpoint answered with.
        response_body: Option<String> = "response_body",
        /// The application of the event.
        application: Option<Link> = "application",
    }
}

open_enum! {
    /// The event of a webhook call. Only one name is documented (vendor page: webhooks).
    pub enum WebhookEvent {
        /// An application was moved to another step: `ProcessStepChange`.
        ProcessStepChange = "ProcessStepChange",
    }
}
