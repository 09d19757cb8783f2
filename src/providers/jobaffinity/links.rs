//! Links to next pages without the values of personal filters, which must not be in cursors and states.

use url::form_urlencoded;

use crate::listing::Query;

/// Filters whose values are personal data.
const PERSONAL: [&str; 4] = ["first_name", "last_name", "email", "candidate_email"];

/// Begins the place of a personal value in a saved link; how the value was encoded follows. It cannot occur in a URL.
const HIDDEN: char = '\u{1}';

/// Whether a filter of the query is personal data.
pub(super) fn has_personal(query: &Query) -> bool {
    query.pairs().iter().any(|(name, _)| PERSONAL.contains(&name.as_str()))
}

/// The link to a next page without the values of this query's personal filters, if it contains them.
pub(super) fn hide(query: &Query, link: &str) -> String {
    let Some((path, pairs)) = link.split_once('?').filter(|_| has_personal(query)) else { return link.to_owned() };
    let pairs = pairs.split('&').map(|pair| {
        let Some((written, raw)) = pair.split_once('=') else { return pair.to_owned() };
        let (name, value) = form_urlencoded::parse(pair.as_bytes()).next().unwrap_or_default();
        let ours = PERSONAL.contains(&&*name) && query.get(&name).is_some_and(|own| own == value);
        if ours { format!("{written}={HIDDEN}{}", Encoding::of(raw)) } else { pair.to_owned() }
    });
    format!("{path}?{}", pairs.collect::<Vec<_>>().join("&"))
}

/// The link before [`hide`], because the vendor wants it as it was sent.
pub(super) fn restore(query: &Query, saved: &str) -> String {
    let Some((path, pairs)) = saved.split_once('?').filter(|(_, pairs)| pairs.contains(HIDDEN)) else {
        return saved.to_owned();
    };
    let pairs = pairs.split('&').map(|pair| match pair.split_once('=') {
        Some((written, hidden)) if hidden.starts_with(HIDDEN) => {
            let (name, _) = form_urlencoded::parse(written.as_bytes()).next().unwrap_or_default();
            let encoding = Encoding::read(hidden.trim_start_matches(HIDDEN));
            format!("{written}={}", encoding.apply(query.get(&name).unwrap_or_default()))
        }
        _ => pair.to_owned(),
    });
    format!("{path}?{}", pairs.collect::<Vec<_>>().join("&"))
}

/// How a value is encoded in a query: services differ in which marks they escape, in spaces, and in hexadecimal digits. It
/// has nothing of the value but the marks that are not escaped.
struct Encoding {
    /// The ASCII characters other than letters and digits that are not escaped. A plus sign stands for a space.
    plain: String,
    /// Whether hexadecimal digits are small letters.
    lower: bool,
}

/// Follows the marks when hexadecimal digits are small letters. Letters are not escaped, so it is no mark.
const LOWER: char = 'x';

impl Encoding {
    fn of(raw: &str) -> Self {
        let mut plain = String::new();
        let mut rest = raw.chars();
        let mut lower = false;
        while let Some(mark) = rest.next() {
            if mark == '%' {
                lower |= rest.by_ref().take(2).any(|digit| digit.is_ascii_lowercase());
            } else if !mark.is_ascii_alphanumeric() && !plain.contains(mark) {
                plain.push(mark);
            }
        }
        Self { plain, lower }
    }

    fn read(text: &str) -> Self {
        Self { plain: text.trim_end_matches(LOWER).to_owned(), lower: text.ends_with(LOWER) }
    }

    fn apply(&self, value: &str) -> String {
        let encode = |byte: u8| match char::from(byte) {
            ' ' if self.plain.contains('+') => "+".to_owned(),
            plain if plain.is_ascii_alphanumeric() || (plain != '+' && self.plain.contains(plain)) => plain.to_string(),
            _ if self.lower => format!("%{byte:02x}"),
            _ => format!("%{byte:02X}"),
        };
        value.bytes().map(encode).collect()
    }
}

impl std::fmt::Display for Encoding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.plain)?;
        if self.lower { write!(f, "{LOWER}") } else { Ok(()) }
    }
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

    #[test]
    fn every_encoding_is_restored() {
        let mut query = Query::default();
        query.set("first_name", "Ana Zoë (é+x) O'Neil");
        query.set("email", "a.b+c@d-e.example");
        for link in [
            "/r?first_name=Ana+Zo%C3%AB+%28%C3%A9%2Bx%29+O%27Neil&email=a.b%2Bc%40d-e.example",
            "/r?email=a.b%2bc@d-e.example&first_name=Ana%20Zo%c3%ab%20(%c3%a9%2bx)%20O'Neil&x=1",
            "/r?first%5Fname=Ana%20Zo%C3%AB%20%28%C3%A9%2Bx%29%20O'Neil&pagecursor",
        ] {
            let saved = hide(&query, link);
            assert!(!saved.contains("Neil") && !saved.contains("example"), "{saved}");
            assert_eq!(restore(&query, &saved), link);
        }
    }
}
