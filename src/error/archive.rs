//! Errors of the archive.

use super::boxed::BoxError;

/// What is wrong with an archive. Each message names the object: its path below the archive's folder or prefix.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// The archive cannot be opened.
    #[error("the archive {place:?} cannot be opened; check the name, the access, and the features of `object_store`")]
    Open {
        /// The folder or URL, without its query.
        place: String,
        /// Why.
        source: BoxError,
    },
    /// The storage refused or failed: a full disk, no access, no connection.
    #[error("archive object {object:?}: {action} failed; check the storage, then run again")]
    Store {
        /// The object.
        object: String,
        /// `reading`, `writing`, `listing` or `removing`.
        action: &'static str,
        /// What the storage reported.
        source: BoxError,
    },
    /// A body that the manifest lists is not there.
    #[error(
        "archive object {object:?} is listed in the manifest, but it is not there; restore it, or remove its entry"
    )]
    Missing {
        /// The object.
        object: String,
    },
    /// A body is not what was stored.
    #[error(
        "archive object {object:?} does not have the SHA-256 of its manifest entry; restore it, or remove its entry"
    )]
    Changed {
        /// The object.
        object: String,
    },
    /// An object cannot be read.
    #[error("archive object {object:?} cannot be read: {reason}; restore it, or remove it with its entry")]
    Corrupt {
        /// The object.
        object: String,
        /// What does not fit.
        reason: String,
    },
    /// An entry was written by a newer version of this crate.
    #[error(
        "archive object {object:?} has version {version}, this program reads versions up to {supported}; update it"
    )]
    Newer {
        /// The object.
        object: String,
        /// Its version.
        version: u32,
        /// The newest version that can be read.
        supported: u32,
    },
}
