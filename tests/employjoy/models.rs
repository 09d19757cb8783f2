//! The response models of EmployJoy, with payloads of this project and, if available, the documented ones.

use std::fs;
use std::path::{Path, PathBuf};

use jobfeed::employjoy::{
    Application, ApplicationStatus, CloseReason, CompensationKind, Event, EventData, EventType, Job, JobStatus,
    QuestionKind, Schedule, Stage, Submitted,
};
use jobfeed::value::DateTime;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

fn fixture(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/employjoy").join(name);
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// From text, as in a client: a decoder may treat borrowed text differently from a `Value`.
fn decode<T: DeserializeOwned>(value: &Value) -> T {
    serde_json::from_str(&value.to_string()).unwrap()
}

fn utc(time: Option<&DateTime>) -> Option<String> {
    time.and_then(DateTime::timestamp).map(|timestamp| timestamp.to_string())
}

#[test]
fn every_field_of_a_full_job_is_typed() {
    let page = fixture("jobs_page.json");
    let job: Job = decode(&page["data"][0]);
    assert_eq!((job.id.as_str(), job.title.as_deref()), ("job_88031", Some("Greenhouse Assistant")));
    let company = job.company.as_ref().unwrap();
    assert_eq!((company.id.as_deref(), company.name.as_deref()), (Some("co_512"), Some("Fern & Moss")));
    let location = job.location.as_ref().unwrap();
    assert_eq!((location.city.as_deref(), location.state.as_deref()), (Some("Duluth"), Some("MN")));
    let pay = job.compensation.as_ref().unwrap();
    assert_eq!(pay.kind, Some(CompensationKind::Hourly));
    assert_eq!(pay.min.as_ref().unwrap().as_str(), "17.25", "not rounded");
    assert_eq!(pay.max.as_ref().unwrap().as_str(), "21");
    assert_eq!((job.schedule, job.status), (Some(Schedule::PartTime), Some(JobStatus::Open)));
    assert_eq!(job.headcount.as_ref().unwrap().total, Some(4));
    assert_eq!(utc(job.updated_at.as_ref()).as_deref(), Some("2026-02-05T09:00:00.25Z"));
    assert_eq!(job.application_form_schema[0].kind, Some(QuestionKind::Boolean));
    assert_eq!(job.application_form_schema[1].kind, Some(QuestionKind::Other("choice".to_owned())));
    assert_eq!(job.application_form_schema[1].extra["options"], json!(["early", "late"]));
    assert!(job.extra.is_empty());
}

#[test]
fn nulls_new_codes_new_fields_and_invalid_dates_are_decoded() {
    let job: Job = decode(&fixture("jobs_page.json")["data"][1]);
    assert_eq!((job.schedule, job.status), (None, Some(JobStatus::Other("paused".to_owned()))));
    let pay = job.compensation.unwrap();
    assert_eq!((pay.kind.unwrap().as_str(), pay.min, pay.max), ("per_trip", None, None));
    assert_eq!((job.created_at.as_ref().unwrap().as_str(), utc(job.created_at.as_ref())), ("soon", None));
    assert!(job.application_form_schema.is_empty());
    assert_eq!(job.extra["bonus"]["sign_on"], 150);
    let minimal: Job = decode(&json!({ "id": "job_1" }));
    assert_eq!(minimal.title, None);
    assert!(serde_json::from_str::<Job>(r#"{"title":"no id"}"#).is_err());
}

#[test]
fn applications_and_the_smaller_reply_are_two_types() {
    let page = fixture("applications_page.json");
    let first: Application = decode(&page["data"][0]);
    assert_eq!(first.status, Some(ApplicationStatus::InProgress));
    assert_eq!(first.current_stage, Some(Stage::FinalReview));
    assert_eq!(first.source_application_id.as_deref(), Some("own-40017"));
    assert_eq!(utc(first.last_status_change_at.as_ref()).as_deref(), Some("2026-02-09T12:30:00Z"));
    let second: Application = decode(&page["data"][1]);
    assert_eq!((second.source_application_id, second.last_status_change_at), (None, None));
    assert_eq!(second.status, Some(ApplicationStatus::Other("withdrawn".to_owned())));
    assert_eq!(second.current_stage.unwrap().as_str(), "Reference Call");
    let reply: Submitted = decode(&fixture("submitted.json"));
    assert_eq!((reply.id.as_str(), reply.status), ("ej_app_40019", Some(ApplicationStatus::Received)));
    assert_eq!(utc(reply.created_at.as_ref()).as_deref(), Some("2026-02-10T07:00:00Z"));
    assert!(!format!("{first:?}").contains("own-40017"), "{first:?}");
}

#[test]
fn events_are_decoded_by_their_type_and_unknown_ones_are_kept() {
    let events: Vec<Event> = decode(&fixture("events.json"));
    let EventData::ApplicationStatusChanged(changed) = events[0].data() else { panic!("{:?}", events[0]) };
    assert_eq!(changed.new_status, Some(ApplicationStatus::Rejected));
    assert_eq!((changed.old_status, changed.current_stage), (Some(ApplicationStatus::InProgress), Some(Stage::Closed)));
    assert_eq!(utc(changed.occurred_at.as_ref()).as_deref(), Some("2026-02-11T08:59:58Z"));
    let EventData::JobOpened(opened) = events[1].data() else { panic!("{:?}", events[1]) };
    assert_eq!((opened.job_id.as_deref(), opened.title.as_deref()), (Some("job_88040"), Some("Florist")));
    let EventData::JobClosed(closed) = events[2].data() else { panic!("{:?}", events[2]) };
    assert_eq!(closed.reason, Some(CloseReason::InternalSourcingOnly));
    assert_eq!(events[3].event_type, Some(EventType::Other("company.joined".to_owned())));
    assert_eq!(events[3].data(), EventData::Other(json!({ "companyId": "co_514" })));
    let bare: Event = decode(&json!({ "id": "evt_1", "type": "job.opened", "data": [1] }));
    assert_eq!(bare.data(), EventData::Other(json!([1])), "data of another structure is kept unchanged");
    let minimal: Event = decode(&json!({ "id": "evt_2" }));
    assert_eq!((minimal.event_type.clone(), minimal.data()), (None, EventData::Other(Value::Null)));
}

#[test]
fn a_serialised_record_keeps_its_id_and_status() {
    for (fixture_name, list) in [("jobs_page.json", true), ("applications_page.json", true)] {
        let body = fixture(fixture_name);
        for record in body["data"].as_array().filter(|_| list).unwrap() {
            let text = if fixture_name.starts_with("jobs") {
                serde_json::to_string(&decode::<Job>(record)).unwrap()
            } else {
                serde_json::to_string(&decode::<Application>(record)).unwrap()
            };
            let again: Value = serde_json::from_str(&text).unwrap();
            assert_eq!((&again["id"], &again["status"]), (&record["id"], &record["status"]));
        }
    }
}

fn json_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            json_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "json") {
            found.push(path);
        }
    }
}

