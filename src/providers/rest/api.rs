//! An API as data, such as one in a file of an application.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::client::Client;
use super::description::ListDescription;
use super::header::plain_header;
use super::requests::RecordsRequest;
use crate::client::{ClientBuilder, Credentials, PAGE_TIMEOUT, Provider, RateLimit, parse_base_url};
use crate::error::{Error, Result};
use crate::json::debug_fields;
use crate::listing::paginate::check_header;

/// An API as data: base URL, headers, limits, and its listings by name. It contains no secret.
///
/// It is read by [`Api::from_json`], or from any other format of serde by [`Api::read`], and checked as a whole. See
/// [`rest`](super) for an example.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Api {
    /// The name in errors, logs and reports, which show a listing as `<name>/<listing>`.
    pub name: String,
    /// The base URL: an absolute `http` or `https` URL without credentials, query and fragment.
    pub base_url: String,
    /// Where the application's secret is sent. Default: nowhere, or as the [`Credentials`] say that the application gives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<CredentialsAt>,
    /// Headers of every request, without secrets.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// How many requests may be sent in a period. Default: 10 a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<Rate>,
    /// The time limit of one attempt, in seconds. Default 60.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "super::seconds")]
    pub timeout: Option<Duration>,
    /// The time limit of one page, all attempts and waits included, in seconds. Default 300.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "super::seconds")]
    pub page_timeout: Option<Duration>,
    /// The listings by name.
    pub endpoints: BTreeMap<String, ListDescription>,
}

// Without the values of headers, as everywhere.
debug_fields!(Api(name, base_url, credentials, rate_limit, timeout, page_timeout, endpoints));

/// Where the secret of an application is sent.
///
/// In JSON: `{"header": {"name": "Authorization", "prefix": "Bearer "}}` or `{"query": {"name": "api_key"}}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum CredentialsAt {
    /// As a header.
    Header {
        /// Its name.
        name: String,
        /// What comes before the secret, such as `"Bearer "`. Default: nothing.
        #[serde(default)]
        prefix: String,
    },
    /// As a parameter of the query. It is never shown, and never part of a cursor or a checkpoint.
    Query {
        /// Its name.
        name: String,
    },
}

/// A number of requests in a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Rate {
    /// Requests in a period, 1 or more.
    pub requests: u32,
    /// The period in seconds, 1 or more.
    pub per: u64,
    /// How many may be sent at once after a time without requests. Default 1.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub burst: u32,
}

