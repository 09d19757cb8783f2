//! A body as one zstd frame with its SHA-256: made and read on a blocking thread when it is long.

use std::io::Read;
use std::panic;

use bytes::Bytes;
use object_store::path::Path;
use sha2::{Digest, Sha256};
use tokio::runtime::Handle;

use super::entry::Entry;
use super::objects::{Archive, body_object};
use crate::checkpoint::file_name;
use crate::error::ArchiveError;

/// The fastest of the usual levels: the time of a sync counts more here than the last part of the size.
const LEVEL: i32 = 1;

/// Bodies of this many bytes or more take about a millisecond or more: they are compressed and read on a blocking thread.
const LONG_BODY: usize = 256 << 10;

/// A body as it is stored.
struct Frame {
    compressed: Vec<u8>,
    /// The SHA-256 of the body, in hex.
    digest: String,
}

/// Compresses the body of an entry, and says in the entry where it is to be written. `None` for an answer without a body.
pub(super) async fn pack(entry: &mut Entry, body: Bytes) -> Result<Option<(Path, Vec<u8>)>, ArchiveError> {
    if body.is_empty() {
        return Ok(None);
    }
    let folder = file_name(&entry.key);
    let Frame { compressed, digest } = compressed(body, &entry.url).await?;
    let object = body_object(&folder, &entry.history, entry.revision, &digest);
    entry.compressed = compressed.len() as u64;
    entry.digest = Some(format!("sha256:{digest}"));
    entry.body = Some(object.to_string());
    Ok(Some((object, compressed)))
}

async fn compressed(body: Bytes, object: &str) -> Result<Frame, ArchiveError> {
    let length = body.len();
    let made = blocking(length, move || {
        let compressed = zstd::bulk::compress(&body, LEVEL)?;
        Ok(Frame { compressed, digest: hex::encode(Sha256::digest(&body)) })
    });
    made.await.map_err(|error: std::io::Error| ArchiveError::Store {
        object: object.to_owned(),
        action: "compressing",
        source: error.into(),
    })
}

/// Reads the body of an entry, empty when it has none: an error unless it has the length and the SHA-256 of the entry.
pub(super) async fn unpack(archive: &Archive, entry: &Entry) -> Result<Bytes, ArchiveError> {
    let (Some(object), Some(digest)) = (entry.body(), &entry.digest) else { return Ok(Bytes::new()) };
    let missing = || ArchiveError::Missing { object: object.to_string() };
    let changed = || ArchiveError::Changed { object: object.to_string() };
    let frame = archive.get(&object).await?.ok_or_else(missing)?;
    let (length, digest) = (entry.bytes, digest.clone());
    let read = blocking(usize::try_from(length).unwrap_or(usize::MAX), move || {
        let mut body = Vec::new();
        // One byte more than the length tells a longer body, however long it is.
        zstd::Decoder::new(&frame[..])?.take(length.saturating_add(1)).read_to_end(&mut body)?;
        let found = format!("sha256:{}", hex::encode(Sha256::digest(&body)));
        let same = body.len() as u64 == length && found == digest;
        Ok::<_, std::io::Error>(same.then_some(body))
    });
    // A frame that does not decompress was changed, too.
    let body = read.await.map_err(|_| changed())?;
    body.map(Bytes::from).ok_or_else(changed)
}

/// Runs the work on a blocking thread of the runtime, when it is about so many bytes that it would delay other tasks.
async fn blocking<R: Send + 'static>(length: usize, work: impl FnOnce() -> R + Send + 'static) -> R {
    let runtime = match Handle::try_current() {
        Ok(runtime) if length >= LONG_BODY => runtime,
        _ => return work(),
    };
    match runtime.spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => panic::resume_unwind(panic),
            // The runtime is shutting down: nobody waits for the result.
            Err(_) => std::future::pending().await,
        },
    }
}
