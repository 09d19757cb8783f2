//! The two lists: open jobs and applications. They differ in their records and in the values of one filter.

use std::fmt;
use std::marker::PhantomData;

use jiff::Timestamp;
use serde::de::DeserializeOwned;

use super::{Application, ApplicationStatus, Job};
use crate::client::ApiRequest;
use crate::error::Refusal;
use crate::error::{Error, Result};
use crate::json::ListAt;
use crate::listing::ListRequest;
use crate::listing::Position;
use crate::listing::paginate;
use crate::listing::{Answer, Endpoint, Listing, Paging};

/// The largest page (vendor page: pagination). The server cuts a larger one without a word.
const MAX_PAGE_SIZE: u32 = 200;

/// `GET /jobs`: open jobs of companies with active access.
pub type JobsRequest = ListRequest<List<Jobs>>;
/// `GET /applications`: the applications of this key, also to companies whose access was revoked.
pub type ApplicationsRequest = ListRequest<List<Applications>>;

/// What distinguishes one list from the other.
pub trait Kind: fmt::Debug + Send + Sync + 'static {
    /// The record type.
    type Item: DeserializeOwned + Send + 'static;
    /// The name in errors and reports.
    const NAME: &'static str;
    /// The path below the base URL, and the name of the rate bucket.
    const PATH: &'static str;
    /// The field that tells when a record changed.
    const UPDATED: Option<&'static str>;
    /// What a sync of it cannot guarantee.
    const CAVEATS: &'static [&'static str];
}

/// The kind of list behind [`JobsRequest`].
#[derive(Debug)]
#[non_exhaustive]
pub struct Jobs;

/// The kind of list behind [`ApplicationsRequest`].
#[derive(Debug)]
#[non_exhaustive]
pub struct Applications;

impl Kind for Jobs {
    type Item = Job;
    const NAME: &'static str = "employjoy/jobs";
    const PATH: &'static str = "jobs";
    const UPDATED: Option<&'static str> = Some("updatedAt");
    const CAVEATS: &'static [&'static str] = &[
        "jobs that close vanish without a trace; full_list_diff or the webhook job.closed tells them",
        "whether a job that comes back by a grant of access counts as updated is not documented; full_list_diff finds it",
    ];
}

impl Kind for Applications {
    type Item = Application;
    const NAME: &'static str = "employjoy/applications";
    const PATH: &'static str = "applications";
    const UPDATED: Option<&'static str> = None;
    const CAVEATS: &'static [&'static str] = &[];
}

/// A list with its parameters.
pub struct List<K> {
    pub(super) page_size: u32,
    pub(super) updated_since: Option<Timestamp>,
    company_id: Option<String>,
    status: Option<ApplicationStatus>,
    kind: PhantomData<fn() -> K>,
}

impl<K> Default for List<K> {
    fn default() -> Self {
        Self { page_size: MAX_PAGE_SIZE, updated_since: None, company_id: None, status: None, kind: PhantomData }
    }
}

/// What both lists take.
impl<K: Kind> ListRequest<List<K>> {
    /// Records on a page, 1 to 200 (vendor page), sent as `limit`. Default 200.
    pub fn page_size(self, size: u32) -> Self {
        self.with(|list| list.page_size = size)
    }

    /// What changed after this instant (vendor page). Whether the instant itself counts is not documented.
    pub fn updated_since(self, instant: Timestamp) -> Self {
        self.with(|list| list.updated_since = Some(instant))
    }

    /// Of one company only (vendor page). One without access gives an empty list, not an error.
    pub fn company_id(self, id: impl Into<String>) -> Self {
        self.with(|list| list.company_id = Some(id.into()))
    }
}

impl ApplicationsRequest {
    /// Those with this status (vendor page).
    pub fn status(self, status: ApplicationStatus) -> Self {
        self.with(|list| list.status = Some(status))
    }
}

impl<K: Kind> Endpoint for List<K> {
    fn name(&self) -> &str {
        K::NAME
    }

    fn validate(&self) -> Result<()> {
        if !(1..=MAX_PAGE_SIZE).contains(&self.page_size) {
            return Err(Error::invalid("page_size", self.page_size.to_string(), "1 to 200"));
        }
        if self.company_id.as_ref().is_some_and(|id| id.trim().is_empty()) {
            return Err(Error::invalid("company_id", "", "a text that is not empty"));
        }
        if let Some(ApplicationStatus::Other(status)) = &self.status {
            return Err(Error::invalid("status", status, "received, in_progress, accepted or rejected"));
        }
        Ok(())
    }

    /// The filters stand beside every cursor, as in the vendor's examples; whether they have to is not documented.
    fn request(&self, at: &Position) -> ApiRequest {
        let mut request = ApiRequest::get(K::PATH).query("limit", self.page_size);
        request.bucket = Some(K::PATH.to_owned());
        if let Some(instant) = self.updated_since {
            request = request.query("updated_since", instant);
        }
        if let Some(id) = &self.company_id {
            request = request.query("company_id", id);
        }
        if let Some(status) = &self.status {
            request = request.query("status", status);
        }
        match at {
            Position::Token(cursor) => request.query("cursor", cursor),
            _ => request,
        }
    }

    fn list(&self) -> ListAt {
        ListAt::Field("data")
    }

    fn next(&self, _: &Position, answer: &Answer<'_>) -> Result<Paging, Refusal> {
        paginate::token(answer, "next_cursor")
    }

    // No `key`: a record that changes while the list is walked may come again, so the same id on two pages is no drift.
}

impl<K: Kind> Listing for List<K> {
    type Item = K::Item;
}

impl<K> Clone for List<K> {
    fn clone(&self) -> Self {
        let Self { page_size, updated_since, company_id, status, kind } = self;
        let (company_id, status) = (company_id.clone(), status.clone());
        Self { page_size: *page_size, updated_since: *updated_since, company_id, status, kind: *kind }
    }
}

impl<K: Kind> fmt::Debug for List<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(K::NAME)
            .field("page_size", &self.page_size)
            .field("updated_since", &self.updated_since)
            .finish_non_exhaustive()
    }
}
