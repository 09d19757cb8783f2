//! Postings as JSON-LD, by the rules of job searches.

use jobfeed::posting::{EmploymentType, Location, Posting, PostingStatus, RemoteMode, Salary, SalaryUnit};
use serde_json::{Value, json};

use super::providers::full_jb;
use super::support::*;

#[test]
fn a_job_of_jobdataapi_has_all_that_is_required() {
    let posting = jobdataapi(0);
    assert_eq!(
        posting.to_json_ld(),
        json!({
            "@context": "https://schema.org/",
            "@type": "JobPosting",
            "title": "Night Baker (m/f/d)",
            "description": "<p>We bake at night. Write to Jo at jo@nordlicht.example.</p>",
            "datePosted": "2026-03-01T04:30:00Z",
            "identifier": {"@type": "PropertyValue", "name": "Backhaus Nordlicht", "value": "BAK-0045"},
            "hiringOrganization": {
                "@type": "Organization", "name": "Backhaus Nordlicht", "sameAs": "https://nordlicht.example/",
                "logo": "https://media.example/logo/nordlicht.png",
            },
            "jobLocation": {
                "@type": "Place",
                "address": {"@type": "PostalAddress", "addressLocality": "Bremen", "addressRegion": "Bremen", "addressCountry": "DE"},
                "geo": {"@type": "GeoCoordinates", "latitude": 53.075, "longitude": 8.807},
            },
            "employmentType": ["FULL_TIME", "PART_TIME"],
        })
    );
    assert!(posting.json_ld_missing().is_empty());
    assert!(posting.salary.is_some(), "without a unit it is no `baseSalary`");
}

#[test]
fn a_remote_row_of_fantastic_jobs_has_no_place_of_work() {
    let posting = jb(&full_jb());
    assert_eq!(
        posting.to_json_ld(),
        json!({
            "@context": "https://schema.org/",
            "@type": "JobPosting",
            "title": "Data Engineer",
            "description": "<p>Build &amp; run.<br>In &lt;Leeds&gt;.</p>",
            "url": "https://uk.linkedin.com/jobs/view/16",
            "datePosted": "2026-01-05T09:00:00Z",
            "validThrough": "2026-02-01T06:00:00Z",
            "identifier": {"@type": "PropertyValue", "name": "fantastic_jobs", "value": "9"},
            "hiringOrganization": {
                "@type": "Organization", "name": "Leeds Data", "sameAs": "https://www.leeds.example/about",
                "logo": "https://leeds.example/logo.png",
            },
            "jobLocationType": "TELECOMMUTE",
            "applicantLocationRequirements": {"@type": "Country", "name": "United Kingdom"},
            "employmentType": ["FULL_TIME", "INTERN"],
            "baseSalary": {
                "@type": "MonetaryAmount", "currency": "GBP",
                "value": {"@type": "QuantitativeValue", "value": 450.25, "unitText": "DAY"},
            },
            "directApply": false,
            "experienceRequirements": {"@type": "OccupationalExperienceRequirements", "monthsOfExperience": 24},
            "educationRequirements": {"@type": "EducationalOccupationalCredential", "credentialCategory": "bachelor degree"},
            "skills": "SQL",
        })
    );
    assert!(posting.json_ld_missing().is_empty());
}

#[test]
fn a_row_of_the_ats_feed_has_several_places_and_a_range() {
    let posting = ats(0);
    let json_ld = posting.to_json_ld();
    assert_eq!(
        json_ld["jobLocation"],
        json!([
            {
                "@type": "Place",
                "address": {
                    "@type": "PostalAddress", "streetAddress": "Am Wall 1", "addressLocality": "Bremen", "postalCode": "28195",
                    "addressCountry": "DE",
                },
                "geo": {"@type": "GeoCoordinates", "latitude": 53.07, "longitude": 8.8},
            },
            {"@type": "Place", "address": {"@type": "PostalAddress", "addressRegion": "Hessen", "addressCountry": "DE"}},
        ])
    );
    let range = json!({"@type": "QuantitativeValue", "minValue": 31_000, "maxValue": 36_500.5, "unitText": "YEAR"});
    assert_eq!(json_ld["baseSalary"], json!({"@type": "MonetaryAmount", "currency": "EUR", "value": range}));
    assert_eq!(
        (&json_ld["validThrough"], &json_ld["employmentType"]),
        (&json!("2026-06-01"), &json!(["FULL_TIME", "OTHER"]))
    );
    assert_eq!(posting.json_ld_missing(), ["description"]);
}

