//! Places, the small lists, tags and currency rates.

use serde_json::Value;

use crate::json::{DateTime, Decimal, empty_as_none, model};

model! {
    /// A number and its name: an entry of the small reference lists (observed).
    ///
    /// The numbers have no meaning of their own; take them from the list, not from a table in code.
    pub struct NamedId {
        /// The number that filters take.
        id: Option<u64> = "id",
        /// The name for people.
        name: Option<String> = "name",
    }
}

/// A region of the world, such as a continent: an entry of `/api/jobregions/`.
pub type Region = NamedId;

/// A kind of employment, such as full time: an entry of `/api/jobtypes/`.
pub type JobType = NamedId;

/// An industry: an entry of `/api/industries/`.
pub type Industry = NamedId;

/// A kind of company: an entry of `/api/companytypes/`.
pub type CompanyType = NamedId;

model! {
    /// A country: an entry of `/api/jobcountries/`, also inside cities, states and jobs (observed).
    pub struct Country {
        /// The vendor's number of the country, not a standard's.
        id: Option<u64> = "id",
        /// The ISO 3166-1 code of two letters.
        code: Option<String> = "code" => empty_as_none,
        /// The English name.
        name: Option<String> = "name",
        /// The region of the world it is in.
        region: Option<Region> = "region",
    }
}

model! {
    /// A state, province or other first division of a country: an entry of `/api/jobstates/`, also inside cities
    /// (observed).
    pub struct State {
        /// The id at GeoNames. There is no `id`; that the paths and filters take this one is inferred.
        geonameid: Option<u64> = "geonameid",
        /// The code, unique only within its country (vendor page: states).
        code: Option<String> = "code" => empty_as_none,
        /// The name in ASCII letters.
        asciiname: Option<String> = "asciiname",
        /// The name.
        name: Option<String> = "name",
        /// The country it is in.
        country: Option<Country> = "country",
    }
}

model! {
    /// A city: an entry of `/api/jobcities/`, also inside jobs (observed).
    pub struct City {
        /// The id at GeoNames. There is no `id`; that the path takes this one is inferred.
        geonameid: Option<u64> = "geonameid",
        /// The name in ASCII letters.
        asciiname: Option<String> = "asciiname",
        /// The name.
        name: Option<String> = "name",
        /// The country it is in.
        country: Option<Country> = "country",
        /// The state it is in, none where that is not known.
        state: Option<State> = "state",
        /// The time zone's IANA name, such as `Europe/Berlin`.
        timezone: Option<String> = "timezone" => empty_as_none,
        /// Degrees north of the equator.
        latitude: Option<Decimal> = "latitude" => empty_as_none,
        /// Degrees east of Greenwich.
        longitude: Option<Decimal> = "longitude" => empty_as_none,
        /// The number of inhabitants. Newer than the other fields (vendor page: changelog).
        population: Option<u64> = "population",
    }
}

model! {
    /// A role tag: an entry of `/api/tags/`.
    ///
    /// Tags have three levels, from broad families to detailed labels, and each one nests its parents up to the top
    /// (vendor page: tags). The names of the level and of the counts are not known: they are in [`extra`](Self::extra).
    ///
    /// ```
    /// use jobfeed::jobdataapi::Tag;
    ///
    /// let tag: Tag = serde_json::from_str(r#"{"id": 3, "name": "Pastry", "parent": {"id": 1, "name": "Food"}}"#)?;
    /// let path: Vec<_> = tag.path().filter_map(|tag| tag.name.as_deref()).collect();
    /// assert_eq!(path, ["Pastry", "Food"]);
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub struct Tag {
        /// The number that filters take (inferred).
        id: Option<u64> = "id",
        /// The name for people (inferred).
        name: Option<String> = "name",
        /// The tag one level up, none at the top (vendor page: tags).
        parent: Option<Box<Tag>> = "parent",
    }
}

impl Tag {
    /// This tag, then its parent, and so on up to the top.
    pub fn path(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |tag| tag.parent.as_deref())
    }
}

model! {
    /// The exchange rates of one day: an entry of `/api/currencyrates/`.
    ///
    /// The vendor's page tells a date and a map from currency codes to values in other currencies, without the JSON names.
    /// The names here are inferred; if they are wrong, the rates are in [`extra`](Self::extra).
    pub struct CurrencyRate {
        /// The day.
        date: Option<DateTime> = "date" => empty_as_none,
        /// The rates as they came.
        rates: Option<Value> = "rates",
    }
}
