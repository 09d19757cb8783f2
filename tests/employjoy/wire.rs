//! The exact requests to EmployJoy, the typed errors, and the input that is refused before anything is sent.

use bytes::Bytes;
use futures::TryStreamExt;
use http::{Method, Request};
use jobfeed::checkpoint::MemoryStore;
use jobfeed::employjoy::{
    self, ApplicationStatus, Candidate, Client, ErrorCode, FieldCode, JobStatus, NewApplication, RateScope,
};
use jobfeed::{Checkpoint, Cursor, Error, RateLimit, RetryPolicy};

use crate::support::{Reply, Script};

fn client(script: &Script) -> Client {
    let builder = Client::builder().api_key("pek_test_wire").transport(script.clone());
    builder.rate_limit(RateLimit::unlimited()).retry(RetryPolicy::none()).build().unwrap()
}

fn sent(script: &Script) -> Vec<Request<Bytes>> {
    script.log.lock().unwrap().iter().map(|(_, request)| request.clone()).collect()
}

/// Method and target of each request, without the base URL.
fn lines(script: &Script) -> Vec<String> {
    let line = |request: &Request<Bytes>| {
        assert_eq!(request.headers()["authorization"], "Bearer pek_test_wire");
        assert_eq!(request.headers()["accept"], "application/json");
        let uri = request.uri().to_string();
        let path = uri.strip_prefix("https://api.employjoy.ai/api/v1/external/").unwrap().to_owned();
        format!("{} {path}", request.method())
    };
    sent(script).iter().map(line).collect()
}

