//! A list that is too long for memory: a JSON array that is split into chunks while it arrives.
//!
//! A chunk is itself a JSON array, so it is decoded like any page. A position in such a list is a number of records and
//! a hash of their text. To resume, the list is requested again and these records are skipped. When the hash differs,
//! the list is read from its beginning instead.

use bytes::Bytes;
use futures::StreamExt;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::cursor::Position;
use super::endpoint::Endpoint;
use super::fetch::Fetched;
use super::hash::Fnv;
use super::page::{OnRejected, Page};
use super::page_source::PageSource;
use crate::client::{CallInfo, Client, Opened, Progress, Purpose, monotonic};
use crate::error::{Error, Result, TimeoutScope};
use crate::json::{self, BodyProblem, ListAt};

/// How many bytes of a body that is not a list an error message may use.
const MAX_ERROR_TEXT: usize = 4_096;
/// The largest record, in bytes.
const MAX_RECORD: usize = 64 << 20;

/// A list whose body is being read.
pub(crate) struct ChunkedList {
    opened: Opened,
    source: Box<PageSource>,
    received: Bytes,
    splitter: Splitter,
    /// Records in the chunks so far.
    records: u64,
    /// When the present chunk must be there.
    deadline: Option<Instant>,
}

/// Splits the text of an array into chunks. Does no I/O.
#[derive(Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "the state of a lexer; the four are independent of each other")]
struct Splitter {
    place: Place,
    /// The text of the current chunk so far, with the opening bracket.
    chunk: Vec<u8>,
    /// Complete records in the current chunk.
    records: usize,
    depth: u32,
    in_string: bool,
    escaped: bool,
    /// Whether the beginning of the current record was read.
    in_record: bool,
    /// Whether another record must follow, because a comma was read.
    after_comma: bool,
    /// A hash of all bytes except white space.
    hash: Fnv,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Place {
    #[default]
    Before,
    Inside,
    After,
}

impl Splitter {
    /// Reads bytes until the chunk has `most` records and another one follows, or until the array ends. Returns how
    /// many bytes were read, and whether the chunk is complete.
    fn take(&mut self, bytes: &[u8], most: usize) -> Result<(usize, bool), BodyProblem> {
        for (index, &byte) in bytes.iter().enumerate() {
            if self.byte(byte, most)? {
                return Ok((index + 1, true));
            }
        }
        if self.chunk.len() > MAX_RECORD {
            return Err(BodyProblem::Shape("a record of the list is larger than 64 MiB".to_owned()));
        }
        Ok((bytes.len(), false))
    }

    fn byte(&mut self, byte: u8, most: usize) -> Result<bool, BodyProblem> {
        if !self.in_string && matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
            if self.in_record {
                self.chunk.push(byte);
            }
            return Ok(false);
        }
        match self.place {
            Place::Before if byte == b'[' => {
                self.place = Place::Inside;
                self.chunk = vec![b'['];
                return Ok(false);
            }
            Place::Before => return Err(begins_with(byte)),
            Place::After => return Err(BodyProblem::NotJson),
            Place::Inside => {}
        }
        let between = self.depth == 0 && !self.in_string;
        match byte {
            b']' if between => {
                if self.in_record {
                    self.records += 1;
                } else if self.after_comma {
                    return Err(BodyProblem::NotJson);
                }
                self.place = Place::After;
                self.chunk.push(b']');
                return Ok(true);
            }
            b',' if between => {
                if !self.in_record {
                    return Err(BodyProblem::NotJson);
                }
                self.records += 1;
                (self.in_record, self.after_comma) = (false, true);
                self.hash.add(byte);
                if self.records >= most {
                    self.chunk.push(b']');
                    return Ok(true);
                }
                self.chunk.push(byte);
                return Ok(false);
            }
            _ => {}
        }
        (self.in_record, self.after_comma) = (true, false);
        self.hash.add(byte);
        self.chunk.push(byte);
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

    /// Returns the complete chunk and the number of its records, and starts the next one.
    fn chunk(&mut self) -> (Vec<u8>, usize) {
        let records = std::mem::take(&mut self.records);
        (std::mem::replace(&mut self.chunk, vec![b'[']), records)
    }
}

fn begins_with(byte: u8) -> BodyProblem {
    match byte {
        b'<' => BodyProblem::Html,
        b'{' => BodyProblem::ErrorObject,
        _ => BodyProblem::NotJson,
    }
}

impl ChunkedList {
    /// Requests the list and skips to a position, or to the beginning when the records before the position changed.
    pub(crate) async fn open(
        client: &Client,
        endpoint: &dyn Endpoint,
        at: &Position,
        progress: &Progress,
    ) -> Result<Self> {
        let mut list = Self::open_at_start(client, endpoint, progress).await?;
        let Some((records, hash)) = read_position(at) else { return Ok(list) };
        while list.records < records {
            let left = usize::try_from(records - list.records).unwrap_or(usize::MAX).min(10_000);
            if list.next_chunk(left, client, progress).await?.is_none() {
                break;
            }
        }
        if list.records == records && list.splitter.hash.finish() == hash {
            return Ok(list);
        }
        tracing::info!(
            endpoint = endpoint.name(),
            "the list changed before the stored position, so it is read from its beginning"
        );
        Self::open_at_start(client, endpoint, progress).await
    }

