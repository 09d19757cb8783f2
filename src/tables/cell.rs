//! The value of one column in one row, checked against the type of the column.

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::{Map, Number, Value};

use super::schema::{Column, ColumnType};

/// The longest text, in bytes. The buffers of Parquet and the values of PostgreSQL end at 1 to 2 GB.
const LONGEST_TEXT: usize = 256 << 20;

/// What is wrong with a text that is no instant. The last one is that of jiff, so that it can be shown in every time zone.
const INSTANT: &str =
    "it is not an instant with an offset and at most microseconds, from the year 1 to 9999-12-30T22:00:00Z";

/// The value of one column in one row. It fits the type of its column.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub enum Cell {
    /// No value.
    Null,
    /// A text.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// A floating-point number, never NaN or infinite.
    Float(f64),
    /// True or false.
    Boolean(bool),
    /// The number `unscaled / 10^scale`.
    Decimal {
        /// All its digits.
        unscaled: i128,
        /// How many of them are after the point.
        scale: u8,
    },
    /// An instant, in whole microseconds.
    Timestamp(Timestamp),
    /// A day.
    Date(Date),
    /// Any JSON value but null.
    Json(Value),
    /// The elements of a list.
    List(Vec<Cell>),
    /// The fields of a struct, in the order of its columns.
    Struct(Vec<Cell>),
}

/// Without the value, which may be personal data.
impl std::fmt::Debug for Cell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if matches!(self, Self::Null) { "Null" } else { "Cell" })
    }
}

/// A value that does not fit its column.
pub(super) struct Misfit {
    /// The path of the column.
    pub(super) column: String,
    pub(super) reason: String,
}

impl Misfit {
    fn new(column: &str, reason: impl Into<String>) -> Self {
        Self { column: column.to_owned(), reason: reason.into() }
    }
}

impl Cell {
    /// A value of this column, whose path in the row is `path`.
    pub(super) fn new(path: &str, column: &Column, value: Value) -> Result<Self, Misfit> {
        match Self::typed(path, column.kind(), value)? {
            Self::Null if !column.is_nullable() => Err(Misfit::new(path, "it is null or absent, and must not be")),
            cell => Ok(cell),
        }
    }

    fn typed(path: &str, kind: &ColumnType, value: Value) -> Result<Self, Misfit> {
        if value.is_null() {
            return Ok(Self::Null);
        }
        let expected = |what: &str, value: &Value| Misfit::new(path, format!("expected {what}, found {}", name(value)));
        match (kind, value) {
            (ColumnType::Text, Value::String(text)) if text.len() > LONGEST_TEXT => {
                Err(Misfit::new(path, "the text is longer than 256 MB"))
            }
            (ColumnType::Text, Value::String(text)) => Ok(Self::Text(text)),
            (ColumnType::Text, value) => Err(expected("a text", &value)),
            (ColumnType::Integer, value) => {
                value.as_i64().map(Self::Integer).ok_or_else(|| expected("a whole number of 64 bits with sign", &value))
            }
            (ColumnType::Float, Value::Number(number)) => match exact_float(&number) {
                Some(number) => Ok(Self::Float(number)),
                None => Err(Misfit::new(path, "the number is not exact as a float")),
            },
            (ColumnType::Float, value) => Err(expected("a number", &value)),
            (ColumnType::Boolean, Value::Bool(value)) => Ok(Self::Boolean(value)),
            (ColumnType::Boolean, value) => Err(expected("true or false", &value)),
            (ColumnType::Decimal { precision, scale }, value) => {
                let text = match &value {
                    Value::String(text) => text.clone(),
                    Value::Number(number) => number.to_string(),
                    other => return Err(expected("a number", other)),
                };
                let unscaled = decimal(&text, *precision, *scale);
                let reason = || {
                    Misfit::new(path, format!("it is not a number with {precision} digits, {scale} after the point"))
                };
                unscaled.map(|unscaled| Self::Decimal { unscaled, scale: *scale }).ok_or_else(reason)
            }
            (ColumnType::Timestamp, Value::String(text)) => {
                instant(&text).map(Self::Timestamp).ok_or_else(|| Misfit::new(path, INSTANT))
            }
            (ColumnType::Timestamp, value) => Err(expected("an instant as text", &value)),
            (ColumnType::Date, Value::String(text)) => {
                day(&text).map(Self::Date).ok_or_else(|| Misfit::new(path, "it is not a day as YYYY-MM-DD"))
            }
            (ColumnType::Date, value) => Err(expected("a day as text", &value)),
            (ColumnType::Json, value) => Ok(Self::Json(value)),
            (ColumnType::List(kind), Value::Array(values)) => {
                let elements = values.into_iter().enumerate();
                let cell = |(index, value)| Self::typed(&format!("{path}[{index}]"), kind, value);
                elements.map(cell).collect::<Result<_, _>>().map(Self::List)
            }
            (ColumnType::List(_), value) => Err(expected("a list", &value)),
            (ColumnType::Struct(fields), Value::Object(mut row)) => {
                let cell =
                    |field: &Column| Self::new(&format!("{path}.{}", field.name()), field, take(&mut row, field));
                fields.iter().map(cell).collect::<Result<_, _>>().map(Self::Struct)
            }
            (ColumnType::Struct(_), value) => Err(expected("an object", &value)),
        }
    }

