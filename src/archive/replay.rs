//! Reads the pages of an archive again.

use std::fmt;
use std::marker::PhantomData;

use async_stream::try_stream;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use jiff::Timestamp;
use serde::de::DeserializeOwned;

use super::bodies::unpack;
use super::entry::{Entry, corrupt};
use super::manifest::entries;
use super::objects::Archive;
use crate::client::setters;
use crate::error::{ArchiveError, Result};
use crate::json::Decoded;
use crate::listing::{Page, decode};

/// Which pages of an archive to read again, from [`Archive::replay`].
#[must_use = "nothing is read before `pages` or `entries`"]
pub struct Replay<T> {
    archive: Archive,
    key: Option<String>,
    endpoint: Option<String>,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    item: PhantomData<fn() -> T>,
}

impl Archive {
    /// Reads pages again, with their records decoded as `T`, which may be another type than when they were received. All pages, unless
    /// the methods of [`Replay`] say which.
    pub fn replay<T>(&self) -> Replay<T> {
        let (archive, item) = (self.clone(), PhantomData);
        Replay { archive, key: None, endpoint: None, since: None, until: None, item }
    }
}

setters! { [T] Replay<T> {
    /// Only the pages under this checkpoint key, or of the listing that was kept under this name.
    key(key: impl Into<String>) => key = Some(key.into());
    /// Only the pages of this endpoint, such as `jobdataapi/jobs`.
    endpoint(name: impl Into<String>) => endpoint = Some(name.into());
    /// Only the pages that were received at this instant or later.
    since(from: Timestamp) => since = Some(from);
    /// Only the pages that were received before this instant.
    until(end: Timestamp) => until = Some(end);
} }

impl<T> Replay<T> {
    fn has(&self, entry: &Entry) -> bool {
        self.endpoint.as_ref().is_none_or(|endpoint| *endpoint == entry.endpoint)
            && self.since.is_none_or(|since| entry.date >= since)
            && self.until.is_none_or(|until| entry.date < until)
    }

    /// The entries of the pages, without reading a body: each key in the order of its commits, several keys by their dates.
    ///
    /// The stream ends after an error.
    pub fn entries(self) -> BoxStream<'static, Result<Entry>>
    where
        T: 'static,
    {
        let all = entries(self.archive.clone(), self.key.as_deref());
        let all = all.try_filter_map(move |(_, entry)| std::future::ready(Ok(self.has(&entry).then_some(entry))));
        all.err_into().boxed()
    }

    /// The pages, in the order of [`Replay::entries`]. Each has the records that it had when it was handed out, byte for byte, the kept headers,
    /// and no [`Page::next_cursor`]. A record that does not fit `T` is in [`Page::rejected`], also when no record of a page does. One
    /// page is in memory. A page that [`Archive::retain`] removes meanwhile is left out.
    ///
    /// The stream ends after an error: [`ArchiveError::Missing`] when a body is not there, [`ArchiveError::Changed`] when it is not what
    /// was stored.
    pub fn pages(self) -> BoxStream<'static, Result<Page<T>>>
    where
        T: DeserializeOwned + Send + 'static,
    {
        let archive = self.archive.clone();
        let mut entries = self.entries();
        try_stream! {
            while let Some(entry) = entries.try_next().await? {
                match page(&archive, &entry).await {
                    Ok(page) => yield page,
                    // It was removed after its entry was read, because it was too old: the entry goes first.
                    Err(ArchiveError::Missing { .. }) if !archive.exists(&entry.object()).await? => {}
                    Err(error) => Err(error)?,
                }
            }
        }
        .boxed()
    }
}

async fn page<T: DeserializeOwned + Send + 'static>(archive: &Archive, entry: &Entry) -> Result<Page<T>, ArchiveError> {
    let body = unpack(archive, entry).await?;
    let object = entry.body().unwrap_or_default();
    let decoded = if body.is_empty() {
        Decoded::new()
    } else {
        let decoded = decode(&body, entry.list()).await;
        decoded.map_err(|problem| corrupt(&object, &problem.to_string()))?
    };
    Ok(entry.content(&object, body)?.into_page(decoded))
}

impl<T> fmt::Debug for Replay<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replay").field("key", &self.key).field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}
