//! A list that is too long to be held: one JSON array, cut into pieces while it arrives.
//!
//! A piece is itself a JSON array, so it is decoded like any page. A position in such a list is a number of elements and a
//! hash of their text: the list can be opened again and the elements skipped, and when they are not the same any more, it is
//! read from its beginning instead.

use bytes::Bytes;
use futures::StreamExt;
use serde::de::DeserializeOwned;

use super::cursor::Position;
use super::endpoint::Endpoint;
use super::fetch::Fetched;
use super::page::Page;
use crate::client::Progress;
use crate::client::{Client, Opened};
use crate::error::{Error, Result, TimeoutScope};
use crate::json;
use crate::json::BodyProblem;
use crate::json::ListAt;

/// What is kept of a body that is no list, for the error.
const KEPT: usize = 4_096;
/// A record over this size is no record.
const MAX_ELEMENT: usize = 64 << 20;

/// An open list.
pub(crate) struct LongList {
    opened: Opened,
    arrived: Bytes,
    cutter: Cutter,
    /// Elements that were handed out.
    elements: u64,
}

/// Cuts the text of an array into pieces. Without I/O.
#[derive(Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "the four are the state of a lexer, independent of each other")]
struct Cutter {
    place: Place,
    /// The text of the piece so far, from its bracket on.
    piece: Vec<u8>,
    /// Complete elements in it.
    elements: usize,
    depth: u32,
    in_string: bool,
    escaped: bool,
    /// Whether the current element has begun.
    begun: bool,
    /// Whether a comma promises another element.
    promised: bool,
    hash: Hash,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Place {
    #[default]
    Before,
    Inside,
    After,
}

/// FNV-1a over everything but white space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Hash(u64);

impl Default for Hash {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Cutter {
    /// Takes bytes until the piece has `most` elements and another one follows, or the array is over. Returns how many
    /// bytes were used, and whether the piece is ready.
    fn take(&mut self, bytes: &[u8], most: usize) -> Result<(usize, bool), BodyProblem> {
        for (index, &byte) in bytes.iter().enumerate() {
            if self.byte(byte, most)? {
                return Ok((index + 1, true));
            }
        }
        if self.piece.len() > MAX_ELEMENT {
            return Err(BodyProblem::Shape("an element of the list is larger than 64 MiB".to_owned()));
        }
        Ok((bytes.len(), false))
    }

    fn byte(&mut self, byte: u8, most: usize) -> Result<bool, BodyProblem> {
        if !self.in_string && matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
            if self.begun {
                self.piece.push(byte);
            }
            return Ok(false);
        }
        match self.place {
            Place::Before if byte == b'[' => {
                self.place = Place::Inside;
                self.piece = vec![b'['];
                return Ok(false);
            }
            Place::Before => return Err(begins_with(byte)),
            Place::After => return Err(BodyProblem::NotJson),
            Place::Inside => {}
        }
        let between = self.depth == 0 && !self.in_string;
        match byte {
            b']' if between => {
                if self.begun {
                    self.elements += 1;
                } else if self.promised {
                    return Err(BodyProblem::NotJson);
                }
                self.place = Place::After;
                self.piece.push(b']');
                return Ok(true);
            }
            b',' if between => {
                if !self.begun {
                    return Err(BodyProblem::NotJson);
                }
                self.elements += 1;
                (self.begun, self.promised) = (false, true);
                self.hash(byte);
                if self.elements >= most {
                    self.piece.push(b']');
                    return Ok(true);
                }
                self.piece.push(byte);
                return Ok(false);
            }
            _ => {}
        }
        (self.begun, self.promised) = (true, false);
        self.hash(byte);
        self.piece.push(byte);
        if self.in_string {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_string = false,
                _ => {}
            }
        } else {
            match byte {
                b'"' => self.in_string = true,
                b'[' | b'{' => self.depth += 1,
                b']' | b'}' => self.depth = self.depth.checked_sub(1).ok_or(BodyProblem::NotJson)?,
                _ => {}
            }
        }
        Ok(false)
    }

