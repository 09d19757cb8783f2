//! Any error behind one type.

/// Any error, boxed.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
