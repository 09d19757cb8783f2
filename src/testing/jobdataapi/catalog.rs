//! Everything that jobs refer to: places, companies, types, tags, currency rates.

use std::ops::Deref;

use fastrand::Rng;
use jiff::Span;
use jiff::civil::Date;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use super::names::{
    COMPANY_HEADS, COMPANY_TAILS, COMPANY_TYPES, COUNTRIES, FAMILIES, GRADES, INDUSTRIES, PLACE_HEADS, PLACE_TAILS,
    REGIONS, SPECIALTIES, TYPES,
};

const STATES_PER_COUNTRY: usize = 12;
const CITIES_PER_STATE: usize = 3;
const COMPANY_COUNT: usize = 400;
const RATE_DAYS: i64 = 120;

type Json = Box<RawValue>;

/// JSON text of any value. None of the types here can fail to serialize.
pub(super) fn raw<T: Serialize>(value: &T) -> Json {
    to_raw_value(value).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

/// A row of a list with its JSON text, as it is served on its own and inside of jobs.
pub(super) struct Entry<T> {
    row: T,
    pub(super) json: Json,
}

impl<T: Serialize> Entry<T> {
    fn new(row: T) -> Self {
        Self { json: raw(&row), row }
    }
}

impl<T> Deref for Entry<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.row
    }
}

/// A row that has only an identity and a name.
#[derive(Serialize)]
pub(super) struct Named {
    pub(super) id: u32,
    name: &'static str,
}

#[derive(Serialize)]
pub(super) struct Country {
    pub(super) id: u32,
    pub(super) code: &'static str,
    pub(super) name: &'static str,
    region: Option<Json>,
    /// Index into the regions.
    #[serde(skip)]
    pub(super) region_index: usize,
}

#[derive(Serialize)]
pub(super) struct State {
    pub(super) geonameid: u32,
    pub(super) code: String,
    pub(super) asciiname: String,
    pub(super) name: String,
    country: Json,
    /// Index into the countries.
    #[serde(skip)]
    pub(super) country_index: usize,
}

#[derive(Serialize)]
pub(super) struct City {
    pub(super) geonameid: u32,
    pub(super) asciiname: String,
    pub(super) name: String,
    country: Json,
    state: Option<Json>,
    timezone: &'static str,
    latitude: String,
    longitude: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    population: Option<u32>,
    /// Index into the countries.
    #[serde(skip)]
    pub(super) country_index: usize,
    /// Index into the states; some cities have none.
    #[serde(skip)]
    pub(super) state_index: Option<usize>,
}

/// A company as it is in a job.
#[derive(Serialize)]
pub(super) struct Company {
    pub(super) id: u32,
    pub(super) source_id: u32,
    pub(super) name: String,
    logo: Option<String>,
    website_url: String,
    linkedin_url: String,
    twitter_handle: Option<&'static str>,
    github_url: Option<String>,
    pub(super) is_agency: bool,
    /// One in a line. Only a filter reads them: which member of a record has them is not known.
    #[serde(skip)]
    pub(super) specialties: String,
    #[serde(skip)]
    pub(super) industry: Option<u32>,
    /// Employees. Only a filter reads it: which member of the record has it is not known.
    #[serde(skip)]
    pub(super) size: u32,
    /// As `/api/companies/` serves it.
    #[serde(skip)]
    pub(super) full_json: Json,
}

#[derive(Serialize)]
struct FullCompany<'a> {
    #[serde(flatten)]
    company: &'a Company,
    info_description: Option<String>,
    info_type: Value,
    info_industry: Option<&'a RawValue>,
}

#[derive(Serialize)]
pub(super) struct Tag {
    pub(super) id: u32,
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) level: String,
    parent: Option<Json>,
    #[serde(skip)]
    pub(super) parent_id: Option<u32>,
    #[serde(skip)]
    pub(super) jobs: u32,
    #[serde(skip)]
    pub(super) children: u32,
}

#[derive(Serialize)]
pub(super) struct Rate {
    id: i64,
    pub(super) date: Date,
    rates: Value,
}

