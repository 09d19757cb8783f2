//! The entries of the manifest, of one key or of all, in the order of time.

use std::collections::{BTreeMap, VecDeque};

use async_stream::try_stream;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;

use super::entry::Entry;
use super::objects::{Archive, manifest_object, manifest_root, place_of};
use crate::checkpoint::file_name;
use crate::error::ArchiveError;

/// An entry, and its object.
pub(super) type Listed = (Path, Entry);

/// The entries: of each key in the order of its commits, and of several keys by their dates. In memory are one entry and, for
/// each page, a number, of each key.
pub(super) fn entries(archive: Archive, key: Option<&str>) -> BoxStream<'static, Result<Listed, ArchiveError>> {
    let key = key.map(file_name);
    try_stream! {
        let folders = match key {
            Some(key) => vec![key],
            None => archive.folders(&manifest_root()).await?,
        };
        let mut keys = Vec::new();
        for folder in folders {
            keys.push(OneKey::open(&archive, folder).await?);
        }
        loop {
            let dates = keys.iter().enumerate().filter_map(|(at, key)| Some((key.next.as_ref()?.1.date, at)));
            let Some(key) = dates.min().and_then(|(_, at)| keys.get_mut(at)) else { break };
            let Some(entry) = key.next.take() else { break };
            key.read(&archive).await?;
            yield entry;
        }
    }
    .boxed()
}

/// The entries of one key that are still to be read.
struct OneKey {
    /// The name of the folder of the key.
    folder: String,
    next: Option<Listed>,
    /// The numbers of each history, in the order of time.
    rest: VecDeque<(String, VecDeque<u64>)>,
}

impl OneKey {
    async fn open(archive: &Archive, folder: String) -> Result<Self, ArchiveError> {
        let mut histories: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        let mut objects = archive.list(&manifest_root().join(folder.as_str()), None);
        while let Some(object) = objects.try_next().await? {
            if let Some((history, number)) = place_of(&object.location) {
                histories.entry(history).or_default().push(number);
            }
        }
        let sorted = histories.into_iter().map(|(history, mut numbers)| {
            numbers.sort_unstable();
            (history, numbers.into())
        });
        let mut key = Self { folder, next: None, rest: sorted.collect() };
        key.read(archive).await?;
        Ok(key)
    }

    /// Reads the next entry.
    async fn read(&mut self, archive: &Archive) -> Result<(), ArchiveError> {
        while let Some((history, numbers)) = self.rest.front_mut() {
            let Some(number) = numbers.pop_front() else {
                self.rest.pop_front();
                continue;
            };
            let object = manifest_object(&self.folder, history, number);
            // It may have been removed meanwhile, because it was too old.
            let Some(line) = archive.get(&object).await? else { continue };
            let entry = Entry::read(&object, &line)?;
            self.next = Some((object, entry));
            break;
        }
        Ok(())
    }
}