#[test]
fn a_job_of_employjoy_misses_what_the_api_does_not_have() {
    let posting = employjoy(0);
    assert_eq!(
        posting.to_json_ld(),
        json!({
            "@context": "https://schema.org/",
            "@type": "JobPosting",
            "title": "Greenhouse Assistant",
            "identifier": {"@type": "PropertyValue", "name": "employjoy", "value": "job_88031"},
            "hiringOrganization": {"@type": "Organization", "name": "Fern & Moss"},
            "jobLocation": {
                "@type": "Place",
                "address": {"@type": "PostalAddress", "addressLocality": "Duluth", "addressRegion": "MN", "addressCountry": "US"},
            },
            "employmentType": "PART_TIME",
            "baseSalary": {
                "@type": "MonetaryAmount", "currency": "USD",
                "value": {"@type": "QuantitativeValue", "minValue": 17.25, "maxValue": 21, "unitText": "HOUR"},
            },
            "totalJobOpenings": 3,
        })
    );
    assert_eq!(posting.json_ld_missing(), ["description", "datePosted"]);
}

#[test]
fn a_job_of_jobaffinity_misses_its_publication() {
    let posting = jobaffinity("jobaffinity/job.json");
    assert_eq!(
        posting.to_json_ld(),
        json!({
            "@context": "https://schema.org/",
            "@type": "JobPosting",
            "title": "Boulangère de nuit",
            "description": "<p>Pétrir.</p>",
            "identifier": {"@type": "PropertyValue", "name": "Fournil", "value": "BN-611"},
            "hiringOrganization": {"@type": "Organization", "name": "Fournil"},
            "jobLocation": {
                "@type": "Place",
                "address": {
                    "@type": "PostalAddress", "streetAddress": "8 quai Nord", "addressLocality": "Brest", "postalCode": "29200",
                    "addressCountry": "FR",
                },
                "geo": {"@type": "GeoCoordinates", "latitude": 48.3904, "longitude": -4.4861},
            },
            "employmentType": "TEMPORARY",
        })
    );
    assert_eq!(posting.json_ld_missing(), ["datePosted"], "the creation of a record is no publication");
}

fn full() -> Posting {
    jobdataapi(0)
}

#[test]
fn remote_work_changes_the_place_only_when_it_is_all_remote() {
    for mode in [RemoteMode::Hybrid, RemoteMode::RemotePossible, RemoteMode::OnSite] {
        let mut posting = full();
        posting.remote.mode = Some(mode);
        let json_ld = posting.to_json_ld();
        assert!(json_ld.get("jobLocation").is_some() && json_ld.get("jobLocationType").is_none());
    }
    let mut posting = full();
    posting.remote.mode = Some(RemoteMode::Remote);
    assert!(posting.to_json_ld().get("jobLocation").is_none());
    assert_eq!(
        posting.json_ld_missing(),
        ["applicantLocationRequirements"],
        "the office is not where applicants must be"
    );
    posting.remote.places = vec!["Germany".to_owned(), "Bavaria".to_owned()];
    let areas = json!([{"@type": "Country", "name": "Germany"}, {"@type": "AdministrativeArea", "name": "Bavaria"}]);
    assert_eq!(posting.to_json_ld()["applicantLocationRequirements"], areas);
    assert!(posting.json_ld_missing().is_empty());
}

