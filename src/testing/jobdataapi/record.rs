//! One job, made from the seed and its id, and its JSON text.

use std::fmt::Write as _;
use std::sync::Arc;

use fastrand::Rng;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;
use serde_json::value::RawValue;

use super::catalog::{Catalog, Entry};
use super::names::{CURRENCIES, EXPERIENCE, LANGUAGES, LEVELS, ROLES, SENTENCES};
use super::query::{day_of, look_up};

/// The approximate size of a record in bytes, without its description and its nested objects.
const FRAME: usize = 420;

/// How records are made.
#[derive(Debug, Clone, Copy)]
pub(super) struct RecordStyle {
    pub(super) seed: u64,
    /// The mean size of a record in bytes.
    pub(super) record_size: usize,
}

/// The values of a job that a window depends on.
#[derive(Clone, Copy)]
pub(super) struct JobKey {
    pub(super) id: u64,
    pub(super) published: Timestamp,
    /// The day of `published`, UTC.
    pub(super) day: Date,
}

/// A job: the values that filters read, and its JSON text.
pub(super) struct Job {
    pub(super) key: JobKey,
    pub(super) expired: Option<Timestamp>,
    pub(super) ext_id: Option<String>,
    pub(super) title: String,
    pub(super) location: String,
    pub(super) application_url: String,
    /// Indexes into the catalog.
    pub(super) company: Option<usize>,
    pub(super) cities: Vec<usize>,
    pub(super) countries: Vec<usize>,
    pub(super) types: Vec<usize>,
    pub(super) has_remote: bool,
    pub(super) experience: Option<&'static str>,
    pub(super) language: Option<&'static str>,
    pub(super) salary: Option<u32>,
    /// The text of the record, as served.
    pub(super) json: Arc<str>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Places<'a> {
    Null,
    List(Vec<&'a RawValue>),
}

#[derive(Serialize)]
struct JobJson<'a> {
    id: u64,
    ext_id: Option<&'a str>,
    company: Option<&'a RawValue>,
    title: &'a str,
    location: &'a str,
    types: Vec<&'a RawValue>,
    /// Can be absent, null or empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    cities: Option<Places<'a>>,
    countries: Vec<&'a RawValue>,
    regions: Vec<&'a RawValue>,
    has_remote: bool,
    published: String,
    expired: Option<String>,
    description: &'a str,
    experience_level: Option<&'a str>,
    application_url: &'a str,
    language: Option<&'a str>,
    salary_min: Option<String>,
    salary_max: Option<String>,
    salary_currency: Option<&'a str>,
}

