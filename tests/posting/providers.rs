//! The records of the four providers as postings: every field that is set, and no other.

use std::fs;
use std::path::PathBuf;

use jobfeed::posting::Posting;
use jobfeed::{employjoy, fantastic_jobs, jobaffinity, jobdataapi as jobdata};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::support::*;

#[test]
fn a_job_of_jobdataapi_is_a_posting() {
    assert_eq!(
        set_fields(&jobdataapi(0)),
        json!({
            "source": {"provider": "jobdataapi", "feed": "jobs", "id": "7310045", "domain": "nordlicht.example"},
            "reference": "BAK-0045",
            "apply_url": "https://nordlicht.example/jobs/45",
            "title": "Night Baker (m/f/d)",
            "description_html": "<p>We bake at night. Write to Jo at jo@nordlicht.example.</p>",
            "description_text": "We bake at night. Write to Jo at jo@nordlicht.example.",
            "organisation": {
                "name": "Backhaus Nordlicht", "id": "8801", "domain": "nordlicht.example", "website": "https://nordlicht.example/",
                "logo": "https://media.example/logo/nordlicht.png", "agency": false,
            },
            "locations": [{
                "raw": "Bremen, Germany", "city": "Bremen", "region": "Bremen", "country": "Germany", "country_code": "DE",
                "latitude": 53.075, "longitude": 8.807,
            }],
            "remote": {"mode": "on_site"},
            "employment_types": ["FULL_TIME", "PART_TIME"],
            "employment_types_raw": ["Full Time", "Part Time"],
            "salary": {"min": "31000.50", "max": "36500", "currency": "EUR", "basis": "stated"},
            "experience": {"level": "mid", "raw": "MI"},
            "language": "en",
            "language_raw": "en",
            "posted": "2026-03-01T04:30:00Z",
            "status": "open",
            "extra": {
                "company": {"linkedin_url": "https://linkedin.example/company/nordlicht/", "source_id": 31, "twitter_handle": "nordlicht_bakes"},
                "regions": [{"id": 81, "name": "Europe"}],
            },
        })
    );
}

#[test]
fn irregular_jobs_of_jobdataapi_lose_nothing() {
    assert_eq!(
        set_fields(&jobdataapi(1)),
        json!({
            "source": {"provider": "jobdataapi", "feed": "jobs", "id": "7310046"},
            "title": "Pool Attendant",
            "organisation": {"name": "Quiet Water Ltd", "id": "8802", "agency": true},
            "remote": {"mode": "remote_possible"},
            "posted": "2026-02-27T23:59:59Z",
            "expired": "2026-03-02T05:00:00.125Z",
            "status": "expired",
        })
    );
    assert_eq!(
        set_fields(&jobdataapi(2)),
        json!({
            "source": {"provider": "jobdataapi", "feed": "jobs", "id": "7310047"},
            "reference": "90210",
            "title": "KÃ¶chin",
            "organisation": {"name": "CafÃ© Kranich", "id": "8803"},
            "locations": [{"city": "Elmshorn", "latitude": 53.75, "longitude": -9.0}],
            "salary": {"min": "2100", "max": "2450.75", "currency": "EUR", "basis": "stated"},
            "experience": {"level": "JX", "raw": "JX"},
            "expired": "2026-03-05T00:00:00Z",
            "status": "expired",
            "extra": {
                "published": "the day before yesterday",
                "company": {"info_type": [{"id": 3, "name": "Family Business"}], "youtube": "kranich"},
                "work_mode": "on_site",
                "tag_ids": [4, 9],
            },
        })
    );
    let odd: jobdata::Job = decode(
        &json!({"id": 1, "salary_min": "80k", "salary_max": "90,000.50", "salary_currency": "USD",
        "company": {"info_industry": {"id": 12, "name": "Fishing"}}, "countries": [{"code": "NO", "name": "Norway"}], "location": "Fjord"}),
    );
    assert_eq!(
        set_fields(&Posting::from(&odd)),
        json!({
            "source": {"provider": "jobdataapi", "feed": "jobs", "id": "1"},
            "locations": [{"raw": "Fjord", "country": "Norway", "country_code": "NO"}],
            "salary": {"max": "90000.50", "currency": "USD", "basis": "stated"},
            "categories": [{"scheme": "jobdataapi/industry", "code": "12", "label": "Fishing"}],
            "status": "open",
            "extra": {"salary_min": "80k"},
        })
    );
}

