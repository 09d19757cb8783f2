//! A sync before its run: options, then `.await`.

use std::fmt;
use std::future::IntoFuture;
use std::marker::PhantomData;

use futures::future::BoxFuture;
use serde::de::DeserializeOwned;

use super::run::SyncRun;
use super::strategy::Strategy;
use crate::checkpoint::Checkpoint;
use crate::checkpoint::SyncState;
use crate::client::Client;
use crate::error::CheckpointError;
use crate::error::{Error, Result};
use crate::listing::Fingerprint;
use crate::listing::Manner;

/// The options of a way to walk, before the state is known.
pub(crate) trait Plan: Send + 'static {
    /// The name in states and reports. Never changes.
    const STRATEGY: &'static str;

    /// What the state is bound to.
    fn fingerprint(&self) -> Fingerprint;

    /// Checks the options and freezes the window: from the run in progress, else from the watermark, else a first run.
    fn begin(self, client: &Client, state: &SyncState) -> Result<Box<dyn Strategy>, Refused>;
}

/// Why a plan cannot begin.
pub(crate) enum Refused {
    /// An option.
    Option(Error),
    /// The stored state.
    State(CheckpointError),
}

impl Refused {
    fn under(self, key: &str) -> Error {
        match self {
            Self::Option(error) => error,
            Self::State(source) => Error::Checkpoint { key: key.to_owned(), source },
        }
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Option(error)
    }
}

/// Reads a strategy's own part of the state.
pub(crate) fn resume<P: DeserializeOwned>(plan: &serde_json::Value) -> Result<P, Refused> {
    P::deserialize(plan).map_err(|error| Refused::State(CheckpointError::Corrupt { reason: error.to_string() }))
}

/// A sync that is about to start: set options, then `.await` it for a [`SyncRun`].
#[must_use = "nothing happens before it is awaited"]
pub struct SyncRequest<'s, O, T, C> {
    pub(crate) client: Client,
    pub(crate) options: O,
    key: String,
    store: C,
    manner: Manner,
    item: PhantomData<fn() -> T>,
    store_lifetime: PhantomData<&'s ()>,
}

impl<'s, O, T, C> SyncRequest<'s, O, T, C> {
    pub(crate) fn new(client: Client, options: O, key: String, store: C) -> Self {
        let manner = Manner { strict: false, look_ahead: true };
        Self { client, options, key, store, manner, item: PhantomData, store_lifetime: PhantomData }
    }

    /// Decodes the records to a type of your own.
    pub fn items_as<U>(self) -> SyncRequest<'s, O, U, C> {
        let Self { client, options, key, store, manner, .. } = self;
        SyncRequest { client, options, key, store, manner, item: PhantomData, store_lifetime: PhantomData }
    }

    /// Turns a record that does not fit the model into an error, instead of an entry in [`crate::Page::rejected`].
    pub fn strict(mut self) -> Self {
        self.manner.strict = true;
        self
    }

    /// Whether the next page is fetched while the caller works on this one; default yes, except where rows are billed. Still
    /// one request at a time; at the most one page more is held, and it is not committed before its turn.
    pub fn look_ahead(mut self, ahead: bool) -> Self {
        self.manner.look_ahead = ahead;
        self
    }
}

impl<'s, O, T, C> IntoFuture for SyncRequest<'s, O, T, C>
where
    O: Plan,
    T: DeserializeOwned + Send + 'static,
    C: Checkpoint + 's,
{
    type Output = Result<SyncRun<T, C>>;
    type IntoFuture = BoxFuture<'s, Self::Output>;

    /// Loads the state and freezes the window. Sends nothing.
    fn into_future(self) -> Self::IntoFuture {
        let Self { client, options, key, store, manner, .. } = self;
        Box::pin(async move {
            let query = options.fingerprint().on(&client.origin());
            let state = load::<O, C>(query, &key, &store).await?;
            let strategy = options.begin(&client, &state).map_err(|refused| refused.under(&key))?;
            Ok(SyncRun::new(client, key, store, state, strategy, manner))
        })
    }
}

/// The stored state, or a first one, when it belongs to this sync.
async fn load<O: Plan, C: Checkpoint>(query: Fingerprint, key: &str, store: &C) -> Result<SyncState> {
    let refused = |source| Error::Checkpoint { key: key.to_owned(), source };
    if key.is_empty() {
        return Err(Error::invalid("checkpoint key", "", "a text that is not empty"));
    }
    let loaded = store.load(key).await.map_err(|error| refused(CheckpointError::from_store(error)))?;
    let state = loaded.unwrap_or_else(|| SyncState::new(query, O::STRATEGY));
    if state.strategy != O::STRATEGY {
        let (stored, wanted) = (state.strategy, O::STRATEGY);
        return Err(refused(CheckpointError::OtherStrategy { stored, wanted: wanted.to_owned() }));
    }
    if state.query != query {
        return Err(refused(CheckpointError::OtherQuery));
    }
    Ok(state)
}

/// The state that a run would start from.
pub(crate) async fn state_of<O: Plan + Sync, T, C: Checkpoint>(
    request: &SyncRequest<'_, O, T, C>,
) -> Result<SyncState> {
    let query = request.options.fingerprint().on(&request.client.origin());
    load::<O, C>(query, &request.key, &request.store).await
}

impl<O, T, C> SyncRequest<'_, O, T, C> {
    /// A refusal as the caller sees it.
    pub(crate) fn refusal(&self, refused: Refused) -> Error {
        refused.under(&self.key)
    }
}

impl<O, T, C> fmt::Debug for SyncRequest<'_, O, T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SyncRequest").field("key", &self.key).finish_non_exhaustive()
    }
}
