//! The checks of a checkpoint store.

use std::fmt::Display;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use futures::future::{Either, select};
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::violation::{Violation, equal, holds};
use crate::checkpoint::{Checkpoint, CheckpointError, Mark, RunInProgress, SyncState};
use crate::error::BoxError;
use crate::listing::Fingerprint;
use crate::testing::time;

/// Keys that must not be taken for each other, or for a place outside the store.
const KEYS: [&str; 18] = [
    "a",
    "A",
    "b",
    "jobs/na",
    "jobs_na",
    "jobs_2fna",
    "jobs\\na",
    "../up",
    ".",
    "..",
    "ä b",
    "a\u{308} b",
    "CON",
    "a.json",
    "%",
    "_",
    "'; --",
    "two\nlines",
];
/// Bytes of a large state.
const LARGE: usize = 1 << 20;
/// How often a save is tried again while a dropped one may still be at work.
const TRIES: usize = 1000;
/// The time that a save may take after a dropped one.
const LIMIT: Duration = Duration::from_secs(60);

/// Checks a store: states are kept as they were saved, a save that does not follow the stored revision is refused with
/// [`CheckpointError::Conflict`] and changes nothing, of two that save at the same time one is refused, keys are kept apart, a state of
/// 1 MB and odd texts are kept, and a save that is dropped at any point leaves the old state or the new one.
///
/// `open` opens the store as another process would, at the same place each time; it is called several times. The keys begin with a
/// random text, so the place may hold states already. The suite leaves some behind.
///
/// ```
/// use jobfeed::checkpoint::{CheckpointError, FileStore};
/// use jobfeed::testing::conformance;
///
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let folder = tempfile::tempdir()?;
/// conformance::store(async || FileStore::new(folder.path())).await?;
/// # Ok(()) }
/// ```
///
/// # Errors
/// The [`Violation`] of the first check that fails.
#[allow(clippy::future_not_send, reason = "a test awaits it where `open` is")]
pub async fn store<C, E, F>(open: impl Fn() -> F) -> Result<(), Violation>
where
    C: Checkpoint,
    E: Into<BoxError>,
    F: Future<Output = Result<C, E>>,
{
    let opened = async || open().await.map_err(|error| Violation::failed("opening the store", error));
    let (one, two) = (Tested(opened().await?), Tested(opened().await?));
    let run = Uuid::new_v4().to_string();
    let key = |name: &str| format!("{run}/{name}");
    one.keeps_each_revision(&two, &key("revisions")).await?;
    one.refuses_other_revisions(&two, &key("conflicts")).await?;
    one.keeps_keys_apart(&two, key).await?;
    one.keeps_odd_and_large_states(&two, &key("contents")).await?;
    one.lets_one_of_two_save(&two, &key("race")).await?;
    one.survives_dropped_saves(&key("dropped")).await?;
    Tested(opened().await?).loads("a store opened later", &key("revisions"), Some(&state(LAST, "end"))).await
}

/// The last revision that is saved in turn.
const LAST: u64 = 12;

/// A state with this revision; `note` makes two states of one revision differ.
pub(super) fn state(revision: u64, note: &str) -> SyncState {
    let position = json!({"next": revision * 1000, "upper": u64::MAX, "lower": i64::MIN, "note": note});
    state_of(revision, None, Some(position))
}

fn state_of(revision: u64, watermark: Option<Mark>, position: Option<Value>) -> SyncState {
    let mut state = SyncState::new(Fingerprint::of(["conformance", "store"]), "by-id");
    let started = Timestamp::UNIX_EPOCH;
    state.revision = revision;
    state.watermark = watermark;
    state.run = position.map(|position| RunInProgress { started, pages: 7, rows: u64::MAX, position });
    state
}

/// A store under test.
struct Tested<C>(C);

impl<C: Checkpoint> Tested<C> {
    async fn loads(&self, what: impl Display, key: &str, expected: Option<&SyncState>) -> Result<(), Violation> {
        let found = self.0.load(key).await.map_err(|error| Violation::failed(&what, error))?;
        equal(what, found.as_ref(), expected)
    }