/// A hash of `(seed, id)`: neighbouring ids give unrelated numbers.
pub(super) fn mix(seed: u64, id: u64) -> u64 {
    let mut z = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(id).wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Makes a job; the same seed and id always give the same one.
pub(super) fn make(catalog: &Catalog, style: RecordStyle, id: u64, published: Timestamp) -> Job {
    let mut rng = Rng::with_seed(mix(style.seed, id));
    let sparse = rng.u8(..100) < 8;
    let cities = if sparse { Vec::new() } else { cities(catalog, &mut rng) };
    let mut countries: Vec<usize> = Vec::new();
    for city in cities.iter().filter_map(|&city| catalog.cities.get(city)) {
        if !countries.contains(&city.country_index) {
            countries.push(city.country_index);
        }
    }
    if countries.is_empty() && !sparse {
        countries.push(country(&mut rng));
    }
    let role = rng.choice(ROLES).unwrap_or_default();
    let title = match rng.choice(LEVELS).filter(|_| rng.bool()) {
        Some(level) => format!("{level} {role}"),
        None => role.to_owned(),
    };
    let salary = (!sparse && rng.u8(..3) > 0).then(|| rng.u32(20..180) * 1_000);
    let mut job = Job {
        key: JobKey { id, published, day: day_of(published) },
        expired: None,
        ext_id: (!sparse).then(|| format!("REQ-{:06x}", rng.u32(..0x00FF_FFFF))),
        title,
        location: location(catalog, &cities, &countries, &mut rng),
        application_url: format!("https://apply.example/jobs/{id}?src=feed&lang=en"),
        company: (rng.u8(..100) > 0).then(|| rng.usize(..catalog.companies.len().max(1))),
        cities,
        countries,
        types: if sparse { Vec::new() } else { vec![rng.usize(..catalog.types.len().max(1))] },
        has_remote: rng.u8(..4) == 0,
        experience: (!sparse).then(|| rng.choice(EXPERIENCE).unwrap_or_default()),
        language: (!sparse).then(|| rng.choice(LANGUAGES).unwrap_or_default()),
        salary,
        json: Arc::from(""),
    };
    job.json = render(catalog, style, &job, &mut rng);
    job
}

/// Gives the job another time of expiry.
pub(super) fn expire(catalog: &Catalog, style: RecordStyle, job: &mut Job, expired: Timestamp) {
    let text = r#""expired":null"#;
    // Only this member is replaced, because nothing else in the text may change.
    if job.json.contains(text) {
        job.json = job.json.replacen(text, &format!(r#""expired":"{expired}""#), 1).into();
        job.expired = Some(expired);
    } else {
        let mut again = make(catalog, style, job.key.id, job.key.published);
        if again.json.contains(text) {
            expire(catalog, style, &mut again, expired);
            *job = again;
        }
    }
}

/// Seven of ten jobs are in one of the first eight countries.
fn country(rng: &mut Rng) -> usize {
    if rng.u8(..10) < 7 { rng.usize(..8) } else { rng.usize(8..20) }
}

fn cities(catalog: &Catalog, rng: &mut Rng) -> Vec<usize> {
    let wanted = match rng.u8(..20) {
        0 => 0,
        1 | 2 => 2,
        _ => 1,
    };
    let all = catalog.cities.len();
    let per_country = all / catalog.countries.len().max(1);
    let one = |rng: &mut Rng| country(rng) * per_country + rng.usize(..per_country.max(1));
    (0..wanted).map(|_| one(rng).min(all.saturating_sub(1))).collect()
}

fn location(catalog: &Catalog, cities: &[usize], countries: &[usize], rng: &mut Rng) -> String {
    let country = countries.first().and_then(|&country| catalog.countries.get(country));
    let country_name = country.map_or("", |country| country.name);
    match cities.first().and_then(|&city| catalog.cities.get(city)) {
        Some(city) if rng.u8(..5) > 0 => format!("{}, {country_name}", city.name),
        Some(city) => format!("Remote / {}", city.asciiname),
        None => country_name.to_owned(),
    }
}

fn render(catalog: &Catalog, style: RecordStyle, job: &Job, rng: &mut Rng) -> Arc<str> {
    let company = job.company.and_then(|company| catalog.companies.get(company));
    let cities = texts(&catalog.cities, &job.cities);
    let countries = texts(&catalog.countries, &job.countries);
    let country = look_up(&catalog.countries, &job.countries).next();
    let region = country.and_then(|country| catalog.regions.get(country.region_index));
    let nested = company.map_or(0, |company| company.json.get().len())
        + cities.iter().map(|city| city.get().len()).sum::<usize>()
        + countries.iter().map(|country| country.get().len()).sum::<usize>();
    let description = description(style, rng, nested + FRAME);
    let money = |amount: u32, cents: bool| {
        if cents { format!("{amount}.50") } else { amount.to_string() }
    };
    let cents = rng.u8(..6) == 0;
    let json = JobJson {
        id: job.key.id,
        ext_id: job.ext_id.as_deref(),
        company: company.map(|company| &*company.json),
        title: &job.title,
        location: &job.location,
        types: texts(&catalog.types, &job.types),
        cities: match (cities.is_empty(), rng.u8(..3)) {
            (true, 0) => None,
            (true, 1) => Some(Places::Null),
            _ => Some(Places::List(cities)),
        },
        countries,
        regions: region.map(|region| &*region.json).into_iter().collect(),
        has_remote: job.has_remote,
        published: job.key.published.to_string(),
        expired: job.expired.map(|at| at.to_string()),
        description: &description,
        experience_level: job.experience.or_else(|| rng.bool().then_some("")),
        application_url: &job.application_url,
        language: job.language,
        salary_min: job.salary.map(|amount| money(amount, cents)),
        salary_max: job.salary.filter(|_| rng.bool()).map(|amount| money(amount + 12_000, false)),
        salary_currency: job.salary.and_then(|_| rng.choice(CURRENCIES)),
    };
    let text = serde_json::to_string(&json).unwrap_or_default();
    // Both forms are valid JSON. A client that keeps the text must not change it.
    if rng.u8(..5) == 0 { ascii(&text).into() } else { text.into() }
}

/// The JSON texts of the catalog's rows at these indexes.
pub(super) fn texts<'a, T>(all: &'a [Entry<T>], indexes: &[usize]) -> Vec<&'a RawValue> {
    look_up(all, indexes).map(|entry| &*entry.json).collect()
}

/// HTML of at least one sentence. Its length gives the record about the size that was asked for.
fn description(style: RecordStyle, rng: &mut Rng, rest: usize) -> String {
    let room = style.record_size.saturating_sub(rest).max(40);
    // From half to one and a half times the room, so that the mean is the room.
    let length = room / 2 + rng.usize(..=room);
    let mut text = String::with_capacity(length + 120);
    while text.len() < length {
        text.push_str(rng.choice(SENTENCES).unwrap_or_default());
    }
    text
}

/// The text of an HTML description without its tags, for `description_string`.
pub(super) fn plain(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut in_tag = false;
    for c in html.chars() {
        match c {
            '<' => in_tag = true,
            '>' if in_tag => in_tag = false,
            c if !in_tag => text.push(c),
            _ => {}
        }
    }
    text
}

/// JSON with every character outside ASCII as `\uXXXX`, and slashes as `\/`.
fn ascii(json: &str) -> String {
    let mut text = String::with_capacity(json.len() + json.len() / 4);
    for c in json.chars() {
        if c == '/' {
            text.push_str("\\/");
        } else if c.is_ascii() {
            text.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a `String` cannot fail.
                let _ = write!(text, "\\u{unit:04x}");
            }
        }
    }
    text
}
