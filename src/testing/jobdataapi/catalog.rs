//! Everything that jobs refer to: places, companies, types, tags, currency rates.

use fastrand::Rng;
use jiff::civil::Date;
use jiff::{Span, Timestamp};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::names::{
    COMPANY_HEADS, COMPANY_TAILS, COMPANY_TYPES, COUNTRIES, FAMILIES, GRADES, INDUSTRIES, PLACE_HEADS, PLACE_TAILS,
    REGIONS, TYPES,
};

const STATES_PER_COUNTRY: usize = 12;
const CITIES_PER_STATE: usize = 3;
const COMPANY_COUNT: usize = 400;
const RATE_DAYS: i64 = 120;

/// JSON text of any value. None of the types here can fail to serialize.
pub(super) fn raw<T: Serialize>(value: &T) -> Box<RawValue> {
    to_raw_value(value).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

/// A row that has only an identity and a name.
pub(super) struct Named {
    pub(super) id: u32,
    pub(super) json: Box<RawValue>,
}

#[derive(Serialize)]
struct NamedJson<'a> {
    id: u32,
    name: &'a str,
}

fn named(id: u32, name: &str) -> Named {
    let json = raw(&NamedJson { id, name });
    Named { id, json }
}

/// Numbers names from 1.
fn numbered(names: &[&str]) -> Vec<Named> {
    (1..).zip(names).map(|(id, name)| named(id, name)).collect()
}

pub(super) struct Country {
    pub(super) id: u32,
    pub(super) code: &'static str,
    pub(super) name: &'static str,
    /// Index into the regions.
    pub(super) region: usize,
    pub(super) json: Box<RawValue>,
}

#[derive(Serialize)]
struct CountryJson<'a> {
    id: u32,
    code: &'a str,
    name: &'a str,
    region: Option<&'a RawValue>,
}

pub(super) struct State {
    pub(super) geonameid: u32,
    pub(super) code: String,
    pub(super) name: String,
    pub(super) asciiname: String,
    /// Index into the countries.
    pub(super) country: usize,
    pub(super) json: Box<RawValue>,
}

#[derive(Serialize)]
struct StateJson<'a> {
    geonameid: u32,
    code: &'a str,
    asciiname: &'a str,
    name: &'a str,
    country: &'a RawValue,
}

pub(super) struct City {
    pub(super) geonameid: u32,
    pub(super) name: String,
    pub(super) asciiname: String,
    /// Index into the countries.
    pub(super) country: usize,
    /// Index into the states; some cities have none.
    pub(super) state: Option<usize>,
    pub(super) json: Box<RawValue>,
}

#[derive(Serialize)]
struct CityJson<'a> {
    geonameid: u32,
    asciiname: &'a str,
    name: &'a str,
    country: &'a RawValue,
    state: Option<&'a RawValue>,
    timezone: &'a str,
    latitude: String,
    longitude: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    population: Option<u32>,
}

pub(super) struct Company {
    pub(super) id: u32,
    pub(super) source_id: u32,
    pub(super) name: String,
    pub(super) industry: Option<u32>,
    /// Employees. Only a filter: under which name the record tells it is not known.
    pub(super) size: u32,
    /// As it stands in a job.
    pub(super) json: Box<RawValue>,
    /// As `/api/companies/` serves it.
    pub(super) full_json: Box<RawValue>,
}

#[derive(Serialize)]
struct CompanyJson<'a> {
    id: u32,
    source_id: u32,
    name: &'a str,
    logo: Option<String>,
    website_url: String,
    linkedin_url: String,
    twitter_handle: Option<&'a str>,
    github_url: Option<String>,
    is_agency: bool,
}

#[derive(Serialize)]
struct FullCompanyJson<'a> {
    #[serde(flatten)]
    company: CompanyJson<'a>,
    info_description: Option<String>,
    info_type: serde_json::Value,
    info_industry: Option<&'a RawValue>,
}

pub(super) struct Tag {
    pub(super) id: u32,
    pub(super) name: String,
    pub(super) level: u8,
    pub(super) parent: Option<u32>,
    pub(super) jobs: u32,
    pub(super) children: u32,
    pub(super) json: Box<RawValue>,
}

