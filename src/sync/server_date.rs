//! Compares the local clock with the server's: with a wrong clock, a sync requests a wrong window.

use jiff::{SignedDuration, Timestamp};

use super::strategy::PageView;

/// The `Date` of the answer.
pub(crate) fn server_date(page: &dyn PageView) -> Option<Timestamp> {
    Timestamp::try_from(httpdate::parse_http_date(page.header("date")?).ok()?).ok()
}

/// How far the local clock is ahead of the server's; negative when it is behind. Zero when the answer's `Date`, in whole
/// seconds, is between the sending of the request and now. `None` for an answer without a `Date`.
pub(crate) fn clock_ahead(page: &dyn PageView, sent_at: Timestamp, now: Timestamp) -> Option<SignedDuration> {
    let date = server_date(page)?;
    let second = SignedDuration::from_secs(1);
    let nearest = date.clamp(sent_at.saturating_sub(second).unwrap_or(sent_at), now.max(sent_at));
    Some(nearest.duration_since(date))
}