    /// As JSON: decimals, instants and days as texts in one form, instants with six digits of a second.
    pub(super) fn to_json(&self, kind: &ColumnType) -> Value {
        match (self, kind) {
            (Self::Text(text), _) => text.as_str().into(),
            (Self::Integer(number), _) => (*number).into(),
            (Self::Float(number), _) => (*number).into(),
            (Self::Boolean(value), _) => (*value).into(),
            (Self::Decimal { unscaled, scale }, _) => decimal_text(*unscaled, *scale).into(),
            (Self::Timestamp(instant), _) => format!("{instant:.6}").into(),
            (Self::Date(day), _) => day.to_string().into(),
            (Self::Json(value), _) => value.clone(),
            (Self::List(cells), ColumnType::List(kind)) => cells.iter().map(|cell| cell.to_json(kind)).collect(),
            (Self::Struct(cells), ColumnType::Struct(fields)) => object(fields, cells),
            // The others do not occur: a cell fits the type of its column.
            (Self::Null | Self::List(_) | Self::Struct(_), _) => Value::Null,
        }
    }
}

/// The value of a column, moved out of the row.
pub(super) fn take(row: &mut Map<String, Value>, column: &Column) -> Value {
    row.get_mut(column.name()).map(Value::take).unwrap_or_default()
}

/// Cells as a JSON object.
pub(super) fn object<'c>(columns: impl IntoIterator<Item = &'c Column>, cells: &[Cell]) -> Value {
    let fields = columns.into_iter().zip(cells);
    Value::Object(fields.map(|(column, cell)| (column.name().to_owned(), cell.to_json(column.kind()))).collect())
}

/// What a JSON value is, for messages.
pub(super) fn name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(number) if number.is_f64() => "a number with a fraction or an exponent",
        Value::Number(number) if !number.is_i64() => "a whole number above 9223372036854775807",
        Value::Number(_) => "a whole number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "it is compared afterwards")]
fn exact_float(number: &Number) -> Option<f64> {
    match number.as_i128() {
        Some(whole) => Some(whole as f64).filter(|float| *float as i128 == whole),
        None => number.as_f64().filter(|float| float.is_finite()),
    }
}

