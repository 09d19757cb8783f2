//! The configuration file. A key that does not exist is an error that names it, and everything is checked before anything is sent.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};

use jobfeed::drift::FailOn;
use jobfeed::jiff::SignedDuration;
use jobfeed::rest::Api;
use serde::Deserialize;

/// The configuration when none is named.
pub(crate) const DEFAULT: &str = include_str!("pipeline.toml");

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    folder: PathBuf,
    #[serde(default)]
    archive: Option<String>,
    quarantine: PathBuf,
    pub(crate) sink: Sink,
    #[serde(default)]
    pub(crate) drift: Drift,
    #[serde(default)]
    pub(crate) jobdataapi: Option<JobDataApi>,
    #[serde(default)]
    pub(crate) fantastic_jobs: Option<FantasticJobs>,
    #[serde(default)]
    pub(crate) employjoy: Option<EmployJoy>,
    #[serde(default)]
    pub(crate) jobaffinity: Option<JobAffinity>,
    #[serde(default)]
    pub(crate) rest: BTreeMap<String, Rest>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Sink {
    Parquet(String),
    Sqlite(PathBuf),
    PostgresEnv(String),
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Drift {
    #[serde(default)]
    fail_on: Vec<Rule>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Rule {
    Missing,
    Retyped,
    New,
    NullRate(f64),
}

impl Drift {
    pub(crate) fn rules(&self) -> impl Iterator<Item = FailOn> {
        self.fail_on.iter().map(|rule| match rule {
            Rule::Missing => FailOn::Missing,
            Rule::Retyped => FailOn::Retyped,
            Rule::New => FailOn::New,
            Rule::NullRate(above) => FailOn::NullRate(*above),
        })
    }
}

/// An endpoint of a provider.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Schedule {
    pub(crate) every: Every,
}

/// A time between two runs: a whole number of minutes, hours or days, such as `30m`, `1h`, `7d`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Every(pub(crate) SignedDuration);

impl TryFrom<String> for Every {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let minutes = [('m', 1), ('h', 60), ('d', 24 * 60)];
        let read = minutes.into_iter().find_map(|(unit, minutes)| {
            let number: u32 = text.strip_suffix(unit)?.parse().ok()?;
            (number > 0).then(|| Self(SignedDuration::from_mins(i64::from(number) * minutes)))
        });
        read.ok_or_else(|| format!("`{text}` is not a time such as `30m`, `1h` or `7d`"))
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct JobDataApi {
    pub(crate) api_key_env: String,
    #[serde(default)]
    pub(crate) base_url: Option<String>,
    pub(crate) jobs: Option<Schedule>,
    pub(crate) expired: Option<Schedule>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FantasticJobs {
    pub(crate) api_key_env: String,
    #[serde(default)]
    pub(crate) base_url: Option<String>,
    pub(crate) max_jobs: u64,
    pub(crate) ats: Option<Schedule>,
    pub(crate) ats_expired: Option<Schedule>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EmployJoy {
    pub(crate) api_key_env: String,
    #[serde(default)]
    pub(crate) base_url: Option<String>,
    pub(crate) jobs: Option<Schedule>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct JobAffinity {
    pub(crate) login_env: String,
    pub(crate) password_env: String,
    #[serde(default)]
    pub(crate) base_url: Option<String>,
    pub(crate) jobs: Option<Schedule>,
}

/// An API by description, and the lists of it that are read.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rest {
    #[serde(default)]
    pub(crate) secret_env: Option<String>,
    pub(crate) api: Api,
    pub(crate) lists: BTreeMap<String, RestList>,
}

/// How often a list is read, and where the fields of a posting are in its records.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RestList {
    pub(crate) every: Every,
    pub(crate) title: Option<String>,
    pub(crate) url: Option<String>,
    pub(crate) description_html: Option<String>,
    pub(crate) organisation: Option<String>,
    pub(crate) city: Option<String>,
    pub(crate) country: Option<String>,
    pub(crate) salary_min: Option<String>,
    pub(crate) salary_max: Option<String>,
    pub(crate) currency: Option<String>,
    pub(crate) posted: Option<String>,
    pub(crate) updated: Option<String>,
}

impl Config {
    pub(crate) fn read(text: &str) -> Result<Self, Box<dyn Error>> {
        let config: Self = toml::from_str(text)?;
        let shares = config.drift.fail_on.iter();
        if shares.into_iter().any(|rule| matches!(rule, Rule::NullRate(share) if !(0.0..=1.0).contains(share))) {
            return Err("drift.fail_on: null_rate is a share from 0 to 1".into());
        }
        for (name, rest) in &config.rest {
            if ["jobdataapi", "fantastic_jobs", "employjoy", "jobaffinity"].contains(&name.as_str()) {
                return Err(format!("rest.{name}: this name is that of a provider").into());
            }
            rest.api.check().map_err(|error| format!("rest.{name}.api: {error}"))?;
            if rest.secret_env.is_some() != rest.api.credentials.is_some() {
                return Err(format!("rest.{name}: secret_env and api.credentials need each other").into());
            }
            for list in rest.lists.keys() {
                let endpoint = rest.api.endpoints.get(list);
                let endpoint = endpoint.ok_or_else(|| format!("rest.{name}.api.endpoints.{list} is missing"))?;
                if endpoint.key.is_none() || endpoint.watermark.is_none() {
                    return Err(format!("rest.{name}.api.endpoints.{list} needs a key and a watermark").into());
                }
            }
        }
        Ok(config)
    }

    /// The folder below which everything is written.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn set_folder(&mut self, folder: PathBuf) {
        self.folder = folder;
    }

    pub(crate) fn quarantine(&self) -> PathBuf {
        self.folder.join(&self.quarantine)
    }

    pub(crate) fn archive(&self) -> Option<String> {
        self.archive.as_deref().map(|place| self.place(place))
    }

    /// A URL, or a path below the folder.
    pub(crate) fn place(&self, place: &str) -> String {
        if place.contains("://") { place.to_owned() } else { self.folder.join(place).to_string_lossy().into_owned() }
    }

    /// The environment variables with the keys of the providers.
    pub(crate) fn variables(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        names.extend(self.jobdataapi.iter().map(|provider| provider.api_key_env.as_str()));
        names.extend(self.fantastic_jobs.iter().map(|provider| provider.api_key_env.as_str()));
        names.extend(self.employjoy.iter().map(|provider| provider.api_key_env.as_str()));
        if let Some(provider) = &self.jobaffinity {
            names.extend([provider.login_env.as_str(), provider.password_env.as_str()]);
        }
        names.extend(self.rest.values().filter_map(|provider| provider.secret_env.as_deref()));
        names
    }
}

/// The value of an environment variable that is set and not empty.
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The options of an object store in the environment, such as `AWS_ACCESS_KEY_ID`.
pub(crate) fn environment() -> Vec<(String, String)> {
    std::env::vars().map(|(name, value)| (name.to_lowercase(), value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(old: &str, new: &str) -> String {
        assert!(DEFAULT.contains(old), "{old}");
        Config::read(&DEFAULT.replacen(old, new, 1)).unwrap_err().to_string()
    }

    #[test]
    fn a_wrong_configuration_is_an_error_that_names_the_key() {
        assert!(Config::read(DEFAULT).is_ok());
        for (old, new, named) in [
            ("archive = ", "archiv = ", "archiv"),
            ("jobs = { every = \"6h\" }", "jobs = { evry = \"6h\" }", "evry"),
            ("every = \"6h\"", "every = \"6 hours\"", "6 hours"),
            ("every = \"6h\"", "every = \"0h\"", "0h"),
            ("[\"missing\", ", "[\"mising\", ", "mising"),
            ("[\"missing\", ", "[{ null_rate = 50 }, ", "null_rate"),
            ("sink = { parquet", "sink = { parket", "parket"),
            ("[employjoy]", "[employjoi]", "employjoi"),
            ("records_at = ", "records_in = ", "records_in"),
            ("records_at = \"/items\"", "records_at = \"items\"", "rest.board.api: invalid endpoints.jobs.records_at"),
            ("[rest.board.lists.jobs]", "[rest.board.lists.job]", "rest.board.api.endpoints.job is missing"),
            ("secret_env = ", "# secret_env = ", "secret_env"),
            ("key = \"id\"", "", "needs a key"),
        ] {
            let error = error(old, new);
            assert!(error.contains(named), "{new}: {error}");
        }
    }

    #[test]
    fn a_time_between_runs_has_a_unit() {
        let hours = |text: &str| Every::try_from(text.to_owned()).map(|every| every.0.as_mins());
        assert_eq!([hours("30m"), hours("1h"), hours("7d")], [Ok(30), Ok(60), Ok(7 * 24 * 60)]);
        for wrong in ["", "h", "1", "-1h", "1.5h", "1w", "99999999999h"] {
            assert!(hours(wrong).is_err(), "{wrong}");
        }
    }
}
