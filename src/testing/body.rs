//! Bodies that come at once, slowly, without end, or only in part.

use std::time::Duration;
use std::{io, iter};

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt as _};
use http_body_util::StreamBody;
use hyper::body::Frame;

use super::fault::Fault;
use super::time;

/// Slow bodies come in this many parts.
const PARTS: u32 = 10;
/// Bytes of padding that are handed over at once.
const PADDING: usize = 64 * 1024;
/// What is sent of a cut body has to reach the client before the connection breaks, else the client sees a lost connection.
const FLUSH: Duration = Duration::from_millis(20);

pub(crate) type Payload = StreamBody<BoxStream<'static, io::Result<Frame<Bytes>>>>;

/// One step of sending a body.
enum Step {
    Send(Bytes),
    Wait(Duration),
    Cut,
}

/// How a body is sent.
pub(crate) struct Plan {
    steps: Box<dyn Iterator<Item = Step> + Send>,
    /// The length to announce, if it is announced.
    pub(crate) announced: Option<u64>,
    /// The bytes that will really be sent.
    pub(crate) bytes: u64,
    /// Whether the client gets a body that it can read to its end and decode.
    pub(crate) whole: bool,
}

impl Plan {
    /// Everything at once.
    pub(crate) fn at_once(body: Bytes) -> Self {
        let length = body.len() as u64;
        Self { steps: Box::new(iter::once(Step::Send(body))), announced: Some(length), bytes: length, whole: true }
    }

    /// As the faults want it.
    pub(crate) fn with_faults(mut body: Bytes, faults: &[Fault]) -> Self {
        let mut whole = true;
        if faults.contains(&Fault::TruncatedJson) {
            body = truncated(&body);
            whole = false;
        }
        if faults.contains(&Fault::Garbled) {
            body = garbled(&body);
            whole = false;
        }
        let mut plan = Self::at_once(body.clone());
        plan.whole = whole;
        for fault in faults {
            match fault {
                Fault::CutBody => return Self::cut(&body),
                Fault::SlowBody(duration) => plan.steps = Box::new(slow(body.clone(), *duration)),
                Fault::Oversized(bytes) => {
                    let padding = bytes.saturating_sub(body.len() as u64);
                    plan.bytes += padding;
                    plan.announced = None;
                    plan.steps = Box::new(plan.steps.chain(spaces(padding)));
                }
                _ => {}
            }
        }
        plan
    }

    fn cut(body: &Bytes) -> Self {
        let half = body.slice(..body.len() / 2);
        let bytes = half.len() as u64;
        let steps = [Step::Send(half), Step::Wait(FLUSH), Step::Cut];
        Self { steps: Box::new(steps.into_iter()), announced: Some(body.len() as u64), bytes, whole: false }
    }

    /// The body itself; `guard` is dropped when the last part has been handed over.
    pub(crate) fn payload<G: Send + 'static>(self, guard: G) -> Payload {
        let state = (self.steps.peekable(), Some(guard));
        let frames = stream::unfold(state, async |(mut steps, mut guard)| {
            loop {
                let step = steps.next()?;
                if steps.peek().is_none() {
                    guard = None;
                }
                match step {
                    Step::Send(bytes) => return Some((Ok(Frame::data(bytes)), (steps, guard))),
                    Step::Wait(duration) => time::pause(duration).await,
                    Step::Cut => {
                        let error = io::Error::other("the body is cut on purpose");
                        return Some((Err(error), (steps, guard)));
                    }
                }
            }
        });
        StreamBody::new(frames.boxed())
    }
}

/// The first part of the body, ended between two characters.
fn truncated(body: &Bytes) -> Bytes {
    let mut end = body.len() * 3 / 5;
    while body.get(end).is_some_and(|byte| byte & 0xC0 == 0x80) {
        end += 1;
    }
    body.slice(..end)
}

/// The body with bytes that cannot be UTF-8 in its middle.
fn garbled(body: &Bytes) -> Bytes {
    let mut bytes = body.to_vec();
    let middle = bytes.len() / 2;
    for byte in bytes.iter_mut().skip(middle).take(2) {
        *byte = 0xFF;
    }
    bytes.into()
}

fn slow(body: Bytes, duration: Duration) -> impl Iterator<Item = Step> + Send {
    let part = body.len().div_ceil(PARTS as usize).max(1);
    (0..PARTS as usize).flat_map(move |index| {
        let start = (index * part).min(body.len());
        let end = (start + part).min(body.len());
        [Step::Wait(duration / PARTS), Step::Send(body.slice(start..end))]
    })
}

fn spaces(bytes: u64) -> impl Iterator<Item = Step> + Send {
    let chunk = Bytes::from(vec![b' '; PADDING]);
    let (whole, rest) = (bytes / PADDING as u64, bytes % PADDING as u64);
    let last = chunk.slice(..usize::try_from(rest).unwrap_or(0));
    (0..whole).map(move |_| Step::Send(chunk.clone())).chain(iter::once(Step::Send(last)))
}
