//! Fixtures as postings.

use std::fs;
use std::path::Path;

use jobfeed::posting::Posting;
use jobfeed::{employjoy, fantastic_jobs, jobaffinity, jobdataapi};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A fixture, `jobdataapi/jobs_page.json` for example.
pub(crate) fn fixture(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

pub(crate) fn decode<T: DeserializeOwned>(record: &Value) -> T {
    serde_json::from_str(&record.to_string()).unwrap()
}

pub(crate) fn jobdataapi(index: usize) -> Posting {
    Posting::from(&decode::<jobdataapi::Job>(&fixture("jobdataapi/jobs_page.json")["results"][index]))
}

pub(crate) fn ats(index: usize) -> Posting {
    Posting::from(&decode::<fantastic_jobs::ActiveAtsJob>(&fixture("fantastic_jobs/active_ats.json")[index]))
}

pub(crate) fn jb(record: &Value) -> Posting {
    Posting::from(&decode::<fantastic_jobs::ActiveJbJob>(record))
}

pub(crate) fn employjoy(index: usize) -> Posting {
    Posting::from(&decode::<employjoy::Job>(&fixture("employjoy/jobs_page.json")["data"][index]))
}

pub(crate) fn jobaffinity(name: &str) -> Posting {
    Posting::from(&decode::<jobaffinity::Job>(&fixture(name)))
}

/// The posting as JSON without nulls and empty values, so that a test lists the fields that are set, and no other field is.
pub(crate) fn set_fields(posting: &Posting) -> Value {
    without_empty(serde_json::to_value(posting).unwrap()).unwrap()
}

fn without_empty(value: Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Array(values) => {
            let values: Vec<Value> = values.into_iter().filter_map(without_empty).collect();
            (!values.is_empty()).then_some(Value::Array(values))
        }
        Value::Object(members) => {
            let members = members.into_iter().filter_map(|(name, value)| Some((name, without_empty(value)?)));
            let members: serde_json::Map<String, Value> = members.collect();
            (!members.is_empty()).then_some(Value::Object(members))
        }
        other => Some(other),
    }
}