#[test]
fn places_without_an_address_or_a_country_are_missing() {
    let mut posting = full();
    let mut nowhere = Location::default();
    nowhere.raw = Some("by the sea".to_owned());
    posting.locations = vec![nowhere.clone()];
    assert_eq!(posting.json_ld_missing(), ["jobLocation"]);
    assert!(posting.to_json_ld().get("jobLocation").is_none());
    nowhere.city = Some("Bremen".to_owned());
    posting.locations = vec![nowhere];
    assert_eq!(posting.json_ld_missing(), ["jobLocation.address.addressCountry"]);
}

#[test]
fn dates_are_as_stated() {
    let mut posting = full();
    posting.posted = None;
    posting.posted_day = Some(jobfeed::jiff::civil::date(2026, 3, 1));
    posting.valid_through = Some("2026-09-01T00:00:00Z".parse().unwrap());
    posting.status = Some(PostingStatus::Expired);
    assert_eq!(posting.to_json_ld()["datePosted"], "2026-03-01");
    assert_eq!(posting.to_json_ld()["validThrough"], "2026-09-01T00:00:00Z");
    posting.expired = Some("2026-04-01T00:00:00Z".parse().unwrap());
    assert_eq!(posting.to_json_ld()["validThrough"], "2026-04-01T00:00:00Z", "it was taken down before");
}

#[test]
fn a_salary_needs_amount_currency_and_unit() {
    let salary = |min: Option<&str>, max: Option<&str>, currency: Option<&str>, unit: Option<SalaryUnit>| {
        let mut posting = full();
        let mut salary = Salary::default();
        (salary.min, salary.max) = (min.map(Into::into), max.map(Into::into));
        (salary.currency, salary.unit) = (currency.map(str::to_owned), unit);
        posting.salary = Some(salary);
        posting.to_json_ld().get("baseSalary").map(|salary| salary["value"].clone())
    };
    let year = || Some(SalaryUnit::Year);
    let range = |min: Value| json!({"@type": "QuantitativeValue", "minValue": min, "unitText": "YEAR"});
    assert_eq!(salary(Some("31000.50"), None, Some("EUR"), year()), Some(range(json!(31_000.5))));
    assert_eq!(salary(Some("31000"), None, Some("EUR"), year()), Some(range(json!(31_000))));
    assert_eq!(salary(None, None, Some("EUR"), year()), None);
    assert_eq!(salary(Some("80k"), None, Some("EUR"), year()), None);
    assert_eq!(salary(Some("1"), None, None, year()), None);
    assert_eq!(salary(Some("1"), None, Some("EUR"), None), None);
    assert_eq!(salary(Some("1"), None, Some("EUR"), Some(SalaryUnit::Other("per_trip".to_owned()))), None);
}

#[test]
fn every_kind_of_employment_has_a_name_of_the_standard() {
    let names = ["FULL_TIME", "PART_TIME", "CONTRACTOR", "TEMPORARY", "INTERN", "VOLUNTEER", "PER_DIEM"];
    let read = ["full-time", "Part Time", "freelance", "temp", "Internship", "volunteer", "per diem"];
    assert_eq!(read.map(EmploymentType::read), names.map(EmploymentType::from));
    let mut posting = full();
    posting.employment_types = names.into_iter().chain(["CDI", "Apprenticeship"]).map(EmploymentType::from).collect();
    let expected: Vec<&str> = names.into_iter().chain(["OTHER"]).collect();
    assert_eq!(posting.to_json_ld()["employmentType"], json!(expected));
}

#[test]
fn a_script_element_cannot_be_ended() {
    let mut posting = full();
    posting.description_html = Some("<p>a</p><!-- --></SCRIPT><script>alert(1)</script>".to_owned());
    let script = posting.to_json_ld_script();
    assert!(!script.contains('<'), "{script}");
    assert_eq!(serde_json::from_str::<Value>(&script).unwrap(), posting.to_json_ld());
}

#[test]
fn a_degree_that_is_no_number_is_left_out() {
    let (mut posting, mut place) = (Posting::new("test", "jobs", "1"), Location::default());
    place.city = Some("Bern".to_owned());
    (place.latitude, place.longitude) = (Some(f64::NAN), Some(7.4));
    posting.locations.push(place);
    assert!(posting.to_json_ld()["jobLocation"].get("geo").is_none());
}
