//! Writes and downloads of JobAffinity: a write is sent once, and credentials go to the client's own origin only.

use std::time::Duration;

use jobfeed::jobaffinity::{ApplicationForm, Client, Document};
use jobfeed::testing::{Fault, JobAffinity, When};
use jobfeed::{Error, RateLimit, RetryPolicy};

use crate::support::{Reply, Script, impatient};

fn client(server: &JobAffinity) -> Client {
    server.client().retry(impatient()).build().unwrap()
}

const OK: &str = r#"{"_status":"OK","_actions":[{}]}"#;

#[tokio::test]
async fn steps_and_notes_are_stored() {
    let server = JobAffinity::builder().jobs(1).applications(1).start().await.unwrap();
    let api = client(&server);
    let application = server.with(|data| data.applications(None)[0]);
    let candidate = server.with(|data| data.candidates()[0]);
    api.add_step(application, 904).unwrap().send().await.unwrap();
    let step = api.application(application).send().await.unwrap().step.unwrap();
    assert_eq!(step.id, Some(904));
    api.add_note(candidate, 7, "<p>Rappeler lundi</p>").unwrap().send().await.unwrap();
    assert_eq!(server.with(|data| data.notes()), ["<p>Rappeler lundi</p>"]);
    assert_eq!(api.notes().send().await.unwrap().items[0].extra["text"], "<p>Rappeler lundi</p>");

    let refused = api.add_step(application, 5).unwrap().send().await.unwrap_err();
    assert_eq!(refused.server().and_then(|server| server.code.as_deref()), Some("INVALID"));
    assert!(!matches!(refused, Error::OutcomeUnknown { .. }), "the server refused it");
}

#[tokio::test]
async fn a_write_with_an_unknown_outcome_is_not_retried() {
    let ambiguous = [
        Reply::status(500),
        Reply::status(503).header("retry-after", 0),
        Reply::status(408),
        Reply::Cut(OK.to_owned()),
        Reply::page("<html>One moment</html>"),
        Reply::page(""),
        Reply::page("[]"),
        Reply::Silent,
    ];
    for reply in ambiguous {
        let script = Script::replies(vec![reply, Reply::page(OK)]);
        let api = Client::builder().login("ana", "pw").rate_limit(RateLimit::unlimited()).transport(script.clone());
        let api = api.retry(impatient()).timeout(Duration::from_millis(200)).build().unwrap();
        let error = api.add_note(1, 2, "secret note").unwrap().send().await.unwrap_err();
        assert!(matches!(&error, Error::OutcomeUnknown { .. }), "{error:?}");
        assert!(!error.is_retryable() && error.endpoint() == Some("jobaffinity/add-note"));
        assert!(!format!("{error} {error:?}").contains("secret note"));
        assert_eq!(script.requests(), 1, "{error}");
    }
}

#[tokio::test]
async fn a_write_that_cannot_have_happened_is_retried_with_the_same_bytes() {
    for reply in [Reply::Refused, Reply::status(429).header("retry-after", 0)] {
        let script = Script::replies(vec![reply, Reply::page(OK)]);
        let api = Client::builder().login("ana", "pw").rate_limit(RateLimit::unlimited()).transport(script.clone());
        let api = api.retry(impatient()).build().unwrap();
        api.add_step(1, 2).unwrap().send().await.unwrap();
        let log = script.log.lock().unwrap();
        assert_eq!(log.len(), 2);
        assert_eq!(log[0].1.body(), log[1].1.body());
    }
    // A refusal is final, and nothing was changed.
    for status in [400, 401, 403, 404] {
        let script = Script::replies(vec![Reply::status(status), Reply::page(OK)]);
        let api = Client::builder().login("ana", "pw").rate_limit(RateLimit::unlimited()).transport(script.clone());
        let error = api.build().unwrap().add_step(1, 2).unwrap().send().await.unwrap_err();
        assert_eq!(error.status().map(|status| status.as_u16()), Some(status), "{error:?}");
        assert!(!matches!(error, Error::OutcomeUnknown { .. }), "{error:?}");
        assert_eq!(script.requests(), 1);
    }
}

