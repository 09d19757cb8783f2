//! The one error type of the crate and its parts.

mod answer;
#[cfg(feature = "archive")]
mod archive;
mod boxed;
mod call;
mod checkpoint;
mod completeness;
mod credentials;
mod kinds;
mod server;
#[cfg(any(feature = "parquet", feature = "postgres", feature = "sqlite"))]
mod table;
mod transport;

pub use answer::AnswerError;
#[cfg(feature = "archive")]
pub use archive::ArchiveError;
pub use boxed::BoxError;
pub use call::{Call, PauseReason, TimeoutScope};
pub use checkpoint::CheckpointError;
pub use completeness::Completeness;
pub use credentials::CredentialsError;
pub use kinds::{Error, Result};
pub(crate) use kinds::{advice, retryable_status};
pub(crate) use server::is_code;
pub use server::{FieldError, ServerError, WaitScope};
#[cfg(any(feature = "parquet", feature = "postgres", feature = "sqlite"))]
pub use table::TableError;
pub use transport::TransportError;
