//! A store in a folder: one JSON file for each key, replaced atomically, safe when two processes use it.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::state::SyncState;
use super::store::Checkpoint;
use crate::error::CheckpointError;

/// How long a save waits for another process when nothing else is set.
const LOCK_TIMEOUT: Duration = Duration::from_secs(30);
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
    /// [`CheckpointError::Store`] when the folder cannot be created.
    pub fn new(folder: impl Into<PathBuf>) -> Result<Self, CheckpointError> {
        let folder = folder.into();
        fs::create_dir_all(&folder).map_err(CheckpointError::store)?;
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
        use std::fmt::Write;

        let mut name = String::with_capacity(key.len() + 5);
        for byte in key.bytes() {
            // Uppercase letters are encoded too, for file systems that ignore case.
            if byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || (byte == b'.' && !name.is_empty())
            {
                name.push(char::from(byte));
            } else {
                let _ = write!(name, "_{byte:02x}");
            }
        }
        self.folder.join(name + ".json")
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

impl Checkpoint for FileStore {
    type Error = CheckpointError;

    async fn load(&self, key: &str) -> Result<Option<SyncState>, CheckpointError> {
        self.blocking(key, read).await
    }

    async fn save(&self, key: &str, state: &SyncState) -> Result<(), CheckpointError> {
        let (state, lock_timeout) = (state.clone(), self.lock_timeout);
        self.blocking(key, move |path| {
            // A link stays a link: the file that it names is replaced.
            let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
            let _lock = lock(path, lock_timeout)?;
            CheckpointError::check_revision(read(path)?.as_ref(), &state)?;
            replace(path, &state.to_json()).map_err(CheckpointError::store)
        })
        .await
    }
}

fn read(path: &Path) -> Result<Option<SyncState>, CheckpointError> {
    match fs::read_to_string(path) {
        Ok(text) => SyncState::from_json(&text).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            Err(CheckpointError::Corrupt { reason: "it is not UTF-8 text".to_owned() })
        }
        Err(error) => Err(CheckpointError::store(error)),
    }
}

/// Locks the state at `path` against other processes.
fn lock(path: &Path, timeout: Duration) -> Result<File, CheckpointError> {
    let lock = File::create(path.with_extension("lock")).map_err(CheckpointError::store)?;
    let mut waited = Duration::ZERO;
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(lock),
            Err(TryLockError::WouldBlock) if waited < timeout => thread::sleep(LOCK_PAUSE),
            Err(TryLockError::WouldBlock) => {
                let text = format!("another process has held the lock for {timeout:?}");
                return Err(CheckpointError::store(io::Error::new(io::ErrorKind::TimedOut, text)));
            }
            Err(TryLockError::Error(error)) => return Err(CheckpointError::store(error)),
        }
        waited += LOCK_PAUSE;
    }
}

/// The caller holds the lock, so one name for the temporary file is enough.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let temporary = path.with_extension("tmp");
    let mut file = File::create(&temporary)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    match path.parent() {
        // Only some systems can open a folder as a file. There the rename is synced to the disk too.
        #[cfg(unix)]
        Some(folder) => File::open(folder)?.sync_all(),
        _ => Ok(()),
    }
}
