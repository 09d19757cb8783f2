//! The parts of a posting: places, remote work, employment, salary, experience, categories.

use serde::{Deserialize, Serialize};

use super::countries::country_code;
use crate::json::{Decimal, open_enum};

/// A place of work.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Location {
    /// The place as free text, as the source wrote it.
    pub raw: Option<String>,
    /// Street and number.
    pub street: Option<String>,
    /// The city.
    pub city: Option<String>,
    /// The region, state or province, a name or a code.
    pub region: Option<String>,
    /// The postal code.
    pub postal_code: Option<String>,
    /// The country as the source wrote it, a name or a code.
    pub country: Option<String>,
    /// The ISO 3166-1 code of two capital letters, where the source has it or the country's English name is known.
    pub country_code: Option<String>,
    /// Degrees north.
    pub latitude: Option<f64>,
    /// Degrees east.
    pub longitude: Option<f64>,
}

impl Location {
    /// Sets the country, and its code where it is known.
    pub fn set_country(&mut self, country: Option<&str>) {
        self.country = filled(country);
        self.country_code = self.country.as_deref().and_then(country_code).map(str::to_owned);
    }
}

/// Whether the work is remote.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Remote {
    /// Where the work is done.
    pub mode: Option<RemoteMode>,
    /// The source's word for it.
    pub raw: Option<String>,
    /// Where remote workers may be: names of countries, regions or cities.
    pub places: Vec<String>,
}

open_enum! {
    /// Where the work is done.
    pub enum RemoteMode {
        /// At the employer's place.
        OnSite = "on_site",
        /// On some days at the employer's place.
        Hybrid = "hybrid",
        /// Remote work is possible, at least in part; the place of work is still one of the locations.
        RemotePossible = "remote_possible",
        /// Only remote: the locations are not where the work is done.
        Remote = "remote",
    }
}

open_enum! {
    /// A kind of employment, by the names that schema.org's `employmentType` takes in job searches.
    pub enum EmploymentType {
        /// `FULL_TIME`
        FullTime = "FULL_TIME",
        /// `PART_TIME`
        PartTime = "PART_TIME",
        /// `CONTRACTOR`: freelance work, or a contract for a project.
        Contractor = "CONTRACTOR",
        /// `TEMPORARY`: a limited time.
        Temporary = "TEMPORARY",
        /// `INTERN`
        Intern = "INTERN",
        /// `VOLUNTEER`
        Volunteer = "VOLUNTEER",
        /// `PER_DIEM`: by the day.
        PerDiem = "PER_DIEM",
    }
}

impl EmploymentType {
    /// Reads the usual English words, such as `Full Time` or `freelance`; anything else is `Other`, as received.
    ///
    /// ```
    /// use jobfeed::posting::EmploymentType;
    ///
    /// assert_eq!(EmploymentType::read("Part-time"), EmploymentType::PartTime);
    /// assert_eq!(EmploymentType::read("Apprenticeship").as_str(), "Apprenticeship");
    /// ```
    pub fn read(raw: &str) -> Self {
        let letters: String = raw.chars().filter(char::is_ascii_alphabetic).collect();
        match letters.to_ascii_lowercase().as_str() {
            "fulltime" => Self::FullTime,
            "parttime" => Self::PartTime,
            "contract" | "contractor" | "freelance" | "freelancer" => Self::Contractor,
            "temporary" | "temp" => Self::Temporary,
            "intern" | "internship" => Self::Intern,
            "volunteer" => Self::Volunteer,
            "perdiem" => Self::PerDiem,
            _ => Self::Other(raw.trim().to_owned()),
        }
    }
}

/// A salary. At least one amount is set.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Salary {
    /// The lower bound, a decimal text such as `31000.50`; equal to `max` for one amount.
    pub min: Option<Decimal>,
    /// The upper bound.
    pub max: Option<Decimal>,
    /// The currency, an ISO 4217 code.
    pub currency: Option<String>,
    /// The time for which it is paid; absent where the source does not say it.
    pub unit: Option<SalaryUnit>,
    /// Whether the ad states it, or the provider derived it.
    pub basis: Option<SalaryBasis>,
}

impl Salary {
    /// A salary of these amounts; `None` when there is none.
    pub(crate) fn of(min: Option<Decimal>, max: Option<Decimal>, basis: SalaryBasis) -> Option<Self> {
        let any = min.is_some() || max.is_some();
        any.then(|| Self { min, max, basis: Some(basis), ..Self::default() })
    }
}

open_enum! {
    /// The time for which a salary is paid, by schema.org's `unitText`.
    pub enum SalaryUnit {
        /// `HOUR`
        Hour = "HOUR",
        /// `DAY`
        Day = "DAY",
        /// `WEEK`
        Week = "WEEK",
        /// `MONTH`
        Month = "MONTH",
        /// `YEAR`
        Year = "YEAR",
    }
}

open_enum! {
    /// Where a salary comes from.
    pub enum SalaryBasis {
        /// The ad or the employer states it.
        Stated = "stated",
        /// The provider has extracted it from the text or estimated it.
        Derived = "derived",
    }
}

/// The experience that is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Experience {
    /// The level.
    pub level: Option<ExperienceLevel>,
    /// The level, or the years, in the words of the source.
    pub raw: Option<String>,
    /// The least number of years.
    pub min_years: Option<u32>,
    /// The number of years from which the range ends.
    pub max_years: Option<u32>,
}

open_enum! {
    /// A level of experience.
    pub enum ExperienceLevel {
        /// A first job.
        Entry = "entry",
        /// Some years.
        Mid = "mid",
        /// Senior or expert.
        Senior = "senior",
        /// Director or higher.
        Executive = "executive",
    }
}

/// A category of a job in some scheme.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Category {
    /// The scheme that the code and the label belong to, such as `jobdataapi/industry`.
    pub scheme: String,
    /// The code in that scheme.
    pub code: Option<String>,
    /// The label.
    pub label: Option<String>,
}

impl Category {
    /// A category of a scheme, such as `onetsoc` or one named after its provider.
    pub fn new(scheme: impl Into<String>, code: Option<String>, label: Option<String>) -> Self {
        Self { scheme: scheme.into(), code, label }
    }
}

/// The text without spaces around it; `None` when nothing is left.
pub(crate) fn filled(text: Option<&str>) -> Option<String> {
    text.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// The amount as digits with an optional fraction; commas between groups of three digits are left out. `None` when it is no such number:
/// `31000,50` and `1.234,56` are none, because a comma there is no separator of thousands.
pub(crate) fn amount(raw: Option<&Decimal>) -> Option<Decimal> {
    let text = raw?.as_str().trim();
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let mut groups = whole.split(',');
    let first = groups.next().filter(|first| digits(first) && (first.len() <= 3 || !whole.contains(',')));
    let is_number = first.is_some() && groups.all(|group| group.len() == 3 && digits(group)) && digits(fraction);
    is_number.then(|| Decimal::from(text.replace(',', "").as_str()))
}
