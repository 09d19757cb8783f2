//! Typed readers for JSON values without a fixed shape.

use serde_json::Value;

/// A salary from an ad's structured data, as far as it can be read.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Salary {
    /// The lower bound, in `currency` per `unit`.
    pub min: Option<f64>,
    /// The upper bound.
    pub max: Option<f64>,
    /// ISO 4217 code.
    pub currency: Option<String>,
    /// `HOUR`, `DAY`, `WEEK`, `MONTH` or `YEAR`, always in capitals.
    pub unit: Option<String>,
}

impl Salary {
    /// Reads a schema.org `MonetaryAmount`, with or without its inner object `value`; numbers may be strings with
    /// commas. `None` when there is no amount; a range from 0 to 0 is no amount (observed).
    ///
    /// ```
    /// use jobfeed::fantastic_jobs::Salary;
    ///
    /// let value = serde_json::json!({"minValue": "86,502", "unitText": "year"});
    /// let salary = Salary::read(&value).unwrap();
    /// assert_eq!((salary.min, salary.unit), (Some(86502.0), Some("YEAR".into())));
    /// ```
    pub fn read(raw: &Value) -> Option<Self> {
        let range = raw.get("value").filter(|value| value.is_object()).unwrap_or(raw);
        let single = number(raw.get("value")).or_else(|| number(range.get("value")));
        let min = number(range.get("minValue")).or(single);
        let max = number(range.get("maxValue")).or(single);
        let none = |amount: Option<f64>| amount.is_none_or(|amount| amount == 0.0);
        if none(min) && none(max) {
            return None;
        }
        let find = |name| text(range.get(name)).or_else(|| text(raw.get(name)));
        Some(Self { min, max, currency: find("currency"), unit: find("unitText").map(|unit| unit.to_uppercase()) })
    }
}

/// A schema.org place, as far as it can be read.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Place {
    /// Street and number.
    pub street: Option<String>,
    /// The city.
    pub city: Option<String>,
    /// The region or state.
    pub region: Option<String>,
    /// The postal code.
    pub postal_code: Option<String>,
    /// The country, a code or a name.
    pub country: Option<String>,
    /// Degrees north.
    pub latitude: Option<f64>,
    /// Degrees east.
    pub longitude: Option<f64>,
}

impl Place {
    /// Reads one place. Every field may be absent.
    pub fn read(raw: &Value) -> Self {
        let address = raw.get("address").unwrap_or(raw);
        let part = |name| text(address.get(name)).or_else(|| text(address.get(name)?.get("name")));
        Self {
            street: part("streetAddress"),
            city: part("addressLocality"),
            region: part("addressRegion"),
            postal_code: part("postalCode"),
            country: part("addressCountry"),
            latitude: number(raw.get("latitude")),
            longitude: number(raw.get("longitude")),
        }
    }

    /// Reads all places of a list. One place without a list is read as a list of one.
    pub fn read_all(raw: &Value) -> Vec<Self> {
        match raw {
            Value::Array(places) => places.iter().filter(|place| place.is_object()).map(Self::read).collect(),
            Value::Object(_) => vec![Self::read(raw)],
            _ => Vec::new(),
        }
    }
}

fn number(value: Option<&Value>) -> Option<f64> {
    let number = match value? {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.replace(',', "").trim().parse().ok(),
        _ => None,
    };
    number.filter(|number| number.is_finite())
}

fn text(value: Option<&Value>) -> Option<String> {
    value?.as_str().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}