#[test]
fn a_row_of_the_ats_feed_is_a_posting() {
    assert_eq!(
        set_fields(&ats(0)),
        json!({
            "source": {"provider": "fantastic_jobs", "feed": "ats", "id": "5100200300"},
            "url": "https://jobs.example/nordlicht/45",
            "title": "Night Baker",
            "organisation": {"name": "Nordlicht GmbH", "id": "nordlicht", "domain": "nordlicht.example"},
            "locations": [
                {"street": "Am Wall 1", "city": "Bremen", "postal_code": "28195", "country": "Germany", "country_code": "DE",
                 "latitude": 53.07, "longitude": 8.8},
                {"region": "Hessen", "country": "DE", "country_code": "DE"},
            ],
            "employment_types": ["FULL_TIME", "SHIFT"],
            "employment_types_raw": ["FULL_TIME", "SHIFT"],
            "salary": {"min": "31000", "max": "36500.5", "currency": "EUR", "unit": "YEAR", "basis": "stated"},
            "posted": "2026-04-01T00:00:00Z",
            "created": "2026-04-02T08:01:02.345678Z",
            "updated": "2026-04-02T09:00:00Z",
            "valid_through_day": "2026-06-01",
            "extra": {
                "source_type": "ats", "source": "lever.co", "lats_derived": [53.07], "lngs_derived": [8.8],
                "salary": {"currency": "EUR", "value": {"minValue": "31,000", "maxValue": 36500.5, "unitText": "year"}},
                "ai_salary_min_value": "31000", "ai_salary_max_value": "36500", "ai_working_hours": "38.5",
                "org_linkedin_headcount": "12", "modified_fields": ["title", "salary"], "oven": "stone",
            },
        })
    );
    assert_eq!(
        set_fields(&ats(1)),
        json!({
            "source": {"provider": "fantastic_jobs", "feed": "ats", "id": "5100200301"},
            "extra": {"date_created": "soon", "salary": {"minValue": 0, "maxValue": 0}},
        })
    );
}

/// A row of job boards with every kind of value, made for these tests.
pub(crate) fn full_jb() -> Value {
    json!({
        "id": 9, "linkedin_id": 16, "date_created": "2026-01-05T10:00:00.5", "date_posted": "2026-01-05T09:00:00",
        "date_valid_through": "2026-02-01T06:00:00", "title": "  Data Engineer ", "organization": " Leeds Data ",
        "organization_logo": "https://leeds.example/logo.png", "url": "https://uk.linkedin.com/jobs/view/16",
        "external_apply_url": "https://jobs.lever.co/leeds/6f1cdd0e-72c4-4e6f-9a3b-0d2f7c1a9b55?lever-source=LinkedIn",
        "source": "linkedin", "source_domain": "uk.linkedin.com", "location_type": "TELECOMMUTE",
        "location_requirements": [{"@type": "Country", "name": "United Kingdom"}],
        "locations_derived": ["Leeds, England, United Kingdom", "Wales, United Kingdom"], "cities_derived": ["Leeds"],
        "countries_derived": ["United Kingdom"], "lats_derived": [53.8, null], "lngs_derived": [-1.5, null],
        "ai_employment_type": ["FULL_TIME", "INTERN"], "description_text": "Build & run.\nIn <Leeds>.",
        "ai_salary_value": "450.25", "ai_salary_currency": "GBP", "ai_salary_unit_text": "day", "ai_key_skills": ["SQL", " "],
        "ai_education": ["bachelor degree", "Something else"], "ai_experience_level": "2-5", "ai_work_arrangement": "Remote Solely",
        "ai_taxonomies_a": ["Data & Analytics", "Software"], "ai_job_language": "English", "seniority": "Entry level",
        "direct_apply": false, "org_linkedin_slug": "leeds-data", "org_linkedin_website": "https://www.leeds.example/about",
        "org_linkedin_recruitment_agency_derived": true,
    })
}

