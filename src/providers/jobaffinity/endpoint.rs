//! The listing endpoints of JobAffinity without I/O. All have the same envelope and a link to the next page.

use jiff::civil::Date;
use url::Position as UrlPosition;

use super::links;
use crate::client::ApiRequest;
use crate::error::{AnswerError, Error, Result};
use crate::json::ListAt;
use crate::listing::{Answer, Endpoint, Paging, Position, Query};

/// The largest page (vendor page: pagination).
pub(super) const MAX_PAGE_SIZE: u32 = 100;

/// The constants of one endpoint.
#[derive(Debug)]
pub(super) struct EndpointSpec {
    /// The name in errors and reports.
    pub(super) name: &'static str,
    /// The field that identifies a record.
    pub(super) key: Option<&'static str>,
    /// Whether its records are personal data, so that errors contain nothing of the response.
    pub(super) private: bool,
}

/// An endpoint with its parameters.
#[derive(Debug, Clone)]
pub(super) struct ListEndpoint {
    pub(super) spec: &'static EndpointSpec,
    path: String,
    pub(super) query: Query,
    pub(super) page_size: Option<u32>,
}

impl ListEndpoint {
    pub(super) fn new(spec: &'static EndpointSpec, path: impl Into<String>, page_size: Option<u32>) -> Self {
        Self { spec, path: path.into(), query: Query::default(), page_size }
    }
}

impl Endpoint for ListEndpoint {
    fn name(&self) -> &str {
        self.spec.name
    }

    fn validate(&self) -> Result<()> {
        if let Some(size) = self.page_size.filter(|size| !(1..=MAX_PAGE_SIZE).contains(size)) {
            return Err(Error::invalid("page_size", size.to_string(), "1 to 100"));
        }
        self.query.check()?;
        self.query.check_order::<Date>("last_step_since", "last_step_until")
    }

    /// Only the first request has parameters: the link to the next page contains what the server needs (vendor page:
    /// pagination).
    fn request(&self, at: &Position) -> ApiRequest {
        let mut request = if let Position::Token(link) = at {
            ApiRequest::get(links::restore(&self.query, link))
        } else {
            let mut first = ApiRequest::get(self.path.as_str());
            first.query.extend_from_slice(self.query.pairs());
            match self.page_size {
                Some(size) => first.query("limit", size),
                None => first,
            }
        };
        request.private = self.spec.private || links::has_personal(&self.query);
        request
    }

    fn list(&self) -> ListAt {
        ListAt::Field("items")
    }

    /// `_next` is a link to the next page, usually relative. On the last page it is absent, null or empty: the guide
    /// and the reference differ, and an example has the empty one (vendor pages).
    fn next(&self, _: &Position, answer: &Answer<'_>) -> Result<Paging, AnswerError> {
        let next: Option<String> = match answer.fields.raw("_next") {
            None => None,
            Some(next) => {
                serde_json::from_str(next).map_err(|_| AnswerError::shape("`_next` is neither a link nor null"))?
            }
        };
        let Some(next) = next.filter(|next| !next.is_empty()) else { return Ok(Paging::default()) };
        let link = answer.same_origin(&next)?;
        let link = &link[UrlPosition::BeforePath..UrlPosition::AfterQuery];
        Ok(Paging { next: Some(Position::Token(links::hide(&self.query, link))), total: None })
    }

    fn key(&self) -> Option<&str> {
        self.spec.key
    }
}
