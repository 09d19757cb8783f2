//! Pages, errors, links and limits of JobAffinity.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use jobfeed::jobaffinity::{Application, Client, Job, StepStatus};
use jobfeed::testing::jobaffinity::{Edition, LastPage, Links, Order};
use jobfeed::testing::{Fault, JobAffinity, When};
use jobfeed::{BodyProblem, Error, RateLimit, RetryPolicy};
use serde_json::Value;

use crate::support::{Reply, Script, impatient};

fn client(server: &JobAffinity) -> Client {
    server.client().retry(impatient()).build().unwrap()
}

#[tokio::test]
async fn all_forms_of_next_links_and_last_pages_are_read_to_the_end() {
    for links in [Links::Relative, Links::Absolute] {
        for last_page in [LastPage::Empty, LastPage::Null, LastPage::Absent] {
            for order in [Order::Ascending, Order::Descending, Order::Shuffled] {
                let server =
                    JobAffinity::builder().jobs(45).applications(1).links(links).last_page(last_page).order(order);
                let server = server.start().await.unwrap();
                let jobs: Vec<Job> = client(&server).jobs().page_size(20).items().try_collect().await.unwrap();
                let ids: BTreeSet<u64> = jobs.iter().filter_map(|job| job.id).collect();
                assert_eq!(ids.into_iter().collect::<Vec<_>>(), server.with(|data| data.jobs()));
                assert_eq!((jobs.len(), server.served().requests), (45, 3));
            }
        }
    }
}

#[tokio::test]
async fn every_resource_is_read_in_both_editions() {
    for edition in [Edition::Later, Edition::Older] {
        let server = JobAffinity::builder().jobs(3).applications(4).edition(edition).start().await.unwrap();
        let api = client(&server);
        let (job, candidate, application) =
            server.with(|data| (data.jobs()[0], data.candidates()[0], data.applications(None)[0]));
        let job = api.job(job).send().await.unwrap();
        assert!(job.place().and_then(|place| place.postal_code()).is_some());
        let candidate = api.candidate(candidate).send().await.unwrap();
        assert!(candidate.mobile_number().is_some() && candidate.place().is_some() && candidate.pools.len() == 1);
        assert_eq!(api.application(application).send().await.unwrap().id, Some(application));
        assert!(api.profile(application).send().await.unwrap().identity[0].postal_code().is_some());
        assert_eq!(api.job_team(job.id.unwrap()).send().await.unwrap().items[0].id, Some(5));
        let process = api.processes().send().await.unwrap().items.remove(0);
        assert_eq!(api.process(process.id.unwrap()).send().await.unwrap().steps.len(), 4);
        assert_eq!(api.root().send().await.unwrap().version_parts(), Some(vec![1, 10]));
        assert_eq!(api.candidate_applications(candidate.id.unwrap()).send().await.unwrap().items.len(), 1);
        assert_eq!(api.job_applications(job.id.unwrap()).send().await.unwrap().items.len(), 4);
        let changes = api.steps().send().await.unwrap().items;
        assert_eq!(changes.len(), 18);
        assert!(changes.iter().all(|change| change.process_step().status.is_some()));
        let tasks = api.webhook_tasks().send().await.unwrap().items;
        assert!(tasks.len() == 18 && tasks.iter().all(|task| task.datetime.as_ref().unwrap().datetime().is_some()));
        assert!(api.notes().send().await.unwrap().items.is_empty());
        // Links that are followed instead of built.
        let link = job.applications.and_then(|link| link.url).unwrap();
        assert_eq!(api.follow_list::<Application>(&link).send().await.unwrap().items.len(), 4);
        let changelog = api.root().send().await.unwrap().changelog.and_then(|link| link.url).unwrap();
        let changelog: Value = api.follow(&changelog).send().await.unwrap();
        assert_eq!(changelog["_status"], "OK");
    }
}

