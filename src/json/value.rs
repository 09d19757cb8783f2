//! Values that providers write in more than one way, read without losing what was written.
//!
//! None of these types refuses a text: what cannot be understood is kept as it came, and the typed reading
//! ([`Decimal::to_f64`], [`DateTime::timestamp`]) is `None`.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Time;
use jiff::fmt::temporal::Pieces;
use jiff::tz::Offset;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A number that comes as a JSON string or as a JSON number, kept as text.
///
/// A string is kept byte for byte, also when it is no number. A JSON number goes through serde as `u64`, `i64` or `f64`
/// first, so its text is the shortest one of the same value: `80000.50` becomes `80000.5`. Equality is equality of the
/// texts. It is written to JSON as a string. Up to 22 bytes need no allocation.
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
    /// The text as it came.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The nearest finite float, `None` when the text is not one number.
    pub fn to_f64(&self) -> Option<f64> {
        self.as_str().trim().parse().ok().filter(|number: &f64| number.is_finite())
    }

    /// Reads the text as another type, for example an integer or a decimal type of another crate.
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

/// A date-time as the provider wrote it, together with the instant it means.
///
/// It reads RFC 3339 and what is close to it: seconds may have a fraction, a text without an offset is taken as UTC, and a
/// date alone as its first instant in UTC. Anything else is kept with no [`timestamp`](Self::timestamp). Equality is
/// equality of the texts. Up to 30 bytes need no allocation.
///
/// ```
/// use jobfeed::value::DateTime;
///
/// let published = DateTime::from("2026-03-01T10:00:00+02:00");
/// assert_eq!(published.timestamp(), Some("2026-03-01T08:00:00Z".parse()?));
/// assert_eq!(published.as_str(), "2026-03-01T10:00:00+02:00");
///
/// assert_eq!(DateTime::from("2026-03-01").timestamp(), DateTime::from("2026-03-01T00:00:00").timestamp());
/// assert_eq!(DateTime::from("last week").timestamp(), None);
/// # Ok::<(), jiff::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct DateTime {
    text: Text<30>,
    timestamp: Option<Timestamp>,
}

impl DateTime {
    /// The text as it came.
    pub fn as_str(&self) -> &str {
        self.text.as_str()
    }

    /// The instant, `None` when the text does not tell one.
    pub fn timestamp(&self) -> Option<Timestamp> {
        self.timestamp
    }
}

fn read_timestamp(text: &str) -> Option<Timestamp> {
    // ISO 8601 also has `20260301`, which is as well a plain number that means something else.
    if text.as_bytes().get(4) != Some(&b'-') {
        return None;
    }
    let pieces = Pieces::parse(text).ok()?;
    // A zone's name would need the time zone database, and no provider sends one.
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

macro_rules! text_traits {
    ($($name:ident),+) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(self.as_str(), f)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                crate::json::scalar(deserializer)
            }
        }
    )+};
}
text_traits!(Decimal, DateTime);

/// A text in place up to `N` bytes (at most 255), else on the heap.
///
/// One text has one representation (unused bytes are zero), so the derived comparisons compare texts.
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
            // Always UTF-8: `inline` copied a whole text.
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

/// Repairs a text that was UTF-8 and was decoded as Latin-1 or Windows-1252 on its way.
///
/// `None` when it is no such text: when it is plain ASCII, holds a character that those encodings do not have, or does not
/// become valid UTF-8. This is a guess, if a good one, so the crate never applies it by itself.
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

