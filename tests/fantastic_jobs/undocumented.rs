//! What the vendor does not document can be named by the caller, and a wrong guess is an error; the server's own time-out.

use std::time::Duration;

use futures::TryStreamExt;
use jobfeed::checkpoint::MemoryStore;
use jobfeed::fantastic_jobs::{Client, ExpiredFrame, TimeFrame};
use jobfeed::{BodyProblem, Error, RateLimit, RetryPolicy};

use crate::support::{Reply, Script};

/// Organizations in pages of two; `served` decides which page a request gets.
fn organizations(served: impl Fn(u64) -> u64 + Send + Sync + 'static) -> (Script, Client) {
    let script = Script::new(move |_, request| {
        let query = request.uri().query().unwrap_or_default().as_bytes();
        let pages = url::form_urlencoded::parse(query).find(|(name, _)| name == "page" || name == "p");
        let page = served(pages.map_or(1, |(_, page)| page.parse().unwrap()));
        let rows = [2 * page, 2 * page + 1].map(|number| format!(r#"{{"company":"c{number}"}}"#));
        Reply::page(&if page > 3 { "[]".to_owned() } else { format!("[{}]", rows.join(",")) })
    });
    let builder = Client::builder().api_key("k").base_url("http://api.test/v1/").transport(script.clone());
    (script, builder.rate_limit(RateLimit::unlimited()).build().unwrap())
}

#[tokio::test]
async fn promise_4_organizations_of_a_server_that_ignores_the_page_parameter_are_an_error() {
    let (script, api) = organizations(|_| 1);
    let mut pages = api.organizations_advanced().pages();
    assert_eq!(pages.try_next().await.unwrap().unwrap().items.len(), 2);
    let error = pages.try_next().await.unwrap_err();
    assert!(matches!(error, Error::Body { problem: BodyProblem::Ignored(_), .. }), "{error:?}");
    assert!(error.to_string().contains("does not apply `page`; name the parameter with `page_parameter`"), "{error}");
    assert_eq!(script.requests(), 2, "never endless");
    // Also when it does not sort them.
    let script = Script::new(|index, _| {
        assert!(index < 9, "endless");
        Reply::page(if index % 2 == 0 {
            r#"[{"company":"a"},{"company":"b"}]"#
        } else {
            r#"[{"company":"b"},{"company":"a"}]"#
        })
    });
    let builder = Client::builder().api_key("k").base_url("http://api.test/v1/").transport(script.clone());
    let api = builder.rate_limit(RateLimit::unlimited()).build().unwrap();
    assert!(api.organizations_advanced().items().try_collect::<Vec<_>>().await.is_err());
    assert_eq!(script.requests(), 2);
    // Also with a server that repeats its last page, and after a resume.
    let (_, api) = organizations(|page| page.min(3));
    let mut pages = api.organizations_advanced().pages();
    for _ in 0..3 {
        pages.try_next().await.unwrap().unwrap();
    }
    let resumed = api.organizations_advanced().resume_from(pages.cursor().unwrap());
    assert!(matches!(resumed.send().await, Err(Error::Body { .. })));
    // One that applies it is read to its empty page.
    let (script, api) = organizations(|page| page);
    let rows: Vec<_> = api.organizations_advanced().page_parameter("p", 2).items().try_collect().await.unwrap();
    assert_eq!((rows.len(), script.requests()), (4, 3));
}

#[tokio::test]
async fn the_envelope_and_any_parameter_of_the_organizations_can_be_named() {
    let script = Script::new(|index, _| {
        Reply::page(if index == 0 { r#"{"total":1,"data":[{"name":"N"}]}"# } else { r#"{"total":1,"data":[]}"# })
    });
    let builder = Client::builder().api_key("k").base_url("http://api.test/v1/").transport(script.clone());
    let api = builder.rate_limit(RateLimit::unlimited()).build().unwrap();
    let request = api.organizations_advanced().path("organizations-advanced").list_field("data").param("limit", 100);
    let rows: Vec<_> = request.items().try_collect().await.unwrap();
    assert_eq!(rows[0].name.as_deref(), Some("N"));
    let sent: Vec<String> = script.log.lock().unwrap().iter().map(|(_, request)| request.uri().to_string()).collect();
    assert_eq!(
        sent,
        [1, 2].map(|page| format!("http://api.test/v1/organizations-advanced?limit=100&page={page}")),
        "the path and the parameter are sent with each page"
    );
    let error = api.organizations().send().await.unwrap_err();
    assert!(matches!(error, Error::Body { .. }), "by default the body is the list: {error:?}");
}

#[tokio::test]
async fn path_and_parameters_of_the_expired_feeds_can_be_replaced() {
    let script = Script::replies(vec![Reply::page("[5]")]);
    let builder = Client::builder().api_key("k").base_url("http://api.test/v1/").transport(script.clone());
    let api = builder.rate_limit(RateLimit::unlimited()).build().unwrap();
    let feed = || api.expired_ats().time_frame(ExpiredFrame::Month);
    let ids: Vec<u64> = feed().path("expired/ats").param("limit", 7).ids().try_collect().await.unwrap();
    assert_eq!(ids, [5]);
    let uri = |at: usize| script.log.lock().unwrap()[at].1.uri().to_string();
    assert_eq!(uri(0), "http://api.test/v1/expired/ats?limit=7&time_frame=1m");
    for feed in [feed().param("time_frame", "1h"), feed().param("apiKey", "k"), feed().path("/x"), feed().path("")] {
        let error = feed.ids().try_collect::<Vec<_>>().await.unwrap_err();
        assert!(matches!(error, Error::Invalid { .. }), "{error:?}");
    }
    assert_eq!(script.requests(), 1);
    // They are part of the query of a sync.
    let store = MemoryStore::new();
    let mut run = api.expired_ats().param("limit", 7).sync_expired("k", &store).await.unwrap();
    run.next().await.unwrap().unwrap().commit().await.unwrap();
    assert_eq!(uri(1), "http://api.test/v1/expired-ats?limit=7&time_frame=1h");
    let other = api.expired_ats().sync_expired("k", &store).await.unwrap_err();
    assert!(matches!(other, Error::Checkpoint { .. }), "{other:?}");
}

/// The server gives up after 60 s: its answer must arrive, because what the client gave up may be billed.
#[tokio::test(start_paused = true)]
async fn the_server_s_own_time_out_arrives_and_advises_a_smaller_query() {
    let script = Script::new(|index, _| match index {
        0 => Reply::Late(Duration::from_secs(70), "[]".to_owned()),
        _ => Reply::status(504),
    });
    let builder = Client::builder().api_key("k").base_url("http://api.test/v1/").transport(script.clone());
    let api = builder.retry(RetryPolicy::none()).build().unwrap();
    let jobs = || api.active_ats().time_frame(TimeFrame::Hour);
    assert!(jobs().send().await.unwrap().is_empty(), "after 70 s");
    let error = jobs().send().await.unwrap_err().to_string();
    assert!(error.contains("504") && error.contains("ask for less in one request"), "{error}");
    assert!(!error.contains("run again later"), "{error}");
}
