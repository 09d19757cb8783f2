//! The query of one listing, what is wrong with it, and the links to its next pages.

use jiff::civil::Date;
use url::form_urlencoded::{self, Serializer};

use crate::error::{Error, Result};

/// The largest page (vendor page: pagination).
pub(crate) const MAX_PAGE_SIZE: u32 = 100;

/// Filters whose values are personal data. They must not get into cursors and states.
const PERSONAL: [&str; 4] = ["first_name", "last_name", "email", "candidate_email"];

/// Stands for the value of a personal filter in a kept link. It cannot occur in a URL.
const HIDDEN: &str = "\u{1}";

/// Parameters in the order in which they were set, and the first problem among them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Query {
    params: Vec<(String, String)>,
    problem: Option<(String, String, &'static str)>,
}

impl Query {
    /// Sets a parameter that has one value.
    pub(crate) fn set(&mut self, name: &str, value: impl ToString) {
        self.params.retain(|(known, _)| known != name);
        self.add(name, value);
    }

    /// Adds a value to a parameter that may come several times.
    #[allow(clippy::needless_pass_by_value, reason = "numbers, dates and texts alike")]
    pub(crate) fn add(&mut self, name: &str, value: impl ToString) {
        self.params.push((name.to_owned(), value.to_string()));
    }

    /// Refuses a text that is empty: whether the server takes it for "no filter" is not documented.
    pub(crate) fn check_text(&mut self, name: &str, value: &str) {
        if value.trim().is_empty() {
            self.refuse(name, "(empty)", "a text that is not empty");
        }
    }

    /// Keeps the first problem.
    pub(crate) fn refuse(&mut self, what: &str, value: &str, rule: &'static str) {
        self.problem.get_or_insert_with(|| (what.to_owned(), value.to_owned(), rule));
    }

    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn pairs(&self) -> &[(String, String)] {
        &self.params
    }

    /// Whether a filter holds personal data.
    pub(crate) fn is_personal(&self) -> bool {
        self.params.iter().any(|(name, _)| PERSONAL.contains(&name.as_str()))
    }

    pub(crate) fn check(&self) -> Result<()> {
        if let Some((what, value, rule)) = &self.problem {
            return Err(Error::invalid(what.as_str(), value.as_str(), *rule));
        }
        let day = |name| self.value(name)?.parse::<Date>().ok();
        match (day("last_step_since"), day("last_step_until")) {
            (Some(since), Some(until)) if since > until => {
                let what = "last_step_since, last_step_until";
                Err(Error::invalid(what, format!("{since} to {until}"), "the first not after the second"))
            }
            _ => Ok(()),
        }
    }

    /// The link to a next page as it may be kept: should it repeat the value of a personal filter, this goes out.
    pub(crate) fn conceal(&self, link: &str) -> String {
        let Some((path, query)) = link.split_once('?').filter(|_| self.is_personal()) else { return link.to_owned() };
        let pairs = query.split('&').map(|pair| {
            let ours = form_urlencoded::parse(pair.as_bytes()).next().filter(|(name, value)| {
                PERSONAL.contains(&&**name) && self.value(name).is_some_and(|own| own == value)
            });
            ours.map_or_else(|| pair.to_owned(), |(name, _)| format!("{name}={HIDDEN}"))
        });
        format!("{path}?{}", pairs.collect::<Vec<_>>().join("&"))
    }

    /// The link that [`Query::conceal`] was given, but for the encoding of the values that it took out.
    pub(crate) fn reveal(&self, kept: &str) -> String {
        let Some((path, query)) = kept.split_once('?').filter(|(_, query)| query.contains(HIDDEN)) else {
            return kept.to_owned();
        };
        let pairs = query.split('&').map(|pair| match pair.split_once('=') {
            Some((name, HIDDEN)) => {
                let value = self.value(name).unwrap_or_default();
                Serializer::new(String::new()).append_pair(name, value).finish()
            }
            _ => pair.to_owned(),
        });
        format!("{path}?{}", pairs.collect::<Vec<_>>().join("&"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_link_holds_no_personal_filter() {
        let mut query = Query::default();
        let link = "/r?first_name=Ana+M&pagecursor=%2f7&since=3";
        assert_eq!(query.conceal(link), link, "not ours");
        query.set("first_name", "Ana M");
        query.set("since", 3);
        let kept = query.conceal(link);
        assert!(!kept.contains("Ana"), "{kept}");
        assert_eq!(query.reveal(&kept), link);
        assert_eq!(query.reveal(link), link);
        assert_eq!(query.conceal("/r?pagecursor=7"), "/r?pagecursor=7");
    }
}
