//! The archive: where its objects are, and how they are written, read, listed and removed.

use std::fmt;
use std::path::Path as FilePath;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use jiff::Timestamp;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use url::Url;
use uuid::Uuid;

use crate::checkpoint::file_name;
use crate::client::Clock;
use crate::error::{ArchiveError, BoxError, Result};

/// An archive of answers, in a folder or a bucket. Cheap to clone.
///
/// Runs of different keys, in one process or many, may write to the same archive.
#[derive(Clone)]
pub struct Archive {
    store: Arc<dyn ObjectStore>,
    clock: Clock,
}

impl Archive {
    /// An archive in a folder, which is created if it does not exist. Each write is synced to the disk.
    ///
    /// A process that is killed during a write may leave a file whose name ends with `#` and a number. Nothing reads it; it can be
    /// deleted while no process writes.
    ///
    /// # Errors
    /// [`ArchiveError::Open`] when the folder cannot be created.
    pub async fn open_folder(folder: impl AsRef<FilePath>) -> Result<Self> {
        let folder = folder.as_ref();
        let failed = |source: BoxError| ArchiveError::Open { place: folder.display().to_string(), source };
        tokio::fs::create_dir_all(folder).await.map_err(|error| failed(error.into()))?;
        let files = LocalFileSystem::new_with_prefix(folder).map_err(|error| failed(error.into()))?;
        Ok(Self::open(Arc::new(files.with_fsync(true))))
    }

    /// An archive in any object store. It uses the whole store: for a part of a bucket wrap it in a
    /// [`PrefixStore`]. A write must be durable when the store says so; of
    /// [`LocalFileSystem`] that needs `with_fsync(true)`.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use jobfeed::archive::Archive;
    /// use jobfeed::object_store::memory::InMemory;
    ///
    /// let archive = Archive::open(Arc::new(InMemory::new()));
    /// ```
    pub fn open(store: Arc<dyn ObjectStore>) -> Self {
        Self { store, clock: Clock::system() }
    }

    /// An archive at a URL such as `s3://bucket/raw`, `gs://…`, `az://…` or `file:///…`, with the options of that store, such as
    /// `("aws_access_key_id", …)`; unknown ones are ignored. Add `object_store` to your `Cargo.toml` with the feature of that store
    /// (`aws`, `gcp`, `azure`).
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// use jobfeed::archive::Archive;
    ///
    /// let url = format!("file://{}/raw", folder.path().display());
    /// let environment = std::env::vars().map(|(name, value)| (name.to_lowercase(), value));
    /// let archive = Archive::open_url(&url, environment).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`ArchiveError::Open`] when the text is not such a URL, an option is wrong, or the feature is not switched on.
    pub async fn open_url<N: AsRef<str>, V: Into<String>>(
        url: &str,
        options: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Self> {
        let text = url;
        let place = text.split(['?', '#']).next().unwrap_or_default();
        // A user name and a password in a URL are not shown.
        let place = if place.contains('@') { "(with a user name)" } else { place };
        let failed =
            |source: BoxError| ArchiveError::Open { place: place.to_owned(), source: without_secrets(text, source) };
        let url = Url::parse(text).map_err(|error| failed(error.into()))?;
        if let ("file", Ok(folder)) = (url.scheme(), url.to_file_path()) {
            return Self::open_folder(folder).await;
        }
        let (store, prefix) = object_store::parse_url_opts(&url, options).map_err(|error| failed(error.into()))?;
        Ok(Self::open(Arc::new(PrefixStore::new(store, prefix))))
    }

    /// The clock by which [`Archive::retain`] measures ages. Default: the system's.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// The current time.
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Writes an object, durably. An object of this name is replaced.
    pub(super) async fn put(&self, path: &Path, content: impl Into<Bytes>) -> Result<(), ArchiveError> {
        let written = self.store.put(path, content.into().into()).await;
        written.map(drop).map_err(|error| failed(path, "writing", error))
    }

    /// The content of an object; `None` when there is no object of this name.
    pub(super) async fn get(&self, path: &Path) -> Result<Option<Bytes>, ArchiveError> {
        let read = async { self.store.get(path).await?.bytes().await };
        match read.await {
            Ok(content) => Ok(Some(content)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(failed(path, "reading", error)),
        }
    }

    pub(super) async fn exists(&self, path: &Path) -> Result<bool, ArchiveError> {
        match self.store.head(path).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(failed(path, "reading", error)),
        }
    }

    /// Removes an object. It is no error when there is none.
    pub(super) async fn remove(&self, path: &Path) -> Result<(), ArchiveError> {
        match self.store.delete(path).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(failed(path, "removing", error)),
        }
    }

