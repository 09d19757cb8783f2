//! Compares the local clock with the server's: with a wrong clock, a wrong window is requested.

use jiff::{SignedDuration, Timestamp};

use super::planner::{minus, plus};
use crate::sync::{PageView, WalkError};

/// An error when the answer's `Date` is not between the sending of the request and now, give or take `allowed`. An
/// answer without a `Date` is not checked.
pub(super) fn check_clock(
    page: &dyn PageView,
    sent_at: Timestamp,
    now: Timestamp,
    allowed: SignedDuration,
) -> Result<(), WalkError> {
    let date = page.header("date").and_then(|date| httpdate::parse_http_date(date).ok());
    let Some(date) = date.and_then(|date| Timestamp::try_from(date).ok()) else { return Ok(()) };
    // The header has whole seconds.
    let allowed = allowed + SignedDuration::from_secs(1);
    if date >= minus(sent_at, allowed) && date <= plus(now, allowed) {
        return Ok(());
    }
    Err(WalkError::Ignored(format!("the server's clock is at {date}, the local one at {now}: set the clock")))
}
