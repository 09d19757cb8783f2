//! The syncs of jobdataapi.com: what they share. One file each: by id, by date, latest.

use std::sync::Arc;

use jiff::civil::Date;

use super::Resource;
use super::requests::Jobs;
use crate::cursor::Position;
use crate::endpoint::Endpoint;
use crate::error::{Error, Result};
use crate::ledger::Completeness;
use crate::sync::{Facts, Fault, Step};

/// Times that a page which does not add up is asked for again.
const PATIENCE: u32 = 6;

/// The jobs listing that a sync cuts into slices, and its page size.
#[derive(Debug, Clone)]
pub(super) struct Listing {
    pub(super) jobs: Resource<Jobs>,
    pub(super) page_size: u32,
    trouble: u32,
}

impl Listing {
    /// Checks that the window is the sync's to set.
    pub(super) fn new(jobs: Resource<Jobs>) -> Result<Self> {
        jobs.validate()?;
        if let Some(name) = jobs.query.window_parameter() {
            return Err(Error::invalid(name, "(set)", "no window parameter: the sync sets its own windows"));
        }
        if jobs.first_page != 1 {
            return Err(Error::invalid("page", jobs.first_page.to_string(), "no page: the sync walks the whole list"));
        }
        let Some(page_size) = jobs.page_size else {
            return Err(Error::invalid("client", "anonymous", "an API key: windows and page sizes need one"));
        };
        Ok(Self { jobs, page_size, trouble: 0 })
    }

    pub(super) fn capacity(&self) -> u64 {
        u64::from(self.page_size)
    }

    /// The first page of the listing with additional parameters.
    pub(super) fn fetch(&self, window: &[(&str, String)]) -> Step {
        Step::Fetch(self.endpoint(window, self.page_size), Position::Page(1))
    }

    /// The same with one record: only the total is of interest.
    pub(super) fn probe(&self, window: &[(&str, String)]) -> Step {
        Step::Probe(self.endpoint(window, 1), Position::Page(1))
    }

    pub(super) fn endpoint(&self, window: &[(&str, String)], page_size: u32) -> Arc<dyn Endpoint> {
        let mut jobs = self.jobs.clone();
        jobs.page_size = Some(page_size);
        for (name, value) in window {
            jobs.query.set(name, value);
        }
        Arc::new(jobs)
    }

    /// A page that does not add up is asked for again, a few times; then it is a hole.
    pub(super) fn again(&mut self, page: &dyn Facts) -> Result<(), Fault> {
        let (rows, total) = (page.rows(), page.total());
        self.once_more(match total {
            Some(total) if total > rows => Completeness::ShortBy(total - rows),
            _ => Completeness::Drifted { first_total: total, last_total: Some(rows), repeated: 0 },
        })
    }

    /// The total of a window changed from its page to its confirmation: both are asked for again, a few times.
    pub(super) fn changed(&mut self, before: u64, now: u64) -> Result<(), Fault> {
        self.once_more(Completeness::Drifted { first_total: Some(before), last_total: Some(now), repeated: 0 })
    }

    fn once_more(&mut self, otherwise: Completeness) -> Result<(), Fault> {
        self.trouble += 1;
        if self.trouble < PATIENCE { Ok(()) } else { Err(Fault::Incomplete(otherwise)) }
    }

    /// A page added up.
    pub(super) fn well(&mut self) {
        self.trouble = 0;
    }
}

/// The day, for parameters and checks.
pub(super) fn day(index: u64) -> Date {
    let days = i64::try_from(index).unwrap_or(i64::MAX).min(MAX_DAY);
    EPOCH.checked_add(jiff::Span::new().days(days)).unwrap_or(Date::MAX)
}

/// Days since 1970-01-01, the points of the line that windows of dates are cut from.
pub(super) fn day_index(day: Date) -> u64 {
    let days = EPOCH.until(day).map(|span| span.get_days()).unwrap_or_default();
    u64::try_from(days).unwrap_or_default()
}

pub(super) const EPOCH: Date = Date::constant(1970, 1, 1);
/// The last day of the year 9999.
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
