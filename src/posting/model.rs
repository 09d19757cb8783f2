//! The posting, its source, and the organisation that hires.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::html::html_to_text;
use super::parts::{Category, EmploymentType, Experience, Location, Remote, Salary, filled};
use crate::json::{debug_fields, open_enum};

/// A job posting of any provider. Everything but the source is optional.
///
/// `Debug` shows the source, the title and the status only, because the texts of an ad may contain contact data of people.
///
/// ```
/// use jobfeed::posting::Posting;
///
/// let mut posting = Posting::new("my_board", "jobs", "17");
/// posting.title = Some("Night Baker".to_owned());
/// posting.posted_day = Some(jobfeed::jiff::civil::date(2026, 3, 1));
///
/// let json = serde_json::to_string(&posting)?;
/// assert_eq!(serde_json::from_str::<Posting>(&json)?, posting);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Posting {
    /// Where it comes from, and its id there.
    pub source: Source,
    /// The id that the employer, or its applicant tracking system, gave the job.
    #[serde(default)]
    pub reference: Option<String>,
    /// The page of the ad.
    #[serde(default)]
    pub url: Option<String>,
    /// The page or form where a candidate applies.
    #[serde(default)]
    pub apply_url: Option<String>,
    /// Whether a candidate applies on the page of the ad itself.
    #[serde(default)]
    pub direct_apply: Option<bool>,
    /// The title, without spaces around it.
    #[serde(default)]
    pub title: Option<String>,
    /// The description as HTML, not sanitised.
    #[serde(default)]
    pub description_html: Option<String>,
    /// The description as plain text: the provider's own, or made of the HTML by [`html_to_text`].
    #[serde(default)]
    pub description_text: Option<String>,
    /// Who hires.
    #[serde(default)]
    pub organisation: Organisation,
    /// The places of work, in the order of the source.
    #[serde(default)]
    pub locations: Vec<Location>,
    /// Whether the work is remote, and from where.
    #[serde(default)]
    pub remote: Remote,
    /// The kinds of employment.
    #[serde(default)]
    pub employment_types: Vec<EmploymentType>,
    /// The kinds of employment in the words of the source.
    #[serde(default)]
    pub employment_types_raw: Vec<String>,
    /// The salary.
    #[serde(default)]
    pub salary: Option<Salary>,
    /// The experience that is asked for.
    #[serde(default)]
    pub experience: Experience,
    /// The education that is asked for, in the words of the source.
    #[serde(default)]
    pub education: Vec<String>,
    /// The skills that are asked for.
    #[serde(default)]
    pub skills: Vec<String>,
    /// The categories of the job.
    #[serde(default)]
    pub categories: Vec<Category>,
    /// The language of the ad: an ISO 639-1 code in lower case.
    #[serde(default)]
    pub language: Option<String>,
    /// The language as the source wrote it.
    #[serde(default)]
    pub language_raw: Option<String>,
    /// When it was published.
    #[serde(default)]
    pub posted: Option<Timestamp>,
    /// The day of publication, where the source has only a day; [`posted`](Self::posted) is absent then.
    #[serde(default)]
    pub posted_day: Option<Date>,
    /// When the provider's record was created.
    #[serde(default)]
    pub created: Option<Timestamp>,
    /// The day of creation, where the source has only a day; [`created`](Self::created) is absent then.
    #[serde(default)]
    pub created_day: Option<Date>,
    /// When the provider's record last changed.
    #[serde(default)]
    pub updated: Option<Timestamp>,
    /// Until when candidates can apply.
    #[serde(default)]
    pub valid_through: Option<Timestamp>,
    /// The last day to apply, where the source has only a day; [`valid_through`](Self::valid_through) is absent then.
    #[serde(default)]
    pub valid_through_day: Option<Date>,
    /// When it was taken down.
    #[serde(default)]
    pub expired: Option<Timestamp>,
    /// How many people are still to be hired.
    #[serde(default)]
    pub openings: Option<u64>,
    /// Whether it is open.
    #[serde(default)]
    pub status: Option<PostingStatus>,
    /// The status as the source wrote it.
    #[serde(default)]
    pub status_raw: Option<String>,
    /// What the source has beside these fields, as received and under its names, without empty values. Members that are about a person, by
    /// their name or because they hold an e-mail address or a phone number, are left out.
    #[serde(default)]
    pub extra: Map<String, Value>,
}

