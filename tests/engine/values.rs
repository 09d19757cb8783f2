//! Values that providers write in more than one form: they are kept as received, and parsed where possible.

use jobfeed::jiff::Timestamp;
use jobfeed::jiff::tz::Offset;
use jobfeed::value::{DateTime, Decimal, fix_mojibake};
use proptest::prelude::*;

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
fn a_decimal_is_a_float_only_when_it_is_a_finite_number() {
    assert_eq!(Decimal::from(" -7.5 ").to_f64(), Some(-7.5));
    for text in ["", "NaN", "inf", "1e999", "86,502", "1 2", "EUR 5"] {
        assert_eq!(Decimal::from(text).to_f64(), None, "{text}");
    }
}

#[test]
fn a_date_time_reads_the_forms_that_providers_write() {
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
fn mojibake_of_both_encodings_is_repaired() {
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
    fn a_text_like_a_date_is_kept(text in "[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]?[0-9:.]{0,12}[Zz+-]?[0-9:]{0,6}") {
        let time = DateTime::from(text.as_str());
        prop_assert_eq!(time.as_str(), &text);
    }

    #[test]
    fn mangled_texts_are_repaired(text in ".{0,40}") {
        let mangled: String = text.bytes().map(char::from).collect();
        prop_assert_eq!(fix_mojibake(&mangled), (!text.is_ascii()).then_some(text));
    }
}