#[derive(Serialize)]
struct TagJson<'a> {
    id: u32,
    name: &'a str,
    #[serde(rename = "type")]
    level: String,
    parent: Option<&'a RawValue>,
}

pub(super) struct Rate {
    pub(super) date: Date,
    pub(super) json: Box<RawValue>,
}

#[derive(Serialize)]
struct RateJson {
    id: i64,
    date: String,
    rates: serde_json::Value,
}

pub(super) struct Catalog {
    pub(super) regions: Vec<Named>,
    pub(super) types: Vec<Named>,
    pub(super) industries: Vec<Named>,
    pub(super) company_types: Vec<Named>,
    pub(super) countries: Vec<Country>,
    pub(super) states: Vec<State>,
    pub(super) cities: Vec<City>,
    pub(super) companies: Vec<Company>,
    pub(super) tags: Vec<Tag>,
    /// The newest first.
    pub(super) rates: Vec<Rate>,
}

impl Catalog {
    pub(super) fn new(seed: u64, now: Timestamp) -> Self {
        let mut rng = Rng::with_seed(seed);
        let regions = numbered(&REGIONS);
        let industries: Vec<Named> = INDUSTRIES.iter().map(|&(id, name)| named(id, name)).collect();
        let countries = countries(&regions);
        let mut states = Vec::new();
        let mut cities = Vec::new();
        for (index, country) in countries.iter().enumerate() {
            for number in 1..=STATES_PER_COUNTRY {
                states.push(state(&mut rng, country, index, number, states.len()));
                for _ in 0..CITIES_PER_STATE {
                    let city = city(&mut rng, country, index, &states, cities.len());
                    cities.push(city);
                }
            }
        }
        let companies = (0..COMPANY_COUNT).map(|_| ()).scan(0, |id, ()| {
            *id += rng.u32(1..40);
            Some(company(&mut rng, *id, &industries))
        });
        Self {
            companies: companies.collect(),
            types: numbered(&TYPES),
            company_types: numbered(&COMPANY_TYPES),
            tags: tags(&mut rng),
            rates: rates(&mut rng, now),
            regions,
            industries,
            countries,
            states,
            cities,
        }
    }
}

fn countries(regions: &[Named]) -> Vec<Country> {
    let country = |&(id, code, name, region, _): &(u32, &'static str, &'static str, usize, &str)| {
        let json = raw(&CountryJson { id, code, name, region: regions.get(region).map(|region| &*region.json) });
        Country { id, code, name, region, json }
    };
    COUNTRIES.iter().map(country).collect()
}

/// A name of a place, as it is written there and in ASCII.
fn place(rng: &mut Rng) -> (String, String) {
    let (head, ascii) = rng.choice(PLACE_HEADS).unwrap_or_default();
    let tail = rng.choice(PLACE_TAILS).unwrap_or_default();
    (format!("{head}{tail}"), format!("{ascii}{tail}"))
}

fn geonameid(index: usize, base: u32) -> u32 {
    u32::try_from(index).unwrap_or(0).saturating_mul(37).saturating_add(base)
}

fn state(rng: &mut Rng, country: &Country, index: usize, number: usize, total: usize) -> State {
    let (name, asciiname) = place(rng);
    // Every country has the same codes: a state code means nothing without its country.
    let code = format!("{number:02}");
    let geonameid = geonameid(total, 4_000_000);
    let json = raw(&StateJson { geonameid, code: &code, asciiname: &asciiname, name: &name, country: &country.json });
    State { geonameid, code, name, asciiname, country: index, json }
}

fn city(rng: &mut Rng, country: &Country, index: usize, states: &[State], total: usize) -> City {
    let (name, asciiname) = place(rng);
    let state = states.len().checked_sub(1).filter(|_| rng.u8(..10) > 0);
    let geonameid = geonameid(total, 6_000_000);
    let timezone = COUNTRIES.get(index).map_or("UTC", |country| country.4);
    let json = raw(&CityJson {
        geonameid,
        asciiname: &asciiname,
        name: &name,
        country: &country.json,
        state: state.and_then(|state| states.get(state)).map(|state| &*state.json),
        timezone,
        latitude: format!("{:.5}", rng.f64() * 130.0 - 55.0),
        longitude: format!("{:.5}", rng.f64() * 360.0 - 180.0),
        population: (rng.u8(..4) > 0).then(|| rng.u32(500..3_000_000)),
    });
    City { geonameid, name, asciiname, country: index, state, json }
}

