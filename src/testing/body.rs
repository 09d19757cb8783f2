//! How bodies are sent: at once, slowly, with padding, or only in part.

use std::io;
use std::iter;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt as _};
use http_body_util::StreamBody;
use hyper::body::Frame;

use super::fault::Fault;
use super::time;

/// Slow bodies are sent in this many parts.
const PARTS: u32 = 10;
/// Bytes of padding in one part.
const PADDING: usize = 64 * 1024;
/// The wait before the connection of a cut body is closed. Without it the client may get nothing of the body.
const FLUSH: Duration = Duration::from_millis(20);

pub(crate) type Payload = StreamBody<BoxStream<'static, io::Result<Frame<Bytes>>>>;

/// One step of sending a body.
enum BodyStep {
    Send(Bytes),
    Wait(Duration),
    /// Nothing more comes, and the connection stays open.
    Hang,
    Cut,
}

/// A body and how it is sent.
pub(crate) struct OutgoingBody {
    steps: Box<dyn Iterator<Item = BodyStep> + Send>,
    /// The length for `Content-Length`, if there is one.
    pub(crate) announced: Option<u64>,
    /// The bytes that are really sent.
    pub(crate) bytes: u64,
    /// Whether the client gets a body that it can read to its end and decode.
    pub(crate) whole: bool,
}

impl OutgoingBody {
    /// The whole body at once.
    fn at_once(body: Bytes) -> Self {
        let length = body.len() as u64;
        Self { steps: Box::new(iter::once(BodyStep::Send(body))), announced: Some(length), bytes: length, whole: true }
    }

    /// Applies the faults that concern the body; without any the whole body is sent at once.
    pub(crate) fn new(mut body: Bytes, faults: &[Fault]) -> Self {
        let mut whole = true;
        if faults.contains(&Fault::TruncatedJson) {
            body = truncated(&body);
            whole = false;
        }
        if faults.contains(&Fault::Garbled) {
            body = garbled(&body);
            whole = false;
        }
        let mut outgoing = Self::at_once(body.clone());
        outgoing.whole = whole;
        for fault in faults {
            match fault {
                Fault::CutBody => return Self::cut(&body),
                Fault::TricklingBody(interval) => return Self::trickling(body, *interval),
                Fault::SlowBody(duration) => outgoing.steps = Box::new(slow(body.clone(), *duration)),
                Fault::Oversized(bytes) => {
                    let padding = bytes.saturating_sub(body.len() as u64);
                    outgoing.bytes += padding;
                    outgoing.announced = None;
                    outgoing.steps = Box::new(outgoing.steps.chain(spaces(padding)));
                }
                _ => {}
            }
        }
        outgoing
    }

    /// Announces the body and never sends it.
    pub(crate) fn hanging(body: &Bytes) -> Self {
        Self { steps: Box::new(iter::once(BodyStep::Hang)), announced: Some(body.len() as u64), bytes: 0, whole: false }
    }

    fn trickling(body: Bytes, interval: Duration) -> Self {
        let bytes = body.len() as u64;
        let spaces = iter::repeat_with(move || [BodyStep::Wait(interval), BodyStep::Send(Bytes::from_static(b" "))]);
        let steps = iter::once(BodyStep::Send(body)).chain(spaces.flatten());
        Self { steps: Box::new(steps), announced: None, bytes, whole: false }
    }

    fn cut(body: &Bytes) -> Self {
        let half = body.slice(..body.len() / 2);
        let bytes = half.len() as u64;
        let steps = [BodyStep::Send(half), BodyStep::Wait(FLUSH), BodyStep::Cut];
        Self { steps: Box::new(steps.into_iter()), announced: Some(body.len() as u64), bytes, whole: false }
    }

    /// The body as the server takes it; `guard` is dropped with the last part.
    pub(crate) fn payload<G: Send + 'static>(self, guard: G) -> Payload {
        let state = (self.steps.peekable(), Some(guard));
        let frames = stream::unfold(state, async |(mut steps, mut guard)| {
            loop {
                let step = steps.next()?;
                if steps.peek().is_none() {
                    guard = None;
                }
                match step {
                    BodyStep::Send(bytes) => return Some((Ok(Frame::data(bytes)), (steps, guard))),
                    BodyStep::Wait(duration) => time::pause(duration).await,
                    BodyStep::Hang => std::future::pending().await,
                    BodyStep::Cut => {
                        let error = io::Error::other("the body is cut on purpose");
                        return Some((Err(error), (steps, guard)));
                    }
                }
            }
        });
        StreamBody::new(frames.boxed())
    }
}

/// The first part of the body, which ends between two characters.
fn truncated(body: &Bytes) -> Bytes {
    let mut end = body.len() * 3 / 5;
    while body.get(end).is_some_and(|byte| byte & 0xC0 == 0x80) {
        end += 1;
    }
    body.slice(..end)
}

/// The body with two bytes in its middle that are not UTF-8.
fn garbled(body: &Bytes) -> Bytes {
    let mut bytes = body.to_vec();
    let middle = bytes.len() / 2;
    for byte in bytes.iter_mut().skip(middle).take(2) {
        *byte = 0xFF;
    }
    bytes.into()
}

fn slow(body: Bytes, duration: Duration) -> impl Iterator<Item = BodyStep> + Send {
    let part = body.len().div_ceil(PARTS as usize).max(1);
    (0..PARTS as usize).flat_map(move |index| {
        let start = (index * part).min(body.len());
        let end = (start + part).min(body.len());
        [BodyStep::Wait(duration / PARTS), BodyStep::Send(body.slice(start..end))]
    })
}

fn spaces(bytes: u64) -> impl Iterator<Item = BodyStep> + Send {
    let chunk = Bytes::from(vec![b' '; PADDING]);
    let (whole, rest) = (bytes / PADDING as u64, bytes % PADDING as u64);
    let last = chunk.slice(..usize::try_from(rest).unwrap_or(0));
    (0..whole).map(move |_| BodyStep::Send(chunk.clone())).chain(iter::once(BodyStep::Send(last)))
}
