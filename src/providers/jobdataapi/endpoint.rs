//! The listing endpoints of jobdataapi.com without I/O: all of them page by number and share one envelope.

use http::StatusCode;

use super::query;
use crate::client::ApiRequest;
use crate::error::{AnswerError, Result};
use crate::json::ListAt;
use crate::listing::{Answer, Endpoint, Paging, Position, Query, paginate};

/// The constants of one endpoint.
#[derive(Debug)]
pub(super) struct EndpointSpec {
    /// The name in errors and reports.
    pub(super) name: &'static str,
    /// The path, relative to the base URL.
    pub(super) path: &'static str,
    /// The field that identifies a record.
    pub(super) key: &'static str,
    /// Whether the body can be a bare array (observed 2024 to 2025). The envelope is accepted as well.
    pub(super) may_be_array: bool,
}

/// An endpoint with its parameters.
#[derive(Debug, Clone)]
pub(super) struct ListEndpoint {
    pub(super) spec: &'static EndpointSpec,
    pub(super) query: Query,
    pub(super) page_size: Option<u32>,
    pub(super) first_page: u64,
}

impl ListEndpoint {
    pub(super) fn new(spec: &'static EndpointSpec, page_size: Option<u32>) -> Self {
        Self { spec, query: Query::default(), page_size, first_page: 1 }
    }
}

impl Endpoint for ListEndpoint {
    fn name(&self) -> &str {
        self.spec.name
    }

    fn validate(&self) -> Result<()> {
        query::check(&self.query)
    }

    fn start(&self) -> Position {
        Position::Page(self.first_page)
    }

    fn rows_before_start(&self) -> u64 {
        (self.first_page - 1).saturating_mul(u64::from(self.page_size.unwrap_or_default()))
    }

    fn request(&self, at: &Position) -> ApiRequest {
        let mut request = ApiRequest::get(self.spec.path);
        request.query.extend_from_slice(self.query.pairs());
        if let Some(size) = self.page_size {
            request = request.query("page_size", size);
        }
        match at {
            Position::Page(page) if *page > 1 => request.query("page", page),
            _ => request,
        }
    }

    fn list(&self) -> ListAt {
        if self.spec.may_be_array { ListAt::RootOrField("results") } else { ListAt::Field("results") }
    }

    fn next(&self, at: &Position, answer: &Answer<'_>) -> Result<Paging, AnswerError> {
        if self.spec.may_be_array && answer.fields.is_empty() {
            return Ok(Paging { next: None, total: Some(answer.rows as u64) });
        }
        paginate::page_numbers(at, answer)
    }

    fn key(&self) -> Option<&str> {
        Some(self.spec.key)
    }

    /// 404 for a page after the first: the list became shorter after the server sent `next` (inferred).
    fn past_end(&self, at: &Position, status: StatusCode) -> bool {
        status == StatusCode::NOT_FOUND && matches!(at, Position::Page(page) if *page > 1)
    }
}
