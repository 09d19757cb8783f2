//! The response models of JobAffinity, tested with our own payloads and, if available, with the documented ones.

use std::fs;
use std::path::Path;

use jobfeed::jobaffinity::{
    Application, AppliedJobStatus, Candidate, Job, JobStatus, Moment, Note, Process, Profile, Root, StepChange,
    StepStatus, Team, TermUnit, Title, User, WebhookEvent, WebhookTask, Written,
};
use jobfeed::value::Decimal;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

fn fixture(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/jobaffinity").join(name);
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn one<T: DeserializeOwned>(name: &str) -> T {
    serde_json::from_str(&fixture(name).to_string()).unwrap()
}

fn list<T: DeserializeOwned>(name: &str) -> Vec<T> {
    let rows = fixture(name)["items"].as_array().unwrap().clone();
    rows.iter().map(|row| serde_json::from_str(&row.to_string()).unwrap()).collect()
}

fn day(moment: Option<&Moment>) -> String {
    moment.and_then(Moment::date).map(|day| day.to_string()).unwrap_or_default()
}

#[test]
fn all_fields_of_a_job_of_the_later_edition_are_typed() {
    let job: Job = one("job.json");
    assert_eq!((job.id, job.status.as_ref()), (Some(611), Some(&JobStatus::Published)));
    let place = job.place().unwrap();
    assert_eq!((place.town.as_deref(), place.postal_code()), (Some("Brest"), Some("29200")));
    assert_eq!(place.longitude.as_ref().map(Decimal::as_str), Some("-4.4861"));
    assert_eq!(place.latitude.as_ref().and_then(Decimal::to_f64), Some(48.3904));
    assert_eq!(day(job.creation_date.as_ref()), "2026-02-11");
    let term = job.term.as_ref().unwrap();
    assert_eq!((term.count, term.unit.as_ref()), (Some(6.0), Some(&TermUnit::Other("MONTH".to_owned()))));
    assert_eq!(job.attributes[1].value, Some(2.into()));
    assert_eq!(job.attributes.iter().count(), 2);
    assert_eq!(
        job.process.as_ref().map(|process| (process.id, process.url.as_deref())),
        Some((Some(5), Some("/restapi/v1/process/5")))
    );
    assert_eq!(job.actions[0]["name"], "close");
    assert_eq!(job.questionnaire.as_ref().unwrap()["questions"], 3);
    assert_eq!(job.extra["salary_hint"], "SMIC");
}

#[test]
fn older_names_are_read_and_later_names_have_priority() {
    let job: Job = one("job_older.json");
    assert_eq!((job.id, job.reference.as_deref()), (Some(612), None));
    assert_eq!(job.status, Some(JobStatus::Other("FROZEN".to_owned())));
    assert_eq!(job.place().and_then(|place| place.postal_code()), Some("29200"));
    assert!(job.attributes.is_empty() && job.extra.is_empty());
    assert_eq!(job.term.and_then(|term| term.count), Some(1.5));

    let both: Candidate = one("candidate.json");
    assert_eq!(both.place().and_then(|place| place.town.as_deref()), Some("Quimper"));
    assert_eq!(both.mobile_number(), Some("+33 6 11 22 33 44"));
    assert_eq!((both.email_secondary.as_ref(), both.office_phone.as_ref()), (None, None));
    assert_eq!((both.title.as_ref(), day(both.birthdate.as_ref()).as_str()), (Some(&Title::Ms), "1992-07-30"));
    assert_eq!(
        both.pools[0].candidates.as_ref().and_then(|link| link.url.as_deref()),
        Some("/restapi/v1/candidate?pool=1")
    );

    let older: Candidate = one("candidate_older.json");
    assert_eq!(older.mobile_number(), Some("06 12"));
    assert_eq!(older.place().and_then(|place| place.postal_code()), Some("29001"));
    assert_eq!(older.title, Some(Title::Other("DR".to_owned())));
    assert_eq!((older.pools[0].id, older.email.as_deref()), (Some(4), Some("not an address")));
}

#[test]
fn applications_decode_with_links_or_records_and_both_forms_of_steps() {
    let applications: Vec<Application> = list("applications.json");
    let [full, bare] = applications.as_slice() else { panic!("two") };
    assert_eq!(
        full.date.as_ref().and_then(Moment::timestamp).map(|at| at.to_string()).as_deref(),
        Some("2026-03-04T07:15:00Z")
    );
    assert_eq!(full.job.as_ref().and_then(|job| job.status.as_ref()), Some(&AppliedJobStatus::Open));
    assert_eq!(full.steps.len(), 2);
    assert_eq!(full.steps.extra["latest_cv_url"], "/restapi/v1/document/77?key=k-901");
    assert_eq!(full.steps[0].user.as_ref().and_then(|user| user.id), Some(31));
    assert_eq!(full.step.as_ref().and_then(|step| step.status.as_ref()), Some(&StepStatus::Current));
    assert_eq!(bare.date.as_ref().and_then(Moment::timestamp), None, "no zone is assumed");
    assert_eq!(
        bare.candidate.as_ref().and_then(|candidate| candidate.self_link.as_deref()),
        Some("/restapi/v1/candidate/802")
    );
    assert_eq!((bare.steps.len(), bare.latest_cv_url.as_ref()), (1, None));
}

#[test]
fn a_step_change_has_its_change_id_and_the_older_form_decodes() {
    let changes: Vec<StepChange> = list("steps.json");
    let [later, older] = changes.as_slice() else { panic!("two") };
    assert_eq!((later.change_id, later.id), (Some(7001), Some(52)));
    assert_eq!(later.process_step().name.as_deref(), Some("Essai"));
    let application = later.application.as_ref().unwrap();
    assert_eq!(application.id, Some(901));
    assert_eq!(
        application.job.as_ref().and_then(|job| job.status.as_ref()).map(AppliedJobStatus::as_str),
        Some("en cours")
    );
    assert_eq!((older.change_id, older.process_step().id), (None, Some(51)));
    assert_eq!(older.process_step().status, Some(StepStatus::Start));
}

#[test]
fn profiles_webhook_tasks_and_the_root_decode() {
    let profile: Profile = one("profile.json");
    assert_eq!(profile.identity[0].postal_code(), Some("29000"));
    assert_eq!((profile.avatar_url.as_ref(), profile.skills.len()), (None, 0));
    assert_eq!((profile.educations[0].level, profile.languages[0].level), (Some(3.5), Some(4.0)));
    assert_eq!(profile.employments[0].end, None);

    let tasks: Vec<WebhookTask> = list("webhook_tasks.json");
    assert_eq!(
        (tasks[0].event.as_ref(), tasks[0].response_status),
        (Some(&WebhookEvent::ProcessStepChange), Some(503))
    );
    assert_eq!(
        tasks[0].datetime.as_ref().and_then(Moment::datetime).map(|at| at.to_string()).as_deref(),
        Some("2026-03-06T10:00:01")
    );
    assert_eq!(
        (tasks[1].event.as_ref().map(WebhookEvent::as_str), tasks[1].response_status),
        (Some("ApplicationCreated"), None)
    );

    let root: Root = one("root.json");
    assert_eq!(root.version_parts(), Some(vec![1, 10]));
    assert!(root.version_parts() > Some(vec![1, 9]), "compared part by part");
    assert!(root.is_outdated());
    assert_eq!(day(root.expiration.as_ref()), "2027-01-31");
    assert_eq!(root.entry_point("steps").and_then(|entry| entry.url).as_deref(), Some("/restapi/v1/step"));
    assert_eq!(root.entry_point("jobs").and_then(|entry| entry.url).as_deref(), Some("/restapi/v1/job"));
    assert!(root.entry_point("pools").is_none());
}

#[test]
fn absolute_and_relative_urls_of_one_version_are_equal() {
    let outdated = |own: &str, last: &str| {
        let root = format!(r#"{{"_self":{own:?},"_last_version_url":{last:?}}}"#);
        serde_json::from_str::<Root>(&root).unwrap().is_outdated()
    };
    let (path, url) = ("/restapi/v1", "https://jobaffinity.fr/restapi/v1");
    for (own, last) in
        [(path, path), (path, url), (url, path), (url, url), (url, "HTTPS://jobaffinity.fr:443/restapi/v1")]
    {
        assert!(!outdated(own, last), "{own} {last}");
    }
    for (own, last) in [(path, "/restapi/v2"), (path, "https://jobaffinity.fr/restapi/v2"), (url, "/restapi/v2")] {
        assert!(outdated(own, last) && outdated(last, own), "{own} {last}");
    }
    assert!(outdated(url, "https://api.jobaffinity.fr/restapi/v1"));
}

#[test]
fn no_field_is_required_and_the_error_of_a_wrong_type_names_the_field() {
    fn lenient<T: DeserializeOwned>() {
        serde_json::from_str::<T>("{}").unwrap();
    }
    lenient::<Job>();
    lenient::<Candidate>();
    lenient::<Application>();
    lenient::<StepChange>();
    lenient::<Profile>();
    lenient::<Process>();
    lenient::<Root>();
    lenient::<Team>();
    lenient::<Note>();
    lenient::<User>();
    lenient::<WebhookTask>();
    lenient::<Written>();
    let error = serde_json::from_str::<Candidate>(r#"{"id":"Kerjean"}"#).unwrap_err().to_string();
    assert!(error.starts_with("id: not a number") && !error.contains("Kerjean"), "{error}");
}

#[test]
fn a_serialised_model_decodes_to_the_same_value() {
    fn round_trip<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(value: &T) {
        let text = serde_json::to_string(value).unwrap();
        assert!(serde_json::from_str::<T>(&text).unwrap() == *value, "{text}");
    }
    round_trip(&one::<Job>("job.json"));
    round_trip(&one::<Job>("job_older.json"));
    round_trip(&one::<Candidate>("candidate.json"));
    round_trip(&one::<Profile>("profile.json"));
    round_trip(&one::<Root>("root.json"));
    list::<Application>("applications.json").iter().for_each(round_trip);
    list::<StepChange>("steps.json").iter().for_each(round_trip);
    list::<WebhookTask>("webhook_tasks.json").iter().for_each(round_trip);
}

#[test]
fn debug_shows_only_the_ids_of_personal_records() {
    let candidate: Candidate = one("candidate.json");
    assert_eq!(format!("{candidate:?}"), "Candidate { id: Some(801), .. }");
    let application = &list::<Application>("applications.json")[0];
    assert_eq!(format!("{application:?}"), "Application { id: Some(901), .. }");
    let change = &list::<StepChange>("steps.json")[0];
    let profile: Profile = one("profile.json");
    let task = &list::<WebhookTask>("webhook_tasks.json")[0];
    let job: Job = one("job.json");
    let parts = format!(
        "{change:?} {profile:?} {:?} {:?} {:?} {task:?} {job:?} {:?} {:?} {:?} {:?} {:?}",
        profile.identity,
        profile.employments,
        profile.educations,
        job.owner,
        candidate.location,
        candidate.pools,
        application.steps,
        application.steps[0]
    );
    let secrets = [
        "Nolwenn", "Kerjean", "nolwenn", "Maison K", "CFA", "Maëlle", "Le Goff", "maelle", "rue", "Quimper", "sig=",
        "k-901", "busy", "Pétrir", "1911",
    ];
    for secret in secrets {
        assert!(!parts.contains(secret), "{secret}: {parts}");
    }
}

/// Decodes, and fails if `extra` is not empty.
fn known<T: DeserializeOwned>(text: &str, extra: fn(&T) -> bool) -> T {
    let value = serde_json::from_str(text).unwrap();
    assert!(extra(&value), "an unknown field in {text}");
    value
}

#[test]
fn vendor_samples_decode() {
    let Some(folder) = std::env::var_os("JOBFEED_SAMPLES") else {
        eprintln!("skipped: JOBFEED_SAMPLES does not name a folder of documented payloads");
        return;
    };
    // The folder of this provider, or of all providers.
    let folder = Path::new(&folder);
    let own = folder.join("jobaffinity");
    let folder = if own.is_dir() { own.as_path() } else { folder };
    let mut decoded = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let Some(kind) = name.strip_suffix(".json") else { continue };
        let body: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        let rows = body["items"].as_array().cloned().unwrap_or_else(|| vec![body.clone()]);
        for row in rows {
            let text = row.to_string();
            match kind {
                "root" | "root_versioning" => {
                    let root = known::<Root>(&text, |root| root.extra.is_empty());
                    assert_eq!((root.version_parts(), root.is_outdated()), (Some(vec![1, 10]), false));
                }
                "job_links" => {
                    let job = known::<Job>(&row["job"].to_string(), |job| job.extra.is_empty());
                    assert!(job.self_link.is_some() && job.applications.is_some());
                }
                kind if kind.starts_with("job_") => {
                    let job = known::<Job>(&text, |job| job.extra.is_empty());
                    assert!(job.id.is_some() && job.title.is_some());
                }
                "candidate_application_list"
                | "candidate_application_list_old"
                | "application_detail"
                | "application_detail_old" => {
                    let application = known::<Application>(&text, |row| row.extra.is_empty());
                    assert!(application.date.and_then(|date| date.timestamp()).is_some());
                }
                "application_profile" => {
                    let profile = known::<Profile>(&text, |profile| profile.extra.is_empty());
                    assert_eq!((profile.identity.len(), profile.skills.len()), (1, 1));
                }
                kind if kind.starts_with("candidate_") => {
                    let candidate = known::<Candidate>(&text, |candidate| candidate.extra.is_empty());
                    assert!(candidate.place().is_some() && candidate.mobile_number().is_some());
                    assert_eq!(candidate.pools.len(), 1);
                }
                "step_list" | "step_list_old" => {
                    let change = known::<StepChange>(&text, |change| change.extra.is_empty());
                    assert_eq!(change.process_step().status, Some(StepStatus::Start));
                    assert_eq!(change.change_id.is_some(), kind == "step_list");
                }
                "process_detail" => {
                    let process = known::<Process>(&text, |process| process.extra.is_empty());
                    assert_eq!((process.organisations.len(), process.steps.len()), (1, 1));
                }
                "webhook_task_list" => {
                    let task = known::<WebhookTask>(&text, |task| task.extra.is_empty());
                    assert_eq!(task.response_status, Some(500));
                }
                "write_response" => {
                    assert_eq!(known::<Written>(&text, |written| written.extra.is_empty()).actions.len(), 1);
                }
                // Requests: other tests compare them with the sent ones.
                "apply_request" | "note_create_request" | "step_create_request" => continue,
                other => panic!("nothing reads {other}"),
            }
            decoded += 1;
        }
    }
    assert!(decoded > 0, "no payload in {}", folder.display());
    eprintln!("{decoded} records");
}

#[test]
fn a_moment_is_read_without_assumptions() {
    let read = |text: &str| {
        let moment = Moment::from(text);
        assert_eq!(moment.as_str(), text);
        let shown = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
        [
            shown(moment.date().map(|date| date.to_string())),
            shown(moment.datetime().map(|time| time.to_string())),
            shown(moment.timestamp().map(|time| time.to_string())),
        ]
    };
    assert_eq!(read("2026-03-01"), ["2026-03-01", "-", "-"]);
    assert_eq!(read("2026-03-01 09:30:00"), ["2026-03-01", "2026-03-01T09:30:00", "-"]);
    assert_eq!(read("2026-03-01T09:30:00"), ["2026-03-01", "2026-03-01T09:30:00", "-"]);
    assert_eq!(read("2026-03-01T09:30:00Z"), ["2026-03-01", "2026-03-01T09:30:00", "2026-03-01T09:30:00Z"]);
    assert_eq!(read("2026-03-01T09:30:00+02:00"), ["2026-03-01", "2026-03-01T09:30:00", "2026-03-01T07:30:00Z"]);
    for odd in ["", "soon", "20260301", "2026-02-30", "1/3/2026", "2026-03-01T09:30:00[Europe/Paris]"] {
        assert_eq!(read(odd), ["-", "-", "-"], "{odd}");
    }
}
