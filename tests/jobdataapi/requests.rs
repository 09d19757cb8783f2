//! The requests to each endpoint of jobdataapi.com, and the parameters that are refused before anything is sent.

use futures::StreamExt;
use http::StatusCode;
use jobfeed::jiff::civil::date;
use jobfeed::jobdataapi::{Client, ExperienceLevel, JobsRequest};
use jobfeed::{Error, GetRequest, RateLimit};
use wiremock::matchers::{header, method};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::impatient;

/// A server that answers a `GET` with the key by `body`, and anything else by 500 "not expected".
async fn server(body: &str) -> (MockServer, Client) {
    let server = MockServer::start().await;
    Mock::given(method("GET"))
        .and(header("authorization", "Api-Key the-key"))
        .and(header("accept", "application/json"))
        .respond_with(ResponseTemplate::new(200).set_body_raw(body.as_bytes(), "application/json"))
        .mount(&server)
        .await;
    let unexpected = ResponseTemplate::new(500).set_body_string("not expected");
    Mock::given(wiremock::matchers::any()).respond_with(unexpected).with_priority(100).mount(&server).await;
    let client = Client::builder().api_key("the-key").base_url(server.uri());
    let client = client.rate_limit(RateLimit::unlimited()).retry(impatient()).build().unwrap();
    (server, client)
}

/// The path and query of each request that the server received, in order.
async fn received(server: &MockServer) -> Vec<String> {
    let received = server.received_requests().await.unwrap();
    received.iter().map(|request| request.url[url::Position::BeforePath..].to_owned()).collect()
}

const EMPTY: &str = r#"{"count":0,"next":null,"previous":null,"results":[]}"#;

macro_rules! sends {
    ($($request:expr => $wire:literal),* $(,)?) => {{
        let (server, api) = server(EMPTY).await;
        let mut wanted: Vec<&str> = Vec::new();
        $(
            let request: fn(&Client) -> _ = $request;
            request(&api).send().await.unwrap_or_else(|error| panic!("{}: {error}", $wire));
            wanted.push($wire);
        )*
        assert_eq!(received(&server).await, wanted);
    }};
}

#[tokio::test]
async fn every_listing_sends_its_parameters_and_only_those() {
    sends! {
        |api| api.jobs() => "/jobs/?page_size=1000",
        |api| api.jobs().page_size(5000).page(3) => "/jobs/?page_size=5000&page=3",
        |api| api.expired_jobs().country_codes(["us"]).expired_since(date(2026, 1, 2)).expired_until(date(2026, 1, 2))
            .application_url("https://a.example/1").company_ids([1, 2]).company_source_ids([3]) =>
            "/jobsexpired/?country_code=US&expired_since=2026-01-02&expired_until=2026-01-02&\
             application_url=https%3A%2F%2Fa.example%2F1&company_id=1%7C2&company_source_id=3&page_size=1000",
        |api| api.companies().industry_id(79).min_size(11).max_size(200).company_specialty(["solar"]).company_name(["acme"])
            .source_ids([4]) =>
            "/companies/?industry_id=79&min_size=11&max_size=200&company_specialty=solar&company_name=acme&source_id=4&\
             page_size=1000",
        |api| api.tags().levels([1, 3]).name(["data"]).parent_ids([7]).min_jobs(1).max_jobs(2).min_children(3).max_children(4) =>
            "/tags/?tag_type=1%7C3&name=data&parent_id=7&min_jobs=1&max_jobs=2&min_children=3&max_children=4&page_size=1000",
        |api| api.cities().country_id(238).state_id(5).page_size(5000) => "/jobcities/?country_id=238&state_id=5&page_size=5000",
        |api| api.cities().country_code("us").state_code("ca") => "/jobcities/?country_code=US&state_code=CA&page_size=1000",
        |api| api.states().country_code("US").code("NY").asciiname("New York").name("New York") =>
            "/jobstates/?country_code=US&code=NY&asciiname=New+York&name=New+York&page_size=1000",
        |api| api.states().country_id(238).code("NY") => "/jobstates/?country_id=238&code=NY&page_size=1000",
        |api| api.countries() => "/jobcountries/",
        |api| api.regions() => "/jobregions/",
        |api| api.job_types() => "/jobtypes/",
        |api| api.industries() => "/industries/",
        |api| api.company_types() => "/companytypes/",
        |api| api.currency_rates().date(date(2026, 5, 1)) => "/currencyrates/?date=2026-05-01",
        |api| api.currency_rates().date_from(date(2026, 5, 1)).date_to(date(2026, 5, 2)) =>
            "/currencyrates/?date_from=2026-05-01&date_to=2026-05-02",
    }
}

