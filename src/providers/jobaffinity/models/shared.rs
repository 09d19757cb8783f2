//! Models that several records have: links, people, places, the root.

use serde_json::Value;
use url::Url;

use super::Moment;
use crate::json::{Decimal, empty_as_none, list, model, number, open_enum};

model! {
    /// A link to another resource. Give [`Link::url`] to [`follow`](crate::jobaffinity::Client::follow).
    pub struct Link debug(url, id) {
        /// The URL: usually an absolute path on the same host (vendor page: discovery).
        url: Option<String> = "_self" => empty_as_none,
        /// The id, if the response has more than a link (vendor page: reference of jobs, the process of a job).
        id: Option<u64> = "id" => number,
    }
}

model! {
    /// A user of the service: a recruiter. `Debug` shows the id only.
    pub struct User debug(id) {
        /// The id.
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
    /// An organisation, which owns jobs, and whose users see notes.
    pub struct Organisation debug(id, name) {
        /// The id.
        id: Option<u64> = "id" => number,
        /// The name.
        name: Option<String> = "name",
    }
}

model! {
    /// The address of a candidate or a job. `Debug` shows nothing, because a candidate's address is personal data.
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
    /// Read it once a day: the vendor announces a migration by a newer version or an expiration date (vendor page:
    /// versioning).
    pub struct Root {
        /// Its own URL.
        self_link: Option<String> = "_self" => empty_as_none,
        /// The status of the request.
        response_status: Option<ResponseStatus> = "_status" => empty_as_none,
        /// The version, such as `1.10`, which is newer than `1.9`. See [`Root::version_parts`].
        version: Option<String> = "_version" => empty_as_none,
        /// The root of the newest version (vendor page: versioning).
        last_version_url: Option<String> = "_last_version_url" => empty_as_none,
        /// When this version is switched off. The format is unknown, because only null was observed.
        expiration: Option<Moment> = "_expiration" => empty_as_none,
        /// The changelog of the API.
        changelog: Option<Link> = "_changelog",
        /// The entry point of candidates.
        candidates: Option<EntryPoint> = "candidates",
        /// The entry point of jobs. Other entry points have undocumented names; they are in `extra`.
        jobs: Option<EntryPoint> = "jobs",
    }
}

impl Root {
    /// The parts of the version: `1.10` is `[1, 10]`. `None` if it is not numbers separated by dots.
    pub fn version_parts(&self) -> Option<Vec<u32>> {
        self.version.as_deref()?.split('.').map(|part| part.parse().ok()).collect()
    }

    /// Whether a newer version exists (vendor page: versioning). An absolute and a relative URL of one resource are equal.
    pub fn is_outdated(&self) -> bool {
        matches!((&self.last_version_url, &self.self_link), (Some(last), Some(own)) if !same_resource(last, own))
    }

    /// An entry point by its name, including those in `extra`.
    pub fn entry_point(&self, name: &str) -> Option<EntryPoint> {
        match name {
            "candidates" => self.candidates.clone(),
            "jobs" => self.jobs.clone(),
            other => serde_json::from_value(self.extra.get(other)?.clone()).ok(),
        }
    }
}

/// Whether two links, each of them absolute or relative to the same host, name one resource.
fn same_resource(one: &str, other: &str) -> bool {
    let resolved = |link: &str, base: &str| Url::parse(base).ok()?.join(link).ok();
    // A relative link has the host of the other one; when both are relative, any host will do.
    let base = [one, other].into_iter().find(|link| Url::parse(link).is_ok()).unwrap_or("https://host/");
    one == other || resolved(one, base).is_some_and(|url| resolved(other, base) == Some(url))
}

model! {
    /// An entry point of the API.
    pub struct EntryPoint {
        /// The URL.
        url: Option<String> = "_self" => empty_as_none,
        /// The description, in English.
        description: Option<String> = "description",
    }
}

model! {
    /// The response to a write. It has no id of the new step change or note (vendor page: reference).
    pub struct Written debug(response_status) {
        /// The status of the request. `INVALID` is an error instead.
        response_status: Option<ResponseStatus> = "_status" => empty_as_none,
        /// The possible next actions; the shape of an action is not documented.
        actions: Vec<Value> = "_actions" => list,
    }
}

open_enum! {
    /// The status of a request.
    pub enum ResponseStatus {
        /// Success: `OK`.
        Ok = "OK",
        /// Refused parameters: `INVALID`, with HTTP status 200 (vendor page: responses).
        Invalid = "INVALID",
    }
}

open_enum! {
    /// The form of address of a person. Responses have `MR` and `MS`; an application can be sent with any of them
    /// (vendor page: reference).
    pub enum Title {
        /// Unknown: `UNKNOWN`.
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
