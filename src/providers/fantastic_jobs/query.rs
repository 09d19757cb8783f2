//! The parameters of one request: how values are written, and what is wrong with them.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Search, TimeFrame};
use crate::error::{Error, Result};

/// The most rows of one page (observed: more is refused).
pub(super) const MAX_LIMIT: u32 = 1000;
/// The longest request, URL included (vendor page), less room for the base URL.
const MAX_LENGTH: usize = 10_000 - 120;

/// Parameters in the order in which they were set, and the first problem among them.
#[derive(Debug, Clone, Default)]
pub(super) struct Query {
    params: Vec<(String, String)>,
    problem: Option<(String, String, String)>,
}

/// Lower bounds with the upper bounds that belong to them.
const RANGES: [(&str, &str); 5] = [
    ("date_posted_gte", "date_posted_lt"),
    ("date_created_gte", "date_created_lt"),
    ("date_modified_gte", "date_modified_lt"),
    ("organization_headcount_gte", "organization_headcount_lt"),
    ("organization_funding_gte", "organization_funding_lt"),
];

/// An instant as the API takes it: UTC without a zone, seconds with a fraction only where there is one.
pub(super) fn utc(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).datetime().to_string()
}

impl Query {
    #[allow(clippy::needless_pass_by_value, reason = "a caller has a value, not a reference to one")]
    pub(super) fn set(&mut self, name: &str, value: impl ToString) {
        let value = value.to_string();
        if value.chars().any(char::is_control) {
            self.refuse(name, "(control characters)", "a text without control characters");
        }
        match self.params.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = value,
            None => self.params.push((name.to_owned(), value)),
        }
    }

    pub(super) fn unset(&mut self, name: &str) {
        self.params.retain(|(known, _)| known != name);
    }

    pub(super) fn text(&mut self, name: &str, value: &str) {
        if value.trim().is_empty() {
            self.refuse(name, value, "a text that is not empty");
        }
        self.set(name, value);
    }

    /// Values with commas between them and no space (vendor page); those with a comma or a quote are quoted as in CSV.
    pub(super) fn list<S: AsRef<str>>(&mut self, name: &str, values: impl IntoIterator<Item = S>) {
        let mut texts = Vec::new();
        for value in values {
            let value = value.as_ref();
            if value.trim().is_empty() {
                self.refuse(name, value, "values that are not empty");
            }
            let quoted = value.contains([',', '"']);
            texts.push(if quoted { format!("\"{}\"", value.replace('"', "\"\"")) } else { value.to_owned() });
        }
        if texts.is_empty() {
            self.refuse(name, "(no value)", "1 or more values");
        }
        self.set(name, texts.join(","));
    }

    /// A search in the parameter of its language; the other one goes away.
    pub(super) fn search(&mut self, field: &str, search: &Search) {
        if let Some(rule) = search.problem() {
            self.refuse(field, search.text(), rule);
        }
        let advanced = format!("{field}_advanced");
        let (here, other) = if search.is_advanced() { (advanced.as_str(), field) } else { (field, advanced.as_str()) };
        self.unset(other);
        self.set(here, search.text());
    }

    pub(super) fn refuse(&mut self, what: &str, value: &str, rule: &str) {
        self.problem.get_or_insert_with(|| (what.to_owned(), value.to_owned(), rule.to_owned()));
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.params.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Whether one of the two forms of the description search is set.
    fn searches_descriptions(&self) -> Option<(&str, &str)> {
        self.pairs().find(|(name, _)| matches!(*name, "description" | "description_advanced"))
    }

    /// Everything but the length.
    pub(super) fn check(&self, frame: Option<&str>, deep_descriptions: bool) -> Result<()> {
        if let Some((what, value, rule)) = &self.problem {
            return Err(Error::invalid(what.as_str(), value.as_str(), rule.as_str()));
        }
        for (from, until) in RANGES {
            let (Some(low), Some(high)) = (self.get(from), self.get(until)) else { continue };
            let (low, high) = (low.trim_end_matches('Z'), high.trim_end_matches('Z'));
            let ordered = match (low.parse::<u64>(), high.parse::<u64>()) {
                (Ok(low), Ok(high)) => low < high,
                // All of them are of one form, so they sort like the instants.
                _ => low < high,
            };
            if !ordered {
                return Err(Error::invalid(
                    format!("{from}, {until}"),
                    format!("{low} to {high}"),
                    "the first below the second",
                ));
            }
        }
        if self.get("organization").is_some() && self.get("organization_advanced").is_some() {
            return Err(Error::invalid(
                "organization_advanced",
                "(set)",
                "either `organization` or `organization_advanced`",
            ));
        }
        if let (Some((name, value)), Some("6m")) = (self.searches_descriptions(), frame) {
            if !deep_descriptions {
                return Err(Error::invalid(name, value, "no search in descriptions with the time frame 6m here"));
            }
            tracing::warn!(
                "a search in descriptions over 6m is slow on the server, and may run into its limit of 60 s"
            );
        }
        if let Some(code) =
            self.get("location").filter(|place| place.len() == 2 && place.bytes().all(|b| b.is_ascii_uppercase()))
        {
            tracing::warn!(code, "the location is searched by full names: `United States`, not `US`");
        }
        Ok(())
    }
}

/// Refuses a request that is too long as a whole.
pub(super) fn check_length(path: &str, pairs: &[(String, String)]) -> Result<()> {
    let mut encoded = url::form_urlencoded::Serializer::new(String::new());
    encoded.extend_pairs(pairs);
    let length = path.len() + encoded.finish().len();
    if length > MAX_LENGTH {
        let value = format!("{length} characters");
        return Err(Error::invalid("request", value, format!("at most {MAX_LENGTH} characters of encoded parameters")));
    }
    Ok(())
}

/// The check of what `time_frame` a request of its kind needs.
pub(super) fn check_frame(required: bool, frame: Option<&str>) -> Result<()> {
    if required && frame.is_none() {
        let frames = [TimeFrame::Hour, TimeFrame::Day, TimeFrame::Week, TimeFrame::SixMonths].map(TimeFrame::as_str);
        return Err(Error::invalid("time_frame", "(not set)", format!("one of {}", frames.join(", "))));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_quoted_as_in_csv_and_searches_replace_each_other() {
        let mut query = Query::default();
        query.list("organization_industry", ["Software", "Design, Arts", "The \"Best\""]);
        assert_eq!(query.get("organization_industry"), Some(r#"Software,"Design, Arts","The ""Best""""#));
        query.search("title", &Search::from("a b"));
        query.search("title", &super::super::Expression::phrase("a b").into());
        assert_eq!((query.get("title"), query.get("title_advanced")), (None, Some("'a b'")));
    }

    #[test]
    fn instants_are_written_without_a_zone() {
        assert_eq!(utc("2026-04-27T14:00:00Z".parse().unwrap()), "2026-04-27T14:00:00");
        assert_eq!(utc("2026-04-27T16:00:00.25+02:00".parse().unwrap()), "2026-04-27T14:00:00.25");
    }
}
