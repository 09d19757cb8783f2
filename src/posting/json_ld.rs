//! A posting as JSON-LD for web pages.

use serde_json::{Map, Number, Value, json};

use super::countries::country_code;
use super::model::Posting;
use super::parts::{EmploymentType, Location, RemoteMode, Salary, SalaryUnit};
use crate::json::Decimal;

impl Posting {
    /// The posting as a schema.org `JobPosting`, by the rules of Google's job search, with the properties that are known.
    ///
    /// * Nothing is made up: [`json_ld_missing`](Self::json_ld_missing) says what a job search requires and this posting does not have.
    /// * `jobLocation` has the places of work. A job that is [only remote](RemoteMode::Remote) has none; it has `jobLocationType` and, where
    ///   it is known, `applicantLocationRequirements`.
    /// * `datePosted` is the publication, never the creation of a record. `validThrough` is as stated, in the past too; the time at
    ///   which the posting was taken down has priority.
    /// * `baseSalary` needs an amount, a currency and a unit. An employment type with no standard name is `OTHER`.
    /// * `directApply` is about the page of the ad at the source. Set [`direct_apply`](Self::direct_apply) when you publish a page of your own.
    /// * The description is HTML, not sanitised; a plain text becomes HTML.
    ///
    /// For the text of a `<script>` element use [`to_json_ld_script`](Self::to_json_ld_script).
    pub fn to_json_ld(&self) -> Value {
        let mut properties = Properties(Map::new());
        properties.set("@context", Some("https://schema.org/"));
        properties.set("@type", Some("JobPosting"));
        properties.set("title", self.title.as_deref());
        properties.set("description", self.description());
        properties.set("url", self.url.as_deref());
        properties.set("datePosted", self.date_posted());
        properties.set("validThrough", self.date_valid_through());
        properties.set("identifier", Some(self.identifier()));
        properties.set("hiringOrganization", self.hiring_organization());
        properties.list("jobLocation", self.places().map(place));
        if self.is_only_remote() {
            properties.set("jobLocationType", Some("TELECOMMUTE"));
            properties.list("applicantLocationRequirements", self.remote.places.iter().map(|name| area(name)));
        }
        let mut types: Vec<&str> = Vec::new();
        for kind in &self.employment_types {
            let name = if let EmploymentType::Other(_) = kind { "OTHER" } else { kind.as_str() };
            if !types.contains(&name) {
                types.push(name);
            }
        }
        properties.list("employmentType", types.into_iter().map(Value::from));
        properties.set("baseSalary", self.salary.as_ref().and_then(base_salary));
        properties.set("directApply", self.direct_apply);
        properties.set("totalJobOpenings", self.openings);
        properties.set("experienceRequirements", self.experience.min_years.filter(|years| *years > 0).map(|years| {
            json!({"@type": "OccupationalExperienceRequirements", "monthsOfExperience": u64::from(years) * 12})
        }));
        let credentials = self.education.iter().filter_map(|education| credential(education));
        properties.list("educationRequirements", credentials);
        properties.list("skills", self.skills.iter().map(|skill| Value::from(skill.as_str())));
        properties.0.into()
    }

    /// [`to_json_ld`](Self::to_json_ld) as a text that can stand in `<script type="application/ld+json">`: no `<` in it ends the script.
    ///
    /// ```
    /// # let mut posting = jobfeed::posting::Posting::new("my_board", "jobs", "17");
    /// posting.title = Some("</script>".to_owned());
    /// let script = posting.to_json_ld_script();
    /// assert!(script.contains(r"\u003c/script>"));
    /// assert_eq!(serde_json::from_str::<serde_json::Value>(&script)?, posting.to_json_ld());
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn to_json_ld_script(&self) -> String {
        // JSON has this character in strings only.
        self.to_json_ld().to_string().replace('<', "\\u003c")
    }

