//! The format of parameter values, and the rules between parameters.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::frames::TimeFrame;
use super::search::{Expression, Search};
use crate::error::{Error, Result};
use crate::listing::Query;

/// The most rows of one page (observed: more is refused).
pub(super) const MAX_LIMIT: u32 = 1000;
/// The longest request, including the URL (vendor page), minus space for the base URL.
const MAX_LENGTH: usize = 10_000 - 120;

/// Each lower bound with its upper bound.
const RANGES: [(&str, &str); 5] = [
    ("date_posted_gte", "date_posted_lt"),
    ("date_created_gte", "date_created_lt"),
    ("date_modified_gte", "date_modified_lt"),
    ("organization_headcount_gte", "organization_headcount_lt"),
    ("organization_funding_gte", "organization_funding_lt"),
];

/// An instant in the API's format: UTC without a zone, with a fraction of a second only if it has one.
pub(super) fn utc(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).datetime().to_string()
}

/// Sets an instant.
pub(super) fn time(query: &mut Query, name: &str, at: Timestamp) {
    query.set(name, utc(at));
}

/// Sets a parameter that has no method. Those in `with_method` are refused.
pub(super) fn raw(query: &mut Query, name: &str, value: &str, with_method: &[&str]) {
    if name == "apiKey" || with_method.contains(&name) {
        query.refuse("parameter", name, "the method of that parameter; the key is set on the client");
    }
    query.set(name, value);
}

/// Checks a path that the caller may replace.
pub(super) fn check_path(path: &str) -> Result<()> {
    if path.is_empty() || path.starts_with('/') || path.contains(['?', '#']) {
        return Err(Error::invalid("path", path, "a path below the base URL that does not begin with a slash"));
    }
    Ok(())
}

/// Sets a list: values separated by commas without spaces (vendor page); values with a comma or quote are quoted.
pub(super) fn list(query: &mut Query, name: &str, values: impl IntoIterator<Item = impl AsRef<str>>) {
    let mut texts = Vec::new();
    for value in values {
        let value = value.as_ref();
        query.check_text(name, value);
        let quoted = value.contains([',', '"']);
        texts.push(if quoted { format!("\"{}\"", value.replace('"', "\"\"")) } else { value.to_owned() });
    }
    query.unset(name);
    query.join(name, ",", &texts);
}

/// Sets the parameter of the search's language and removes the parameter of the other language.
pub(super) fn search(query: &mut Query, field: &str, search: impl Into<Search>) {
    let search = checked(query, field, search.into());
    let advanced = format!("{field}_advanced");
    let (here, other) = if search.is_advanced() { (advanced.as_str(), field) } else { (field, advanced.as_str()) };
    query.unset(other);
    query.set(here, search.text());
}

/// Sets a parameter that takes an expression only.
pub(super) fn expression(query: &mut Query, name: &str, expression: Expression) {
    let search = checked(query, name, expression.into());
    query.set(name, search.text());
}

fn checked(query: &mut Query, name: &str, search: Search) -> Search {
    if let Some(rule) = search.problem() {
        query.refuse(name, search.text(), rule);
    }
    search
}

/// The name and value of the description search, if one is set.
fn description_search(query: &Query) -> Option<(&str, &str)> {
    ["description", "description_advanced"].into_iter().find_map(|name| Some((name, query.get(name)?)))
}

/// Checks everything but the length.
pub(super) fn check(query: &Query, frame: Option<&str>, deep_descriptions: bool) -> Result<()> {
    query.check()?;
    for (from, until) in RANGES {
        let (Some(low), Some(high)) = (query.get(from), query.get(until)) else { continue };
        let numbers = low.parse::<u64>().ok().zip(high.parse::<u64>().ok());
        // All instants have the same format, so comparing the texts compares the instants.
        if numbers.map_or(low >= high, |(low, high)| low >= high) {
            let value = format!("{low} to {high}");
            return Err(Error::invalid(format!("{from}, {until}"), value, "the first less than the second"));
        }
    }
    if query.get("organization").is_some() && query.get("organization_advanced").is_some() {
        return Err(Error::invalid(
            "organization_advanced",
            "(set)",
            "`organization` or `organization_advanced`, not both",
        ));
    }
    if let (Some((name, value)), Some("6m")) = (description_search(query), frame) {
        if !deep_descriptions {
            return Err(Error::invalid(name, value, "no search in descriptions with the time frame 6m"));
        }
        tracing::warn!("a search in descriptions over 6m is slow on the server and may reach its limit of 60 s");
    }
    if let Some(code) =
        query.get("location").filter(|place| place.len() == 2 && place.bytes().all(|b| b.is_ascii_uppercase()))
    {
        tracing::warn!(code, "locations are searched by full name: `United States`, not `US`");
    }
    Ok(())
}

/// Refuses a request whose path and parameters are too long.
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

/// Refuses a request without the `time_frame` that its endpoint requires.
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
        list(&mut query, "organization_industry", ["Software", "Design, Arts", "The \"Best\""]);
        assert_eq!(query.get("organization_industry"), Some(r#"Software,"Design, Arts","The ""Best""""#));
        search(&mut query, "title", "a b");
        search(&mut query, "title", Expression::phrase("a b"));
        assert_eq!((query.get("title"), query.get("title_advanced")), (None, Some("'a b'")));
    }

    #[test]
    fn instants_are_written_without_a_zone() {
        assert_eq!(utc("2026-04-27T14:00:00Z".parse().unwrap()), "2026-04-27T14:00:00");
        assert_eq!(utc("2026-04-27T16:00:00.25+02:00".parse().unwrap()), "2026-04-27T14:00:00.25");
    }
}
