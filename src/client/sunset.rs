//! The `Sunset` header: the time after which a key, or an endpoint, no longer works.

use std::fmt;

use http::HeaderMap;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

/// When a key or an endpoint stops working, as the service announced it (RFC 8594).
///
/// ```
/// use jobfeed::Sunset;
///
/// // The day of the week is ignored, because some servers send a wrong one.
/// let sunset = Sunset::from("Sat, 31 May 2026 14:00:00 GMT");
/// assert_eq!(sunset.at(), Some("2026-05-31T14:00:00Z".parse()?));
/// assert_eq!(Sunset::from("soon").at(), None);
/// # Ok::<(), jobfeed::jiff::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sunset {
    text: String,
    at: Option<Timestamp>,
}

impl Sunset {
    /// Reads it from the headers of an answer, such as [`crate::Page::headers`].
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        Some(Self::from(headers.get("sunset")?.to_str().ok()?))
    }

    /// The text as received.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The time; `None` when the text cannot be read.
    pub fn at(&self) -> Option<Timestamp> {
        self.at
    }
}

impl From<&str> for Sunset {
    fn from(text: &str) -> Self {
        let date = text.split_once(',').map_or(text, |(_, date)| date).trim();
        let date = date.strip_suffix("GMT").or(date.strip_suffix("UTC")).unwrap_or(date).trim();
        let read = || Offset::UTC.to_timestamp(DateTime::strptime("%d %b %Y %H:%M:%S", date).ok()?).ok();
        Self { at: read().or_else(|| text.trim().parse().ok()), text: text.to_owned() }
    }
}

impl fmt::Display for Sunset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}
