//! A listing of any API, made of functions.

use http::HeaderMap;
use jobfeed::endpoint::{Answer, AnswerError, ApiRequest, Endpoint, Listing, Overlap, Paging};
use jobfeed::{ListAt, Position};
use serde_json::Value;

/// `GET items` of `{"items":[…]}` on one page, until something else is set.
#[derive(Clone)]
pub(crate) struct AnyList {
    pub(crate) request: fn(&Position) -> ApiRequest,
    pub(crate) next: fn(&Position, &Answer<'_>) -> Result<Paging, AnswerError>,
    pub(crate) list: ListAt,
    pub(crate) overlap: Overlap,
    pub(crate) key: Option<&'static str>,
    pub(crate) headers: HeaderMap,
}

impl Default for AnyList {
    fn default() -> Self {
        Self {
            request: |_| ApiRequest::get("items"),
            next: |_, _| Ok(Paging::default()),
            list: ListAt::Field("items"),
            overlap: Overlap::None,
            key: Some("id"),
            headers: HeaderMap::new(),
        }
    }
}

impl Endpoint for AnyList {
    fn name(&self) -> &str {
        "any/items"
    }

    fn request(&self, at: &Position) -> ApiRequest {
        let mut request = (self.request)(at);
        request.headers.extend(self.headers.clone());
        request
    }

    fn list(&self) -> ListAt {
        self.list.clone()
    }

    fn next(&self, at: &Position, answer: &Answer<'_>) -> Result<Paging, AnswerError> {
        (self.next)(at, answer)
    }

    fn key(&self) -> Option<&str> {
        self.key
    }

    fn overlap(&self) -> Overlap {
        self.overlap
    }
}

impl Listing for AnyList {
    type Item = Value;
}
