//! The watermark of a listing as data: which field of a record has the mark, and how the lower bound is sent.

use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::checkpoint::Mark;
use crate::client::setters;
use crate::error::{Error, Result};
use crate::json::{self, Record, value::DateTime};
use crate::listing::paginate::{ReadAt, SendAt, check_pointer};
use crate::sync::Coverage;

/// How a sync finds what is new: which field of a record is its mark, how the lower bound is sent, and where a run that has read the list
/// to its end puts the watermark.
///
/// A text for `send` is the name of a query parameter. A first run sends no lower bound, and records without a mark are
/// delivered and counted.
///
/// ```
/// use jobfeed::paginate::{ReadAt, SendAt};
/// use jobfeed::rest::{BoundFormat, Watermark};
///
/// // ?updated_since=2026-05-01T12:00:00Z
/// let time = Watermark::instant("/updated_at", "updated_since");
/// // ?_since=1777636800000, from a number in milliseconds
/// let milliseconds = Watermark::unix_milliseconds("/meta/updated", "_since");
/// // ?from=2026-05-01, from an instant
/// let day = Watermark::instant("/created", "from").format(BoundFormat::Day);
/// // in the body of a search, and the server leaves out the bound itself
/// let id = Watermark::id("/id", SendAt::body_number("/filter/id_gt")).excludes_bound();
/// // a token in the envelope of the last page
/// let delta = Watermark::delta_token(ReadAt::pointer("/delta"), "delta");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
#[must_use]
pub struct Watermark {
    /// Which value is the mark.
    pub mark: MarkAt,
    /// Where the lower bound is sent.
    pub send: SendAt,
    /// How an instant or a day is sent. Default: in the form of the mark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<BoundFormat>,
    /// Whether the server leaves out records at the bound itself, so that it is sent lower by one: an id, a second (a millisecond, a day,
    /// where the bound is sent so). Default: no.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub excludes_bound: bool,
    /// Where a run that has read the list to its end puts the watermark. Default: [`Coverage::HighestSeen`] for instants and days,
    /// [`Coverage::Settled`] for ids and texts, [`Coverage::Envelope`] for delta tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub covers: Option<Coverage>,
    /// How far before the watermark each later run begins: a number of seconds for instants, of days, or of ids. Default 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlap: Option<u64>,
    /// How far before its start a run leaves the watermark at least, in seconds. Only for instants. Default 0.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "super::seconds")]
    pub lag: Option<Duration>,
}

/// Which value is the mark of a record, as a JSON pointer in the record, or the mark for the next run in the envelope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MarkAt {
    /// An instant as text, such as `2026-05-01T12:00:00Z`. Without an offset it is UTC.
    Instant(String),
    /// An instant as seconds since 1970, which may have a fraction.
    UnixSeconds(String),
    /// An instant as milliseconds since 1970.
    UnixMilliseconds(String),
    /// A day, such as `2026-05-01`, or the day (UTC) of an instant.
    Day(String),
    /// A whole number that grows with each new record.
    Id(String),
    /// A text of one length, such as a ULID.
    Text(String),
    /// A token in the envelope or a header, from which the next run starts. When the server refuses it with 410, the whole list is read.
    DeltaToken(ReadAt),
}

/// How an instant or a day is sent. Digits that a format does not have are cut off, so that the bound is lower.
///
/// A server that compares times as texts may take `12:00:00.000Z` for less than `12:00:00Z`: set an overlap there, or use
/// [`MarkAt::Text`], which sends back the very text of the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum BoundFormat {
    /// `2026-05-01T12:00:00.5Z`, with all digits of the mark.
    Rfc3339,
    /// `2026-05-01T12:00:00Z`.
    Rfc3339Seconds,
    /// Seconds since 1970.
    UnixSeconds,
    /// Milliseconds since 1970.
    UnixMilliseconds,
    /// `2026-05-01`, in UTC.
    Day,
}

/// One constructor for each kind of mark.
impl Watermark {
    fn new(mark: MarkAt, send: impl Into<SendAt>) -> Self {
        Self { mark, send: send.into(), format: None, excludes_bound: false, covers: None, overlap: None, lag: None }
    }

    /// An instant as text at this JSON pointer of a record: [`MarkAt::Instant`].
    pub fn instant(field: impl Into<String>, send: impl Into<SendAt>) -> Self {
        Self::new(MarkAt::Instant(field.into()), send)
    }

