//! Filters and flags about employers and recruiters, as the simulator applies them.

use futures::StreamExt;
use jobfeed::fantastic_jobs::{ActiveJbRequest, CountFrame, Only, TimeFrame};
use jobfeed::testing::fantastic_jobs::{Ad, FeedName};
use jobfeed::testing::{Fault, TotalForm, When};
use jobfeed::{BodyProblem, Error};
use serde_json::Value;

use crate::kit::{client, hours, simulator};

async fn rows(jobs: ActiveJbRequest) -> Vec<Value> {
    let mut pages = jobs.time_frame(TimeFrame::Hour).page_size(1000).pages_as::<Value>();
    pages.next().await.unwrap().unwrap().items
}

fn ids(rows: &[Value]) -> Vec<u64> {
    rows.iter().map(|row| row["id"].as_u64().unwrap()).collect()
}

/// The ids of the rows that `keep` accepts.
fn kept(rows: &[Value], keep: impl Fn(&Value) -> bool) -> Vec<u64> {
    ids(&rows.iter().filter(|row| keep(row)).cloned().collect::<Vec<_>>())
}

#[tokio::test]
async fn filters_of_employers_select_rows() {
    let server = simulator().history(hours(4)).rows_per_hour(400).start().await.unwrap();
    let api = client(&server);
    let all = rows(api.active_jb()).await;
    assert_eq!(all.len(), 400);
    let agency = |row: &Value| row["org_linkedin_recruitment_agency_derived"] == true;
    let agencies = kept(&all, agency);
    assert!(agencies.len() > 5 && agencies.len() < 200, "{}", agencies.len());
    assert_eq!(ids(&rows(api.active_jb().organization_agency(Only::Only)).await), agencies);
    assert_eq!(ids(&rows(api.active_jb().organization_agency(Only::Exclude)).await), kept(&all, |row| !agency(row)));
    let count = api.active_jb_count().time_frame(CountFrame::Hour).organization_agency(Only::Only).count().await;
    assert_eq!(count.unwrap() as usize, agencies.len());

    let within =
        |row: &Value| row["org_linkedin_headcount"].as_u64().is_some_and(|count| (1_000..2_000).contains(&count));
    let bounded = api.active_jb().organization_headcount_gte(1_000).organization_headcount_lt(2_000);
    assert_eq!(ids(&rows(bounded).await), kept(&all, within));
    let named = |row: &Value| row["organization"] == "Employer 7" || row["organization"] == "Employer 8";
    assert!(!kept(&all, named).is_empty());
    assert_eq!(ids(&rows(api.active_jb().organization(["Employer 7", "Employer 8"])).await), kept(&all, named));
    let without = rows(api.active_jb().exclude_organization(["Employer 7", "Employer 8"])).await;
    assert_eq!(ids(&without), kept(&all, |row| !named(row)));
    let duplicate = |row: &Value| row["ats_duplicate"] == true;
    assert!(!kept(&all, duplicate).is_empty());
    assert_eq!(ids(&rows(api.active_jb().exclude_ats_duplicate()).await), kept(&all, |row| !duplicate(row)));
}

#[tokio::test]
async fn recruiters_and_details_of_employers_are_shown_as_asked() {
    let server = simulator().history(hours(4)).rows_per_hour(50).start().await.unwrap();
    let api = client(&server);
    let person =
        |row: &Value| ["recruiter_name", "recruiter_title", "recruiter_url"].iter().any(|key| row.get(key).is_some());
    let shown = rows(api.active_jb()).await;
    assert!(shown.iter().any(person) && shown.iter().any(|row| row.get("org_linkedin_headcount").is_some()));
    let hidden = rows(api.active_jb().exclude_recruiter_fields()).await;
    assert!(!hidden.iter().any(person));
    assert_eq!(ids(&hidden), ids(&shown));

    let ats = || api.active_ats().time_frame(TimeFrame::Hour);
    assert!(ats().send().await.unwrap().items.iter().all(|job| job.org_linkedin_recruitment_agency_derived.is_none()));
    let detailed = ats().include_basic_organization_details().send().await.unwrap().items;
    assert!(detailed.iter().all(|job| job.org_linkedin_recruitment_agency_derived.is_some()));
    let wrong = api.active_jb().time_frame(TimeFrame::Hour).param("include_basic_organization_details", true);
    assert_eq!(wrong.send().await.unwrap_err().status().unwrap().as_u16(), 400, "the job boards do not take it");
}

#[tokio::test]
async fn a_count_in_any_form_of_a_number_is_read_and_anything_else_is_an_error() {
    let server = simulator().history(hours(4)).rows_per_hour(50).start().await.unwrap();
    let count = async || client(&server).active_ats_count().time_frame(CountFrame::Hour).count().await;
    for form in [TotalForm::Whole, TotalForm::Text, TotalForm::Fraction, TotalForm::Exponent] {
        server.fault(Fault::Total(form), When::Always);
        assert_eq!(count().await.unwrap(), 50, "{form:?}");
    }
    server.fault(Fault::Total(TotalForm::True), When::Always);
    let error = count().await.unwrap_err();
    assert!(matches!(&error, Error::Body { problem: BodyProblem::Shape(_), .. }), "{error}");
}

#[tokio::test]
async fn a_row_becomes_the_copy_of_another_providers_ad() {
    let server = simulator().history(hours(4)).rows_per_hour(10).start().await.unwrap();
    let api = client(&server);
    let id = rows(api.active_jb()).await[3]["id"].as_u64().unwrap();
    let ad = Ad {
        title: "Baker \"nights\"".to_owned(),
        organization: "O'Dunne & \"Sons\"".to_owned(),
        place: "Lyon, France".to_owned(),
        url: "https://apply.example/7?a=1".to_owned(),
    };
    assert!(server.with(FeedName::Jb, |feed| feed.advertise(id, &ad) && !feed.advertise(1, &ad)));
    let all = rows(api.active_jb()).await;
    let row = all.iter().find(|row| row["id"].as_u64() == Some(id)).unwrap();
    let shown = ["title", "organization", "url"].map(|name| row[name].as_str().unwrap());
    assert_eq!(shown, [&*ad.title, &*ad.organization, &*ad.url]);
    let places =
        ["locations_derived", "cities_derived", "countries_derived"].map(|name| row[name][0].as_str().unwrap());
    assert_eq!(places, ["Lyon, France", "Lyon", "France"]);
    assert_eq!(all.iter().filter(|row| row["locations_derived"].is_array()).count(), 1);
}
