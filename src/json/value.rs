//! Values that providers write in more than one form. The original text is kept.
//!
//! These types accept any text. When it cannot be parsed, the text is kept and the typed value ([`Decimal::to_f64`],
//! [`DateTime::timestamp`]) is `None`.

use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Time;
use jiff::fmt::temporal::Pieces;
use jiff::tz::Offset;
/// A number that comes as a JSON string or as a JSON number, kept as text.
///
/// A string is kept byte for byte, even if it is not a number. serde reads a JSON number as `u64`, `i64` or `f64`
/// first, so its text is the shortest one with the same value: `80000.50` becomes `80000.5`. Two values are equal when
/// their texts are equal. It is written to JSON as a string. Up to 22 bytes need no allocation.
///
/// ```
/// use jobfeed::value::Decimal;
///
/// let salary: Decimal = serde_json::from_str(r#""100600.00""#)?;
/// assert_eq!(salary.as_str(), "100600.00");
/// assert_eq!(salary.to_f64(), Some(100_600.0));
///
/// let latitude: Decimal = serde_json::from_str("48.13743")?;
/// assert_eq!(latitude.as_str(), "48.13743");
///
/// let odd = Decimal::from("80k");
/// assert_eq!((odd.as_str(), odd.to_f64()), ("80k", None));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Decimal(Text<22>);

impl Decimal {
    /// The text as received.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The nearest finite float; `None` when the text is not a number.
    pub fn to_f64(&self) -> Option<f64> {
        self.as_str().trim().parse().ok().filter(|number: &f64| number.is_finite())
    }

    /// Parses the text as another type, for example an integer or a decimal type of another crate.
    ///
    /// ```
    /// # use jobfeed::value::Decimal;
    /// assert_eq!(Decimal::from("60000").parse::<u32>(), Ok(60_000));
    /// ```
    ///
    /// # Errors
    /// Those of the type's own `FromStr`.
    pub fn parse<T: FromStr>(&self) -> Result<T, T::Err> {
        self.as_str().parse()
    }
}

/// A date-time as the provider wrote it, and its instant.
///
/// It reads RFC 3339 and similar forms: seconds may have a fraction, a text without an offset is read as UTC, and a
/// date alone as midnight UTC. Any other text is kept without a [`timestamp`](Self::timestamp). Two values are equal
/// when their texts are equal. Up to 30 bytes need no allocation.
///
/// ```
/// use jobfeed::value::DateTime;
///
/// let published = DateTime::from("2026-03-01T10:00:00+02:00");
/// assert_eq!(published.timestamp(), Some("2026-03-01T08:00:00Z".parse()?));
/// assert_eq!(published.as_str(), "2026-03-01T10:00:00+02:00");
///
/// let day = DateTime::from("2026-03-01");
/// assert_eq!(day.timestamp(), Some("2026-03-01T00:00:00Z".parse()?));
/// assert_eq!(DateTime::from("last week").timestamp(), None);
/// # Ok::<(), jiff::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct DateTime {
    text: Text<30>,
    timestamp: Option<Timestamp>,
}

impl DateTime {
    /// The text as received.
    pub fn as_str(&self) -> &str {
        self.text.as_str()
    }

    /// The instant; `None` when the text is not a date-time.
    pub fn timestamp(&self) -> Option<Timestamp> {
        self.timestamp
    }
}

fn read_timestamp(text: &str) -> Option<Timestamp> {
    // ISO 8601 also allows `20260301`, which may be a plain number with another meaning.
    if text.as_bytes().get(4) != Some(&b'-') {
        return None;
    }
    let pieces = Pieces::parse(text).ok()?;
    // The name of a zone needs the time zone database, and no provider sends one.
    if pieces.time_zone_annotation().is_some() {
        return None;
    }
    let offset = pieces.to_numeric_offset().unwrap_or(Offset::UTC);
    offset.to_timestamp(pieces.date().to_datetime(pieces.time().unwrap_or(Time::midnight()))).ok()
}

impl From<&str> for DateTime {
    fn from(text: &str) -> Self {
        Self { timestamp: read_timestamp(text), text: Text::from(text) }
    }
}

impl From<String> for DateTime {
    fn from(text: String) -> Self {
        Self { timestamp: read_timestamp(&text), text: Text::from(text) }
    }
}