    async fn open_at_start(client: &Client, endpoint: &dyn Endpoint, progress: &Progress) -> Result<Self> {
        let info = CallInfo { endpoint: endpoint.name(), purpose: Purpose::Parts, position: None, progress };
        let opened = client.open(info, &endpoint.request(&Position::Start)).await?;
        let at = (&opened.url, opened.status, &opened.headers);
        let source = PageSource::new(client, endpoint, &Position::Start, at);
        let source = Box::new(PageSource { list: ListAt::Root, ..source });
        Ok(Self { opened, source, received: Bytes::new(), splitter: Splitter::default(), records: 0, deadline: None })
    }

    /// Where the next chunk begins.
    pub(crate) fn position(&self) -> Position {
        if self.records == 0 {
            return Position::Start;
        }
        Position::Token(format!("{}.{:032x}", self.records, self.splitter.hash.finish()))
    }

    /// The next chunk of at most `most` records, as a page. The last one has no next position.
    pub(crate) async fn next<T: DeserializeOwned + Send>(
        &mut self,
        most: usize,
        client: &Client,
        progress: &Progress,
        on_rejected: OnRejected,
    ) -> Result<Fetched<T>> {
        let headers = self.opened.headers.clone();
        let Some((text, last)) = self.next_chunk(most, client, progress).await? else {
            return Ok(Fetched { page: Page::empty(), next: None });
        };
        let text = Bytes::from(text);
        let decoded =
            json::decode::<T>(&text, &ListAt::Root).map_err(|problem| self.body_error(problem, String::new()))?;
        if on_rejected != OnRejected::KeepAll
            && let (true, Some(first)) = (decoded.items.is_empty(), decoded.rejected.first())
        {
            let (call, rows, reason) = (Box::new(self.opened.call.clone()), decoded.rows(), first.reason.clone());
            return Err(Error::AllRejected { call, rows, reason });
        }
        let mut page = Page::new(decoded, text, headers, None);
        page.source = Some(Box::new(PageSource { received: client.clock().now(), ..(*self.source).clone() }));
        Ok(Fetched { page, next: (!last).then(|| self.position()) })
    }

    /// The text of the next chunk, and whether it is the last one; `None` after the last.
    async fn next_chunk(
        &mut self,
        most: usize,
        client: &Client,
        progress: &Progress,
    ) -> Result<Option<(Vec<u8>, bool)>> {
        if self.splitter.place == Place::After {
            return Ok(None);
        }
        self.deadline = monotonic().checked_add(self.opened.page_timeout);
        loop {
            let taken = self.splitter.take(&self.received, most.max(1));
            let (used, ready) = taken.map_err(|problem| {
                let start = self.received.slice(..self.received.len().min(MAX_ERROR_TEXT));
                let text = String::from_utf8_lossy(&start);
                let message = json::fields(&start).message().unwrap_or_else(|| text.into_owned());
                let snippet =
                    if problem == BodyProblem::ErrorObject { client.snippet(&message) } else { String::new() };
                self.body_error(problem, snippet)
            })?;
            self.received = self.received.slice(used..);
            if ready {
                let last = self.splitter.place == Place::After;
                if last {
                    self.drain(client, progress).await?;
                }
                let (chunk, records) = self.splitter.chunk();
                self.records += records as u64;
                return Ok(Some((chunk, last)));
            }
            match self.receive(client, progress).await? {
                Some(bytes) => self.received = bytes,
                None => return Err(self.body_error(BodyProblem::Truncated, String::new())),
            }
        }
    }

    /// Reads the rest of the body. Only white space may follow the list.
    async fn drain(&mut self, client: &Client, progress: &Progress) -> Result<()> {
        loop {
            let rest = std::mem::take(&mut self.received);
            self.splitter.take(&rest, 1).map_err(|problem| self.body_error(problem, String::new()))?;
            match self.receive(client, progress).await? {
                Some(bytes) => self.received = bytes,
                None => return Ok(()),
            }
        }
    }

