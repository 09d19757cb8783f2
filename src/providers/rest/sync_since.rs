//! The sync of a described listing: the sync of any incremental listing, with the type of marks that its watermark has.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;

use super::endpoint::ListEndpoint;
use super::watermark::{MarkAt, Watermark};
use crate::checkpoint::{Mark, MarkValue};
use crate::client::setters;
use crate::error::{Error, Result};
use crate::listing::{Endpoint, Fingerprint};
use crate::sync::{Incremental, RunStart, SinceOptions, Strategy, SyncOptions, SyncRequest, sync_request};

/// The options of a sync by the watermark of a description.
pub(super) struct WatermarkOptions {
    endpoint: ListEndpoint,
    since: Option<Mark>,
}

impl WatermarkOptions {
    pub(super) fn new(endpoint: ListEndpoint) -> Self {
        Self { endpoint, since: None }
    }

    /// Begins the sync with marks of type `M`.
    fn begin_as<M: MarkValue>(
        self,
        start: &RunStart<'_>,
        overlap: Option<M::Overlap>,
        lag: Duration,
    ) -> Result<Box<dyn Strategy>> {
        let other = |mark: &Mark| Error::invalid("since", format!("{mark:?}"), "a mark of the watermark's kind");
        let since = self.since.map(|mark| M::from_mark(&mark).ok_or_else(|| other(&mark))).transpose()?;
        let endpoint = self.endpoint.marked::<M>();
        SinceOptions { endpoint, since, overlap, lag }.begin(start)
    }
}

impl SyncOptions for WatermarkOptions {
    const STRATEGY: &'static str = <ListEndpoint<u64> as Incremental>::STRATEGY;

    fn fingerprint(&self) -> Fingerprint {
        self.endpoint.fingerprint()
    }

    fn begin(self, start: &RunStart<'_>) -> Result<Box<dyn Strategy>> {
        self.endpoint.validate()?;
        let Some(Watermark { mark, overlap, lag, .. }) = self.endpoint.list.watermark.clone() else {
            return Err(Error::invalid("watermark", "(none)", "a watermark, which a sync needs"));
        };
        let lag = lag.unwrap_or_default();
        match mark {
            MarkAt::Id(_) => self.begin_as::<u64>(start, overlap, lag),
            MarkAt::Day(_) => self.begin_as::<Date>(start, overlap.and_then(|days| u32::try_from(days).ok()), lag),
            MarkAt::Instant(_) | MarkAt::UnixSeconds(_) | MarkAt::UnixMilliseconds(_) => {
                self.begin_as::<Timestamp>(start, overlap.map(Duration::from_secs), lag)
            }
            MarkAt::Text(_) | MarkAt::DeltaToken(_) => self.begin_as::<String>(start, None, lag),
        }
    }
}

sync_request! {
    /// The sync of a described listing, from [`RecordsRequest::sync_since`](super::RecordsRequest::sync_since).
    SyncRecords = WatermarkOptions;
}

impl<'s, T, C> SyncRecords<'s, T, C> {
    pub(super) fn of(sync: SyncRequest<'s, WatermarkOptions, T, C>) -> Self {
        Self { sync }
    }
}

setters! { [T, C] SyncRecords<'_, T, C> {
    /// Where the first run begins: a mark of the watermark's kind. Default: the whole list, with the records that have no mark.
    /// Later runs start at the watermark and ignore it.
    since(mark: Mark) => sync.options.since = Some(mark);
} }