    /// The properties that Google's job search requires and [`to_json_ld`](Self::to_json_ld) does not have, by their names:
    /// `title`, `description`, `datePosted`, `hiringOrganization`; `jobLocation` or, for one of the places, `jobLocation.address.addressCountry`;
    /// of a job that is only remote `applicantLocationRequirements` instead.
    ///
    /// ```
    /// let posting = jobfeed::posting::Posting::new("my_board", "jobs", "17");
    /// let missing = posting.json_ld_missing();
    /// assert_eq!(missing, ["title", "description", "datePosted", "hiringOrganization", "jobLocation"]);
    /// ```
    pub fn json_ld_missing(&self) -> Vec<&'static str> {
        let remote = self.is_only_remote();
        let no_country = |place: &Location| place.country_code.is_none() && place.country.is_none();
        let checks = [
            ("title", self.title.is_none()),
            ("description", self.description().is_none()),
            ("datePosted", self.date_posted().is_none()),
            ("hiringOrganization", self.organisation.name.is_none()),
            ("jobLocation", !remote && self.places().next().is_none()),
            ("jobLocation.address.addressCountry", self.places().any(no_country)),
            ("applicantLocationRequirements", remote && self.remote.places.is_empty()),
        ];
        checks.into_iter().filter(|(_, missing)| *missing).map(|(name, _)| name).collect()
    }

    fn is_only_remote(&self) -> bool {
        self.remote.mode == Some(RemoteMode::Remote)
    }

    /// The places where the work is done, as far as an address can be made of them.
    fn places(&self) -> impl Iterator<Item = &Location> {
        let remote = self.is_only_remote();
        self.locations.iter().filter(move |place| !remote && has_address(place))
    }

    fn description(&self) -> Option<String> {
        let from_text = |text: &String| format!("<p>{}</p>", escaped(text).replace('\n', "<br>"));
        self.description_html.clone().or_else(|| self.description_text.as_ref().map(from_text))
    }

    fn date_posted(&self) -> Option<String> {
        self.posted.map(|at| at.to_string()).or_else(|| self.posted_day.map(|day| day.to_string()))
    }

    fn date_valid_through(&self) -> Option<String> {
        let instant = self.expired.or(self.valid_through).map(|at| at.to_string());
        instant.or_else(|| self.valid_through_day.map(|day| day.to_string()))
    }

    fn identifier(&self) -> Value {
        let own = self.reference.as_deref().zip(self.organisation.name.as_deref());
        let (value, name) = own.unwrap_or((&self.source.id, &self.source.provider));
        json!({"@type": "PropertyValue", "name": name, "value": value})
    }

    fn hiring_organization(&self) -> Option<Value> {
        let name = self.organisation.name.as_deref()?;
        let mut properties = Properties(Map::new());
        properties.set("@type", Some("Organization"));
        properties.set("name", Some(name));
        properties.set("sameAs", self.organisation.website.as_deref());
        properties.set("logo", self.organisation.logo.as_deref());
        Some(properties.0.into())
    }
}

/// An object that has only the properties that have a value.
struct Properties(Map<String, Value>);

impl Properties {
    fn set<T: Into<Value>>(&mut self, name: &str, value: Option<T>) {
        if let Some(value) = value {
            self.0.insert(name.to_owned(), value.into());
        }
    }

    /// One value stands for itself; several are a list.
    fn list(&mut self, name: &str, values: impl Iterator<Item = Value>) {
        let mut values: Vec<Value> = values.collect();
        let one = if values.len() == 1 { values.pop() } else { None };
        self.set(name, one.or((!values.is_empty()).then_some(Value::Array(values))));
    }
}

fn has_address(place: &Location) -> bool {
    [&place.street, &place.city, &place.region, &place.postal_code, &place.country].into_iter().any(Option::is_some)
}

fn place(place: &Location) -> Value {
    let mut address = Properties(Map::new());
    address.set("@type", Some("PostalAddress"));
    address.set("streetAddress", place.street.as_deref());
    address.set("addressLocality", place.city.as_deref());
    address.set("addressRegion", place.region.as_deref());
    address.set("postalCode", place.postal_code.as_deref());
    address.set("addressCountry", place.country_code.as_deref().or(place.country.as_deref()));
    let mut properties = Properties(Map::new());
    properties.set("@type", Some("Place"));
    properties.set("address", Some(Value::from(address.0)));
    let finite = |degrees: Option<f64>| degrees.filter(|degrees| degrees.is_finite());
    if let (Some(latitude), Some(longitude)) = (finite(place.latitude), finite(place.longitude)) {
        properties.set("geo", Some(json!({"@type": "GeoCoordinates", "latitude": latitude, "longitude": longitude})));
    }
    properties.0.into()
}

/// Where applicants may be: a country, where the name is one.
fn area(name: &str) -> Value {
    let kind = if country_code(name).is_some() { "Country" } else { "AdministrativeArea" };
    json!({"@type": kind, "name": name})
}

fn base_salary(salary: &Salary) -> Option<Value> {
    let currency = salary.currency.as_deref()?;
    let unit = salary.unit.as_ref().filter(|unit| !matches!(unit, SalaryUnit::Other(_)))?;
    let (min, max) = (salary.min.as_ref().and_then(number), salary.max.as_ref().and_then(number));
    let mut value = Properties(Map::new());
    value.set("@type", Some("QuantitativeValue"));
    match (min, max) {
        (None, None) => return None,
        (Some(min), Some(max)) if min == max => value.set("value", Some(Value::Number(min))),
        (min, max) => {
            value.set("minValue", min.map(Value::Number));
            value.set("maxValue", max.map(Value::Number));
        }
    }
    value.set("unitText", Some(unit.as_str()));
    Some(json!({"@type": "MonetaryAmount", "currency": currency, "value": value.0}))
}

/// The amount as a JSON number, a whole number where it is one.
fn number(amount: &Decimal) -> Option<Number> {
    amount.parse::<u64>().map(Number::from).ok().or_else(|| Number::from_f64(amount.to_f64()?))
}

/// The categories of credentials that job searches know. Other texts are not sent.
fn credential(education: &str) -> Option<Value> {
    const CATEGORIES: [&str; 5] =
        ["high school", "associate degree", "bachelor degree", "professional certificate", "postgraduate degree"];
    let wanted = education.trim().to_lowercase();
    let category = CATEGORIES.into_iter().find(|category| *category == wanted)?;
    Some(json!({"@type": "EducationalOccupationalCredential", "credentialCategory": category}))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
