//! Places, the small reference lists, tags and currency rates.

use serde_json::Value;

use crate::json::{DateTime, Decimal, empty_as_none, model};

model! {
    /// An id and its name: the record of the small reference lists (observed).
    ///
    /// Read the ids from the list; do not write them into code.
    pub struct NamedId {
        /// The id that filters take.
        id: Option<u64> = "id",
        /// The display name.
        name: Option<String> = "name",
    }
}

/// A region of the world, such as a continent: the record of `/api/jobregions/`.
pub type Region = NamedId;

/// An employment type, such as full time: the record of `/api/jobtypes/`.
pub type JobType = NamedId;

/// An industry: the record of `/api/industries/`.
pub type Industry = NamedId;

/// A company type: the record of `/api/companytypes/`.
pub type CompanyType = NamedId;

model! {
    /// A country: the record of `/api/jobcountries/`, also inside cities, states and jobs (observed).
    pub struct Country {
        /// The id of the country at this vendor (no standard).
        id: Option<u64> = "id",
        /// The ISO 3166-1 code of two letters.
        code: Option<String> = "code" => empty_as_none,
        /// The English name.
        name: Option<String> = "name",
        /// The region of the world.
        region: Option<Region> = "region",
    }
}

model! {
    /// A state, province or other first-level division of a country: the record of `/api/jobstates/`, also inside
    /// cities (observed).
    pub struct State {
        /// The GeoNames id. There is no `id`; that the paths and filters take this one is inferred.
        geonameid: Option<u64> = "geonameid",
        /// The code, unique only within its country (vendor page: states).
        code: Option<String> = "code" => empty_as_none,
        /// The name in ASCII letters.
        asciiname: Option<String> = "asciiname",
        /// The name.
        name: Option<String> = "name",
        /// The country of this place.
        country: Option<Country> = "country",
    }
}

model! {
    /// A city: the record of `/api/jobcities/`, also inside jobs (observed).
    pub struct City {
        /// The GeoNames id. There is no `id`; that the path takes this one is inferred.
        geonameid: Option<u64> = "geonameid",
        /// The name in ASCII letters.
        asciiname: Option<String> = "asciiname",
        /// The name.
        name: Option<String> = "name",
        /// The country of this place.
        country: Option<Country> = "country",
        /// The state of this city, if known.
        state: Option<State> = "state",
        /// The IANA name of the time zone, such as `Europe/Berlin`.
        timezone: Option<String> = "timezone" => empty_as_none,
        /// The latitude in degrees; north is positive.
        latitude: Option<Decimal> = "latitude" => empty_as_none,
        /// The longitude in degrees; east is positive.
        longitude: Option<Decimal> = "longitude" => empty_as_none,
        /// The number of inhabitants. Added later than the other fields (vendor page: changelog).
        population: Option<u64> = "population",
    }
}

model! {
    /// A role tag: the record of `/api/tags/`.
    ///
    /// Tags have three levels, from broad to detailed, and each tag contains its parent, up to the top level (vendor
    /// page: tags). The field names of the level and of the counts are not known: they are in [`extra`](Self::extra).
    ///
    /// ```
    /// use jobfeed::jobdataapi::Tag;
    ///
    /// let json = r#"{"id": 3, "name": "Pastry", "parent": {"id": 1}}"#;
    /// let tag: Tag = serde_json::from_str(json)?;
    /// assert!(tag.path().map(|tag| tag.id).eq([Some(3), Some(1)]));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub struct Tag {
        /// The id that filters take (inferred).
        id: Option<u64> = "id",
        /// The display name (inferred).
        name: Option<String> = "name",
        /// The tag one level up, none at the top level (vendor page: tags).
        parent: Option<Box<Tag>> = "parent",
    }
}

impl Tag {
    /// This tag, its parent, and so on up to the top level.
    pub fn path(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |tag| tag.parent.as_deref())
    }
}

model! {
    /// The exchange rates of one day: the record of `/api/currencyrates/`.
    ///
    /// The vendor's page describes a date and a map from currency codes to values in other currencies, without the JSON
    /// names. The names here are inferred; if they are wrong, the rates are in [`extra`](Self::extra).
    pub struct CurrencyRate {
        /// The day.
        date: Option<DateTime> = "date" => empty_as_none,
        /// The rates, as the server sent them.
        rates: Option<Value> = "rates",
    }
}
