//! Links to next pages as they may be kept: without the values of personal filters, which must not be in cursors and states.

use url::form_urlencoded::{self, Serializer};

use crate::listing::Query;

/// Filters whose values are personal data.
const PERSONAL: [&str; 4] = ["first_name", "last_name", "email", "candidate_email"];

/// Stands for the value of a personal filter in a kept link. It cannot occur in a URL.
const HIDDEN: &str = "\u{1}";

/// Whether a filter holds personal data.
pub(super) fn is_personal(query: &Query) -> bool {
    query.pairs().iter().any(|(name, _)| PERSONAL.contains(&name.as_str()))
}

/// The link to a next page as it may be kept: without the value of a personal filter of this query, if it repeats one.
pub(super) fn conceal(query: &Query, link: &str) -> String {
    let Some((path, pairs)) = link.split_once('?').filter(|_| is_personal(query)) else { return link.to_owned() };
    let pairs = pairs.split('&').map(|pair| {
        let ours = form_urlencoded::parse(pair.as_bytes())
            .next()
            .filter(|(name, value)| PERSONAL.contains(&&**name) && query.get(name).is_some_and(|own| own == value));
        ours.map_or_else(|| pair.to_owned(), |(name, _)| format!("{name}={HIDDEN}"))
    });
    format!("{path}?{}", pairs.collect::<Vec<_>>().join("&"))
}

/// The link that [`conceal`] was given. Only the encoding of the values that it took out may differ.
pub(super) fn reveal(query: &Query, kept: &str) -> String {
    let Some((path, pairs)) = kept.split_once('?').filter(|(_, pairs)| pairs.contains(HIDDEN)) else {
        return kept.to_owned();
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
    fn a_kept_link_holds_no_personal_filter() {
        let mut query = Query::default();
        let link = "/r?first_name=Ana+M&pagecursor=%2f7&since=3";
        assert_eq!(conceal(&query, link), link, "not ours");
        query.set("first_name", "Ana M");
        query.set("since", 3);
        let kept = conceal(&query, link);
        assert!(!kept.contains("Ana"), "{kept}");
        assert_eq!(reveal(&query, &kept), link);
        assert_eq!(reveal(&query, link), link);
        assert_eq!(conceal(&query, "/r?pagecursor=7"), "/r?pagecursor=7");
    }
}
