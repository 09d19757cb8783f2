//! Submissions to EmployJoy: a POST that is safe to repeat, and rate limits of single companies.

use std::collections::BTreeSet;
use std::time::Duration;

use jobfeed::employjoy::{Candidate, Client, ErrorCode, NewApplication, RateScope, Submission, SubmissionOutcome};
use jobfeed::jiff::{SignedDuration, Timestamp};
use jobfeed::testing::employjoy::Builder;
use jobfeed::testing::{EmployJoy, Fault, When};
use jobfeed::{Clock, Error, RateLimit};

use crate::support::{Reply, Script, impatient};

const NOW: &str = "2026-05-20T12:00:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn small() -> Builder {
    EmployJoy::builder().jobs(20).companies(2).now(at(NOW))
}

fn client(server: &EmployJoy, now: Timestamp) -> Client {
    let builder = Client::builder().api_key(server.api_key()).base_url(server.base_url());
    builder.rate_limit(RateLimit::unlimited()).retry(impatient()).clock(Clock::fixed(now)).build().unwrap()
}

fn application(job: &str, own: &str) -> NewApplication {
    let candidate = Candidate::new("Ada", "Moss", "ada@example.org", "+15550100");
    NewApplication::new(job, candidate).consent_to_contact(true).source_application_id(own)
}

/// The numbers of submissions, of different keys and of different bodies that reached the service.
fn attempts(server: &EmployJoy) -> (usize, usize, usize) {
    server.with(|data| {
        let keys: BTreeSet<_> = data.attempts().iter().map(|attempt| attempt.key.clone()).collect();
        let bodies: BTreeSet<_> = data.attempts().iter().map(|attempt| attempt.body.clone()).collect();
        (data.attempts().len(), keys.len(), bodies.len())
    })
}

#[tokio::test]
async fn after_a_lost_answer_the_same_key_and_bytes_are_sent_again() {
    for fault in [Fault::CutBody, Fault::TruncatedJson] {
        let server = small().start().await.unwrap();
        server.fault(fault.clone(), When::Next(2));
        let api = client(&server, at(NOW));
        let submission = api.prepare(application("job_1", "own-1")).unwrap();
        let reply = api.submit(&submission).send().await.unwrap().submitted().unwrap();
        assert_eq!(attempts(&server), (3, 1, 1), "{fault:?}");
        assert_eq!(server.with(|data| data.application_ids()), std::slice::from_ref(&reply.id), "one application");
        assert_eq!(reply.status.unwrap().as_str(), "received");
    }
}

#[tokio::test]
async fn a_submission_that_did_not_reach_the_service_is_sent_again() {
    for fault in
        [Fault::Drop, Fault::Status { code: 500, retry_after: None }, Fault::Status { code: 503, retry_after: Some(0) }]
    {
        let server = small().start().await.unwrap();
        server.fault(fault, When::Next(2));
        let api = client(&server, at(NOW));
        api.submit(&api.prepare(application("job_1", "own-1")).unwrap()).send().await.unwrap();
        assert_eq!((server.served().requests, attempts(&server)), (3, (1, 1, 1)));
    }
}

#[tokio::test]
async fn a_stored_submission_is_sent_by_a_later_process_and_gets_the_first_reply() {
    let server = small().start().await.unwrap();
    let api = client(&server, at(NOW));
    let submission = api.prepare(application("job_1", "own-1")).unwrap();
    let first = api.submit(&submission).send().await.unwrap();
    let kept = serde_json::to_string(&submission).unwrap();
    let restored: Submission = serde_json::from_str(&kept).unwrap();
    assert_eq!(
        (&restored, restored.idempotency_key(), restored.body()),
        (&submission, submission.idempotency_key(), submission.body())
    );
    let later = client(&server, at(NOW) + SignedDuration::from_hours(22));
    assert_eq!(later.submit(&restored).send().await.unwrap(), first);
    assert_eq!(attempts(&server), (2, 1, 1));
    assert_eq!(server.with(|data| data.application_ids().len()), 1);
}