#[tokio::test]
async fn an_application_goes_to_its_url_without_credentials() {
    let server = JobAffinity::builder().jobs(1).start().await.unwrap();
    let api = client(&server);
    let job = server.with(|data| data.jobs()[0]);
    let url = server.apply_url(job);
    let form =
        ApplicationForm::new("Ana", "Dos", "ana@dos.example", "FR").cv(Document::new("cv.pdf", "application/pdf", "x"));
    assert!(api.can_apply(&url).send().await.unwrap());
    assert!(!api.can_apply(&server.apply_url(1)).send().await.unwrap());
    server.reset_served();
    let request = api.apply(&url, form.clone());
    let shown = format!("{request:?} {form:?}");
    request.send().await.unwrap();
    assert_eq!(server.with(|data| data.submissions()[0]["email"].clone()), "ana@dos.example");
    assert!(server.served().log.iter().all(|sent| !sent.authorized));

    server.fault(Fault::Status { code: 500, retry_after: None }, When::Always);
    let error = api.apply(&url, form).send().await.unwrap_err();
    assert!(matches!(error, Error::OutcomeUnknown { .. }), "{error:?}");
    let shown = format!("{shown} {error} {error:?}");
    assert!(!shown.contains("Ana") && !shown.contains("dos.example") && !shown.contains("apply/api"), "{shown}");
    assert!(shown.contains(&server.base_url().origin().ascii_serialization()), "the host is named: {shown}");
}

#[tokio::test]
async fn a_cv_is_fetched_over_a_redirect_on_the_same_origin() {
    let server = JobAffinity::builder().jobs(1).applications(1).start().await.unwrap();
    let api = client(&server);
    let application = server.with(|data| data.applications(None)[0]);
    let link = api.application(application).send().await.unwrap().latest_cv_url.unwrap();
    server.reset_served();
    let cv = api.download(&link).send().await.unwrap();
    assert_eq!((&cv.body[..], cv.content_type()), (&b"%PDF-1.7 a simulated CV"[..], Some("application/pdf")));
    let served = server.served();
    assert_eq!(served.log.iter().map(|sent| sent.status).collect::<Vec<_>>(), [Some(307), Some(200)]);
    assert_eq!(served.log.iter().map(|sent| sent.authorized).collect::<Vec<_>>(), [true, false]);
    let profile = api.profile(application).send().await.unwrap();
    assert_eq!(api.download(&profile.cv_url.unwrap()).send().await.unwrap().body, cv.body);
    // An error object instead of a file is an error.
    server.fault(Fault::ErrorObject, When::Path("/restapi/v1/cv/".to_owned()));
    assert!(matches!(api.download(&link).send().await, Err(Error::Body { .. })));
}

#[tokio::test]
async fn promise_8_a_presigned_link_on_the_own_origin_gets_no_credentials() {
    let script = Script::replies(vec![Reply::page("%PDF")]);
    let api = Client::builder().login("ana", "pw").rate_limit(RateLimit::unlimited()).transport(script.clone());
    let api = api.build().unwrap();
    let authorized = async |download: jobfeed::DownloadRequest| {
        download.send().await.unwrap();
        script.log.lock().unwrap().last().unwrap().1.headers().contains_key("authorization")
    };
    assert!(authorized(api.download("/restapi/v1/cv/7")).await, "a resource of the API");
    for link in ["/files/cv-7.pdf?sig=s", "https://jobaffinity.fr/files/cv-7.pdf?sig=s", "/restapi/v1/../../f?sig=s"] {
        assert!(!authorized(api.download(link)).await, "{link}");
    }
    assert!(authorized(api.download("/files/cv-7.pdf").with_credentials()).await);
    let elsewhere = api.download("https://f.example/x?sig=s").other_origins();
    assert!(!authorized(elsewhere.with_credentials()).await, "never to another origin");
}

