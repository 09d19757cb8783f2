//! What the answers of a run tell about the server's clock. With a local clock that is ahead, a watermark by day would pass
//! the server's day, and later runs would bring nothing.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::client::Clock;
use crate::sync::{PageView, clock_ahead, server_date};

#[derive(Debug)]
pub(super) struct ServerClock {
    local: Clock,
    /// See [`clock_ahead`]; the largest difference in this run.
    ahead: SignedDuration,
}

impl ServerClock {
    pub(super) fn new(local: &Clock) -> Self {
        Self { local: local.clone(), ahead: SignedDuration::ZERO }
    }

    /// Compares the clocks. Returns the server's day, where the answer tells it.
    pub(super) fn compare(&mut self, page: &dyn PageView, sent_at: Timestamp) -> Option<Date> {
        let ahead = clock_ahead(page.header("date"), sent_at, self.local.now()).unwrap_or_default();
        if ahead.abs() > self.ahead.abs() {
            self.ahead = ahead;
        }
        server_date(page.header("date")).map(|date| date.to_zoned(TimeZone::UTC).date())
    }

    /// The difference in seconds for the report, when it is more than a minute.
    pub(super) fn details(&self) -> Value {
        let difference = self.ahead.as_secs();
        if difference.abs() > 60 { json!({ "clock_ahead_seconds": difference }) } else { Value::Null }
    }
}
