//! The response models of Fantastic.jobs, tested with our own payloads and, if available, with the documented ones.

use std::fs;
use std::path::Path;

use jobfeed::fantastic_jobs::{ActiveAtsJob, ActiveJbJob, Count, ExpiredId, ModifiedAtsJob, Organization, Salary};
use jobfeed::value::{DateTime, Decimal};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

fn fixture<T: DeserializeOwned>(name: &str) -> Vec<T> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/fantastic_jobs").join(name);
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn utc(time: Option<&DateTime>) -> Option<String> {
    time.and_then(DateTime::timestamp).map(|timestamp| timestamp.to_string())
}

#[test]
fn all_fields_of_a_row_are_typed() {
    let rows = fixture::<ActiveAtsJob>("active_ats.json");
    let job = &rows[0];
    assert_eq!((job.id, job.title.as_deref()), (5_100_200_300, Some(" Night Baker ")));
    assert_eq!(utc(job.date_created.as_ref()).as_deref(), Some("2026-04-02T08:01:02.345678Z"), "UTC without a zone");
    assert_eq!(utc(job.date_valid_through.as_ref()).as_deref(), Some("2026-06-01T00:00:00Z"), "a date without a time");
    let salary = job.salary().unwrap();
    assert_eq!((salary.min, salary.max), (Some(31_000.0), Some(36_500.5)));
    assert_eq!((salary.currency.as_deref(), salary.unit.as_deref()), (Some("EUR"), Some("YEAR")));
    let places = job.places();
    assert_eq!((places[0].city.as_deref(), places[0].country.as_deref()), (Some("Bremen"), Some("Germany")));
    assert_eq!((places[0].latitude, places[1].region.as_deref()), (Some(53.07), Some("Hessen")));
    assert_eq!((job.location_type.as_deref(), job.ai_visa_sponsorship), (None, None));
    assert_eq!(job.ai_salary_min_value.as_ref().and_then(Decimal::to_f64), Some(31_000.0));
    assert_eq!(job.lats_derived, [Some(53.07), None]);
    assert_eq!(job.modified_fields, ["title", "salary"]);
    assert_eq!(Value::from(job.extra.clone()), json!({"oven": "stone"}));
}

#[test]
fn a_row_with_irregular_values_decodes() {
    let job = &fixture::<ActiveAtsJob>("active_ats.json")[1];
    assert_eq!((job.id, job.title.as_deref(), job.cities_derived.len()), (5_100_200_301, None, 0));
    let created = job.date_created.as_ref().unwrap();
    assert_eq!((created.as_str(), created.timestamp()), ("soon", None));
    assert!(job.salary().is_none() && job.places().is_empty());
    assert!(serde_json::from_value::<ActiveAtsJob>(json!({"title": "no id"})).is_err());
    assert!(serde_json::from_value::<ActiveAtsJob>(json!({"id": "seven"})).is_err());
}

#[test]
fn the_older_names_are_read() {
    let job = &fixture::<ActiveJbJob>("active_jb_older.json")[0];
    assert_eq!((job.id, job.linkedin_id, job.direct_apply), (77, Some(4400), Some(true)));
    assert_eq!(utc(job.date_valid_through.as_ref()).as_deref(), Some("2026-02-01T00:00:00Z"));
    assert_eq!(job.places()[0].city.as_deref(), Some("Leeds"));
    assert_eq!(job.org_linkedin_headcount.as_ref().and_then(|count| count.parse().ok()), Some(26));
    assert_eq!(job.org_linkedin_website.as_deref(), Some("https://leeds.example"));
    assert_eq!(job.org_linkedin_founded_date.as_deref(), Some("2010"));
    assert_eq!(job.extra["remote_derived"], false);
}

#[test]
fn debug_shows_no_personal_data() {
    let ats = format!("{:?}", fixture::<ActiveAtsJob>("active_ats.json"));
    let jb = format!("{:?}", fixture::<ActiveJbJob>("active_jb_older.json"));
    assert!(ats.contains("5100200300") && !ats.contains("Sentinel") && !jb.contains("Sentinel"));
}

#[test]
fn changed_returns_only_changed_fields() {
    let raw = r#"{"id": 9, "title": "A", "salary": null, "url": "x", "modified_fields": ["title", "salary", "description_text"]}"#;
    let job: ModifiedAtsJob = serde_json::from_str(raw).unwrap();
    assert_eq!(Value::from(job.changed(raw)), json!({"title": "A", "salary": null}), "null is a value, absent is not");
}

#[test]
fn counts_ids_and_organizations_decode() {
    assert_eq!(serde_json::from_str::<Count>(r#"{"count": 12}"#).unwrap().count, 12);
    let ids: Vec<ExpiredId> = serde_json::from_str(r#"[4444856922, "7"]"#).unwrap();
    assert_eq!(ids, [ExpiredId(4_444_856_922), ExpiredId(7)]);
    assert!(serde_json::from_str::<ExpiredId>("-1").is_err() && serde_json::from_str::<ExpiredId>("1.5").is_err());
    let organization: Organization = serde_json::from_str(r#"{"name": "N", "followers": 5}"#).unwrap();
    assert_eq!(organization.extra["followers"], 5);
}

/// Reads the samples in the folder `JOBFEED_SAMPLES`, if it is set.
#[test]
fn documented_payloads_decode() {
    let Some(folder) = std::env::var_os("JOBFEED_SAMPLES") else { return };
    let folder = Path::new(&folder).join("fantastic_jobs");
    let mut read = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let list = || serde_json::from_str::<Vec<Value>>(&text).unwrap();
        if name.contains("active_ats") {
            let rows: Vec<ActiveAtsJob> = serde_json::from_str(&text).unwrap();
            assert!(rows.iter().all(|job| utc(job.date_created.as_ref()).is_some()), "{name}");
            assert!(rows.iter().all(|job| job.raw_salary.is_none() || job.salary().is_some()), "{name}");
        } else if name.contains("active_jb") {
            let rows: Vec<ActiveJbJob> = serde_json::from_str(&text).unwrap();
            assert!(
                rows.iter().all(|job| utc(job.date_posted.as_ref()).is_some() && !job.places().is_empty()),
                "{name}"
            );
        } else if name.contains("salary") {
            let read: Vec<_> = list().iter().map(Salary::read).collect();
            assert!(read.iter().flatten().count() >= 3, "{name}: all except the range of zeros");
        } else if name.contains("timestamps") {
            for text in list() {
                assert!(DateTime::from(text.as_str().unwrap()).timestamp().is_some(), "{text}");
            }
        } else if name.contains("count") {
            assert!(serde_json::from_str::<Count>(&text).unwrap().count > 0);
        } else if name.contains("expired") {
            assert!(!serde_json::from_str::<Vec<ExpiredId>>(&text).unwrap().is_empty());
        } else {
            serde_json::from_str::<Value>(&text).unwrap();
        }
        read += 1;
    }
    assert!(read > 0, "{} has no samples", folder.display());
}
