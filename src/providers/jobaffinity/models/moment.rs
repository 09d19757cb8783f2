//! Dates as the service wrote them, with typed readers that add nothing.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::fmt::temporal::Pieces;
use jiff::tz::Offset;

use crate::json::{text_debug, text_traits};

/// A date, or a date and time, as the service wrote it.
///
/// The service writes dates (`2026-03-01`), dates with a time but no zone (`2026-03-01 09:30:00`), and values that its
/// reference calls date-time, whose real format is unknown. Its time zone is not documented, so a text without an
/// offset has a [`date`](Self::date) and a [`datetime`](Self::datetime) but no [`timestamp`](Self::timestamp). Any
/// other text is kept, and all readers return `None`. Two values are equal if their texts are equal.
///
/// ```
/// use jobfeed::jobaffinity::Moment;
///
/// let called = Moment::from("2026-03-01 09:30:00");
/// assert_eq!(called.date(), Some(jobfeed::jiff::civil::date(2026, 3, 1)));
/// assert_eq!(called.timestamp(), None, "the zone is unknown");
/// assert_eq!(Moment::from("soon").date(), None);
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Moment(Box<str>);

impl Moment {
    /// The text, unchanged.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The date, as written.
    pub fn date(&self) -> Option<Date> {
        Some(self.pieces()?.date())
    }

    /// The date and time, as written; `None` for a date without a time.
    pub fn datetime(&self) -> Option<DateTime> {
        let pieces = self.pieces()?;
        Some(pieces.date().to_datetime(pieces.time()?))
    }

    /// The instant, if the text has an offset from UTC.
    pub fn timestamp(&self) -> Option<Timestamp> {
        let offset: Offset = self.pieces()?.to_numeric_offset()?;
        offset.to_timestamp(self.datetime()?).ok()
    }

    fn pieces(&self) -> Option<Pieces<'_>> {
        // ISO 8601 also allows `20260301`, but such a text may be a plain number.
        if self.0.as_bytes().get(4) != Some(&b'-') {
            return None;
        }
        // A named zone would need the time zone database.
        Pieces::parse(&*self.0).ok().filter(|pieces| pieces.time_zone_annotation().is_none())
    }
}

impl From<&str> for Moment {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for Moment {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

text_traits!(Moment);
text_debug!(Moment);
