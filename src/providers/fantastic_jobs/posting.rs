//! Rows of the feeds as [`Posting`]s.

use serde_json::Value;

use super::models::{ActiveAtsJob, ActiveJbJob, ModifiedAtsJob, Place};
use crate::json::{DateTime, Decimal};
use crate::posting::{
    self, Category, EmploymentType, ExperienceLevel, Location, Posting, Remote, RemoteMode, Salary, SalaryBasis,
    SalaryUnit, amount, filled,
};

/// The members that have a field of a posting, and those with personal data. A salary of the ad is in `extra` too, as received.
const MAPPED: [&str; 41] = [
    "id",
    "date_created",
    "date_posted",
    "date_valid_through",
    "date_modified",
    "title",
    "url",
    "organization",
    "organization_logo",
    "source_domain",
    "locations",
    "location_type",
    "locations_derived",
    "cities_derived",
    "countries_derived",
    "lats_derived",
    "lngs_derived",
    "employment_type",
    "ai_employment_type",
    "description_text",
    "description_html",
    "ai_salary_currency",
    "ai_salary_value",
    "ai_salary_min_value",
    "ai_salary_max_value",
    "ai_salary_unit_text",
    "ai_key_skills",
    "ai_education",
    "ai_experience_level",
    "ai_work_arrangement",
    "ai_taxonomies_a",
    "ai_job_language",
    "ai_hiring_manager_name",
    "ai_hiring_manager_email_address",
    "org_linkedin_website",
    "org_linkedin_recruitment_agency_derived",
    "domain_derived",
    "recruiter_name",
    "recruiter_title",
    "recruiter_url",
    "direct_apply",
];

/// What all rows have.
macro_rules! posting {
    ($job:expr, $feed:literal) => {{
        let job = $job;
        let mut posting = Posting::new("fantastic_jobs", $feed, job.id.to_string());
        posting.source.domain = filled(job.source_domain.as_deref());
        posting.extra = posting::extra(job, &MAPPED);
        posting.url = filled(job.url.as_deref());
        posting.title = filled(job.title.as_deref());
        posting.describe(job.description_html.as_deref(), job.description_text.as_deref());
        posting.organisation.name = filled(job.organization.as_deref());
        posting.organisation.id = filled(job.org_linkedin_slug.as_deref());
        posting.organisation.logo = filled(job.organization_logo.as_deref());
        posting.organisation.agency = job.org_linkedin_recruitment_agency_derived;
        let derived = &job.locations_derived;
        posting.locations = locations(&job.places(), derived, &job.cities_derived);
        if posting.locations.is_empty() {
            posting.locations = job.countries_derived.iter().map(|country| derived_place(country, &[])).collect();
        }
        for ((place, latitude), longitude) in posting.locations.iter_mut().zip(&job.lats_derived).zip(&job.lngs_derived)
        {
            if let (None, Some(latitude), Some(longitude)) = (place.latitude, latitude, longitude) {
                (place.latitude, place.longitude) = (Some(*latitude), Some(*longitude));
            }
        }
        let areas = [&job.ai_remote_location_derived, &job.ai_remote_location];
        let mut places = job.location_requirements.as_ref().map(names).unwrap_or_default();
        for areas in areas {
            if places.is_empty() {
                places = posting::list(areas);
            }
        }
        posting.remote = remote(job.location_type.as_deref(), job.ai_work_arrangement.as_deref(), places);
        // The ad's own words have priority over those of a model.
        let kinds = if job.employment_type.is_empty() { &job.ai_employment_type } else { &job.employment_type };
        posting.employ(kinds.iter().map(String::as_str));
        let stated = || {
            let read = job.salary()?;
            let text = |amount: f64| Decimal::from(amount.to_string());
            let mut salary = Salary::of(read.min.map(text), read.max.map(text), SalaryBasis::Stated)?;
            salary.currency = read.currency;
            salary.unit = read.unit.map(SalaryUnit::from);
            Some(salary)
        };
        let derived = || {
            let one = amount(job.ai_salary_value.as_ref());
            let min = amount(job.ai_salary_min_value.as_ref()).or(one.clone());
            let max = amount(job.ai_salary_max_value.as_ref()).or(one);
            let mut salary = Salary::of(min, max, SalaryBasis::Derived)?;
            salary.currency = filled(job.ai_salary_currency.as_deref());
            salary.unit = job.ai_salary_unit_text.as_deref().map(|unit| SalaryUnit::from(unit.to_uppercase()));
            Some(salary)
        };
        posting.salary = stated().or_else(derived);
        if let Some(years) = filled(job.ai_experience_level.as_deref()) {
            (posting.experience.min_years, posting.experience.max_years) = years_of(&years);
            posting.experience.raw = Some(years);
        }
        posting.education = posting::list(&job.ai_education);
        posting.skills = posting::list(&job.ai_key_skills);
        let label = |label: &String| Category::new("fantastic_jobs/taxonomy_a", None, filled(Some(label)));
        posting.categories = job.ai_taxonomies_a.iter().map(label).collect();
        posting.language_raw = filled(job.ai_job_language.as_deref());
        posting.language = posting.language_raw.as_deref().and_then(language_code).map(str::to_owned);
        posting.posted = job.date_posted.as_ref().and_then(DateTime::timestamp);
        posting.created = job.date_created.as_ref().and_then(DateTime::timestamp);
        if let Some(until) = &job.date_valid_through {
            posting.valid_through_day = until.as_str().parse().ok().filter(|_| until.as_str().len() == 10);
            posting.valid_through = until.timestamp().filter(|_| posting.valid_through_day.is_none());
        }
        posting
    }};
}