#[tokio::test]
async fn filters_are_applied_and_cursors_do_not_contain_their_values() {
    let server = JobAffinity::builder().jobs(10).applications(12).next_repeats_query().start().await.unwrap();
    let api = client(&server);
    let first = server.with(|data| data.candidates()[7]);
    let person = api.candidate(first).send().await.unwrap();
    let (name, email) = (person.first_name.unwrap(), person.email.unwrap());

    let named = api.candidates().first_name(&name).page_size(5);
    let page = named.clone().send().await.unwrap();
    let cursor = page.next_cursor().unwrap().clone();
    for shown in [format!("{cursor:?} {named:?}"), cursor.to_string(), decoded(&cursor.to_string())] {
        assert!(!shown.contains(&name) && !shown.contains("Chlo"), "{shown}");
    }
    let rest: Vec<_> = named.clone().resume_from(cursor.clone()).items().try_collect().await.unwrap();
    let all = page.items.iter().chain(&rest).collect::<Vec<_>>();
    assert!(all.iter().all(|row| row.first_name.as_deref() == Some(&*name)));
    let everybody: Vec<_> = api.candidates().items().try_collect().await.unwrap();
    let wanted = everybody.iter().filter(|row| row.first_name.as_deref() == Some(&*name)).count();
    assert!(all.len() == wanted && wanted > 10 && wanted < everybody.len(), "{wanted} of {}", everybody.len());
    let repeated = server.served();
    assert!(
        repeated.log.iter().any(|sent| sent.param("pagecursor").is_some() && sent.param("first_name") == Some(&*name))
    );
    // The cursor is refused by another query.
    let other = api.candidates().first_name("Nobody").page_size(5).resume_from(cursor).send().await;
    assert!(matches!(other, Err(Error::Cursor { .. })), "{other:?}");

    assert_eq!(api.candidates().email(&email).send().await.unwrap().items.len(), 1);
    let pools = api.candidates().pool_name("Talents").pool_name("Alumni").send().await.unwrap();
    assert!(pools.items.is_empty(), "in both pools");
    let ended = api.steps().step_status(&StepStatus::Start).items().try_collect::<Vec<_>>().await.unwrap();
    assert_eq!(ended.len(), 120);
}

/// The JSON inside a cursor.
fn decoded(cursor: &str) -> String {
    use base64::Engine;
    let encoded = cursor.rsplit('.').next().unwrap().trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
    for start in 0..encoded.len().min(8) {
        if let Ok(bytes) = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(&encoded[start..])
            && let Ok(text) = String::from_utf8(bytes)
            && text.starts_with('{')
        {
            return text;
        }
    }
    panic!("no JSON in {cursor}");
}

#[tokio::test]
async fn invalid_under_status_200_is_an_error_with_its_details() {
    let body =
        r#"{"_status":"INVALID","invalid":{"since":["nolwenn@mail.example is no id"]},"_actions":[{}],"items":[]}"#;
    let script = Script::replies(vec![Reply::page(body)]);
    let api = Client::builder().login("ana", "pw").rate_limit(RateLimit::unlimited()).transport(script.clone());
    let api = api.build().unwrap();
    let errors = [
        api.jobs().send().await.unwrap_err(),
        api.job(1).send().await.unwrap_err(),
        api.candidate(1).send().await.unwrap_err(),
        api.root().send().await.unwrap_err(),
        api.add_note(1, 2, "x").unwrap().send().await.unwrap_err(),
        api.follow::<Value>("/restapi/v1/x").send().await.unwrap_err(),
    ];
    assert_eq!(script.requests(), errors.len(), "never retried");
    for error in errors {
        assert!(matches!(&error, Error::Body { problem: BodyProblem::ErrorObject, .. }), "{error:?}");
        let server = error.server().unwrap();
        assert_eq!((server.code.as_deref(), server.fields[0].field.as_str()), (Some("INVALID"), "since"));
        assert_eq!(server.details["invalid"]["since"][0], "nolwenn@mail.example is no id");
        assert_eq!(server.details["_actions"], serde_json::json!([{}]));
        assert!(!error.is_retryable());
        let shown = format!("{error} {error:?}");
        assert!(shown.contains("INVALID (since)") && !shown.contains("nolwenn"), "{shown}");
    }
}

