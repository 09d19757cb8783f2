//! Rows of the feeds as [`Posting`]s.

use serde_json::Value;

use super::models::{ActiveAtsJob, ActiveJbJob, ModifiedAtsJob, Place};
use crate::json::Decimal;
use crate::posting::{
    self, Category, ExperienceLevel, Location, Posting, Remote, RemoteMode, Salary, SalaryBasis, SalaryUnit, amount,
    filled,
};

/// The members that have a field of a posting, and those with personal data. The salary of the ad and the recognised places, which are only read in
/// part, are in `extra` too; so is what a model has derived and the ad itself states.
const MAPPED: [&str; 30] = [
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
    "employment_type",
    "description_text",
    "description_html",
    "ai_key_skills",
    "ai_education",
    "ai_experience_level",
    "ai_taxonomies_a",
    "ai_job_language",
    "ai_hiring_manager_name",
    "ai_hiring_manager_email_address",
    "org_linkedin_slug",
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
        let coordinates = job.lats_derived.iter().zip(&job.lngs_derived);
        // Without a coordinate for each place it is not known whose they are.
        let coordinates = coordinates.filter(|_| job.lats_derived.len() == job.locations_derived.len().max(1));
        for (place, (latitude, longitude)) in posting.locations.iter_mut().zip(coordinates) {
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
        if job.location_type.is_none() {
            posting.extra.remove("ai_work_arrangement");
        }
        posting.remote = remote(job.location_type.as_deref(), job.ai_work_arrangement.as_deref(), places);
        // The ad's own words have priority over those of a model.
        let kinds = if job.employment_type.is_empty() { &job.ai_employment_type } else { &job.employment_type };
        if job.employment_type.is_empty() {
            posting.extra.remove("ai_employment_type");
        }
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
        if posting.salary.as_ref().is_some_and(|salary| salary.basis == Some(SalaryBasis::Derived)) {
            for (name, read) in [
                ("ai_salary_currency", true),
                ("ai_salary_unit_text", true),
                ("ai_salary_value", amount(job.ai_salary_value.as_ref()).is_some()),
                ("ai_salary_min_value", amount(job.ai_salary_min_value.as_ref()).is_some()),
                ("ai_salary_max_value", amount(job.ai_salary_max_value.as_ref()).is_some()),
            ] {
                if read {
                    posting.extra.remove(name);
                }
            }
        }
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
        posting.posted = posting::instant(&mut posting.extra, "date_posted", job.date_posted.as_ref());
        posting.created = posting::instant(&mut posting.extra, "date_created", job.date_created.as_ref());
        if let Some(until) = &job.date_valid_through {
            posting.valid_through_day = until.as_str().parse().ok().filter(|_| until.as_str().len() == 10);
            let instant = posting::instant(&mut posting.extra, "date_valid_through", Some(until));
            posting.valid_through = instant.filter(|_| posting.valid_through_day.is_none());
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
        posting.updated = posting::instant(&mut posting.extra, "date_modified", job.date_modified.as_ref());
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
            if posting.experience.raw.is_none() {
                posting.experience.raw = Some(seniority);
                posting.extra.remove("seniority");
            }
        }
        posting.extra.remove("external_apply_url");
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
        // Either the ad's city and region or the recognised ones: a mixture may be no place.
        let stated = place.city.is_some() || place.region.is_some();
        let (city, region) = if stated { (&place.city, &place.region) } else { (&recognised.city, &recognised.region) };
        (location.city, location.region) = (city.clone(), region.clone());
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
    let mode = match (telecommute, arrangement) {
        (Some(_), _) | (None, Some("Remote Solely")) => Some(RemoteMode::Remote),
        (None, Some("Remote OK")) => Some(RemoteMode::RemotePossible),
        (None, Some("Hybrid")) => Some(RemoteMode::Hybrid),
        (None, Some("On-site")) => Some(RemoteMode::OnSite),
        (None, other) => filled(other).map(RemoteMode::Other),
    };
    Remote { mode, raw: filled(telecommute.or(arrangement)), places }
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
