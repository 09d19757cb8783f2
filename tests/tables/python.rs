//! Runs pyarrow, which nobody here wrote, on what this crate has written.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// The reader in the documentation of `ParquetTable`.
const READER: &str = include_str!("../../src/tables/read_table.py");

/// Runs a script after the documented reader, with a folder as its argument, and returns the JSON that it prints; `None`, with a line that
/// says so, when pyarrow is not installed.
pub(crate) fn run(script: &str, folder: &Path) -> Option<Value> {
    let packages = concat!(env!("CARGO_MANIFEST_DIR"), "/target/python");
    let packages = std::env::var("CARGO_TARGET_DIR").map_or(packages.to_owned(), |target| format!("{target}/python"));
    let python = || {
        let mut python = Command::new("python3");
        python.env("PYTHONPATH", &packages);
        python
    };
    let found = python().args(["-c", "import pyarrow.parquet"]).output();
    if !found.is_ok_and(|found| found.status.success()) {
        assert!(std::env::var_os("CI").is_none(), "pyarrow is not installed");
        eprintln!("skipped: python3 cannot import pyarrow; run `.ci/run programs` for this test");
        return None;
    }
    let script = format!("{READER}\nimport sys\n{script}");
    let ran = python().args(["-c", &script]).arg(folder).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    Some(serde_json::from_slice(&ran.stdout).unwrap())
}