    async fn saves(&self, what: impl Display, key: &str, state: &SyncState) -> Result<(), Violation> {
        self.0.save(key, state).await.map_err(|error| Violation::failed(what, error))
    }

    /// That a save is refused because another revision is stored.
    async fn refuses(&self, what: impl Display, key: &str, state: &SyncState, stored: u64) -> Result<(), Violation> {
        let refused = self.0.save(key, state).await.map_err(CheckpointError::from_store);
        let before = state.revision() - 1;
        let wanted = format!("CheckpointError::Conflict {{ expected: {before}, found: {stored} }}");
        let right = matches!(refused, Err(CheckpointError::Conflict { expected, found }) if (expected, found) == (before, stored));
        holds(what, right, &wanted, refused)
    }

    async fn keeps_each_revision(&self, two: &Self, key: &str) -> Result<(), Violation> {
        self.loads("a key that was never saved", key, None).await?;
        let marks = [
            Mark::Id(u64::MAX),
            Mark::Time(Timestamp::from_nanosecond(1_780_000_000_123_456_789).unwrap_or_default()),
            Mark::Text("delta \"token\" \\ é 🦀".to_owned()),
        ];
        for revision in 1..=LAST {
            let watermark = usize::try_from(revision).ok().and_then(|number| marks.get(number % 4)).cloned();
            let state = match revision {
                LAST => state(LAST, "end"),
                _ => state_of(revision, watermark, Some(json!({"next": revision}))),
            };
            self.saves(format!("save of revision {revision}"), key, &state).await?;
            self.loads(format!("revision {revision}"), key, Some(&state)).await?;
            two.loads(format!("revision {revision}, by another process"), key, Some(&state)).await?;
        }
        let between = state_of(1, Some(Mark::Id(7)), None);
        let key = &format!("{key} of a sync between two runs");
        self.saves("save of a state without a run", key, &between).await?;
        two.loads("a state without a run", key, Some(&between)).await
    }

    async fn refuses_other_revisions(&self, two: &Self, key: &str) -> Result<(), Violation> {
        self.refuses("a first save with revision 2", key, &state(2, ""), 0).await?;
        self.loads("after a first save that was refused", key, None).await?;
        for revision in 1..=3 {
            self.saves("a save", key, &state(revision, "kept")).await?;
        }
        for (revision, what) in
            [(1, "an older process"), (3, "a process at the same revision"), (5, "a revision too far")]
        {
            for store in [self, two] {
                store.refuses(what, key, &state(revision, "other"), 3).await?;
                store.loads(format!("after the refusal of {what}"), key, Some(&state(3, "kept"))).await?;
            }
        }
        two.saves("the next revision, by another process", key, &state(4, "next")).await?;
        self.refuses("a process that did not see it", key, &state(4, "late"), 4).await?;
        self.loads("after both", key, Some(&state(4, "next"))).await
    }

    async fn keeps_keys_apart(&self, two: &Self, key: impl Fn(&str) -> String) -> Result<(), Violation> {
        let long = "k".repeat(100);
        let long = [format!("{long}1"), format!("{long}2")];
        let keys: Vec<&str> = KEYS.into_iter().chain(long.iter().map(String::as_str)).collect();
        for name in &keys {
            self.loads(format!("key {name:?}, which was not saved"), &key(name), None).await?;
            self.saves(format!("save of key {name:?}"), &key(name), &state(1, name)).await?;
        }
        for name in &keys {
            two.loads(format!("key {name:?}"), &key(name), Some(&state(1, name))).await?;
        }
        Ok(())
    }

