//! The response models of jobdataapi.com, with payloads of this project and, if available, the documented ones.

use std::fs;
use std::path::{Path, PathBuf};

use jobfeed::jobdataapi::{
    City, Company, Country, CurrencyRate, ExperienceLevel, ExpiredJob, Job, JobType, NamedId, State, Tag,
};
use jobfeed::value::{DateTime, Decimal, fix_mojibake};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

fn fixture(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/jobdataapi").join(name);
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// The records of a page envelope or of a bare array.
fn records(body: &Value) -> &[Value] {
    body.get("results").unwrap_or(body).as_array().unwrap()
}

fn decode<T: DeserializeOwned>(name: &str) -> Vec<T> {
    // From text, as in a client: a decoder may treat borrowed text differently from a `Value`.
    records(&fixture(name)).iter().map(|record| serde_json::from_str(&record.to_string()).unwrap()).collect()
}

fn utc(time: Option<&DateTime>) -> Option<String> {
    time.and_then(DateTime::timestamp).map(|timestamp| timestamp.to_string())
}

#[test]
fn every_field_of_a_full_job_is_typed() {
    let job = &decode::<Job>("jobs_page.json")[0];
    assert_eq!(job.id, 7_310_045);
    assert_eq!(job.ext_id.as_deref(), Some("BAK-0045"));
    assert_eq!(job.title.as_deref(), Some("Night Baker (m/f/d)"));
    assert_eq!(job.location.as_deref(), Some("Bremen, Germany"));
    let names: Vec<_> = job.types.iter().map(|kind| (kind.id, kind.name.as_deref())).collect();
    assert_eq!(names, [(Some(61), Some("Full Time")), (Some(62), Some("Part Time"))]);
    assert_eq!(job.regions[0].name.as_deref(), Some("Europe"));
    assert_eq!(job.countries[0].region.as_ref().and_then(|region| region.id), Some(81));
    assert_eq!(job.has_remote, Some(false));
    assert_eq!(utc(job.published.as_ref()).as_deref(), Some("2026-03-01T04:30:00Z"));
    assert_eq!(job.expired, None);
    assert!(job.description.as_deref().unwrap().starts_with("<p>We bake"));
    assert!(job.description_string.as_deref().unwrap().starts_with("We bake"));
    assert_eq!(job.experience_level, Some(ExperienceLevel::Mid));
    assert_eq!(job.application_url.as_deref(), Some("https://nordlicht.example/jobs/45"));
    assert_eq!(job.language.as_deref(), Some("en"));
    assert_eq!(job.salary_min.as_ref().map(Decimal::as_str), Some("31000.50"));
    assert_eq!(job.salary_max.as_ref().and_then(|salary| salary.parse::<u32>().ok()), Some(36_500));
    assert_eq!(job.salary_currency.as_deref(), Some("EUR"));
    assert!(job.extra.is_empty());

    let company = job.company.as_ref().unwrap();
    assert_eq!((company.id, company.source_id), (Some(8801), Some(31)));
    assert_eq!(company.twitter_handle.as_deref(), Some("nordlicht_bakes"));
    assert_eq!((company.github_url.as_deref(), company.is_agency), (None, Some(false)));

    let City { geonameid, state, timezone, latitude, longitude, population, .. } = &job.cities[0];
    assert_eq!((*geonameid, *population), (Some(500_301), Some(563_290)));
    assert_eq!(timezone.as_deref(), Some("Europe/Berlin"));
    assert_eq!(latitude.as_ref().map(Decimal::as_str), Some("53.07500"));
    assert_eq!(longitude.as_ref().and_then(Decimal::to_f64), Some(8.807));
    let State { code, country, .. } = state.as_ref().unwrap();
    assert_eq!(code.as_deref(), Some("HB"));
    assert_eq!(country.as_ref().and_then(|country| country.code.as_deref()), Some("DE"));
}

#[test]
fn empty_texts_are_none_where_empty_has_no_meaning() {
    let job = &decode::<Job>("jobs_page.json")[1];
    let none = [&job.ext_id, &job.application_url, &job.language, &job.salary_currency];
    assert!(none.iter().all(|text| text.is_none()));
    assert_eq!((&job.experience_level, &job.salary_min, &job.salary_max), (&None, &None, &None));
    assert_eq!((job.location.as_deref(), job.description.as_deref()), (Some(""), Some("")));
    assert_eq!(utc(job.expired.as_ref()).as_deref(), Some("2026-03-02T05:00:00.125Z"));
    let company = job.company.as_ref().unwrap();
    assert_eq!((&company.logo, &company.website_url, &company.linkedin_url), (&None, &None, &None));
    assert_eq!(company.is_agency, Some(true));
}

#[test]
fn an_irregular_job_keeps_all_its_data() {
    let job = &decode::<Job>("jobs_page.json")[2];
    assert_eq!(job.ext_id.as_deref(), Some("90210"));
    assert_eq!((job.types.len(), job.countries.len(), job.regions.len()), (0, 0, 0));
    assert_eq!(job.has_remote, None);
    let published = job.published.as_ref().unwrap();
    assert_eq!((published.as_str(), published.timestamp()), ("the day before yesterday", None));
    assert_eq!(utc(job.expired.as_ref()).as_deref(), Some("2026-03-05T00:00:00Z"));
    assert_eq!(job.experience_level, Some(ExperienceLevel::Other("JX".to_owned())));
    assert_eq!(job.salary_min.as_ref().map(Decimal::as_str), Some("2100"));
    assert_eq!(job.salary_max.as_ref().map(Decimal::as_str), Some("2450.75"));
    assert_eq!(job.cities[0].latitude.as_ref().map(Decimal::as_str), Some("53.75"));
    assert_eq!(job.cities[0].longitude.as_ref().map(Decimal::as_str), Some("-9"));
    assert_eq!(job.cities[0].extra["elevation"], 4);
    assert_eq!(Value::from(job.extra.clone()), json!({"work_mode": "on_site", "tag_ids": [4, 9]}));

    let company = job.company.as_ref().unwrap();
    assert_eq!(company.info_type[0].name.as_deref(), Some("Family Business"));
    assert!(company.info_industry.is_empty());
    assert_eq!(company.extra["youtube"], "kranich");

    // Wrongly decoded text is not changed; the caller can use the helper.
    assert_eq!(job.title.as_deref(), Some("KÃ¶chin"));
    assert_eq!(job.title.as_deref().and_then(fix_mojibake).as_deref(), Some("Köchin"));
    assert_eq!(company.name.as_deref().and_then(fix_mojibake).as_deref(), Some("Café Kranich"));
}

#[test]
fn only_the_id_of_a_job_is_required() {
    let job = &decode::<Job>("jobs_page.json")[3];
    let company = job.company.as_ref().unwrap();
    let ids: Vec<_> = company.info_type.iter().map(|kind| kind.id).collect();
    assert_eq!(ids, [Some(3), Some(5)]);
    assert_eq!(company.info_industry[0].id, Some(12));
    assert_eq!(utc(job.published.as_ref()).as_deref(), Some("2026-03-03T07:15:00Z"));

    let minimal: Job = serde_json::from_str(r#"{"id":1}"#).unwrap();
    assert_eq!((minimal.id, minimal.title, minimal.company), (1, None, None));
}

#[test]
fn a_job_without_a_valid_id_is_an_error_that_names_the_id() {
    for record in records(&fixture("jobs_bad_records.json")) {
        let error = serde_json::from_str::<Job>(&record.to_string()).unwrap_err().to_string();
        assert!(error.contains("id:") || error.contains("`id`"), "{record}: {error}");
    }
}

#[test]
fn a_serialised_job_is_decoded_to_the_same_job() {
    for job in decode::<Job>("jobs_page.json") {
        let written = serde_json::to_string(&job).unwrap();
        assert_eq!(serde_json::from_str::<Job>(&written).unwrap(), job);
    }
    let full = serde_json::to_value(&decode::<Job>("jobs_page.json")[0]).unwrap();
    let mut original = records(&fixture("jobs_page.json"))[0].clone();
    for absent in ["info_description", "info_type", "info_industry"] {
        original["company"][absent] = full["company"][absent].clone();
    }
    assert_eq!(full, original);
}

#[test]
fn debug_is_short_and_omits_the_texts() {
    let job = &decode::<Job>("jobs_page.json")[0];
    let shown = format!("{job:?} {:?}", job.company);
    assert!(
        shown.contains("7310045") && shown.contains("Night Baker") && shown.contains("Backhaus Nordlicht"),
        "{shown}"
    );
    assert!(!shown.contains("We bake") && !shown.contains('@') && !shown.contains("nordlicht_bakes"), "{shown}");
    assert!(shown.len() < 400, "{shown}");

    let company: Company = serde_json::from_value(fixture("company.json")).unwrap();
    assert!(!format!("{company:?}").contains("Ask for Jo"));
    let expired = &decode::<ExpiredJob>("jobs_expired_page.json")[2];
    assert_eq!(format!("{expired:?}"), "ExpiredJob { id: None, job_id: Some(7300003), expired: None, .. }");
}

#[test]
fn the_job_id_of_an_expired_job_is_read_from_either_field() {
    let expired = decode::<ExpiredJob>("jobs_expired_page.json");
    let jobs: Vec<_> = expired.iter().map(ExpiredJob::job).collect();
    assert_eq!(jobs, [Some(7_300_001), Some(7_300_002), Some(7_300_003)]);
    assert_eq!(utc(expired[1].expired.as_ref()).as_deref(), Some("2026-03-01T00:00:00Z"));
    assert_eq!(expired[0].extra["company"]["id"], 8801);
    assert_eq!(expired[2].extra["reason"], "withdrawn");
}

#[test]
fn a_full_company_has_more_fields_than_a_nested_one() {
    let company: Company = serde_json::from_value(fixture("company.json")).unwrap();
    assert_eq!(company.info_description.as_deref(), Some("Bread since 1911. Ask for Jo."));
    assert_eq!((company.info_type[0].id, company.info_industry[0].id), (Some(3), Some(14)));
    assert_eq!((company.logo, company.github_url), (None, None));
    assert_eq!(company.extra["founded"], 1911);
    assert_eq!(company.extra["hq"]["city"], "Bremen");
}

#[test]
fn reference_records_are_decoded_from_an_array_and_from_an_envelope() {
    let countries = decode::<Country>("countries_array.json");
    let codes: Vec<_> = countries.iter().map(|country| country.code.as_deref()).collect();
    assert_eq!(codes, [Some("DE"), Some("NZ"), None]);
    assert_eq!(countries[0].region.as_ref().and_then(|region| region.name.as_deref()), Some("Europe"));
    assert_eq!((&countries[1].region, &countries[2].region), (&None, &None));

    let types: Vec<JobType> = decode("job_types_envelope.json");
    assert_eq!(types[0].name.as_deref(), Some("Full Time"));
    assert_eq!(types[1].extra["sort"], 2);
    assert_eq!(NamedId::default().id, None);
}

#[test]
fn a_tag_contains_its_parents_up_to_the_top_level() {
    let tag = &decode::<Tag>("tags_page.json")[0];
    let path: Vec<_> = tag.path().filter_map(|tag| tag.name.as_deref()).collect();
    assert_eq!(path, ["Sourdough", "Baking", "Food"]);
    assert_eq!(tag.path().last().unwrap().extra["tag_type"], "ROLE1");
}

#[test]
fn currency_rates_keep_fields_without_a_place_in_the_model() {
    let rates = decode::<CurrencyRate>("currency_rates_page.json");
    assert_eq!(utc(rates[0].date.as_ref()).as_deref(), Some("2026-03-02T00:00:00Z"));
    assert_eq!(rates[0].rates.as_ref().unwrap()["EUR"]["USD"], 1.25);
    assert_eq!(rates[1].rates, None);
    assert_eq!(rates[1].extra["USD"]["EUR"], 0.8);
}

#[test]
fn vendor_samples_decode() {
    let Some(folder) = std::env::var_os("JOBFEED_SAMPLES") else {
        eprintln!("skipped: JOBFEED_SAMPLES does not name a folder of documented payloads");
        return;
    };
    // The folder is for this provider, or for all providers.
    let folder = Path::new(&folder);
    let own = folder.join("jobdataapi");
    let folder = if own.is_dir() { own.as_path() } else { folder };
    let (mut jobs, mut without_id, mut companies) = (0, 0, 0);
    for path in json_files(folder) {
        let body: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        let list = body.get("results").unwrap_or(&body);
        for record in list.as_array().map_or(std::slice::from_ref(list), Vec::as_slice) {
            let shown = path.display();
            if record.get("title").is_none() {
                if record.get("name").is_none() {
                    continue;
                }
                let company: Company = serde_json::from_value(record.clone()).unwrap();
                assert!(company.extra.is_empty() && company.id.is_some(), "{shown}: {company:?}");
                companies += 1;
                continue;
            }
            let decoded = serde_json::from_str::<Job>(&record.to_string());
            if record.get("id").is_some() {
                assert_every_field_is_known(&decoded.unwrap());
                jobs += 1;
            } else {
                let error = decoded.unwrap_err().to_string();
                assert!(error.contains("`id`"), "{shown}: {error}");
                // The rest of the record is valid: with an id it is a job.
                let mut keyed = record.clone();
                keyed["id"] = 1.into();
                assert_every_field_is_known(&serde_json::from_value(keyed).unwrap());
                without_id += 1;
            }
        }
    }
    assert!(jobs + without_id + companies > 0, "no payload in {}", folder.display());
    eprintln!("{jobs} jobs, {without_id} without an id, {companies} companies");
}

fn assert_every_field_is_known(job: &Job) {
    assert!(job.extra.is_empty(), "job {}: {:?}", job.id, job.extra);
    assert!(job.company.as_ref().is_none_or(|company| company.extra.is_empty()), "{:?}", job.company);
    assert!(job.published.as_ref().is_none_or(|time| time.timestamp().is_some()), "{:?}", job.published);
    for city in &job.cities {
        assert!(city.extra.is_empty() && city.geonameid.is_some(), "{city:?}");
    }
}

fn json_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(json_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "json") {
            found.push(path);
        }
    }
    found.sort();
    found
}
