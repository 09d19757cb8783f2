//! Promises 4, 5 and 8 at the edges of what servers write: totals in other forms, redirects after a write, secrets in a path.

use jobfeed::{BodyProblem, Error, RateLimit, employjoy, jobaffinity};

use crate::support::{Reply, Script, drain};

fn page(count: &str, ids: std::ops::Range<u64>, next: &str) -> Reply {
    let rows: Vec<String> = ids.map(|id| format!(r#"{{"id":{id}}}"#)).collect();
    Reply::page(&format!(r#"{{"count":{count},"next":{next},"results":[{}]}}"#, rows.join(",")))
}

#[tokio::test(start_paused = true)]
async fn promise_4_a_total_is_read_in_every_form_of_a_number() {
    for count in ["400", "\"400\"", "400.0", "4e2", "\" 400 \""] {
        let script = Script::replies(vec![page(count, 1..11, "null")]);
        let (ids, error) = drain(script.client().build().unwrap().jobs().pages()).await;
        assert_eq!(ids.len(), 10);
        let error = error.unwrap_or_else(|| panic!("{count}: 390 rows are missing"));
        assert!(matches!(error, Error::Incomplete { .. }), "{count}: {error}");
    }
    let script = Script::replies(vec![page("null", 1..11, "null")]);
    assert!(drain(script.client().build().unwrap().jobs().pages()).await.1.is_none(), "no total is no contradiction");
}

#[tokio::test(start_paused = true)]
async fn promise_5_a_total_that_is_not_a_number_of_records_is_an_error() {
    for count in ["true", "-1", "0.5", "\"many\"", "[400]", "1e99", "\"NaN\""] {
        let script = Script::replies(vec![page(count, 1..11, "null")]);
        let error = script.client().build().unwrap().jobs().send().await.unwrap_err();
        assert!(matches!(&error, Error::Body { problem: BodyProblem::Shape(_), .. }), "{count}: {error}");
        assert!(error.to_string().contains("`count`"), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn promise_2_a_write_that_is_answered_with_a_redirect_has_an_unknown_outcome() {
    for status in [301, 302, 303, 307, 308] {
        let script = Script::replies(vec![Reply::status(status).header("location", "http://api.test/other")]);
        let builder = jobaffinity::Client::builder().login("l", "p").base_url("http://api.test/restapi/v1/");
        let api = builder.rate_limit(RateLimit::unlimited()).transport(script.clone()).build().unwrap();
        let error = api.add_step(1, 2).unwrap().send().await.unwrap_err();
        assert!(matches!(error, Error::OutcomeUnknown { .. }), "{status}: {error}");
        assert_eq!(script.requests(), 1, "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn promise_8_a_password_in_the_path_of_the_next_link_is_not_kept() {
    let body = r#"{"_status":"OK","items":[{"id":1}],"_next":"/restapi/v1/secret-pa55/job?pagecursor=2"}"#;
    let script = Script::replies(vec![Reply::page(body)]);
    let client = |login: &str, password: &str| {
        let builder = jobaffinity::Client::builder().login(login, password).base_url("http://api.test/restapi/v1/");
        builder.rate_limit(RateLimit::unlimited()).transport(script.clone()).build().unwrap()
    };
    let error = client("recruiter", "secret-pa55").jobs().send().await.unwrap_err();
    assert!(error.to_string().contains("credential"), "{error}");
    assert!(!format!("{error:?}{error}").contains("secret-pa55"), "{error:?}");
    // A login is a word that a path may contain by chance.
    let page = client("restapi-", "another-password").jobs().send().await.unwrap();
    assert!(page.next_cursor().is_some());
}

#[tokio::test(start_paused = true)]
async fn promise_8_a_refused_request_about_people_shows_no_text_of_the_server() {
    let body = r#"{"error":"VALIDATION_ERROR","message":"Ann Lee, +15550100, is not known",
        "details":{"errors":[{"field":"status","code":"BAD","message":"Ann Lee"}]}}"#;
    let script = Script::replies(vec![Reply::Json(422, Vec::new(), body.to_owned())]);
    let builder = employjoy::Client::builder().api_key("k").base_url("http://api.test/");
    let api = builder.transport(script).build().unwrap();
    let errors =
        [api.applications().send().await.unwrap_err(), api.application("app_1").unwrap().send().await.unwrap_err()];
    for error in errors {
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("Ann") && !shown.contains("1555"), "{shown}");
        assert!(error.to_string().contains("VALIDATION_ERROR (status: BAD)"), "{error}");
    }
}