    async fn keeps_odd_and_large_states(&self, two: &Self, key: &str) -> Result<(), Violation> {
        let texts = ["", "'\"`\\;--", "\n\r\t\u{7f}", "é 🦀 \u{2028}", "null", "{\"a\":1}"];
        let odd =
            json!({"texts": texts, "": {"deep": [[[[{}]]]]}, "numbers": [0, -1, i64::MIN, u64::MAX], "none": null});
        let large = json!({"token": "0123456789abcdef".repeat(LARGE / 16)});
        for (revision, (what, position)) in (1..).zip([("odd", odd), ("large", large)]) {
            let state = state_of(revision, None, Some(position));
            self.saves(format!("save of an {what} state"), key, &state).await?;
            let found = two.0.load(key).await.map_err(|error| Violation::failed(what, error))?;
            let bytes = found.as_ref().map(|found| found.to_json().len());
            // Not compared by `equal`, which would show a megabyte.
            holds(format!("an {what} state"), found.as_ref() == Some(&state), "the state that was saved", bytes)?;
        }
        Ok(())
    }

    async fn lets_one_of_two_save(&self, two: &Self, key: &str) -> Result<(), Violation> {
        for revision in 1..=20 {
            let (of_one, of_two) = (state(revision, "one"), state(revision, "two"));
            let (saved, other) = futures::join!(self.0.save(key, &of_one), two.0.save(key, &of_two));
            let what = format!("two saves of revision {revision} at the same time");
            let (winner, refused) = match (saved, other) {
                (Ok(()), Err(error)) => (of_one, error.into()),
                (Err(error), Ok(())) => (of_two, error.into()),
                (Ok(()), Ok(())) => return Err(Violation::new(what, "one of them to be refused", "none")),
                (Err(error), Err(_)) => return Err(Violation::failed(what, error)),
            };
            let refused = CheckpointError::from_store(refused);
            let conflict = matches!(refused, CheckpointError::Conflict { .. });
            holds(&what, conflict, "CheckpointError::Conflict for one of them", refused)?;
            for store in [self, two] {
                store.loads(format!("after {what}"), key, Some(&winner)).await?;
            }
        }
        Ok(())
    }

    /// Drops a save after each number of polls, and saves again as the process that is started next.
    async fn survives_dropped_saves(&self, key: &str) -> Result<(), Violation> {
        for polls in 0.. {
            let what = format!("a save that was dropped after {polls} polls");
            let before = self.revision(&what, key).await?;
            let dropped = state(before + 1, "dropped");
            let ended = {
                let mut save = pin!(self.0.save(key, &dropped));
                let mut ended = false;
                for _ in 0..polls {
                    ended = poll_fn(|context| Poll::Ready(save.as_mut().poll(context).is_ready())).await;
                    if ended {
                        break;
                    }
                    tokio::task::yield_now().await;
                }
                ended
            };
            let (saved, limit) = (pin!(self.saves_after(&what, key, before)), pin!(time::pause(LIMIT)));
            match select(saved, limit).await {
                Either::Left((saved, _)) => saved?,
                Either::Right(_) => {
                    return Err(Violation::new(&what, "a later save that ends", "none within a minute"));
                }
            }
            // A store that works on another thread may need many polls; a few of them are enough.
            if ended || polls == 30 {
                break;
            }
        }
        Ok(())
    }

    async fn revision(&self, what: &str, key: &str) -> Result<u64, Violation> {
        let found = self.0.load(key).await.map_err(|error| Violation::failed(what, error))?;
        Ok(found.map_or(0, |state| state.revision()))
    }

    /// Saves the next revision. The dropped save may still come between the load and the save, which is then a conflict.
    async fn saves_after(&self, what: &str, key: &str, before: u64) -> Result<(), Violation> {
        for _ in 0..TRIES {
            let stored = self.revision(what, key).await?;
            holds(what, stored == before || stored == before + 1, "the old revision or the new one", stored)?;
            let next = state(stored + 1, "next");
            match self.0.save(key, &next).await.map_err(CheckpointError::from_store) {
                Ok(()) => return self.loads(what, key, Some(&next)).await,
                Err(CheckpointError::Conflict { .. }) => tokio::task::yield_now().await,
                Err(error) => return Err(Violation::failed(what, error)),
            }
        }
        Err(Violation::new(what, "a save that succeeds", "only conflicts"))
    }
}