/// What the rows of the ATS feed have beside that.
macro_rules! ats_posting {
    ($job:expr) => {{
        let job = $job;
        let mut posting = posting!(job, "ats");
        posting.organisation.domain = job.domain_derived.as_deref().map(str::to_lowercase);
        posting.organisation.set_website(job.org_linkedin_website.as_deref());
        if posting.organisation.logo.is_none() {
            posting.organisation.logo = filled(job.org_logo_permalink.as_deref());
        }
        posting.updated = job.date_modified.as_ref().and_then(DateTime::timestamp);
        posting
    }};
}

/// * `salary` is of the ad's structured data where it has one, else derived by a model (observed); all fields that begin with `ai_` are.
/// * A place of the ad's structured data and the recognised place of the same number are the same one (inferred).
/// * `TELECOMMUTE` in the structured data is only remote, by the rules of job searches; else the model's `Remote Solely` is (inferred).
impl From<&ActiveAtsJob> for Posting {
    fn from(job: &ActiveAtsJob) -> Self {
        ats_posting!(job)
    }
}

/// As of an [`ActiveAtsJob`], of which it is a later copy: both have the same source.
impl From<&ModifiedAtsJob> for Posting {
    fn from(job: &ModifiedAtsJob) -> Self {
        ats_posting!(job)
    }
}

/// As of an [`ActiveAtsJob`]. `direct_apply` is about the page on the job board (observed). The recruiter is left out.
impl From<&ActiveJbJob> for Posting {
    fn from(job: &ActiveJbJob) -> Self {
        let mut posting = posting!(job, "jb");
        posting.organisation.set_website(job.org_linkedin_website.as_deref());
        posting.apply_url = filled(job.external_apply_url.as_deref());
        posting.direct_apply = job.direct_apply;
        if let Some(seniority) = filled(job.seniority.as_deref()) {
            posting.experience.level = Some(match seniority.as_str() {
                "Entry level" => ExperienceLevel::Entry,
                "Director" | "Executive" => ExperienceLevel::Executive,
                _ => ExperienceLevel::Other(seniority.clone()),
            });
            posting.experience.raw.get_or_insert(seniority);
        }
        for name in ["external_apply_url", "seniority"] {
            posting.extra.remove(name);
        }
        let intern = posting.experience.level == Some(ExperienceLevel::Other("Internship".to_owned()));
        if intern && posting.employment_types.is_empty() {
            posting.employment_types.push(EmploymentType::Intern);
        }
        posting
    }
}

