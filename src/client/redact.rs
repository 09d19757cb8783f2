//! Removes credentials and personal data from errors, logs and `Debug`.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use secrecy::SecretString;
use url::Url;

use super::credentials::Credentials;
use super::secrets::{Find, Secrets};

/// The longest piece of a server's answer that an error shows, in characters.
const SNIPPET: usize = 200;

/// Removes the client's secrets, and what looks like personal data, from texts of a server. Clones share the secrets.
#[derive(Clone, Default)]
pub(crate) struct Scrubber {
    secrets: Arc<RwLock<Secrets>>,
}

impl Scrubber {
    /// Adds the secrets of credentials, before they are used.
    pub(crate) fn add(&self, credentials: &Credentials) {
        let secrets = credentials.secrets().iter().map(|secret| (secret, false));
        self.add_all(secrets.chain(credentials.user().map(|user| (user, true))));
    }

    /// Adds secrets that are not credentials of this client, such as a refresh token.
    pub(crate) fn add_secrets<'s>(&self, secrets: impl IntoIterator<Item = &'s SecretString>) {
        self.add_all(secrets.into_iter().map(|secret| (secret, false)));
    }

    fn add_all<'s>(&self, secrets: impl Iterator<Item = (&'s SecretString, bool)>) {
        let mut all = self.secrets.write().unwrap_or_else(PoisonError::into_inner);
        secrets.for_each(|(secret, user)| all.add(secret, user));
    }

    fn secrets(&self) -> RwLockReadGuard<'_, Secrets> {
        self.secrets.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The text without the secrets. When one is in a form that cannot be replaced, the whole text is removed.
    pub(crate) fn without_secrets(&self, text: &str) -> String {
        let secrets = self.secrets();
        let text = secrets.removed_from(text);
        let hidden = unescaped_forms(&text).iter().any(|form| secrets.are_in(form, Find::All));
        if hidden { "[redacted]".to_owned() } else { text }
    }

    /// Whether a link or token that is to be kept holds a secret: anywhere, and a user name in its query. Texts of fewer than 8
    /// characters are not looked for, because they occur by chance.
    pub(crate) fn finds_secret_in(&self, link: &str) -> bool {
        let secrets = self.secrets();
        let in_text = |text: &str, find| {
            secrets.are_in(text, find) || unescaped_forms(text).iter().any(|form| secrets.are_in(form, find))
        };
        let query = link.split_once('?').map_or(link, |(_, query)| query);
        in_text(link, Find::InLinks) || in_text(query, Find::Users)
    }

    /// One short line, without secrets, e-mail addresses and control characters.
    pub(crate) fn snippet(&self, text: &str) -> String {
        // The cut comes after the replacement: a secret that straddles the cut must not survive in part. What is looked
        // at is bounded all the same, because an error page can be megabytes long.
        let longest = self.secrets().longest();
        let bound = floor_char_boundary(text, SNIPPET * 8 + longest);
        let text = self.without_secrets(text.get(..bound).unwrap_or_default());
        let mut line = String::with_capacity(SNIPPET);
        for (index, word) in text.split_whitespace().enumerate() {
            if index > 0 {
                line.push(' ');
            }
            line.push_str(if looks_like_email(word) { "[e-mail]" } else { word });
        }
        let line: String = line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        match line.char_indices().nth(SNIPPET) {
            Some((cut, _)) => format!("{}…", line.get(..cut).unwrap_or_default()),
            None => line,
        }
    }
}

/// The text with its escapes resolved once and twice, when it has escapes.
fn unescaped_forms(text: &str) -> Vec<String> {
    if !text.contains(ESCAPES) {
        return Vec::new();
    }
    let once = unescaped(text);
    let twice = unescaped(&once);
    vec![once, twice]
}

/// The characters with which an escape begins.
const ESCAPES: [char; 3] = ['%', '\\', '&'];

/// The text without percent-encoding, and without the escapes of JSON and HTML.
fn unescaped(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(ESCAPES) {
        let (before, escape) = rest.split_at(at);
        out.extend_from_slice(before.as_bytes());
        let (byte, length) = unescape(escape).unwrap_or_else(|| (escape.as_bytes().first().copied(), 1));
        out.extend(byte);
        rest = escape.get(length..).unwrap_or_default();
    }
    out.extend_from_slice(rest.as_bytes());
    String::from_utf8_lossy(&out).into_owned()
}

/// The byte of an escape at the beginning of the text (none for a backslash alone), and the length of the escape.
fn unescape(text: &str) -> Option<(Option<u8>, usize)> {
    let hex = |digits: Option<&str>| u8::from_str_radix(digits?, 16).ok();
    if text.starts_with('%') {
        return Some((Some(hex(text.get(1..3))?), 3));
    }
    if text.starts_with("\\u00") {
        return Some((Some(hex(text.get(4..6))?), 6));
    }
    if text.starts_with('\\') {
        return Some((None, 1));
    }
    let end = text.bytes().take(10).position(|byte| byte == b';')?;
    let byte = match text.get(1..end)? {
        "amp" => b'&',
        "quot" => b'"',
        "apos" => b'\'',
        "lt" => b'<',
        "gt" => b'>',
        name => match name.strip_prefix("#x").or(name.strip_prefix("#X")) {
            Some(digits) => hex(Some(digits))?,
            None => name.strip_prefix('#')?.parse().ok()?,
        },
    };
    Some((Some(byte), end + 1))
}

impl fmt::Debug for Scrubber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scrubber({} secrets)", self.secrets().len())
    }
}

fn looks_like_email(word: &str) -> bool {
    word.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.'))
}

fn floor_char_boundary(text: &str, at: usize) -> usize {
    if at >= text.len() {
        return text.len();
    }
    (0..=at).rev().find(|&index| text.is_char_boundary(index)).unwrap_or(0)
}

/// The part of a URL that may be shown: scheme, host and path. A query can hold a key, a user part can hold a password.
pub(crate) fn shown(url: &Url) -> String {
    format!("{}{}", origin(url), url.path())
}

/// Whether a URL holds a user or a password, which an HTTP client would send.
pub(crate) fn has_user(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

/// Scheme, host and port of a URL, as text.
pub(crate) fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_removed_plain_encoded_and_across_the_cut() {
        let scrubber = Scrubber::default();
        scrubber.add(&Credentials::bearer("s3cr+t/key").unwrap());
        assert_eq!(scrubber.snippet("key=s3cr+t/key bad"), "key=[redacted] bad");
        assert_eq!(scrubber.snippet("key=s3cr%2Bt%2Fkey"), "key=[redacted]");
        for other in [
            "s3cr%2bt%2fkey",
            "s3cr%2Bt/key",
            r"s3cr+t\/key",
            r"s3cr\u002bt\u002Fkey",
            "s3cr&#x2B;t&#47;key",
            "s3cr%252Bt%252Fkey",
            r"s3cr\\u002Bt/key",
        ] {
            assert_eq!(scrubber.snippet(&format!("your key is {other}")), "[redacted]", "{other}");
        }
        let text = "100% of R&D; \\o/ &nbsp; %zz \\u12";
        assert_eq!(scrubber.snippet(text), text, "what only looks like an escape is kept");
        for pad in 150..220 {
            let shown = scrubber.snippet(&format!("{}s3cr+t/key", "x".repeat(pad)));
            assert!(!shown.contains("s3cr"), "{shown}");
        }
    }

    #[test]
    fn e_mail_addresses_are_removed() {
        assert_eq!(Scrubber::default().snippet("no such user a.b@example.org here"), "no such user [e-mail] here");
    }
}