/// The byte that reads as `character` in Latin-1, or in Windows-1252 where the two differ (0x80 to 0x9F).
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn instant(text: &str) -> Option<String> {
        DateTime::from(text).timestamp().map(|timestamp| timestamp.to_string())
    }

    #[test]
    fn types_are_small() {
        assert_eq!(size_of::<Option<Decimal>>(), 24);
        assert!(size_of::<Option<DateTime>>() <= 56);
    }

    #[test]
    fn decimal_reads_strings_and_numbers() {
        for (json, text) in [
            (r#""1.50""#, "1.50"),
            (r#""""#, ""),
            ("0", "0"),
            ("-12", "-12"),
            ("18446744073709551615", "18446744073709551615"),
            ("1.25", "1.25"),
            ("80000.0", "80000.0"),
            ("-1.7976931348623157e308", "-1.7976931348623157e308"),
        ] {
            assert_eq!(serde_json::from_str::<Decimal>(json).unwrap().as_str(), text, "{json}");
        }
        for json in ["null", "true", "[]", "{}"] {
            assert!(serde_json::from_str::<Decimal>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn decimal_is_a_float_only_when_it_is_one_finite_number() {
        assert_eq!(Decimal::from(" -7.5 ").to_f64(), Some(-7.5));
        for text in ["", "NaN", "inf", "1e999", "86,502", "1 2", "EUR 5"] {
            assert_eq!(Decimal::from(text).to_f64(), None, "{text}");
        }
    }

    #[test]
    fn date_time_reads_what_providers_write() {
        for (text, utc) in [
            ("2026-02-03T04:05:06Z", "2026-02-03T04:05:06Z"),
            ("2026-02-03T04:05:06.25Z", "2026-02-03T04:05:06.25Z"),
            ("2026-02-03T04:05:06.548568+00:00", "2026-02-03T04:05:06.548568Z"),
            ("2026-02-03T04:05:06-03:30", "2026-02-03T07:35:06Z"),
            ("2026-02-03T04:05:06.3619", "2026-02-03T04:05:06.3619Z"),
            ("2026-02-03 04:05:06", "2026-02-03T04:05:06Z"),
            ("2026-02-03", "2026-02-03T00:00:00Z"),
        ] {
            assert_eq!(instant(text).as_deref(), Some(utc), "{text}");
        }
        for text in [
            "",
            "soon",
            "20260203",
            "1770091506",
            "2026-02-30",
            "2026-02-03T04:05:06[Europe/Berlin]",
            "2026-02-03T04:05:06 ",
        ] {
            assert_eq!(instant(text), None, "{text}");
            assert_eq!(DateTime::from(text).as_str(), text);
        }
    }

    #[test]
    fn mojibake_is_found_in_both_encodings() {
        assert_eq!(fix_mojibake("StraÃ\u{9f}e").as_deref(), Some("Straße"));
        assert_eq!(fix_mojibake("StraÃŸe").as_deref(), Some("Straße"));
        assert_eq!(fix_mojibake("itâ€™s").as_deref(), Some("it’s"));
        for text in ["", "plain", "Straße", "東京", "Ã¼ 東京", "Ã"] {
            assert_eq!(fix_mojibake(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_round_trips(text in ".{0,60}") {
            let json = serde_json::to_string(&text).unwrap();
            let decimal: Decimal = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(decimal.as_str(), &text);
            prop_assert_eq!(serde_json::to_string(&decimal).unwrap(), json.clone());
            prop_assert_eq!(&decimal, &Decimal::from(text.clone()));
            prop_assert!(decimal.to_f64().is_none_or(f64::is_finite));

            let time: DateTime = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(time.as_str(), &text);
            prop_assert_eq!(serde_json::to_string(&time).unwrap(), json);
            prop_assert_eq!(&time, &DateTime::from(text));
        }

        #[test]
        fn any_number_keeps_its_value(int in any::<i64>(), float in proptest::num::f64::NORMAL) {
            let decimal: Decimal = serde_json::from_str(&int.to_string()).unwrap();
            prop_assert_eq!(decimal.parse(), Ok(int));
            let decimal: Decimal = serde_json::from_value(float.into()).unwrap();
            prop_assert_eq!(decimal.to_f64(), Some(float));
        }

        #[test]
        fn any_instant_is_read_back(seconds in -300_000_000_000..200_000_000_000_i64, nanos in 0..1_000_000_000) {
            let timestamp = Timestamp::new(seconds, nanos).unwrap();
            let time = DateTime::from(timestamp);
            // Years outside of 0 to 9999 have a sign and six digits, which is not RFC 3339.
            if (0..=9999).contains(&Offset::UTC.to_datetime(timestamp).year()) {
                prop_assert_eq!(DateTime::from(time.as_str()), time);
            }
        }

        #[test]
        fn anything_like_a_date_is_kept(text in "[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]?[0-9:.]{0,12}[Zz+-]?[0-9:]{0,6}") {
            let time = DateTime::from(text.as_str());
            prop_assert_eq!(time.as_str(), &text);
        }

        #[test]
        fn what_was_mangled_is_repaired(text in ".{0,40}") {
            let mangled: String = text.bytes().map(char::from).collect();
            prop_assert_eq!(fix_mojibake(&mangled), (!text.is_ascii()).then_some(text));
        }
    }
}