#[test]
fn a_row_of_the_job_board_feed_is_a_posting() {
    assert_eq!(
        set_fields(&jb(&full_jb())),
        json!({
            "source": {"provider": "fantastic_jobs", "feed": "jb", "id": "9", "domain": "uk.linkedin.com"},
            "url": "https://uk.linkedin.com/jobs/view/16",
            "apply_url": "https://jobs.lever.co/leeds/6f1cdd0e-72c4-4e6f-9a3b-0d2f7c1a9b55?lever-source=LinkedIn",
            "direct_apply": false,
            "title": "Data Engineer",
            "description_text": "Build & run.\nIn <Leeds>.",
            "organisation": {
                "name": "Leeds Data", "id": "leeds-data", "domain": "leeds.example", "website": "https://www.leeds.example/about",
                "logo": "https://leeds.example/logo.png", "agency": true,
            },
            "locations": [
                {"raw": "Leeds, England, United Kingdom", "city": "Leeds", "region": "England", "country": "United Kingdom",
                 "country_code": "GB", "latitude": 53.8, "longitude": -1.5},
                {"raw": "Wales, United Kingdom", "region": "Wales", "country": "United Kingdom", "country_code": "GB"},
            ],
            "remote": {"mode": "remote", "raw": "TELECOMMUTE", "places": ["United Kingdom"]},
            "employment_types": ["FULL_TIME", "INTERN"],
            "employment_types_raw": ["FULL_TIME", "INTERN"],
            "salary": {"min": "450.25", "max": "450.25", "currency": "GBP", "unit": "DAY", "basis": "derived"},
            "experience": {"level": "entry", "raw": "2-5", "min_years": 2, "max_years": 5},
            "education": ["bachelor degree", "Something else"],
            "skills": ["SQL"],
            "categories": [
                {"scheme": "fantastic_jobs/taxonomy_a", "label": "Data & Analytics"},
                {"scheme": "fantastic_jobs/taxonomy_a", "label": "Software"},
            ],
            "language": "en",
            "language_raw": "English",
            "posted": "2026-01-05T09:00:00Z",
            "created": "2026-01-05T10:00:00.5Z",
            "valid_through": "2026-02-01T06:00:00Z",
            "extra": {
                "linkedin_id": 16, "source": "linkedin", "seniority": "Entry level", "ai_work_arrangement": "Remote Solely",
                "location_requirements": [{"@type": "Country", "name": "United Kingdom"}],
                "locations_derived": ["Leeds, England, United Kingdom", "Wales, United Kingdom"], "cities_derived": ["Leeds"],
                "countries_derived": ["United Kingdom"], "lats_derived": [53.8], "lngs_derived": [-1.5],
            },
        })
    );
}

#[test]
fn a_row_of_the_older_product_is_a_posting() {
    assert_eq!(
        set_fields(&jb(&fixture("fantastic_jobs/active_jb_older.json")[0])),
        json!({
            "source": {"provider": "fantastic_jobs", "feed": "jb", "id": "77"},
            "direct_apply": true,
            "organisation": {"id": "leeds-bakers", "domain": "leeds.example", "website": "https://leeds.example"},
            "locations": [{"city": "Leeds", "country": "GB", "country_code": "GB"}],
            "experience": {"level": "entry", "raw": "Entry level"},
            "created": "2026-01-05T10:00:00.5Z",
            "valid_through": "2026-02-01T00:00:00Z",
            "extra": {"linkedin_id": 4400, "org_linkedin_headcount": "26", "org_linkedin_founded_date": "2010", "remote_derived": false},
        })
    );
}

#[test]
fn an_edited_row_has_the_source_of_its_row() {
    let row = &fixture("fantastic_jobs/active_ats.json")[0];
    let edited = Posting::from(&decode::<fantastic_jobs::ModifiedAtsJob>(row));
    assert_eq!(edited, ats(0));
}

#[test]
fn the_parts_of_two_places_are_not_mixed() {
    let mut row = full_jb();
    row["locations"] = json!([{"address": {"addressLocality": "Hull"}}, {"address": {"addressCountry": "GB"}}]);
    let posting = jb(&row);
    assert_eq!((posting.locations[0].city.as_deref(), posting.locations[0].region.as_deref()), (Some("Hull"), None));
    assert_eq!(posting.locations[0].raw.as_deref(), Some("Leeds, England, United Kingdom"));
    assert_eq!(
        (posting.locations[1].region.as_deref(), posting.locations[1].country.as_deref()),
        (Some("Wales"), Some("GB"))
    );
    // Coordinates whose place is not known.
    row["lats_derived"] = json!([53.8]);
    row["lngs_derived"] = json!([-1.5]);
    assert!(jb(&row).locations.iter().all(|place| place.latitude.is_none()));
}

