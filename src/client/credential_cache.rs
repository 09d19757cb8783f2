//! The credentials that a client uses now, and when its source is asked for new ones.
//!
//! A source is asked by one task at a time, which does not end when the call that started it is dropped: a token that the server
//! has replaced is never lost with a caller. All calls that need new credentials wait for that task and share its result.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use secrecy::SecretString;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::clock::{monotonic, sleep_until};
use super::credentials::{Credentials, Issued};
use super::redact::Scrubber;
use super::retry::RetryPolicy;
use crate::error::{BoxError, CredentialsError, Error, Result};

/// The part of their lifetime after which credentials are asked for again. The rest is for the time that the source and a request
/// need; being a share, it fits tokens that live 3 s (120 ms) as well as those that live an hour (2.4 minutes). It is
/// small, because each token that is replaced early is one more request. Nothing is lost when it is too short: a request that
/// comes too late is refused with status 401, and is sent again with new credentials.
const USED_SHARE: f64 = 0.96;

/// A source of credentials, ready to be asked.
pub(crate) trait Issue: Send + Sync {
    fn issue(&self) -> BoxFuture<'_, Result<Issued, BoxError>>;
    /// Secrets of the source that are not credentials.
    fn secrets(&self) -> Vec<SecretString>;
}

/// Where a client has its credentials from.
#[derive(Clone)]
pub(crate) enum Given {
    Fixed(Credentials),
    Source(Arc<dyn Issue>),
}

impl fmt::Debug for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(credentials) => fmt::Debug::fmt(credentials, f),
            Self::Source(_) => f.write_str("CredentialSource"),
        }
    }
}

/// Credentials in use.
pub(super) struct Held {
    pub(super) credentials: Credentials,
    /// The number of these credentials in this client.
    pub(super) revision: u64,
    /// From when on the source is asked for new ones while these are used. `None`: not before they are refused.
    refresh_at: Option<Instant>,
    expires_at: Option<Instant>,
}

/// A failure of the source, which counts for all calls until a time.
#[derive(Clone)]
pub(super) struct Failed {
    pub(super) source: CredentialsError,
    pub(super) until: Instant,
    /// Whether the server of the source asked for the wait.
    pub(super) requested: bool,
}

#[derive(Default)]
struct State {
    held: Option<Arc<Held>>,
    /// Whether the server refused the credentials in use.
    refused: bool,
    revision: u64,
    /// The task that asks the source; its sender is dropped when it ends.
    asking: Option<watch::Receiver<()>>,
    /// How often the source was asked, with any result.
    asked: u64,
    /// The result of the last time, when it was a failure.
    failed: Option<Failed>,
    failures_in_a_row: u32,
}

/// What a call does next.
enum Next {
    Use(Arc<Held>),
    Fail(Failed),
    /// Waits until the task that asks the source has ended, which was asked so many times before.
    Wait(watch::Receiver<()>, u64),
    /// Waits until the source may be asked again.
    Sleep(Instant),
}

/// The credentials of one client and its clones.
pub(crate) struct CredentialCache {
    source: Option<Arc<dyn Issue>>,
    scrubber: Scrubber,
    retry: RetryPolicy,
    /// How long the source may take.
    limit: Duration,
    state: Mutex<State>,
}

impl CredentialCache {
    pub(super) fn new(given: Given, scrubber: Scrubber, retry: RetryPolicy, limit: Duration) -> Self {
        let (source, credentials) = match given {
            Given::Fixed(credentials) => (None, Some(credentials)),
            Given::Source(source) => (Some(source), None),
        };
        let cache = Self { source, scrubber, retry, limit, state: Mutex::default() };
        if let Some(credentials) = credentials {
            cache.hold(&mut cache.lock(), Issued::new(credentials), monotonic());
        }
        cache
    }

    /// The credentials for a request that is sent now. Asks the source when there are none that are valid. `again`: whether the
    /// call was told of a failure before, so that it waits until the source may be asked again.
    pub(super) async fn current(self: &Arc<Self>, mut again: bool) -> Result<Arc<Held>, Failed> {
        let mut waited_since = None;
        loop {
            let (next, task) = self.next(waited_since, again);
            if let Some(task) = task {
                tokio::spawn(task.run());
            }
            match next {
                Next::Use(held) => return Ok(held),
                Next::Fail(failed) => return Err(failed),
                Next::Wait(mut asking, asked) => {
                    // An error means that the task has ended, which is what is waited for.
                    while asking.changed().await.is_ok() {}
                    waited_since = Some(asked);
                }
                Next::Sleep(until) => {
                    sleep_until(until).await;
                    again = false;
                }
            }
        }
    }

    /// What a call does next, and the task to start.
    fn next(self: &Arc<Self>, waited_since: Option<u64>, again: bool) -> (Next, Option<Asking>) {
        let mut state = self.lock();
        let now = monotonic();
        // The result of the task that this call waited for counts, however short the new credentials are valid.
        let waited = waited_since.is_some_and(|asked| state.asked > asked);
        if waited && let Some(failed) = &state.failed {
            return (Next::Fail(failed.clone()), None);
        }
        let valid = |held: &&Arc<Held>| waited || !state.refused && held.expires_at.is_none_or(|at| at > now);
        let held = state.held.as_ref().filter(valid).cloned();
        let due = held.as_ref().is_none_or(|held| held.refresh_at.is_some_and(|at| at <= now));
        let failed = state.failed.clone().filter(|failed| failed.until > now);
        let mut task = None;
        if due && !waited && state.asking.is_none() && failed.is_none() {
            let (done, asking) = watch::channel(());
            state.asking = Some(asking);
            task = Some(Asking { cache: self.clone(), asked_at: now, result: None, _done: done });
        }
        let next = match (held, &state.asking, failed) {
            (Some(held), ..) => Next::Use(held),
            (None, Some(asking), _) => Next::Wait(asking.clone(), state.asked),
            (None, None, Some(failed)) if again => Next::Sleep(failed.until),
            (None, None, Some(failed)) => Next::Fail(failed),
            (None, None, None) => Next::Sleep(now),
        };
        (next, task)
    }

