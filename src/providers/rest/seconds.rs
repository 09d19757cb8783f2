//! Durations in a description: a number of seconds, which may have a fraction.

use std::time::Duration;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serializer};

#[allow(clippy::ref_option, reason = "serde calls it like this")]
pub(super) fn serialize<S: Serializer>(time: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) if time.subsec_nanos() == 0 => serializer.serialize_u64(time.as_secs()),
        Some(time) => serializer.serialize_f64(time.as_secs_f64()),
        None => serializer.serialize_none(),
    }
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let seconds = Option::<f64>::deserialize(deserializer)?;
    let time = |seconds| {
        Duration::try_from_secs_f64(seconds)
            .map_err(|_| D::Error::custom("another number, expected a number of seconds, 0 or more"))
    };
    seconds.map(time).transpose()
}