fn company(rng: &mut Rng, id: u32, industries: &[Named]) -> Company {
    let head = rng.choice(COMPANY_HEADS).unwrap_or_default();
    let tail = rng.choice(COMPANY_TAILS).unwrap_or_default();
    let name = format!("{head} {tail}");
    let source_id = rng.u32(1..60);
    let industry = rng.choice(industries).filter(|_| rng.u8(..8) > 0);
    let logo = match rng.u8(..4) {
        0 => None,
        1 => Some(String::new()),
        _ => Some(format!("https://media.example/company/logo/26/01/{id}.png")),
    };
    let nested = CompanyJson {
        id,
        source_id,
        name: &name,
        logo,
        website_url: if rng.u8(..5) == 0 { String::new() } else { format!("https://c{id}.example/") },
        linkedin_url: format!("https://social.example/company/{id}"),
        twitter_handle: (rng.u8(..3) == 0).then_some("hiring"),
        github_url: (rng.u8(..5) == 0).then(|| format!("https://code.example/c{id}")),
        is_agency: false,
    };
    let json = raw(&nested);
    let kind = rng.usize(..COMPANY_TYPES.len());
    let kind = serde_json::json!({ "id": kind + 1, "name": COMPANY_TYPES.get(kind) });
    let full_json = raw(&FullCompanyJson {
        company: nested,
        info_description: (rng.u8(..3) > 0).then(|| format!("{head} makes things that last. Seit 19{:02}.", id % 100)),
        // Both an object and an array were seen.
        info_type: match rng.u8(..3) {
            0 => serde_json::Value::Null,
            1 => kind,
            _ => serde_json::json!([kind]),
        },
        info_industry: industry.map(|industry| &*industry.json),
    });
    Company {
        id,
        source_id,
        name,
        industry: industry.map(|industry| industry.id),
        size: rng.u32(1..20_000),
        json,
        full_json,
    }
}

/// Three levels; each tag holds its parent, which holds its own.
fn tags(rng: &mut Rng) -> Vec<Tag> {
    let mut tags: Vec<Tag> = Vec::new();
    let mut add = |name: String, level: u8, parent: Option<(u32, Box<RawValue>)>, children: usize| {
        let id = u32::try_from(tags.len()).unwrap_or(0) * 3 + 1;
        let json = raw(&TagJson {
            id,
            name: &name,
            level: format!("ROLE{level}"),
            parent: parent.as_ref().map(|(_, json)| &**json),
        });
        tags.push(Tag {
            id,
            name,
            level,
            parent: parent.map(|(id, _)| id),
            jobs: rng.u32(..5_000),
            children: u32::try_from(children).unwrap_or(0),
            json: json.clone(),
        });
        (id, json)
    };
    for (family, categories) in FAMILIES {
        let family = add(family.to_owned(), 1, None, categories.len());
        for name in categories {
            let category = add(name.to_owned(), 2, Some(family.clone()), GRADES.len());
            for grade in GRADES {
                add(format!("{grade} {name}"), 3, Some(category.clone()), 0);
            }
        }
    }
    tags
}

fn rates(rng: &mut Rng, now: Timestamp) -> Vec<Rate> {
    let today = super::query::day_of(now);
    let mut rates = Vec::new();
    for back in 0..RATE_DAYS {
        let Ok(date) = today.checked_sub(Span::new().days(back)) else {
            continue;
        };
        let mut rate = |low: f64, high: f64| format!("{:.4}", low + (high - low) * rng.f64());
        let table = serde_json::json!({
            "USD": { "EUR": rate(0.8, 0.9), "GBP": rate(0.7, 0.8), "JPY": rate(140.0, 160.0) },
            "EUR": { "USD": rate(1.1, 1.2), "GBP": rate(0.8, 0.9), "JPY": rate(160.0, 180.0) },
        });
        let json = raw(&RateJson { id: RATE_DAYS - back, date: date.to_string(), rates: table });
        rates.push(Rate { date, json });
    }
    rates
}