#[tokio::test]
async fn after_a_day_only_the_own_id_prevents_a_second_application() {
    let server = small().start().await.unwrap();
    let api = client(&server, at(NOW));
    let candidate = Candidate::new("Ada", "Moss", "ada@example.org", "+15550100");
    let bare = api.prepare(NewApplication::new("job_1", candidate).consent_to_contact(true)).unwrap();
    let own = api.prepare(application("job_2", "own-2")).unwrap();
    api.submit(&own).send().await.unwrap();
    drop(api);
    let next_day = at(NOW) + SignedDuration::from_hours(25);
    let server_later = client(&server, next_day);
    let error = server_later.submit(&bare).send().await.unwrap_err();
    assert!(matches!(error, Error::Invalid { .. }), "{error:?}");
    assert_eq!(attempts(&server).0, 1, "not sent: the server may accept it as a second application");
    // The clock of the simulator does not move, so a new key replaces one that the server no longer has.
    let again = server_later.prepare(application("job_2", "own-2")).unwrap();
    let error = server_later.submit(&again).send().await.unwrap_err();
    assert_eq!(ErrorCode::of(&error), Some(ErrorCode::DuplicateSourceApplicationId), "a new submission with a used id");
    assert!(!format!("{error} {error:?}").contains("own-2"), "{error:?}");
    server_later.submit(&own).send().await.expect("a submission with an own id can be sent again at any age");
}

#[tokio::test]
async fn refusals_are_typed_and_not_retried() {
    let server = small().start().await.unwrap();
    server.with(|data| {
        data.close_jobs(&["job_2".to_owned()]);
        data.revoke_access("co_2");
    });
    let api = client(&server, at(NOW));
    let send = async |application: NewApplication| {
        let error = api.submit(&api.prepare(application).unwrap()).send().await.unwrap_err();
        ErrorCode::of(&error).unwrap()
    };
    assert_eq!(send(application("job_99", "a")).await, ErrorCode::JobNotFound);
    assert_eq!(send(application("job_2", "b")).await, ErrorCode::JobClosed);
    assert_eq!(send(application("job_1", "c")).await, ErrorCode::AccessRevoked);
    let odd = Candidate::new("Ada", "Moss", "ada@nodot", "+15550100");
    let odd = NewApplication::new("job_4", odd).consent_to_contact(true);
    assert_eq!(send(odd).await, ErrorCode::ValidationError);
    assert_eq!(server.served().requests, 4);
    let key = "6f2c1f3e-58c9-4e1d-9d5e-0a4a2f6f7b10";
    api.submit(&api.prepare(application("job_4", "d").idempotency_key(key)).unwrap()).send().await.unwrap();
    assert_eq!(send(application("job_4", "e").idempotency_key(key)).await, ErrorCode::IdempotencyKeyReused);
}

#[tokio::test]
async fn a_redirect_of_a_submission_is_not_followed() {
    let server = small().start().await.unwrap();
    server.fault(Fault::Redirect("/api/v1/external/elsewhere".to_owned()), When::Always);
    let api = client(&server, at(NOW));
    let error = api.submit(&api.prepare(application("job_1", "a")).unwrap()).send().await.unwrap_err();
    assert_eq!(error.status().map(|status| status.as_u16()), Some(302), "{error:?}");
    assert_eq!(server.served().requests, 1);
}

