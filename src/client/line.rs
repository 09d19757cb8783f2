//! Those who wait to send a request, in the order in which they came.
//!
//! A future that waits here may be kept without being polled, such as one of `buffer_unordered` while the body of its loop makes another
//! call. A fair lock would be handed to it, and everybody behind it would wait for ever. So each who waits shows again and again
//! that it is polled, and one who does not is passed over until it does. Before that it is woken: a thread that was blocked for long has not
//! polled anybody, and whoever comes first after that must not go before all others.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::{Either, select};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::clock::{monotonic, sleep_until};
use super::rate_limit::unpoisoned;

/// How often one who waits shows that it is polled, in a short line.
pub(super) const POLLED_EVERY: Duration = Duration::from_millis(100);
/// How much later than announced it may be.
pub(super) const GRACE: Duration = Duration::from_millis(200);
/// How long one who seems not to be polled has to show that it is, after it was woken.
pub(super) const CONFIRM: Duration = Duration::from_millis(20);
/// In a line longer than this, each one shows it less often, so that a long line does not cost more time than a short one.
const SHORT_LINE: usize = 16;

/// At this number of lines, those without anybody are removed before another one is added.
const MAX_LINES: usize = 1_000;

/// The lines of one client, one for each rate bucket: who waits in one bucket does not hold up the others.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    common: Arc<Line>,
    named: Mutex<HashMap<String, Arc<Line>>>,
}

impl Lines {
    /// Takes the last place in the line of a bucket.
    pub(crate) fn enter(&self, bucket: Option<&str>) -> InLine {
        let Some(name) = bucket else { return self.common.enter() };
        let mut named = unpoisoned(&self.named);
        if !named.contains_key(name) && named.len() >= MAX_LINES {
            named.retain(|_, line| Arc::strong_count(line) > 1);
        }
        named.entry(name.to_owned()).or_default().enter()
    }
}

/// The line of one rate bucket.
#[derive(Debug, Default)]
struct Line(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    last: u64,
    /// By the order in which they came.
    all: BTreeMap<u64, Waiter>,
}

#[derive(Debug)]
struct Waiter {
    /// Until then it will be polled again.
    polled_before: Instant,
    /// Since when it is known that it was not.
    late_since: Option<Instant>,
    wake: Arc<Notify>,
}

/// Whether somebody must be waited for.
enum Polled {
    Yes,
    /// It was woken, and has until then to show that it is polled.
    Unknown(Instant),
    No,
}

impl Waiter {
    fn polled(&mut self, now: Instant) -> Polled {
        if self.polled_before > now {
            return Polled::Yes;
        }
        let since = *self.late_since.get_or_insert_with(|| {
            self.wake.notify_one();
            now
        });
        if since + CONFIRM > now { Polled::Unknown(since + CONFIRM) } else { Polled::No }
    }
}

/// A place in the line. It is left when this is dropped.
#[derive(Debug)]
pub(crate) struct InLine {
    line: Arc<Line>,
    number: u64,
    wake: Arc<Notify>,
}

impl Line {
    /// Takes the last place.
    fn enter(self: &Arc<Self>) -> InLine {
        let (wake, polled_before) = (Arc::new(Notify::new()), monotonic() + POLLED_EVERY + GRACE);
        let mut waiting = unpoisoned(&self.0);
        waiting.last += 1;
        let number = waiting.last;
        waiting.all.insert(number, Waiter { polled_before, late_since: None, wake: wake.clone() });
        InLine { line: self.clone(), number, wake }
    }
}

impl InLine {
    /// Waits until it is this one's turn.
    pub(crate) async fn turn(&self) {
        while let Err(until) = self.is_first() {
            self.pause(until, std::future::pending()).await;
        }
    }

    /// `Ok` when nobody else who came before is polled, else when to ask again, if that is known.
    fn is_first(&self) -> Result<(), Option<Instant>> {
        let now = monotonic();
        let mut waiting = unpoisoned(&self.line.0);
        let mut until = None;
        for (_, waiter) in waiting.all.range_mut(..self.number) {
            match waiter.polled(now) {
                Polled::Yes => return Err(until),
                Polled::Unknown(confirmed) => {
                    until = Some(until.map_or(confirmed, |until: Instant| until.min(confirmed)));
                }
                Polled::No => {}
            }
        }
        until.map_or(Ok(()), |until| Err(Some(until)))
    }

    /// Waits until an instant, or until something changed; not longer than until this one must show that it is polled.
    pub(crate) async fn pause(&self, until: Option<Instant>, changed: impl Future<Output = ()> + Unpin) {
        let now = monotonic();
        let next = {
            let mut waiting = unpoisoned(&self.line.0);
            let long = u32::try_from(waiting.all.len() / SHORT_LINE).unwrap_or(u32::MAX);
            let next = now + POLLED_EVERY.saturating_mul(long.max(1));
            if let Some(waiter) = waiting.all.get_mut(&self.number) {
                (waiter.polled_before, waiter.late_since) = (next + GRACE, None);
            }
            next
        };
        let sleep = std::pin::pin!(sleep_until(until.map_or(next, |until| until.min(next))));
        let woken = std::pin::pin!(self.wake.notified());
        if let Either::Left(_) = select(select(woken, changed), sleep).await {}
    }
}

impl Drop for InLine {
    fn drop(&mut self) {
        let now = monotonic();
        let mut waiting = unpoisoned(&self.line.0);
        waiting.all.remove(&self.number);
        // Those of whom it is not known whether they are polled are woken on the way.
        if let Some(next) =
            waiting.all.values_mut().find_map(|waiter| matches!(waiter.polled(now), Polled::Yes).then_some(waiter))
        {
            next.wake.notify_one();
        }
    }
}
