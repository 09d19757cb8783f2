//! Files of a simulation. They have their own name, so that no file of the user is changed. They are deleted at each
//! start: each start has a new simulated data set, and the old file does not match it.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

/// The name of the simulation's file for `file`. Deletes the file of the last start.
pub(crate) fn fresh(file: &str) -> io::Result<String> {
    let path = Path::new(file);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let fresh = path.with_file_name(format!("simulated-{name}")).to_string_lossy().into_owned();
    for end in ["", "-wal", "-shm"] {
        ignore_missing(fs::remove_file(format!("{fresh}{end}")))?;
    }
    ignore_missing(fs::remove_dir_all(format!("{fresh}.positions")))?;
    Ok(fresh)
}

fn ignore_missing(removed: io::Result<()>) -> io::Result<()> {
    removed.or_else(|error| if error.kind() == ErrorKind::NotFound { Ok(()) } else { Err(error) })
}
