//! What Fantastic.jobs answers with.
//!
//! There is no complete public example of a present row, so all fields but the id may be null or absent, and what has no field
//! here is in `extra`. Fields are omitted when they were not asked for. The names of the older RapidAPI product are read too.
//! Names and texts are as the source spells them, outer spaces included.

mod job;
mod organization;
mod readers;

pub use job::{ActiveAtsJob, ActiveJbJob, ModifiedAtsJob};
pub use organization::Organization;
pub use readers::{Place, Salary};

use serde::{Deserialize, Deserializer, Serialize};

use crate::json::{Decimal, model};

model! {
    /// A count of rows, as the count endpoints answer it.
    pub struct Count {
        /// The number of rows.
        count: u64 = required "count",
    }
}

/// The id of a row that expired, as the expired feeds list it. Equal to the `id` of the row (vendor page).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct ExpiredId(pub u64);

impl<'de> Deserialize<'de> for ExpiredId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        row_id(deserializer).map(Self)
    }
}

/// An id: a number, or a text of digits as the older product sent it.
fn row_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let text = Decimal::deserialize(deserializer)?;
    text.parse().map_err(|_| serde::de::Error::custom("expected an id, a number or a text of digits"))
}

/// The same, or nothing.
fn optional_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let text = Option::<Decimal>::deserialize(deserializer)?;
    let text = text.filter(|text| !text.as_str().is_empty());
    let parsed = text.map(|text| text.parse()).transpose();
    parsed.map_err(|_| serde::de::Error::custom("expected an id, a number or a text of digits"))
}