impl From<Timestamp> for DateTime {
    fn from(timestamp: Timestamp) -> Self {
        Self { text: Text::from(timestamp.to_string()), timestamp: Some(timestamp) }
    }
}

impl From<&str> for Decimal {
    fn from(text: &str) -> Self {
        Self(Text::from(text))
    }
}

impl From<String> for Decimal {
    fn from(text: String) -> Self {
        Self(Text::from(text))
    }
}

/// The traits of a type that keeps a text as received, and has `as_str`, `From<&str>` and `From<String>`.
macro_rules! text_traits {
    ($($name:ident),+) => {$(
        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl ::serde::Serialize for $name {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::json::scalar(deserializer)
            }
        }
    )+};
}
pub(crate) use text_traits;

/// `Debug` shows the text.
macro_rules! text_debug {
    ($($name:ident),+) => {$(
        impl ::std::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                ::std::fmt::Debug::fmt(self.as_str(), f)
            }
        }
    )+};
}
pub(crate) use text_debug;

text_traits!(Decimal, DateTime);
text_debug!(Decimal, DateTime);

/// A text: up to `N` bytes (at most 255) are stored inline, longer ones on the heap.
///
/// A text has only one representation (unused bytes are zero), so the derived comparisons compare texts.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Text<const N: usize> {
    Inline { len: u8, bytes: [u8; N] },
    Heap(Box<str>),
}

impl<const N: usize> Text<N> {
    fn inline(text: &str) -> Option<Self> {
        let len = u8::try_from(text.len()).ok()?;
        let mut bytes = [0; N];
        bytes.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
        Some(Self::Inline { len, bytes })
    }

    fn as_str(&self) -> &str {
        match self {
            // Always UTF-8: `inline` copies a whole `str`.
            Self::Inline { len, bytes } => {
                bytes.get(..usize::from(*len)).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
            }
            Self::Heap(text) => text,
        }
    }
}

impl<const N: usize> From<&str> for Text<N> {
    fn from(text: &str) -> Self {
        Self::inline(text).unwrap_or_else(|| Self::Heap(text.into()))
    }
}

impl<const N: usize> From<String> for Text<N> {
    fn from(text: String) -> Self {
        Self::inline(&text).unwrap_or_else(|| Self::Heap(text.into()))
    }
}

/// Repairs a text that is UTF-8 but was decoded as Latin-1 or Windows-1252.
///
/// `None` when it is not such a text: it is plain ASCII, holds a character that those encodings do not have, or does
/// not become valid UTF-8. The result is a guess, so the crate never applies it by itself.
///
/// ```
/// use jobfeed::value::fix_mojibake;
///
/// assert_eq!(fix_mojibake("MÃ¼nchen").as_deref(), Some("München"));
/// assert_eq!(fix_mojibake("München"), None);
/// ```
pub fn fix_mojibake(text: &str) -> Option<String> {
    if text.is_ascii() {
        return None;
    }
    let bytes = text.chars().map(byte_of).collect::<Option<Vec<u8>>>()?;
    String::from_utf8(bytes).ok()
}

/// The byte of `character` in Latin-1, or in Windows-1252 where the two differ (0x80 to 0x9F).
fn byte_of(character: char) -> Option<u8> {
    const WINDOWS_1252: [(char, u8); 27] = [
        ('€', 0x80),
        ('‚', 0x82),
        ('ƒ', 0x83),
        ('„', 0x84),
        ('…', 0x85),
        ('†', 0x86),
        ('‡', 0x87),
        ('ˆ', 0x88),
        ('‰', 0x89),
        ('Š', 0x8A),
        ('‹', 0x8B),
        ('Œ', 0x8C),
        ('Ž', 0x8E),
        ('‘', 0x91),
        ('’', 0x92),
        ('“', 0x93),
        ('”', 0x94),
        ('•', 0x95),
        ('–', 0x96),
        ('—', 0x97),
        ('˜', 0x98),
        ('™', 0x99),
        ('š', 0x9A),
        ('›', 0x9B),
        ('œ', 0x9C),
        ('ž', 0x9E),
        ('Ÿ', 0x9F),
    ];
    u8::try_from(u32::from(character))
        .ok()
        .or_else(|| WINDOWS_1252.iter().find(|(known, _)| *known == character).map(|(_, byte)| *byte))
}
