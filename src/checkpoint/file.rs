//! A store in a folder: one JSON file for each key, replaced atomically, safe when two processes use it.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::fence::Fence;
use super::lease::{LeaseStore, MAX_TTL};
use super::state::SyncState;
use super::store::Checkpoint;
use crate::error::CheckpointError;

/// How long a save waits for another process when nothing else is set.
pub(crate) const LOCK_TIMEOUT: Duration = Duration::from_secs(30);
/// The time between two tries to take the lock.
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// Keeps each state in a file of its own.
///
/// A save writes a temporary file, syncs it to the disk, renames it over the old one and syncs the folder, so a crash at
/// any moment leaves the old state or the new one. Two processes on one key are kept apart by a lock on a `.lock` file
/// beside it and by the revision.
#[derive(Debug, Clone)]
pub struct FileStore {
    folder: Arc<Path>,
    lock_timeout: Duration,
}

impl FileStore {
    /// A store in `folder`, which is created if it does not exist.
    ///
    /// # Errors
    /// [`CheckpointError::File`] when the folder cannot be created.
    pub fn new(folder: impl Into<PathBuf>) -> Result<Self, CheckpointError> {
        let folder = folder.into();
        fs::create_dir_all(&folder).map_err(|error| CheckpointError::file(&folder, error))?;
        Ok(Self { folder: folder.into(), lock_timeout: LOCK_TIMEOUT })
    }

    /// How long a save waits for another process that holds the lock. Default 30 seconds; then the save fails.
    #[must_use]
    pub fn lock_timeout(mut self, limit: Duration) -> Self {
        self.lock_timeout = limit;
        self
    }

    /// The file of a key: a-z, digits, `-` and `.` (not first) are kept, other bytes become `_` and two hex digits.
    pub fn path(&self, key: &str) -> PathBuf {
        self.folder.join(file_name(key) + ".json")
    }

    async fn save(&self, key: &str, state: &SyncState, fence: Option<Fence>) -> Result<(), CheckpointError> {
        let state = state.clone();
        self.locked(key, move |path| {
            let lease = LeaseFile::read(path)?;
            match fence {
                Some(fence) if fence.get() != lease.fence => return Err(CheckpointError::LeaseLost),
                None if lease.ends.is_some() => lease.check_free(file_time(path)?)?,
                _ => {}
            }
            CheckpointError::check_revision(read(path)?.as_ref(), &state)?;
            replace(path, &state.to_json())
        })
        .await
    }

    /// Works on the file of a key while no other process does.
    async fn locked<R: Send + 'static>(
        &self,
        key: &str,
        work: impl FnOnce(&Path) -> Result<R, CheckpointError> + Send + 'static,
    ) -> Result<R, CheckpointError> {
        let lock_timeout = self.lock_timeout;
        self.blocking(key, move |path| {
            // A link stays a link: the file that it names is replaced.
            let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
            let _lock = lock(path, lock_timeout)?;
            work(path)
        })
        .await
    }

    async fn blocking<R: Send + 'static>(
        &self,
        key: &str,
        work: impl FnOnce(&Path) -> Result<R, CheckpointError> + Send + 'static,
    ) -> Result<R, CheckpointError> {
        let path = self.path(key);
        tokio::task::spawn_blocking(move || work(&path)).await.map_err(CheckpointError::store)?
    }
}

/// A key as the name of a file or folder: different keys have different names.
pub(crate) fn file_name(key: &str) -> String {
    use std::fmt::Write;

    let mut name = String::with_capacity(key.len() + 5);
    for byte in key.bytes() {
        // Uppercase letters are encoded too, for file systems that ignore case.
        if byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || (byte == b'.' && !name.is_empty()) {
            name.push(char::from(byte));
        } else {
            let _ = write!(name, "_{byte:02x}");
        }
    }
    name
}

impl Checkpoint for FileStore {
    type Error = CheckpointError;

    async fn load(&self, key: &str) -> Result<Option<SyncState>, CheckpointError> {
        self.blocking(key, read).await
    }

    async fn save(&self, key: &str, state: &SyncState) -> Result<(), CheckpointError> {
        self.save(key, state, None).await
    }
}

impl LeaseStore for FileStore {
    async fn acquire(&self, key: &str, holder: &str, ttl: Duration) -> Result<Fence, CheckpointError> {
        let holder = holder.to_owned();
        self.locked(key, move |path| {
            let before = LeaseFile::read(path)?;
            let now = file_time(path)?;
            before.check_free(now)?;
            let lease = LeaseFile { fence: before.fence + 1, holder, ends: Some(now + ttl.min(MAX_TTL)) };
            lease.write(path)?;
            Ok(Fence::new(lease.fence))
        })
        .await
    }