#[tokio::test]
async fn the_jobs_listing_sends_every_documented_parameter() {
    sends! {
        |api| api.jobs().title(["rust", "-ish words", "c++ dev"]).exclude_title(["intern"]) =>
            "/jobs/?title=rust%7COR%7C%5C-ish+words%7COR%7Cc%2B%2B+dev%7COR%7C-intern&page_size=1000",
        |api| api.jobs().location(["berlin", "münchen"]).exclude_location(["remote"]) =>
            "/jobs/?location=berlin%7COR%7Cm%C3%BCnchen%7COR%7C-remote&page_size=1000",
        |api| api.jobs().description("\"data engineer\" or analyst -junior") =>
            "/jobs/?description=%22data+engineer%22+or+analyst+-junior&page_size=1000",
        |api| api.jobs().country_codes(["us", "CA"]).exclude_country_codes(["MX"]).state_codes(["ny"]).exclude_state_codes(["tx"]) =>
            "/jobs/?country_code=US%7CCA%7C-MX&state_code=NY%7C-TX&page_size=1000",
        |api| api.jobs().state_ids([1]).city_name("Graz").region_ids([5, 6]) =>
            "/jobs/?state_id=1&city_name=Graz&region_id=5%7C6&page_size=1000",
        |api| api.jobs().type_ids([1, 4]).exclude_type_ids([5, 6]) => "/jobs/?type_id=1%7C4%7C-5%7C-6&page_size=1000",
        |api| api.jobs().company_ids([1]).exclude_company_ids([2]).company_name(["ab"]).exclude_company_name(["x"])
            .company_specialty(["ai"]).company_source_ids([3]).exclude_company_source_ids([4]) =>
            "/jobs/?company_id=1%7C-2&company_name=ab%7COR%7C-x&company_specialty=ai&company_source_id=3%7C-4&page_size=1000",
        |api| api.jobs().include_agencies(true).application_url("https://a.example/?a=b&c").ext_id("X-1").has_remote() =>
            "/jobs/?include_agencies=true&application_url=https%3A%2F%2Fa.example%2F%3Fa%3Db%26c&ext_id=X-1&has_remote=true&\
             page_size=1000",
        |api| api.jobs().experience_level(&ExperienceLevel::Senior).language("en").exclude_expired().min_salary(50_000).description_str() =>
            "/jobs/?experience_level=SE&language=en&exclude_expired=true&min_salary=50000&description_str=true&page_size=1000",
        |api| api.jobs().published_since(date(2026, 1, 1)).published_until(date(2026, 1, 31)).min_id(5).max_id(9) =>
            "/jobs/?published_since=2026-01-01&published_until=2026-01-31&min_id=5&max_id=9&page_size=1000",
        |api| api.jobs().min_age(1).max_age(2) => "/jobs/?min_age=1&max_age=2&page_size=1000",
        |api| api.jobs().all_ages() => "/jobs/?max_age=off&page_size=1000",
        |api| api.jobs().vec_text("warehouse robots").embed_3sh() => "/jobs/?vec_text=warehouse+robots&embed_3sh=true&page_size=1000",
        |api| api.jobs().param("remote_mode", "hybrid") => "/jobs/?remote_mode=hybrid&page_size=1000",
    }
}

