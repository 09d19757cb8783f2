//! One text for the URLs that lead to the same page.

use url::Url;

/// Query parameters that tell where a visitor comes from, and never which page it is. Names that begin with `utm_` are such, too.
const TRACKING: [&str; 33] = [
    "gclid",
    "gbraid",
    "wbraid",
    "dclid",
    "fbclid",
    "msclkid",
    "yclid",
    "ttclid",
    "twclid",
    "li_fat_id",
    "mc_cid",
    "mc_eid",
    "igshid",
    "_ga",
    "_gl",
    "_hsenc",
    "_hsmi",
    "gh_src",
    "lever-source",
    "lever-source[]",
    "lever-origin",
    "src",
    "source",
    "ref",
    "referer",
    "referrer",
    "refid",
    "trk",
    "trackingid",
    "trk_ref",
    "campaign",
    "email",
    "phone",
];

/// The URL without what differs between two links to one page: `https`, the host in lower case without `www.`, no user, no default port,
/// no slash at the end, no fragment, no tracking parameters, the other parameters in order. `None` for what is no web page, and for the root of
/// a host, which is no page of one posting.
///
/// A fragment that begins with `/` or `!` is kept: it is the route of a page that runs in the browser, and may hold the job's id.
pub(super) fn canonical_url(url: &str) -> Option<String> {
    let url = Url::parse(url.trim()).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    let host = url.host_str()?;
    let host = host.strip_prefix("www.").unwrap_or(host);
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let path = url.path().trim_end_matches('/');
    // A value with an `@` may be the address of a candidate, with which a form is filled.
    let counts = |name: &str, value: &str| {
        let name = name.to_lowercase();
        !name.starts_with("utm_") && !TRACKING.contains(&name.as_str()) && !value.contains('@')
    };
    let mut parameters: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    parameters.retain(|(name, value)| counts(name, value));
    parameters.sort();
    let route = url.fragment().filter(|fragment| fragment.starts_with(['/', '!']) && !fragment.contains('@'));
    if path.is_empty() && parameters.is_empty() && route.is_none() {
        return None;
    }
    let mut text = format!("https://{host}{port}{path}");
    if !parameters.is_empty() {
        text.push('?');
        text.push_str(&url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish());
    }
    if let Some(route) = route {
        text.push('#');
        text.push_str(route);
    }
    Some(text)
}