    /// Called when the server refused credentials with status 401. Returns whether to send the request again: the credentials have
    /// changed since it was sent, or the source is asked for new ones.
    pub(super) fn refused(&self, revision: u64) -> bool {
        let mut state = self.lock();
        if state.held.as_ref().is_none_or(|held| held.revision == revision) {
            state.refused = self.source.is_some();
            return state.refused;
        }
        true
    }

    /// Replaces the credentials. Returns whether they are other ones.
    ///
    /// # Errors
    /// [`Error::Invalid`] when a source gives them.
    pub(super) fn replace(&self, credentials: Credentials) -> Result<bool> {
        if self.source.is_some() {
            let rule = "a client without a credential source, which replaces them itself";
            return Err(Error::invalid("credentials", "(hidden)", rule));
        }
        let mut state = self.lock();
        if state.held.as_ref().is_some_and(|held| held.credentials.are_same(&credentials)) {
            return Ok(false);
        }
        self.hold(&mut state, Issued::new(credentials), monotonic());
        Ok(true)
    }

    /// Uses these credentials from now on.
    fn hold(&self, state: &mut State, issued: Issued, asked_at: Instant) {
        // Before the first request that sends them.
        self.scrubber.add(&issued.credentials);
        let after = |part: Option<Duration>| asked_at.checked_add(part?);
        let refresh_at = after(issued.valid_for.map(|lifetime| lifetime.mul_f64(USED_SHARE)));
        let expires_at = after(issued.valid_for);
        state.revision += 1;
        let (credentials, revision) = (issued.credentials, state.revision);
        state.held = Some(Arc::new(Held { credentials, revision, refresh_at, expires_at }));
        state.refused = false;
    }

    /// Takes the result of a task in.
    fn asked(&self, result: Result<Issued, BoxError>, asked_at: Instant) {
        let mut state = self.lock();
        state.asking = None;
        state.asked += 1;
        match result {
            Ok(issued) => {
                tracing::debug!(valid_for = ?issued.valid_for, "new credentials");
                self.hold(&mut state, issued, asked_at);
                (state.failed, state.failures_in_a_row) = (None, 0);
            }
            Err(error) => {
                let source = CredentialsError::new(self.without_secrets(error));
                state.failures_in_a_row += 1;
                let requested = source.downcast_ref().and_then(Error::retry_after);
                // At least a half of the base: a caller in a loop asks no more often than that.
                let back_off = || self.retry.jittered(state.failures_in_a_row).max(self.retry.base / 2);
                let now = monotonic();
                let until = now.checked_add(requested.unwrap_or_else(back_off)).unwrap_or(now);
                tracing::warn!(error = %source, wait = ?until.duration_since(now), "the credential source failed");
                state.failed = Some(Failed { source, until, requested: requested.is_some() });
            }
        }
    }

    /// The error as it is, unless a text of it holds a secret: then its message without the secret.
    fn without_secrets(&self, error: BoxError) -> BoxError {
        let mut texts = vec![error.to_string(), format!("{error:?}")];
        let mut source = error.source();
        while let Some(error) = source {
            texts.push(error.to_string());
            source = error.source();
        }
        let clean = texts.iter().all(|text| self.scrubber.without_secrets(text) == *text);
        if clean { error } else { self.scrubber.without_secrets(&error.to_string()).into() }
    }

    /// Whether the credentials come from a source, so that a call may have to wait for them.
    pub(super) fn has_source(&self) -> bool {
        self.source.is_some()
    }

    /// Whether calls are anonymous.
    pub(super) fn is_none(&self) -> bool {
        self.source.is_none() && self.lock().held.as_ref().is_none_or(|held| held.credentials.is_none())
    }

    /// A link without the query parameters of the credentials in use; `None` when it has none of them.
    pub(super) fn removed_from(&self, link: &str) -> Option<String> {
        let held = self.lock().held.clone()?;
        held.credentials.removed_from(link)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic while the lock was held cannot make the state invalid.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for CredentialCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.source, &self.lock().held) {
            (None, Some(held)) => fmt::Debug::fmt(&held.credentials, f),
            _ => f.write_str("CredentialSource"),
        }
    }
}

/// The task that asks the source. Its end is also noticed when it panics or when its runtime stops.
struct Asking {
    cache: Arc<CredentialCache>,
    asked_at: Instant,
    result: Option<Result<Issued, BoxError>>,
    /// Dropped after `result` was taken in, which ends the waits.
    _done: watch::Sender<()>,
}

impl Asking {
    async fn run(mut self) {
        let Some(source) = self.cache.source.clone() else { return };
        self.cache.scrubber.add_secrets(&source.secrets());
        let limit = self.cache.limit;
        let deadline = self.asked_at.checked_add(limit).unwrap_or(self.asked_at + Duration::from_secs(1 << 30));
        let answer = timeout_at(deadline, source.issue()).await;
        self.cache.scrubber.add_secrets(&source.secrets());
        self.result = Some(answer.unwrap_or_else(|_| Err(format!("it gave no answer within {limit:?}").into())));
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        let result = self.result.take().unwrap_or_else(|| Err("it stopped without an answer".into()));
        self.cache.asked(result, self.asked_at);
    }
}
