//! The formats of parameter values, and the rules between parameters.

use jiff::civil::Date;

use crate::error::{Error, Result};
use crate::listing::Query;

/// The maximum number of values in one parameter (vendor page "Multi-value parameters").
const MAX_VALUES: usize = 50;

/// The maximum page size (vendor page "Jobs API endpoint").
pub(super) const MAX_PAGE_SIZE: u32 = 5000;

/// The check of one code, and its rule for the error text.
type CodeCheck = (fn(&str) -> bool, &'static str);

/// The check of country codes.
pub(super) const COUNTRY: CodeCheck =
    (|code| code.len() == 2 && code.bytes().all(|b| b.is_ascii_uppercase()), "ISO 3166-1 codes of two letters");

/// The check of other codes.
pub(super) const CODE: CodeCheck =
    (|code| !code.is_empty() && code.bytes().all(|b| b.is_ascii_alphanumeric()), "codes of letters and digits");

/// Adds values, joined with a pipe. A minus sign before a value excludes it.
fn join(query: &mut Query, name: &str, values: &[String]) {
    query.join(name, "|", values);
    let count = query.get(name).map_or(0, |joined| joined.split('|').count());
    if count > MAX_VALUES {
        query.refuse(name, &format!("{count} values"), "at most 50 values in one parameter");
    }
}

/// Ids: joined with a pipe, excluded with a minus sign.
pub(super) fn ids(query: &mut Query, name: &str, ids: impl IntoIterator<Item = u64>, include: bool) {
    let sign = if include { "" } else { "-" };
    let values: Vec<String> = ids.into_iter().map(|id| format!("{sign}{id}")).collect();
    join(query, name, &values);
}

/// Codes: upper case, joined with a pipe, excluded with a minus sign.
pub(super) fn codes(
    query: &mut Query,
    name: &str,
    codes: impl IntoIterator<Item = impl AsRef<str>>,
    include: bool,
    (valid, rule): CodeCheck,
) {
    let sign = if include { "" } else { "-" };
    let mut values = Vec::new();
    for code in codes {
        let code = code.as_ref().trim().to_ascii_uppercase();
        if !valid(&code) {
            query.refuse(name, &code, rule);
        }
        values.push(format!("{sign}{code}"));
    }
    join(query, name, &values);
}

/// One code, for parameters that are not documented to take several. A later call replaces it.
pub(super) fn code(query: &mut Query, name: &str, code: &str, check: CodeCheck) {
    query.unset(name);
    codes(query, name, [code], true, check);
}

/// Keywords: joined with `|OR|`, excluded with a minus sign, a literal minus sign at the front is escaped.
pub(super) fn keywords(
    query: &mut Query,
    name: &str,
    keywords: impl IntoIterator<Item = impl AsRef<str>>,
    include: bool,
    shortest: usize,
) {
    let mut values = Vec::new();
    for keyword in keywords {
        let keyword = keyword.as_ref().trim();
        if keyword.contains('|') {
            query.refuse(name, keyword, "keywords without a pipe; give alternatives as separate keywords");
        }
        // The server ignores a shorter keyword without an error, and then returns too many rows.
        if keyword.chars().count() < shortest {
            query.refuse(name, keyword, &format!("keywords of {shortest} or more characters"));
        }
        values.push(match (include, keyword.starts_with('-')) {
            (true, true) => format!("\\{keyword}"),
            (true, false) => keyword.to_owned(),
            (false, _) => format!("-{keyword}"),
        });
    }
    query.join(name, "|OR|", &values);
}

/// The parameters of the window of the jobs listing.
pub(super) const WINDOW: [&str; 6] = ["published_since", "published_until", "min_id", "max_id", "min_age", "max_age"];

/// A window parameter that is set.
pub(super) fn window_parameter(query: &Query) -> Option<&str> {
    query.pairs().iter().map(|(name, _)| name.as_str()).find(|name| WINDOW.contains(name))
}

/// Checks values and the rules between parameters.
pub(super) fn check(query: &Query) -> Result<()> {
    query.check()?;
    let country = query.get("country_code").is_some_and(|codes| codes.split('|').any(|code| !code.starts_with('-')));
    for name in ["state_code", "code"] {
        if let (Some(value), false) = (query.get(name), country || query.has("country_id")) {
            let first = value.split('|').next().unwrap_or_default();
            return Err(Error::invalid(name, first, "a country as well: state codes are not unique"));
        }
    }
    query.check_order::<Date>("published_since", "published_until")?;
    query.check_order::<Date>("expired_since", "expired_until")?;
    query.check_order::<Date>("date_from", "date_to")?;
    for (min, max) in [
        ("min_id", "max_id"),
        ("min_age", "max_age"),
        ("min_size", "max_size"),
        ("min_jobs", "max_jobs"),
        ("min_children", "max_children"),
    ] {
        query.check_order::<u64>(min, max)?;
    }
    check_window(query)
}

/// Ages and dates are two ways to set the same window; how the server combines them is not documented.
fn check_window(query: &Query) -> Result<()> {
    let published = query.has("published_since") || query.has("published_until");
    let ids = query.has("min_id") || query.has("max_id");
    let age = query.has("min_age") || query.has("max_age");
    let off = query.get("max_age") == Some("off");
    if age && (published || (off && ids)) || (off && query.has("min_age")) {
        let rule = "one kind of window: publication dates, ids, ages, or all ages";
        return Err(Error::invalid("window", "several kinds at once", rule));
    }
    Ok(())
}
