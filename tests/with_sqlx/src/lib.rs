//! Only tests: see `tests/save.rs`.
