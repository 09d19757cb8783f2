//! Helpers of the tests of the archive.

use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt, stream};
use jobfeed::archive::{Archive, Entry};
use jobfeed::object_store::memory::InMemory;
use jobfeed::object_store::path::Path;
use jobfeed::object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use jobfeed::{Checkpoint, Page, SyncRun};
use serde_json::Value;

/// The texts of a page: items, rejected records, removals.
pub(crate) type Texts = (Vec<String>, Vec<(usize, String)>, Vec<String>);

pub(crate) fn texts<T>(page: &Page<T>) -> Texts {
    (
        page.raw_items().map(str::to_owned).collect(),
        page.rejected.iter().map(|record| (record.index, record.raw().to_owned())).collect(),
        page.removals().map(|record| record.text().to_owned()).collect(),
    )
}

/// Runs to the end, commits each batch, and returns the texts of the pages that came from an answer.
pub(crate) async fn commit_all<T, C>(run: &mut SyncRun<T, C>) -> jobfeed::Result<Vec<Texts>>
where
    T: serde::de::DeserializeOwned + Send + 'static,
    C: Checkpoint,
{
    let mut pages = Vec::new();
    while let Some(batch) = run.next().await? {
        pages.extend(batch.page().source().is_some().then(|| texts(batch.page())));
        batch.commit().await?;
    }
    Ok(pages)
}

pub(crate) async fn replayed(archive: &Archive, key: &str) -> jobfeed::Result<Vec<Texts>> {
    archive.replay::<Value>().key(key).pages().map_ok(|page| texts(&page)).try_collect().await
}

/// The ids of all pages of a key.
pub(crate) async fn replayed_ids(archive: &Archive, key: &str) -> Vec<u64> {
    let pages: Vec<Page<Value>> = archive.replay().key(key).pages().try_collect().await.unwrap();
    pages.iter().flat_map(|page| page.items.iter().map(|item| item["id"].as_u64().unwrap())).collect()
}

pub(crate) async fn entries(archive: &Archive) -> Vec<Entry> {
    archive.replay::<Value>().entries().try_collect().await.unwrap()
}

/// An object store in memory at which each step can be stopped, and whose writes fail from a number on.
#[derive(Clone, Default)]
pub(crate) struct Steps {
    pub(crate) objects: Arc<InMemory>,
    pub(crate) writes: Arc<AtomicUsize>,
    /// The number of the first write that fails.
    pub(crate) full_at: Arc<Mutex<Option<usize>>>,
}

impl Steps {
    pub(crate) fn archive(&self) -> Archive {
        Archive::open(Arc::new(self.clone()))
    }

    pub(crate) async fn names(&self, prefix: &str) -> Vec<String> {
        let prefix = Path::from(prefix);
        let names = self.objects.list(Some(&prefix)).map_ok(|object| object.location.to_string());
        let mut names: Vec<String> = names.try_collect().await.unwrap();
        names.sort();
        names
    }

    /// A point before the operation, and one after it, where a test can drop the caller.
    async fn step<R>(&self, work: impl Future<Output = R>) -> R {
        tokio::task::yield_now().await;
        let done = work.await;
        tokio::task::yield_now().await;
        done
    }
}

impl fmt::Debug for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Steps")
    }
}

impl fmt::Display for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Steps")
    }
}

#[async_trait]
impl ObjectStore for Steps {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        let write = self.writes.fetch_add(1, Ordering::Relaxed);
        if self.full_at.lock().unwrap().is_some_and(|full| write >= full) {
            return Err(Error::Generic { store: "Steps", source: "no space left on device".into() });
        }
        self.step(self.objects.put_opts(location, payload, opts)).await
    }

    async fn put_multipart_opts(&self, _: &Path, _: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        unimplemented!()
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.step(self.objects.get_opts(location, options)).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let store = self.clone();
        let delete = move |location: Result<Path>| {
            let store = store.clone();
            async move {
                let location = location?;
                store.step(store.objects.delete(&location)).await.map(|()| location)
            }
        };
        locations.then(delete).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let (store, prefix) = (self.clone(), prefix.cloned());
        stream::once(async move { store.step(async { store.objects.list(prefix.as_ref()) }).await }).flatten().boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.step(self.objects.list_with_delimiter(prefix)).await
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        unimplemented!()
    }
}
