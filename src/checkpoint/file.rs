//! A store in a folder: one JSON file for each key, replaced atomically, safe when two processes use it.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::state::SyncState;
use super::store::Checkpoint;
use crate::error::CheckpointError;

/// Keeps each state in its own file.
///
/// A save writes a temporary file, syncs it to the disk, renames it over the old one and syncs the folder, so a crash
/// leaves the old state or the new one. When two processes use a key, a lock on a `.lock` file and the revision protect it.
#[derive(Debug, Clone)]
pub struct FileStore {
    folder: Arc<Path>,
}

impl FileStore {
    /// A store in `folder`, which is created if it does not exist.
    ///
    /// # Errors
    /// [`CheckpointError::Store`] when the folder cannot be created.
    pub fn new(folder: impl Into<PathBuf>) -> Result<Self, CheckpointError> {
        let folder = folder.into();
        fs::create_dir_all(&folder).map_err(CheckpointError::store)?;
        Ok(Self { folder: folder.into() })
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
        let state = state.clone();
        self.blocking(key, move |path| {
            let lock = File::create(path.with_extension("lock")).map_err(CheckpointError::store)?;
            lock.lock().map_err(CheckpointError::store)?;
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
