//! The requests that are sent, and those that are refused before they are sent.

use crate::kit::{at, client, client_with, hours, simulator};
use futures::TryStreamExt;
use jobfeed::fantastic_jobs::{
    Client, CountFrame, Credits, DescriptionFormat, Expression, Natural, Only, RapidApi, TimeFrame,
};
use jobfeed::testing::fantastic_jobs::{FeedName, Subscription};
use jobfeed::testing::{Fault, When};
use jobfeed::{Error, Page, PageStream, Result, RetryPolicy};
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

/// A server that answers every request with `body` and records the requests.
async fn server_with_body(body: &str) -> (MockServer, Client) {
    let server = MockServer::start().await;
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(200).set_body_raw(body, "application/json"))
        .mount(&server)
        .await;
    let client = Client::builder().api_key("key-1f").base_url(format!("{}/v1/", server.uri())).build().unwrap();
    (server, client)
}

async fn last(server: &MockServer) -> Request {
    server.received_requests().await.unwrap().pop().unwrap()
}

fn query(request: &Request) -> Vec<(String, String)> {
    request.url.query_pairs().into_owned().collect()
}

#[tokio::test]
async fn a_request_has_exactly_the_parameters_that_were_set() {
    let (server, api) = server_with_body("[]").await;
    let jobs = api
        .active_ats()
        .time_frame(TimeFrame::Week)
        .title(Natural::any_of(["software engineer", "analyst"]))
        .location("\"United States\" OR Canada")
        .organization_industry(["Design, Arts", "Software"])
        .ai_taxonomies_a(["Data & Analytics"])
        .domain(["a.example"])
        .organization_agency(Only::Exclude)
        .description_format(DescriptionFormat::Text)
        .include_basic_organization_details()
        .date_created_gte(at("2026-04-27T16:00:00+02:00"))
        .organization_headcount_gte(50)
        .page_size(200);
    jobs.send().await.unwrap();
    let request = last(&server).await;
    assert_eq!(request.url.path(), "/v1/active-ats");
    assert_eq!(request.headers["authorization"], "Bearer key-1f");
    let expected = [
        ("time_frame", "7d"),
        ("title", "\"software engineer\" OR analyst"),
        ("location", "\"United States\" OR Canada"),
        ("organization_industry", "\"Design, Arts\",Software"),
        ("ai_taxonomies_a", "Data & Analytics"),
        ("domain", "a.example"),
        ("organization_agency", "exclude"),
        ("description_format", "text"),
        ("include_basic_organization_details", "true"),
        ("date_created_gte", "2026-04-27T14:00:00"),
        ("organization_headcount_gte", "50"),
        ("limit", "200"),
    ];
    assert_eq!(query(&request), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));

    let search =
        Expression::phrase("software engineer").or(Expression::word("c++")).and(Expression::word("lead").not());
    api.active_jb().time_frame(TimeFrame::SixMonths).title("x").title(search).send().await.unwrap();
    let sent = query(&last(&server).await);
    assert_eq!(sent[1].1, "('software engineer' | 'c++') & !lead");
    assert_eq!(sent[1].0, "title_advanced", "the later search replaces the earlier");
    assert_eq!(sent.last().unwrap(), &("cursor".to_owned(), "1".to_owned()), "6m pages by cursor");
}