/// The places of the structured data with the recognised text of the same place; without any, the recognised ones.
fn locations(places: &[Place], derived: &[String], cities: &[String]) -> Vec<Location> {
    if places.is_empty() {
        return derived.iter().map(|text| derived_place(text, cities)).collect();
    }
    let texts: &[String] = if places.len() == derived.len() { derived } else { &[] };
    let place = |(number, place): (usize, &Place)| {
        let recognised = texts.get(number).map(|text| derived_place(text, cities)).unwrap_or_default();
        let mut location = Location::default();
        location.street.clone_from(&place.street);
        location.city = place.city.clone().or(recognised.city);
        location.region = place.region.clone().or(recognised.region);
        location.postal_code.clone_from(&place.postal_code);
        location.set_country(place.country.as_deref().or(recognised.country.as_deref()));
        location.raw = recognised.raw;
        (location.latitude, location.longitude) = (place.latitude, place.longitude);
        location
    };
    places.iter().enumerate().map(place).collect()
}

/// Reads `City, Region, Country`. Of two parts the first one is a city when it is one of the recognised cities, else a region.
fn derived_place(text: &str, cities: &[String]) -> Location {
    let mut place = Location::default();
    let (before, country) = text.rsplit_once(", ").map_or((None, text), |(before, country)| (Some(before), country));
    place.set_country(Some(country));
    place.raw = filled(Some(text));
    match before.map(|before| before.split_once(", ").unwrap_or((before, ""))) {
        Some((region, "")) if !cities.iter().any(|city| city == region) => place.region = filled(Some(region)),
        Some((city, region)) => (place.city, place.region) = (filled(Some(city)), filled(Some(region))),
        None => {}
    }
    place
}

fn remote(location_type: Option<&str>, arrangement: Option<&str>, places: Vec<String>) -> Remote {
    let telecommute = location_type.filter(|kind| *kind == "TELECOMMUTE");
    let mut remote = Remote::default();
    remote.raw = filled(telecommute.or(arrangement));
    remote.mode = match (telecommute, arrangement) {
        (Some(_), _) | (None, Some("Remote Solely")) => Some(RemoteMode::Remote),
        (None, Some("Remote OK")) => Some(RemoteMode::RemotePossible),
        (None, Some("Hybrid")) => Some(RemoteMode::Hybrid),
        (None, Some("On-site")) => Some(RemoteMode::OnSite),
        (None, other) => filled(other).map(RemoteMode::Other),
    };
    remote.places = places;
    remote
}

/// The names of schema.org areas: one object or a list. The shape is unknown, so anything else has no names.
fn names(areas: &Value) -> Vec<String> {
    let areas = areas.as_array().map_or(std::slice::from_ref(areas), Vec::as_slice);
    areas.iter().filter_map(|area| filled(area.get("name")?.as_str())).collect()
}

/// Reads `2-5` and `10+`.
fn years_of(text: &str) -> (Option<u32>, Option<u32>) {
    match text.split_once('-') {
        Some((min, max)) => (min.trim().parse().ok(), max.trim().parse().ok()),
        None => (text.trim_end_matches('+').trim().parse().ok(), None),
    }
}

/// The code of a language's English name; the vendor's list is unknown, so others have none.
fn language_code(name: &str) -> Option<&'static str> {
    const LANGUAGES: &str = "ar Arabic cs Czech da Danish de German el Greek en English es Spanish fi Finnish fr French he Hebrew hi Hindi \
        hu Hungarian id Indonesian it Italian ja Japanese ko Korean nl Dutch no Norwegian pl Polish pt Portuguese ro Romanian ru Russian \
        sv Swedish th Thai tr Turkish uk Ukrainian vi Vietnamese zh Chinese";
    let mut words = LANGUAGES.split_ascii_whitespace();
    std::iter::from_fn(|| Some((words.next()?, words.next()?)))
        .find(|(code, known)| code.eq_ignore_ascii_case(name) || known.eq_ignore_ascii_case(name))
        .map(|(code, _)| code)
}
