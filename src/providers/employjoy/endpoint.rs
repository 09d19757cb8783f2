//! The two listing endpoints without I/O: open jobs and applications.

use jiff::Timestamp;

use crate::client::ApiRequest;
use crate::error::{AnswerError, Error, Result};
use crate::json::{BodyProblem, ListAt};
use crate::listing::{Answer, Endpoint, Paging, Position, Query, paginate};

/// The maximum page size (vendor page: pagination). The server reduces a larger one to this, without an error.
const MAX_PAGE_SIZE: u32 = 200;

/// The constants of one list.
#[derive(Debug)]
pub(super) struct EndpointSpec {
    /// The name in errors and reports.
    name: &'static str,
    /// The path, relative to the base URL. Also the name of the rate bucket.
    path: &'static str,
    /// Whether its records are about people, so that errors show nothing of what the server said.
    private: bool,
    /// The field with the time of a record's last change.
    pub(super) updated: Option<&'static str>,
    /// What a sync of this list cannot guarantee.
    pub(super) caveats: &'static [&'static str],
}

/// `GET /jobs`.
pub(super) const JOBS: EndpointSpec = EndpointSpec {
    name: "employjoy/jobs",
    path: "jobs",
    private: false,
    updated: Some("updatedAt"),
    caveats: &[
        "closed jobs are removed from the list without a notice; full_list_diff or the webhook job.closed reports them",
        "whether a job listed again by a new grant of access counts as updated is not documented; full_list_diff finds it",
    ],
};

/// `GET /applications`.
pub(super) const APPLICATIONS: EndpointSpec =
    EndpointSpec { name: "employjoy/applications", path: "applications", private: true, updated: None, caveats: &[] };

/// A list with its parameters.
#[derive(Debug, Clone)]
pub(super) struct ListEndpoint {
    pub(super) spec: &'static EndpointSpec,
    pub(super) page_size: u32,
    pub(super) updated_since: Option<Timestamp>,
    pub(super) company_id: Option<String>,
    /// The status, and parameters that are not documented.
    pub(super) query: Query,
}

impl ListEndpoint {
    pub(super) fn new(spec: &'static EndpointSpec) -> Self {
        let query = Query::default();
        Self { spec, page_size: MAX_PAGE_SIZE, updated_since: None, company_id: None, query }
    }
}

impl Endpoint for ListEndpoint {
    fn name(&self) -> &str {
        self.spec.name
    }

    fn validate(&self) -> Result<()> {
        if !(1..=MAX_PAGE_SIZE).contains(&self.page_size) {
            return Err(Error::invalid("page_size", self.page_size.to_string(), "1 to 200"));
        }
        if self.company_id.as_ref().is_some_and(|id| id.trim().is_empty()) {
            return Err(Error::invalid("company_id", "", "a text that is not empty"));
        }
        self.query.check()
    }

    /// The filters are sent with every cursor, as in the vendor's examples. Whether this is required is not documented.
    fn request(&self, at: &Position) -> ApiRequest {
        let mut request = ApiRequest::get(self.spec.path).query("limit", self.page_size);
        (request.bucket, request.private) = (Some(self.spec.path.to_owned()), self.spec.private);
        if let Some(instant) = self.updated_since {
            request = request.query("updated_since", instant);
        }
        if let Some(id) = &self.company_id {
            request = request.query("company_id", id);
        }
        request.query.extend_from_slice(self.query.pairs());
        match at {
            Position::Token(cursor) => request.query("cursor", cursor),
            _ => request,
        }
    }

    fn list(&self) -> ListAt {
        ListAt::Field("data")
    }

    fn next(&self, _: &Position, answer: &Answer<'_>) -> Result<Paging, AnswerError> {
        // An error with a success status and an empty list would otherwise be a complete list.
        if answer.fields.raw("error").is_some_and(|error| error != "null") {
            return Err(BodyProblem::ErrorObject.into());
        }
        paginate::token(answer, "next_cursor")
    }

    fn key(&self) -> Option<&str> {
        Some("id")
    }

    /// A record that changes during the walk moves to another place in the list (inferred from the order by time of change).
    fn may_repeat(&self) -> bool {
        true
    }
}