#[tokio::test]
async fn counts_and_organizations_send_their_parameters() {
    let (server, api) = server_with_body(r#"{"count": 6775}"#).await;
    let count = api.active_jb_count().time_frame(CountFrame::Month).exclude_ats_duplicate().count().await.unwrap();
    assert_eq!(count, 6775);
    let request = last(&server).await;
    assert_eq!(
        (request.url.path(), request.url.query()),
        ("/v1/active-jb-count", Some("time_frame=1m&exclude_ats_duplicate=true"))
    );

    let (server, api) = server_with_body(r#"[{"name": "N"}]"#).await;
    let page = api.organizations().path("organizations").send().await.unwrap();
    assert_eq!(page.items[0].name.as_deref(), Some("N"));
    assert_eq!((last(&server).await.url.path(), last(&server).await.url.query()), ("/v1/organizations", None));
    assert!(page.next_cursor().is_none());
}

#[tokio::test]
async fn a_rapidapi_mirror_gets_its_own_headers() {
    let server = MockServer::start().await;
    Mock::given(path("/active-jb"))
        .and(header("x-rapidapi-key", "rapid-1f"))
        .and(header("x-rapidapi-host", "linkedin-job-search-api.p.rapidapi.com"))
        .respond_with(
            ResponseTemplate::new(200)
                .set_body_raw("[]", "application/json")
                .insert_header("X-RateLimit-Jobs-Remaining", "7"),
        )
        .mount(&server)
        .await;
    let builder = Client::builder().rapid_api(RapidApi::LinkedInJobSearch, "rapid-1f");
    let debug = format!("{:?}", Client::builder().rapid_api(RapidApi::ActiveJobsDb, "rapid-1f"));
    assert!(debug.contains("active-jobs-db.p.rapidapi.com") && !debug.contains("rapid-1f"));
    let api = builder.base_url(server.uri()).build().unwrap();
    let page = api.active_jb().time_frame(TimeFrame::Hour).send().await.unwrap();
    assert_eq!(Credits::from_headers(page.headers()).jobs_remaining, Some(7));
    assert!(last(&server).await.headers.get("authorization").is_none());
}

#[tokio::test]
async fn invalid_parameters_are_refused_before_anything_is_sent() {
    let (server, api) = server_with_body("[]").await;
    let ats = || api.active_ats().time_frame(TimeFrame::Hour);
    let (early, late) = (at("2026-01-01T00:00:00Z"), at("2026-01-02T00:00:00Z"));
    let long: Vec<String> = (0..900).map(|n| format!("Employer & Sons {n}")).collect();
    let cases: Vec<(&str, Result<Page<_>>)> = vec![
        ("time_frame", api.active_ats().send().await),
        ("page_size", ats().page_size(0).send().await),
        ("page_size", ats().page_size(1001).send().await),
        ("cursor", ats().cursor(0).send().await),
        ("cursor", ats().offset(1).cursor(5).send().await),
        ("offset", ats().cursor(5).offset(1).send().await),
        ("date_created_gte", ats().date_created_gte(late).date_created_lt(early).send().await),
        ("date_posted_gte", ats().date_posted_gte(early).date_posted_lt(early).send().await),
        ("organization_headcount", ats().organization_headcount_gte(100).organization_headcount_lt(20).send().await),
        ("source", ats().source([""]).send().await),
        ("source", ats().source(Vec::<String>::new()).send().await),
        ("title", ats().title(" ").send().await),
        ("title", ats().title("a\nb").send().await),
        ("title", ats().title(Natural::any_of(["say \"hi\""])).send().await),
        ("OR", ats().title(Natural::any_of(["a", "b"]).without("c")).send().await),
        ("prefix", ats().title(Expression::prefix("two words")).send().await),
        ("organization_advanced", ats().organization(["A"]).organization_advanced(Expression::word("b")).send().await),
        ("characters", ats().organization(&long).send().await),
        ("parameter", ats().param("limit", 5).send().await),
        ("path", ats().path("https://elsewhere.example/").send().await),
    ];
    for (what, result) in cases {
        let error = result.unwrap_err();
        assert!(matches!(error, Error::Invalid { .. }), "{what}: {error}");
        assert!(error.to_string().contains(what), "{what}: {error}");
    }
    let deep = api.active_jb().time_frame(TimeFrame::SixMonths).description("rust").send().await.unwrap_err();
    assert!(deep.to_string().contains("6m"), "{deep}");
    let deep = api.active_ats_count().time_frame(CountFrame::SixMonths).description("rust").send().await.unwrap_err();
    assert!(deep.to_string().contains("6m"), "{deep}");
    assert!(server.received_requests().await.unwrap().is_empty(), "nothing was sent");
    api.active_ats().time_frame(TimeFrame::SixMonths).description("rust").send().await.unwrap();
    api.active_jb().time_frame(TimeFrame::SixMonths).param("new_filter", true).send().await.unwrap();
    assert_eq!(query(&last(&server).await)[1].0, "new_filter");
}

/// The ids of all pages.
async fn walk<T>(mut pages: PageStream<T>, id: impl Fn(&T) -> u64) -> Result<Vec<u64>>
where
    T: serde::de::DeserializeOwned + Send + 'static,
{
    let mut ids = Vec::new();
    while let Some(page) = pages.try_next().await? {
        ids.extend(page.items.iter().map(&id));
    }
    Ok(ids)
}

fn paged(server: &jobfeed::testing::FantasticJobs, name: &str) -> Vec<Option<u64>> {
    server.served().log.iter().map(|request| request.param(name).and_then(|value| value.parse().ok())).collect()
}

#[tokio::test]
async fn promise_4_offsets_advance_by_the_rows_received_and_an_empty_page_is_the_end() {
    let server = simulator().start().await.unwrap();
    let api = client(&server);
    let wanted = server.indexed(FeedName::Ats, server.now() - hours(26), server.now());
    let day = || api.active_ats().time_frame(TimeFrame::Day).page_size(200);
    let mut ids = walk(day().pages(), |job| job.id).await.unwrap();
    assert_eq!(paged(&server, "offset"), [None, Some(200), Some(400), Some(600), Some(720)], "720 rows");
    ids.sort_unstable();
    assert!(ids.len() == 720 && ids.iter().all(|id| wanted.contains(id)));

    server.reset_served();
    server.fault(Fault::HalveLimit, When::Always);
    let halved = walk(day().pages(), |job| job.id).await.unwrap();
    assert_eq!(halved.len(), 720, "the server sends half of the requested page size");
    assert_eq!(paged(&server, "offset").last(), Some(&Some(720)), "until the empty page");
    assert_eq!(
        walk(day().until_short_page().pages(), |job| job.id).await.unwrap().len(),
        100,
        "a short page is the end (vendor page)"
    );
}

#[tokio::test]
async fn a_full_last_page_costs_one_more_request_and_no_job() {
    let server = simulator().start().await.unwrap();
    let rows = walk(client(&server).active_jb().time_frame(TimeFrame::Hour).page_size(15).pages(), |job| job.id).await;
    assert_eq!(rows.unwrap().len(), 30);
    assert_eq!(paged(&server, "offset"), [None, Some(15), Some(30)]);
    assert_eq!(server.jobs_billed(), 30);
}

#[tokio::test]
async fn a_cursor_is_the_last_id_and_stays_valid_when_rows_expire() {
    let server = simulator().start().await.unwrap();
    let wanted = server.indexed(FeedName::Ats, server.now() - hours(24 * 11), server.now() - hours(1));
    let now = server.now();
    server.on_request(FeedName::Ats, {
        let wanted = wanted.clone();
        move |number, data| {
            data.expire(&wanted[..usize::try_from(number).unwrap() * 10], now);
        }
    });
    let jobs = client(&server).active_ats().time_frame(TimeFrame::SixMonths);
    let got = walk(jobs.pages(), |job| job.id).await.unwrap();
    assert!(got.is_sorted() && wanted[200..].iter().all(|id| got.binary_search(id).is_ok()));
    let cursors: Vec<u64> = paged(&server, "cursor").into_iter().flatten().collect();
    assert_eq!((cursors[0], cursors[1]), (1, got[999]));
}

#[tokio::test]
async fn a_saved_cursor_is_refused_when_its_window_has_moved() {
    let server = simulator().start().await.unwrap();
    let api = client(&server);
    let first = |frame| api.active_ats().time_frame(frame).page_size(10);
    let day = first(TimeFrame::Day).send().await.unwrap().next_cursor().unwrap().clone();
    let week_request = first(TimeFrame::Week);
    let week = week_request.clone().send().await.unwrap().next_cursor().unwrap().clone();
    let deep = first(TimeFrame::SixMonths).send().await.unwrap().next_cursor().unwrap().clone();
    server.advance(jobfeed::jiff::SignedDuration::from_mins(20));
    assert_eq!(first(TimeFrame::Day).resume_from(day.clone()).send().await.unwrap().len(), 10, "the same hour");
    assert_eq!(week_request.resume_from(week.clone()).send().await.unwrap().len(), 10, "the same request");
    assert!(matches!(first(TimeFrame::Week).resume_from(week).send().await, Err(Error::Cursor { .. })));
    server.advance(hours(1));
    assert!(matches!(first(TimeFrame::Day).resume_from(day).send().await, Err(Error::Cursor { .. })));
    assert_eq!(
        first(TimeFrame::SixMonths).resume_from(deep).send().await.unwrap().len(),
        10,
        "a cursor by id stays valid"
    );
}

#[tokio::test]
async fn pages_that_would_never_end_are_errors() {
    for (body, what) in [
        (r#"[{"id": 5}, {"id": 4}]"#, "do not ascend"),
        (r#"[{"id": 5}, {"id": 6}, {"id": 7}]"#, "at most 2"),
        (r#"{"detail": "No Authorization Header"}"#, "No Authorization Header"),
    ] {
        let (_server, api) = server_with_body(body).await;
        let error = walk(api.active_ats().time_frame(TimeFrame::SixMonths).page_size(2).pages(), |job| job.id).await;
        let error = error.unwrap_err().to_string();
        assert!(error.contains(what), "{error}");
    }
    let (server, api) = server_with_body(r#"[{"id": 5}, {"id": 6}]"#).await;
    let error = walk(api.active_ats().time_frame(TimeFrame::SixMonths).page_size(2).pages(), |job| job.id).await;
    assert!(matches!(error, Err(Error::Body { .. } | Error::CursorLoop { .. })), "{error:?}");
    assert_eq!(server.received_requests().await.unwrap().len(), 2, "the repeated page is detected at once");
}

#[tokio::test]
async fn refused_requests_are_errors_and_are_not_retried() {
    let server = simulator().subscription(Subscription::Starter).start().await.unwrap();
    let api = client(&server);
    let error = api.organizations_advanced().send().await.unwrap_err();
    assert_eq!(error.status().unwrap(), 403);
    let error = api.active_ats().time_frame(TimeFrame::Hour).param("nonsense", 1).send().await.unwrap_err();
    assert!(error.to_string().contains("Unknown parameter: nonsense"), "{error}");
    let wrong = Client::builder().api_key("sentinel-wrong").base_url(server.base_url()).build().unwrap();
    let error = wrong.active_ats().time_frame(TimeFrame::Hour).send().await.unwrap_err();
    assert_eq!(error.status().unwrap(), 401);
    assert!(!format!("{error:?} {error} {wrong:?}").contains("sentinel-wrong"));
    assert_eq!(server.served().requests, 3);
}

#[tokio::test]
async fn organizations_are_one_body_or_pages() {
    let server = simulator().subscription(Subscription::Pro100k).start().await.unwrap();
    let api = client_with(&server, RetryPolicy::none());
    assert_eq!(api.organizations().send().await.unwrap().items.len(), 250);
    let slugs: Vec<_> = api.organizations_advanced().items().try_collect().await.unwrap();
    assert_eq!(slugs.len(), 250);
    assert_eq!(paged(&server, "page"), [None, Some(1), Some(2), Some(3), Some(4)], "until an empty page");
}

#[tokio::test]
async fn every_page_has_credits() {
    let server = simulator().quotas(100, 50).start().await.unwrap();
    let page = client(&server).active_ats().time_frame(TimeFrame::Hour).send().await.unwrap();
    let credits = Credits::from_headers(page.headers());
    assert_eq!((credits.jobs_this_request, credits.jobs_remaining), (Some(30), Some(70)));
    assert_eq!(
        (credits.jobs_limit, credits.requests_limit, credits.requests_remaining),
        (Some(100), Some(50), Some(49))
    );
    assert_eq!(credits.billing_date(), Some(jobfeed::jiff::civil::date(2026, 4, 1)));
}
