//! What several records share: links, people, places, the root.

use serde_json::Value;

use super::Moment;
use crate::json::{Decimal, empty_as_none, list, model, number, open_enum};

model! {
    /// A link to another resource. Give [`Link::url`] to [`follow`](crate::jobaffinity::Client::follow).
    pub struct Link debug(url, id) {
        /// Where it is: mostly a path from the root of the host (vendor page: discovery).
        url: Option<String> = "_self" => empty_as_none,
        /// Its number, where the place holds more than a link (vendor page: reference of jobs, the process of a job).
        id: Option<u64> = "id" => number,
    }
}

model! {
    /// A user of the service: a recruiter. `Debug` shows the number only.
    pub struct User debug(id) {
        /// The number.
        id: Option<u64> = "id" => number,
        /// The first name.
        first_name: Option<String> = "first_name",
        /// The last name.
        last_name: Option<String> = "last_name",
        /// The e-mail address.
        email: Option<String> = "email" => empty_as_none,
    }
}

model! {
    /// An organisation: who sees a note, who owns a job.
    pub struct Organisation debug(id, name) {
        /// The number.
        id: Option<u64> = "id" => number,
        /// The name.
        name: Option<String> = "name",
    }
}

model! {
    /// Where a candidate or a job is. Of a candidate it is personal, so `Debug` shows nothing.
    pub struct Address debug(none) {
        /// Street and number.
        address: Option<String> = "address",
        /// The postal code. [`Address::postal_code`] reads either name.
        postalcode: Option<String> = "postalcode" => empty_as_none,
        /// The postal code under the name that profiles and applications use.
        zip_code: Option<String> = "zip_code" => empty_as_none,
        /// The town.
        town: Option<String> = "town",
        /// The country.
        country: Option<String> = "country",
        /// The longitude, of jobs only (vendor page: reference of jobs).
        longitude: Option<Decimal> = "longitude" => empty_as_none,
        /// The latitude, of jobs only (vendor page: reference of jobs).
        latitude: Option<Decimal> = "latitude" => empty_as_none,
    }
}

impl Address {
    /// The postal code, under either of its names.
    pub fn postal_code(&self) -> Option<&str> {
        self.postalcode.as_deref().or(self.zip_code.as_deref())
    }
}

model! {
    /// The root of the API: its version and its entry points.
    ///
    /// Read it once a day: a newer version or an expiration date is how the vendor announces a migration (vendor page:
    /// versioning).
    pub struct Root {
        /// Its own URL.
        self_link: Option<String> = "_self" => empty_as_none,
        /// What the answer says about the request.
        response_status: Option<ResponseStatus> = "_status" => empty_as_none,
        /// The version, such as `1.10`, which is newer than `1.9`. See [`Root::version_parts`].
        version: Option<String> = "_version" => empty_as_none,
        /// The root of the newest version (vendor page: versioning).
        last_version_url: Option<String> = "_last_version_url" => empty_as_none,
        /// When this version is switched off. Only null was seen, so the form is not known.
        expiration: Option<Moment> = "_expiration" => empty_as_none,
        /// Where the changes of the API are listed.
        changelog: Option<Link> = "_changelog",
        /// The candidates.
        candidates: Option<EntryPoint> = "candidates",
        /// The jobs. More entry points exist under names that are not documented; they are in `extra`.
        jobs: Option<EntryPoint> = "jobs",
    }
}

impl Root {
    /// The version part by part: `1.10` is `[1, 10]`. `None` when it is no dotted number.
    pub fn version_parts(&self) -> Option<Vec<u32>> {
        self.version.as_deref()?.split('.').map(|part| part.parse().ok()).collect()
    }

    /// Whether the vendor names a newer version than this one (vendor page: versioning).
    pub fn is_outdated(&self) -> bool {
        matches!((&self.last_version_url, &self.self_link), (Some(last), Some(own)) if last != own)
    }

    /// An entry point by its name, those without a field of their own included.
    pub fn entry_point(&self, name: &str) -> Option<EntryPoint> {
        match name {
            "candidates" => self.candidates.clone(),
            "jobs" => self.jobs.clone(),
            other => serde_json::from_value(self.extra.get(other)?.clone()).ok(),
        }
    }
}

model! {
    /// An entry point of the API.
    pub struct EntryPoint {
        /// Where it is.
        url: Option<String> = "_self" => empty_as_none,
        /// What it is, in English.
        description: Option<String> = "description",
    }
}

model! {
    /// The answer to a change. It does not tell what was made: no number of a step change or a note (vendor page:
    /// reference).
    pub struct Written debug(response_status) {
        /// What the answer says about the request. `INVALID` is an error and does not come here.
        response_status: Option<ResponseStatus> = "_status" => empty_as_none,
        /// What may be done next; the shape of an action is not documented.
        actions: Vec<Value> = "_actions" => list,
    }
}

open_enum! {
    /// What an answer says about its request.
    pub enum ResponseStatus {
        /// It was understood: `OK`.
        Ok = "OK",
        /// Its parameters were refused: `INVALID`, under HTTP status 200 (vendor page: responses).
        Invalid = "INVALID",
    }
}

open_enum! {
    /// How a person is addressed. What is read has `MR` and `MS`, what is sent with an application has all of them (vendor
    /// page: reference).
    pub enum Title {
        /// Not told: `UNKNOWN`.
        Unknown = "UNKNOWN",
        /// `MR`.
        Mr = "MR",
        /// `MS`.
        Ms = "MS",
        /// `MRS`.
        Mrs = "MRS",
        /// `MISS`.
        Miss = "MISS",
    }
}
