//! The filters of the job list.

use jiff::Timestamp;

use super::catalog::Catalog;
use super::query::{Invalid, Params, SLICING, days_before, description_of, look_up};
use super::record::{Job, JobKey};

/// Shorter keywords of `title` and `location` are ignored.
const SHORTEST_KEYWORD: usize = 3;
/// The window of a request without slicing parameters.
const DEFAULT_DAYS: u64 = 90;
/// Parameters of the list that are neither filters nor slicing parameters.
const NO_FILTERS: [&str; 4] = ["page", "page_size", "description_str", "api_key"];

/// Reads the slicing parameters, and returns whether a job is in the window. That is checked for every job, so it needs only
/// the [`JobKey`]. `slicing` says whether the parameters have an effect; without any the window is the last 90 days.
pub(super) fn window(params: Params<'_>, now: Timestamp, slicing: bool) -> Result<impl Fn(JobKey) -> bool, Invalid> {
    let before = |days: u64| days_before(now, days);
    // Parameters without an effect are not read, so that their wrong values are no error.
    let sliced = slicing && params.has_any(&SLICING).is_some();
    let date = |name| if sliced { params.date(name) } else { Ok(None) };
    let number = |name| if sliced { params.number(name) } else { Ok(None) };
    let (since, until) = (date("published_since")?, date("published_until")?);
    let (min_id, max_id) = (number("min_id")?, number("max_id")?);
    let not_after = number("min_age")?.map(before);
    let not_before = match params.text("max_age") {
        _ if !sliced => Some(before(DEFAULT_DAYS)),
        Some("off" | "null" | "0") => None,
        _ => params.number("max_age")?.map(before),
    };
    Ok(move |key: JobKey| {
        min_id.is_none_or(|id| key.id >= id)
            && max_id.is_none_or(|id| key.id <= id)
            && since.is_none_or(|day| key.day >= day)
            && until.is_none_or(|day| key.day <= day)
            && not_before.is_none_or(|at| key.published >= at)
            && not_after.is_none_or(|at| key.published <= at)
    })
}

/// Reads all other filters, and returns whether a job passes them.
pub(super) fn filter<'a>(catalog: &'a Catalog, params: Params<'a>) -> Result<impl Fn(&Job) -> bool + 'a, Invalid> {
    // Without filters no job is read, because reading every job of a large list from memory is slow.
    let passes_all = !catalog.has_agencies && params.all_in(&[&SLICING, &NO_FILTERS]);
    let (country, region) = (params.codes("country_code")?, params.ids("region_id")?);
    let (state_id, state_code) = (params.ids("state_id")?, params.codes("state_code")?);
    let (kind, city_name) = (params.ids("type_id")?, params.text("city_name"));
    let (company_id, source) = (params.ids("company_id")?, params.ids("company_source_id")?);
    let company_name = params.keywords("company_name", 1)?;
    let specialty = params.keywords("company_specialty", 1)?;
    let include_agencies = params.flag("include_agencies")?;
    let title = params.keywords("title", SHORTEST_KEYWORD)?;
    let location = params.keywords("location", SHORTEST_KEYWORD)?;
    let description = words(params.text("description"));
    let (has_remote, exclude_expired) = (params.flag("has_remote")?, params.flag("exclude_expired")?);
    let min_salary = params.number("min_salary")?;
    let is = move |name, value: Option<&str>| params.text(name).is_none_or(|wanted| value == Some(wanted));
    let in_places = move |job: &Job| {
        let countries = || look_up(&catalog.countries, &job.countries);
        let cities = || look_up(&catalog.cities, &job.cities);
        let states = || cities().filter_map(|city| catalog.states.get(city.state_index?));
        let regions = || countries().filter_map(|country| catalog.regions.get(country.region_index));
        country.passes(|code| countries().any(|country| country.code == *code))
            && region.passes(|id| regions().any(|region| region.id == *id))
            && state_id.passes(|id| states().any(|state| state.geonameid == *id))
            && state_code.passes(|code| states().any(|state| state.code == *code))
            && city_name.is_none_or(|name| cities().any(|city| city.name == name || city.asciiname == name))
    };
    let at_company = move |job: &Job| {
        let company = job.company.and_then(|index| catalog.companies.get(index));
        (include_agencies || !company.is_some_and(|company| company.is_agency))
            && specialty.passes_text(company.map_or("", |company| &company.specialties))
            && company_id.passes(|id| company.is_some_and(|company| company.id == *id))
            && source.passes(|id| company.is_some_and(|company| company.source_id == *id))
            && company_name.passes_text(company.map_or("", |company| &company.name))
    };
    Ok(move |job: &Job| {
        passes_all
            || (!exclude_expired || job.expired.is_none())
                && (!has_remote || job.has_remote)
                && is("experience_level", job.experience)
                && is("language", job.language)
                && is("ext_id", job.ext_id.as_deref())
                && is("application_url", Some(&job.application_url))
                && min_salary.is_none_or(|least| job.salary.is_some_and(|amount| u64::from(amount) >= least))
                && kind.passes(|id| look_up(&catalog.types, &job.types).any(|kind| kind.id == *id))
                && title.passes_text(&job.title)
                && location.passes_text(&job.location)
                && in_places(job)
                && at_company(job)
                && has_words(job, &description)
    })
}

/// The words of a full-text query. Phrases and `or` have no meaning here: the text must have every word.
fn words(text: Option<&str>) -> Vec<String> {
    let words = text.unwrap_or_default().split_whitespace();
    words.map(|word| word.replace('"', "").to_lowercase()).filter(|word| !word.is_empty()).collect()
}

fn has_words(job: &Job, words: &[String]) -> bool {
    if words.is_empty() {
        return true;
    }
    let text = description_of(&job.json).to_lowercase();
    words.iter().all(|word| match word.strip_prefix('-') {
        Some(word) => !text.contains(word),
        None => text.contains(word.as_str()),
    })
}
