//! Counts and ids.

use serde::{Deserialize, Deserializer, Serialize};

use crate::json::{Decimal, model};
use crate::listing::paginate;

model! {
    /// The response of a count endpoint.
    pub struct Count {
        /// The number of rows.
        count: u64 = required "count" => number_of_rows,
    }
}

/// The id of an expired row, from the expired feeds. Equal to the `id` of the row (vendor page).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct ExpiredId(pub u64);

impl<'de> Deserialize<'de> for ExpiredId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        row_id(deserializer).map(Self)
    }
}

/// Reads an id: a number, or a string of digits as in the older product.
pub(super) fn row_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let text = Decimal::deserialize(deserializer)?;
    text.parse().map_err(|_| serde::de::Error::custom("expected an id, a number or a string of digits"))
}

/// Reads a count in any form of a number.
fn number_of_rows<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let text = Decimal::deserialize(deserializer)?;
    let rows = paginate::number_of_records(text.as_str());
    rows.ok_or_else(|| serde::de::Error::custom("expected a number of rows"))
}

/// Reads an id that may be null or empty.
pub(super) fn optional_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let text = Option::<Decimal>::deserialize(deserializer)?;
    let text = text.filter(|text| !text.as_str().is_empty());
    let parsed = text.map(|text| text.parse()).transpose();
    parsed.map_err(|_| serde::de::Error::custom("expected an id, a number or a string of digits"))
}
