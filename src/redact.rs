//! Keeps credentials and personal data out of everything a person reads: errors, logs, `Debug`.

use std::fmt;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use url::Url;

/// The longest piece of a server's answer that an error shows, in characters.
const SNIPPET: usize = 200;

/// Removes the client's own secrets, and what looks like personal data, from text that came from a server.
#[derive(Clone, Default)]
pub(crate) struct Scrubber {
    secrets: Arc<[SecretString]>,
}

impl Scrubber {
    pub(crate) fn new(secrets: Vec<SecretString>) -> Self {
        Self { secrets: secrets.into() }
    }

    /// The text without the secrets.
    pub(crate) fn without_secrets(&self, text: &str) -> String {
        let secrets = self.secrets.iter().map(ExposeSecret::expose_secret).filter(|secret| !secret.is_empty());
        secrets.flat_map(forms).fold(text.to_owned(), |text, form| text.replace(&form, "[redacted]"))
    }

    /// Whether a text that is to be kept holds a secret. Short ones are not looked for: they stand in many texts by chance.
    pub(crate) fn finds_secret_in(&self, text: &str) -> bool {
        let long = self.secrets.iter().map(ExposeSecret::expose_secret).filter(|secret| secret.len() >= 8);
        long.flat_map(forms).any(|form| text.contains(&form))
    }

    /// One short line, without secrets, e-mail addresses and control characters.
    pub(crate) fn snippet(&self, text: &str) -> String {
        // The cut comes after the replacement: a secret that straddles the cut must not survive in part. What is looked
        // at is bounded all the same, because an error page can be megabytes long.
        let longest = self.secrets.iter().map(|secret| secret.expose_secret().len()).max().unwrap_or(0);
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

/// The forms in which a server repeats a secret: as it is, percent-encoded in either case, and escaped for JSON.
fn forms(secret: &str) -> Vec<String> {
    let encoded: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let mut lower = encoded.clone().into_bytes();
    for at in 0..lower.len() {
        if lower.get(at) == Some(&b'%')
            && let Some(digits) = lower.get_mut(at + 1..at + 3)
        {
            digits.make_ascii_lowercase();
        }
    }
    let json = serde_json::to_string(secret).unwrap_or_default();
    let json = json.trim_matches('"').to_owned();
    let mut forms = vec![json.replace('/', "\\/"), json, encoded, String::from_utf8(lower).unwrap_or_default()];
    forms.push(secret.to_owned());
    forms.retain(|form| !form.is_empty());
    forms
}

impl fmt::Debug for Scrubber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scrubber({} secrets)", self.secrets.len())
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

/// A decoder's message without the values it quotes: they are data of the record, which an error must not repeat. Values
/// stand in double quotes, or behind `unknown variant` and `unknown field` in backticks.
pub(crate) fn without_quoted_values(message: &str) -> String {
    let mut out = String::with_capacity(message.len());
    let mut rest = message;
    while let Some(at) = rest.find(['"', '`']) {
        let (before, quoted) = rest.split_at(at);
        out.push_str(before);
        let backtick = quoted.starts_with('`');
        let value = backtick && (before.ends_with("unknown variant ") || before.ends_with("unknown field "));
        let text = quoted.get(1..).unwrap_or_default();
        let end = if backtick { text.find('`') } else { closing_quote(text) };
        let Some(end) = end else {
            // A quote that does not close: nothing behind it can be told from a value.
            out.push('…');
            return out;
        };
        if backtick && !value {
            out.push_str(quoted.get(..end + 2).unwrap_or_default());
        } else {
            out.push_str(if backtick { "`…`" } else { "\"…\"" });
        }
        rest = text.get(end + 1..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

/// Where a text in double quotes ends; a backslash takes the next character with it.
fn closing_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.char_indices().find_map(|(at, c)| {
        let end = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        end.then_some(at)
    })
}

/// A URL as it may be shown: scheme, host and path. A query can hold a key, a user part can hold a password.
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
        let scrubber = Scrubber::new(vec!["s3cr+t/key".into()]);
        assert_eq!(scrubber.snippet("key=s3cr+t/key bad"), "key=[redacted] bad");
        assert_eq!(scrubber.snippet("key=s3cr%2Bt%2Fkey"), "key=[redacted]");
        assert_eq!(scrubber.snippet("key=s3cr%2bt%2fkey"), "key=[redacted]");
        assert_eq!(scrubber.snippet(r"key=s3cr+t\/key"), "key=[redacted]");
        for pad in 150..220 {
            let shown = scrubber.snippet(&format!("{}s3cr+t/key", "x".repeat(pad)));
            assert!(!shown.contains("s3cr"), "{shown}");
        }
    }

    #[test]
    fn e_mail_addresses_and_quoted_values_are_removed() {
        assert_eq!(Scrubber::default().snippet("no such user a.b@example.org here"), "no such user [e-mail] here");
        assert_eq!(
            without_quoted_values("invalid type: string \"Jane\", expected u64 at line 1"),
            "invalid type: string \"…\", expected u64 at line 1"
        );
        assert_eq!(without_quoted_values("a \"cut quote"), "a …");
        assert_eq!(without_quoted_values(r#"string "a\"key jane" here"#), "string \"…\" here");
        assert_eq!(
            without_quoted_values("unknown variant `KEY`, expected `A` or `B`"),
            "unknown variant `…`, expected `A` or `B`"
        );
        assert_eq!(without_quoted_values("missing field `id` at line 1"), "missing field `id` at line 1");
    }
}