#[test]
fn work_arrangements_are_read() {
    let mode = |arrangement: &str| {
        let row = json!({"id": 1, "ai_work_arrangement": arrangement});
        jb(&row).remote.mode.map(|mode| mode.to_string())
    };
    let expected = [
        ("On-site", "on_site"),
        ("Hybrid", "hybrid"),
        ("Remote OK", "remote_possible"),
        ("Remote Solely", "remote"),
        ("Boat", "Boat"),
    ];
    for (arrangement, expected) in expected {
        assert_eq!(mode(arrangement).as_deref(), Some(expected));
    }
}

#[test]
fn a_job_of_employjoy_is_a_posting() {
    let schema = &fixture("employjoy/jobs_page.json")["data"][0]["applicationFormSchema"];
    assert_eq!(
        set_fields(&employjoy(0)),
        json!({
            "source": {"provider": "employjoy", "feed": "jobs", "id": "job_88031"},
            "title": "Greenhouse Assistant",
            "organisation": {"name": "Fern & Moss", "id": "co_512"},
            "locations": [{"city": "Duluth", "region": "MN", "country": "US", "country_code": "US"}],
            "employment_types": ["PART_TIME"],
            "employment_types_raw": ["part_time"],
            "salary": {"min": "17.25", "max": "21", "currency": "USD", "unit": "HOUR", "basis": "stated"},
            "created": "2026-02-03T08:15:00Z",
            "updated": "2026-02-05T09:00:00.25Z",
            "openings": 3,
            "status": "open",
            "status_raw": "open",
            "extra": {"headcount": {"total": 4, "filled": 1}, "applicationFormSchema": schema},
        })
    );
    assert_eq!(
        set_fields(&employjoy(1)),
        json!({
            "source": {"provider": "employjoy", "feed": "jobs", "id": "job_88032"},
            "title": "Delivery Rider",
            "organisation": {"name": "Velo Nord", "id": "co_513"},
            "locations": [{"city": "Madison", "country": "US", "country_code": "US"}],
            "updated": "2026-02-06T00:00:00Z",
            "status": "paused",
            "status_raw": "paused",
            "extra": {
                "bonus": {"sign_on": 150}, "headcount": {"filled": 0}, "createdAt": "soon",
                "compensation": {"type": "per_trip", "currency": "USD"},
            },
        })
    );
}

#[test]
fn a_job_of_jobaffinity_is_a_posting() {
    assert_eq!(
        set_fields(&jobaffinity("jobaffinity/job.json")),
        json!({
            "source": {"provider": "jobaffinity", "feed": "jobs", "id": "611"},
            "reference": "BN-611",
            "title": "Boulangère de nuit",
            "description_html": "<p>Pétrir.</p>",
            "description_text": "Pétrir.",
            "organisation": {"name": "Fournil", "id": "12", "agency": true},
            "locations": [{
                "street": "8 quai Nord", "city": "Brest", "postal_code": "29200", "country": "FR", "country_code": "FR",
                "latitude": 48.3904, "longitude": -4.4861,
            }],
            "employment_types": ["TEMPORARY"],
            "employment_types_raw": ["CDD", "Contrat à durée déterminée"],
            "created_day": "2026-02-11",
            "status": "open",
            "status_raw": "PUBLISHED",
            "extra": {
                "client": "Fournil du Port", "term": {"count": 6.0, "unit": "MONTH"}, "questionnaire": {"questions": 3}, "salary_hint": "SMIC",
                "attributes": {"items": [
                    {"name": "Permis", "api_name": "licence", "value": "B"}, {"name": "Essai", "api_name": "trial", "value": 2},
                ]},
            },
        })
    );
    assert_eq!(
        set_fields(&jobaffinity("jobaffinity/job_older.json")),
        json!({
            "source": {"provider": "jobaffinity", "feed": "jobs", "id": "612"},
            "title": "Vendeur",
            "locations": [{"street": "8 quai Nord", "city": "Brest", "postal_code": "29200", "country": "FR", "country_code": "FR"}],
            "status": "FROZEN",
            "status_raw": "FROZEN",
            "extra": {"term": {"count": 1.5, "unit": "DAY"}},
        })
    );
    let parts: jobaffinity::Job =
        decode(&json!({"id": 1, "status": "ARCHIVED", "description": "", "employer_description": "<p>Us</p>",
        "profile_description": "<p>You</p>", "creation_date": "hier", "contract_type": {"abbreviation": "CDI"}}));
    let posting = Posting::from(&parts);
    assert_eq!(posting.description_html.as_deref(), Some("<p>Us</p>\n<p>You</p>"));
    assert_eq!((posting.status.unwrap().as_str(), posting.employment_types[0].as_str()), ("closed", "CDI"));
    assert_eq!(posting.extra["creation_date"], "hier");
}