    fn hash(&mut self, byte: u8) {
        self.hash.0 = (self.hash.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }

    /// The piece, ready to be decoded, and its elements. The next one begins.
    fn piece(&mut self) -> (Vec<u8>, usize) {
        let elements = std::mem::take(&mut self.elements);
        (std::mem::replace(&mut self.piece, vec![b'[']), elements)
    }
}

fn begins_with(byte: u8) -> BodyProblem {
    match byte {
        b'<' => BodyProblem::Html,
        b'{' => BodyProblem::ErrorObject,
        _ => BodyProblem::NotJson,
    }
}

impl LongList {
    /// Opens the list and goes to a position. When the elements before it are not the same any more, it stays at the
    /// beginning.
    pub(crate) async fn open(
        client: &Client,
        endpoint: &dyn Endpoint,
        at: &Position,
        progress: &Progress,
    ) -> Result<Self> {
        let mut list = Self::open_at_start(client, endpoint, progress).await?;
        let Some((elements, hash)) = read_position(at) else { return Ok(list) };
        while list.elements < elements {
            let left = usize::try_from(elements - list.elements).unwrap_or(usize::MAX).min(10_000);
            if list.cut(left, client, progress).await?.is_none() {
                break;
            }
        }
        if list.elements == elements && list.cutter.hash == hash {
            return Ok(list);
        }
        tracing::info!(
            endpoint = endpoint.name(),
            "the list changed before the kept position, so it is read from its start"
        );
        Self::open_at_start(client, endpoint, progress).await
    }

    async fn open_at_start(client: &Client, endpoint: &dyn Endpoint, progress: &Progress) -> Result<Self> {
        let opened = client.open(endpoint.name(), endpoint.request(&Position::Start), progress).await?;
        Ok(Self { opened, arrived: Bytes::new(), cutter: Cutter::default(), elements: 0 })
    }

    /// Where the next piece begins.
    pub(crate) fn position(&self) -> Position {
        if self.elements == 0 {
            return Position::Start;
        }
        Position::Token(format!("{}.{:016x}", self.elements, self.cutter.hash.0))
    }

    /// The next piece of at most `most` records, as a page. It has no next position when it is the last one.
    pub(crate) async fn next<T: DeserializeOwned + Send>(
        &mut self,
        most: usize,
        client: &Client,
        progress: &Progress,
    ) -> Result<Fetched<T>> {
        let headers = self.opened.headers.clone();
        let Some((text, last)) = self.cut(most, client, progress).await? else {
            return Ok(Fetched { page: Page::empty(), next: None });
        };
        let text = Bytes::from(text);
        let decoded = json::decode::<T>(&text, &ListAt::Root).map_err(|problem| self.bad(problem, String::new()))?;
        if let (true, Some((_, _, reason))) = (decoded.items.is_empty(), decoded.rejected.first()) {
            let (call, rows, reason) = (Box::new(self.opened.call.clone()), decoded.rows(), reason.clone());
            return Err(Error::AllRejected { call, rows, reason });
        }
        let page = Page::new(decoded, text, headers, None);
        Ok(Fetched { page, next: (!last).then(|| self.position()) })
    }

    /// The text of the next piece, and whether it is the last one; `None` behind the last.
    async fn cut(&mut self, most: usize, client: &Client, progress: &Progress) -> Result<Option<(Vec<u8>, bool)>> {
        if self.cutter.place == Place::After {
            return Ok(None);
        }
        loop {
            let taken = self.cutter.take(&self.arrived, most.max(1));
            let (used, ready) = taken.map_err(|problem| {
                let start = self.arrived.slice(..self.arrived.len().min(KEPT));
                let text = String::from_utf8_lossy(&start);
                let message = json::fields(&start).message().unwrap_or_else(|| text.into_owned());
                let snippet =
                    if problem == BodyProblem::ErrorObject { client.snippet(&message) } else { String::new() };
                self.bad(problem, snippet)
            })?;
            self.arrived = self.arrived.slice(used..);
            if ready {
                let last = self.cutter.place == Place::After;
                if last {
                    self.drain(progress).await?;
                }
                let (piece, elements) = self.cutter.piece();
                self.elements += elements as u64;
                return Ok(Some((piece, last)));
            }
            match self.arrive(progress).await? {
                Some(bytes) => self.arrived = bytes,
                None => return Err(self.bad(BodyProblem::Truncated, String::new())),
            }
        }
    }

    /// Nothing but white space may follow the list.
    async fn drain(&mut self, progress: &Progress) -> Result<()> {
        loop {
            let rest = std::mem::take(&mut self.arrived);
            self.cutter.take(&rest, 1).map_err(|problem| self.bad(problem, String::new()))?;
            match self.arrive(progress).await? {
                Some(bytes) => self.arrived = bytes,
                None => return Ok(()),
            }
        }
    }

