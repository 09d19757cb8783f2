//! Keys that are equal when two sources have the same posting.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::ats::ats_id;
use super::canonical_url::canonical_url;
use super::model::Posting;
use super::parts::{Location, RemoteMode};
use crate::json::open_enum;

/// A key of a posting, to be compared with the keys of postings of other sources.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Identity {
    /// What the key is made of, and what it confuses.
    pub kind: IdentityKind,
    /// The key: a text that begins with its kind and the version of its rules, such as `ats-1:lever:…`. Compare keys for equality only;
    /// keys of different versions are never equal. It contains no personal data unless the ad's title or URL does.
    pub key: String,
    /// How sure it is that two postings with this key are the same.
    pub confidence: Confidence,
}

open_enum! {
    /// What a key is made of.
    pub enum IdentityKind {
        /// The id of the job at its applicant tracking system, from the URL of the ad or of the form, where the form of the URL is
        /// known: Ashby, `BambooHR`, Greenhouse, iCIMS, Lever, Personio, `SmartRecruiters`, Workable, Workday.
        ///
        /// *Confuses*: the places of a job that is advertised once for several of them; an ad that was closed and opened again under its old
        /// id. *Misses*: an ad that was posted again under a new id; an employer's own site that does not show the id.
        AtsId = "ats_id",
        /// The URL of the ad or of the form, without what differs between links to one page: scheme, `www.`, case of the host, order of the
        /// parameters, tracking parameters, fragment.
        ///
        /// *Confuses*: all jobs of an employer whose ads link to one form or one list of jobs (when many postings of one source have
        /// the same address, it is one of these); the places of a job with one page. *Misses*: links through the servers by which job boards
        /// count clicks.
        Url = "url",
        /// The organisation, the title and the place, without case, punctuation, legal form and marks such as `(m/f/d)`; one key for each place.
        ///
        /// *Confuses*: several open jobs of one kind at one place; an ad that was posted again; franchises and branches of one name in
        /// one city; the ads of a staffing agency for different clients. *Misses*: an ad under the agency's name and its copy under
        /// the client's; titles and cities in another language.
        OrganisationTitlePlace = "organisation_title_place",
    }
}

/// How sure it is that two postings with one key are the same. The order is from low to high.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Confidence {
    /// Possibly the same: compare dates, texts and salaries first.
    Low,
    /// Probably the same.
    Medium,
    /// The same job, as far as its own system says.
    High,
}

impl Posting {
    /// Keys by which this posting can be found in other sources, the surest first; none when there is not enough to make one.
    ///
    /// Nothing is merged. Two postings are candidates when they share a key; [`IdentityKind`] says what each kind confuses.
    ///
    /// ```
    /// use jobfeed::posting::{IdentityKind, Posting};
    ///
    /// let mut one = Posting::new("board_a", "jobs", "17");
    /// one.apply_url = Some("https://boards.greenhouse.io/acme/jobs/4012?gh_src=a".to_owned());
    /// let mut other = Posting::new("board_b", "jobs", "x-9");
    /// other.url = Some("https://acme.example/careers/?gh_jid=4012&utm_source=b".to_owned());
    ///
    /// let (one, other) = (one.identities(), other.identities());
    /// assert_eq!(one[0], other[0]);
    /// assert_eq!((one[0].kind.clone(), one[0].key.as_str()), (IdentityKind::AtsId, "ats-1:greenhouse:4012"));
    /// assert_ne!(one[1], other[1], "the pages are different ones");
    /// ```
    pub fn identities(&self) -> Vec<Identity> {
        let urls = || [&self.apply_url, &self.url].into_iter().flatten();
        let ats = urls().filter_map(|url| ats_id(url)).map(|id| (IdentityKind::AtsId, format!("ats-1:{id}")));
        let pages = urls().filter_map(|url| canonical_url(url)).map(|url| (IdentityKind::Url, format!("url-1:{url}")));
        let words = self
            .organisation_title_places()
            .map(|words| (IdentityKind::OrganisationTitlePlace, format!("otp-1:{words}")));
        let (mut identities, mut known) = (Vec::new(), HashSet::new());
        for (kind, key) in ats.chain(pages).chain(words) {
            if known.insert(key.clone()) {
                let confidence = match kind {
                    IdentityKind::AtsId => Confidence::High,
                    IdentityKind::Url => Confidence::Medium,
                    _ => Confidence::Low,
                };
                identities.push(Identity { kind, key, confidence });
            }
        }
        identities
    }

    fn organisation_title_places(&self) -> impl Iterator<Item = String> {
        let organisation = self.organisation.name.as_deref().map(organisation_words).unwrap_or_default();
        let title = self.title.as_deref().map(title_words).unwrap_or_default();
        let known = !organisation.is_empty() && !title.is_empty();
        let remote = self.remote.mode == Some(RemoteMode::Remote);
        let places = self.locations.iter().filter_map(move |location| place_words(location, remote));
        places.filter(move |_| known).map(move |place| format!("{organisation}|{title}|{place}"))
    }
}

/// Letters and digits in lower case; anything else is a space between words.
fn words(text: &str) -> Vec<String> {
    let lower = text.to_lowercase();
    lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// The words without the legal form at the end.
fn organisation_words(name: &str) -> String {
    const LEGAL_FORMS: [&str; 31] = [
        "inc",
        "incorporated",
        "llc",
        "llp",
        "lp",
        "ltd",
        "limited",
        "plc",
        "corp",
        "corporation",
        "co",
        "company",
        "gmbh",
        "mbh",
        "ag",
        "se",
        "kg",
        "kgaa",
        "ug",
        "ohg",
        "sa",
        "sas",
        "sarl",
        "srl",
        "spa",
        "bv",
        "nv",
        "ab",
        "as",
        "oy",
        "pty",
    ];
    let mut words = words(name);
    while words.len() > 1 && words.last().is_some_and(|word| LEGAL_FORMS.contains(&word.as_str())) {
        words.pop();
    }
    words.join(" ")
}

/// The words without a mark of genders in brackets, such as `(m/w/d)`.
fn title_words(title: &str) -> String {
    let is_mark = |inside: &str| {
        let words = words(inside);
        let short = |word: &String| {
            matches!(word.as_str(), "m" | "f" | "w" | "d" | "x" | "h" | "i" | "div" | "gn" | "all" | "genders")
        };
        !words.is_empty() && words.iter().all(short)
    };
    let mut kept = Vec::new();
    let mut rest = title;
    while let Some((before, inside, after)) = rest.split_once('(').and_then(|(before, opened)| {
        let (inside, after) = opened.split_once(')')?;
        Some((before, inside, after))
    }) {
        kept.extend(words(before));
        if !is_mark(inside) {
            kept.extend(words(inside));
        }
        rest = after;
    }
    kept.extend(words(rest));
    kept.join(" ")
}

/// The city, or the region, and the country; of a remote job only the country.
fn place_words(location: &Location, remote: bool) -> Option<String> {
    let country = location.country_code.as_deref().or(location.country.as_deref()).unwrap_or_default();
    let place = if remote { Some("remote") } else { location.city.as_deref().or(location.region.as_deref()) };
    let place = words(place?).join(" ");
    (!place.is_empty()).then(|| format!("{place}|{}", words(country).join(" ")))
}