/// `JOBFEED_SAMPLES=<folder> cargo test`: every file in `<folder>/employjoy` is decoded to its model.
#[test]
fn documented_samples_decode() {
    let Some(folder) = std::env::var_os("JOBFEED_SAMPLES") else { return };
    let mut files = Vec::new();
    json_files(&PathBuf::from(folder).join("employjoy"), &mut files);
    assert!(!files.is_empty(), "no sample in the folder");
    for path in files {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&path).unwrap();
        let value: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let extra =
            if name.contains("jobs_list") || name.contains("applications_list") || name.contains("list_last") {
                let rows = value["data"].as_array().unwrap();
                rows.iter()
                    .map(|row| {
                        if name.contains("jobs") { decode::<Job>(row).extra } else { decode::<Application>(row).extra }
                    })
                    .find(|extra| !extra.is_empty())
            } else if name.contains("application_status") && !name.contains("webhook") {
                Some(decode::<Application>(&value).extra)
            } else if name.contains("response_201") {
                Some(decode::<Submitted>(&value).extra)
            } else if name.contains("webhook_event") || name == "webhook_envelope.json" {
                let event: Event = decode(&value);
                let typed = !matches!(event.data(), EventData::Other(_));
                assert!(typed, "{name}");
                Some(event.extra)
            } else {
                // Requests, errors and the signature vector have their own tests.
                None
            };
        assert!(extra.is_none_or(|extra| extra.is_empty()), "{name}: a documented field has no place in the model");
    }
}
