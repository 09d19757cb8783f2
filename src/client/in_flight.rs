//! The cap on the requests that a client has in flight: those without an answer, and those whose body is being read.

use std::pin::pin;
use std::sync::{Arc, Mutex};

use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use tokio::time::{Instant, timeout_at};

use super::clock::monotonic;
use super::line::{CONFIRM, GRACE, POLLED_EVERY};
use super::rate_limit::unpoisoned;

/// The places for requests in flight.
#[derive(Debug)]
pub(crate) struct InFlight {
    most: usize,
    taken: Mutex<Taken>,
    freed: Notify,
}

#[derive(Debug, Default)]
struct Taken {
    last: u64,
    requests: Vec<Request>,
}

#[derive(Debug)]
struct Request {
    number: u64,
    /// Until then its future will be polled again.
    polled_before: Instant,
    /// Since when it is known that it was not. The runtime may have been busy with something else.
    late_since: Option<Instant>,
}

/// The place of one request. It is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    of: Arc<InFlight>,
    number: u64,
}

impl InFlight {
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, taken: Mutex::default(), freed: Notify::new() })
    }

    /// Takes a place, if one is free. A request whose future is kept and not polled does not block others for ever: its place is free
    /// after a short time.
    pub(crate) fn place(self: &Arc<Self>) -> Option<Place> {
        let now = monotonic();
        let mut taken = unpoisoned(&self.taken);
        if taken.requests.len() >= self.most {
            taken.requests.retain_mut(|request| {
                request.polled_before > now || *request.late_since.get_or_insert(now) + CONFIRM > now
            });
        }
        if taken.requests.len() >= self.most {
            return None;
        }
        taken.last += 1;
        let number = taken.last;
        taken.requests.push(Request { number, polled_before: now + POLLED_EVERY + GRACE, late_since: None });
        Some(Place { of: self.clone(), number })
    }

    /// Ends when a place became free after this call.
    pub(crate) fn freed(&self) -> Notified<'_> {
        self.freed.notified()
    }
}

impl Place {
    /// Runs a future, and shows meanwhile that it is polled.
    pub(crate) async fn during<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        loop {
            if let Ok(output) = timeout_at(monotonic() + POLLED_EVERY, &mut future).await {
                return output;
            }
            let polled_before = monotonic() + POLLED_EVERY + GRACE;
            let mut taken = unpoisoned(&self.of.taken);
            if let Some(request) = taken.requests.iter_mut().find(|request| request.number == self.number) {
                (request.polled_before, request.late_since) = (polled_before, None);
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        unpoisoned(&self.of.taken).requests.retain(|request| request.number != self.number);
        self.of.freed.notify_waiters();
    }
}