    /// The objects below a prefix, in any order; of those that come after `after`, when it is set.
    pub(super) fn list(
        &self,
        prefix: &Path,
        after: Option<&Path>,
    ) -> BoxStream<'static, Result<ObjectMeta, ArchiveError>> {
        let objects = match after {
            Some(after) => self.store.list_with_offset(Some(prefix), after),
            None => self.store.list(Some(prefix)),
        };
        let prefix = prefix.clone();
        objects.map_err(move |error| failed(&prefix, "listing", error)).boxed()
    }

    /// The names directly below a prefix that have objects below them, sorted.
    pub(super) async fn folders(&self, prefix: &Path) -> Result<Vec<String>, ArchiveError> {
        let listed = self.store.list_with_delimiter(Some(prefix)).await;
        let listed = listed.map_err(|error| failed(prefix, "listing", error))?;
        let names = listed.common_prefixes.iter().filter_map(|path| path.parts().next_back());
        let mut names: Vec<String> = names.map(|name| name.as_ref().to_owned()).collect();
        names.sort_unstable();
        Ok(names)
    }
}

/// The error, or another one when its text repeats the user name, the password or the query of the URL, which may be a signature.
fn without_secrets(url: &str, error: BoxError) -> BoxError {
    let parsed = Url::parse(url).map(String::from).unwrap_or_default();
    let shown = error.to_string();
    let repeated = |url: &str| {
        let (before, query) = url.split_once(['?', '#']).unwrap_or((url, ""));
        let user = before.rsplit_once('@').map_or("", |(user, _)| user.rsplit('/').next().unwrap_or_default());
        [user, query].iter().any(|part| !part.is_empty() && shown.contains(part))
    };
    if repeated(url) || repeated(&parsed) { "the URL is not that of an object store".into() } else { error }
}

fn failed(object: &Path, action: &'static str, source: object_store::Error) -> ArchiveError {
    ArchiveError::Store { object: object.to_string(), action, source: source.into() }
}

impl fmt::Debug for Archive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Archive").finish_non_exhaustive()
    }
}

/// The name of a series of revisions or pages, from its start: names in the order of time. A plain listing is told by `list`.
pub(super) fn history(start: Timestamp, list: bool) -> String {
    let random = Uuid::new_v4().simple().to_string();
    let kind = if list { "-list-" } else { "-" };
    format!("{}{kind}{}", start.strftime("%Y%m%dT%H%M%S%3fZ"), random.get(..8).unwrap_or_default())
}

pub(super) fn is_of_list(history: &str) -> bool {
    history.contains("-list-")
}

/// Where the entries of all keys are.
pub(super) fn manifest_root() -> Path {
    Path::from("manifest")
}

pub(super) fn bodies_root() -> Path {
    Path::from("bodies")
}

/// Where the pending entries of a key are.
pub(super) fn pending_of(key: &str) -> Path {
    Path::from(format!("pending/{}", file_name(key)))
}

/// The folder of a key below `manifest/`.
pub(super) fn manifest_of(key: &str) -> Path {
    Path::from(format!("manifest/{}", file_name(key)))
}

/// The entry of a page. `key` is the name of the key's folder.
pub(super) fn manifest_object(key: &str, history: &str, number: u64) -> Path {
    Path::from(format!("manifest/{key}/{history}/{number:020}.jsonl"))
}

pub(super) fn body_object(key: &str, history: &str, number: u64, digest: &str) -> Path {
    Path::from(format!("bodies/{key}/{history}/{number:020}.{digest}.zst"))
}

/// The history and the number of an object below `manifest/` or `bodies/`.
pub(super) fn place_of(object: &Path) -> Option<(String, u64)> {
    let mut parts = object.parts().skip(2);
    let (history, file) = (parts.next()?, parts.next()?);
    let number = file.as_ref().split('.').next()?.parse().ok()?;
    Some((history.as_ref().to_owned(), number))
}