    async fn arrive(&mut self, progress: &Progress) -> Result<Option<Bytes>> {
        let limit = self.opened.patience;
        let call = || Box::new(self.opened.call.clone());
        match tokio::time::timeout(limit, self.opened.body.get_mut().next()).await {
            Err(_) => Err(Error::Timeout { call: call(), limit, scope: TimeoutScope::Silence }),
            Ok(None) => Ok(None),
            Ok(Some(Err(source))) => Err(Error::Connection { call: call(), source }),
            Ok(Some(Ok(bytes))) => {
                progress.received(bytes.len());
                Ok(Some(bytes))
            }
        }
    }

    fn bad(&self, problem: BodyProblem, snippet: String) -> Error {
        let (call, status) = (Box::new(self.opened.call.clone()), self.opened.status);
        Error::Body { call, status, problem, snippet, server: None }
    }
}

fn read_position(at: &Position) -> Option<(u64, Hash)> {
    let Position::Token(token) = at else { return None };
    let (elements, hash) = token.split_once('.')?;
    Some((elements.parse().ok()?, Hash(u64::from_str_radix(hash, 16).ok()?)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    /// All pieces of a text that arrives in parts of `part` bytes.
    fn pieces(text: &str, part: usize, most: usize) -> Result<Vec<Vec<Value>>, BodyProblem> {
        let mut cutter = Cutter::default();
        let mut pieces = Vec::new();
        for mut bytes in text.as_bytes().chunks(part) {
            while !bytes.is_empty() {
                let (used, ready) = cutter.take(bytes, most)?;
                bytes = &bytes[used..];
                if ready {
                    let (piece, elements) = cutter.piece();
                    let list: Vec<Value> = serde_json::from_slice(&piece).map_err(|_| BodyProblem::NotJson)?;
                    assert_eq!(list.len(), elements);
                    pieces.push(list);
                }
            }
        }
        if cutter.place == Place::After { Ok(pieces) } else { Err(BodyProblem::Truncated) }
    }

    proptest! {
        #[test]
        fn the_pieces_are_the_list(texts in proptest::collection::vec("\\PC*", 0..12), part in 1usize..40, most in 1usize..5, pretty: bool) {
            let list: Vec<Value> =
                texts.iter().enumerate().map(|(i, text)| serde_json::json!({"i": i, "t": [text, "\"]"]})).collect();
            let text = if pretty { serde_json::to_string_pretty(&list) } else { serde_json::to_string(&list) }.unwrap();
            let got = pieces(&text, part, most).unwrap();
            prop_assert!(got.iter().all(|piece| piece.len() <= most));
            prop_assert_eq!(got.concat(), list);
            for cut in (1..text.len()).filter(|&cut| text.is_char_boundary(cut)) {
                prop_assert_eq!(pieces(&text[..cut], part, most), Err(BodyProblem::Truncated));
            }
        }
    }

    #[test]
    fn what_is_no_list_is_named_for_what_it_is() {
        assert_eq!(pieces("<html>", 3, 2), Err(BodyProblem::Html));
        assert_eq!(pieces(r#"{"detail":"x"}"#, 3, 2), Err(BodyProblem::ErrorObject));
        for text in ["1", "[1,]", "[,1]", "[1]]", "[1] [2]", "[1}"] {
            assert_eq!(pieces(text, 3, 2), Err(BodyProblem::NotJson), "{text}");
        }
        assert_eq!(pieces("[1,2,]", 3, 2), Err(BodyProblem::NotJson), "also at the edge of a piece");
        assert_eq!(pieces(" [ ] ", 2, 2), Ok(vec![vec![]]));
    }

    #[test]
    fn the_hash_does_not_depend_on_the_pieces() {
        let hash = |text: &str, most| {
            let mut cutter = Cutter::default();
            let mut bytes = text.as_bytes();
            let mut left = 4;
            while left > 0 {
                let (used, ready) = cutter.take(bytes, most).unwrap();
                assert!(ready);
                bytes = &bytes[used..];
                left -= cutter.piece().1;
            }
            cutter.hash
        };
        assert_eq!(hash("[1, 2,3,4 ,5]", 2), hash("[1,2,3,4,9]", 4));
        assert_ne!(hash("[1,2,3,4,5]", 2), hash("[1,2,3,5,5]", 2));
    }
}
