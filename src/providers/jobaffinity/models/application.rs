//! Applications, their changes of step, notes, and the history of webhook calls.

use serde_json::Value;

use super::{Candidate, Items, Link, Moment, ProcessStep, ResponseStatus, User};
use crate::json::{empty_as_none, list, model, number, open_enum};

model! {
    /// An application of a candidate to a job, as the lists and the detail answer it; inside of a step change with less.
    /// `Debug` shows the number only.
    pub struct Application debug(id) {
        /// The application's number.
        id: Option<u64> = "id" => number,
        /// Its own URL.
        self_link: Option<String> = "_self" => empty_as_none,
        /// The URL of its JSON Schema.
        schema: Option<String> = "_schema" => empty_as_none,
        /// What the answer says about the request; on a detail.
        response_status: Option<ResponseStatus> = "_status" => empty_as_none,
        /// What may be done with it; the shape of an action is not documented.
        actions: Vec<Value> = "_actions" => list,
        /// When it was sent in.
        date: Option<Moment> = "date" => empty_as_none,
        /// How it came; the values are not documented.
        route: Option<String> = "route" => empty_as_none,
        /// The latest CV, for [`Client::download`](crate::jobaffinity::Client::download). The URL may let its bearer in for a
        /// while, so it is not to be stored.
        latest_cv_url: Option<String> = "latest_cv_url" => empty_as_none,
        /// Who applied; in the older edition of the reference a link alone.
        candidate: Option<Candidate> = "candidate",
        /// Where it came from.
        source: Option<Source> = "source",
        /// What they applied for; in the older edition of the reference a link alone.
        job: Option<AppliedJob> = "job",
        /// The step it is at.
        step: Option<ApplicationStep> = "step",
        /// The steps it has been at.
        steps: Items<ApplicationStep> = "steps",
        /// The notes on it.
        notes: Option<Link> = "notes",
    }
}

model! {
    /// A step that an application is or was at. `Debug` shows nothing of the user.
    pub struct ApplicationStep debug(id, name, status, date) {
        /// The number of the step in its process, not of the change.
        id: Option<u64> = "id" => number,
        /// The name.
        name: Option<String> = "name",
        /// What kind of step it is.
        status: Option<StepStatus> = "status" => empty_as_none,
        /// The day it got there.
        date: Option<Moment> = "date" => empty_as_none,
        /// Who moved it there; in a history only.
        user: Option<User> = "user",
    }
}

open_enum! {
    /// What kind of step a step is (vendor page: reference of processes).
    pub enum StepStatus {
        /// The first: `START`.
        Start = "START",
        /// One in between: `CURRENT`.
        Current = "CURRENT",
        /// A last: `END`.
        End = "END",
    }
}

model! {
    /// Where an application came from.
    pub struct Source debug(id, name) {
        /// The number.
        id: Option<u64> = "id" => number,
        /// The name.
        name: Option<String> = "name",
        /// The job board or service behind it.
        posting_service: Option<PostingService> = "posting_service",
    }
}

model! {
    /// A job board or another service that jobs are posted to.
    pub struct PostingService debug(id, name) {
        /// The number.
        id: Option<u64> = "id" => number,
        /// The name.
        name: Option<String> = "name",
    }
}

model! {
    /// The job of an application.
    pub struct AppliedJob debug(id, title, status) {
        /// The job's number.
        id: Option<u64> = "id" => number,
        /// Its own URL.
        self_link: Option<String> = "_self" => empty_as_none,
        /// The title.
        title: Option<String> = "title",
        /// Where it stands, in another vocabulary than [`JobStatus`](super::JobStatus); inside of a step change it is any
        /// text (vendor page: reference).
        status: Option<AppliedJobStatus> = "status" => empty_as_none,
        /// Its applications.
        applications: Option<Link> = "applications",
    }
}

open_enum! {
    /// Where the job of an application stands. Only the first code is documented.
    pub enum AppliedJobStatus {
        /// It can be applied for: `OPEN`.
        Open = "OPEN",
    }
}

model! {
    /// An application came to a step: a row of the step-change feed, the only feed over all jobs.
    ///
    /// `change_id` is the event. `id`, `name` and `status` are those of the step in its process (inferred); the older
    /// edition of the reference has them in `step`, and no `change_id`. [`StepChange::process_step`] reads either. `Debug`
    /// shows numbers only.
    pub struct StepChange debug(change_id, id, status) {
        /// The number of the change, which the feed goes on from.
        change_id: Option<u64> = "change_id" => number,
        /// Its own URL, in the older edition of the reference.
        self_link: Option<String> = "_self" => empty_as_none,
        /// The URL of its JSON Schema, in the older edition of the reference.
        schema: Option<String> = "_schema" => empty_as_none,
        /// What the answer says about the request, in the older edition of the reference.
        response_status: Option<ResponseStatus> = "_status" => empty_as_none,
        /// The day, or in the older edition of the reference the time, of the change.
        date: Option<Moment> = "date" => empty_as_none,
        /// The number of the step. Never a key of the change.
        id: Option<u64> = "id" => number,
        /// The name of the step.
        name: Option<String> = "name",
        /// What kind of step it is.
        status: Option<StepStatus> = "status" => empty_as_none,
        /// The step, in the older edition of the reference.
        step: Option<ProcessStep> = "step",
        /// Who moved it; may be missing for an automatic move.
        user: Option<User> = "user",
        /// The application as it is now, without its notes and its history.
        application: Option<Application> = "application",
    }
}

impl StepChange {
    /// The step that the application came to, from either edition of the reference.
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
    /// A note on a candidate. What a note holds is not documented, so the rest is in `extra`; its text is HTML by others.
    /// `Debug` shows the number only.
    pub struct Note debug(id) {
        /// The number, where there is one.
        id: Option<u64> = "id" => number,
        /// Its own URL.
        self_link: Option<String> = "_self" => empty_as_none,
    }
}

model! {
    /// One call of your webhook, as the service made it. It has no number of its own: two are the same when event, time and
    /// application are (inferred).
    pub struct WebhookTask debug(event, datetime, response_status) {
        /// What happened.
        event: Option<WebhookEvent> = "event" => empty_as_none,
        /// When, in a zone that is not documented.
        datetime: Option<Moment> = "datetime" => empty_as_none,
        /// The status that your endpoint answered with.
        response_status: Option<u16> = "response_status" => number,
        /// What your endpoint answered.
        response_body: Option<String> = "response_body",
        /// The application that it was about.
        application: Option<Link> = "application",
    }
}

open_enum! {
    /// What a webhook call is about. Only one name is public (vendor page: webhooks).
    pub enum WebhookEvent {
        /// An application came to another step: `ProcessStepChange`.
        ProcessStepChange = "ProcessStepChange",
    }
}
