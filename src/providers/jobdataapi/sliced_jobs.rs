//! A listing for the syncs, of jobs or of expired jobs: it is read in slices, each with its own window.

use std::sync::Arc;

use jiff::civil::Date;

use super::endpoint::ListEndpoint;
use super::query::window_parameter;
use crate::error::{Completeness, Error, Result};
use crate::listing::{Endpoint, Position};
use crate::sync::{OverlapWalk, PageView, Step, WalkError};

/// After this many pages in a row whose rows do not fit their total, the run ends as incomplete.
const MAX_RETRIES: u32 = 6;

/// The listing, its page size, and the retries of the current page.
#[derive(Debug, Clone)]
pub(super) struct SlicedJobs {
    endpoint: ListEndpoint,
    page_size: u32,
    retries: u32,
}

impl SlicedJobs {
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
        Ok(Self { endpoint: jobs, page_size, retries: 0 })
    }

    pub(super) fn capacity(&self) -> u64 {
        u64::from(self.page_size)
    }

    /// Fetches the first page of the listing with additional parameters.
    pub(super) fn fetch(&self, window: &[(&str, String)]) -> Step {
        Step::Fetch(self.endpoint(window, self.page_size), Position::Page(1))
    }

    /// The same page, but its records are not delivered: only their ids and the total are needed.
    pub(super) fn probe_page(&self, window: &[(&str, String)]) -> Step {
        Step::Probe(self.endpoint(window, self.page_size), Position::Page(1))
    }

    /// The same with a page size of 1: only the total is needed.
    pub(super) fn probe_count(&self, window: &[(&str, String)]) -> Step {
        Step::Probe(self.endpoint(window, 1), Position::Page(1))
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

    /// A page whose rows do not fit its total is requested again; after [`MAX_RETRIES`] pages records are missing.
    pub(super) fn retry(&mut self, page: &dyn PageView) -> Result<(), WalkError> {
        self.retries += 1;
        if self.retries < MAX_RETRIES {
            return Ok(());
        }
        let (rows, total) = (page.rows(), page.total());
        Err(WalkError::Incomplete(match total {
            Some(total) if total > rows => Completeness::ShortBy(total - rows),
            _ => Completeness::Drifted { first_total: total, last_total: Some(rows), repeated: 0 },
        }))
    }

    /// The rows of a page fit its total: the next page has all retries again.
    pub(super) fn reset_retries(&mut self) {
        self.retries = 0;
    }
}

/// The ids of a page. An id outside the requested range means that the server did not apply the range.
pub(super) fn ids(page: &dyn PageView, min: u64, max: Option<u64>) -> Result<Vec<u64>, WalkError> {
    let ids: Vec<u64> = page.values("id").filter_map(|id| id.parse().ok()).collect();
    let inside = |id: &u64| min <= *id && max.is_none_or(|max| *id <= max);
    if ids.iter().all(inside) {
        return Ok(ids);
    }
    let hint = "the server did not apply min_id and max_id; on plan lite use sync_latest instead";
    Err(WalkError::Ignored(hint.to_owned()))
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

/// The day with this index; see [`day_index`].
pub(super) fn day(index: u64) -> Date {
    let days = i64::try_from(index).unwrap_or(i64::MAX).min(MAX_DAY);
    EPOCH.checked_add(jiff::Span::new().days(days)).unwrap_or(Date::MAX)
}

/// Days since 1970-01-01. The slicer cuts windows of days by this index.
pub(super) fn day_index(day: Date) -> u64 {
    let days = EPOCH.until(day).map(|span| span.get_days()).unwrap_or_default();
    u64::try_from(days).unwrap_or_default()
}

pub(super) const EPOCH: Date = Date::constant(1970, 1, 1);
/// The index of the last day of the year 9999.
const MAX_DAY: i64 = 2_932_896;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_their_indexes_are_inverse() {
        for index in [0, 1, 20_000, 20_574, u64::try_from(MAX_DAY).unwrap()] {
            assert_eq!(day_index(day(index)), index);
        }
        assert_eq!(day(20_574).to_string(), "2026-05-01");
    }
}
