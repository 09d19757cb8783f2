//! Recruitment processes and their steps.

use super::{Items, Organisation, ResponseStatus};
use crate::json::{empty_as_none, model, number, open_enum};

model! {
    /// A recruitment process.
    pub struct Process debug(id, name) {
        /// The id.
        id: Option<u64> = "id" => number,
        /// Its own URL.
        self_link: Option<String> = "_self" => empty_as_none,
        /// The URL of its JSON Schema.
        schema: Option<String> = "_schema" => empty_as_none,
        /// The status of the request.
        response_status: Option<ResponseStatus> = "_status" => empty_as_none,
        /// The name.
        name: Option<String> = "name",
        /// The organisations that use it.
        organisations: Items<Organisation> = "organisations",
        /// Its steps; [`Client::add_step`](crate::jobaffinity::Client::add_step) takes their ids.
        steps: Items<ProcessStep> = "steps",
    }
}

model! {
    /// A step of a process.
    pub struct ProcessStep debug(id, name, status) {
        /// The id.
        id: Option<u64> = "id" => number,
        /// The name.
        name: Option<String> = "name",
        /// The kind of step.
        status: Option<StepStatus> = "status" => empty_as_none,
    }
}

open_enum! {
    /// The kind of a step (vendor page: reference of processes).
    pub enum StepStatus {
        /// A first step: `START`.
        Start = "START",
        /// A step between first and last: `CURRENT`.
        Current = "CURRENT",
        /// A last step: `END`.
        End = "END",
    }
}