#[tokio::test]
async fn an_apply_url_on_another_origin_is_asked_only_when_it_is_allowed() {
    let script = Script::replies(vec![Reply::page("")]);
    let api = Client::builder().login("ana", "pw").rate_limit(RateLimit::unlimited()).transport(script.clone());
    let api = api.build().unwrap();
    let request = api.can_apply("https://apply.example/t0ken");
    assert!(matches!(request.clone().send().await, Err(Error::Invalid { .. })));
    assert_eq!(script.requests(), 0);
    assert!(request.clone().other_origins().send().await.unwrap());
    let log = script.log.lock().unwrap();
    assert_eq!((log[0].1.method().as_str(), log[0].1.uri().host()), ("HEAD", Some("apply.example")));
    assert!(!log[0].1.headers().contains_key("authorization"));
    assert!(!format!("{request:?}").contains("t0ken"));
}

#[tokio::test]
async fn a_refusal_says_what_to_do_about_login_and_rights() {
    for (status, wanted) in [(401, "check the login and the password"), (403, "check what this API user may read")] {
        let script = Script::replies(vec![Reply::status(status)]);
        let api = Client::builder().login("ana", "pw").rate_limit(RateLimit::unlimited()).transport(script);
        let error = api.build().unwrap().jobs().send().await.unwrap_err().to_string();
        assert!(error.contains(wanted) && !error.contains("API key") && !error.contains("plan"), "{error}");
    }
}

#[tokio::test]
async fn a_cv_on_another_origin_needs_permission_and_gets_no_credentials() {
    let files = JobAffinity::builder().jobs(0).start().await.unwrap();
    let origin = files.base_url().origin().ascii_serialization();
    let server = JobAffinity::builder().jobs(1).applications(1).cv_origin(origin.as_str()).start().await.unwrap();
    let api = client(&server);
    let application = server.with(|data| data.applications(None)[0]);
    let link = format!("/restapi/v1/cv/{application}");
    let error = api.download(&link).send().await.unwrap_err();
    assert!(matches!(&error, Error::ForeignOrigin { found, .. } if *found == origin), "{error:?}");
    assert!(!format!("{error} {error:?}").contains("/cv/"), "{error}");
    assert_eq!(files.served().requests, 0, "nothing was sent there");

    let cv = api.download(&link).other_origins().send().await.unwrap();
    assert_eq!(&cv.body[..], b"%PDF-1.7 a simulated CV");
    let served = files.served();
    assert_eq!((served.requests, served.log[0].authorized), (1, false));
    // An absolute URL on the other origin, such as a presigned one.
    let direct = format!("{origin}/files/cv.pdf?sig=sentinel");
    assert!(matches!(api.download(&direct).send().await, Err(Error::Invalid { .. })));
    assert!(api.download(&direct).other_origins().send().await.is_ok());
    assert!(files.served().log.iter().all(|sent| !sent.authorized));
    files.fault(Fault::Status { code: 403, retry_after: None }, When::Always);
    let error = api.download(&direct).other_origins().send().await.unwrap_err();
    let shown = format!("{error} {error:?} {:?}", api.download(&direct));
    assert!(!shown.contains("sentinel") && !shown.contains("/files/"), "{shown}");
}

#[tokio::test]
async fn a_redirect_from_https_to_http_is_refused() {
    let script = Script::replies(vec![Reply::status(307).header("location", "http://files.example/cv?sig=1")]);
    let api = Client::builder().login("ana", "pw").rate_limit(RateLimit::unlimited()).transport(script.clone());
    let api = api.retry(RetryPolicy::none()).build().unwrap();
    let error = api.download("/restapi/v1/cv/1").other_origins().send().await.unwrap_err();
    assert!(matches!(error, Error::ForeignOrigin { .. }), "{error:?}");
    assert_eq!(script.requests(), 1);
}