#[tokio::test]
async fn bodies_with_another_status_or_without_one() {
    let script = Script::new(|index, _| {
        Reply::page(match index {
            0 => r#"{"_status":"WARNING","items":[]}"#,
            1 => r#"{"_status":null,"items":[{"id":1}]}"#,
            2 => r#"{"items":[{"id":2}]}"#,
            3 => r#"{"_status":"OK","jobs":[]}"#,
            4 => r#"{"_status":"OK","_next":7,"items":[]}"#,
            _ => r#"{"_status":"OK","_next":"https://u:p@jobaffinity.fr/x","items":[]}"#,
        })
    });
    let api = Client::builder().login("ana", "pw").rate_limit(RateLimit::unlimited()).transport(script.clone());
    let api = api.build().unwrap();
    let mut problems = Vec::new();
    for _ in 0..6 {
        match api.jobs().send().await {
            Ok(page) => problems.push(format!("{} rows", page.items.len())),
            Err(Error::Body { problem: BodyProblem::Shape(what), .. }) => problems.push(what),
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!(
        problems,
        [
            "`_status` is neither OK nor INVALID: WARNING",
            "1 rows",
            "1 rows",
            "there is no list `items`",
            "`_next` is neither a link nor null",
            "the next link contains a user or a password",
        ]
    );
}

#[tokio::test]
async fn a_next_link_to_another_origin_is_refused_before_anything_is_sent() {
    for link in
        ["https://evil.example/r?pagecursor=1", "//evil.example/r", "http://jobaffinity.fr/restapi/v1/job?pagecursor=2"]
    {
        let page = format!(r#"{{"_status":"OK","_next":{link:?},"items":[{{"id":1}}]}}"#);
        let script = Script::replies(vec![Reply::page(&page)]);
        let api = Client::builder().login("ana", "pw").rate_limit(RateLimit::unlimited()).transport(script.clone());
        let error = api.build().unwrap().jobs().send().await.unwrap_err();
        assert!(matches!(&error, Error::ForeignOrigin { .. }), "{link}: {error:?}");
        assert_eq!(script.requests(), 1);
    }
}

#[tokio::test]
async fn invalid_on_a_later_page_is_an_error_and_the_walk_can_continue() {
    let server = JobAffinity::builder().jobs(50).start().await.unwrap();
    server.fault(Fault::ErrorObject, When::Request(3));
    let jobs = client(&server).jobs().page_size(10);
    let mut pages = jobs.clone().pages();
    let mut ids = Vec::new();
    let error = loop {
        match pages.next().await.unwrap() {
            Ok(page) => ids.extend(page.items.iter().filter_map(|job| job.id)),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, Error::Body { problem: BodyProblem::ErrorObject, .. }), "{error:?}");
    let rest: Vec<Job> = jobs.resume_from(pages.cursor().unwrap()).items().try_collect().await.unwrap();
    ids.extend(rest.iter().filter_map(|job| job.id));
    assert_eq!(ids, server.with(|data| data.jobs()));
}

#[tokio::test]
async fn errors_contain_no_personal_data() {
    let person = r#"{"_status":"OK","id":1,"first_name":"Nolwenn","last_name":"Kerjean"}"#;
    let bodies = [
        Reply::page(person),
        Reply::page(&person.replace("OK", "WARNING")),
        Reply::page(&format!("{person} Nolwenn")),
        Reply::Json(404, Vec::new(), r#"{"detail":"Nolwenn Kerjean is not here"}"#.to_owned()),
        Reply::Json(500, Vec::new(), "Nolwenn Kerjean broke it".to_owned()),
        Reply::page(r#"{"_status":"OK","items":[{"id":"Nolwenn"},{"id":"Kerjean"}]}"#),
    ];
    for reply in bodies {
        let script = Script::replies(vec![reply]);
        let api = Client::builder().login("ana", "pw").rate_limit(RateLimit::unlimited()).transport(script);
        let api = api.retry(RetryPolicy::none()).build().unwrap();
        let error = api.candidates().first_name("Nolwenn").send().await.unwrap_err();
        let mut chain = format!("{error} {error:?}");
        let mut source = std::error::Error::source(&error);
        while let Some(inner) = source {
            chain.push_str(&format!(" {inner} {inner:?}"));
            source = inner.source();
        }
        assert!(!chain.contains("Nolwenn") && !chain.contains("Kerjean"), "{chain}");
    }
}

#[tokio::test]
async fn the_error_of_a_wrong_password_does_not_contain_it() {
    let server = JobAffinity::builder().credentials("sentinel-login", "sentinel-password").start().await.unwrap();
    let wrong = Client::builder().login("sentinel-login", "sentinel-wrong").base_url(server.base_url());
    let wrong = wrong.rate_limit(RateLimit::unlimited()).build().unwrap();
    let error = wrong.jobs().send().await.unwrap_err();
    assert_eq!(error.status().map(|status| status.as_u16()), Some(401));
    let api = client(&server);
    let page = api.jobs().page_size(5).send().await.unwrap();
    let shown =
        format!("{error} {error:?} {wrong:?} {api:?} {page:?} {:?} {server:?} {:?}", page.next_cursor(), api.jobs());
    assert!(!shown.contains("sentinel"), "{shown}");
    assert!(!decoded(&page.next_cursor().unwrap().to_string()).contains("sentinel"));
}

#[tokio::test(start_paused = true)]
async fn clients_of_one_host_share_45_requests_a_minute() {
    let script = Script::replies(vec![Reply::page(r#"{"_status":"OK","items":[]}"#)]);
    let client = |login: &str, host: &str| {
        let builder = Client::builder().login(login.to_owned(), "pw").base_url(format!("https://{host}/restapi/v1"));
        builder.transport(script.clone()).build().unwrap()
    };
    let (one, two) = (client("one", "shared.test"), client("two", "shared.test"));
    let send = |api: Client| async move { api.jobs().send().await.unwrap() };
    futures::future::join_all((0..60).map(|index| send(if index % 2 == 0 { one.clone() } else { two.clone() }))).await;
    // A new client of the same host shares the limit; a client of another host does not.
    send(client("three", "shared.test")).await;
    let times = script.times();
    for (index, at) in times.iter().enumerate() {
        let window = times[index..].iter().take_while(|later| **later - at < 60_000).count();
        assert!(window <= 45, "{window} requests within a minute of {at}");
    }
    assert_eq!(times[60], 60 * 1_340, "{times:?}");
    send(client("one", "other.test")).await;
    assert_eq!(script.times()[61], times[60], "another host has its own limit");
}

#[tokio::test(start_paused = true)]
async fn after_a_429_without_headers_all_clients_of_the_host_wait_a_minute() {
    let script = Script::new(|index, _| match index {
        0 => Reply::Json(429, Vec::new(), "<h1>Too Many Requests</h1>".to_owned()),
        _ => Reply::page(r#"{"_status":"OK","items":[]}"#),
    });
    let client = || {
        let builder = Client::builder().login("ana", "pw").base_url("https://throttled.test/restapi/v1");
        builder.transport(script.clone()).build().unwrap()
    };
    let (one, two) = (client(), client());
    let (first, second) = futures::join!(one.jobs().send(), async {
        pause_two_seconds().await;
        two.jobs().send().await
    });
    assert!(first.is_ok() && second.is_ok());
    let times = script.times();
    assert_eq!(times.len(), 3);
    assert!((60_000..=66_000).contains(&times[1]), "{times:?}");
    assert!(times[2] >= times[1] + 1_340, "{times:?}");
}

#[allow(clippy::disallowed_methods)]
async fn pause_two_seconds() {
    tokio::time::sleep(Duration::from_secs(2)).await;
}
