//! Counters that a caller can read while a stream or a run is in progress.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::task_local;

use super::body_memory::BodyMemory;
use super::observe::EventKind;

/// The counters of a stream or a run. Cheap to clone, and to read from another task or thread.
#[derive(Debug, Clone)]
pub struct Progress {
    now: Arc<Mutex<(Counts, Activity)>>,
    /// Here because all requests of a stream or a run have its progress.
    memory: BodyMemory,
    /// The checkpoint key of the run, for those that observe its calls.
    key: Option<Arc<str>>,
    /// The sum in which this is counted too.
    sum: Option<Arc<Sum>>,
}

/// Counters at zero.
impl Default for Progress {
    fn default() -> Self {
        Self { now: Arc::default(), memory: BodyMemory::default(), key: None, sum: Sum::current() }
    }
}

/// What the next request of a stream or a run is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Activity {
    /// Records are read.
    #[default]
    Reading,
    /// Small requests find where the records are. A sync of a long list begins with a few of them.
    Searching,
    /// A small request shows whether the records that were read are all.
    Confirming,
}

impl fmt::Display for Activity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reading => "reading",
            Self::Searching => "searching",
            Self::Confirming => "confirming",
        })
    }
}

/// The counters at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Counts {
    /// Pages delivered.
    pub pages: u64,
    /// Records delivered, the rejected ones and the removals included.
    pub rows: u64,
    /// Records that did not fit the record type.
    pub rejected: u64,
    /// The server's latest total for the whole listing, where it gives one. `None` in syncs by id and by date of
    /// jobdataapi.com, which read ranges of ids.
    pub total: Option<u64>,
    /// Bytes of bodies, after decompression.
    pub bytes: u64,
    /// Requests sent, retries and requests for counts included.
    pub requests: u64,
    /// Attempts after the first.
    pub retries: u64,
    /// Time spent in waits for the rate limit, for other requests of the client, for the server, and for back-off, in
    /// milliseconds.
    pub waited_ms: u64,
}

impl Progress {
    /// The counters of the run with this checkpoint key.
    pub(crate) fn of_run(key: &str) -> Self {
        Self { key: Some(key.into()), ..Self::default() }
    }

    pub(super) fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// The counters now.
    pub fn counts(&self) -> Counts {
        self.lock().0
    }

    /// What the request that is in progress, or the next one, is for.
    pub fn activity(&self) -> Activity {
        self.lock().1
    }

    /// A copy for the caller, who may keep it for long: it does not keep the memory.
    pub(crate) fn shared(&self) -> Self {
        Self { now: self.now.clone(), memory: BodyMemory::default(), key: self.key.clone(), sum: self.sum.clone() }
    }

    pub(super) fn memory(&self) -> &BodyMemory {
        &self.memory
    }

    pub(crate) fn set_activity(&self, activity: Activity) {
        self.lock().1 = activity;
    }

    fn update(&self, change: impl Fn(&mut Counts)) {
        change(&mut self.lock().0);
        if let Some(sum) = &self.sum {
            sum.update(&change);
        }
    }

    fn lock(&self) -> MutexGuard<'_, (Counts, Activity)> {
        locked(&self.now)
    }

    pub(crate) fn total(&self, total: Option<u64>) {
        let Some(total) = total else { return };
        let before = self.lock().0.total.replace(total).unwrap_or_default();
        if let Some(sum) = &self.sum {
            let others = |counts: &Counts| counts.total.unwrap_or_default().saturating_sub(before);
            sum.update(&|counts| counts.total = Some(others(counts).saturating_add(total)));
        }
    }

    /// Counts an event.
    pub(super) fn count(&self, event: &EventKind<'_>) {
        let milliseconds = |wait: Duration| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        self.update(|counts| match *event {
            EventKind::AttemptSent(attempt) => {
                counts.requests += 1;
                counts.retries += u64::from(attempt.number > 1);
            }
            EventKind::AttemptAnswered(attempt) | EventKind::AttemptFailed { attempt, .. } => {
                counts.bytes += attempt.bytes;
            }
            EventKind::BodyPart { bytes } => counts.bytes += bytes,
            EventKind::Retrying { wait, .. } | EventKind::Waited { wait, .. } => {
                counts.waited_ms = counts.waited_ms.saturating_add(milliseconds(wait));
            }
            EventKind::Page { rows, rejected } => {
                counts.pages += 1;
                counts.rows += rows;
                counts.rejected += rejected;
            }
            EventKind::Waiting { .. } | EventKind::QuotaLeft { .. } => {}
        });
    }
}

task_local! {
    /// The sum of the counters that are made while a future is polled.
    static COUNTED_IN: Arc<Sum>;
}

/// The counters of several streams, runs and calls, added up.
#[derive(Debug, Default)]
pub(crate) struct Sum {
    counts: Mutex<Counts>,
    /// A sum of which this one is a part.
    part_of: Option<Arc<Sum>>,
}

impl Sum {
    /// A sum that is counted in another one too.
    pub(crate) fn part_of(whole: Option<Arc<Self>>) -> Arc<Self> {
        Arc::new(Self { part_of: whole, ..Self::default() })
    }

    /// The sum of the future that is polled now.
    pub(crate) fn current() -> Option<Arc<Self>> {
        COUNTED_IN.try_with(Arc::clone).ok()
    }

    /// Counts what the future makes, but not what it makes on other tasks.
    pub(crate) fn during<F: Future>(self: &Arc<Self>, future: F) -> impl Future<Output = F::Output> + use<F> {
        COUNTED_IN.scope(self.clone(), future)
    }

    /// Counts what the function makes.
    pub(crate) fn during_call<R>(self: &Arc<Self>, call: impl FnOnce() -> R) -> R {
        COUNTED_IN.sync_scope(self.clone(), call)
    }

    /// The counters now.
    pub(crate) fn counts(&self) -> Counts {
        *locked(&self.counts)
    }

    fn update(&self, change: &dyn Fn(&mut Counts)) {
        change(&mut locked(&self.counts));
        if let Some(whole) = &self.part_of {
            whole.update(change);
        }
    }
}

/// A panic while the lock was held cannot make the counters invalid.
fn locked<T>(counters: &Mutex<T>) -> MutexGuard<'_, T> {
    counters.lock().unwrap_or_else(PoisonError::into_inner)
}