#[test]
fn no_person_is_in_a_posting() {
    let person = json!({"id": 1, "first_name": "Sentinel", "last_name": "Sentinel", "email": "sentinel@x.example", "phone": "+49 421 5550100"});
    let people = json!({
        "owner": person, "recruiter": "Sentinel", "recruiterName": "Sentinel", "recruiter_name": "Sentinel", "recruiter_title": "Sentinel",
        "recruiter_url": "https://people.example/sentinel", "ai_hiring_manager_name": "Sentinel", "Hiring Manager": "Sentinel",
        "ai_hiring_manager_email_address": "sentinel@x.example", "contact": {"name": "Sentinel"}, "team": [person],
        "candidates": [{"name": "Sentinel"}], "created_by": "Sentinel", "note": "Write to sentinel@x.example, please",
        "reach": "tel:+49 421 5550100", "nested": {"deeper": [{"user": {"name": "Sentinel"}}, "sentinel@x.example"]},
        "attributes": {"items": [{"name": "Responsable", "value": "Sentinel"}, {"api_name": "recruteur", "value": "Sentinel"}]},
        "kept": {"wanted": "bread"},
    });
    let with_people = |mut record: Value| {
        for (name, value) in people.as_object().unwrap() {
            record[name] = value.clone();
        }
        record
    };
    let jobdata_record = with_people(json!({"id": 1, "company": people.clone()}));
    let postings = [
        Posting::from(&decode::<jobdata::Job>(&jobdata_record)),
        Posting::from(&decode::<fantastic_jobs::ActiveAtsJob>(&with_people(json!({"id": 1})))),
        Posting::from(&decode::<fantastic_jobs::ModifiedAtsJob>(&with_people(json!({"id": 1})))),
        Posting::from(&decode::<fantastic_jobs::ActiveJbJob>(&with_people(full_jb()))),
        Posting::from(&decode::<employjoy::Job>(&with_people(json!({"id": "job_1", "company": people.clone()})))),
        {
            let mut record = people.clone();
            record["id"] = json!(1);
            record["team"] = json!({"_self": "/team", "name": "Sentinel"});
            Posting::from(&decode::<jobaffinity::Job>(&record))
        },
    ];
    for posting in &postings {
        let all = format!(
            "{}{posting:?}{}{:?}",
            serde_json::to_string(posting).unwrap(),
            posting.to_json_ld(),
            posting.identities()
        );
        let found = all.to_lowercase();
        assert!(!found.contains("sentinel") && !found.contains("5550100"), "{}: {all}", posting.source.provider);
        assert_eq!(posting.extra["kept"]["wanted"], "bread", "{}", posting.source.provider);
    }
}

#[test]
fn a_posting_survives_json() {
    let postings = [
        jobdataapi(0),
        jobdataapi(2),
        ats(0),
        jb(&full_jb()),
        employjoy(0),
        jobaffinity("jobaffinity/job.json"),
        Posting::new("a", "b", "c"),
    ];
    for posting in postings {
        let text = serde_json::to_string(&posting).unwrap();
        assert_eq!(serde_json::from_str::<Posting>(&text).unwrap(), posting);
    }
    let least: Posting = serde_json::from_value(json!({"source": {"provider": "a", "feed": "b", "id": "c"}})).unwrap();
    assert_eq!(least, Posting::new("a", "b", "c"), "absent fields are empty ones");
    assert!(serde_json::from_value::<Posting>(json!({"title": "no source"})).is_err());
    let names = serde_json::to_value(&least).unwrap();
    let names: Vec<&str> = names.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names.len(), 32, "every field is always written: {names:?}");
}

