//! The secrets that texts are searched for: each one that the client ever used, up to a fixed number.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

/// How many texts are kept: a secret, and its form in a query where that differs. Of tokens that live an hour, those of six weeks
/// or more are found, of tokens that live 3 s those of 50 minutes: what a server repeats is seldom older, and memory is bounded
/// (about 1 MB with tokens of 1,000 characters). Texts in use are added again with each new token, so they are never the oldest.
const MAX_TEXTS: usize = 2_000;

/// Texts are found by their first bytes: the time to search does not grow with their number. Shorter ones are compared one by one.
const START: usize = 8;

/// Texts of fewer bytes are not looked for in links, because they occur by chance.
const MIN_IN_LINKS: usize = 8;

/// One text that must not be shown.
struct Secret {
    text: SecretString,
    /// Whether the secret itself, not only its encoded form, is long enough to be looked for in links.
    in_links: bool,
    /// A user name, which may occur in a path by chance.
    user: bool,
}

impl Secret {
    fn bytes(&self) -> &[u8] {
        self.text.expose_secret().as_bytes()
    }
}

/// Which secrets are looked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Find {
    All,
    /// Those that are looked for in a link or a token, user names excepted.
    InLinks,
    /// User names that are looked for in the query of a link.
    Users,
}

impl Find {
    fn includes(self, secret: &Secret) -> bool {
        self == Self::All || secret.in_links && secret.user == (self == Self::Users)
    }
}

/// All secrets that are looked for.
#[derive(Default)]
pub(super) struct Secrets {
    /// The oldest first.
    all: VecDeque<Arc<Secret>>,
    by_start: HashMap<[u8; START], Vec<Arc<Secret>>>,
    short: Vec<Arc<Secret>>,
}

impl Secrets {
    /// Adds a secret, and its form in a query. One that is known becomes the newest.
    pub(super) fn add(&mut self, secret: &SecretString, user: bool) {
        let text = secret.expose_secret();
        if text.is_empty() {
            return;
        }
        let in_links = text.len() >= MIN_IN_LINKS;
        let encoded: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
        if encoded != text {
            self.add_text(Secret { text: encoded.into(), in_links, user });
        }
        self.add_text(Secret { text: secret.clone(), in_links, user });
    }

    fn add_text(&mut self, secret: Secret) {
        let known = self.all.iter().position(|known| known.user == secret.user && known.bytes() == secret.bytes());
        if let Some(known) = known.and_then(|known| self.all.remove(known)) {
            self.all.push_back(known);
            return;
        }
        let secret = Arc::new(secret);
        self.all.push_back(secret.clone());
        self.list_of(&secret).push(secret);
        if self.all.len() > MAX_TEXTS
            && let Some(oldest) = self.all.pop_front()
        {
            let list = self.list_of(&oldest);
            list.retain(|secret| !Arc::ptr_eq(secret, &oldest));
            if list.is_empty()
                && let Some(start) = oldest.bytes().first_chunk()
            {
                self.by_start.remove(start);
            }
        }
    }

    fn list_of(&mut self, secret: &Secret) -> &mut Vec<Arc<Secret>> {
        match secret.bytes().first_chunk() {
            Some(start) => self.by_start.entry(*start).or_default(),
            None => &mut self.short,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// The length of the longest secret.
    pub(super) fn longest(&self) -> usize {
        self.all.iter().map(|secret| secret.bytes().len()).max().unwrap_or(0)
    }

    /// Whether the text contains one of them.
    pub(super) fn are_in(&self, text: &str, find: Find) -> bool {
        !self.all.is_empty() && (0..text.len()).any(|at| self.length_at(text, at, find).is_some())
    }

    /// The text with `[redacted]` in place of each of them.
    pub(super) fn removed_from(&self, text: &str) -> String {
        if self.all.is_empty() {
            return text.to_owned();
        }
        let (mut out, mut at) = (Vec::with_capacity(text.len()), 0);
        while let Some(byte) = text.as_bytes().get(at) {
            if let Some(length) = self.length_at(text, at, Find::All) {
                out.extend_from_slice(b"[redacted]");
                at += length;
            } else {
                out.push(*byte);
                at += 1;
            }
        }
        String::from_utf8_lossy(&out).into_owned()
    }

    /// The length of the longest one that begins at this byte of the text.
    fn length_at(&self, text: &str, at: usize, find: Find) -> Option<usize> {
        let rest = text.as_bytes().get(at..)?;
        let long = rest.first_chunk().and_then(|start: &[u8; START]| self.by_start.get(start));
        let candidates = long.into_iter().flatten().chain(&self.short);
        let found = candidates.filter(|secret| find.includes(secret) && rest.starts_with(secret.bytes()));
        found.map(|secret| secret.bytes().len()).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(secrets: &mut Secrets, text: String) {
        secrets.add(&text.into(), false);
    }

    #[test]
    fn many_are_found_and_the_number_is_bounded() {
        let mut secrets = Secrets::default();
        for number in 0..MAX_TEXTS * 2 {
            add(&mut secrets, "a-client-secret".to_owned());
            add(&mut secrets, format!("token-{number:06}"));
        }
        assert_eq!(secrets.len(), MAX_TEXTS);
        assert!(secrets.are_in("xx a-client-secret yy", Find::All), "what is added again stays");
        assert!(secrets.are_in("see token-003999", Find::InLinks));
        assert!(secrets.are_in(&format!("see token-{:06}", MAX_TEXTS + 2), Find::InLinks));
        assert!(!secrets.are_in(&format!("see token-{MAX_TEXTS:06}"), Find::InLinks), "the oldest is forgotten");
        let listed: usize = secrets.by_start.values().map(Vec::len).sum();
        assert_eq!(listed, MAX_TEXTS);
    }

    #[test]
    fn the_longest_that_begins_at_a_place_is_removed() {
        let mut secrets = Secrets::default();
        for text in ["abcdefgh", "abcdefghij", "k"] {
            add(&mut secrets, text.to_owned());
        }
        assert_eq!(secrets.removed_from("é abcdefghij abcdefgh- k"), "é [redacted] [redacted]- [redacted]");
        assert!(!secrets.are_in("k", Find::InLinks), "short ones occur in links by chance");
    }
}