    async fn renew(&self, key: &str, fence: Fence, ttl: Duration) -> Result<bool, CheckpointError> {
        self.locked(key, move |path| {
            let mut lease = LeaseFile::read(path)?;
            let held = lease.fence == fence.get();
            if held {
                lease.ends = Some(file_time(path)? + ttl.min(MAX_TTL));
                lease.write(path)?;
            }
            Ok(held)
        })
        .await
    }

    async fn release(&self, key: &str, fence: Fence) -> Result<(), CheckpointError> {
        self.locked(key, move |path| {
            let lease = LeaseFile::read(path)?;
            if lease.fence == fence.get() { LeaseFile { ends: None, ..lease }.write(path) } else { Ok(()) }
        })
        .await
    }

    async fn save_leased(&self, key: &str, state: &SyncState, fence: Fence) -> Result<(), CheckpointError> {
        self.save(key, state, Some(fence)).await
    }
}

/// The lease of a key, in a file beside its state.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LeaseFile {
    /// The number of the last lease.
    fence: u64,
    holder: String,
    /// When it ends, since 1970. Absent when it was freed.
    ends: Option<Duration>,
}

impl LeaseFile {
    fn read(path: &Path) -> Result<Self, CheckpointError> {
        let path = path.with_extension("lease");
        match fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text)
                .map_err(|error| CheckpointError::Corrupt { reason: format!("the file of the lease: {error}") }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(CheckpointError::file(&path, error)),
        }
    }

    fn write(&self, path: &Path) -> Result<(), CheckpointError> {
        let text = serde_json::to_string(self).map_err(CheckpointError::store)?;
        replace(&path.with_extension("lease"), &text)
    }

    /// An error while another worker has the lease.
    fn check_free(&self, now: Duration) -> Result<(), CheckpointError> {
        match self.ends {
            Some(ends) if ends > now => {
                Err(CheckpointError::Leased { holder: self.holder.clone(), ends_in: ends.saturating_sub(now) })
            }
            _ => Ok(()),
        }
    }
}

/// The time of the file system, since 1970: on a network drive that of its server, so that the clocks of the workers do not matter.
fn file_time(path: &Path) -> Result<Duration, CheckpointError> {
    let clock = path.with_extension("clock");
    let changed = fs::write(&clock, "the time of the file system, for leases")
        .and_then(|()| fs::metadata(&clock)?.modified())
        .map_err(|error| CheckpointError::file(&clock, error))?;
    changed.duration_since(SystemTime::UNIX_EPOCH).map_err(CheckpointError::store)
}

fn read(path: &Path) -> Result<Option<SyncState>, CheckpointError> {
    match fs::read_to_string(path) {
        Ok(text) => SyncState::from_json(&text).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            Err(CheckpointError::Corrupt { reason: "it is not UTF-8 text".to_owned() })
        }
        Err(error) => Err(CheckpointError::file(path, error)),
    }
}

/// Locks the state at `path` against other processes.
fn lock(path: &Path, timeout: Duration) -> Result<File, CheckpointError> {
    lock_file(&path.with_extension("lock"), timeout)
}

/// Creates a file and locks it against other processes.
pub(crate) fn lock_file(path: &Path, timeout: Duration) -> Result<File, CheckpointError> {
    let failed = |error| CheckpointError::file(path, error);
    let lock = File::create(path).map_err(failed)?;
    let mut waited = Duration::ZERO;
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(lock),
            Err(TryLockError::WouldBlock) if waited < timeout => thread::sleep(LOCK_PAUSE),
            Err(TryLockError::WouldBlock) => {
                let text = format!("another process has held the lock for {timeout:?}");
                return Err(CheckpointError::store(io::Error::new(io::ErrorKind::TimedOut, text)));
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        waited += LOCK_PAUSE;
    }
}

/// The caller holds the lock, so one name for the temporary file is enough.
fn replace(path: &Path, text: &str) -> Result<(), CheckpointError> {
    let temporary = path.with_extension("tmp");
    let written = write(&temporary, text).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // It would take space from a disk that may be full. The next save does not need it to be gone.
        let _ = fs::remove_file(&temporary);
    }
    written.and_then(|()| sync_folder(path)).map_err(|error| CheckpointError::file(path, error))
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// The rename is durable when the folder is.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    // The parent of a name alone is empty.
    match path.parent().map(|folder| if folder.as_os_str().is_empty() { Path::new(".") } else { folder }) {
        // Only some systems can open a folder as a file. There the rename is synced to the disk too.
        #[cfg(unix)]
        Some(folder) => File::open(folder)?.sync_all(),
        _ => Ok(()),
    }
}
