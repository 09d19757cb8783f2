//! The sync of any listing that the server can filter by a lower bound.

use std::time::Duration;

use jiff::Timestamp;

use super::incremental::{Coverage, Incremental};
use super::incremental_walk::IncrementalWalk;
use super::request::{RunStart, SyncOptions, SyncRequest, sync_request};
use super::strategy::Strategy;
use crate::checkpoint::{Checkpoint, MarkValue};
use crate::client::setters;
use crate::error::{Error, Result};
use crate::listing::{Fingerprint, ListRequest, Listing};

/// The options of a sync over an [`Incremental`] listing.
pub(crate) struct SinceOptions<E: Incremental> {
    pub(crate) endpoint: E,
    /// Where the first run begins.
    pub(crate) since: Option<E::Mark>,
    /// How far before the watermark each later run begins.
    pub(crate) overlap: Option<<E::Mark as MarkValue>::Overlap>,
    /// How far before its start a run leaves the watermark.
    pub(crate) lag: Duration,
}

impl<E: Incremental> SinceOptions<E> {
    pub(crate) fn new(endpoint: E) -> Self {
        Self { endpoint, since: None, overlap: None, lag: Duration::ZERO }
    }
}

impl<E: Incremental> SyncOptions for SinceOptions<E> {
    const STRATEGY: &'static str = E::STRATEGY;

    fn fingerprint(&self) -> Fingerprint {
        self.endpoint.fingerprint()
    }

    fn begin(self, start: &RunStart<'_>) -> Result<Box<dyn Strategy>> {
        self.endpoint.validate_sync()?;
        let covers = self.endpoint.covers();
        if covers == Coverage::StartOfRun && E::Mark::of_instant(start.now()).is_none() {
            return Err(Error::invalid("covers", "StartOfRun", "marks that are instants or days"));
        }
        if covers == Coverage::Envelope && !self.lag.is_zero() {
            return Err(Error::invalid("lag", format!("{:?}", self.lag), "none, because the server makes the mark"));
        }
        let since = match (start.mark::<E::Mark>(start.watermark().as_ref())?, &self.overlap) {
            (Some(covered), Some(overlap)) => Some(covered.before(overlap)),
            (covered, _) => covered.or(self.since),
        };
        Ok(Box::new(IncrementalWalk::begin(self.endpoint, start, since, self.lag)?))
    }
}

sync_request! {
    /// The sync of a listing from its watermark on, from [`ListRequest::sync_since`].
    SyncIncremental<E: Incremental> = SinceOptions<E>;
}

setters! { [E: Incremental, T, C] SyncIncremental<'_, E, T, C> {
    /// How far before the watermark each later run begins, in ids, days or time. Default 0: only records at the watermark
    /// come again. For records that become visible after records with greater marks.
    overlap(overlap: <E::Mark as MarkValue>::Overlap) => sync.options.overlap = Some(overlap);
    /// Where the first run begins. Default: the whole list, with the records that have no mark. Later runs start at the
    /// watermark and ignore it.
    since(mark: E::Mark) => sync.options.since = Some(mark);
} }

setters! { [E: Incremental<Mark = Timestamp>, T, C] SyncIncremental<'_, E, T, C> {
    /// How far before its start a run leaves the watermark at least. Default 0. For servers on which a change becomes
    /// visible later than its time says. Not with [`Coverage::Envelope`].
    lag(lag: Duration) => sync.options.lag = lag;
} }

impl<E: Listing + Incremental> ListRequest<E> {
    /// Syncs the listing: the first run reads all of it, each later run from the watermark on. The records at the watermark
    /// arrive again: upsert them by id. Records that only tell of a removal are in [`Batch::removals`](crate::Batch::removals).
    ///
    /// Each run reads its list to the end and only then moves the watermark, as [`Incremental::covers`] says. A run that was
    /// interrupted continues at its page with its frozen lower bound. When the server refuses that position,
    /// or records are missing at the end, the list is walked once more; when they are missing again, the run
    /// ends with [`Error::Incomplete`] and the watermark stays.
    ///
    /// [`Report::details`](crate::Report::details): `without_mark`, the records without a mark, where the watermark depends on
    /// marks (a later run brings them only if the server does); `removals`; `bound_refused`, whether the server refused the
    /// lower bound, so that the whole list was read.
    ///
    /// # Errors
    /// When it is awaited: [`Error::Invalid`] for parameters and options that are refused, [`Error::Checkpoint`] for a
    /// stored state that does not belong to this sync.
    pub fn sync_since<'s, C: Checkpoint + 's>(
        self,
        key: impl Into<String>,
        store: C,
    ) -> SyncIncremental<'s, E, E::Item, C> {
        SyncIncremental { sync: SyncRequest::of(self, key, store, SinceOptions::new) }
    }
}
