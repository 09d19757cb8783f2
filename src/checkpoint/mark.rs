//! Watermarks: up to where a sync has delivered everything.

use std::fmt;
use std::time::Duration;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};

/// A watermark: up to which id, day or instant a sync has delivered everything, or a text that says so to the server.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Mark {
    /// Everything up to this id, included.
    Id(u64),
    /// Everything published up to this day (UTC), included.
    Date(Date),
    /// Everything up to this instant, with all digits that the server sent, down to nanoseconds.
    Time(Timestamp),
    /// Everything up to what this text of the server stands for, such as a delta token.
    Text(String),
}

/// Without the text, which may contain anything, also a secret.
impl fmt::Debug for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => write!(f, "Id({id})"),
            Self::Date(day) => write!(f, "Date({day})"),
            Self::Time(instant) => write!(f, "Time({instant})"),
            Self::Text(text) => write!(f, "Text({} bytes)", text.len()),
        }
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for u64 {}
    impl Sealed for super::Date {}
    impl Sealed for super::Timestamp {}
    impl Sealed for String {}
}

/// What the marks of a listing are: `u64` ids, [`Date`] days (UTC), [`Timestamp`] instants, or `String` texts.
///
/// Texts are compared byte by byte where the greatest one is needed. That is right for texts of one length, such as ULIDs, and
/// not for numbers as texts. The trait is sealed.
pub trait MarkValue: sealed::Sealed + Clone + Ord + Send + Sync + 'static {
    /// What the overlap of runs is measured in: a number of ids, of days, or a duration. Texts have none, so that a sync by
    /// texts cannot be given one.
    type Overlap: Clone + Send + Sync + 'static;

    /// As a watermark.
    fn into_mark(self) -> Mark;

    /// From a watermark; `None` when it is of another kind.
    fn from_mark(mark: &Mark) -> Option<Self>;

    /// The mark that is this much before, or the least one.
    #[must_use]
    fn before(&self, overlap: &Self::Overlap) -> Self;

    /// The mark of an instant; `None` for ids and texts.
    fn of_instant(instant: Timestamp) -> Option<Self>;
}

impl MarkValue for u64 {
    type Overlap = Self;

    fn into_mark(self) -> Mark {
        Mark::Id(self)
    }

    fn from_mark(mark: &Mark) -> Option<Self> {
        if let Mark::Id(id) = mark { Some(*id) } else { None }
    }

    fn before(&self, ids: &Self) -> Self {
        self.saturating_sub(*ids)
    }

    fn of_instant(_: Timestamp) -> Option<Self> {
        None
    }
}

impl MarkValue for Date {
    type Overlap = u32;

    fn into_mark(self) -> Mark {
        Mark::Date(self)
    }

    fn from_mark(mark: &Mark) -> Option<Self> {
        if let Mark::Date(day) = mark { Some(*day) } else { None }
    }

    fn before(&self, days: &u32) -> Self {
        self.checked_sub(SignedDuration::from_hours(24 * i64::from(*days))).unwrap_or(Self::MIN)
    }

    fn of_instant(instant: Timestamp) -> Option<Self> {
        Some(instant.to_zoned(TimeZone::UTC).date())
    }
}

impl MarkValue for Timestamp {
    type Overlap = Duration;

    fn into_mark(self) -> Mark {
        Mark::Time(self)
    }

    fn from_mark(mark: &Mark) -> Option<Self> {
        if let Mark::Time(instant) = mark { Some(*instant) } else { None }
    }

    fn before(&self, time: &Duration) -> Self {
        self.checked_sub(*time).unwrap_or(Self::MIN)
    }

    fn of_instant(instant: Timestamp) -> Option<Self> {
        Some(instant)
    }
}

impl MarkValue for String {
    type Overlap = std::convert::Infallible;

    fn into_mark(self) -> Mark {
        Mark::Text(self)
    }

    fn from_mark(mark: &Mark) -> Option<Self> {
        if let Mark::Text(text) = mark { Some(text.clone()) } else { None }
    }

    fn before(&self, overlap: &Self::Overlap) -> Self {
        match *overlap {}
    }

    fn of_instant(_: Timestamp) -> Option<Self> {
        None
    }
}
