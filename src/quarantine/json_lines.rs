//! A quarantine in a file of JSON lines.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::entry::Entry;
use super::store::QuarantineStore;
use crate::checkpoint::{LOCK_TIMEOUT, lock_file, sync_folder};
use crate::error::CheckpointError;

/// Keeps entries in a file, one JSON object in each line. Several processes can use it at once: they wait for each other by a lock on a
/// second file, for 30 seconds at most. Every call reads the file, so it is for some thousands of records; for more, use a database.
#[derive(Debug, Clone)]
pub struct JsonLines {
    path: PathBuf,
}

impl JsonLines {
    /// A quarantine in this file. The file is created with the first entry; its folder must exist.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Runs `work` on a blocking thread, alone among all processes.
    async fn locked<R: Send + 'static>(
        &self,
        work: impl FnOnce(&Path) -> io::Result<R> + Send + 'static,
    ) -> Result<R, CheckpointError> {
        let path = self.path.clone();
        let task = move || {
            let _lock = lock_file(&beside(&path, ".lock"), LOCK_TIMEOUT)?;
            let done = work(&path);
            let told = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
            done.map_err(|error| CheckpointError::store(told(error)))
        };
        tokio::task::spawn_blocking(task).await.map_err(CheckpointError::store)?
    }
}

impl QuarantineStore for JsonLines {
    async fn add(&self, entries: &[Entry]) -> Result<u64, CheckpointError> {
        if entries.is_empty() {
            return Ok(0);
        }
        let entries = entries.to_vec();
        self.locked(move |path| {
            let (mut known, kept) = read(path)?;
            let (mut lines, mut added) = (Vec::new(), 0);
            if kept.lacks_end {
                lines.push(b'\n');
            }
            for entry in entries {
                if !known.contains_key(&entry.id) {
                    line(&mut lines, &entry)?;
                    known.insert(entry.id.clone(), entry);
                    added += 1;
                }
            }
            if added > 0 {
                let is_new = !path.exists();
                let mut file = OpenOptions::new().create(true).write(true).truncate(false).open(path)?;
                // A line that was cut was never acknowledged: the process died in `add`.
                file.set_len(kept.bytes)?;
                io::Seek::seek(&mut file, io::SeekFrom::End(0))?;
                file.write_all(&lines)?;
                file.sync_all()?;
                if is_new {
                    sync_folder(path)?;
                }
            }
            Ok(added)
        })
        .await
    }

    async fn list(&self, key: &str, after: &str, limit: usize) -> Result<Vec<Entry>, CheckpointError> {
        let (key, after) = (key.to_owned(), after.to_owned());
        self.locked(move |path| {
            let entries = read(path)?.0.into_values();
            Ok(entries.filter(|entry| entry.sync_key == key && entry.id > after).take(limit).collect())
        })
        .await
    }

    async fn remove(&self, ids: &[String]) -> Result<u64, CheckpointError> {
        let ids = ids.to_vec();
        self.locked(move |path| {
            let (mut entries, _) = read(path)?;
            let removed = ids.iter().filter(|id| entries.remove(*id).is_some()).count() as u64;
            if removed > 0 {
                replace(path, &entries)?;
            }
            Ok(removed)
        })
        .await
    }

    async fn waiting(&self, key: &str) -> Result<u64, CheckpointError> {
        let key = key.to_owned();
        self.locked(move |path| Ok(read(path)?.0.values().filter(|entry| entry.sync_key == key).count() as u64)).await
    }
}

/// The part of a file that has whole entries.
#[derive(Default)]
struct Kept {
    bytes: u64,
    /// The last entry has no end of line: an editor has taken it away.
    lacks_end: bool,
}

/// The entries by id.
fn read(path: &Path) -> io::Result<(BTreeMap<String, Entry>, Kept)> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error),
    };
    let mut entries = BTreeMap::new();
    let mut kept = Kept::default();
    for (number, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let lacks_end = !line.ends_with(b"\n");
        match serde_json::from_slice::<Entry>(line) {
            Ok(entry) => {
                entries.insert(entry.id.clone(), entry);
                kept = Kept { bytes: kept.bytes + line.len() as u64, lacks_end };
            }
            Err(_) if lacks_end => break,
            // The reason has no value of the record.
            Err(error) => {
                return Err(io::Error::new(io::ErrorKind::InvalidData, format!("line {}: {error}", number + 1)));
            }
        }
    }
    Ok((entries, kept))
}

/// The path with this text after it.
fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

fn line(lines: &mut Vec<u8>, entry: &Entry) -> io::Result<()> {
    serde_json::to_writer(&mut *lines, entry)?;
    lines.push(b'\n');
    Ok(())
}

/// Replaces the file in one step. Who may read it stays the same, and a link to it stays a link.
fn replace(path: &Path, entries: &BTreeMap<String, Entry>) -> io::Result<()> {
    let path = &fs::canonicalize(path)?;
    let mut lines = Vec::new();
    for entry in entries.values() {
        line(&mut lines, entry)?;
    }
    let temporary = beside(path, ".tmp");
    let mut file = File::create(&temporary)?;
    file.set_permissions(fs::metadata(path)?.permissions())?;
    file.write_all(&lines)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    sync_folder(path)
}