    /// The next part of the body. Both the time without a byte and the time for one chunk are limited: a server that sends white
    /// space for ever is not waited for.
    async fn receive(&mut self, client: &Client, progress: &Progress) -> Result<Option<Bytes>> {
        let idle = self.opened.timeout;
        let left = self.deadline.map_or(idle, |deadline| deadline.saturating_duration_since(monotonic()));
        let call = || Box::new(self.opened.call.clone());
        match tokio::time::timeout(idle.min(left), self.opened.body.get_mut().next()).await {
            Err(_) if left < idle => {
                let (limit, scope) = (self.opened.page_timeout, TimeoutScope::Page);
                Err(Error::Timeout { call: call(), limit, scope })
            }
            Err(_) => Err(Error::Timeout { call: call(), limit: idle, scope: TimeoutScope::Idle }),
            Ok(None) => Ok(None),
            Ok(Some(Err(source))) => Err(Error::Connection { call: call(), source }),
            Ok(Some(Ok(bytes))) => {
                client.tell_part(&self.opened.call.endpoint, progress, bytes.len());
                Ok(Some(bytes))
            }
        }
    }

    fn body_error(&self, problem: BodyProblem, snippet: String) -> Error {
        let (call, status) = (Box::new(self.opened.call.clone()), self.opened.status);
        Error::Body { call, status, problem, snippet, server: None }
    }
}

fn read_position(at: &Position) -> Option<(u64, u128)> {
    let Position::Token(token) = at else { return None };
    let (records, hash) = token.split_once('.')?;
    Some((records.parse().ok()?, u128::from_str_radix(hash, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    /// All chunks of a text that arrives in parts of `part` bytes.
    fn chunks(text: &str, part: usize, most: usize) -> Result<Vec<Vec<Value>>, BodyProblem> {
        let mut splitter = Splitter::default();
        let mut chunks = Vec::new();
        for mut bytes in text.as_bytes().chunks(part) {
            while !bytes.is_empty() {
                let (used, ready) = splitter.take(bytes, most)?;
                bytes = &bytes[used..];
                if ready {
                    let (chunk, records) = splitter.chunk();
                    let list: Vec<Value> = serde_json::from_slice(&chunk).map_err(|_| BodyProblem::NotJson)?;
                    assert_eq!(list.len(), records);
                    chunks.push(list);
                }
            }
        }
        if splitter.place == Place::After { Ok(chunks) } else { Err(BodyProblem::Truncated) }
    }

    proptest! {
        #[test]
        fn the_chunks_are_the_list(texts in proptest::collection::vec("\\PC*", 0..12), part in 1usize..40, most in 1usize..5, pretty: bool) {
            let list: Vec<Value> =
                texts.iter().enumerate().map(|(i, text)| serde_json::json!({"i": i, "t": [text, "\"]"]})).collect();
            let text = if pretty { serde_json::to_string_pretty(&list) } else { serde_json::to_string(&list) }.unwrap();
            let got = chunks(&text, part, most).unwrap();
            prop_assert!(got.iter().all(|chunk| chunk.len() <= most));
            prop_assert_eq!(got.concat(), list);
            for cut in (1..text.len()).filter(|&cut| text.is_char_boundary(cut)) {
                prop_assert_eq!(chunks(&text[..cut], part, most), Err(BodyProblem::Truncated));
            }
        }
    }

    #[test]
    fn a_body_that_is_not_a_list_gives_the_right_error() {
        assert_eq!(chunks("<html>", 3, 2), Err(BodyProblem::Html));
        assert_eq!(chunks(r#"{"detail":"x"}"#, 3, 2), Err(BodyProblem::ErrorObject));
        for text in ["1", "[1,]", "[,1]", "[1]]", "[1] [2]", "[1}"] {
            assert_eq!(chunks(text, 3, 2), Err(BodyProblem::NotJson), "{text}");
        }
        assert_eq!(chunks("[1,2,]", 3, 2), Err(BodyProblem::NotJson), "also at the end of a chunk");
        assert_eq!(chunks(" [ ] ", 2, 2), Ok(vec![vec![]]));
    }

    #[test]
    fn the_hash_does_not_depend_on_the_chunks() {
        let hash = |text: &str, most| {
            let mut splitter = Splitter::default();
            let mut bytes = text.as_bytes();
            let mut left = 4;
            while left > 0 {
                let (used, ready) = splitter.take(bytes, most).unwrap();
                assert!(ready);
                bytes = &bytes[used..];
                left -= splitter.chunk().1;
            }
            splitter.hash
        };
        assert_eq!(hash("[1, 2,3,4 ,5]", 2), hash("[1,2,3,4,9]", 4));
        assert_ne!(hash("[1,2,3,4,5]", 2), hash("[1,2,3,5,5]", 2));
    }
}
