//! Files of a simulation: their own name, so that nothing of the user's is ever touched, and fresh at each start, because the
//! simulated data set is made anew and the file of the last start would not fit it.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

/// The file of a simulation in place of `file`, without what the last start left of it.
pub(crate) fn fresh(file: &str) -> io::Result<String> {
    let path = Path::new(file);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let fresh = path.with_file_name(format!("simulated-{name}")).to_string_lossy().into_owned();
    for end in ["", "-wal", "-shm"] {
        gone(fs::remove_file(format!("{fresh}{end}")))?;
    }
    gone(fs::remove_dir_all(format!("{fresh}.positions")))?;
    Ok(fresh)
}

fn gone(removed: io::Result<()>) -> io::Result<()> {
    removed.or_else(|error| if error.kind() == ErrorKind::NotFound { Ok(()) } else { Err(error) })
}
