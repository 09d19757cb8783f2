//! The checks of a store that gives leases.

use std::fmt::{Debug, Display};
use std::future::Future;
use std::time::Duration;

use futures::future::join_all;
use uuid::Uuid;

use super::store::state;
use super::violation::{Violation, holds};
use crate::checkpoint::{CheckpointError, Fence, LeaseStore};
use crate::error::BoxError;
use crate::testing::time;

const LONG: Duration = Duration::from_secs(600);
const SHORT: Duration = Duration::from_millis(1);
/// How often a lease that has ended is asked for.
const TRIES: usize = 2_000;
/// The time between two such requests.
const PAUSE: Duration = Duration::from_millis(5);

/// Checks a store that gives leases: one worker has the lease of a key until it frees it or does not renew it, each later lease has a
/// greater fencing token, and a save with an older token, or without one while a worker has the lease, is refused.
///
/// `open` opens the store as another process would, at the same place each time. [`store`](super::store()) checks the rest.
///
/// ```
/// use jobfeed::checkpoint::{CheckpointError, FileStore};
/// use jobfeed::testing::conformance;
///
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let folder = tempfile::tempdir()?;
/// conformance::leases(async || FileStore::new(folder.path())).await?;
/// # Ok(()) }
/// ```
///
/// # Errors
/// The [`Violation`] of the first check that fails.
#[allow(clippy::future_not_send, reason = "a test awaits it where `open` is")]
pub async fn leases<S, E, F>(open: impl Fn() -> F) -> Result<(), Violation>
where
    S: LeaseStore,
    E: Into<BoxError>,
    F: Future<Output = Result<S, E>>,
{
    let opened = async || open().await.map_err(|error| Violation::failed("opening the store", error));
    let run = Uuid::new_v4().to_string();
    let checks =
        Leases { one: opened().await?, two: opened().await?, key: format!("{run}/a"), other: format!("{run}/b") };
    checks.one_worker_has_it().await?;
    checks.an_older_token_is_refused().await?;
    checks.it_ends().await?;
    checks.one_of_many_gets_it(&format!("{run}/race")).await
}

/// Two processes, and two keys.
struct Leases<S> {
    one: S,
    two: S,
    key: String,
    other: String,
}

impl<S: LeaseStore> Leases<S> {
    async fn one_worker_has_it(&self) -> Result<(), Violation> {
        let Self { one, two, key, other } = self;
        let fence = acquired(one, key, "one", LONG).await?;
        is_leased("the lease of another worker", two.acquire(key, "two", LONG).await, "one")?;
        is_leased("a second lease of the same process", one.acquire(key, "one again", LONG).await, "one")?;
        let elsewhere = acquired(two, other, "two", LONG).await?;
        is_leased("a save without the lease", save(two, key, 1).await, "one")?;
        done("a save by the holder", one.save_leased(key, &state(1, ""), fence).await)?;
        let again = one.save_leased(key, &state(1, ""), fence).await;
        let conflict = matches!(again, Err(CheckpointError::Conflict { expected: 0, found: 1 }));
        holds("a second save of one revision", conflict, "CheckpointError::Conflict", again)?;
        renewed(one, key, fence, true).await?;
        done("the release", one.release(key, fence).await)?;
        done("a save without a lease, when nobody has it", save(two, key, 2).await)?;
        is_leased("the other key", one.acquire(other, "one", LONG).await, "two")?;
        done("the release of the other key", two.release(other, elsewhere).await)
    }

    async fn an_older_token_is_refused(&self) -> Result<(), Violation> {
        let Self { one, two, key, .. } = self;
        let old = acquired(one, key, "one", LONG).await?;
        done("the release", one.release(key, old).await)?;
        let new = acquired(two, key, "two", LONG).await?;
        holds("the token of a later lease", new > old, "a greater one", (old, new))?;
        is_lost("a save with the older token", one.save_leased(key, &state(3, ""), old).await)?;
        renewed(one, key, old, false).await?;
        done("a release with the older token", one.release(key, old).await)?;
        is_leased("the lease after it", one.acquire(key, "one", LONG).await, "two")?;
        done("a save with the newer token", two.save_leased(key, &state(3, ""), new).await)?;
        done("the release", two.release(key, new).await)
    }

    /// A lease that is not renewed ends. Until somebody takes the next one, its holder may still save.
    async fn it_ends(&self) -> Result<(), Violation> {
        let Self { one, two, key, .. } = self;
        let first = acquired(one, key, "one", SHORT).await?;
        time::pause(PAUSE).await;
        done("a save after the end", one.save_leased(key, &state(4, ""), first).await)?;
        let second = acquired(two, key, "two", SHORT).await?;
        is_lost("a save after the next lease", one.save_leased(key, &state(5, ""), first).await)?;
        done("a save by the next holder", two.save_leased(key, &state(5, ""), second).await)?;
        let third = acquired(one, key, "one", SHORT).await?;
        renewed(one, key, third, true).await?;
        done("a save after the renewal", one.save_leased(key, &state(6, ""), third).await)
    }

    async fn one_of_many_gets_it(&self, key: &str) -> Result<(), Violation> {
        let names: Vec<String> = (0..10).map(|number| number.to_string()).collect();
        let some = join_all(names.iter().map(|name| self.one.acquire(key, name, LONG)));
        let others = join_all(names.iter().map(|name| self.two.acquire(key, name, LONG)));
        let (some, others) = futures::join!(some, others);
        let got = some.into_iter().chain(others).flatten().count();
        holds("twenty who want one lease at the same time", got == 1, "one of them to get it", got)
    }
}

/// Takes a lease, as soon as the one before has ended.
async fn acquired(store: &impl LeaseStore, key: &str, holder: &str, ttl: Duration) -> Result<Fence, Violation> {
    for _ in 0..TRIES {
        match store.acquire(key, holder, ttl).await {
            Ok(fence) => return Ok(fence),
            Err(CheckpointError::Leased { ends_in, .. }) if ends_in <= SHORT => time::pause(PAUSE).await,
            Err(error) => return Err(Violation::failed(format!("the lease for {holder:?}"), error)),
        }
    }
    Err(Violation::new(format!("the lease for {holder:?}"), "it is free after its time to live", "it is not"))
}

async fn renewed(store: &impl LeaseStore, key: &str, fence: Fence, expected: bool) -> Result<(), Violation> {
    let renewed = store.renew(key, fence, LONG).await;
    holds(
        format!("the renewal of {fence}"),
        matches!(renewed, Ok(done) if done == expected),
        if expected { "Ok(true)" } else { "Ok(false)" },
        renewed,
    )
}

async fn save(store: &impl LeaseStore, key: &str, revision: u64) -> Result<(), CheckpointError> {
    store.save(key, &state(revision, "")).await.map_err(CheckpointError::from_store)
}

fn done(what: impl Display, result: Result<(), CheckpointError>) -> Result<(), Violation> {
    result.map_err(|error| Violation::failed(what, error))
}

fn is_leased<T: Debug>(what: &str, result: Result<T, CheckpointError>, by: &str) -> Result<(), Violation> {
    let leased =
        matches!(&result, Err(CheckpointError::Leased { holder, ends_in }) if holder == by && *ends_in <= LONG);
    holds(what, leased, &format!("CheckpointError::Leased, by {by:?}"), result)
}

fn is_lost(what: &str, result: Result<(), CheckpointError>) -> Result<(), Violation> {
    holds(what, matches!(result, Err(CheckpointError::LeaseLost)), "CheckpointError::LeaseLost", result)
}
