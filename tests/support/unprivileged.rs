//! Programs that run as a user without rights, also when the tests run as root.
#![allow(unreachable_pub)]

use std::path::Path;
use std::process::Command;

/// A program that does not run as root, and ends with this process.
pub fn unprivileged(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "TERM"]);
    if is_root() {
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
    }
    command.arg(program);
    command
}

pub fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|process| std::os::unix::fs::MetadataExt::uid(&process) == 0)
}