    /// An instant in seconds: [`MarkAt::UnixSeconds`].
    pub fn unix_seconds(field: impl Into<String>, send: impl Into<SendAt>) -> Self {
        Self::new(MarkAt::UnixSeconds(field.into()), send)
    }

    /// An instant in milliseconds: [`MarkAt::UnixMilliseconds`].
    pub fn unix_milliseconds(field: impl Into<String>, send: impl Into<SendAt>) -> Self {
        Self::new(MarkAt::UnixMilliseconds(field.into()), send)
    }

    /// A day: [`MarkAt::Day`].
    pub fn day(field: impl Into<String>, send: impl Into<SendAt>) -> Self {
        Self::new(MarkAt::Day(field.into()), send)
    }

    /// A whole number: [`MarkAt::Id`].
    pub fn id(field: impl Into<String>, send: impl Into<SendAt>) -> Self {
        Self::new(MarkAt::Id(field.into()), send)
    }

    /// A text: [`MarkAt::Text`].
    pub fn text(field: impl Into<String>, send: impl Into<SendAt>) -> Self {
        Self::new(MarkAt::Text(field.into()), send)
    }

    /// A token in the envelope: [`MarkAt::DeltaToken`].
    pub fn delta_token(at: ReadAt, send: impl Into<SendAt>) -> Self {
        Self::new(MarkAt::DeltaToken(at), send)
    }
}

setters! { Watermark {
    /// Sends the lower bound in this format. Only for instants and days. Default: in the form of the mark.
    format(format: BoundFormat) => format = Some(format);
    /// The server leaves out records at the bound itself, so that it is sent lower by one. Not for texts and tokens.
    excludes_bound() => excludes_bound = true;
    /// Where a run that has read the list to its end puts the watermark. Default: see [`Watermark::covers`](#structfield.covers).
    covers(covers: Coverage) => covers = Some(covers);
    /// Each later run begins this much before the watermark: seconds for instants, days, or ids. Default 0. Not for texts and tokens.
    overlap(amount: u64) => overlap = Some(amount);
    /// A run leaves the watermark at least this much before its start. Default 0. Only for instants.
    lag(lag: Duration) => lag = Some(lag);
} }

const SECOND: i128 = 1_000_000_000;
const MILLISECOND: i128 = 1_000_000;

impl Watermark {
    pub(super) fn coverage(&self) -> Coverage {
        self.covers.unwrap_or(match self.mark {
            MarkAt::Id(_) | MarkAt::Text(_) => Coverage::Settled,
            MarkAt::DeltaToken(_) => Coverage::Envelope,
            _ => Coverage::HighestSeen,
        })
    }

    /// The mark of a record; `None` when it has none of this kind.
    pub(super) fn read(&self, record: &Record<'_>) -> Option<Mark> {
        let scalar = |field: &String| json::scalar_text(record.pointer(field)?);
        match &self.mark {
            MarkAt::Instant(field) => DateTime::from(scalar(field)?).timestamp().map(Mark::Time),
            MarkAt::UnixSeconds(field) => since_1970(&scalar(field)?, SECOND).map(Mark::Time),
            MarkAt::UnixMilliseconds(field) => since_1970(&scalar(field)?, MILLISECOND).map(Mark::Time),
            MarkAt::Day(field) => {
                let text = scalar(field)?;
                let day = |instant: Timestamp| instant.to_zoned(TimeZone::UTC).date();
                text.parse::<Date>()
                    .ok()
                    .filter(|_| text.len() == 10)
                    .or_else(|| Some(day(DateTime::from(text).timestamp()?)))
                    .map(Mark::Date)
            }
            MarkAt::Id(field) => scalar(field)?.trim().parse().ok().map(Mark::Id),
            MarkAt::Text(field) => scalar(field).filter(|text| !text.is_empty()).map(Mark::Text),
            MarkAt::DeltaToken(_) => None,
        }
    }

