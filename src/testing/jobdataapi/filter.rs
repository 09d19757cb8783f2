//! The filters of the job list.

use jiff::Timestamp;
use jiff::civil::Date;

use super::catalog::Catalog;
use super::query::{Invalid, Keywords, Multi, Params, SLICING, days_before, description_of, look_up};
use super::record::{Job, JobKey};

/// Shorter keywords of `title` and `location` are ignored.
const SHORTEST_KEYWORD: usize = 3;
/// The window of a request without slicing parameters.
const DEFAULT_DAYS: u64 = 90;
/// Parameters of the list that are no filters.
const NO_FILTERS: [&str; 4] = ["page", "page_size", "description_str", "api_key"];

/// The window that the slicing parameters give. It is checked for every job, so it needs only the [`JobKey`].
#[derive(Default)]
struct Window {
    since: Option<Date>,
    until: Option<Date>,
    min_id: Option<u64>,
    max_id: Option<u64>,
    not_after: Option<Timestamp>,
    not_before: Option<Timestamp>,
}

impl Window {
    /// Reads the parameters. `slicing` says whether they have an effect; without any the window is the last 90 days.
    fn new(params: Params<'_>, now: Timestamp, slicing: bool) -> Result<Self, Invalid> {
        let before = |days: u64| days_before(now, days);
        if !slicing || params.has_any(&SLICING).is_none() {
            return Ok(Self { not_before: Some(before(DEFAULT_DAYS)), ..Self::default() });
        }
        Ok(Self {
            since: params.date("published_since")?,
            until: params.date("published_until")?,
            min_id: params.number("min_id")?,
            max_id: params.number("max_id")?,
            not_after: params.number("min_age")?.map(before),
            not_before: match params.text("max_age") {
                Some("off" | "null" | "0") => None,
                _ => params.number("max_age")?.map(before),
            },
        })
    }

    fn passes(&self, key: JobKey) -> bool {
        self.min_id.is_none_or(|id| key.id >= id)
            && self.max_id.is_none_or(|id| key.id <= id)
            && self.since.is_none_or(|day| key.day >= day)
            && self.until.is_none_or(|day| key.day <= day)
            && self.not_before.is_none_or(|at| key.published >= at)
            && self.not_after.is_none_or(|at| key.published <= at)
    }
}

/// The filters of `/api/jobs/`.
pub(super) struct JobFilter {
    window: Window,
    /// Whether no parameter can be a filter: then jobs are not looked at.
    passes_all: bool,
    country: Multi<String>,
    state_code: Option<String>,
    state_id: Multi<u32>,
    city_name: Option<String>,
    region: Multi<u32>,
    kind: Multi<u32>,
    company: Multi<u32>,
    source: Multi<u32>,
    company_name: Keywords,
    title: Keywords,
    location: Keywords,
    description: Vec<String>,
    has_remote: bool,
    exclude_expired: bool,
    experience: Option<String>,
    language: Option<String>,
    ext_id: Option<String>,
    application_url: Option<String>,
    min_salary: Option<u64>,
}

impl JobFilter {
    /// Reads the parameters. `slicing` says whether the six slicing ones have an effect.
    pub(super) fn new(params: Params<'_>, now: Timestamp, slicing: bool) -> Result<Self, Invalid> {
        let owned = |name: &str| params.text(name).map(str::to_owned);
        Ok(Self {
            window: Window::new(params, now, slicing)?,
            passes_all: params.all_in(&[SLICING.as_slice(), &NO_FILTERS]),
            country: params.codes("country_code")?,
            state_code: owned("state_code"),
            state_id: params.ids("state_id")?,
            city_name: owned("city_name"),
            region: params.ids("region_id")?,
            kind: params.ids("type_id")?,
            company: params.ids("company_id")?,
            source: params.ids("company_source_id")?,
            company_name: params.keywords("company_name", 1)?,
            title: params.keywords("title", SHORTEST_KEYWORD)?,
            location: params.keywords("location", SHORTEST_KEYWORD)?,
            description: words(params.text("description")),
            has_remote: params.flag("has_remote")?,
            exclude_expired: params.flag("exclude_expired")?,
            experience: owned("experience_level"),
            language: owned("language"),
            ext_id: owned("ext_id"),
            application_url: owned("application_url"),
            min_salary: params.number("min_salary")?,
        })
    }

    /// Whether the job with this key is in the window.
    pub(super) fn in_window(&self, key: JobKey) -> bool {
        self.window.passes(key)
    }

    /// Whether a job passes all filters except the window.
    pub(super) fn passes(&self, catalog: &Catalog, job: &Job) -> bool {
        if self.passes_all {
            return true;
        }
        (!self.exclude_expired || job.expired.is_none())
            && (!self.has_remote || job.has_remote)
            && same(self.experience.as_deref(), job.experience)
            && same(self.language.as_deref(), job.language)
            && same(self.ext_id.as_deref(), job.ext_id.as_deref())
            && same(self.application_url.as_deref(), Some(&job.application_url))
            && self.min_salary.is_none_or(|least| job.salary.is_some_and(|amount| u64::from(amount) >= least))
            && self.title.passes(&job.title)
            && self.location.passes(&job.location)
            && self.passes_places(catalog, job)
            && self.passes_company(catalog, job)
            && self.passes_description(job)
    }

    fn passes_places(&self, catalog: &Catalog, job: &Job) -> bool {
        let countries = || look_up(&catalog.countries, &job.countries);
        let cities = || look_up(&catalog.cities, &job.cities);
        let states = || cities().filter_map(|city| catalog.states.get(city.state_index?));
        let regions = || countries().filter_map(|country| catalog.regions.get(country.region_index));
        let kinds = || look_up(&catalog.types, &job.types);
        self.country.passes(|code| countries().any(|country| country.code == *code))
            && self.region.passes(|id| regions().any(|region| region.id == *id))
            && self.kind.passes(|id| kinds().any(|kind| kind.id == *id))
            && self.state_id.passes(|id| states().any(|state| state.geonameid == *id))
            && self.state_code.as_ref().is_none_or(|code| states().any(|state| state.code == *code))
            && self
                .city_name
                .as_ref()
                .is_none_or(|name| cities().any(|city| city.name == *name || city.asciiname == *name))
    }

    fn passes_company(&self, catalog: &Catalog, job: &Job) -> bool {
        let company = job.company.and_then(|index| catalog.companies.get(index));
        self.company.passes(|id| company.is_some_and(|company| company.id == *id))
            && self.source.passes(|id| company.is_some_and(|company| company.source_id == *id))
            && self.company_name.passes(company.map_or("", |company| &company.name))
    }

    fn passes_description(&self, job: &Job) -> bool {
        if self.description.is_empty() {
            return true;
        }
        let text = description_of(&job.json).to_lowercase();
        self.description.iter().all(|word| match word.strip_prefix('-') {
            Some(word) => !text.contains(word),
            None => text.contains(word.as_str()),
        })
    }
}

/// The words of a full-text query. Phrases and `or` have no meaning here: the text must have every word.
fn words(text: Option<&str>) -> Vec<String> {
    let words = text.unwrap_or_default().split_whitespace();
    words.map(|word| word.replace('"', "").to_lowercase()).filter(|word| !word.is_empty()).collect()
}

fn same(wanted: Option<&str>, given: Option<&str>) -> bool {
    wanted.is_none() || wanted == given
}