const fn one() -> u32 {
    1
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it like this")]
const fn is_one(burst: &u32) -> bool {
    *burst == 1
}

impl Rate {
    fn limit(self) -> RateLimit {
        RateLimit::new(self.requests, Duration::from_secs(self.per)).burst(self.burst)
    }
}

impl Api {
    /// Reads and checks a description in JSON.
    ///
    /// # Errors
    /// [`Error::Invalid`] that names the field and what is expected, never its value.
    pub fn from_json(json: &str) -> Result<Self> {
        Self::read(&mut serde_json::Deserializer::from_str(json))
    }

    /// Reads and checks a description in any format of serde.
    ///
    /// # Errors
    /// As [`Api::from_json`].
    pub fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self> {
        // By way of a value, so that the messages are those of one format.
        let unreadable = |_| Error::invalid("description", "(unreadable)", "well-formed text");
        let value = Value::deserialize(deserializer).map_err(unreadable)?;
        let api: Self = serde_path_to_error::deserialize(value)
            .map_err(|error| misfit(&error.path().to_string(), &error.inner().to_string()))?;
        api.check()?;
        Ok(api)
    }

    /// Checks all of it. [`Api::read`] and [`Api::client`] do it too.
    ///
    /// # Errors
    /// [`Error::Invalid`] that names the field, such as `endpoints.jobs.paginate.by.token_at.at.pointer`.
    pub fn check(&self) -> Result<()> {
        if self.name.is_empty() {
            return Err(Error::invalid("name", "", "a text that is not empty"));
        }
        let base = parse_base_url(&self.base_url).map_err(|error| renamed(error, "base_url"))?;
        for (name, value) in &self.headers {
            plain_header(&format!("headers.{name}"), name, value)?;
        }
        match &self.credentials {
            Some(CredentialsAt::Header { name, .. }) => check_header("credentials.header.name", name)?,
            Some(CredentialsAt::Query { name }) if name.is_empty() => {
                return Err(Error::invalid("credentials.query.name", "", "the name of a parameter"));
            }
            Some(CredentialsAt::Query { .. }) | None => {}
        }
        self.check_limits()?;
        for (name, list) in &self.endpoints {
            let path = format!("endpoints.{name}.");
            let target = base.join(&list.path).ok().filter(|url| url.origin() == base.origin());
            if target.is_none() {
                return Err(Error::invalid(
                    format!("{path}path"),
                    "(another origin)",
                    "a path of the base URL's origin",
                ));
            }
            list.check(&path)?;
        }
        Ok(())
    }

    fn check_limits(&self) -> Result<()> {
        for (name, limit) in [("timeout", self.timeout), ("page_timeout", self.page_timeout)] {
            if limit.is_some_and(|limit| limit.is_zero()) {
                return Err(Error::invalid(name, "0", "a time longer than zero"));
            }
        }
        let page_timeout = self.page_timeout.unwrap_or(PAGE_TIMEOUT);
        if self.timeout.unwrap_or(Client::TIMEOUT) > page_timeout {
            return Err(Error::invalid("timeout", "(longer)", "at most `page_timeout`"));
        }
        let Some(rate) = self.rate_limit else { return Ok(()) };
        let numbers = [
            ("rate_limit.requests", u64::from(rate.requests)),
            ("rate_limit.per", rate.per),
            ("rate_limit.burst", u64::from(rate.burst)),
        ];
        if let Some((name, _)) = numbers.into_iter().find(|(_, number)| *number == 0) {
            return Err(Error::invalid(name, "0", "1 or more"));
        }
        if rate.limit().interval() >= page_timeout {
            return Err(Error::invalid(
                "rate_limit",
                "(slower)",
                "a time between requests shorter than `page_timeout`",
            ));
        }
        Ok(())
    }

    /// The secret as credentials, sent as the description says.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the description does not say where, and for a secret that cannot be sent there.
    pub fn credentials(&self, secret: impl Into<SecretString>) -> Result<Credentials> {
        match &self.credentials {
            Some(CredentialsAt::Header { name, prefix }) => Credentials::header(name, prefix, secret),
            Some(CredentialsAt::Query { name }) => Credentials::query(name, secret),
            None => Err(Error::invalid("credentials", "(none)", "the place of the secret, or no secret")),
        }
    }

    /// A client of this API with these credentials: those of [`Api::credentials`], any others, or [`Credentials::none`].
    ///
    /// # Errors
    /// [`Error::Invalid`] that names the field, as [`Api::check`].
    pub fn client(&self, credentials: Credentials) -> Result<ApiClient> {
        self.over(self.builder()?.credentials(credentials).build()?)
    }

    /// The settings of a client of this API, for those that are not in the description: a transport, a clock, retries. Give the
    /// client to [`Api::over`].
    ///
    /// # Errors
    /// As [`Api::client`].
    pub fn builder(&self) -> Result<ClientBuilder<Client>> {
        self.check()?;
        let mut builder = Client::builder().base_url(&self.base_url);
        if let Some(rate) = self.rate_limit {
            builder = builder.rate_limit(rate.limit());
        }
        if let Some(limit) = self.timeout {
            builder = builder.timeout(limit);
        }
        if let Some(limit) = self.page_timeout {
            builder = builder.page_timeout(limit);
        }
        Ok(builder)
    }

    /// The listings of this API over a client from [`Api::builder`].
    ///
    /// # Errors
    /// As [`Api::client`].
    pub fn over(&self, mut client: Client) -> Result<ApiClient> {
        self.check()?;
        for (name, value) in &self.headers {
            client = client.header(name, value)?;
        }
        Ok(ApiClient { client, api: Arc::new(self.clone()) })
    }
}

/// A client of a described API. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ApiClient {
    client: Client,
    api: Arc<Api>,
}

impl ApiClient {
    /// The records of the listing with this name. Its parameters may still be changed.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the description has no such listing.
    pub fn list<T: DeserializeOwned + Send + 'static>(&self, name: &str) -> Result<RecordsRequest<T>> {
        let Some(list) = self.api.endpoints.get(name) else {
            let names: Vec<&str> = self.api.endpoints.keys().map(String::as_str).collect();
            return Err(Error::invalid("listing", name, format!("one of the description: {}", names.join(", "))));
        };
        Ok(self.client.described(format!("{}/{name}", self.api.name), list.clone()))
    }

    /// For single calls, with the same limits and retries.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The description.
    pub fn api(&self) -> &Api {
        &self.api
    }
}

/// The error of a setting under the name that it has in the description.
fn renamed(error: Error, field: &str) -> Error {
    match error {
        Error::Invalid { value, rule, .. } => Error::invalid(field, value, rule),
        other => other,
    }
}

/// The error for a value that is no description. It never repeats the value, which may be a secret in the wrong place.
fn misfit(path: &str, message: &str) -> Error {
    let path = if path == "." { "" } else { path };
    // A field that is missing or unknown may or may not be the end of the path.
    let field = |begin: &str| {
        let name = message.strip_prefix(begin)?.split('`').next()?;
        let inside = if path == name { Some("") } else { path.strip_suffix(&format!(".{name}")) };
        let parent = inside.unwrap_or(path);
        Some(if parent.is_empty() { name.to_owned() } else { format!("{parent}.{name}") })
    };
    let expected = message.split_once(", expected ").map(|(_, expected)| expected);
    if let Some(field) = field("missing field `") {
        return Error::invalid(field, "(missing)", "a value");
    }
    if let Some(field) = field("unknown field `") {
        return Error::invalid(field, "(unknown)", expected.unwrap_or("no such field"));
    }
    let value = if message.starts_with("unknown variant") { "(unknown)" } else { "(another value)" };
    let path = if path.is_empty() { "description" } else { path };
    Error::invalid(path, value, expected.unwrap_or("another form"))
}
