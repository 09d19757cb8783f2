//! The request for a sync: set options, then `.await` it for a run.

use std::fmt;
use std::future::IntoFuture;
use std::marker::PhantomData;

use futures::TryFutureExt;
use futures::future::BoxFuture;
use jiff::Timestamp;
use serde::de::DeserializeOwned;

use super::partition_runs::PartitionRuns;
use super::report::Outcome;
use super::run::SyncRun;
use super::strategy::Strategy;
use crate::checkpoint::{Checkpoint, CheckpointError, Mark, MarkValue, SyncState};
use crate::client::Client;
use crate::error::{Error, Result};
use crate::listing::{Fingerprint, ListRequest, OnRejected};

/// The options of a kind of sync, before the state is loaded.
pub(crate) trait SyncOptions: Send + Sync + 'static {
    /// The name in states and reports. It never changes.
    const STRATEGY: &'static str;

    /// The identity of the query. The state is bound to it.
    fn fingerprint(&self) -> Fingerprint;

    /// Checks the options and freezes the window: of the run in progress, or from the watermark, or for a first run.
    fn begin(self, start: &RunStart<'_>) -> Result<Box<dyn Strategy>>;
}

/// The client and the state, when a run begins.
pub(crate) struct RunStart<'a> {
    pub(crate) client: &'a Client,
    state: &'a SyncState,
    key: &'a str,
}

impl RunStart<'_> {
    /// The current time of the client's clock.
    pub(crate) fn now(&self) -> Timestamp {
        self.client.clock().now()
    }

    /// The watermark of the state.
    pub(crate) fn watermark(&self) -> Option<Mark> {
        self.state.watermark()
    }

    /// When the run in progress was first started; the current time when there is none.
    pub(crate) fn started(&self) -> Timestamp {
        self.state.run().map_or_else(|| self.now(), |run| run.started)
    }

    /// The position of the run in progress, as [`Strategy::position`] wrote it.
    pub(crate) fn position<P: DeserializeOwned>(&self) -> Result<Option<P>> {
        let position = self.state.run().map(|run| P::deserialize(&run.position)).transpose();
        position.map_err(|error| self.corrupt(error.to_string()))
    }

    /// A mark of the state as a value; an error when it is of another kind.
    pub(crate) fn mark<M: MarkValue>(&self, mark: Option<&Mark>) -> Result<Option<M>> {
        let value = |mark| M::from_mark(mark).ok_or_else(|| self.corrupt("its mark is of another kind".to_owned()));
        mark.map(value).transpose()
    }

    fn corrupt(&self, reason: String) -> Error {
        Error::Checkpoint { key: self.key.to_owned(), source: CheckpointError::Corrupt { reason } }
    }
}

/// A sync before its start. The syncs of the providers, such as [`SyncById`](crate::jobdataapi::SyncById), wrap it.
pub(crate) struct SyncRequest<'s, O, T, C> {
    pub(crate) client: Client,
    pub(crate) options: O,
    key: String,
    store: C,
    on_rejected: OnRejected,
    prefetch: bool,
    /// The error that `.await` returns, when the sync cannot start.
    start_error: Option<Error>,
    item: PhantomData<fn(&'s ()) -> T>,
}

impl<'s, O, T, C> SyncRequest<'s, O, T, C> {
    pub(crate) fn new(client: Client, options: O, key: impl Into<String>, store: C) -> Self {
        let (key, item) = (key.into(), PhantomData);
        Self {
            client,
            options,
            key,
            store,
            on_rejected: OnRejected::default(),
            prefetch: true,
            start_error: None,
            item,
        }
    }

    /// A sync of a listing: it handles rejected records as the listing does, and refuses a cursor.
    pub(crate) fn of<E>(list: ListRequest<E>, key: impl Into<String>, store: C, options: impl FnOnce(E) -> O) -> Self {
        let cursor = || Error::invalid("cursor", "(set)", "no `resume_from`, because a sync has its own position");
        let start_error = list.cursor.map(|_| cursor());
        Self {
            on_rejected: list.on_rejected,
            start_error,
            ..Self::new(list.client, options(list.endpoint), key, store)
        }
    }

    pub(crate) fn items_as<U>(self) -> SyncRequest<'s, O, U, C> {
        let Self { client, options, key, store, on_rejected, prefetch, start_error, .. } = self;
        SyncRequest { client, options, key, store, on_rejected, prefetch, start_error, item: PhantomData }
    }

    pub(crate) fn strict(mut self) -> Self {
        self.on_rejected = OnRejected::Fail;
        self
    }

    pub(crate) fn accept_all_rejected(mut self) -> Self {
        self.on_rejected = OnRejected::KeepAll;
        self
    }

    pub(crate) fn prefetch(mut self, prefetch: bool) -> Self {
        self.prefetch = prefetch;
        self
    }
}