/// The files of a vendor's documented payloads, when `JOBFEED_SAMPLES` names their folder.
#[test]
fn every_documented_payload_is_a_posting() {
    let Ok(folder) = std::env::var("JOBFEED_SAMPLES") else { return };
    fn read<T: DeserializeOwned>(file: PathBuf, map: impl Fn(&T) -> Posting) -> usize {
        let body: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        let list = ["results", "data", "items"].iter().find_map(|name| body.get(name)).unwrap_or(&body);
        let records = list.as_array().map_or(std::slice::from_ref(list), Vec::as_slice);
        for record in records {
            let posting = map(&decode(record));
            assert!(!posting.source.id.is_empty() && posting.title.is_some(), "{}", file.display());
            assert_eq!(serde_json::from_value::<Posting>(serde_json::to_value(&posting).unwrap()).unwrap(), posting);
            assert_eq!(posting.to_json_ld()["title"], posting.title.unwrap());
        }
        records.len()
    }
    let file = |name: &str| PathBuf::from(&folder).join(name);
    let mut read_records = 0;
    read_records += read(file("jobdataapi/jobs_page_SYNTHETIC.json"), |job: &jobdata::Job| job.into());
    read_records +=
        read(file("fantastic_jobs/legacy_active_ats_24h.json"), |job: &fantastic_jobs::ActiveAtsJob| job.into());
    read_records +=
        read(file("fantastic_jobs/v1_active_ats_partial.json"), |job: &fantastic_jobs::ActiveAtsJob| job.into());
    read_records +=
        read(file("fantastic_jobs/legacy_active_jb_24h.json"), |job: &fantastic_jobs::ActiveJbJob| job.into());
    read_records +=
        read(file("fantastic_jobs/v1_active_jb_partial.json"), |job: &fantastic_jobs::ActiveJbJob| job.into());
    for name in [
        "jobs_list.json",
        "jobs_list_getting_started.json",
        "derived_jobs_list_all_nullable_null.json",
        "derived_jobs_list_last_page.json",
    ] {
        read_records += read(file(&format!("employjoy/{name}")), |job: &employjoy::Job| job.into());
    }
    for name in ["job_detail.json", "job_detail_old.json", "job_list_page.json"] {
        read_records += read(file(&format!("jobaffinity/{name}")), |job: &jobaffinity::Job| job.into());
    }
    assert!(read_records >= 14, "{read_records} records");
}

fn ats_job(json: &str) -> Posting {
    Posting::from(&serde_json::from_str::<fantastic_jobs::ActiveAtsJob>(json).unwrap())
}

#[test]
fn an_amount_is_a_number_with_separators_of_thousands_or_none() {
    for (text, expected) in [
        ("31,000.50", Some("31000.50")),
        ("1.234,56", None),
        ("31000,50", None),
        ("1,234,567", Some("1234567")),
        ("NaN", None),
        ("-5", None),
        ("1e999", None),
        ("३१", None),
        (",", None),
        ("1,,000", None),
    ] {
        let posting = ats_job(&format!(
            r#"{{"id":"1","ai_salary_value":"{text}","ai_salary_currency":"EUR","ai_salary_unittext":"YEAR"}}"#
        ));
        let min = posting.salary.as_ref().and_then(|s| s.min.clone()).map(|d| d.as_str().to_owned());
        assert_eq!(min.as_deref(), expected, "{text}");
    }
}

#[test]
fn promise_8_people_in_unknown_members_are_left_out() {
    let posting = ats_job(
        r#"{"id":"1","new_thing":{"ann@example.com":"x"},"call":"tel:0301234567","Surname":"Sentinel","family-name":"Sentinel","given_name":"Sentinel","a":["MAILTO:x%40y.test"],"keep":"yes"}"#,
    );
    let text = serde_json::to_string(&posting.extra).unwrap();
    assert!(text.contains("yes"));
    for bad in ["ann@", "030123", "Sentinel", "%40"] {
        assert!(!text.contains(bad), "{bad}: {text}");
    }
}
