//! A job as a [`Posting`].

use super::models::{City, ExperienceLevel, Job};
use crate::json::Decimal;
use crate::posting::{
    self, Category, Location, Posting, PostingStatus, RemoteMode, Salary, SalaryBasis, amount, filled, instant,
    named_extra,
};

/// The members that have a field of a posting. A salary that is no number stays in `extra`.
const MAPPED: [&str; 18] = [
    "id",
    "ext_id",
    "company",
    "title",
    "location",
    "types",
    "cities",
    "countries",
    "has_remote",
    "published",
    "expired",
    "description",
    "description_string",
    "experience_level",
    "application_url",
    "language",
    "salary_currency",
    "salary_min",
];

/// * `source.domain` is the host of the application URL (inferred).
/// * `has_remote` says "at least in part" (observed), so it becomes `remote_possible`; false becomes `on_site` (inferred).
/// * The salary has no unit: the API does not state the period.
/// * `status` is `expired` once `expired` is set (vendor page: changelog), and `open` before (inferred).
impl From<&Job> for Posting {
    fn from(job: &Job) -> Self {
        let mut posting = Self::new("jobdataapi", "jobs", job.id.to_string());
        let (min, max) = (amount(job.salary_min.as_ref()), amount(job.salary_max.as_ref()));
        let mut mapped = MAPPED.to_vec();
        mapped.retain(|name| *name != "salary_min" || min.is_some());
        mapped.extend(max.is_some().then_some("salary_max"));
        posting.extra = posting::extra(job, &mapped);
        posting.reference = filled(job.ext_id.as_deref());
        posting.apply_url = filled(job.application_url.as_deref());
        posting.source.domain = posting.apply_url.as_deref().and_then(host);
        posting.title = filled(job.title.as_deref());
        posting.describe(job.description.as_deref(), job.description_string.as_deref());
        if let Some(company) = &job.company {
            let organisation = &mut posting.organisation;
            organisation.name = filled(company.name.as_deref());
            organisation.id = company.id.map(|id| id.to_string());
            organisation.set_website(company.website_url.as_deref());
            organisation.logo = filled(company.logo.as_deref());
            organisation.agency = company.is_agency;
            for industry in &company.info_industry {
                let (code, label) = (industry.id.map(|id| id.to_string()), filled(industry.name.as_deref()));
                posting.categories.push(Category::new("jobdataapi/industry", code, label));
            }
            let members = posting::extra(company, &["id", "name", "website_url", "logo", "is_agency", "info_industry"]);
            named_extra(&mut posting.extra, "company", &members);
        }
        posting.locations = locations(job);
        posting.remote.mode =
            job.has_remote.map(|remote| if remote { RemoteMode::RemotePossible } else { RemoteMode::OnSite });
        posting.employ(job.types.iter().filter_map(|kind| kind.name.as_deref()));
        posting.salary = Salary::of(min, max, SalaryBasis::Stated).map(|mut salary| {
            salary.currency = filled(job.salary_currency.as_deref());
            salary
        });
        if let Some(level) = &job.experience_level {
            posting.experience.raw = Some(level.as_str().to_owned());
            posting.experience.level = Some(match level {
                ExperienceLevel::Entry => posting::ExperienceLevel::Entry,
                ExperienceLevel::Mid => posting::ExperienceLevel::Mid,
                ExperienceLevel::Senior => posting::ExperienceLevel::Senior,
                ExperienceLevel::Executive => posting::ExperienceLevel::Executive,
                ExperienceLevel::Other(code) => posting::ExperienceLevel::Other(code.clone()),
            });
        }
        posting.language_raw = filled(job.language.as_deref());
        posting.language = posting.language_raw.as_deref().map(str::to_lowercase);
        posting.posted = instant(&mut posting.extra, "published", job.published.as_ref());
        posting.expired = instant(&mut posting.extra, "expired", job.expired.as_ref());
        posting.status = Some(if job.expired.is_some() { PostingStatus::Expired } else { PostingStatus::Open });
        posting
    }
}

/// The cities; without any, the countries; without those, the free text.
fn locations(job: &Job) -> Vec<Location> {
    let raw = filled(job.location.as_deref());
    let mut places: Vec<Location> = job.cities.iter().map(city).collect();
    if places.is_empty() {
        places.extend(job.countries.iter().map(|country| {
            let mut place = Location::default();
            place.set_country(country.code.as_deref().or(country.name.as_deref()));
            place.country = filled(country.name.as_deref()).or(place.country);
            place
        }));
    }
    if places.is_empty() && raw.is_some() {
        places.push(Location::default());
    }
    // With several places the text may be about any of them.
    for place in &mut places {
        place.raw.clone_from(&raw);
    }
    places
}

fn city(city: &City) -> Location {
    let mut place = Location {
        city: filled(city.name.as_deref()),
        region: city.state.as_ref().and_then(|state| filled(state.name.as_deref())),
        latitude: city.latitude.as_ref().and_then(Decimal::to_f64),
        longitude: city.longitude.as_ref().and_then(Decimal::to_f64),
        ..Location::default()
    };
    if let Some(country) = &city.country {
        place.set_country(country.code.as_deref().or(country.name.as_deref()));
        place.country = filled(country.name.as_deref()).or(place.country);
    }
    place
}

fn host(url: &str) -> Option<String> {
    url::Url::parse(url).ok()?.host_str().map(str::to_owned)
}