impl<O: SyncOptions, T, C: Checkpoint> SyncRequest<'_, O, T, C> {
    /// The stored state, or a new one when none is stored. A state of another sync is an error.
    pub(crate) async fn load(&self) -> Result<SyncState> {
        if self.key.is_empty() {
            return Err(Error::invalid("checkpoint key", "", "a text that is not empty"));
        }
        let refused = |source| Error::Checkpoint { key: self.key.clone(), source };
        let query = self.options.fingerprint().below(self.client.base_url().path()).on(&self.client.origin());
        let loaded = self.store.load(&self.key).await;
        let loaded = loaded.map_err(|error| refused(CheckpointError::from_store(error)))?;
        let state = loaded.unwrap_or_else(|| SyncState::new(query, O::STRATEGY));
        if state.strategy != O::STRATEGY {
            let (stored, wanted) = (state.strategy, O::STRATEGY.to_owned());
            return Err(refused(CheckpointError::OtherStrategy { stored, wanted }));
        }
        if state.query != query {
            return Err(refused(CheckpointError::OtherQuery));
        }
        Ok(state)
    }

    /// The [`RunStart`] of a run with this state.
    pub(crate) fn start<'a>(&'a self, state: &'a SyncState) -> RunStart<'a> {
        RunStart { client: &self.client, state, key: &self.key }
    }
}

impl<'s, O, T, C> IntoFuture for SyncRequest<'s, O, T, C>
where
    O: SyncOptions,
    T: DeserializeOwned + Send + 'static,
    C: Checkpoint + 's,
{
    type Output = Result<SyncRun<T, C>>;
    type IntoFuture = BoxFuture<'s, Self::Output>;

    /// Loads the state and freezes the window. Sends nothing.
    fn into_future(mut self) -> Self::IntoFuture {
        let key = self.key.clone();
        let begin = async move {
            if let Some(error) = self.start_error.take() {
                return Err(error);
            }
            let state = self.load().await?;
            let Self { client, options, key, store, on_rejected, prefetch, .. } = self;
            let strategy = options.begin(&RunStart { client: &client, state: &state, key: &key })?;
            Ok(SyncRun::new(client, key, store, state, strategy, on_rejected, prefetch))
        };
        Box::pin(begin.inspect_err(move |error| {
            if let Some(partition) = PartitionRuns::current() {
                partition.tell(&key, Outcome::Failed, Some(error.into()));
            }
        }))
    }
}

impl<O, T, C> fmt::Debug for SyncRequest<'_, O, T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SyncRequest").field("key", &self.key).finish_non_exhaustive()
    }
}

/// Declares the request type of one sync, with the listing as a type parameter where it has one: it wraps a [`SyncRequest`] and has the methods that all syncs
/// have. The sync adds methods for its options.
macro_rules! sync_request {
    ($($(#[$doc:meta])* $name:ident $(<$e:ident: $bound:path>)? = $options:ty;)+) => {$(
        $(#[$doc])*
        ///
        /// Set options, then `.await` it for a [`SyncRun`](crate::SyncRun).
        #[must_use = "nothing happens before it is awaited"]
        pub struct $name<'s, $($e: $bound,)? T, C> {
            sync: $crate::sync::SyncRequest<'s, $options, T, C>,
        }

        /// The methods of all syncs.
        impl<'s, $($e: $bound,)? T, C> $name<'s, $($e,)? T, C> {
            /// Decodes the records to your own type.
            pub fn items_as<U>(self) -> $name<'s, $($e,)? U, C> {
                $name { sync: self.sync.items_as() }
            }

            /// A record that does not fit the record type becomes an error, instead of an entry in
            /// [`Page::rejected`](crate::Page::rejected).
            pub fn strict(mut self) -> Self {
                self.sync = self.sync.strict();
                self
            }

            /// Continues over pages on which no record fits the record type: all of them are in
            /// [`Page::rejected`](crate::Page::rejected), and after the commit they do not come again. The default is
            /// [`Error::AllRejected`](crate::Error::AllRejected), and the sync waits at that page.
            pub fn accept_all_rejected(mut self) -> Self {
                self.sync = self.sync.accept_all_rejected();
                self
            }

            /// Whether the next page is fetched while the caller works on this one. Default yes, except where records
            /// are billed. There is still one request at a time. At most one more page is in memory, not committed.
            pub fn prefetch(mut self, prefetch: bool) -> Self {
                self.sync = self.sync.prefetch(prefetch);
                self
            }
        }

        impl<'s, $($e: $bound,)? T, C> ::std::future::IntoFuture for $name<'s, $($e,)? T, C>
        where
            T: ::serde::de::DeserializeOwned + Send + 'static,
            C: $crate::checkpoint::Checkpoint + 's,
        {
            type Output = $crate::error::Result<$crate::sync::SyncRun<T, C>>;
            type IntoFuture = ::futures::future::BoxFuture<'s, Self::Output>;

            /// Loads the state and freezes the window. Sends nothing.
            fn into_future(self) -> Self::IntoFuture {
                self.sync.into_future()
            }
        }

        impl<$($e: $bound,)? T, C> ::std::fmt::Debug for $name<'_, $($e,)? T, C> {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.debug_tuple(stringify!($name)).field(&self.sync).finish()
            }
        }
    )+};
}
pub(crate) use sync_request;