pub(super) struct Catalog {
    pub(super) regions: Vec<Entry<Named>>,
    pub(super) types: Vec<Entry<Named>>,
    pub(super) industries: Vec<Entry<Named>>,
    pub(super) company_types: Vec<Entry<Named>>,
    pub(super) countries: Vec<Entry<Country>>,
    pub(super) states: Vec<Entry<State>>,
    pub(super) cities: Vec<Entry<City>>,
    pub(super) companies: Vec<Entry<Company>>,
    pub(super) tags: Vec<Entry<Tag>>,
    /// The newest first.
    pub(super) rates: Vec<Entry<Rate>>,
    pub(super) has_agencies: bool,
}

impl Catalog {
    /// Every `agency`-th company is an agency; none is when `agency` is 0.
    pub(super) fn new(seed: u64, today: Date, agency: usize) -> Self {
        let mut rng = Rng::with_seed(seed);
        let regions = named((1..).zip(REGIONS));
        let industries = named(INDUSTRIES);
        let countries: Vec<Entry<Country>> = COUNTRIES
            .iter()
            .map(|&(id, code, name, region_index, _)| {
                let region = regions.get(region_index).map(|region| region.json.clone());
                Entry::new(Country { id, code, name, region, region_index })
            })
            .collect();
        let (mut states, mut cities) = (Vec::new(), Vec::new());
        for (index, country) in countries.iter().enumerate() {
            for number in 1..=STATES_PER_COUNTRY {
                states.push(state(&mut rng, country, index, number, states.len()));
                for _ in 0..CITIES_PER_STATE {
                    let city = city(&mut rng, country, index, &states, cities.len());
                    cities.push(city);
                }
            }
        }
        let companies = (0..COMPANY_COUNT).scan(0, |id, index| {
            *id += rng.u32(1..40);
            let is_agency = agency > 0 && (index + 1).is_multiple_of(agency);
            Some(company(&mut rng, *id, &industries, is_agency))
        });
        Self {
            companies: companies.collect(),
            types: named((1..).zip(TYPES)),
            company_types: named((1..).zip(COMPANY_TYPES)),
            tags: tags(&mut rng),
            rates: rates(&mut rng, today),
            regions,
            industries,
            countries,
            states,
            cities,
            has_agencies: agency > 0,
        }
    }
}