fn page(next: &str) -> Reply {
    Reply::page(&format!(r#"{{"data":[{{"id":"a"}}]{next}}}"#))
}

fn moss() -> NewApplication {
    NewApplication::new("job_7", Candidate::new("Ada", "Moss", "ada@example.org", "+15550100")).consent_to_contact(true)
}

#[tokio::test]
async fn lists_send_their_filters_with_every_cursor_and_end_without_a_cursor() {
    let ends = ["", r#","next_cursor":null"#, r#","next_cursor":"""#];
    for end in ends {
        let script = Script::replies(vec![page(r#","next_cursor":"a+b/c==""#), page(end)]);
        let since = "2026-05-01T08:00:00.5+02:00".parse().unwrap();
        let jobs = client(&script).jobs().updated_since(since).company_id("co 6").page_size(25);
        assert_eq!(jobs.items().try_collect::<Vec<_>>().await.unwrap().len(), 2, "{end}");
        let query = "limit=25&updated_since=2026-05-01T06%3A00%3A00.5Z&company_id=co+6";
        assert_eq!(lines(&script), [format!("GET jobs?{query}"), format!("GET jobs?{query}&cursor=a%2Bb%2Fc%3D%3D")]);
    }
    let script = Script::replies(vec![page(""), Reply::page(r#"{"id":"a"}"#)]);
    client(&script).applications().status(ApplicationStatus::InProgress).send().await.unwrap();
    client(&script).application("ej app/7?#é").unwrap().send().await.unwrap();
    assert_eq!(lines(&script)[0], "GET applications?limit=200&status=in_progress");
    assert_eq!(lines(&script)[1], "GET applications/ej%20app%2F7%3F%23%C3%A9");
}

#[tokio::test]
async fn a_parameter_without_a_method_is_sent_with_every_page_and_belongs_to_the_query() {
    let script = Script::replies(vec![page(r#","next_cursor":"a""#), page("")]);
    let api = client(&script);
    let jobs = api.jobs().status(&JobStatus::Open).param("department", "a b");
    assert_eq!(jobs.items().try_collect::<Vec<_>>().await.unwrap().len(), 2);
    let query = "limit=200&status=open&department=a+b";
    assert_eq!(lines(&script), [format!("GET jobs?{query}"), format!("GET jobs?{query}&cursor=a")]);
    // A value that is not documented can be sent, but not by its method.
    api.applications().param("status", "hired").send().await.unwrap();
    assert_eq!(lines(&script)[2], "GET applications?limit=200&status=hired");
    for name in ["limit", "cursor", "updated_since", "company_id"] {
        assert!(matches!(api.jobs().param(name, 1).send().await.unwrap_err(), Error::Invalid { .. }), "{name}");
    }
    assert!(matches!(api.jobs().status(&JobStatus::Closed).send().await.unwrap_err(), Error::Invalid { .. }));
    assert_eq!(script.requests(), 3);
    let store = MemoryStore::new();
    let script = Script::replies(vec![page("")]);
    let mut run = client(&script).jobs().sync_by_update("k", &store).await.unwrap();
    run.next().await.unwrap().unwrap().commit().await.unwrap();
    let other = client(&script).jobs().param("department", "b").sync_by_update("k", &store).await;
    assert!(matches!(other.unwrap_err(), Error::Checkpoint { .. }), "another parameter is another query");
}

#[tokio::test]
async fn an_empty_or_short_page_with_a_cursor_is_not_the_end() {
    let empty = Reply::page(r#"{"data":[],"next_cursor":"b"}"#);
    let script = Script::replies(vec![page(r#","next_cursor":"a""#), empty, page("")]);
    assert_eq!(client(&script).jobs().items().try_collect::<Vec<_>>().await.unwrap().len(), 2);
    assert_eq!(script.requests(), 3);
}

#[tokio::test]
async fn a_cursor_of_another_type_and_a_body_without_the_list_are_errors() {
    for body in [r#"{"data":[],"next_cursor":7}"#, r#"{"next_cursor":"a"}"#, r#"{"data":{}}"#, "[]"] {
        let script = Script::replies(vec![Reply::page(body)]);
        let error = client(&script).jobs().send().await.unwrap_err();
        assert!(matches!(error, Error::Body { .. }), "{body}: {error:?}");
    }
}

#[tokio::test]
async fn a_submission_is_one_body_and_one_key() {
    let script = Script::replies(vec![Reply::Json(201, Vec::new(), r#"{"id":"ej_app_1"}"#.to_owned())]);
    let api = client(&script);
    let full = moss()
        .source("indeed")
        .source_application_id("own-1")
        .answer("night", true)
        .answer("years", 3)
        .resume_url("https://cdn.example.org/a.pdf")
        .company_id("co_3")
        .idempotency_key("6f2c1f3e-58c9-4e1d-9d5e-0a4a2f6f7b10");
    api.submit(&api.prepare(full).unwrap()).send().await.unwrap();
    api.submit(&api.prepare(moss()).unwrap()).send().await.unwrap();
    let requests = sent(&script);
    assert_eq!(requests[0].method(), Method::POST);
    assert_eq!(requests[0].headers()["idempotency-key"], "6f2c1f3e-58c9-4e1d-9d5e-0a4a2f6f7b10");
    assert_eq!(requests[0].headers()["content-type"], "application/json");
    assert_eq!(
        requests[0].body(),
        r#"{"jobId":"job_7","candidate":{"firstName":"Ada","lastName":"Moss","email":"ada@example.org","phone":"+15550100"},"consentToContact":true,"source":"indeed","sourceApplicationId":"own-1","applicationFormAnswers":{"night":true,"years":3},"resumeUrl":"https://cdn.example.org/a.pdf"}"#
    );
    assert_eq!(
        requests[1].body(),
        r#"{"jobId":"job_7","candidate":{"firstName":"Ada","lastName":"Moss","email":"ada@example.org","phone":"+15550100"},"consentToContact":true}"#,
        "a value that is not set is omitted, not null"
    );
    let key = requests[1].headers()["idempotency-key"].to_str().unwrap();
    assert_eq!((key.len(), &key[14..15]), (36, "4"), "a UUID of version 4");
    assert_eq!(lines(&script), ["POST applications", "POST applications"]);
}

#[tokio::test]
async fn every_documented_limit_is_checked_before_anything_is_sent() {
    let script = Script::replies(vec![page("")]);
    let api = client(&script);
    let person = |first: &str, last: &str, email: &str, phone: &str| {
        NewApplication::new("job_7", Candidate::new(first, last, email, phone)).consent_to_contact(true)
    };
    let long = |n: usize| "é".repeat(n);
    let bad = [
        ("jobId", NewApplication::new(" ", Candidate::new("A", "B", "a@b", "1")).consent_to_contact(true)),
        ("candidate.firstName", person("", "B", "a@b", "1")),
        ("candidate.firstName", person(&long(101), "B", "a@b", "1")),
        ("candidate.lastName", person("A", "  ", "a@b", "1")),
        ("candidate.lastName", person("A", &long(101), "a@b", "1")),
        ("candidate.email", person("A", "B", "", "1")),
        ("candidate.email", person("A", "B", "nobody.example.org", "1")),
        ("candidate.email", person("A", "B", "@example.org", "1")),
        ("candidate.phone", person("A", "B", "a@b", " ")),
        ("consentToContact", moss().consent_to_contact(false)),
        ("source", moss().source(long(101))),
        ("sourceApplicationId", moss().source_application_id("")),
        ("sourceApplicationId", moss().source_application_id(long(129))),
        ("resumeUrl", moss().resume_url("/resume.pdf")),
        ("company_id", moss().company_id("")),
        ("idempotency key", moss().idempotency_key("one")),
    ];
    for (field, application) in bad {
        let error = api.prepare(application).unwrap_err();
        let Error::Invalid { what, .. } = &error else { panic!("{field}: {error:?}") };
        assert_eq!(what, field);
        for personal in ["nobody", "é", "example.org"] {
            assert!(!format!("{error} {error:?}").contains(personal), "{error:?}");
        }
    }
    let good = person(&long(100), &long(100), "a@b", "1").source(long(100)).source_application_id(long(128));
    api.prepare(good).unwrap();
    for jobs in [api.jobs().page_size(0), api.jobs().page_size(201), api.jobs().company_id("")] {
        assert!(matches!(jobs.send().await.unwrap_err(), Error::Invalid { .. }));
    }
    let status = ApplicationStatus::from("hired");
    assert!(matches!(api.applications().status(status).send().await.unwrap_err(), Error::Invalid { .. }));
    for id in ["", " ", ".", ".."] {
        assert!(matches!(api.application(id).unwrap_err(), Error::Invalid { .. }));
    }
    assert!(Client::new("").is_err() && Client::new("two\nlines").is_err());
    assert_eq!(script.requests(), 0);
}

#[tokio::test]
async fn a_cursor_of_the_other_list_or_of_other_filters_is_refused() {
    let script = Script::replies(vec![page(r#","next_cursor":"a""#)]);
    let api = client(&script);
    let cursor: Cursor = api.jobs().send().await.unwrap().next_cursor().unwrap().clone();
    for page in [
        api.jobs().page_size(100).resume_from(cursor.clone()).send().await,
        api.jobs().company_id("co_1").resume_from(cursor.clone()).send().await,
    ] {
        assert!(matches!(page.unwrap_err(), Error::Cursor { .. }));
    }
    assert!(matches!(api.applications().resume_from(cursor).send().await.unwrap_err(), Error::Cursor { .. }));
    assert_eq!(script.requests(), 1);
}

#[tokio::test]
async fn every_error_code_is_typed_and_its_details_are_available() {
    let known = [
        (401, "UNAUTHORIZED", ErrorCode::Unauthorized),
        (403, "ACCESS_REVOKED", ErrorCode::AccessRevoked),
        (404, "JOB_NOT_FOUND", ErrorCode::JobNotFound),
        (404, "APPLICATION_NOT_FOUND", ErrorCode::ApplicationNotFound),
        (409, "JOB_CLOSED", ErrorCode::JobClosed),
        (409, "DUPLICATE_SOURCE_APPLICATION_ID", ErrorCode::DuplicateSourceApplicationId),
        (422, "VALIDATION_ERROR", ErrorCode::ValidationError),
        (422, "IDEMPOTENCY_KEY_REQUIRED", ErrorCode::IdempotencyKeyRequired),
        (422, "IDEMPOTENCY_KEY_REUSED", ErrorCode::IdempotencyKeyReused),
        (429, "RATE_LIMITED", ErrorCode::RateLimited),
        (500, "INTERNAL_ERROR", ErrorCode::InternalError),
        (418, "TEAPOT", ErrorCode::Other("TEAPOT".to_owned())),
    ];
    for (status, text, code) in known {
        let body = format!(r#"{{"error":"{text}","message":"So it is.","details":{{"jobId":"job_7"}}}}"#);
        let script = Script::replies(vec![Reply::Json(status, Vec::new(), body)]);
        let error = client(&script).jobs().send().await.unwrap_err();
        assert_eq!(ErrorCode::of(&error), Some(code.clone()), "{error:?}");
        assert_eq!(code.as_str(), text);
        let server = error.server().unwrap();
        assert_eq!((server.message.as_deref(), &server.details["jobId"]), (Some("So it is."), &"job_7".into()));
        assert!(error.to_string().contains(&format!("{text}: So it is.")), "{error}");
    }
    let body = r#"{"error":"VALIDATION_ERROR","message":"No.","details":{"errors":[
        {"field":"candidate.email","code":"INVALID_EMAIL","message":"ada@x is no address"},
        {"field":"candidate.phone","code":"TOO_ODD","message":"+1 is odd"}]}}"#;
    let script = Script::replies(vec![Reply::Json(422, Vec::new(), body.to_owned())]);
    let api = client(&script);
    let error = api.submit(&api.prepare(moss()).unwrap()).send().await.unwrap_err();
    let fields = &error.server().unwrap().fields;
    assert_eq!(fields[0].field, "candidate.email");
    let codes: Vec<_> = fields.iter().map(FieldCode::of).collect();
    assert_eq!(codes, [Some(FieldCode::InvalidEmail), Some(FieldCode::Other("TOO_ODD".to_owned()))]);
    let shown = format!("{error} {error:?}");
    assert!(shown.contains("candidate.email: INVALID_EMAIL"), "{shown}");
    assert!(!shown.contains("ada@") && !shown.contains("odd"), "the server's text may repeat personal data: {shown}");
}

#[tokio::test]
async fn the_scope_company_and_wait_of_a_throttled_answer_are_read_from_its_body() {
    let body =
        r#"{"error":"RATE_LIMITED","message":"Slow.","scope":"partner_company","companyId":"co_3","retryAfter":1.5}"#;
    let script = Script::replies(vec![Reply::Json(429, Vec::new(), body.to_owned())]);
    let builder = Client::builder().api_key("pek_test_wire").transport(script.clone());
    let retry = RetryPolicy::default().max_attempts(1).budget(0);
    let api = builder.retry(retry).build().unwrap();
    let error = api.jobs().send().await.unwrap_err();
    let Error::Paused { wait, .. } = &error else { panic!("{error:?}") };
    assert_eq!(wait.as_millis(), 1500);
    let script = Script::replies(vec![Reply::Json(403, Vec::new(), body.to_owned())]);
    let error = client(&script).jobs().send().await.unwrap_err();
    assert_eq!(RateScope::of(&error), Some(RateScope::PartnerCompany));
    assert_eq!(error.server().unwrap().details["companyId"], "co_3");
    assert_eq!(error.retry_after().unwrap().as_millis(), 1500);
}

#[tokio::test]
async fn the_sunset_of_a_key_is_available_although_its_weekday_is_wrong() {
    let sunset = "Sat, 31 May 2026 14:00:00 GMT";
    let script = Script::replies(vec![page("").header("sunset", sunset), page("")]);
    let api = client(&script);
    assert_eq!(api.sunset(), None);
    let page = api.jobs().send().await.unwrap();
    assert_eq!(jobfeed::Sunset::of(page.headers()).unwrap().as_str(), sunset);
    api.jobs().send().await.unwrap();
    let kept = api.clone().sunset().expect("clones share it, and later answers keep it");
    assert_eq!((kept.as_str(), kept.at().unwrap().to_string().as_str()), (sunset, "2026-05-31T14:00:00Z"));
    let script = Script::replies(vec![Reply::status(401).header("sunset", "someday")]);
    let api = client(&script);
    api.jobs().send().await.unwrap_err();
    assert_eq!(api.sunset().unwrap().at(), None, "kept unchanged, also from an error");
}

#[tokio::test]
async fn a_sentinel_key_is_in_no_error_and_no_debug_output() {
    let key = "pek_live_sentinel0f3a";
    let echo = format!(
        r#"{{"error":"{key}","message":"bad {key}","details":{{"{key}":"{key}","errors":[{{"field":"{key}","code":"{key}","message":"{key}"}}]}}}}"#
    );
    let script = Script::replies(vec![Reply::Json(401, Vec::new(), echo).header("sunset", "soon")]);
    let api = Client::builder().api_key(key).transport(script.clone()).retry(RetryPolicy::none()).build().unwrap();
    let submission = api.prepare(moss()).unwrap();
    let errors = [
        api.jobs().send().await.unwrap_err(),
        api.application("a").unwrap().send().await.unwrap_err(),
        api.submit(&submission).send().await.unwrap_err(),
    ];
    for error in &errors {
        let mut shown = format!("{error} {error:?} {:?}", error.server().map(|server| &server.details));
        let mut source = std::error::Error::source(error);
        while let Some(inner) = source {
            shown += &inner.to_string();
            source = inner.source();
        }
        assert!(!shown.contains("sentinel0f3a"), "{shown}");
    }
    let shown = format!("{api:?} {:?} {:?} {submission:?} {:?}", api.jobs(), api.submit(&submission), moss());
    for secret in ["sentinel0f3a", "Ada", "Moss", "ada@", "+1555"] {
        assert!(!shown.contains(secret), "{secret}: {shown}");
    }
    assert_eq!(employjoy::Event::clone(&serde_json::from_str(r#"{"id":"e"}"#).unwrap()).id, "e");
}

/// The bytes of the log.
#[derive(Clone, Default)]
struct Log(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn personal_data_that_a_server_repeats_is_in_no_error_and_no_log() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::new("jobfeed=trace"))
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let echo = "Ada Moss, ada@example.org, +15550100";
    let bodies = [
        (500, format!(r#"{{"error":"INTERNAL_ERROR","message":"{echo}"}}"#)),
        (
            422,
            format!(
                r#"{{"error":"{echo}","message":"{echo}","details":{{"errors":[{{"field":"{echo}","code":"{echo}"}}]}}}}"#
            ),
        ),
        (400, echo.to_owned()),
        (503, format!("<h1>{echo}</h1>")),
        (200, format!("<h1>{echo}</h1>")),
        (200, format!(r#"{{"message":"{echo}"}}"#)),
        (200, format!(r#"{{"id":["{echo}"]}}"#)),
        (201, format!(r#"{{"id":"{echo}"#)),
    ];
    for (status, body) in bodies {
        let script = Script::replies(vec![Reply::Json(status, Vec::new(), body.clone())]);
        let builder = Client::builder().api_key("pek_test_wire").transport(script);
        let api = builder.rate_limit(RateLimit::unlimited()).build().unwrap();
        let error = api.submit(&api.prepare(moss()).unwrap()).send().await.unwrap_err();
        let shown = format!("{error} {error:?}");
        for personal in ["Ada", "Moss", "ada@", "1555"] {
            assert!(!shown.contains(personal), "{status} {body}: {shown}");
        }
    }
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("retrying"), "the log is not empty: {log}");
    for personal in ["Ada", "Moss", "ada@", "1555", "pek_test_wire"] {
        assert!(!log.contains(personal), "{log}");
    }
}

#[tokio::test]
async fn promise_1_an_error_with_status_200_and_an_empty_list_does_not_move_the_watermark() {
    let body = r#"{"error":"INTERNAL_ERROR","message":"not now","data":[],"next_cursor":null}"#;
    let script = Script::replies(vec![Reply::Json(200, Vec::new(), body.to_owned())]);
    let builder = Client::builder().api_key("pek_test_wire").transport(script);
    let api = builder.rate_limit(RateLimit::unlimited()).build().unwrap();
    let store = MemoryStore::new();
    let mut run = api.applications().sync_by_update("a", &store).await.unwrap();
    let error = run.next().await.unwrap_err();
    assert_eq!(ErrorCode::of(&error), Some(ErrorCode::InternalError), "{error}");
    assert!(store.load("a").await.unwrap().is_none());
    assert!(api.jobs().full_list_diff(["job_1"]).await.is_err(), "no job vanished");
}

/// `JOBFEED_SAMPLES=<folder> cargo test`: every documented error is decoded with a known code.
#[tokio::test]
async fn documented_errors_are_decoded() {
    let Some(folder) = std::env::var_os("JOBFEED_SAMPLES") else { return };
    let mut read = 0;
    for entry in std::fs::read_dir(std::path::PathBuf::from(folder).join("employjoy")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let Some(status) = name.strip_prefix("error_").and_then(|rest| rest.get(..3)?.parse::<u16>().ok()) else {
            continue;
        };
        let script = Script::replies(vec![Reply::Json(status, Vec::new(), std::fs::read_to_string(&path).unwrap())]);
        let retry = RetryPolicy::none().max_wait(std::time::Duration::ZERO);
        let builder = Client::builder().api_key("pek_test_wire").transport(script).retry(retry);
        let error = builder.build().unwrap().jobs().send().await.unwrap_err();
        read += 1;
        if status == 429 {
            assert!(matches!(&error, Error::Paused { wait, .. } if wait.as_secs() == 18), "{error:?}");
            continue;
        }
        let code = ErrorCode::of(&error).unwrap_or_else(|| panic!("{name}: {error:?}"));
        assert!(!matches!(code, ErrorCode::Other(_)), "{name}: {code}");
        let fields =
            error.server().unwrap().fields.iter().map(|field| FieldCode::of(field).unwrap()).collect::<Vec<_>>();
        let expected = if name.contains("validation") {
            vec![FieldCode::InvalidEmail, FieldCode::ConsentRequired]
        } else {
            vec![]
        };
        assert_eq!(fields, expected, "{name}");
    }
    assert!(read > 0, "no sample in the folder");
}
