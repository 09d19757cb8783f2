//! Links to next pages without the values of personal filters, which must not be in cursors and states.

use url::form_urlencoded::{self, Serializer};

use crate::listing::Query;

/// Filters whose values are personal data.
const PERSONAL: [&str; 4] = ["first_name", "last_name", "email", "candidate_email"];

/// Replaces the value of a personal filter in a saved link. It cannot occur in a URL.
const HIDDEN: &str = "\u{1}";

/// Whether a filter of the query is personal data.
pub(super) fn has_personal(query: &Query) -> bool {
    query.pairs().iter().any(|(name, _)| PERSONAL.contains(&name.as_str()))
}

/// The link to a next page without the values of this query's personal filters, if it contains them.
pub(super) fn hide(query: &Query, link: &str) -> String {
    let Some((path, pairs)) = link.split_once('?').filter(|_| has_personal(query)) else { return link.to_owned() };
    let pairs = pairs.split('&').map(|pair| {
        let ours = form_urlencoded::parse(pair.as_bytes())
            .next()
            .filter(|(name, value)| PERSONAL.contains(&&**name) && query.get(name).is_some_and(|own| own == value));
        ours.map_or_else(|| pair.to_owned(), |(name, _)| format!("{name}={HIDDEN}"))
    });
    format!("{path}?{}", pairs.collect::<Vec<_>>().join("&"))
}

/// The link before [`hide`]. Only the encoding of the values that it removed may differ.
pub(super) fn restore(query: &Query, saved: &str) -> String {
    let Some((path, pairs)) = saved.split_once('?').filter(|(_, pairs)| pairs.contains(HIDDEN)) else {
        return saved.to_owned();
    };
    let pairs = pairs.split('&').map(|pair| match pair.split_once('=') {
        Some((name, HIDDEN)) => {
            let value = query.get(name).unwrap_or_default();
            Serializer::new(String::new()).append_pair(name, value).finish()
        }
        _ => pair.to_owned(),
    });
    format!("{path}?{}", pairs.collect::<Vec<_>>().join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_saved_link_contains_no_personal_filter_value() {
        let mut query = Query::default();
        let link = "/r?first_name=Ana+M&pagecursor=%2f7&since=3";
        assert_eq!(hide(&query, link), link, "not a filter of this query");
        query.set("first_name", "Ana M");
        query.set("since", 3);
        let saved = hide(&query, link);
        assert!(!saved.contains("Ana"), "{saved}");
        assert_eq!(restore(&query, &saved), link);
        assert_eq!(restore(&query, link), link);
        assert_eq!(hide(&query, "/r?pagecursor=7"), "/r?pagecursor=7");
    }
}
