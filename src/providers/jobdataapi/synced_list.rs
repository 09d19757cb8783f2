//! A listing for the syncs, of jobs or of expired jobs, with additional parameters for each request.

use std::sync::Arc;

use jiff::civil::Date;

use super::endpoint::ListEndpoint;
use super::query::window_parameter;
use crate::error::{Error, Result};
use crate::listing::{Endpoint, Position};
use crate::sync::{OverlapWalk, PageView, RangeQuery, Step, WalkError};

/// The listing and its page size.
#[derive(Debug, Clone)]
pub(super) struct SyncedList {
    endpoint: ListEndpoint,
    page_size: u32,
}

impl SyncedList {
    /// Refuses a listing with a window: the sync sets its own windows.
    pub(super) fn new(jobs: ListEndpoint) -> Result<Self> {
        jobs.validate()?;
        if let Some(name) = window_parameter(&jobs.query) {
            return Err(Error::invalid(name, "(set)", "no window parameter: the sync sets its own windows"));
        }
        if jobs.first_page != 1 {
            return Err(Error::invalid("page", jobs.first_page.to_string(), "no page: the sync walks the whole list"));
        }
        let Some(page_size) = jobs.page_size else {
            return Err(Error::invalid("client", "anonymous", "an API key: windows and page sizes need one"));
        };
        Ok(Self { endpoint: jobs, page_size })
    }

    pub(super) fn capacity(&self) -> u64 {
        u64::from(self.page_size)
    }

    /// The request of a walk by ranges of ids.
    pub(super) fn range(&self, query: &RangeQuery, window: &[(&str, String)]) -> Step {
        let mut window = window.to_vec();
        window.extend((query.min > 0).then(|| ("min_id", query.min.to_string())));
        window.extend(query.max.map(|max| ("max_id", max.to_string())));
        let endpoint = self.endpoint(&window, u32::try_from(query.size).unwrap_or(self.page_size));
        if query.delivers {
            Step::Fetch(endpoint, Position::Page(query.page))
        } else {
            Step::Probe(endpoint, Position::Page(query.page))
        }
    }

    /// The next page of a walk by page number.
    pub(super) fn numbered(&self, walk: &OverlapWalk, window: &[(&str, String)]) -> Step {
        let (page, size) = walk.next_page();
        let endpoint = self.endpoint(window, u32::try_from(size).unwrap_or(self.page_size));
        if walk.rereads_last_page() {
            Step::Probe(endpoint, Position::Page(page))
        } else {
            Step::Fetch(endpoint, Position::Page(page))
        }
    }

    fn endpoint(&self, window: &[(&str, String)], page_size: u32) -> Arc<dyn Endpoint> {
        let mut jobs = self.endpoint.clone();
        jobs.page_size = Some(page_size);
        for (name, value) in window {
            jobs.query.set(name, value);
        }
        Arc::new(jobs)
    }
}

/// The ids of a page; `None` when one is outside the requested range, because the server did not apply the range.
pub(super) fn ids(page: &dyn PageView, query: &RangeQuery) -> Option<Vec<u64>> {
    let inside = |id: &u64| query.min <= *id && query.max.is_none_or(|max| *id <= max);
    let ids = page.values("id").filter_map(|id| id.parse().ok());
    ids.map(|id| Some(id).filter(inside)).collect()
}

/// An error when a record of the page was published before `since`. One day of tolerance, because the time zone of the
/// parameter is not documented.
pub(super) fn published_from(page: &dyn PageView, since: Date) -> Result<(), WalkError> {
    let first = since.yesterday().unwrap_or(since);
    if published(page).all(|day| day >= first) {
        return Ok(());
    }
    Err(WalkError::Ignored("the server did not apply published_since together with min_id".to_owned()))
}

/// The days on which the records of a page were published.
pub(super) fn published(page: &dyn PageView) -> impl Iterator<Item = Date> + '_ {
    page.values("published").filter_map(|text| text.trim_matches('"').get(..10)?.parse().ok())
}