#[tokio::test]
async fn a_used_up_limit_of_one_company_affects_no_other_company_and_no_list() {
    let server = small().limits(true).start().await.unwrap();
    let api = client(&server, at(NOW));
    let submit = async |job: &str, company: &str, own: usize| {
        let application = application(job, &format!("{company}-{own}")).company_id(company);
        api.submit(&api.prepare(application).unwrap()).send().await
    };
    // Jobs with odd numbers belong to co_2, the others to co_1.
    for own in 0..10 {
        submit("job_1", "co_2", own).await.unwrap();
    }
    // The tenth answer said that none remains: the next one is not sent.
    for job in ["job_1", "job_3"] {
        let error = submit(job, "co_2", 10).await.unwrap_err();
        let Error::Paused { wait, .. } = &error else { panic!("{error:?}") };
        assert!((50..=61).contains(&wait.as_secs()), "{wait:?}");
    }
    assert_eq!(attempts(&server).0, 10);
    for own in 0..3 {
        submit("job_2", "co_1", own).await.unwrap();
    }
    api.jobs().send().await.unwrap();
    let id = server.with(|data| data.application_ids()[0].clone());
    api.application(&id).unwrap().send().await.unwrap();
    assert_eq!(server.served().with_status(429), 0);
}

/// With a paused clock the waits are exact.
#[tokio::test(start_paused = true)]
async fn the_scope_of_a_429_decides_which_requests_wait() {
    let throttled = |scope: &str| {
        let body = format!(r#"{{"error":"RATE_LIMITED","message":"Slow.",{scope}"retryAfter":30}}"#);
        Reply::Json(429, vec![("retry-after", "30".to_owned())], body)
    };
    let created = || Reply::Json(201, Vec::new(), r#"{"id":"a"}"#.to_owned());
    for (scope, other_waits) in [
        (r#""scope":"partner_company","companyId":"co_1","#, false),
        (r#""scope":"partner","#, true),
        (r#""scope":"galaxy","#, true),
        ("", true),
    ] {
        let refusal = throttled(scope);
        let script = Script::new(move |index, _| if index == 0 { refusal.clone() } else { created() });
        let api = Client::builder()
            .api_key("k")
            .transport(script.clone())
            .rate_limit(RateLimit::unlimited())
            .build()
            .unwrap();
        let send = async |company: &str, delay: u64| {
            tokio::time::timeout(Duration::from_millis(delay), std::future::pending::<()>()).await.unwrap_err();
            let application = application("job_1", company).company_id(company);
            api.submit(&api.prepare(application).unwrap()).send().await.unwrap();
        };
        tokio::join!(send("co_1", 0), send("co_2", 100), send("co_1", 200));
        let mut times = script.times();
        times.retain(|time| *time < 30_000);
        assert_eq!(times, if other_waits { vec![0] } else { vec![0, 100] }, "{scope}");
        assert_eq!(script.requests(), 4);
    }
}

#[tokio::test(start_paused = true)]
async fn each_bucket_has_the_documented_rate_of_its_endpoint() {
    let script = Script::new(|_, request| match request.uri().path() {
        path if path.ends_with("/x") => Reply::page(r#"{"id":"x"}"#),
        _ => Reply::page(r#"{"data":[]}"#),
    });
    let times = async |api: Client| {
        script.log.lock().unwrap().clear();
        let jobs = async || {
            for _ in 0..3 {
                api.jobs().send().await.unwrap();
            }
        };
        let applications = async || {
            for _ in 0..3 {
                api.applications().send().await.unwrap();
            }
        };
        let single = async || {
            for _ in 0..3 {
                api.application("x").unwrap().send().await.unwrap();
            }
        };
        tokio::join!(jobs(), applications(), single());
        let mut times = script.times();
        times.sort_unstable();
        times
    };
    let builder = || Client::builder().api_key("k").transport(script.clone());
    let default = times(builder().build().unwrap()).await;
    assert_eq!(default, [0, 0, 0, 500, 1000, 1000, 1000, 2000, 2000], "60 a minute for a list, 120 for a record");
    let own = builder().rate_limit(RateLimit::every(Duration::from_secs(2))).build().unwrap();
    assert_eq!(times(own).await, [0, 0, 0, 2000, 2000, 2000, 4000, 4000, 4000], "a rate that is set holds for all");
}

/// A reply that says that the partner's own id is used.
fn duplicate() -> Reply {
    let body =
        r#"{"error":"DUPLICATE_SOURCE_APPLICATION_ID","message":"Used.","details":{"sourceApplicationId":"own-1"}}"#;
    Reply::Json(409, Vec::new(), body.to_owned())
}

#[tokio::test(start_paused = true)]
async fn a_submission_that_the_server_has_already_is_a_result_after_an_uncertain_attempt_only() {
    let throttled =
        || Reply::Json(429, vec![("retry-after", "1".to_owned())], r#"{"error":"RATE_LIMITED"}"#.to_owned());
    for (replies, already) in [
        (vec![Reply::Cut(r#"{"id":"ej_app_1"}"#.to_owned()), duplicate()], true),
        (vec![Reply::status(500), throttled(), duplicate()], true),
        (vec![duplicate()], false),
        (vec![throttled(), duplicate()], false),
        (vec![Reply::Refused, duplicate()], false),
    ] {
        let script = Script::replies(replies);
        let builder = Client::builder().api_key("k").transport(script.clone()).clock(Clock::fixed(at(NOW)));
        let api = builder.rate_limit(RateLimit::unlimited()).build().unwrap();
        let sent = api.submit(&api.prepare(application("job_1", "own-1")).unwrap()).send().await;
        match sent {
            Ok(outcome) => assert!(already && outcome == SubmissionOutcome::AlreadySubmitted, "{outcome:?}"),
            Err(error) => {
                assert!(!already, "{error:?}");
                assert_eq!(ErrorCode::of(&error), Some(ErrorCode::DuplicateSourceApplicationId));
            }
        }
    }
    // After a day the server has no key any more: the stored submission was sent by an earlier process.
    let script = Script::replies(vec![duplicate()]);
    let api = |now| {
        let builder = Client::builder().api_key("k").transport(script.clone()).clock(Clock::fixed(now));
        builder.rate_limit(RateLimit::unlimited()).build().unwrap()
    };
    let stored = api(at(NOW)).prepare(application("job_1", "own-1")).unwrap();
    let later = api(at(NOW) + SignedDuration::from_hours(30)).submit(&stored).send().await.unwrap();
    assert_eq!(later, SubmissionOutcome::AlreadySubmitted);
    assert_eq!(later.submitted(), None);
}

#[tokio::test(start_paused = true)]
async fn promise_7_a_429_that_names_a_company_holds_the_next_submissions_to_that_company() {
    let body = r#"{"error":"RATE_LIMITED","scope":"partner_company","companyId":"co_1","retryAfter":30}"#;
    let refusal = Reply::Json(429, Vec::new(), body.to_owned());
    let script = Script::new(move |index, _| match index {
        0 => refusal.clone(),
        _ => Reply::Json(201, Vec::new(), r#"{"id":"a"}"#.to_owned()),
    });
    let builder = Client::builder().api_key("k").transport(script.clone());
    let api = builder.rate_limit(RateLimit::unlimited()).build().unwrap();
    let send = async |job: &str, company: Option<&str>, delay: u64| {
        tokio::time::timeout(Duration::from_millis(delay), std::future::pending::<()>()).await.unwrap_err();
        let application = application(job, job);
        let application = match company {
            Some(company) => application.company_id(company),
            None => application,
        };
        api.submit(&api.prepare(application).unwrap()).send().await.unwrap();
    };
    // The first one does not say whose job it is: the 429 does.
    tokio::join!(send("job_1", None, 0), send("job_2", Some("co_1"), 100), send("job_3", Some("co_2"), 200));
    let mut times = script.times();
    times.sort_unstable();
    assert_eq!(times, [0, 200, 30_000, 30_000]);
}

#[tokio::test(start_paused = true)]
async fn a_429_with_a_long_wait_keeps_its_scope_and_company() {
    let body = r#"{"error":"RATE_LIMITED","scope":"partner_company","companyId":"co_1","retryAfter":600}"#;
    let script = Script::replies(vec![Reply::Json(429, Vec::new(), body.to_owned())]);
    let builder = Client::builder().api_key("k").transport(script.clone());
    let api = builder.rate_limit(RateLimit::unlimited()).build().unwrap();
    let submission = api.prepare(application("job_1", "a").company_id("co_1")).unwrap();
    let error = api.submit(&submission).send().await.unwrap_err();
    assert!(matches!(&error, Error::Paused { wait, .. } if wait.as_secs() == 600), "{error:?}");
    assert_eq!(RateScope::of(&error), Some(RateScope::PartnerCompany));
    assert_eq!(error.server().unwrap().details["companyId"], "co_1");
    let text = error.to_string();
    assert!(text.ends_with("(the server asked to wait); make the call again then"), "{text}");
    // The next one is not sent, so there is no answer to show.
    let error = api.submit(&submission).send().await.unwrap_err();
    assert_eq!((RateScope::of(&error), script.requests()), (None, 1));
}

#[tokio::test]
async fn an_error_says_what_to_do_about_this_key_and_company() {
    for (status, code, wanted) in [
        (401, "UNAUTHORIZED", "the key is wrong, revoked or suspended"),
        (403, "ACCESS_REVOKED", "the company no longer gives this key access"),
        (409, "JOB_CLOSED", "the job takes no more applications"),
        (422, "VALIDATION_ERROR", "check the parameters"),
    ] {
        let script = Script::replies(vec![Reply::Json(status, Vec::new(), format!(r#"{{"error":"{code}"}}"#))]);
        let api = Client::builder().api_key("k").transport(script).build().unwrap();
        let error = api.submit(&api.prepare(application("job_1", "a")).unwrap()).send().await.unwrap_err();
        assert!(error.to_string().contains(wanted), "{error}");
        assert!(!error.to_string().contains("plan"), "{error}");
    }
}

/// A prepared submission with one field of its body replaced, as a client without checks of its own would send it.
fn unchecked(api: &Client, pointer: &str, value: serde_json::Value) -> Submission {
    let submission =
        api.prepare(application("job_1", pointer).source("indeed").resume_url("https://a.example/cv")).unwrap();
    let mut stored = serde_json::to_value(&submission).unwrap();
    let mut body: serde_json::Value = serde_json::from_str(submission.body()).unwrap();
    *body.pointer_mut(pointer).unwrap() = value;
    stored["body"] = body.to_string().into();
    serde_json::from_value(stored).unwrap()
}

#[tokio::test]
async fn the_simulator_checks_lengths_as_the_service_does() {
    let server = small().start().await.unwrap();
    let api = client(&server, at(NOW));
    for (pointer, most) in
        [("/candidate/firstName", 100), ("/candidate/lastName", 100), ("/source", 100), ("/sourceApplicationId", 128)]
    {
        let field = pointer.trim_start_matches('/').replace('/', ".");
        // Characters, not bytes.
        let fits = unchecked(&api, pointer, "é".repeat(most).into());
        api.submit(&fits).send().await.unwrap_or_else(|error| panic!("{field}: {error}"));
        let long = unchecked(&api, pointer, "é".repeat(most + 1).into());
        let error = api.submit(&long).send().await.unwrap_err();
        let server = error.server().unwrap();
        assert_eq!((error.status().unwrap().as_u16(), server.code.as_deref()), (422, Some("VALIDATION_ERROR")));
        let fields: Vec<_> = server.fields.iter().map(|field| (field.field.as_str(), field.code.as_deref())).collect();
        assert_eq!(fields, [(field.as_str(), Some("TOO_LONG"))], "{error}");
    }
    for (pointer, value) in [("/jobId", ""), ("/candidate/phone", ""), ("/resumeUrl", "no url")] {
        let error = api.submit(&unchecked(&api, pointer, value.into())).send().await.unwrap_err();
        assert_eq!(error.status().unwrap().as_u16(), 422, "{pointer}: {error}");
    }
}