async fn path_of<T: serde::de::DeserializeOwned + Send + 'static>(request: GetRequest<T>) -> Result<(), Error> {
    request.send().await.map(drop)
}

#[tokio::test]
async fn the_path_of_every_single_resource_ends_with_a_slash() {
    let (server, api) = server(r#"{"id": 7, "geonameid": 7}"#).await;
    path_of(api.job(42)).await.unwrap();
    path_of(api.expired_job(42)).await.unwrap();
    path_of(api.company(1)).await.unwrap();
    path_of(api.tag(2)).await.unwrap();
    path_of(api.city(3)).await.unwrap();
    path_of(api.state(4)).await.unwrap();
    path_of(api.job(1).param("description_str", true)).await.unwrap();
    let wanted = [
        "/jobs/42/",
        "/jobsexpired/42/",
        "/companies/1/",
        "/tags/2/",
        "/jobcities/3/",
        "/jobstates/4/",
        "/jobs/1/?description_str=true",
    ];
    assert_eq!(received(&server).await, wanted);
    let raw: Box<serde_json::value::RawValue> = api.job(1).send_as().await.unwrap();
    assert_eq!(raw.get(), r#"{"id": 7, "geonameid": 7}"#, "the text that the server sent");
}

#[tokio::test]
async fn a_bare_array_and_an_envelope_are_both_decoded() {
    let rows = r#"[{"id":1,"name":"Full Time"},{"id":2,"name":"Part Time"}]"#;
    for body in [rows.to_owned(), format!(r#"{{"count":2,"next":null,"previous":null,"results":{rows}}}"#)] {
        let (_server, api) = server(&body).await;
        let page = api.job_types().send().await.unwrap();
        let names: Vec<_> = page.items.iter().map(|kind| kind.name.as_deref().unwrap()).collect();
        assert_eq!(names, ["Full Time", "Part Time"]);
        assert_eq!(page.raw_items().collect::<Vec<_>>(), [&rows[1..28], &rows[29..56]]);
        assert_eq!(page.raw().as_ref(), body.as_bytes());
    }
}

#[tokio::test]
async fn pages_are_requested_by_number_with_the_filters() {
    let server = jobfeed::testing::JobDataApi::builder().jobs(250).start().await.unwrap();
    let api = crate::support::client_of(&server);
    let pages: Vec<_> = api.jobs().country_codes(["US", "DE", "GB", "FR"]).page_size(10).pages().collect().await;
    assert!(pages.iter().all(Result::is_ok));
    for (index, request) in server.served().log.iter().enumerate() {
        assert_eq!(request.param("country_code"), Some("US|DE|GB|FR"));
        let page = (index > 0).then(|| (index + 1).to_string());
        assert_eq!(request.param("page"), page.as_deref());
    }
}

#[tokio::test]
async fn every_documented_exclusion_has_a_method() {
    sends! {
        |api| api.jobs().company_specialty(["solar"]).exclude_company_specialty(["wind", "-x"]).state_ids([1])
            .exclude_state_ids([2]).region_ids([5]).exclude_region_ids([6]) =>
            "/jobs/?company_specialty=solar%7COR%7C-wind%7COR%7C--x&state_id=1%7C-2&region_id=5%7C-6&page_size=1000",
        |api| api.expired_jobs().exclude_country_codes(["us"]).exclude_company_ids([1, 2]).exclude_company_source_ids([3]) =>
            "/jobsexpired/?country_code=-US&company_id=-1%7C-2&company_source_id=-3&page_size=1000",
        |api| api.companies().exclude_company_specialty(["a"]).exclude_company_name(["b"]).exclude_source_ids([4]) =>
            "/companies/?company_specialty=-a&company_name=-b&source_id=-4&page_size=1000",
        |api| api.tags().exclude_name(["a"]).exclude_parent_ids([7]).levels([1]).exclude_levels([3]) =>
            "/tags/?name=-a&parent_id=-7&tag_type=1%7C-3&page_size=1000",
    };
}

/// Which parameters the expired feed has besides the documented ones is unknown.
#[tokio::test]
async fn a_window_parameter_of_jobs_can_be_tried_on_other_lists() {
    sends! {
        |api| api.expired_jobs().param("min_id", 5) => "/jobsexpired/?min_id=5&page_size=1000",
        |api| api.companies().param("max_age", 2) => "/companies/?max_age=2&page_size=1000",
    };
}

/// Several codes are documented for jobs only.
#[tokio::test]
async fn a_second_code_of_cities_and_states_replaces_the_first() {
    sends! {
        |api| api.cities().country_code("us").country_code("ca").state_code("NY").state_code("ON") =>
            "/jobcities/?country_code=CA&state_code=ON&page_size=1000",
        |api| api.states().country_code("us").country_code("ca").code("NY").code("ON") =>
            "/jobstates/?country_code=CA&code=ON&page_size=1000",
    };
}

#[tokio::test]
async fn the_fields_that_the_server_refused_are_named() {
    let body =
        r#"{"page_size":["Enter a whole number.","Or none."],"country_code":["Odd."],"detail":["No."],"count":3}"#;
    let server = MockServer::start().await;
    let refusal = ResponseTemplate::new(400).set_body_raw(body, "application/json");
    Mock::given(method("GET")).respond_with(refusal).mount(&server).await;
    let api = Client::builder().api_key("k").base_url(server.uri()).build().unwrap();
    let error = api.jobs().send().await.unwrap_err();
    let fields = &error.server().unwrap().fields;
    let read: Vec<_> = fields.iter().map(|field| (field.field.as_str(), field.message.as_deref().unwrap())).collect();
    assert_eq!(read, [("country_code", "Odd."), ("page_size", "Enter a whole number. Or none.")]);
    assert!(error.to_string().contains("country_code, page_size: "), "{error}");
}

#[tokio::test]
async fn invalid_input_is_a_typed_error_before_anything_is_sent() {
    let (server, api) = server(EMPTY).await;
    let many: Vec<u64> = (1..=51).collect();
    let (d1, d2) = (date(2026, 1, 1), date(2026, 1, 2));
    type Make<'a> = Box<dyn Fn(JobsRequest) -> JobsRequest + 'a>;
    let cases: Vec<(&str, Make<'_>)> = vec![
        ("page_size", Box::new(|jobs| jobs.page_size(0))),
        ("page_size", Box::new(|jobs| jobs.page_size(5001))),
        ("page", Box::new(|jobs| jobs.page(0))),
        ("title", Box::new(|jobs| jobs.title(["rust", "go"]))),
        ("title", Box::new(|jobs| jobs.exclude_title(["-a"]))),
        ("title", Box::new(|jobs| jobs.title(["a|OR|b"]))),
        ("title", Box::new(|jobs| jobs.title(Vec::<&str>::new()))),
        ("location", Box::new(|jobs| jobs.location(["LA"]))),
        ("country_code", Box::new(|jobs| jobs.country_codes(["USA"]))),
        ("country_code", Box::new(|jobs| jobs.country_codes(["U|"]))),
        ("type_id", Box::new(|jobs| jobs.type_ids(many.clone()))),
        ("type_id", Box::new(|jobs| jobs.type_ids(many[..30].to_vec()).exclude_type_ids(many[..21].to_vec()))),
        ("state_code", Box::new(|jobs| jobs.state_codes(["NY"]))),
        ("state_code", Box::new(|jobs| jobs.state_codes(["NY"]).exclude_country_codes(["US"]))),
        ("description", Box::new(|jobs| jobs.description(" "))),
        ("published_since, published_until", Box::new(|jobs| jobs.published_since(d2).published_until(d1))),
        ("min_id, max_id", Box::new(|jobs| jobs.min_id(10).max_id(9))),
        ("min_age, max_age", Box::new(|jobs| jobs.min_age(3).max_age(2))),
        ("max_age", Box::new(|jobs| jobs.max_age(0))),
        ("window", Box::new(|jobs| jobs.published_since(d1).max_age(2))),
        ("window", Box::new(|jobs| jobs.all_ages().min_id(5))),
        ("parameter", Box::new(|jobs| jobs.param("api_key", "k"))),
        ("parameter", Box::new(|jobs| jobs.param("min_id", 5))),
    ];
    for (parameter, make) in cases {
        let error = make(api.jobs()).send().await.unwrap_err();
        let Error::Invalid { what, rule, .. } = &error else { panic!("{parameter}: {error:?}") };
        assert_eq!(what, parameter, "{error}");
        assert!(!rule.is_empty() && error.to_string().contains("nothing was sent"), "{error}");
    }
    let anonymous = Client::builder().base_url(server.uri()).build().unwrap();
    let error = anonymous.jobs().page_size(20).send().await.unwrap_err();
    assert!(matches!(&error, Error::Invalid { what, .. } if what == "page_size"), "{error}");
    let error = api.tags().levels([4]).send().await.unwrap_err();
    assert!(matches!(&error, Error::Invalid { what, .. } if what == "tag_type"), "{error}");
    assert!(received(&server).await.is_empty());
}

#[tokio::test]
async fn invalid_settings_are_typed_errors() {
    use std::time::Duration;
    type Builder = jobfeed::ClientBuilder<Client>;
    let cases: [(&str, fn(Builder) -> Builder); 9] = [
        ("timeout", |builder| builder.timeout(Duration::ZERO)),
        ("connect timeout", |builder| builder.connect_timeout(Duration::ZERO)),
        ("page timeout", |builder| builder.page_timeout(Duration::ZERO)),
        ("timeout", |builder| builder.timeout(Duration::from_secs(900))),
        ("max_body_bytes", |builder| builder.max_body_bytes(0)),
        ("retry attempts", |builder| builder.retry(jobfeed::RetryPolicy::default().max_attempts(0))),
        ("rate limit", |builder| builder.rate_limit(RateLimit::new(0, Duration::from_secs(1)))),
        ("rate limit burst", |builder| builder.rate_limit(RateLimit::unlimited().burst(0))),
        ("credential", |builder| builder.api_key("")),
    ];
    for (setting, change) in cases {
        let error = change(Client::builder()).build().unwrap_err();
        assert!(matches!(&error, Error::Invalid { what, .. } if what == setting), "{setting}: {error}");
    }
    for url in ["", "jobs", "ftp://host/", "file:///etc/", "http://", "http://h/?q=1", "http://u:p@h/", "http://h/#f"] {
        let error = Client::builder().base_url(url).build().unwrap_err();
        assert!(matches!(&error, Error::Invalid { what, .. } if what == "base URL"), "{url}: {error}");
    }
}

#[tokio::test]
async fn any_host_and_path_prefix_works_and_a_redirect_on_the_host_is_followed() {
    let server = MockServer::start().await;
    let body = ResponseTemplate::new(200).set_body_raw(EMPTY.as_bytes(), "application/json");
    let moved = ResponseTemplate::new(301).insert_header("location", "/gate/v2/jobs/?page_size=1000");
    Mock::given(wiremock::matchers::path("/gate/v1/jobs/")).respond_with(moved).mount(&server).await;
    Mock::given(wiremock::matchers::path("/gate/v2/jobs/"))
        .and(header("authorization", "Api-Key k"))
        .respond_with(body)
        .mount(&server)
        .await;
    let api = Client::builder().api_key("k").base_url(format!("{}/gate/v1", server.uri())).build().unwrap();
    assert!(api.jobs().send().await.unwrap().is_empty());
    // A redirect to itself ends with an error.
    let moved = ResponseTemplate::new(302).insert_header("location", "/gate/v1/companies/");
    Mock::given(wiremock::matchers::path("/gate/v1/companies/")).respond_with(moved).mount(&server).await;
    let error = api.companies().send().await.unwrap_err();
    assert_eq!(error.status(), Some(StatusCode::FOUND), "{error}");
}
