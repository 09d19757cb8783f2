//! The filters of all other lists.

use serde::Serialize;
use serde_json::value::RawValue;

use super::catalog::{Catalog, Company, Country, Entry, raw};
use super::data::JobData;
use super::query::{Invalid, Params, day_of, look_up};
use super::record::{Job, texts};

#[derive(Serialize)]
struct ExpiredJson<'a> {
    id: u64,
    ext_id: Option<&'a str>,
    title: &'a str,
    company: Option<&'a RawValue>,
    countries: Vec<&'a RawValue>,
    application_url: &'a str,
    published: String,
    expired: Option<String>,
}

pub(super) fn expired_text(catalog: &Catalog, job: &Job) -> String {
    let company = job.company.and_then(|index| catalog.companies.get(index));
    let json = ExpiredJson {
        id: job.key.id,
        ext_id: job.ext_id.as_deref(),
        title: &job.title,
        company: company.map(|company| &*company.json),
        countries: texts(&catalog.countries, &job.countries),
        application_url: &job.application_url,
        published: job.key.published.to_string(),
        expired: job.expired.map(|at| at.to_string()),
    };
    raw(&json).get().to_owned()
}

pub(super) fn expired<'a>(data: &'a JobData, params: Params<'_>) -> Result<Vec<&'a Job>, Invalid> {
    let catalog = &data.catalog;
    let (since, until) = (params.date("expired_since")?, params.date("expired_until")?);
    let countries = params.codes("country_code")?;
    let companies = params.ids("company_id")?;
    let sources = params.ids("company_source_id")?;
    let url = params.text("application_url");
    let mut rows: Vec<&Job> = data
        .jobs()
        .iter()
        .filter(|job| {
            let Some(at) = job.expired else { return false };
            let day = day_of(at);
            let company = job.company.and_then(|index| catalog.companies.get(index));
            let in_country =
                |code: &String| look_up(&catalog.countries, &job.countries).any(|country| country.code == code);
            since.is_none_or(|since| day >= since)
                && until.is_none_or(|until| day <= until)
                && countries.passes(in_country)
                && companies.passes(|id| company.is_some_and(|company| company.id == *id))
                && sources.passes(|id| company.is_some_and(|company| company.source_id == *id))
                && url.is_none_or(|url| job.application_url == url)
        })
        .collect();
    rows.sort_by_key(|job| (std::cmp::Reverse(job.expired), job.key.id));
    Ok(rows)
}

pub(super) fn companies<'a>(catalog: &'a Catalog, params: Params<'_>) -> Result<Vec<&'a RawValue>, Invalid> {
    let industry = params.ids("industry_id")?;
    let sources = params.ids("source_id")?;
    let (least, most) = (params.number("min_size")?, params.number("max_size")?);
    let (name, company_name) = (params.keywords("name", 1)?, params.keywords("company_name", 1)?);
    let specialty = params.keywords("company_specialty", 1)?;
    let passes = |company: &&Entry<Company>| {
        let size = u64::from(company.size);
        industry.passes(|id| company.industry == Some(*id))
            && sources.passes(|id| company.source_id == *id)
            && least.is_none_or(|least| size >= least)
            && most.is_none_or(|most| size <= most)
            && name.passes_text(&company.name)
            && company_name.passes_text(&company.name)
            && specialty.passes_text(&company.specialties)
    };
    Ok(catalog.companies.iter().filter(passes).map(|company| &*company.full_json).collect())
}

pub(super) fn tags<'a>(catalog: &'a Catalog, params: Params<'_>) -> Result<Vec<&'a RawValue>, Invalid> {
    let levels = params.codes("tag_type")?;
    let parents = params.ids("parent_id")?;
    let name = params.keywords("name", 1)?;
    let (min_jobs, max_jobs) = (params.number("min_jobs")?, params.number("max_jobs")?);
    let (min_children, max_children) = (params.number("min_children")?, params.number("max_children")?);
    let between = |value: u32, least: Option<u64>, most: Option<u64>| {
        least.is_none_or(|least| u64::from(value) >= least) && most.is_none_or(|most| u64::from(value) <= most)
    };
    let rows = catalog.tags.iter().filter(|tag| {
        let is_level = |level: &String| *level == tag.level || tag.level.strip_prefix("ROLE") == Some(level);
        levels.passes(is_level)
            && parents.passes(|id| tag.parent_id == Some(*id))
            && name.passes_text(&tag.name)
            && between(tag.jobs, min_jobs, max_jobs)
            && between(tag.children, min_children, max_children)
    });
    Ok(rows.map(|tag| &*tag.json).collect())
}

/// Whether the country at an index of the catalog is the one that `country_id` and `country_code` ask for.
fn in_country<'a>(catalog: &'a Catalog, params: Params<'_>) -> Result<impl Fn(usize) -> bool + use<'a>, Invalid> {
    let ids = params.ids("country_id")?;
    let codes = params.codes("country_code")?;
    let passes = move |country: &Entry<Country>| {
        ids.passes(|id| country.id == *id) && codes.passes(|code| country.code == *code)
    };
    Ok(move |index| catalog.countries.get(index).is_some_and(&passes))
}

fn has_name(params: Params<'_>, name: &str, asciiname: &str) -> bool {
    let passes =
        |field, value: &str| params.text(field).is_none_or(|part| value.to_lowercase().contains(&part.to_lowercase()));
    passes("name", name) && passes("asciiname", asciiname)
}

pub(super) fn cities<'a>(catalog: &'a Catalog, params: Params<'_>) -> Result<Vec<&'a RawValue>, Invalid> {
    let in_country = in_country(catalog, params)?;
    let state_ids = params.ids("state_id")?;
    let state_code = params.text("state_code");
    let rows = catalog.cities.iter().filter(|city| {
        let state = city.state_index.and_then(|index| catalog.states.get(index));
        in_country(city.country_index)
            && state_ids.passes(|id| state.is_some_and(|state| state.geonameid == *id))
            && state_code.is_none_or(|code| state.is_some_and(|state| state.code == code))
            && has_name(params, &city.name, &city.asciiname)
    });
    Ok(rows.map(|city| &*city.json).collect())
}

pub(super) fn states<'a>(catalog: &'a Catalog, params: Params<'_>) -> Result<Vec<&'a RawValue>, Invalid> {
    let in_country = in_country(catalog, params)?;
    let code = params.text("code");
    let rows = catalog.states.iter().filter(|state| {
        in_country(state.country_index)
            && code.is_none_or(|code| state.code == code)
            && has_name(params, &state.name, &state.asciiname)
    });
    Ok(rows.map(|state| &*state.json).collect())
}

pub(super) fn rates<'a>(catalog: &'a Catalog, params: Params<'_>) -> Result<Vec<&'a RawValue>, Invalid> {
    let on = params.date("date")?;
    let (from, to) = (params.date("date_from")?, params.date("date_to")?);
    let rows = catalog.rates.iter().filter(|rate| {
        on.is_none_or(|on| rate.date == on)
            && from.is_none_or(|from| rate.date >= from)
            && to.is_none_or(|to| rate.date <= to)
    });
    Ok(rows.map(|rate| &*rate.json).collect())
}