/// `text` times 10 to the power of `scale`, when that is a whole number of at most `precision` digits.
fn decimal(text: &str, precision: u8, scale: u8) -> Option<i128> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (negative, digits) = match mantissa.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, mantissa),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() || digits.ends_with('.') || whole.len() + fraction.len() > 400 {
        return None;
    }
    let all = format!("{whole}{fraction}");
    if !all.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let significant = all.trim_start_matches('0').trim_end_matches('0');
    if significant.is_empty() {
        return Some(0);
    }
    let zeros = all.len() - all.trim_end_matches('0').len();
    let fraction = i32::try_from(fraction.len()).ok()?;
    let power = exponent.checked_sub(fraction)?.checked_add(i32::try_from(zeros).ok()?)?.checked_add(scale.into())?;
    let power = usize::try_from(power).ok()?;
    if significant.len().checked_add(power)? > usize::from(precision) {
        return None;
    }
    let number: i128 =
        significant.parse::<i128>().ok()?.checked_mul(10_i128.checked_pow(u32::try_from(power).ok()?)?)?;
    Some(if negative { -number } else { number })
}

fn decimal_text(unscaled: i128, scale: u8) -> String {
    let scale = usize::from(scale);
    let digits = format!("{:0>1$}", unscaled.unsigned_abs(), scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let (sign, point) = (if unscaled < 0 { "-" } else { "" }, if scale == 0 { "" } else { "." });
    format!("{sign}{whole}{point}{fraction}")
}

fn instant(text: &str) -> Option<Timestamp> {
    let instant: Timestamp = text.parse().ok()?;
    let whole = instant.subsec_nanosecond() % 1000 == 0;
    let year = instant.to_zoned(jiff::tz::TimeZone::UTC).year();
    (whole && (1..=9999).contains(&year)).then_some(instant)
}

fn day(text: &str) -> Option<Date> {
    let day: Date = text.parse().ok()?;
    // jiff also reads days from longer texts.
    (text.len() == 10 && (1..=9999).contains(&day.year())).then_some(day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_exact_or_refused() {
        let cases = [
            ("12.50", Some(1250)),
            ("-0.05", Some(-5)),
            ("7", Some(700)),
            ("1e3", Some(100_000)),
            ("1.5E-1", Some(15)),
            ("0", Some(0)),
            ("-0.000", Some(0)),
            ("12.500", Some(1250)),
            ("999.99", Some(99_999)),
            ("1000", None),
            ("0.001", None),
            ("1e99999999999", None),
            ("1e2147483647", None),
            ("", None),
            ("-", None),
            (".5", None),
            ("5.", None),
            ("1,5", None),
            ("+1", None),
            ("NaN", None),
            ("１", None),
        ];
        for (text, expected) in cases {
            let precision = if text == "1e3" { 6 } else { 5 };
            assert_eq!(decimal(text, precision, 2), expected, "{text}");
        }
        assert_eq!(decimal(&"9".repeat(38), 38, 0), Some(10_i128.pow(38) - 1));
        assert_eq!(decimal(&"9".repeat(39), 38, 0), None);
        for (unscaled, scale, text) in
            [(-5, 2, "-0.05"), (1250, 2, "12.50"), (0, 0, "0"), (7, 0, "7"), (-70, 1, "-7.0")]
        {
            assert_eq!(decimal_text(unscaled, scale), text);
        }
    }

    #[test]
    fn instants_need_an_offset_and_days_are_days() {
        assert_eq!(
            instant("2026-05-01T14:00:00.5+02:00").map(|at| format!("{at:.6}")).unwrap(),
            "2026-05-01T12:00:00.500000Z"
        );
        for refused in
            ["2026-05-01T12:00:00", "2026-05-01", "2026-05-01T12:00:00.0000001Z", "-000001-01-01T00:00:00Z", ""]
        {
            assert_eq!(instant(refused), None, "{refused}");
        }
        assert_eq!(day("2026-02-28").unwrap().to_string(), "2026-02-28");
        for refused in ["2026-02-29", "2026-02-28T00:00:00", "20260228", "0000-01-01", ""] {
            assert_eq!(day(refused), None, "{refused}");
        }
    }
}
