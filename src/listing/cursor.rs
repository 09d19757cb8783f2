//! A position in a listing, and the cursor that stores it: opaque, versioned, bound to its query and its origin.

use std::fmt;
use std::str::FromStr;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::completeness::Walked;
use super::hash::Fnv;
use crate::error::{Error, Result};

/// Where in a listing a request starts.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Position {
    /// The beginning.
    Start,
    /// A page number, from 1.
    Page(u64),
    /// A number of records to skip.
    Offset(u64),
    /// A page number or a number of records to skip, and what was read before it: from which the end of a list is known when no
    /// answer names the next page ([`paginate::numbered`](crate::paginate::numbered), [`paginate::offsets`](crate::paginate::offsets)).
    #[non_exhaustive]
    Counted {
        /// The page number, or the number of records to skip.
        number: u64,
        /// The records on the pages before.
        rows: u64,
        /// The records on the longest of these pages.
        longest: u64,
    },
    /// A token or link that the server gave for the next page.
    Token(String),
}

impl Position {
    /// The page number or the number of records to skip; `first` at the beginning, and for a token.
    pub fn number(&self, first: u64) -> u64 {
        match self {
            Self::Page(number) | Self::Offset(number) | Self::Counted { number, .. } => *number,
            Self::Start | Self::Token(_) => first,
        }
    }

    /// The token or link that the server gave for the next page, or the key of the last record; `None` at the beginning, and for a
    /// number.
    pub fn token(&self) -> Option<&str> {
        match self {
            Self::Token(token) => Some(token),
            _ => None,
        }
    }

    /// A hash of the position, to store many of them.
    pub(crate) fn fingerprint(&self) -> Fingerprint {
        match self {
            Self::Start => Fingerprint::of([]),
            Self::Page(number) => Fingerprint::of(["page", &number.to_string()]),
            Self::Offset(number) => Fingerprint::of(["offset", &number.to_string()]),
            Self::Counted { number, .. } => Fingerprint::of(["counted", &number.to_string()]),
            Self::Token(token) => Fingerprint::of(["token", token]),
        }
    }
}

impl fmt::Debug for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start => f.write_str("Start"),
            Self::Page(page) => write!(f, "Page({page})"),
            Self::Offset(rows) => write!(f, "Offset({rows})"),
            Self::Counted { number, rows, .. } => write!(f, "Counted({number} after {rows} rows)"),
            // A token may contain anything, also a secret.
            Self::Token(token) => write!(f, "Token({} bytes)", token.len()),
        }
    }
}

/// A stable 128-bit hash (FNV-1a) of what identifies a query: endpoint, filters, page size.
///
/// It is part of cursors and checkpoints, so it is the same in all versions of the crate and on all machines.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(u128);

impl Fingerprint {
    /// The fingerprint of this query on one server.
    pub(crate) fn on(self, origin: &str) -> Self {
        Self::of([self.to_string().as_str(), origin])
    }

    /// The fingerprint of this query below a base URL with this path: the paths of requests are relative to it, and another one
    /// may be that of another customer.
    pub(crate) fn below(self, path: &str) -> Self {
        Self::of([self.to_string().as_str(), path])
    }

    /// The hash of these parts: their texts, their number and their order count. For an endpoint with a
    /// [`fingerprint`](crate::Endpoint::fingerprint) of its own.
    pub fn of<'p>(parts: impl IntoIterator<Item = &'p str>) -> Self {
        let mut hash = Fnv::default();
        for part in parts {
            // The separator cannot occur in UTF-8, so ("ab", "c") and ("a", "bc") differ.
            part.bytes().chain([0xff]).for_each(|byte| hash.add(byte));
        }
        Self(hash.finish())
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl FromStr for Fingerprint {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        u128::from_str_radix(text, 16).map(Self)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Fingerprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A position in one listing of one server. Store it, and pass it to `resume_from` later.
///
/// Its text is opaque: `Display` and `FromStr` are exact inverses, and serde writes the same text. It holds no
/// credential. A cursor of another query or another origin is refused before anything is sent.
///
/// ```
/// use jobfeed::Cursor;
///
/// assert!("not a cursor".parse::<Cursor>().is_err());
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cursor {
    inner: Inner,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Inner {
    origin: String,
    query: Fingerprint,
    at: Position,
    /// The fields of [`Walked`].
    rows: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    total: Option<u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tail: Vec<u64>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    drifted: bool,
}

/// The version of the text form. Any other version is refused.
const PREFIX: &str = "jobfeed1.";

impl Cursor {
    pub(crate) fn new(origin: String, query: Fingerprint, at: Position, walked: Walked) -> Self {
        let Walked { rows, total, tail, drifted } = walked;
        Self { inner: Inner { origin, query, at, rows, total, tail, drifted } }
    }

    /// The position and the account of the pages before it, when the cursor belongs to this query and origin.
    pub(crate) fn open(&self, origin: &str, query: Fingerprint) -> Result<(Position, Walked)> {
        let inner = &self.inner;
        if inner.origin != origin {
            return Err(Error::Cursor {
                reason: format!("it belongs to {}, but the base URL of this client is on {origin}", inner.origin),
            });
        }
        if inner.query != query {
            let reason =
                "it belongs to another query (endpoint, filters, page size or the path of the base URL differ)";
            return Err(Error::Cursor { reason: reason.to_owned() });
        }
        let Inner { rows, total, drifted, .. } = *inner;
        let walked = Walked { rows, total, tail: inner.tail.clone(), drifted };
        Ok((inner.at.clone(), walked))
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let json = serde_json::to_vec(&self.inner).map_err(|_| fmt::Error)?;
        write!(f, "{PREFIX}{}", URL_SAFE_NO_PAD.encode(json))
    }
}

impl FromStr for Cursor {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let refused = |reason: &str| Error::Cursor { reason: reason.to_owned() };
        let encoded = text.trim().strip_prefix(PREFIX).ok_or_else(|| refused("it is not a cursor of this version"))?;
        let json = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| refused("it is incomplete or was changed"))?;
        let inner = serde_json::from_slice(&json).map_err(|_| refused("it is incomplete or was changed"))?;
        Ok(Self { inner })
    }
}

impl Serialize for Cursor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_fingerprint_is_stable_and_separates_its_parts() {
        // Computed by an independent implementation of FNV-1a, of the bytes 61 ff.
        assert_eq!(Fingerprint::of(["a"]).to_string(), "0880954550ab1be95aa0733055b751b9");
        assert_ne!(Fingerprint::of(["ab", "c"]), Fingerprint::of(["a", "bc"]));
    }

    proptest! {
        #[test]
        fn text_and_json_are_exact_inverses(token: String, rows: u64, total: Option<u64>, tail: Vec<u64>) {
            let walked = Walked { rows, total, tail, drifted: rows % 2 == 0 };
            let cursor = Cursor::new("http://h".into(), Fingerprint::of(["q"]), Position::Token(token), walked);
            prop_assert_eq!(&cursor.to_string().parse::<Cursor>().unwrap(), &cursor);
            let json = serde_json::to_string(&cursor).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Cursor>(&json).unwrap(), &cursor);
        }

        #[test]
        fn any_other_text_is_refused_without_a_panic(text: String, cut in 0usize..60) {
            prop_assert!(text.parse::<Cursor>().is_err());
            let cursor = Cursor::new("http://h".into(), Fingerprint::of(["q"]), Position::Page(3), Walked::default()).to_string();
            prop_assert!(cursor[..cut.min(cursor.len() - 2)].parse::<Cursor>().is_err());
        }
    }
}