fn named(rows: impl IntoIterator<Item = (u32, &'static str)>) -> Vec<Entry<Named>> {
    rows.into_iter().map(|(id, name)| Entry::new(Named { id, name })).collect()
}

/// The name of a place, in its own spelling and in ASCII.
fn place(rng: &mut Rng) -> (String, String) {
    let (head, ascii) = rng.choice(PLACE_HEADS).unwrap_or_default();
    let tail = rng.choice(PLACE_TAILS).unwrap_or_default();
    (format!("{head}{tail}"), format!("{ascii}{tail}"))
}

fn geonameid(index: usize, base: u32) -> u32 {
    u32::try_from(index).unwrap_or(0).saturating_mul(37).saturating_add(base)
}

fn state(rng: &mut Rng, country: &Entry<Country>, index: usize, number: usize, total: usize) -> Entry<State> {
    let (name, asciiname) = place(rng);
    Entry::new(State {
        geonameid: geonameid(total, 4_000_000),
        // Every country has the same codes: a state code means nothing without its country.
        code: format!("{number:02}"),
        asciiname,
        name,
        country: country.json.clone(),
        country_index: index,
    })
}

fn city(rng: &mut Rng, country: &Entry<Country>, index: usize, states: &[Entry<State>], total: usize) -> Entry<City> {
    let (name, asciiname) = place(rng);
    let state_index = states.len().checked_sub(1).filter(|_| rng.u8(..10) > 0);
    Entry::new(City {
        geonameid: geonameid(total, 6_000_000),
        asciiname,
        name,
        country: country.json.clone(),
        state: state_index.and_then(|state| states.get(state)).map(|state| state.json.clone()),
        timezone: COUNTRIES.get(index).map_or("UTC", |country| country.4),
        latitude: format!("{:.5}", rng.f64() * 130.0 - 55.0),
        longitude: format!("{:.5}", rng.f64() * 360.0 - 180.0),
        population: (rng.u8(..4) > 0).then(|| rng.u32(500..3_000_000)),
        country_index: index,
        state_index,
    })
}

fn company(rng: &mut Rng, id: u32, industries: &[Entry<Named>], is_agency: bool) -> Entry<Company> {
    let head = rng.choice(COMPANY_HEADS).unwrap_or_default();
    let tail = rng.choice(COMPANY_TAILS).unwrap_or_default();
    let source_id = rng.u32(1..60);
    let industry = rng.choice(industries).filter(|_| rng.u8(..8) > 0);
    let logo = match rng.u8(..4) {
        0 => None,
        1 => Some(String::new()),
        _ => Some(format!("https://media.example/company/logo/26/01/{id}.png")),
    };
    // Made from the id, so that they change no other value of the seed.
    let specialty = |n: u32| SPECIALTIES.get(n as usize % SPECIALTIES.len()).copied().unwrap_or_default();
    let mut company = Company {
        id,
        source_id,
        name: format!("{head} {tail}"),
        logo,
        website_url: if rng.u8(..5) == 0 { String::new() } else { format!("https://c{id}.example/") },
        linkedin_url: format!("https://social.example/company/{id}"),
        twitter_handle: (rng.u8(..3) == 0).then_some("hiring"),
        github_url: (rng.u8(..5) == 0).then(|| format!("https://code.example/c{id}")),
        is_agency,
        specialties: format!("{}\n{}", specialty(id), specialty(id / 7 + 3)),
        industry: industry.map(|industry| industry.id),
        size: 0,
        full_json: RawValue::NULL.to_owned(),
    };
    let kind = rng.usize(..COMPANY_TYPES.len());
    let kind = serde_json::json!({ "id": kind + 1, "name": COMPANY_TYPES.get(kind) });
    company.full_json = raw(&FullCompany {
        company: &company,
        info_description: (rng.u8(..3) > 0).then(|| format!("{head} makes tools. Seit 19{:02}.", id % 100)),
        // Both an object and an array were observed.
        info_type: match rng.u8(..3) {
            0 => Value::Null,
            1 => kind,
            _ => serde_json::json!([kind]),
        },
        info_industry: industry.map(|industry| &*industry.json),
    });
    company.size = rng.u32(1..20_000);
    Entry::new(company)
}

/// Tags of three levels. The record of a tag contains the record of its parent.
fn tags(rng: &mut Rng) -> Vec<Entry<Tag>> {
    let mut tags: Vec<Entry<Tag>> = Vec::new();
    let mut add = |name: String, level: u8, parent: Option<&(u32, Json)>, children: usize| {
        let id = u32::try_from(tags.len()).unwrap_or(0) * 3 + 1;
        let tag = Entry::new(Tag {
            id,
            name,
            level: format!("ROLE{level}"),
            parent: parent.map(|(_, json)| json.clone()),
            parent_id: parent.map(|(id, _)| *id),
            jobs: rng.u32(..5_000),
            children: u32::try_from(children).unwrap_or(0),
        });
        let json = tag.json.clone();
        tags.push(tag);
        (id, json)
    };
    for (family, categories) in FAMILIES {
        let family = add(family.to_owned(), 1, None, categories.len());
        for name in categories {
            let category = add(name.to_owned(), 2, Some(&family), GRADES.len());
            for grade in GRADES {
                add(format!("{grade} {name}"), 3, Some(&category), 0);
            }
        }
    }
    tags
}

fn rates(rng: &mut Rng, today: Date) -> Vec<Entry<Rate>> {
    let mut rate = |low: f64, high: f64| format!("{:.4}", low + (high - low) * rng.f64());
    let row = |back| {
        let rates = serde_json::json!({
            "USD": { "EUR": rate(0.8, 0.9), "GBP": rate(0.7, 0.8), "JPY": rate(140.0, 160.0) },
            "EUR": { "USD": rate(1.1, 1.2), "GBP": rate(0.8, 0.9), "JPY": rate(160.0, 180.0) },
        });
        let date = today.checked_sub(Span::new().days(back)).ok()?;
        Some(Entry::new(Rate { id: RATE_DAYS - back, date, rates }))
    };
    (0..RATE_DAYS).filter_map(row).collect()
}