debug_fields!(Posting(source, title, status));

impl Posting {
    /// A posting with nothing but its source; see [`Source`] for the three names.
    pub fn new(provider: impl Into<String>, feed: impl Into<String>, id: impl Into<String>) -> Self {
        Self {
            source: Source { provider: provider.into(), feed: feed.into(), id: id.into(), domain: None },
            reference: None,
            url: None,
            apply_url: None,
            direct_apply: None,
            title: None,
            description_html: None,
            description_text: None,
            organisation: Organisation::default(),
            locations: Vec::new(),
            remote: Remote::default(),
            employment_types: Vec::new(),
            employment_types_raw: Vec::new(),
            salary: None,
            experience: Experience::default(),
            education: Vec::new(),
            skills: Vec::new(),
            categories: Vec::new(),
            language: None,
            language_raw: None,
            posted: None,
            posted_day: None,
            created: None,
            created_day: None,
            updated: None,
            valid_through: None,
            valid_through_day: None,
            expired: None,
            openings: None,
            status: None,
            status_raw: None,
            extra: Map::new(),
        }
    }

    /// Sets both descriptions; a text that the source does not have is made of the HTML.
    pub(crate) fn describe(&mut self, html: Option<&str>, text: Option<&str>) {
        self.description_html = filled(html);
        let from_html = || filled(self.description_html.as_deref().map(html_to_text).as_deref());
        self.description_text = filled(text).or_else(from_html);
    }

    /// Sets the kinds of employment, and keeps the source's words.
    pub(crate) fn employ<'a>(&mut self, raw: impl IntoIterator<Item = &'a str>) {
        for raw in raw.into_iter().filter(|raw| !raw.trim().is_empty()) {
            let kind = EmploymentType::read(raw);
            if !self.employment_types.contains(&kind) {
                self.employment_types.push(kind);
            }
            self.employment_types_raw.push(raw.to_owned());
        }
    }
}

/// Where a posting comes from. Provider, feed and id together are unique.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Source {
    /// The provider, by the name of its module, such as `jobdataapi`.
    pub provider: String,
    /// The list of the provider in which the id is unique: `jobs`, of Fantastic.jobs `ats` or `jb`.
    pub feed: String,
    /// The provider's id. Empty only when a record of [`jobaffinity`](crate::jobaffinity) had none.
    pub id: String,
    /// The host of the site from which the provider has the ad.
    #[serde(default)]
    pub domain: Option<String>,
}

/// The organisation that hires.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Organisation {
    /// The name, without spaces around it.
    pub name: Option<String>,
    /// The provider's id of it.
    pub id: Option<String>,
    /// Its internet domain in lower case, without `www.`.
    pub domain: Option<String>,
    /// Its website.
    pub website: Option<String>,
    /// The URL of its logo.
    pub logo: Option<String>,
    /// Whether it recruits for others.
    pub agency: Option<bool>,
}

impl Organisation {
    /// Sets the website, and the domain when it is not known otherwise.
    pub(crate) fn set_website(&mut self, website: Option<&str>) {
        self.website = filled(website);
        if self.domain.is_none() {
            self.domain = self.website.as_deref().and_then(domain);
        }
    }
}

/// The host of an absolute URL without `www.`.
fn domain(url: &str) -> Option<String> {
    let url = url::Url::parse(url).ok()?;
    let host = url.domain()?;
    Some(host.strip_prefix("www.").unwrap_or(host).to_owned())
}

open_enum! {
    /// Whether a posting is open.
    pub enum PostingStatus {
        /// It is not published yet.
        Draft = "draft",
        /// It takes applications.
        Open = "open",
        /// The employer has closed it.
        Closed = "closed",
        /// The provider has taken it down, or it is too old.
        Expired = "expired",
    }
}
