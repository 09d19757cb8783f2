//! Compares the local clock with the server's: with a wrong clock, a sync requests a wrong window.

use jiff::{SignedDuration, Timestamp};

use super::strategy::{PageView, WalkError};

/// The instant of a `Date` header.
pub(crate) fn server_date(date: Option<&str>) -> Option<Timestamp> {
    Timestamp::try_from(httpdate::parse_http_date(date?).ok()?).ok()
}

/// How far the local clock is ahead of the server's; negative when it is behind. Zero when the answer's `Date`, in whole
/// seconds, is between the sending of the request and now. `None` for an answer without a `Date`.
pub(crate) fn clock_ahead(date: Option<&str>, sent_at: Timestamp, now: Timestamp) -> Option<SignedDuration> {
    let date = server_date(date)?;
    let first = sent_at.checked_sub(SignedDuration::from_secs(1)).unwrap_or(sent_at);
    Some(match date {
        _ if date < first => sent_at.duration_since(date),
        _ if date > now => now.duration_since(date),
        _ => SignedDuration::ZERO,
    })
}

/// An error when the clocks differ by more than `allowed`. An answer without a `Date` is not checked.
pub(crate) fn check_clock(
    page: &dyn PageView,
    sent_at: Timestamp,
    now: Timestamp,
    allowed: SignedDuration,
) -> Result<(), WalkError> {
    let ahead = clock_ahead(page.header("date"), sent_at, now).unwrap_or_default();
    if ahead.abs() <= allowed {
        return Ok(());
    }
    let date = now.checked_sub(ahead).unwrap_or(now);
    Err(WalkError::Ignored(format!("the server's clock is at about {date}, the local one at {now}: set the clock")))
}
