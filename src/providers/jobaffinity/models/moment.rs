//! Dates as they are written, with typed readers that invent nothing.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::fmt::temporal::Pieces;
use jiff::tz::Offset;

use crate::json::{text_debug, text_traits};

/// A date, or a date with a time, as the service wrote it.
///
/// The service writes dates (`2026-03-01`), dates with a time and no zone (`2026-03-01 09:30:00`), and what its reference
/// calls date-time, whose real form is not known. Its time zone is documented nowhere, so a text without an offset has a
/// [`date`](Self::date) and a [`datetime`](Self::datetime), and no [`timestamp`](Self::timestamp). A text that is none of
/// these is kept, and all readers are `None`. Equality is equality of the texts.
///
/// ```
/// use jobfeed::jobaffinity::Moment;
///
/// let called = Moment::from("2026-03-01 09:30:00");
/// assert_eq!(called.date(), Some(jobfeed::jiff::civil::date(2026, 3, 1)));
/// assert_eq!(called.timestamp(), None, "nothing tells the zone");
/// assert_eq!(Moment::from("soon").date(), None);
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Moment(Box<str>);

impl Moment {
    /// The text as it came.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The day, as written.
    pub fn date(&self) -> Option<Date> {
        Some(self.pieces()?.date())
    }

    /// The day and the time of day, as written; `None` for a day alone.
    pub fn datetime(&self) -> Option<DateTime> {
        let pieces = self.pieces()?;
        Some(pieces.date().to_datetime(pieces.time()?))
    }

    /// The instant, when the text holds its offset from UTC.
    pub fn timestamp(&self) -> Option<Timestamp> {
        let offset: Offset = self.pieces()?.to_numeric_offset()?;
        offset.to_timestamp(self.datetime()?).ok()
    }

    fn pieces(&self) -> Option<Pieces<'_>> {
        // ISO 8601 also has `20260301`, which is as well a plain number that means something else.
        if self.0.as_bytes().get(4) != Some(&b'-') {
            return None;
        }
        // The name of a zone would need the time zone database.
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