    /// The lower bound as it is sent; `None` for a mark that cannot be one.
    pub(super) fn bound(&self, mark: &Mark) -> Option<Value> {
        let one = i128::from(self.excludes_bound);
        let instant = match mark {
            Mark::Id(id) => return Some(id.saturating_sub(u64::from(self.excludes_bound)).into()),
            Mark::Text(text) => return Some(text.as_str().into()),
            Mark::Date(day) => day.to_zoned(TimeZone::UTC).ok()?.timestamp(),
            Mark::Time(instant) => *instant,
        };
        let nanoseconds = instant.as_nanosecond();
        // Rounded down also before 1970.
        let whole = |unit: i128| nanoseconds.div_euclid(unit) - one;
        let format = self.format.unwrap_or(match self.mark {
            MarkAt::UnixSeconds(_) => BoundFormat::UnixSeconds,
            MarkAt::UnixMilliseconds(_) => BoundFormat::UnixMilliseconds,
            MarkAt::Day(_) => BoundFormat::Day,
            _ => BoundFormat::Rfc3339,
        });
        match format {
            BoundFormat::Rfc3339 => Some(at(nanoseconds - one * SECOND).to_string().into()),
            BoundFormat::Rfc3339Seconds => Some(at(whole(SECOND) * SECOND).to_string().into()),
            BoundFormat::UnixSeconds => i64::try_from(whole(SECOND)).ok().map(Value::from),
            BoundFormat::UnixMilliseconds => i64::try_from(whole(MILLISECOND)).ok().map(Value::from),
            BoundFormat::Day => {
                let day = instant.to_zoned(TimeZone::UTC).date();
                let before = day.checked_sub(SignedDuration::from_hours(24)).unwrap_or(Date::MIN);
                Some(if self.excludes_bound { before } else { day }.to_string().into())
            }
        }
    }

    /// # Errors
    /// [`Error::Invalid`] that names the field; `path` is that of the watermark.
    pub(super) fn check(&self, path: &str) -> Result<()> {
        let field = |name: &str| format!("{path}.{name}");
        match &self.mark {
            MarkAt::DeltaToken(at) => at.check(&field("mark.delta_token"))?,
            MarkAt::Instant(pointer) => check_pointer(&field("mark.instant"), pointer)?,
            MarkAt::UnixSeconds(pointer) => check_pointer(&field("mark.unix_seconds"), pointer)?,
            MarkAt::UnixMilliseconds(pointer) => check_pointer(&field("mark.unix_milliseconds"), pointer)?,
            MarkAt::Day(pointer) => check_pointer(&field("mark.day"), pointer)?,
            MarkAt::Id(pointer) => check_pointer(&field("mark.id"), pointer)?,
            MarkAt::Text(pointer) => check_pointer(&field("mark.text"), pointer)?,
        }
        self.send.check(&field("send"))?;
        let refused = |name: &str, rule: &str| Err(Error::invalid(field(name), "(set)", rule));
        let text = matches!(self.mark, MarkAt::Text(_) | MarkAt::DeltaToken(_));
        let time = !text && !matches!(self.mark, MarkAt::Id(_));
        let instant = time && !matches!(self.mark, MarkAt::Day(_));
        if self.format.is_some() && !time {
            return refused("format", "none, because ids and texts are sent as they are");
        }
        if self.excludes_bound && text {
            return refused("excludes_bound", "false, because no text is one lower than another");
        }
        if text && self.overlap.is_some() {
            return refused("overlap", "none, because texts have no distance");
        }
        if matches!(self.mark, MarkAt::Day(_)) && self.overlap.is_some_and(|days| u32::try_from(days).is_err()) {
            return refused("overlap", "at most 4294967295 days");
        }
        if self.lag.is_some() && !instant {
            return refused("lag", "none, because only instants have one");
        }
        match (self.coverage(), &self.mark) {
            (Coverage::Envelope, MarkAt::DeltaToken(_)) => Ok(()),
            (_, MarkAt::DeltaToken(_)) => refused("covers", "`envelope`, because the mark is a delta token"),
            (Coverage::Envelope, _) => refused("covers", "another one, because only a delta token is in the envelope"),
            (Coverage::StartOfRun, _) if !time => refused("covers", "another one, because the marks are no times"),
            _ => Ok(()),
        }
    }
}

fn at(nanoseconds: i128) -> Timestamp {
    Timestamp::from_nanosecond(nanoseconds).unwrap_or(Timestamp::MIN)
}

/// The instant of a number of units since 1970, which may have a fraction; `None` for any other text.
fn since_1970(number: &str, unit: i128) -> Option<Timestamp> {
    let number = number.trim();
    let nanoseconds = if let Ok(whole) = number.parse::<i64>() {
        i128::from(whole) * unit
    } else {
        let milliseconds = (number.parse::<f64>().ok()? * if unit == SECOND { 1e3 } else { 1.0 }).floor();
        #[allow(clippy::cast_possible_truncation, reason = "an instant has fewer digits")]
        let milliseconds = (milliseconds.abs() < 1e15).then_some(milliseconds as i128)?;
        milliseconds * MILLISECOND
    };
    Timestamp::from_nanosecond(nanoseconds).ok()
}
