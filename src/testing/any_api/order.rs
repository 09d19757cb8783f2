//! The order of records and of their marks.

use std::cmp::Ordering;

use jiff::Timestamp;
use serde_json::{Number, Value};

/// The order of two values: null, then numbers, then texts (instants by time), then everything else, which is equal.
pub(super) fn compare(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => numbers(a, b),
        (Value::String(a), Value::String(b)) => match (a.parse::<Timestamp>(), b.parse::<Timestamp>()) {
            (Ok(a), Ok(b)) => a.cmp(&b),
            _ => a.cmp(b),
        },
        _ => rank(a).cmp(&rank(b)),
    }
}

fn rank(value: &Value) -> u8 {
    match value {
        Value::Null => 0,
        Value::Number(_) => 1,
        Value::String(_) => 2,
        _ => 3,
    }
}

fn numbers(a: &Number, b: &Number) -> Ordering {
    match (a.as_i128(), b.as_i128()) {
        (Some(a), Some(b)) => a.cmp(&b),
        _ => a.as_f64().unwrap_or_default().total_cmp(&b.as_f64().unwrap_or_default()),
    }
}

/// The text of a request as a value of the kind of `like`.
pub(super) fn value_like(text: &str, like: &Value) -> Value {
    match text.parse::<Number>() {
        Ok(number) if like.is_number() => number.into(),
        _ => text.into(),
    }
}

/// The values of a record at these pointers; null where it has none.
pub(super) fn values(row: &Value, pointers: &[&str]) -> Vec<Value> {
    pointers.iter().map(|pointer| row.pointer(pointer).cloned().unwrap_or_default()).collect()
}

/// The order of the values of two records.
pub(super) fn compare_all(a: &[Value], b: &[Value]) -> Ordering {
    a.iter().zip(b).map(|(a, b)| compare(a, b)).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}
