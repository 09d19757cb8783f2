//! Filters of the typed requests, as the simulator applies them.

use std::collections::BTreeSet;

use jobfeed::jobdataapi::JobsRequest;
use jobfeed::testing::JobDataApi;
use jobfeed::testing::jobdataapi::{JobData, Subscription};

use crate::support::{client_of, drain, set};

async fn ids(jobs: JobsRequest) -> BTreeSet<u64> {
    let (ids, error) = drain(jobs.all_ages().page_size(100).pages()).await;
    assert!(error.is_none(), "{error:?}");
    set(&ids)
}

/// The ids of the jobs that `keep` accepts.
fn expected(server: &JobDataApi, keep: impl Fn(&JobData, u64) -> bool) -> BTreeSet<u64> {
    server.with(|data| data.ids().into_iter().filter(|id| keep(data, *id)).collect())
}

#[tokio::test]
async fn jobs_of_agencies_are_listed_only_on_request() {
    let server = JobDataApi::builder().jobs(600).agencies(5).start().await.unwrap();
    let api = client_of(&server);
    let others = expected(&server, |data, id| !data.is_agency(id));
    assert!((300..560).contains(&others.len()), "{}", others.len());
    assert_eq!(ids(api.jobs()).await, others);
    assert_eq!(ids(api.jobs().include_agencies(false)).await, others);
    assert_eq!(ids(api.jobs().include_agencies(true)).await.len(), 600);
    let page = api.jobs().all_ages().include_agencies(true).send().await.unwrap();
    for job in page.items {
        let flag = job.company.and_then(|company| company.is_agency).unwrap_or(false);
        assert_eq!(flag, server.with(|data| data.is_agency(job.id)), "{}", job.id);
    }
    let none = JobDataApi::builder().jobs(600).start().await.unwrap();
    assert_eq!(ids(client_of(&none).jobs()).await.len(), 600, "there are none by default");
}

#[tokio::test]
async fn several_state_codes_are_included_and_excluded() {
    let server = JobDataApi::builder().jobs(2_000).start().await.unwrap();
    let jobs = || client_of(&server).jobs().country_codes(["US"]);
    let here = ids(jobs()).await;
    let with = |codes: &[&str]| {
        let found = expected(&server, |data, id| data.state_codes(id).iter().any(|code| codes.contains(code)));
        found.intersection(&here).copied().collect::<BTreeSet<u64>>()
    };
    let (one, two) = (with(&["03"]), with(&["03", "07"]));
    assert!(!one.is_empty() && one.len() < two.len() && two.len() < here.len());
    assert_eq!(ids(jobs().state_codes(["03"])).await, one);
    assert_eq!(ids(jobs().state_codes(["03", "07"])).await, two);
    let rest: BTreeSet<u64> = here.difference(&two).copied().collect();
    assert_eq!(ids(jobs().exclude_state_codes(["03", "07"])).await, rest);
}

#[tokio::test]
async fn specialties_select_jobs_and_companies() {
    let server = JobDataApi::builder().jobs(600).subscription(Subscription::Pro).start().await.unwrap();
    let api = client_of(&server);
    let with = |names: &[&str]| expected(&server, |data, id| data.specialties(id).iter().any(|it| names.contains(it)));
    let (one, two) = (with(&["Sourdough"]), with(&["Sourdough", "Open Data"]));
    assert!(!one.is_empty() && one.len() < two.len() && two.len() < 600);
    assert_eq!(ids(api.jobs().company_specialty(["sourdough"])).await, one);
    assert_eq!(ids(api.jobs().company_specialty(["Sourdough", "open data"])).await, two);

    let companies = api.companies();
    let all = companies.clone().send().await.unwrap().total.unwrap();
    let bakers = companies.clone().company_specialty(["Sourdough"]).send().await.unwrap().total.unwrap();
    let none = companies.company_specialty(["no such specialty"]).send().await.unwrap().total.unwrap();
    assert!(0 < bakers && bakers < all && none == 0, "{bakers} of {all}");
}
