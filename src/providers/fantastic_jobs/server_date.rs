//! Compares the local clock with the server's: with a wrong clock, a wrong window is requested.

use jiff::{SignedDuration, Timestamp};

use super::planner::plus;
use crate::sync::{PageView, WalkError, clock_ahead};

/// An error when the answer's `Date` is not between the sending of the request and now, give or take `allowed`. An
/// answer without a `Date` is not checked.
pub(super) fn check_clock(
    page: &dyn PageView,
    sent_at: Timestamp,
    now: Timestamp,
    allowed: SignedDuration,
) -> Result<(), WalkError> {
    let ahead = clock_ahead(page.header("date"), sent_at, now).unwrap_or_default();
    if ahead.abs() <= allowed {
        return Ok(());
    }
    let date = plus(now, -ahead);
    Err(WalkError::Ignored(format!("the server's clock is at about {date}, the local one at {now}: set the clock")))
}
